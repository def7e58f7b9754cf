/* What a learner is besides its tensors, as text: a line for each setting, by the name that it has in configurations, and one
 * for each layer of its net. A reader takes what a line of an older file lacks for what it meant then (the fallbacks of the
 * table), and refuses a name that it does not know: the file means something that it cannot do. */
#ifndef IL_LEARNER_SPEC_H
#define IL_LEARNER_SPEC_H

#include "meta/method.h"

typedef struct il_spec {
  il_method method;    /* how it adapts: nothing of the outer loop */
  il_task_shape shape; /* ways, support, outputs, example, x, targets, loss, scale */
  bool adapted;        /* its state stands in the file, for classes of this shape */
  int layers;
  il_layer *layer; /* from il_new */
} il_spec;

/* From il_new; NULL: no memory, which the context then says. */
char *il_spec_print(il_context *context, const il_method *method, const il_net *net,
                    const il_task_shape *shape, bool adapted);
/* Reads what il_spec_print wrote; text is cut into lines and must stay as long as the spec. The spec may not be moved. */
il_status il_spec_read(il_context *context, char *text, il_spec *spec);

#endif
