/* Atomic writing: a reader of `path` sees the old bytes or all of the new ones, also after a power cut.
 * The new bytes are made without a name in the same folder (where the file system can), because rename is atomic only
 * within one; a killed writer then leaves nothing behind. Symbolic links are followed, modes are kept. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/io.h"

enum { BUFFER = 1 << 18, LINKS_MOST = 40 };
#define TEMPORARY ".innerloop-tmp-"

struct il_atomic_file {
  il_context *context;
  char *path;       /* as it was given, for sentences */
  char *target;     /* the regular file that it names, links followed; NULL: `direct` */
  const char *name; /* of the target in its folder */
  int folder, fd;   /* −1: not open; the new bytes go to fd */
  int direct; /* −1, or what the complete bytes are copied to: a pipe, a device, a file with more names */
  char temporary[64]; /* the name of fd in the folder; empty: it has none */
  struct stat old;    /* of the target, where it exists */
  bool exists;
  size_t buffered;
  char buffer[BUFFER];
};

static int write_all(int fd, const void *data, size_t size) {
  const char *at = data;
  while (size > 0) {
    ssize_t wrote = write(fd, at, size);
    if (wrote < 0) {
      if (errno == EINTR) continue;
      return -1;
    }
    at += wrote;
    size -= (size_t)wrote;
  }
  return 0;
}

/* All of `from`, through the buffer, which is empty by then. */
static int copy_all(il_atomic_file *file, int from, int to) {
  if (lseek(from, 0, SEEK_SET) < 0) return -1;
  for (;;) {
    const ssize_t got = read(from, file->buffer, BUFFER);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return (int)got;
    if (write_all(to, file->buffer, (size_t)got) < 0) return -1;
  }
}

/* Where a chain of symbolic links whose end does not exist leads to; malloc'ed, NULL with errno. */
static char *follow(const char *path) {
  char *at = strdup(path);
  for (int links = 0; at; links++) {
    struct stat info;
    if (lstat(at, &info) < 0) {
      if (errno == ENOENT) return at;
      break;
    }
    if (!S_ISLNK(info.st_mode)) return at;
    if (links == LINKS_MOST) {
      errno = ELOOP;
      break;
    }
    char *names = malloc((size_t)PATH_MAX + 1), *next = NULL;
    const ssize_t length = names ? readlink(at, names, PATH_MAX) : -1;
    if (length >= 0) {
      names[length] = 0;
      const char *slash = *names == '/' ? NULL : strrchr(at, '/');
      if (asprintf(&next, "%.*s%s", slash ? (int)(slash + 1 - at) : 0, at, names) < 0) next = NULL;
    }
    const int error = errno;
    free(names);
    free(at);
    errno = error;
    at = next;
  }
  const int error = errno;
  free(at);
  errno = error;
  return NULL;
}

/* Standard output or error, where the path names one of them (as /dev/stdout does), duplicated; else −1. */
static int standard(const struct stat *info) {
  for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
    struct stat open;
    if (fstat(fd, &open) == 0 && open.st_dev == info->st_dev && open.st_ino == info->st_ino)
      return fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  }
  return -1;
}

/* Removes temporary files that nobody holds. */
static void clean(int folder) {
  const int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *files = again < 0 ? NULL : fdopendir(again);
  if (!files && again >= 0) close(again);
  for (struct dirent *entry; files && (entry = readdir(files));) {
    if (strncmp(entry->d_name, TEMPORARY, sizeof TEMPORARY - 1) != 0) continue;
    const int fd = openat(folder, entry->d_name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) continue;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) unlinkat(folder, entry->d_name, 0);
    close(fd);
  }
  if (files) closedir(files);
}

/* Whether nobody has taken fd's temporary name away while it was made. */
static bool still_there(const il_atomic_file *file) {
  struct stat named, open;
  return fstatat(file->folder, file->temporary, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
         fstat(file->fd, &open) == 0 && named.st_ino == open.st_ino && named.st_dev == open.st_dev;
}

/* O_EXCL and a number instead of mkstemp: the file gets the permissions that the user's umask asks for. Short, so that
 * any name of the target's leaves room. Locked as long as it is in use: il_atomic_clean knows by that. */
static int create_named(il_atomic_file *file) {
  for (int attempt = 0; attempt < 1000; attempt++) {
    snprintf(file->temporary, sizeof file->temporary, TEMPORARY "%ld-%d", (long)getpid(), attempt);
    file->fd = openat(file->folder, file->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file->fd >= 0) {
      flock(file->fd, LOCK_EX | LOCK_NB); /* without locks nothing is cleaned either */
      if (file->exists) fchmod(file->fd, file->old.st_mode & 0777); /* secret from the start */
      if (still_there(file)) return 0;
      close(file->fd);
      file->fd = -1;
    } else if (errno != EEXIST) {
      break;
    }
  }
  *file->temporary = 0;
  return -1;
}

/* Gives bytes without a name a temporary one, from which rename can replace the target. Who is killed between the two leaves
 * it, and so what others have left is removed first. */
static int name_it(il_atomic_file *file) {
  char self[64];
  clean(file->folder);
  snprintf(self, sizeof self, "/proc/self/fd/%d", file->fd);
  flock(file->fd, LOCK_EX | LOCK_NB);
  for (int attempt = 0; attempt < 1000; attempt++) {
    snprintf(file->temporary, sizeof file->temporary, TEMPORARY "%ld-%d", (long)getpid(), attempt);
    if (linkat(AT_FDCWD, self, file->folder, file->temporary, AT_SYMLINK_FOLLOW) == 0) return 0;
    if (errno != EEXIST) break;
  }
  /* Some file systems make files without a name, but never name them. */
  const int nameless = file->fd;
  int result = create_named(file);
  if (result == 0) result = copy_all(file, nameless, file->fd);
  if (result == 0) result = fsync(file->fd);
  close(nameless);
  return result;
}

/* Where bytes need a name from the start, what writers that were killed have left is removed first. */
static int create(il_atomic_file *file) {
  if (access("/proc/self/fd", X_OK) == 0)
    file->fd = openat(file->folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
  if (file->fd >= 0) return 0;
  clean(file->folder);
  return create_named(file);
}

/* Mode and, where this user may give it away, owner are those of the file that is replaced. */
static int keep_mode(const il_atomic_file *file) {
  struct stat now;
  if (fstat(file->fd, &now) < 0) return -1;
  if ((now.st_uid != file->old.st_uid || now.st_gid != file->old.st_gid) &&
      fchown(file->fd, file->old.st_uid, file->old.st_gid) < 0 && now.st_gid != file->old.st_gid &&
      fchown(file->fd, (uid_t)-1, file->old.st_gid) < 0)
    return fchmod(file->fd, file->old.st_mode & 0707); /* another group gets no more than it had */
  return fchmod(file->fd, file->old.st_mode & 0777);
}

static int open_folder(il_atomic_file *file) {
  char *slash = strrchr(file->target, '/');
  file->name = slash ? slash + 1 : file->target;
  if (!slash) {
    file->folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  } else {
    const char kept = slash[1];
    slash[1] = 0;
    file->folder = open(file->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    slash[1] = kept;
  }
  return file->folder < 0 ? -1 : 0;
}

/* 0, or −1 with errno. */
static int open_target(il_atomic_file *file, bool keep_links) {
  file->exists = stat(file->path, &file->old) == 0;
  if (!file->exists && errno != ENOENT) return -1;
  if (file->exists) {
    file->direct = standard(&file->old);
    /* No regular file, or one without a name, which nothing can be renamed to. */
    const bool through = !S_ISREG(file->old.st_mode) || file->old.st_nlink == 0;
    if (file->direct < 0 && through) {
      const int cut = S_ISREG(file->old.st_mode) ? O_TRUNC : 0;
      file->direct = open(file->path, O_WRONLY | O_CLOEXEC | O_NOCTTY | cut);
    }
    if (file->direct < 0 && through) return -1;
    if (file->direct >= 0) {
      file->fd = memfd_create("innerloop", MFD_CLOEXEC);
      return file->fd < 0 ? -1 : 0;
    }
  }
  file->target = file->exists ? realpath(file->path, NULL) : follow(file->path);
  if (!file->target || open_folder(file) < 0) return -1;
  if (!*file->name) {
    errno = EISDIR;
    return -1;
  }
  if (file->exists && keep_links && file->old.st_nlink > 1) {
    file->direct = open(file->target, O_WRONLY | O_CLOEXEC);
    if (file->direct < 0) return -1;
  }
  return create(file);
}

void il_atomic_abort(il_atomic_file *file) {
  if (!file) return;
  if (*file->temporary) unlinkat(file->folder, file->temporary, 0);
  if (file->fd >= 0) close(file->fd);
  if (file->direct >= 0) close(file->direct);
  if (file->folder >= 0) close(file->folder);
  free(file->target);
  free(file->path);
  free(file);
}

il_atomic_file *il_atomic_begin(il_context *context, const char *path, bool keep_links) {
  struct stat info;
  if (!*path) {
    il_fail(context, IL_ERROR_FILE, "a file to write has an empty name; expected a path");
    return NULL;
  }
  if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
    il_fail(context, IL_ERROR_FILE, "%s cannot be written: found a folder, expected a file", path);
    return NULL;
  }
  il_atomic_file *file = malloc(sizeof *file);
  char *copy = strdup(path);
  if (!file || !copy) {
    free(file);
    free(copy);
    il_fail_memory(context, "the name of a temporary file");
    return NULL;
  }
  file->context = context;
  file->path = copy;
  file->target = NULL;
  file->folder = file->fd = file->direct = -1;
  *file->temporary = 0;
  file->buffered = 0;
  if (open_target(file, keep_links) == 0) return file;
  if (errno == ENOMEM)
    il_fail_memory(context, "the name of a temporary file");
  else
    il_fail(context, IL_ERROR_FILE, "%s cannot be written: %s", path, strerror(errno));
  il_atomic_abort(file);
  return NULL;
}

static il_status incomplete(il_atomic_file *file) {
  return il_fail(file->context, IL_ERROR_FILE, "%s could not be written completely%s: %s",
                 file->path, file->direct < 0 ? " and was left as it was" : "", strerror(errno));
}

static il_status flush(il_atomic_file *file) {
  const size_t size = file->buffered;
  file->buffered = 0;
  return write_all(file->fd, file->buffer, size) < 0 ? incomplete(file) : IL_OK;
}

il_status il_atomic_append(il_atomic_file *file, const void *data, size_t size) {
  if (size > BUFFER - file->buffered && flush(file) != IL_OK) return IL_ERROR_FILE;
  if (size > BUFFER) return write_all(file->fd, data, size) < 0 ? incomplete(file) : IL_OK;
  memcpy(file->buffer + file->buffered, data, size);
  file->buffered += size;
  return IL_OK;
}

il_status il_atomic_seek(il_atomic_file *file, uint64_t offset) {
  if (flush(file) != IL_OK) return IL_ERROR_FILE;
  return lseek(file->fd, (off_t)offset, SEEK_SET) < 0 ? incomplete(file) : IL_OK;
}

/* The complete bytes to where they cannot be renamed to. */
static int put_through(il_atomic_file *file) {
  if (file->target && ftruncate(file->direct, 0) < 0) return -1;
  if (copy_all(file, file->fd, file->direct) < 0) return -1;
  return file->target ? fsync(file->direct) : 0;
}

static int put_in_place(il_atomic_file *file) {
  if (file->exists && keep_mode(file) < 0) return -1;
  if (fsync(file->fd) < 0) return -1;
  if (!*file->temporary && name_it(file) < 0) return -1;
  if (file->exists && keep_mode(file) < 0) return -1; /* where name_it had to copy */
  if (renameat(file->folder, file->temporary, file->folder, file->name) < 0) return -1;
  *file->temporary = 0;
  return 0;
}

il_status il_atomic_commit(il_atomic_file *file) {
  il_status status = flush(file);
  if (!status && (file->direct >= 0 ? put_through(file) : put_in_place(file)) < 0)
    status = incomplete(file);
  /* Some file systems cannot sync a folder (EINVAL); the file itself is complete there all the same. */
  if (!status && file->direct < 0 && fsync(file->folder) < 0 && errno != EINVAL && errno != ENOTSUP)
    status = il_fail(file->context, IL_ERROR_FILE,
                     "%s was written, but its folder could not be synced: %s", file->path,
                     strerror(errno));
  il_atomic_abort(file);
  return status;
}

static il_status write_pieces(il_context *context, const char *path, int pieces,
                              const il_piece *piece, bool keep_links) {
  il_atomic_file *file = il_atomic_begin(context, path, keep_links);
  if (!file) return il_context_status(context);
  il_status status = IL_OK;
  for (int i = 0; i < pieces && !status; i++)
    status = il_atomic_append(file, piece[i].data, piece[i].size);
  if (!status) return il_atomic_commit(file);
  il_atomic_abort(file);
  return status;
}

il_status il_atomic_write(il_context *context, const char *path, int pieces,
                          const il_piece *piece) {
  return write_pieces(context, path, pieces, piece, true);
}

il_status il_atomic_replace(il_context *context, const char *path, int pieces,
                            const il_piece *piece) {
  return write_pieces(context, path, pieces, piece, false);
}

void il_atomic_clean(const char *folder) {
  const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  clean(fd);
  close(fd);
}
