/* innerloop predict: examples in files of arrays and in the rows of tables of text. */
#include "cli/cli_predict.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapt/adapted.h"
#include "base/error.h"
#include "base/locale.h"
#include "import/importer.h"
#include "io/csv.h"
#include "io/io.h"
#include "nn/net.h"

/* ---- arrays ---- */

static const il_tensor *inputs_of(il_context *context, const char *name, const il_tensors *file) {
  static const char *const names[] = {"x", "X", "inputs", "images", "signals", "features", "data"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (il_tensors_find(file, names[i])) return il_tensors_find(file, names[i]);
  if (il_tensors_count(file) == 1) return il_tensors_at(file, 0);
  il_fail(context, IL_ERROR_DATA,
          "%s: found %d tensors and none called x; expected x [n, example…], or one alone", name,
          il_tensors_count(file));
  return NULL;
}

typedef enum layout { LAYOUT_NONE, LAYOUT_SAME, LAYOUT_CHANNELS_FIRST, LAYOUT_GREY } layout;

/* Grey pictures, [n, h, w] with or without their one channel, for a learner of colour ones. */
static bool is_grey(const il_tensor *t, il_shape e) {
  const int64_t *dim = t->shape.dim + 1;
  const int rank = t->shape.rank - 1;
  if (t->type != IL_UINT8 || e.rank != 3 || e.dim[2] != 3) return false;
  const bool last = rank == 3 && dim[2] == 1, first = rank == 3 && dim[0] == 1;
  const int64_t *side = !last && first ? dim + 1 : dim;
  return (rank == 2 || last || first) && side[0] == e.dim[0] && side[1] == e.dim[1];
}

/* How the rows of an array are the learner's examples. */
static layout layout_of(const answers *a, const il_tensor *t) {
  const il_shape e = il_adapted_example(a->model);
  const int64_t *dim = t->shape.dim + 1, channels = e.dim[e.rank - 1];
  const int rank = t->shape.rank - 1;
  if ((t->type == IL_UINT8) != (il_adapted_type(a->model) == IL_UINT8)) return LAYOUT_NONE;
  const bool single = rank == e.rank - 1 && rank > 0 && channels == 1; /* which is left out */
  bool same = rank == e.rank || single, first = rank == e.rank && rank > 1 && dim[0] == channels;
  for (int i = 0; i < rank && same; i++) same = dim[i] == e.dim[i];
  for (int i = 0; i + 1 < rank && first; i++) first = dim[i + 1] == e.dim[i];
  return same            ? LAYOUT_SAME
         : first         ? LAYOUT_CHANNELS_FIRST
         : is_grey(t, e) ? LAYOUT_GREY
                         : LAYOUT_NONE;
}

/* Each pixel as three equal ones; NULL without memory. */
static char *coloured(const il_tensor *t) {
  const size_t pixels = (size_t)il_shape_count(t->shape);
  char *to = malloc(3 * pixels + 1);
  for (size_t i = 0; to && i < 3 * pixels; i++) to[i] = ((const char *)t->data)[i / 3];
  return to;
}

/* [n, c, …] as [n, …, c], numbers of `size` bytes; NULL without memory. */
static char *channels_last(const il_tensor *t, size_t size) {
  const size_t rows = (size_t)t->shape.dim[0], channels = (size_t)t->shape.dim[1];
  const size_t all = (size_t)il_shape_count(t->shape), places = all / (rows * channels + !rows);
  char *to = malloc(all * size + 1);
  for (size_t n = 0; to && n < rows; n++)
    for (size_t c = 0; c < channels; c++)
      for (size_t p = 0; p < places; p++)
        memcpy(to + ((n * places + p) * channels + c) * size,
               (const char *)t->data + ((n * channels + c) * places + p) * size, size);
  return to;
}

/* Why the learner cannot take an example of its type; false: it can. */
static bool unfit(const answers *a, const void *x, char reason[static 128]) {
  const int64_t n = il_shape_count(il_adapted_example(a->model));
  const il_type type = il_adapted_type(a->model);
  const int vocabulary = il_net_vocabulary(a->model->learner->net);
  for (int64_t i = 0; i < n && type == IL_FLOAT32; i++)
    if (!isfinite(((const float *)x)[i])) {
      snprintf(reason, 128, "has a number that is not finite");
      return true;
    }
  const int64_t at = il_net_unfit(vocabulary, type, n, x);
  if (at >= 0) snprintf(reason, 128, "has " IL_NO_TOKEN, il_number_at(type, x, at), vocabulary - 1);
  return at >= 0;
}

/* The answers of rows first … first + count, all of which are numbers. */
static void ask_some(answers *a, const char *name, int64_t first, int64_t count, const void *x) {
  const int classes = il_adapted_classes(a->model);
  const size_t example = (size_t)il_shape_count(il_adapted_example(a->model)),
               stride = example * (il_adapted_type(a->model) == IL_UINT8 ? 1 : sizeof(float));
  for (int64_t from = 0; from < count; from += AT_ONCE) {
    const int64_t n = count - from < AT_ONCE ? count - from : AT_ONCE;
    if (il_adapted_predict(a->model, n, (const char *)x + (size_t)from * stride, a->probability) !=
        IL_OK)
      return;
    for (int64_t i = 0; i < n; i++) {
      char *row = NULL;
      if (asprintf(&row, "%s:%lld", name, (long long)(first + from + i)) < 0) {
        il_fail_memory(a->context, "the name of a row");
        return;
      }
      print_answer(a, row, a->probability + i * classes);
      free(row);
    }
  }
}

/* Rows that cannot be taken are named, the others answered. */
static void ask_all(answers *a, const char *name, int64_t rows, const char *x) {
  const size_t stride = (size_t)il_shape_count(il_adapted_example(a->model)) *
                        il_type_size(il_adapted_type(a->model));
  int64_t first = 0;
  for (int64_t i = 0; i <= rows && il_context_status(a->context) == IL_OK; i++) {
    char why[128], row[160];
    if (i < rows && !unfit(a, x + (size_t)i * stride, why)) continue;
    ask_some(a, name, first, i - first, x + (size_t)first * stride);
    first = i + 1;
    if (i == rows) break;
    snprintf(row, sizeof row, "row %lld %s", (long long)i, why);
    unreadable(a, name, row);
  }
}

static void ask_reals(answers *a, const char *name, const il_tensor *t) {
  const int64_t rows = t->shape.dim[0], n = il_shape_count(il_adapted_example(a->model));
  float *real = malloc((size_t)(rows * n + 1) * sizeof *real);
  if (!real) {
    il_fail_memory(a->context, "the numbers of a file");
    return;
  }
  il_tensor_reals(t, IL_FLOAT32, real);
  ask_all(a, name, rows, (const char *)real);
  free(real);
}

static void refuse(answers *a, const char *name, const il_tensor *t) {
  const il_shape e = il_adapted_example(a->model);
  char found[256] = "", expected[256] = ""; /* 8 numbers of 20 digits */
  for (int i = 0, at = 0; i < t->shape.rank; i++)
    at += snprintf(found + at, sizeof found - (size_t)at, "%s%lld", i ? "," : "",
                   (long long)t->shape.dim[i]);
  for (int i = 0, at = 0; i < e.rank; i++)
    at += snprintf(expected + at, sizeof expected - (size_t)at, ",%lld", (long long)e.dim[i]);
  il_fail(a->context, IL_ERROR_DATA, "%s: '%s' is %s [%s]; the learner takes %s [n%s]", name,
          t->name, il_type_name(t->type), found,
          il_adapted_type(a->model) == IL_UINT8 ? "u8" : "reals", expected);
}

static void ask_tensor(answers *a, const char *name, const il_tensor *t) {
  const layout is = t->shape.rank > 0 ? layout_of(a, t) : LAYOUT_NONE;
  il_tensor turned = *t;
  char *made = NULL;
  if (is == LAYOUT_NONE) {
    refuse(a, name, t);
    return;
  }
  if (is != LAYOUT_SAME) {
    turned.data = made = is == LAYOUT_GREY ? coloured(t) : channels_last(t, il_type_size(t->type));
    if (!made) il_fail_memory(a->context, "the numbers of a file");
  }
  if (turned.data && t->type == IL_UINT8)
    ask_all(a, name, t->shape.dim[0], turned.data);
  else if (turned.data)
    ask_reals(a, name, &turned);
  free(made);
}

/* ---- tables of text ---- */

static bool read_numbers(int fields, const char *const *field, float *x) {
  for (int i = 0; i < fields; i++) {
    double number;
    if (!il_real_read(field[i], &number) || !isfinite((float)number)) return false;
    x[i] = (float)number;
  }
  return true;
}

static void ask_table(answers *a, const char *name, const char *path) {
  const il_shape e = il_adapted_example(a->model);
  const int n = (int)il_shape_count(e);
  il_csv *csv = il_csv_open(a->context, path);
  float *x = malloc((size_t)n * sizeof *x);
  const char *const *field;
  int fields = 0;
  bool good;
  if (csv && !x) il_fail_memory(a->context, "a row of a table");
  for (bool head = true; csv && x && il_context_status(a->context) == IL_OK &&
                         (fields = il_csv_next(csv, &field)) > 0;
       head = false) {
    const int64_t line = il_csv_line(csv);
    char why[128] = "has something that is no finite number", reason[160];
    if (fields != n)
      il_fail(a->context, IL_ERROR_DATA,
              "%s:%lld: found %d columns; the learner takes %d numbers an example, and no label",
              name, (long long)line, fields, n);
    else if ((good = read_numbers(fields, field, x)) && !unfit(a, x, why))
      ask_some(a, name, line, 1, x);
    else if (good || !head) { /* the first line may be names */
      snprintf(reason, sizeof reason, "line %lld %s", (long long)line, why);
      unreadable(a, name, reason);
    }
  }
  free(x);
  il_csv_close(csv);
}

static void ask_examples(answers *a, const char *name, const char *path) {
  const il_shape e = il_adapted_example(a->model);
  const bool flat = e.rank == 1 || (e.rank == 2 && e.dim[1] == 1);
  if (!il_import_is_tensors(path) && flat && il_adapted_type(a->model) == IL_FLOAT32) {
    ask_table(a, name, path);
    return;
  }
  if (!il_import_is_tensors(path)) {
    il_fail(a->context, IL_ERROR_DATA,
            "%s: the learner takes no pictures; expected a file of arrays (.npz, .npy, "
            ".safetensors, .pt)",
            name);
    return;
  }
  il_tensors *file = il_tensors_open(a->context, path);
  const il_tensor *t = file ? inputs_of(a->context, name, file) : NULL;
  if (t) ask_tensor(a, name, t);
  il_tensors_close(file);
}

void ask_rows(answers *a, const char *name, const char *path) {
  const int64_t before = a->given + a->unreadable;
  ask_examples(a, name, path);
  if (a->given + a->unreadable == before && il_context_status(a->context) == IL_OK)
    unreadable(a, name, "has no examples");
}
