/* Running a plan allocates nothing: the linker sends every allocation of the program through the counters below
 * (tests/CMakeLists.txt), and meta-steps are run with the counters armed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <innerloop/train.h>

#include "train/trainer.h"

static atomic_bool armed;
static atomic_long calls;
static void count(void) {
  if (atomic_load(&armed)) atomic_fetch_add(&calls, 1);
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t number, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *text);
FILE *__real_open_memstream(char **text, size_t *size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t number, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
FILE *__wrap_open_memstream(char **text, size_t *size);
void __wrap_free(void *memory);

void *__wrap_malloc(size_t size) {
  count();
  return __real_malloc(size);
}
void *__wrap_calloc(size_t number, size_t size) {
  count();
  return __real_calloc(number, size);
}
void *__wrap_realloc(void *memory, size_t size) {
  count();
  return __real_realloc(memory, size);
}
void *__wrap_aligned_alloc(size_t alignment, size_t size) {
  count();
  return __real_aligned_alloc(alignment, size);
}
char *__wrap_strdup(const char *text) {
  count();
  return __real_strdup(text);
}
FILE *__wrap_open_memstream(char **text, size_t *size) {
  count();
  return __real_open_memstream(text, size);
}
void __wrap_free(void *memory) {
  if (memory) count();
  __real_free(memory);
}

static long armed_calls(void) {
  atomic_store(&armed, false);
  return atomic_exchange(&calls, 0);
}

/* A counter that counts nothing would let everything pass. */
static void test_counters(void **state) {
  (void)state;
  atomic_store(&armed, true);
  il_context *context = il_context_new();
  il_graph *g = il_graph_new(context, IL_FLOAT32);
  il_output(g, "y", il_exp(g, il_input(g, "x", IL_TASK, IL_FLOAT32, IL_SHAPE(3))));
  char *text = il_graph_dump(g);
  free(text);
  il_plan *plan = il_plan_build(g, NULL);
  il_plan_free(plan);
  il_graph_free(g);
  il_context_free(context);
  assert_true(armed_calls() > 10);
  free(malloc(1));
  assert_int_equal(armed_calls(), 0);
}

static const char *const small[] = {
    "glyphs.alphabets=3",    "glyphs.classes=10",   "glyphs.writers=6",
    "task.train_classes=10", "task.test_classes=0", "task.validation_classes=10",
    "outer.meta_batch=5",    "task.queries=2",      "task.shots=2",
    "model.filters=4",       "inner.steps=2"};

static void run_armed(const char *preset, const char *const *settings, int threads, bool timed) {
  il_context *context = il_context_new();
  il_config *config = il_config_load(context, preset);
  const bool glyphs = !strncmp(preset, "glyphs", 6); /* nothing else has classes here */
  for (size_t i = 0; config && i < sizeof small / sizeof *small; i++)
    if (glyphs || !(strstr(small[i], "_classes=") || !strncmp(small[i], "glyphs.", 7)))
      il_config_set(config, small[i]);
  for (; config && *settings; settings++) il_config_set(config, *settings);
  il_config_set(config, "outer.meta_batch=5");
  il_team *team = il_team_new(context, threads);
  il_trainer t;
  if (!config || !team || il_trainer_init(context, &t, config, team) != IL_OK)
    fail_msg("%s", il_context_message(context));
  il_batch *batch = &t.feed.batch[0][0];
  il_batch_draw(batch, team, IL_TRAIN, 0, 5);
  il_profile *profile = timed ? il_profile_new(il_meta_step_plan(&t.step), threads) : NULL;
  il_run_profile(t.step.form[0].run, profile);
  il_run_meanwhile(t.step.form[0].run, (il_meanwhile){0});
  atomic_store(&armed, true);
  for (int step = 0; step < 2; step++)
    assert_int_equal(il_meta_step_go(&t.step, batch, step), IL_OK);
  const long found = armed_calls();
  if (found)
    fail_msg("%s, %d threads: found %ld calls of an allocator while the plan ran, expected none",
             preset, threads, found);
  il_profile_free(profile);
  il_trainer_free(&t);
  il_team_free(team);
  il_config_free(config);
  il_context_free(context);
}

static void test_runs(void **state) {
  (void)state;
  static const char *const strided[] = {NULL}, *const pooled[] = {"model.preset=conv4", NULL},
                           *const linear[] = {"model.preset=omniglot_fc", NULL},
                           *const exact[] = {"precision=float64", NULL};
  for (int threads = 1; threads <= 3; threads++) {
    run_armed("glyphs-5w1s-maml", strided, threads, false);
    run_armed("glyphs-5w1s-maml", strided, threads, true);
  }
  run_armed("glyphs-5w1s-maml", pooled, 2, false);
  run_armed("glyphs-5w1s-maml", linear, 2, false);
  run_armed("sinusoid-5shot-maml", strided, 2, false);
  run_armed("sinusoid-5shot-maml", exact, 1, false);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_counters), cmocka_unit_test(test_runs)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
