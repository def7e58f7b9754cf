/* Event files of TensorBoard: records framed by TFRecord, each an Event of its protocol buffers, for scalars, histograms and
 * texts. Written only; the few fields are written here, as docs/dependencies.md says why. */
#ifndef IL_IO_EVENTS_H
#define IL_IO_EVENTS_H

#include "io/io.h"

typedef struct il_events il_events;
/* A new file in the folder, later by its name than all that are there. It says that what earlier ones hold of step `from` and
 * later is void, as TensorBoard understands it. NULL after an error. */
il_events *il_events_open(il_context *context, const char *folder, int64_t from);
il_status il_events_scalar(il_events *events, int64_t step, const char *tag, double value);
/* Shown as Markdown. */
il_status il_events_text(il_events *events, int64_t step, const char *tag, const char *text);
/* Of the finite numbers of a tensor. */
il_status il_events_histogram(il_events *events, int64_t step, const char *tag,
                              const il_tensor *tensor);
/* Out of the program's memory, so that a reader sees it. */
il_status il_events_flush(il_events *events);
il_status il_events_close(il_events *events); /* NULL does nothing */

#endif
