/* Tasks in lanes: which kernel serves several tasks at once, and whether that pays. */
#include "kernels/lanes.h"

#include "plan/plan.h"

void il_lanes_choose(const il_kernel_set *kernels, il_call *call, bool posed) {
  il_problem problem = call->problem;
  if (posed) {
    problem.lanes = true;
    problem.shared = call->shared;
    call->kernel = il_kernel_select(kernels, &problem);
    if (!call->kernel && !call->shared) {
      problem = call->problem;
      if (il_lanes_trailing(&problem)) call->kernel = il_kernel_select(kernels, &problem);
    }
    if (call->kernel) {
      call->problem = problem;
      return;
    }
    call->kernel = il_kernel_select(kernels, &call->problem);
  }
  call->each = true;
}

size_t il_lanes_scratch(const il_graph *graph, const il_call *call) {
  size_t bytes = 0;
  for (int i = 0; i < call->ins; i++)
    if (!(call->shared >> i & 1))
      bytes += il_aligned(il_node_bytes(graph->nodes[call->in_node[i]]));
  for (int i = 0; i < call->outs; i++)
    bytes += il_aligned(il_node_bytes(graph->nodes[call->out_node[i]]));
  return bytes;
}

/* Measured on sinusoids and on multi-layer nets; the sizes are those of a level-2 cache and of calls that take
 * some microseconds. */
static const size_t CACHE = (size_t)1 << 20;
static const double CALL_FLOPS = 1e5;

bool il_lanes_pay(const il_plan *plan, int tasks, const char **why) {
  const il_call_list *list = &plan->list[IL_PER_TASK];
  double each = 0;
  for (int64_t i = 0; i < list->count; i++)
    if (list->call[i].each) each += il_call_flops(plan, &list->call[i]);
  const double flops = plan->flops[IL_PER_TASK];
  *why = plan->products                                               ? "products over all tasks"
         : plan->graph->real != IL_FLOAT32                            ? "not float32"
         : list->count == 0                                           ? "no work for each task"
         : tasks && tasks <= IL_FEW_TASKS                             ? "few tasks"
         : flops > CALL_FLOPS * (double)list->count                   ? "large calls"
         : plan->arena_bytes[1] + plan->mean_bytes * IL_LANES > CACHE ? "more than a cache holds"
         : each > flops / 16                                          ? "operations without lanes"
                                                                      : NULL;
  if (*why) return false;
  *why = "small calls";
  return true;
}
