/* Which sums a product is added to where it is made: a matmul that only one group reads, and that adds it, scaled
 * or not, to one other value, becomes part of that group. Kernels for lanes take such a group as one call. */
#include "schedule/schedule.h"

#include "base/room.h"

static const il_node *node_at(const il_schedule *s, uint32_t id) { return s->graph->nodes[id]; }

/* readers [size + 1] receives how often each value is read from memory. */
static void count_readers(il_schedule *s, int *readers) {
  const il_graph *g = s->graph;
  for (int i = 0; i < g->output_count; i++) readers[s->root[g->outputs[i].value.id]]++;
  for (int i = 0; i < s->count; i++) {
    const il_item *item = s->items[i];
    const il_node *node = item->node ? node_at(s, item->node) : NULL;
    for (int k = 0; node && k < node->inputs; k++) readers[s->root[node->input[k].id]]++;
    for (int k = 0; k < item->operands; k++) {
      il_tile_mode mode;
      readers[il_operand_base(s, item, k, &mode)]++;
    }
    s->looks += item->operands + (node ? node->inputs : 0);
  }
}

/* Takes the number off a scaled member of the group. */
static uint32_t unscaled(const il_schedule *s, const il_item *item, uint32_t id, double *scale) {
  const il_node *node = node_at(s, id);
  double number;
  if (item->members != 2 || item->member[0] != id || node->op != IL_OP_MUL) return id;
  for (int i = 0; i < 2; i++)
    if (il_is_constant(s->graph, node->input[!i], &number)) {
      *scale *= number;
      return il_direct(s, node->input[i].id);
    }
  return id;
}

static bool is_product(const il_schedule *s, const int *readers, uint32_t id) {
  const int item = s->item_of[id];
  return item >= 0 && s->items[item]->node == id && node_at(s, id)->op == IL_OP_MATMUL &&
         node_at(s, id)->when == IL_PER_TASK && readers[id] == 1;
}

/* operand + scale·product, as the group's last member adds or subtracts; side: of the product. What the product reads,
 * the group reads from now on. */
static bool take(il_schedule *s, const int *readers, il_item *item, int side) {
  const uint32_t last = item->member[item->members - 1];
  const il_node *node = node_at(s, last);
  double scale = node->op == IL_OP_SUB ? -1 : 1;
  const uint32_t id = unscaled(s, item, il_direct(s, node->input[side].id), &scale);
  const int k = il_find(item->operand, item->operands, il_direct(s, node->input[1 - side].id));
  il_tile_mode mode;
  if (item->operands != item->members + 1 || k < 0 || item->operand[k] == id ||
      !is_product(s, readers, id))
    return false;
  il_operand_base(s, item, k, &mode);
  if (mode != IL_TILE_FULL) return false;
  s->items[s->item_of[id]]->node = 0;
  s->item_of[id] = -1;
  item->product = id;
  item->scale = scale;
  item->operand[0] = item->operand[k];
  item->stored[0] = item->stored[k];
  item->member[0] = last;
  item->operands = item->members = 1;
  return true;
}

static void accumulate(il_schedule *s, const int *readers, il_item *item) {
  if (item->members < 1 || item->members > 2 || item->sums || item->when != IL_PER_TASK) return;
  if (item->members == 2 && il_leaves(s, item, item->member[0])) return;
  const il_op op = node_at(s, item->member[item->members - 1])->op;
  if (op != IL_OP_ADD && op != IL_OP_SUB) return;
  if (!take(s, readers, item, 1) && op == IL_OP_ADD) take(s, readers, item, 0);
}

/* Items of products that groups make are empty now. */
static void remove_empty(il_schedule *s, int *place) {
  int count = 0;
  for (int i = 0; i < s->count; i++) {
    place[i] = count;
    if (s->items[i]->node || s->items[i]->members)
      s->items[count++] = s->items[i];
    else
      il_release(s->items[i]);
  }
  s->count = count;
  for (uint32_t id = 1; id <= s->graph->size; id++)
    if (s->item_of[id] >= 0) s->item_of[id] = place[s->item_of[id]];
}

il_status il_schedule_accumulate(il_schedule *s) {
  int *place = il_new(s->graph->context, (size_t)s->count + 1, sizeof *place);
  int *readers = il_new(s->graph->context, (size_t)s->graph->size + 1, sizeof *readers);
  const bool memory = place && readers;
  if (memory) {
    count_readers(s, readers);
    for (int i = 0; i < s->count; i++) accumulate(s, readers, s->items[i]);
    remove_empty(s, place);
  }
  il_release(place);
  il_release(readers);
  return memory ? IL_OK : il_fail_memory(s->graph->context, "a plan's schedule");
}
