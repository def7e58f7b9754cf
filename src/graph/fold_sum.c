/* Algebra on sums while they are built: what is the same along the summed axes leaves the sum, and what
 * sums to zero by its making vanishes. It turns the derivative of a normalisation into two sums and one pass
 * over the data, for every order of derivative. */
#include "graph/build.h"
#include "graph/fold.h"

/* One sum being looked at: over `axes`, with a result of shape `shape`. */
typedef struct sum {
  il_graph *g;
  const char *function;
  int64_t axes;
  il_shape shape;
} sum;

enum { DEEPEST = 6 }; /* terms inside of terms; derivatives of normalisation need three */

static il_value binary(const sum *s, il_op op, il_value a, il_value b) {
  return il_build_elementwise(s->g, s->function, op, 2, (il_value[]){a, b});
}

/* v where it is the same along the summed axes: that part of it, of the sum's shape; else {0}. */
static il_value steady(const sum *s, il_value v) {
  double number;
  if (il_is_constant(s->g, v, &number))
    return il_build_constant(s->g, s->function, number, s->shape);
  const il_node *node = il_node_of(s->g, v);
  if (node->op != IL_OP_BROADCAST) return (il_value){0};
  const il_shape from = il_node_of(s->g, node->input[0])->shape;
  for (int i = 0; i < from.rank; i++)
    if (s->axes >> i & 1 && from.dim[i] != 1) return (il_value){0};
  il_fold_opens(s->g, v);
  return il_build_broadcast(s->g, s->function, node->input[0], s->shape);
}

/* v = a - mean(a) over the summed axes. */
static bool centred(const sum *s, il_value v) {
  const il_node *node = il_node_of(s->g, v);
  if (node->op != IL_OP_SUB) return false;
  const il_node *spread = il_node_of(s->g, node->input[1]);
  if (spread->op != IL_OP_BROADCAST) return false;
  const il_node *mean = il_node_of(s->g, spread->input[0]);
  if (mean->op != IL_OP_MUL) return false;
  const double count = (double)(il_shape_count(node->shape) / il_shape_count(s->shape));
  const il_value share = il_build_constant(s->g, s->function, 1 / count, s->shape);
  const int at =
      mean->input[0].id == share.id ? 1 : 0; /* products are kept in order of their ids */
  if (mean->input[1 - at].id != share.id) return false;
  const il_node *total = il_node_of(s->g, mean->input[at]);
  if (total->op != IL_OP_SUM || total->input[0].id != node->input[0].id ||
      ((const il_attr_axes *)total->attr)->axes != s->axes)
    return false;
  const il_value opened[] = {v, node->input[1], spread->input[0], mean->input[at]};
  for (int i = 0; i < 4; i++) il_fold_opens(s->g, opened[i]);
  return true;
}

static il_value cheap(const sum *s, il_value v, int depth);

static il_value cheap_by_definition(const sum *s, il_value v, int depth) {
  const il_node *node = il_node_of(s->g, v);
  il_value part = steady(s, v);
  if (part.id) {
    const double count = (double)(il_shape_count(node->shape) / il_shape_count(s->shape));
    return binary(s, IL_OP_MUL, part, il_build_constant(s->g, s->function, count, s->shape));
  }
  if (centred(s, v)) return il_build_constant(s->g, s->function, 0, s->shape);
  if (depth == DEEPEST) return (il_value){0};
  const il_value a = node->inputs > 0 ? node->input[0] : (il_value){0};
  const il_value b = node->inputs > 1 ? node->input[1] : (il_value){0};
  switch (node->op) { /* what is linear */
  case IL_OP_NEG:
    part = cheap(s, a, depth + 1);
    return part.id ? il_build_elementwise(s->g, s->function, IL_OP_NEG, 1, &part) : part;
  case IL_OP_MUL:
  case IL_OP_DIV: {
    il_value factor = steady(s, b), other = a;
    if (!factor.id && node->op == IL_OP_MUL) {
      factor = steady(s, a);
      other = b;
    }
    part = factor.id ? cheap(s, other, depth + 1) : (il_value){0};
    return part.id ? binary(s, node->op, part, factor) : part;
  }
  case IL_OP_ADD:
  case IL_OP_SUB: {
    const il_value left = cheap(s, a, depth + 1);
    const il_value right = left.id ? cheap(s, b, depth + 1) : left;
    return right.id ? binary(s, node->op, left, right) : right;
  }
  default: return (il_value){0};
  }
}

/* The sum of v where it takes no pass over v's elements, else {0}. */
static il_value cheap(const sum *s, il_value v, int depth) {
  const uint32_t before = s->g->hidden.opens;
  const il_value found = cheap_by_definition(s, v, depth);
  if (found.id)
    il_fold_opens(s->g, v);
  else
    s->g->hidden.opens = before; /* nothing came of it */
  return found;
}

static il_value sum_of(const sum *s, il_value v) {
  return il_node_make(s->g, s->function, IL_OP_SUM, 1, &v, &(il_attr_axes){s->axes},
                      il_shape_scalar());
}

/* What a pool scatters, or its product with an image: what has the same sum on the pooled side. */
static il_value on_pooled_side(const sum *s, il_value v) {
  const il_node *scatter = il_fold_scattered(s->g, v, s->axes);
  if (scatter) {
    il_fold_opens(s->g, v);
    return scatter->input[1];
  }
  const il_node *node = il_node_of(s->g, v);
  if (node->op != IL_OP_MUL) return (il_value){0};
  for (int i = 0; i < 2; i++) {
    scatter = il_fold_scattered(s->g, node->input[i], s->axes);
    if (!scatter) continue;
    il_fold_opens(s->g, v);
    il_fold_opens(s->g, node->input[i]);
    return binary(s, IL_OP_MUL, scatter->input[1],
                  il_fold_pooled(s->g, node->input[1 - i], scatter));
  }
  return (il_value){0};
}

il_value il_fold_sum(il_graph *g, const il_infer *made) {
  const sum s = {g, made->function, ((const il_attr_axes *)made->attr)->axes, made->shape};
  const il_value v = made->input[0];
  const il_node *node = il_node_of(g, v);
  if (il_shape_equal(node->shape, made->shape)) return v;
  const il_value known = cheap(&s, v, 0);
  if (known.id) return known;
  const il_value pooled = on_pooled_side(&s, v);
  if (pooled.id) return sum_of(&s, pooled);
  il_fold_opens(g, v); /* whatever follows goes by it; without a result it is forgotten */
  const il_value a = node->inputs > 0 ? node->input[0] : (il_value){0};
  const il_value b = node->inputs > 1 ? node->input[1] : (il_value){0};
  if (node->op == IL_OP_NEG) {
    const il_value part = sum_of(&s, a);
    return il_build_elementwise(g, s.function, IL_OP_NEG, 1, &part);
  }
  if (node->op == IL_OP_MUL || node->op == IL_OP_DIV) {
    il_value factor = steady(&s, b);
    if (factor.id) return binary(&s, node->op, sum_of(&s, a), factor);
    factor = node->op == IL_OP_MUL ? steady(&s, a) : (il_value){0};
    if (factor.id) return binary(&s, IL_OP_MUL, factor, sum_of(&s, b));
  }
  /* Two sums instead of one pay only where one of them costs no pass over the elements. */
  if (node->op == IL_OP_ADD || node->op == IL_OP_SUB) {
    const il_value left = cheap(&s, a, 0);
    if (left.id) return binary(&s, node->op, left, sum_of(&s, b));
    const il_value right = cheap(&s, b, 0);
    if (right.id) return binary(&s, node->op, sum_of(&s, a), right);
    if (on_pooled_side(&s, a).id || on_pooled_side(&s, b).id)
      return binary(&s, node->op, sum_of(&s, a), sum_of(&s, b));
  }
  return (il_value){0};
}
