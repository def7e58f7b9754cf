/* Time around the plan (see timing.h). */
#include "train/timing.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/error.h"

enum { LINES = 25 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

il_status il_timing_init(il_timing *timing, const il_plan *plan, int threads) {
  *timing = (il_timing){.plan = il_profile_new(plan, threads)};
  return timing->plan ? IL_OK : IL_ERROR_MEMORY;
}

void il_timing_free(il_timing *timing) {
  il_profile_free(timing->plan);
  timing->plan = NULL;
}

void il_timing_begin(il_timing *timing) {
  if (timing->plan) timing->begun = timing->last = now();
}

void il_timing_mark(il_timing *timing, il_timed what) {
  if (!timing->plan) return;
  const double at = now();
  timing->seconds[what] += at - timing->last;
  timing->last = at;
}

char *il_timing_print(const il_timing *timing, il_context *context, int64_t steps) {
  static const char *const name[IL_TIMED_COUNT] = {
      "episodes: drawing tasks that were not drawn by waiting workers",
      "the plan: meta-steps with the outer optimizer", "validation", "checkpoints",
      "metrics and progress"};
  char *plan = il_profile_print(timing->plan, LINES), *text = NULL;
  if (!plan) return NULL;
  const double total = timing->last - timing->begun;
  size_t size = 0;
  FILE *file = open_memstream(&text, &size);
  if (file) {
    fprintf(file, "%s\nthe whole loop: %lld meta-steps in %.2f s\n", plan, (long long)steps, total);
    for (int i = 0; i < IL_TIMED_COUNT; i++)
      fprintf(file, "%6.1f %% %9.2f s   %s\n", total > 0 ? 100 * timing->seconds[i] / total : 0,
              timing->seconds[i], name[i]);
  }
  free(plan);
  if (file && fclose(file) == 0) return text;
  free(text);
  il_fail_memory(context, "the text of a profile");
  return NULL;
}
