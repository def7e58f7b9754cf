/* Time per call: every worker adds to its own entries, so that nothing is shared or allocated while a plan
 * runs. */
#ifndef IL_RUN_PROFILE_H
#define IL_RUN_PROFILE_H

#include <time.h>

#include "plan/plan.h"

typedef struct il_profile_entry {
  int64_t nanoseconds, count;
} il_profile_entry;

/* A worker's entries of one of the plan's lists, in the order of its calls. */
il_profile_entry *il_profile_entries(il_profile *profile, int worker, int list);
/* A worker's entry of the last part of the mean over tasks. */
il_profile_entry *il_profile_means(il_profile *profile, int worker);
/* The entry of sums with other ranks, which worker 0 waits for. */
il_profile_entry *il_profile_ranks(il_profile *profile);
/* A whole run of the plan on so many threads is over. */
void il_profile_run(il_profile *profile, int threads, int64_t start);

static inline int64_t il_profile_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}
/* Adds the time since `before`, and gives the present. */
static inline int64_t il_profile_add(il_profile_entry *entry, int64_t before) {
  const int64_t after = il_profile_now();
  entry->nanoseconds += after - before;
  entry->count++;
  return after;
}

#endif
