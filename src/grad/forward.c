/* Forward mode: walks from x to the results and adds the tangents by each operation's own rule. */

#include "grad/grad.h"
#include "base/room.h"
#include "grad/loop_grad.h"

static void add_to(il_graph *g, il_value *sum, il_value part) {
  *sum = sum->id ? il_add(g, *sum, part) : part;
}

static void apply_loop(il_graph *g, uint32_t id, il_value *tangent) {
  const il_node *node = g->nodes[id];
  il_value *t = il_new(g->context, (size_t)node->inputs, sizeof *t);
  bool moves = false;
  if (!t) il_fail_memory(g->context, "the derivative of a loop");
  for (int i = 0; i < node->inputs && t; i++) {
    t[i] = tangent[node->input[i].id];
    moves = moves || t[i].id;
  }
  if (moves) {
    const il_value made = il_loop_jvp(g, id, t);
    if (made.id) add_to(g, &tangent[id], made);
  }
  il_release(t);
}

static void apply_rule(il_graph *g, uint32_t id, il_value *tangent) {
  const il_node *node = g->nodes[id];
  const char *scope = g->scope;
  const uint32_t origin = g->origin;
  const il_direction direction = g->direction;
  g->scope = node->scope;
  g->origin = id;
  g->direction = IL_TANGENT;
  if (node->op == IL_OP_LOOP) apply_loop(g, id, tangent);
  for (int i = 0; i < node->inputs && node->op != IL_OP_LOOP; i++) {
    const il_value t = tangent[node->input[i].id];
    if (!t.id) continue;
    const il_value part = g->ops[node->op]->jvp(g, (il_value){id}, i, t);
    if (part.id) add_to(g, &tangent[id], part);
  }
  g->scope = scope;
  g->origin = origin;
  g->direction = direction;
}

il_status il_jvp(il_graph *g, int count, const il_value *x, const il_value *tangent, int outputs,
                 const il_value *y, il_value *dy) {
  for (int i = 0; i < outputs; i++) dy[i] = (il_value){0};
  if (il_context_status(g->context) != IL_OK) return il_context_status(g->context);
  static const char function[] = "il_jvp";
  if (!il_grad_operands(g, function, "variable", count, x) ||
      !il_grad_operands(g, function, "tangent", count, tangent) ||
      !il_grad_operands(g, function, "result", outputs, y) ||
      !il_grad_shapes(g, function, "tangent", count, tangent, x) ||
      !il_grad_variables(g, function, count, x, outputs, y))
    return il_context_status(g->context);
  uint32_t last = 0;
  for (int i = 0; i < outputs; i++)
    if (y[i].id > last) last = y[i].id;
  il_value *t = il_new(g->context, (size_t)last + 1, sizeof *t);
  if (!t) return il_fail_memory(g->context, "a tangent");
  for (int i = 0; i < count; i++)
    if (x[i].id <= last) add_to(g, &t[x[i].id], tangent[i]); /* the same x twice: both count */
  for (uint32_t id = 1; id <= last && il_context_status(g->context) == IL_OK; id++)
    apply_rule(g, id, t);
  for (int i = 0; i < outputs; i++) {
    dy[i] = t[y[i].id];
    if (!dy[i].id) dy[i] = il_constant(g, 0, il_value_shape(g, y[i]));
  }
  il_release(t);
  return il_context_status(g->context);
}
