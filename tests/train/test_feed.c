/* Batches drawn ahead, by workers that wait in a meta-step: the bytes of batches drawn when they are asked for, in any
 * order of meta-steps; large ones are not held twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <stdio.h>

#include "train/trainer.h"

enum { TASKS = 11 };

typedef struct training {
  il_context *context;
  il_config *config;
  il_team *team;
  il_trainer it;
  il_batch expected; /* drawn at once */
} training;

static void begin(training *t, const char *preset, const char *setting, int threads) {
  *t = (training){.context = il_context_new()};
  t->config = il_config_load(t->context, preset);
  if (t->config && setting) il_config_set(t->config, setting);
  char tasks[40];
  snprintf(tasks, sizeof tasks, "outer.meta_batch=%d", TASKS);
  if (t->config) il_config_set(t->config, tasks);
  t->team = il_team_new(t->context, threads);
  if (t->config && t->team && il_trainer_init(t->context, &t->it, t->config, t->team) == IL_OK)
    il_batch_init(&t->expected, t->it.tasks, IL_TRAIN, 0, t->it.method.real, t->it.step.needs[0],
                  TASKS, threads);
  if (il_context_status(t->context) != IL_OK) fail_msg("%s", il_context_message(t->context));
}

static void end(training *t) {
  il_batch_free(&t->expected);
  il_trainer_free(&t->it);
  il_team_free(t->team);
  il_config_free(t->config);
  il_context_free(t->context);
}

/* The batch of a meta-step, and the meta-step. */
static void run(training *t, int64_t step) {
  const il_batch *batch = il_feed_batch(&t->it.feed, t->team, step);
  il_batch_draw(&t->expected, t->team, IL_TRAIN, (uint64_t)step * TASKS, TASKS);
  for (int i = 0; i < IL_BATCH_INPUTS; i++)
    if (batch->size[i])
      assert_memory_equal(batch->input[i], t->expected.input[i], batch->size[i] * TASKS);
  assert_int_equal(il_meta_step_go(&t->it.step, batch, step), IL_OK);
}

static void test_same_bytes(void **state) {
  (void)state;
  static const char *const preset[] = {"sinusoid-10shot-maml", "glyphs-5w1s-maml"};
  static const char *const setting[] = {NULL, "task.queries=1"};
  for (int p = 0; p < 2; p++)
    for (int threads = 1; threads < 4; threads++) {
      training t;
      begin(&t, preset[p], setting[p], threads);
      for (int64_t step = 0; step < 4; step++) {
        run(&t, step);
        assert_true(atomic_load(&t.it.feed.next) >= TASKS); /* the next one is there */
      }
      run(&t, 2); /* not the one that was drawn */
      run(&t, 7);
      run(&t, 8);
      end(&t);
    }
}

static void test_large_ones_once(void **state) {
  (void)state;
  training t;
  begin(&t, "glyphs-5w1s-maml", "glyphs.side=84", 2);
  assert_true(il_batch_bytes(&t.it.feed.batch[0][0]) > (size_t)1 << 20);
  assert_int_equal(il_feed_bytes(&t.it.feed), il_batch_bytes(&t.it.feed.batch[0][0]));
  run(&t, 0);
  run(&t, 1);
  assert_int_equal(atomic_load(&t.it.feed.next), 0);
  end(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_same_bytes),
      cmocka_unit_test(test_large_ones_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
