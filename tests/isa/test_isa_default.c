/* Which instruction set a plan takes that names none: never the environment's, but that of il_isa_set_default. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "plan/plan.h"

/* The instruction set of a small plan; NULL: there was none. */
static const char *taken(il_context *context, const char *isa) {
  il_graph *g = il_graph_new(context, IL_FLOAT32);
  il_output(g, "y", il_exp(g, il_input(g, "x", IL_TASK, IL_FLOAT32, IL_SHAPE(3))));
  il_plan *plan = il_plan_build(g, &(il_plan_options){.isa = isa});
  const char *name = plan ? plan->kernels->isa : NULL;
  il_plan_free(plan);
  il_graph_free(g);
  return name;
}

static void test_no_environment(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_isa_set_default(context, NULL);
  const char *best = taken(context, NULL);
  assert_non_null(best);
  setenv("INNERLOOP_ISA", "v9", 1);
  const char *found = taken(context, NULL);
  unsetenv("INNERLOOP_ISA");
  assert_non_null(found);
  assert_string_equal(found, best);
  il_context_free(context);
}

static void test_default(void **state) {
  (void)state;
  int count = 0, runs = 0;
  const il_kernel_set *const *set = il_kernel_sets(&count);
  il_context *context = il_context_new();
  for (int i = 0; i < count; i++) {
    if (!il_cpu_runs(set[i]->isa)) continue;
    runs++;
    assert_int_equal(il_isa_set_default(context, set[i]->isa), IL_OK);
    assert_string_equal(taken(context, NULL), set[i]->isa);
    assert_string_equal(taken(context, set[count - 1]->isa), set[count - 1]->isa);
  }
  assert_true(runs > 0);
  /* A wrong one changes nothing. */
  const char *before = taken(context, NULL);
  assert_int_equal(il_isa_set_default(context, "v9"), IL_ERROR_ARGUMENT);
  assert_non_null(
      strstr(il_context_message(context), "unknown instruction set 'v9'; this build has"));
  il_context_clear(context);
  assert_string_equal(taken(context, NULL), before);
  assert_int_equal(il_isa_set_default(context, NULL), IL_OK);
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_no_environment),
      cmocka_unit_test(test_default),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
