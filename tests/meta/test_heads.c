/* What algorithms that learn before all tasks do with one: scores against the same arithmetic by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include <innerloop/function.h>
#include <innerloop/meta.h>

enum { INPUTS = 3, FEATURES = 4, WAYS = 2, SUPPORT = 4, QUERIES = 3 };

static const double w[INPUTS * FEATURES] = {0.3, -0.5, 0.8, 0.1, -0.2, 0.7,
                                            0.4, -0.9, 0.6, 0.2, -0.3, 0.5};
static const double support[SUPPORT * INPUTS] = {1,  0.5, -1, 0.2, -0.7, 0.4,
                                                 -1, 0.9, 2,  0.6, 0.1,  -0.3};
static const double query[QUERIES * INPUTS] = {0.5, 1, -0.5, -0.4, 0.3, 0.8, 1.5, -0.2, 0.1};
static const int32_t label[SUPPORT] = {1, 0, 1, 0};
static const double mean[FEATURES] = {0.1, -0.2, 0.3, 0.05};

static void features(const double *x, int rows, double f[][FEATURES]) {
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < FEATURES; c++) {
      f[r][c] = 0;
      for (int i = 0; i < INPUTS; i++) f[r][c] += x[r * INPUTS + i] * w[i * FEATURES + c];
    }
}

static void unit(double f[FEATURES]) {
  double square = 1e-12;
  for (int c = 0; c < FEATURES; c++) square += f[c] * f[c];
  for (int c = 0; c < FEATURES; c++) f[c] /= sqrt(square);
}

/* Scores [QUERIES, WAYS] as the library computes them, after so many steps of 0.7. */
static void scores_of(const il_algorithm *algorithm, int steps, double *scores) {
  il_context *context = il_context_new();
  const il_layer linear = {.kind = IL_LAYER_LINEAR, .units = FEATURES};
  il_net *net = il_net_new(context, 1, &linear, IL_SHAPE(INPUTS), 0);
  const il_pretrain_settings settings = {.classes = 6, .scale = 10, .centre = true};
  il_graph *g = il_graph_new(context, IL_FLOAT64);
  il_build b = {.g = g,
                .net = net,
                .algorithm = algorithm,
                .settings = &settings,
                .inner = {.steps = steps, .lr = 0.7},
                .loss = IL_LOSS_CROSS_ENTROPY,
                .statistics = IL_QUERY_STATISTICS_QUERY,
                .ways = WAYS};
  il_entries meta = {0}, carry = {0};
  il_meta_entries(context, net, algorithm, &b.inner, &settings, &meta);
  if (algorithm->carry) algorithm->carry(context, net, &settings, &carry);
  b.meta = il_values_input(g, meta.count, meta.entry, "", IL_SHARED);
  b.carry = il_values_input(g, carry.count, carry.entry, "", IL_SHARED);
  b.task.support_x = il_input(g, "support_x", IL_TASK, IL_FLOAT64, IL_SHAPE(SUPPORT, INPUTS));
  b.task.support_y = il_input(g, "support_y", IL_TASK, IL_INT32, IL_SHAPE(SUPPORT));
  b.task.query_x = il_input(g, "query_x", IL_TASK, IL_FLOAT64, IL_SHAPE(QUERIES, INPUTS));
  il_values state = {0};
  il_build_begin(&b, &state);
  il_build_adapt(&b, &state, 0, steps);
  il_output(g, "scores", il_build_query(&b, &state, steps));
  il_function *f = il_function_new(g, NULL);
  il_team *team = il_team_new(context, 1);
  il_run *run = f && team ? il_run_new(context, f, team, 1) : NULL;
  il_buffers values, moved;
  if (run && il_buffers_init(context, &values, meta.count, meta.entry, IL_FLOAT64, false) == IL_OK)
    il_buffers_init(context, &moved, carry.count, carry.entry, IL_FLOAT64, false);
  if (il_context_status(context) != IL_OK) fail_msg("%s", il_context_message(context));
  memcpy(il_buffers_at(&values, il_buffers_find(&values, "linear1.weight")), w, sizeof w);
  if (carry.count) memcpy(il_buffers_at(&moved, 0), mean, sizeof mean);
  il_run_buffers(run, &values, "");
  il_run_buffers(run, &moved, "");
  double sx[SUPPORT * INPUTS], qx[QUERIES * INPUTS];
  int32_t sy[SUPPORT];
  memcpy(sx, support, sizeof sx);
  memcpy(qx, query, sizeof qx);
  memcpy(sy, label, sizeof sy);
  il_run_input(run, il_function_input(f, "support_x"), sx);
  il_run_input(run, il_function_input(f, "support_y"), sy);
  il_run_input(run, il_function_input(f, "query_x"), qx);
  il_run_output(run, il_function_output(f, "scores"), scores);
  if (il_run_go(run, 1) != IL_OK) fail_msg("%s", il_context_message(context));
  il_buffers_free(&values);
  il_buffers_free(&moved);
  il_run_free(run);
  il_function_free(f);
  il_team_free(team);
  il_entries_free(&meta);
  il_entries_free(&carry);
  il_net_free(net);
  il_context_free(context);
}

static void close_to(const double *found, double expected[][WAYS]) {
  for (int q = 0; q < QUERIES; q++)
    for (int k = 0; k < WAYS; k++)
      if (!(fabs(found[q * WAYS + k] - expected[q][k]) <= 1e-12))
        fail_msg("query %d, class %d: score %.15g, expected %.15g", q, k, found[q * WAYS + k],
                 expected[q][k]);
}

/* Two steps from a head of zeros: W ← W − 0.7·fᵀ(p − y)/n, and the bias alike. */
static void test_baseline(void **state) {
  (void)state;
  double f[SUPPORT][FEATURES], q[QUERIES][FEATURES], head[FEATURES][WAYS] = {{0}}, bias[WAYS] = {0};
  double found[QUERIES * WAYS], expected[QUERIES][WAYS];
  features(support, SUPPORT, f);
  features(query, QUERIES, q);
  for (int step = 0; step < 2; step++) {
    double away[SUPPORT][WAYS];
    for (int i = 0; i < SUPPORT; i++) {
      double sum = 0;
      for (int k = 0; k < WAYS; k++) {
        double score = bias[k];
        for (int c = 0; c < FEATURES; c++) score += f[i][c] * head[c][k];
        sum += away[i][k] = exp(score);
      }
      for (int k = 0; k < WAYS; k++) away[i][k] = away[i][k] / sum - (label[i] == k);
    }
    for (int i = 0; i < SUPPORT; i++)
      for (int k = 0; k < WAYS; k++) {
        bias[k] -= 0.7 * away[i][k] / SUPPORT;
        for (int c = 0; c < FEATURES; c++) head[c][k] -= 0.7 * f[i][c] * away[i][k] / SUPPORT;
      }
  }
  for (int i = 0; i < QUERIES; i++)
    for (int k = 0; k < WAYS; k++) {
      expected[i][k] = bias[k];
      for (int c = 0; c < FEATURES; c++) expected[i][k] += q[i][c] * head[c][k];
    }
  scores_of(&il_baseline, 2, found);
  close_to(found, expected);
}

static void class_means(double f[][FEATURES], double m[WAYS][FEATURES]) {
  memset(m, 0, WAYS * sizeof *m);
  for (int i = 0; i < SUPPORT; i++)
    for (int c = 0; c < FEATURES; c++) m[label[i]][c] += f[i][c] / (SUPPORT / WAYS);
}

/* Before a step: ten times the cosines to the class means. */
static void test_baselinepp(void **state) {
  (void)state;
  double f[SUPPORT][FEATURES], q[QUERIES][FEATURES], m[WAYS][FEATURES];
  double found[QUERIES * WAYS], expected[QUERIES][WAYS] = {{0}};
  features(support, SUPPORT, f);
  features(query, QUERIES, q);
  class_means(f, m);
  for (int k = 0; k < WAYS; k++) unit(m[k]);
  for (int i = 0; i < QUERIES; i++) {
    unit(q[i]);
    for (int k = 0; k < WAYS; k++)
      for (int c = 0; c < FEATURES; c++) expected[i][k] += 10 * q[i][c] * m[k][c];
  }
  scores_of(&il_baselinepp, 0, found);
  close_to(found, expected);
  double after[QUERIES * WAYS];
  scores_of(&il_baselinepp, 1, after);
  assert_true(memcmp(found, after, sizeof found) != 0);
}

/* Centred, of length 1, and the squared distance to the means of what is so. */
static void test_simpleshot(void **state) {
  (void)state;
  double f[SUPPORT][FEATURES], q[QUERIES][FEATURES], m[WAYS][FEATURES];
  double found[QUERIES * WAYS], expected[QUERIES][WAYS] = {{0}};
  features(support, SUPPORT, f);
  features(query, QUERIES, q);
  for (int i = 0; i < SUPPORT; i++) {
    for (int c = 0; c < FEATURES; c++) f[i][c] -= mean[c];
    unit(f[i]);
  }
  class_means(f, m);
  for (int i = 0; i < QUERIES; i++) {
    for (int c = 0; c < FEATURES; c++) q[i][c] -= mean[c];
    unit(q[i]);
    for (int k = 0; k < WAYS; k++)
      for (int c = 0; c < FEATURES; c++)
        expected[i][k] -= (q[i][c] - m[k][c]) * (q[i][c] - m[k][c]);
  }
  scores_of(&il_simpleshot, 0, found);
  close_to(found, expected);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_baseline),
                                     cmocka_unit_test(test_baselinepp),
                                     cmocka_unit_test(test_simpleshot)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
