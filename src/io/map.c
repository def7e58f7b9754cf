/* Files in memory: mapped for reading, private. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/io.h"

/* mmap refuses 0 bytes; an empty file still has a place. */
static const unsigned char nothing[1];

const unsigned char *il_map_file(il_context *context, const char *path, size_t *size) {
  *size = 0;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe would wait to be written */
  if (fd < 0) {
    il_fail(context, IL_ERROR_FILE, "%s cannot be opened: %s", path, strerror(errno));
    return NULL;
  }
  struct stat info;
  const unsigned char *map = NULL;
  if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode)) {
    il_fail(context, IL_ERROR_FILE, "%s is not a regular file", path);
  } else if (info.st_size == 0) {
    map = nothing;
  } else {
    void *found = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (found == MAP_FAILED) {
      il_fail(context, IL_ERROR_FILE, "%s cannot be mapped: %s", path, strerror(errno));
    } else {
      map = found;
      *size = (size_t)info.st_size;
    }
  }
  close(fd);
  return map;
}

void il_unmap_file(const unsigned char *map, size_t size) {
  if (map && map != nothing) munmap((void *)(uintptr_t)map, size);
}
