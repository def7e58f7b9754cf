/* Where derivatives end or begin: stop_gradient, leaf and the mean over tasks. */
#include "graph/ops/ops.h"

static bool infer_same(il_infer *m) {
  m->shape = il_operand(m, 0)->shape;
  return il_expect_real(m, 0);
}
/* Of any type: derivatives do not ask for what is not real. */
static bool infer_leaf(il_infer *m) {
  m->shape = il_operand(m, 0)->shape;
  m->type = il_operand(m, 0)->type;
  return true;
}
static il_value fold_stop(il_graph *g, const il_infer *m) {
  double number;
  const il_node *a = il_operand(m, 0);
  return il_is_constant(g, m->input[0], &number) || a->op == IL_OP_STOP_GRADIENT ? m->input[0]
                                                                                 : (il_value){0};
}
static void reference_same(const il_graph *g, const il_node *node, const void *const *in,
                           void *out) {
  (void)g;
  memcpy(out, in[0], (size_t)il_shape_count(node->shape) * il_type_size(node->type));
}
static il_value sample_stop(il_graph *g, int i) {
  return i < 1 ? il_stop_gradient(g, il_op_sample_input(g, IL_SHAPE(3), -2, 2, 0)) : (il_value){0};
}
static il_value rule_same(il_graph *g, il_value node, int index, il_value v) {
  (void)g, (void)node, (void)index;
  return v;
}
static il_value sample_leaf(il_graph *g, int i) {
  if (i >= 2) return (il_value){0};
  const il_value x = il_op_sample_input(g, IL_SHAPE(3), -2, 2, 0);
  return i ? il_sub(g, il_leaf(g, il_neg(g, x)), il_leaf(g, il_leaf(g, x))) : il_leaf(g, x);
}
static const il_field leaf_fields[] = {
    IL_ATTR_FIELD("serial", IL_FIELD_INT64, offsetof(il_attr_serial, serial), 1), {0}};
static il_value rule_refuse(il_graph *g, il_value node, int index, il_value v) {
  (void)node, (void)index, (void)v;
  il_fail(g->context, IL_ERROR_UNSUPPORTED,
          "il_task_mean has no derivative: differentiate within the task, then average");
  return (il_value){0};
}
static void reference_mean(const il_graph *g, const il_node *node, const void *const *in,
                           void *out) {
  (void)g, (void)node, (void)in, (void)out; /* made by whoever runs the tasks */
}

const il_op_info il_op_stop_gradient = {
    .name = "stop_gradient",
    .formula = "y = a, derivative 0",
    .arity = 1,
    .flags = IL_FLAG_MOVES | IL_FLAG_CONSTANT_DERIVATIVE,
    .infer = infer_same,
    .vjp = il_rule_zero,
    .jvp = il_rule_zero,
    .fold = fold_stop,
    .reference = reference_same,
    .sample = sample_stop,
};
const il_op_info il_op_leaf = {
    .name = "leaf",
    .formula = "y = a, a value of its own: folding and interning do not look through it",
    .arity = 1,
    .flags = IL_FLAG_LINEAR0 | IL_FLAG_MOVES,
    .attr_size = sizeof(il_attr_serial),
    .fields = leaf_fields,
    .infer = infer_leaf,
    .vjp = rule_same,
    .jvp = rule_same,
    .reference = reference_same,
    .sample = sample_leaf,
};
const il_op_info il_op_task_mean = {
    .name = "task_mean",
    .formula = "y = (1/tasks)·Σ_task a, neighbours first",
    .arity = 1,
    .infer = infer_same,
    .vjp = rule_refuse,
    .jvp = rule_refuse,
    .reference = reference_mean,
};
