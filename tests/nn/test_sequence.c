/* Embedding and GRU: what PyTorch's equations give, rows of a table and how often each was read, meta-gradients through inner
 * steps of them in every kind of inner loop, plans that do not grow with the steps of a sequence, layouts, refusals. */
#include <innerloop/function.h>
#include <innerloop/grad.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "graph/graph.h"
#include "meta/method.h"
#include "nn/net.h"
#include "support/context.h"

enum { N = 2, STEPS = 5, CHANNELS = 3, UNITS = 4, WAYS = 2, WORDS = 6, TASKS = 3, MOST = 16 };

static double sigmoid(double a) { return 1 / (1 + exp(-a)); }

/* Σ_k w[row,k]·v[k] + b[row], of PyTorch's [3·units, columns]. */
static double gate(const double *w, const double *b, int row, int columns, const double *v) {
  double sum = b[row];
  for (int k = 0; k < columns; k++) sum += w[row * columns + k] * v[k];
  return sum;
}

/* nn.GRU's documentation, one example; every [STEPS, UNITS]. */
static void pytorchs(double *const p[4], const double *x, double *every) {
  double h[UNITS] = {0};
  for (int t = 0; t < STEPS; t++, x += CHANNELS, every += UNITS) {
    for (int i = 0; i < UNITS; i++) {
      const double r = sigmoid(gate(p[0], p[2], i, CHANNELS, x) + gate(p[1], p[3], i, UNITS, h));
      const double z =
          sigmoid(gate(p[0], p[2], UNITS + i, CHANNELS, x) + gate(p[1], p[3], UNITS + i, UNITS, h));
      const double n = tanh(gate(p[0], p[2], 2 * UNITS + i, CHANNELS, x) +
                            r * gate(p[1], p[3], 2 * UNITS + i, UNITS, h));
      every[i] = (1 - z) * n + z * h[i];
    }
    memcpy(h, every, sizeof h);
  }
}

static void a_gru_is_pytorchs(void **state) {
  (void)state;
  for (int all = 0; all < 2; all++) {
    const il_layer layer = {.kind = IL_LAYER_GRU, .units = UNITS, .bias = true, .sequence = all};
    il_net *net = il_net_new(context, 1, &layer, IL_SHAPE(STEPS, CHANNELS), 0);
    fine();
    assert_int_equal(il_net_parameters(net), 4);
    assert_string_equal(il_net_parameter_name(net, 1), "gru1.weight_hh_l0");
    il_graph *g = il_graph_new(context, IL_FLOAT64);
    il_value v[5];
    double engine[4][3 * UNITS * UNITS], torch[4][3 * UNITS * UNITS], x[N * STEPS * CHANNELS];
    const void *in[5];
    for (int i = 0; i < 4; i++) {
      const il_shape s = il_net_parameter_shape(net, i);
      v[i] = il_input(g, il_net_parameter_name(net, i), IL_SHARED, IL_FLOAT64, s);
      il_net_initialize(net, i, 3, IL_FLOAT64, engine[i]);
      double largest = 0;
      for (int64_t k = 0; k < il_shape_count(s); k++) largest = fmax(largest, fabs(engine[i][k]));
      assert_true(largest <= 0.5 && largest > 0.4); /* U(±1/√units) */
      il_net_to_torch(net, i, IL_FLOAT64, engine[i], torch[i]);
      in[i] = engine[i];
    }
    assert_int_equal(il_net_parameter_torch_shape(net, 0).dim[0], 3 * UNITS);
    v[4] = il_input(g, "x", IL_SHARED, IL_FLOAT64, IL_SHAPE(N, STEPS, CHANNELS));
    for (int i = 0; i < N * STEPS * CHANNELS; i++) x[i] = sin(2.3 * i + 1);
    in[4] = x;
    il_output(g, "y", il_net_apply(net, g, v, v[4], IL_STATISTICS_BATCH, NULL, (il_value){0}, 0));
    fine();
    double y[N * STEPS * UNITS], expected[STEPS * UNITS];
    assert_int_equal(il_reference_run(g, &(il_bindings){1, in, (void *[]){y}}), IL_OK);
    double *const p[4] = {torch[0], torch[1], torch[2], torch[3]};
    for (int n = 0; n < N; n++) {
      pytorchs(p, x + n * STEPS * CHANNELS, expected);
      const int first = all ? 0 : (STEPS - 1) * UNITS, numbers = STEPS * UNITS - first;
      for (int i = 0; i < numbers; i++)
        assert_true(fabs(y[n * numbers + i] - expected[first + i]) < 1e-14);
    }
    il_graph_free(g);
    il_net_free(net);
  }
}

/* Rows of the table, and as its gradient how often each was read. */
static void an_embedding_is_rows_of_its_table(void **state) {
  (void)state;
  const il_layer layer = {.kind = IL_LAYER_EMBEDDING, .units = UNITS, .vocabulary = WORDS};
  il_net *net = il_net_new(context, 1, &layer, IL_SHAPE(STEPS), 0);
  fine();
  assert_int_equal(il_net_vocabulary(net), WORDS);
  il_graph *g = il_graph_new(context, IL_FLOAT64);
  il_value v[2] = {il_input(g, "w", IL_SHARED, IL_FLOAT64, il_net_parameter_shape(net, 0)),
                   il_input(g, "x", IL_SHARED, IL_FLOAT64, IL_SHAPE(N, STEPS))},
           d[2];
  const il_value y = il_net_apply(net, g, v, v[1], IL_STATISTICS_BATCH, NULL, (il_value){0}, 0);
  il_grad(g, il_sum_all(g, y), 2, v, d);
  il_output(g, "y", y);
  il_output(g, "d", d[0]);
  fine();
  double w[WORDS * UNITS], torch[WORDS * UNITS], out[N * STEPS * UNITS], count[WORDS * UNITS];
  const double x[N * STEPS] = {3, 0, 5, 3, 3, 1, 1, 0, 5, 4};
  static const int times[WORDS] = {2, 2, 0, 3, 1, 2};
  il_net_initialize(net, 0, 1, IL_FLOAT64, w);
  il_net_to_torch(net, 0, IL_FLOAT64, w, torch);
  assert_memory_equal(w, torch, sizeof w); /* nn.Embedding's weight as it is */
  assert_int_equal(il_net_parameter_torch_shape(net, 0).dim[0], WORDS);
  const il_bindings b = {1, (const void *[]){w, x}, (void *[]){out, count}};
  assert_int_equal(il_reference_run(g, &b), IL_OK);
  for (int i = 0; i < N * STEPS; i++)
    assert_memory_equal(out + i * UNITS, w + (int)x[i] * UNITS, UNITS * sizeof *w);
  for (int i = 0; i < WORDS * UNITS; i++) assert_true(count[i] == times[i / UNITS]);
  assert_int_equal(il_net_unfit(WORDS, IL_FLOAT64, N * STEPS, x), -1);
  assert_int_equal(il_net_unfit(5, IL_FLOAT64, N * STEPS, x), 2);
  assert_int_equal(il_net_unfit(WORDS, IL_FLOAT32, 3, (const float[]){0, 1, 2.5f}), 2);
  assert_int_equal(il_net_unfit(WORDS, IL_FLOAT32, 2, (const float[]){5, NAN}), 1);
  assert_int_equal(il_net_unfit(WORDS, IL_UINT8, 2, (const uint8_t[]){5, 6}), 1);
  assert_int_equal(il_net_unfit(0, IL_FLOAT32, 1, (const float[]){0.5f}), -1);
  il_graph_free(g);
  il_net_free(net);
}

/* ---- inner steps of them ---- */

static il_net *words_net(int steps) {
  const il_layer layers[] = {{.kind = IL_LAYER_EMBEDDING, .units = CHANNELS, .vocabulary = WORDS},
                             {.kind = IL_LAYER_GRU, .units = UNITS, .bias = true},
                             {.kind = IL_LAYER_LINEAR, .bias = true}};
  il_net *net = il_net_new(context, 3, layers, IL_SHAPE(steps), WAYS);
  fine();
  return net;
}

/* Query loss and meta-gradient of MAML with four inner steps on sequences. */
static il_function *maml_of(const il_net *net, int steps, il_inner_loop loop) {
  il_method m;
  il_method_defaults(&m);
  m.real = IL_FLOAT64;
  m.inner.steps = 4;
  m.inner.lr = 0.3;
  m.inner.loop = loop;
  const il_task_shape s = {.ways = WAYS,
                           .shots = 2,
                           .queries = 1,
                           .support = 2 * WAYS,
                           .query = WAYS,
                           .outputs = WAYS,
                           .example = IL_SHAPE(steps),
                           .x = IL_UINT8,
                           .loss = IL_LOSS_CROSS_ENTROPY,
                           .scale = 1 / 255.0}; /* numbers of words are taken as they are */
  il_graph *g = il_graph_new(context, m.real);
  il_build b = il_method_build(&m, g, net, &s);
  b.whole = true;
  il_entries entries = {0};
  il_meta_entries(context, net, m.algorithm, &m.inner, b.settings, &entries);
  b.meta = il_values_input(g, entries.count, entries.entry, "", IL_SHARED);
  il_task_inputs(g, &s, il_method_needs(&m, net, &s, m.inner.steps, true), &b.task);
  il_outcome out;
  il_build_outcome(&b, &out);
  fine();
  il_output(g, "loss", il_task_mean(g, out.loss));
  for (int i = 0; i < out.gradient.count; i++)
    il_output(g, out.gradient.entry[i].name, il_task_mean(g, out.gradient.at[i]));
  fine();
  il_entries_free(&entries);
  il_function *f = il_function_new(g, &m.function);
  fine();
  return f;
}

/* All outputs, one behind the other. */
static int64_t run(const il_function *f, const il_net *net, double *to) {
  const il_graph *g = il_function_graph(f);
  il_team *team = il_team_new(context, 1);
  il_run *r = il_run_new(context, f, team, TASKS);
  fine();
  void *in[MOST];
  int64_t at = 0;
  assert_true(il_graph_inputs(g) < MOST);
  for (int i = 0; i < il_graph_inputs(g); i++) {
    const il_value v = il_graph_input(g, i);
    const char *name = il_graph_input_name(g, i);
    const int64_t n =
        il_shape_count(il_value_shape(g, v)) * (il_value_stage(g, v) == IL_TASK ? TASKS : 1);
    in[i] = malloc((size_t)n * 8);
    for (int p = 0; p < il_net_parameters(net); p++)
      if (!strcmp(name, il_net_parameter_name(net, p)))
        il_net_initialize(net, p, 5, IL_FLOAT64, in[i]);
    for (int64_t k = 0; k < n && il_value_type(g, v) == IL_UINT8; k++)
      ((uint8_t *)in[i])[k] = (uint8_t)((k * k + 3 * k + i) % WORDS);
    for (int64_t k = 0; k < n && il_value_type(g, v) == IL_INT32; k++)
      ((int32_t *)in[i])[k] = (int32_t)(k % WAYS);
    il_run_input(r, i, in[i]);
  }
  for (int i = 0; i < il_graph_outputs(g); i++) {
    il_run_output(r, i, to + at);
    at += il_shape_count(il_value_shape(g, il_graph_output(g, i)));
  }
  il_plan_checked checked;
  assert_int_equal(il_run_check(r, TASKS, &checked), IL_OK); /* the interpreter's bits */
  fine();
  for (int i = 0; i < il_graph_inputs(g); i++) free(in[i]);
  il_run_free(r);
  il_team_free(team);
  return at;
}

static void inner_loops_of_a_gru_give_the_gradient_of_steps_written_out(void **state) {
  (void)state;
  static double out[3][512];
  il_net *net = words_net(STEPS);
  for (int loop = IL_INNER_UNROLL; loop <= IL_INNER_REMAKE; loop++) {
    il_function *f = maml_of(net, STEPS, (il_inner_loop)loop);
    const int64_t n = run(f, net, out[loop]);
    assert_true(n > 100 && n < 512);
    double largest = 0, gradient = 0;
    for (int64_t i = 0; i < n; i++) {
      const double apart = fabs(out[loop][i] - out[0][i]);
      largest = apart <= largest ? largest : apart; /* NaN counts */
      if (i > 0) gradient = fmax(gradient, fabs(out[loop][i]));
    }
    if (!(largest < 1e-13 && gradient > 0.01))
      fail_msg("inner loop %d: gradients up to %g, apart by %g", loop, gradient, largest);
    il_function_free(f);
  }
  il_net_free(net);
}

static int lines_of(const il_function *f) {
  int lines = 0;
  char *text = il_plan_print(il_function_plan(f));
  for (const char *c = text; c && *c; c++) lines += *c == '\n';
  free(text);
  return lines;
}

static void a_plan_does_not_grow_with_the_sequence(void **state) {
  (void)state;
  int lines[2];
  for (int which = 0; which < 2; which++) {
    const int steps = which ? 400 : 40;
    il_net *net = words_net(steps);
    il_function *f = maml_of(net, steps, IL_INNER_UNROLL);
    lines[which] = lines_of(f);
    il_function_free(f);
    il_net_free(net);
  }
  /* A few values more or less are made again where they are larger; a step alone has ten lines. */
  assert_in_range(lines[0], 50, 5000);
  assert_in_range(lines[1], lines[0] - 50, lines[0] + 50);
}

static void refuses(int layers, const il_layer *layer, il_shape example, const char *sentence) {
  assert_null(il_net_new(context, layers, layer, example, WAYS));
  assert_string_equal(il_context_message(context), sentence);
  il_context_clear(context);
}

static void refusals_say_what_fits(void **state) {
  (void)state;
  const il_layer gru = {.kind = IL_LAYER_GRU, .units = 4}, none = {.kind = IL_LAYER_GRU};
  const il_layer words = {.kind = IL_LAYER_EMBEDDING, .units = 4, .vocabulary = 3};
  const il_layer empty = {.kind = IL_LAYER_EMBEDDING, .units = 4};
  const il_layer linear = {.kind = IL_LAYER_LINEAR};
  refuses(2, (il_layer[]){gru, linear}, IL_SHAPE(8),
          "il_net_new: layer 1 (gru): needs a signal [t,channels] and receives 8 features");
  refuses(2, (il_layer[]){gru, linear}, IL_SHAPE(8, 8, 1),
          "il_net_new: layer 1 (gru): needs a signal [t,channels] and receives a 8x8x1 image");
  refuses(2, (il_layer[]){none, linear}, IL_SHAPE(8, 2),
          "il_net_new: layer 1 (gru): units 0; expected at least 1");
  refuses(3, (il_layer[]){gru, words, linear}, IL_SHAPE(8, 2),
          "il_net_new: layer 2 (embedding): receives what other layers give; expected it to be the "
          "first layer, which receives whole numbers");
  refuses(
      2, (il_layer[]){words, linear}, IL_SHAPE(8, 2),
      "il_net_new: layer 1 (embedding): needs features [t] or a signal of one channel [t,1] and "
      "receives a signal of 8 steps and 2 channels");
  refuses(2, (il_layer[]){empty, linear}, IL_SHAPE(8),
          "il_net_new: layer 1 (embedding): units 4, vocabulary 0; expected at least 1 unit, and a "
          "vocabulary from 1 to 16777216");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_gru_is_pytorchs, set_up, tear_down),
      cmocka_unit_test_setup_teardown(an_embedding_is_rows_of_its_table, set_up, tear_down),
      cmocka_unit_test_setup_teardown(inner_loops_of_a_gru_give_the_gradient_of_steps_written_out,
                                      set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_plan_does_not_grow_with_the_sequence, set_up, tear_down),
      cmocka_unit_test_setup_teardown(refusals_say_what_fits, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
