/* A meta-step: tasks, their gradients, the mean, the outer update, as one function over a learner's values; one for each
 * shape that training tasks have, all over the same values. */
#ifndef IL_TRAIN_META_STEP_H
#define IL_TRAIN_META_STEP_H

#include "data/batch.h"
#include "learner/learned.h"
#include "run/function.h"

/* Compiled for tasks of one shape and, of an algorithm that changes over the meta-steps, for some of these. */
typedef struct il_meta_step_form {
  il_function *function;
  il_run *run;
  int place_made, place_lr, place_weights, place_loss, place_accuracy, place_support_loss;
  int place_task[IL_BATCH_INPUTS];
} il_meta_step_form;

enum { IL_META_STEP_PHASES = 8 };
typedef struct il_meta_step {
  il_context *context;
  const il_method *method;
  il_learned *learner;
  il_entries outer_entries;
  il_buffers outer; /* the outer optimizer's moments */
  il_entries average_entries;
  il_buffers average; /* of the learner's meta-parameters (average.h); none unless asked for */
  bool pixels;        /* the tasks' x are bytes */
  int variants;       /* of the training tasks */
  int phases;         /* of the algorithm */
  int64_t phase[IL_META_STEP_PHASES]; /* [phases] the first meta-step of each */
  int forms;                          /* phases·variants */
  il_meta_step_form *form;            /* [phases][variants] */
  il_task_needs *needs;               /* [variants] */
  double *weights;           /* of the inner steps, [inner steps]; NULL: the algorithm takes none */
  void *real_weights;        /* the same, as the graph takes them */
  il_joint_note note, noted; /* with other ranks */
  int largest;               /* of the forms: that with most arithmetic for a task */
  double loss, accuracy, support_loss; /* of the last meta-step; NAN: there is none */
  int64_t skipped;                     /* meta-steps that were taken back since the run began */
} il_meta_step;

/* method, learner and team must outlive it. team NULL: for looking at the plan, without memory to run in. */
il_status il_meta_step_init(il_context *context, il_meta_step *s, const il_method *method,
                            il_learned *learner, const il_tasks *tasks, il_team *team);
void il_meta_step_free(il_meta_step *s); /* accepts a zeroed one */
/* From now on meta-steps are divided over the ranks; the batches need this rank's tasks alone, from *begin to *end. Of a
 * meta-step with a team, before the first. */
il_status il_meta_step_join(il_meta_step *s, const il_ranks *ranks, int *begin, int *end);
/* What this rank tells the others with the next meta-step, and the highest that any told with the last. */
void il_meta_step_note(il_meta_step *s, il_joint_note note);
il_joint_note il_meta_step_noted(const il_meta_step *s);
/* In place of il_meta_step_go for a rank that cannot: tells the others so. */
il_status il_meta_step_absent(il_meta_step *s, int variant, int64_t made);
/* What workers without a task do during each meta-step. */
void il_meta_step_meanwhile(il_meta_step *s, il_meanwhile meanwhile);
/* The plan of the largest form. */
const il_plan *il_meta_step_plan(const il_meta_step *s);
/* One meta-step on the drawn batch. made: updates made before. */
il_status il_meta_step_go(il_meta_step *s, const il_batch *batch, int64_t made);
/* Whether the last one's loss and all values that it made are finite. */
bool il_meta_step_finite(const il_meta_step *s);
/* Takes the last one, which was on this batch, back: weights, moments and statistics are what they were before. */
void il_meta_step_back(il_meta_step *s, const il_batch *batch, int64_t made);
/* Where what is not finite arises in a meta-step that was taken back, in the graph *g. */
il_status il_meta_step_trace(il_meta_step *s, const il_batch *batch, int64_t made,
                             il_traced *traced, const il_graph **g);
/* The first number of a batch that is not finite; false: all are. */
bool il_meta_step_bad_input(const il_meta_step *s, const il_batch *batch, int64_t made,
                            il_traced *traced);
/* Bit comparison with the interpreter on the batch's first two tasks. */
il_status il_meta_step_check(il_meta_step *s, const il_batch *batch, il_plan_checked *checked);

#endif
