/* Plans against the reference interpreter on random graphs: every value, every bit, whatever the fusion,
 * the number of tasks and the number of threads, with and without lanes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <innerloop/grad.h>
#include <innerloop/plan.h>

#include "base/random.h"

enum { MAX_VALUES = 160, INPUTS = 5 };

typedef struct il_fixture {
  il_context *context;
  il_graph *graph;
  il_value value[MAX_VALUES];
  int values;
  il_random random;
} il_fixture;

static il_value pick(il_fixture *f) {
  return f->value[il_random_below(&f->random, (uint32_t)f->values)];
}

static void keep(il_fixture *f, il_value v) {
  if (f->values < MAX_VALUES) f->value[f->values++] = v;
}

static il_value random_node(il_fixture *f) {
  il_graph *g = f->graph;
  const il_value a = pick(f), b = pick(f);
  switch (il_random_below(&f->random, 14)) {
  case 0: return il_add(g, a, b);
  case 1: return il_sub(g, a, b);
  case 2: return il_mul(g, a, b);
  case 3: return il_maximum(g, a, b);
  case 4: return il_tanh(g, a);
  case 5: return il_sigmoid(g, il_scale(g, a, 0.25));
  case 6: return il_select(g, il_less(g, a, b), a, b);
  case 7: return il_sum(g, a, il_random_below(&f->random, 8));
  case 8: return il_relu(g, il_mean(g, a, 3));
  case 9: return il_max(g, a, 4);
  case 10: return il_stop_gradient(g, il_neg(g, a));
  case 11: {
    const il_shape s = il_value_shape(g, a);
    return il_reshape(
        g, il_reshape(g, il_exp(g, il_scale(g, il_tanh(g, a), 0.5)), IL_SHAPE(il_shape_count(s))),
        s);
  }
  case 12: return il_shift(g, a, 0.5);
  default: return il_transpose(g, il_transpose(g, a, (int[]){1, 0, 2}), (int[]){1, 0, 2});
  }
}

static il_graph *random_graph(il_fixture *f, il_type real, uint64_t seed) {
  static const int64_t dims[INPUTS][3] = {{6, 4, 8}, {1, 1, 8}, {6, 1, 1}, {6, 4, 1}, {1, 4, 8}};
  f->graph = il_graph_new(f->context, real);
  assert_non_null(f->graph);
  f->values = 0;
  f->random = il_random_start(seed, 1);
  for (int i = 0; i < INPUTS; i++) {
    char name[16];
    snprintf(name, sizeof name, "x%d", i);
    keep(f, il_input(f->graph, name, il_random_below(&f->random, 2) ? IL_TASK : IL_SHARED, real,
                     il_shape_of(3, dims[i])));
  }
  il_value task = il_input(f->graph, "t", IL_TASK, real, il_shape_of(3, dims[0]));
  keep(f, task);
  const il_value shared = il_input(f->graph, "s", IL_SHARED, real, il_shape_of(3, dims[1]));
  keep(f, shared);
  for (int i = 0; i < 60; i++) keep(f, random_node(f));
  il_value loss = il_mean_all(f->graph, task);
  for (int i = 0; i < 6; i++)
    loss = il_add(f->graph, loss, il_tanh(f->graph, il_mean_all(f->graph, pick(f))));
  il_value gradient;
  assert_int_equal(il_grad(f->graph, loss, 1, f->value, &gradient), IL_OK);
  il_output(f->graph, "loss", loss);
  il_output(f->graph, "mean", il_task_mean(f->graph, loss));
  il_output(f->graph, "next",
            il_sub(f->graph, shared,
                   il_task_mean(f->graph, il_sum_all(f->graph, il_add(f->graph, task, pick(f))))));
  if (il_value_stage(f->graph, gradient) == IL_TASK)
    il_output(f->graph, "gradient", il_task_mean(f->graph, gradient));
  il_output(f->graph, "again", loss);
  assert_string_equal(il_context_message(f->context), "");
  return f->graph;
}

typedef struct il_buffers {
  void *in[16], *out[16];
  size_t out_bytes[16];
  il_bindings bindings;
} il_buffers;

static void allocate(il_buffers *b, il_graph *g, int tasks) {
  il_random random = il_random_start(7, 2);
  const size_t size = il_type_size(il_graph_real(g));
  for (int i = 0; i < il_graph_inputs(g); i++) {
    const il_value v = il_graph_input(g, i);
    const int64_t count =
        il_shape_count(il_value_shape(g, v)) * (il_value_stage(g, v) == IL_TASK ? tasks : 1);
    b->in[i] = malloc((size_t)count * size);
    for (int64_t k = 0; k < count; k++) {
      const double x = 2 * il_random_uniform01(&random) - 1;
      if (size == 4)
        ((float *)b->in[i])[k] = (float)x;
      else
        ((double *)b->in[i])[k] = x;
    }
  }
  for (int i = 0; i < il_graph_outputs(g); i++) {
    const il_value v = il_graph_output(g, i);
    b->out_bytes[i] = size * (size_t)il_shape_count(il_value_shape(g, v)) *
                      (size_t)(il_value_stage(g, v) == IL_TASK ? tasks : 1);
    b->out[i] = malloc(b->out_bytes[i]);
  }
  b->bindings = (il_bindings){tasks, (const void *const *)b->in, b->out};
}

static void release(il_buffers *b, const il_graph *g) {
  for (int i = 0; i < il_graph_inputs(g); i++) free(b->in[i]);
  for (int i = 0; i < il_graph_outputs(g); i++) free(b->out[i]);
}

static void run(const il_plan *plan, il_context *context, int threads,
                const il_bindings *bindings) {
  il_team *team = il_team_new(context, threads);
  assert_non_null(team);
  const size_t bytes = il_plan_workspace(plan, bindings->tasks, threads);
  void *workspace = aligned_alloc(IL_WORKSPACE_ALIGNMENT, (bytes + 63) / 64 * 64);
  memset(workspace, 0xff, bytes); /* NaN everywhere: nothing may rely on zeroed memory */
  assert_int_equal(il_plan_run(plan, team, workspace, bindings), IL_OK);
  free(workspace);
  il_team_free(team);
}

static void check_graph(il_fixture *f, il_graph *g, int tasks, int64_t *compared) {
  static const il_plan_options options[] = {{.lanes = IL_LANES_NEVER},
                                            {.no_fusion = true, .lanes = IL_LANES_NEVER},
                                            {.reference = true, .lanes = IL_LANES_NEVER},
                                            {.lanes = IL_LANES_ALWAYS},
                                            {.no_fusion = true, .lanes = IL_LANES_ALWAYS},
                                            {.reference = true, .lanes = IL_LANES_ALWAYS}};
  il_buffers expected, found;
  allocate(&expected, g, tasks);
  assert_int_equal(il_reference_run(g, &expected.bindings), IL_OK);
  for (size_t o = 0; o < sizeof options / sizeof *options; o++) {
    il_plan *plan = il_plan_build(g, &options[o]);
    if (!plan) fail_msg("%s", il_context_message(f->context));
    for (int threads = 1; threads <= 5; threads += 2) {
      allocate(&found, g, tasks);
      run(plan, f->context, threads, &found.bindings);
      for (int i = 0; i < il_graph_outputs(g); i++)
        assert_memory_equal(found.out[i], expected.out[i], expected.out_bytes[i]);
      release(&found, g);
    }
    il_plan_checked checked;
    if (il_plan_check(plan, &expected.bindings, &checked) != IL_OK)
      fail_msg("%s", il_context_message(f->context));
    assert_true(checked.equal > 0);
    *compared += checked.equal;
    char *text = il_plan_print(plan);
    assert_non_null(text);
    free(text);
    il_plan_free(plan);
  }
  release(&expected, g);
}

static void plans_equal_reference(il_type real) {
  il_fixture f = {.context = il_context_new()};
  int64_t compared = 0;
  for (uint64_t seed = 1; seed <= 60; seed++) {
    il_graph *g = random_graph(&f, real, seed);
    check_graph(&f, g, 1 + (int)(seed % 13), &compared);
    il_graph_free(g);
  }
  printf("compared %lld elements\n", (long long)compared);
  assert_true(compared > 100000);
  il_context_free(f.context);
}

static void test_float32(void **state) {
  (void)state;
  plans_equal_reference(IL_FLOAT32);
}

static void test_float64(void **state) {
  (void)state;
  plans_equal_reference(IL_FLOAT64);
}

/* Two values in the same memory, each with a mean of its own. */
static void test_means_of_one_memory(void **state) {
  (void)state;
  il_fixture f = {.context = il_context_new()};
  il_graph *g = il_graph_new(f.context, IL_FLOAT32);
  const il_value x = il_input(g, "x", IL_TASK, IL_FLOAT32, IL_SHAPE(3, 1));
  const il_value y = il_broadcast(g, x, IL_SHAPE(3, 5));
  il_output(g, "flat", il_task_mean(g, il_reshape(g, y, IL_SHAPE(15))));
  il_output(g, "mean", il_task_mean(g, y));
  il_output(g, "still", il_task_mean(g, il_stop_gradient(g, y)));
  int64_t compared = 0;
  for (int tasks = 1; tasks <= 33; tasks += 8) check_graph(&f, g, tasks, &compared);
  assert_true(compared > 1000);
  il_graph_free(g);
  il_context_free(f.context);
}

static void test_refuses_nothing_to_compute(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_graph *g = il_graph_new(context, IL_FLOAT32);
  assert_null(il_plan_build(g, NULL));
  assert_int_equal(il_context_status(context), IL_ERROR_ARGUMENT);
  il_graph_free(g);
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_float32),
      cmocka_unit_test(test_float64),
      cmocka_unit_test(test_means_of_one_memory),
      cmocka_unit_test(test_refuses_nothing_to_compute),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
