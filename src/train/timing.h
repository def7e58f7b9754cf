/* Wall-clock time of a training run by what it was spent on, around the plan; off without a profile. */
#ifndef IL_TRAIN_TIMING_H
#define IL_TRAIN_TIMING_H

#include <innerloop/plan.h>

#include "train/meta_step.h"

typedef enum il_timed {
  IL_TIMED_EPISODES, /* drawing tasks */
  IL_TIMED_PLAN,     /* meta-steps: tasks and outer optimizer, which is part of the plan */
  IL_TIMED_VALIDATION,
  IL_TIMED_CHECKPOINTS,
  IL_TIMED_REPORTS, /* metrics.jsonl and the caller's progress function */
  IL_TIMED_COUNT
} il_timed;

typedef struct il_timing {
  int forms, variants;
  il_profile **plan; /* [forms] of the meta-step; NULL: off, no clock is read */
  double begun, last, seconds[IL_TIMED_COUNT];
} il_timing;

/* The meta-step's runs add their times from now on. */
il_status il_timing_init(il_timing *timing, il_meta_step *step, int threads);
void il_timing_free(il_timing *timing); /* accepts a zeroed one */
/* The loop begins. */
void il_timing_begin(il_timing *timing);
/* What was done since the last call, or since the beginning, was this. */
void il_timing_mark(il_timing *timing, il_timed what);
/* The plan's calls, then the loop's parts; malloc'ed. */
char *il_timing_print(const il_timing *timing, il_context *context, int64_t steps);

#endif
