/* Greedy rules: exact masks for each granularity, ties, fractions, budgets, scores against closed forms, and inner
 * steps behind a mask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <innerloop/greedy.h>
#include <innerloop/plan.h>

#include "support/meta.h"

static il_context *context;

static int setup(void **state) {
  (void)state;
  context = il_context_new();
  return context ? 0 : -1;
}

static int teardown(void **state) {
  (void)state;
  il_context_free(context);
  return 0;
}

static void assert_fine(void) {
  if (il_context_status(context) != IL_OK) fail_msg("%s", il_context_message(context));
}

/* conv 1→3 of 3×3 (27 weights, 3 biases), norm (3 + 3), relu, flatten, linear 48→2 (96 + 2): 134 scalars. */
static il_net *small_net(void) {
  static const il_layer layers[] = {
      {.kind = IL_LAYER_CONV, .units = 3, .kernel = 3, .stride = 1, .pad = 1, .bias = true},
      {.kind = IL_LAYER_NORM, .eps = 1e-5},
      {.kind = IL_LAYER_RELU},
      {.kind = IL_LAYER_FLATTEN},
      {.kind = IL_LAYER_LINEAR, .bias = true}};
  return il_net_new(context, 5, layers, IL_SHAPE(4, 4, 1), 2);
}
enum { PARAMETERS = 6, SCALARS = 134, EXAMPLES = 3 };
static const int64_t sizes[PARAMETERS] = {27, 3, 3, 3, 96, 2};

typedef struct fixture {
  il_net *net;
  il_greedy_units *units;
  float *measure[PARAMETERS];
  uint8_t *mask[PARAMETERS];
  uint32_t order[SCALARS];
  il_greedy_choice choice;
} fixture;

static fixture make(il_greedy_granularity granularity) {
  fixture f = {.net = small_net()};
  f.units = il_greedy_units_new(context, f.net, granularity, EXAMPLES, IL_FLOAT32);
  assert_fine();
  for (int p = 0, at = 0; p < PARAMETERS; p++) {
    assert_int_equal(il_shape_count(il_net_parameter_shape(f.net, p)), sizes[p]);
    f.measure[p] = malloc((size_t)sizes[p] * sizeof(float));
    f.mask[p] = malloc((size_t)sizes[p]);
    /* All lengths differ: a permutation of 1 … 134 with alternating signs. */
    for (int i = 0; i < sizes[p]; i++, at++)
      f.measure[p][i] = (float)((at * 53) % SCALARS + 1) * (at % 2 ? -1.0f : 1.0f);
  }
  return f;
}

static void finish(fixture *f) {
  for (int p = 0; p < PARAMETERS; p++) {
    free(f->measure[p]);
    free(f->mask[p]);
  }
  il_greedy_units_free(f->units);
  il_net_free(f->net);
}

static void take(fixture *f, const il_greedy_rule *rule) {
  double score[SCALARS];
  const void *measure[PARAMETERS];
  for (int p = 0; p < PARAMETERS; p++) measure[p] = f->measure[p];
  il_greedy_unit_scores(f->units, rule->score, IL_FLOAT32, measure, score);
  assert_true(il_greedy_order(f->units, rule, score, f->order));
  il_greedy_take(f->units, rule, f->order, f->mask, &f->choice);
  int64_t marked = 0;
  for (int p = 0; p < PARAMETERS; p++)
    for (int i = 0; i < sizes[p]; i++) marked += f->mask[p][i];
  assert_int_equal(marked, f->choice.scalars);
}

static int64_t marked_in(const fixture *f, int p) {
  int64_t n = 0;
  for (int i = 0; i < sizes[p]; i++) n += f->mask[p][i];
  return n;
}

static void scalars_are_the_largest(void **state) {
  (void)state;
  fixture f = make(IL_GREEDY_SCALAR);
  il_greedy_rule rule = il_greedy_rule_defaults();
  assert_int_equal(il_greedy_units_count(f.units), SCALARS);
  rule.fraction = 0.1; /* ⌊13.4⌋ */
  take(&f, &rule);
  assert_int_equal(f.choice.scalars, 13);
  for (int p = 0; p < PARAMETERS; p++)
    for (int i = 0; i < sizes[p]; i++)
      assert_int_equal(f.mask[p][i], fabsf(f.measure[p][i]) > SCALARS - 13);
  rule.fraction = 1e-6; /* never nothing */
  take(&f, &rule);
  assert_int_equal(f.choice.scalars, 1);
  rule.fraction = 1;
  rule.count = 7;
  take(&f, &rule);
  assert_int_equal(f.choice.scalars, 7);
  rule.count = 0;
  take(&f, &rule);
  assert_int_equal(f.choice.scalars, SCALARS);
  finish(&f);
}

/* The sentence names the limit and the smallest unit, and its advice is right to the last digit. */
static void what_fits_is_said(void **state) {
  (void)state;
  fixture f = make(IL_GREEDY_LAYER);
  il_greedy_rule rule = il_greedy_rule_defaults();
  char why[IL_GREEDY_TEXT];
  assert_true(il_greedy_fits(f.units, &rule, why, sizeof why));
  assert_string_equal(why, "");
  rule.fraction = 0.04; /* ⌊5.36⌋ of 134; the norm layer has 6 */
  assert_false(il_greedy_fits(f.units, &rule, why, sizeof why));
  assert_string_equal(why, "no layer fits: fraction 0.04 allows 5 of 134 parameters, the smallest "
                           "layer has 6 (fraction 0.0448)");
  take(&f, &rule);
  assert_int_equal(f.choice.units, 0);
  rule.fraction = 0.0448;
  assert_true(il_greedy_fits(f.units, &rule, why, sizeof why));
  take(&f, &rule);
  assert_int_equal(f.choice.units, 1);
  rule.budget_bytes = 10;
  rule.budget_operations = 20;
  assert_false(il_greedy_fits(f.units, &rule, why, sizeof why));
  assert_non_null(
      strstr(why, "no layer fits: the budget allows 10 bytes, the cheapest layer needs "));
  assert_non_null(strstr(why, "; the budget allows 20 operations, the cheapest layer needs "));
  char few[24];
  assert_false(il_greedy_fits(f.units, &rule, few, sizeof few)); /* cut, within its room */
  assert_memory_equal(few, why, sizeof few - 1);
  finish(&f);
}

static void random_choices_do_not_follow_the_measure(void **state) {
  (void)state;
  fixture f = make(IL_GREEDY_SCALAR);
  il_greedy_rule rule = il_greedy_rule_defaults();
  uint8_t before[SCALARS], *at = before;
  rule.score = IL_GREEDY_RANDOM;
  rule.fraction = 0.5;
  take(&f, &rule);
  assert_int_equal(f.choice.scalars, SCALARS / 2);
  int large = 0;
  for (int p = 0; p < PARAMETERS; p++)
    for (int i = 0; i < sizes[p]; i++) {
      large += f.mask[p][i] && fabsf(f.measure[p][i]) > SCALARS / 2;
      *at++ = f.mask[p][i];
      f.measure[p][i] = 1;
    }
  assert_true(large > 20 && large < 47); /* about half of the 67, where the gradient takes all */
  take(&f, &rule);
  at = before;
  for (int p = 0; p < PARAMETERS; p++, at += sizes[p - 1])
    assert_memory_equal(f.mask[p], at, (size_t)sizes[p]);
  finish(&f);
}

static void ties_go_to_the_lowest_index(void **state) {
  (void)state;
  fixture f = make(IL_GREEDY_SCALAR);
  for (int p = 0; p < PARAMETERS; p++)
    for (int i = 0; i < sizes[p]; i++) f.measure[p][i] = i % 2 ? 1.0f : -1.0f;
  f.measure[0][0] = NAN; /* what is not a number comes last */
  il_greedy_rule rule = il_greedy_rule_defaults();
  rule.count = 5;
  take(&f, &rule);
  for (int p = 0; p < PARAMETERS; p++)
    for (int i = 0; i < sizes[p]; i++) assert_int_equal(f.mask[p][i], p == 0 && i >= 1 && i <= 5);
  rule.count = SCALARS - 1;
  take(&f, &rule);
  assert_int_equal(f.mask[0][0], 0);
  finish(&f);
}

static void channels_join_weights_and_biases(void **state) {
  (void)state;
  fixture f = make(IL_GREEDY_CHANNEL);
  assert_int_equal(il_greedy_units_count(f.units), 3 + 3 + 2); /* conv, norm, linear */
  for (int p = 0; p < PARAMETERS; p++)
    for (int i = 0; i < sizes[p]; i++) f.measure[p][i] = 0;
  f.measure[1][2] = 3; /* bias of conv channel 2 */
  f.measure[4][5] = 2; /* linear weight [2, 1]: output 1 */
  il_greedy_rule rule = il_greedy_rule_defaults();
  rule.count = 1;
  take(&f, &rule);
  assert_int_equal(f.choice.scalars, 9 + 1);
  for (int i = 0; i < 27; i++) assert_int_equal(f.mask[0][i], i % 3 == 2);
  for (int i = 0; i < 3; i++) assert_int_equal(f.mask[1][i], i == 2);
  rule.count = 2;
  take(&f, &rule);
  assert_int_equal(f.choice.scalars, 10 + 49);
  assert_int_equal(marked_in(&f, 4), 48);
  assert_int_equal(f.mask[4][0], 0);
  assert_int_equal(f.mask[5][1], 1);
  /* A channel of 49 does not fit into 40 % = 53 beside the first 10: it is passed over, smaller ones are not. */
  rule.count = 0;
  rule.fraction = 0.4;
  take(&f, &rule);
  assert_int_equal(f.choice.scalars, 3 * 10 + 3 * 2);
  finish(&f);
}

static void tensors_and_layers_are_whole(void **state) {
  (void)state;
  il_greedy_rule rule = il_greedy_rule_defaults();
  fixture f = make(IL_GREEDY_TENSOR);
  assert_int_equal(il_greedy_units_count(f.units), PARAMETERS);
  f.measure[2][0] = 1e6f;
  rule.count = 1;
  take(&f, &rule);
  for (int p = 0; p < PARAMETERS; p++) assert_int_equal(marked_in(&f, p), p == 2 ? 3 : 0);
  finish(&f);
  f = make(IL_GREEDY_LAYER);
  assert_int_equal(il_greedy_units_count(f.units), 3);
  f.measure[2][0] = 1e6f;
  take(&f, &rule);
  for (int p = 0; p < PARAMETERS; p++) assert_int_equal(marked_in(&f, p), p == 2 || p == 3 ? 3 : 0);
  finish(&f);
}

/* The model of docs/greedy.md by hand: 3 images of 4×4, float32. */
static void costs_count_what_an_update_keeps(void **state) {
  (void)state;
  fixture f = make(IL_GREEDY_TENSOR);
  il_greedy_rule rule = il_greedy_rule_defaults();
  rule.count = 1;
  const uint64_t image = 3 * 16 * 3; /* numbers in a conv output of the whole batch */
  const uint64_t linear_down = 2 * 48 * 2 * 3, relu_down = image, norm_down = 8 * image;
  static const char *const which[PARAMETERS] = {"conv", "bias", "gamma", "beta", "linear", "bias"};
  const uint64_t bytes[PARAMETERS] = {8 * 27 + 4 + 3 * 16 * 4 /* input */ +
                                          image * 4 /* normalised */ + image / 8 /* relu bits */,
                                      8 * 3 + 4 + image * 4 + image / 8,
                                      8 * 3 + 4 + image * 4 + image / 8,
                                      8 * 3 + 4 + image / 8,
                                      8 * 96 + 4 + image * 4,
                                      8 * 2 + 4};
  const uint64_t operations[PARAMETERS] = {27 * (2 * 48 + 2) + norm_down + relu_down + linear_down,
                                           3 * (48 + 2) + norm_down + relu_down + linear_down,
                                           3 * (2 * 48 + 2) + relu_down + linear_down,
                                           3 * (48 + 2) + relu_down + linear_down,
                                           96 * (2 * 3 + 2),
                                           2 * (3 + 2)};
  for (int one = 0; one < PARAMETERS; one++) {
    for (int p = 0; p < PARAMETERS; p++)
      for (int i = 0; i < sizes[p]; i++) f.measure[p][i] = p == one;
    take(&f, &rule);
    if (f.choice.bytes != bytes[one] || f.choice.operations != operations[one])
      fail_msg("%s: %llu bytes, %llu operations; expected %llu, %llu", which[one],
               (unsigned long long)f.choice.bytes, (unsigned long long)f.choice.operations,
               (unsigned long long)bytes[one], (unsigned long long)operations[one]);
  }
  /* Everything: no list of indexes, the normalised input once. */
  rule.count = 0;
  take(&f, &rule);
  assert_int_equal(f.choice.bytes, 8 * SCALARS + 3 * 16 * 4 + image * 4 + image / 8 + image * 4);
  finish(&f);
}

static void budgets_are_kept(void **state) {
  (void)state;
  for (int granularity = IL_GREEDY_SCALAR; granularity <= IL_GREEDY_LAYER; granularity++)
    for (int price = IL_GREEDY_FREE; price <= IL_GREEDY_PER_OPERATION; price++) {
      fixture f = make((il_greedy_granularity)granularity);
      il_greedy_rule rule = il_greedy_rule_defaults();
      rule.price = (il_greedy_price)price;
      int64_t before = 0;
      for (uint64_t budget = 16; budget <= 4096; budget *= 2) {
        rule.budget_bytes = budget;
        rule.budget_operations = 0;
        take(&f, &rule);
        assert_true(f.choice.bytes <= budget);
        if (granularity == IL_GREEDY_SCALAR && price == IL_GREEDY_PER_BYTE) {
          assert_true(f.choice.scalars >= before); /* more room, more scalars */
          before = f.choice.scalars;
        }
        rule.budget_bytes = 0;
        rule.budget_operations = budget;
        take(&f, &rule);
        assert_true(f.choice.operations <= budget);
      }
      if (granularity == IL_GREEDY_SCALAR) assert_int_not_equal(f.choice.scalars, 0);
      finish(&f);
    }
  /* Two output biases fit into 24 bytes, nothing else does. */
  fixture f = make(IL_GREEDY_SCALAR);
  il_greedy_rule rule = il_greedy_rule_defaults();
  rule.budget_bytes = 24;
  take(&f, &rule);
  assert_int_equal(f.choice.scalars, 2);
  assert_int_equal(marked_in(&f, 5), 2);
  finish(&f);
}

/* Runs a graph of shared inputs in double with a plan; outputs one after the other. */
static void run(il_graph *g, const void *const *inputs, void *const *outputs) {
  assert_fine();
  il_plan *plan = il_plan_build(g, NULL);
  il_team *team = il_team_new(context, 1);
  assert_fine();
  void *workspace = aligned_alloc(64, (il_plan_workspace(plan, 1, 1) + 63) / 64 * 64 + 64);
  assert_int_equal(il_plan_run(plan, team, workspace, &(il_bindings){1, inputs, outputs}), IL_OK);
  free(workspace);
  il_team_free(team);
  il_plan_free(plan);
}

enum { N = 4, D = 3 };
static const double X[N * D] = {1, 2, -1, 0.5, -1, 2, -2, 0.25, 1, 1.5, 1, 0};
static const double Y[N] = {1, -2, 0.5, 3};
static const double W[D] = {0.3, -0.2, 0.1}, B = 0.05;

static il_net *linear_net(int outputs) {
  static const il_layer layer = {.kind = IL_LAYER_LINEAR, .bias = true};
  return il_net_new(context, 1, &layer, IL_SHAPE(D), outputs);
}

/* L = (1/n)·Σ (x·w + b − y)²: gradient (2/n)·Σ r·x, Fisher (1/n)·Σ (2·r·x)², curvature (2/n)·Σ x². */
static void scores_of_least_squares_are_closed_forms(void **state) {
  (void)state;
  double gradient[D + 1] = {0}, fisher[D + 1] = {0}, h[D + 1] = {0};
  for (int n = 0; n < N; n++) {
    double r = B - Y[n];
    for (int d = 0; d < D; d++) r += X[n * D + d] * W[d];
    for (int d = 0; d <= D; d++) {
      double x = d < D ? X[n * D + d] : 1;
      gradient[d] += 2 * r * x / N;
      fisher[d] += 4 * r * r * x * x / N;
      h[d] += 2 * x * x / N;
    }
  }
  il_net *net = linear_net(1);
  for (int score = IL_GREEDY_GRADIENT; score <= IL_GREEDY_NEWTON; score++) {
    il_graph *g = il_graph_new(context, IL_FLOAT64);
    il_value p[2] = {il_input(g, "w", IL_SHARED, IL_FLOAT64, IL_SHAPE(D, 1)),
                     il_input(g, "b", IL_SHARED, IL_FLOAT64, IL_SHAPE(1))};
    il_value x = il_input(g, "x", IL_SHARED, IL_FLOAT64, IL_SHAPE(N, D));
    il_value y = il_input(g, "y", IL_SHARED, IL_FLOAT64, IL_SHAPE(N, 1));
    il_greedy_rule rule = il_greedy_rule_defaults();
    rule.score = (il_greedy_score)score;
    rule.damping = 0.25;
    il_value dp[2], m[2];
    il_greedy_measure(g, net, &rule, IL_LOSS_MEAN_SQUARED_ERROR, p, x, y, dp, m);
    double out[D + 1];
    il_output(g, "measure.w", m[0]);
    il_output(g, "measure.b", m[1]);
    run(g, (const void *[]){W, &B, X, Y}, (void *[]){out, out + D});
    for (int d = 0; d <= D; d++) {
      double expected = score == IL_GREEDY_GRADIENT ? gradient[d]
                        : score == IL_GREEDY_FISHER ? fisher[d]
                                                    : gradient[d] / (h[d] + 0.25);
      assert_true(fabs(out[d] - expected) < 1e-12 * (1 + fabs(expected)));
    }
    il_graph_free(g);
  }
  il_net_free(net);
}

/* Of a linear net the curvature is the Hessian's diagonal: (1/n)·Σ x²·p·(1 − p) for cross-entropy, p the softmax; the same
 * divided by the number of outputs for binary cross-entropy, p the sigmoid. */
static void check_curvature(il_loss loss) {
  enum { C = 3 };
  bool binary = loss == IL_LOSS_BINARY_CROSS_ENTROPY;
  double w[D * C], b[C] = {0.1, -0.3, 0.2}, hw[D * C] = {0}, hb[C] = {0};
  for (int i = 0; i < D * C; i++) w[i] = 0.1 * (i % 4) - 0.15;
  for (int n = 0; n < N; n++) {
    double s[C], sum = 0;
    for (int c = 0; c < C; c++) {
      s[c] = b[c];
      for (int d = 0; d < D; d++) s[c] += X[n * D + d] * w[d * C + c];
      sum += exp(s[c]);
    }
    for (int c = 0; c < C; c++) {
      double p = binary ? 1 / (1 + exp(-s[c])) : exp(s[c]) / sum;
      double term = p * (1 - p) / (binary ? N * C : N);
      hb[c] += term;
      for (int d = 0; d < D; d++) hw[d * C + c] += X[n * D + d] * X[n * D + d] * term;
    }
  }
  il_net *net = linear_net(C);
  il_graph *g = il_graph_new(context, IL_FLOAT64);
  il_value p[2] = {il_input(g, "w", IL_SHARED, IL_FLOAT64, IL_SHAPE(D, C)),
                   il_input(g, "b", IL_SHARED, IL_FLOAT64, IL_SHAPE(C))};
  il_value h[2], x = il_input(g, "x", IL_SHARED, IL_FLOAT64, IL_SHAPE(N, D));
  il_greedy_curvature(g, net, loss, p, x, IL_STATISTICS_BATCH, NULL, h);
  il_output(g, "w", h[0]);
  il_output(g, "b", h[1]);
  double out[D * C], out_b[C];
  run(g, (const void *[]){w, b, X}, (void *[]){out, out_b});
  for (int i = 0; i < D * C; i++) assert_true(fabs(out[i] - hw[i]) < 1e-12);
  for (int c = 0; c < C; c++) assert_true(fabs(out_b[c] - hb[c]) < 1e-12);
  il_graph_free(g);
  il_net_free(net);
}

static void curvature_of_classifiers_is_the_hessian(void **state) {
  (void)state;
  check_curvature(IL_LOSS_CROSS_ENTROPY);
  check_curvature(IL_LOSS_BINARY_CROSS_ENTROPY);
}

static void a_mask_keeps_the_rest_to_the_bit(void **state) {
  (void)state;
  il_net *net = linear_net(1);
  il_graph *g = il_graph_new(context, IL_FLOAT64);
  il_value p[2] = {il_input(g, "w", IL_SHARED, IL_FLOAT64, IL_SHAPE(D, 1)),
                   il_input(g, "b", IL_SHARED, IL_FLOAT64, IL_SHAPE(1))};
  il_value m[2] = {il_input(g, "mask.w", IL_SHARED, IL_FLOAT64, IL_SHAPE(D, 1)),
                   il_input(g, "mask.b", IL_SHARED, IL_FLOAT64, IL_SHAPE(1))};
  il_task task = {.support_x = il_input(g, "x", IL_SHARED, IL_FLOAT64, IL_SHAPE(N, D)),
                  .support_y = il_input(g, "y", IL_SHARED, IL_FLOAT64, IL_SHAPE(N, 1))};
  task.query_x = task.support_x;
  task.query_y = task.support_y;
  il_build b = build_of(g, net, &il_maml, NULL, (il_inner){.steps = 3, .lr = 0.1},
                        IL_LOSS_MEAN_SQUARED_ERROR, IL_QUERY_STATISTICS_QUERY, &task, p);
  il_values full, sparse;
  il_build_begin(&b, &full);
  il_build_adapt(&b, &full, 0, 3);
  for (int i = 0; i < 2; i++) il_values_put(g, &b.mask, b.meta.entry[i], m[i]);
  il_build_begin(&b, &sparse);
  il_build_adapt(&b, &sparse, 0, 3);
  il_output(g, "sparse.w", sparse.at[0]);
  il_output(g, "sparse.b", sparse.at[1]);
  il_output(g, "full.w", full.at[0]);
  il_output(g, "full.b", full.at[1]);
  double sw[D], sb, fw[D], fb;
  void *outputs[] = {sw, &sb, fw, &fb};
  static const double some[D] = {0, 1, 0}, all[D] = {1, 1, 1}, none = 0, one = 1;
  run(g, (const void *[]){W, &B, some, &none, X, Y}, outputs);
  assert_memory_equal(&sw[0], &W[0], sizeof(double));
  assert_memory_equal(&sw[2], &W[2], sizeof(double));
  assert_memory_equal(&sb, &B, sizeof(double));
  assert_true(fabs(sw[1] - W[1]) > 1e-3);
  run(g, (const void *[]){W, &B, all, &one, X, Y}, outputs);
  assert_memory_equal(sw, fw, sizeof fw);
  assert_memory_equal(&sb, &fb, sizeof fb);
  il_graph_free(g);
  il_net_free(net);
}

static void impossible_rules_are_refused(void **state) {
  (void)state;
  il_greedy_rule rule = il_greedy_rule_defaults();
  rule.fraction = 0;
  assert_int_equal(il_greedy_rule_check(context, &rule), IL_ERROR_ARGUMENT);
  assert_string_equal(il_context_message(context),
                      "greedy: fraction 0; expected more than 0, at most 1");
  il_context_clear(context);
  rule = il_greedy_rule_defaults();
  rule.damping = -1;
  assert_int_equal(il_greedy_rule_check(context, &rule), IL_ERROR_ARGUMENT);
  il_context_clear(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(scalars_are_the_largest),
      cmocka_unit_test(what_fits_is_said),
      cmocka_unit_test(random_choices_do_not_follow_the_measure),
      cmocka_unit_test(ties_go_to_the_lowest_index),
      cmocka_unit_test(channels_join_weights_and_biases),
      cmocka_unit_test(tensors_and_layers_are_whole),
      cmocka_unit_test(costs_count_what_an_update_keeps),
      cmocka_unit_test(budgets_are_kept),
      cmocka_unit_test(scores_of_least_squares_are_closed_forms),
      cmocka_unit_test(curvature_of_classifiers_is_the_hessian),
      cmocka_unit_test(a_mask_keeps_the_rest_to_the_bit),
      cmocka_unit_test(impossible_rules_are_refused),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
