/* All that a configuration trains with, put together: method, tasks, learner, meta-step, drawn batches. */
#ifndef IL_TRAIN_TRAINER_H
#define IL_TRAIN_TRAINER_H

#include "config/config.h"
#include "data/feed.h"
#include "train/meta_step.h"

typedef struct il_trainer {
  il_method method; /* the others point to it: a trainer stays where it is */
  il_tasks *tasks;
  il_learned *learner;
  il_meta_step step;
  il_feed feed;
} il_trainer;

/* The configuration must outlive it. team NULL: for looking at the plan, without data and memory to run in. Free it
 * after an error too. */
il_status il_trainer_init(il_context *context, il_trainer *t, const il_config *config,
                          il_team *team);
/* The same on tasks of a source that the configuration does not name; source NULL: the one that it names. */
il_status il_trainer_init_on(il_context *context, il_trainer *t, const il_config *config,
                             const il_source *source, const void *settings, il_team *team);
void il_trainer_free(il_trainer *t); /* accepts a zeroed one */
/* From now on meta-steps are divided over the ranks, and this one draws and computes its tasks alone: *tasks of them. */
il_status il_trainer_join(il_trainer *t, const il_ranks *ranks, int *tasks);

#endif
