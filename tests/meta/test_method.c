/* Outer rates over the meta-steps, MAML++'s weights of inner steps, and iMAML where its inner loop has converged: there
 * its direction is the derivative. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "meta/method.h"

static void near(double found, double expected) {
  if (!(fabs(found - expected) <= 1e-12 * (1 + fabs(expected))))
    fail_msg("found %.17g, expected %.17g", found, expected);
}

static void test_rates(void **state) {
  (void)state;
  il_method m;
  il_method_defaults(&m);
  m.lr = 0.2;
  m.steps = 100;
  assert_false(il_method_lr_moves(&m));
  near(il_method_lr(&m, 70), 0.2);
  m.warmup = 4; /* rises to what it is at the fourth */
  assert_true(il_method_lr_moves(&m));
  near(il_method_lr(&m, 0), 0.05);
  near(il_method_lr(&m, 3), 0.2);
  near(il_method_lr(&m, 4), 0.2);
  m.warmup = 0;
  m.lr_end = 0.1;
  m.schedule = IL_SCHEDULE_LINEAR;
  near(il_method_lr(&m, 0), 0.2);
  near(il_method_lr(&m, 25), 0.175);
  near(il_method_lr(&m, 100), 0.1);
  m.schedule = IL_SCHEDULE_COSINE;
  near(il_method_lr(&m, 50), 0.15);
  near(il_method_lr(&m, 100), 0.1);
  m.schedule = IL_SCHEDULE_STEP;
  m.decay = 0.5;
  m.decay_every = 30;
  near(il_method_lr(&m, 29), 0.2);
  near(il_method_lr(&m, 30), 0.1);
  near(il_method_lr(&m, 90), 0.025);
}

/* From equal weights to the last step's alone, as the published program goes: at least 0.03/steps for the others. */
static void test_step_weights(void **state) {
  (void)state;
  const il_mamlpp_settings s = {.steps = 5, .multi_step = 5000, .epoch = 500};
  double w[5];
  for (int64_t made = 0; made < 6000; made += 250) {
    double sum = 0;
    il_mamlpp.weigh(&s, 5, made, w);
    for (int k = 0; k < 5; k++) sum += w[k];
    near(sum, 1);
  }
  il_mamlpp.weigh(&s, 5, 499, w);
  for (int k = 0; k < 5; k++) near(w[k], 0.2);
  il_mamlpp.weigh(&s, 5, 500, w);
  near(w[0], 0.18);
  near(w[4], 0.28);
  il_mamlpp.weigh(&s, 5, 4999, w);
  near(w[0], 0.02);
  il_mamlpp.weigh(&s, 5, 5500, w);
  near(w[3], 0.006);
  near(w[4], 0.976);
  assert_int_equal(il_mamlpp.until(&s, 0), 5000);
  assert_true(il_mamlpp.until(&s, 5000) == INT64_MAX);
}

/* ---- iMAML ---- */

enum { POINTS = 6, MOST = 64 };
static il_context *context;
static double theta[MOST], gradient[MOST], direction[MOST];

static il_inner way; /* what is not as ever about the inner loop */

/* The query loss after 200 steps from theta, and what the algorithm gives as its gradient. */
static double run(const il_imaml_settings *settings, const char *adapts, int *count) {
  static const il_layer layers[] = {{.kind = IL_LAYER_LINEAR, .units = 4, .bias = true},
                                    {.kind = IL_LAYER_TANH},
                                    {.kind = IL_LAYER_LINEAR, .bias = true}};
  static const double sx[POINTS] = {-2, -1.2, -0.3, 0.4, 1.1, 2.2},
                      qx[POINTS] = {-1.7, -0.9, 0.1, 0.7, 1.5, 1.9};
  double sy[POINTS], qy[POINTS];
  for (int i = 0; i < POINTS; i++) {
    sy[i] = sin(sx[i] + 0.3);
    qy[i] = sin(qx[i] + 0.3);
  }
  il_net *net = il_net_new(context, 3, layers, IL_SHAPE(1), 1);
  il_graph *g = il_graph_new(context, IL_FLOAT64);
  il_build b = {.g = g,
                .net = net,
                .algorithm = &il_imaml,
                .settings = settings,
                .inner = way,
                .loss = IL_LOSS_MEAN_SQUARED_ERROR,
                .statistics = IL_QUERY_STATISTICS_QUERY,
                .ways = 1};
  b.inner.steps = 200;
  b.inner.lr = settings->proximal > 10 ? 0.02 : 0.05;
  b.inner.adapts = adapts;
  il_entries entries = {0};
  il_meta_entries(context, net, &il_imaml, &b.inner, settings, &entries);
  b.meta = il_values_input(g, entries.count, entries.entry, "", IL_SHARED);
  const il_task_shape shape = {.support = POINTS,
                               .query = POINTS,
                               .outputs = 1,
                               .example = IL_SHAPE(1),
                               .x = IL_FLOAT64,
                               .targets = true,
                               .scale = 1};
  il_task_inputs(g, &shape, (il_task_needs){0}, &b.task);
  il_outcome out;
  il_build_outcome(&b, &out);
  il_output(g, "loss", il_task_mean(g, out.loss));
  for (int i = 0; i < entries.count; i++)
    il_output(g, entries.entry[i].name, il_task_mean(g, out.gradient.at[i]));
  il_function *f = il_function_new(g, NULL);
  il_team *team = il_team_new(context, 1);
  il_run *r = il_run_new(context, f, team, 1);
  if (!r) fail_msg("%s", il_context_message(context));
  const void *data[] = {sx, sy, qx, qy};
  static const char *const name[] = {"support_x", "support_y", "query_x", "query_y"};
  for (int i = 0; i < 4; i++) il_run_input(r, il_function_input(f, name[i]), data[i]);
  *count = 0;
  for (int i = 0; i < entries.count; i++) {
    const int n = (int)il_shape_count(entries.entry[i].shape);
    il_run_input(r, il_function_input(f, entries.entry[i].name), theta + *count);
    il_run_output(r, il_function_output(f, entries.entry[i].name), gradient + *count);
    *count += n;
  }
  assert_in_range(*count, 1, MOST);
  if (il_run_go(r, 1) != IL_OK) fail_msg("%s", il_context_message(context));
  const double loss = il_run_number(r, il_function_output(f, "loss"));
  il_run_free(r);
  il_team_free(team);
  il_function_free(f);
  il_entries_free(&entries);
  il_net_free(net);
  return loss;
}

/* How far the direction's slope is from that of the loss, of its size. */
static double error_of(const il_imaml_settings *settings, const char *adapts) {
  static const double h = 1e-5;
  double found = 0, side[2], start[MOST];
  int count;
  il_random random = il_random_start(5, 1);
  for (int i = 0; i < MOST; i++) {
    start[i] = il_random_normal01(&random);
    direction[i] = il_random_normal01(&random);
    theta[i] = start[i];
  }
  run(settings, adapts, &count);
  for (int i = 0; i < count; i++) found += gradient[i] * direction[i];
  for (int k = 0; k < 2; k++) {
    for (int i = 0; i < count; i++) theta[i] = start[i] + (k ? -h : h) * direction[i];
    side[k] = run(settings, adapts, &count);
  }
  const double expected = (side[0] - side[1]) / (2 * h);
  return fabs(found - expected) / fabs(expected);
}

static void test_implicit_gradient(void **state) {
  (void)state;
  context = il_context_new();
  il_imaml_settings s = {.proximal = 4, .solver = IL_IMAML_CG, .solver_steps = 20};
  const double all = error_of(&s, NULL), part = error_of(&s, "linear2*");
  if (!(all < 1e-6 && part < 1e-6)) fail_msg("conjugate gradients: %g, of a part %g", all, part);
  s = (il_imaml_settings){.proximal = 30, .solver = IL_IMAML_NEUMANN, .solver_steps = 60};
  const double series = error_of(&s, NULL);
  if (!(series < 1e-5)) fail_msg("Neumann's series: %g", series);
  s.solver_steps = 0; /* as if the adapted weights moved with theta one to one */
  assert_true(error_of(&s, NULL) > 1e-2);
  const double one_to_one = gradient[0];
  s.solver = IL_IMAML_CG;
  error_of(&s, NULL);
  assert_true(one_to_one != 0 && gradient[0] == one_to_one);
  /* What the inner loop descends beside the loss moves its minimum, too. */
  s = (il_imaml_settings){.proximal = 4, .solver = IL_IMAML_CG, .solver_steps = 20};
  way.l2 = 0.5;
  const double decayed = error_of(&s, NULL);
  if (!(decayed < 1e-6)) fail_msg("with a decay: %g", decayed);
  way = (il_inner){0};
  il_context_free(context);
}

/* The pull behind the last step is one of gradient descent, whatever the optimizer remembers of the steps: one of no size
 * leaves the adapted weights where they are. */
static void test_pull_at_the_end(void **state) {
  (void)state;
  context = il_context_new();
  il_random random = il_random_start(5, 1);
  for (int i = 0; i < MOST; i++) theta[i] = il_random_normal01(&random);
  il_momentum_settings momentum = {.momentum = 0.9};
  way = (il_inner){.optimizer = &il_momentum, .settings = &momentum};
  double loss[3];
  int count;
  for (int k = 0; k < 3; k++) {
    const il_imaml_settings s = {.proximal = k == 2 ? 9 : 1e-12,
                                 .pull = k ? IL_IMAML_PULL_END : IL_IMAML_PULL_EACH,
                                 .solver = IL_IMAML_CG,
                                 .solver_steps = 1};
    loss[k] = run(&s, NULL, &count);
  }
  assert_true(fabs(loss[0] - loss[1]) < 1e-9 * loss[0]);
  assert_true(fabs(loss[2] - loss[1]) > 1e-3 * loss[1]);
  way = (il_inner){0};
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rates), cmocka_unit_test(test_step_weights),
      cmocka_unit_test(test_implicit_gradient), cmocka_unit_test(test_pull_at_the_end)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
