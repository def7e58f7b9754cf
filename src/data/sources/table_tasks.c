/* Regression tasks of an imported table: rows of one task at a time, some to adapt on and others to be measured by. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/random.h"
#include "data/dataset.h"
#include "data/named_split.h"
#include "data/source.h"
#include "data/split.h"
#include "data/table_file.h"

typedef struct table_tasks {
  il_table *table;
  il_splits *splits;
  int shots[2], queries[2]; /* of training, and of validation and test */
  int ranges;               /* numbers of shots that training tasks have, from shots[0] on */
  int most_rows;            /* of a task */
  uint64_t seed;
} table_tasks;

static int rows_of(const table_tasks *s, int task) {
  return s->table->start[task + 1] - s->table->start[task];
}

/* Whether every task of a split has rows enough; if not, what would fit is said. */
static il_status check_rows(il_context *context, const table_tasks *s, const char *path,
                            il_split split) {
  const int side = split != IL_TRAIN;
  const int shots = s->shots[side] + (side ? 0 : s->ranges - 1), queries = s->queries[side];
  int small = 0, smallest = -1;
  for (int i = 0; i < il_splits_count(s->splits, split); i++) {
    const int task = il_splits_class(s->splits, split, i);
    if (rows_of(s, task) >= shots + queries) continue;
    small++;
    if (smallest < 0 || rows_of(s, task) < rows_of(s, smallest)) smallest = task;
  }
  if (small == 0) return IL_OK;
  return il_fail(context, IL_ERROR_CONFIG,
                 "task.shots and queries%s: found %d + %d, but task '%s' of %s has only %d rows, "
                 "the fewest of the %d of %d %s tasks with too few",
                 side ? "" : " in training", shots, queries, s->table->task[smallest], path,
                 rows_of(s, smallest), small, il_splits_count(s->splits, split),
                 il_split_name(split));
}

static void close_source(void *data) {
  table_tasks *s = data;
  il_splits_free(s->splits);
  il_table_free(s->table);
  free(s);
}

static il_status open_table(il_context *context, table_tasks *s, const il_source_options *o) {
  s->table = il_table_open(context, o->data);
  if (!s->table) return il_context_status(context);
  for (int i = 0; i < s->table->tasks; i++)
    if (rows_of(s, i) > s->most_rows) s->most_rows = rows_of(s, i);
  s->splits = il_splits_of_names(context, o->data, s->table->tasks, s->table->task, &o->split);
  il_status status = s->splits ? IL_OK : il_context_status(context);
  for (int split = IL_TRAIN; split <= IL_TEST && status == IL_OK; split++)
    status = check_rows(context, s, o->data, (il_split)split);
  return status;
}

static void *open_source(il_context *context, const void *settings, const il_source_options *o) {
  (void)settings;
  if (!o->data) {
    il_fail(context, IL_ERROR_CONFIG,
            "task.data: missing; --data names a table that `innerloop data import` has made");
    return NULL;
  }
  table_tasks *s = calloc(1, sizeof *s);
  if (!s) {
    il_fail_memory(context, "a source of tasks");
    return NULL;
  }
  *s = (table_tasks){.shots = {0, o->shots},
                     .queries = {o->train_queries ? o->train_queries : o->queries, o->queries},
                     .seed = o->seed};
  s->ranges = il_source_shots(o, &s->shots[0]);
  if (open_table(context, s, o) == IL_OK) return s;
  close_source(s);
  return NULL;
}

static int variants(void *data, il_split split) {
  const table_tasks *s = data;
  if (il_splits_count(s->splits, split) == 0) return 0;
  return split == IL_TRAIN ? s->ranges : 1;
}

static void describe(void *data, il_split split, int variant, il_task_shape *shape) {
  const table_tasks *s = data;
  *shape = (il_task_shape){.ways = 1,
                           .shots = s->shots[split != IL_TRAIN] + variant,
                           .queries = s->queries[split != IL_TRAIN],
                           .outputs = s->table->outputs,
                           .example = IL_SHAPE(s->table->inputs),
                           .x = IL_FLOAT32,
                           .targets = true,
                           .loss = IL_LOSS_MEAN_SQUARED_ERROR};
}

/* One bit for each row of a task: which were drawn already. */
static size_t scratch_of(void *data) {
  return (size_t)((const table_tasks *)data)->most_rows / 8 + 1;
}

static uint32_t draw_new(il_random *random, uint32_t rows, uint8_t *bits) {
  for (;;) {
    const uint32_t row = il_random_below(random, rows);
    if (bits[row / 8] & 1u << row % 8) continue;
    bits[row / 8] |= (uint8_t)(1u << row % 8);
    return row;
  }
}

/* A training task is drawn; in validation and test the split's tasks come in turn. */
static il_status draw(void *data, il_task_id id, void *scratch, const il_task_memory *memory) {
  const table_tasks *s = data;
  const il_table *t = s->table;
  const int side = id.split != IL_TRAIN, shots = s->shots[side] + id.variant;
  const uint32_t count = (uint32_t)il_splits_count(s->splits, id.split);
  il_random random = il_random_start(il_random_mix(s->seed, (uint64_t)id.split), id.index);
  const uint32_t which = side ? (uint32_t)(id.index % count) : il_random_below(&random, count);
  const int task = il_splits_class(s->splits, id.split, (int)which);
  const size_t inputs = (size_t)t->inputs, outputs = (size_t)t->outputs;
  memset(scratch, 0, (size_t)rows_of(s, task) / 8 + 1);
  for (int i = 0; i < shots + s->queries[side]; i++) {
    const int set = i >= shots;
    const size_t to = (size_t)(set ? i - shots : i);
    const size_t row =
        (size_t)t->start[task] + draw_new(&random, (uint32_t)rows_of(s, task), scratch);
    memcpy((float *)memory->x[set] + to * inputs, t->x + row * inputs, inputs * sizeof(float));
    memcpy((float *)memory->y[set] + to * outputs, t->y + row * outputs, outputs * sizeof(float));
  }
  return IL_OK;
}

/* Shape, tasks, names, and a row of up to 64 of the tasks. */
static uint64_t content(void *data) {
  const il_table *t = ((const table_tasks *)data)->table;
  const int parts = t->tasks < 64 ? t->tasks : 64;
  uint64_t hash = il_fingerprint_mix(IL_FINGERPRINT_START, &t->inputs, sizeof t->inputs);
  hash = il_fingerprint_mix(hash, &t->outputs, sizeof t->outputs);
  hash = il_fingerprint_mix(hash, t->start, ((size_t)t->tasks + 1) * sizeof *t->start);
  for (int i = 0; i < t->tasks; i++)
    hash = il_fingerprint_mix(hash, t->task[i], strlen(t->task[i]) + 1);
  for (int i = 0; i < parts; i++) {
    const size_t row = (size_t)t->start[(int64_t)i * t->tasks / parts + 1] - 1;
    hash =
        il_fingerprint_mix(hash, t->x + row * (size_t)t->inputs, (size_t)t->inputs * sizeof(float));
    hash = il_fingerprint_mix(hash, t->y + row * (size_t)t->outputs,
                              (size_t)t->outputs * sizeof(float));
  }
  return hash;
}

static uint64_t division(void *data) {
  return il_splits_fingerprint(((const table_tasks *)data)->splits);
}

static size_t bytes(void *data) {
  const il_table *t = ((const table_tasks *)data)->table;
  return (size_t)t->start[t->tasks] * (size_t)(t->inputs + t->outputs) * sizeof(float);
}

const il_source il_source_table = {.name = "table",
                                   .doc = "regression tasks of an imported table",
                                   .needs_data = true,
                                   .shape_of_data = true,
                                   .open = open_source,
                                   .describe = describe,
                                   .scratch = scratch_of,
                                   .draw = draw,
                                   .close = close_source,
                                   .variants = variants,
                                   .content = content,
                                   .division = division,
                                   .bytes = bytes};
