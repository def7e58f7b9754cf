/* Draws: element i is a pure function of (key, stream, i). */
#include "base/random.h"
#include "graph/build.h"
#include "graph/ops/ops.h"
#include "op/math.h"

enum { KEY_AT = 4 }; /* numbers of a key that key_at has made */

static bool infer(il_infer *m) {
  if (!il_expect_index(m, 0)) return false;
  const il_shape key = il_operand(m, 0)->shape;
  m->type = m->graph->real;
  if (key.rank == 1 && (key.dim[0] == 2 || key.dim[0] == KEY_AT)) return true;
  char text[96];
  il_fail(m->graph->context, IL_ERROR_SHAPE, "%s: the key has shape %s, expected [2]", m->function,
          il_shape_text(key, text));
  return false;
}

/* A key of a step says by how much it goes on in the streams. */
typedef struct il_stream {
  uint64_t seed, stream;
} il_stream;
static il_stream stream_of(const il_graph *g, const il_node *node, const int32_t *key) {
  il_stream s = {(uint64_t)(uint32_t)key[0] << 32 | (uint32_t)key[1],
                 (uint64_t)((const il_attr_stream *)node->attr)->stream};
  if (il_input_node(g, node, 0)->shape.dim[0] == KEY_AT)
    s.stream += (uint64_t)(uint32_t)key[2] << 32 | (uint32_t)key[3];
  return s;
}
static void words(il_stream s, int64_t i, uint32_t w[4]) {
  il_random_block(s.seed, s.stream, (uint64_t)i, w);
}
static double unit(const uint32_t w[2]) {
  return (double)(((uint64_t)w[0] << 32 | w[1]) >> 11) * 0x1p-53;
}
static void reference_uniform(const il_graph *g, const il_node *node, const void *const *in,
                              void *out) {
  const il_stream s = stream_of(g, node, in[0]);
  const int64_t count = il_shape_count(node->shape);
  for (int64_t i = 0; i < count; i++) {
    uint32_t w[4];
    words(s, i, w);
    if (node->type == IL_FLOAT32)
      ((float *)out)[i] = (float)(w[0] >> 8) * 0x1p-24f;
    else
      ((double *)out)[i] = unit(w);
  }
}
/* Box and Muller, "A note on the generation of random normal deviates", 1958; 1 − u keeps the logarithm finite. */
static void reference_normal(const il_graph *g, const il_node *node, const void *const *in,
                             void *out) {
  const il_stream s = stream_of(g, node, in[0]);
  const int64_t count = il_shape_count(node->shape);
  for (int64_t i = 0; i < count; i++) {
    uint32_t w[4];
    words(s, i, w);
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

/* ---- the key of a step ---- */
static bool infer_key(il_infer *m) {
  const il_node *number = il_operand(m, 1);
  if (!il_expect_index(m, 0) || !il_expect_real(m, 1)) return false;
  const il_shape key = il_operand(m, 0)->shape;
  char a[96], b[96];
  m->shape = IL_SHAPE(KEY_AT);
  m->type = IL_INT32;
  if (key.rank == 1 && key.dim[0] == 2 && number->shape.rank == 0) return true;
  il_fail(m->graph->context, IL_ERROR_SHAPE, "%s: key %s, number %s; expected [2] and []",
          m->function, il_shape_text(key, a), il_shape_text(number->shape, b));
  return false;
}
static void reference_key(const il_graph *g, const il_node *node, const void *const *in,
                          void *out) {
  const int64_t streams = ((const il_attr_stream *)node->attr)->stream;
  const double number =
      g->real == IL_FLOAT32 ? (double)*(const float *)in[1] : *(const double *)in[1];
  const uint64_t on = number >= 0 && number < 0x1p31 ? (uint64_t)number * (uint64_t)streams : 0;
  memcpy(out, in[0], 2 * sizeof(int32_t));
  memcpy((int32_t *)out + 2, &(uint32_t){(uint32_t)(on >> 32)}, sizeof(int32_t));
  memcpy((int32_t *)out + 3, &(uint32_t){(uint32_t)on}, sizeof(int32_t));
}
static il_value sample_key(il_graph *g, int i) {
  if (i >= 1) return (il_value){0};
  const il_value key = il_op_sample_index(g, IL_SHAPE(2), 1000);
  return il_random_uniform(g, il_key_at(g, key, il_scalar(g, 5), 3), 2, IL_SHAPE(3));
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
const il_op_info il_op_key_at = {
    .name = "key_at",
    .formula = "y: the key whose stream s is the given key's stream s + streams·number",
    .arity = 2,
    .flags = IL_FLAG_CONSTANT_DERIVATIVE,
    .attr_size = sizeof(il_attr_stream),
    .fields = stream_fields,
    .infer = infer_key,
    .vjp = il_rule_zero,
    .jvp = il_rule_zero,
    .reference = reference_key,
    .sample = sample_key,
};
