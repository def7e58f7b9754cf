/* Groups elementwise nodes. Items are numbered in the order in which they run; a node may join an earlier
 * group if all it reads is available by then, so the order stays a valid schedule without a search.
 *
 * A large value that is cheap to make from at most two others is made again by each group that reads it: a
 * few operations on a tile in cache cost less than storing it and reading it back from memory. It has memory
 * of its own only if something else than a group reads it.
 *
 * Elementwise values of shared inputs that only what follows the mean reads are made there, when they are first
 * read: an optimizer's decay of its moments joins the group that updates them. */
#include "schedule/schedule.h"

#include "schedule/mark.h"
#include "schedule/operand.h"
#include "base/room.h"

enum {
  LOOK_BACK = 24, /* groups further back are not worth the memory their operands would hold */
  REMAKE_COUNT =
      8192,         /* elements from which a value is large: two of its kind fill the first cache */
  REMAKE_CODES = 6, /* operations that may be repeated instead of one read */
  REMAKE_ROOTS = 2  /* full operands that they may read */
};

typedef struct il_fusion {
  il_schedule *s;
  int32_t *available; /* first item index that may read the node */
  bool *remade;       /* elementwise and made again by each group that reads it: not in memory */
  bool *later;        /* known before the tasks, but made after them */
  bool fuse, tiles;
  bool failed;
} il_fusion;

static void place_elementwise(il_fusion *f, uint32_t id);

static const il_node *node_at(const il_schedule *s, uint32_t id) { return s->graph->nodes[id]; }

static bool has(const uint32_t *list, int count, uint32_t id) {
  return il_find(list, count, id) >= 0;
}

static il_item *append(il_fusion *f, il_when when) {
  il_schedule *s = f->s;
  if (s->count == s->capacity) {
    const int capacity = s->capacity ? 2 * s->capacity : 256;
    il_item **items = il_grow(s->graph->context, s->items, (size_t)capacity * sizeof *items);
    if (!items) {
      f->failed = true;
      return NULL;
    }
    s->items = items;
    s->capacity = capacity;
  }
  il_item *item = il_new(s->graph->context, 1, sizeof *item);
  if (!item) {
    f->failed = true;
    return NULL;
  }
  item->when = when;
  s->items[s->count++] = item;
  return item;
}

static il_when when_of(const il_fusion *f, uint32_t id) {
  return f->later[id] ? IL_AFTER : node_at(f->s, id)->when;
}

static void append_single(il_fusion *f, uint32_t id) {
  const il_node *node = node_at(f->s, id);
  il_item *item = append(f, when_of(f, id));
  if (!item) return;
  item->node = id;
  item->shape = node->shape;
  f->s->item_of[id] = f->s->count - 1;
  f->available[id] = f->s->count;
}

/* Gives a virtual node (a broadcast, a constant, a scatter, a remade value) memory of its own because someone
 * reads it as it is. */
static void ensure(il_fusion *f, uint32_t id) {
  il_schedule *s = f->s;
  const uint32_t root = s->root[id];
  const il_op op = node_at(s, root)->op;
  f->remade[root] = false; /* from now on it is in memory */
  if (s->item_of[root] >= 0) return;
  if (il_op_elementwise(op)) place_elementwise(f, root);
  if (op != IL_OP_BROADCAST && op != IL_OP_CONSTANT && op != IL_OP_POOL_SCATTER) return;
  const il_node *node = node_at(s, root);
  for (int i = 0; i < node->inputs; i++) ensure(f, node->input[i].id);
  append_single(f, root);
}

static int32_t available(const il_fusion *f, uint32_t id) {
  const il_schedule *s = f->s;
  const il_node *node = node_at(s, id);
  if (f->remade[id]) {
    int32_t latest = 0;
    for (int i = 0; i < node->inputs; i++) {
      const int32_t at = available(f, il_direct(s, node->input[i].id));
      if (at > latest) latest = at;
    }
    return latest;
  }
  if (s->item_of[id] >= 0) return f->available[id];
  if (node->op == IL_OP_POOL_SCATTER) { /* its operands are read from memory */
    int32_t latest = 0;
    for (int i = 0; i < node->inputs; i++) {
      const int32_t at = s->item_of[s->root[node->input[i].id]] + 1;
      if (at > latest) latest = at;
    }
    return latest;
  }
  if (!il_op_aliases(node->op) && node->op != IL_OP_BROADCAST) return f->available[id];
  const int32_t at = available(f, node->input[0].id);
  /* Read in another shape it must have left its group. */
  const int32_t after = s->item_of[s->root[node->input[0].id]] + 1;
  return !il_op_repeats(node->op) && after > at ? after : at;
}

/* What a remade value costs: the operations down to values that lie in memory, and those values. */
typedef struct il_recipe {
  int codes, roots;
  uint32_t root[REMAKE_ROOTS + 1]; /* one more: too many */
} il_recipe;

static void add_to_recipe(const il_fusion *f, uint32_t id, il_recipe *r) {
  const il_schedule *s = f->s;
  const il_node *node = node_at(s, id);
  r->codes++;
  for (int i = 0; i < node->inputs && r->roots <= REMAKE_ROOTS && r->codes <= REMAKE_CODES; i++) {
    const uint32_t operand = il_direct(s, node->input[i].id);
    il_tile_mode mode;
    uint32_t base;
    int64_t width;
    if (f->remade[operand])
      add_to_recipe(f, operand, r);
    else if ((!il_operand_mode(s, operand, &mode, &base, &width) || mode == IL_TILE_FULL ||
              mode == IL_TILE_SPREAD) &&
             il_find(r->root, r->roots, s->root[operand]) < 0)
      r->root[r->roots++] = s->root[operand];
  }
}

static bool worth_remaking(const il_fusion *f, uint32_t id) {
  const il_node *node = node_at(f->s, id);
  if (!f->fuse) return false;
  if (!f->later[id] && (node->when != IL_PER_TASK || il_shape_count(node->shape) < REMAKE_COUNT))
    return false;
  if (f->s->graph->ops[node->op]->flops(f->s->graph, node) > (double)il_shape_count(node->shape))
    return false; /* exp and its kind */
  il_recipe r = {0};
  add_to_recipe(f, id, &r);
  return r.roots <= REMAKE_ROOTS && r.codes <= REMAKE_CODES;
}

/* How a node would join a group: its new operands and members, what it needs the rows to be. */
typedef struct il_joining {
  int operands, members;
  uint32_t operand[IL_TILE_MAX_OPERANDS], member[IL_TILE_MAX_CODE];
  int64_t width;
  bool related, possible;
} il_joining;

static void join_as_member(const il_fusion *f, const il_item *group, uint32_t id, il_joining *j);

static void join_as_operand(const il_fusion *f, const il_item *group, uint32_t id, il_joining *j) {
  const il_schedule *s = f->s;
  if (has(group->member, group->members, id)) {
    j->related = true;
    return;
  }
  if (has(group->operand, group->operands, id)) {
    if (node_at(s, id)->op != IL_OP_CONSTANT) j->related = true;
    return;
  }
  if (has(j->member, j->members, id) || has(j->operand, j->operands, id)) return;
  if (f->remade[id]) {
    join_as_member(f, group, id, j);
    return;
  }
  il_tile_mode mode;
  uint32_t base;
  int64_t wants;
  il_operand_mode(s, id, &mode, &base, &wants);
  if (wants && j->width && wants != j->width) j->possible = false;
  if (wants) j->width = wants;
  const bool spread = mode == IL_TILE_SPREAD;
  if (group->operands + j->operands + spread >= IL_TILE_MAX_OPERANDS) {
    j->possible = false;
    return;
  }
  j->operand[j->operands++] = id;
  if (spread) j->operand[j->operands++] = node_at(s, id)->input[0].id;
}

/* Operands first, so that a group's members are in an order that can run. */
static void join_as_member(const il_fusion *f, const il_item *group, uint32_t id, il_joining *j) {
  const il_node *node = node_at(f->s, id);
  for (int i = 0; i < node->inputs && j->possible; i++)
    join_as_operand(f, group, il_direct(f->s, node->input[i].id), j);
  if (!j->possible) return;
  if (group->members + j->members == IL_TILE_MAX_CODE)
    j->possible = false;
  else
    j->member[j->members++] = id;
}

static il_joining joining(const il_fusion *f, const il_item *group, uint32_t id) {
  il_joining j = {.width = group->width, .possible = true};
  join_as_member(f, group, id, &j);
  return j;
}

static void join(il_fusion *f, int index, uint32_t id, const il_joining *j) {
  il_schedule *s = f->s;
  il_item *group = s->items[index];
  group->width = j->width;
  for (int i = 0; i < j->operands; i++) {
    group->stored[group->operands] = s->item_of[s->root[j->operand[i]]] >= 0;
    group->operand[group->operands++] = j->operand[i];
  }
  for (int i = 0; i < j->members; i++) group->member[group->members++] = j->member[i];
  s->item_of[id] = index;
  f->available[id] = index;
}

/* Makes what a node reads readable by a group; receives the trailing dimension that broadcasts ask for. */
static void make_readable(il_fusion *f, uint32_t id, int64_t *width) {
  il_schedule *s = f->s;
  const il_node *node = node_at(s, id);
  for (int i = 0; i < node->inputs; i++) {
    const uint32_t operand = il_direct(s, node->input[i].id);
    if (f->remade[operand]) {
      make_readable(f, operand, width);
      continue;
    }
    il_tile_mode mode;
    uint32_t base;
    int64_t wants;
    const bool readable = il_operand_mode(s, operand, &mode, &base, &wants);
    if (!readable || (wants && *width && wants != *width)) {
      ensure(f, operand);
    } else {
      if (wants) *width = wants;
      if (base != operand)
        ensure(f, base); /* what is broadcast or spread must itself exist */
      else if (mode == IL_TILE_FULL)
        ensure(f, operand);
      if (mode == IL_TILE_SPREAD) ensure(f, node_at(s, operand)->input[0].id);
    }
  }
}

static int32_t earliest_of(const il_fusion *f, uint32_t id) {
  const il_node *node = node_at(f->s, id);
  int32_t earliest = 0;
  for (int i = 0; i < node->inputs; i++) {
    const uint32_t operand = il_direct(f->s, node->input[i].id);
    /* What an earlier stage computes is there, whichever group of this one reads it. */
    if (node_at(f->s, operand)->when != node->when) continue;
    const int32_t at = available(f, operand);
    if (at > earliest) earliest = at;
  }
  return earliest;
}

static void place_elementwise(il_fusion *f, uint32_t id) {
  il_schedule *s = f->s;
  const il_node *node = node_at(s, id);
  int64_t width = 0;
  make_readable(f, id, &width);
  if (f->failed) return;
  const int32_t earliest = earliest_of(f, id);
  const int last = s->count - LOOK_BACK > earliest ? s->count - LOOK_BACK : earliest;
  for (int index = s->count - 1; f->fuse && index >= last && index >= 0; index--) {
    const il_item *group = s->items[index];
    if (group->node || group->when != when_of(f, id) || !il_shape_equal(group->shape, node->shape))
      continue;
    const il_joining j = joining(f, group, id);
    if (!j.possible || !j.related) continue;
    join(f, index, id, &j);
    return;
  }
  il_item *group = append(f, when_of(f, id));
  if (!group) return;
  group->shape = node->shape;
  const il_joining j = joining(f, group, id);
  join(f, s->count - 1, id, &j);
}

/* A sum over all leading axes of a group's member runs inside the group. */
static bool place_sum(il_fusion *f, uint32_t id) {
  il_schedule *s = f->s;
  const il_node *node = node_at(s, id);
  const uint32_t from = node->input[0].id;
  if (f->remade[from] && s->item_of[from] < 0) place_elementwise(f, from);
  const int index = s->item_of[from];
  if (!f->fuse || index < 0 || s->items[index]->node) return false;
  il_item *group = s->items[index];
  if (group->when != when_of(f, id) || group->sums == IL_TILE_MAX_SUMS) return false;
  const int64_t axes = ((const il_attr_axes *)node->attr)->axes;
  int first = 0;
  const il_shape shape = group->shape;
  while (first < shape.rank && (axes >> first & 1 || shape.dim[first] == 1)) first++;
  int64_t width = 1;
  for (int i = first; i < shape.rank; i++) {
    if (axes >> i & 1 && shape.dim[i] != 1) return false;
    width *= shape.dim[i];
  }
  if (width == 1 || (group->width && group->width != width)) return false;
  group->width = width;
  group->sum[group->sums++] = id;
  s->item_of[id] = index;
  f->available[id] = index + 1;
  return true;
}

/* Makes what was put off until now. */
static void place_operands(il_fusion *f, uint32_t id) {
  const il_node *node = node_at(f->s, id);
  for (int i = 0; i < node->inputs; i++) {
    const uint32_t operand = node->input[i].id;
    if (!f->later[operand]) continue;
    place_operands(f, operand);
    if (il_op_elementwise(node_at(f->s, operand)->op) && !f->remade[operand] &&
        f->s->item_of[operand] < 0)
      place_elementwise(f, operand);
  }
}

static void place(il_fusion *f, uint32_t id) {
  il_schedule *s = f->s;
  const il_node *node = node_at(s, id);
  if (f->later[id]) {
    f->remade[id] = il_op_elementwise(node->op) && worth_remaking(f, id);
    return;
  }
  place_operands(f, id);
  if (node->op == IL_OP_INPUT || node->op == IL_OP_CONSTANT || il_op_aliases(node->op)) return;
  if (node->op == IL_OP_BROADCAST && f->tiles) return;
  if (il_operand_spreads(s, id, &(il_pool_geometry){0}))
    return; /* who reads it as it is ensures it */
  if (f->tiles && il_op_elementwise(node->op)) {
    f->remade[id] = worth_remaking(f, id);
    if (!f->remade[id]) place_elementwise(f, id);
    return;
  }
  if (node->op == IL_OP_SUM && place_sum(f, id)) return;
  for (int i = 0; i < node->inputs; i++) ensure(f, node->input[i].id);
  append_single(f, id);
}

il_status il_schedule_build(const il_graph *g, bool fuse, bool tiles, il_schedule *s) {
  *s = (il_schedule){.graph = g, .fuse = fuse && tiles};
  const size_t n = (size_t)g->size + 1;
  s->needed = il_new(s->graph->context, n, sizeof *s->needed);
  s->root = il_new(s->graph->context, n, sizeof *s->root);
  s->item_of = il_new(s->graph->context, n, sizeof *s->item_of);
  s->leaves = il_new(s->graph->context, n, sizeof *s->leaves);
  il_fusion f = {.s = s,
                 .available = il_new(s->graph->context, n, sizeof(int32_t)),
                 .fuse = fuse && tiles,
                 .tiles = tiles};
  f.remade = il_new(s->graph->context, n, sizeof *f.remade);
  f.later = il_new(s->graph->context, n, sizeof *f.later);
  if (!s->needed || !s->root || !s->item_of || !s->leaves || !f.available || !f.remade ||
      !f.later) {
    f.failed = true;
  } else {
    il_mark_needed(s);
    il_mark_later(s, f.tiles, f.later);
    for (uint32_t id = 1; id <= g->size && !f.failed; id++)
      if (s->needed[id]) place(&f, id);
    for (int i = 0; i < g->output_count && !f.failed; i++) ensure(&f, g->outputs[i].value.id);
    if (!f.failed) il_mark_leaving(s);
    if (!f.failed) f.failed = !il_items_by_stage(s);
  }
  il_release(f.available);
  il_release(f.remade);
  il_release(f.later);
  if (!f.failed) return IL_OK;
  il_schedule_free(s);
  return il_fail_memory(g->context, "a plan's schedule");
}

void il_schedule_free(il_schedule *s) {
  for (int i = 0; i < s->count; i++) il_release(s->items[i]);
  il_release(s->items);
  il_release(s->needed);
  il_release(s->root);
  il_release(s->item_of);
  il_release(s->leaves);
  *s = (il_schedule){0};
}
