/* Reverse mode: walks from the results back to x and adds nodes made by each operation's own rule. It knows
 * no operation but loops, whose steps are differentiated (loop_grad.c). May include graph/. */

#include "grad/grad.h"
#include "base/room.h"
#include "grad/loop_grad.h"

/* Nothing before the first x depends on one: a walk through one inner step does not look at the steps before it. */
typedef struct il_walk {
  il_graph *g;
  uint32_t first, last; /* the ids that may matter */
  bool *depends;        /* [last - first + 1] on some x */
  il_value *cotangent;  /* [last - first + 1] */
} il_walk;

static bool is_real(const il_node *node) {
  return node->type == IL_FLOAT32 || node->type == IL_FLOAT64;
}

static bool depends(const il_walk *w, uint32_t id) {
  return id >= w->first && id <= w->last && w->depends[id - w->first];
}

static void mark(il_walk *w, int count, const il_value *x) {
  for (int i = 0; i < count; i++)
    if (x[i].id <= w->last) w->depends[x[i].id - w->first] = true;
  for (uint32_t id = w->first; id <= w->last; id++) {
    const il_node *node = w->g->nodes[id];
    for (int i = 0; i < node->inputs && is_real(node); i++)
      if (depends(w, node->input[i].id)) w->depends[id - w->first] = true;
  }
}

static void add_to(il_walk *w, uint32_t id, il_value contribution) {
  il_value *sum = &w->cotangent[id - w->first];
  *sum = sum->id ? il_add(w->g, *sum, contribution) : contribution;
}

/* All operands of a loop together: they share one loop backwards. */
static void apply_loop(il_walk *w, uint32_t id) {
  il_graph *g = w->g;
  const il_node *node = g->nodes[id];
  const size_t n = (size_t)node->inputs;
  il_value *part = il_new(g->context, n, sizeof *part);
  bool *wanted = il_new(g->context, n, sizeof *wanted);
  if (part && wanted) {
    for (int i = 0; i < node->inputs; i++)
      wanted[i] = depends(w, node->input[i].id) && is_real(g->nodes[node->input[i].id]);
    il_loop_vjp(g, id, w->cotangent[id - w->first], wanted, part);
    for (int i = 0; i < node->inputs; i++)
      if (part[i].id) add_to(w, node->input[i].id, part[i]);
  } else {
    il_fail_memory(g->context, "the derivative of a loop");
  }
  il_release(part);
  il_release(wanted);
}

/* New nodes carry the origin and scope of the node whose rule makes them. */
static void apply_rule(il_walk *w, uint32_t id) {
  il_graph *g = w->g;
  const il_node *node = g->nodes[id];
  const char *scope = g->scope;
  const uint32_t origin = g->origin;
  const il_direction direction = g->direction;
  g->scope = node->scope;
  g->origin = id;
  g->direction = IL_REVERSE;
  if (node->op == IL_OP_LOOP) apply_loop(w, id);
  for (int i = 0; i < node->inputs && node->op != IL_OP_LOOP; i++) {
    const uint32_t input = node->input[i].id;
    if (!depends(w, input) || !is_real(g->nodes[input])) continue;
    const il_value part = g->ops[node->op]->vjp(g, (il_value){id}, i, w->cotangent[id - w->first]);
    if (part.id) add_to(w, input, part);
  }
  g->scope = scope;
  g->origin = origin;
  g->direction = direction;
}

bool il_grad_operands(il_graph *g, const char *function, const char *what, int count,
                      const il_value *v) {
  for (int i = 0; i < count; i++) {
    if (v[i].id == 0 || v[i].id > g->size) {
      il_fail(g->context, IL_ERROR_ARGUMENT, "%s: %s %d is not a value of this graph", function,
              what, i + 1);
      return false;
    }
    if (!is_real(g->nodes[v[i].id])) {
      il_fail(g->context, IL_ERROR_TYPE, "%s: %s %d has type %s, expected a real", function, what,
              i + 1, il_type_name(g->nodes[v[i].id]->type));
      return false;
    }
  }
  return true;
}

bool il_grad_shapes(il_graph *g, const char *function, const char *what, int count,
                    const il_value *v, const il_value *like) {
  for (int i = 0; i < count; i++) {
    const il_shape found = g->nodes[v[i].id]->shape, expected = g->nodes[like[i].id]->shape;
    if (il_shape_equal(found, expected)) continue;
    char text[2][96];
    il_fail(g->context, IL_ERROR_SHAPE, "%s: %s %d has shape %s, expected %s", function, what,
            i + 1, il_shape_text(found, text[0]), il_shape_text(expected, text[1]));
    return false;
  }
  return true;
}

/* Operands are checked already. */
static il_status reverse(il_graph *g, int outputs, const il_value *y, const il_value *cotangent,
                         int count, const il_value *x, il_value *dx) {
  il_walk w = {.g = g, .first = g->size};
  for (int i = 0; i < outputs; i++)
    if (y[i].id > w.last) w.last = y[i].id;
  for (int i = 0; i < count; i++)
    if (x[i].id < w.first) w.first = x[i].id;
  const size_t n = w.last < w.first ? 0 : (size_t)w.last - w.first + 1;
  w.depends = il_new(g->context, n + 1, sizeof *w.depends);
  w.cotangent = il_new(g->context, n + 1, sizeof *w.cotangent);
  if (!w.depends || !w.cotangent) {
    il_release(w.depends);
    il_release(w.cotangent);
    return il_fail_memory(g->context, "a derivative");
  }
  mark(&w, count, x);
  for (int i = 0; i < outputs; i++)
    if (depends(&w, y[i].id)) add_to(&w, y[i].id, cotangent[i]);
  for (uint32_t id = w.last; id >= w.first && il_context_status(g->context) == IL_OK; id--)
    if (depends(&w, id) && w.cotangent[id - w.first].id) apply_rule(&w, id);
  for (int i = 0; i < count; i++) {
    dx[i] = x[i].id <= w.last ? w.cotangent[x[i].id - w.first] : (il_value){0};
    if (!dx[i].id) dx[i] = il_constant(g, 0, il_value_shape(g, x[i]));
  }
  il_release(w.depends);
  il_release(w.cotangent);
  return il_context_status(g->context);
}

il_status il_vjp(il_graph *g, int outputs, const il_value *y, const il_value *cotangent, int count,
                 const il_value *x, il_value *dx) {
  for (int i = 0; i < count; i++) dx[i] = (il_value){0};
  if (il_context_status(g->context) != IL_OK) return il_context_status(g->context);
  static const char function[] = "il_vjp";
  if (!il_grad_operands(g, function, "result", outputs, y) ||
      !il_grad_operands(g, function, "cotangent", outputs, cotangent) ||
      !il_grad_operands(g, function, "variable", count, x) ||
      !il_grad_shapes(g, function, "cotangent", outputs, cotangent, y) ||
      !il_grad_variables(g, function, count, x, outputs, y))
    return il_context_status(g->context);
  return reverse(g, outputs, y, cotangent, count, x, dx);
}

il_status il_grad(il_graph *g, il_value y, int count, const il_value *x, il_value *dx) {
  for (int i = 0; i < count; i++) dx[i] = (il_value){0};
  if (il_context_status(g->context) != IL_OK) return il_context_status(g->context);
  if (!il_grad_operands(g, "il_grad", "result", 1, &y) ||
      !il_grad_operands(g, "il_grad", "variable", count, x) ||
      !il_grad_variables(g, "il_grad", count, x, 1, &y))
    return il_context_status(g->context);
  const il_shape shape = il_value_shape(g, y);
  if (il_shape_count(shape) != 1) {
    char text[96];
    return il_fail(g->context, IL_ERROR_SHAPE, "il_grad: y has shape %s, expected one element",
                   il_shape_text(shape, text));
  }
  const il_value one = il_constant(g, 1, shape);
  return reverse(g, 1, &y, &one, count, x, dx);
}
