/* The four steps of the greedy algorithm on linear regression, where every quantity has a closed form: candidate
 * distributions, p, Q, F, G, and convergence to the least-squares solution. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "greedy/greedy.h"

enum { N = 6, M = 5, D = 3 };
/* Orthogonal columns: the posterior's covariance is diagonal, so that the diagonal Laplace is the posterior. */
static const double X[N * D] = {1, 1, 1, 1, -1, 1, 1, 1, -1, 1, -1, -1, 2, 0, 0, -1, 0, 0};
static const double Y[N] = {0.5, -1, 2, 0.25, 1.5, -0.75};
static const double HX[M * D] = {0.5, 1, -1, 2, 0.5, 1, -1, 1, 0.5, 1, 2, 1, 0, -1, 1};
static const double HY[M] = {1, -0.5, 0.75, 2, -1.5};
static const double START[D] = {0.3, -0.2, 0.4};
static const double SIGMA = 0.5, PRIOR = 0.7;
static const double LOG_2PI = 1.8378770664093454836;

static il_context *context;
static il_team *team;
static il_net *net; /* y = x·w */

static int setup(void **state) {
  (void)state;
  context = il_context_new();
  team = il_team_new(context, 1);
  il_layer layer = {.kind = IL_LAYER_LINEAR};
  net = il_net_new(context, 1, &layer, IL_SHAPE(D), 1);
  return net ? 0 : -1;
}

static int teardown(void **state) {
  (void)state;
  il_net_free(net);
  il_team_free(team);
  il_context_free(context);
  return 0;
}

static void assert_fine(void) {
  if (il_context_status(context) != IL_OK) fail_msg("%s", il_context_message(context));
}

static void assert_near(double found, double expected, double tolerance) {
  if (!(fabs(found - expected) <= tolerance * (1 + fabs(expected))))
    fail_msg("found %.17g, expected %.17g", found, expected);
}

static const il_greedy_part train = {N, IL_FLOAT64, X, NULL, Y},
                            held = {M, IL_FLOAT64, HX, NULL, HY};

static il_greedy_options options_of(il_candidates_kind kind) {
  il_greedy_options o = il_greedy_defaults();
  o.loss = IL_LOSS_MEAN_SQUARED_ERROR;
  o.team = team;
  o.candidates.kind = kind;
  o.candidates.prior = PRIOR;
  o.candidates.noise = SIGMA;
  return o;
}

/* Mean squared error, its gradient and curvature. */
static double loss_at(int n, const double *x, const double *y, const double *w, double *gradient,
                      double *h) {
  double loss = 0;
  for (int d = 0; d < D; d++) gradient[d] = h[d] = 0;
  for (int i = 0; i < n; i++) {
    double r = -y[i];
    for (int d = 0; d < D; d++) r += x[i * D + d] * w[d];
    loss += r * r / n;
    for (int d = 0; d < D; d++) {
      gradient[d] += 2 * r * x[i * D + d] / n;
      h[d] += 2 * x[i * D + d] * x[i * D + d] / n;
    }
  }
  return loss;
}

/* The candidates of START, with F and log p. */
typedef struct drawn {
  il_engine engine;
  il_candidates c;
  double f[D], log_p[64];
} drawn;

static drawn *draw(const il_greedy_options *o) {
  drawn *d = calloc(1, sizeof *d);
  il_engine_init(&d->engine, context, net, IL_FLOAT64, o, &train, &held);
  il_candidates_init(&d->c, context, &o->candidates, D);
  assert_fine();
  il_candidates_draw(&d->c, &d->engine, START);
  assert_fine();
  il_candidates_variance(&d->c, d->f);
  if (o->candidates.count <= 64) il_candidates_log_density(&d->c, context, d->log_p);
  assert_fine();
  return d;
}

static void drawn_free(drawn *d) {
  il_candidates_free(&d->c);
  il_engine_free(&d->engine);
  free(d);
}

typedef struct seen {
  int steps;
  double loss[512], log_p[64], log_q[64], held_loss[64], variance, gradient_length, gradient_max;
} seen;

static void see(void *user, const il_greedy_report *r) {
  seen *s = user;
  assert_true(r->step <= 512);
  assert_int_equal(r->step, s->steps + 1);
  s->steps = r->step;
  s->loss[r->step - 1] = r->loss;
  if (r->step > 1) return;
  memcpy(s->log_p, r->log_p, (size_t)r->candidates * sizeof(double));
  memcpy(s->log_q, r->log_q, (size_t)r->candidates * sizeof(double));
  memcpy(s->held_loss, r->held_loss, (size_t)r->candidates * sizeof(double));
  s->variance = r->variance_mean;
  s->gradient_length = r->gradient_length;
  s->gradient_max = r->gradient_max;
}

/* F: 1 / (Σ x²/σ² + λ), the posterior's variance. p: its density. Q: p times the likelihood of the held-out part. G: the
 * gradient at the mean, because pairs cancel. */
static void laplace_is_the_posterior(void **state) {
  (void)state;
  il_greedy_options o = options_of(IL_CANDIDATES_LAPLACE);
  drawn *d = draw(&o);
  seen s = {0};
  double w[D], f[D], gradient[D], h[D];
  memcpy(w, START, sizeof w);
  o.steps = 1;
  o.progress = see;
  o.user = &s;
  il_greedy_result result;
  il_greedy_run(context, net, IL_FLOAT64, &o, &train, &held, (void *[]){w}, &result);
  assert_fine();
  double mean = 0;
  for (int i = 0; i < D; i++) {
    double precision = PRIOR;
    for (int n = 0; n < N; n++) precision += X[n * D + i] * X[n * D + i] / (SIGMA * SIGMA);
    f[i] = 1 / precision;
    assert_near(d->f[i], f[i], 1e-13);
    assert_near(d->c.mean[i], START[i], 0);
    mean += f[i] / D;
  }
  assert_near(s.variance, mean, 1e-13);
  for (int k = 0; k < o.candidates.count; k++) {
    const double *v = d->c.draw + k * D;
    double log_p = 0, unused[D], unused_h[D];
    for (int i = 0; i < D; i++)
      log_p -= 0.5 * ((v[i] - START[i]) * (v[i] - START[i]) / f[i] + log(f[i]) + LOG_2PI);
    double loss = loss_at(M, HX, HY, v, unused, unused_h);
    double log_q = log_p - M * loss / (2 * SIGMA * SIGMA) - 0.5 * M * (LOG_2PI + 2 * log(SIGMA));
    assert_near(s.log_p[k], log_p, 1e-12);
    assert_near(s.held_loss[k], loss, 1e-12);
    assert_near(s.log_q[k], log_q, 1e-12);
    for (int i = 0; i < D && k % 2; i++) assert_near(v[i] + v[i - D], 2 * START[i], 1e-14);
  }
  loss_at(M, HX, HY, START, gradient, h);
  double length = 0, most = 0;
  for (int i = 0; i < D; i++) {
    length += gradient[i] * gradient[i];
    most = fmax(most, fabs(gradient[i]));
    assert_near(w[i], START[i] - o.lr * gradient[i], 1e-12);
  }
  assert_near(s.gradient_length, sqrt(length), 1e-12);
  assert_near(s.gradient_max, most, 1e-12);
  drawn_free(d);
}

/* The draws scatter as the distribution says: 4,000 of them, standardised squares within 5 %. */
static void draws_follow_their_variance(void **state) {
  (void)state;
  for (int kind = IL_CANDIDATES_LAPLACE; kind <= IL_CANDIDATES_SWAG; kind++) {
    il_greedy_options o = options_of((il_candidates_kind)kind);
    o.candidates.count = 4000;
    o.candidates.lr = 0.05;
    drawn *d = draw(&o);
    for (int i = 0; i < D; i++) {
      double squares = 0;
      for (int k = 0; k < 4000; k++) {
        double r = d->c.draw[k * D + i] - d->c.mean[i];
        squares += r * r / d->f[i];
      }
      assert_near(squares / 4000, 1, 0.05);
    }
    drawn_free(d);
  }
}

/* Whole batches on a quadratic with orthogonal columns: θ(t) = θ* + (1 − lr·h)^t·(θ(0) − θ*), scalar by scalar. */
static void path(const double *from, double lr, int t, double *w) {
  double zero[D] = {0}, gradient[D], h[D];
  loss_at(N, X, Y, zero, gradient, h);
  for (int i = 0; i < D; i++) {
    double best = -gradient[i] / h[i];
    w[i] = best + pow(1 - lr * h[i], t) * (from[i] - best);
  }
}

static void swag_is_the_path_of_gradient_descent(void **state) {
  (void)state;
  enum { T = 12, K = 4 };
  il_greedy_options o = options_of(IL_CANDIDATES_SWAG);
  o.candidates.steps = T;
  o.candidates.rank = K;
  o.candidates.lr = 0.05;
  drawn *d = draw(&o);
  double w[T][D], mean[D] = {0}, diagonal[D] = {0}, low[K][D], covariance[D][D];
  for (int t = 0; t < T; t++) {
    path(START, o.candidates.lr, t + 1, w[t]);
    for (int i = 0; i < D; i++) {
      mean[i] += (w[t][i] - mean[i]) / (t + 1);
      if (t >= T - K) low[t - T + K][i] = w[t][i] - mean[i];
    }
  }
  for (int i = 0; i < D; i++)
    for (int t = 0; t < T; t++) diagonal[i] += (w[t][i] - mean[i]) * (w[t][i] - mean[i]) / T;
  for (int i = 0; i < D; i++)
    for (int j = 0; j < D; j++) {
      covariance[i][j] = i == j ? diagonal[i] / 2 : 0;
      for (int k = 0; k < K; k++) covariance[i][j] += low[k][i] * low[k][j] / (2 * (K - 1));
    }
  for (int i = 0; i < D; i++) {
    assert_near(d->c.mean[i], mean[i], 1e-12);
    assert_near(d->f[i], covariance[i][i], 1e-12);
  }
  /* The density with the whole 3×3 covariance, inverted by cofactors. */
  double(*a)[D] = covariance;
  double inverse[D][D], det = 0;
  for (int i = 0; i < D; i++)
    for (int j = 0; j < D; j++) {
      int r = (i + 1) % 3, q = (i + 2) % 3, u = (j + 1) % 3, v = (j + 2) % 3;
      inverse[j][i] = a[r][u] * a[q][v] - a[r][v] * a[q][u];
    }
  for (int i = 0; i < D; i++) det += a[0][i] * inverse[i][0];
  for (int k = 0; k < o.candidates.count; k++) {
    double quadratic = 0;
    for (int i = 0; i < D; i++)
      for (int j = 0; j < D; j++)
        quadratic += (d->c.draw[k * D + i] - mean[i]) * inverse[i][j] / det *
                     (d->c.draw[k * D + j] - mean[j]);
    assert_near(d->log_p[k], -0.5 * (quadratic + log(det) + D * LOG_2PI), 1e-7);
  }
  drawn_free(d);
}

/* A chain with step ε on a Gaussian of precision a ends in N(mode, 1/(a·(1 − ε·a/4))): the variance of a first-order
 * autoregression. 4,000 states, 8 steps apart. */
static void sgld_ends_in_its_stationary_distribution(void **state) {
  (void)state;
  il_greedy_options o = options_of(IL_CANDIDATES_SGLD);
  o.candidates.count = 4000;
  o.candidates.steps = 8;
  o.candidates.burn_in = 200;
  o.candidates.lr = 0.02;
  drawn *d = draw(&o);
  double zero[D] = {0}, gradient[D], h[D], scale = N / (2 * SIGMA * SIGMA);
  loss_at(N, X, Y, zero, gradient, h);
  for (int i = 0; i < D; i++) {
    double a = scale * h[i] + PRIOR, mode = -scale * gradient[i] / a;
    double variance = 1 / (a * (1 - o.candidates.lr * a / 4));
    assert_near(d->f[i], variance, 0.08);
    assert_true(fabs(d->c.mean[i] - mode) < 5 * sqrt(variance / 1000));
  }
  drawn_free(d);
}

static void members_walk_from_their_starts(void **state) {
  (void)state;
  il_greedy_options o = options_of(IL_CANDIDATES_ENSEMBLE);
  o.candidates.spread = 0.3;
  o.candidates.lr = 0.05;
  o.candidates.steps = 0;
  drawn *starts = draw(&o);
  o.candidates.steps = 7;
  drawn *ends = draw(&o);
  int count = o.candidates.count;
  for (int i = 0; i < D; i++) {
    double mean = 0, squares = 0;
    for (int m = 0; m < count; m++) {
      double w[D];
      path(starts->c.draw + m * D, 0.05, 7, w);
      assert_near(ends->c.draw[m * D + i], w[i], 1e-12);
      mean += w[i] / count;
      assert_true(fabs(starts->c.draw[m * D + i] - START[i]) < 4 * 0.3);
    }
    for (int m = 0; m < count; m++) {
      double r = ends->c.draw[m * D + i] - mean;
      squares += r * r / (count - 1);
    }
    assert_near(ends->f[i], squares, 1e-12);
  }
  double log_p = 0; /* of the first member, under the Gaussian with the members' moments */
  for (int i = 0; i < D; i++) {
    double r = ends->c.draw[i] - ends->c.mean[i];
    log_p -= 0.5 * (r * r / ends->f[i] + log(ends->f[i]) + LOG_2PI);
  }
  assert_near(ends->log_p[0], log_p, 1e-12);
  drawn_free(starts);
  drawn_free(ends);
}

/* Normal equations of the held-out part by Gauss elimination. */
static void least_squares(double *w) {
  double a[D][D + 1] = {{0}};
  for (int m = 0; m < M; m++)
    for (int i = 0; i < D; i++) {
      for (int j = 0; j < D; j++) a[i][j] += HX[m * D + i] * HX[m * D + j];
      a[i][D] += HX[m * D + i] * HY[m];
    }
  for (int i = 0; i < D; i++)
    for (int r = 0; r < D; r++)
      for (int j = D; r != i && j >= i; j--) a[r][j] -= a[r][i] / a[i][i] * a[i][j];
  for (int i = 0; i < D; i++) w[i] = a[i][D] / a[i][i];
}

/* One scalar a step, the one with the largest score: the held-out loss never rises, and ends in the least-squares
 * solution, by the gradient, the Fisher information, and exact coordinate steps. */
static void gauss_southwell_finds_least_squares(void **state) {
  (void)state;
  double best[D];
  least_squares(best);
  for (int score = IL_GREEDY_GRADIENT; score <= IL_GREEDY_NEWTON; score++) {
    il_greedy_options o = options_of(IL_CANDIDATES_LAPLACE);
    seen s = {0};
    double w[D];
    memcpy(w, START, sizeof w);
    o.rule.score = (il_greedy_score)score;
    o.rule.count = 1;
    o.rule.damping = 0;
    o.lr = score == IL_GREEDY_NEWTON ? 1 : 0.2;
    o.tolerance = 1e-12;
    o.steps = 512;
    o.progress = see;
    o.user = &s;
    il_greedy_result result;
    il_greedy_run(context, net, IL_FLOAT64, &o, &train, &held, (void *[]){w}, &result);
    assert_fine();
    assert_true(result.settled);
    assert_int_equal(result.steps, s.steps);
    assert_true(result.steps > 3 && result.steps < 512);
    assert_int_equal(result.touched, D);
    for (int t = 1; t < s.steps; t++) assert_true(s.loss[t] <= s.loss[t - 1] + 1e-14);
    assert_true(s.loss[s.steps - 1] < 0.9 * s.loss[0]);
    if (score == IL_GREEDY_FISHER)
      continue; /* its last scalars may have settled at different times */
    for (int i = 0; i < D; i++) assert_near(w[i], best[i], 1e-9);
  }
}

/* Of the other distributions the mean of the candidates is what settles on the held-out part. */
static void paths_settle_too(void **state) {
  (void)state;
  double best[D];
  least_squares(best);
  for (int kind = IL_CANDIDATES_SWAG; kind <= IL_CANDIDATES_ENSEMBLE; kind += 2) {
    il_greedy_options o = options_of((il_candidates_kind)kind);
    o.candidates.steps = 8;
    o.candidates.lr = 0.02;
    o.lr = 0.1;
    o.tolerance = 1e-11;
    o.steps = 5000;
    double w[D];
    memcpy(w, START, sizeof w);
    il_greedy_result result;
    il_greedy_run(context, net, IL_FLOAT64, &o, &train, &held, (void *[]){w}, &result);
    assert_fine();
    assert_true(result.settled);
    assert_true(result.last_loss < result.first_loss);
    for (int i = 0; i < D; i++) assert_near(w[i], best[i], 1e-6);
  }
}

/* A net with pixels, mini-batches and float32: the same bits on 1 and 3 threads, for every distribution. */
static void threads_change_nothing(void **state) {
  (void)state;
  enum { IMAGES = 24, PIXELS = 16, CLASSES = 3 };
  uint8_t x[2 * IMAGES * PIXELS];
  int32_t y[2 * IMAGES];
  for (int i = 0; i < 2 * IMAGES * PIXELS; i++) x[i] = (uint8_t)(i * 97 % 251);
  for (int i = 0; i < 2 * IMAGES; i++) y[i] = i * 7 % CLASSES;
  il_greedy_part first = {IMAGES, IL_UINT8, x, y, NULL};
  il_greedy_part second = {IMAGES, IL_UINT8, x + IMAGES * PIXELS, y + IMAGES, NULL};
  static const il_layer layers[] = {
      {.kind = IL_LAYER_FLATTEN},
      {.kind = IL_LAYER_LINEAR, .units = 7, .bias = true},
      {.kind = IL_LAYER_RELU},
      {.kind = IL_LAYER_LINEAR, .bias = true},
  };
  il_net *mlp = il_net_new(context, 4, layers, IL_SHAPE(4, 4, 1), CLASSES);
  assert_fine();
  for (int kind = IL_CANDIDATES_LAPLACE; kind <= IL_CANDIDATES_ENSEMBLE; kind++)
    for (int score = IL_GREEDY_GRADIENT; score <= IL_GREEDY_NEWTON; score++) {
      float w[2][16 * 7 + 7 + 7 * 3 + 3];
      for (int run = 0; run < 2; run++) {
        il_team *own = il_team_new(context, run ? 3 : 1);
        il_greedy_options o = il_greedy_defaults();
        o.candidates.kind = (il_candidates_kind)kind;
        o.candidates.batch = 5;
        o.candidates.burn_in = 10;
        o.candidates.lr = kind == IL_CANDIDATES_SGLD ? 1e-3 : 0.05;
        o.rule.score = (il_greedy_score)score;
        o.rule.fraction = 0.2;
        o.rule.granularity = IL_GREEDY_CHANNEL;
        o.steps = 4;
        o.team = own;
        void *at[] = {w[run], w[run] + 112, w[run] + 119, w[run] + 140};
        for (int p = 0; p < 4; p++) il_net_initialize(mlp, p, 5, IL_FLOAT32, at[p]);
        il_greedy_result result;
        il_greedy_run(context, mlp, IL_FLOAT32, &o, &first, &second, at, &result);
        assert_fine();
        assert_true(result.touched > 0);
        il_team_free(own);
      }
      assert_memory_equal(w[0], w[1], sizeof w[0]);
    }
  il_net_free(mlp);
}

static void impossible_settings_are_refused(void **state) {
  (void)state;
  il_greedy_options o = options_of(IL_CANDIDATES_LAPLACE);
  il_greedy_result result;
  double w[D] = {0};
  o.candidates.count = 5;
  assert_int_equal(
      il_greedy_run(context, net, IL_FLOAT64, &o, &train, &held, (void *[]){w}, &result),
      IL_ERROR_ARGUMENT);
  assert_string_equal(il_context_message(context),
                      "candidates: count 5; expected 2 or more, an even number");
  il_context_clear(context);
  o = options_of(IL_CANDIDATES_LAPLACE);
  o.lr = 1e300;
  o.steps = 5;
  assert_int_equal(
      il_greedy_run(context, net, IL_FLOAT64, &o, &train, &held, (void *[]){w}, &result),
      IL_ERROR_DATA);
  assert_string_equal(il_context_message(context),
                      "greedy: the held-out loss of step 2 is not finite; a smaller lr helps");
  il_context_clear(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(laplace_is_the_posterior),
      cmocka_unit_test(draws_follow_their_variance),
      cmocka_unit_test(swag_is_the_path_of_gradient_descent),
      cmocka_unit_test(sgld_ends_in_its_stationary_distribution),
      cmocka_unit_test(members_walk_from_their_starts),
      cmocka_unit_test(gauss_southwell_finds_least_squares),
      cmocka_unit_test(paths_settle_too),
      cmocka_unit_test(threads_change_nothing),
      cmocka_unit_test(impossible_settings_are_refused),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
