/* Datasets from a caller's memory. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "data/dataset.h"

static il_status check(il_context *context, const il_dataset_arrays *a) {
  const il_shape s = a->example;
  if (a->type != IL_UINT8 && a->type != IL_FLOAT32)
    return il_fail(context, IL_ERROR_TYPE,
                   "il_dataset_new: examples of type %s, expected u8 or f32",
                   il_type_name(a->type));
  int64_t numbers = 1;
  for (int i = 0; i < s.rank && i < IL_MAX_RANK && numbers <= IL_DATASET_EXAMPLE_MAX; i++)
    numbers = s.dim[i] < 1 || s.dim[i] > IL_DATASET_EXAMPLE_MAX ? INT64_MAX : numbers * s.dim[i];
  if (s.rank < 1 || s.rank > 3 || numbers > IL_DATASET_EXAMPLE_MAX)
    return il_fail(
        context, IL_ERROR_SHAPE,
        "il_dataset_new: an example has %d dimensions, expected [height,width,channels], "
        "[time,channels] or [features] of 1 to %d numbers",
        s.rank, (int)IL_DATASET_EXAMPLE_MAX);
  if (a->classes < 1 || a->start[0] != 0)
    return il_fail(
        context, IL_ERROR_ARGUMENT,
        "il_dataset_new: %d classes, expected at least 1, the first of which starts at 0",
        a->classes);
  for (int c = 0; c < a->classes; c++)
    if (a->start[c + 1] <= a->start[c])
      return il_fail(context, IL_ERROR_DATA,
                     "il_dataset_new: class %d has no example, expected at least 1", c);
  if (!isfinite(a->scale))
    return il_fail(context, IL_ERROR_ARGUMENT, "il_dataset_new: the scale is %g", a->scale);
  const int64_t all = (int64_t)a->start[a->classes] * numbers;
  for (int64_t i = 0; a->type == IL_FLOAT32 && i < all; i++)
    if (!isfinite(((const float *)a->examples)[i]))
      return il_fail(context, IL_ERROR_DATA,
                     "il_dataset_new: example %lld has the number %g, expected finite ones",
                     (long long)(i / numbers), (double)((const float *)a->examples)[i]);
  return IL_OK;
}

/* "0", "1" … of so many classes, in one block. */
static const char **numbered(int classes) {
  enum { ROOM = 12 };
  const char **name = malloc((size_t)classes * (sizeof *name + ROOM));
  char *at = name ? (char *)(name + classes) : NULL;
  for (int c = 0; name && c < classes; c++, at += ROOM) {
    snprintf(at, ROOM, "%d", c);
    name[c] = at;
  }
  return name;
}

il_dataset *il_dataset_new(il_context *context, const il_dataset_arrays *a) {
  if (check(context, a) != IL_OK) return NULL;
  const size_t starts = ((size_t)a->classes + 1) * sizeof *a->start,
               bytes = (size_t)a->start[a->classes] * (size_t)il_shape_count(a->example) *
                       il_type_size(a->type);
  const char **name = a->name ? NULL : numbered(a->classes);
  const char **origin = a->origin ? NULL : malloc((size_t)a->classes * sizeof *origin);
  il_dataset_parts parts = {.examples = malloc(bytes),
                            .start = malloc(starts),
                            .classes = a->classes,
                            .type = a->type,
                            .example = a->example,
                            .scale = a->scale,
                            .name = a->name ? a->name : name,
                            .origin = a->origin ? a->origin : origin};
  il_dataset *d = NULL;
  if (parts.examples && parts.start && parts.name && parts.origin) {
    memcpy(parts.examples, a->examples, bytes);
    memcpy(parts.start, a->start, starts);
    for (int c = 0; origin && c < a->classes; c++) origin[c] = "";
    d = il_dataset_take(context, &parts);
  } else {
    free(parts.examples);
    free(parts.start);
    il_fail_memory(context, "a dataset");
  }
  free(name);
  free(origin);
  return d;
}
