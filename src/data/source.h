/* Sources of tasks from the inside: an opened one, and records that have no name. */
#ifndef IL_DATA_SOURCE_H
#define IL_DATA_SOURCE_H

#include <innerloop/data.h>

struct il_tasks {
  il_context *context;
  const il_source *source;
  void *data;
  int variants[3];         /* by split */
  il_task_shape *shape[3]; /* by split and variant, in one block */
  uint64_t seed;
};

/* The error of a task that could not be drawn. */
il_status il_tasks_failed(const il_tasks *tasks, il_task_id id);

/* The data set that episodes are drawn from; NULL: tasks have none. */
const il_dataset *il_tasks_dataset(const il_tasks *tasks);

#define IL_SOURCE(name) extern const il_source il_source_##name;
#include "data/sources.def"
#undef IL_SOURCE

#endif
