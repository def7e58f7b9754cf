/* What a training remembers of its validations: when it ends early (eval.patience), and which learners were best
 * (checkpoint.best). */
#ifndef IL_TRAIN_PATIENCE_H
#define IL_TRAIN_PATIENCE_H

#include <innerloop/base.h>
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

enum { IL_KEPT_MOST = 16 };
/* Zeroed: nothing was validated. The same on every rank. */
typedef struct il_patience {
  int64_t validations; /* so far */
  double best;         /* value of the best, */
  int64_t best_step;   /* the meta-step after which it was found, */
  int64_t since;       /* and validations after it */
  int kept;            /* learners that are kept: the best, best first */
  int64_t kept_step[IL_KEPT_MOST];
  double kept_value[IL_KEPT_MOST];
} il_patience;

/* Takes a validation in; lower: smaller values are better. One that is not a number is not better. */
void il_patience_take(il_patience *p, int64_t step, double value, bool lower);
/* Whether so many validations in a row were no better; most 0: never. */
bool il_patience_ended(const il_patience *p, int64_t most);
/* Whether this validation is among the best `most`, of which equal ones stay in the order of their meta-steps; it then
 * takes its place, and the last of more than `most` falls out. */
bool il_patience_keep(il_patience *p, int most, int64_t step, double value, bool lower);
/* "4000 0.94,3500 0.93", and back; false: the text is none. */
void il_patience_print_best(const il_patience *p, char *text, size_t size);
bool il_patience_read_best(il_patience *p, const char *text);
/* As the metadata "validations" of a checkpoint has it, and back; false: the text is none. */
void il_patience_print(const il_patience *p, char *text, size_t size);
bool il_patience_read(il_patience *p, const char *text);

#endif
