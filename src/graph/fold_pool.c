/* Algebra on what goes through a max pool, while it is built: work is moved to the pooled side, which has a
 * fraction of the elements. Derivatives of pooled blocks then touch the whole image once. */
#include "graph/build.h"
#include "graph/fold.h"

enum { IMAGE_AXES = 1 | 2 | 4 }; /* all but the channel, which an index of a pool keeps */

/* Image that the indexes point into; NULL where they are no pool's, or a window may lie in the padding. */
static const il_node *image_of(const il_graph *g, il_value index) {
  const il_node *node = il_node_of(g, index);
  if (node->op != IL_OP_POOL_ARGMAX) return NULL;
  const il_window *w = &((const il_attr_window *)node->attr)->window;
  const bool padded = w->pad_low[0] || w->pad_low[1] || w->pad_high[0] || w->pad_high[1];
  return padded ? NULL : il_node_of(g, node->input[0]);
}

/* v where it differs from channel to channel only, of the shape of the pooled image; else {0}. */
static il_value steady(il_graph *g, const char *function, il_value v, il_shape pooled) {
  double number;
  if (il_is_constant(g, v, &number)) return il_build_constant(g, function, number, pooled);
  const il_node *node = il_node_of(g, v);
  if (node->op != IL_OP_BROADCAST) return (il_value){0};
  const il_shape from = il_node_of(g, node->input[0])->shape;
  for (int i = 0; i < from.rank; i++)
    if (IMAGE_AXES >> i & 1 && from.dim[i] != 1) return (il_value){0};
  return il_build_broadcast(g, function, node->input[0], pooled);
}

il_value il_fold_pooled(il_graph *g, il_value image, il_value index) {
  const il_shape flat = {.rank = 1, .dim = {il_shape_count(il_value_shape(g, image))}};
  return il_gather(g, il_reshape(g, image, flat), index);
}

/* Gathering from an elementwise function of an image is the function of what is gathered. */
il_value il_fold_gather(il_graph *g, const il_infer *made) {
  const il_value index = made->input[1];
  const il_node *image = image_of(g, index), *table = il_node_of(g, made->input[0]);
  if (!image || table->op != IL_OP_RESHAPE) return (il_value){0};
  const il_node *value = il_node_of(g, table->input[0]);
  if (!il_op_elementwise(value->op) || !il_shape_equal(value->shape, image->shape))
    return (il_value){0};
  il_value operand[3], full = {0};
  for (int i = 0; i < value->inputs; i++) {
    operand[i] = steady(g, made->function, value->input[i], made->shape);
    if (operand[i].id) continue;
    if (full.id && full.id != value->input[i].id)
      return (il_value){0}; /* two images to gather from */
    full = value->input[i];
  }
  if (!full.id) return (il_value){0};
  const il_value pooled = il_fold_pooled(g, full, index);
  for (int i = 0; i < value->inputs; i++)
    if (!operand[i].id) operand[i] = pooled;
  return il_build_elementwise(g, made->function, value->op, value->inputs, operand);
}

/* image[index[i]] += updates[i], seen as an image: its updates, else {0}. */
il_value il_fold_scattered(const il_graph *g, il_value v, int64_t axes, il_value *index) {
  const il_node *node = il_node_of(g, v);
  if (axes != IMAGE_AXES || node->op != IL_OP_RESHAPE) return (il_value){0};
  const il_node *scatter = il_node_of(g, node->input[0]);
  if (scatter->op != IL_OP_SCATTER_ADD) return (il_value){0};
  *index = scatter->input[0];
  const il_node *image = image_of(g, *index);
  if (!image || !il_shape_equal(image->shape, node->shape)) return (il_value){0};
  return scatter->input[1];
}
