/* Ways to make a classifier better, side by side. */
#ifndef INNERLOOP_STUDY_H
#define INNERLOOP_STUDY_H

#include "fit.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- plain, augmented, dropout and meta-learned training of the same net on the same samples ---- */
enum { IL_COMPARE_SEEDS = 100 }; /* of a row, at most */
/* One way to train, over seeds. */
typedef struct il_compare_row {
  const char *name;                  /* "plain", "dropout 0.1" … */
  const char *left_out;              /* why there are no figures; NULL: there are */
  double accuracy[IL_COMPARE_SEEDS]; /* on the test samples, per seed */
  double mean,
      interval; /* over seeds; half width at 95 %, Student's t with seeds − 1 degrees of freedom */
  int64_t steps; /* mini-batches, or meta-steps */
  int64_t
      examples; /* that went forward and backward through the net; equal for all rows up to one step */
  double seconds; /* per seed */
} il_compare_row;
enum { IL_COMPARE_ROWS = 6 }; /* of the table */
/* Six ways to train the same net on the same samples. */
typedef struct il_compare_result {
  int seeds;                           /* of each row */
  il_compare_row row[IL_COMPARE_ROWS]; /* plain, augmented, dropout 0.1, 0.2, 0.5, meta-learned */
} il_compare_result;
/* What is compared. */
typedef struct il_compare_options {
  il_model_options model; /* its dropout and seed are not used */
  il_fit_options fit;     /* steps: the budget, in mini-batches; augment: of the augmented row */
  /* Meta-learning within all classes: tasks, inner steps and rates. Its meta-steps follow from the budget: a
   * task costs inner_steps·shots + queries examples. The result is adapted to the training samples. */
  il_meta_options meta;
  int seeds; /* seeds fit.seed … fit.seed + seeds − 1: drawn weights, order, dropout, augmentation */
  void (*progress)(void *user, const char *row, int seed, double accuracy); /* may be NULL */
  void *user;                                                               /* given to progress */
} il_compare_options;
/* An mlp; Adam for 500 mini-batches of 32; meta-learning with 1 inner step, whose task divides one mini-batch; 5 seeds. */
IL_API il_compare_options il_compare_defaults(void);
/* Trains in all six ways, for each seed. */
IL_API il_status il_compare(il_context *context, const il_samples *train, const il_samples *test,
                            const il_compare_options *options, il_compare_result *result);
/* A picture of the rows that have figures: dots with intervals, and the seeds. */
IL_API il_status il_compare_plot(il_context *context, const il_compare_result *result,
                                 const char *path);

/* Mean and half width of its 95 % interval by Student's t; 0 width for a single value. */
IL_API void il_interval(int count, const double *value, double *mean, double *half);

/* ---- making a trained classifier better at learning new classes ---- */
/* How adapting does with so many shots. */
typedef struct il_improve_adapted {
  int shots, steps;      /* of the inner loop; chosen on validation classes */
  double lr;             /* chosen likewise */
  double mean, interval; /* accuracy on the query sets of test tasks, 1.96 standard errors */
} il_improve_adapted;
/* What came of it. */
typedef struct il_improve_result {
  int classes, unseen_validation, unseen_test; /* the classifier's classes; those it never sees */
  int64_t train, test;                         /* examples of the classifier's classes */
  double original;                             /* accuracy on their test examples, before */
  il_improve_adapted plain[2],
      meta[2];              /* 1 and 5 shots: adapted from plain, and from meta-trained weights */
  int64_t meta_steps;       /* that were taken */
  double original_old_head; /* the meta-trained body under the old last layer */
  /* A new last layer, trained on the training examples' features while the body stays: of the plain body, and
   * of the meta-trained one. */
  double original_new_head_plain, original_new_head;
  double seconds_plain, seconds_meta, seconds; /* of plain training, of meta-training, and in all */
} il_improve_result;
/* How far the work is: a stage's name, and how many of its pieces are done. */
typedef struct il_improve_progress {
  const char *stage; /* "training the classifier" */
  const char *piece; /* "epochs"; NULL: the stage has none */
  int64_t done, of;  /* of that many pieces */
} il_improve_progress;
/* How a classifier is made better at new classes. */
typedef struct il_improve_options {
  il_model_options model; /* kind and width of the net */
  /* Parameters of a classifier trained elsewhere; NULL: trained here, with `fit`. Its outputs are the first classes, in
   * the dataset's order, of the background set. */
  const char *init;
  int classes; /* without init: that many first classes; 0: all of the background set */
  /* Share of each class's examples that tests and never trains: the last ones with init, else drawn by fit.seed. */
  double hold_out;
  il_fit_options fit; /* the plain training; its progress is not used */
  /* The meta-training, by class, from the plain weights under a new last layer, on the same examples. Its ways
   * and query statistics are those of all tasks. */
  il_meta_options meta;
  int tasks; /* test tasks */
  /* When a stage begins (done 0), and while it goes on; may be NULL. */
  void (*progress)(void *user, const il_improve_progress *progress);
  void *user; /* given to progress */
} il_improve_options;
/* omniglot_conv; a quarter held out; Adam 0.003 for 10 epochs of mini-batches of 128; 1,500 meta-steps of 16 5-way tasks
 * with 1 shot and 3 queries, inner rate 0.4; 1,000 test tasks. */
IL_API il_improve_options il_improve_defaults(void);
/* Takes a classifier of some classes, and compares two ways from it to unseen classes with few examples: fine-tuning
 * (gradient descent on the support set), and meta-training on the classifier's own data for a stated number of meta-steps
 * before the same gradient descent; rate and steps of both are chosen from the same few on validation classes among the
 * unseen ones; and what became of the original classes. Background and unseen classes are those whose
 * origins are "background" and others; where the dataset has no such origins, the first 60 % are the background. A sixth of the unseen classes, and at least
 * those of one task, validate. Data with too few classes or examples are refused before any work. *saved (or NULL)
 * receives the meta-trained model. */
IL_API il_status il_improve(il_context *context, const il_dataset *dataset,
                            const il_improve_options *options, il_improve_result *result,
                            il_model **saved);

#ifdef __cplusplus
}
#endif
#endif
