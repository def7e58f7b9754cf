/* Values that are cheap to make are made again late instead of being kept.
 *
 * The derivative of an adaptation reads the images of every inner step once more at its end, in reverse order, so all
 * of them would lie in memory together. Where a task's values take the most memory, a value that lies there unread
 * may be made again before its next reader, and its memory serves others in between. Its cost is counted in bytes:
 * those read and written, and one for as many operations as run while memory gives one byte. Of the values at the
 * peak, the one that frees the most bytes per byte of cost goes first; then the next peak is looked for, until it is
 * small, nothing there is cheap, or all that was added costs a given part of the task.
 *
 * Made again means: the same kernel runs on the same operands and gives the same bits. The operands live until then;
 * whether that outweighs what is freed is found by trying: the peak must fall. */
#include "schedule/fuse.h"

#include <stdlib.h>
#include <string.h>

enum {
  SMALL_PEAK = 16 << 20, /* bytes of a task that no value is made again for */
  SMALL_SHARE = 1024,    /* values below this part of the peak are not looked at */
  BYTE_FLOPS = 8,        /* operations that take as long as one byte of memory */
  MOST_COST = 12,        /* bytes of cost for each byte freed */
  TASK_SHARE = 12        /* what is made again costs this part of the task at most */
};

/* One item of the tasks, with what it reads and makes. */
typedef struct il_turn {
  il_item *item;
  int before; /* the schedule's item that it is, or that it is put before */
  int reads, makes;
  uint64_t over; /* bit k: a result may lie where operand k lies, if that is read no more */
  uint32_t read[IL_ITEM_MAX_READS], made[IL_TILE_MAX_RESULTS];
} il_turn;

typedef struct il_remaking {
  il_schedule *s;
  il_turn *step;
  int count, capacity;
  bool *fixed; /* [size + 1] never made again: read after the tasks, or tried in vain */
  int *by, *previous, *next; /* [size + 1] steps that made it, and that last and next read it */
  int64_t *change;           /* [capacity + 1] bytes that begin to live less those that end */
  bool *taken;               /* [capacity + 1] a result of the step lies where an operand lay */
} il_remaking;

static int64_t bytes_of(const il_remaking *r, uint32_t id) {
  return (int64_t)il_node_bytes(r->s->graph->nodes[id]);
}

static void fill_step(const il_remaking *r, il_turn *step, il_item *item, int before) {
  step->item = item;
  step->before = before;
  step->reads = il_item_reads(r->s, item, step->read);
  step->makes = il_item_makes(r->s, item, step->made);
  step->over = 0;
  for (int k = 0; k < item->operands; k++)
    for (int m = 0; m < item->members; m++)
      if (il_item_overwrites(r->s, item, k, m)) step->over |= UINT64_C(1) << k;
}

static double cost_of(const il_remaking *r, const il_turn *step) {
  const il_graph *g = r->s->graph;
  double flops = 0, bytes = 0;
  for (int i = 0; i < step->reads; i++)
    if (g->nodes[step->read[i]]->op != IL_OP_CONSTANT) bytes += (double)bytes_of(r, step->read[i]);
  for (int i = 0; i < step->makes; i++) bytes += (double)bytes_of(r, step->made[i]);
  for (int i = -1; i < step->item->members; i++) {
    const il_node *node = g->nodes[i < 0 ? step->item->node : step->item->member[i]];
    if (node && g->ops[node->op]->flops) flops += g->ops[node->op]->flops(g, node);
  }
  return bytes + flops / BYTE_FLOPS;
}

static bool first_steps(il_remaking *r) {
  il_schedule *s = r->s;
  uint32_t root[IL_ITEM_MAX_READS];
  for (int i = 0; i < s->count; i++) r->capacity += 2 * (s->items[i]->when == IL_PER_TASK);
  const size_t n = (size_t)s->graph->size + 1;
  r->step = malloc(((size_t)r->capacity + 1) * sizeof *r->step);
  r->fixed = calloc(n, sizeof *r->fixed);
  r->by = calloc(n, sizeof *r->by);
  r->previous = calloc(n, sizeof *r->previous);
  r->next = calloc(n, sizeof *r->next);
  r->change = calloc((size_t)r->capacity + 1, sizeof *r->change);
  r->taken = calloc((size_t)r->capacity + 1, sizeof *r->taken);
  if (!r->step || !r->fixed || !r->by || !r->previous || !r->next || !r->change || !r->taken)
    return false;
  for (int i = 0; i < s->count; i++) {
    il_item *item = s->items[i];
    if (item->when == IL_PER_TASK) {
      fill_step(r, &r->step[r->count++], item, i);
      continue;
    }
    const int reads = il_item_reads(s, item, root);
    for (int k = 0; k < reads; k++) r->fixed[root[k]] = true;
  }
  for (int i = 0; i < s->graph->output_count; i++)
    r->fixed[s->root[s->graph->outputs[i].value.id]] = true;
  return true;
}

static void end_life(il_remaking *r, uint32_t id, int last) {
  const il_turn *step = &r->step[last];
  r->change[r->by[id]] += bytes_of(r, id);
  const int operand = il_find(step->read, step->reads, id);
  const bool hands_on = operand >= 0 && step->over >> operand & 1 && !r->taken[last];
  if (hands_on) r->taken[last] = true;
  r->change[hands_on ? last : last + 1] -= bytes_of(r, id);
}

/* The most bytes that live at one step; receives the first such step. A value's life ends with its last reader
 * before it is made again. */
static int64_t peak_of(il_remaking *r, int *at) {
  const uint32_t size = r->s->graph->size;
  for (uint32_t id = 1; id <= size; id++) r->by[id] = -1;
  memset(r->change, 0, ((size_t)r->count + 1) * sizeof *r->change);
  memset(r->taken, 0, (size_t)r->count);
  for (int t = 0; t < r->count; t++) {
    const il_turn *step = &r->step[t];
    for (int i = 0; i < step->reads; i++) r->previous[step->read[i]] = t;
    for (int i = 0; i < step->makes; i++) {
      const uint32_t id = step->made[i];
      if (r->by[id] >= 0) end_life(r, id, r->previous[id]);
      r->by[id] = r->previous[id] = t;
    }
  }
  for (uint32_t id = 1; id <= size; id++)
    if (r->by[id] >= 0) end_life(r, id, r->previous[id]);
  int64_t live = 0, most = 0;
  for (int t = 0; t < r->count; t++) {
    live += r->change[t];
    if (live > most) *at = t;
    if (live > most) most = live;
  }
  return most;
}

/* Around step `at`: by whom each value was made, its last reader until then and its next one (0: none). */
static void look_around(il_remaking *r, int at) {
  for (uint32_t id = 1; id <= r->s->graph->size; id++) r->by[id] = r->next[id] = -1;
  for (int t = 0; t <= at; t++) {
    const il_turn *step = &r->step[t];
    for (int i = 0; i < step->reads; i++) r->previous[step->read[i]] = t;
    for (int i = 0; i < step->makes; i++) r->by[step->made[i]] = r->previous[step->made[i]] = t;
  }
  for (int t = r->count - 1; t > at; t--) {
    const il_turn *step = &r->step[t];
    for (int i = 0; i < step->makes; i++) r->next[step->made[i]] = -1;
    for (int i = 0; i < step->reads; i++) r->next[step->read[i]] = t;
  }
}

/* The item that makes this one value and nothing else. */
static il_item trimmed(const il_schedule *s, const il_item *from, uint32_t id) {
  il_item item = *from;
  item.again = id;
  item.members = item.operands = item.sums = 0;
  bool member[IL_TILE_MAX_CODE] = {false}, operand[IL_TILE_MAX_OPERANDS] = {false};
  for (int i = from->members; i-- > 0;) {
    member[i] = member[i] || from->member[i] == id;
    const il_node *node = s->graph->nodes[from->member[i]];
    for (int k = 0; k < node->inputs && member[i]; k++) {
      const uint32_t in = il_direct(s, node->input[k].id);
      const int m = il_find(from->member, from->members, in);
      const int o = il_find(from->operand, from->operands, in);
      if (m >= 0) member[m] = true;
      if (m < 0) operand[o] = true;
    }
  }
  for (int i = 0; i < from->members; i++)
    if (member[i]) item.member[item.members++] = from->member[i];
  for (int i = 0; i < from->operands; i++) {
    il_tile_mode mode;
    il_operand_base(s, from, i, &mode);
    if (!operand[i] && !(mode == IL_TILE_TAP && operand[i - 1])) continue;
    item.stored[item.operands] = from->stored[i];
    item.operand[item.operands++] = from->operand[i];
  }
  return item;
}

/* Of the values that lie unread at step `at`, the one that is best made again; `again` receives its step. 0: none. */
static uint32_t best_at(il_remaking *r, int at, int64_t peak, il_item *item, il_turn *again) {
  uint32_t best = 0;
  double best_gain = 1.0 / MOST_COST;
  look_around(r, at);
  for (uint32_t id = 1; id <= r->s->graph->size; id++) {
    if (r->fixed[id] || r->by[id] < 0 || r->next[id] < 0) continue;
    if (r->previous[id] == at || r->previous[id] == r->by[id]) continue;
    if (bytes_of(r, id) < peak / SMALL_SHARE) continue;
    const il_item *from = r->step[r->by[id]].item;
    if (il_find(from->sum, from->sums, id) >= 0) continue;
    il_item made = trimmed(r->s, from, id);
    il_turn step;
    fill_step(r, &step, &made, r->step[r->next[id]].before);
    const double gain = (double)bytes_of(r, id) / cost_of(r, &step);
    if (gain <= best_gain) continue;
    best = id;
    best_gain = gain;
    *item = made;
    *again = step;
    again->item = item;
  }
  return best;
}

static void insert(il_remaking *r, int at, const il_turn *step) {
  memmove(&r->step[at + 1], &r->step[at], (size_t)(r->count++ - at) * sizeof *step);
  r->step[at] = *step;
}

static void take_out(il_remaking *r, int at) {
  memmove(&r->step[at], &r->step[at + 1], (size_t)(--r->count - at) * sizeof *r->step);
}

static bool choose(il_remaking *r) {
  double left = 0;
  for (int t = 0; t < r->count; t++) left += cost_of(r, &r->step[t]) / TASK_SHARE;
  int at = 0;
  int64_t peak = peak_of(r, &at);
  while (peak > SMALL_PEAK && r->count < r->capacity) {
    il_item made;
    il_turn step;
    const uint32_t id = best_at(r, at, peak, &made, &step);
    if (!id) return true;
    const int before = r->next[id];
    const double cost = cost_of(r, &step);
    int next_at = 0;
    insert(r, before, &step);
    const int64_t next_peak = peak_of(r, &next_at);
    if (cost > left || next_peak > peak || (next_peak == peak && next_at == at)) {
      take_out(r, before);
      r->fixed[id] = true;
      continue;
    }
    r->step[before].item = malloc(sizeof made);
    if (!r->step[before].item) return false;
    *r->step[before].item = made;
    left -= cost;
    peak = next_peak;
    at = next_at;
  }
  return true;
}

/* Puts the added items before those that they were made for. */
static bool merge(il_remaking *r) {
  il_schedule *s = r->s;
  il_item **items = malloc(((size_t)s->count + (size_t)r->count + 1) * sizeof *items);
  if (!items) return false;
  int count = 0, next = 0;
  for (int i = 0; i < s->count; i++) {
    for (; next < r->count && r->step[next].before == i; next++)
      if (r->step[next].item->again) items[count++] = r->step[next].item;
    items[count++] = s->items[i];
  }
  il_items_replace(s, items, count);
  return true;
}

il_status il_schedule_remake(il_schedule *s) {
  il_remaking r = {.s = s};
  const bool made = first_steps(&r) && choose(&r) && merge(&r);
  for (int t = 0; !made && t < r.count; t++)
    if (r.step[t].item && r.step[t].item->again) free(r.step[t].item);
  free(r.step);
  free(r.fixed);
  free(r.by);
  free(r.previous);
  free(r.next);
  free(r.change);
  free(r.taken);
  return made ? IL_OK : il_fail_memory(s->graph->context, "a plan's schedule");
}
