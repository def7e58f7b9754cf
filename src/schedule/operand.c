/* How a group reads an operand (schedule.h, operand.h): in full, along rows or columns, as one number, or through what a
 * pool scatters. */
#include "schedule/operand.h"

static const il_node *node_at(const il_schedule *s, uint32_t id) { return s->graph->nodes[id]; }

bool il_operand_spreads(const il_schedule *s, uint32_t id, il_pool_geometry *window) {
  const il_node *node = node_at(s, id);
  if (!s->fuse || node->op != IL_OP_POOL_SCATTER || node->when != IL_PER_TASK) return false;
  *window = il_pool_geometry_of(s->graph, node);
  return il_pool_apart(window) && il_node_of(s->graph, node->input[0])->type == IL_UINT8;
}

/* `stored`: a broadcast or scatter that has memory of its own is read like any value. */
static bool mode_of(const il_schedule *s, uint32_t id, bool stored, il_tile_mode *mode,
                    uint32_t *base, int64_t *width) {
  const il_node *node = node_at(s, id);
  *width = 0;
  *mode = IL_TILE_FULL;
  *base = id;
  if (node->op == IL_OP_CONSTANT) {
    *mode = IL_TILE_SCALAR;
    return true;
  }
  if (stored) return true;
  il_pool_geometry window;
  if (il_operand_spreads(s, id, &window)) {
    *mode = IL_TILE_SPREAD;
    *base = node->input[1].id;
    *width = window.c;
    return true;
  }
  if (node->op != IL_OP_BROADCAST) return true;
  *base = node->input[0].id;
  const il_shape from = node_at(s, *base)->shape, to = node->shape;
  if (il_shape_count(from) == 1) {
    *mode = IL_TILE_SCALAR;
    return true;
  }
  bool channel = true, row = true;
  int begin = 0, end = to.rank; /* kept axes: [begin, end) */
  while (begin < to.rank && from.dim[begin] == 1) begin++;
  while (end > 0 && from.dim[end - 1] == 1) end--;
  for (int i = begin; i < to.rank; i++) channel = channel && from.dim[i] == to.dim[i];
  for (int i = 0; i < end; i++) row = row && from.dim[i] == to.dim[i];
  if (channel) {
    *mode = IL_TILE_CHANNEL;
    *width = 1;
    for (int i = begin; i < to.rank; i++) *width *= to.dim[i];
    return true;
  }
  if (row) {
    *mode = IL_TILE_ROW;
    *width = 1;
    for (int i = end; i < to.rank; i++) *width *= to.dim[i];
    return true;
  }
  return false;
}

uint32_t il_direct(const il_schedule *s, uint32_t id) {
  while (il_op_repeats(node_at(s, id)->op)) id = node_at(s, id)->input[0].id;
  return id;
}

bool il_operand_mode(const il_schedule *s, uint32_t id, il_tile_mode *mode, uint32_t *base,
                     int64_t *width) {
  return mode_of(s, id, s->item_of[s->root[id]] >= 0, mode, base, width);
}

uint32_t il_operand_base(const il_schedule *s, const il_item *item, int k, il_tile_mode *mode) {
  uint32_t base;
  int64_t width;
  if (k > 0) {
    mode_of(s, item->operand[k - 1], item->stored[k - 1], mode, &base, &width);
    if (*mode == IL_TILE_SPREAD) {
      *mode = IL_TILE_TAP;
      return item->operand[k];
    }
  }
  mode_of(s, item->operand[k], item->stored[k], mode, &base, &width);
  return s->root[base];
}

il_pool_geometry il_spread_window(const il_schedule *s, const il_item *item, int k) {
  return il_pool_geometry_of(s->graph, node_at(s, item->operand[k]));
}
