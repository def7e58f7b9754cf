/* What a plan says of itself: sizes of inputs and outputs, nodes, operations; its summary. */
#include "plan/plan.h"

bool il_plan_describe(il_plan *plan, const bool *needed) {
  const il_graph *g = plan->graph;
  const size_t in = (size_t)g->input_count + 1, out = (size_t)g->output_count + 1;
  plan->input_bytes = il_arena_alloc(&plan->arena, in * sizeof(size_t));
  plan->output_bytes = il_arena_alloc(&plan->arena, out * sizeof(size_t));
  plan->input_task = il_arena_alloc(&plan->arena, in);
  plan->output_task = il_arena_alloc(&plan->arena, out);
  if (!plan->input_bytes || !plan->output_bytes || !plan->input_task || !plan->output_task)
    return false;
  for (int i = 0; i < g->input_count; i++) {
    const il_node *node = il_node_of(g, g->inputs[i].value);
    plan->input_bytes[i] = il_node_bytes(node);
    plan->input_task[i] = node->when == IL_PER_TASK;
  }
  for (int i = 0; i < g->output_count; i++) {
    const il_node *node = il_node_of(g, g->outputs[i].value);
    plan->output_bytes[i] = il_node_bytes(node);
    plan->output_task[i] = node->when == IL_PER_TASK;
  }
  for (uint32_t id = 1; id <= g->size; id++) {
    if (!needed[id]) continue;
    const il_node *node = g->nodes[id];
    plan->nodes++;
    const il_when when = il_op_averages(node->op) ? IL_PER_TASK : node->when;
    if (g->ops[node->op]->flops) plan->flops[when] += g->ops[node->op]->flops(g, node);
  }
  return true;
}

il_plan_summary il_plan_summarize(const il_plan *plan) {
  return (il_plan_summary){
      .steps_shared = plan->list[IL_BEFORE].count,
      .steps_task = plan->list[IL_PER_TASK].count,
      .steps_after = plan->list[IL_AFTER].count,
      .nodes = plan->nodes,
      .flops_shared = plan->flops[IL_BEFORE],
      .flops_task = plan->flops[IL_PER_TASK],
      .flops_after = plan->flops[IL_AFTER],
      .bytes_shared = plan->arena_bytes[0],
      .bytes_task = plan->arena_bytes[1],
      .lanes = plan->lanes,
  };
}
