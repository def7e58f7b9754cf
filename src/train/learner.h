/* What is trained: net, graph of a meta-step, its plan, and the state that a meta-step reads and
 * writes (weights, and Adam's moments), lying twice in memory. */
#ifndef IL_TRAIN_LEARNER_H
#define IL_TRAIN_LEARNER_H

#include "run/execute.h"
#include "train/source.h"

typedef struct il_learner {
  il_context *context;
  const il_source *source;
  il_net *net;
  il_graph *graph;
  il_plan *plan;
  il_type real;
  bool adam, dropout, accurate; /* accurate: there is an accuracy, not only a loss */
  int parameters, kinds;        /* kinds of state: 3 with Adam, else 1 */
  int side;                     /* which copy of the state is current */
  void **state[2][3];           /* [side][weights, first, second moment][parameter] */
  void *workspace;
  il_profile *profile;    /* the caller's: receives the times of meta-steps; may be NULL */
  il_meanwhile meanwhile; /* the caller's: work for workers that wait for the last tasks */
  int inputs, outputs;
  const void **bound;                  /* [inputs + outputs], filled anew for each meta-step */
  double loss, accuracy, support_loss; /* of the last meta-step; accuracy NAN where there is none */
} il_learner;

/* state: false leaves out the memory to run in (for looking at the plan). */
il_learner *il_learner_new(il_context *context, const il_source *source, bool state);
void il_learner_free(il_learner *learner);
void il_learner_initialize(il_learner *learner);
il_status il_learner_workspace(il_learner *learner, int tasks, il_team *team);
/* One meta-step on the drawn batch. step: updates made before. */
il_status il_learner_step(il_learner *learner, il_team *team, const il_batch *batch, int64_t step);
/* Bit comparison with the interpreter on the batch's first two tasks. */
il_status il_learner_check(il_learner *learner, const il_batch *batch, il_plan_checked *checked);
/* Workspace of a plan, aligned; NULL after an error. */
void *il_workspace_alloc(il_context *context, const il_plan *plan, int tasks, int threads);

#endif
