/* Adapting and answering as two functions with the state between them: what is adapted to once answers any number of
 * queries. */
#ifndef IL_LEARNER_ADAPTATION_H
#define IL_LEARNER_ADAPTATION_H

#include "learner/learned.h"

typedef struct il_adaptation {
  const il_method *method;
  const il_learned *learned;
  il_task_shape shape;            /* the support set, and the queries of a task */
  il_query_statistics statistics; /* whose norm statistics queries are scored with */
  /* What answering takes: what the algorithm's state is but its optimizer's slots, and, where they are taken, the support set's
   * moments. */
  il_entries state;
} il_adaptation;

/* Statistics of queries that are asked one at a time: those of a query set are none of one query. */
il_query_statistics il_statistics_alone(il_query_statistics trained);
/* Fills in `state`; the rest is the caller's. */
il_status il_adaptation_init(il_context *context, il_adaptation *a);
void il_adaptation_free(il_adaptation *a); /* accepts a zeroed one */
/* Shared inputs "support_x", "support_y" (and "order"), and the learner's; outputs "state/NAME". NULL after an error. */
il_function *il_adaptation_adapt(il_context *context, const il_adaptation *a);
/* Shared inputs "state/NAME" and the learner's; a task has "query_x" and the output "scores". */
il_function *il_adaptation_answer(il_context *context, const il_adaptation *a);
/* Binds the state's memory to the outputs of the first; il_run_buffers(run, state, "state/") to the inputs of the second. */
void il_adaptation_write(il_run *adapt, const il_function *f, const il_buffers *state);

#endif
