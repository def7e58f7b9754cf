/* Draws: element i is a pure function of (key, stream, i). */
#include "base/random.h"
#include "graph/ops/ops.h"
#include "op/math.h"

static bool infer(il_infer *m) {
  if (!il_expect_index(m, 0)) return false;
  const il_shape key = il_operand(m, 0)->shape;
  m->type = m->graph->real;
  if (key.rank == 1 && key.dim[0] == 2) return true;
  char text[96];
  il_fail(m->graph->context, IL_ERROR_SHAPE, "%s: the key has shape %s, expected [2]", m->function,
          il_shape_text(key, text));
  return false;
}

static void words(const il_node *node, const int32_t *key, int64_t i, uint32_t w[4]) {
  const uint64_t seed = (uint64_t)(uint32_t)key[0] << 32 | (uint32_t)key[1];
  il_random_block(seed, (uint64_t)((const il_attr_stream *)node->attr)->stream, (uint64_t)i, w);
}
static double unit(const uint32_t w[2]) {
  return (double)(((uint64_t)w[0] << 32 | w[1]) >> 11) * 0x1p-53;
}
static void reference_uniform(const il_graph *g, const il_node *node, const void *const *in,
                              void *out) {
  (void)g;
  const int64_t count = il_shape_count(node->shape);
  for (int64_t i = 0; i < count; i++) {
    uint32_t w[4];
    words(node, in[0], i, w);
    if (node->type == IL_FLOAT32)
      ((float *)out)[i] = (float)(w[0] >> 8) * 0x1p-24f;
    else
      ((double *)out)[i] = unit(w);
  }
}
/* Box and Muller, "A note on the generation of random normal deviates", 1958; 1 − u keeps the logarithm finite. */
static void reference_normal(const il_graph *g, const il_node *node, const void *const *in,
                             void *out) {
  (void)g;
  const int64_t count = il_shape_count(node->shape);
  for (int64_t i = 0; i < count; i++) {
    uint32_t w[4];
    words(node, in[0], i, w);
    if (node->type == IL_FLOAT32) {
      const float u = 1.0f - (float)(w[0] >> 8) * 0x1p-24f, v = (float)(w[2] >> 8) * 0x1p-24f;
      ((float *)out)[i] = sqrtf(-2.0f * il_logf(u)) * il_cosf(6.2831853f * v);
    } else {
      ((double *)out)[i] = sqrt(-2 * log(1 - unit(w))) * cos(2 * M_PI * unit(w + 2));
    }
  }
}
static il_value sample_uniform(il_graph *g, int i) {
  return i < 1 ? il_random_uniform(g, il_op_sample_index(g, IL_SHAPE(2), 1000), 3, IL_SHAPE(2, 3))
               : (il_value){0};
}
static il_value sample_normal(il_graph *g, int i) {
  return i < 1 ? il_random_normal(g, il_op_sample_index(g, IL_SHAPE(2), 1000), 3, IL_SHAPE(2, 3))
               : (il_value){0};
}

static const il_field stream_fields[] = {
    IL_ATTR_FIELD("stream", IL_FIELD_INT64, offsetof(il_attr_stream, stream), 1), {0}};
const il_op_info il_op_random_uniform = {
    .name = "random_uniform",
    .formula = "y[i] = U[0,1) drawn from (key, stream, i)",
    .arity = 1,
    .flags = IL_FLAG_RANDOM | IL_FLAG_CONSTANT_DERIVATIVE,
    .attr_size = sizeof(il_attr_stream),
    .fields = stream_fields,
    .infer = infer,
    .vjp = il_rule_zero,
    .jvp = il_rule_zero,
    .reference = reference_uniform,
    .sample = sample_uniform,
};
const il_op_info il_op_random_normal = {
    .name = "random_normal",
    .formula = "y[i] = N(0,1) drawn from (key, stream, i)",
    .arity = 1,
    .flags = IL_FLAG_RANDOM | IL_FLAG_CONSTANT_DERIVATIVE,
    .attr_size = sizeof(il_attr_stream),
    .fields = stream_fields,
    .infer = infer,
    .vjp = il_rule_zero,
    .jvp = il_rule_zero,
    .reference = reference_normal,
    .sample = sample_normal,
};
