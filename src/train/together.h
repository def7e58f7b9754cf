/* What the ranks of one run check and hand out (run/joint.h divides the meta-steps themselves). ranks NULL: one process, and
 * nothing is done. All of these are called by every rank. */
#ifndef IL_TRAIN_TOGETHER_H
#define IL_TRAIN_TOGETHER_H

#include "config/config.h"
#include "data/source.h"
#include "ranks/ranks.h"
#include "train/meta_step.h"
#include "train/patience.h"

/* Refuses ranks of another version, other arithmetic, another configuration or other data than rank 0's. Where data lie is
 * each rank's own affair. */
il_status il_together_alike(il_context *context, const il_ranks *ranks, const il_config *config,
                            const il_tasks *tasks);
/* Rank 0's meta-step and all its values, to all. */
il_status il_together_begin(il_meta_step *s, const il_ranks *ranks, int64_t *step,
                            il_patience *patience);
/* Refuses to go on where weights differ: a machine that computes otherwise shows here. */
il_status il_together_same(il_context *context, const il_ranks *ranks, const il_learned *learner,
                           int64_t step);

#endif
