/* What several ranks do together, made of the record's two functions. ranks NULL: there is one process, and nothing is
 * done. */
#ifndef IL_RANKS_RANKS_H
#define IL_RANKS_RANKS_H

#include <innerloop/ranks.h>

/* Every rank says how its context is. IL_OK where all are well; else the status of the first rank that is not, whose
 * sentence every context then has that had none. */
il_status il_ranks_agree(il_context *context, const il_ranks *ranks);
/* Rank 0's bytes, to all. */
il_status il_ranks_spread(il_context *context, const il_ranks *ranks, void *bytes, size_t size);
/* il_ranks.gather with an error's sentence; begin: [size + 1]. */
il_status il_ranks_gather(il_context *context, const il_ranks *ranks, void *all,
                          const size_t *begin);
/* size bytes of each rank, in its order, into all: [ranks][size], where the own stand already. */
il_status il_ranks_gather_each(il_context *context, const il_ranks *ranks, void *all, size_t size);
/* The sentence that another rank is lost. */
il_status il_ranks_lost(il_context *context, const il_ranks *ranks);
/* Rank 0, or the only process: who writes and speaks. */
bool il_ranks_first(const il_ranks *ranks);
/* NULL where there is but one. */
const il_ranks *il_ranks_several(const il_ranks *ranks);

#endif
