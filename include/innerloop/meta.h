/* Meta-learning algorithms as records: what one task is, how a learner adapts to it, what it is measured by.
 *
 *   il_task_shape   what a source says of its tasks
 *   il_task         one task, as values of a graph
 *   il_algorithm    a paper's box in pieces: begin, step, score, objective
 *   il_build        one graph being made of them
 *
 * Whoever trains, evaluates, checks or adapts goes through il_build and knows no algorithm by name. */
#ifndef INNERLOOP_META_H
#define INNERLOOP_META_H

#include "grad.h"
#include "nn.h"
#include "optim.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where norm layers take mean and variance from when a task's queries are scored. An inner step always takes those of
 * the examples that it learns from. */
typedef enum il_query_statistics {
  IL_QUERY_STATISTICS_QUERY = 1,   /* transductive: the query set's own */
  IL_QUERY_STATISTICS_SUPPORT = 2, /* the support set's, under the adapted weights */
  IL_QUERY_STATISTICS_EACH = 3,    /* each example's own */
  /* In training, those of support and query set together; they move running statistics, which are taken in
   * evaluation, as PyTorch's train() and eval() do. */
  IL_QUERY_STATISTICS_RUNNING = 4,
} il_query_statistics;
/* "query" "support" "each" "running". */
IL_API const char *il_query_statistics_name(il_query_statistics statistics);

/* What a source says of its tasks, equal for all of a split. */
typedef struct il_task_shape {
  int ways;           /* classes of a task; 1 where there are none */
  int shots, queries; /* support and query examples of each class */
  int support, query; /* examples of a task: ways·shots and ways·queries, or the source's own */
  int outputs;        /* of a net whose last layer is the head */
  il_shape example;   /* of one x: [h,w,c] or [features] */
  il_type x;          /* IL_UINT8: bytes; otherwise the real type of the computation */
  bool targets;       /* y are reals [n, outputs]; else int32 labels [n] */
  il_loss loss;       /* that fits the y */
  double scale;       /* nets see x·scale: 1/255 for pixels */
} il_task_shape;

/* One task: values in the graph, usually task inputs. x real [n, example…]; y int32 [n] or real [n, outputs]. */
typedef struct il_task {
  il_value support_x, support_y, query_x,
      query_y;          /* examples and labels or targets of either set */
  il_value dropout_key; /* int32 [2]; {0}: no dropout */
  il_value order; /* int32 [steps, batch]: the support examples of each inner step; {0}: all */
} il_task;

/* What a task holds beside its examples. */
typedef struct il_task_needs {
  bool key;         /* dropout_key */
  int steps, batch; /* of the order; batch 0: none */
  bool in_turn;     /* the order is that in which examples stand, over and over; else random */
  bool shared;      /* one support set, and one order, for all tasks: adapted to once a run */
  bool unlabelled;  /* no query_y: nobody knows the answers */
  bool no_support, no_query; /* neither x nor y of it, nor the order */
  int vocabulary; /* numbers of x are whole, from 0 to below it, and taken without scale; 0: reals */
} il_task_needs;
/* Makes the task inputs support_x, support_y, query_x, query_y (dropout_key, order) of a graph, in this order; x in the
 * task is real and scaled. */
IL_API void il_task_inputs(il_graph *g, const il_task_shape *shape, il_task_needs needs,
                           il_task *task);

typedef struct il_algorithm il_algorithm;

/* What becomes of inner steps in a graph. */
typedef enum il_inner_loop {
  IL_INNER_UNROLL = 0, /* a copy of each */
  IL_INNER_KEEP =
      1, /* one operation, run so many times, which keeps the state before every step for derivatives */
  IL_INNER_REMAKE =
      2, /* the same, but it keeps the state before every √n-th and makes the others again */
} il_inner_loop;

/* The inner loop of algorithms that take gradient steps. */
typedef struct il_inner {
  int steps;    /* of the inner loop */
  int batch;    /* support examples of a step, by the task's order; 0: all of them */
  bool in_turn; /* that order is the examples' own, from the first on; else random */
  double
      lr; /* multiplies the gradient of the MEAN support loss; meta entries "inner.lr.NAME" or "inner.lr" take its place */
  double l2;                     /* adds l2·w to the gradient; 0: nothing */
  double clip;                   /* longest gradient, all entries together; 0: any */
  bool first_order;              /* the inner gradient counts as a constant of the meta-gradient */
  il_inner_loop loop;            /* what becomes of many steps */
  const il_optimizer *optimizer; /* NULL: sgd */
  const void *settings;          /* of the optimizer */
  const char *adapts; /* names of what it moves: "head", "!head", or patterns with *, comma between;
                         NULL or "": the algorithm's own */
  /* Which of its numbers the outer loop learns, from what they are: "lr", "l2", "clip", reals of the optimizer's settings,
   * comma between; NULL or "": none. Meta entries: "inner.lr", "inner.l2", "inner.clip.log", and of what stays between 0 and 1
   * "inner.momentum.logit". */
  const char *learned;
} il_inner;

/* A graph being made for one task. The caller fills it, algorithms read it. */
typedef struct il_build {
  il_graph *g;                    /* where the task is built */
  const il_net *net;              /* with parameters as in meta */
  const il_algorithm *algorithm;  /* what is built */
  const void *settings;           /* the algorithm's own */
  il_inner inner;                 /* the inner loop */
  il_loss loss;                   /* of both loops */
  il_query_statistics statistics; /* whose statistics norm layers take */
  bool training;                  /* dropout is on, running statistics move */
  int ways;                       /* of the task */
  il_task task;                   /* its data */
  il_values meta;                 /* the net's parameters, then what the algorithm declares */
  il_values carry;                /* with running statistics: theirs; else empty */
  il_values mask; /* reals: where 0, an inner step leaves the number as it is; empty: none */
  int64_t made;   /* meta-steps that were made before the first of those that the graph is for */
  bool whole;     /* for checks: no part of the derivative is left out, as some do at first */
  il_value step_weights; /* real [inner.steps], of an algorithm that weighs them; {0}: none */
  /* In between; the caller leaves them zero. */
  int pass;              /* whose turn it is, for il_apply */
  il_moments moments;    /* the last that were recorded */
  il_value support_loss; /* before the last step */
  struct il_loop *loop;  /* whose step is being made: what differs between steps is a row of it */
} il_build;

/* What a meta-step needs of one task (task values; average them with il_task_mean). */
typedef struct il_outcome {
  il_value loss;         /* on the query set */
  il_value accuracy;     /* {0}: the loss has none */
  il_value support_loss; /* before the last inner step; {0}: there is none */
  il_values gradient;    /* by meta entries */
  il_values carry;       /* what each carry entry saw of this task, by name */
  il_value
      scores; /* of the query set, [n, outputs]; {0}: the algorithm looks at none in training */
} il_outcome;

/* What `check` may ask of a gradient. */
typedef enum il_gradient_kind {
  IL_GRADIENT_EXACT = 1, /* the derivative of the loss */
  IL_GRADIENT_PSEUDO =
      2, /* a direction that is no derivative of it (Reptile; iMAML but where it has converged) */
} il_gradient_kind;

/* One algorithm: constant, one file in src/meta/, one row in algorithms.def. Functions return nothing: errors stay in the
 * context of the graph, as with builders. */
struct il_algorithm {
  const char *name, *paper;  /* as in meta.algorithm; where it was published */
  int revision;              /* of what a saved learner means */
  il_gradient_kind gradient; /* what the outer loop takes */
  bool own_head;             /* the net has no last linear layer: any number of classes */
  /* Training tasks are batches of examples labelled by their class among all that train; how many there are stands in the
   * settings, by the field "classes". Tasks of other splits are as ever. */
  bool all_classes;
  const char *adapts;     /* as il_inner.adapts; NULL: nothing of the net */
  size_t size;            /* of the settings */
  const il_field *fields; /* of the settings */
  /* Appends learned entries to the net's, which are there and flagged already. NULL: none. */
  void (*declare)(il_context *context, const void *settings, il_entries *entries);
  /* Appends values that meta-steps move without learning them, as running statistics are; its objective says what a task
   * saw of each (il_outcome.carry). NULL: none. */
  void (*carry)(il_context *context, const il_net *net, const void *settings, il_entries *entries);
  void (*begin)(il_build *b, il_values *state); /* puts the state before the first inner step */
  void (*step)(il_build *b, il_values *state, int k); /* the k-th, from 0; NULL: none */
  /* What follows the steps, however many they were, before queries are scored. NULL: nothing. */
  void (*end)(il_build *b, il_values *state);
  /* Scores [n, outputs] of x after k steps; knows neither whether x is support or query, nor whose statistics are taken. */
  il_value (*score)(il_build *b, const il_values *state, il_value x, int k);
  /* Loss and gradient of a meta-step; NULL: il_query_objective. */
  void (*objective)(il_build *b, il_outcome *out);
  /* The graph of a meta-step after `made` others (il_build.made) is that of those that follow, until this many are made;
   * INT64_MAX: from then on always. NULL: it is one graph always. */
  int64_t (*until)(const void *settings, int64_t made);
  /* Fills il_build.step_weights for the meta-step after `made` others. NULL: takes none. */
  void (*weigh)(const void *settings, int steps, int64_t made, double *weight);
  /* Whether training draws by il_task.dropout_key, also where the net does not. NULL: no. */
  bool (*draws)(const void *settings);
};

/* Finn, Abbeel, Levine, ICML 2017. With inner.first_order: FOMAML. */
extern IL_API const il_algorithm il_maml;
/* Raghu et al., ICLR 2020: only the head adapts. */
extern IL_API const il_algorithm il_anil;
/* Oh et al., ICLR 2021: all but the head adapts. */
extern IL_API const il_algorithm il_boil;
/* Li et al., 2017: an inner rate of its own for every number, learned. */
typedef struct il_meta_sgd_settings {
  double low, high; /* rates start evenly drawn between */
} il_meta_sgd_settings;
/* Li et al., 2017: learned rates, one for each parameter. */
extern IL_API const il_algorithm il_meta_sgd;
/* How features are compared. */
typedef enum il_distance {
  IL_DISTANCE_EUCLIDEAN = 1, /* −|a − b|² */
  IL_DISTANCE_COSINE = 2,    /* a·b / (|a|·|b|) */
} il_distance;
/* Settings of what compares features. */
typedef struct il_distance_settings {
  il_distance distance; /* how */
  double scale;         /* multiplies it */
  bool learned;         /* the scale is the first value of one that is learned */
} il_distance_settings;
/* Snell, Swersky, Zemel, NIPS 2017: distances to class means; no inner step. Settings: il_distance_settings. */
extern IL_API const il_algorithm il_protonet;
/* Settings of Reptile. */
typedef struct il_reptile_settings {
  bool carried;  /* mean squares of the inner il_rmsprop go on from task to task */
  double square; /* what they start at */
} il_reptile_settings;
/* Nichol, Achiam, Schulman, 2018: towards the adapted weights. Settings: il_reptile_settings. */
extern IL_API const il_algorithm il_reptile;

/* Triantafillou et al., ICLR 2020: MAML from the prototypes' head on. */
extern IL_API const il_algorithm il_protomaml;
/* Zintgraf et al., ICML 2019: only a context adapts, which the net takes in at one layer. */
typedef struct il_cavia_settings {
  int contexts;      /* numbers of the context */
  const char *layer; /* "norm3", "linear1"; "": chosen */
} il_cavia_settings;
/* CAVIA; settings: il_cavia_settings. */
extern IL_API const il_algorithm il_cavia;
/* Antoniou, Edwards, Storkey, ICLR 2019: MAML with learned rates of each layer and step, and losses after every step. */
typedef struct il_mamlpp_settings {
  int steps; /* that have rates, norm scales and shifts of their own; later ones take the last's. 0: one for all, but in
              * configurations as many as inner.steps */
  double lr; /* the learned rates start at it */
  bool step_norm;      /* whether norm scales and shifts that do not adapt have such values */
  int64_t multi_step;  /* meta-steps, from the first, whose loss is that after every inner step */
  int64_t first_order; /* meta-steps, from the first, of first order */
  int64_t epoch;       /* meta-steps for which the weights of the inner steps stay the same */
} il_mamlpp_settings;
/* MAML++; settings: il_mamlpp_settings. */
extern IL_API const il_algorithm il_mamlpp;
/* Park & Oliva, NeurIPS 2019: learned matrices multiply the inner gradient. */
extern IL_API const il_algorithm il_meta_curvature;
/* What solves for iMAML's implicit gradient. */
typedef enum il_imaml_solver {
  IL_IMAML_CG = 1,      /* conjugate gradients */
  IL_IMAML_NEUMANN = 2, /* terms of Neumann's series */
} il_imaml_solver;
/* When the inner loop of iMAML is pulled towards where it starts. */
typedef enum il_imaml_pull {
  IL_IMAML_PULL_EACH = 1, /* in each of its steps */
  IL_IMAML_PULL_END = 2,  /* by one step of its own behind the last */
} il_imaml_pull;
/* Rajeswaran, Finn, Kakade, Levine, NeurIPS 2019: the gradient of the inner loop's minimum. */
typedef struct il_imaml_settings {
  double proximal; /* λ: how much the inner loop is held at where it starts, λ/2·|φ − θ|² */
  il_imaml_pull pull;     /* when */
  double damping;         /* added to λ in the system that is solved */
  il_imaml_solver solver; /* of that system */
  int solver_steps;       /* its steps, or terms */
} il_imaml_settings;
/* iMAML; settings: il_imaml_settings. */
extern IL_API const il_algorithm il_imaml;
/* Vinyals et al., NIPS 2016, without full context embeddings: attention over support examples. Settings: il_distance_settings. */
extern IL_API const il_algorithm il_matching;
/* Bertinetto, Henriques, Torr, Vedaldi, ICLR 2019: ridge regression on the features. */
typedef struct il_ridge_settings {
  double l2;    /* λ, weight of the squared length; R2-D2 learns it from there on */
  double scale; /* of the scores; starts at, and is learned */
} il_ridge_settings;
/* R2-D2; settings: il_ridge_settings. */
extern IL_API const il_algorithm il_r2d2;
/* Lee, Maji, Ravichandran, Soatto, CVPR 2019, with its ridge regression: no intercept, λ as it is. Settings: il_ridge_settings. */
extern IL_API const il_algorithm il_metaoptnet;

/* Sung et al., CVPR 2018: a second net says how much a class's feature maps and a query's belong together. */
typedef struct il_relation_settings {
  int filters, units; /* of its two convolutions; of its first linear layer */
} il_relation_settings;
/* Relation Network; settings: il_relation_settings. */
extern IL_API const il_algorithm il_relation;

/* What is learned before all tasks: to tell the training classes apart. */
typedef struct il_pretrain_settings {
  int classes;  /* that train; 0: those that there are, which who trains fills in */
  double scale; /* of cosines */
  bool learned; /* the scale is the first value of one that is learned */
  bool centre;  /* features have the mean of the training classes' taken off */
} il_pretrain_settings;
/* Chen et al., ICLR 2019: pre-training, then a linear head fitted to a task's support set. Settings: il_pretrain_settings. */
extern IL_API const il_algorithm il_baseline;
/* The same with cosines for scores. Settings: il_pretrain_settings. */
extern IL_API const il_algorithm il_baselinepp;
/* Wang et al., 2019: pre-training, then nearest class means of centred features of length 1. Settings: il_pretrain_settings. */
extern IL_API const il_algorithm il_simpleshot;

/* Which inner rates are learned. */
typedef enum il_hyper_rates {
  IL_HYPER_RATES_NONE = 0,   /* none: inner.lr */
  IL_HYPER_RATES_ONE = 1,    /* one, "inner.lr" */
  IL_HYPER_RATES_TENSOR = 2, /* one for each parameter that adapts, "inner.lr.NAME" */
  IL_HYPER_RATES_STEP = 3,   /* one for each inner step, "inner.lr" [steps] */
} il_hyper_rates;
/* What learned hyperparameters are judged by. */
typedef enum il_hyper_loss {
  IL_HYPER_LOSS_STEPS = 0, /* the mean of what inner steps descend, before each of them */
  IL_HYPER_LOSS_QUERY = 1, /* the query loss after them */
} il_hyper_loss;
/* Where the inner loop starts. */
typedef enum il_hyper_start {
  IL_HYPER_START_SAME = 0,  /* at the net's first values, which stay as they were drawn */
  IL_HYPER_START_FRESH = 1, /* in training at values drawn for each task */
} il_hyper_start;
/* Maclaurin, Duvenaud, Adams, ICML 2015: hyperparameters of a training are learned by the derivative through it. */
typedef struct il_hyper_settings {
  il_hyper_rates rates; /* that are learned */
  double lr;            /* these start at it */
  int steps;            /* with one for each step: how many; later steps take the last */
  il_hyper_loss loss;   /* see there */
  int last;             /* of the steps: only so many, the last ones; 0: all */
  il_hyper_start start; /* see there */
} il_hyper_settings;
/* The inner loop trains what adapts, from values that are not learned; all others are learned, and the inner rates.
 * Settings: il_hyper_settings. */
extern IL_API const il_algorithm il_hyper;

/* How many algorithms there are. */
IL_API int il_algorithms(void);
/* The index-th of them, from 0. */
IL_API const il_algorithm *il_algorithm_at(int index);
IL_API const il_algorithm *il_algorithm_find(const char *name); /* NULL: none */

/* ---- entries ---- */
/* The net's parameters; those of its last linear layer are flagged IL_HEAD. Without a net, after an error: none. */
IL_API il_status il_net_entries(il_context *context, const il_net *net, il_entries *entries);
/* Meta entries: the net's parameters (the head flagged), then what the algorithm declares; flagged IL_ADAPTS as
 * inner.adapts says. settings NULL: the defaults of the algorithm's fields. */
IL_API il_status il_meta_entries(il_context *context, const il_net *net,
                                 const il_algorithm *algorithm, const il_inner *inner,
                                 const void *settings, il_entries *entries);
/* Running mean and variance of each norm layer: "norm1.running_mean" (0 at first), "norm1.running_var" (1). */
IL_API il_status il_carry_entries(il_context *context, const il_net *net, il_entries *entries);

/* ---- the driver's part ---- */
/* Checks what was filled in. False: an error stands in the context. */
IL_API bool il_build_check(il_build *b);
/* The state before the first inner step. */
IL_API void il_build_begin(il_build *b, il_values *state);
/* Inner steps from … to − 1; none where the algorithm makes none. */
IL_API void il_build_adapt(il_build *b, il_values *state, int from, int to);
/* The state by which queries are scored after these steps; that from which more steps go on stays as it is. */
IL_API il_values il_build_end(il_build *b, const il_values *state);
/* Scores of the query set after k steps, under the build's statistics. */
IL_API il_value il_build_query(il_build *b, const il_values *state, int k);
/* The whole of a meta-step for one task. */
IL_API il_status il_build_outcome(il_build *b, il_outcome *out);
/* The next carry values, from their means over tasks: 0.9·old + 0.1·seen, as PyTorch's (momentum 0.1); those that are
 * IL_REPLACED: seen. */
IL_API il_values il_carry_next(il_build *b, const il_outcome *out);

/* ---- for algorithms ---- */
/* The net applied to x (support_x, query_x or another batch); parameters are the state's where it has them, else the meta
 * ones. Statistics are whose turn it is. */
IL_API il_value il_apply(il_build *b, const il_values *state, il_value x, int k);
/* The mean loss on the support set before step k, or on the step's mini-batch where the task has an order. */
IL_API il_value il_support_loss(il_build *b, const il_values *state, int k);
/* The mean query loss after all inner steps, differentiated. */
IL_API void il_query_objective(il_build *b, il_outcome *out);
/* The mean query loss of scores. */
IL_API il_value il_query_loss(il_build *b, il_value scores);
/* begin and step of all algorithms whose inner loop descends the support loss: MAML's, with any optimizer, rates and
 * mask. State: the adapting entries, then the optimizer's slots. Rates: the meta entry "inner.lr.NAME" or "inner.lr" where
 * the algorithm declares one (of the step, if it is IL_EACH_STEP), else inner.lr. */
IL_API void il_gradient_begin(il_build *b, il_values *state);
/* The k-th inner step of MAML and its kin: gradient descent on the support set. */
IL_API void il_gradient_step(il_build *b, il_values *state, int k);
/* The parts of both. The meta entries that adapt: */
IL_API il_values il_adapting(il_build *b);
/* The state that adapts from these values on (flagged IL_ADAPTS, wrapped by il_leaf), and the optimizer's slots: */
IL_API void il_inner_begin(il_build *b, const il_values *start, il_values *state);
/* ∂loss/∂(what adapts), by its names; with inner.first_order a constant, but for l2·w and what clipping takes: */
IL_API il_values il_inner_gradient(il_build *b, il_value loss, const il_values *state);
/* The k-th update by it: */
IL_API void il_inner_update(il_build *b, il_values *state, const il_values *gradient, int k);
/* Names what is made until il_scope_pop "inner step k+1". */
IL_API void il_step_scope(il_build *b, int k);
/* Of an entry's value, what step k takes: itself or, where the entry is IL_EACH_STEP, row k, or the last. */
IL_API il_value il_step_value(il_build *b, il_entry entry, il_value value, int k);
/* il_apply: scores of a net that has its head. */
IL_API il_value il_net_score(il_build *b, const il_values *state, il_value x, int k);
/* Mean of the rows of f [n, features] of each class: [ways, features]; labels int32 [n]. A class without example: 0. */
IL_API il_value il_class_means(il_build *b, il_value f, il_value labels);

#ifdef __cplusplus
}
#endif
#endif
