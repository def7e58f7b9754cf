/* Tables from and to files (see table_file.h). */
#include "data/table_file.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char kind_text[] = "innerloop table 1";
enum { MOST_COLUMNS = 65536 };

/* ---- what a table must be ---- */

static il_status check_start(il_context *context, const char *path, const il_table *t,
                             int64_t rows) {
  if (t->start[0] != 0)
    return il_fail(context, IL_ERROR_FORMAT, "%s: 'task_start' begins with %d, expected 0", path,
                   (int)t->start[0]);
  for (int i = 0; i < t->tasks; i++)
    if (t->start[i + 1] <= t->start[i])
      return il_fail(context, IL_ERROR_FORMAT,
                     "%s: 'task_start' goes from %d to %d at task %d, expected a larger number",
                     path, (int)t->start[i], (int)t->start[i + 1], i);
  if (t->start[t->tasks] != rows)
    return il_fail(context, IL_ERROR_FORMAT,
                   "%s: 'task_start' ends with %d, expected the %lld rows", path,
                   (int)t->start[t->tasks], (long long)rows);
  return IL_OK;
}

static il_status check_finite(il_context *context, const char *path, const char *name,
                              const il_table *t, const float *value, int columns) {
  const int64_t count = (int64_t)t->start[t->tasks] * columns;
  for (int64_t i = 0; i < count; i++)
    if (!isfinite(value[i]))
      return il_fail(context, IL_ERROR_DATA,
                     "%s: '%s' has %g in row %lld, column %lld; expected finite numbers", path,
                     name, (double)value[i], (long long)(i / columns), (long long)(i % columns));
  return IL_OK;
}

static il_status check_names(il_context *context, const char *path, const char *key, int count,
                             const char *const *name) {
  for (int i = 0; i < count; i++) {
    bool bad = !*name[i];
    for (const char *at = name[i]; *at; at++) bad |= (unsigned char)*at < 32 || *at == 127;
    if (bad)
      return il_fail(context, IL_ERROR_FORMAT,
                     "%s: name %d of '%s' is empty or has control characters", path, i, key);
  }
  return IL_OK;
}

static il_status check_scaling(il_context *context, const char *path, const char *what, int count,
                               const double *mean, const double *deviation) {
  if (!mean != !deviation)
    return il_fail(context, IL_ERROR_FORMAT, "%s: the metadata '%s_%s' is missing beside '%s_%s'",
                   path, what, mean ? "deviation" : "mean", what, mean ? "mean" : "deviation");
  for (int i = 0; mean && i < count; i++)
    if (!isfinite(mean[i]) || !isfinite(deviation[i]) || !(deviation[i] > 0))
      return il_fail(context, IL_ERROR_FORMAT,
                     "%s: column %d of '%s' has mean %g and deviation %g, expected finite numbers "
                     "and a deviation above 0",
                     path, i, what, mean[i], deviation[i]);
  return IL_OK;
}

static il_status check(il_context *context, const char *path, const il_table *t) {
  il_status status = check_finite(context, path, "x", t, t->x, t->inputs);
  if (status == IL_OK) status = check_finite(context, path, "y", t, t->y, t->outputs);
  if (status == IL_OK) status = check_names(context, path, "task_names", t->tasks, t->task);
  if (status == IL_OK) status = check_names(context, path, "input_names", t->inputs, t->input);
  if (status == IL_OK) status = check_names(context, path, "output_names", t->outputs, t->output);
  if (status == IL_OK)
    status = check_scaling(context, path, "x", t->inputs, t->x_mean, t->x_deviation);
  if (status == IL_OK)
    status = check_scaling(context, path, "y", t->outputs, t->y_mean, t->y_deviation);
  return status;
}

/* "0", "1", … */
static const char *const *number_names(il_arena *arena, int count) {
  const char **list = il_arena_alloc(arena, (size_t)count * sizeof *list);
  for (int i = 0; list && i < count; i++) {
    char name[16];
    snprintf(name, sizeof name, "%d", i);
    if (!(list[i] = il_arena_string(arena, name))) return NULL;
  }
  return list;
}

/* ---- writing ---- */

static char *texts(int count, const char *const *name) {
  json_t *list = json_array();
  bool good = list != NULL;
  for (int i = 0; good && i < count; i++)
    good = json_array_append_new(list, json_string(name[i])) == 0;
  char *text = good ? json_dumps(list, JSON_COMPACT) : NULL;
  json_decref(list);
  return text;
}

static char *numbers(int count, const double *value) {
  json_t *list = json_array();
  bool good = list != NULL;
  for (int i = 0; good && i < count; i++)
    good = json_array_append_new(list, json_real(value[i])) == 0;
  char *text = good ? json_dumps(list, JSON_COMPACT) : NULL;
  json_decref(list);
  return text;
}

static il_status write_checked(il_context *context, const char *path, const il_table *t) {
  const struct {
    const char *key;
    int count;
    const char *const *name;
    const double *value;
  } lists[] = {
      {"task_names", t->tasks, t->task, NULL},          {"input_names", t->inputs, t->input, NULL},
      {"output_names", t->outputs, t->output, NULL},    {"x_mean", t->inputs, NULL, t->x_mean},
      {"x_deviation", t->inputs, NULL, t->x_deviation}, {"y_mean", t->outputs, NULL, t->y_mean},
      {"y_deviation", t->outputs, NULL, t->y_deviation}};
  enum { LISTS = sizeof lists / sizeof *lists };
  il_pair pair[LISTS + 1 + IL_TABLE_PAIRS] = {{"kind", kind_text}};
  char *text[LISTS] = {NULL};
  int pairs = 1;
  il_status status = IL_OK;
  for (int i = 0; i < LISTS && status == IL_OK; i++) {
    if (!lists[i].name && !lists[i].value) continue;
    text[i] = lists[i].name ? texts(lists[i].count, lists[i].name)
                            : numbers(lists[i].count, lists[i].value);
    if (!text[i])
      status = il_fail(context, IL_ERROR_FORMAT, "%s: a text of '%s' is not valid UTF-8", path,
                       lists[i].key);
    pair[pairs++] = (il_pair){lists[i].key, text[i]};
  }
  for (int i = 0; i < t->pairs && i < IL_TABLE_PAIRS; i++) pair[pairs++] = t->pair[i];
  const int64_t rows = t->start[t->tasks];
  const il_tensor tensor[] = {{"task_start", IL_INT32, IL_SHAPE(t->tasks + 1), t->start},
                              {"x", IL_FLOAT32, IL_SHAPE(rows, t->inputs), t->x},
                              {"y", IL_FLOAT32, IL_SHAPE(rows, t->outputs), t->y}};
  if (status == IL_OK) status = il_safetensors_write(context, path, 3, tensor, pairs, pair);
  for (int i = 0; i < LISTS; i++) free(text[i]);
  return status;
}

il_status il_table_write(il_context *context, const char *path, const il_table *table) {
  il_table t = *table;
  il_arena arena = {0};
  if (t.tasks < 1 || t.inputs < 1 || t.outputs < 1 || t.inputs > MOST_COLUMNS ||
      t.outputs > MOST_COLUMNS)
    return il_fail(
        context, IL_ERROR_DATA,
        "%s: a table of %d tasks, %d inputs and %d outputs; expected at least 1 of each, "
        "and at most %d columns",
        path, t.tasks, t.inputs, t.outputs, (int)MOST_COLUMNS);
  if (!t.task) t.task = number_names(&arena, t.tasks);
  if (!t.input) t.input = number_names(&arena, t.inputs);
  if (!t.output) t.output = number_names(&arena, t.outputs);
  il_status status = t.task && t.input && t.output ? IL_OK : il_fail_memory(context, "a table");
  if (status == IL_OK) status = check_start(context, path, &t, t.start[t.tasks]);
  if (status == IL_OK) status = check(context, path, &t);
  if (status == IL_OK) status = write_checked(context, path, &t);
  il_arena_free(&arena);
  return status;
}

/* ---- opening ---- */

static il_status find_columns(il_context *context, const char *path, const il_table *t,
                              const char *name, const il_tensor **found, int *columns) {
  const il_tensor *tensor = *found = il_safetensors_find(t->file, name);
  if (!tensor || tensor->type != IL_FLOAT32 || tensor->shape.rank != 2 ||
      tensor->shape.dim[0] > INT32_MAX || tensor->shape.dim[1] < 1 ||
      tensor->shape.dim[1] > MOST_COLUMNS)
    return il_fail(context, IL_ERROR_FORMAT,
                   "%s is no table: expected a tensor '%s' of type F32, [rows, 1 to %d columns]",
                   path, name, (int)MOST_COLUMNS);
  *columns = (int)tensor->shape.dim[1];
  return IL_OK;
}

static il_status find_tensors(il_context *context, const char *path, il_table *t) {
  const char *kind = il_safetensors_metadata(t->file, "kind");
  if (il_safetensors_find(t->file, "class_start"))
    return il_fail(context, IL_ERROR_FORMAT,
                   "%s is a dataset of classes, expected a table for regression; "
                   "task.source=dataset takes datasets",
                   path);
  if (!kind || strcmp(kind, kind_text))
    return il_fail(context, IL_ERROR_FORMAT,
                   "%s is no table: the metadata 'kind' is \"%s\", expected \"%s\"", path,
                   kind ? kind : "", kind_text);
  const il_tensor *x, *y, *start = il_safetensors_find(t->file, "task_start");
  if (find_columns(context, path, t, "x", &x, &t->inputs) != IL_OK ||
      find_columns(context, path, t, "y", &y, &t->outputs) != IL_OK)
    return il_context_status(context);
  if (!start || start->type != IL_INT32 || start->shape.rank != 1 || start->shape.dim[0] < 2 ||
      start->shape.dim[0] > INT32_MAX)
    return il_fail(context, IL_ERROR_FORMAT,
                   "%s is no table: expected a tensor 'task_start' of type I32 with tasks + 1 "
                   "elements",
                   path);
  if (x->shape.dim[0] != y->shape.dim[0])
    return il_fail(context, IL_ERROR_FORMAT, "%s: 'x' has %lld rows, but 'y' has %lld", path,
                   (long long)x->shape.dim[0], (long long)y->shape.dim[0]);
  t->x = x->data;
  t->y = y->data;
  t->start = start->data;
  t->tasks = (int)(start->shape.dim[0] - 1);
  return check_start(context, path, t, x->shape.dim[0]);
}

/* The list under a key of the metadata; NULL in *json where there is none. */
static il_status read_json(il_context *context, const char *path, const il_table *t,
                           const char *key, int count, const char *of, json_t **json) {
  const char *text = il_safetensors_metadata(t->file, key);
  *json = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
  if (!text || (json_is_array(*json) && json_array_size(*json) == (size_t)count)) return IL_OK;
  json_decref(*json);
  *json = NULL;
  return il_fail(context, IL_ERROR_FORMAT, "%s: the metadata '%s' is no JSON list of %d %s", path,
                 key, count, of);
}

static il_status read_names(il_context *context, const char *path, il_table *t, const char *key,
                            int count, const char *const **list) {
  json_t *json;
  if (read_json(context, path, t, key, count, "texts", &json) != IL_OK)
    return il_context_status(context);
  if (!json) {
    *list = number_names(&t->arena, count);
    return *list ? IL_OK : il_fail_memory(context, "the names of a table");
  }
  const char **name = il_arena_alloc(&t->arena, (size_t)count * sizeof *name);
  il_status status = name ? IL_OK : il_fail_memory(context, "the names of a table");
  for (int i = 0; i < count && status == IL_OK; i++) {
    const char *item = json_string_value(json_array_get(json, (size_t)i));
    if (!item)
      status = il_fail(context, IL_ERROR_FORMAT, "%s: item %d of the metadata '%s' is no text",
                       path, i, key);
    else if (!(name[i] = il_arena_string(&t->arena, item)))
      status = il_fail_memory(context, "the names of a table");
  }
  *list = name;
  json_decref(json);
  return status;
}

static il_status read_numbers(il_context *context, const char *path, il_table *t, const char *key,
                              int count, const double **list) {
  json_t *json;
  if (read_json(context, path, t, key, count, "numbers", &json) != IL_OK || !json)
    return il_context_status(context);
  double *value = il_arena_alloc(&t->arena, (size_t)count * sizeof *value);
  il_status status = value ? IL_OK : il_fail_memory(context, "the columns of a table");
  for (int i = 0; i < count && status == IL_OK; i++) {
    const json_t *item = json_array_get(json, (size_t)i);
    if (!json_is_number(item))
      status = il_fail(context, IL_ERROR_FORMAT, "%s: item %d of the metadata '%s' is no number",
                       path, i, key);
    else
      value[i] = json_number_value(item);
  }
  *list = value;
  json_decref(json);
  return status;
}

static il_status read(il_context *context, const char *path, il_table *t) {
  il_status status = find_tensors(context, path, t);
  if (status == IL_OK) status = read_names(context, path, t, "task_names", t->tasks, &t->task);
  if (status == IL_OK) status = read_names(context, path, t, "input_names", t->inputs, &t->input);
  if (status == IL_OK)
    status = read_names(context, path, t, "output_names", t->outputs, &t->output);
  if (status == IL_OK) status = read_numbers(context, path, t, "x_mean", t->inputs, &t->x_mean);
  if (status == IL_OK)
    status = read_numbers(context, path, t, "x_deviation", t->inputs, &t->x_deviation);
  if (status == IL_OK) status = read_numbers(context, path, t, "y_mean", t->outputs, &t->y_mean);
  if (status == IL_OK)
    status = read_numbers(context, path, t, "y_deviation", t->outputs, &t->y_deviation);
  return status == IL_OK ? check(context, path, t) : status;
}

il_table *il_table_open(il_context *context, const char *path) {
  il_safetensors *file = il_safetensors_open(context, path);
  if (!file) return NULL;
  il_table *t = calloc(1, sizeof *t);
  if (!t) {
    il_safetensors_close(file);
    il_fail_memory(context, "a table");
    return NULL;
  }
  t->file = file;
  if (read(context, path, t) == IL_OK) return t;
  il_table_free(t);
  return NULL;
}

void il_table_free(il_table *t) {
  if (!t) return;
  il_safetensors_close(t->file);
  il_arena_free(&t->arena);
  free(t);
}
