/* A run's learner as one file: its checkpoint without what only going on with training needs. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "adapt/adapted.h"
#include "base/error.h"
#include "io/io.h"
#include "train/checkpoint.h"

char *il_learner_path(il_context *context, const char *run) {
  struct stat info;
  if (stat(run, &info) == 0 && S_ISREG(info.st_mode)) {
    char *path = strdup(run);
    if (!path) il_fail_memory(context, "a path");
    return path;
  }
  char *path = il_run_path(context, run, "checkpoint.safetensors");
  if (!path || stat(path, &info) == 0) return path;
  il_fail(
      context, IL_ERROR_FILE,
      "%s: there is no run; expected a folder that `innerloop train --out` has made, or the file "
      "of a learner",
      run);
  free(path);
  return NULL;
}

static il_status export(il_context *context, const char *path, const il_safetensors *file,
                        const char *out) {
  static const char *const keys[] = {"algorithm",       "answers", "config", "dataset", "deviation",
                                     "example",         "format",  "inputs", "learner", "mean",
                                     "norm_statistics", "outputs", "scale",  "seed",    "step"};
  enum { KEYS = sizeof keys / sizeof *keys };
  il_pair pair[KEYS];
  int pairs = 0, count = 0;
  if (!il_safetensors_metadata(file, "learner"))
    return il_fail(context, IL_ERROR_FORMAT,
                   "%s: does not say how its learner adapts; an earlier version of innerloop wrote "
                   "it: resume the run for a step",
                   path);
  for (int i = 0; i < KEYS; i++) {
    const char *value = il_safetensors_metadata(file, keys[i]);
    if (value) pair[pairs++] = (il_pair){keys[i], value};
  }
  const int all = il_safetensors_count(file);
  il_tensor *tensor = calloc((size_t)all + 1, sizeof *tensor);
  if (!tensor) return il_fail_memory(context, "a learner's file");
  for (int i = 0; i < all; i++)
    if (strncmp(il_safetensors_at(file, i)->name, "outer/", 6))
      tensor[count++] = *il_safetensors_at(file, i);
  const il_status status = il_safetensors_write(context, out, count, tensor, pairs, pair);
  free(tensor);
  return status;
}

il_status il_learner_export(il_context *context, const char *run, const char *out) {
  char *path = il_learner_path(context, run);
  il_safetensors *file = path ? il_safetensors_open(context, path) : NULL;
  if (file) export(context, path, file, out);
  il_safetensors_close(file);
  free(path);
  return il_context_status(context);
}
