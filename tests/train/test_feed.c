/* Batches drawn ahead, by workers that wait in a meta-step: the bytes of batches drawn when they are asked for, in any
 * order of meta-steps; large ones are not held twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "data/feed.h"
#include "train/learner.h"

enum { TASKS = 11 };

typedef struct training {
  il_context *context;
  il_config *config;
  il_tasks *tasks;
  il_learner *learner;
  il_team *team;
  il_feed feed;
  il_batch expected; /* drawn at once */
} training;

static void begin(training *t, const char *preset, const char *setting, int threads) {
  *t = (training){.context = il_context_new()};
  t->config = il_config_load(t->context, preset);
  if (t->config && setting) il_config_set(t->config, setting);
  t->tasks = t->config ? il_config_tasks(t->context, t->config, 0) : NULL;
  t->learner = t->tasks ? il_learner_new(t->context, t->config, t->tasks, true) : NULL;
  t->team = il_team_new(t->context, threads);
  if (t->learner && t->team && il_learner_workspace(t->learner, TASKS, t->team) == IL_OK) {
    il_learner_initialize(t->learner);
    il_feed_init(&t->feed, t->tasks, t->learner->real, t->learner->dropout, TASKS, threads);
    il_batch_init(&t->expected, t->tasks, il_tasks_shape(t->tasks, IL_TRAIN), t->learner->real,
                  t->learner->dropout, TASKS, threads);
  }
  if (il_context_status(t->context) != IL_OK) fail_msg("%s", il_context_message(t->context));
  t->learner->meanwhile = il_feed_ahead(&t->feed);
}

static void end(training *t) {
  il_batch_free(&t->expected);
  il_feed_free(&t->feed);
  il_learner_free(t->learner);
  il_team_free(t->team);
  il_tasks_free(t->tasks);
  il_config_free(t->config);
  il_context_free(t->context);
}

/* The batch of a meta-step, and the meta-step. */
static void run(training *t, int64_t step) {
  const il_batch *batch = il_feed_batch(&t->feed, t->team, step);
  il_batch_draw(&t->expected, t->team, IL_TRAIN, (uint64_t)step * TASKS, TASKS);
  for (int i = 0; i < batch->inputs; i++)
    assert_memory_equal(batch->input[i], t->expected.input[i], batch->size[i] * TASKS);
  assert_int_equal(il_learner_step(t->learner, t->team, batch, step), IL_OK);
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
        assert_true(atomic_load(&t.feed.next) >= TASKS); /* the next one is there */
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
  assert_true(il_batch_bytes(&t.feed.batch[0]) > (size_t)1 << 20);
  assert_int_equal(il_feed_bytes(&t.feed), il_batch_bytes(&t.feed.batch[0]));
  run(&t, 0);
  run(&t, 1);
  assert_int_equal(atomic_load(&t.feed.next), 0);
  end(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_same_bytes),
      cmocka_unit_test(test_large_ones_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
