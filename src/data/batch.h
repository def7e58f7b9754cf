/* Batches of tasks as the inputs of a plan, drawn on all workers. */
#ifndef IL_DATA_BATCH_H
#define IL_DATA_BATCH_H

#include <stdatomic.h>

#include <innerloop/meta.h>

#include "base/team.h"
#include "data/source.h"

/* support_x support_y query_x query_y dropout_key order */
enum { IL_BATCH_INPUTS = 6 };
extern const char *const il_batch_input_name[IL_BATCH_INPUTS];
typedef struct il_batch {
  const il_tasks *from;
  il_task_shape shape;
  int variant; /* of the shape */
  il_type real;
  il_task_needs needs;
  int tasks, threads;
  void *input[IL_BATCH_INPUTS]; /* NULL: not needed */
  size_t size[IL_BATCH_INPUTS]; /* bytes of one task; 0: not needed */
  char *scratch;                /* per thread: what drawing a task needs */
  size_t scratch_size, staging; /* staging: of it, from here on floats that become doubles */
  atomic_int failed;            /* 1 + the place of a task that could not be drawn; 0: none */
} il_batch;

/* Batches of at most so many tasks of one shape of a split. */
il_status il_batch_init(il_batch *batch, const il_tasks *from, il_split split, int variant,
                        il_type real, il_task_needs needs, int tasks, int threads);
void il_batch_free(il_batch *batch); /* accepts a zeroed one */
size_t il_batch_bytes(const il_batch *batch);
/* Draws tasks first … first + tasks − 1 of the split, on all workers. */
il_status il_batch_draw(il_batch *batch, il_team *team, il_split split, uint64_t first, int tasks);
/* Of these the places from begin to end alone. */
il_status il_batch_draw_part(il_batch *batch, il_team *team, il_split split, uint64_t first,
                             int begin, int end);
/* As `worker`, task first + `task` of the split into place `task`. */
void il_batch_draw_task(il_batch *batch, int worker, il_split split, uint64_t first, int task);
/* IL_OK, or the error of a task that could not be drawn. */
il_status il_batch_check(const il_batch *batch, il_split split, uint64_t first);

#endif
