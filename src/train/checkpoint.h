/* The state of a run between meta-steps, in one safetensors file without anything that changes from run
 * to run: equal training gives equal bytes. */
#ifndef IL_TRAIN_CHECKPOINT_H
#define IL_TRAIN_CHECKPOINT_H

#include "train/learner.h"

/* "FOLDER/name", malloc'ed; NULL after an error. */
char *il_run_path(il_context *context, const char *folder, const char *name);
il_status il_checkpoint_save(const il_learner *learner, int64_t step, const char *config,
                             const char *path);
/* Reads weights and moments into the current side. A checkpoint of another configuration is refused with
 * the key that differs. */
il_status il_checkpoint_load(il_learner *learner, const char *path, int64_t *step);
/* Weights alone, into engine layout. */
il_status il_checkpoint_weights(il_context *context, const char *path, const il_net *net,
                                il_type type, void *const *weights, int64_t *step);

#endif
