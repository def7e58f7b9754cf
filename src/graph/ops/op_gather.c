/* Operations by index: gather, scatter_add (each other's linear companion), one_hot. */
#include "graph/ops/ops.h"

static int64_t clamp(int32_t index, int64_t rows) {
  return index < 0 ? 0 : index >= rows ? rows - 1 : index;
}
static int64_t width_of(il_shape table) {
  int64_t width = 1;
  for (int i = 1; i < table.rank; i++) width *= table.dim[i];
  return width;
}

static bool infer_gather(il_infer *m) {
  const il_node *a = il_operand(m, 0), *index = il_operand(m, 1);
  if (!il_expect_real(m, 0) || !il_expect_index(m, 1)) return false;
  if (a->shape.rank < 1 || index->shape.rank + a->shape.rank - 1 > IL_MAX_RANK) {
    char x[96], y[96];
    il_fail(m->graph->context, IL_ERROR_SHAPE,
            "%s: operand %s by index %s; expected rank 1 or more and a result of at most rank %d",
            m->function, il_shape_text(a->shape, x), il_shape_text(index->shape, y), IL_MAX_RANK);
    return false;
  }
  m->shape = index->shape;
  for (int i = 1; i < a->shape.rank; i++) m->shape.dim[m->shape.rank++] = a->shape.dim[i];
  return true;
}
static il_value vjp_gather(il_graph *g, il_value node, int index, il_value ct) {
  const il_node *n = il_node_of(g, node);
  return index ? (il_value){0}
               : il_scatter_add(g, n->input[1], ct, il_input_node(g, n, 0)->shape.dim[0]);
}
static il_value jvp_gather(il_graph *g, il_value node, int index, il_value t) {
  return index ? (il_value){0} : il_gather(g, t, il_node_of(g, node)->input[1]);
}
static void reference_gather(const il_graph *g, const il_node *node, const void *const *in,
                             void *out) {
  const il_node *a = il_input_node(g, node, 0);
  const size_t row = (size_t)width_of(a->shape) * il_type_size(node->type);
  const int64_t count = il_shape_count(il_input_node(g, node, 1)->shape);
  for (int64_t i = 0; i < count; i++)
    memcpy((char *)out + (size_t)i * row,
           (const char *)in[0] + (size_t)clamp(((const int32_t *)in[1])[i], a->shape.dim[0]) * row,
           row);
}
static il_value sample_gather(il_graph *g, int i) {
  if (i >= 2) return (il_value){0};
  const il_value a = il_op_sample_input(g, i ? IL_SHAPE(7) : IL_SHAPE(4, 3), -2, 2, 0);
  return il_gather(g, a, il_op_sample_index(g, i ? IL_SHAPE(3, 3) : IL_SHAPE(5), i ? 7 : 4));
}

static bool infer_scatter(il_infer *m) {
  const il_node *index = il_operand(m, 0), *updates = il_operand(m, 1);
  if (!il_expect_index(m, 0) || !il_expect_real(m, 1)) return false;
  bool fits = updates->shape.rank >= index->shape.rank;
  for (int i = 0; fits && i < index->shape.rank; i++)
    fits = updates->shape.dim[i] == index->shape.dim[i];
  const int64_t rows = m->shape.rank ? m->shape.dim[0] : 0;
  if (!fits || rows < 1) {
    char x[96], y[96];
    il_fail(m->graph->context, IL_ERROR_SHAPE,
            "%s: index %s, updates %s, %lld rows; expected updates [index…, r…] and rows >= 1",
            m->function, il_shape_text(index->shape, x), il_shape_text(updates->shape, y),
            (long long)rows);
    return false;
  }
  m->shape = (il_shape){.rank = 1, .dim = {rows}};
  for (int i = index->shape.rank; i < updates->shape.rank; i++)
    m->shape.dim[m->shape.rank++] = updates->shape.dim[i];
  return true;
}
static il_value vjp_scatter(il_graph *g, il_value node, int index, il_value ct) {
  return index ? il_gather(g, ct, il_node_of(g, node)->input[0]) : (il_value){0};
}
static il_value jvp_scatter(il_graph *g, il_value node, int index, il_value t) {
  const il_node *n = il_node_of(g, node);
  return index ? il_scatter_add(g, n->input[0], t, n->shape.dim[0]) : (il_value){0};
}
static void reference_scatter(const il_graph *g, const il_node *node, const void *const *in,
                              void *out) {
  const int64_t width = width_of(node->shape),
                count = il_shape_count(il_input_node(g, node, 0)->shape);
  memset(out, 0, (size_t)il_shape_count(node->shape) * il_type_size(node->type));
  for (int64_t i = 0; i < count; i++) {
    const int64_t row = clamp(((const int32_t *)in[0])[i], node->shape.dim[0]);
    for (int64_t k = 0; k < width; k++)
      if (node->type == IL_FLOAT32)
        ((float *)out)[row * width + k] += ((const float *)in[1])[i * width + k];
      else
        ((double *)out)[row * width + k] += ((const double *)in[1])[i * width + k];
  }
}
static il_value sample_scatter(il_graph *g, int i) {
  if (i >= 2) return (il_value){0};
  const il_value index = il_op_sample_index(g, i ? IL_SHAPE(2, 2) : IL_SHAPE(5), 3);
  return il_scatter_add(g, index,
                        il_op_sample_input(g, i ? IL_SHAPE(2, 2) : IL_SHAPE(5, 3), -2, 2, 0), 3);
}

static bool infer_one_hot(il_infer *m) {
  const il_node *index = il_operand(m, 0);
  if (!il_expect_index(m, 0)) return false;
  const int64_t classes = m->shape.rank ? m->shape.dim[m->shape.rank - 1] : 0;
  if (classes < 1 || index->shape.rank == IL_MAX_RANK) {
    il_fail(m->graph->context, IL_ERROR_ARGUMENT,
            "%s: %lld classes for an index of rank %d, expected at least 1 for at most rank %d",
            m->function, (long long)classes, index->shape.rank, IL_MAX_RANK - 1);
    return false;
  }
  m->shape = index->shape;
  m->shape.dim[m->shape.rank++] = classes;
  return true;
}
static void reference_one_hot(const il_graph *g, const il_node *node, const void *const *in,
                              void *out) {
  const int64_t classes = node->shape.dim[node->shape.rank - 1],
                count = il_shape_count(il_input_node(g, node, 0)->shape);
  for (int64_t i = 0; i < count; i++)
    for (int64_t c = 0; c < classes; c++) {
      const bool hit = ((const int32_t *)in[0])[i] == c;
      if (node->type == IL_FLOAT32)
        ((float *)out)[i * classes + c] = hit;
      else
        ((double *)out)[i * classes + c] = hit;
    }
}
static il_value sample_one_hot(il_graph *g, int i) {
  return i < 1 ? il_one_hot(g, il_op_sample_index(g, IL_SHAPE(4), 3), 3) : (il_value){0};
}

const il_op_info il_op_gather = {
    .name = "gather",
    .formula = "y[i…, r…] = a[index[i…], r…]",
    .arity = 2,
    .flags = IL_FLAG_LINEAR0 | IL_FLAG_MOVES,
    .infer = infer_gather,
    .vjp = vjp_gather,
    .jvp = jvp_gather,
    .reference = reference_gather,
    .sample = sample_gather,
};
const il_op_info il_op_scatter_add = {
    .name = "scatter_add",
    .formula = "y = 0; y[index[i…], r…] += updates[i…, r…], i ascending",
    .arity = 2,
    .flags = IL_FLAG_LINEAR1,
    .infer = infer_scatter,
    .vjp = vjp_scatter,
    .jvp = jvp_scatter,
    .reference = reference_scatter,
    .sample = sample_scatter,
};
const il_op_info il_op_one_hot = {
    .name = "one_hot",
    .formula = "y[i…, c] = index[i…] == c ? 1 : 0",
    .arity = 1,
    .flags = IL_FLAG_CONSTANT_DERIVATIVE,
    .infer = infer_one_hot,
    .vjp = il_rule_zero,
    .jvp = il_rule_zero,
    .reference = reference_one_hot,
    .sample = sample_one_hot,
};
