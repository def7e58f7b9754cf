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

#include "schedule/timeline.h"
#include "base/room.h"
#include "base/sort.h"

enum {
  SMALL_PEAK = 16 << 20, /* bytes of a task that no value is made again for */
  SMALL_SHARE = 1024,    /* values below this part of the peak are not looked at */
  BYTE_FLOPS = 8,        /* operations that take as long as one byte of memory */
  MOST_COST = 12,        /* bytes of cost for each byte freed */
  TASK_SHARE = 12        /* what is made again costs this part of the task at most */
};

/* A value that is cheap to make. */
typedef struct il_candidate {
  uint32_t id;
  int64_t bytes;
  double cost, gain;       /* gain: bytes by cost */
  const il_access *making; /* the first one */
} il_candidate;

typedef struct il_remaking {
  il_schedule *s;
  il_timeline line;
  bool *fixed;             /* [size + 1] never made again: read after the tasks, or tried in vain */
  il_candidate *candidate; /* the best first */
  int candidates;
} il_remaking;

static int64_t bytes_of(const il_schedule *s, uint32_t id) {
  return (int64_t)il_node_bytes(s->graph->nodes[id]);
}

static double cost_of(const il_schedule *s, const il_item *item) {
  const il_graph *g = s->graph;
  uint32_t read[IL_ITEM_MAX_READS], made[IL_TILE_MAX_RESULTS];
  const int reads = il_item_reads(s, item, read), makes = il_item_makes(s, item, made);
  double flops = 0, bytes = 0;
  for (int i = 0; i < reads; i++)
    if (g->nodes[read[i]]->op != IL_OP_CONSTANT) bytes += (double)bytes_of(s, read[i]);
  for (int i = 0; i < makes; i++) bytes += (double)bytes_of(s, made[i]);
  for (int i = -1; i < item->members; i++) {
    const il_node *node = g->nodes[i < 0 ? item->node : item->member[i]];
    if (node && g->ops[node->op]->flops) flops += g->ops[node->op]->flops(g, node);
  }
  return bytes + flops / BYTE_FLOPS;
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

static void fix(il_remaking *r) {
  const il_schedule *s = r->s;
  uint32_t read[IL_ITEM_MAX_READS];
  for (int i = 0; i < s->count; i++) {
    if (s->items[i]->when == IL_PER_TASK) continue;
    const int reads = il_item_reads(s, s->items[i], read);
    for (int k = 0; k < reads; k++) r->fixed[read[k]] = true;
  }
  for (int i = 0; i < s->graph->output_count; i++)
    r->fixed[s->root[s->graph->outputs[i].value.id]] = true;
}

static int by_gain(const void *left, const void *right) {
  const il_candidate *a = left, *b = right;
  if (a->gain != b->gain) return a->gain > b->gain ? -1 : 1;
  return (a->id > b->id) - (a->id < b->id);
}

static bool find_candidates(il_remaking *r) {
  il_schedule *s = r->s;
  r->candidate = il_new(s->graph->context, (size_t)s->graph->size + 1, sizeof *r->candidate);
  if (!r->candidate) return false;
  for (int i = 0; i < s->count; i++) {
    const il_turn *turn = r->line.first[i];
    for (int k = 0; turn && k < turn->accesses; k++) {
      const uint32_t id = turn->access[k].id;
      if (!turn->access[k].makes || r->fixed[id] || bytes_of(s, id) < SMALL_PEAK / SMALL_SHARE ||
          il_find(turn->item->sum, turn->item->sums, id) >= 0)
        continue;
      const il_item made = trimmed(s, turn->item, id);
      il_candidate c = {.id = id, .bytes = bytes_of(s, id), .making = &turn->access[k]};
      c.cost = cost_of(s, &made);
      c.gain = (double)c.bytes / c.cost;
      if (c.gain > 1.0 / MOST_COST) r->candidate[r->candidates++] = c;
    }
  }
  il_sort(r->candidate, (size_t)r->candidates, sizeof *r->candidate, by_gain);
  return true;
}

/* Who reads the value next, if it was read before turn `at`, is not read there, and is after it. */
static const il_turn *reader_after(il_remaking *r, const il_candidate *c, const il_turn *at) {
  const il_access *last = c->making, *next = last->after;
  if (il_turn_precedes(at, last->turn)) return NULL;
  for (; next && !il_turn_precedes(at, next->turn); next = next->after) {
    last = next;
    r->s->looks++;
  }
  return last->makes || last->turn == at || !next || next->makes ? NULL : next->turn;
}

/* Of the values that lie unread at the peak, the one that is best made again; NULL: none. before receives who reads it
 * next. */
static const il_candidate *best_at(il_remaking *r, const il_peak *peak, const il_turn **before) {
  for (int i = 0; i < r->candidates; i++) {
    const il_candidate *c = &r->candidate[i];
    r->s->looks++;
    if (r->fixed[c->id] || c->bytes < peak->most / SMALL_SHARE) continue;
    *before = reader_after(r, c, peak->at);
    if (*before) return c;
  }
  return NULL;
}

static bool choose(il_remaking *r) {
  il_timeline *line = &r->line;
  const int capacity = 2 * line->count;
  double left = 0;
  for (int i = 0; i < r->s->count; i++)
    if (line->first[i]) left += cost_of(r->s, r->s->items[i]) / TASK_SHARE;
  il_peak peak = il_timeline_peak(line);
  while (peak.most > SMALL_PEAK && line->count < capacity) {
    const il_turn *before;
    const il_candidate *c = best_at(r, &peak, &before);
    if (!c) return true;
    il_item *item = il_new(r->s->graph->context, 1, sizeof *item);
    if (!item) return false;
    *item = trimmed(r->s, c->making->turn->item, c->id);
    il_turn *turn = il_turn_make(line, item);
    if (!turn) {
      il_release(item);
      return false;
    }
    il_timeline_insert(line, turn, before);
    const il_peak next = il_timeline_peak(line);
    if (c->cost > left || next.most > peak.most || (next.most == peak.most && next.at == peak.at)) {
      il_timeline_take_out(line, turn);
      il_release(item);
      r->fixed[c->id] = true;
      continue;
    }
    left -= c->cost;
    peak = next;
  }
  return true;
}

/* Puts the added items before those that they were made for. */
static bool merge(const il_remaking *r) {
  il_schedule *s = r->s;
  il_item **items =
      il_new(s->graph->context, 1, ((size_t)s->count + (size_t)r->line.count + 1) * sizeof *items);
  if (!items) return false;
  int count = 0;
  for (int i = 0; i < s->count; i++) {
    for (const il_turn *turn = r->line.first[i]; turn && turn->next; turn = turn->next)
      items[count++] = turn->item;
    items[count++] = s->items[i];
  }
  il_items_replace(s, items, count);
  return true;
}

static void free_added(const il_remaking *r) {
  for (int i = 0; i < r->s->count && r->line.first; i++)
    for (const il_turn *turn = r->line.first[i]; turn && turn->next; turn = turn->next)
      il_release(turn->item);
}

il_status il_schedule_remake(il_schedule *s) {
  il_remaking r = {.s = s};
  r.fixed = il_new(s->graph->context, (size_t)s->graph->size + 1, sizeof *r.fixed);
  bool made = il_timeline_start(&r.line, s) && r.fixed;
  if (made) fix(&r);
  made = made && find_candidates(&r) && choose(&r) && merge(&r);
  if (!made) free_added(&r);
  il_timeline_end(&r.line);
  il_release(r.fixed);
  il_release(r.candidate);
  return made ? IL_OK : il_fail_memory(s->graph->context, "a plan's schedule");
}
