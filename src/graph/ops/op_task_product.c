/* The mean over tasks of sums of outer products. Its plain loop adds ONE task to the sums: whoever runs the
 * tasks zeroes them before the first and divides them after the last. */
#include "graph/ops/ops.h"

#include "op/as_float.h"
#include "graph/ops/task_product_loop.inc"
#include "op/as_double.h"
#include "graph/ops/task_product_loop.inc"

static bool infer_product(il_infer *m) {
  const il_shape first = il_operand(m, 0)->shape, second = il_operand(m, m->inputs > 1)->shape;
  if (m->inputs > 2 * IL_TASK_PRODUCT_PAIRS) {
    il_fail(m->graph->context, IL_ERROR_ARGUMENT, "%s: %d pairs, expected at most %d", m->function,
            m->inputs / 2, (int)IL_TASK_PRODUCT_PAIRS);
    return false;
  }
  for (int i = 0; i < m->inputs; i++) {
    const il_node *x = il_operand(m, i), *pair = il_operand(m, i - i % 2);
    if (!il_expect_real(m, i)) return false;
    if (x->when != IL_PER_TASK) {
      il_fail(m->graph->context, IL_ERROR_STAGE,
              "%s: operand %d is a shared value, expected one per task", m->function, i + 1);
      return false;
    }
    char text[96];
    if (m->inputs % 2 == 0 && x->shape.rank == 2 && x->shape.dim[0] == pair->shape.dim[0] &&
        x->shape.dim[1] == (i % 2 ? second : first).dim[1])
      continue;
    il_fail(m->graph->context, IL_ERROR_SHAPE,
            "%s: operand %d has shape %s; expected pairs [rows, m] and [rows, n] of equal rows, m "
            "and n the same in all",
            m->function, i + 1, il_shape_text(x->shape, text));
    return false;
  }
  m->shape = IL_SHAPE(first.dim[1], second.dim[1]);
  return true;
}
static il_value rule_refuse(il_graph *g, il_value node, int index, il_value v) {
  (void)node, (void)index, (void)v;
  il_fail(g->context, IL_ERROR_UNSUPPORTED,
          "il_task_product has no derivative: differentiate within the task, then average");
  return (il_value){0};
}
/* Of one task. */
static double flops_product(const il_graph *g, const il_node *n) {
  double rows = 0;
  for (int i = 0; i < n->inputs; i += 2) rows += (double)il_input_node(g, n, i)->shape.dim[0];
  return 2 * rows * (double)il_shape_count(n->shape);
}
static void reference_product(const il_graph *g, const il_node *n, const void *const *in,
                              void *out) {
  const int64_t rows = n->shape.dim[0], columns = n->shape.dim[1];
  for (int i = 0; i < n->inputs; i += 2) {
    const int64_t inner = il_input_node(g, n, i)->shape.dim[0];
    if (n->type == IL_FLOAT32)
      task_product_float(inner, rows, columns, in[i], in[i + 1], out);
    else
      task_product_double(inner, rows, columns, in[i], in[i + 1], out);
  }
}

const il_op_info il_op_task_product = {
    .name = "task_product",
    .formula = "y[m,n] = (1/tasks)·Σ_task Σ_pair Σ_row a[row,m]·b[row,n]",
    .arity = -1,
    .infer = infer_product,
    .vjp = rule_refuse,
    .jvp = rule_refuse,
    .flops = flops_product,
    .reference = reference_product,
};
