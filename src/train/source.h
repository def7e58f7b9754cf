/* Where tasks come from: dataset, split and sampler (or sinusoids) of a configuration, and batches of
 * tasks as the inputs of a plan. */
#ifndef IL_TRAIN_SOURCE_H
#define IL_TRAIN_SOURCE_H

#include <innerloop/train.h>

#include "base/team.h"
#include "data/division.h"
#include "config/config.h"

typedef struct il_source {
  il_context *context;
  const il_config *config;
  il_dataset *dataset; /* these three NULL for sinusoid */
  il_splits *splits;
  il_sampler *sampler;
  /* Tasks cut from plain samples, for every split; NULL: from one of the above. */
  const il_division *division;
  il_loss loss; /* with division: instead of what the configuration implies */
  bool regression;
  int ways, shots, queries;
  int support, query; /* examples of a task */
  int outputs;        /* of the net */
  il_shape example;
  uint64_t seed;
} il_source;

/* queries: instead of task.queries; 0: that. The configuration must outlive the source. */
il_source *il_source_new(il_context *context, const il_config *config, int queries);
/* A source that can say what tasks look like, but may not draw any: for looking at plans without a data set.
 * Without task.data, Omniglot's images are as they are imported, 28 by 28. */
il_source *il_source_shapes(il_context *context, const il_config *config);
/* Tasks of a division, for the net of the configuration's layers. Both must outlive the source. */
il_source *il_source_of_division(il_context *context, const il_config *config,
                                 const il_division *division, il_loss loss);
void il_source_free(il_source *source);
/* The net of the configuration, for this source's examples. */
il_net *il_source_net(const il_source *source);
/* MAML's settings, with the source's loss. */
il_maml il_source_maml(const il_source *source);
bool il_source_dropout(const il_source *source, const il_net *net);
/* Makes the graph's task inputs support_x, support_y, query_x, query_y (and dropout_key), in this order. */
void il_source_task(const il_source *source, il_graph *g, bool dropout, il_task *task);

enum { IL_BATCH_INPUTS = 5 };
typedef struct il_batch {
  const il_source *source;
  il_type real;
  int tasks, inputs, threads;
  void *input[IL_BATCH_INPUTS]; /* in the order of il_source_task */
  size_t size[IL_BATCH_INPUTS]; /* bytes of one task */
  char *scratch;                /* per thread: what drawing an episode needs */
  size_t scratch_size;
} il_batch;
il_status il_batch_init(il_batch *batch, const il_source *source, il_type real, bool dropout,
                        int tasks, int threads);
void il_batch_free(il_batch *batch); /* accepts a zeroed one */
size_t il_batch_bytes(const il_batch *batch);
/* Draws tasks first … first + tasks − 1 of the split, on all workers. */
void il_batch_draw(il_batch *batch, il_team *team, il_split split, uint64_t first, int tasks);
/* As `worker`, task first + `task` of the split into place `task`. */
void il_batch_draw_task(il_batch *batch, int worker, il_split split, uint64_t first, int task);

#endif
