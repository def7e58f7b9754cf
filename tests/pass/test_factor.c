/* Factored updates: the same meta-gradient but for rounding, the same bits on any number of threads, and no
 * change where they do not pay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <innerloop/meta.h>
#include <innerloop/plan.h>

#include "base/random.h"
#include "graph/graph.h"
#include "support/meta.h"

enum { MOST = 32, TASKS = 5, SUPPORT = 4, QUERY = 3, CLASSES = 3 };

typedef struct problem {
  il_context *context;
  il_graph *g;
  il_net *net;
  il_type real;
  int parameters;
  void *in[MOST], *out[MOST];
  size_t out_bytes[MOST];
  il_bindings bindings;
} problem;

#define LINEAR(n)                                                                                  \
  { .kind = IL_LAYER_LINEAR, .units = n, .bias = true }
#define NORM                                                                                       \
  { .kind = IL_LAYER_NORM, .eps = 1e-5 }
static const il_layer wide[] = {LINEAR(128), NORM, {.kind = IL_LAYER_TANH},
                                LINEAR(96),  NORM, {.kind = IL_LAYER_RELU},
                                LINEAR(0)};
static const il_layer narrow[] = {LINEAR(6), {.kind = IL_LAYER_TANH}, LINEAR(0)};

static void fill(problem *p, int i, uint64_t seed) {
  const il_value v = il_graph_input(p->g, i);
  const bool task = il_value_stage(p->g, v) == IL_TASK;
  const int64_t count = il_shape_count(il_value_shape(p->g, v)) * (task ? TASKS : 1);
  il_random random = il_random_start(seed, (uint64_t)i);
  p->in[i] = malloc(8 * (size_t)count);
  for (int64_t k = 0; k < count; k++) {
    const double u = il_random_uniform01(&random);
    if (il_value_type(p->g, v) == IL_INT32)
      ((int32_t *)p->in[i])[k] = (int32_t)(k % CLASSES);
    else if (p->real == IL_FLOAT64)
      ((double *)p->in[i])[k] = 2 * u - 1;
    else
      ((float *)p->in[i])[k] = (float)(2 * u - 1);
  }
}

/* The mean meta-gradient of a classifier with these layers; 200 inputs. */
static problem begin(int layers, const il_layer *layer, il_type real, int steps, bool first_order) {
  problem p = {.context = il_context_new(), .real = real};
  p.g = il_graph_new(p.context, real);
  p.net = il_net_new(p.context, layers, layer, IL_SHAPE(200), CLASSES);
  p.parameters = il_net_parameters(p.net);
  il_value w[MOST], gradient[MOST];
  for (int i = 0; i < p.parameters; i++)
    w[i] = il_input(p.g, il_net_parameter_name(p.net, i), IL_SHARED, real,
                    il_net_parameter_shape(p.net, i));
  const il_task task = {
      .support_x = il_input(p.g, "support x", IL_TASK, real, IL_SHAPE(SUPPORT, 200)),
      .support_y = il_input(p.g, "support y", IL_TASK, IL_INT32, IL_SHAPE(SUPPORT)),
      .query_x = il_input(p.g, "query x", IL_TASK, real, IL_SHAPE(QUERY, 200)),
      .query_y = il_input(p.g, "query y", IL_TASK, IL_INT32, IL_SHAPE(QUERY))};
  const il_inner inner = {.steps = steps, .lr = 0.3, .first_order = first_order};
  const il_outcome result = maml_gradient(p.g, p.net, inner, IL_LOSS_CROSS_ENTROPY,
                                          IL_QUERY_STATISTICS_QUERY, &task, w, gradient);
  for (int i = 0; i < p.parameters; i++)
    il_output(p.g, il_net_parameter_name(p.net, i), il_task_mean(p.g, gradient[i]));
  il_output(p.g, "loss", il_task_mean(p.g, result.loss));
  il_graph_without_leaves(p.g);
  if (il_context_status(p.context) != IL_OK) fail_msg("%s", il_context_message(p.context));
  return p;
}

static void bind(problem *p) {
  for (int i = 0; i < il_graph_inputs(p->g); i++) {
    fill(p, i, 7);
    if (i < p->parameters) {
      free(p->in[i]);
      p->in[i] = malloc(8 * (size_t)il_shape_count(il_net_parameter_shape(p->net, i)));
      il_net_initialize(p->net, i, 3, p->real, p->in[i]);
    }
  }
  for (int i = 0; i < il_graph_outputs(p->g); i++) {
    p->out_bytes[i] = il_node_bytes(il_node_of(p->g, il_graph_output(p->g, i)));
    p->out[i] = calloc(1, p->out_bytes[i]);
  }
  p->bindings = (il_bindings){TASKS, (const void *const *)p->in, p->out};
}

static void end(problem *p) {
  for (int i = 0; i < MOST; i++) {
    free(p->in[i]);
    free(p->out[i]);
  }
  il_net_free(p->net);
  il_graph_free(p->g);
  il_context_free(p->context);
}

static void run(problem *p, int threads) {
  il_plan *plan = il_plan_build(p->g, NULL);
  il_team *team = il_team_new(p->context, threads);
  const size_t bytes = il_plan_workspace(plan, TASKS, threads);
  void *workspace = aligned_alloc(IL_WORKSPACE_ALIGNMENT, (bytes + 63) / 64 * 64);
  memset(workspace, 0xff, bytes);
  assert_int_equal(il_plan_run(plan, team, workspace, &p->bindings), IL_OK);
  free(workspace);
  il_team_free(team);
  il_plan_free(plan);
}

/* Nodes of an operation that the outputs need. */
static int needed(const il_graph *g, il_op op) {
  bool *need = calloc((size_t)g->size + 1, sizeof *need);
  int count = 0;
  for (int i = 0; i < g->output_count; i++) need[g->outputs[i].value.id] = true;
  for (uint32_t id = g->size; id > 0; id--)
    for (int i = 0; need[id] && i < g->nodes[id]->inputs; i++)
      need[g->nodes[id]->input[i].id] = true;
  for (uint32_t id = 1; id <= g->size; id++) count += need[id] && g->nodes[id]->op == op;
  free(need);
  return count;
}

static void assert_factored(problem *p) {
  assert_int_equal(needed(p->g, IL_OP_TASK_PRODUCT), 0);
  assert_int_equal(il_graph_factor(p->g), IL_OK);
  assert_int_equal(il_graph_check(p->g), IL_OK);
  assert_int_equal(needed(p->g, IL_OP_TASK_PRODUCT), 2); /* of two wide layers */
}

/* Largest difference, in units of the largest element of the same output. */
static double difference(const problem *a, const problem *b) {
  double worst = 0;
  for (int i = 0; i < il_graph_outputs(a->g); i++) {
    double far = 0, size = 0;
    for (size_t k = 0; k < a->out_bytes[i] / sizeof(double); k++) {
      const double x = ((double *)a->out[i])[k], y = ((double *)b->out[i])[k];
      far = fmax(far, fabs(x - y));
      size = fmax(size, fabs(x));
    }
    /* Biases before a norm have the gradient zero, up to rounding. */
    if (size > 1e-12) worst = fmax(worst, far / size);
  }
  return worst;
}

static void test_same_gradient(void **state) {
  (void)state;
  static const int steps[] = {1, 2, 5};
  for (int s = 0; s < 3; s++)
    for (int first_order = 0; first_order < 2; first_order++) {
      problem plain = begin(7, wide, IL_FLOAT64, steps[s], first_order);
      problem factored = begin(7, wide, IL_FLOAT64, steps[s], first_order);
      assert_factored(&factored);
      bind(&plain);
      bind(&factored);
      run(&plain, 2);
      run(&factored, 2);
      const double d = difference(&plain, &factored);
      printf("%d steps, %s order: largest relative difference %.1e\n", steps[s],
             first_order ? "first" : "second", d);
      assert_true(d > 0 && d < 1e-12);
      end(&plain);
      end(&factored);
    }
}

static void test_same_bits(void **state) {
  (void)state;
  problem p = begin(7, wide, IL_FLOAT32, 2, false);
  assert_factored(&p);
  bind(&p);
  run(&p, 1);
  void *expected[MOST];
  for (int i = 0; i < il_graph_outputs(p.g); i++) {
    expected[i] = malloc(p.out_bytes[i]);
    memcpy(expected[i], p.out[i], p.out_bytes[i]);
  }
  static const int threads[] = {2, 3, 7};
  for (int t = 0; t < 3; t++) {
    for (int i = 0; i < il_graph_outputs(p.g); i++) memset(p.out[i], 0, p.out_bytes[i]);
    run(&p, threads[t]);
    for (int i = 0; i < il_graph_outputs(p.g); i++)
      assert_memory_equal(p.out[i], expected[i], p.out_bytes[i]);
  }
  assert_int_equal(il_reference_run(p.g, &p.bindings), IL_OK);
  for (int i = 0; i < il_graph_outputs(p.g); i++) {
    assert_memory_equal(p.out[i], expected[i], p.out_bytes[i]);
    free(expected[i]);
  }
  for (int reference = 0; reference < 2; reference++) {
    const il_plan_options options = {.reference = reference};
    il_plan *plan = il_plan_build(p.g, &options);
    il_plan_checked checked;
    if (il_plan_check(plan, &p.bindings, &checked) != IL_OK)
      fail_msg("%s", il_context_message(p.context));
    assert_true(checked.equal > 50000);
    il_plan_free(plan);
  }
  end(&p);
}

static void test_only_where_it_pays(void **state) {
  (void)state;
  problem p = begin(3, narrow, IL_FLOAT32, 1, false);
  uint32_t before[MOST];
  /* Adapted weights are a task's own in a narrow net… */
  for (int i = 0; i < il_graph_outputs(p.g); i++) before[i] = il_graph_output(p.g, i).id;
  assert_int_equal(il_graph_factor(p.g), IL_OK);
  for (int i = 0; i < il_graph_outputs(p.g); i++)
    assert_int_equal(il_graph_output(p.g, i).id, before[i]);
  end(&p);
  /* …and a wide one counts fewer operations than before. */
  problem q = begin(7, wide, IL_FLOAT32, 1, false);
  il_plan *plan = il_plan_build(q.g, NULL);
  const il_plan_summary plain = il_plan_summarize(plan);
  il_plan_free(plan);
  assert_factored(&q);
  plan = il_plan_build(q.g, NULL);
  const il_plan_summary factored = il_plan_summarize(plan);
  il_plan_free(plan);
  assert_true(factored.flops_task < 0.75 * plain.flops_task);
  assert_true(factored.bytes_task < plain.bytes_task / 2);
  end(&q);
}

/* What is stopped stays stopped when the factored graph is differentiated. */
static void test_stops_stay(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_graph *g = il_graph_new(context, IL_FLOAT64);
  const il_value w = il_input(g, "w", IL_SHARED, IL_FLOAT64, IL_SHAPE(200, 200)),
                 a = il_input(g, "a", IL_TASK, IL_FLOAT64, IL_SHAPE(2, 200)),
                 x = il_input(g, "x", IL_TASK, IL_FLOAT64, IL_SHAPE(2, 200));
  const il_value step = il_stop_gradient(g, il_matmul(g, a, x, true, false));
  const il_value y = il_matmul(g, x, il_sub(g, w, step), false, false);
  il_output(g, "y", y);
  assert_int_equal(il_graph_factor(g), IL_OK);
  const il_value z = il_graph_output(g, 0);
  assert_true(z.id != y.id);
  il_value da;
  assert_int_equal(il_grad(g, il_sum_all(g, z), 1, &a, &da), IL_OK);
  double number = 1;
  assert_true(il_is_constant(g, da, &number) && number == 0);
  il_graph_free(g);
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_same_gradient),
      cmocka_unit_test(test_same_bits),
      cmocka_unit_test(test_only_where_it_pays),
      cmocka_unit_test(test_stops_stay),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
