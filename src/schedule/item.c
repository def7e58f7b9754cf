/* What an item of a schedule reads and makes (schedule.h). */
#include "schedule/schedule.h"

#include "base/room.h"

int il_find(const uint32_t *list, int count, uint32_t id) {
  for (int i = 0; i < count; i++)
    if (list[i] == id) return i;
  return -1;
}

bool il_leaves(const il_schedule *s, const il_item *item, uint32_t id) {
  if (item->again) return id == item->again;
  return s->leaves[id] && s->items[s->item_of[id]] == item;
}

int il_item_reads(const il_schedule *s, const il_item *item, uint32_t *root) {
  int count = 0;
  if (item->node) {
    const il_node *node = s->graph->nodes[item->node];
    for (int i = 0; i < node->inputs; i++) root[count++] = s->root[node->input[i].id];
    return count;
  }
  for (int i = 0; item->product && i < 2; i++)
    root[count++] = s->root[s->graph->nodes[item->product]->input[i].id];
  for (int i = 0; i < item->operands; i++) {
    il_tile_mode mode;
    root[count++] = il_operand_base(s, item, i, &mode);
  }
  return count;
}

int il_item_makes(const il_schedule *s, const il_item *item, uint32_t *made) {
  int count = 0;
  if (item->node) made[count++] = item->node;
  for (int i = 0; i < item->members; i++)
    if (il_leaves(s, item, item->member[i])) made[count++] = item->member[i];
  for (int i = 0; i < item->sums; i++) made[count++] = item->sum[i];
  return count;
}

bool il_item_overwrites(const il_schedule *s, const il_item *item, int operand, int member) {
  if (item->node || item->product || !il_leaves(s, item, item->member[member])) return false;
  il_tile_mode mode;
  const uint32_t base = il_operand_base(s, item, operand, &mode);
  const il_node *from = s->graph->nodes[base];
  if (mode != IL_TILE_FULL || from->op == IL_OP_CONSTANT || from->type != s->graph->real)
    return false;
  for (int k = 0; k < item->operands; k++)
    if (k != operand && il_operand_base(s, item, k, &mode) == base) return false;
  for (int i = member + 1; i < item->members; i++) {
    const il_node *node = s->graph->nodes[item->member[i]];
    for (int k = 0; k < node->inputs; k++)
      if (il_direct(s, node->input[k].id) == item->operand[operand]) return false;
  }
  return true;
}

void il_items_replace(il_schedule *s, il_item **items, int count) {
  for (int i = 0; i < count; i++) items[i]->at = i;
  for (uint32_t id = 1; id <= s->graph->size; id++)
    if (s->item_of[id] >= 0) s->item_of[id] = s->items[s->item_of[id]]->at;
  il_release(s->items);
  s->items = items;
  s->count = s->capacity = count;
}

bool il_items_by_stage(il_schedule *s) {
  il_item **items = il_new(s->graph->context, 1, ((size_t)s->count + 1) * sizeof *items);
  if (!items) return false;
  int count = 0;
  for (il_when when = IL_BEFORE; when <= IL_AFTER; when++)
    for (int i = 0; i < s->count; i++)
      if (s->items[i]->when == when) items[count++] = s->items[i];
  il_items_replace(s, items, count);
  return true;
}
