/* Measuring: every kernel that takes a problem of problems.txt gives the plain loop's bytes, refusals are
 * sentences, and a meta-step is counted as its plan counts it. Times are only asked to be there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <innerloop/measure.h>

static void measure(const char *line, int *kernels, int *refusals) {
  il_context *context = il_context_new();
  il_measured_problem *p = calloc(1, sizeof *p);
  assert_non_null(p);
  if (il_measure_problem(context, line, 0, p) != IL_OK) fail_msg("%s", il_context_message(context));
  assert_true(p->rows >= 1 && p->bytes > 0);
  int chosen = 0;
  for (int i = 0; i < p->rows; i++) {
    const il_measured_row *r = &p->row[i];
    if (r->refusal) {
      assert_true(strlen(r->refusal) > 10);
      assert_false(r->chosen);
      ++*refusals;
      continue;
    }
    assert_true(r->seconds >= r->lowest && r->lowest > 0);
    chosen += r->chosen;
    *kernels += i + 1 < p->rows;
    /* Without a fused multiply-add, v2 of x86-64 rounds twice. */
    if (!r->right) fail_msg("%s: %s gives other bytes than the plain loop", line, r->kernel);
  }
  assert_int_equal(chosen, 1);
  assert_string_equal(p->row[p->rows - 1].kernel, "reference");
  free(p);
  il_context_free(context);
}

static void test_problems(void **state) {
  (void)state;
  FILE *file = fopen(TEST_DATA "/run/problems.txt", "r");
  assert_non_null(file);
  char line[4096];
  int lines = 0, kernels = 0, refusals = 0;
  while (fgets(line, sizeof line, file)) {
    if (*line == '#') continue;
    measure(line, &kernels, &refusals);
    lines++;
  }
  fclose(file);
  printf("%d problems, %d kernels, %d refusals\n", lines, kernels, refusals);
  assert_true(lines > 30 && kernels > 25 && refusals > 5);
}

static void test_meta_step(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_config *config = il_config_load(context, "omniglot-5w1s-maml");
  il_config_set(config, "model.filters=4");
  il_config_set(config, "outer.meta_batch=3");
  il_team *team = il_team_new(context, 2);
  il_measured_step step;
  il_plan_summary s;
  free(il_training_plan(context, config, &s));
  if (il_measure_step(context, config, team, 0, &step) != IL_OK)
    fail_msg("%s", il_context_message(context));
  assert_true(step.drawn); /* no data set was given, and none is needed */
  assert_true(step.steps >= 3 && step.lowest > 0 && step.seconds >= step.lowest);
  assert_true(step.flops == s.flops_shared + 3 * s.flops_task + s.flops_after);
  assert_true(step.bytes > s.bytes_shared + s.bytes_task);
  assert_true(il_measure_peak(team) > 1e8);
  il_team_free(team);
  il_config_free(config);
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_problems),
                                     cmocka_unit_test(test_meta_step)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
