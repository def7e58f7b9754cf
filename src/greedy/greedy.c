/* The greedy algorithm: candidates, their held-out gradients, an update where the expected gradient is largest, until
 * nothing changes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "greedy/greedy.h"

il_greedy_options il_greedy_defaults(void) {
  return (il_greedy_options){.rule = il_greedy_rule_defaults(),
                             .candidates = il_candidates_defaults(),
                             .loss = IL_LOSS_CROSS_ENTROPY,
                             .lr = 0.1,
                             .tolerance = 1e-5,
                             .steps = 100,
                             .seed = 1};
}

typedef struct state {
  il_engine engine;
  il_candidates candidates;
  il_greedy_units *units;
  const il_greedy_options *o;
  double *theta, *gradient, *square, *curvature, *variance; /* [scalars] */
  double *unit_score;
  uint32_t *order;
  uint8_t *flags, *ever, *mask[IL_GREEDY_PARAMETERS]; /* mask: into flags */
  double *log_p, *log_q, *held_loss;                  /* [candidates] */
  double tensor_variance[IL_GREEDY_PARAMETERS], tensor_gradient[IL_GREEDY_PARAMETERS];
} state;

static il_status check(il_context *context, const il_greedy_options *o) {
  if (il_greedy_rule_check(context, &o->rule) != IL_OK) return il_context_status(context);
  if (!(o->lr > 0) || !(o->tolerance >= 0) || o->steps < 1)
    return il_fail(context, IL_ERROR_ARGUMENT,
                   "greedy: lr %g, tolerance %g, steps %d; expected more than 0, 0 or more, 1 or "
                   "more",
                   o->lr, o->tolerance, o->steps);
  return IL_OK;
}

static il_status allocate(state *s, il_greedy_result *result) {
  il_context *context = s->engine.context;
  size_t n = (size_t)s->engine.scalars, c = (size_t)s->o->candidates.count;
  s->units = il_greedy_units_new(context, s->engine.net, s->o->rule.granularity,
                                 s->engine.held->count, s->engine.real);
  if (!s->units) return il_context_status(context);
  if (!il_greedy_fits(s->units, &s->o->rule, result->left_out, sizeof result->left_out))
    return il_fail(context, IL_ERROR_ARGUMENT, "greedy: %s", result->left_out);
  size_t units = (size_t)il_greedy_units_count(s->units);
  s->theta = calloc(5 * n + units + 3 * c + 1, sizeof *s->theta);
  s->order = calloc(units + 1, sizeof *s->order);
  s->flags = calloc(2 * n + 1, 1);
  if (!s->theta || !s->order || !s->flags) return il_fail_memory(context, "the greedy algorithm");
  s->gradient = s->theta + n;
  s->square = s->gradient + n;
  s->curvature = s->square + n;
  s->variance = s->curvature + n;
  s->unit_score = s->variance + n;
  s->log_p = s->unit_score + units;
  s->log_q = s->log_p + c;
  s->held_loss = s->log_q + c;
  s->ever = s->flags + n;
  for (int p = 0; p < s->engine.parameters; p++) s->mask[p] = s->flags + s->engine.offset[p];
  return il_candidates_init(&s->candidates, context, &s->o->candidates, s->engine.scalars);
}

/* Step 2: the gradient of each candidate's held-out loss; measure: what the score is taken from. */
static il_status look(state *s, const double **measure) {
  il_engine *e = &s->engine;
  il_greedy_score score = s->o->rule.score;
  il_status status = il_engine_query(e, s->candidates.count, s->candidates.draw, s->held_loss,
                                     s->gradient, score == IL_GREEDY_FISHER ? s->square : NULL);
  *measure = score == IL_GREEDY_FISHER || score == IL_GREEDY_NEWTON ? s->square : s->gradient;
  if (status == IL_OK && score == IL_GREEDY_NEWTON) {
    status = il_engine_curvature(e, 1, s->candidates.mean, s->curvature);
    for (int64_t i = 0; i < e->scalars; i++)
      s->square[i] = s->gradient[i] / (s->curvature[i] + s->o->rule.damping);
  }
  return status;
}

/* Step 3. The curvature divides the step too where it divides the score. */
static il_status update(state *s, const double *measure, il_greedy_report *r) {
  const il_engine *e = &s->engine;
  if (r->step == 1 || !s->o->keep_choice) {
    const void *at[IL_GREEDY_PARAMETERS];
    for (int p = 0; p < e->parameters; p++) at[p] = measure + e->offset[p];
    il_greedy_unit_scores(s->units, s->o->rule.score, IL_FLOAT64, at, s->unit_score);
    if (!il_greedy_order(s->units, &s->o->rule, s->unit_score, s->order))
      return il_fail_memory(e->context, "the order of units");
    il_greedy_take(s->units, &s->o->rule, s->order, s->mask, &r->choice);
  }
  const double *direction = s->o->rule.score == IL_GREEDY_NEWTON ? measure : s->gradient;
  r->change = 0;
  for (int64_t i = 0; i < e->scalars; i++) {
    if (!s->flags[i]) continue;
    double before = s->theta[i];
    s->theta[i] -= s->o->lr * direction[i];
    r->change = fmax(r->change, fabs(s->theta[i] - before));
    r->touched += !s->ever[i];
    s->ever[i] = 1;
  }
  return IL_OK;
}

static double mean(int n, const double *v) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += v[i];
  return sum / n;
}

/* The four quantities. */
static il_status describe(state *s, il_greedy_report *r) {
  const il_engine *e = &s->engine;
  double total = 0, squares = 0;
  il_candidates_variance(&s->candidates, s->variance);
  r->gradient_max = 0;
  for (int p = 0; p < e->parameters; p++) {
    double f = 0, g = 0;
    for (int64_t i = e->offset[p]; i < e->offset[p + 1]; i++) {
      f += s->variance[i];
      g += s->gradient[i] * s->gradient[i];
      r->gradient_max = fmax(r->gradient_max, fabs(s->gradient[i]));
    }
    s->tensor_variance[p] = f / (double)(e->offset[p + 1] - e->offset[p]);
    s->tensor_gradient[p] = sqrt(g);
    total += f;
    squares += g;
  }
  r->variance_mean = total / (double)e->scalars;
  r->gradient_length = sqrt(squares);
  if (il_candidates_log_density(&s->candidates, e->context, s->log_p) != IL_OK)
    return il_context_status(e->context);
  for (int c = 0; c < r->candidates; c++)
    s->log_q[c] = s->log_p[c] - e->scale[1] * s->held_loss[c] - e->constant[1];
  r->loss = mean(r->candidates, s->held_loss);
  r->mean_log_p = mean(r->candidates, s->log_p);
  r->mean_log_q = mean(r->candidates, s->log_q);
  return IL_OK;
}

static il_status walk(state *s, il_greedy_result *result) {
  il_context *context = s->engine.context;
  const double *measure;
  il_greedy_report r = {.candidates = s->candidates.count,
                        .parameters = s->engine.parameters,
                        .log_p = s->log_p,
                        .log_q = s->log_q,
                        .held_loss = s->held_loss,
                        .variance = s->tensor_variance,
                        .gradient_norm = s->tensor_gradient};
  while (r.step < s->o->steps && !result->settled) {
    if (s->o->stop && *s->o->stop)
      return il_fail(context, IL_ERROR_INTERRUPTED, "stopped after %d greedy steps", r.step);
    r.step++;
    if (il_candidates_draw(&s->candidates, &s->engine, s->theta) != IL_OK ||
        look(s, &measure) != IL_OK || describe(s, &r) != IL_OK)
      return il_context_status(context);
    if (!isfinite(r.loss))
      return il_fail(context, IL_ERROR_DATA,
                     "greedy: the held-out loss of step %d is not finite; a smaller lr helps",
                     r.step);
    if (update(s, measure, &r) != IL_OK) return il_context_status(context);
    result->settled = r.change <= s->o->tolerance;
    if (r.step == 1) result->first_loss = r.loss;
    result->last_loss = r.loss;
    if (r.choice.bytes > result->most_bytes) result->most_bytes = r.choice.bytes;
    if (r.choice.operations > result->most_operations)
      result->most_operations = r.choice.operations;
    if (s->o->progress) s->o->progress(s->o->user, &r);
  }
  result->steps = r.step;
  result->touched = r.touched;
  result->scalars = s->engine.scalars;
  return IL_OK;
}

static void copy(const il_engine *e, bool out, double *theta, void *const *weights) {
  for (int p = 0; p < e->parameters; p++)
    for (int64_t i = e->offset[p], k = 0; i < e->offset[p + 1]; i++, k++) {
      if (e->real == IL_FLOAT32) {
        float *w = weights[p];
        if (out)
          w[k] = (float)theta[i];
        else
          theta[i] = (double)w[k];
      } else {
        double *w = weights[p];
        if (out)
          w[k] = theta[i];
        else
          theta[i] = w[k];
      }
    }
}

il_status il_greedy_run(il_context *context, const il_net *net, il_type real,
                        const il_greedy_options *options, const il_greedy_part *train,
                        const il_greedy_part *held, void *const *weights,
                        il_greedy_result *result) {
  *result = (il_greedy_result){0};
  if (check(context, options) != IL_OK) return il_context_status(context);
  state *s = calloc(1, sizeof *s);
  if (!s) return il_fail_memory(context, "the greedy algorithm");
  s->o = options;
  if (il_engine_init(&s->engine, context, net, real, options, train, held) == IL_OK &&
      allocate(s, result) == IL_OK) {
    copy(&s->engine, false, s->theta, weights);
    il_status status = walk(s, result);
    bool centred = options->candidates.kind == IL_CANDIDATES_LAPLACE;
    if (status == IL_OK && !centred)
      status = il_candidates_draw(&s->candidates, &s->engine, s->theta);
    if (status == IL_OK) copy(&s->engine, true, centred ? s->theta : s->candidates.mean, weights);
    if (status == IL_ERROR_INTERRUPTED) copy(&s->engine, true, s->theta, weights);
  }
  il_candidates_free(&s->candidates);
  il_engine_free(&s->engine);
  il_greedy_units_free(s->units);
  free(s->theta);
  free(s->order);
  free(s->flags);
  free(s);
  return il_context_status(context);
}
