/* Calls of a host program that lack something: a sentence, and nothing begun. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <innerloop/config.h>
#include <innerloop/train.h>

static void refused_for_its_team(il_context *context, il_status status) {
  assert_int_equal(status, IL_ERROR_ARGUMENT);
  assert_non_null(strstr(il_context_message(context), "found no team of threads, expected one"));
  il_context_clear(context);
}

static void a_team_is_asked_for(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_config *config = il_config_load(context, "sinusoid-5shot-maml");
  char made[] = "/tmp/test_train_XXXXXX", run[64];
  assert_non_null(mkdtemp(made));
  snprintf(run, sizeof run, "%s/run", made);
  refused_for_its_team(context, il_train(context, config, &(il_train_options){.out = run}));
  assert_int_not_equal(access(run, F_OK), 0);
  il_meta_check check;
  refused_for_its_team(context, il_check_meta_gradient(context, config, NULL, &check));
  il_team *team = il_team_new(context, 1);
  assert_int_equal(il_config_set(config, "outer.steps=1"), IL_OK);
  assert_int_equal(il_config_set(config, "eval.every=0"), IL_OK);
  assert_int_equal(il_train(context, config, &(il_train_options){.out = run, .team = team}), IL_OK);
  il_evaluation evaluation;
  refused_for_its_team(context,
                       il_evaluate(context, run, &(il_evaluate_options){.tasks = 2}, &evaluation));
  il_team_free(team);
  il_config_free(config);
  il_context_free(context);
  char command[128];
  snprintf(command, sizeof command, "rm -r %s", made);
  assert_int_equal(system(command), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_team_is_asked_for)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
