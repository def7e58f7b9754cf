/* The pieces of a run, for il_plan_run and for the run beside the reference (run/run_check.c). */
#ifndef IL_RUN_EXECUTE_H
#define IL_RUN_EXECUTE_H

#include <stdatomic.h>

#include "run/joint.h"
#include "run/mean.h"
#include "run/profile.h"

typedef struct il_layout { /* offsets in the workspace */
  uint64_t shared, scratch, blocks, stacks, leaves, rows, tasks, bases;
  uint64_t sent, received, staged; /* with other ranks */
  uint64_t total;
  size_t stack_bytes; /* blocks of the tree that one worker keeps */
  size_t leaf_bytes;  /* one worker's contributions in lanes */
  size_t base_bytes;  /* one worker's array of bases */
} il_layout;

/* Called once by each worker when it finds no task left, mostly while others still have one; NULL: nobody is. */
typedef struct il_meanwhile {
  void (*work)(void *argument, int worker);
  void *argument;
} il_meanwhile;

typedef struct il_execution {
  const il_plan *plan;
  const il_bindings *bindings;
  char *workspace;
  il_layout layout;
  il_tree tree;
  int threads;
  il_team *team;   /* NULL: worker 0 alone */
  atomic_int next; /* chunk */
  /* Called for each call of a list after it ran, NULL: never; false stops the list. */
  bool (*after_call)(void *argument, const il_call *call, char *const *bases);
  /* Called before the calls of a task (in lanes: before each run of its group's calls); NULL: never. false stops the run. */
  bool (*before_task)(void *argument, int task);
  void *argument;
  il_profile *profile; /* NULL: no clock is read */
  il_meanwhile meanwhile;
  il_joint *joint; /* NULL: there is one rank */
} il_execution;

/* il_plan_run_profiled with work for workers that wait, and over ranks (joint NULL: one). Of a plan without work for each
 * task there are none that wait. Over ranks it ends with IL_ERROR_RANKS where another is lost. */
il_status il_plan_run_meanwhile(const il_plan *plan, il_team *team, void *workspace,
                                const il_bindings *bindings, il_profile *profile,
                                const il_meanwhile *meanwhile, il_joint *joint);
/* Takes part in what the ranks do in a run, with nothing computed: for a rank that has failed and says so by its note. */
il_status il_plan_run_absent(const il_plan *plan, il_team *team, void *workspace,
                             const il_bindings *bindings, il_joint *joint);

il_execution il_execution_start(const il_plan *plan, int threads, void *workspace,
                                const il_bindings *bindings, il_joint *joint);
/* Runs the shared lists (IL_BEFORE, IL_AFTER) as worker 0. False: after_call stopped it. */
bool il_execution_shared(il_execution *run, il_when when);
/* One chunk of tasks as `worker`. False: a callback stopped it. */
bool il_execution_chunk(il_execution *run, int worker, int chunk);

/* Runs one call with the given bases; live: tasks of the group, with lanes (else 1). */
void il_call_run(const il_plan *plan, const il_call *call, char *const *bases, void *scratch,
                 int live);
void *il_execution_scratch(const il_execution *run, int worker);
/* Divides a call before or after the tasks among the team (run/share.c). False: it was not run, because it is
 * to run whole. */
bool il_share_run(const il_execution *run, const il_call *call, char *const *bases);

/* The rank's part of the plan's tree. */
il_tree il_joint_tree(const il_joint *joint, const il_plan *plan, int threads);
/* After the rank's own sums: those of all, and their mean (run/joint.c). False: a rank is lost. */
bool il_joint_share(const il_execution *run);

#endif
