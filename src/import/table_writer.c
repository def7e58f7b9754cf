#include "import/table_writer.h"

#include <innerloop/version.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "data/table_file.h"
#include "io/io.h"

il_status il_table_rows_make(il_table_rows *t) {
  il_examples *r = &t->rows;
  size_t numbers;
  r->example = IL_SHAPE(t->inputs + t->outputs);
  r->type = IL_FLOAT32;
  r->tasks = true;
  if (__builtin_mul_overflow((size_t)r->count, (size_t)il_shape_count(r->example) * sizeof(float),
                             &numbers))
    return il_fail(r->context, IL_ERROR_DATA, "%s is too large", r->source);
  r->x = r->owned = malloc(numbers + 1);
  return r->x ? il_examples_make(r) : il_fail_memory(r->context, "a table");
}

/* Renumbers the tasks in the order in which the rows have them. */
static il_status by_appearance(il_examples *r) {
  int32_t *number = malloc(((size_t)r->classes + 1) * sizeof *number), next = 0;
  const char **name = il_arena_alloc(&r->arena, ((size_t)r->classes + 1) * sizeof *name);
  if (!number || !name) {
    free(number);
    return il_fail_memory(r->context, "the tasks of a table");
  }
  for (int c = 0; c < r->classes; c++) number[c] = -1;
  for (int64_t i = 0; i < r->count; i++) {
    const int32_t task = r->cls[i];
    if (task < 0) continue;
    if (number[task] < 0) {
      name[next] = r->name[task];
      number[task] = next++;
    }
    r->cls[i] = number[task];
  }
  free(number);
  r->name = name;
  r->classes = next;
  return IL_OK;
}

typedef struct content {
  float *x, *y;
  int32_t *start;           /* [tasks + 1] */
  double *mean, *deviation; /* [inputs + outputs] */
  int64_t rows;
} content;

/* A column of the inputs, or of the outputs behind them; *step: numbers from one row to the next. */
static float *column_of(const il_table_rows *t, const content *c, int k, int *step) {
  const bool in = k < t->inputs;
  *step = in ? t->inputs : t->outputs;
  return in ? c->x + k : c->y + (k - t->inputs);
}

static void find_moments(const il_table_rows *t, const content *c) {
  for (int k = 0; k < t->inputs + t->outputs; k++) {
    int step;
    const float *column = column_of(t, c, k, &step);
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < c->rows; i++) sum += (double)column[i * step];
    c->mean[k] = sum / (double)c->rows;
    for (int64_t i = 0; i < c->rows; i++) {
      const double from = (double)column[i * step] - c->mean[k];
      squares += from * from;
    }
    c->deviation[k] = sqrt(squares / (double)c->rows);
  }
}

static void standardize(il_table_rows *t, const content *c) {
  for (int k = 0; k < t->inputs + t->outputs; k++) {
    if (!(c->deviation[k] > 0)) {
      il_import_note(t->rows.context, t->rows.report,
                     "'%s' is %g in every row: its deviation is taken for 1", t->column_name[k],
                     c->mean[k]);
      c->deviation[k] = 1;
    }
    int step;
    float *column = column_of(t, c, k, &step);
    for (int64_t i = 0; i < c->rows; i++)
      column[i * step] = (float)(((double)column[i * step] - c->mean[k]) / c->deviation[k]);
  }
}

/* Rates that suit numbers about 1 make training on others diverge, or stand still. */
static void advise(il_table_rows *t, const content *c) {
  int far = 0, first = -1;
  for (int k = 0; k < t->inputs + t->outputs; k++) {
    const double d = c->deviation[k];
    if (d >= 0.1 && d <= 10 && fabs(c->mean[k]) <= 10 * d) continue;
    if (first < 0) first = k;
    far++;
  }
  if (!far) return;
  il_import_note(t->rows.context, t->rows.report,
                 "'%s' has mean %.4g and deviation %.4g%s; the presets' rates suit mean 0 and "
                 "deviation 1, which --standardize gives",
                 t->column_name[first], c->mean[first], c->deviation[first],
                 far > 1 ? ", and other columns are like it" : "");
}

static il_status gather(il_table_rows *t, content *c, const int64_t *order) {
  const int all = t->inputs + t->outputs;
  c->x = malloc((size_t)c->rows * (size_t)t->inputs * sizeof *c->x);
  c->y = malloc((size_t)c->rows * (size_t)t->outputs * sizeof *c->y);
  c->mean = malloc(2 * (size_t)all * sizeof *c->mean);
  if (!c->x || !c->y || !c->mean) return il_fail_memory(t->rows.context, "a table");
  c->deviation = c->mean + all;
  for (int64_t i = 0; i < c->rows; i++) {
    const float *row = (const float *)t->rows.x + order[i] * all;
    memcpy(c->x + i * t->inputs, row, (size_t)t->inputs * sizeof *row);
    memcpy(c->y + i * t->outputs, row + t->inputs, (size_t)t->outputs * sizeof *row);
  }
  return IL_OK;
}

static il_status hash_of(il_examples *r, char text[static 48]) {
  char *path = il_import_file_of(r->source);
  size_t size;
  const unsigned char *map = path ? il_map_file(r->context, path, &size) : NULL;
  if (!path) il_fail_memory(r->context, "a path");
  free(path);
  if (!map) return il_context_status(r->context);
  const XXH128_hash_t sum = XXH3_128bits(map, size);
  snprintf(text, 48, "xxh3-128:%016" PRIx64 "%016" PRIx64, (uint64_t)sum.high64,
           (uint64_t)sum.low64);
  il_unmap_file(map, size);
  return IL_OK;
}

static il_status write_file(il_table_rows *t, const content *c, const char *out) {
  il_examples *r = &t->rows;
  const char *slash = strrchr(r->source, '/'), *from = slash ? slash + 1 : r->source;
  const bool scaled = r->options->standardize;
  char hash[48], counts[160];
  if (hash_of(r, hash)) return il_context_status(r->context);
  snprintf(counts, sizeof counts,
           "{\"files\": 1, \"tasks\": %d, \"rows\": %" PRId64 ", \"skipped\": %" PRId64 "}",
           r->classes, c->rows, r->report->skipped);
  char *with = il_import_options_text("table", r->options);
  if (!with) return il_fail_memory(r->context, "the options of an import");
  const il_pair pair[] = {{"made_by", "innerloop " INNERLOOP_VERSION},
                          {"made_from", il_import_utf8(from) ? from : "(its name is not UTF-8)"},
                          {"made_with", with},
                          {"made_of", counts},
                          {"made_of_hash", hash}};
  const il_table table = {.tasks = r->classes,
                          .inputs = t->inputs,
                          .outputs = t->outputs,
                          .x = c->x,
                          .y = c->y,
                          .start = c->start,
                          .task = r->name,
                          .input = t->column_name,
                          .output = t->column_name + t->inputs,
                          .x_mean = scaled ? c->mean : NULL,
                          .x_deviation = scaled ? c->deviation : NULL,
                          .y_mean = scaled ? c->mean + t->inputs : NULL,
                          .y_deviation = scaled ? c->deviation + t->inputs : NULL,
                          .pairs = 5,
                          .pair = pair};
  const il_status status = il_table_write(r->context, out, &table);
  free(with);
  return status;
}

il_status il_table_rows_write(il_table_rows *t, const char *out) {
  il_examples *r = &t->rows;
  content c = {0};
  int64_t *start = NULL, *order = NULL;
  if (il_examples_skip_unbounded(r) == IL_OK && by_appearance(r) == IL_OK)
    order = il_examples_order(r, &c.rows, &start);
  if (order && c.rows > INT32_MAX)
    il_fail(r->context, IL_ERROR_DATA, "%s has more than 2^31 rows", r->source);
  il_status status = il_context_status(r->context);
  if (!status) {
    c.start = malloc(((size_t)r->classes + 1) * sizeof *c.start);
    status = c.start ? gather(t, &c, order) : il_fail_memory(r->context, "a table");
  }
  if (!status) {
    for (int i = 0; i <= r->classes; i++) c.start[i] = (int32_t)start[i];
    find_moments(t, &c);
    if (r->options->standardize)
      standardize(t, &c);
    else
      advise(t, &c);
    status = write_file(t, &c, out);
  }
  if (!status) {
    il_import_note(r->context, r->report, "%d input%s (first '%s'), %d output%s (first '%s')%s",
                   t->inputs, t->inputs == 1 ? "" : "s", t->column_name[0], t->outputs,
                   t->outputs == 1 ? "" : "s", t->column_name[t->inputs],
                   r->options->standardize ? ", all standardized" : "");
    r->report->classes = r->classes;
    r->report->examples = c.rows;
    r->report->example = r->example;
    status = il_context_status(r->context);
  }
  free(c.x);
  free(c.y);
  free(c.mean);
  free(c.start);
  free(start);
  free(order);
  return status;
}
