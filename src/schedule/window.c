/* The windows of a pool, as kernels take them. */
#include "schedule/window.h"

il_pool_geometry il_pool_geometry_of(const il_graph *g, const il_node *node) {
  const il_window *w = &((const il_attr_window *)node->attr)->window;
  const bool scatters = node->op == IL_OP_POOL_SCATTER;
  const bool spreads = scatters || node->op == IL_OP_AVERAGE_POOL_TRANSPOSE;
  const il_shape from = il_node_of(g, node->input[scatters ? 1 : 0])->shape;
  const il_shape x = spreads ? node->shape : from, y = spreads ? from : node->shape;
  return (il_pool_geometry){
      (int32_t)x.dim[0], (int32_t)x.dim[1], (int32_t)x.dim[2], (int32_t)x.dim[3], (int32_t)y.dim[1],
      (int32_t)y.dim[2], w->kernel[0],      w->kernel[1],      w->stride[0],      w->stride[1],
      w->pad_low[0],     w->pad_low[1],     w->dilation[0],    w->dilation[1]};
}
