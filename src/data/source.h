/* Sources of tasks from the inside: an opened one, and records that have no name. */
#ifndef IL_DATA_SOURCE_H
#define IL_DATA_SOURCE_H

#include <innerloop/data.h>

/* How many numbers of shots training tasks have; the first is *low. */
int il_source_shots(const il_source_options *options, int *low);

/* How many numbers of classes training tasks have; the first is *low. */
int il_source_ways(const il_source_options *options, int *low);

struct il_tasks {
  il_context *context;
  const il_source *source;
  void *data;
  int variants[3];         /* by split */
  il_task_shape *shape[3]; /* by split and variant, in one block */
  double *share[3];        /* likewise */
  uint64_t seed;
  uint64_t pool; /* training tasks of each shape; 0: any number */
};

/* The task that is drawn for this one: itself or, in training, one of a pool. */
il_task_id il_tasks_pooled(const il_tasks *tasks, il_task_id id);
/* The error of a task that could not be drawn. */
il_status il_tasks_failed(const il_tasks *tasks, il_task_id id);

/* The data set that episodes are drawn from; NULL: tasks have none. */
const il_dataset *il_tasks_dataset(const il_tasks *tasks);
/* What tells their data from others wherever they lie; 0: there is nothing. */
uint64_t il_tasks_content(const il_tasks *tasks);
/* A number that tells how they are divided into training, validation and test from other ways; 0: they are not. */
uint64_t il_tasks_division(const il_tasks *tasks);
/* The variant of the training tasks of a meta-step: a pure function of the tasks' seed and the step. */
int il_tasks_variant_of(const il_tasks *tasks, uint64_t step);
/* Divides so many tasks of a split among its variants by their share, largest remainders first. count: [variants]. */
void il_tasks_divide(const il_tasks *tasks, il_split split, int all, int *count);
/* "within one of 24 of 30 alphabets (the others have fewer than 20 classes)"; "" where episodes are of any classes. */
void il_tasks_within_text(const il_tasks *tasks, il_split split, char *text, size_t size);
/* "5 shots", "1 to 5 shots", "20/5/5 tasks of 7 shapes": what tasks of a split have beside their classes. */
void il_tasks_text(const il_tasks *tasks, il_split split, char *text, size_t size);

#define IL_SOURCE(name) extern const il_source il_source_##name;
#include "data/sources.def"
#undef IL_SOURCE

#endif
