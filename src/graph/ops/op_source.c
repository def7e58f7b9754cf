/* Where values come from: inputs, constants, casts. */
#include "graph/ops/ops.h"

static bool infer_input(il_infer *m) {
  (void)m;
  return true;
}
static bool infer_constant(il_infer *m) {
  m->type = m->graph->real;
  return true;
}
static void reference_input(const il_graph *g, const il_node *node, const void *const *in,
                            void *out) {
  (void)g, (void)node, (void)in, (void)out; /* bound by the caller */
}
static void reference_constant(const il_graph *g, const il_node *node, const void *const *in,
                               void *out) {
  (void)g, (void)in;
  const double number = ((const il_attr_constant *)node->attr)->number;
  const int64_t count = il_shape_count(node->shape);
  for (int64_t i = 0; i < count; i++)
    if (node->type == IL_FLOAT32)
      ((float *)out)[i] = (float)number;
    else
      ((double *)out)[i] = number;
}

static bool infer_cast(il_infer *m) {
  m->type = m->graph->real;
  m->shape = il_operand(m, 0)->shape;
  return true;
}
static void reference_cast(const il_graph *g, const il_node *node, const void *const *in,
                           void *out) {
  const il_type from = il_input_node(g, node, 0)->type;
  const int64_t count = il_shape_count(node->shape);
  for (int64_t i = 0; i < count; i++) {
    const double x = from == IL_UINT8     ? ((const uint8_t *)in[0])[i]
                     : from == IL_INT32   ? ((const int32_t *)in[0])[i]
                     : from == IL_FLOAT32 ? (double)((const float *)in[0])[i]
                                          : ((const double *)in[0])[i];
    if (node->type == IL_FLOAT32)
      ((float *)out)[i] = (float)x;
    else
      ((double *)out)[i] = x;
  }
}
static il_value sample_cast(il_graph *g, int i) {
  return i == 0 ? il_cast(g, il_op_sample_index(g, IL_SHAPE(3, 2), 5)) : (il_value){0};
}

static bool infer_index(il_infer *m) {
  if (!il_expect_real(m, 0)) return false;
  m->type = IL_INT32;
  m->shape = il_operand(m, 0)->shape;
  return true;
}
static void reference_index(const il_graph *g, const il_node *node, const void *const *in,
                            void *out) {
  const bool narrow = il_input_node(g, node, 0)->type == IL_FLOAT32;
  const int64_t count = il_shape_count(node->shape);
  for (int64_t i = 0; i < count; i++) {
    const double x = narrow ? (double)((const float *)in[0])[i] : ((const double *)in[0])[i];
    const double near = x < 0 ? x - 0.5 : x + 0.5; /* NaN is smaller than nothing */
    ((int32_t *)out)[i] = near > -0x1p31    ? near < 0x1p31 ? (int32_t)near : INT32_MAX
                          : near <= -0x1p31 ? INT32_MIN
                                            : 0;
  }
}
static il_value sample_index(il_graph *g, int i) {
  return i == 0 ? il_index(g, il_op_sample_input(g, IL_SHAPE(3, 4), -2, 2, 0.02)) : (il_value){0};
}

static const il_field input_fields[] = {
    IL_ATTR_FIELD("index", IL_FIELD_INT64, offsetof(il_attr_input, index), 1), {0}};
const il_op_info il_op_input = {
    .name = "input",
    .formula = "y = the caller's tensor",
    .flags = IL_FLAG_CONSTANT_DERIVATIVE,
    .attr_size = sizeof(il_attr_input),
    .fields = input_fields,
    .infer = infer_input,
    .vjp = il_rule_zero,
    .jvp = il_rule_zero,
    .reference = reference_input,
};

static const il_field constant_fields[] = {
    IL_ATTR_FIELD("number", IL_FIELD_DOUBLE, offsetof(il_attr_constant, number), 1), {0}};
const il_op_info il_op_constant = {
    .name = "constant",
    .formula = "y = number, everywhere",
    .flags = IL_FLAG_CONSTANT_DERIVATIVE,
    .attr_size = sizeof(il_attr_constant),
    .fields = constant_fields,
    .infer = infer_constant,
    .vjp = il_rule_zero,
    .jvp = il_rule_zero,
    .reference = reference_constant,
};

const il_op_info il_op_cast = {
    .name = "cast",
    .formula = "y = (real) a",
    .arity = 1,
    .flags = IL_FLAG_CONSTANT_DERIVATIVE,
    .infer = infer_cast,
    .vjp = il_rule_zero,
    .jvp = il_rule_zero,
    .reference = reference_cast,
    .sample = sample_cast,
};

const il_op_info il_op_index = {
    .name = "index",
    .formula = "y = the int32 nearest to a; 0 of NaN",
    .arity = 1,
    .flags = IL_FLAG_CONSTANT_DERIVATIVE,
    .infer = infer_index,
    .vjp = il_rule_zero,
    .jvp = il_rule_zero,
    .reference = reference_index,
    .sample = sample_index,
};
