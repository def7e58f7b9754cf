/* Atomic writing: a reader of `path` sees the old bytes or all of the new ones, also after a power cut.
 * The temporary file lies in the same folder, because rename is atomic only within a file system. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/io.h"

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

/* O_EXCL and a number instead of mkstemp: the file gets the permissions that the user's umask asks for. */
static int create_beside(const char *path, char *temporary, size_t size) {
  for (int attempt = 0; attempt < 1000; attempt++) {
    snprintf(temporary, size, "%s.tmp-%ld-%d", path, (long)getpid(), attempt);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 || errno != EEXIST) return fd;
  }
  return -1;
}

/* Some file systems cannot sync a folder (EINVAL); the file itself is complete there all the same. */
static int sync_folder(const char *path, char *folder) {
  strcpy(folder, path);
  char *slash = strrchr(folder, '/');
  if (!slash)
    strcpy(folder, ".");
  else if (slash == folder)
    strcpy(folder, "/");
  else
    *slash = 0;
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno == EACCES ? 0 : -1;
  int result = fsync(fd);
  if (result < 0 && (errno == EINVAL || errno == ENOTSUP)) result = 0;
  int error = errno;
  close(fd);
  errno = error;
  return result;
}

enum { BUFFER = 1 << 18 };

struct il_atomic_file {
  il_context *context;
  char *path, *temporary;
  int fd;
  size_t buffered;
  char buffer[BUFFER];
};

void il_atomic_abort(il_atomic_file *file) {
  if (!file) return;
  if (file->fd >= 0) {
    close(file->fd);
    unlink(file->temporary);
  }
  free(file->path);
  free(file->temporary);
  free(file);
}

il_atomic_file *il_atomic_begin(il_context *context, const char *path) {
  struct stat info;
  if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) {
    il_fail(context, IL_ERROR_FILE, "%s cannot be written: found %s, expected a file or nothing",
            path, S_ISDIR(info.st_mode) ? "a folder" : "something that is no regular file");
    return NULL;
  }
  const size_t size = strlen(path) + 64;
  il_atomic_file *file = calloc(1, sizeof *file);
  if (file) {
    file->fd = -1;
    file->path = strdup(path);
    file->temporary = malloc(size);
  }
  if (!file || !file->path || !file->temporary) {
    il_atomic_abort(file);
    il_fail_memory(context, "the name of a temporary file");
    return NULL;
  }
  file->context = context;
  file->fd = create_beside(path, file->temporary, size);
  if (file->fd >= 0) return file;
  il_fail(context, IL_ERROR_FILE, "%s cannot be written: %s", path, strerror(errno));
  il_atomic_abort(file);
  return NULL;
}

static il_status incomplete(il_atomic_file *file) {
  return il_fail(file->context, IL_ERROR_FILE,
                 "%s could not be written completely and was left as it was: %s", file->path,
                 strerror(errno));
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

il_status il_atomic_commit(il_atomic_file *file) {
  il_status status = flush(file);
  if (!status && fsync(file->fd) < 0) status = incomplete(file);
  if (!status) {
    const int fd = file->fd;
    file->fd = -1;
    if (close(fd) < 0 || rename(file->temporary, file->path) < 0) {
      status = incomplete(file);
      unlink(file->temporary);
    } else if (sync_folder(file->path, file->temporary) < 0) {
      status = il_fail(file->context, IL_ERROR_FILE,
                       "%s was written, but its folder could not be synced: %s", file->path,
                       strerror(errno));
    }
  }
  il_atomic_abort(file);
  return status;
}

il_status il_atomic_write(il_context *context, const char *path, int pieces,
                          const il_piece *piece) {
  il_atomic_file *file = il_atomic_begin(context, path);
  if (!file) return il_context_status(context);
  il_status status = IL_OK;
  for (int i = 0; i < pieces && !status; i++)
    status = il_atomic_append(file, piece[i].data, piece[i].size);
  if (!status) return il_atomic_commit(file);
  il_atomic_abort(file);
  return status;
}
