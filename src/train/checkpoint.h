/* The state of a run between meta-steps: a learner's file with the outer optimizer's moments beside, without anything
 * that changes from run to run: equal training gives equal bytes. */
#ifndef IL_TRAIN_CHECKPOINT_H
#define IL_TRAIN_CHECKPOINT_H

#include "config/config.h"
#include "io/io.h"
#include "train/meta_step.h"
#include "train/patience.h"

/* "FOLDER/name", malloc'ed; NULL after an error. */
char *il_run_path(il_context *context, const char *folder, const char *name);
/* tasks: what is trained on; patience NULL: not said. Where meta-parameters are averaged, the average is the learner that
 * the file holds. */
il_status il_checkpoint_save(il_meta_step *step, const il_tasks *tasks, int64_t made,
                             const il_patience *patience, const char *config, const char *path);
/* Reads all that is trained into the present sides. A checkpoint of another configuration is refused with the key that
 * differs. */
il_status il_checkpoint_resume(il_meta_step *step, const il_tasks *tasks, const il_config *config,
                               const char *path, int64_t *made, il_patience *patience);
/* Whether a checkpoint is of this configuration and data, and after how many meta-steps; refused as by the function above. */
il_status il_checkpoint_match(il_context *context, const il_tasks *tasks, const il_config *config,
                              const char *path, int64_t *made);
/* Whether the algorithm that the file's metadata name is one of this version. */
il_status il_checkpoint_check_algorithm(il_context *context, const char *path,
                                        const il_safetensors *file);
/* What a learner learned on, as its checkpoint says. */
typedef struct il_checkpoint_tasks {
  bool known;       /* false: an older file, and nothing below */
  il_shape example; /* what its net takes */
  il_type type;
  double scale;
  int outputs;            /* of a training task */
  bool targets;           /* numbers are predicted, not classes */
  uint64_t content;       /* il_tasks_content of its training data; 0: there was none */
  uint64_t division;      /* il_tasks_division; 0: there was none, or an older file */
  double mean, deviation; /* of its numbers; 0, 0: not known */
} il_checkpoint_tasks;
il_status il_checkpoint_read_tasks(il_context *context, const char *path,
                                   il_checkpoint_tasks *tasks);
/* Refuses tasks that are divided otherwise than `saved` says; path: what was read of a run. */
il_status il_checkpoint_same_division(il_context *context, const char *path, uint64_t saved,
                                      const il_tasks *tasks, const il_config *config);
/* What is learned alone. */
il_status il_checkpoint_open(il_learned *learner, const char *path, int64_t *made);

#endif
