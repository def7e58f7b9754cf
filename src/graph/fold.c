/* Algebra on elementwise operations while they are built. Every rule gives a value of the same shape and
 * type, computed with at most as many operations. Rules that would regroup sums or products of constants
 * are left out: they change rounding without saving a run-time operation of weight. */
#include "graph/fold.h"

#include "graph/build.h"

static il_value make(il_graph *g, const il_infer *made, il_op op, il_value a, il_value b) {
  il_value operands[2] = {a, b};
  return il_node_make(g, made->function, op, b.id ? 2 : 1, operands, NULL, made->shape);
}

static il_value negate(il_graph *g, const il_infer *made, il_value a) {
  return make(g, made, IL_OP_NEG, a, (il_value){0});
}

static il_value fill(il_graph *g, const il_infer *made, double number) {
  return il_build_constant(g, made->function, number, made->shape);
}

static bool is(const il_graph *g, il_value v, double expected) {
  double number;
  return il_is_constant(g, v, &number) && number == expected;
}

/* v = -x: x, else {0}. */
static il_value negated(il_graph *g, il_value v) {
  const il_node *node = il_node_of(g, v);
  if (node->op != IL_OP_NEG) return (il_value){0};
  il_fold_opens(g, v);
  return node->input[0];
}

/* v = 1/x: x, else {0}. */
static il_value inverted(il_graph *g, il_value v) {
  const il_node *node = il_node_of(g, v);
  if (node->op != IL_OP_DIV || !is(g, node->input[0], 1)) return (il_value){0};
  il_fold_opens(g, v);
  return node->input[1];
}

static il_value fold_add(il_graph *g, const il_infer *made, il_value a, il_value b) {
  if (is(g, a, 0)) return b;
  if (is(g, b, 0)) return a;
  il_value x = negated(g, b);
  if (x.id) return make(g, made, IL_OP_SUB, a, x);
  x = negated(g, a);
  if (x.id) return make(g, made, IL_OP_SUB, b, x);
  return (il_value){0};
}

static il_value fold_sub(il_graph *g, const il_infer *made, il_value a, il_value b) {
  if (is(g, b, 0)) return a;
  if (is(g, a, 0)) return negate(g, made, b);
  il_value x = negated(g, b);
  if (x.id) return make(g, made, IL_OP_ADD, a, x);
  return (il_value){0};
}

static il_value fold_mul(il_graph *g, const il_infer *made, il_value a, il_value b) {
  if (is(g, a, 0) || is(g, b, 0)) return fill(g, made, 0);
  if (is(g, a, 1)) return b;
  if (is(g, b, 1)) return a;
  if (is(g, a, -1)) return negate(g, made, b);
  if (is(g, b, -1)) return negate(g, made, a);
  il_value x = inverted(g, b);
  if (x.id) return make(g, made, IL_OP_DIV, a, x);
  x = inverted(g, a);
  if (x.id) return make(g, made, IL_OP_DIV, b, x);
  return (il_value){0};
}

static il_value fold_div(il_graph *g, const il_infer *made, il_value a, il_value b) {
  if (is(g, a, 0)) return fill(g, made, 0);
  if (is(g, b, 1)) return a;
  if (is(g, b, -1)) return negate(g, made, a);
  return (il_value){0};
}

static il_value fold_neg(il_graph *g, const il_infer *made, il_value a) {
  const il_node *node = il_node_of(g, a);
  if (node->op == IL_OP_NEG || node->op == IL_OP_SUB) il_fold_opens(g, a);
  if (node->op == IL_OP_NEG) return node->input[0];
  if (node->op == IL_OP_SUB) return make(g, made, IL_OP_SUB, node->input[1], node->input[0]);
  return (il_value){0};
}

static il_value fold_select(const il_graph *g, il_value condition, il_value yes, il_value no) {
  if (yes.id == no.id) return yes;
  double number;
  if (il_is_constant(g, condition, &number)) return number != 0 ? yes : no;
  return (il_value){0};
}

static il_value fold_pow(il_graph *g, const il_infer *made, il_value a, il_value b) {
  if (is(g, b, 0)) return fill(g, made, 1);
  if (is(g, b, 1)) return a;
  return (il_value){0};
}

il_value il_fold_elementwise(il_graph *g, const il_infer *made) {
  const il_value *in = made->input;
  double number[3] = {0};
  int constants = 0;
  while (constants < made->inputs && il_is_constant(g, in[constants], &number[constants]))
    constants++;
  il_op op = IL_OP_NONE;
  for (int i = IL_ELEMENTWISE_FIRST; i < IL_ELEMENTWISE_FIRST + (int)IL_ELEMENTWISE_COUNT; i++)
    if (g->ops[i] == made->info) op = (il_op)i;
  if (op == IL_OP_NONE) return (il_value){0};
  if (constants == made->inputs)
    return fill(g, made, il_elementwise_number(op, g->real, number[0], number[1], number[2]));
  switch (op) {
  case IL_OP_ADD: return fold_add(g, made, in[0], in[1]);
  case IL_OP_SUB: return fold_sub(g, made, in[0], in[1]);
  case IL_OP_MUL: return fold_mul(g, made, in[0], in[1]);
  case IL_OP_DIV: return fold_div(g, made, in[0], in[1]);
  case IL_OP_NEG: return fold_neg(g, made, in[0]);
  case IL_OP_SELECT: return fold_select(g, in[0], in[1], in[2]);
  case IL_OP_POW: return fold_pow(g, made, in[0], in[1]);
  default: return (il_value){0};
  }
}
