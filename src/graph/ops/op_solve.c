/* Systems of linear equations, for heads that are fitted in closed form. Small ones: a run allocates nothing, so the
 * loop works on its stack. */
#include "base/error.h"
#include "graph/ops/ops.h"

enum { LARGEST = 128 }; /* equations */

#include "op/as_float.h"
#include "graph/ops/solve_loop.inc"
#include "op/as_double.h"
#include "graph/ops/solve_loop.inc"

static bool infer_solve(il_infer *m) {
  const il_node *a = il_operand(m, 0), *b = il_operand(m, 1);
  if (!il_expect_real(m, 0) || !il_expect_real(m, 1)) return false;
  char x[96], y[96];
  if (a->shape.rank != 2 || b->shape.rank != 2 || a->shape.dim[0] != a->shape.dim[1] ||
      a->shape.dim[0] != b->shape.dim[0]) {
    il_fail(m->graph->context, IL_ERROR_SHAPE, "%s: a is %s and b %s; expected [n,n] and [n,m]",
            m->function, il_shape_text(a->shape, x), il_shape_text(b->shape, y));
    return false;
  }
  if (a->shape.dim[0] > LARGEST) {
    il_fail(m->graph->context, IL_ERROR_UNSUPPORTED, "%s: %lld equations; expected at most %d",
            m->function, (long long)a->shape.dim[0], LARGEST);
    return false;
  }
  m->shape = b->shape;
  return true;
}

/* y = a⁻¹b: dy = a⁻¹(db − da·y). */
static il_value vjp_solve(il_graph *g, il_value node, int index, il_value ct) {
  const il_value at = il_transpose(g, il_node_of(g, node)->input[0], (const int[]){1, 0});
  const il_value by_b = il_solve(g, at, ct);
  return index ? by_b : il_neg(g, il_matmul(g, by_b, node, false, true));
}
static il_value jvp_solve(il_graph *g, il_value node, int index, il_value t) {
  const il_value a = il_node_of(g, node)->input[0];
  return index ? il_solve(g, a, t) : il_neg(g, il_solve(g, a, il_matmul(g, t, node, false, false)));
}
static il_value fold_solve(il_graph *g, const il_infer *m) {
  double number;
  if (il_is_constant(g, m->input[1], &number) && number == 0) return il_constant(g, 0, m->shape);
  return (il_value){0};
}
static double flops_solve(const il_graph *g, const il_node *n) {
  (void)g;
  const double rows = (double)n->shape.dim[0], columns = (double)n->shape.dim[1];
  return 2 * rows * rows * (rows / 3 + columns);
}
static void reference_solve(const il_graph *g, const il_node *n, const void *const *in, void *out) {
  (void)g;
  if (n->type == IL_FLOAT32)
    solve_float(n->shape.dim[0], n->shape.dim[1], in[0], in[1], out);
  else
    solve_double(n->shape.dim[0], n->shape.dim[1], in[0], in[1], out);
}
static il_value sample_solve(il_graph *g, int i) {
  static const int64_t size[][2] = {{1, 1}, {2, 3}, {4, 2}};
  if (i >= 3) return (il_value){0};
  const int64_t n = size[i][0];
  const il_value a = il_op_sample_input(g, IL_SHAPE(n, n), 1, 3, 0);
  return il_solve(g, a, il_op_sample_input(g, IL_SHAPE(n, size[i][1]), -2, 2, 0));
}

const il_op_info il_op_solve = {
    .name = "solve",
    .formula = "y[n,m] = a[n,n]⁻¹·b[n,m]",
    .arity = 2,
    .flags = IL_FLAG_LINEAR1,
    .infer = infer_solve,
    .vjp = vjp_solve,
    .jvp = jvp_solve,
    .fold = fold_solve,
    .flops = flops_solve,
    .reference = reference_solve,
    .sample = sample_solve,
};
