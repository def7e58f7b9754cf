/* Builds a plan: items in order, a place for every value, a kernel for every call; one for tasks in lanes, one for single
 * tasks, of which the better is kept. */

#include "kernels/lanes.h"
#include "plan/builder.h"
#include "base/room.h"

static bool build(il_builder *b) {
  if (!il_lives_set(b)) return false;
  if (!il_place_fixed(b)) return false;
  il_lives_take_over(b);
  return il_place_arenas(b) && il_plan_describe(b->plan, b->s.needed) && il_calls_make(b);
}

static bool expressible(const il_graph *graph) {
  if (il_context_status(graph->context) != IL_OK) return false;
  if (graph->output_count == 0) {
    il_fail(graph->context, IL_ERROR_ARGUMENT,
            "il_plan_build: the graph has no outputs, so there is nothing to compute");
    return false;
  }
  for (uint32_t id = 1; id <= graph->size; id++) {
    if (graph->nodes[id]->inputs <= IL_CALL_MAX_INS) continue;
    il_fail(graph->context, IL_ERROR_UNSUPPORTED,
            "il_plan_build: %s of %d values; at most %d are possible",
            il_op_name(graph->nodes[id]->op), graph->nodes[id]->inputs, IL_CALL_MAX_INS);
    return false;
  }
  return true;
}

static il_plan *build_with(const il_graph *graph, const il_plan_options *options, int lanes) {
  il_builder b = {
      .g = graph, .reference = options->reference, .direct = options->direct, .options = options};
  const il_kernel_set *kernels = il_kernel_set_choose(graph->context, options->isa);
  if (!kernels) return NULL;
  if (il_schedule_build(graph, !options->no_fusion, !options->reference, &b.s) != IL_OK)
    return NULL;
  if (b.s.fuse && (lanes == 1                  ? il_schedule_remake(&b.s)
                   : graph->real == IL_FLOAT32 ? il_schedule_accumulate(&b.s)
                                               : IL_OK) != IL_OK) {
    il_schedule_free(&b.s);
    return NULL;
  }
  b.plan = il_new(graph->context, 1, sizeof *b.plan);
  bool ok = b.plan != NULL;
  if (ok) {
    b.plan->graph = graph;
    b.plan->arena.context = graph->context;
    b.plan->kernels = kernels;
    b.plan->lanes = lanes;
    b.plan->why = "as the options ask";
    ok = build(&b);
  }
  if (ok) b.plan->looks += b.s.looks;
  il_release(b.life);
  il_release(b.now);
  il_release(b.time);
  il_schedule_free(&b.s);
  if (ok) return b.plan;
  il_plan_free(b.plan);
  il_fail_memory(graph->context, "a plan");
  return NULL;
}

static il_plan *build_lanes(const il_graph *graph, const il_plan_options *options) {
  il_plan *plan = build_with(graph, options, IL_LANES);
  if (!plan) return NULL;
  plan->single = build_with(graph, options, 1);
  if (!plan->single) {
    il_plan_free(plan);
    return NULL;
  }
  plan->list[IL_SINGLE] = plan->single->list[IL_PER_TASK];
  plan->looks += plan->single->looks;
  if (plan->scratch_bytes < plan->single->scratch_bytes)
    plan->scratch_bytes = plan->single->scratch_bytes;
  return plan;
}

il_plan *il_plan_build_single(const il_graph *graph, const il_plan_options *options) {
  return expressible(graph) ? build_with(graph, options, 1) : NULL;
}

/* A loop runs task after task; steps of small nets would not be worth the copies. */
static il_plan *build_loops(const il_graph *graph, const il_plan_options *options) {
  il_plan *plan = build_with(graph, options, 1);
  if (plan) plan->why = "a loop";
  return plan;
}

il_plan *il_plan_build(const il_graph *graph, const il_plan_options *options) {
  const il_plan_options none = {0};
  if (!options) options = &none;
  if (!expressible(graph)) return NULL;
  if (options->lanes == IL_LANES_NEVER) return build_with(graph, options, 1);
  if (il_has_loops(graph)) return build_loops(graph, options);
  il_plan *plan = build_lanes(graph, options);
  if (!plan || (options->lanes == IL_LANES_ALWAYS && !plan->products)) return plan;
  const char *why;
  if (!il_lanes_pay(plan, options->tasks, &why)) {
    il_plan *single = plan->single;
    single->looks = plan->looks;
    plan->single = NULL;
    il_plan_free(plan);
    plan = single;
  }
  plan->why = why;
  return plan;
}

void il_plan_free(il_plan *plan) {
  if (!plan) return;
  il_plan_free(plan->single);
  for (il_loop_plan *loop = plan->loops; loop; loop = loop->next) il_plan_free(loop->step);
  il_arena_free(&plan->arena);
  il_release(plan);
}
