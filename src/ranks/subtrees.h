/* The leaves of the fixed tree of sums (run/mean.h) divided over ranks, so that each rank's leaves are few whole subtrees:
 * what it sends is their sums, and what all add is what one process would have added, in the same order. */
#ifndef IL_RANKS_SUBTREES_H
#define IL_RANKS_SUBTREES_H

#include <innerloop/base.h>

typedef struct il_merge {
  int into, from; /* nodes */
} il_merge;
typedef struct il_subtrees {
  int leaves, ranks;
  int grain;       /* ranks begin at multiples of so many leaves: a power of two */
  int nodes;       /* subtrees of all ranks */
  int *begin;      /* [ranks + 1] the first leaf of each rank */
  int *first;      /* [ranks + 1] the first node of each rank */
  int *node;       /* [nodes] the first leaf of each */
  il_merge *merge; /* [nodes − 1] sums from these nodes to the root, which is node 0, in order */
} il_subtrees;

/* The grain is the largest that leaves the busiest rank at most an eighth more than its share. */
il_status il_subtrees_init(il_context *context, il_subtrees *d, int leaves, int ranks);
void il_subtrees_free(il_subtrees *d); /* accepts a zeroed one */

#endif
