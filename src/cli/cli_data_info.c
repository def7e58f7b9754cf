/* innerloop data info: what a file or folder is, and what tasks it has room for. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/locale.h"
#include "cli/cli_data.h"
#include "data/dataset.h"
#include "data/table_file.h"
#include "data/task_file.h"
#include "import/columns.h"
#include "import/import_table.h"
#include "import/importer.h"
#include "io/io.h"

static const struct argp_option info_options[] = {JSON_OPTION, {0}};
const struct argp data_info_argp = {
    info_options,
    parse_data_option,
    "FILE|FOLDER|glyphs",
    "Describes an imported data set, a table for regression or a file of tasks; of what is not "
    "imported yet it says what it is and how to import it.",
    NULL,
    NULL,
    NULL};

/* ---- what is said: a line of text and a key of JSON each ---- */

typedef struct facts {
  json_t *json;
  bool text;
} facts;

static void say(const facts *f, const char *label, const char *words) {
  if (f->text) printf("%-10s %s\n", label, words);
}

static void key(const facts *f, const char *name, json_t *value) {
  json_object_set_new(f->json, name, value ? value : json_null());
}

static json_t *shape_json(il_shape shape) {
  json_t *list = json_array();
  for (int i = 0; i < shape.rank; i++) json_array_append_new(list, json_integer(shape.dim[i]));
  return list;
}

static void shape_words(il_shape s, char *text, size_t size) {
  if (s.rank == 3)
    snprintf(text, size, "images of %lld × %lld pixels, %lld channel%s", (long long)s.dim[0],
             (long long)s.dim[1], (long long)s.dim[2], s.dim[2] == 1 ? "" : "s");
  else if (s.rank == 2)
    snprintf(text, size, "signals of %lld steps in time, %lld channel%s", (long long)s.dim[0],
             (long long)s.dim[1], s.dim[1] == 1 ? "" : "s");
  else
    snprintf(text, size, "%lld features", (long long)(s.rank ? s.dim[0] : 1));
}

/* {"files": 7, "classes": 3} as "files 7, classes 3"; empty where there are no counts. */
static void counts_words(json_t *counts, char *text, size_t size) {
  const char *name;
  json_t *value;
  size_t at = 0;
  json_object_foreach(counts, name, value) {
    if (!json_is_integer(value) || at + strlen(name) + 30 > size) continue;
    at += (size_t)snprintf(text + at, size - at, "%s%s %lld", at ? ", " : "", name,
                           (long long)json_integer_value(value));
  }
}

/* Who made the file of what; nothing of files that do not say. */
static void say_origin(const facts *f, const il_safetensors *file) {
  static const char *const names[] = {"made_by", "made_from", "made_with", "made_of",
                                      "made_of_hash"};
  static const char *const labels[] = {"made by", "from", "with", "of", "hash"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *text = il_safetensors_metadata(file, names[i]);
    if (!text || !*text) continue;
    json_t *value = i == 3 ? json_loads(text, 0, NULL) : NULL;
    char words[256] = "";
    if (value) counts_words(value, words, sizeof words);
    say(f, labels[i], *words ? words : text);
    key(f, names[i], value ? value : json_string(text));
  }
}

/* ---- numbers ---- */

typedef struct spread {
  double low, high, mean, deviation;
} spread;

static double number_at(const void *x, il_type type, int64_t i) {
  return type == IL_UINT8 ? ((const uint8_t *)x)[i] : (double)((const float *)x)[i];
}

static spread spread_of(const void *x, il_type type, int64_t count, int64_t step) {
  spread s = {(double)INFINITY, -(double)INFINITY, 0, 0};
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < count; i++) {
    const double v = number_at(x, type, i * step);
    s.low = fmin(s.low, v);
    s.high = fmax(s.high, v);
    sum += v;
  }
  s.mean = sum / (double)count;
  for (int64_t i = 0; i < count; i++) {
    const double from = number_at(x, type, i * step) - s.mean;
    squares += from * from;
  }
  s.deviation = sqrt(squares / (double)count);
  return s;
}

static json_t *spread_json(const spread *s) {
  return json_pack("{s:f,s:f,s:f,s:f}", "least", s->low, "greatest", s->high, "mean", s->mean,
                   "deviation", s->deviation);
}

/* ---- a data set of classes ---- */

static void say_classes(const facts *f, const il_dataset *d) {
  int classes = il_dataset_classes(d), fewest = 0, most = 0, sets = 0;
  const char *set[16] = {0};
  int of_set[16] = {0};
  char text[512];
  for (int c = 0; c < classes; c++) {
    int k = 0;
    if (il_dataset_examples(d, c) < il_dataset_examples(d, fewest)) fewest = c;
    if (il_dataset_examples(d, c) > il_dataset_examples(d, most)) most = c;
    const char *origin = il_dataset_class_origin(d, c);
    while (k < sets && strcmp(set[k], origin)) k++;
    if (k == sets && sets < 16) set[sets++] = origin;
    if (k < 16) of_set[k]++;
  }
  const int least = il_dataset_examples(d, fewest), greatest = il_dataset_examples(d, most);
  const int examples = d->start[classes];
  snprintf(text, sizeof text, "%d", classes);
  say(f, "classes", text);
  if (least == greatest)
    snprintf(text, sizeof text, "%d, %d of each class", examples, least);
  else
    snprintf(text, sizeof text, "%d, from %d of '%s' to %d of '%s'", examples, least,
             il_dataset_class_name(d, fewest), greatest, il_dataset_class_name(d, most));
  say(f, "examples", text);
  snprintf(text, sizeof text, "shots and queries of a class: %d together at most", least);
  say(f, "room for", text);
  json_t *origins = json_object();
  for (int k = 0; k < sets && (sets > 1 || *set[0]); k++) {
    snprintf(text, sizeof text, "%s: %d classes", set[k], of_set[k]);
    say(f, "set", text);
    json_object_set_new(origins, set[k], json_integer(of_set[k]));
  }
  say(f, "first", il_dataset_class_name(d, 0));
  say(f, "last", il_dataset_class_name(d, classes - 1));
  key(f, "classes", json_integer(classes));
  key(f, "examples", json_integer(examples));
  key(f, "examples_of_a_class", json_pack("[i,i]", least, greatest));
  key(f, "fewest", json_string(il_dataset_class_name(d, fewest)));
  key(f, "sets", origins);
}

static void say_numbers(const facts *f, const il_dataset *d) {
  enum { MOST = 1 << 26 }; /* a second's work */
  const il_shape shape = il_dataset_shape(d);
  const int64_t size = il_shape_count(shape), all = size * d->start[il_dataset_classes(d)];
  const int64_t step = (all + MOST - 1) / MOST;
  char text[512], scale[40];
  shape_words(shape, text, sizeof text);
  say(f, "shape", text);
  const spread s = spread_of(d->examples, d->type, all / step, step);
  il_real_print(d->scale == IL_PIXEL_SCALE ? 255 : d->scale, scale, sizeof scale);
  snprintf(text, sizeof text,
           "%s from %.6g to %.6g%s, mean %.4g, deviation %.4g; nets see them %s %s",
           d->type == IL_UINT8 ? "bytes" : "float32", s.low, s.high, step > 1 ? " (of a part)" : "",
           s.mean, s.deviation, d->scale == IL_PIXEL_SCALE ? "divided by" : "times", scale);
  say(f, "numbers", text);
  key(f, "shape", shape_json(shape));
  if (shape.rank == 3) key(f, "image", shape_json(shape));
  key(f, "type", json_string(il_type_name(d->type)));
  key(f, "scale", json_real(d->scale));
  key(f, "numbers", spread_json(&s));
}

static il_status dataset_info(il_context *context, const char *name, const facts *f) {
  il_dataset *d = open_dataset_any(context, name);
  if (!d) return il_context_status(context);
  key(f, "kind", json_string("dataset"));
  say_classes(f, d);
  say_numbers(f, d);
  if (d->file) say_origin(f, d->file);
  il_dataset_free(d);
  return IL_OK;
}

/* ---- a table for regression ---- */

static void say_columns(const facts *f, const il_table *t, bool in) {
  const int columns = in ? t->inputs : t->outputs;
  const double *mean = in ? t->x_mean : t->y_mean,
               *deviation = in ? t->x_deviation : t->y_deviation;
  json_t *list = json_array();
  for (int k = 0; k < columns; k++) {
    const char *name = in ? t->input[k] : t->output[k];
    const spread s = spread_of((in ? t->x : t->y) + k, IL_FLOAT32, t->start[t->tasks], columns);
    char text[512], before[128] = "";
    if (mean)
      snprintf(before, sizeof before, "; before standardizing mean %.4g, deviation %.4g", mean[k],
               deviation[k]);
    snprintf(text, sizeof text, "%s: from %.6g to %.6g, mean %.4g, deviation %.4g%s", name, s.low,
             s.high, s.mean, s.deviation, before);
    if (k < 12) say(f, in ? "input" : "output", text);
    if (k == 12) say(f, "", "…");
    json_t *column = spread_json(&s);
    json_object_set_new(column, "name", json_string(name));
    if (mean)
      json_object_set_new(column, "standardized",
                          json_pack("{s:f,s:f}", "mean", mean[k], "deviation", deviation[k]));
    json_array_append_new(list, column);
  }
  key(f, in ? "inputs" : "outputs", list);
}

static il_status table_info(il_context *context, const char *name, const facts *f) {
  il_table *t = il_table_open(context, name);
  if (!t) return il_context_status(context);
  int fewest = 0, most = 0;
  for (int i = 0; i < t->tasks; i++) {
    const int rows = t->start[i + 1] - t->start[i];
    if (rows < t->start[fewest + 1] - t->start[fewest]) fewest = i;
    if (rows > t->start[most + 1] - t->start[most]) most = i;
  }
  const int least = t->start[fewest + 1] - t->start[fewest],
            greatest = t->start[most + 1] - t->start[most];
  char text[512];
  snprintf(text, sizeof text, "%d, for regression", t->tasks);
  say(f, "tasks", text);
  if (least == greatest)
    snprintf(text, sizeof text, "%d, %d of each task", t->start[t->tasks], least);
  else
    snprintf(text, sizeof text, "%d, from %d of task '%s' to %d of '%s'", t->start[t->tasks], least,
             t->task[fewest], greatest, t->task[most]);
  say(f, "rows", text);
  snprintf(text, sizeof text, "shots and queries of a task: %d together at most", least);
  say(f, "room for", text);
  key(f, "kind", json_string("table"));
  key(f, "tasks", json_integer(t->tasks));
  key(f, "rows", json_integer(t->start[t->tasks]));
  key(f, "rows_of_a_task", json_pack("[i,i]", least, greatest));
  key(f, "fewest", json_string(t->task[fewest]));
  say_columns(f, t, true);
  say_columns(f, t, false);
  say_origin(f, t->file);
  il_table_free(t);
  return IL_OK;
}

/* ---- tasks as they are ---- */

static il_status tasks_info(il_context *context, const char *name, const facts *f) {
  il_task_file *file = il_task_file_open(context, name);
  if (!file) return il_context_status(context);
  int support[2] = {INT32_MAX, 0}, query[2] = {INT32_MAX, 0}, ways[2] = {INT32_MAX, 0};
  int of_split[3] = {0};
  for (int i = 0; i < file->count; i++) {
    const il_given_task *t = &file->task[i];
    support[0] = t->support < support[0] ? t->support : support[0];
    support[1] = t->support > support[1] ? t->support : support[1];
    query[0] = t->query < query[0] ? t->query : query[0];
    query[1] = t->query > query[1] ? t->query : query[1];
    ways[0] = t->ways < ways[0] ? t->ways : ways[0];
    ways[1] = t->ways > ways[1] ? t->ways : ways[1];
    if (t->split >= 0) of_split[t->split]++;
  }
  char text[512];
  snprintf(text, sizeof text, "%d as they are, for %s", file->count,
           file->targets ? "regression" : "classification");
  say(f, "tasks", text);
  for (int s = 0; s < 3 && file->divided; s++) {
    snprintf(text, sizeof text, "%s: %d", il_split_name((il_split)s), of_split[s]);
    say(f, "split", text);
    key(f, il_split_name((il_split)s), json_integer(of_split[s]));
  }
  snprintf(text, sizeof text, "%d to %d of a task", support[0], support[1]);
  say(f, "support", text);
  snprintf(text, sizeof text, "%d to %d of a task", query[0], query[1]);
  say(f, "query", text);
  if (file->targets)
    snprintf(text, sizeof text, "%d", file->outputs);
  else
    snprintf(text, sizeof text, "%d to %d", ways[0], ways[1]);
  say(f, file->targets ? "outputs" : "ways", text);
  shape_words(file->example, text, sizeof text);
  say(f, "examples", text);
  key(f, "kind", json_string("tasks"));
  key(f, "tasks", json_integer(file->count));
  key(f, "support", json_pack("[i,i]", support[0], support[1]));
  key(f, "query", json_pack("[i,i]", query[0], query[1]));
  if (file->targets)
    key(f, "outputs", json_integer(file->outputs));
  else
    key(f, "ways", json_pack("[i,i]", ways[0], ways[1]));
  key(f, "shape", shape_json(file->example));
  key(f, "type", json_string(il_type_name(file->x)));
  il_task_file_free(file);
  return IL_OK;
}

/* ---- what is not imported ---- */

static void list_arrays(const facts *f, const il_tensors *t) {
  json_t *arrays = json_object();
  char text[512], shape[128];
  for (int i = 0; i < il_tensors_count(t); i++) {
    const il_tensor *a = il_tensors_at(t, i);
    size_t at = 0;
    shape[0] = 0;
    for (int k = 0; k < a->shape.rank && at < sizeof shape - 24; k++)
      at += (size_t)snprintf(shape + at, sizeof shape - at, "%s%lld", k ? "," : "",
                             (long long)a->shape.dim[k]);
    snprintf(text, sizeof text, "%s [%s] %s", a->name, shape, il_type_name(a->type));
    if (i < 20) say(f, "array", text);
    if (i == 20) say(f, "array", "…");
    json_object_set_new(
        arrays, a->name,
        json_pack("{s:o,s:s}", "shape", shape_json(a->shape), "type", il_type_name(a->type)));
  }
  for (int i = 0; i < il_tensors_texts(t); i++) {
    const il_texts *a = il_tensors_texts_at(t, i);
    snprintf(text, sizeof text, "%s [%lld] texts", a->name, (long long)a->count);
    say(f, "array", text);
    json_object_set_new(arrays, a->name,
                        json_pack("{s:[I],s:s}", "shape", (json_int_t)a->count, "type", "text"));
  }
  key(f, "arrays", arrays);
}

static void list_columns(const facts *f, il_columns *c) {
  json_t *list = json_array();
  char text[512];
  snprintf(text, sizeof text, "%lld of %d columns, with '%s' between, %s header line",
           (long long)c->rows, c->count,
           il_csv_separator(c->csv) == '\t' ? "tabs" : (char[]){il_csv_separator(c->csv), 0},
           c->header ? "below a" : "no");
  say(f, "rows", text);
  for (int i = 0; i < c->count; i++) {
    char name[64];
    snprintf(text, sizeof text, "%s: %s", il_columns_name(c, i, name),
             c->column[i].numeric ? "numbers" : "texts");
    if (i < 20) say(f, "", text);
    if (i == 20) say(f, "", "…");
    json_array_append_new(list, json_pack("{s:s,s:b}", "name", c->column[i].name, "numbers",
                                          (int)c->column[i].numeric));
  }
  key(f, "rows", json_integer(c->rows));
  key(f, "columns", list);
}

static il_status unknown_info(il_context *context, const char *name, const facts *f) {
  const char *kind = il_import_kind_of(name), *doc = "";
  il_tensors *arrays = NULL;
  if (il_import_looked(context, name) != IL_OK) return il_context_status(context);
  if (!kind) return dataset_info(context, name, f); /* which says what is wrong with it */
  if (il_import_is_tensors(name) && !(arrays = il_tensors_open(context, name)))
    return il_context_status(context);
  /* Weights and checkpoints are safetensors too. */
  if (arrays && !strcmp(kind, "arrays") && !strcmp(il_tensors_format(arrays), "safetensors") &&
      !il_import_has_usual(arrays)) {
    il_tensors_close(arrays);
    return dataset_info(context, name, f);
  }
  for (int i = 0; i < il_import_kinds(); i++)
    if (!strcmp(il_import_kind_name(i), kind)) doc = il_import_kind_doc(i);
  char text[1024];
  snprintf(text, sizeof text, "not imported yet: %s", doc);
  say(f, "kind", text);
  key(f, "kind", json_string(kind));
  key(f, "imported", json_false());
  if (arrays) {
    list_arrays(f, arrays);
    il_tensors_close(arrays);
  } else if (!strcmp(kind, "csv") || !strcmp(kind, "table")) {
    il_columns c;
    locale_t plain, before = il_text_enter(&plain);
    if (il_columns_open(&c, context, name, IL_HEADER_DETECT) == IL_OK) list_columns(f, &c);
    il_columns_close(&c);
    il_text_leave(before, plain);
  }
  snprintf(text, sizeof text, "innerloop data import %s --out data.safetensors", name);
  say(f, "import by", text);
  key(f, "import_by", json_string(text));
  return il_context_status(context);
}

il_status data_info(il_context *context, const data_input *in) {
  const char *name = in->common.config, *ready = NULL, *kind = NULL;
  const il_source *source = il_source_find(name);
  const facts f = {.json = json_object(), .text = !in->json};
  if (!f.json) return il_fail_memory(context, "a description");
  if (source && source->dataset && !source->needs_data) {
    ready = "dataset";
  } else {
    ready = il_import_ready(name);
    kind = ready ? NULL : il_import_kind_of(name);
    if (il_import_looked(context, name) != IL_OK) {
      json_decref(f.json);
      return il_context_status(context);
    }
    /* Omniglot's folder is imported on the way, as it is for --data. */
    if (kind && !strcmp(kind, "omniglot")) ready = "dataset";
  }
  il_status status = !ready                      ? unknown_info(context, name, &f)
                     : !strcmp(ready, "dataset") ? dataset_info(context, name, &f)
                     : !strcmp(ready, "table")   ? table_info(context, name, &f)
                                                 : tasks_info(context, name, &f);
  if (!status && in->json) {
    char *text = json_dumps(f.json, JSON_REAL_PRECISION(9) | JSON_ENSURE_ASCII);
    if (text) puts(text);
    free(text);
  }
  json_decref(f.json);
  return status;
}
