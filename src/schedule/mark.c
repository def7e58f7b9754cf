/* Which values a schedule needs, which of them wait, and which leave their group (mark.h). */
#include "schedule/mark.h"

void il_mark_needed(il_schedule *s) {
  const il_graph *g = s->graph;
  for (int i = 0; i < g->output_count; i++) s->needed[g->outputs[i].value.id] = true;
  for (uint32_t id = g->size; id > 0; id--) {
    const il_node *node = g->nodes[id];
    if (s->needed[id])
      for (int i = 0; i < node->inputs; i++) s->needed[node->input[i].id] = true;
    s->root[id] = id;
  }
  for (uint32_t id = 1; id <= g->size; id++) {
    const il_node *node = g->nodes[id];
    if (il_op_aliases(node->op)) s->root[id] = s->root[node->input[0].id];
    s->item_of[id] = -1;
  }
}

void il_mark_later(const il_schedule *s, bool tiles, bool *later) {
  const il_graph *g = s->graph;
  for (uint32_t id = 1; id <= g->size; id++) {
    const il_op op = g->nodes[id]->op;
    later[id] = tiles && s->needed[id] && g->nodes[id]->when == IL_BEFORE &&
                il_shape_count(g->nodes[id]->shape) > 1 &&
                (il_op_elementwise(op) || op == IL_OP_BROADCAST || il_op_aliases(op));
  }
  for (int i = 0; i < g->output_count; i++) later[g->outputs[i].value.id] = false;
  for (uint32_t id = g->size; id > 0; id--) {
    const il_node *node = g->nodes[id];
    if (!s->needed[id] || later[id] || node->when == IL_AFTER) continue;
    for (int i = 0; i < node->inputs; i++) later[node->input[i].id] = false;
  }
}

void il_mark_leaving(il_schedule *s) {
  const il_graph *g = s->graph;
  for (int i = 0; i < s->count; i++) {
    const il_item *item = s->items[i];
    if (item->node) {
      const il_node *node = g->nodes[item->node];
      for (int k = 0; k < node->inputs; k++) s->leaves[s->root[node->input[k].id]] = true;
    }
    for (int k = 0; k < item->operands; k++) {
      il_tile_mode mode;
      s->leaves[il_operand_base(s, item, k, &mode)] = true;
    }
  }
  for (int i = 0; i < g->output_count; i++) s->leaves[s->root[g->outputs[i].value.id]] = true;
}
