/* Runs a fuzz target without libFuzzer: on every file of the folders that it is called with, then on changed ones of
 * them, the same every time: fuzz_NAME [-rounds=N] FOLDER…. INNERLOOP_FUZZ_SECONDS asks for more. An input that it dies of is
 * left in the file fuzz-found. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/random.h"
#include "fuzz/input.h"

enum { SEEDS = 1024, LARGEST = 1 << 18 };
static struct {
  uint8_t *data;
  size_t size;
} seed[SEEDS];
static int seeds;

static const uint8_t *tried;
static size_t tried_size;

static void save(int signal_number) {
  const int fd = open("fuzz-found", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0 || write(fd, tried, tried_size) != (ssize_t)tried_size) _exit(2);
  static const char words[] = "the input is in fuzz-found\n";
  if (write(2, words, sizeof words - 1) < 0) _exit(2);
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

static void try_input(const uint8_t *data, size_t size) {
  tried = data;
  tried_size = size;
  LLVMFuzzerTestOneInput(data, size);
}

static void take_file(const char *path) {
  FILE *file = fopen(path, "rb");
  FUZZ_EXPECT(file && seeds < SEEDS, "%s can be read", path);
  uint8_t *data = malloc(LARGEST);
  FUZZ_EXPECT(data, "memory");
  const size_t size = fread(data, 1, LARGEST, file);
  fclose(file);
  uint8_t *exact = realloc(data, size + !size); /* so that sanitizers see its end */
  seed[seeds].data = exact ? exact : data;
  seed[seeds++].size = size;
  printf("%s\n", path); /* of a crash, the last one */
  fflush(stdout);
  try_input(seed[seeds - 1].data, size);
}

static int by_name(const struct dirent **a, const struct dirent **b) {
  return strcmp((*a)->d_name, (*b)->d_name);
}

static void take_folder(const char *path) {
  struct dirent **entry;
  const int count = scandir(path, &entry, NULL, by_name);
  for (int i = 0; i < count; i++) {
    char name[4096];
    snprintf(name, sizeof name, "%s/%s", path, entry[i]->d_name);
    if (*entry[i]->d_name != '.') take_file(name);
    free(entry[i]);
  }
  if (count >= 0) free(entry);
}

/* One change, as files are damaged: a bit, a byte, a number, a part cut out, doubled, or taken from another. */
static size_t change(il_random *random, uint8_t *data, size_t size) {
  static const uint8_t telling[] = {0,   1,   2,   127, 128, 255, 254,  '0', '9',
                                    '-', '"', '{', '[', ',', ':', '\n', ' ', '.'};
  const size_t at = size ? il_random_below(random, (uint32_t)size) : 0;
  size_t length = 1 + il_random_below(random, 16);
  if (length > size - at) length = size - at;
  switch (il_random_below(random, 7)) {
  case 0:
    if (size) data[at] ^= (uint8_t)(1u << il_random_below(random, 8));
    return size;
  case 1:
    if (size) data[at] = telling[il_random_below(random, sizeof telling)];
    return size;
  case 2:
    for (size_t i = 0; i < length; i++) data[at + i] = (uint8_t)il_random_below(random, 256);
    return size;
  case 3: memmove(data + at, data + at + length, size - at - length); return size - length;
  case 4:
    if (size + length > LARGEST) return size;
    memmove(data + at + length, data + at, size - at);
    return size + length;
  case 5: {
    const int from = (int)il_random_below(random, (uint32_t)seeds);
    if (!seed[from].size) return size;
    const size_t start = il_random_below(random, (uint32_t)seed[from].size);
    size_t part = 1 + il_random_below(random, 64);
    if (part > seed[from].size - start) part = seed[from].size - start;
    if (part > size - at) part = size - at;
    memcpy(data + at, seed[from].data + start, part);
    return size;
  }
  default: return il_random_below(random, 4) ? size : at;
  }
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(int count, char **argument) {
  signal(SIGABRT, save);
  signal(SIGSEGV, save);
  const char *asked = getenv("INNERLOOP_FUZZ_SECONDS");
  const double seconds = asked ? strtod(asked, NULL) : 1e9, begin = now();
  long rounds = 300;
  for (int i = 1; i < count; i++)
    if (!strncmp(argument[i], "-rounds=", 8))
      rounds = strtol(argument[i] + 8, NULL, 10);
    else
      take_folder(argument[i]);
  FUZZ_EXPECT(seeds > 0, "a folder with seeds");
  if (asked) rounds = 1000L * 1000 * 1000;
  const int files = seeds;
  long done = 0;
  il_random random = il_random_start(1, 0x66757a7a /* "fuzz" */);
  uint8_t *data = malloc(LARGEST);
  FUZZ_EXPECT(data, "memory");
  for (; done < rounds && now() - begin < seconds; done++) {
    const int from = (int)il_random_below(&random, (uint32_t)seeds);
    size_t size = seed[from].size;
    memcpy(data, seed[from].data, size);
    for (uint32_t n = 1 + il_random_below(&random, 4); n > 0; n--)
      size = change(&random, data, size);
    uint8_t *exact = malloc(size + !size);
    FUZZ_EXPECT(exact, "memory");
    memcpy(exact, data, size);
    try_input(exact, size);
    free(exact);
  }
  free(data);
  for (int i = 0; i < seeds; i++) free(seed[i].data);
  printf("%d files as they are, %ld changed\n", files, done);
  return 0;
}
