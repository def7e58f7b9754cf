/* Folders, made with those above them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/io.h"

/* The name of a folder reaches the disk, or what is synced in it would be lost with it. Folders that cannot be opened or
 * synced are left to the system. */
static int sync_above(const char *path) {
  const char *slash = strrchr(path, '/');
  char *above = slash == path ? strdup("/")
                : slash       ? strndup(path, (size_t)(slash - path))
                              : strdup(".");
  const int fd = above ? open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  free(above);
  if (fd < 0) return 0;
  const int result = fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP ? 0 : -1;
  const int error = errno;
  close(fd);
  errno = error;
  return result;
}

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
    const bool made = mkdir(copy, 0777) == 0;
    /* The last one may be there, and not be synced, after a kill. */
    if ((!made && errno != EEXIST) || ((made || !kept) && sync_above(copy) != 0))
      status = il_fail(context, IL_ERROR_FILE, "%s: the folder cannot be made: %s", copy,
                       strerror(errno));
    *at = kept;
    if (!kept) break;
  }
  free(copy);
  return status;
}
