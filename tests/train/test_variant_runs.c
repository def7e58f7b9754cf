/* Runs on tasks of several shapes: a range of shots, tasks of unequal sizes, tables. They give equal bytes on any number of
 * threads, stopped and resumed, and are evaluated. */
#include <innerloop/train.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/table_file.h"
#include "io/io.h"
#include "config/config.h"
#include "support/scale.h"

static char folder[64];
static int make_folder(void **state) {
  (void)state;
  strcpy(folder, "/tmp/innerloop-shapes-XXXXXX");
  return mkdtemp(folder) ? 0 : -1;
}
static int remove_folder(void **state) {
  (void)state;
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command); /* NOLINT(cert-env33-c) */
}
static const char *in_folder(const char *name) {
  static char path[4][128];
  static int turn;
  char *p = path[turn++ % 4];
  snprintf(p, sizeof path[0], "%s/%s", folder, name);
  return p;
}

static il_config *config_of(il_context *context, const char *preset, const char *const *settings) {
  il_config *c = il_config_load(context, preset);
  for (; c && settings && *settings; settings++)
    if (il_config_set(c, *settings) != IL_OK) break;
  if (il_context_status(context) != IL_OK) fail_msg("%s", il_context_message(context));
  return c;
}

typedef struct stopper {
  volatile sig_atomic_t stop;
  int64_t at;
  char start[800];
} stopper;
static void progress(void *user, const il_progress *p) {
  stopper *s = user;
  if (p->kind == IL_PROGRESS_STEP && p->step == s->at) s->stop = 1;
  if (p->kind == IL_PROGRESS_START) snprintf(s->start, sizeof s->start, "%s", p->message);
}

/* Trains in the folder `out`; stop_at 0: to the end. The checkpoint's bytes go into *bytes. */
static void train(const char *preset, const char *const *settings, const char *out, int threads,
                  int64_t stop_at, bool resume, const char *says) {
  il_context *context = il_context_new();
  il_config *c = config_of(context, preset, settings);
  stopper s = {.at = stop_at};
  il_train_options o = {.out = in_folder(out),
                        .team = il_team_new(context, threads),
                        .resume = resume,
                        .check =
                            !resume && test_full(), /* sanitized, kernels may round otherwise */
                        .progress = progress,
                        .user = &s,
                        .stop = &s.stop};
  const il_status status = il_train(context, c, &o);
  if (status != (stop_at ? IL_ERROR_INTERRUPTED : IL_OK))
    fail_msg("%s", il_context_message(context));
  if (!strstr(s.start, says)) fail_msg("found \"%s\", expected \"%s\"", s.start, says);
  il_team_free(o.team);
  il_config_free(c);
  il_context_free(context);
}

static void same_files(const char *a, const char *b, const char *name) {
  char *text[2] = {NULL, NULL};
  size_t size[2] = {0, 0};
  ssize_t length[2];
  for (int i = 0; i < 2; i++) {
    char path[200];
    snprintf(path, sizeof path, "%s/%s/%s", folder, i ? b : a, name);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    length[i] = 0;
    text[i] = malloc(1 << 20);
    length[i] = (ssize_t)fread(text[i], 1, 1 << 20, in);
    size[i] = (size_t)length[i];
    fclose(in);
  }
  assert_true(size[0] > 100);
  assert_int_equal(size[0], size[1]);
  assert_memory_equal(text[0], text[1], size[0]);
  free(text[0]);
  free(text[1]);
}

static void evaluate(const char *run, int asked, int tasks, il_evaluation *e) {
  il_context *context = il_context_new();
  il_team *team = il_team_new(context, 3);
  const il_evaluate_options o = {.team = team, .tasks = asked};
  if (il_evaluate(context, in_folder(run), &o, e) != IL_OK)
    fail_msg("%s", il_context_message(context));
  assert_int_equal(e->tasks, tasks);
  if (asked == 0) { /* more than there are are refused, where tasks are counted */
    const il_evaluate_options more = {.team = team, .tasks = tasks + 1};
    il_evaluation none;
    assert_int_not_equal(il_evaluate(context, in_folder(run), &more, &none), IL_OK);
    assert_non_null(strstr(il_context_message(context), "--tasks asks for"));
  }
  il_team_free(team);
  il_context_free(context);
}

/* Any number of threads, stopped and resumed: equal bytes. */
static void runs_are_equal(const char *name, const char *preset, const char *const *settings,
                           const char *says) {
  char run[3][40];
  for (int i = 0; i < 3; i++) snprintf(run[i], sizeof run[i], "%s-%d", name, i);
  train(preset, settings, run[0], 1, 0, false, says);
  train(preset, settings, run[1], 3, 0, false, says);
  train(preset, settings, run[2], 2, 7, false, says);
  train(preset, settings, run[2], 3, 0, true, says);
  for (int i = 1; i < 3; i++) {
    same_files(run[0], run[i], "checkpoint.safetensors");
    same_files(run[0], run[i], "metrics.jsonl");
  }
}

static void test_range_of_shots(void **state) {
  (void)state;
  static const char *const settings[] = {"task.train_shots=1-4",
                                         "outer.steps=18",
                                         "model.filters=4",
                                         "outer.meta_batch=5",
                                         "eval.validation_tasks=6",
                                         "eval.every=6",
                                         "log.every=1",
                                         "glyphs.alphabets=4",
                                         "task.train_classes=20",
                                         "task.validation_classes=8",
                                         "glyphs.classes=10",
                                         "meta.query_statistics=query",
                                         NULL};
  runs_are_equal("shots", "glyphs-5w1s-maml", settings, "5-way, 1 to 4 shots");
  il_evaluation e;
  evaluate("shots-0", 10, 10, &e);
  /* An episode list is of one shape. */
  il_context *context = il_context_new();
  il_config *c = config_of(context, "glyphs-5w1s-maml", settings);
  assert_int_not_equal(il_write_episodes(context, c, IL_TRAIN, 3, in_folder("list")), IL_OK);
  assert_non_null(strstr(il_context_message(context), "the train tasks have 4 shapes"));
  il_context_clear(context);
  assert_int_equal(il_write_episodes(context, c, IL_TEST, 3, in_folder("list")), IL_OK);
  /* The printed plan says which one it is. */
  il_plan_summary plan;
  char *text = il_training_plan(context, c, &plan);
  assert_non_null(text);
  assert_int_equal(strncmp(text, "1 to 4 shots: 4 plans;", 22), 0);
  assert_non_null(strstr(text, "for tasks of 20 + 25 examples"));
  free(text);
  il_config_free(c);
  il_context_free(context);
}

/* `tasks` of them with 3 to 5 support examples of 3 classes, unequally many of each; a class is a place. */
static void write_unequal(const char *path, int tasks) {
  static float x[4096];
  static int64_t y[1024];
  static char name[4 * 64][40];
  static const char *const keys[] = {"support_x", "support_y", "query_x", "query_y"};
  il_tensor tensor[4 * 64];
  float *at = x;
  int64_t *label = y;
  for (int t = 0; t < tasks; t++)
    for (int k = 0; k < 4; k++) {
      const int n = k < 2 ? 3 + t % 3 : 4;
      il_tensor *to = &tensor[4 * t + k];
      snprintf(name[4 * t + k], sizeof name[0], "[%d].%s", t, keys[k]);
      *to = (il_tensor){name[4 * t + k], k % 2 ? IL_INT64 : IL_FLOAT32,
                        k % 2 ? IL_SHAPE(n) : IL_SHAPE(n, 2),
                        k % 2 ? (const void *)label : (const void *)at};
      for (int i = 0; i < n; i++) {
        const int cls = i < 3 ? i : (i * t) % 3;
        if (k % 2) {
          *label++ = cls;
        } else {
          *at++ = 3 * cosf(2.1F * (float)cls + (float)t) + 0.1F * (float)((i * 7 + k) % 5);
          *at++ = 3 * sinf(2.1F * (float)cls + (float)t) + 0.1F * (float)((i * 3 + k) % 5);
        }
      }
    }
  il_context *context = il_context_new();
  assert_int_equal(il_tensors_write(context, path, IL_FILE_TORCH, 4 * tasks, tensor), IL_OK);
  il_context_free(context);
}

static void test_unequal_tasks(void **state) {
  (void)state;
  char data[160];
  snprintf(data, sizeof data, "task.data=%s", in_folder("unequal.pt"));
  write_unequal(in_folder("unequal.pt"), 30);
  const char *settings[] = {
      "task.source=tasks",     data,
      "task.train_classes=18", "task.validation_classes=5",
      "model.preset=mlp",      test_full() ? "outer.steps=150" : "outer.steps=12",
      "outer.meta_batch=4",    test_full() ? "eval.every=50" : "eval.every=6",
      "task.train_ways=0",     "eval.steps=0,1",
      "inner.lr=0.1",          NULL};
  runs_are_equal("maml", "glyphs-5w1s-maml", settings, "18/5/7 tasks of 3 shapes");
  il_evaluation e;
  evaluate("maml-0", 0, 7, &e);
  settings[sizeof settings / sizeof *settings - 2] = NULL; /* it makes no inner steps */
  runs_are_equal("protonet", "glyphs-5w1s-protonet", settings, "18/5/7 tasks of 3 shapes");
  evaluate("protonet-0", 0, 7, &e);
  if (test_full()) assert_true(e.row[0].mean > 0.9); /* classes lie apart: chance is 0.33 */
  evaluate("protonet-0", 4, 4, &e);
}

static void test_table(void **state) {
  (void)state;
  enum { TASKS = 24, ROWS = 20 };
  static float x[TASKS * ROWS * 2], y[TASKS * ROWS * 3];
  int32_t start[TASKS + 1];
  for (int i = 0; i < TASKS * ROWS; i++) {
    const float slope = (float)(i / ROWS % 7) / 7, a = (float)(i * 29 % 31) / 31,
                b = (float)(i * 13 % 17) / 17;
    x[2 * i] = a;
    x[2 * i + 1] = b;
    for (int k = 0; k < 3; k++) y[3 * i + k] = slope * a + (float)k * b;
  }
  for (int t = 0; t <= TASKS; t++) start[t] = t * ROWS;
  il_context *context = il_context_new();
  const il_table t = {.tasks = TASKS, .inputs = 2, .outputs = 3, .x = x, .y = y, .start = start};
  assert_int_equal(il_table_write(context, in_folder("table.safetensors"), &t), IL_OK);
  il_context_free(context);
  char data[160];
  snprintf(data, sizeof data, "task.data=%s", in_folder("table.safetensors"));
  const char *settings[] = {data,
                            "task.split=random",
                            "task.train_classes=12",
                            "task.validation_classes=6",
                            "task.train_shots=3-6",
                            "outer.steps=300",
                            "eval.every=100",
                            "eval.tasks=60",
                            "eval.steps=0,1",
                            NULL};
  runs_are_equal("table", "regression-10shot-maml", settings, "maml on table, 3 to 6 shots");
  il_evaluation e;
  evaluate("table-0", 60, 60, &e);
  assert_true(e.squared_error);
  assert_true(e.row[0].mean < 0.2); /* mean square of y: 0.6 */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_range_of_shots),
      cmocka_unit_test(test_unequal_tasks),
      cmocka_unit_test(test_table),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
