/* Using what was learned: a trained learner is shown a few examples of new classes and then says of others which class
 * they belong to; or, where it learned to predict numbers, a few examples with theirs. An adapted learner holds all that it takes, in memory and in one file: what was trained, the examples
 * it was shown, the names of their classes. */
#ifndef INNERLOOP_ADAPT_H
#define INNERLOOP_ADAPT_H

#include "data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A learner that was shown examples of classes. */
typedef struct il_adapted il_adapted;

/* What a run's learner takes, for who brings examples to it. */
typedef struct il_learner_input {
  il_shape example;       /* of the numbers of one */
  il_type type;           /* IL_UINT8: bytes; IL_FLOAT32 */
  double scale;           /* nets see x·scale */
  int outputs;            /* classes that its head tells apart; 0: any number */
  bool targets;           /* it predicts so many numbers, and knows no classes */
  double mean, deviation; /* of the numbers that it was trained on; deviation 0: not known */
  int ways, shots[2]; /* of its training tasks: classes, examples of a class from … to; 0: none */
} il_learner_input;
/* What the learner of a run's folder takes. */
IL_API il_status il_run_input_of(il_context *context, const char *run, il_learner_input *input);

/* Writes what a run has learned into one file, which stands for the run wherever its learner is asked for, and which
 * il_learner_place (learner.h) takes. `run`: the run's folder, or such a file. */
IL_API il_status il_learner_export(il_context *context, const char *run, const char *out);

/* How a learner is shown classes; {0}: as it was trained to. */
typedef struct il_adapt_options {
  /* "inner.steps=10": keys inner.* and meta.query_statistics take the place of the run's. Ends with NULL; may be NULL. */
  const char *const *settings;
  /* No inner step: a class is the mean of its examples' features, what the last linear layer gets, and a query's score for
   * it minus the squared distance (protonet). For any number of classes, whatever the head tells apart. */
  bool class_means;
  bool inverted; /* the support set's pixels were inverted; kept for whoever brings queries */
  il_team *team; /* must outlive the learner */
} il_adapt_options;
/* Adapts the learner of a run's folder, or of a file that il_learner_export wrote, to the classes of `support`, as it was trained to. Queries are scored one at a
 * time: with the support set's norm statistics where the run was trained with those of the query set, which one query
 * does not have; else as it was trained. Any number of classes where the algorithm has its own head, or with class_means, else as many as
 * the head.
 * Where at least 10 examples belong to classes of two or more, each of these is left out once, the learner adapted to the others and
 * asked about it: that gives the accuracy to expect, makes probabilities what they say (one temperature; Guo et al.,
 * "On calibration of modern neural networks", ICML 2017), and the probability below which an answer is worth no trust. NULL
 * after an error. */
IL_API il_adapted *il_adapted_new(il_context *context, const char *run, const il_dataset *support,
                                  const il_adapt_options *options);
/* Examples with targets, in the caller's memory. */
typedef struct il_adapt_targets {
  int64_t count;       /* examples */
  const void *x;       /* [count, example…] of the learner's type */
  const float *target; /* [count, outputs] */
  int outputs;         /* the learner's */
} il_adapt_targets;
/* The same of a run that learned to predict numbers; none is left out. */
IL_API il_adapted *il_adapted_new_targets(il_context *context, const char *run,
                                          const il_adapt_targets *support,
                                          const il_adapt_options *options);
/* One that il_adapted_save wrote; its file is a learner's, which il_learner_place takes as well. */
IL_API il_adapted *il_adapted_open(il_context *context, const char *path, il_team *team);
/* Safetensors, atomic; equal content gives equal bytes. */
IL_API il_status il_adapted_save(const il_adapted *a, const char *path);
IL_API void il_adapted_free(il_adapted *a); /* accepts NULL */

/* How many classes it was shown; 0: it predicts numbers. */
IL_API int il_adapted_classes(const il_adapted *a);
/* How many numbers an answer has: one for each class, or those that it predicts. */
IL_API int il_adapted_outputs(const il_adapted *a);
/* The name of a class, from 0; the learner's own. */
IL_API const char *il_adapted_class_name(const il_adapted *a, int cls);
/* The shape of an example, of the support set and of queries. */
IL_API il_shape il_adapted_example(const il_adapted *a);
IL_API il_type il_adapted_type(const il_adapted *a); /* of an example: IL_UINT8 or IL_FLOAT32 */
/* Whether the support set's pixels were inverted (il_adapt_options). */
IL_API bool il_adapted_inverted(const il_adapted *a);
/* What an adapted learner is, and how it did on the examples that were left out. */
typedef struct il_adapted_report {
  const char *algorithm, *statistics; /* "maml", "support" */
  int steps;                          /* inner */
  int examples;                       /* of the support set */
  int left_out,
      right; /* examples that were left out once each, and of them those that were named right; 0: too few */
  double temperature; /* scores are divided by it; 1: not calibrated */
  double
      reject; /* 95 of 100 left out that were named right had at least this probability; 0: not known */
} il_adapted_report;
/* Fills the report. */
IL_API void il_adapted_describe(const il_adapted *a, il_adapted_report *report);

/* x [count, example…] of the learner's type; answers [count, outputs]: the probability of each class, or numbers. Each example is asked about alone: its answer
 * is the same to the bit whatever else is asked, on any number of threads. One caller at a time. IL_ERROR_DATA where an
 * answer is no finite number. */
IL_API il_status il_adapted_predict(il_adapted *a, int64_t count, const void *x, float *answers);

#ifdef __cplusplus
}
#endif
#endif
