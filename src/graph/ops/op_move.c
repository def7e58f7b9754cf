/* Operations that only move data: broadcast, reshape, transpose, slice, pad, concat. */
#include "graph/ops/ops.h"

/* ---- shared ---- */
static il_value fold_number(il_graph *g, const il_infer *m) {
  double number;
  return il_is_constant(g, m->input[0], &number) ? il_constant(g, number, m->shape) : (il_value){0};
}
static il_value fold_same(il_graph *g, const il_infer *m) {
  if (il_shape_equal(il_operand(m, 0)->shape, m->shape)) return m->input[0];
  return fold_number(g, m);
}
/* y[i] = x[offset + Σ i·stride], elements of any size. */
static void strided(il_shape shape, const int64_t *stride, int64_t offset, size_t size,
                    const char *x, char *y) {
  const int64_t count = il_shape_count(shape);
  int64_t index[IL_MAX_RANK] = {0}, at = offset;
  for (int64_t i = 0; i < count; i++) {
    memcpy(y + (size_t)i * size, x + (size_t)at * size, size);
    for (int k = shape.rank - 1; k >= 0; k--) {
      at += stride[k];
      if (++index[k] < shape.dim[k]) break;
      at -= stride[k] * shape.dim[k];
      index[k] = 0;
    }
  }
}
static void dense(il_shape shape, int64_t *stride) {
  int64_t step = 1;
  for (int i = shape.rank - 1; i >= 0; i--) {
    stride[i] = step;
    step *= shape.dim[i];
  }
}
static bool shape_error(const il_infer *m, const char *expected) {
  char a[96], b[96];
  il_fail(m->graph->context, IL_ERROR_SHAPE, "%s: operand has shape %s, asked for %s; expected %s",
          m->function, il_shape_text(il_operand(m, 0)->shape, a), il_shape_text(m->shape, b),
          expected);
  return false;
}

/* ---- broadcast ---- */
static bool infer_broadcast(il_infer *m) {
  const il_node *a = il_operand(m, 0);
  m->type = a->type;
  if (a->shape.rank != m->shape.rank) return shape_error(m, "equal rank");
  for (int i = 0; i < m->shape.rank; i++)
    if (a->shape.dim[i] != m->shape.dim[i] && a->shape.dim[i] != 1)
      return shape_error(m, "each dimension equal or 1 in the operand");
  return true;
}
static il_value vjp_broadcast(il_graph *g, il_value node, int index, il_value ct) {
  (void)index;
  const il_node *n = il_node_of(g, node), *a = il_input_node(g, n, 0);
  uint32_t axes = 0;
  for (int i = 0; i < n->shape.rank; i++)
    if (a->shape.dim[i] != n->shape.dim[i]) axes |= 1u << i;
  return il_sum(g, ct, axes);
}
static il_value jvp_broadcast(il_graph *g, il_value node, int index, il_value t) {
  (void)index;
  return il_broadcast(g, t, il_value_shape(g, node));
}
static void reference_broadcast(const il_graph *g, const il_node *node, const void *const *in,
                                void *out) {
  const il_node *a = il_input_node(g, node, 0);
  int64_t stride[IL_MAX_RANK];
  dense(a->shape, stride);
  for (int i = 0; i < node->shape.rank; i++)
    if (a->shape.dim[i] == 1) stride[i] = 0;
  strided(node->shape, stride, 0, il_type_size(node->type), in[0], out);
}
static il_value sample_broadcast(il_graph *g, int i) {
  static const int64_t from[3][3] = {{1, 1, 4}, {3, 1, 1}, {3, 1, 4}}, to[3] = {3, 2, 4};
  if (i >= 3) return (il_value){0};
  return il_broadcast(g, il_op_sample_input(g, il_shape_of(3, from[i]), -2, 2, 0),
                      il_shape_of(3, to));
}
const il_op_info il_op_broadcast = {
    .name = "broadcast",
    .formula = "y[i…] = a[i… or 0 where a's dimension is 1]",
    .arity = 1,
    .flags = IL_FLAG_LINEAR0 | IL_FLAG_MOVES,
    .infer = infer_broadcast,
    .vjp = vjp_broadcast,
    .jvp = jvp_broadcast,
    .fold = fold_same,
    .reference = reference_broadcast,
    .sample = sample_broadcast,
};

/* ---- reshape ---- */
static bool infer_reshape(il_infer *m) {
  m->type = il_operand(m, 0)->type;
  if (il_shape_count(il_operand(m, 0)->shape) != il_shape_count(m->shape))
    return shape_error(m, "the same number of elements");
  return true;
}
static il_value rule_reshape_back(il_graph *g, il_value node, int index, il_value ct) {
  (void)index;
  return il_reshape(g, ct, il_input_node(g, il_node_of(g, node), 0)->shape);
}
static il_value jvp_reshape(il_graph *g, il_value node, int index, il_value t) {
  (void)index;
  return il_reshape(g, t, il_value_shape(g, node));
}
static il_value fold_reshape(il_graph *g, const il_infer *m) {
  const il_node *a = il_operand(m, 0);
  const il_value same = fold_same(g, m);
  if (same.id || a->op != IL_OP_RESHAPE) return same;
  il_fold_opens(g, m->input[0]);
  return il_reshape(g, a->input[0], m->shape);
}
static void reference_copy(const il_graph *g, const il_node *node, const void *const *in,
                           void *out) {
  (void)g;
  memcpy(out, in[0], (size_t)il_shape_count(node->shape) * il_type_size(node->type));
}
static il_value sample_reshape(il_graph *g, int i) {
  if (i >= 2) return (il_value){0};
  return il_reshape(g, il_op_sample_input(g, IL_SHAPE(3, 4), -2, 2, 0),
                    i ? IL_SHAPE(12, 1) : IL_SHAPE(2, 3, 2));
}
const il_op_info il_op_reshape = {
    .name = "reshape",
    .formula = "y = a in row-major order, with another shape",
    .arity = 1,
    .flags = IL_FLAG_LINEAR0 | IL_FLAG_MOVES,
    .infer = infer_reshape,
    .vjp = rule_reshape_back,
    .jvp = jvp_reshape,
    .fold = fold_reshape,
    .reference = reference_copy,
    .sample = sample_reshape,
};

/* ---- transpose ---- */
static bool infer_transpose(il_infer *m) {
  const il_node *a = il_operand(m, 0);
  const int64_t *axis = ((const il_attr_permutation *)m->attr)->axis;
  unsigned seen = 0;
  m->type = a->type;
  m->shape.rank = a->shape.rank;
  for (int i = 0; i < a->shape.rank; i++) {
    if (axis[i] < 0 || axis[i] >= a->shape.rank || seen >> axis[i] & 1) {
      il_fail(m->graph->context, IL_ERROR_ARGUMENT,
              "%s: entry %d of the permutation is %lld; expected each of 0…%d once", m->function, i,
              (long long)axis[i], a->shape.rank - 1);
      return false;
    }
    seen |= 1u << axis[i];
    m->shape.dim[i] = a->shape.dim[axis[i]];
  }
  return true;
}
static il_value vjp_transpose(il_graph *g, il_value node, int index, il_value ct) {
  (void)index;
  const il_node *n = il_node_of(g, node);
  const int64_t *axis = ((const il_attr_permutation *)n->attr)->axis;
  int back[IL_MAX_RANK];
  for (int i = 0; i < n->shape.rank; i++) back[axis[i]] = i;
  return il_transpose(g, ct, back);
}
static il_value jvp_transpose(il_graph *g, il_value node, int index, il_value t) {
  (void)index;
  const il_node *n = il_node_of(g, node);
  int axis[IL_MAX_RANK];
  for (int i = 0; i < n->shape.rank; i++)
    axis[i] = (int)((const il_attr_permutation *)n->attr)->axis[i];
  return il_transpose(g, t, axis);
}
static il_value fold_transpose(il_graph *g, const il_infer *m) {
  const il_node *a = il_operand(m, 0);
  const int64_t *axis = ((const il_attr_permutation *)m->attr)->axis;
  bool identity = true;
  for (int i = 0; i < m->shape.rank; i++) identity = identity && axis[i] == i;
  if (identity) return m->input[0];
  if (a->op == IL_OP_TRANSPOSE) {
    int both[IL_MAX_RANK];
    for (int i = 0; i < m->shape.rank; i++)
      both[i] = (int)((const il_attr_permutation *)a->attr)->axis[axis[i]];
    il_fold_opens(g, m->input[0]);
    return il_transpose(g, a->input[0], both);
  }
  return fold_number(g, m);
}
static void reference_transpose(const il_graph *g, const il_node *node, const void *const *in,
                                void *out) {
  int64_t from[IL_MAX_RANK], stride[IL_MAX_RANK];
  dense(il_input_node(g, node, 0)->shape, from);
  for (int i = 0; i < node->shape.rank; i++)
    stride[i] = from[((const il_attr_permutation *)node->attr)->axis[i]];
  strided(node->shape, stride, 0, il_type_size(node->type), in[0], out);
}
static il_value sample_transpose(il_graph *g, int i) {
  static const int axis[3][3] = {{1, 0, 2}, {2, 0, 1}, {0, 2, 1}};
  if (i >= 3) return (il_value){0};
  return il_transpose(g, il_op_sample_input(g, IL_SHAPE(2, 3, 4), -2, 2, 0), axis[i]);
}
static const il_field permutation_fields[] = {
    IL_ATTR_FIELD("axis", IL_FIELD_INT64, offsetof(il_attr_permutation, axis), IL_MAX_RANK), {0}};
const il_op_info il_op_transpose = {
    .name = "transpose",
    .formula = "y[i_0, i_1, …] = a with i_k along axis[k]",
    .arity = 1,
    .flags = IL_FLAG_LINEAR0 | IL_FLAG_MOVES,
    .attr_size = sizeof(il_attr_permutation),
    .fields = permutation_fields,
    .infer = infer_transpose,
    .vjp = vjp_transpose,
    .jvp = jvp_transpose,
    .fold = fold_transpose,
    .reference = reference_transpose,
    .sample = sample_transpose,
};

/* ---- slice ---- */
static bool infer_slice(il_infer *m) {
  const il_node *a = il_operand(m, 0);
  const int64_t *begin = ((const il_attr_begin *)m->attr)->begin;
  m->type = a->type;
  if (a->shape.rank != m->shape.rank) return shape_error(m, "equal rank");
  for (int i = 0; i < m->shape.rank; i++)
    if (begin[i] < 0 || m->shape.dim[i] < 1 || begin[i] > a->shape.dim[i] - m->shape.dim[i])
      return shape_error(m, "a part inside the operand");
  return true;
}
static il_value vjp_slice(il_graph *g, il_value node, int index, il_value ct) {
  (void)index;
  const il_node *n = il_node_of(g, node), *a = il_input_node(g, n, 0);
  const int64_t *begin = ((const il_attr_begin *)n->attr)->begin;
  int64_t high[IL_MAX_RANK];
  for (int i = 0; i < n->shape.rank; i++) high[i] = a->shape.dim[i] - begin[i] - n->shape.dim[i];
  return il_pad(g, ct, begin, high);
}
static il_value jvp_slice(il_graph *g, il_value node, int index, il_value t) {
  (void)index;
  const il_node *n = il_node_of(g, node);
  return il_slice(g, t, ((const il_attr_begin *)n->attr)->begin, n->shape);
}
static void reference_slice(const il_graph *g, const il_node *node, const void *const *in,
                            void *out) {
  int64_t stride[IL_MAX_RANK], offset = 0;
  dense(il_input_node(g, node, 0)->shape, stride);
  for (int i = 0; i < node->shape.rank; i++)
    offset += ((const il_attr_begin *)node->attr)->begin[i] * stride[i];
  strided(node->shape, stride, offset, il_type_size(node->type), in[0], out);
}
static il_value sample_slice(il_graph *g, int i) {
  if (i >= 2) return (il_value){0};
  const int64_t begin[3] = {1, 0, i ? 3 : 1};
  return il_slice(g, il_op_sample_input(g, IL_SHAPE(3, 2, 5), -2, 2, 0), begin,
                  i ? IL_SHAPE(1, 2, 2) : IL_SHAPE(2, 1, 3));
}
static const il_field begin_fields[] = {
    IL_ATTR_FIELD("begin", IL_FIELD_INT64, offsetof(il_attr_begin, begin), IL_MAX_RANK), {0}};
const il_op_info il_op_slice = {
    .name = "slice",
    .formula = "y[i…] = a[begin + i…]",
    .arity = 1,
    .flags = IL_FLAG_LINEAR0 | IL_FLAG_MOVES,
    .attr_size = sizeof(il_attr_begin),
    .fields = begin_fields,
    .infer = infer_slice,
    .vjp = vjp_slice,
    .jvp = jvp_slice,
    .fold = fold_same,
    .reference = reference_slice,
    .sample = sample_slice,
};

/* ---- pad ---- */
static bool infer_pad(il_infer *m) {
  const il_node *a = il_operand(m, 0);
  const int64_t *low = ((const il_attr_pad *)m->attr)->low;
  m->type = a->type;
  if (a->shape.rank != m->shape.rank) return shape_error(m, "equal rank");
  for (int i = 0; i < m->shape.rank; i++)
    if (low[i] < 0 || low[i] > m->shape.dim[i] - a->shape.dim[i])
      return shape_error(m, "pads of 0 or more");
  return true;
}
static il_value vjp_pad(il_graph *g, il_value node, int index, il_value ct) {
  (void)index;
  const il_node *n = il_node_of(g, node);
  return il_slice(g, ct, ((const il_attr_pad *)n->attr)->low, il_input_node(g, n, 0)->shape);
}
static il_value jvp_pad(il_graph *g, il_value node, int index, il_value t) {
  (void)index;
  const il_node *n = il_node_of(g, node), *a = il_input_node(g, n, 0);
  const int64_t *low = ((const il_attr_pad *)n->attr)->low;
  int64_t high[IL_MAX_RANK];
  for (int i = 0; i < n->shape.rank; i++) high[i] = n->shape.dim[i] - low[i] - a->shape.dim[i];
  return il_pad(g, t, low, high);
}
static il_value fold_pad(il_graph *g, const il_infer *m) {
  double number;
  if (il_shape_equal(il_operand(m, 0)->shape, m->shape)) return m->input[0];
  if (il_is_constant(g, m->input[0], &number) && number == 0) return il_constant(g, 0, m->shape);
  return (il_value){0};
}
static void reference_pad(const il_graph *g, const il_node *node, const void *const *in,
                          void *out) {
  const il_node *a = il_input_node(g, node, 0);
  const size_t size = il_type_size(node->type);
  int64_t stride[IL_MAX_RANK], index[IL_MAX_RANK] = {0};
  dense(node->shape, stride);
  memset(out, 0, (size_t)il_shape_count(node->shape) * size);
  const int64_t *low = ((const il_attr_pad *)node->attr)->low;
  const int last = a->shape.rank - 1;
  const int64_t run = last < 0 ? 1 : a->shape.dim[last]; /* neighbours here and there */
  const int64_t runs = il_shape_count(a->shape) / run;
  for (int64_t i = 0; i < runs; i++) {
    int64_t at = 0;
    for (int k = 0; k <= last; k++) at += (index[k] + low[k]) * stride[k];
    memcpy((char *)out + (size_t)at * size, (const char *)in[0] + (size_t)(i * run) * size,
           (size_t)run * size);
    for (int k = last - 1; k >= 0 && ++index[k] == a->shape.dim[k]; k--) index[k] = 0;
  }
}
static il_value sample_pad(il_graph *g, int i) {
  if (i >= 2) return (il_value){0};
  const int64_t low[2] = {1, 0}, high[2] = {i, 2};
  return il_pad(g, il_op_sample_input(g, IL_SHAPE(2, 3), -2, 2, 0), low, high);
}
static const il_field pad_fields[] = {
    IL_ATTR_FIELD("low", IL_FIELD_INT64, offsetof(il_attr_pad, low), IL_MAX_RANK), {0}};
const il_op_info il_op_pad = {
    .name = "pad",
    .formula = "y[low + i…] = a[i…], 0 elsewhere",
    .arity = 1,
    .flags = IL_FLAG_LINEAR0 | IL_FLAG_MOVES,
    .attr_size = sizeof(il_attr_pad),
    .fields = pad_fields,
    .infer = infer_pad,
    .vjp = vjp_pad,
    .jvp = jvp_pad,
    .fold = fold_pad,
    .reference = reference_pad,
    .sample = sample_pad,
};

/* ---- concat ---- */
static bool infer_concat(il_infer *m) {
  const int64_t axis = ((const il_attr_axis *)m->attr)->axis;
  const il_node *first = il_operand(m, 0);
  m->type = first->type;
  m->shape = first->shape;
  if (axis < 0 || axis >= m->shape.rank) {
    il_fail(m->graph->context, IL_ERROR_ARGUMENT, "%s: axis is %lld, expected 0…%d", m->function,
            (long long)axis, m->shape.rank - 1);
    return false;
  }
  for (int k = 1; k < m->inputs; k++) {
    const il_node *a = il_operand(m, k);
    bool fits = a->type == m->type && a->shape.rank == m->shape.rank;
    for (int i = 0; fits && i < m->shape.rank; i++)
      fits = i == axis || a->shape.dim[i] == m->shape.dim[i];
    if (!fits) {
      char x[96], y[96];
      il_fail(m->graph->context, IL_ERROR_SHAPE,
              "%s: operand 1 is %s %s, operand %d %s %s; expected equal but for axis %lld",
              m->function, il_type_name(m->type), il_shape_text(first->shape, x), k + 1,
              il_type_name(a->type), il_shape_text(a->shape, y), (long long)axis);
      return false;
    }
    m->shape.dim[axis] += a->shape.dim[axis];
  }
  return true;
}
static int64_t concat_begin(const il_graph *g, const il_node *n, int index) {
  const int64_t axis = ((const il_attr_axis *)n->attr)->axis;
  int64_t begin = 0;
  for (int k = 0; k < index; k++) begin += il_input_node(g, n, k)->shape.dim[axis];
  return begin;
}
static il_value vjp_concat(il_graph *g, il_value node, int index, il_value ct) {
  const il_node *n = il_node_of(g, node);
  int64_t begin[IL_MAX_RANK] = {0};
  begin[((const il_attr_axis *)n->attr)->axis] = concat_begin(g, n, index);
  return il_slice(g, ct, begin, il_input_node(g, n, index)->shape);
}
static il_value jvp_concat(il_graph *g, il_value node, int index, il_value t) {
  const il_node *n = il_node_of(g, node), *a = il_input_node(g, n, index);
  const int64_t axis = ((const il_attr_axis *)n->attr)->axis;
  int64_t low[IL_MAX_RANK] = {0}, high[IL_MAX_RANK] = {0};
  low[axis] = concat_begin(g, n, index);
  high[axis] = n->shape.dim[axis] - low[axis] - a->shape.dim[axis];
  return il_pad(g, t, low, high);
}
static il_value fold_concat(il_graph *g, const il_infer *m) {
  (void)g;
  return m->inputs == 1 ? m->input[0] : (il_value){0};
}
static void reference_concat(const il_graph *g, const il_node *node, const void *const *in,
                             void *out) {
  const int64_t axis = ((const il_attr_axis *)node->attr)->axis;
  const size_t size = il_type_size(node->type);
  int64_t outer = 1, inner = 1;
  for (int64_t i = 0; i < axis; i++) outer *= node->shape.dim[i];
  for (int64_t i = axis + 1; i < node->shape.rank; i++) inner *= node->shape.dim[i];
  char *y = out;
  for (int64_t o = 0; o < outer; o++)
    for (int k = 0; k < node->inputs; k++) {
      const size_t run = (size_t)(il_input_node(g, node, k)->shape.dim[axis] * inner) * size;
      memcpy(y, (const char *)in[k] + (size_t)o * run, run);
      y += run;
    }
}
static il_value sample_concat(il_graph *g, int i) {
  if (i >= 2) return (il_value){0};
  const il_value x[3] = {il_op_sample_input(g, IL_SHAPE(2, 3), -2, 2, 0),
                         il_op_sample_input(g, i ? IL_SHAPE(2, 1) : IL_SHAPE(1, 3), -2, 2, 0),
                         il_op_sample_input(g, IL_SHAPE(2, 3), -2, 2, 0)};
  return il_concat(g, 3, x, i);
}
static const il_field axis_fields[] = {
    IL_ATTR_FIELD("axis", IL_FIELD_INT64, offsetof(il_attr_axis, axis), 1), {0}};
const il_op_info il_op_concat = {
    .name = "concat",
    .formula = "y = a_0, a_1, … one after the other along axis",
    .arity = -1,
    .flags = IL_FLAG_LINEAR0 | IL_FLAG_MOVES,
    .attr_size = sizeof(il_attr_axis),
    .fields = axis_fields,
    .infer = infer_concat,
    .vjp = vjp_concat,
    .jvp = jvp_concat,
    .fold = fold_concat,
    .reference = reference_concat,
    .sample = sample_concat,
};
