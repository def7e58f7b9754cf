/* Candidates that walk down the training loss: SWAG's path, the Langevin chain, the members of an ensemble. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/random.h"
#include "greedy/greedy.h"

/* Some vectors walking together, each with its own order of mini-batches. */
typedef struct walk {
  il_engine *e;
  int members, batch;    /* batch 0: the whole training part */
  double *at, *gradient; /* [members][scalars] */
  int32_t *permutation;  /* [members][examples] */
  int32_t *index;        /* [members][batch] */
  int64_t step, steps;   /* done, and of all */
} walk;

static il_status walk_init(walk *w, il_engine *e, int members, int64_t steps) {
  size_t m = (size_t)members, n = (size_t)e->scalars, examples = (size_t)e->train->count;
  int batch = e->o->candidates.batch;
  *w = (walk){
      .e = e, .members = members, .steps = steps, .batch = batch < e->train->count ? batch : 0};
  w->at = calloc(2 * m * n + 1, sizeof *w->at);
  w->permutation = calloc(m * examples + m * (size_t)w->batch + 1, sizeof *w->permutation);
  if (!w->at || !w->permutation) return il_fail_memory(e->context, "walking candidates");
  w->gradient = w->at + m * n;
  w->index = w->permutation + m * examples;
  return IL_OK;
}

static void walk_free(walk *w) {
  free(w->at);
  free(w->permutation);
}

/* Rows of the next mini-batches: epochs are shuffled anew, a rest that fills no batch is left out. */
static void pick(walk *w) {
  int n = w->e->train->count;
  int64_t each = n / w->batch, epoch = w->step / each, place = w->step % each;
  for (int m = 0; m < w->members; m++) {
    int32_t *p = w->permutation + (int64_t)m * n;
    if (place == 0) {
      il_random random = il_random_start(
          il_random_mix(il_random_mix(w->e->o->seed, 2), (uint64_t)m), (uint64_t)epoch);
      for (int i = 0; i < n; i++) p[i] = i;
      for (int i = n - 1; i > 0; i--) {
        int j = (int)il_random_below(&random, (uint32_t)i + 1);
        int32_t other = p[i];
        p[i] = p[j];
        p[j] = other;
      }
    }
    memcpy(w->index + m * w->batch, p + place * w->batch, (size_t)w->batch * sizeof *p);
  }
}

/* Gradients of the mean training loss where the members stand. */
static il_status look(walk *w) {
  const il_greedy_options *o = w->e->o;
  if (o->stop && *o->stop)
    return il_fail(w->e->context, IL_ERROR_INTERRUPTED,
                   "stopped after %lld of %lld steps of the candidates", (long long)w->step,
                   (long long)w->steps);
  if (w->batch) pick(w);
  w->step++;
  il_status status =
      il_engine_descent(w->e, w->members, w->at, w->batch ? w->index : NULL, w->gradient);
  if (status == IL_OK && o->walking) o->walking(o->user, w->step, w->steps);
  return status;
}

static il_status descend(walk *w) {
  il_status status = look(w);
  double lr = w->e->o->candidates.lr;
  for (int64_t i = 0; i < w->members * w->e->scalars; i++) w->at[i] -= lr * w->gradient[i];
  return status;
}

/* Maddox et al. 2019, Algorithm 1: moments after each step, deviations from the running mean for the last `rank` steps;
 * covariance ½·(diag + D·Dᵀ/(rank − 1)). */
il_status il_candidates_swag(il_candidates *c, il_engine *e, const double *theta) {
  const il_candidates_options *o = &e->o->candidates;
  walk w;
  int64_t n = c->scalars;
  il_status status = walk_init(&w, e, 1, o->steps);
  if (status == IL_OK) memcpy(w.at, theta, (size_t)n * sizeof *theta);
  memset(c->mean, 0, (size_t)n * sizeof(double));
  memset(c->diagonal, 0, (size_t)n * sizeof(double));
  for (int t = 1; t <= o->steps && status == IL_OK; t++) {
    status = descend(&w);
    int kept = t - 1 - (o->steps - c->rank);
    for (int64_t i = 0; i < n; i++) {
      /* Welford's update: the second moment about the mean without cancellation. */
      double before = w.at[i] - c->mean[i];
      c->mean[i] += before / t;
      double after = w.at[i] - c->mean[i];
      c->diagonal[i] += before * after;
      if (kept >= 0) c->low[kept * n + i] = after;
    }
  }
  for (int64_t i = 0; i < n; i++)
    c->diagonal[i] = fmax(0.5 * c->diagonal[i] / o->steps, IL_CANDIDATES_FLOOR);
  for (int64_t i = 0; i < c->rank * n; i++) c->low[i] /= sqrt(2.0 * (c->rank - 1));
  walk_free(&w);
  return status;
}

/* Welling & Teh 2011, equation 4, with a constant ε: θ += ε/2·∇ log posterior + √ε·normal. */
il_status il_candidates_sgld(il_candidates *c, il_engine *e, const double *theta) {
  const il_candidates_options *o = &e->o->candidates;
  walk w;
  int64_t n = c->scalars, steps = o->burn_in + (int64_t)(c->count - 1) * o->steps;
  int next = 0;
  il_status status = walk_init(&w, e, 1, steps);
  if (status == IL_OK) memcpy(w.at, theta, (size_t)n * sizeof *theta);
  for (int64_t t = 0; status == IL_OK; t++) {
    if (t >= o->burn_in && (t - o->burn_in) % o->steps == 0)
      memcpy(c->draw + next++ * n, w.at, (size_t)n * sizeof(double));
    if (t == steps) break;
    status = look(&w);
    il_random random = il_random_start(il_random_mix(e->o->seed, 3), (uint64_t)t);
    for (int64_t i = 0; i < n; i++)
      w.at[i] += -0.5 * o->lr * (e->scale[0] * w.gradient[i] + o->prior * w.at[i]) +
                 sqrt(o->lr) * il_random_normal01(&random);
  }
  walk_free(&w);
  return status;
}

/* Each member starts near θ and sees the training part in its own order. */
il_status il_candidates_ensemble(il_candidates *c, il_engine *e, const double *theta) {
  const il_candidates_options *o = &e->o->candidates;
  walk w;
  int64_t n = c->scalars;
  il_status status = walk_init(&w, e, c->count, o->steps);
  for (int m = 0; m < c->count && status == IL_OK; m++) {
    il_random random = il_random_start(il_random_mix(e->o->seed, 4), (uint64_t)m);
    for (int64_t i = 0; i < n; i++)
      w.at[m * n + i] = theta[i] + o->spread * il_random_normal01(&random);
  }
  for (int t = 0; t < o->steps && status == IL_OK; t++) status = descend(&w);
  if (status == IL_OK) memcpy(c->draw, w.at, (size_t)(c->count * n) * sizeof(double));
  walk_free(&w);
  return status;
}
