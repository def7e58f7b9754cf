#include "import/examples.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/locale.h"
#include "data/dataset_writer.h"
#include "io/io.h"

il_status il_examples_make(il_examples *r) {
  r->cls = calloc((size_t)r->count + 1, sizeof *r->cls);
  return r->cls ? IL_OK : il_fail_memory(r->context, "the labels of a data set");
}

void il_examples_free(il_examples *r) {
  free(r->owned);
  free(r->cls);
  il_arena_free(&r->arena);
  *r = (il_examples){0};
}

const char *il_examples_place(const il_examples *r, int64_t row, char text[static 32]) {
  snprintf(text, 32, r->line ? ":%lld" : ": row %lld", (long long)(r->line ? r->line[row] : row));
  return text;
}

il_status il_examples_skip(il_examples *r, int64_t row, const char *format, ...) {
  char place[32], reason[256];
  if (r->cls[row] < 0) return IL_OK; /* one reason is enough */
  va_list arguments;
  va_start(arguments, format);
  il_plain_list(reason, sizeof reason, format, arguments);
  va_end(arguments);
  char *name = NULL;
  r->cls[row] = -1;
  if (asprintf(&name, "%s%s", r->source, il_examples_place(r, row, place)) < 0)
    return il_fail_memory(r->context, "a report");
  const il_status status = il_import_skip(r->context, r->options, r->report, name, "%s", reason);
  free(name);
  return status;
}

il_status il_examples_skip_unbounded(il_examples *r) {
  const int64_t size = il_shape_count(r->example);
  for (int64_t i = 0; r->type == IL_FLOAT32 && i < r->count; i++) {
    const float *x = (const float *)r->x + i * size;
    int64_t k = 0;
    while (k < size && isfinite(x[k])) k++;
    if (k < size && r->cls[i] >= 0 &&
        il_examples_skip(r, i, "number %lld of the example is %s", (long long)k,
                         isnan(x[k]) ? "NaN" : "infinite"))
      return il_context_status(r->context);
  }
  return IL_OK;
}

static double value_at(const il_examples *r, int64_t index) {
  return r->type == IL_UINT8 ? ((const uint8_t *)r->x)[index]
                             : (double)((const float *)r->x)[index];
}

/* The range of all numbers is said, and 1 over their deviation is the scale where it was asked for. */
static il_status find_scale(il_examples *r) {
  const int64_t size = il_shape_count(r->example);
  double low = (double)INFINITY, high = -low, sum = 0, squares = 0, count = 0;
  for (int64_t i = 0; i < r->count; i++)
    for (int64_t k = 0; r->cls[i] >= 0 && k < size; k++) {
      const double x = value_at(r, i * size + k);
      low = fmin(low, x);
      high = fmax(high, x);
      sum += x;
      count++;
    }
  for (int64_t i = 0; r->options->scale_auto && i < r->count; i++)
    for (int64_t k = 0; r->cls[i] >= 0 && k < size; k++) {
      const double from = value_at(r, i * size + k) - sum / count;
      squares += from * from;
    }
  if (r->options->scale_auto) {
    if (!(squares > 0))
      return il_fail(r->context, IL_ERROR_DATA,
                     "%s: all numbers are %g, so that no scale gives them the deviation 1",
                     r->source, low);
    r->scale = 1 / sqrt(squares / count);
  } else if (r->options->scale != 0) {
    r->scale = r->options->scale;
  }
  if (r->scale == 0) r->scale = il_dataset_usual_scale(r->type);
  char scale[32];
  il_real_print(r->scale == IL_PIXEL_SCALE ? 255 : r->scale, scale, sizeof scale);
  il_import_note(r->context, r->report, "numbers from %.7g to %.7g, %s; nets see them %s %s", low,
                 high, r->type == IL_UINT8 ? "bytes" : "float32",
                 r->scale == IL_PIXEL_SCALE ? "divided by" : "times", scale);
  return IL_OK;
}

int64_t *il_examples_order(il_examples *r, int64_t *kept, int64_t **starts) {
  int64_t *start = calloc((size_t)r->classes + 2, sizeof *start);
  int64_t *order = malloc(((size_t)r->count + 1) * sizeof *order);
  const char *word = r->tasks ? "task" : "class";
  int used = 0, last = 0;
  if (!start || !order) {
    il_fail_memory(r->context, "the order of the examples");
    r->classes = 0;
  }
  for (int64_t i = 0; r->classes && i < r->count; i++)
    if (r->cls[i] >= 0) start[r->cls[i] + 1]++;
  for (int c = 0; c < r->classes; c++) {
    if (start[c + 1] > 0) {
      used++;
      last = c;
    }
    if (start[c + 1] == 1 && !r->options->few)
      il_import_note(r->context, r->report,
                     "%s '%s' has a single example, too few to learn from and to test on", word,
                     r->name[c]);
    start[c + 1] += start[c];
  }
  if (il_context_status(r->context) == IL_OK && !used)
    il_fail(r->context, IL_ERROR_DATA, "%s has no examples%s", r->source,
            r->report->skipped ? ": all were skipped" : "");
  else if (il_context_status(r->context) == IL_OK && used == 1)
    il_fail(r->context, IL_ERROR_DATA, "%s has a single %s, '%s', expected two or more", r->source,
            word, r->name[last]);
  if (il_context_status(r->context)) {
    free(start);
    free(order);
    return NULL;
  }
  *kept = start[r->classes];
  for (int64_t i = 0; i < r->count; i++)
    if (r->cls[i] >= 0) order[start[r->cls[i]]++] = i;
  for (int c = r->classes; c > 0; c--) start[c] = start[c - 1];
  start[0] = 0;
  if (starts)
    *starts = start;
  else
    free(start);
  return order;
}

static il_status write_all(il_examples *r, il_dataset_writer *writer, const int64_t *order,
                           int64_t kept) {
  const size_t stride = (size_t)il_shape_count(r->example) * il_type_size(r->type);
  for (int64_t i = 0; i < kept; i++) {
    const char *x = (const char *)r->x + (size_t)order[i] * stride;
    if (il_dataset_writer_add(writer, r->cls[order[i]], x)) return il_context_status(r->context);
    if ((i % 256 == 0 || i + 1 == kept) && il_import_step(r->context, r->options, i + 1, kept))
      return il_context_status(r->context);
  }
  return IL_OK;
}

/* Of FILE:KEY the file. */
static il_status hash_source(il_examples *r, il_dataset_writer *writer) {
  char *path = il_import_file_of(r->source);
  if (!path) return il_fail_memory(r->context, "a path");
  size_t size;
  const unsigned char *map = il_map_file(r->context, path, &size);
  if (map) il_dataset_writer_hash(writer, map, size);
  il_unmap_file(map, size);
  free(path);
  return map ? IL_OK : il_context_status(r->context);
}

il_status il_examples_write(il_examples *r, const char *out, const char *with) {
  int64_t kept = 0;
  int64_t *order =
      il_examples_skip_unbounded(r) == IL_OK ? il_examples_order(r, &kept, NULL) : NULL;
  il_dataset_writer *writer = NULL;
  if (order && find_scale(r) == IL_OK)
    writer = il_dataset_writer_new(r->context, out,
                                   &(il_dataset_recipe){.classes = r->classes,
                                                        .name = r->name,
                                                        .origin = r->origin,
                                                        .type = r->type,
                                                        .example = r->example,
                                                        .scale = r->scale,
                                                        .made_from = r->source,
                                                        .made_with = with});
  if (writer) {
    if (write_all(r, writer, order, kept) || hash_source(r, writer) ||
        il_context_status(r->context))
      il_dataset_writer_abort(writer);
    else
      il_import_commit(writer, r->report, 1);
  }
  free(order);
  return il_context_status(r->context);
}
