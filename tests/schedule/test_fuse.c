/* Fusion, seen from a plan's summary: what runs as one call, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/meta.h"
#include <innerloop/plan.h>

enum { COUNT = 40000, TASKS = 3 };

typedef struct fixture {
  il_context *context;
  il_graph *g;
} fixture;

/* Adam's update of one tensor by the mean of a task's. */
static fixture adam(void) {
  fixture f = {.context = il_context_new()};
  f.g = il_graph_new(f.context, IL_FLOAT32);
  const il_shape shape = IL_SHAPE(COUNT);
  const il_value step = il_input(f.g, "step", IL_SHARED, IL_FLOAT32, il_shape_scalar()),
                 w = il_input(f.g, "w", IL_SHARED, IL_FLOAT32, shape),
                 m = il_input(f.g, "m", IL_SHARED, IL_FLOAT32, shape),
                 v = il_input(f.g, "v", IL_SHARED, IL_FLOAT32, shape),
                 x = il_input(f.g, "x", IL_TASK, IL_FLOAT32, shape);
  const il_value gradient = il_task_mean(f.g, x);
  il_value next[3];
  adam_update(f.g, 1e-3, step, w, gradient, m, v, (il_value *[]){&next[0], &next[1], &next[2]});
  il_output(f.g, "w", next[0]);
  il_output(f.g, "m", next[1]);
  il_output(f.g, "v", next[2]);
  return f;
}

static void end(fixture *f) {
  il_graph_free(f->g);
  il_context_free(f->context);
}

/* The decays of the moments depend on shared inputs alone, but belong to the update. */
static void test_update_is_one_call(void **state) {
  (void)state;
  fixture f = adam();
  il_plan *plan = il_plan_build(f.g, NULL);
  const il_plan_summary s = il_plan_summarize(plan);
  assert_int_equal(s.steps_after, 1);
  assert_int_equal(s.steps_shared, 1); /* the corrections of bias, two numbers */
  assert_true(s.bytes_shared < 1024);
  il_plan_free(plan);
  end(&f);
}

static void test_threads_share_the_update(void **state) {
  (void)state;
  fixture f = adam();
  float *in[5], *out[3], *expected[3];
  const size_t count[5] = {1, COUNT, COUNT, COUNT, (size_t)TASKS * COUNT};
  for (int i = 0; i < 5; i++) {
    in[i] = malloc(count[i] * sizeof(float));
    for (size_t k = 0; k < count[i]; k++) in[i][k] = (float)((k * 37 + (size_t)i) % 101) / 100;
  }
  for (int i = 0; i < 3; i++) {
    out[i] = malloc(COUNT * sizeof(float));
    expected[i] = malloc(COUNT * sizeof(float));
  }
  const il_bindings reference = {TASKS, (const void *const *)in, (void *const *)expected},
                    bindings = {TASKS, (const void *const *)in, (void *const *)out};
  assert_int_equal(il_reference_run(f.g, &reference), IL_OK);
  il_plan *plan = il_plan_build(f.g, NULL);
  for (int threads = 1; threads <= 7; threads++) {
    il_team *team = il_team_new(f.context, threads);
    const size_t bytes = (il_plan_workspace(plan, TASKS, threads) + 63) / 64 * 64;
    void *workspace = aligned_alloc(IL_WORKSPACE_ALIGNMENT, bytes);
    for (int i = 0; i < 3; i++) memset(out[i], 0xff, COUNT * sizeof(float));
    assert_int_equal(il_plan_run(plan, team, workspace, &bindings), IL_OK);
    for (int i = 0; i < 3; i++) assert_memory_equal(out[i], expected[i], COUNT * sizeof(float));
    free(workspace);
    il_team_free(team);
  }
  il_plan_free(plan);
  for (int i = 0; i < 5; i++) free(in[i]);
  for (int i = 0; i < 3; i++) {
    free(out[i]);
    free(expected[i]);
  }
  end(&f);
}

/* Calls of a task besides copies into and out of lanes: w − rate·xᵀ·y, and also the product where it is asked for. */
static int64_t calls_of_update(bool lanes, bool product_too) {
  il_context *context = il_context_new();
  il_graph *g = il_graph_new(context, IL_FLOAT32);
  const il_value w = il_input(g, "w", IL_SHARED, IL_FLOAT32, IL_SHAPE(6, 5)),
                 x = il_input(g, "x", IL_TASK, IL_FLOAT32, IL_SHAPE(3, 6)),
                 y = il_input(g, "y", IL_TASK, IL_FLOAT32, IL_SHAPE(3, 5)),
                 product = il_matmul(g, x, y, true, false);
  il_output(g, "updated", il_task_mean(g, il_sub(g, w, il_scale(g, product, 0.1))));
  if (product_too) il_output(g, "product", il_task_mean(g, product));
  il_plan *plan =
      il_plan_build(g, &(il_plan_options){.lanes = lanes ? IL_LANES_ALWAYS : IL_LANES_NEVER});
  const int64_t calls = il_plan_summarize(plan).steps_task - (lanes ? 2 : 0);
  il_plan_free(plan);
  il_graph_free(g);
  il_context_free(context);
  return calls;
}

static void test_product_joins_its_sum(void **state) {
  (void)state;
  assert_int_equal(calls_of_update(true, false), 1);
  assert_int_equal(calls_of_update(true, true), 2);
  assert_int_equal(calls_of_update(false, false), 2);
}

/* A product that is read by another product, which a sum makes, still has a place of its own. */
static void test_product_of_a_product(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_graph *g = il_graph_new(context, IL_FLOAT32);
  il_value v[4];
  for (int i = 0; i < 4; i++)
    v[i] =
        il_input(g, (const char *[]){"x", "y", "z", "w"}[i], IL_TASK, IL_FLOAT32, IL_SHAPE(4, 4));
  const il_value inner = il_matmul(g, v[0], v[1], false, false);
  const il_value outer = il_matmul(g, inner, v[2], false, false);
  il_output(g, "first", il_add(g, v[3], outer));
  il_output(g, "second", il_add(g, v[2], inner));
  il_plan *plan = il_plan_build(g, &(il_plan_options){.lanes = IL_LANES_ALWAYS});
  assert_non_null(plan);
  enum { MANY = 9, NUMBERS = MANY * 16 };
  static float in[4][NUMBERS], out[2][NUMBERS];
  for (int i = 0; i < 4; i++)
    for (int k = 0; k < NUMBERS; k++) in[i][k] = (float)((k * 37 + i * 11) % 101) / 50 - 1;
  const il_bindings bindings = {MANY, (const void *[]){in[0], in[1], in[2], in[3]},
                                (void *[]){out[0], out[1]}};
  if (il_plan_check(plan, &bindings, NULL) != IL_OK) fail_msg("%s", il_context_message(context));
  il_plan_free(plan);
  il_graph_free(g);
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_update_is_one_call),
      cmocka_unit_test(test_threads_share_the_update),
      cmocka_unit_test(test_product_joins_its_sum),
      cmocka_unit_test(test_product_of_a_product),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
