/* Algebra on what goes through a max pool, while it is built: work is moved to the pooled side, which has a
 * fraction of the elements. Derivatives of pooled blocks then touch the whole image once. */
#include "graph/build.h"
#include "graph/fold.h"

enum { IMAGE_AXES = 1 | 2 | 4 }; /* all but the channel, which a tap keeps */

/* Whether the taps are an arg-max's, of windows that lie within the image: each is the number of a pixel. */
static bool picks_pixels(const il_graph *g, il_value tap) {
  const il_node *node = il_node_of(g, tap);
  if (node->op != IL_OP_POOL_ARGMAX) return false;
  const il_window *w = &((const il_attr_window *)node->attr)->window;
  return !w->pad_low[0] && !w->pad_low[1] && !w->pad_high[0] && !w->pad_high[1];
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
  il_fold_opens(g, v);
  return il_build_broadcast(g, function, node->input[0], pooled);
}

il_value il_fold_pooled(il_graph *g, il_value image, const il_node *scatter) {
  return il_pool_gather(g, image, scatter->input[0],
                        ((const il_attr_window *)scatter->attr)->window);
}

/* What is picked of an elementwise function of an image is the function of what is picked. */
il_value il_fold_pool_gather(il_graph *g, const il_infer *made) {
  const il_value tap = made->input[1];
  const il_node *value = il_node_of(g, made->input[0]);
  if (!picks_pixels(g, tap) || !il_op_elementwise(value->op)) return (il_value){0};
  il_value operand[3], full = {0};
  for (int i = 0; i < value->inputs; i++) {
    operand[i] = steady(g, made->function, value->input[i], made->shape);
    if (operand[i].id) continue;
    if (full.id && full.id != value->input[i].id)
      return (il_value){0}; /* two images to pick from */
    full = value->input[i];
  }
  if (!full.id) return (il_value){0};
  il_fold_opens(g, made->input[0]);
  const il_value pooled =
      il_pool_gather(g, full, tap, ((const il_attr_window *)made->attr)->window);
  for (int i = 0; i < value->inputs; i++)
    if (!operand[i].id) operand[i] = pooled;
  return il_build_elementwise(g, made->function, value->op, value->inputs, operand);
}

const il_node *il_fold_scattered(const il_graph *g, il_value v, int64_t axes) {
  const il_node *node = il_node_of(g, v);
  const bool all = axes == IMAGE_AXES && node->op == IL_OP_POOL_SCATTER;
  return all && picks_pixels(g, node->input[0]) ? node : NULL;
}
