/* The fixed tree of the mean over tasks (see mean.h). */
#include "run/mean.h"

il_tree il_tree_cut_part(int leaves, int begin, int end, int most, int threads) {
  il_tree tree = {.leaves = leaves, .begin = begin, .end = end, .chunk = 1};
  const int own = end - begin;
  while (tree.chunk * 2 * 4 * threads <= own && tree.chunk * 2 <= most) {
    tree.chunk *= 2;
    tree.depth++;
  }
  tree.chunks = (own + tree.chunk - 1) / tree.chunk;
  return tree;
}

il_tree il_tree_cut(int leaves, int threads) {
  return il_tree_cut_part(leaves, 0, leaves, leaves, threads);
}

static int64_t block_count(const il_plan *plan) {
  return (int64_t)(plan->mean_bytes / il_type_size(plan->graph->real));
}

char *il_tree_leaf(il_tree_walk *walk) { return walk->blocks[walk->top]; }

static void merge(const il_plan *plan, il_tree_walk *walk) {
  walk->top--;
  il_kernel_accumulate(plan->graph->real, block_count(plan), walk->blocks[walk->top - 1],
                       walk->blocks[walk->top]);
}

void il_tree_add(const il_plan *plan, il_tree_walk *walk, int done) {
  walk->top++;
  for (; done % 2 == 0; done /= 2) merge(plan, walk);
}

void il_tree_close(const il_plan *plan, il_tree_walk *walk) {
  while (walk->top > 1) merge(plan, walk);
}

il_tree_span il_tree_span_of(const il_plan *plan, int part, int parts) {
  const int64_t lines = (int64_t)(plan->mean_bytes / IL_WORKSPACE_ALIGNMENT);
  const int64_t per_line = IL_WORKSPACE_ALIGNMENT / (int64_t)il_type_size(plan->graph->real);
  const int64_t begin = lines * part / parts, end = lines * (part + 1) / parts;
  return (il_tree_span){(size_t)begin * IL_WORKSPACE_ALIGNMENT, (end - begin) * per_line};
}

void il_tree_sum(const il_plan *plan, const il_tree *tree, char *blocks, int part, int parts) {
  const il_tree_span span = il_tree_span_of(plan, part, parts);
  const int64_t begin = tree->begin, end = tree->end, chunk = tree->chunk;
  const bool last = end == tree->leaves; /* a subtree that lacks leaves passes up */
  char *base = blocks + span.offset;
  for (int64_t step = chunk; step < end - begin; step *= 2) {
    const int64_t first = (begin + 2 * step - 1) / (2 * step) * 2 * step;
    for (int64_t at = first; at + step < end; at += 2 * step)
      if (last || at + 2 * step <= end)
        il_kernel_accumulate(plan->graph->real, span.count,
                             base + (size_t)((at - begin) / chunk) * plan->mean_bytes,
                             base + (size_t)((at + step - begin) / chunk) * plan->mean_bytes);
  }
}

void il_tree_finish(const il_plan *plan, const il_tree *tree, int tasks, char *blocks, int part,
                    int parts) {
  il_tree_sum(plan, tree, blocks, part, parts);
  const il_tree_span span = il_tree_span_of(plan, part, parts);
  il_kernel_divide(plan->graph->real, span.count, blocks + span.offset, (double)tasks);
}
