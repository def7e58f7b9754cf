/* Plans: a graph compiled once into a fixed list of kernel calls over one arena.
 *
 * A plan is immutable and may be run by several callers at once, each with its own team and workspace: a run writes to
 * these, the outputs and the context of the team, and to nothing of the plan, its graph or the graph's context.
 * il_plan_run allocates nothing and takes no lock of its own. */
#ifndef INNERLOOP_PLAN_H
#define INNERLOOP_PLAN_H

#include "graph.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A graph made into calls of kernels. */
typedef struct il_plan il_plan;

/* Whether several tasks are computed at once, one in each lane of a vector. */
typedef enum il_lanes {
  IL_LANES_CHOOSE = 0, /* by size: docs/architecture.md says how */
  IL_LANES_NEVER,      /* one task after the other */
  IL_LANES_ALWAYS,     /* where the graph allows it */
} il_lanes;

/* How a graph is planned; {0}: as fast as can be. */
typedef struct il_plan_options {
  bool no_fusion; /* every elementwise operation on its own: slower, same bits; for debugging */
  bool reference; /* reference loops only: slowest, same bits; for debugging */
  /* Convolutions in the order of sums that src/kernels/kernel.h states. Else those of 3×3 windows and stride 1 with
   * enough channels and pixels compute fewer products by Winograd's F(2×2, 3×3), which rounds otherwise: the
   * error is about that of the plain sum. The bits do not depend on threads or instruction set either way. */
  bool direct;
  /* Several tasks at once in the lanes of vectors, for nets so small that calling kernels costs more than
   * what they compute. The bits are the same. */
  il_lanes lanes;
  int tasks; /* how many tasks a run will have, for choosing; 0: many */
  /* Instruction set of the kernels: "v4", "v3", "v2" (levels of x86-64), "aarch64" or "portable" (any CPU; slow). NULL:
   * that of il_isa_set_default, else the best that the CPU runs. All give the same bits, but for v2, which has no
   * fused multiply-add. */
  const char *isa;
} il_plan_options;

/* Builds the graph again as if il_leaf had never been called: simplified through them, equal values one, in the order
 * in which they were made first, so that leaves cost nothing. Inputs and outputs keep index and name, but VALUES ARE
 * NUMBERED ANEW: il_values from before are void, ask il_graph_output. A graph without leaves stays as it is. Call it
 * after all derivatives, before il_graph_factor. */
IL_API il_status il_graph_without_leaves(il_graph *graph);
/* Keeps weight updates of low rank as their factors: with r support rows, x·(w − s·aᵀ·b) becomes
 * x·w − s·(x·aᵀ)·b, so that no task has weights of its own, and the mean of aᵀ·b over the tasks one product over
 * the rows of all. Adds nodes and moves the graph's outputs to them where a task then costs less (multiply-adds
 * and bytes); values change by rounding only. Call it last: after all derivatives, before il_plan_build. */
IL_API il_status il_graph_factor(il_graph *graph);
/* Compiles what the graph's outputs need. options may be NULL. NULL after an error: IL_ERROR_ARGUMENT for an isa that
 * this build does not have, IL_ERROR_UNSUPPORTED for one that this CPU does not run. */
IL_API il_plan *il_plan_build(const il_graph *graph, const il_plan_options *options);
/* Accepts NULL. */
IL_API void il_plan_free(il_plan *plan);
enum { IL_WORKSPACE_ALIGNMENT = 64 }; /* bytes; of the memory that a plan works in */
/* Bytes that il_plan_run needs for a meta-batch of so many tasks on so many threads; the memory must be aligned to
 * IL_WORKSPACE_ALIGNMENT bytes. Where they are more than half of what a size_t counts, that half, which no allocation
 * gives. */
IL_API size_t il_plan_workspace(const il_plan *plan, int tasks, int threads);
/* Runs the plan: shared values once, the tasks on the team's workers, their means, what follows.
 * An output buffer may not overlap any input buffer. Errors: IL_ERROR_ARGUMENT only, told in the context that the team was
 * made with; without a team (NULL: the calling thread alone) by the status alone. */
IL_API il_status il_plan_run(const il_plan *plan, il_team *team, void *workspace,
                             const il_bindings *bindings);
/* Where a plan's time goes: nanoseconds per call and worker, taken between calls. A plan without a profile
 * reads no clock. */
typedef struct il_profile il_profile;
/* For runs on up to so many threads; the plan must outlive it. NULL after an error. */
IL_API il_profile *il_profile_new(const il_plan *plan, int threads);
/* Accepts NULL. */
IL_API void il_profile_free(il_profile *profile);
/* il_plan_run that also adds to the profile, which may be NULL. */
IL_API il_status il_plan_run_profiled(const il_plan *plan, il_team *team, void *workspace,
                                      const il_bindings *bindings, il_profile *profile);
/* The `lines` calls that took longest, the sum of the others, totals per kernel and per stage; malloc'ed.
 * Times are sums over the workers; GFLOP/s and GB/s are those of one worker while it ran the call. */
IL_API char *il_profile_print(const il_profile *profile, int lines);
/* Elements that il_plan_check compared: in every bit; and, of Winograd's convolutions, to within 2e-5 of the tensor's
 * largest value. */
typedef struct il_plan_checked {
  int64_t equal, close; /* values that had equal bits, and that were close */
} il_plan_checked;
/* Runs node by node beside the reference interpreter and stops at the first value that differs:
 * IL_ERROR_MISMATCH names it, its origin, its shape and the worst element. What only has to be close is then
 * replaced by the reference's value, so that all that follows is compared in every bit (outputs too: they are the
 * reference's afterwards). checked may be NULL. IL_ERROR_UNSUPPORTED where kernels without fused multiply-add sum
 * products (v2): they round otherwise. Errors go to the graph's context: one caller at a time. Allocates; slow. */
IL_API il_status il_plan_check(const il_plan *plan, const il_bindings *bindings,
                               il_plan_checked *checked);
/* The schedule as text: step, stage, problem, origin, buffer, bytes, FLOPs, kernel. malloc'ed. */
IL_API char *il_plan_print(const il_plan *plan);

/* A plan in numbers. */
typedef struct il_plan_summary {
  int64_t steps_shared, steps_task, steps_after; /* kernel calls per stage */
  int64_t nodes;                                 /* graph nodes that the outputs need */
  double flops_shared, flops_task, flops_after;  /* of the graph, per meta-step or per task */
  size_t bytes_shared, bytes_task;               /* arena sizes; bytes_task: for all lanes */
  int lanes;                                     /* tasks that a run of the tasks' calls serves */
} il_plan_summary;
/* Counts. */
IL_API il_plan_summary il_plan_summarize(const il_plan *plan);

#ifdef __cplusplus
}
#endif
#endif
