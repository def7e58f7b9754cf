/* The best learners of a run, kept beside the last one as RUN/best-STEP.safetensors (checkpoint.best). */
#ifndef IL_TRAIN_KEPT_H
#define IL_TRAIN_KEPT_H

#include <innerloop/base.h>

#include "train/patience.h"

/* "FOLDER/best-STEP.safetensors", malloc'ed; NULL after an error. */
char *il_kept_path(il_context *context, const char *folder, int64_t step);
/* Removes those of them that are no longer among the best. */
il_status il_kept_clean(il_context *context, const char *folder, const il_patience *patience);
/* The meta-steps of the `count` best that the checkpoint at `path` names, the best first. */
il_status il_kept_steps(il_context *context, const char *path, int count, int64_t *step);

#endif
