/* Building a plan takes work that grows with the adaptation's steps, not with their square: counted, never timed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <innerloop/train.h>

#include "plan/plan.h"
#include "train/trainer.h"

/* What was compared while the meta-step's plan was built. */
static double looks(const char *preset, int steps) {
  char setting[64];
  snprintf(setting, sizeof setting, "inner.steps=%d", steps);
  il_context *context = il_context_new();
  il_config *config = il_config_load(context, preset);
  if (config) il_config_set(config, setting);
  il_trainer t;
  if (!config || il_trainer_init(context, &t, config, NULL) != IL_OK)
    fail_msg("%s: %s", preset, il_context_message(context));
  const double count = (double)il_meta_step_plan(&t.step)->looks;
  il_trainer_free(&t);
  il_config_free(config);
  il_context_free(context);
  return count;
}

/* Twice the steps: 2 would be linear, 4 the square. Values that are made again (images of the first) are among it. */
static void test_twice_the_steps(void **state) {
  (void)state;
  static const char *const presets[] = {"omniglot-5w1s-maml", "omniglot-fc-5w1s-maml"};
  for (int i = 0; i < 2; i++) {
    const double half = looks(presets[i], 50), all = looks(presets[i], 100);
    printf("%s: %.0f for 50 steps, %.0f for 100\n", presets[i], half, all);
    assert_true(half > 100000);
    assert_true(all < 2.5 * half);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_twice_the_steps)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
