/* Inside of the greedy algorithm: its plans, and the candidates as one distribution with draws.
 * Parameters lie flat here, one after the other, in double: a vector of `scalars` numbers. */
#ifndef IL_GREEDY_GREEDY_H
#define IL_GREEDY_GREEDY_H

#include <innerloop/function.h>
#include <innerloop/greedy.h>
#include <innerloop/plan.h>

#include "base/team.h"

/* ---- plans (greedy_engine.c) ---- */
typedef struct il_engine_call {
  il_function *function;
  il_run *run;
  int tasks, outputs;
  void **weights, **result; /* memory of inputs [parameter] and outputs */
} il_engine_call;

typedef struct il_engine {
  il_context *context;
  const il_net *net;
  il_type real;
  const il_greedy_options *o;
  const il_greedy_part *train, *held;
  int parameters;
  int64_t scalars;
  int64_t *offset; /* [parameters + 1] of each parameter in a flat vector */
  int outputs;     /* of the net */
  double scale[2]; /* [train, held]: log likelihood = −scale·(mean loss) − constant */
  double constant[2];
  il_engine_call descent;  /* tasks: members; gradients of the training loss */
  il_engine_call query;    /* tasks: candidates; loss, mean gradient, mean square */
  il_engine_call curve[2]; /* curvature of the training and the held-out part */
  void *batch_x, *batch_y; /* mini-batches of all members */
  size_t x_size, y_size;   /* bytes of an example */
} il_engine;

il_status il_engine_init(il_engine *e, il_context *context, const il_net *net, il_type real,
                         const il_greedy_options *options, const il_greedy_part *train,
                         const il_greedy_part *held);
void il_engine_free(il_engine *engine);
/* Gradients of the mean training loss: of `members` flat vectors θ, each on its own rows (index
 * [members][batch]; NULL: the whole part). */
il_status il_engine_descent(il_engine *e, int members, const double *theta, const int32_t *index,
                            double *gradient);
/* Held-out losses of the candidates, the mean of their gradients and (or NULL) of the squares. */
il_status il_engine_query(il_engine *e, int candidates, const double *theta, double *loss,
                          double *mean, double *square);
/* Diagonal curvature of the mean loss of the training (0) or held-out part (1). */
il_status il_engine_curvature(il_engine *e, int part, const double *theta, double *h);

/* ---- candidates (candidates*.c) ---- */
/* Draws and the distribution that they are of: N(mean, diag(diagonal) + low·lowᵀ). For a chain and an ensemble, which
 * have no density of their own, the Gaussian with the moments of the draws. */
typedef struct il_candidates {
  int count, rank;
  int64_t scalars;
  double *draw;     /* [count][scalars] */
  double *mean;     /* [scalars] */
  double *diagonal; /* [scalars] */
  double *low;      /* [rank][scalars] */
} il_candidates;
/* Least variance of a scalar: a density needs one. */
#define IL_CANDIDATES_FLOOR 1e-12

il_status il_candidates_init(il_candidates *c, il_context *context,
                             const il_candidates_options *options, int64_t scalars);
void il_candidates_free(il_candidates *c); /* accepts a zeroed one */
/* Builds the distribution around (laplace) or from θ, and its draws. */
il_status il_candidates_draw(il_candidates *c, il_engine *e, const double *theta);
/* F: variance of each scalar. */
void il_candidates_variance(const il_candidates *c, double *variance);
/* p: log density of each draw. */
il_status il_candidates_log_density(const il_candidates *c, il_context *context, double *log_p);

/* The three that walk (candidates_walk.c); each fills what it knows: swag the distribution, the others draws. */
il_status il_candidates_swag(il_candidates *c, il_engine *e, const double *theta);
il_status il_candidates_sgld(il_candidates *c, il_engine *e, const double *theta);
il_status il_candidates_ensemble(il_candidates *c, il_engine *e, const double *theta);

#endif
