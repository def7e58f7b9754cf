/* --data with a folder: Omniglot is imported once into the user's cache and found there again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli.h"

/* What tells one folder's content from another's: its place, and sizes and times of the archives. */
static uint64_t fingerprint(const char *folder) {
  static const char *const parts[] = {"images_background.zip", "images_evaluation.zip",
                                      "images_background", "images_evaluation"};
  uint64_t hash = 14695981039346656037u;
  for (const char *p = folder; *p; p++) hash = (hash ^ (unsigned char)*p) * 1099511628211u;
  for (size_t i = 0; i < 4; i++) {
    char *path = NULL;
    struct stat info;
    if (asprintf(&path, "%s/%s", folder, parts[i]) < 0) return hash;
    if (stat(path, &info) == 0) {
      hash = (hash ^ (uint64_t)info.st_size) * 1099511628211u;
      hash = (hash ^ (uint64_t)info.st_mtime) * 1099511628211u;
    }
    free(path);
  }
  return hash;
}

static char *cache_folder(il_context *context) {
  const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  char *base = NULL, *folder = NULL;
  if ((cache && *cache ? asprintf(&base, "%s", cache)
                       : asprintf(&base, "%s/.cache", home && *home ? home : "/tmp")) < 0)
    return NULL;
  if (asprintf(&folder, "%s/innerloop", base) < 0) folder = NULL;
  bool good = folder && (mkdir(base, 0777) == 0 || errno == EEXIST) &&
              (mkdir(folder, 0777) == 0 || errno == EEXIST);
  if (folder && !good)
    il_fail(context, IL_ERROR_FILE,
            "%s: the folder cannot be made: %s; import with `innerloop data import` instead",
            folder, strerror(errno));
  free(base);
  if (good) return folder;
  free(folder);
  return NULL;
}

char *resolve_data(il_context *context, const char *path) {
  struct stat info;
  char *file = NULL;
  if (stat(path, &info) != 0) {
    il_fail(context, IL_ERROR_FILE, "%s: %s", path, strerror(errno));
    return NULL;
  }
  char *real = realpath(path, NULL);
  if (!real) {
    il_fail(context, IL_ERROR_FILE, "%s: %s", path, strerror(errno));
    return NULL;
  }
  if (!S_ISDIR(info.st_mode)) return real;
  char *folder = cache_folder(context);
  if (folder && asprintf(&file, "%s/omniglot-28-%016llx.safetensors", folder,
                         (unsigned long long)fingerprint(real)) < 0)
    file = NULL;
  if (file && access(file, R_OK) != 0) {
    fprintf(stderr, "importing %s once into %s\n", path, file);
    il_import_report report;
    const il_status status = il_import(context, real, file, &(il_import_options){0}, &report);
    il_import_report_free(&report);
    if (status != IL_OK) {
      free(file);
      file = NULL;
    }
  }
  if (!file && il_context_status(context) == IL_OK)
    il_fail(context, IL_ERROR_MEMORY, "out of memory for a path");
  free(folder);
  free(real);
  return file;
}
