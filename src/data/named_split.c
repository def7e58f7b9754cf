/* Divides tasks of a file by the code that divides classes (see named_split.h). */
#include "data/named_split.h"

#include <stdio.h>
#include <stdlib.h>

#include "data/dataset.h"

/* Named classes without any example. */
static il_dataset *named(il_context *context, int count, const char *const *name) {
  int32_t *start = calloc((size_t)count + 1, sizeof *start);
  const char **origin = malloc((size_t)count * sizeof *origin);
  il_dataset *d = NULL;
  if (!start || !origin) {
    free(start);
    il_fail_memory(context, "the names of tasks");
  } else {
    for (int i = 0; i < count; i++) origin[i] = "";
    d = il_dataset_take(context, &(il_dataset_parts){.start = start,
                                                     .classes = count,
                                                     .type = IL_FLOAT32,
                                                     .example = IL_SHAPE(1),
                                                     .name = name,
                                                     .origin = origin});
  }
  free(origin);
  return d;
}

il_splits *il_splits_of_names(il_context *context, const char *path, int count,
                              const char *const *name, const il_split_options *options) {
  il_dataset *d = named(context, count, name);
  il_splits *splits = d ? il_splits_new(context, d, options) : NULL;
  il_dataset_free(d);
  if (splits || !d) return splits;
  char why[600];
  snprintf(why, sizeof why, "%s", il_context_message(context));
  const il_status status = il_context_status(context);
  il_context_clear(context);
  il_fail(context, status, "%s has %d tasks, which are divided as classes are: %s", path, count,
          why);
  return NULL;
}
