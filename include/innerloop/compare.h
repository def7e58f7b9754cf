/* Ways to make a classifier better, side by side. */
#ifndef INNERLOOP_COMPARE_H
#define INNERLOOP_COMPARE_H

#include "fit.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- plain, augmented, dropout and meta-learned training of the same net on the same samples ---- */
enum { IL_COMPARE_SEEDS = 100 };
typedef struct il_compare_row {
  const char *name;
  const char *left_out;              /* why there are no figures; NULL: there are */
  double accuracy[IL_COMPARE_SEEDS]; /* on the test samples, per seed */
  double mean,
      interval; /* over seeds; half width at 95 %, Student's t with seeds − 1 degrees of freedom */
  int64_t steps; /* mini-batches, or meta-steps */
  int64_t
      examples; /* that went forward and backward through the net; equal for all rows up to one step */
  double seconds; /* per seed */
} il_compare_row;
enum { IL_COMPARE_ROWS = 6 };
typedef struct il_compare_result {
  int seeds;
  il_compare_row row[IL_COMPARE_ROWS]; /* plain, augmented, dropout 0.1, 0.2, 0.5, meta-learned */
} il_compare_result;
typedef struct il_compare_options {
  il_model_options model; /* its dropout and seed are not used */
  il_fit_options fit;     /* steps: the budget, in mini-batches; augment: of the augmented row */
  /* Meta-learning within all classes: tasks, inner steps and rates. Its meta-steps follow from the budget: a
   * task costs inner_steps·shots + queries examples. The result is adapted to the training samples. */
  il_meta_options meta;
  int seeds; /* seeds fit.seed … fit.seed + seeds − 1: drawn weights, order, dropout, augmentation */
  void (*progress)(void *user, const char *row, int seed, double accuracy); /* may be NULL */
  void *user;
} il_compare_options;
IL_API il_status il_compare(il_context *context, const il_samples *train, const il_samples *test,
                            const il_compare_options *options, il_compare_result *result);
/* A picture of the rows that have figures: dots with intervals, and the seeds. */
IL_API il_status il_compare_plot(il_context *context, const il_compare_result *result,
                                 const char *path);

/* Mean and half width of its 95 % interval by Student's t; 0 width for a single value. */
IL_API void il_interval(int count, const double *value, double *mean, double *half);

#ifdef __cplusplus
}
#endif
#endif
