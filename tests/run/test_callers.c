/* One plan, run by two callers at once: each has its own context, team, workspace and buffers, and hears of its own
 * errors alone. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <innerloop/plan.h>

enum { TASKS = 5, NUMBERS = 64, RUNS = 200 };

typedef struct caller {
  const il_plan *plan;
  float factor;  /* its data */
  bool mistaken; /* it asks for no tasks before each run */
  il_context *context;
  int wrong; /* numbers that are not as expected */
  il_status mistake;
} caller;

static void *call(void *argument) {
  caller *c = argument;
  static const int team_of[] = {2, 1};
  il_team *team = il_team_new(c->context, team_of[c->mistaken]);
  const int threads = il_team_threads(team);
  const size_t bytes = il_plan_workspace(c->plan, TASKS, threads);
  void *workspace = aligned_alloc(IL_WORKSPACE_ALIGNMENT, (bytes + 63) / 64 * 64);
  float x[TASKS * NUMBERS], y[TASKS * NUMBERS], mean[NUMBERS];
  for (int i = 0; i < TASKS * NUMBERS; i++) x[i] = c->factor * (float)(i % NUMBERS);
  il_bindings bindings = {TASKS, (const void *[]){x}, (void *[]){y, mean}};
  for (int run = 0; run < RUNS && workspace; run++) {
    bindings.tasks = 0;
    if (c->mistaken) c->mistake = il_plan_run(c->plan, team, workspace, &bindings);
    bindings.tasks = TASKS;
    memset(y, 0, sizeof y);
    c->wrong += il_plan_run(c->plan, team, workspace, &bindings) != IL_OK;
    for (int i = 0; i < TASKS * NUMBERS; i++) c->wrong += y[i] != x[i] * x[i] + 1;
    for (int i = 0; i < NUMBERS; i++) c->wrong += mean[i] != x[i];
  }
  c->wrong += !workspace;
  free(workspace);
  il_team_free(team);
  return NULL;
}

static il_plan *make(il_graph *g) {
  const il_value x = il_input(g, "x", IL_TASK, IL_FLOAT32, IL_SHAPE(NUMBERS));
  il_output(g, "y", il_add(g, il_mul(g, x, x), il_constant(g, 1, IL_SHAPE(NUMBERS))));
  il_output(g, "mean", il_task_mean(g, x));
  return il_plan_build(g, NULL);
}

static void test_two_callers(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_graph *g = il_graph_new(context, IL_FLOAT32);
  il_plan *plan = make(g);
  assert_non_null(plan);
  caller one = {.plan = plan, .factor = 1, .context = il_context_new()};
  caller two = {.plan = plan, .factor = 3, .mistaken = true, .context = il_context_new()};
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, call, &two), 0);
  call(&one);
  pthread_join(thread, NULL);
  assert_int_equal(one.wrong, 0);
  assert_int_equal(two.wrong, 0);
  assert_int_equal(two.mistake, IL_ERROR_ARGUMENT);
  assert_non_null(strstr(il_context_message(two.context), "found 0 tasks"));
  assert_string_equal(il_context_message(one.context), "");
  assert_string_equal(il_context_message(context), "");
  il_context_free(one.context);
  il_context_free(two.context);
  il_plan_free(plan);
  il_graph_free(g);
  il_context_free(context);
}

/* Without a team there is nobody to tell: the status alone. */
static void test_without_a_team(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_graph *g = il_graph_new(context, IL_FLOAT32);
  il_plan *plan = make(g);
  assert_non_null(plan);
  float x[NUMBERS] = {0}, y[NUMBERS], mean[NUMBERS];
  const il_bindings bindings = {1, (const void *[]){x}, (void *[]){y, mean}};
  char *workspace =
      aligned_alloc(IL_WORKSPACE_ALIGNMENT, il_plan_workspace(plan, 1, 1) / 64 * 64 + 128);
  assert_non_null(workspace);
  assert_int_equal(il_plan_run(plan, NULL, workspace + 4, &bindings), IL_ERROR_ARGUMENT);
  assert_int_equal(il_context_status(context), IL_OK);
  assert_int_equal(il_plan_run(plan, NULL, workspace, &bindings), IL_OK);
  assert_true(y[0] == 1);
  free(workspace);
  il_plan_free(plan);
  il_graph_free(g);
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_two_callers),
      cmocka_unit_test(test_without_a_team),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
