/* Step 1 of the greedy algorithm: the candidate distribution, its draws, density and variance. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/random.h"
#include "greedy/greedy.h"

il_candidates_options il_candidates_defaults(void) {
  return (il_candidates_options){.kind = IL_CANDIDATES_LAPLACE,
                                 .count = 8,
                                 .prior = 100,
                                 .noise = 1,
                                 .steps = 20,
                                 .burn_in = 100,
                                 .lr = 0.01,
                                 .rank = 8,
                                 .spread = 0.1};
}

static il_status check(il_context *context, const il_candidates_options *o) {
  bool pairs = o->kind == IL_CANDIDATES_LAPLACE || o->kind == IL_CANDIDATES_SWAG;
  if (o->kind < IL_CANDIDATES_LAPLACE || o->kind > IL_CANDIDATES_ENSEMBLE)
    return il_fail(context, IL_ERROR_ARGUMENT, "candidates: unknown kind %d", (int)o->kind);
  if (o->count < 2 || (pairs && o->count % 2))
    return il_fail(context, IL_ERROR_ARGUMENT, "candidates: count %d; expected 2 or more%s",
                   o->count, pairs ? ", an even number" : "");
  if (!(o->prior > 0) || !(o->noise > 0))
    return il_fail(context, IL_ERROR_ARGUMENT,
                   "candidates: prior %g, noise %g; expected more than 0", o->prior, o->noise);
  if (o->kind == IL_CANDIDATES_SWAG && (o->rank < 2 || o->steps < o->rank))
    return il_fail(context, IL_ERROR_ARGUMENT,
                   "candidates: rank %d, steps %d; expected a rank of 2 or more and as many steps",
                   o->rank, o->steps);
  if (o->steps < 0 || o->burn_in < 0 || o->batch < 0 || !(o->lr > 0) || !(o->spread >= 0) ||
      (o->kind == IL_CANDIDATES_SGLD && o->steps < 1))
    return il_fail(context, IL_ERROR_ARGUMENT,
                   "candidates: steps %d, burn-in %d, batch %d, lr %g, spread %g; none may be "
                   "negative, lr and the steps of a chain not 0",
                   o->steps, o->burn_in, o->batch, o->lr, o->spread);
  return IL_OK;
}

il_status il_candidates_init(il_candidates *c, il_context *context,
                             const il_candidates_options *options, int64_t scalars) {
  *c = (il_candidates){0};
  if (check(context, options) != IL_OK) return il_context_status(context);
  size_t n = (size_t)scalars;
  c->count = options->count;
  c->rank = options->kind == IL_CANDIDATES_SWAG ? options->rank : 0;
  c->scalars = scalars;
  c->draw = calloc((size_t)c->count * n + 1, sizeof *c->draw);
  c->mean = calloc(n + 1, sizeof *c->mean);
  c->diagonal = calloc(n + 1, sizeof *c->diagonal);
  c->low = calloc((size_t)c->rank * n + 1, sizeof *c->low);
  if (c->draw && c->mean && c->diagonal && c->low) return IL_OK;
  il_candidates_free(c);
  return il_fail_memory(context, "candidates");
}

void il_candidates_free(il_candidates *c) {
  free(c->draw);
  free(c->mean);
  free(c->diagonal);
  free(c->low);
  *c = (il_candidates){0};
}

static il_status laplace(il_candidates *c, il_engine *e, const double *theta) {
  const il_candidates_options *o = &e->o->candidates;
  if (il_engine_curvature(e, 0, theta, c->diagonal) != IL_OK) return il_context_status(e->context);
  for (int64_t i = 0; i < c->scalars; i++) {
    c->mean[i] = theta[i];
    c->diagonal[i] = 1 / (e->scale[0] * c->diagonal[i] + o->prior);
  }
  return IL_OK;
}

/* Pairs on both sides of the mean: what is odd in the deviation cancels exactly, so the expected gradient of a quadratic
 * loss is that of the mean itself. */
static void draw_pairs(il_candidates *c, uint64_t seed) {
  for (int pair = 0; pair < c->count / 2; pair++) {
    il_random random = il_random_start(il_random_mix(seed, 1), (uint64_t)pair);
    double *up = c->draw + 2 * pair * c->scalars, *down = up + c->scalars;
    for (int64_t i = 0; i < c->scalars; i++)
      up[i] = sqrt(c->diagonal[i]) * il_random_normal01(&random);
    for (int k = 0; k < c->rank; k++) {
      double z = il_random_normal01(&random);
      for (int64_t i = 0; i < c->scalars; i++) up[i] += z * c->low[k * c->scalars + i];
    }
    for (int64_t i = 0; i < c->scalars; i++) {
      down[i] = c->mean[i] - up[i];
      up[i] = c->mean[i] + up[i];
    }
  }
}

static void take_moments(il_candidates *c) {
  for (int64_t i = 0; i < c->scalars; i++) {
    double sum = 0, squares = 0;
    for (int k = 0; k < c->count; k++) sum += c->draw[k * c->scalars + i];
    c->mean[i] = sum / c->count;
    for (int k = 0; k < c->count; k++) {
      double d = c->draw[k * c->scalars + i] - c->mean[i];
      squares += d * d;
    }
    c->diagonal[i] = fmax(squares / (c->count - 1), IL_CANDIDATES_FLOOR);
  }
}

il_status il_candidates_draw(il_candidates *c, il_engine *e, const double *theta) {
  il_status status = IL_OK;
  switch (e->o->candidates.kind) {
  case IL_CANDIDATES_LAPLACE: status = laplace(c, e, theta); break;
  case IL_CANDIDATES_SWAG: status = il_candidates_swag(c, e, theta); break;
  case IL_CANDIDATES_SGLD: status = il_candidates_sgld(c, e, theta); break;
  case IL_CANDIDATES_ENSEMBLE: status = il_candidates_ensemble(c, e, theta); break;
  }
  if (status != IL_OK) return status;
  if (e->o->candidates.kind <= IL_CANDIDATES_SWAG)
    draw_pairs(c, e->o->seed);
  else
    take_moments(c);
  return IL_OK;
}

void il_candidates_variance(const il_candidates *c, double *variance) {
  for (int64_t i = 0; i < c->scalars; i++) {
    variance[i] = c->diagonal[i];
    for (int k = 0; k < c->rank; k++)
      variance[i] += c->low[k * c->scalars + i] * c->low[k * c->scalars + i];
  }
}

/* Lower triangle of a positive definite matrix into its Cholesky factor, in place. */
static void factorize(int n, double *a) {
  for (int j = 0; j < n; j++) {
    for (int k = 0; k < j; k++)
      for (int i = j; i < n; i++) a[i * n + j] -= a[i * n + k] * a[j * n + k];
    double root = sqrt(a[j * n + j]);
    for (int i = j; i < n; i++) a[i * n + j] /= root;
  }
}

/* With A the diagonal and U the low part (Woodbury; matrix determinant lemma), M = 1 + Uᵀ·A⁻¹·U:
 *   log det = Σ log A + log det M,   rᵀ·(A + U·Uᵀ)⁻¹·r = rᵀ·A⁻¹·r − vᵀ·M⁻¹·v,  v = Uᵀ·A⁻¹·r. */
il_status il_candidates_log_density(const il_candidates *c, il_context *context, double *log_p) {
  int n = c->rank;
  int64_t d = c->scalars;
  double *m = calloc((size_t)n * (size_t)n + (size_t)n + 1, sizeof *m);
  if (!m) return il_fail_memory(context, "the density of candidates");
  double *v = m + n * n, log_det = 0;
  for (int64_t i = 0; i < d; i++) log_det += log(c->diagonal[i]);
  for (int a = 0; a < n; a++)
    for (int b = 0; b <= a; b++) {
      double sum = a == b;
      for (int64_t i = 0; i < d; i++) sum += c->low[a * d + i] * c->low[b * d + i] / c->diagonal[i];
      m[a * n + b] = sum;
    }
  factorize(n, m);
  for (int a = 0; a < n; a++) log_det += 2 * log(m[a * n + a]);
  for (int k = 0; k < c->count; k++) {
    const double *draw = c->draw + k * d;
    double quadratic = 0;
    for (int64_t i = 0; i < d; i++) {
      double r = draw[i] - c->mean[i];
      quadratic += r * r / c->diagonal[i];
    }
    for (int a = 0; a < n; a++) {
      double sum = 0;
      for (int64_t i = 0; i < d; i++)
        sum += c->low[a * d + i] * (draw[i] - c->mean[i]) / c->diagonal[i];
      for (int b = 0; b < a; b++) sum -= m[a * n + b] * v[b];
      v[a] = sum / m[a * n + a];
      quadratic -= v[a] * v[a];
    }
    log_p[k] = -0.5 * (quadratic + log_det + (double)d * log(2 * 3.14159265358979323846));
  }
  free(m);
  return IL_OK;
}
