/* A meta-step: tasks, their gradients, the mean, the outer update, as one function over a learner's values; one for each
 * shape that training tasks have, all over the same values. */
#ifndef IL_TRAIN_META_STEP_H
#define IL_TRAIN_META_STEP_H

#include "data/batch.h"
#include "learner/learned.h"
#include "run/function.h"

/* Compiled for tasks of one shape. */
typedef struct il_meta_step_form {
  il_function *function;
  il_run *run;
  int place_made, place_lr, place_loss, place_accuracy, place_support_loss;
  int place_task[IL_BATCH_INPUTS];
} il_meta_step_form;

typedef struct il_meta_step {
  il_context *context;
  const il_method *method;
  il_learned *learner;
  il_entries outer_entries;
  il_buffers outer; /* the outer optimizer's moments */
  bool pixels;      /* the tasks' x are bytes */
  int forms;
  il_meta_step_form *form;             /* [forms] by variant of the training tasks */
  il_task_needs *needs;                /* likewise */
  int largest;                         /* of the forms: that with most arithmetic for a task */
  double loss, accuracy, support_loss; /* of the last meta-step; NAN: there is none */
} il_meta_step;

/* method, learner and team must outlive it. team NULL: for looking at the plan, without memory to run in. */
il_status il_meta_step_init(il_context *context, il_meta_step *s, const il_method *method,
                            il_learned *learner, const il_tasks *tasks, il_team *team);
void il_meta_step_free(il_meta_step *s); /* accepts a zeroed one */
/* What workers without a task do during each meta-step. */
void il_meta_step_meanwhile(il_meta_step *s, il_meanwhile meanwhile);
/* The plan of the largest form. */
const il_plan *il_meta_step_plan(const il_meta_step *s);
/* One meta-step on the drawn batch. made: updates made before. */
il_status il_meta_step_go(il_meta_step *s, const il_batch *batch, int64_t made);
/* Bit comparison with the interpreter on the batch's first two tasks. */
il_status il_meta_step_check(il_meta_step *s, const il_batch *batch, il_plan_checked *checked);

#endif
