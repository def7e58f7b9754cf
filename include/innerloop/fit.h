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
/* What a model was trained on. Pixels are divided by 255 on the way into a net, reals go in as they are; samples of
 * another scale than the model's are refused: reals outside [0, 1] by a model of pixels, pixels by one of reals outside
 * [0, 1]. Reals in [0, 1] and pixels are one scale. Saved with the model. */
typedef enum il_model_inputs {
  IL_MODEL_INPUTS_UNKNOWN = 0, /* not trained, or a file that does not say: nothing is refused */
  IL_MODEL_INPUTS_PIXELS = 1,
  IL_MODEL_INPUTS_UNIT = 2,  /* reals in [0, 1] */
  IL_MODEL_INPUTS_REALS = 3, /* others */
} il_model_inputs;
/* A net with its parameters (float32, engine layout) and, where it has norm layers, their running
 * statistics: mean and variance of training, as PyTorch's with momentum 0.1. */
typedef struct il_model il_model;
enum { IL_MODEL_LAYERS = 64 }; /* of a model, at most */
/* What a model is. */
typedef struct il_model_options {
  const char *
      kind; /* "linear"; "mlp": linear, relu, linear; "omniglot_fc" "omniglot_conv" "conv4" "conv1d" */
  int hidden;     /* width of mlp's hidden layer (0: 64), or filters of the others (0: their own) */
  double dropout; /* rate in front of each linear layer but a first one; only while training */
  uint64_t seed;  /* of the drawn parameters */
  /* Instead of kind and hidden: these layers (nn.h), at most IL_MODEL_LAYERS, of which one has to be linear. The last
   * linear one's units may be 0: as many as there are outputs. */
  int layers;
  const il_layer *layer; /* NULL: kind */
} il_model_options;

/* A net for the samples' shape and outputs, with drawn parameters. NULL after an error. */
IL_API il_model *il_model_new(il_context *context, const il_model_options *options,
                              il_shape example, int outputs);
/* The same, sized by a file of parameters (PyTorch, .npz, safetensors) and with its values: a state dict (linear
 * weights [out,in]) or for "linear" one bare tensor [in,out], whose bias then starts at zero. Tensors
 * are matched by name, or else layer by layer by suffix and shape; a mismatch lists both sides. `example` says the shape of images and signals; its rank is 0 when the file alone decides (features). */
IL_API il_model *il_model_open(il_context *context, const il_model_options *options,
                               const char *path, il_shape example);
/* The same parameters under a new last linear layer of `outputs`, drawn by seed. */
IL_API il_model *il_model_with_head(il_context *context, const il_model *model, int outputs,
                                    uint64_t seed);
/* A copy, of equal values. NULL after an error. */
IL_API il_model *il_model_copy(il_context *context, const il_model *model);
IL_API void il_model_free(il_model *model); /* accepts NULL */
/* Its net, which belongs to it. */
IL_API const il_net *il_model_net(const il_model *model);
/* Values of parameter `index` of the net; may be written to. */
IL_API float *il_model_parameter(il_model *model, int index);
/* Where norm layers take their statistics from when the model predicts (meta.h); saved with it:
 *   RUNNING  those of training: models of il_fit, and of files that say nothing
 *   QUERY    the samples asked, all together: a prediction depends on what else is asked (transductive). More than
 *            1,024 are asked in equal batches.
 *   SUPPORT  those of the samples that il_adapt adapted to, which the model holds as its statistics
 *   EACH     each sample's own
 * il_meta_fit by class leaves the one that it trained with, il_fit RUNNING. */
IL_API il_query_statistics il_model_statistics(const il_model *model);
/* Where norm statistics come from from now on. */
IL_API il_status il_model_set_statistics(il_model *model, il_query_statistics statistics);
/* What its inputs were when it was trained. */
IL_API il_model_inputs il_model_trained_inputs(const il_model *model);
/* Writes safetensors, or by the path's ending a .pth, .pt or .npz, in PyTorch's layout, under the names of the file that the model came from, or else the
 * net's. Only safetensors keep where statistics come from and what the model was trained on. Atomic. */
IL_API il_status il_model_save(const il_model *model, const char *path);

/* ---- training, evaluation, loss ---- */
/* How far plain training is. */
typedef struct il_fit_progress {
  int epoch, epochs; /* from 1 */
  int64_t steps;     /* mini-batches so far */
  double loss;       /* mean over the epoch's examples, each before the step that it was part of */
} il_fit_progress;
/* Plain training in mini-batches. */
typedef struct il_fit_options {
  int epochs;                    /* passes over the samples */
  int batch;                     /* examples of a mini-batch; the last of an epoch may be smaller */
  double lr;                     /* learning rate */
  const il_optimizer *optimizer; /* a record of optim.h, with its defaults */
  il_loss
      loss; /* cross-entropy takes raw scores, binary cross-entropy the sigmoid of them, squared error targets */
  /* A mini-batch is computed in so many equal parts, in parallel; norm layers take their statistics from each
   * part. 0: 1 for nets with norm layers (the whole mini-batch, as PyTorch), several for others. */
  int parts;
  int64_t steps;             /* stop after so many mini-batches; 0: only epochs count */
  uint64_t seed;             /* order of the examples, dropout, augmentation */
  const il_augment *augment; /* NULL: none */
  il_team *team;             /* threads to compute with */
  void (*progress)(void *user, const il_fit_progress *progress); /* after each epoch; may be NULL */
  void *user;                                                    /* given to progress */
  const volatile sig_atomic_t
      *stop; /* nonzero: IL_ERROR_INTERRUPTED after the mini-batch at hand */
} il_fit_options;
/* Adam 0.001, 5 epochs of mini-batches of 32, cross-entropy, seed 1. */
IL_API il_fit_options il_fit_defaults(void);
/* Trains in mini-batches, in an order drawn anew for each epoch. After an interruption the model holds what was
 * learned so far. */
IL_API il_status il_fit(il_context *context, il_model *model, const il_samples *samples,
                        const il_fit_options *options);

/* scores: [count, outputs], raw (before any sigmoid); norm layers use the model's statistics
 * (il_model_statistics), dropout does nothing. */
IL_API il_status il_predict(il_context *context, const il_model *model, const il_samples *samples,
                            il_team *team, float *scores);
/* How a model does on samples. */
typedef struct il_test_result {
  int64_t correct,
      total;       /* labels: examples; targets: numbers, right when score > 0 as target > 0.5 */
  double accuracy; /* correct / total; with squared error there is none: 0, 0 and NAN */
  double loss;     /* mean */
} il_test_result;
/* The prediction comes from the inputs alone; targets are looked at only to compare. */
IL_API il_status il_test(il_context *context, const il_model *model, const il_samples *samples,
                         il_loss loss, il_team *team, il_test_result *result);
/* What il_test does with scores that are there already. */
IL_API void il_test_scores(const il_samples *samples, il_loss loss, const float *scores,
                           il_test_result *result);

/* ---- meta-learning from samples ---- */
/* How far meta-learning on samples is. */
typedef struct il_meta_progress {
  int64_t step, steps; /* meta-steps that are done, and all */
  double loss,
      accuracy; /* on the query sets, mean since the last call; accuracy NAN with squared error */
} il_meta_progress;
/* Meta-learning on tasks that are cut from samples. */
typedef struct il_meta_options {
  il_episodes episodes;                 /* how tasks are cut */
  int inner_steps;                      /* steps of adaptation */
  double inner_lr;                      /* their learning rate */
  bool first_order;                     /* leave out the derivative of the inner gradient */
  il_query_statistics query_statistics; /* 0: the model's own (a plain one's: SUPPORT) */
  il_loss loss;                         /* of both loops */
  const il_optimizer *optimizer;        /* outer: a record of optim.h, with its defaults */
  double lr;                            /* outer */
  int meta_batch;                       /* tasks of a meta-step */
  int64_t steps;                        /* meta-steps */
  uint64_t seed;                        /* of the tasks */
  il_team *team;                        /* threads to compute with */
  void (*progress)(void *user, const il_meta_progress *progress); /* ten times; may be NULL */
  void *user;                                                     /* given to progress */
  const volatile sig_atomic_t *stop; /* nonzero: IL_ERROR_INTERRUPTED after the meta-step at hand */
} il_meta_options;
/* All classes, 32 shots and 32 queries; 5 inner steps of 0.1; statistics of the support set; Adam 0.001; 500 meta-steps
 * of 8 tasks. */
IL_API il_meta_options il_meta_defaults(void);
/* MAML (meta.h) from the model's parameters on tasks drawn from the samples: each meta-step, the support sets
 * update the parameters and the query sets supply the gradient. The model needs as many
 * outputs as a task (il_model_with_head). After episodes by class, it predicts with the statistics that it was trained
 * with; within all classes, its running statistics are taken anew from the samples. */
IL_API il_status il_meta_fit(il_context *context, il_model *model, const il_samples *samples,
                             const il_meta_options *options);
/* The inner loop on given samples: inner_steps of gradient descent with inner_lr on all of them at once (more than
 * 1,024 samples: that many passes, in mini-batches of 1,024), norm layers taking the statistics of these samples. A
 * model whose statistics are SUPPORT then holds theirs under the adapted parameters; il_predict and il_test so give what
 * il_meta_test measures, whichever way the model was meta-trained. */
IL_API il_status il_adapt(il_context *context, il_model *model, const il_samples *samples,
                          const il_meta_options *options);
/* Accuracy (with squared error: the error) on the query sets of `tasks` tasks drawn from the samples, after `inner_steps` of adaptation to each;
 * mean, and 1.96 standard errors. */
IL_API il_status il_meta_test(il_context *context, const il_model *model, const il_samples *samples,
                              const il_meta_options *options, int tasks, double *mean,
                              double *interval);

#ifdef __cplusplus
}
#endif
#endif
