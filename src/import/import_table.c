/* Tables for regression: rows of inputs and outputs, each of a task. From text, or from arrays x, y and task. */
#include "import/import_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/locale.h"
#include "graph/graph.h"
#include "import/columns.h"
#include "import/table_writer.h"
#include "io/io.h"

static const char *const task_words[] = {"task", "task_id", "taskid", "group", NULL};
static const char *const class_words[] = {"label", "labels", "class", "classes", "species", NULL};
static const char *const output_words[] = {"y", "target", "output", "targets", "outputs", NULL};
enum { COLUMNS_MAX = 1 << 16 };

/* ---- of text ---- */

typedef struct reader {
  il_columns columns;
  il_table_rows table;
  int task;
  int *index;        /* [inputs + outputs] columns */
  int64_t *line;     /* [rows] */
  const char **text; /* [rows] task ids */
} reader;

/* "y", "target" … and those with a number behind: "y1", "y_2". */
static bool is_output(const char *name) {
  for (const char *const *word = output_words; *word; word++) {
    const size_t length = strlen(*word);
    if (il_word_order_within(name, *word, length) != 0) continue;
    const char *rest = name + length + (name[length] == '_');
    if (!name[length] || (*rest && strspn(rest, "0123456789") == strlen(rest))) return true;
  }
  return false;
}

static bool is_among(const int *index, int count, int column) {
  for (int i = 0; i < count; i++)
    if (index[i] == column) return true;
  return false;
}

/* Task, outputs and inputs, in this order: each takes its columns from what is left. */
static il_status find_columns(reader *r) {
  il_columns *c = &r->columns;
  const il_import_options *o = r->table.rows.options;
  int *in = il_arena_alloc(&c->arena, 2 * ((size_t)c->count + 1) * sizeof *in),
      *out = in ? in + c->count + 1 : NULL, inputs = 0, outputs = 0;
  if (!in) return il_fail_memory(c->context, "the columns of a table");
  r->task = o->task ? il_columns_find(c, "task", o->task) : il_columns_by_words(c, task_words);
  if (r->task < 0)
    return il_fail(c->context, IL_ERROR_DATA,
                   "%s has no column named task, task_id or group; --task COLUMN says which tells "
                   "the tasks apart",
                   c->path);
  if (o->y) outputs = il_columns_find_list(c, "y", o->y, out);
  if (o->x) inputs = il_columns_find_list(c, "x", o->x, in);
  if (il_context_status(c->context)) return il_context_status(c->context);
  for (int i = 0; i < c->count && !o->y; i++)
    if (i != r->task && is_output(c->column[i].name) && !is_among(in, inputs, i))
      out[outputs++] = i;
  for (int i = c->count - 1; i >= 0 && !outputs; i--) /* else the last */
    if (i != r->task && !is_among(in, inputs, i)) out[outputs++] = i;
  for (int i = 0; i < c->count && !o->x; i++)
    if (i != r->task && !is_among(out, outputs, i)) in[inputs++] = i;
  for (int i = 0; i < outputs; i++)
    if (out[i] == r->task || is_among(in, inputs, out[i]))
      return il_fail(c->context, IL_ERROR_ARGUMENT,
                     "%s: the column '%s' is used twice, as task, input or output", c->path,
                     c->column[out[i]].name);
  if (is_among(in, inputs, r->task))
    return il_fail(c->context, IL_ERROR_ARGUMENT,
                   "%s: the column '%s' is used twice, as task, input or output", c->path,
                   c->column[r->task].name);
  if (!inputs || !outputs)
    return il_fail(c->context, IL_ERROR_DATA,
                   "%s has %d columns, expected a task, inputs and outputs", c->path, c->count);
  memcpy(in + inputs, out, (size_t)outputs * sizeof *out);
  r->index = in;
  r->table.inputs = inputs;
  r->table.outputs = outputs;
  return IL_OK;
}

static il_status name_columns(reader *r) {
  il_table_rows *t = &r->table;
  il_arena *arena = &t->rows.arena;
  const int count = t->inputs + t->outputs;
  t->column_name = il_arena_alloc(arena, (size_t)count * sizeof *t->column_name);
  bool good = t->column_name != NULL;
  for (int i = 0; good && i < count; i++) {
    char number[24];
    const char *name = r->columns.column[r->index[i]].name;
    snprintf(number, sizeof number, "%s%d", i < t->inputs ? "x" : "y",
             i < t->inputs ? i + 1 : i - t->inputs + 1);
    good = (t->column_name[i] = il_arena_string(arena, *name ? name : number)) != NULL;
  }
  return good ? IL_OK : il_fail_memory(t->rows.context, "the names of columns");
}

static il_status read_row(reader *r, int64_t row, const char *const *field) {
  il_columns *c = &r->columns;
  const int count = r->table.inputs + r->table.outputs;
  float *x = (float *)r->table.rows.owned + row * count;
  char name[64];
  const char *id = il_cell_trim(field[r->task]), *reason;
  r->line[row] = il_csv_line(c->csv);
  if (!*id &&
      il_examples_skip(&r->table.rows, row, "%s is empty", il_columns_name(c, r->task, name)))
    return il_context_status(c->context);
  if (!(r->text[row] = il_arena_string(&r->table.rows.arena, id)))
    return il_fail_memory(c->context, "the tasks of a table");
  for (int i = 0; i < count; i++) {
    const int at = r->index[i];
    if (il_columns_number(c, at, field[at], &x[i], &reason)) return il_context_status(c->context);
    if (reason &&
        il_examples_skip(&r->table.rows, row, "%s is %s", il_columns_name(c, at, name), reason))
      return il_context_status(c->context);
    if (reason) x[i] = 0;
  }
  return IL_OK;
}

static il_status read_text(reader *r) {
  il_examples *rows = &r->table.rows;
  rows->count = r->columns.rows;
  if (il_table_rows_make(&r->table)) return il_context_status(rows->context);
  rows->line = r->line = malloc(((size_t)rows->count + 1) * sizeof *r->line);
  r->text = il_arena_alloc(&rows->arena, ((size_t)rows->count + 1) * sizeof *r->text);
  if (!r->line || !r->text) return il_fail_memory(rows->context, "a table");
  const char *const *field;
  int64_t row = 0;
  int fields;
  while ((fields = il_csv_next(r->columns.csv, &field)) > 0)
    if (read_row(r, row++, field)) return il_context_status(rows->context);
  if (fields < 0) return il_context_status(rows->context);
  char name[64];
  il_import_note(rows->context, rows->report, "%s header line; tasks: %s",
                 r->columns.header ? "a" : "no", il_columns_name(&r->columns, r->task, name));
  return il_examples_label_texts(rows, r->text);
}

static il_status import_text(il_context *context, const char *source, const char *out,
                             const il_import_options *options, il_import_report *report) {
  reader r = {
      .table.rows = {.context = context, .options = options, .source = source, .report = report}};
  locale_t plain, before = il_text_enter(&plain);
  il_status status = il_columns_open(&r.columns, context, source, options->header);
  if (!status) status = find_columns(&r);
  if (!status) status = name_columns(&r);
  if (!status) status = read_text(&r);
  if (!status) status = il_table_rows_write(&r.table, out);
  il_text_leave(before, plain);
  free(r.line);
  il_examples_free(&r.table.rows);
  il_columns_close(&r.columns);
  return status;
}

/* ---- of arrays ---- */

static const char *first_word(const il_tensors *file, const char *const *words) {
  for (; *words; words++)
    if (il_tensors_find(file, *words) || il_tensors_texts_find(file, *words)) return *words;
  return NULL;
}

/* Whether arrays have a task id. */
static bool is_table(const il_tensors *file) {
  return first_word(file, task_words) && !il_tensors_find(file, "task_start");
}

static il_status find_array(il_examples *r, const il_tensors *file, const char *key,
                            const char *usual, const il_tensor **found) {
  *found = il_tensors_find(file, key ? key : usual);
  if (!*found)
    return il_fail(r->context, IL_ERROR_DATA, "%s has no array '%s', expected the table's %s",
                   r->source, key ? key : usual, *usual == 'x' ? "inputs" : "outputs");
  const il_shape s = (*found)->shape;
  char text[96];
  if (s.rank < 1 || s.rank > 2 || il_shape_count(s) < 1 || (s.rank == 2 && s.dim[1] > COLUMNS_MAX))
    return il_fail(r->context, IL_ERROR_DATA,
                   "%s: '%s' has the shape %s, expected [rows] or "
                   "[rows,%s]",
                   r->source, (*found)->name, il_shape_text(s, text),
                   *usual == 'x' ? "inputs" : "outputs");
  return IL_OK;
}

static il_status fill(il_table_rows *t, const il_tensor *from, int columns, int at) {
  const int all = t->inputs + t->outputs;
  float *real = malloc((size_t)t->rows.count * (size_t)columns * sizeof *real);
  if (!real) return il_fail_memory(t->rows.context, "a table");
  il_tensor_reals(from, IL_FLOAT32, real);
  for (int64_t i = 0; i < t->rows.count; i++)
    memcpy((float *)t->rows.owned + i * all + at, real + i * columns,
           (size_t)columns * sizeof *real);
  free(real);
  return IL_OK;
}

/* input_names and output_names where the file has them, as an exported table does. */
static il_status name_arrays(il_table_rows *t, const il_tensors *file) {
  const int count = t->inputs + t->outputs;
  const il_texts *in = il_tensors_texts_find(file, "input_names"),
                 *out = il_tensors_texts_find(file, "output_names");
  t->column_name = il_arena_alloc(&t->rows.arena, (size_t)count * sizeof *t->column_name);
  bool good = t->column_name != NULL;
  for (int i = 0; good && i < count; i++) {
    char name[24];
    const int width = i < t->inputs ? t->inputs : t->outputs;
    const int at = i < t->inputs ? i : i - t->inputs;
    const il_texts *given = i < t->inputs ? in : out;
    snprintf(name, sizeof name, width > 1 ? "%s%d" : "%s", i < t->inputs ? "x" : "y", at + 1);
    t->column_name[i] =
        il_arena_string(&t->rows.arena, given && given->count == width ? given->text[at] : name);
    good = t->column_name[i] != NULL;
  }
  return good ? IL_OK : il_fail_memory(t->rows.context, "the names of columns");
}

static il_status label_tasks(il_examples *r, const il_tensors *file, const char *key) {
  const il_tensor *task = il_tensors_find(file, key);
  const il_texts *texts = il_tensors_texts_find(file, key);
  if (!task && !texts)
    return il_fail(r->context, IL_ERROR_DATA, "%s has no array '%s' with the task of each row",
                   r->source, key);
  const int64_t found = task ? il_shape_count(task->shape) : texts->count;
  if (found != r->count || (task && task->shape.rank < 1))
    return il_fail(r->context, IL_ERROR_DATA,
                   "%s: '%s' has %lld numbers, expected %lld, one of each row", r->source, key,
                   (long long)found, (long long)r->count);
  if (texts) return il_examples_label_texts(r, texts->text);
  double *value = malloc(((size_t)r->count + 1) * sizeof *value);
  if (!value) return il_fail_memory(r->context, "the tasks of a table");
  il_tensor_reals(task, IL_FLOAT64, value);
  const il_status status = il_examples_label_reals(r, key, value, NULL, NULL);
  free(value);
  return status;
}

static int width(const il_tensor *t) { return t->shape.rank == 2 ? (int)t->shape.dim[1] : 1; }

static il_status import_arrays(il_context *context, const char *source, const il_tensors *file,
                               const char *out, const il_import_options *options,
                               il_import_report *report) {
  il_table_rows t = {
      .rows = {.context = context, .options = options, .source = source, .report = report}};
  il_examples *r = &t.rows;
  const il_tensor *x, *y;
  const char *task = options->task ? options->task : first_word(file, task_words);
  il_status status = IL_OK;
  if (options->header)
    status =
        il_fail(context, IL_ERROR_ARGUMENT, "%s has arrays, which have no header line", source);
  if (!status) status = find_array(r, file, options->x, "x", &x);
  if (!status) status = find_array(r, file, options->y, "y", &y);
  if (!status && x->shape.dim[0] != y->shape.dim[0])
    status = il_fail(context, IL_ERROR_DATA, "%s: '%s' has %lld rows, but '%s' has %lld", source,
                     x->name, (long long)x->shape.dim[0], y->name, (long long)y->shape.dim[0]);
  if (!status) {
    r->count = x->shape.dim[0];
    t.inputs = width(x);
    t.outputs = width(y);
    status = il_table_rows_make(&t);
  }
  if (!status) status = fill(&t, x, t.inputs, 0);
  if (!status) status = fill(&t, y, t.outputs, t.inputs);
  if (!status) status = name_arrays(&t, file);
  if (!status) status = label_tasks(r, file, task ? task : "task");
  if (!status) status = il_table_rows_write(&t, out);
  il_examples_free(r);
  return status;
}

/* ---- the kind ---- */

bool il_import_is_text_table(const char *source) {
  const char *ending = strrchr(source, '.');
  return ending && (!il_word_order(ending, ".csv") || !il_word_order(ending, ".tsv"));
}

static bool recognises_arrays(const char *source) {
  bool named = false;
  for (const char *const *word = task_words; *word; word++)
    named |= il_import_mentions(source, *word);
  if (!named || il_import_ready(source)) return false; /* most are not opened for this */
  il_context *context = il_context_new();
  il_tensors *file = context ? il_tensors_open(context, source) : NULL;
  if (!file) {
    il_import_end_look(context);
    return false;
  }
  const bool is = is_table(file);
  il_tensors_close(file);
  il_context_free(context);
  return is;
}

static bool recognises(const char *source) {
  if (il_import_is_tensors(source)) return recognises_arrays(source);
  if (!il_import_is_text_table(source)) return false;
  il_context *context = il_context_new();
  il_csv *csv = context ? il_csv_open(context, source) : NULL;
  if (!csv) {
    il_import_end_look(context);
    return false;
  }
  const char *const *field;
  const int fields = il_csv_next(csv, &field);
  bool task = false, class = false;
  for (int i = 0; i < fields; i++) {
    const char *name = il_cell_trim(field[i]);
    for (const char *const *word = task_words; *word; word++) task |= !il_word_order(name, *word);
    for (const char *const *word = class_words; *word; word++) class |= !il_word_order(name, *word);
  }
  il_csv_close(csv);
  il_import_end_look(context);
  return task && !class;
}

static il_status import(il_context *context, const char *source, const char *out,
                        const il_import_options *options, il_import_report *report) {
  if (!il_import_is_tensors(source)) return import_text(context, source, out, options, report);
  il_tensors *file = il_tensors_open(context, source);
  if (!file) return il_context_status(context);
  const il_status status = import_arrays(context, source, file, out, options, report);
  il_tensors_close(file);
  return status;
}

const il_importer il_importer_table = {
    .name = "table",
    .doc = "regression: rows of inputs and outputs, and the task that each belongs to, as text or "
           "arrays x, y, task",
    .takes = "x y task standardize header",
    .recognises = recognises,
    .import = import};
