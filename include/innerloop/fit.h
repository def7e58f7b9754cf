/* Plain supervised learning beside meta-learning: samples, models with their parameters, and training,
 * evaluation and loss as functions.
 *
 *   meta-data          what a task is: il_task (meta.h), il_episodes (data.h; how tasks are cut from samples)
 *   samples            il_samples (data.h)
 *   model parameters   il_model
 *
 * A result never depends on the number of threads of the team. */
#ifndef INNERLOOP_FIT_H
#define INNERLOOP_FIT_H

#include <signal.h>

#include "data.h"
#include "meta.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- models ---- */
/* A net with its parameters (float32, engine layout) and, where it has norm layers, their running
 * statistics: mean and variance of training, as PyTorch's with momentum 0.1. */
typedef struct il_model il_model;
typedef struct il_model_options {
  const char
      *kind;      /* "linear"; "mlp": linear, relu, linear; "omniglot_fc" "omniglot_conv" "conv4" */
  int hidden;     /* width of mlp's hidden layer (0: 64), or filters of the others (0: their own) */
  double dropout; /* rate in front of each linear layer but a first one; only while training */
  uint64_t seed;  /* of the drawn parameters */
} il_model_options;

/* A net for the samples' shape and outputs, with drawn parameters. NULL after an error. */
IL_API il_model *il_model_new(il_context *context, const il_model_options *options,
                              il_shape example, int outputs);
/* The same, sized by a file of parameters (PyTorch, .npz, safetensors) and with its values: a state dict (linear
 * weights [out,in]) or for "linear" one bare tensor [in,out], whose bias then starts at zero. Tensors
 * are matched by name, or else layer by layer by suffix and shape; a mismatch lists both sides. `example` says the shape of images; its rank is 0 when the file alone decides (features). */
IL_API il_model *il_model_open(il_context *context, const il_model_options *options,
                               const char *path, il_shape example);
/* The same parameters under a new last linear layer of `outputs`, drawn by seed. */
IL_API il_model *il_model_with_head(il_context *context, const il_model *model, int outputs,
                                    uint64_t seed);
IL_API il_model *il_model_copy(il_context *context, const il_model *model);
IL_API void il_model_free(il_model *model); /* accepts NULL */
IL_API const il_net *il_model_net(const il_model *model);
/* Values of parameter `index` of the net; may be written to. */
IL_API float *il_model_parameter(il_model *model, int index);
/* Writes safetensors, or by the path's ending a .pth, .pt or .npz, in PyTorch's layout, under the names of the file that the model came from, or else the
 * net's. Atomic. */
IL_API il_status il_model_save(const il_model *model, const char *path);

/* ---- training, evaluation, loss ---- */
typedef enum il_optimizer { IL_OPTIMIZER_ADAM = 1, IL_OPTIMIZER_SGD = 2 } il_optimizer;
typedef struct il_fit_progress {
  int epoch, epochs; /* from 1 */
  int64_t steps;     /* mini-batches so far */
  double loss;       /* mean over the epoch's examples, each before the step that it was part of */
} il_fit_progress;
typedef struct il_fit_options {
  int epochs;
  int batch; /* examples of a mini-batch; the last of an epoch may be smaller */
  double lr;
  il_optimizer optimizer;
  il_loss loss; /* cross-entropy takes raw scores; binary cross-entropy takes the sigmoid of them */
  /* A mini-batch is computed in so many equal parts, in parallel; norm layers take their statistics from each
   * part. 0: 1 for nets with norm layers (the whole mini-batch, as PyTorch), several for others. */
  int parts;
  int64_t steps;             /* stop after so many mini-batches; 0: only epochs count */
  uint64_t seed;             /* order of the examples, dropout, augmentation */
  const il_augment *augment; /* NULL: none */
  il_team *team;
  void (*progress)(void *user, const il_fit_progress *progress); /* after each epoch; may be NULL */
  void *user;
  const volatile sig_atomic_t
      *stop; /* nonzero: IL_ERROR_INTERRUPTED after the mini-batch at hand */
} il_fit_options;
/* Adam 0.001, 5 epochs of mini-batches of 32, cross-entropy, seed 1. */
IL_API il_fit_options il_fit_defaults(void);
/* Trains in mini-batches, in an order drawn anew for each epoch. After an interruption the model holds what was
 * learned so far. */
IL_API il_status il_fit(il_context *context, il_model *model, const il_samples *samples,
                        const il_fit_options *options);

/* scores: [count, outputs], raw (before any sigmoid); norm layers use the running statistics, dropout
 * does nothing. */
IL_API il_status il_predict(il_context *context, const il_model *model, const il_samples *samples,
                            il_team *team, float *scores);
typedef struct il_test_result {
  int64_t correct,
      total;       /* labels: examples; targets: numbers, right when score > 0 as target > 0.5 */
  double accuracy; /* correct / total */
  double loss;     /* mean */
} il_test_result;
/* The prediction comes from the inputs alone; targets are looked at only to compare. */
IL_API il_status il_test(il_context *context, const il_model *model, const il_samples *samples,
                         il_loss loss, il_team *team, il_test_result *result);
/* What il_test does with scores that are there already. */
IL_API void il_test_scores(const il_samples *samples, il_loss loss, const float *scores,
                           il_test_result *result);

/* ---- meta-learning from samples ---- */
typedef struct il_meta_progress {
  int64_t step, steps;
  double loss, accuracy; /* on the query sets, mean since the last call */
} il_meta_progress;
typedef struct il_meta_options {
  il_episodes episodes;
  int inner_steps;
  double inner_lr;
  bool first_order;
  il_query_statistics query_statistics;
  il_loss loss;
  il_optimizer optimizer; /* outer */
  double lr;              /* outer */
  int meta_batch;         /* tasks of a meta-step */
  int64_t steps;          /* meta-steps */
  uint64_t seed;
  il_team *team;
  void (*progress)(void *user, const il_meta_progress *progress); /* ten times; may be NULL */
  void *user;
  const volatile sig_atomic_t *stop; /* nonzero: IL_ERROR_INTERRUPTED after the meta-step at hand */
} il_meta_options;
/* All classes, 32 shots and 32 queries; 5 inner steps of 0.1; statistics of the support set; Adam 0.001; 500 meta-steps
 * of 8 tasks. */
IL_API il_meta_options il_meta_defaults(void);
/* MAML (meta.h) from the model's parameters on tasks drawn from the samples: each meta-step, the support sets
 * update the parameters and the query sets supply the gradient. The model needs as many
 * outputs as a task (il_model_with_head). After episodes within all classes, its running statistics are taken anew
 * from the samples. */
IL_API il_status il_meta_fit(il_context *context, il_model *model, const il_samples *samples,
                             const il_meta_options *options);
/* The inner loop on given samples: inner_steps of gradient descent with inner_lr on all of them at once (more than
 * 1,024 samples: that many passes, in mini-batches of 1,024). */
IL_API il_status il_adapt(il_context *context, il_model *model, const il_samples *samples,
                          const il_meta_options *options);
/* Accuracy on the query sets of `tasks` tasks drawn from the samples, after `inner_steps` of adaptation to each;
 * mean, and 1.96 standard errors. */
IL_API il_status il_meta_test(il_context *context, const il_model *model, const il_samples *samples,
                              const il_meta_options *options, int tasks, double *mean,
                              double *interval);

#ifdef __cplusplus
}
#endif
#endif
