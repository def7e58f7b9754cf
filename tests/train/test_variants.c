/* Tasks of several shapes: which a meta-step trains on, that each is the meta-step of a run with that shape alone, and
 * the figures of a file whose answers are known. */
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
      il_learned_initialize(range.it.learner, 3);
      il_learned_initialize(one[v].it.learner, 3);
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
                      1, &none, 4, team, NULL);
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
  il_learned *learner = il_learned_new(context, &method, net, false, false);
  il_meta_step step;
  assert_int_not_equal(il_meta_step_init(context, &step, &method, learner, tasks, NULL), IL_OK);
  assert_non_null(strstr(il_context_message(context), "training tasks have 2 and 3 outputs"));
  il_learned_free(learner);
  il_tasks_free(tasks);
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_shots_are_drawn_evenly),
      cmocka_unit_test(test_each_is_its_own_run),
      cmocka_unit_test(test_known_figures),
      cmocka_unit_test(test_class_means),
      cmocka_unit_test(test_refusals),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
