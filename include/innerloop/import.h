/* Importing: what people and other programs keep data in, made into the files that sources of tasks read. */
#ifndef INNERLOOP_IMPORT_H
#define INNERLOOP_IMPORT_H

#include <signal.h>

#include "data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Zero: as it is found. What a kind of data has no use for is refused, never ignored. */
typedef struct il_import_options {
  const char *kind;  /* one of il_import_kind_name; NULL: by what is there */
  int height, width; /* pictures: of all of them; 0: see the kind */
  bool grey;         /* pictures: one channel */
  bool invert;       /* pictures: 255 − pixel */
  bool strict;       /* the first that would be skipped is an error */
  double scale;      /* arrays: nets see x·scale; 0: 1/255 for bytes, 1 for floats */
  /* NULL or how far it is, of how many steps; called often, by the importing thread. */
  void (*progress)(void *user, int64_t done, int64_t all);
  void *user;                        /* of progress, which a second walk begins again from 1 */
  const volatile sig_atomic_t *stop; /* nonzero: IL_ERROR_INTERRUPTED, soon; may be NULL */
} il_import_options;

typedef struct il_import_report {
  const char *kind; /* what it was taken for */
  int classes;
  int64_t examples;
  il_shape example; /* of one */
  int64_t skipped;
  /* Lines of text, "" where there are none; freed by il_import_report_free. */
  char *skips; /* "name: reason" of each that was skipped, names escaped where they are no text */
  char *notes; /* what its owner should know, a sentence each */
  size_t skips_length, notes_length;
} il_import_report;

/* Imports `source` into the file `out`, which is written atomically: after an error there is what was there before. */
IL_API il_status il_import(il_context *context, const char *source, const char *out,
                           const il_import_options *options, il_import_report *report);
IL_API void il_import_report_free(il_import_report *report);
/* The kind that it would be taken for; NULL: none. An imported dataset is none. */
IL_API const char *il_import_kind_of(const char *source);
IL_API int il_import_kinds(void);
IL_API const char *il_import_kind_name(int index);
IL_API const char *il_import_kind_doc(int index); /* what it takes, in a few words */

#ifdef __cplusplus
}
#endif
#endif
