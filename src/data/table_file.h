/* Tables for regression: rows of numbers that belong to tasks, in one memory-mapped safetensors file. */
#ifndef IL_DATA_TABLE_FILE_H
#define IL_DATA_TABLE_FILE_H

#include "base/arena.h"
#include "io/io.h"

enum { IL_TABLE_PAIRS = 8 };
typedef struct il_table {
  int tasks, inputs, outputs;
  const float *x;       /* [start[tasks], inputs], rows of a task one after the other */
  const float *y;       /* [start[tasks], outputs] */
  const int32_t *start; /* [tasks + 1] first row of each task */
  const char *const *task, *const *input,
                               *const *output; /* names; of a written one NULL: numbers */
  /* Of each column before it was standardised, [inputs] and [outputs]; both of a pair NULL: it was not. */
  const double *x_mean, *x_deviation, *y_mean, *y_deviation;
  /* Of a written one: what else the metadata say, such as where it came from; at most IL_TABLE_PAIRS. */
  int pairs;
  const il_pair *pair;
  /* Of an opened one. */
  il_safetensors *file;
  il_arena arena;
} il_table;

/* Refuses what il_table_open would. */
il_status il_table_write(il_context *context, const char *path, const il_table *table);
/* NULL after an error. */
il_table *il_table_open(il_context *context, const char *path);
void il_table_free(il_table *table); /* of il_table_open; accepts NULL */

#endif
