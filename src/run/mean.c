/* The fixed tree of the mean over tasks (see mean.h). */
#include "run/mean.h"

il_tree il_tree_cut(int leaves, int threads) {
  il_tree tree = {.leaves = leaves, .chunk = 1};
  while (tree.chunk * 2 * 4 * threads <= leaves) {
    tree.chunk *= 2;
    tree.depth++;
  }
  tree.chunks = (leaves + tree.chunk - 1) / tree.chunk;
  return tree;
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

void il_tree_finish(const il_plan *plan, const il_tree *tree, int tasks, char *blocks, int part,
                    int parts) {
  const size_t size = il_type_size(plan->graph->real);
  const int64_t lines = (int64_t)(plan->mean_bytes / IL_WORKSPACE_ALIGNMENT);
  const int64_t per_line = IL_WORKSPACE_ALIGNMENT / (int64_t)size;
  const int64_t begin = lines * part / parts * per_line,
                end = lines * (part + 1) / parts * per_line;
  char *base = blocks + (size_t)begin * size;
  for (int step = 1; step < tree->chunks; step *= 2)
    for (int i = 0; i + step < tree->chunks; i += 2 * step)
      il_kernel_accumulate(plan->graph->real, end - begin, base + (size_t)i * plan->mean_bytes,
                           base + (size_t)(i + step) * plan->mean_bytes);
  il_kernel_divide(plan->graph->real, end - begin, base, (double)tasks);
}
