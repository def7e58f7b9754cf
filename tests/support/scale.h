/* What tests that take long do less of in builds with sanitizers (INNERLOOP_TEST_SCALE, TESTING.md). */
#ifndef TEST_SCALE_H
#define TEST_SCALE_H
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Is this a build whose figures count? */
static inline bool test_full(void) {
  const char *scale = getenv("INNERLOOP_TEST_SCALE");
  return !scale || strcmp(scale, "small") != 0;
}

static inline int test_scale(int full, int small) { return test_full() ? full : small; }
#endif
