/* One mini-batch of supervised training as a function: loss, gradient, outer update, running statistics. */
#ifndef IL_FIT_SUPERVISED_H
#define IL_FIT_SUPERVISED_H

#include "fit/model.h"
#include "meta/method.h"

/* What a step reads and writes: the model's values and the optimizer's moments of its parameters. */
typedef struct il_trained {
  const il_model *model;
  const il_optimizer *optimizer;
  _Alignas(16) char settings[IL_SETTINGS_SIZE]; /* the optimizer's */
  il_entries value_entries, slot_entries;
  il_buffers values, slots;
  int64_t steps; /* made so far */
} il_trained;
il_status il_trained_init(il_context *context, il_trained *trained, const il_model *model,
                          const il_optimizer *optimizer);
/* Copies the current values back into a model of the same net. */
void il_trained_store(const il_trained *trained, il_model *model);
void il_trained_free(il_trained *trained); /* accepts a zeroed one */

/* Steps of one size of mini-batch. */
typedef struct il_supervised {
  il_context *context;
  il_trained *trained;
  const il_samples *samples;
  const il_fit_options *options;
  il_function *function; /* NULL: there is no mini-batch of this size */
  il_run *run;
  int place_made, place_loss;
  int batch, parts;
  char *x, *y;  /* the mini-batch: [batch, example…], [batch] or [batch, outputs] */
  int32_t *key; /* [parts][2]; NULL: no dropout */
} il_supervised;
il_status il_supervised_init(il_context *context, il_supervised *s, il_trained *trained,
                             const il_samples *samples, const il_fit_options *options, int batch);
void il_supervised_free(il_supervised *s); /* accepts a zeroed one */
/* Trains on the examples at index[0 … batch − 1], whose `use` (epoch) chooses augmentation; loss receives the
 * mean before the step. */
il_status il_supervised_step(il_supervised *s, const int64_t *index, uint64_t use, double *loss);

#endif
