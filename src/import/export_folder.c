/* Pictures as a folder of PNGs, one folder for each class. It is made under another name and gets its own when it is
 * complete. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "import/export.h"
#include "image/image.h"

enum { PART_MAX = 255, FOLDERS_OPEN = 32 };

typedef struct exporter {
  const il_dataset *d;
  il_context *context;
  const il_export_options *options;
  const char *out;
  char *folder; /* where it is made */
  int lock;     /* the same, open and locked as long as it is made; -1: not yet */
  char *path;   /* of one file */
} exporter;

static il_status system_error(exporter *e, const char *path, const char *what) {
  return il_fail(e->context, IL_ERROR_FILE, "%s cannot be %s: %s", path, what, strerror(errno));
}

/* As importing a folder reads it back: class or group/class, no part of which is hidden. */
static il_status check_name(exporter *e, const char *name) {
  const char *part = name;
  int parts = 0;
  bool good = true;
  for (;;) {
    const size_t length = strcspn(part, "/");
    good &= length > 0 && length <= PART_MAX && *part != '.' && ++parts <= 2;
    if (!part[length]) break;
    part += length + 1;
  }
  if (good) return IL_OK;
  return il_fail(e->context, IL_ERROR_DATA,
                 "%s: the class '%s' cannot be a folder, expected class or group/class, names of 1 "
                 "to %d bytes that begin with no point; .npz takes any name",
                 e->out, name, (int)PART_MAX);
}

/* A class "a" beside classes "a/b" would be a folder and a group at once. */
static il_status check_names(exporter *e) {
  const il_dataset *d = e->d;
  for (int c = 0; c < d->classes; c++) {
    const char *slash = strchr(d->name[c], '/');
    char group[PART_MAX + 1] = "";
    if (check_name(e, d->name[c])) return il_context_status(e->context);
    if (slash) memcpy(group, d->name[c], (size_t)(slash - d->name[c]));
    if (slash && il_dataset_find(d, group) >= 0)
      return il_fail(e->context, IL_ERROR_DATA,
                     "%s: '%s' is a class and the group of '%s', and cannot be both as a folder; "
                     ".npz takes any name",
                     e->out, group, d->name[c]);
  }
  return IL_OK;
}

static il_status check(exporter *e) {
  const il_dataset *d = e->d;
  const il_shape s = d->example;
  if (d->type != IL_UINT8 || s.rank != 3 || (s.dim[2] != 1 && s.dim[2] != 3))
    return il_fail(e->context, IL_ERROR_DATA,
                   "%s: only images of bytes, grey or of 3 channels, become a folder of PNGs; "
                   "others are exported to .npz or .safetensors",
                   e->out);
  DIR *there = opendir(e->out);
  if (!there && errno != ENOENT) return system_error(e, e->out, "written");
  bool empty = true;
  for (struct dirent *entry; there && empty && (entry = readdir(there));)
    empty = !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
  if (there) closedir(there);
  if (!empty)
    return il_fail(e->context, IL_ERROR_FILE,
                   "%s is a folder that is not empty, expected a new one", e->out);
  return check_names(e);
}

static il_status make_folder(exporter *e, const char *path) {
  return mkdir(path, 0777) == 0 || errno == EEXIST ? IL_OK : system_error(e, path, "made");
}

static il_status make_class(exporter *e, int cls) {
  const char *name = e->d->name[cls], *slash = strchr(name, '/');
  char *path = NULL;
  il_status status = IL_OK;
  if (slash) {
    if (asprintf(&path, "%s/%.*s", e->folder, (int)(slash - name), name) < 0)
      return il_fail_memory(e->context, "a path");
    status = make_folder(e, path);
    free(path);
  }
  if (!status && asprintf(&path, "%s/%s", e->folder, name) < 0)
    return il_fail_memory(e->context, "a path");
  if (!status) {
    status = make_folder(e, path);
    free(path);
  }
  return status;
}

static il_status write_picture(exporter *e, int cls, int example) {
  const il_shape s = e->d->example;
  void *bytes;
  size_t size = 0;
  free(e->path);
  e->path = NULL;
  /* So many digits that the order of the names is that of the examples. */
  if (asprintf(&e->path, "%s/%s/%06d.png", e->folder, e->d->name[cls], example) < 0) {
    e->path = NULL;
    return il_fail_memory(e->context, "a path");
  }
  il_status status = il_png_encode(e->context, e->path, (int)s.dim[0], (int)s.dim[1], (int)s.dim[2],
                                   il_dataset_example(e->d, cls, example), &bytes, &size);
  if (status) return status;
  FILE *file = fopen(e->path, "wbxe");
  if (!file) {
    status = system_error(e, e->path, "written");
  } else {
    const bool wrote = fwrite(bytes, 1, size, file) == size;
    if (fclose(file) != 0 || !wrote) status = system_error(e, e->path, "written");
  }
  free(bytes);
  return status;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where) {
  (void)info;
  (void)type;
  (void)where;
  return remove(path);
}

static int remove_all(const char *folder) {
  return nftw(folder, remove_one, FOLDERS_OPEN, FTW_DEPTH | FTW_PHYS);
}

/* The folder that holds `out`; malloc'ed. */
static char *above(const exporter *e, const char **name) {
  const char *slash = strrchr(e->folder, '/');
  *name = slash ? slash + 1 : e->folder;
  return slash == e->folder ? strdup("/")
         : slash            ? strndup(e->folder, (size_t)(slash - e->folder))
                            : strdup(".");
}

/* Removes what exports to the same place that were killed have left: nobody holds it. */
static void clean(const exporter *e) {
  const char *name;
  char *folder = above(e, &name), *path = NULL;
  DIR *list = folder ? opendir(folder) : NULL;
  const size_t same = (size_t)(strrchr(name, '-') + 1 - name);
  for (const struct dirent *entry; list && (entry = readdir(list));) {
    const char *rest = entry->d_name + same;
    if (strncmp(entry->d_name, name, same) != 0 || !*rest || rest[strspn(rest, "0123456789")])
      continue;
    if (asprintf(&path, "%s/%s", folder, entry->d_name) < 0) break;
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) remove_all(path);
    if (fd >= 0) close(fd);
    free(path);
  }
  if (list) closedir(list);
  free(folder);
}

/* Again, where another export has taken it for an old one before it was locked. */
static il_status begin(exporter *e) {
  struct stat named, open_one;
  clean(e);
  for (int attempt = 0; attempt < 100; attempt++) {
    if (mkdir(e->folder, 0777) != 0) break;
    e->lock = open(e->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (e->lock >= 0 && (flock(e->lock, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) &&
        stat(e->folder, &named) == 0 && fstat(e->lock, &open_one) == 0 &&
        named.st_ino == open_one.st_ino)
      return IL_OK;
    const int error = errno;
    if (e->lock >= 0) close(e->lock);
    e->lock = -1;
    rmdir(e->folder);
    errno = error;
    if (error != ENOENT && error != EWOULDBLOCK) break;
  }
  return system_error(e, e->folder, "made");
}

static il_status write_all(exporter *e) {
  const il_export_options *o = e->options;
  const int64_t all = e->d->start[e->d->classes];
  int64_t done = 0;
  for (int c = 0; c < e->d->classes; c++) {
    if (make_class(e, c)) return il_context_status(e->context);
    for (int i = 0; i < il_dataset_examples(e->d, c); i++) {
      if (write_picture(e, c, i)) return il_context_status(e->context);
      if (o->progress) o->progress(o->user, ++done, all);
      if (o->stop && *o->stop)
        return il_fail(e->context, IL_ERROR_INTERRUPTED,
                       "stopped before the export was complete; nothing was written");
    }
  }
  return IL_OK;
}

/* All files reach the disk before the folder gets its name, and the name before anybody is told. */
static il_status put_in_place(exporter *e) {
  if (syncfs(e->lock) < 0 && errno != EINVAL && errno != ENOSYS)
    return system_error(e, e->folder, "synced");
  const char *name;
  char *folder = above(e, &name);
  if (!folder) return il_fail_memory(e->context, "a path");
  const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  free(folder);
  if (fd < 0 || rename(e->folder, e->out) != 0) {
    const il_status status = system_error(e, e->out, "written");
    if (fd >= 0) close(fd);
    return status;
  }
  il_status status = IL_OK;
  if (fsync(fd) < 0 && errno != EINVAL && errno != ENOTSUP)
    status =
        il_fail(e->context, IL_ERROR_FILE, "%s was written, but its folder could not be synced: %s",
                e->out, strerror(errno));
  close(fd);
  return status;
}

il_status il_export_folder(const il_dataset *dataset, const char *out,
                           const il_export_options *options) {
  exporter e = {
      .d = dataset, .context = dataset->context, .options = options, .out = out, .lock = -1};
  size_t length = strlen(out);
  while (length > 1 && out[length - 1] == '/') length--;
  if (check(&e)) return il_context_status(e.context);
  if (asprintf(&e.folder, "%.*s.tmp-%ld", (int)length, out, (long)getpid()) < 0)
    return il_fail_memory(e.context, "a path");
  il_status status = begin(&e);
  if (!status) status = write_all(&e);
  if (!status) status = put_in_place(&e);
  if (status && e.lock >= 0) remove_all(e.folder);
  if (e.lock >= 0) close(e.lock);
  free(e.folder);
  free(e.path);
  return status;
}
