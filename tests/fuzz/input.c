/* Inputs of fuzz targets (input.h). */
#include "fuzz/input.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void fuzz_found(const char *file, int line, const char *condition, const char *format, ...) {
  fprintf(stderr, "%s:%d: expected %s: ", file, line, condition);
  va_list rest;
  va_start(rest, format);
  vfprintf(stderr, format, rest);
  va_end(rest);
  fputc('\n', stderr);
  abort();
}

static void fill(int fd, const void *data, size_t size) {
  FUZZ_EXPECT(fd >= 0 && !ftruncate(fd, 0) && pwrite(fd, data, size, 0) == (ssize_t)size,
              "a file of %zu bytes can be written", size);
}

const char *fuzz_file(const void *data, size_t size) {
  static int fd = -1;
  static char path[64];
  if (fd < 0) {
    fd = memfd_create("input", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  }
  fill(fd, data, size);
  return path;
}

static char folder[64];

static void remove_folder(void) {
  DIR *all = opendir(folder);
  for (struct dirent *entry; all && (entry = readdir(all));)
    if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
      unlinkat(dirfd(all), entry->d_name, 0);
  if (all) closedir(all);
  rmdir(folder);
}

const char *fuzz_folder(void) {
  if (!*folder) {
    snprintf(folder, sizeof folder, "%s/innerloop-fuzz-XXXXXX",
             access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    FUZZ_EXPECT(mkdtemp(folder), "%s can be made", folder);
    atexit(remove_folder);
  }
  return folder;
}

const char *fuzz_file_in_folder(const char *name, const void *data, size_t size) {
  static char path[128];
  snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
  const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  fill(fd, data, size);
  close(fd);
  return path;
}

static void put(uint8_t *to, int bytes, uint64_t number, bool big) {
  for (int i = 0; i < bytes; i++) to[big ? bytes - 1 - i : i] = (uint8_t)(number >> 8 * i);
}

bool fuzz_mend_safetensors(uint8_t *data, size_t size) {
  int depth = 0;
  bool text = false;
  for (size_t i = 8; i < size; i++) {
    if (text) {
      if (data[i] == '\\')
        i++;
      else
        text = data[i] != '"';
      continue;
    }
    text = data[i] == '"';
    depth += (data[i] == '{') - (data[i] == '}');
    if (depth > 0 || data[i] != '}') continue;
    uint8_t length[8];
    put(length, 8, i - 7, false);
    const bool changed = memcmp(data, length, 8) != 0;
    memcpy(data, length, 8);
    return changed;
  }
  return false;
}

static uint32_t checksum(const uint8_t *data, size_t size) {
  static uint32_t table[256];
  if (!table[1])
    for (uint32_t i = 0; i < 256; i++) {
      table[i] = i;
      for (int k = 0; k < 8; k++) table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320u : 0);
    }
  uint32_t sum = ~UINT32_C(0);
  for (size_t i = 0; i < size; i++) sum = sum >> 8 ^ table[(sum ^ data[i]) & 255];
  return ~sum;
}

bool fuzz_mend_png(uint8_t *data, size_t size) {
  bool changed = false;
  for (size_t at = 8; size > 12 && at <= size - 12;) {
    const size_t length = (size_t)data[at] << 24 | (size_t)data[at + 1] << 16 |
                          (size_t)data[at + 2] << 8 | data[at + 3];
    if (length > size - 12 - at) break;
    uint8_t sum[4];
    put(sum, 4, checksum(data + at + 4, length + 4), true);
    changed |= memcmp(data + at + 8 + length, sum, 4) != 0;
    memcpy(data + at + 8 + length, sum, 4);
    at += 12 + length;
  }
  return changed;
}

/* Local header and entry of the directory are the same but for their beginnings and what follows. */
uint8_t *fuzz_zip(int count, const fuzz_entry *entry, size_t *size) {
  size_t total = 22;
  for (int i = 0; i < count; i++) total += 30 + 46 + 2 * strlen(entry[i].name) + entry[i].size;
  uint8_t *zip = calloc(1, total), *directory = calloc(1, total);
  FUZZ_EXPECT(zip && directory, "memory for an archive");
  size_t at = 0, listed = 0;
  for (int i = 0; i < count; i++) {
    const size_t name = strlen(entry[i].name);
    uint8_t common[26] = {20};
    put(common + 10, 4, checksum(entry[i].data, entry[i].size), false);
    put(common + 14, 4, entry[i].size, false);
    put(common + 18, 4, entry[i].size, false);
    put(common + 22, 2, name, false);
    uint8_t *d = directory + listed;
    memcpy(d, "PK\1\2\24", 6);
    memcpy(d + 6, common, sizeof common);
    put(d + 42, 4, at, false);
    memcpy(d + 46, entry[i].name, name);
    listed += 46 + name;
    memcpy(zip + at, "PK\3\4", 4);
    memcpy(zip + at + 4, common, sizeof common);
    memcpy(zip + at + 30, entry[i].name, name);
    if (entry[i].size) memcpy(zip + at + 30 + name, entry[i].data, entry[i].size);
    at += 30 + name + entry[i].size;
  }
  memcpy(zip + at, directory, listed);
  uint8_t *end = zip + at + listed;
  memcpy(end, "PK\5\6", 4);
  put(end + 8, 2, (uint64_t)count, false);
  put(end + 10, 2, (uint64_t)count, false);
  put(end + 12, 4, listed, false);
  put(end + 16, 4, at, false);
  free(directory);
  *size = total;
  return zip;
}
