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

il_status il_atomic_write(il_context *context, const char *path, int pieces,
                          const il_piece *piece) {
  struct stat info;
  if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
    return il_fail(context, IL_ERROR_FILE,
                   "%s cannot be written: found %s, expected a file or nothing", path,
                   S_ISDIR(info.st_mode) ? "a folder" : "something that is no regular file");
  size_t size = strlen(path) + 64;
  char *temporary = malloc(size);
  if (!temporary) return il_fail_memory(context, "the name of a temporary file");
  int fd = create_beside(path, temporary, size);
  if (fd < 0) {
    il_fail(context, IL_ERROR_FILE, "%s cannot be written: %s", path, strerror(errno));
    free(temporary);
    return IL_ERROR_FILE;
  }
  int failed = 0;
  for (int i = 0; i < pieces && !failed; i++)
    failed = write_all(fd, piece[i].data, piece[i].size) < 0;
  if (!failed) failed = fsync(fd) < 0;
  int error = errno;
  if (close(fd) < 0 && !failed) {
    failed = 1;
    error = errno;
  }
  if (!failed && rename(temporary, path) < 0) {
    failed = 1;
    error = errno;
  }
  if (failed) {
    unlink(temporary);
    il_fail(context, IL_ERROR_FILE, "%s could not be written completely and was left as it was: %s",
            path, strerror(error));
  } else if (sync_folder(path, temporary) < 0) {
    failed = 1;
    il_fail(context, IL_ERROR_FILE, "%s was written, but its folder could not be synced: %s", path,
            strerror(errno));
  }
  free(temporary);
  return failed ? IL_ERROR_FILE : IL_OK;
}
