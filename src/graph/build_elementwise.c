/* Builders of elementwise operations: operands are broadcast first, so that the nodes themselves know
 * one shape only. One builder per row of op/elementwise.def, plus the shorthands with numbers. */
#include "graph/build.h"
#include "graph/fold.h"
#include "graph/node.h"
#include "graph/shape.h"

il_value il_build_constant(il_graph *g, const char *function, double number, il_shape shape) {
  il_attr_constant attr = {g->real == IL_FLOAT32 ? (double)(float)number : number};
  return il_node_make(g, function, IL_OP_CONSTANT, 0, NULL, &attr, shape);
}

il_value il_build_broadcast(il_graph *g, const char *function, il_value a, il_shape shape) {
  if (!il_node_operands(g, function, 1, &a)) return (il_value){0};
  il_shape from = g->nodes[a.id]->shape;
  if (il_shape_equal(from, shape)) return a;
  if (!il_shape_valid(shape) || !il_shape_broadcasts(from, shape)) {
    char found[96], expected[96];
    il_fail(g->context, IL_ERROR_SHAPE, "%s: shape %s does not broadcast to %s", function,
            il_shape_text(from, found), il_shape_text(shape, expected));
    return (il_value){0};
  }
  double number;
  if (!g->no_fold && il_is_constant(g, a, &number)) {
    const il_value filled = il_build_constant(g, function, number, shape);
    if (filled.id && g->nodes[a.id]->hides) il_hide(g, filled, a);
    return filled;
  }
  if (from.rank < shape.rank) {
    il_shape promoted = {.rank = shape.rank};
    int added = shape.rank - from.rank;
    for (int i = 0; i < shape.rank; i++) promoted.dim[i] = i < added ? 1 : from.dim[i - added];
    a = il_node_make(g, function, IL_OP_RESHAPE, 1, &a, NULL, promoted);
    if (!a.id || il_shape_equal(promoted, shape)) return a;
  }
  return il_node_make(g, function, IL_OP_BROADCAST, 1, &a, NULL, shape);
}

il_value il_build_elementwise(il_graph *g, const char *function, il_op op, int inputs,
                              const il_value *input) {
  if (!il_node_operands(g, function, inputs, input)) return (il_value){0};
  il_shape common = g->nodes[input[0].id]->shape;
  for (int i = 1; i < inputs; i++) {
    il_shape other = g->nodes[input[i].id]->shape;
    if (il_shape_common(common, other, &common)) continue;
    char a[96], b[96];
    il_fail(g->context, IL_ERROR_SHAPE, "%s: shapes %s and %s do not broadcast", function,
            il_shape_text(common, a), il_shape_text(other, b));
    return (il_value){0};
  }
  il_value operands[3];
  for (int i = 0; i < inputs; i++) {
    operands[i] = il_build_broadcast(g, function, input[i], common);
    if (!operands[i].id) return (il_value){0};
  }
  return il_node_make(g, function, op, inputs, operands, NULL, common);
}

/* The order of a row's operands is the order of its builder's. */
#define BUILDER_1(id, name)                                                                        \
  il_value il_##name(il_graph *g, il_value a) {                                                    \
    return il_build_elementwise(g, "il_" #name, IL_OP_##id, 1, (il_value[]){a});                   \
  }
#define BUILDER_2(id, name)                                                                        \
  il_value il_##name(il_graph *g, il_value a, il_value b) {                                        \
    return il_build_elementwise(g, "il_" #name, IL_OP_##id, 2, (il_value[]){a, b});                \
  }
#define BUILDER_3(id, name)                                                                        \
  il_value il_##name(il_graph *g, il_value a, il_value b, il_value c) {                            \
    return il_build_elementwise(g, "il_" #name, IL_OP_##id, 3, (il_value[]){a, b, c});             \
  }
#define IL_ELEMENTWISE(id, name, arity, formula, value, d0, d1, d2, low, high, flops)              \
  BUILDER_##arity(id, name)
#include "op/elementwise.def"
#undef IL_ELEMENTWISE

static il_value with_number(il_graph *g, const char *function, il_op op, il_value a,
                            double number) {
  if (!il_node_operands(g, function, 1, &a)) return (il_value){0};
  il_value constant = il_build_constant(g, function, number, g->nodes[a.id]->shape);
  if (!constant.id) return (il_value){0};
  return il_build_elementwise(g, function, op, 2, (il_value[]){a, constant});
}

il_value il_scale(il_graph *g, il_value a, double factor) {
  return with_number(g, "il_scale", IL_OP_MUL, a, factor);
}

il_value il_shift(il_graph *g, il_value a, double term) {
  return with_number(g, "il_shift", IL_OP_ADD, a, term);
}
