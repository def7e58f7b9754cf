/* Time around the plan (see timing.h). */
#include "base/room.h"
#include "base/locale.h"
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

il_status il_timing_init(il_timing *timing, il_meta_step *s, int threads) {
  *timing =
      (il_timing){.plan = calloc((size_t)s->forms, sizeof *timing->plan), .variants = s->variants};
  if (!timing->plan) return il_fail_memory(s->context, "a profile");
  for (; timing->forms < s->forms; timing->forms++) {
    il_profile *p = il_profile_new(il_function_plan(s->form[timing->forms].function), threads);
    timing->plan[timing->forms] = p;
    if (!p) return il_fail_memory(s->context, "a profile");
    il_run_profile(s->form[timing->forms].run, p);
  }
  return IL_OK;
}

void il_timing_free(il_timing *timing) {
  for (int v = 0; v < timing->forms; v++) il_profile_free(timing->plan[v]);
  free(timing->plan);
  *timing = (il_timing){0};
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
  char *text = NULL;
  const double total = timing->last - timing->begun;
  size_t size = 0;
  FILE *file = open_memstream(&text, &size);
  for (int v = 0; file && v < timing->forms; v++) {
    char *plan = il_profile_print(timing->plan[v], LINES);
    if (timing->forms > timing->variants)
      fprintf(file, "phase %d of %d of the training:\n", v / timing->variants + 1,
              timing->forms / timing->variants);
    if (timing->variants > 1)
      fprintf(file, "meta-steps on tasks of shape %d of %d:\n", v % timing->variants + 1,
              timing->variants);
    fprintf(file, "%s\n", plan ? plan : "");
    free(plan);
  }
  if (file) {
    il_plain_print(file, "the whole loop: %lld meta-steps in %.2f s\n", (long long)steps, total);
    for (int i = 0; i < IL_TIMED_COUNT; i++)
      il_plain_print(file, "%6.1f %% %9.2f s   %s\n",
                     total > 0 ? 100 * timing->seconds[i] / total : 0, timing->seconds[i], name[i]);
  }
  if (file && il_text_close(file, &text) == 0) return text;
  il_fail_memory(context, "the text of a profile");
  return NULL;
}
