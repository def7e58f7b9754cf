/* Two threads that each train and evaluate with a context and a team of their own: both get what one alone gets. */
#include <innerloop/train.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/innerloop-contexts-XXXXXX";

typedef struct job {
  const char *preset;
  char out[128];
  double mean;
  char message[256]; /* of what went wrong */
} job;

static void *work(void *argument) {
  static const char *const settings[] = {
      "outer.steps=6",   "outer.meta_batch=4", "eval.every=3",      "eval.validation_tasks=4",
      "model.filters=4", "glyphs.alphabets=3", "glyphs.classes=5",  "glyphs.side=16",
      "eval.steps=0,1",  "glyphs.writers=8",   "checkpoint.every=2"};
  job *j = argument;
  il_context *context = il_context_new();
  il_team *team = il_team_new(context, 2);
  il_config *config = il_config_load(context, j->preset);
  const bool glyphs = !strncmp(j->preset, "glyphs", 6);
  for (size_t i = 0; config && i < sizeof settings / sizeof *settings; i++)
    if (glyphs || strncmp(settings[i], "glyphs.", 7) != 0) il_config_set(config, settings[i]);
  if (config && glyphs) il_config_set(config, "task.split=auto");
  il_evaluation result = {0};
  if (config &&
      il_train(context, config, &(il_train_options){.out = j->out, .team = team}) == IL_OK)
    il_evaluate(context, j->out, &(il_evaluate_options){.tasks = 8, .team = team}, &result);
  j->mean = result.row[0].mean;
  snprintf(j->message, sizeof j->message, "%s", il_context_message(context));
  il_config_free(config);
  il_team_free(team);
  il_context_free(context);
  return NULL;
}

static void prepare(job *j, const char *preset, const char *name) {
  *j = (job){.preset = preset};
  snprintf(j->out, sizeof j->out, "%s/%s", folder, name);
}

static size_t slurp(const char *run, char *bytes, size_t room) {
  char path[256];
  snprintf(path, sizeof path, "%s/checkpoint.safetensors", run);
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  const size_t size = fread(bytes, 1, room, file);
  fclose(file);
  return size;
}

static void both_as_alone(void **state) {
  (void)state;
  static const char *const preset[] = {"glyphs-5w1s-maml", "sinusoid-5shot-maml"};
  static char expected[1 << 20], found[1 << 20];
  job alone[2], together[2];
  pthread_t thread[2];
  for (int i = 0; i < 2; i++) {
    prepare(&alone[i], preset[i], i ? "alone1" : "alone0");
    prepare(&together[i], preset[i], i ? "together1" : "together0");
    work(&alone[i]);
    assert_string_equal(alone[i].message, "");
  }
  for (int i = 0; i < 2; i++)
    assert_int_equal(pthread_create(&thread[i], NULL, work, &together[i]), 0);
  for (int i = 0; i < 2; i++) pthread_join(thread[i], NULL);
  for (int i = 0; i < 2; i++) {
    assert_string_equal(together[i].message, "");
    assert_true(together[i].mean > 0 && together[i].mean == alone[i].mean);
    const size_t size = slurp(alone[i].out, expected, sizeof expected);
    assert_true(size > 1000 && size < sizeof expected);
    assert_int_equal(slurp(together[i].out, found, sizeof found), size);
    assert_memory_equal(found, expected, size);
  }
}

static int make_folder(void **state) {
  (void)state;
  return mkdtemp(folder) ? 0 : -1;
}
static int remove_folder(void **state) {
  (void)state;
  char command[256];
  snprintf(command, sizeof command, "rm -rf %s", folder);
  return system(command);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(both_as_alone)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
