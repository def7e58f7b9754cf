/* Loops: the step is planned once, whatever the count. Its plan's tasks are the steps; the call runs it in its scratch. */
#include "plan/builder.h"

bool il_has_loops(const il_graph *graph) {
  for (uint32_t id = 1; id <= graph->size; id++)
    if (graph->nodes[id]->op == IL_OP_LOOP) return true;
  return false;
}

/* Offsets in the call's scratch; false: too many bytes. */
static bool lay_out(il_loop_plan *l, il_type real) {
  const il_plan *step = l->step;
  const il_graph *g = l->body->graph;
  const size_t slots = (size_t)(IL_SLOT_INPUTS + g->input_count + g->output_count);
  size_t fixed = 0, state = 0;
  for (int i = 0; i < g->output_count; i++)
    if (!step->output_task[i] && !il_add_bytes(&fixed, il_aligned(step->output_bytes[i]), 1))
      return false;
  if (__builtin_mul_overflow(il_type_size(real), (size_t)l->body->state_size, &state)) return false;
  const bool moves = !l->attr->keeps && l->attr->count > 1;
  const size_t bytes[] = {step->arena_bytes[0],
                          step->arena_bytes[1],
                          step->scratch_bytes,
                          slots * sizeof(char *),
                          moves ? state : 0,
                          moves ? state : 0,
                          fixed,
                          sizeof(double)};
  size_t *const offset[] = {&l->shared,    &l->task,      &l->scratch, &l->bases,
                            &l->states[0], &l->states[1], &l->fixed,   &l->number};
  for (int i = 0; i < 8; i++) {
    *offset[i] = l->total;
    if (!il_add_bytes(&l->total, il_aligned(bytes[i]), 1)) return false;
  }
  return true;
}

bool il_loop_call(il_builder *b, il_call *call) {
  const il_node *node = il_builder_node(b, call->node);
  il_loop_plan *l = il_arena_alloc(&b->plan->arena, sizeof *l);
  if (!l) return false;
  l->body = il_loop_body_of(b->g, node);
  l->attr = node->attr;
  l->step = il_plan_build_single(l->body->graph, b->options);
  if (!l->step) return false;
  l->next = b->plan->loops;
  b->plan->loops = l;
  b->plan->looks += l->step->looks;
  if (!lay_out(l, b->g->real)) return false;
  if (l->total > b->plan->scratch_bytes) b->plan->scratch_bytes = l->total;
  call->kind = IL_CALL_LOOP;
  call->table = l;
  return true;
}
