/* Folders, made with those above them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/io.h"

il_status il_folder_make(il_context *context, const char *path) {
  if (!*path)
    return il_fail(context, IL_ERROR_ARGUMENT, "a folder has an empty name; expected a path");
  char *copy = strdup(path);
  if (!copy) return il_fail_memory(context, "a path");
  il_status status = IL_OK;
  for (char *at = copy + 1; status == IL_OK; at++) {
    if (*at != '/' && *at != 0) continue;
    char kept = *at;
    *at = 0;
    if (mkdir(copy, 0777) != 0 && errno != EEXIST)
      status = il_fail(context, IL_ERROR_FILE, "%s: the folder cannot be made: %s", copy,
                       strerror(errno));
    *at = kept;
    if (!kept) break;
  }
  free(copy);
  return status;
}
