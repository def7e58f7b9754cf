/* Files in memory: mapped for reading, private. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/poison.h"
#include "io/io.h"

/* What is mapped, for il_file_mapped: read in a signal handler, so that it takes no lock. Who finds no room is not listed. */
enum { LISTED = 64, NAME_SIZE = 512 };
static struct listed {
  atomic_bool taken;
  _Atomic(const unsigned char *) at; /* NULL: not yet, or no more */
  size_t size;
  const il_context *context;
  int fd; /* of the file, by whatever name it may go now */
  char path[NAME_SIZE];
} listed[LISTED];
/* Descriptors are looked at by il_files_check alone, which no signal calls. */
static pthread_mutex_t descriptors = PTHREAD_MUTEX_INITIALIZER;

/* Takes over the descriptor. */
static void list(const il_context *context, const unsigned char *map, size_t size, const char *path,
                 int fd) {
  for (int i = 0; i < LISTED; i++) {
    if (atomic_exchange(&listed[i].taken, true)) continue;
    listed[i].size = size;
    listed[i].context = context;
    snprintf(listed[i].path, NAME_SIZE, "%s", path);
    pthread_mutex_lock(&descriptors);
    listed[i].fd = fd;
    atomic_store(&listed[i].at, map);
    pthread_mutex_unlock(&descriptors);
    return;
  }
  close(fd);
}

static void unlist(const unsigned char *map) {
  for (int i = 0; i < LISTED; i++)
    if (atomic_load(&listed[i].at) == map) {
      pthread_mutex_lock(&descriptors);
      atomic_store(&listed[i].at, NULL);
      close(listed[i].fd);
      pthread_mutex_unlock(&descriptors);
      atomic_store(&listed[i].taken, false);
      return;
    }
}

il_status il_files_check(il_context *context) {
  for (int i = 0; i < LISTED; i++) {
    struct stat info = {0};
    pthread_mutex_lock(&descriptors);
    const bool shorter = atomic_load(&listed[i].at) && listed[i].context == context &&
                         fstat(listed[i].fd, &info) == 0 &&
                         (uintmax_t)info.st_size < listed[i].size;
    if (shorter)
      il_fail(context, IL_ERROR_FILE,
              "%s: became shorter while it was used: found %lld bytes, expected %zu; write another "
              "file and rename it instead",
              listed[i].path, (long long)info.st_size, listed[i].size);
    pthread_mutex_unlock(&descriptors);
    if (shorter) return IL_ERROR_FILE;
  }
  return IL_OK;
}

const char *il_file_mapped(const void *address) {
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

/* What the last page has behind the end of the file: zeros that are nobody's. */
static size_t behind(size_t size) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  return (page - size % page) % page;
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
      list(context, map, *size, path, fd);
      ASAN_POISON_MEMORY_REGION(map + *size, behind(*size));
    }
  }
  if (*size == 0) close(fd);
  return map;
}

void il_unmap_file(const unsigned char *map, size_t size) {
  if (!map || map == nothing) return;
  unlist(map);
  ASAN_UNPOISON_MEMORY_REGION(map + size, behind(size));
  munmap((void *)(uintptr_t)map, size);
}
