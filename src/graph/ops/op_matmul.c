/* Batched matrix product with transposed operands. */
#include "graph/ops/ops.h"

#include "op/as_float.h"
#include "graph/ops/matmul_loop.inc"
#include "op/as_double.h"
#include "graph/ops/matmul_loop.inc"

static const il_attr_matmul *attr_of(const il_node *n) { return n->attr; }

static bool infer_matmul(il_infer *m) {
  const il_node *a = il_operand(m, 0), *b = il_operand(m, 1);
  const il_attr_matmul *t = m->attr;
  if (!il_expect_real(m, 0) || !il_expect_real(m, 1)) return false;
  const int r = a->shape.rank;
  bool fits = r >= 2 && b->shape.rank == r;
  for (int i = 0; fits && i < r - 2; i++) fits = a->shape.dim[i] == b->shape.dim[i];
  fits = fits && a->shape.dim[t->transpose_a ? r - 2 : r - 1] ==
                     b->shape.dim[t->transpose_b ? r - 1 : r - 2];
  if (!fits) {
    char x[96], y[96];
    il_fail(m->graph->context, IL_ERROR_SHAPE,
            "%s: %s%s times %s%s; expected [b…, m, k] times [b…, k, n]", m->function,
            il_shape_text(a->shape, x), t->transpose_a ? " transposed" : "",
            il_shape_text(b->shape, y), t->transpose_b ? " transposed" : "");
    return false;
  }
  m->shape = a->shape;
  m->shape.dim[r - 2] = a->shape.dim[t->transpose_a ? r - 1 : r - 2];
  m->shape.dim[r - 1] = b->shape.dim[t->transpose_b ? r - 2 : r - 1];
  return true;
}
static il_value vjp_matmul(il_graph *g, il_value node, int index, il_value ct) {
  const il_node *n = il_node_of(g, node);
  const bool ta = attr_of(n)->transpose_a, tb = attr_of(n)->transpose_b;
  const il_value a = n->input[0], b = n->input[1];
  if (index == 0) return ta ? il_matmul(g, b, ct, tb, true) : il_matmul(g, ct, b, false, !tb);
  return tb ? il_matmul(g, ct, a, true, ta) : il_matmul(g, a, ct, !ta, false);
}
static il_value jvp_matmul(il_graph *g, il_value node, int index, il_value t) {
  const il_node *n = il_node_of(g, node);
  return il_matmul(g, index ? n->input[0] : t, index ? t : n->input[1], attr_of(n)->transpose_a,
                   attr_of(n)->transpose_b);
}
static il_value fold_matmul(il_graph *g, const il_infer *m) {
  double number;
  for (int i = 0; i < 2; i++)
    if (il_is_constant(g, m->input[i], &number) && number == 0) return il_constant(g, 0, m->shape);
  return (il_value){0};
}
static int64_t inner(const il_graph *g, const il_node *n) {
  const il_shape a = il_input_node(g, n, 0)->shape;
  return a.dim[attr_of(n)->transpose_a ? a.rank - 2 : a.rank - 1];
}
static double flops_matmul(const il_graph *g, const il_node *n) {
  return 2.0 * (double)il_shape_count(n->shape) * (double)inner(g, n);
}
static void reference_matmul(const il_graph *g, const il_node *n, const void *const *in,
                             void *out) {
  const int r = n->shape.rank;
  const int64_t rows = n->shape.dim[r - 2], columns = n->shape.dim[r - 1],
                batch = il_shape_count(n->shape) / (rows * columns);
  const bool ta = attr_of(n)->transpose_a, tb = attr_of(n)->transpose_b;
  if (n->type == IL_FLOAT32)
    matmul_float(batch, rows, columns, inner(g, n), ta, tb, in[0], in[1], out);
  else
    matmul_double(batch, rows, columns, inner(g, n), ta, tb, in[0], in[1], out);
}
static il_value sample_matmul(il_graph *g, int i) {
  if (i >= 8) return (il_value){0};
  const bool ta = i & 1, tb = i & 2, batched = i & 4;
  il_shape a = ta ? IL_SHAPE(4, 3) : IL_SHAPE(3, 4), b = tb ? IL_SHAPE(2, 4) : IL_SHAPE(4, 2);
  if (batched) {
    a = ta ? IL_SHAPE(2, 5, 1) : IL_SHAPE(2, 1, 5);
    b = tb ? IL_SHAPE(2, 3, 5) : IL_SHAPE(2, 5, 3);
  }
  return il_matmul(g, il_op_sample_input(g, a, -2, 2, 0), il_op_sample_input(g, b, -2, 2, 0), ta,
                   tb);
}

static const il_field matmul_fields[] = {
    IL_ATTR_FIELD("transpose_a", IL_FIELD_INT64, offsetof(il_attr_matmul, transpose_a), 1),
    IL_ATTR_FIELD("transpose_b", IL_FIELD_INT64, offsetof(il_attr_matmul, transpose_b), 1),
    {0}};
const il_op_info il_op_matmul = {
    .name = "matmul",
    .formula = "y[b…,m,n] = Σ_k a[b…,m,k]·b[b…,k,n]",
    .arity = 2,
    .flags = IL_FLAG_LINEAR0 | IL_FLAG_LINEAR1,
    .attr_size = sizeof(il_attr_matmul),
    .fields = matmul_fields,
    .infer = infer_matmul,
    .vjp = vjp_matmul,
    .jvp = jvp_matmul,
    .fold = fold_matmul,
    .flops = flops_matmul,
    .reference = reference_matmul,
    .sample = sample_matmul,
};
