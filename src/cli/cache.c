/* --data with what is no dataset file: it is imported once into the user's cache and found there again. */
#include <errno.h>
#include <ftw.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli.h"
#include "import/importer.h"

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

/* As XDG has it: $XDG_CACHE_HOME where it is absolute, else .cache in the home that the environment or else the system's
 * list of users names. Without a home there is no cache: a folder that all share is nobody's. */
static char *cache_base(il_context *context) {
  const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  char *base = NULL;
  if (!home || *home != '/') {
    const struct passwd *user = getpwuid(getuid());
    home = user ? user->pw_dir : NULL;
  }
  if (cache && *cache == '/')
    base = strdup(cache);
  else if (!home || *home != '/')
    il_fail(context, IL_ERROR_FILE,
            "there is no folder to keep what is imported: HOME and XDG_CACHE_HOME are not set, and "
            "the system knows no home of user %ld; import with `innerloop data import` instead",
            (long)getuid());
  else if (asprintf(&base, "%s/.cache", home) < 0)
    base = NULL;
  if (!base && il_context_status(context) == IL_OK) il_fail_memory(context, "a path");
  return base;
}

/* What another user could have put there is not read. */
static bool is_ours(il_context *context, const char *path, mode_t kind) {
  struct stat info;
  if (lstat(path, &info) != 0) {
    il_fail(context, IL_ERROR_FILE, "%s: %s", path, strerror(errno));
    return false;
  }
  /* A group of one's own, as umask 002 supposes, is not another user. */
  const bool others =
      info.st_mode & S_IWOTH || (info.st_mode & S_IWGRP && info.st_gid != getegid());
  if ((info.st_mode & S_IFMT) == kind && info.st_uid == geteuid() && !others) return true;
  il_fail(context, IL_ERROR_FILE,
          "%s: expected a %s of user %ld that nobody else may write, found user %ld and mode %o; "
          "remove it, or import with `innerloop data import` instead",
          path, kind == S_IFDIR ? "folder" : "file", (long)geteuid(), (long)info.st_uid,
          (unsigned)(info.st_mode & 07777));
  return false;
}

static char *cache_folder(il_context *context) {
  char *base = cache_base(context), *folder = NULL;
  if (!base) return NULL;
  if (asprintf(&folder, "%s/innerloop", base) < 0) folder = NULL;
  bool good = folder && (mkdir(base, 0700) == 0 || errno == EEXIST) &&
              (mkdir(folder, 0700) == 0 || errno == EEXIST);
  if (folder && !good)
    il_fail(context, IL_ERROR_FILE,
            "%s: the folder cannot be made: %s; import with `innerloop data import` instead",
            folder, strerror(errno));
  if (good) good = is_ours(context, folder, S_IFDIR);
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
  if (il_import_looked(context, path) != IL_OK) {
    free(real);
    return NULL;
  }
  if (!kind) return real;
  char *folder = cache_folder(context);
  if (folder && asprintf(&file, "%s/%s-%016llx.safetensors", folder, kind,
                         (unsigned long long)fingerprint(real)) < 0)
    file = NULL;
  if (file && access(file, F_OK) == 0) {
    if (!is_ours(context, file, S_IFREG)) {
      free(file);
      file = NULL;
    }
  } else if (file) {
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
