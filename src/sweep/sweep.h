/* Inside of a sweep: its points with their configurations, its runs. */
#ifndef IL_SWEEP_SWEEP_H
#define IL_SWEEP_SWEEP_H

#include <innerloop/sweep.h>

#include "base/arena.h"
#include "config/config.h"

enum { IL_SWEEP_MOST_POINTS = 1000, IL_SWEEP_MOST_RUNS = 10000 };
struct il_sweep {
  il_context *context;
  il_arena arena;
  const char *out;
  int axes, seeds, points, runs;
  const il_sweep_axis *axis;
  const int64_t *seed;
  il_sweep_point *point; /* [points] */
  il_sweep_run *run;     /* [runs], the seeds of a point side by side */
  const char **text;     /* [runs] complete configurations */
};

/* The figures that the run's row of the table has: of the protocol and the inner steps that it was trained with, or the
 * nearest number of inner steps that is measured. */
void il_sweep_take(il_sweep *sweep, int run, const il_evaluation *evaluation);
/* Means over the runs that are done. */
void il_sweep_summarize(il_sweep *sweep);

/* RUN/eval.json: all figures of an evaluation, and of which configuration they are. */
il_status il_sweep_record_write(il_sweep *sweep, int run, const il_evaluation *evaluation);
/* False: there is none of this configuration and its last meta-step. */
bool il_sweep_record_read(const il_sweep *sweep, int run, il_evaluation *evaluation);
/* OUT/sweep.json and OUT/sweep.csv. */
il_status il_sweep_write(il_sweep *sweep);

#endif
