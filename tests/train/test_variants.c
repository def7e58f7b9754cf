/* Tasks of several shapes: which a meta-step trains on, that each is the meta-step of a run with that shape alone, that
 * runs go on and evaluate as others do; and the figures of a file whose answers are known. */
#include <innerloop/train.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config_tasks.h"
#include "data/table_file.h"
#include "io/io.h"
#include "train/evaluate.h"
#include "train/trainer.h"

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

/* ---- which shape ---- */

static void test_shots_are_drawn_evenly(void **state) {
  (void)state;
  static const char *const settings[] = {"task.train_shots=2-6", NULL};
  il_context *context = il_context_new();
  il_config *c = config_of(context, "sinusoid-5shot-maml", settings);
  il_tasks *tasks = il_config_shapes(context, c);
  assert_int_equal(il_tasks_variants(tasks, IL_TRAIN), 5);
  assert_int_equal(il_tasks_variants(tasks, IL_TEST), 1);
  int count[5] = {0}, same = 0, before = -1;
  for (uint64_t step = 0; step < 5000; step++) {
    const int v = il_tasks_variant_of(tasks, step);
    assert_int_equal(v, il_tasks_variant_of(tasks, step));
    count[v]++;
    same += v == before;
    before = v;
  }
  for (int v = 0; v < 5; v++) {
    assert_int_equal(il_tasks_shape(tasks, IL_TRAIN, v)->support, 2 + v);
    assert_in_range(count[v], 900, 1100); /* standard deviation 28 */
  }
  assert_in_range(same, 900, 1100);
  il_tasks_free(tasks);
  il_config_free(c);
  il_context_free(context);
}

/* ---- the meta-step of each ---- */

typedef struct training {
  il_config *config;
  il_trainer it;
} training;

static void begin(il_context *context, training *t, const char *preset, const char *shots,
                  const char *more, il_team *team) {
  const char *const settings[] = {shots, "outer.meta_batch=5", "task.queries=3", more, NULL};
  t->config = config_of(context, preset, settings);
  il_trainer_init(context, &t->it, t->config, team);
  if (il_context_status(context) != IL_OK) fail_msg("%s", il_context_message(context));
}
static void end(training *t) {
  il_trainer_free(&t->it);
  il_config_free(t->config);
}

static int64_t same_buffers(const il_buffers *a, const il_buffers *b) {
  int64_t numbers = 0;
  assert_int_equal(a->count, b->count);
  for (int i = 0; i < a->count; i++) {
    const int64_t count = il_shape_count(a->entry[i].shape);
    assert_memory_equal(il_buffers_at(a, i), il_buffers_at(b, i),
                        (size_t)count * il_type_size(a->type));
    numbers += count;
  }
  return numbers;
}

/* A run over all of a range, beside runs of each number of shots: same tasks, same weights, same moments. */
static void test_each_is_its_own_run(void **state) {
  (void)state;
  static const struct {
    const char *preset, *more;
  } cases[] = {{"sinusoid-5shot-maml", NULL},
               {"glyphs-5w1s-maml", "model.filters=4"},
               {"glyphs-5w1s-protonet", "model.filters=4"}, /* with running statistics */
               {"glyphs-5w1s-maml", "inner.batch=7"}};      /* an order, where there are more */
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    il_context *context = il_context_new();
    il_team *team = il_team_new(context, 2);
    training range, one[3];
    begin(context, &range, cases[k].preset, "task.train_shots=1-3", cases[k].more, team);
    assert_int_equal(range.it.step.forms, 3);
    assert_int_equal(range.it.step.largest, 2);
    for (int v = 0; v < 3; v++) {
      char shots[40];
      snprintf(shots, sizeof shots, "task.train_shots=%d", v + 1);
      begin(context, &one[v], cases[k].preset, shots, cases[k].more, team);
      assert_int_equal(one[v].it.step.forms, 1);
    }
    bool seen[3] = {false};
    int64_t numbers = 0;
    for (int64_t step = 0; step < 12; step++) {
      const int v = il_tasks_variant_of(range.it.tasks, (uint64_t)step);
      /* Both from the initial weights. */
      il_learner_initialize(range.it.learner, 3);
      il_learner_initialize(one[v].it.learner, 3);
      il_buffers_initialize(&range.it.step.outer, 3);
      il_buffers_initialize(&one[v].it.step.outer, 3);
      const il_batch *a = il_feed_batch(&range.it.feed, team, step);
      const il_batch *b = il_feed_batch(&one[v].it.feed, team, step);
      assert_int_equal(a->variant, v);
      for (int i = 0; i < IL_BATCH_INPUTS; i++) {
        assert_int_equal(a->size[i], b->size[i]);
        if (a->size[i]) assert_memory_equal(a->input[i], b->input[i], a->size[i] * 5);
      }
      assert_int_equal(il_meta_step_go(&range.it.step, a, 0), IL_OK);
      assert_int_equal(il_meta_step_go(&one[v].it.step, b, 0), IL_OK);
      assert_true(range.it.step.loss == one[v].it.step.loss);
      numbers += same_buffers(&range.it.learner->meta, &one[v].it.learner->meta);
      same_buffers(&range.it.learner->carry, &one[v].it.learner->carry);
      same_buffers(&range.it.step.outer, &one[v].it.step.outer);
      seen[v] = true;
    }
    assert_true(seen[0] && seen[1] && seen[2] && numbers > 1000);
    for (int v = 0; v < 3; v++) end(&one[v]);
    end(&range);
    il_team_free(team);
    il_context_free(context);
  }
}

/* ---- runs ---- */

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
                        .check = !resume,
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
  const char *settings[] = {"task.source=tasks",     data,
                            "task.train_classes=18", "task.validation_classes=5",
                            "model.preset=mlp",      "inner.lr=0.1",
                            "outer.steps=150",       "outer.meta_batch=4",
                            "eval.every=50",         "task.train_ways=0",
                            "eval.steps=0,1",        NULL};
  runs_are_equal("maml", "glyphs-5w1s-maml", settings, "18/5/7 tasks of 3 shapes");
  il_evaluation e;
  evaluate("maml-0", 0, 7, &e);
  runs_are_equal("protonet", "glyphs-5w1s-protonet", settings, "18/5/7 tasks of 3 shapes");
  evaluate("protonet-0", 0, 7, &e);
  assert_true(e.row[0].mean > 0.9); /* classes lie apart: chance is 0.33 */
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

/* ---- known answers ---- */

/* With all weights 0 a net answers 0, so the squared error of a task is the mean square of its targets. */
static void test_known_figures(void **state) {
  (void)state;
  static const float x[8] = {0, 1, 2, 3, 4, 5, 6, 7};
  static const float q[4][4] = {{1, 1}, {2, 2, 2, 2}, {3, -3}, {1, 2, 3, 4}};
  static const int n[] = {2, 4, 2, 4};
  static const double expected[] = {1, 9, 4, 7.5}; /* the shape of two queries first */
  il_tensor tensor[20];
  char name[20][40];
  static const char *const keys[] = {"support_x", "support_y", "query_x", "query_y"};
  for (int t = 0; t < 5; t++) /* the last one trains */
    for (int k = 0; k < 4; k++) {
      const int rows = k < 2 ? 3 : t < 4 ? n[t] : 2;
      snprintf(name[4 * t + k], sizeof name[0], "%s.t%d.%s", t < 4 ? "test" : "train", t, keys[k]);
      tensor[4 * t + k] =
          (il_tensor){name[4 * t + k], IL_FLOAT32, IL_SHAPE(rows, 1), k == 3 && t < 4 ? q[t] : x};
    }
  il_context *context = il_context_new();
  const char *path = in_folder("known.npz");
  assert_int_equal(il_tensors_write(context, path, IL_FILE_NPZ, 20, tensor), IL_OK);
  char data[160];
  snprintf(data, sizeof data, "task.data=%s", path);
  const char *settings[] = {"task.source=tasks", data, NULL};
  il_config *c = config_of(context, "sinusoid-5shot-maml", settings);
  il_team *team = il_team_new(context, 2);
  il_trainer t;
  il_evaluator e = {0};
  static const int none = 0;
  if (il_trainer_init(context, &t, c, team) == IL_OK)
    il_evaluator_init(context, &e, &t.method, t.learner, t.tasks, IL_TEST, 1, &t.method.statistics,
                      1, &none, 4, team);
  if (il_context_status(context) != IL_OK) fail_msg("%s", il_context_message(context));
  assert_int_equal(e.forms, 2);
  for (int i = 0; i < t.learner->meta.count; i++)
    memset(il_buffers_at(&t.learner->meta, i), 0,
           sizeof(float) * (size_t)il_shape_count(t.learner->meta.entry[i].shape));
  double value[4], mean, interval;
  assert_int_equal(il_evaluator_tasks(t.tasks, IL_TEST, 1000), 4);
  assert_int_equal(il_evaluator_run(&e, IL_TEST, 4, value), IL_OK);
  for (int i = 0; i < 4; i++) assert_true(value[i] == expected[i]);
  il_evaluator_summary(&e, 4, value, 0, &mean, &interval);
  assert_true(mean == 5.375); /* over tasks, however many queries they have */
  il_evaluator_free(&e);
  il_trainer_free(&t);
  il_team_free(team);
  il_config_free(c);
  il_context_free(context);
}

/* Means of unequally many rows, and a class without any. */
static void test_class_means(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_team *team = il_team_new(context, 1);
  il_graph *g = il_graph_new(context, IL_FLOAT32);
  il_build b = {.g = g, .ways = 4, .algorithm = &il_protonet};
  const il_value f = il_input(g, "f", IL_TASK, IL_FLOAT32, IL_SHAPE(6, 2)),
                 labels = il_input(g, "labels", IL_TASK, IL_INT32, IL_SHAPE(6));
  il_output(g, "means", il_class_means(&b, f, labels));
  il_function *function = il_function_new(g, NULL);
  il_run *run = il_run_new(context, function, team, 1);
  static const float rows[] = {1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 7, 8};
  static const int32_t label[] = {0, 0, 0, 1, 1, 3};
  static const float expected[] = {3, 4, 20, 30, 0, 0, 7, 8};
  float means[8];
  il_run_input(run, 0, rows);
  il_run_input(run, 1, label);
  il_run_output(run, 0, means);
  assert_int_equal(il_run_go(run, 1), IL_OK);
  assert_memory_equal(means, expected, sizeof means);
  il_run_free(run);
  il_function_free(function);
  il_team_free(team);
  il_context_free(context);
}

/* ---- what cannot be ---- */

static int two(void *data, il_split split) {
  (void)data;
  return split == IL_TRAIN ? 2 : 1;
}
static void *open_two(il_context *context, const void *settings, const il_source_options *o) {
  (void)context, (void)o;
  return (void *)(uintptr_t)settings;
}
static void describe_two(void *data, il_split split, int variant, il_task_shape *shape) {
  (void)split;
  *shape = (il_task_shape){.ways = 2 + variant * ((const int *)data)[0],
                           .shots = 1,
                           .queries = 1,
                           .outputs = 2 + variant * ((const int *)data)[0],
                           .example = IL_SHAPE(1 + variant * ((const int *)data)[1]),
                           .loss = IL_LOSS_CROSS_ENTROPY};
}
static il_status draw_two(void *data, il_task_id id, void *scratch, const il_task_memory *task) {
  (void)data, (void)id, (void)scratch, (void)task;
  return IL_OK;
}

static void test_refusals(void **state) {
  (void)state;
  const il_source source = {
      .name = "two", .open = open_two, .describe = describe_two, .draw = draw_two, .variants = two};
  il_context *context = il_context_new();
  const int ways[] = {1, 0}, examples[] = {0, 1};
  assert_null(il_tasks_open(context, &source, examples, &(il_source_options){.seed = 1}));
  assert_non_null(strstr(il_context_message(context), "have other examples, targets or losses"));
  il_context_clear(context);
  /* A head is for one number of classes. */
  il_tasks *tasks = il_tasks_open(context, &source, ways, &(il_source_options){.seed = 1});
  assert_non_null(tasks);
  il_method method;
  il_method_defaults(&method);
  il_net *net = il_net_preset(context, "mlp", IL_SHAPE(1), 2, 0);
  il_learner *learner = il_learner_new(context, &method, net, false, false);
  il_meta_step step;
  assert_int_not_equal(il_meta_step_init(context, &step, &method, learner, tasks, NULL), IL_OK);
  assert_non_null(strstr(il_context_message(context), "training tasks have 2 and 3 outputs"));
  il_learner_free(learner);
  il_tasks_free(tasks);
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_shots_are_drawn_evenly),
      cmocka_unit_test(test_each_is_its_own_run),
      cmocka_unit_test(test_range_of_shots),
      cmocka_unit_test(test_unequal_tasks),
      cmocka_unit_test(test_table),
      cmocka_unit_test(test_known_figures),
      cmocka_unit_test(test_class_means),
      cmocka_unit_test(test_refusals),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
