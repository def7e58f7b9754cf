/* Tasks as somebody else made them, in a file of any format: four tensors a task, or stacked. */
#ifndef IL_DATA_TASK_FILE_H
#define IL_DATA_TASK_FILE_H

#include <innerloop/data.h>

#include "base/arena.h"
#include "io/io.h"

typedef struct il_given_task {
  const char *name; /* what leads to it in the file */
  int split;        /* −1: the file does not say */
  int support, query;
  int ways;         /* one more than its largest label; 1 with targets */
  const void *x[2]; /* [support, example…] and [query, example…] of il_task_file.x */
  const void *y[2]; /* int32 [n], or float [n, outputs] */
} il_given_task;

typedef struct il_task_file {
  il_context *context;
  const char *path;
  il_tensors *file;
  il_arena arena; /* names, and what the file has in other types or orders */
  size_t converted;
  int count, room;
  il_given_task *task;
  bool divided; /* by the file itself */
  bool targets;
  int outputs; /* numbers of a target; else one more than the largest label of all */
  il_type x;   /* IL_UINT8 or IL_FLOAT32 */
  il_shape example;
} il_task_file;

/* The path must outlive it. NULL after an error. */
il_task_file *il_task_file_open(il_context *context, const char *path);
void il_task_file_free(il_task_file *file); /* accepts NULL */

#endif
