/* Where values lie: in the caller's buffers, in the means and rows, or in an arena while they live. */

#include "plan/builder.h"
#include "base/room.h"

/* Values that are made once, and those that outlive the tasks. */
static void put(il_builder *b, uint32_t root, int slot, size_t offset) {
  il_life_of(b, root)->place = (il_place){slot, offset};
  il_life_of(b, root)->placed = true;
}

/* Everything that has a fixed place: inputs, outputs written directly, contributions to the means. False: too large. */
bool il_place_fixed(il_builder *b) {
  il_plan *plan = b->plan;
  for (int i = 0; i < b->g->input_count; i++)
    if (!il_is_lane_input(b, b->g->inputs[i].value.id))
      put(b, b->g->inputs[i].value.id, IL_SLOT_INPUTS + i, 0);
  for (int i = 0; i < b->g->output_count; i++) {
    const uint32_t root = b->s.root[b->g->outputs[i].value.id];
    if (il_life_of(b, root)->placed || il_builder_node(b, root)->op == IL_OP_TASK_MEAN) continue;
    if (plan->lanes == 1 || il_builder_node(b, root)->when != IL_PER_TASK)
      put(b, root, il_output_slot(b, i), 0);
  }
  for (int i = 0; i < b->s.count; i++) {
    const il_item *item = b->s.items[i];
    const il_node *node = il_builder_node(b, item->node);
    for (int k = 0; il_is_product(b, item) && k < node->inputs; k++) {
      const uint32_t root = b->s.root[node->input[k].id];
      if (il_life_of(b, root)->placed) continue;
      put(b, root, IL_SLOT_ROWS, plan->row_bytes);
      if (!il_add_bytes(&plan->row_bytes, il_aligned(il_node_bytes(il_builder_node(b, root))), 1))
        return false;
    }
  }
  for (int i = 0; i < b->s.count; i++) {
    const il_item *item = b->s.items[i];
    if (!il_is_task_mean(b, item)) continue;
    const uint32_t root = b->s.root[il_builder_node(b, item->node)->input[0].id];
    put(b, item->node, IL_SLOT_MEANS, plan->mean_bytes);
    if (!il_life_of(b, root)->placed)
      put(b, root, IL_SLOT_LEAF, plan->mean_bytes * (size_t)plan->lanes);
    size_t lanes = plan->mean_bytes * (size_t)plan->lanes;
    const size_t bytes = il_aligned(il_node_bytes(il_builder_node(b, item->node)));
    if (!il_add_bytes(&lanes, bytes, plan->lanes)) return false;
    plan->mean_bytes += bytes;
  }
  return true;
}

static bool place_arena(il_builder *b, bool task) {
  il_buffer *buffer = il_new(b->g->context, (size_t)b->lives + 1, sizeof *buffer);
  int64_t count = 0;
  bool fits = true;
  for (int64_t i = 0; i < b->lives && buffer; i++) {
    const il_life *life = &b->life[i];
    const il_node *node = il_builder_node(b, life->root);
    if (life->placed || life->onto || !b->s.needed[life->root] ||
        (node->when == IL_PER_TASK) != task)
      continue;
    buffer[count] = (il_buffer){.life = i, .first = life->first, .last = life->last};
    fits &= il_add_bytes(&buffer[count++].bytes, il_node_bytes(node), task ? b->plan->lanes : 1);
  }
  const bool placed = buffer && fits &&
                      il_place_buffers(b->g->context, count, buffer,
                                       &b->plan->arena_bytes[task ? 1 : 0], &b->plan->looks);
  for (int64_t i = 0; i < count; i++)
    b->life[buffer[i].life].place =
        (il_place){task ? IL_SLOT_TASK : IL_SLOT_SHARED, buffer[i].offset};
  for (int64_t i = 0; i < b->lives; i++)
    if (b->life[i].onto) b->life[i].place = b->life[b->life[i].onto].place;
  il_release(buffer);
  return placed;
}

bool il_place_arenas(il_builder *b) { return place_arena(b, false) && place_arena(b, true); }
