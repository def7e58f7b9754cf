/* Greedy updates: change only the parameters that matter.
 *
 * A rule says which: a score for each unit of parameters (a scalar, channel, tensor or layer), how many units,
 * and what the update may cost. The rule serves two algorithms:
 *   il_greedy_run        the four steps: candidates of the parameters from a training part, the gradient of each
 *                        candidate's held-out loss, an update where the expected gradient is largest, until nothing changes
 *   il_evaluate_greedy   the inner loop of a meta-trained net, restricted to the best units
 * Formulas stand in docs/greedy.md. No result depends on the number of threads. */
#ifndef INNERLOOP_GREEDY_H
#define INNERLOOP_GREEDY_H

#include <signal.h>

#include "fit.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- which parameters ---- */
/* What is chosen, or left out, as one. */
typedef enum il_greedy_granularity {
  IL_GREEDY_SCALAR = 1, /* each number on its own: with one unit a step, the Gauss-Southwell rule */
  IL_GREEDY_CHANNEL = 2, /* an output channel of a layer: its weights, and its bias */
  IL_GREEDY_TENSOR = 3,  /* "conv1.weight" */
  IL_GREEDY_LAYER = 4,   /* all parameters of a layer */
} il_greedy_granularity;

/* What a unit is chosen by. */
typedef enum il_greedy_score {
  IL_GREEDY_GRADIENT = 1, /* length of the expected gradient: ‖E g‖ over the unit's scalars */
  IL_GREEDY_FISHER = 2,   /* expected square: Σ E g² */
  IL_GREEDY_NEWTON = 3,   /* gradient over curvature: ‖E g / (h + damping)‖ */
  IL_GREEDY_RANDOM = 4,   /* the same random order always: what the others have to beat */
} il_greedy_score;

enum { IL_GREEDY_TEXT = 320 }; /* bytes of a sentence */

/* What the score is divided by. */
typedef enum il_greedy_price {
  IL_GREEDY_FREE = 0,          /* the score itself */
  IL_GREEDY_PER_BYTE = 1,      /* divided by the bytes that updating this unit alone needs */
  IL_GREEDY_PER_OPERATION = 2, /* divided by its operations */
} il_greedy_price;

/* Which units a step updates: those with the best scores, within the limits. */
typedef struct il_greedy_rule {
  il_greedy_granularity granularity; /* what a unit is */
  il_greedy_score score;             /* what is best */
  il_greedy_price price;             /* what the score is divided by */
  double damping;                    /* newton */
  int64_t count;                     /* most units; 0: no limit */
  double fraction; /* most scalars, as a share of all, in (0, 1]: max(1, ⌊fraction·all⌋) */
  uint64_t budget_bytes, budget_operations; /* 0: no limit */
} il_greedy_rule;
/* Scalars, gradient, free, damping 1e-3, everything. */
IL_API il_greedy_rule il_greedy_rule_defaults(void);
/* IL_ERROR_ARGUMENT for a rule that cannot be. */
IL_API il_status il_greedy_rule_check(il_context *context, const il_greedy_rule *rule);

/* What a choice of units costs an update that computes nothing else (docs/greedy.md has the model): bytes for the new
 * values, gradients and indexes of the chosen scalars and for the activations that their gradients need;
 * operations of the backward pass down to the first chosen layer and of the update. */
typedef struct il_greedy_choice {
  int64_t units, scalars;     /* chosen ones, and numbers in them */
  uint64_t bytes, operations; /* that the update needs */
} il_greedy_choice;

enum { IL_GREEDY_PARAMETERS = 256 }; /* of a net that is cut into units, at most */
/* A net's parameters cut into units, and what updating them costs. */
typedef struct il_greedy_units il_greedy_units;
/* examples: batch that an update sees, real: its numbers; both enter the costs. The net must outlive the units. */
IL_API il_greedy_units *il_greedy_units_new(il_context *context, const il_net *net,
                                            il_greedy_granularity granularity, int64_t examples,
                                            il_type real);
IL_API void il_greedy_units_free(il_greedy_units *units); /* accepts NULL */
/* How many units there are. */
IL_API int64_t il_greedy_units_count(const il_greedy_units *units);
/* How many numbers they have in all. */
IL_API int64_t il_greedy_units_scalars(const il_greedy_units *units);
/* The unit that scalar `index` of a parameter belongs to. */
IL_API int64_t il_greedy_unit_of(const il_greedy_units *units, int parameter, int64_t index);
/* score[unit] from measure[parameter] (reals of `type`: E g, E g², or E g/(h + damping), as il_greedy_measure gives):
 * summed over the unit's scalars in order of parameters, in double. */
IL_API void il_greedy_unit_scores(const il_greedy_units *units, il_greedy_score score, il_type type,
                                  const void *const *measure, double *unit_score);
/* order: units by score (divided by the price) from high to low; ties and what is not a number: lowest index
 * first, the latter at the end. Allocates; false: no memory (nothing is reported, so that workers may call it). */
IL_API bool il_greedy_order(const il_greedy_units *units, const il_greedy_rule *rule,
                            const double *unit_score, uint32_t *order);
/* Whether a single unit keeps within the rule's fraction and budgets, so that something can be taken at all. If not, `why`
 * (size bytes) says what they allow and what the smallest unit needs. */
IL_API bool il_greedy_fits(const il_greedy_units *units, const il_greedy_rule *rule, char *why,
                           size_t size);
/* Takes units in order. One that would exceed the fraction or a budget is passed over; count ends
 * the walk. mask[parameter] receives 1 for each chosen scalar, else 0. */
IL_API void il_greedy_take(const il_greedy_units *units, const il_greedy_rule *rule,
                           const uint32_t *order, uint8_t *const *mask, il_greedy_choice *choice);

/* ---- scores as graph ---- */
/* gradient[p] = ∂L/∂parameter[p] with L the mean loss on (x, y) under batch statistics, and measure[p]:
 *   gradient  the same
 *   fisher    (1/n)·Σ_n (∂ℓ_n/∂parameter[p])², ℓ_n the loss of example n
 *   newton    gradient[p] / (h[p] + damping), h as below
 * One backward pass; fisher one per example, newton one per example and output. */
IL_API il_status il_greedy_measure(il_graph *g, const il_net *net, const il_greedy_rule *rule,
                                   il_loss loss, const il_value *parameters, il_value x, il_value y,
                                   il_value *gradient, il_value *measure);
/* h[p], under these statistics (il_net_apply): the diagonal of the generalised Gauss-Newton matrix of the mean loss, exactly (Schraudolph, Neural
 * Computation 2002): Σ_n J_nᵀ·H_n·J_n, J_n the derivative of example n's scores, H_n that of the loss by them. */
IL_API il_status il_greedy_curvature(il_graph *g, const il_net *net, il_loss loss,
                                     const il_value *parameters, il_value x,
                                     il_statistics statistics, il_moments *moments, il_value *h);
/* ---- the four steps ---- */
/* Step 1: where candidates of the parameters come from. All draws are pure functions of the seed and the same at every
 * step, so that "nothing changes any more" can be reached. */
typedef enum il_candidates_kind {
  IL_CANDIDATES_LAPLACE =
      1, /* Gaussian around θ, precision from the curvature: MacKay 1992, diagonal */
  IL_CANDIDATES_SWAG = 2,     /* Gaussian of an SGD path: Maddox et al., NeurIPS 2019 */
  IL_CANDIDATES_SGLD = 3,     /* a Langevin chain: Welling & Teh, ICML 2011 */
  IL_CANDIDATES_ENSEMBLE = 4, /* members trained apart: Lakshminarayanan et al., NIPS 2017 */
} il_candidates_kind;
/* Where the candidates for a step come from. */
typedef struct il_candidates_options {
  il_candidates_kind kind; /* what they are drawn from */
  int count; /* candidates, 2 or more; laplace and swag draw them in pairs around the mean: even */
  double prior;  /* λ: precision of the Gaussian prior around 0 (laplace, sgld) */
  double noise;  /* σ of an observation, for squared error: the loss as a likelihood */
  int steps;     /* swag: of the path; sgld: between candidates; ensemble: of each member */
  int burn_in;   /* sgld: steps before the first candidate */
  double lr;     /* swag, ensemble: of SGD on the mean loss; sgld: ε */
  int batch;     /* examples of one of these steps; 0: the whole training part */
  int rank;      /* swag: deviations kept, 2 or more */
  double spread; /* ensemble: sd of the members' starts around θ */
} il_candidates_options;
/* Laplace, 8 candidates, prior 100, noise 1, 20 steps, burn-in 100, lr 0.01, whole batches, rank 8, spread 0.1. */
IL_API il_candidates_options il_candidates_defaults(void);

/* Examples in the caller's memory. x [count, example…] in the type of the computation, or IL_UINT8: pixels, which the
 * net sees divided by 255. */
typedef struct il_greedy_part {
  int count;            /* examples */
  il_type type;         /* of x */
  const void *x;        /* [count, example…] */
  const int32_t *label; /* [count]; NULL: targets */
  const void *target;   /* reals of the computation [count, outputs]; NULL: labels */
} il_greedy_part;

/* What one step found: the article's four quantities among it. Arrays live during the call only. */
typedef struct il_greedy_report {
  int step;                   /* from 1 */
  int candidates, parameters; /* how many there are */
  const double *log_p;        /* [candidates]: log density under the candidate distribution */
  const double
      *log_q; /* [candidates]: log p + log likelihood of the held-out part: their joint density */
  const double *held_loss;              /* [candidates]: mean held-out loss */
  const double *variance;               /* [parameters]: F, mean over the tensor's scalars */
  const double *gradient_norm;          /* [parameters]: ‖G‖ of the tensor */
  double mean_log_p, mean_log_q, loss;  /* means over candidates */
  double variance_mean;                 /* F, mean over all scalars */
  double gradient_length, gradient_max; /* ‖G‖, max |G| over all scalars */
  il_greedy_choice choice;              /* what this step updated */
  int64_t touched;                      /* different scalars updated so far */
  double change;                        /* max |θ after − θ before| */
} il_greedy_report;

/* The four steps, repeated. */
typedef struct il_greedy_options {
  il_greedy_rule rule;              /* which units a step updates */
  il_candidates_options candidates; /* where they come from */
  il_loss loss;                     /* of both parts */
  double lr;        /* step 3: θ −= lr·G where chosen (score newton: lr·G/(h + damping)) */
  double tolerance; /* step 4: stop when no scalar changes by more */
  int steps;        /* and at the latest after so many */
  bool keep_choice; /* the first step's choice for all steps */
  /* Mean and variance of each norm layer in turn, reals [channels]: constants of the net. NULL: each batch's own. */
  const void *const *moments;
  uint64_t seed;                                                /* of the candidates */
  struct il_team *team;                                         /* threads to compute with */
  void (*progress)(void *user, const il_greedy_report *report); /* may be NULL */
  /* While the candidates of a step walk (swag, sgld, ensemble), which can take longer than all else: after each of
   * their gradient steps, how many of all are done. May be NULL. */
  void (*walking)(void *user, int64_t done, int64_t all);
  void *user;                        /* given to both */
  const volatile sig_atomic_t *stop; /* nonzero: IL_ERROR_INTERRUPTED, soon; may be NULL */
} il_greedy_options;
/* Default rule and candidates, cross-entropy, lr 0.1, tolerance 1e-5, 100 steps, seed 1. */
IL_API il_greedy_options il_greedy_defaults(void);
/* What a run of greedy steps came to. */
typedef struct il_greedy_result {
  int steps;    /* that were taken */
  bool settled; /* stopped by the tolerance */
  double first_loss,
      last_loss;            /* mean held-out loss over the candidates, of the first and last step */
  int64_t scalars, touched; /* of the net, and how many of them changed */
  uint64_t most_bytes, most_operations; /* of one step */
  /* il_greedy_fits: why not a single unit could be updated, together with IL_ERROR_ARGUMENT before any work; else "". */
  char left_out[IL_GREEDY_TEXT];
} il_greedy_result;
/* weights[parameter]: reals in engine layout; read as the start θ, and overwritten with the result: θ for laplace, and
 * for the others the mean of θ's candidates, which is what their held-out loss speaks about. After an interruption: θ. */
IL_API il_status il_greedy_run(il_context *context, const il_net *net, il_type real,
                               const il_greedy_options *options, const il_greedy_part *train,
                               const il_greedy_part *held, void *const *weights,
                               il_greedy_result *result);

/* The four steps on a model: of the samples the share `held_out` gives the gradient, the rest makes the candidates. Norm
 * layers keep their running statistics. */
typedef struct il_fit_greedy_options {
  il_greedy_options greedy; /* moments are the model's */
  double held_out;          /* in (0, 1); drawn by the seed, as il_samples_hold_out */
  const char *metrics;      /* a JSON line for each step; may be NULL */
  bool append;              /* to what the file holds already */
} il_fit_greedy_options;
/* The greedy algorithm's, half of the samples held out, no metrics. */
IL_API il_fit_greedy_options il_fit_greedy_defaults(void);
/* Greedy steps on samples, one part of which makes candidates while the other gives the gradient. */
IL_API il_status il_fit_greedy(il_context *context, il_model *model, const il_samples *samples,
                               const il_fit_greedy_options *options, il_greedy_result *result);

/* ---- evaluation of a meta-trained run ---- */
enum { IL_GREEDY_FRACTIONS = 16, IL_GREEDY_STEPS = 8 }; /* of a table, at most */
/* How sparse inner loops are evaluated. */
typedef struct il_greedy_evaluate_options {
  /* As of il_evaluate_options (train.h), but eval.steps is not obeyed: refused. */
  const char *data;
  const char *const *settings;          /* see data */
  int tasks;                            /* see data */
  const char *episodes;                 /* see data */
  struct il_team *team;                 /* see data */
  il_greedy_rule rule;                  /* its fraction is replaced by each of the following */
  int fractions;                        /* how many there are */
  double fraction[IL_GREEDY_FRACTIONS]; /* shares of the parameters to update */
  int steps;                            /* numbers of inner steps, ascending */
  int step[IL_GREEDY_STEPS];            /* after which it measures */
} il_greedy_evaluate_options;
/* The default rule at fractions 1, 0.5, 0.2, 0.1, 0.05, 0.01 after 1, 3, 5, 10 steps; eval.tasks tasks; the team is the
 * caller's. */
IL_API il_greedy_evaluate_options il_greedy_evaluate_defaults(void);
/* What came of a number of inner steps. */
typedef struct il_greedy_figure {
  int steps;             /* inner steps */
  double mean, interval; /* accuracy or mean squared error; 1.96·sd/√tasks, NAN of one task */
  double difference,
      difference_interval; /* to the full update after as many steps, over the same tasks */
} il_greedy_figure;
/* The figures of one fraction. */
typedef struct il_greedy_row {
  double fraction;                          /* as asked for; 0: the full update, for comparison */
  double share;                             /* of the scalars: touched, mean over tasks */
  double bytes, operations;                 /* per task, of one inner step: mean over tasks */
  uint64_t most_bytes;                      /* and of the costliest step */
  il_greedy_figure figure[IL_GREEDY_STEPS]; /* by number of steps */
  char left_out[IL_GREEDY_TEXT]; /* il_greedy_fits: why there are no figures; "": there are */
} il_greedy_row;
/* A table: fractions by numbers of steps. */
typedef struct il_greedy_evaluation {
  int tasks, rows, steps;   /* that were tested; of the table: fractions, and numbers of steps */
  bool squared_error;       /* the figures are that, not accuracies */
  int64_t trained, scalars; /* meta-steps of the checkpoint; numbers of the net */
  char tested[512];         /* on what, as il_evaluation says it */
  il_greedy_row row[IL_GREEDY_FRACTIONS + 1]; /* the full update first */
} il_greedy_evaluation;
/* For each test task: the score of each unit on the support set, the best units, and inner steps on these alone; query
 * set's norm statistics as the run was trained with. A fraction in which no unit fits is a row that is left out;
 * IL_ERROR_ARGUMENT when none has a unit that fits. */
IL_API il_status il_evaluate_greedy(il_context *context, const char *run,
                                    const il_greedy_evaluate_options *options,
                                    il_greedy_evaluation *result);

#ifdef __cplusplus
}
#endif
#endif
