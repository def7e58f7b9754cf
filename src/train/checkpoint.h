/* The state of a run between meta-steps: a learner's file with the outer optimizer's moments beside, without anything
 * that changes from run to run: equal training gives equal bytes. */
#ifndef IL_TRAIN_CHECKPOINT_H
#define IL_TRAIN_CHECKPOINT_H

#include "config/config.h"
#include "train/meta_step.h"

/* "FOLDER/name", malloc'ed; NULL after an error. */
char *il_run_path(il_context *context, const char *folder, const char *name);
il_status il_checkpoint_save(const il_meta_step *step, int64_t made, const char *config,
                             const char *path);
/* Reads all that is trained into the present sides. A checkpoint of another configuration is refused with the key that
 * differs. */
il_status il_checkpoint_resume(il_meta_step *step, const il_config *config, const char *path,
                               int64_t *made);
/* What is learned alone. */
il_status il_checkpoint_open(il_learner *learner, const char *path, int64_t *made);

#endif
