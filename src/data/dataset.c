/* Datasets: classes of examples of one shape, from a safetensors file (docs/files.md) or from memory. Everything is
 * checked once, here. */
#include "data/dataset.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/locale.h"
#include "base/room.h"
#include "data/dataset_writer.h"

enum { SIDE_MAX = 1 << 24 };

const char *il_split_name(il_split split) {
  static const char *const names[] = {"train", "validation", "test"};
  return names[split];
}

int il_dataset_classes(const il_dataset *dataset) { return dataset->classes; }

int il_dataset_examples(const il_dataset *dataset, int cls) {
  return dataset->start[cls + 1] - dataset->start[cls];
}

il_shape il_dataset_shape(const il_dataset *dataset) { return dataset->example; }
il_type il_dataset_type(const il_dataset *dataset) { return dataset->type; }
double il_dataset_scale(const il_dataset *dataset) { return dataset->scale; }

size_t il_dataset_stride(const il_dataset *dataset) {
  return (size_t)il_shape_count(dataset->example) * il_type_size(dataset->type);
}

bool il_dataset_square(const il_dataset *d) {
  return d->example.rank == 3 && d->example.dim[0] == d->example.dim[1];
}

const void *il_dataset_example(const il_dataset *dataset, int cls, int example) {
  return (const char *)dataset->examples +
         (size_t)(dataset->start[cls] + example) * il_dataset_stride(dataset);
}

const char *il_dataset_class_name(const il_dataset *dataset, int cls) { return dataset->name[cls]; }
const char *il_dataset_class_origin(const il_dataset *dataset, int cls) {
  return dataset->origin[cls];
}

uint64_t il_fingerprint_mix(uint64_t hash, const void *bytes, size_t size) {
  for (size_t i = 0; i < size; i++)
    hash = (hash ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
  return hash;
}

uint64_t il_dataset_fingerprint(const il_dataset *d) {
  const int parts = d->classes < 64 ? d->classes : 64;
  uint64_t hash = il_fingerprint_mix(IL_FINGERPRINT_START, &d->type, sizeof d->type);
  hash = il_fingerprint_mix(hash, d->example.dim, (size_t)d->example.rank * sizeof *d->example.dim);
  hash = il_fingerprint_mix(hash, d->start, ((size_t)d->classes + 1) * sizeof *d->start);
  for (int c = 0; c < d->classes; c++)
    hash = il_fingerprint_mix(hash, d->name[c], strlen(d->name[c]) + 1);
  for (int i = 0; i < parts; i++) {
    const int cls = (int)((int64_t)i * d->classes / parts);
    const size_t stride = il_dataset_stride(d);
    hash = il_fingerprint_mix(hash, il_dataset_example(d, cls, il_dataset_examples(d, cls) - 1),
                              stride < 65536 ? stride : 65536);
  }
  return hash;
}

void il_dataset_moments(const il_dataset *d, double *mean, double *deviation) {
  const int parts = d->classes < 64 ? d->classes : 64;
  const int64_t n = il_shape_count(d->example);
  double sum = 0, squares = 0;
  for (int i = 0; i < parts; i++) {
    const void *x = il_dataset_example(d, (int)((int64_t)i * d->classes / parts), 0);
    for (int64_t k = 0; k < n; k++) {
      const double v =
          d->type == IL_UINT8 ? (double)((const uint8_t *)x)[k] : (double)((const float *)x)[k];
      sum += v;
      squares += v * v;
    }
  }
  const double all = (double)n * parts;
  *mean = sum / all;
  const double variance = squares / all - *mean * *mean;
  *deviation = variance > 0 ? sqrt(variance) : 0;
}

void il_dataset_free(il_dataset *dataset) {
  if (!dataset) return;
  if (dataset->file) {
    il_safetensors_close(dataset->file);
  } else {
    free((void *)dataset->examples);
    free((void *)dataset->start);
    il_room_discharge(dataset->context, dataset->charged);
  }
  free(dataset->by_name);
  il_arena_free(&dataset->arena);
  free(dataset);
}

static int by_name(const void *a, const void *b, void *dataset) {
  const char *const *name = ((il_dataset *)dataset)->name;
  return strcmp(name[*(const int *)a], name[*(const int *)b]);
}

int il_dataset_find(const il_dataset *dataset, const char *name) {
  int low = 0, high = dataset->classes;
  while (low < high) {
    int middle = low + (high - low) / 2;
    int order = strcmp(dataset->name[dataset->by_name[middle]], name);
    if (order == 0) return dataset->by_name[middle];
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return -1;
}

bool il_dataset_name_good(const char *name) {
  bool bad = !*name || *name == ' ';
  for (const char *at = name; *at; at++) bad |= (unsigned char)*at < 32 || *at == 127;
  return !bad;
}

static int by_text(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

il_status il_dataset_names_good(il_context *context, const char *what, int classes,
                                const char *const *name) {
  const char **sorted = malloc(((size_t)classes + 1) * sizeof *sorted);
  if (!sorted) return il_fail_memory(context, "the names of a dataset's classes");
  memcpy(sorted, name, (size_t)classes * sizeof *sorted);
  qsort(sorted, (size_t)classes, sizeof *sorted, by_text);
  il_status status = IL_OK;
  for (int c = 0; c < classes && !status; c++) {
    if (!il_dataset_name_good(sorted[c]))
      status = il_fail(context, IL_ERROR_FORMAT,
                       "%s: the class name '%s' is empty, begins with a space or has control "
                       "characters",
                       what, sorted[c]);
    else if (c > 0 && !strcmp(sorted[c - 1], sorted[c]))
      status = il_fail(context, IL_ERROR_FORMAT, "%s: two classes are named '%s'", what, sorted[c]);
  }
  free(sorted);
  return status;
}

/* Names stand in line-based text files: no control characters, none twice, none empty. */
static il_status check_names(il_dataset *d, const char *what) {
  for (int c = 0; c < d->classes; c++) {
    if (!il_dataset_name_good(d->name[c]))
      return il_fail(
          d->context, IL_ERROR_FORMAT,
          "%s: the name of class %d is empty, begins with a space or has control characters", what,
          c);
  }
  d->by_name = malloc((size_t)d->classes * sizeof *d->by_name);
  if (!d->by_name) return il_fail_memory(d->context, "the index of class names");
  for (int c = 0; c < d->classes; c++) d->by_name[c] = c;
  qsort_r(d->by_name, (size_t)d->classes, sizeof *d->by_name, by_name, d);
  for (int i = 1; i < d->classes; i++)
    if (!strcmp(d->name[d->by_name[i - 1]], d->name[d->by_name[i]]))
      return il_fail(d->context, IL_ERROR_FORMAT, "%s: two classes are named '%s'", what,
                     d->name[d->by_name[i]]);
  return IL_OK;
}

static il_status copy_names(il_dataset *d, const char *const *name, const char *const *origin) {
  d->name = il_arena_alloc(&d->arena, (size_t)d->classes * sizeof *d->name);
  d->origin = il_arena_alloc(&d->arena, (size_t)d->classes * sizeof *d->origin);
  bool good = d->name && d->origin;
  for (int c = 0; good && c < d->classes; c++) {
    d->name[c] = il_arena_string(&d->arena, name[c]);
    d->origin[c] = il_arena_string(&d->arena, origin[c]);
    good = d->name[c] && d->origin[c];
  }
  return good ? IL_OK : il_fail_memory(d->context, "the names of a dataset's classes");
}

double il_dataset_usual_scale(il_type type) { return type == IL_UINT8 ? IL_PIXEL_SCALE : 1; }

il_dataset *il_dataset_take(il_context *context, const il_dataset_parts *parts) {
  il_dataset *d = calloc(1, sizeof *d);
  if (!d) {
    free(parts->examples);
    free(parts->start);
    il_fail_memory(context, "a dataset");
    return NULL;
  }
  d->context = context;
  d->examples = parts->examples;
  d->start = parts->start;
  d->classes = parts->classes;
  d->type = parts->type;
  d->example = parts->example;
  d->scale = parts->scale != 0 ? parts->scale : il_dataset_usual_scale(parts->type);
  const size_t bytes = (size_t)d->start[d->classes] * il_dataset_stride(d);
  if (il_room_charge(context, bytes))
    d->charged = bytes;
  else
    il_fail_memory(context, "a dataset");
  if (il_context_status(context) || copy_names(d, parts->name, parts->origin) ||
      check_names(d, "the dataset")) {
    il_dataset_free(d);
    return NULL;
  }
  return d;
}

il_status il_dataset_write(const il_dataset *d, const char *path) {
  il_dataset_writer *writer = il_dataset_writer_new(d->context, path,
                                                    &(il_dataset_recipe){.classes = d->classes,
                                                                         .name = d->name,
                                                                         .origin = d->origin,
                                                                         .type = d->type,
                                                                         .example = d->example,
                                                                         .scale = d->scale});
  if (!writer) return il_context_status(d->context);
  il_status status = IL_OK;
  for (int c = 0; c < d->classes; c++)
    for (int e = 0; e < il_dataset_examples(d, c) && !status; e++)
      status = il_dataset_writer_add(writer, c, il_dataset_example(d, c, e));
  if (!status) return il_dataset_writer_commit(writer, 0, 0);
  il_dataset_writer_abort(writer);
  return status;
}

/* ---- opening ---- */

static il_status check_examples(il_dataset *d, const char *path, const il_tensor *t) {
  if ((t->type != IL_UINT8 && t->type != IL_FLOAT32) || t->shape.rank < 2 || t->shape.rank > 4)
    return il_fail(d->context, IL_ERROR_FORMAT,
                   "%s: the tensor '%s' has type %s and %d dimensions; expected U8 or F32, and "
                   "[n,height,width,channels], [n,time,channels] or [n,features]",
                   path, t->name, il_type_name(t->type), t->shape.rank);
  d->example.rank = t->shape.rank - 1;
  for (int i = 0; i < d->example.rank; i++) {
    d->example.dim[i] = t->shape.dim[i + 1];
    if (d->example.dim[i] < 1 || d->example.dim[i] > SIDE_MAX)
      return il_fail(d->context, IL_ERROR_FORMAT,
                     "%s: '%s' has a dimension %d of %lld, expected 1 to %d", path, t->name, i + 1,
                     (long long)d->example.dim[i], (int)SIDE_MAX);
  }
  if (il_shape_count(d->example) > IL_DATASET_EXAMPLE_MAX)
    return il_fail(d->context, IL_ERROR_FORMAT,
                   "%s: an example has %lld numbers, expected at most %d", path,
                   (long long)il_shape_count(d->example), (int)IL_DATASET_EXAMPLE_MAX);
  d->examples = t->data;
  d->type = t->type;
  return IL_OK;
}

static il_status check_tensors(il_dataset *d, const char *path) {
  const il_tensor *examples = il_safetensors_find(d->file, "examples");
  const il_tensor *start = il_safetensors_find(d->file, "class_start");
  if (!examples) examples = il_safetensors_find(d->file, "images"); /* until 0.5 */
  if (!examples && il_safetensors_find(d->file, "task_start"))
    return il_fail(d->context, IL_ERROR_FORMAT,
                   "%s is a table for regression, expected a dataset of classes; task.source=table "
                   "takes tables",
                   path);
  if (!examples && il_safetensors_find(d->file, "support_x"))
    return il_fail(d->context, IL_ERROR_FORMAT,
                   "%s has tasks as they are, expected a dataset of classes; task.source=tasks "
                   "takes them",
                   path);
  if (!examples)
    return il_fail(d->context, IL_ERROR_FORMAT,
                   "%s is no dataset: expected a tensor 'examples' of type U8 or F32", path);
  if (check_examples(d, path, examples) != IL_OK) return il_context_status(d->context);
  if (!start || start->type != IL_INT32 || start->shape.rank != 1 || start->shape.dim[0] < 2 ||
      start->shape.dim[0] > INT32_MAX)
    return il_fail(
        d->context, IL_ERROR_FORMAT,
        "%s is no dataset: expected a tensor 'class_start' of type I32 with classes + 1 elements",
        path);
  d->classes = (int)(start->shape.dim[0] - 1);
  /* A copy: what is checked here must hold as long as the dataset is open, whatever happens to the file. */
  const size_t bytes = ((size_t)d->classes + 1) * sizeof *d->start;
  int32_t *copy = il_arena_alloc(&d->arena, bytes);
  if (!copy) return il_fail_memory(d->context, "the classes of a dataset");
  memcpy(copy, start->data, bytes);
  d->start = copy;
  if (d->start[0] != 0)
    return il_fail(d->context, IL_ERROR_FORMAT, "%s: 'class_start' begins with %d, expected 0",
                   path, (int)d->start[0]);
  for (int c = 0; c < d->classes; c++)
    if (d->start[c + 1] <= d->start[c])
      return il_fail(d->context, IL_ERROR_FORMAT,
                     "%s: 'class_start' goes from %d to %d at class %d, expected a larger number",
                     path, (int)d->start[c], (int)d->start[c + 1], c);
  if (d->start[d->classes] != examples->shape.dim[0])
    return il_fail(d->context, IL_ERROR_FORMAT,
                   "%s: 'class_start' ends with %d, expected the %lld examples", path,
                   (int)d->start[d->classes], (long long)examples->shape.dim[0]);
  return IL_OK;
}

static il_status read_scale(il_dataset *d, const char *path) {
  const char *text = il_safetensors_metadata(d->file, "scale");
  d->scale = il_dataset_usual_scale(d->type);
  if (text && (!il_real_read(text, &d->scale) || !(fabs(d->scale) > 0) || !isfinite(d->scale)))
    return il_fail(d->context, IL_ERROR_FORMAT,
                   "%s: the metadata 'scale' is \"%s\", expected a number other than 0", path,
                   text);
  return IL_OK;
}

/* Names that a file does not give: "0", "1" …; origins: "". */
static il_status number_names(il_dataset *d, const char *key, const char ***list) {
  const bool names = !strcmp(key, "class_names");
  *list = il_arena_alloc(&d->arena, (size_t)d->classes * sizeof **list);
  bool good = *list != NULL;
  for (int c = 0; good && c < d->classes; c++) {
    char name[16] = "";
    if (names) snprintf(name, sizeof name, "%d", c);
    good = ((*list)[c] = il_arena_string(&d->arena, name)) != NULL;
  }
  return good ? IL_OK : il_fail_memory(d->context, "the names of a dataset's classes");
}

static il_status read_list(il_dataset *d, const char *path, const char *key, const char ***list) {
  const char *text = il_safetensors_metadata(d->file, key);
  if (!text) return number_names(d, key, list);
  json_t *json = json_loads(text, 0, NULL);
  il_status status = IL_OK;
  if (!json_is_array(json) || json_array_size(json) != (size_t)d->classes) {
    status = il_fail(d->context, IL_ERROR_FORMAT,
                     "%s: the metadata '%s' is no JSON list of %d texts", path, key, d->classes);
  } else if (!(*list = il_arena_alloc(&d->arena, (size_t)d->classes * sizeof **list))) {
    status = il_fail_memory(d->context, "the names of a dataset's classes");
  }
  for (int c = 0; !status && c < d->classes; c++) {
    const char *item = json_string_value(json_array_get(json, (size_t)c));
    if (!item)
      status = il_fail(d->context, IL_ERROR_FORMAT, "%s: item %d of the metadata '%s' is no text",
                       path, c, key);
    else if (!((*list)[c] = il_arena_string(&d->arena, item)))
      status = il_fail_memory(d->context, "the names of a dataset's classes");
  }
  json_decref(json);
  return status;
}

il_dataset *il_dataset_open(il_context *context, const char *path) {
  il_safetensors *file = il_safetensors_open(context, path);
  if (!file) return NULL;
  il_dataset *d = calloc(1, sizeof *d);
  if (!d) {
    il_safetensors_close(file);
    il_fail_memory(context, "a dataset");
    return NULL;
  }
  d->context = context;
  d->file = file;
  if (check_tensors(d, path) || read_scale(d, path) ||
      read_list(d, path, "class_names", &d->name) ||
      read_list(d, path, "class_origins", &d->origin) || check_names(d, path)) {
    il_dataset_free(d);
    return NULL;
  }
  return d;
}
