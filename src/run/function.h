/* Inside of functions and runs, also for who times them or gives waiting workers something to do. */
#ifndef IL_RUN_FUNCTION_H
#define IL_RUN_FUNCTION_H

#include <innerloop/function.h>

#include "graph/graph.h"
#include "run/execute.h"
#include "run/trace.h"

struct il_function {
  il_graph *graph;
  il_plan *plan;
  int *next; /* [inputs] the output that is the input's next value; −1: none */
};

/* il_run_new in a workspace of the caller's, aligned and as large as il_plan_workspace says (NULL: allocated), and, with team
 * NULL, on the calling thread alone: then nothing is locked. */
il_run *il_run_over(il_context *context, const il_function *f, il_team *team, int tasks,
                    void *workspace);

/* Each run adds its times to the profile, the caller's; NULL: none. */
void il_run_profile(il_run *r, il_profile *profile);
/* What workers without a task do during each run. */
void il_run_meanwhile(il_run *r, il_meanwhile meanwhile);
/* From now on each run is divided over the ranks: it reads the inputs of this rank's tasks alone (il_joint_tasks), and is always
 * of as many tasks as there is room for. width as in il_joint_init. Not of a graph with outputs of each task. */
il_status il_run_join(il_run *r, const il_ranks *ranks, int width);
il_joint *il_run_joint(il_run *r); /* NULL: one rank */
/* il_plan_run_absent of the next run. */
il_status il_run_absent(il_run *r);
/* Gives up the room of `to`, which from then on runs in that of `from`, at least as large; never both at once. `from` is
 * freed last. */
void il_run_lend(il_run *from, il_run *to);

/* Takes the last run back: the buffers that it turned over hold what they held before. */
void il_run_back(il_run *r);
/* Runs the bound tasks again through the interpreter and looks where what is not finite arises; after il_run_back with the
 * values that the run had. */
il_status il_run_trace(il_run *r, int tasks, il_traced *traced);

/* The entry with a present value that is NaN or infinite, *at: its number; −1: there is none. */
int il_buffers_not_finite(const il_buffers *b, int64_t *at);

#endif
