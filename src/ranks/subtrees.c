/* Divides the tree (see subtrees.h). A node is a subtree of the fixed tree: it begins at a multiple of its size, and has
 * all leaves of that size, or all that there are. */
#include "ranks/subtrees.h"

#include "base/error.h"
#include "base/room.h"

static int64_t share_of(int64_t leaves, int64_t ranks, int64_t grain) {
  const int64_t units = (leaves + grain - 1) / grain;
  return (units + ranks - 1) / ranks * grain;
}

static int choose_grain(int leaves, int ranks) {
  int64_t grain = 1, best = 1;
  for (; grain < leaves; grain *= 2)
    if (share_of(leaves, ranks, grain) * 8 <= share_of(leaves, ranks, 1) * 9) best = grain;
  return (int)best;
}

static int64_t lowest_bit(int64_t x) { return x & -x; }

/* The end of the largest node that begins at `at` and ends within the rank's leaves. */
static int node_end(int leaves, int at, int end) {
  int64_t size = lowest_bit(at);
  if (at == 0)
    for (size = 1; size < leaves;) size *= 2;
  if (end == leaves) return at + size < leaves ? (int)(at + size) : leaves;
  while (at + size > end) size /= 2;
  return (int)(at + size);
}

/* Fills what there is memory for (node may be NULL), and counts. */
static int find_nodes(il_subtrees *d) {
  int count = 0;
  for (int r = 0; r < d->ranks; r++) {
    d->first[r] = count;
    for (int at = d->begin[r]; at < d->begin[r + 1]; count++) {
      if (d->node) d->node[count] = at;
      at = node_end(d->leaves, at, d->begin[r + 1]);
    }
  }
  return d->first[d->ranks] = count;
}

/* Node `from` is added to the one that begins the size of its level before it; that one is complete by then. */
static void find_merges(il_subtrees *d) {
  int count = 0;
  for (int64_t step = 1; step < d->leaves; step *= 2)
    for (int from = 1; from < d->nodes; from++) {
      if (lowest_bit(d->node[from]) != step) continue;
      int into = from - 1;
      while (d->node[into] > d->node[from] - step) into--;
      d->merge[count++] = (il_merge){into, from};
    }
}

il_status il_subtrees_init(il_context *context, il_subtrees *d, int leaves, int ranks) {
  *d = (il_subtrees){.leaves = leaves, .ranks = ranks, .grain = choose_grain(leaves, ranks)};
  d->begin = il_new(context, (size_t)ranks + 1, sizeof *d->begin);
  d->first = il_new(context, (size_t)ranks + 1, sizeof *d->first);
  if (d->begin && d->first) {
    const int64_t units = ((int64_t)leaves + d->grain - 1) / d->grain;
    for (int r = 0; r <= ranks; r++) {
      const int64_t begin = units * r / ranks * d->grain;
      d->begin[r] = begin < leaves ? (int)begin : leaves;
    }
    d->nodes = find_nodes(d);
    d->node = il_new(context, (size_t)d->nodes + 1, sizeof *d->node);
    d->merge = il_new(context, (size_t)d->nodes + 1, sizeof *d->merge);
  }
  if (!d->node || !d->merge) {
    il_subtrees_free(d);
    return il_fail_memory(context, "the division of tasks over ranks");
  }
  find_nodes(d);
  find_merges(d);
  return IL_OK;
}

void il_subtrees_free(il_subtrees *d) {
  il_release(d->begin);
  il_release(d->first);
  il_release(d->node);
  il_release(d->merge);
  *d = (il_subtrees){0};
}
