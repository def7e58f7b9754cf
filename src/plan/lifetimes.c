/* Lifetimes: from which call to which a value is kept, and whose place it may take. */

#include "plan/builder.h"
#include "base/room.h"

static const int64_t FOREVER = INT64_MAX;

static void set_times(il_builder *b) {
  int64_t count[3] = {0};
  for (int i = 0; i < b->s.count; i++) b->time[i] = count[b->s.items[i]->when]++;
  b->before_count = count[IL_BEFORE];
  for (int i = 0; i < b->s.count; i++)
    if (b->s.items[i]->when == IL_AFTER) b->time[i] += b->before_count + 1;
}

static void touch(il_builder *b, uint32_t root, il_when reader, int64_t time) {
  const il_when when = il_builder_node(b, root)->when;
  if (when == IL_BEFORE && reader == IL_PER_TASK) time = b->before_count;
  if (when == IL_PER_TASK && reader == IL_AFTER) time = FOREVER;
  if (time > il_life_of(b, root)->last) il_life_of(b, root)->last = time;
}

static int64_t count_lives(const il_builder *b) {
  uint32_t made[IL_TILE_MAX_RESULTS];
  int64_t count = 1 + b->g->input_count;
  for (int i = 0; i < b->s.count; i++) count += il_item_makes(&b->s, b->s.items[i], made);
  return count;
}

void il_lives_rewind(il_builder *b) { b->lives = 1 + b->g->input_count; }

void il_lives_make(il_builder *b, int i) {
  uint32_t made[IL_TILE_MAX_RESULTS];
  const int makes = il_item_makes(&b->s, b->s.items[i], made);
  for (int k = 0; k < makes; k++) b->now[made[k]] = b->lives++;
}

static void live(il_builder *b, uint32_t root, int64_t time) {
  b->now[root] = b->lives;
  b->life[b->lives++] = (il_life){.root = root, .first = time, .last = time};
}

static void set_lives(il_builder *b) {
  uint32_t root[IL_CALL_MAX_INS], made[IL_TILE_MAX_RESULTS];
  for (int i = 0; i < b->g->input_count; i++)
    live(b, b->g->inputs[i].value.id, -1); /* before all calls */
  for (int i = 0; i < b->s.count; i++) {
    const il_item *item = b->s.items[i];
    const int reads = il_item_reads(&b->s, item, root), makes = il_item_makes(&b->s, item, made);
    for (int k = 0; k < reads; k++) touch(b, root[k], item->when, b->time[i]);
    for (int k = 0; k < makes; k++) live(b, made[k], b->time[i]);
  }
  for (int i = 0; i < b->g->output_count; i++)
    il_life_of(b, b->s.root[b->g->outputs[i].value.id])->last = FOREVER;
}

bool il_lives_set(il_builder *b) {
  b->life = il_new(b->g->context, (size_t)count_lives(b), sizeof *b->life);
  b->now = il_new(b->g->context, (size_t)b->g->size + 1, sizeof *b->now);
  b->time = il_new(b->g->context, (size_t)b->s.count + 1, sizeof *b->time);
  if (!b->life || !b->now || !b->time) return false;
  b->life[b->lives++].placed = true;
  set_times(b);
  set_lives(b);
  return true;
}

/* A group may write a result where an operand lies that it is the last to read: one image less at the peak, and
 * one less for caches to hold. */
void il_lives_take_over(il_builder *b) {
  uint32_t root[IL_CALL_MAX_INS];
  il_life *from[IL_CALL_MAX_INS];
  il_lives_rewind(b);
  for (int i = 0; i < b->s.count; i++) {
    const il_item *item = b->s.items[i];
    const int reads = il_item_reads(&b->s, item, root);
    for (int k = 0; k < reads; k++) from[k] = il_life_of(b, root[k]);
    il_lives_make(b, i);
    if (b->plan->lanes > 1 || item->when != IL_PER_TASK) continue;
    for (int k = 0; k < reads; k++)
      for (int m = 0; m < item->members && !from[k]->placed && !from[k]->taken; m++) {
        if (il_builder_node(b, from[k]->root)->when != IL_PER_TASK || from[k]->last > b->time[i] ||
            !il_item_overwrites(&b->s, item, k, m))
          continue;
        il_life *to = il_life_of(b, item->member[m]);
        if (to->placed || to->onto) continue;
        to->onto = from[k] - b->life;
        from[k]->taken = true;
      }
  }
  for (int64_t i = b->lives; i-- > 0;)
    if (b->life[i].onto) b->life[b->life[i].onto].last = b->life[i].last;
}
