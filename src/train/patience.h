/* When a training ends early: after eval.patience validations without a better one. */
#ifndef IL_TRAIN_PATIENCE_H
#define IL_TRAIN_PATIENCE_H

#include <innerloop/base.h>
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

/* Zeroed: nothing was validated. The same on every rank. */
typedef struct il_patience {
  int64_t validations; /* so far */
  double best;         /* value of the best, */
  int64_t best_step;   /* the meta-step after which it was found, */
  int64_t since;       /* and validations after it */
} il_patience;

/* Takes a validation in; lower: smaller values are better. One that is not a number is not better. */
void il_patience_take(il_patience *p, int64_t step, double value, bool lower);
/* Whether so many validations in a row were no better; most 0: never. */
bool il_patience_ended(const il_patience *p, int64_t most);
/* As the metadata "validations" of a checkpoint has it, and back; false: the text is none. */
void il_patience_print(const il_patience *p, char *text, size_t size);
bool il_patience_read(il_patience *p, const char *text);

#endif
