/* Measuring on the machine at hand: its peak, one problem of a plan, a whole meta-step. Times are wall-clock
 * and medians; nothing here changes a result. */
#ifndef INNERLOOP_MEASURE_H
#define INNERLOOP_MEASURE_H

#include "train.h"

#ifdef __cplusplus
extern "C" {
#endif

/* FLOP/s of independent multiply-adds in registers, the best of a few rounds on all workers of the team at
 * once: what no float32 kernel can pass. */
IL_API double il_measure_peak(il_team *team);

enum { IL_MEASURED_ROWS = 32 }; /* kernels for a problem, at most */
/* How a kernel did on a problem, or why it did nothing. */
typedef struct il_measured_row {
  const char *kernel;  /* "reference": the operation's plain loop, last */
  const char *isa;     /* instruction set */
  const char *refusal; /* why the row cannot take the problem; NULL: it was timed */
  double seconds,
      lowest;     /* of one run: median and minimum; the operands are in cache if they fit */
  double prepare; /* seconds, once per plan */
  bool chosen;    /* a plan takes this row */
  bool equal;     /* gives the reference's bytes */
  /* Largest difference from the reference over its largest value; 0 where equal. Rows that are not of the bit
   * class "fma" (no fused multiply-add, or Winograd's products) may differ, and are right when this is small. */
  double difference;
  bool right; /* equal, or one of those rows and closer than 1e-4 */
} il_measured_row;
/* All kernels that there are for a problem. */
typedef struct il_measured_problem {
  char text[8192]; /* the problem in full */
  double flops;    /* of one run, a multiply-add counting two; with lanes: of all of them */
  size_t bytes;    /* operands and results */
  int rows;        /* how many there are */
  il_measured_row row[IL_MEASURED_ROWS]; /* best first, as the plan tries them */
} il_measured_problem;
/* line: a problem, or a line of a printed plan. Times every kernel and the plain loop by turns on one thread,
 * about `seconds` in all (the plain loop may take longer), and compares their bytes.
 * Errors: IL_ERROR_CONFIG for a line that is no problem. */
IL_API il_status il_measure_problem(il_context *context, const char *line, double seconds,
                                    il_measured_problem *result);

/* How long a meta-step takes. */
typedef struct il_measured_step {
  double plan_seconds;    /* building the graph and its plan */
  double seconds, lowest; /* a meta-step with its episodes: median and minimum */
  double episodes;        /* the part that draws tasks, median; 0: waiting workers did */
  double flops;           /* of a meta-step */
  size_t bytes;           /* memory that training takes, as il_train announces it */
  int64_t steps;          /* timed */
  bool drawn; /* drawn characters of the same size stand for Omniglot: task.data is not set */
} il_measured_step;
/* Meta-steps from fresh weights for about `seconds`, at least three; nothing is written. */
IL_API il_status il_measure_step(il_context *context, const il_config *config, il_team *team,
                                 double seconds, il_measured_step *result);

/* For every problem of a configuration's plan for which the first row of its operation was not taken: which
 * row was, and why each before it was not; malloc'ed, "" when there is none, NULL after an error. */
IL_API char *il_measure_why(il_context *context, const il_config *config);

#ifdef __cplusplus
}
#endif
#endif
