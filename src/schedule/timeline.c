/* The items of the tasks in the order in which they run, and the most bytes that live at one of them (timeline.h). To
 * put an item in looks at the values that it reads and makes alone, and at one way from a leaf of the tree of peaks
 * to its root for each. */
#include "schedule/timeline.h"

#include "base/room.h"

static int64_t bytes_of(const il_timeline *line, uint32_t id) {
  return (int64_t)il_node_bytes(line->s->graph->nodes[id]);
}

bool il_turn_precedes(const il_turn *a, const il_turn *b) {
  return a->before != b->before ? a->before < b->before : a->rank < b->rank;
}

/* ---- peaks ---- */
static void join_halves(il_timeline *line, int node) {
  const il_peak *left = &line->peak[2 * node], *right = left + 1;
  const bool later = left->sum + right->most > left->most;
  line->peak[node] = (il_peak){.sum = left->sum + right->sum,
                               .most = later ? left->sum + right->most : left->most,
                               .at = later ? right->at : left->at};
}

static void set_leaf(il_timeline *line, int item) {
  il_peak peak = {.most = INT64_MIN / 2};
  for (il_turn *turn = line->first[item]; turn; turn = turn->next) {
    const int64_t live = peak.sum + turn->begins;
    if (live > peak.most) peak.at = turn;
    if (live > peak.most) peak.most = live;
    peak.sum = live - turn->ends;
    line->s->looks++;
  }
  line->peak[line->width + item] = peak;
}

/* ---- lives ---- */
/* Whose life ends first in the books: those of values that are made again, by when, then the others. */
static bool ends_before(const il_access *a, const il_access *b) {
  if (a->after && b->after) return il_turn_precedes(a->after->turn, b->after->turn);
  return a->after || b->after ? a->after != NULL : a->id < b->id;
}

static void settle(il_timeline *line, il_turn *turn) {
  const il_access *over = NULL;
  turn->begins = turn->ends = 0;
  for (int i = 0; i < turn->accesses; i++) {
    const il_access *access = &turn->access[i];
    const int64_t bytes = bytes_of(line, access->id);
    if (access->makes) turn->begins += bytes;
    if (access->after && !access->after->makes) continue;
    turn->ends += bytes;
    if (access->over && (!over || ends_before(access, over))) over = access;
  }
  if (over) turn->begins -= bytes_of(line, over->id);
  if (over) turn->ends -= bytes_of(line, over->id);
  line->s->looks += turn->accesses;
}

static void settle_and_tell(il_timeline *line, il_turn *turn) {
  settle(line, turn);
  set_leaf(line, turn->before);
  for (int node = (line->width + turn->before) / 2; node; node /= 2) join_halves(line, node);
}

/* ---- turns ---- */
static void add_access(il_turn *turn, uint32_t id, bool makes, bool over) {
  for (int i = 0; i < turn->accesses; i++)
    if (turn->access[i].id == id) return;
  turn->access[turn->accesses++] =
      (il_access){.id = id, .makes = makes, .over = over, .turn = turn};
}

il_turn *il_turn_make(il_timeline *line, il_item *item) {
  const il_schedule *s = line->s;
  uint32_t read[IL_ITEM_MAX_READS], made[IL_TILE_MAX_RESULTS];
  const int reads = il_item_reads(s, item, read), makes = il_item_makes(s, item, made);
  il_turn *turn =
      il_arena_alloc(&line->arena, sizeof *turn + (size_t)(reads + makes) * sizeof *turn->access);
  if (!turn) return NULL;
  turn->item = item;
  for (int k = 0; k < reads; k++) {
    bool over = false;
    for (int m = 0; m < item->members && k < item->operands && !over; m++)
      over = il_item_overwrites(s, item, k, m);
    if (line->last[read[k]]) add_access(turn, read[k], false, over);
  }
  for (int k = 0; k < makes; k++) add_access(turn, made[k], true, false);
  return turn;
}

static void link_access(il_timeline *line, il_access *access) {
  il_access *before = line->last[access->id];
  for (; before && il_turn_precedes(access->turn, before->turn); before = before->before)
    line->s->looks++;
  access->before = before;
  access->after = before ? before->after : NULL;
  if (before) before->after = access;
  if (access->after)
    access->after->before = access;
  else
    line->last[access->id] = access;
}

static void unlink_access(il_timeline *line, il_access *access) {
  if (access->before) access->before->after = access->after;
  if (access->after)
    access->after->before = access->before;
  else
    line->last[access->id] = access->before;
}

static void settle_around(il_timeline *line, il_turn *turn) {
  for (int i = 0; i < turn->accesses; i++)
    if (turn->access[i].before) settle_and_tell(line, turn->access[i].before->turn);
}

void il_timeline_insert(il_timeline *line, il_turn *turn, const il_turn *before) {
  il_turn **at = &line->first[before->before];
  while (*at != before) at = &(*at)->next;
  turn->before = before->before;
  turn->next = *at;
  *at = turn;
  int rank = 0;
  for (il_turn *t = line->first[turn->before]; t; t = t->next) t->rank = rank++;
  for (int i = 0; i < turn->accesses; i++) link_access(line, &turn->access[i]);
  line->count++;
  settle_around(line, turn);
  settle_and_tell(line, turn);
}

void il_timeline_take_out(il_timeline *line, il_turn *turn) {
  il_turn **at = &line->first[turn->before];
  while (*at != turn) at = &(*at)->next;
  *at = turn->next;
  for (int i = 0; i < turn->accesses; i++) unlink_access(line, &turn->access[i]);
  line->count--;
  settle_around(line, turn);
  settle_and_tell(line, turn->next);
}

bool il_timeline_start(il_timeline *line, il_schedule *s) {
  *line = (il_timeline){.s = s, .width = 1, .arena = {.context = s->graph->context}};
  while (line->width < s->count) line->width *= 2;
  line->first = il_new(s->graph->context, (size_t)s->count + 1, sizeof *line->first);
  line->last = il_new(s->graph->context, (size_t)s->graph->size + 1, sizeof *line->last);
  line->peak = il_new(s->graph->context, 2 * (size_t)line->width, sizeof *line->peak);
  if (!line->first || !line->last || !line->peak) return false;
  for (int i = 0; i < s->count; i++) {
    if (s->items[i]->when != IL_PER_TASK) continue;
    il_turn *turn = line->first[i] = il_turn_make(line, s->items[i]);
    if (!turn) return false;
    turn->before = i;
    for (int k = 0; k < turn->accesses; k++) link_access(line, &turn->access[k]);
    line->count++;
  }
  for (int i = 0; i < line->width; i++) {
    line->peak[line->width + i].most = INT64_MIN / 2;
    if (i >= s->count || !line->first[i]) continue;
    settle(line, line->first[i]);
    set_leaf(line, i);
  }
  for (int node = line->width - 1; node; node--) join_halves(line, node);
  return true;
}

void il_timeline_end(il_timeline *line) {
  il_release(line->first);
  il_release(line->last);
  il_release(line->peak);
  il_arena_free(&line->arena);
}
