/* --data with what is no dataset file: it is imported once into the user's cache and found there again by its content. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/error.h"
#include "cli/cli.h"
#include "import/importer.h"
#include "io/io.h"

enum { FOLDERS_OPEN = 32 };

/* Of all files of a source; the walk has no argument of its own. Sums, as folders list their files in no order. */
static struct {
  size_t root;          /* bytes of the source's path */
  bool contents;        /* or what the system says about the files */
  uint64_t low, high;   /* the sum */
  struct timespec last; /* change of any file */
  unsigned char room[1 << 16];
} walk;

static void add_content(XXH3_state_t *state, const char *path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  ssize_t got = 0;
  while (fd >= 0 &&
         ((got = read(fd, walk.room, sizeof walk.room)) > 0 || (got < 0 && errno == EINTR)))
    if (got > 0) XXH3_128bits_update(state, walk.room, (size_t)got);
  if (fd < 0 || got < 0) XXH3_128bits_update(state, &errno, sizeof errno); /* its import says it */
  if (fd >= 0) close(fd);
}

static int add_file(const char *path, const struct stat *info, int type, struct FTW *where) {
  (void)where;
  if (type != FTW_F || !S_ISREG(info->st_mode)) return 0;
  XXH3_state_t *state = XXH3_createState();
  if (!state) return 1;
  XXH3_128bits_reset(state);
  XXH3_128bits_update(state, path + walk.root, strlen(path + walk.root) + 1);
  const struct timespec changed = info->st_ctim;
  if (changed.tv_sec > walk.last.tv_sec) walk.last = changed;
  /* Who writes into a file may set the time of that back, but not the time of changing it. */
  const int64_t about[] = {info->st_size,        info->st_mtim.tv_sec, info->st_mtim.tv_nsec,
                           changed.tv_sec,       changed.tv_nsec,      (int64_t)info->st_ino,
                           (int64_t)info->st_dev};
  if (walk.contents)
    add_content(state, path);
  else
    XXH3_128bits_update(state, about, sizeof about);
  const XXH128_hash_t sum = XXH3_128bits_digest(state);
  XXH3_freeState(state);
  walk.low += sum.low64;
  walk.high += sum.high64;
  return 0;
}

enum { SUM_SIZE = 33 };
/* The names and contents of all files of a source, or their names and what the system says about them, as text. */
static bool sum_files(il_context *context, const char *source, bool contents, char text[SUM_SIZE]) {
  walk.root = strlen(source);
  walk.contents = contents;
  walk.low = walk.high = 0;
  walk.last = (struct timespec){0};
  if (nftw(source, add_file, FOLDERS_OPEN, 0) != 0) {
    if (errno == ENOMEM)
      il_fail_memory(context, source);
    else
      il_fail(context, IL_ERROR_FILE, "%s: cannot be read: %s", source, strerror(errno));
    return false;
  }
  snprintf(text, SUM_SIZE, "%016llx%016llx", (unsigned long long)walk.high,
           (unsigned long long)walk.low);
  return true;
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

static uint64_t hash_of(const char *kind, const char *a, const char *b) {
  const char *parts[] = {kind, a, b, INNERLOOP_VERSION}; /* importers may change */
  uint64_t hash = 0;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    hash = XXH3_64bits_withSeed(parts[i], strlen(parts[i]) + 1, hash);
  return hash;
}

static char *path_in(il_context *context, const char *folder, const char *kind, uint64_t hash,
                     const char *ending) {
  char *path = NULL;
  if (asprintf(&path, "%s/%s-%016llx%s", folder, kind, (unsigned long long)hash, ending) >= 0)
    return path;
  il_fail_memory(context, "a path");
  return NULL;
}

/* The sum of a source's contents. A note in the cache says which it was, and for which state of its files; what was changed
 * within seconds of the note may have been changed after it as well, and is read again. */
static bool sum_contents(il_context *context, const char *source, const char *note,
                         char sum[SUM_SIZE]) {
  char state[SUM_SIZE], noted[SUM_SIZE], line[2 * SUM_SIZE + 32];
  long long at = 0;
  if (!sum_files(context, source, false, state)) return false;
  const time_t last = walk.last.tv_sec;
  FILE *file =
      access(note, F_OK) == 0 && is_ours(context, note, S_IFREG) ? fopen(note, "re") : NULL;
  if (il_context_status(context) != IL_OK) return false;
  const bool known = file && fscanf(file, "%32s %32s %lld", noted, sum, &at) == 3 &&
                     !strcmp(noted, state) && strlen(sum) == SUM_SIZE - 1 && last + 2 < at;
  if (file) fclose(file);
  if (known) return true;
  at = (long long)time(NULL);
  if (!sum_files(context, source, true, sum)) return false;
  const int length = snprintf(line, sizeof line, "%s %s %lld\n", state, sum, at);
  return il_atomic_write(context, note, 1, &(il_piece){line, (size_t)length}) == IL_OK;
}

char *resolve_data(il_context *context, const char *path) {
  char *real = realpath(path, NULL), *file = NULL, sum[SUM_SIZE];
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
  char *note =
      folder ? path_in(context, folder, kind, hash_of(kind, "place", real), ".source") : NULL;
  /* The last part of the path becomes part of the file. */
  if (note && sum_contents(context, real, note, sum))
    file =
        path_in(context, folder, kind, hash_of(kind, sum, strrchr(real, '/') + 1), ".safetensors");
  bool good = file != NULL;
  if (file && access(file, F_OK) == 0) {
    good = is_ours(context, file, S_IFREG);
  } else if (file) {
    fprintf(stderr, "importing %s once into %s\n", path, file);
    good =
        import_shown(context, real, file, (il_import_options){.kind = kind}, NULL, stderr) == IL_OK;
  }
  if (!good) {
    free(file);
    file = NULL;
  }
  free(note);
  free(folder);
  free(real);
  return file;
}
