/* The mean over tasks as one fixed binary tree over the task index: neighbours first, level by level, an odd
 * last one passes up. Whole chunks of the tree are summed by one worker, so few blocks are alive at once. */
#ifndef IL_RUN_MEAN_H
#define IL_RUN_MEAN_H

#include "plan/plan.h"

typedef struct il_tree {
  int leaves;     /* of the whole tree */
  int begin, end; /* that are summed here: all, or what one of several ranks has */
  int chunk;      /* leaves per chunk: a power of two */
  int chunks;     /* ceil((end − begin) / chunk) */
  int depth;      /* log2(chunk): blocks that a worker keeps besides the chunk's own */
} il_tree;

/* Cuts the leaves into chunks for so many workers; the result's bits do not depend on it. A leaf is a task,
 * or a group of tasks in lanes, whose number is a power of two: the lowest levels of the tree are within it. */
il_tree il_tree_cut(int leaves, int threads);
/* The same of the leaves from begin to end, with chunks of at most so many; begin is a multiple of `most`, a power of two. */
il_tree il_tree_cut_part(int leaves, int begin, int end, int most, int threads);

/* A worker's walk through one chunk: blocks[0] is the chunk's own block, blocks[1..depth] the worker's. */
typedef struct il_tree_walk {
  char *blocks[32];
  int top; /* blocks in use */
} il_tree_walk;
/* Where the next leaf's contribution goes. */
char *il_tree_leaf(il_tree_walk *walk);
/* The contribution is complete; `done` leaves of the chunk are. Adds what the tree adds now. */
void il_tree_add(const il_plan *plan, il_tree_walk *walk, int done);
/* The chunk has no more leaves: adds what is left into blocks[0]. */
void il_tree_close(const il_plan *plan, il_tree_walk *walk);
/* Part `part` of `parts` of a block, in whole lines. */
typedef struct il_tree_span {
  size_t offset; /* bytes */
  int64_t count; /* reals */
} il_tree_span;
il_tree_span il_tree_span_of(const il_plan *plan, int part, int parts);
/* Adds the chunks' blocks (apart by mean_bytes) for part `part` of `parts`, as far as the tree adds them among themselves:
 * all into the first where the leaves are all. */
void il_tree_sum(const il_plan *plan, const il_tree *tree, char *blocks, int part, int parts);
/* Of a whole tree; then divides by the number of tasks. */
void il_tree_finish(const il_plan *plan, const il_tree *tree, int tasks, char *blocks, int part,
                    int parts);

#endif
