/* What fuzz targets share: an input as a file, as an archive, or as a stream of choices.
 *
 * A target defines LLVMFuzzerTestOneInput, which has to take any bytes: libFuzzer drives it (cmake --preset fuzz), or
 * replay.c, which every build can. What must hold is said by FUZZ_EXPECT. */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the program, so that the input counts as a finding. */
#define FUZZ_EXPECT(condition, ...)                                                                \
  do {                                                                                             \
    if (!(condition)) fuzz_found(__FILE__, __LINE__, #condition, __VA_ARGS__);                     \
  } while (0)
_Noreturn void fuzz_found(const char *file, int line, const char *condition, const char *format,
                          ...) __attribute__((format(printf, 4, 5)));

/* A regular file with these bytes, in memory; its path holds until the next call. */
const char *fuzz_file(const void *data, size_t size);
/* A folder of this process, in memory where the system has such; it goes with the process. */
const char *fuzz_folder(void);
/* Writes a file in it; gives its path, which holds until the next call. */
const char *fuzz_file_in_folder(const char *name, const void *data, size_t size);

/* Makes a safetensors header as long as its first eight bytes must say, so that a changed one is read on. False: it
 * was, or there is no end of it. */
bool fuzz_mend_safetensors(uint8_t *data, size_t size);
/* The same for the checksums of a PNG's chunks. */
bool fuzz_mend_png(uint8_t *data, size_t size);

/* An archive with right checksums, nothing compressed; malloc'ed. */
typedef struct fuzz_entry {
  const char *name;
  const void *data;
  size_t size;
} fuzz_entry;
uint8_t *fuzz_zip(int count, const fuzz_entry *entry, size_t *size);

/* Choices, byte after byte; zeros at the end. */
typedef struct fuzz_choices {
  const uint8_t *at, *end;
} fuzz_choices;
static inline unsigned fuzz_byte(fuzz_choices *c) { return c->at < c->end ? *c->at++ : 0; }
/* 0 … below − 1 */
static inline int fuzz_below(fuzz_choices *c, int below) {
  return (int)(fuzz_byte(c) % (unsigned)below);
}
static inline bool fuzz_more(const fuzz_choices *c) { return c->at < c->end; }

#endif
