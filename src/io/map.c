/* Files in memory: mapped for reading, private. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/io.h"

/* What is mapped, for il_map_named: read in a signal handler, so that it takes no lock. Who finds no room is not listed. */
enum { LISTED = 64, NAME_SIZE = 512 };
static struct listed {
  atomic_bool taken;
  _Atomic(const unsigned char *) at; /* NULL: not yet, or no more */
  size_t size;
  char path[NAME_SIZE];
} listed[LISTED];

static void list(const unsigned char *map, size_t size, const char *path) {
  for (int i = 0; i < LISTED; i++) {
    if (atomic_exchange(&listed[i].taken, true)) continue;
    listed[i].size = size;
    snprintf(listed[i].path, NAME_SIZE, "%s", path);
    atomic_store(&listed[i].at, map);
    return;
  }
}

static void unlist(const unsigned char *map) {
  for (int i = 0; i < LISTED; i++)
    if (atomic_load(&listed[i].at) == map) {
      atomic_store(&listed[i].at, NULL);
      atomic_store(&listed[i].taken, false);
      return;
    }
}

const char *il_map_named(const void *address) {
  for (int i = 0; i < LISTED; i++) {
    const unsigned char *at = atomic_load(&listed[i].at);
    if (at && (const unsigned char *)address >= at &&
        (const unsigned char *)address < at + listed[i].size)
      return listed[i].path;
  }
  return NULL;
}

/* mmap refuses 0 bytes; an empty file still has a place. */
static const unsigned char nothing[1];

static int open_regular(il_context *context, const char *path, struct stat *info) {
  const int fd =
      open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe would wait to be written */
  if (fd < 0) {
    if (errno == ENOMEM)
      il_fail_memory(context, path);
    else
      il_fail(context, IL_ERROR_FILE, "%s cannot be opened: %s", path, strerror(errno));
  } else if (fstat(fd, info) < 0 || !S_ISREG(info->st_mode)) {
    il_fail(context, IL_ERROR_FILE, "%s is not a regular file", path);
    close(fd);
    return -1;
  }
  return fd;
}

FILE *il_open_file(il_context *context, const char *path) {
  struct stat info;
  const int fd = open_regular(context, path, &info);
  FILE *file = fd < 0 ? NULL : fdopen(fd, "rb");
  if (fd >= 0 && !file) {
    il_fail_memory(context, path);
    close(fd);
  }
  return file;
}

const unsigned char *il_map_file(il_context *context, const char *path, size_t *size) {
  *size = 0;
  struct stat info;
  const int fd = open_regular(context, path, &info);
  if (fd < 0) return NULL;
  const unsigned char *map = NULL;
  if (info.st_size == 0) {
    map = nothing;
  } else {
    void *found = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (found == MAP_FAILED && errno == ENOMEM) {
      il_fail_memory(context, path);
    } else if (found == MAP_FAILED) {
      il_fail(context, IL_ERROR_FILE, "%s cannot be mapped: %s", path, strerror(errno));
    } else {
      map = found;
      *size = (size_t)info.st_size;
      list(map, *size, path);
    }
  }
  close(fd);
  return map;
}

void il_unmap_file(const unsigned char *map, size_t size) {
  if (!map || map == nothing) return;
  unlist(map);
  munmap((void *)(uintptr_t)map, size);
}
