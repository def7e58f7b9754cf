/* Which class was taken for which: of each pair that met in a task, how often one was asked about while the other could
 * have been answered, and how often it was. */
#ifndef IL_REPORT_CONFUSION_H
#define IL_REPORT_CONFUSION_H

#include "base/error.h"

typedef struct il_confused {
  int of, as; /* classes; of == as: right answers */
  int64_t met, taken;
} il_confused;
typedef struct il_confusion {
  il_context *context;
  int classes;
  int64_t *asked, *right; /* [classes] */
  int count, room;        /* room: a power of two, of which at most half is used */
  il_confused *pair;      /* by hash; met 0: an empty place */
} il_confusion;
il_status il_confusion_init(il_context *context, il_confusion *c, int classes);
void il_confusion_free(il_confusion *c); /* accepts a zeroed one */
/* A query of class cls[label] in a task of these classes was answered cls[answer]. */
il_status il_confusion_add(il_confusion *c, int ways, const int *cls, int label, int answer);
/* NULL: they never met. */
const il_confused *il_confusion_find(const il_confusion *c, int of, int as);
/* Pairs of different classes of which one was taken for the other, most often first; malloc'ed. */
il_confused *il_confusion_worst(const il_confusion *c, int *count);

#endif
