/* Builders of structured operations: they fill attributes and the asked-for shape; whether these make sense
 * is decided by the operation's shape rule (graph/ops/), which also writes the error sentence. */
#include "graph/build.h"

#include <string.h>

#include "graph/node.h"
#include "graph/shape.h"
#include "base/room.h"

/* Of values that il_node_operands has accepted. */
static il_shape shape_of(const il_graph *g, il_value v) { return g->nodes[v.id]->shape; }

static il_value make1(il_graph *g, const char *function, il_op op, il_value a, const void *attr,
                      il_shape shape) {
  return il_node_make(g, function, op, 1, &a, attr, shape);
}

static il_value make2(il_graph *g, const char *function, il_op op, il_value a, il_value b,
                      const void *attr, il_shape shape) {
  return il_node_make(g, function, op, 2, (il_value[]){a, b}, attr, shape);
}

il_value il_constant(il_graph *g, double number, il_shape shape) {
  return il_build_constant(g, "il_constant", number, shape);
}

il_value il_scalar(il_graph *g, double number) {
  return il_build_constant(g, "il_scalar", number, il_shape_scalar());
}

il_value il_cast(il_graph *g, il_value a) {
  if (!il_node_operands(g, "il_cast", 1, &a)) return (il_value){0};
  if (g->nodes[a.id]->type == g->real) return a;
  return make1(g, "il_cast", IL_OP_CAST, a, NULL, shape_of(g, a));
}

il_value il_index(il_graph *g, il_value a) {
  return make1(g, "il_index", IL_OP_INDEX, a, NULL, il_shape_scalar());
}

il_value il_broadcast(il_graph *g, il_value a, il_shape shape) {
  return il_build_broadcast(g, "il_broadcast", a, shape);
}

static il_value reduce(il_graph *g, const char *function, il_op op, il_value a, uint32_t axes) {
  il_attr_axes attr = {axes};
  return make1(g, function, op, a, &attr, il_shape_scalar());
}

il_value il_sum(il_graph *g, il_value a, uint32_t axes) {
  return reduce(g, "il_sum", IL_OP_SUM, a, axes);
}

il_value il_max(il_graph *g, il_value a, uint32_t axes) {
  return reduce(g, "il_max", IL_OP_MAX, a, axes);
}

static il_value mean(il_graph *g, const char *function, il_value a, uint32_t axes) {
  if (!il_node_operands(g, function, 1, &a)) return (il_value){0};
  il_shape shape = shape_of(g, a);
  int64_t count = 1;
  for (int i = 0; i < shape.rank; i++)
    if (axes >> i & 1) count *= shape.dim[i];
  il_value sum = reduce(g, function, IL_OP_SUM, a, axes);
  if (!sum.id) return sum;
  il_value share = il_build_constant(g, function, 1 / (double)count, shape_of(g, sum));
  return il_build_elementwise(g, function, IL_OP_MUL, 2, (il_value[]){sum, share});
}

il_value il_mean(il_graph *g, il_value a, uint32_t axes) { return mean(g, "il_mean", a, axes); }

static uint32_t all_axes(il_shape shape) { return (uint32_t)(1u << shape.rank) - 1; }

il_value il_sum_all(il_graph *g, il_value a) {
  if (!il_node_operands(g, "il_sum_all", 1, &a)) return (il_value){0};
  il_shape shape = shape_of(g, a);
  if (shape.rank == 0) return a;
  il_value sum = reduce(g, "il_sum_all", IL_OP_SUM, a, all_axes(shape));
  return sum.id ? make1(g, "il_sum_all", IL_OP_RESHAPE, sum, NULL, il_shape_scalar()) : sum;
}

il_value il_mean_all(il_graph *g, il_value a) {
  if (!il_node_operands(g, "il_mean_all", 1, &a)) return (il_value){0};
  il_shape shape = shape_of(g, a);
  if (shape.rank == 0) return a;
  il_value value = mean(g, "il_mean_all", a, all_axes(shape));
  return value.id ? make1(g, "il_mean_all", IL_OP_RESHAPE, value, NULL, il_shape_scalar()) : value;
}

il_value il_argmax(il_graph *g, il_value a, int axis) {
  il_attr_axis attr = {axis};
  return make1(g, "il_argmax", IL_OP_ARGMAX, a, &attr, il_shape_scalar());
}

il_value il_reshape(il_graph *g, il_value a, il_shape shape) {
  return make1(g, "il_reshape", IL_OP_RESHAPE, a, NULL, shape);
}

il_value il_transpose(il_graph *g, il_value a, const int *permutation) {
  if (!il_node_operands(g, "il_transpose", 1, &a)) return (il_value){0};
  il_attr_permutation attr;
  memset(&attr, 0, sizeof attr);
  il_shape shape = shape_of(g, a);
  for (int i = 0; i < shape.rank; i++) attr.axis[i] = permutation[i];
  return make1(g, "il_transpose", IL_OP_TRANSPOSE, a, &attr, il_shape_scalar());
}

il_value il_slice(il_graph *g, il_value a, const int64_t *begin, il_shape size) {
  if (!il_node_operands(g, "il_slice", 1, &a)) return (il_value){0};
  il_attr_begin attr;
  memset(&attr, 0, sizeof attr);
  int rank = shape_of(g, a).rank;
  for (int i = 0; i < rank; i++) attr.begin[i] = begin[i];
  return make1(g, "il_slice", IL_OP_SLICE, a, &attr, size);
}

il_value il_pad(il_graph *g, il_value a, const int64_t *low, const int64_t *high) {
  if (!il_node_operands(g, "il_pad", 1, &a)) return (il_value){0};
  il_attr_pad attr;
  memset(&attr, 0, sizeof attr);
  il_shape shape = shape_of(g, a);
  for (int i = 0; i < shape.rank; i++) {
    bool fits = low[i] >= 0 && high[i] >= 0 && low[i] < IL_MAX_COUNT && high[i] < IL_MAX_COUNT;
    if (!fits) {
      il_fail(g->context, IL_ERROR_ARGUMENT,
              "il_pad: axis %d is padded by %lld and %lld, expected numbers of at least 0", i,
              (long long)low[i], (long long)high[i]);
      return (il_value){0};
    }
    attr.low[i] = low[i];
    shape.dim[i] += low[i] + high[i];
  }
  return make1(g, "il_pad", IL_OP_PAD, a, &attr, shape);
}

il_value il_concat(il_graph *g, int count, const il_value *values, int axis) {
  il_attr_axis attr = {axis};
  return il_node_make(g, "il_concat", IL_OP_CONCAT, count, values, &attr, il_shape_scalar());
}

il_value il_gather(il_graph *g, il_value a, il_value index) {
  return make2(g, "il_gather", IL_OP_GATHER, a, index, NULL, il_shape_scalar());
}

il_value il_scatter_add(il_graph *g, il_value index, il_value updates, int64_t rows) {
  if (!il_node_operands(g, "il_scatter_add", 2, (il_value[]){index, updates})) return (il_value){0};
  il_shape at = shape_of(g, index), from = shape_of(g, updates), shape = {.rank = 1};
  shape.dim[0] = rows;
  for (int i = at.rank; i < from.rank && shape.rank < IL_MAX_RANK; i++)
    shape.dim[shape.rank++] = from.dim[i];
  return make2(g, "il_scatter_add", IL_OP_SCATTER_ADD, index, updates, NULL, shape);
}

il_value il_one_hot(il_graph *g, il_value index, int64_t classes) {
  if (!il_node_operands(g, "il_one_hot", 1, &index)) return (il_value){0};
  il_shape shape = shape_of(g, index);
  if (shape.rank == IL_MAX_RANK) {
    il_fail(g->context, IL_ERROR_SHAPE, "il_one_hot: index of rank %d, expected at most %d",
            shape.rank, IL_MAX_RANK - 1);
    return (il_value){0};
  }
  shape.dim[shape.rank++] = classes;
  return make1(g, "il_one_hot", IL_OP_ONE_HOT, index, NULL, shape);
}

il_value il_matmul(il_graph *g, il_value a, il_value b, bool transpose_a, bool transpose_b) {
  il_attr_matmul attr = {transpose_a, transpose_b};
  return make2(g, "il_matmul", IL_OP_MATMUL, a, b, &attr, il_shape_scalar());
}

il_value il_solve(il_graph *g, il_value a, il_value b) {
  return make2(g, "il_solve", IL_OP_SOLVE, a, b, NULL, il_shape_scalar());
}

il_window il_window_square(int kernel, int stride, int pad) {
  return (il_window){.kernel = {kernel, kernel},
                     .stride = {stride, stride},
                     .pad_low = {pad, pad},
                     .pad_high = {pad, pad},
                     .dilation = {1, 1},
                     .groups = 1};
}

static il_attr_window window_attr(il_window window) {
  il_attr_window attr;
  memset(&attr, 0, sizeof attr);
  attr.window = window;
  return attr;
}

/* The kernel's size comes from the weights; other ranks and sizes are refused by the shape rule. */
static il_attr_window weighted_window(const il_graph *g, il_value w, il_window window) {
  il_shape shape = shape_of(g, w);
  for (int i = 0; i < 2; i++)
    window.kernel[i] = shape.rank == 4 && shape.dim[i] <= INT32_MAX ? (int32_t)shape.dim[i] : 0;
  return window_attr(window);
}

/* [n, height, width, channels] of an operand [n, …]; scalar when the operand is not an image. */
static il_shape image_shape(il_shape operand, int64_t height, int64_t width, int64_t channels) {
  if (operand.rank != 4) return il_shape_scalar();
  return IL_SHAPE(operand.dim[0], height, width, channels);
}

il_value il_conv2d(il_graph *g, il_value x, il_value w, il_window window) {
  if (!il_node_operands(g, "il_conv2d", 2, (il_value[]){x, w})) return (il_value){0};
  il_attr_window attr = weighted_window(g, w, window);
  return make2(g, "il_conv2d", IL_OP_CONV2D, x, w, &attr, il_shape_scalar());
}

il_value il_conv2d_transpose(il_graph *g, il_value y, il_value wt, il_window window, int64_t height,
                             int64_t width) {
  static const char function[] = "il_conv2d_transpose";
  if (!il_node_operands(g, function, 2, (il_value[]){y, wt})) return (il_value){0};
  il_attr_window attr = weighted_window(g, wt, window);
  il_shape weights = shape_of(g, wt);
  il_shape shape = weights.rank == 4 ? image_shape(shape_of(g, y), height, width, weights.dim[3])
                                     : il_shape_scalar();
  return make2(g, function, IL_OP_CONV2D_TRANSPOSE, y, wt, &attr, shape);
}

il_value il_conv2d_weight(il_graph *g, il_value x, il_value y, il_window window) {
  il_attr_window attr = window_attr(window);
  return make2(g, "il_conv2d_weight", IL_OP_CONV2D_WEIGHT, x, y, &attr, il_shape_scalar());
}

il_value il_pool_argmax(il_graph *g, il_value x, il_window window) {
  il_attr_window attr = window_attr(window);
  return make1(g, "il_pool_argmax", IL_OP_POOL_ARGMAX, x, &attr, il_shape_scalar());
}

il_value il_max_pool(il_graph *g, il_value x, il_window window) {
  static const char function[] = "il_max_pool";
  il_attr_window attr = window_attr(window);
  il_value tap = make1(g, function, IL_OP_POOL_ARGMAX, x, &attr, il_shape_scalar());
  if (!tap.id) return tap;
  return make2(g, function, IL_OP_POOL_GATHER, x, tap, &attr, il_shape_scalar());
}

il_value il_pool_gather(il_graph *g, il_value x, il_value tap, il_window window) {
  il_attr_window attr = window_attr(window);
  return make2(g, "il_pool_gather", IL_OP_POOL_GATHER, x, tap, &attr, il_shape_scalar());
}

il_value il_pool_scatter(il_graph *g, il_value tap, il_value y, il_window window, int64_t height,
                         int64_t width) {
  static const char function[] = "il_pool_scatter";
  if (!il_node_operands(g, function, 2, (il_value[]){tap, y})) return (il_value){0};
  il_attr_window attr = window_attr(window);
  il_shape operand = shape_of(g, y);
  il_shape shape = image_shape(operand, height, width, operand.dim[3]);
  return make2(g, function, IL_OP_POOL_SCATTER, tap, y, &attr, shape);
}

il_value il_average_pool(il_graph *g, il_value x, il_window window) {
  il_attr_window attr = window_attr(window);
  return make1(g, "il_average_pool", IL_OP_AVERAGE_POOL, x, &attr, il_shape_scalar());
}

il_value il_average_pool_transpose(il_graph *g, il_value y, il_window window, int64_t height,
                                   int64_t width) {
  static const char function[] = "il_average_pool_transpose";
  if (!il_node_operands(g, function, 1, &y)) return (il_value){0};
  il_attr_window attr = window_attr(window);
  il_shape operand = shape_of(g, y);
  il_shape shape = image_shape(operand, height, width, operand.dim[3]);
  return make1(g, function, IL_OP_AVERAGE_POOL_TRANSPOSE, y, &attr, shape);
}

il_value il_random_uniform(il_graph *g, il_value key, int64_t stream, il_shape shape) {
  il_attr_stream attr = {stream};
  return make1(g, "il_random_uniform", IL_OP_RANDOM_UNIFORM, key, &attr, shape);
}

il_value il_random_normal(il_graph *g, il_value key, int64_t stream, il_shape shape) {
  il_attr_stream attr = {stream};
  return make1(g, "il_random_normal", IL_OP_RANDOM_NORMAL, key, &attr, shape);
}

il_value il_key_at(il_graph *g, il_value key, il_value number, int64_t streams) {
  il_attr_stream attr = {streams};
  return make2(g, "il_key_at", IL_OP_KEY_AT, key, number, &attr, il_shape_scalar());
}

il_value il_stop_gradient(il_graph *g, il_value a) {
  if (!il_node_operands(g, "il_stop_gradient", 1, &a)) return (il_value){0};
  return make1(g, "il_stop_gradient", IL_OP_STOP_GRADIENT, a, NULL, shape_of(g, a));
}

il_value il_leaf(il_graph *g, il_value a) {
  if (!il_node_operands(g, "il_leaf", 1, &a)) return (il_value){0};
  il_attr_serial attr = {g->leaves};
  /* A graph that was read has leaves with numbers of their own. */
  const il_node *at = g->nodes[a.id];
  il_node like = {.op = IL_OP_LEAF, .type = at->type, .inputs = 1, .input = &a, .shape = at->shape};
  for (like.attr = &attr; il_node_find(g, &like); attr.serial++) {
  }
  g->leaves = attr.serial + 1;
  return make1(g, "il_leaf", IL_OP_LEAF, a, &attr, at->shape);
}

il_value il_task_mean(il_graph *g, il_value a) {
  if (!il_node_operands(g, "il_task_mean", 1, &a)) return (il_value){0};
  /* A value that is the same for every task, such as a derivative that is zero, is its own mean. */
  if (g->nodes[a.id]->when == IL_BEFORE) return a;
  return make1(g, "il_task_mean", IL_OP_TASK_MEAN, a, NULL, shape_of(g, a));
}

il_value il_task_product(il_graph *g, int pairs, const il_value *a, const il_value *b) {
  static const char function[] = "il_task_product";
  if (pairs < 1) {
    il_fail(g->context, IL_ERROR_ARGUMENT, "%s: %d pairs, expected at least 1", function, pairs);
    return (il_value){0};
  }
  il_value *operand = il_new(g->context, 2 * (size_t)pairs, sizeof *operand);
  if (!operand) {
    il_fail_memory(g->context, "the operands of a node");
    return (il_value){0};
  }
  for (int i = 0; i < pairs; i++) {
    operand[2 * i] = a[i];
    operand[2 * i + 1] = b[i];
  }
  const il_value made =
      il_node_make(g, function, IL_OP_TASK_PRODUCT, 2 * pairs, operand, NULL, il_shape_scalar());
  il_release(operand);
  return made;
}
