/* The windows of pools, and of gathers and scatters by a pool's indexes. */
#include "pass/window.h"

il_pool_geometry il_pool_geometry_of(const il_node *node, const il_node *from) {
  const il_window *w = &((const il_attr_window *)node->attr)->window;
  const bool spread = node->op == IL_OP_AVERAGE_POOL_TRANSPOSE;
  const il_shape x = spread ? node->shape : from->shape, y = spread ? from->shape : node->shape;
  return (il_pool_geometry){
      (int32_t)x.dim[0], (int32_t)x.dim[1], (int32_t)x.dim[2], (int32_t)x.dim[3], (int32_t)y.dim[1],
      (int32_t)y.dim[2], w->kernel[0],      w->kernel[1],      w->stride[0],      w->stride[1],
      w->pad_low[0],     w->pad_low[1],     w->dilation[0],    w->dilation[1]};
}

bool il_window_of_index(const il_graph *g, const il_node *index, int64_t rows,
                        il_pool_geometry *window) {
  if (index->op != IL_OP_POOL_ARGMAX) return false;
  const il_node *image = il_node_of(g, index->input[0]);
  if (il_shape_count(image->shape) != rows) return false;
  const il_pool_geometry w = il_pool_geometry_of(index, image);
  const bool inside = w.ph == 0 && w.pw == 0 && w.dh == 1 && w.dw == 1 &&
                      (w.oh - 1) * w.sh + w.kh <= w.h && (w.ow - 1) * w.sw + w.kw <= w.w;
  const bool apart = w.sh >= w.kh && w.sw >= w.kw;
  if (inside && apart) *window = w;
  return inside && apart;
}
