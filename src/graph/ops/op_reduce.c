/* Reductions: sum, max, argmax. */
#include "graph/fold.h"
#include "graph/ops/ops.h"

/* The operand with neighbouring axes of one kind joined and axes of size 1 dropped. */
typedef struct il_collapsed {
  int rank;
  int64_t dim[IL_MAX_RANK], stride[IL_MAX_RANK];
  uint32_t reduced;
  int64_t results, terms;
} il_collapsed;

static il_collapsed collapse(il_shape shape, int64_t axes) {
  il_collapsed c = {.results = 1, .terms = 1};
  for (int i = 0; i < shape.rank; i++) {
    const uint32_t reduced = axes >> i & 1;
    *(reduced ? &c.terms : &c.results) *= shape.dim[i];
    if (shape.dim[i] == 1) continue;
    if (c.rank > 0 && (c.reduced >> (c.rank - 1) & 1) == reduced) {
      c.dim[c.rank - 1] *= shape.dim[i];
    } else {
      c.dim[c.rank] = shape.dim[i];
      c.reduced |= reduced << c.rank++;
    }
  }
  int64_t step = 1;
  for (int i = c.rank - 1; i >= 0; i--) {
    c.stride[i] = step;
    step *= c.dim[i];
  }
  return c;
}

/* Offset of term `r` of result `o`; with skip_last, r counts whole runs of the last (reduced) axis. */
static int64_t il_collapsed_offset(const il_collapsed *c, int64_t o, int64_t r, bool skip_last) {
  int64_t at = 0;
  for (int i = c->rank - 1 - skip_last; i >= 0; i--) {
    int64_t *index = c->reduced >> i & 1 ? &r : &o;
    at += *index % c->dim[i] * c->stride[i];
    *index /= c->dim[i];
  }
  return at;
}

#include "op/as_float.h"
#include "graph/ops/reduce_loop.inc"
#include "op/as_double.h"
#include "graph/ops/reduce_loop.inc"

static int64_t axes_of(const il_node *n) { return ((const il_attr_axes *)n->attr)->axes; }

static bool infer_reduce(il_infer *m) {
  const il_node *a = il_operand(m, 0);
  const int64_t axes = ((const il_attr_axes *)m->attr)->axes;
  if (!il_expect_real(m, 0)) return false;
  if (axes >> a->shape.rank) {
    char text[96];
    il_fail(m->graph->context, IL_ERROR_ARGUMENT, "%s: axes 0x%llx name an axis beyond those of %s",
            m->function, (unsigned long long)axes, il_shape_text(a->shape, text));
    return false;
  }
  m->shape = a->shape;
  for (int i = 0; i < a->shape.rank; i++)
    if (axes >> i & 1) m->shape.dim[i] = 1;
  return true;
}
static il_value vjp_sum(il_graph *g, il_value node, int index, il_value ct) {
  (void)index;
  return il_broadcast(g, ct, il_input_node(g, il_node_of(g, node), 0)->shape);
}
static il_value jvp_sum(il_graph *g, il_value node, int index, il_value t) {
  (void)index;
  return il_sum(g, t, (uint32_t)axes_of(il_node_of(g, node)));
}
static double flops_reduce(const il_graph *g, const il_node *node) {
  return (double)il_shape_count(il_input_node(g, node, 0)->shape);
}
static void reference_sum(const il_graph *g, const il_node *node, const void *const *in,
                          void *out) {
  const il_collapsed c = collapse(il_input_node(g, node, 0)->shape, axes_of(node));
  if (node->type == IL_FLOAT32)
    sum_float(&c, in[0], out);
  else
    sum_double(&c, in[0], out);
}
static il_value sample_sum(il_graph *g, int i) {
  static const uint32_t axes[] = {1, 2, 4, 5, 7, 3};
  if (i == 6) /* axes of size 1 do not count as the last one, nor between two of a kind */
    return il_sum(g, il_op_sample_input(g, IL_SHAPE(2, 19, 1), -2, 2, 0), 2);
  if (i == 7) return il_sum(g, il_op_sample_input(g, IL_SHAPE(2, 3, 1, 17), -2, 2, 0), 10);
  return i < 6 ? il_sum(g, il_op_sample_input(g, IL_SHAPE(3, 2, 19), -2, 2, 0), axes[i])
               : (il_value){0};
}

/* Ties share the derivative equally. */
static il_value share(il_graph *g, il_value node) {
  const il_node *n = il_node_of(g, node);
  const il_value mask =
      il_equal(g, n->input[0], il_broadcast(g, node, il_input_node(g, n, 0)->shape));
  return il_div(g, mask, il_sum(g, mask, (uint32_t)axes_of(n)));
}
static il_value vjp_max(il_graph *g, il_value node, int index, il_value ct) {
  (void)index;
  return il_mul(g, ct, share(g, node));
}
static il_value jvp_max(il_graph *g, il_value node, int index, il_value t) {
  (void)index;
  return il_sum(g, il_mul(g, t, share(g, node)), (uint32_t)axes_of(il_node_of(g, node)));
}
static il_value fold_max(il_graph *g, const il_infer *m) {
  double number;
  if (il_shape_equal(il_operand(m, 0)->shape, m->shape)) return m->input[0];
  return il_is_constant(g, m->input[0], &number) ? il_constant(g, number, m->shape) : (il_value){0};
}
static void reference_max(const il_graph *g, const il_node *node, const void *const *in,
                          void *out) {
  const il_collapsed c = collapse(il_input_node(g, node, 0)->shape, axes_of(node));
  if (node->type == IL_FLOAT32)
    max_float(&c, in[0], out);
  else
    max_double(&c, in[0], out);
}
static il_value sample_max(il_graph *g, int i) {
  static const uint32_t axes[] = {1, 4, 6};
  return i < 3 ? il_max(g, il_op_sample_input(g, IL_SHAPE(3, 2, 4), -2, 2, 0.02), axes[i])
               : (il_value){0};
}

static bool infer_argmax(il_infer *m) {
  const il_node *a = il_operand(m, 0);
  const int64_t axis = ((const il_attr_axis *)m->attr)->axis;
  if (!il_expect_real(m, 0)) return false;
  if (axis < 0 || axis >= a->shape.rank) {
    il_fail(m->graph->context, IL_ERROR_ARGUMENT, "%s: axis is %lld, expected 0…%d", m->function,
            (long long)axis, a->shape.rank - 1);
    return false;
  }
  m->shape = a->shape;
  m->shape.dim[axis] = 1;
  m->type = IL_INT32;
  return true;
}
static void reference_argmax(const il_graph *g, const il_node *node, const void *const *in,
                             void *out) {
  const il_node *a = il_input_node(g, node, 0);
  const int64_t axis = ((const il_attr_axis *)node->attr)->axis;
  int64_t outer = 1, inner = 1;
  for (int64_t i = 0; i < axis; i++) outer *= a->shape.dim[i];
  for (int64_t i = axis + 1; i < a->shape.rank; i++) inner *= a->shape.dim[i];
  if (a->type == IL_FLOAT32)
    argmax_float(outer, a->shape.dim[axis], inner, in[0], out);
  else
    argmax_double(outer, a->shape.dim[axis], inner, in[0], out);
}
static il_value sample_argmax(il_graph *g, int i) {
  return i < 2 ? il_argmax(g, il_op_sample_input(g, IL_SHAPE(3, 4), -2, 2, 0.02), i)
               : (il_value){0};
}

static const il_field axes_fields[] = {
    IL_ATTR_FIELD("axes", IL_FIELD_INT64, offsetof(il_attr_axes, axes), 1), {0}};
static const il_field axis_fields[] = {
    IL_ATTR_FIELD("axis", IL_FIELD_INT64, offsetof(il_attr_axis, axis), 1), {0}};
const il_op_info il_op_sum = {
    .name = "sum",
    .formula = "y = Σ_{axes} a; the axes stay with size 1",
    .arity = 1,
    .flags = IL_FLAG_LINEAR0,
    .attr_size = sizeof(il_attr_axes),
    .fields = axes_fields,
    .infer = infer_reduce,
    .vjp = vjp_sum,
    .jvp = jvp_sum,
    .fold = il_fold_sum,
    .flops = flops_reduce,
    .reference = reference_sum,
    .sample = sample_sum,
};
const il_op_info il_op_max = {
    .name = "max",
    .formula = "y = max_{axes} a; the axes stay with size 1",
    .arity = 1,
    .attr_size = sizeof(il_attr_axes),
    .fields = axes_fields,
    .infer = infer_reduce,
    .vjp = vjp_max,
    .jvp = jvp_max,
    .fold = fold_max,
    .flops = flops_reduce,
    .reference = reference_max,
    .sample = sample_max,
};
const il_op_info il_op_argmax = {
    .name = "argmax",
    .formula = "y = index of the first largest a along axis, which stays with size 1",
    .arity = 1,
    .flags = IL_FLAG_CONSTANT_DERIVATIVE,
    .attr_size = sizeof(il_attr_axis),
    .fields = axis_fields,
    .infer = infer_argmax,
    .vjp = il_rule_zero,
    .jvp = il_rule_zero,
    .flops = flops_reduce,
    .reference = reference_argmax,
    .sample = sample_argmax,
};
