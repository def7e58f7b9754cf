/* --data with what is no dataset file: it is imported once into the user's cache and found there again. */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli.h"

enum { FOLDERS_OPEN = 32 };

/* FNV-1a; the walk has no argument of its own. */
static uint64_t hash;
static void add(const void *bytes, size_t size) {
  for (size_t i = 0; i < size; i++)
    hash = (hash ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
}

static int add_file(const char *path, const struct stat *info, int type, struct FTW *where) {
  (void)where;
  if (type != FTW_F && type != FTW_SL) return 0;
  const int64_t about[] = {info->st_size, info->st_mtim.tv_sec, info->st_mtim.tv_nsec};
  uint64_t before = hash;
  hash = 14695981039346656037u;
  add(path, strlen(path) + 1);
  add(about, sizeof about);
  hash += before; /* a sum, as folders list their files in no order */
  return 0;
}

/* What tells one source's content from another's: its place, and names, sizes and times of all files. */
static uint64_t fingerprint(const char *source) {
  hash = 0;
  nftw(source, add_file, FOLDERS_OPEN, FTW_PHYS);
  const uint64_t files = hash;
  hash = 14695981039346656037u;
  add(&files, sizeof files);
  add(source, strlen(source) + 1);
  add(INNERLOOP_VERSION, sizeof INNERLOOP_VERSION); /* importers may change */
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
  char *real = realpath(path, NULL), *file = NULL;
  if (!real) {
    il_fail(context, IL_ERROR_FILE, "%s: %s", path, strerror(errno));
    return NULL;
  }
  const char *kind = il_import_kind_of(real);
  if (!kind) return real;
  char *folder = cache_folder(context);
  if (folder && asprintf(&file, "%s/%s-%016llx.safetensors", folder, kind,
                         (unsigned long long)fingerprint(real)) < 0)
    file = NULL;
  if (file && access(file, R_OK) != 0) {
    fprintf(stderr, "importing %s once into %s\n", path, file);
    if (import_shown(context, real, file, (il_import_options){.kind = kind}, NULL, stderr) !=
        IL_OK) {
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
