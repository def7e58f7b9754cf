/* innerloop data show: a picture of the first classes or tasks, whatever they are made of. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "cli/cli_data.h"
#include "data/dataset.h"
#include "data/table_file.h"
#include "data/task_file.h"
#include "import/importer.h"
#include "plot/plot.h"

static const struct argp_option show_options[] = {
    {"out", OPTION_OUT, "FILE.png", 0, "picture to write", 0},
    {"classes", OPTION_CLASSES, "N", 0, "how many classes, or tasks (pictures 20, others 12)", 0},
    {0}};
const struct argp data_show_argp = {show_options,
                                    parse_data_option,
                                    "FILE|FOLDER|glyphs",
                                    "Draws the first classes of a data set: pictures as they are, "
                                    "signals and features as lines; of a "
                                    "table or a file of tasks the first tasks.",
                                    NULL,
                                    NULL,
                                    NULL};

enum {
  PICTURES_WIDE = 1500,
  PICTURES_MAX = 20,
  TRACES = 5,
  LINES = 30,
  CHANNELS = 12,
  AXES = 4,
  ACROSS = 4,
  POINTS = 4000
};

typedef struct drawing {
  il_context *context;
  const char *out;
  int limit; /* classes or tasks; 0: as usual */
  il_arena arena;
  char title[512];
} drawing;

/* Zeroed, of the drawing; NULL after an error. */
static void *room(drawing *d, size_t count, size_t size) {
  void *memory = il_arena_alloc(&d->arena, (count + 1) * size);
  if (!memory) il_fail_memory(d->context, "a picture");
  return memory;
}

static int at_most(int number, int limit) { return number < limit ? number : limit; }

static int shown(const drawing *d, int all, int usual) {
  return at_most(all, d->limit ? d->limit : usual);
}

/* ---- pictures ---- */

/* Bytes of 1 or 3 channels: of others the first, or the first three; reals from black (least) to white (greatest). */
static const uint8_t *as_bytes(drawing *d, const void *x, il_type type, il_shape s, double low,
                               double high) {
  const int channels = (int)s.dim[2], kept = channels < 3 ? 1 : 3;
  if (type == IL_UINT8 && channels == kept) return x;
  const int64_t pixels = s.dim[0] * s.dim[1];
  uint8_t *to = room(d, (size_t)(pixels * kept), 1);
  for (int64_t i = 0; to && i < pixels; i++)
    for (int c = 0; c < kept; c++) {
      const int64_t at = i * channels + c;
      to[i * kept + c] = type == IL_UINT8
                             ? ((const uint8_t *)x)[at]
                             : (uint8_t)lrint(255 * ((double)((const float *)x)[at] - low) /
                                              (high > low ? high - low : 1));
    }
  return to;
}

static void widen(const void *x, il_type type, int64_t count, double *low, double *high) {
  for (int64_t i = 0; type == IL_FLOAT32 && i < count; i++) {
    *low = fmin(*low, (double)((const float *)x)[i]);
    *high = fmax(*high, (double)((const float *)x)[i]);
  }
}

static int pictures_across(il_shape s) {
  const int64_t side = s.dim[0] > s.dim[1] ? s.dim[0] : s.dim[1];
  const int64_t scale = side < 56 ? 56 / side : 1;
  const int64_t fit = PICTURES_WIDE / (s.dim[1] * scale + 4);
  return fit < 1 ? 1 : fit < PICTURES_MAX ? (int)fit : PICTURES_MAX;
}

static il_status show_pictures(drawing *d, const il_dataset *data) {
  const il_shape s = il_dataset_shape(data);
  const int rows = shown(d, il_dataset_classes(data), 20), across = pictures_across(s);
  il_plot_pictures *row = room(d, (size_t)rows, sizeof *row);
  double low = (double)INFINITY, high = -low;
  for (int r = 0; row && r < rows; r++) {
    row[r].name = il_dataset_class_name(data, r);
    row[r].count = at_most(il_dataset_examples(data, r), across);
    for (int k = 0; k < row[r].count; k++)
      widen(il_dataset_example(data, r, k), data->type, il_shape_count(s), &low, &high);
  }
  for (int r = 0; row && r < rows; r++) {
    const uint8_t **picture = room(d, (size_t)row[r].count, sizeof *picture);
    for (int k = 0; picture && k < row[r].count; k++)
      if (!(picture[k] = as_bytes(d, il_dataset_example(data, r, k), data->type, s, low, high)))
        return il_context_status(d->context);
    row[r].picture = picture;
  }
  if (il_context_status(d->context)) return il_context_status(d->context);
  return il_plot_sheet(d->context, d->out, d->title, (int)s.dim[0], (int)s.dim[1],
                       s.dim[2] < 3 ? 1 : 3, rows, row);
}

/* ---- numbers as lines ---- */

/* An example as floats; those of the file where they are some. */
static const float *as_floats(drawing *d, const void *x, il_type type, int64_t count) {
  if (type == IL_FLOAT32) return x;
  float *to = room(d, (size_t)count, sizeof *to);
  for (int64_t i = 0; to && i < count; i++) to[i] = ((const uint8_t *)x)[i];
  return to;
}

/* A signal: a line for each channel. */
static bool fill_signal(drawing *d, il_plot_cell *cell, const void *x, il_type type, il_shape s) {
  const int steps = (int)s.dim[0], channels = (int)s.dim[1], drawn = at_most(channels, CHANNELS);
  const float *y = as_floats(d, x, type, il_shape_count(s));
  il_plot_series *series = room(d, (size_t)drawn, sizeof *series);
  if (!y || !series) return false;
  for (int c = 0; c < drawn; c++)
    series[c] = (il_plot_series){.count = steps, .colour = c, .y = y + c, .y_step = channels};
  cell->series = series;
  cell->count = drawn;
  return true;
}

static const char *const *channel_names(drawing *d, int channels) {
  const char **name = room(d, (size_t)channels, sizeof *name);
  for (int c = 0; name && c < channels; c++) {
    char text[32];
    snprintf(text, sizeof text, "channel %d", c + 1);
    if (!(name[c] = il_arena_string(&d->arena, text))) return NULL;
  }
  return name;
}

static il_status show_signals(drawing *d, const il_dataset *data) {
  static const char *const axis[TRACES] = {"time step", "time step", "time step", "time step",
                                           "time step"};
  const il_shape s = il_dataset_shape(data);
  const int rows = shown(d, il_dataset_classes(data), 12), channels = (int)s.dim[1];
  il_plot_cell *cell = room(d, (size_t)rows * TRACES, sizeof *cell);
  const char **name = room(d, (size_t)rows, sizeof *name);
  int columns = 1;
  if (!cell || !name) return il_context_status(d->context);
  for (int r = 0; r < rows; r++)
    if (il_dataset_examples(data, r) > columns)
      columns = at_most(il_dataset_examples(data, r), TRACES);
  for (int r = 0; r < rows; r++) {
    name[r] = il_dataset_class_name(data, r);
    for (int k = 0; k < at_most(il_dataset_examples(data, r), columns); k++)
      if (!fill_signal(d, &cell[r * columns + k], il_dataset_example(data, r, k), data->type, s))
        return il_context_status(d->context);
  }
  const int legends = channels > 1 && channels <= 6 ? channels : 0;
  return il_plot_small(d->context, d->out,
                       &(il_plot_grid){.title = d->title,
                                       .rows = rows,
                                       .columns = columns,
                                       .row_name = name,
                                       .column_axis = axis,
                                       .cell = cell,
                                       .legends = legends,
                                       .legend = channel_names(d, legends)});
}

static const char *const *axes(drawing *d, const char *word) {
  const char **axis = room(d, ACROSS, sizeof *axis);
  for (int i = 0; axis && i < ACROSS; i++) axis[i] = word;
  return axis;
}

/* A panel for each class, a line for each of its first examples. */
static il_status show_features(drawing *d, const il_dataset *data) {
  const int panels = shown(d, il_dataset_classes(data), 12), columns = at_most(panels, ACROSS);
  const int rows = (panels + columns - 1) / columns;
  const int features = (int)il_shape_count(il_dataset_shape(data));
  il_plot_cell *cell = room(d, (size_t)(rows * columns), sizeof *cell);
  for (int p = 0; cell && p < panels; p++) {
    const int lines = at_most(il_dataset_examples(data, p), LINES);
    il_plot_series *series = room(d, (size_t)lines, sizeof *series);
    for (int k = 0; series && k < lines; k++) {
      const float *y = as_floats(d, il_dataset_example(data, p, k), data->type, features);
      if (!y) return il_context_status(d->context);
      series[k] = (il_plot_series){.count = features,
                                   .mark = features == 1 ? IL_PLOT_DOTS : IL_PLOT_LINE,
                                   .alpha = 0.45f,
                                   .y = y};
    }
    if (!series) return il_context_status(d->context);
    cell[p] = (il_plot_cell){il_dataset_class_name(data, p), lines, series};
  }
  if (!cell) return il_context_status(d->context);
  return il_plot_small(d->context, d->out,
                       &(il_plot_grid){.title = d->title,
                                       .rows = rows,
                                       .columns = columns,
                                       .one_x = true,
                                       .column_axis = axes(d, "feature, from 0"),
                                       .cell = cell});
}

/* " of 400", or nothing where all are shown. */
static const char *of_all(int some, int all, char text[static 32]) {
  text[0] = 0;
  if (some < all) snprintf(text, 32, " of %d", all);
  return text;
}

static il_status show_dataset(drawing *d, const char *name) {
  il_dataset *data = open_dataset_any(d->context, name);
  if (!data) return il_context_status(d->context);
  const il_shape s = il_dataset_shape(data);
  const int classes = il_dataset_classes(data), usual = shown(d, classes, s.rank == 3 ? 20 : 12);
  char of[32];
  snprintf(d->title, sizeof d->title, "%s: the first examples of %d%s classes", name, usual,
           of_all(usual, classes, of));
  const il_status status = s.rank == 3   ? show_pictures(d, data)
                           : s.rank == 2 ? show_signals(d, data)
                                         : show_features(d, data);
  il_dataset_free(data);
  return status;
}

/* ---- points of regression ---- */

typedef struct points {
  int count, inputs, outputs;
  const float *x, *y;
  il_plot_mark mark;
} points;

/* Series of one panel: each output of each set of points over one input. */
static bool fill_points(drawing *d, il_plot_cell *cell, int sets, const points *set, int input) {
  il_plot_series *series = room(d, (size_t)sets * CHANNELS, sizeof *series);
  int n = 0;
  for (int i = 0; series && i < sets; i++)
    for (int o = 0; o < at_most(set[i].outputs, CHANNELS); o++)
      series[n++] = (il_plot_series){.count = at_most(set[i].count, POINTS),
                                     .colour = o,
                                     .mark = set[i].mark,
                                     .alpha = 0.7f,
                                     .x = set[i].x + input,
                                     .x_step = set[i].inputs,
                                     .y = set[i].y + o,
                                     .y_step = set[i].outputs};
  cell->series = series;
  cell->count = n;
  return series != NULL;
}

/* One input: a panel a task, several in a row. More: a row a task, a column an input. */
typedef struct regression {
  int tasks, inputs, outputs;
  const char *const *input, *const *output; /* names, or NULL */
  const char **task;
  const points *set; /* [tasks · sets] */
  int sets;
} regression;

static il_status show_regression(drawing *d, const regression *r) {
  const bool one = r->inputs == 1;
  const int columns = one ? at_most(r->tasks, ACROSS) : at_most(r->inputs, AXES);
  const int rows = one ? (r->tasks + columns - 1) / columns : r->tasks;
  il_plot_cell *cell = room(d, (size_t)(rows * columns), sizeof *cell);
  const char **axis = room(d, (size_t)columns, sizeof *axis);
  if (!cell || !axis) return il_context_status(d->context);
  for (int t = 0; t < r->tasks; t++)
    for (int k = 0; k < (one ? 1 : columns); k++) {
      il_plot_cell *c = one ? &cell[t] : &cell[t * columns + k];
      if (!fill_points(d, c, r->sets, r->set + t * r->sets, k))
        return il_context_status(d->context);
      if (one) c->title = r->task[t];
    }
  for (int k = 0; k < columns; k++) {
    char text[32];
    snprintf(text, sizeof text, "input %d", k + 1);
    axis[k] = r->input ? r->input[one ? 0 : k] : one ? "input" : il_arena_string(&d->arena, text);
    if (!axis[k]) return il_fail_memory(d->context, "a picture");
  }
  return il_plot_small(
      d->context, d->out,
      &(il_plot_grid){.title = d->title,
                      .y_axis = r->output && r->outputs == 1 ? r->output[0] : NULL,
                      .rows = rows,
                      .columns = columns,
                      .row_name = one ? NULL : r->task,
                      .column_axis = axis,
                      .cell = cell,
                      .legends = r->output && r->outputs > 1 && r->outputs <= 6 ? r->outputs : 0,
                      .legend = r->output});
}

static il_status show_table(drawing *d, const char *name) {
  il_table *t = il_table_open(d->context, name);
  if (!t) return il_context_status(d->context);
  const int tasks = shown(d, t->tasks, 12);
  const char **names = room(d, (size_t)tasks, sizeof *names);
  points *set = room(d, (size_t)tasks, sizeof *set);
  for (int i = 0; set && names && i < tasks; i++) {
    names[i] = t->task[i];
    set[i] = (points){t->start[i + 1] - t->start[i],
                      t->inputs,
                      t->outputs,
                      t->x + (int64_t)t->start[i] * t->inputs,
                      t->y + (int64_t)t->start[i] * t->outputs,
                      IL_PLOT_DOTS};
  }
  char of[32];
  snprintf(d->title, sizeof d->title, "%s: %d%s tasks%s%s", name, tasks,
           of_all(tasks, t->tasks, of), t->inputs > AXES ? ", over the first inputs" : "",
           t->x_mean ? ", standardized" : "");
  if (set && names)
    show_regression(
        d, &(regression){tasks, t->inputs, t->outputs, t->input, t->output, names, set, 1});
  il_table_free(t);
  return il_context_status(d->context);
}

/* ---- tasks as they are ---- */

static il_status show_task_points(drawing *d, const il_task_file *f, int tasks,
                                  const char **names) {
  points *set = room(d, 2 * (size_t)tasks, sizeof *set);
  const int inputs = (int)il_shape_count(f->example);
  for (int i = 0; set && i < tasks; i++)
    for (int half = 0; half < 2; half++) {
      const il_given_task *t = &f->task[i];
      const int count = half ? t->query : t->support;
      const float *x = as_floats(d, t->x[half], f->x, (int64_t)count * inputs);
      if (!x) return il_context_status(d->context);
      set[2 * i + half] =
          (points){count, inputs, f->outputs, x, t->y[half], half ? IL_PLOT_RINGS : IL_PLOT_DOTS};
    }
  if (!set) return il_context_status(d->context);
  return show_regression(d, &(regression){tasks, inputs, f->outputs, NULL, NULL, names, set, 2});
}

static il_status show_task_pictures(drawing *d, const il_task_file *f, int tasks,
                                    const char **names) {
  const il_shape s = f->example;
  const int64_t size = il_shape_count(s);
  const size_t stride = (size_t)size * il_type_size(f->x);
  const int half = (pictures_across(s) + 1) / 2;
  il_plot_pictures *row = room(d, (size_t)tasks, sizeof *row);
  double low = (double)INFINITY, high = -low;
  for (int i = 0; i < tasks; i++)
    for (int k = 0; k < 2; k++)
      widen(f->task[i].x[k], f->x, size * at_most(k ? f->task[i].query : f->task[i].support, half),
            &low, &high);
  for (int i = 0; row && i < tasks; i++) {
    const uint8_t **picture = room(d, 2 * (size_t)half, sizeof *picture);
    if (!picture) return il_context_status(d->context);
    row[i] = (il_plot_pictures){.name = names[i], .picture = picture};
    for (int k = 0; k < 2; k++) {
      const int count = at_most(k ? f->task[i].query : f->task[i].support, half);
      if (k) row[i].gap = row[i].count;
      for (int e = 0; e < count; e++) {
        const void *x = (const char *)f->task[i].x[k] + (size_t)e * stride;
        if (!(picture[row[i].count++] = as_bytes(d, x, f->x, s, low, high)))
          return il_context_status(d->context);
      }
    }
  }
  if (!row) return il_context_status(d->context);
  return il_plot_sheet(d->context, d->out, d->title, (int)s.dim[0], (int)s.dim[1],
                       s.dim[2] < 3 ? 1 : 3, tasks, row);
}

/* Features and signals: support examples on the left, query examples on the right, in the colours of their labels. */
static il_status show_task_lines(drawing *d, const il_task_file *f, int tasks, const char **names) {
  static const char *const axis[2][2] = {{"feature, from 0: support", "feature, from 0: query"},
                                         {"time step: support", "time step: query"}};
  const bool signals = f->example.rank == 2;
  const int steps = (int)f->example.dim[0], channels = signals ? (int)f->example.dim[1] : 1;
  const int64_t size = il_shape_count(f->example);
  il_plot_cell *cell = room(d, 2 * (size_t)tasks, sizeof *cell);
  if (!cell) return il_context_status(d->context);
  for (int i = 0; i < 2 * tasks; i++) {
    const il_given_task *t = &f->task[i / 2];
    const int lines = at_most(i % 2 ? t->query : t->support, LINES);
    const float *y = as_floats(d, t->x[i % 2], f->x, lines * size);
    il_plot_series *series = room(d, (size_t)lines, sizeof *series);
    if (!y || !series) return il_context_status(d->context);
    for (int k = 0; k < lines; k++)
      series[k] = (il_plot_series){.count = steps,
                                   .colour = ((const int32_t *)t->y[i % 2])[k],
                                   .alpha = 0.6f,
                                   .y = y + k * size,
                                   .y_step = channels};
    cell[i].count = lines;
    cell[i].series = series;
  }
  return il_plot_small(d->context, d->out,
                       &(il_plot_grid){.title = d->title,
                                       .rows = tasks,
                                       .columns = 2,
                                       .row_name = names,
                                       .column_axis = axis[signals],
                                       .cell = cell});
}

static il_status show_tasks(drawing *d, const char *name) {
  il_task_file *f = il_task_file_open(d->context, name);
  if (!f) return il_context_status(d->context);
  const int tasks = shown(d, f->count, 12), rank = f->example.rank;
  const char **names = room(d, (size_t)tasks, sizeof *names);
  for (int i = 0; names && i < tasks; i++) {
    char text[32];
    snprintf(text, sizeof text, "task %d", i);
    names[i] = *f->task[i].name ? f->task[i].name : il_arena_string(&d->arena, text);
    if (!names[i]) names = NULL;
  }
  char of[32];
  snprintf(d->title, sizeof d->title, "%s: %d%s tasks, %s", name, tasks,
           of_all(tasks, f->count, of),
           f->targets  ? "dots: support, rings: query"
           : rank == 3 ? "support, then query"
           : rank == 2 ? "first channel, a colour for each label"
                       : "a colour for each label");
  if (!names)
    il_fail_memory(d->context, "a picture");
  else if (f->targets)
    show_task_points(d, f, tasks, names);
  else if (rank == 3)
    show_task_pictures(d, f, tasks, names);
  else
    show_task_lines(d, f, tasks, names);
  il_task_file_free(f);
  return il_context_status(d->context);
}

il_status data_show(il_context *context, const data_input *in) {
  const char *name = in->common.config, *ready = il_import_ready(name);
  drawing d = {.context = context, .out = in->out, .limit = in->classes};
  const il_status status = ready && !strcmp(ready, "table")   ? show_table(&d, name)
                           : ready && !strcmp(ready, "tasks") ? show_tasks(&d, name)
                                                              : show_dataset(&d, name);
  il_arena_free(&d.arena);
  return status;
}
