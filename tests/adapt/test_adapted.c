/* An adapted learner answers as the evaluation of its run measures, alone or among others, out of memory or out of its
 * file; what it cannot do, and damaged files, are refused. */
#include <innerloop/adapt.h>
#include <innerloop/train.h>
#include <malloc.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config_tasks.h"
#include "data/dataset.h"
#include "io/io.h"
#include "support/scale.h"

enum { TASKS = 6, PIXELS = 28 * 28, WAYS = 5, SHOTS = 3, QUERIES = 4 };

static il_context *context;
static il_team *team;
static char folder[64];

static const char *in_folder(const char *name) {
  static char path[4][128];
  static int turn;
  char *p = path[turn++ % 4];
  snprintf(p, sizeof path[0], "%s/%s", folder, name);
  return p;
}

static int set_up(void **state) {
  (void)state;
  context = il_context_new();
  team = il_team_new(context, 2);
  strcpy(folder, "/tmp/innerloop-adapted-XXXXXX");
  return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  char command[128];
  il_team_free(team);
  il_context_free(context);
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command); /* NOLINT(cert-env33-c) */
}

/* A short run; its configuration. */
static il_config *train_for(int steps, const char *name, const char *algorithm,
                            const char *statistics) {
  il_config *c = il_config_load(context, "glyphs-5w1s-maml");
  char set[3][64];
  snprintf(set[0], sizeof set[0], "meta.algorithm=%s", algorithm);
  snprintf(set[1], sizeof set[1], "meta.query_statistics=%s", statistics);
  snprintf(set[2], sizeof set[2], "outer.steps=%d", steps);
  const char *const all[] = {set[0],
                             set[1],
                             "task.shots=3",
                             "task.queries=4",
                             "model.filters=8",
                             set[2],
                             "eval.every=0",
                             "eval.tasks=6",
                             "inner.steps=2",
                             "eval.steps=0,2",
                             "glyphs.alphabets=10"};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) il_config_set(c, all[i]);
  il_config_set(c, "task.train_classes=100");
  if (!strcmp(algorithm, "protonet")) il_config_set(c, "outer.lr=0.01");
  if (il_train(context, c, &(il_train_options){.out = in_folder(name), .team = team}) != IL_OK)
    fail_msg("%s", il_context_message(context));
  return c;
}

static il_config *train(const char *name, const char *algorithm, const char *statistics) {
  return train_for(test_scale(30, 3), name, algorithm, statistics);
}

/* The shots of a drawn task as a data set of classes. */
static il_dataset *support_of(const uint8_t *x, int ways, int shots) {
  static const char *const names[] = {"a", "b", "c d", "中文", "e/f", "g", "h"};
  static const char *const none[] = {"", "", "", "", "", "", ""};
  const size_t bytes = (size_t)ways * (size_t)shots * PIXELS;
  uint8_t *copy = malloc(bytes);
  int32_t *start = malloc(((size_t)ways + 1) * sizeof *start);
  memcpy(copy, x, bytes);
  for (int c = 0; c <= ways; c++) start[c] = c * shots;
  return il_dataset_take(context, &(il_dataset_parts){.examples = copy,
                                                      .start = start,
                                                      .classes = ways,
                                                      .type = IL_UINT8,
                                                      .example = IL_SHAPE(28, 28, 1),
                                                      .name = names,
                                                      .origin = none});
}

/* Row `task` of a column of eval.csv. */
static double measured(const char *run, const char *column, int task) {
  char path[160], line[2048];
  snprintf(path, sizeof path, "%s/eval.csv", run);
  FILE *file = fopen(path, "re");
  assert_non_null(file);
  double value = -1;
  int at = -1;
  for (int row = -1; fgets(line, sizeof line, file); row++) {
    int k = 0;
    char *rest = line;
    for (char *field; (field = strsep(&rest, ",\n")); k++) {
      if (row < 0 && !strcmp(field, column)) at = k;
      if (row == task && k == at) value = strtod(field, NULL);
    }
  }
  fclose(file);
  assert_true(at >= 0);
  return value;
}

static int best_of(const float *p) {
  int best = 0;
  for (int w = 1; w < WAYS; w++)
    if (p[w] > p[best]) best = w;
  return best;
}

static void test_as_evaluated(void **state) {
  (void)state;
  static const struct {
    const char *algorithm, *statistics, *column;
  } all[] = {{"maml", "query", "support_2"},        {"anil", "each", "each_2"},
             {"meta_sgd", "support", "support_2"},  {"protonet", "running", "running_0"},
             {"protomaml", "support", "support_2"}, {"cavia", "support", "support_2"},
             {"mamlpp", "query", "support_2"},      {"meta_curvature", "query", "support_2"},
             {"imaml", "query", "support_2"},       {"matching", "running", "running_0"},
             {"r2d2", "running", "running_0"},      {"metaoptnet", "each", "each_0"},
             {"relation", "each", "each_0"},        {"simpleshot", "running", "running_0"}};
  static uint8_t sx[WAYS * SHOTS * PIXELS], qx[WAYS * QUERIES * PIXELS];
  int32_t sy[WAYS * SHOTS], qy[WAYS * QUERIES];
  float p[WAYS * QUERIES * WAYS];
  for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
    char run[128];
    snprintf(run, sizeof run, "%s", in_folder(all[k].algorithm));
    il_config *c = train_for(k < 4 ? test_scale(30, 3) : test_scale(6, 3), all[k].algorithm,
                             all[k].algorithm, all[k].statistics);
    il_evaluation e;
    assert_int_equal(il_evaluate(context, run, &(il_evaluate_options){.team = team}, &e), IL_OK);
    il_tasks *tasks = il_config_tasks(context, c);
    for (int t = 0; t < test_scale(TASKS, 1); t++) {
      il_tasks_draw(tasks, (il_task_id){IL_TEST, 0, (uint64_t)t}, 1,
                    &(il_task_memory){{sx, qx}, {sy, qy}});
      il_dataset *support = support_of(sx, WAYS, SHOTS);
      il_adapted *a = il_adapted_new(context, run, support, &(il_adapt_options){.team = team});
      if (!a) fail_msg("%s", il_context_message(context));
      assert_int_equal(il_adapted_predict(a, WAYS * QUERIES, qx, p), IL_OK);
      int right = 0;
      for (int q = 0; q < WAYS * QUERIES; q++) right += best_of(p + q * WAYS) == qy[q];
      assert_true(fabs((double)right / (WAYS * QUERIES) - measured(run, all[k].column, t)) < 1e-6);
      il_adapted_free(a);
      il_dataset_free(support);
    }
    il_tasks_free(tasks);
    il_config_free(c);
  }
}

static void test_alone_and_from_a_file(void **state) {
  (void)state;
  static uint8_t sx[WAYS * SHOTS * PIXELS], qx[WAYS * QUERIES * PIXELS];
  int32_t sy[WAYS * SHOTS], qy[WAYS * QUERIES];
  float all[WAYS * QUERIES * WAYS], one[WAYS], again[WAYS * QUERIES * WAYS];
  il_config *c = train_for(test_scale(200, 3), "file", "maml", "query");
  il_tasks *tasks = il_config_tasks(context, c);
  il_tasks_draw(tasks, (il_task_id){IL_TEST, 0, 3}, 1, &(il_task_memory){{sx, qx}, {sy, qy}});
  il_dataset *support = support_of(sx, WAYS, SHOTS);
  il_adapted *a = il_adapted_new(context, in_folder("file"), support,
                                 &(il_adapt_options){.inverted = true, .team = team});
  assert_non_null(a);
  assert_int_equal(il_adapted_predict(a, WAYS * QUERIES, qx, all), IL_OK);
  for (int q = 0; q < WAYS * QUERIES; q++) {
    double sum = 0;
    assert_int_equal(il_adapted_predict(a, 1, qx + q * PIXELS, one), IL_OK);
    assert_memory_equal(one, all + q * WAYS, sizeof one);
    for (int w = 0; w < WAYS; w++) sum += (double)one[w];
    assert_true(fabs(sum - 1) < 1e-5);
  }
  il_adapted_report r, s;
  il_adapted_describe(a, &r);
  assert_int_equal(r.examples, WAYS * SHOTS);
  assert_int_equal(r.left_out, WAYS * SHOTS);
  assert_in_range(r.right, test_scale(2 * WAYS, 0), WAYS * SHOTS); /* chance: 3 of 15 */
  assert_string_equal(r.statistics, "support");
  assert_true(r.temperature > 0.01 && r.temperature < 100);
  /* Out of its file, on another number of threads: the same, to the bit; without the run. */
  assert_int_equal(il_adapted_save(a, in_folder("model.safetensors")), IL_OK);
  il_team *three = il_team_new(context, 3);
  il_adapted *b = il_adapted_open(context, in_folder("model.safetensors"), three);
  if (!b) fail_msg("%s", il_context_message(context));
  assert_int_equal(il_adapted_predict(b, WAYS * QUERIES, qx, again), IL_OK);
  assert_memory_equal(all, again, sizeof all);
  assert_true(il_adapted_inverted(b));
  assert_string_equal(il_adapted_class_name(b, 3), "中文");
  il_adapted_describe(b, &s);
  assert_memory_equal(&r, &s, sizeof r);
  assert_int_equal(il_adapted_save(b, in_folder("again.safetensors")), IL_OK);
  char command[400];
  snprintf(command, sizeof command, "cmp '%s' '%s'", in_folder("model.safetensors"),
           in_folder("again.safetensors"));
  assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
  il_adapted_free(b);
  /* A file of before its adapted parameters were kept says nothing of how it adapts, and adapts again. */
  snprintf(command, sizeof command,
           "sed -i 's/\"learner\"/\"earlier\"/; s/adapted\\/conv1/adopted\\/conv1/' '%s'",
           in_folder("again.safetensors"));
  assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
  b = il_adapted_open(context, in_folder("again.safetensors"), three);
  if (!b) fail_msg("%s", il_context_message(context));
  assert_int_equal(il_adapted_predict(b, WAYS * QUERIES, qx, again), IL_OK);
  assert_memory_equal(all, again, sizeof all);
  il_adapted_free(b);
  il_team_free(three);
  il_adapted_free(a);
  /* Other steps than it was trained with. */
  const char *const more[] = {"inner.steps=5", NULL}, *const other[] = {"outer.steps=5", NULL};
  a = il_adapted_new(context, in_folder("file"), support,
                     &(il_adapt_options){.settings = more, .team = team});
  il_adapted_describe(a, &r);
  assert_int_equal(r.steps, 5);
  assert_int_equal(il_adapted_predict(a, WAYS * QUERIES, qx, again), IL_OK);
  assert_memory_not_equal(all, again, sizeof all);
  il_adapted_free(a);
  assert_null(il_adapted_new(context, in_folder("file"), support,
                             &(il_adapt_options){.settings = other, .team = team}));
  assert_non_null(strstr(il_context_message(context), "outer.steps=5"));
  il_context_clear(context);
  il_dataset_free(support);
  il_tasks_free(tasks);
  il_config_free(c);
}

/* Each example left out is named as by a learner that was adapted to the others, also where inner steps take mini-batches. */
static void test_left_out_on_mini_batches(void **state) {
  (void)state;
  enum { N = WAYS * SHOTS };
  mallopt(M_PERTURB, 85); /* so that what nobody filled is seen */
  static uint8_t x[N * PIXELS], others[(N - 1) * PIXELS];
  int32_t y[N];
  il_config *c = train_for(test_scale(60, 3), "batches", "reptile", "support");
  il_tasks *tasks = il_config_tasks(context, c);
  static uint8_t qx[WAYS * QUERIES * PIXELS];
  int32_t qy[WAYS * QUERIES];
  il_tasks_draw(tasks, (il_task_id){IL_TEST, 0, 1}, 1, &(il_task_memory){{x, qx}, {y, qy}});
  il_tasks_free(tasks);
  il_config_free(c);
  const il_adapt_options options = {.settings = (const char *[]){"inner.batch=4", NULL},
                                    .team = team};
  il_dataset *support = support_of(x, WAYS, SHOTS);
  il_adapted *a = il_adapted_new(context, in_folder("batches"), support, &options);
  if (!a) fail_msg("%s", il_context_message(context));
  il_adapted_report r;
  il_adapted_describe(a, &r);
  assert_int_equal(r.left_out, N);
  il_adapted_free(a);
  il_dataset_free(support);
  int right = 0;
  for (int out = 0; out < N; out++) {
    int32_t start[WAYS + 1];
    float p[WAYS];
    memcpy(others, x, (size_t)out * PIXELS);
    memcpy(others + out * PIXELS, x + (out + 1) * PIXELS, (size_t)(N - 1 - out) * PIXELS);
    for (int w = 0; w <= WAYS; w++) start[w] = w * SHOTS - (w * SHOTS > out);
    il_dataset *rest = il_dataset_new(context, &(il_dataset_arrays){.classes = WAYS,
                                                                    .start = start,
                                                                    .type = IL_UINT8,
                                                                    .example = IL_SHAPE(28, 28, 1),
                                                                    .examples = others});
    il_adapted *b = rest ? il_adapted_new(context, in_folder("batches"), rest, &options) : NULL;
    if (!b) fail_msg("%s", il_context_message(context));
    assert_int_equal(il_adapted_predict(b, 1, x + out * PIXELS, p), IL_OK);
    right += best_of(p) == out / SHOTS;
    il_adapted_free(b);
    il_dataset_free(rest);
  }
  assert_int_equal(r.right, right);
  mallopt(M_PERTURB, 0);
}

static void refuse(const char *run, il_dataset *support, const char *sentence) {
  assert_null(il_adapted_new(context, run, support, &(il_adapt_options){.team = team}));
  if (!strstr(il_context_message(context), sentence))
    fail_msg("found \"%s\", expected \"%s\"", il_context_message(context), sentence);
  il_context_clear(context);
  il_dataset_free(support);
}

static void test_refused(void **state) {
  (void)state;
  static uint8_t x[7 * SHOTS * PIXELS];
  for (size_t i = 0; i < sizeof x; i++) x[i] = (uint8_t)(i * 7 % 251);
  il_config_free(train("five", "maml", "query"));
  il_config_free(train("any", "protonet", "running"));
  const char *five = in_folder("five");
  refuse(five, support_of(x, 7, SHOTS),
         "found 7 classes, but the learner's head tells 5 apart; compare with class means instead "
         "of the head (--head means), show it 5 classes, or train with task.ways=7");
  refuse(five, support_of(x, 1, SHOTS), "found 1 class, expected at least 2");
  refuse(in_folder("nowhere"), support_of(x, 5, SHOTS), "there is no run");
  il_dataset *wrong = support_of(x, 5, SHOTS);
  wrong->example = IL_SHAPE(14, 28, 2);
  refuse(five, wrong, "an example is bytes 14×28×2, but the learner takes bytes 28×28×1");
  /* Any number of classes for a learner without a head. One example of a class each: nothing to leave out. */
  for (int ways = 2; ways <= 7; ways += 5) {
    il_dataset *support = support_of(x, ways, 1);
    il_adapted *a =
        il_adapted_new(context, in_folder("any"), support, &(il_adapt_options){.team = team});
    if (!a) fail_msg("%s", il_context_message(context));
    il_adapted_report r;
    il_adapted_describe(a, &r);
    assert_int_equal(r.left_out, 0);
    assert_true(r.temperature == 1 && r.reject == 0);
    il_adapted_free(a);
    il_dataset_free(support);
  }
}

/* A file that was cut anywhere, or is no such file, gets a sentence. */
static void test_damaged(void **state) {
  (void)state;
  static uint8_t x[WAYS * SHOTS * PIXELS];
  for (size_t i = 0; i < sizeof x; i++) x[i] = (uint8_t)(i * 7 % 251);
  il_config_free(train("cut", "protonet", "running"));
  il_dataset *support = support_of(x, WAYS, SHOTS);
  il_adapted *a =
      il_adapted_new(context, in_folder("cut"), support, &(il_adapt_options){.team = team});
  assert_non_null(a);
  assert_int_equal(il_adapted_save(a, in_folder("whole.safetensors")), IL_OK);
  il_adapted_free(a);
  il_dataset_free(support);
  size_t size;
  const unsigned char *map = il_map_file(context, in_folder("whole.safetensors"), &size);
  for (size_t cut = 0; cut < size; cut += 997) {
    assert_int_equal(
        il_atomic_write(context, in_folder("part.safetensors"), 1, &(il_piece){map, cut}), IL_OK);
    assert_null(il_adapted_open(context, in_folder("part.safetensors"), team));
    assert_non_null(strstr(il_context_message(context), "part.safetensors"));
    il_context_clear(context);
  }
  il_unmap_file(map, size);
  char checkpoint[160];
  snprintf(checkpoint, sizeof checkpoint, "%s/checkpoint.safetensors", in_folder("cut"));
  assert_null(il_adapted_open(context, checkpoint, team));
  assert_non_null(strstr(il_context_message(context), "which `innerloop adapt` writes"));
  il_context_clear(context);
}

/* Numbers instead of classes: the error of each task is that of the evaluation, also out of the file. */
static void test_targets(void **state) {
  (void)state;
  enum { POINTS = 10 };
  il_config *c = il_config_load(context, "sinusoid-10shot-maml");
  const char *const set[] = {"outer.steps=20", "eval.every=0", "eval.tasks=6", "eval.steps=0,3",
                             "eval.queries=10"};
  for (size_t i = 0; i < sizeof set / sizeof *set; i++) il_config_set(c, set[i]);
  char run[128];
  snprintf(run, sizeof run, "%s", in_folder("sines"));
  il_evaluation e;
  assert_int_equal(il_train(context, c, &(il_train_options){.out = run, .team = team}), IL_OK);
  assert_int_equal(il_evaluate(context, run, &(il_evaluate_options){.team = team}, &e), IL_OK);
  il_learner_input input;
  assert_int_equal(il_run_input_of(context, run, &input), IL_OK);
  assert_true(input.targets && input.outputs == 1 && input.type == IL_FLOAT32);
  const char *const steps[] = {"inner.steps=3", NULL};
  il_tasks *tasks = il_config_tasks(context, c);
  float x[POINTS], y[POINTS], qx[POINTS], qy[POINTS], p[POINTS], again[POINTS];
  const il_adapt_options options = {.settings = steps, .team = team};
  for (int t = 0; t < TASKS; t++) {
    il_tasks_draw(tasks, (il_task_id){IL_TEST, 0, (uint64_t)t}, 1,
                  &(il_task_memory){{x, qx}, {y, qy}});
    const il_adapt_targets support = {.count = POINTS, .x = x, .target = y, .outputs = 1};
    il_adapted *a = il_adapted_new_targets(context, run, &support, &options);
    if (!a) fail_msg("%s", il_context_message(context));
    assert_int_equal(il_adapted_classes(a), 0);
    assert_int_equal(il_adapted_outputs(a), 1);
    assert_int_equal(il_adapted_predict(a, POINTS, qx, p), IL_OK);
    double sum = 0;
    for (int q = 0; q < POINTS; q++) sum += pow((double)p[q] - (double)qy[q], 2);
    const double expected = measured(run, "query_3", t);
    assert_true(fabs(sum / POINTS - expected) < 1e-5 * (1 + expected));
    assert_int_equal(il_adapted_save(a, in_folder("sine.safetensors")), IL_OK);
    il_adapted_free(a);
    a = il_adapted_open(context, in_folder("sine.safetensors"), team);
    if (!a) fail_msg("%s", il_context_message(context));
    assert_int_equal(il_adapted_predict(a, POINTS, qx, again), IL_OK);
    assert_memory_equal(p, again, sizeof p);
    il_adapted_free(a);
  }
  /* What it cannot take. */
  y[3] = (float)NAN;
  il_adapt_targets wrong = {.count = POINTS, .x = x, .target = y, .outputs = 1};
  assert_null(il_adapted_new_targets(context, run, &wrong, &options));
  assert_non_null(strstr(il_context_message(context), "example 3 has the target nan"));
  il_context_clear(context);
  wrong.outputs = 2;
  assert_null(il_adapted_new_targets(context, run, &wrong, &options));
  assert_non_null(strstr(il_context_message(context), "has 2 targets, but the learner predicts 1"));
  il_context_clear(context);
  static uint8_t pixels[WAYS * SHOTS * PIXELS];
  refuse(run, support_of(pixels, WAYS, SHOTS), "the run learned to predict numbers");
  il_config_free(train("labels", "protonet", "running"));
  wrong.outputs = 1;
  assert_null(il_adapted_new_targets(context, in_folder("labels"), &wrong, &options));
  assert_non_null(strstr(il_context_message(context), "labels: the run learned classes"));
  il_context_clear(context);
  il_tasks_free(tasks);
  il_config_free(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_evaluated),
                                     cmocka_unit_test(test_alone_and_from_a_file),
                                     cmocka_unit_test(test_left_out_on_mini_batches),
                                     cmocka_unit_test(test_refused),
                                     cmocka_unit_test(test_damaged),
                                     cmocka_unit_test(test_targets)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
