/* Training on a source that no configuration names: the same tasks give the same run, whoever draws them; what it cannot
 * draw ends the run with a sentence. */
#include <innerloop/train.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

/* The sinusoids of the library, under another name; `fail_at`: a task that cannot be drawn. */
typedef struct mine {
  const il_source *theirs;
  void *data;
  uint64_t fail_at;
} mine;

static void *open_mine(il_context *context, const void *settings,
                       const il_source_options *options) {
  mine *m = (mine *)(uintptr_t)settings;
  m->data = m->theirs->open(context, NULL, options);
  return m->data ? m : NULL;
}
static void describe(void *data, il_split split, int variant, il_task_shape *shape) {
  const mine *m = data;
  m->theirs->describe(m->data, split, variant, shape);
}
static il_status draw(void *data, il_task_id id, void *scratch, const il_task_memory *task) {
  const mine *m = data;
  if (id.split == IL_TRAIN && id.index == m->fail_at) return IL_ERROR_DATA;
  return m->theirs->draw(m->data, id, scratch, task);
}
static void close_mine(void *data) {
  const mine *m = data;
  m->theirs->close(m->data);
}
static const il_source source = {
    .name = "mine", .open = open_mine, .describe = describe, .draw = draw, .close = close_mine};

static void train(il_context *context, il_team *team, const char *name, const mine *m, char *path) {
  il_config *c = il_config_load(context, "sinusoid-10shot-maml");
  il_config_set(c, "outer.steps=12");
  il_config_set(c, "eval.every=6");
  snprintf(path, 128, "%.63s/%.32s", folder, name);
  il_train_options o = {.out = path, .team = team};
  if (m) {
    o.source = &source;
    o.settings = m;
  }
  il_train(context, c, &o);
  il_config_free(c);
}

static void own_tasks_train_alike(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_team *team = il_team_new(context, 2);
  char path[3][128], command[640];
  mine m = {.theirs = il_source_find("sinusoid"), .fail_at = UINT64_MAX};
  train(context, team, "theirs", NULL, path[0]);
  train(context, team, "mine", &m, path[1]);
  if (il_context_status(context)) fail_msg("%s", il_context_message(context));
  snprintf(command, sizeof command,
           "cmp '%s/metrics.jsonl' '%s/metrics.jsonl' && cmp "
           "'%s/config.yaml' '%s/config.yaml'",
           path[0], path[1], path[0], path[1]);
  assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
  m.fail_at = 25 * 7 + 3;               /* within the eighth meta-step */
  train(context, team, "fails", &m, path[2]);
  assert_int_equal(il_context_status(context), IL_ERROR_DATA);
  assert_non_null(strstr(il_context_message(context), "source mine"));
  assert_non_null(strstr(il_context_message(context), "178"));
  il_team_free(team);
  il_context_free(context);
}

static int set_up(void **state) {
  (void)state;
  strcpy(folder, "/tmp/innerloop-source-XXXXXX");
  return mkdtemp(folder) ? 0 : -1;
}
static int tear_down(void **state) {
  (void)state;
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command); /* NOLINT(cert-env33-c) */
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(own_tasks_train_alike)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
