/* Files of the best learners (see kept.h). They are removed only when a checkpoint has been written that does not name them,
 * so that those that it names are there whenever a run is cut off. */
#include "train/kept.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "io/io.h"
#include "train/checkpoint.h"

char *il_kept_path(il_context *context, const char *folder, int64_t step) {
  char name[64];
  snprintf(name, sizeof name, "best-%lld.safetensors", (long long)step);
  return il_run_path(context, folder, name);
}

static bool named(const il_patience *p, int64_t step) {
  for (int i = 0; i < p->kept; i++)
    if (p->kept_step[i] == step) return true;
  return false;
}

il_status il_kept_clean(il_context *context, const char *folder, const il_patience *p) {
  DIR *dir = opendir(folder);
  if (!dir)
    return il_fail(context, IL_ERROR_FILE, "%s: cannot be read: %s", folder, strerror(errno));
  il_status status = IL_OK;
  for (struct dirent *e; (e = readdir(dir)) && status == IL_OK;) {
    long long step;
    int end = 0;
    if (sscanf(e->d_name, "best-%lld.safetensors%n", &step, &end) != 1 || !end || e->d_name[end] ||
        named(p, step))
      continue;
    char *path = il_run_path(context, folder, e->d_name);
    if (!path)
      status = IL_ERROR_MEMORY;
    else if (unlink(path) != 0 && errno != ENOENT)
      status = il_fail(context, IL_ERROR_FILE, "%s: cannot be removed: %s", path, strerror(errno));
    free(path);
  }
  closedir(dir);
  return status;
}

il_status il_kept_steps(il_context *context, const char *path, int count, int64_t *step) {
  il_safetensors *file = il_safetensors_open(context, path);
  if (!file) return il_context_status(context);
  const char *text = il_safetensors_metadata(file, "best");
  il_patience p = {0};
  if (!text)
    il_fail(context, IL_ERROR_DATA,
            "%s: its run has kept no best learners; expected one trained with checkpoint.best=%d",
            path, count);
  else if (!il_patience_read_best(&p, text))
    il_fail(context, IL_ERROR_FORMAT,
            "%s: metadata \"best\" is \"%.60s\", expected such as \"4000 0.94,3500 0.93\"", path,
            text);
  else if (p.kept < count)
    il_fail(context, IL_ERROR_DATA, "%s: its run has kept %d best learners, but %d are asked for",
            path, p.kept, count);
  else
    memcpy(step, p.kept_step, (size_t)count * sizeof *step);
  il_safetensors_close(file);
  return il_context_status(context);
}
