/* A run opened again to be evaluated: on its own test classes, or on other data, with other settings. */
#ifndef IL_TRAIN_OPENED_H
#define IL_TRAIN_OPENED_H

#include <innerloop/train.h>

#include "config/config.h"
#include "data/source.h"
#include "learner/learned.h"
#include "train/evaluate.h"

/* Freed by il_opened_free, also after an error. */
typedef struct il_opened {
  il_config *run;    /* as it was trained */
  il_config *config; /* with what the evaluation changes */
  il_method method;
  il_tasks *tasks;     /* of the test split alone */
  il_learned *learner; /* of its checkpoint */
  int64_t trained;     /* meta-steps */
  int count; /* tasks: asked for, or the whole episode list where there is one, or eval.tasks */
  char tested[IL_TESTED_SIZE]; /* on what, as il_evaluation says it */
} il_opened;
il_status il_opened_init(il_context *context, il_opened *o, const char *run,
                         const il_evaluate_options *options);
void il_opened_free(il_opened *o);
/* il_evaluate of a run that is open, by these ranks (NULL: one). run: the folder for eval.csv; NULL: the figures of tasks are not written. listener:
 * NULL, or who hears every answer; where the algorithm makes no inner step, all are after 0. */
il_status il_evaluate_opened(il_context *context, il_opened *o, const char *run,
                             const il_listener *listener, il_team *team, const il_ranks *ranks,
                             il_evaluation *result);

#endif
