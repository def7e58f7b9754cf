/* Sources through their record: what tasks look like, that task i of a split is always the same whoever draws it, and
 * a source of one's own. */
#include <innerloop/innerloop.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/batch.h"
#include "data/dataset.h"
#include "data/division.h"
#include "data/table_file.h"

enum { TASKS = 9 };

static const il_source_options usual = {
    .ways = 3,
    .shots = 2,
    .queries = 4,
    .rotations = IL_ROTATIONS_RANDOM,
    .split = {.kind = "random", .train = 20, .validation = 8, .seed = 1},
    .seed = 5};
static const il_glyphs small = {
    .alphabets = 4, .classes = 10, .writers = 8, .side = 12, .channels = 1, .seed = 3};

static il_samples some_samples(void) {
  static float x[60 * 2], y[60 * 3];
  for (int i = 0; i < 120; i++) x[i] = (float)i;
  for (int i = 0; i < 180; i++) y[i] = (float)(i % 7) / 7;
  return (il_samples){60, IL_SHAPE(2), IL_FLOAT32, x, NULL, y, 3};
}

/* Draws the same tasks with one thread and with three, all at once and one by one, later ones first. */
static void draws_are_pure(il_context *context, il_tasks *tasks, il_split split) {
  il_team *one = il_team_new(context, 1), *three = il_team_new(context, 3);
  const il_task_needs needs = {.key = true, .steps = 3, .batch = 2};
  il_batch a, b;
  assert_int_equal(il_batch_init(&a, tasks, split, 0, IL_FLOAT32, needs, TASKS, 1), IL_OK);
  assert_int_equal(il_batch_init(&b, tasks, split, 0, IL_FLOAT32, needs, TASKS, 3), IL_OK);
  assert_int_equal(il_batch_draw(&a, one, split, 100, TASKS), IL_OK);
  assert_int_equal(il_batch_draw(&b, three, split, 100, TASKS), IL_OK);
  for (int i = 0; i < IL_BATCH_INPUTS; i++) {
    assert_memory_equal(a.input[i], b.input[i], a.size[i] * TASKS);
    assert_memory_not_equal(a.input[0], (char *)a.input[0] + a.size[0], a.size[0]);
    memset(b.input[i], 0xee, b.size[i] * TASKS);
  }
  for (int t = TASKS - 1; t >= 0; t--) il_batch_draw_task(&b, t % 3, split, 100, t);
  for (int i = 0; i < IL_BATCH_INPUTS; i++)
    assert_memory_equal(a.input[i], b.input[i], a.size[i] * TASKS);
  il_batch_free(&b);
  /* In double the same numbers. */
  assert_int_equal(il_batch_init(&b, tasks, split, 0, IL_FLOAT64, needs, TASKS, 3), IL_OK);
  assert_int_equal(il_batch_draw(&b, three, split, 100, TASKS), IL_OK);
  for (int i = 0; i < IL_BATCH_INPUTS; i++) {
    if (b.size[i] == a.size[i]) {
      assert_memory_equal(a.input[i], b.input[i], a.size[i] * TASKS);
      continue;
    }
    assert_int_equal(b.size[i], 2 * a.size[i]);
    for (size_t k = 0; k < a.size[i] / 4 * TASKS; k++)
      assert_true(((double *)b.input[i])[k] == (double)((float *)a.input[i])[k]);
  }
  il_batch_free(&a);
  il_batch_free(&b);
  il_team_free(one);
  il_team_free(three);
}

/* 40 tasks of 8 rows: 2 inputs, 3 outputs; no number stands twice. */
static void write_table(il_context *context, const char *path) {
  static float x[320 * 2], y[320 * 3];
  int32_t start[41];
  for (int i = 0; i < 640; i++) x[i] = (float)i;
  for (int i = 0; i < 960; i++) y[i] = (float)i / 7;
  for (int i = 0; i <= 40; i++) start[i] = 8 * i;
  const il_table t = {.tasks = 40, .inputs = 2, .outputs = 3, .x = x, .y = y, .start = start};
  assert_int_equal(il_table_write(context, path, &t), IL_OK);
}

/* 60 tasks of 6 + 4 examples of 2 numbers, stacked; 30 train, 8 validate. */
static void write_tasks(il_context *context, const char *path) {
  static float x[2 * 60 * 12];
  static int32_t y[60 * 6];
  for (int i = 0; i < 2 * 60 * 12; i++) x[i] = (float)i;
  for (int i = 0; i < 60 * 6; i++) y[i] = i % 3;
  const il_tensor tensor[] = {{"support_x", IL_FLOAT32, IL_SHAPE(60, 6, 2), x},
                              {"support_y", IL_INT32, IL_SHAPE(60, 6), y},
                              {"query_x", IL_FLOAT32, IL_SHAPE(60, 4, 2), x + 720},
                              {"query_y", IL_INT32, IL_SHAPE(60, 4), y}};
  assert_int_equal(il_safetensors_write(context, path, 4, tensor, 0, NULL), IL_OK);
}

static void test_pure(void **state) {
  (void)state;
  char path[] = "/tmp/il_source_XXXXXX", table[] = "/tmp/il_source_XXXXXX",
       given[] = "/tmp/il_source_XXXXXX";
  close(mkstemp(path));
  close(mkstemp(table));
  close(mkstemp(given));
  il_context *context = il_context_new();
  il_dataset *d = il_dataset_glyphs(context, &small);
  assert_int_equal(il_dataset_write(d, path), IL_OK);
  il_dataset_free(d);
  il_samples samples = some_samples();
  const il_samples_tasks cut = {
      &samples, {IL_EPISODES_ALL_CLASSES, 0, 5, 6, false}, IL_LOSS_MEAN_SQUARED_ERROR};
  write_table(context, table);
  write_tasks(context, given);
  static const int no_classes = 0;
  const struct {
    const il_source *source;
    const void *settings;
    bool targets;
    int support, query, outputs, classes; /* classes: of the test split */
    double scale;
    const char *data;
  } all[] = {{il_source_find("glyphs"), &small, false, 6, 12, 3, 12, 1.0 / 255, NULL},
             {il_source_find("omniglot"), NULL, false, 6, 12, 3, 12, 1.0 / 255, path},
             {il_source_find("sinusoid"), NULL, true, 2, 4, 1, -1, 1, NULL},
             {il_source_find("table"), NULL, true, 2, 4, 3, -1, 1, table},
             {il_source_find("tasks"), &no_classes, false, 6, 4, 3, -1, 1, given},
             {&il_source_samples, &cut, true, 5, 6, 3, -1, 1, NULL}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    il_source_options options = usual;
    options.data = all[i].data;
    il_tasks *tasks = il_tasks_open(context, all[i].source, all[i].settings, &options);
    if (!tasks) fail_msg("%s", il_context_message(context));
    const il_task_shape *shape = il_tasks_shape(tasks, IL_TEST, 0);
    assert_int_equal(shape->targets, all[i].targets);
    assert_int_equal(shape->loss,
                     all[i].targets ? IL_LOSS_MEAN_SQUARED_ERROR : IL_LOSS_CROSS_ENTROPY);
    assert_int_equal(shape->support, all[i].support);
    assert_int_equal(shape->query, all[i].query);
    assert_int_equal(shape->outputs, all[i].outputs);
    assert_true(shape->scale == all[i].scale);
    assert_int_equal(il_tasks_classes(tasks, IL_TEST), all[i].classes);
    for (int split = IL_TRAIN; split <= IL_TEST; split++)
      draws_are_pure(context, tasks, (il_split)split);
    il_tasks_free(tasks);
  }
  assert_int_equal(il_context_status(context), IL_OK);
  unlink(path);
  unlink(table);
  unlink(given);
  il_context_free(context);
}

/* A task of one of several numbers of classes and shots is that of a source of these numbers alone. */
static void test_ranges(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_source_options options = usual, alone = usual;
  options.train_ways = 2;
  options.train_ways_most = 4;
  options.train_shots = 1;
  options.train_shots_most = 2;
  il_tasks *all = il_tasks_open(context, il_source_find("glyphs"), &small, &options);
  if (!all) fail_msg("%s", il_context_message(context));
  assert_int_equal(il_tasks_variants(all, IL_TRAIN), 6);
  assert_int_equal(il_tasks_variants(all, IL_TEST), 1);
  for (int v = 0; v < 6; v++) {
    alone.train_ways = 2 + v / 2;
    alone.train_shots = 1 + v % 2;
    il_tasks *one = il_tasks_open(context, il_source_find("glyphs"), &small, &alone);
    const il_task_shape *s = il_tasks_shape(all, IL_TRAIN, v);
    assert_int_equal(s->ways, alone.train_ways);
    assert_int_equal(s->outputs, alone.train_ways);
    assert_int_equal(s->support, alone.train_ways * alone.train_shots);
    const size_t example = (size_t)il_shape_count(s->example),
                 n[2] = {(size_t)s->support, (size_t)s->query};
    il_task_memory m[2];
    for (int k = 0; k < 2; k++) {
      for (int set = 0; set < 2; set++) {
        m[k].x[set] = calloc(n[set], example);
        m[k].y[set] = calloc(n[set], sizeof(int32_t));
      }
      assert_int_equal(il_tasks_draw(k ? one : all, (il_task_id){IL_TRAIN, k ? 0 : v, 5}, 1, &m[k]),
                       IL_OK);
    }
    for (int set = 0; set < 2; set++) {
      assert_memory_equal(m[0].x[set], m[1].x[set], n[set] * example);
      assert_memory_equal(m[0].y[set], m[1].y[set], n[set] * sizeof(int32_t));
      for (int k = 0; k < 2; k++) {
        free(m[k].x[set]);
        free(m[k].y[set]);
      }
    }
    il_tasks_free(one);
  }
  il_tasks_free(all);
  il_context_free(context);
}

/* Examples of a class have one label, whatever the task: their class's place among all that train. */
static void test_class_labels(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_source_options options = usual;
  options.class_labels = true;
  options.rotations = IL_ROTATIONS_CLASSES;
  options.train_ways = 3;
  il_tasks *tasks = il_tasks_open(context, il_source_find("glyphs"), &small, &options);
  if (!tasks) fail_msg("%s", il_context_message(context));
  const int classes = 4 * il_tasks_classes(tasks, IL_TRAIN);
  const il_task_shape *s = il_tasks_shape(tasks, IL_TRAIN, 0);
  assert_int_equal(s->outputs, classes);
  assert_int_equal(il_tasks_shape(tasks, IL_TEST, 0)->outputs, usual.ways);
  const size_t example = (size_t)il_shape_count(s->example),
               n[2] = {(size_t)s->support, (size_t)s->query};
  il_task_memory m;
  for (int set = 0; set < 2; set++) {
    m.x[set] = calloc(n[set], example);
    m.y[set] = calloc(n[set], sizeof(int32_t));
  }
  bool *seen = calloc((size_t)classes, sizeof *seen);
  int found = 0;
  for (uint64_t t = 0; t < 400; t++) {
    assert_int_equal(il_tasks_draw(tasks, (il_task_id){IL_TRAIN, 0, t}, 1, &m), IL_OK);
    const il_sampler *sampler = tasks->source->sampler(tasks->data, IL_TRAIN);
    int room[64];
    il_episode e;
    assert_true(il_sampler_episode_size(sampler) <= sizeof room);
    il_sampler_draw(sampler, IL_TRAIN, t, room, &e);
    for (int set = 0; set < 2; set++)
      for (size_t i = 0; i < n[set]; i++) {
        const int label = ((int32_t *)m.y[set])[i], w = (int)(i / (n[set] / 3));
        assert_in_range(label, 0, classes - 1);
        assert_int_equal(label % 4, e.rotation[w]);
        if (!seen[label]) found++;
        seen[label] = true;
      }
  }
  assert_int_equal(found, classes); /* each class has a number of its own */
  for (int set = 0; set < 2; set++) {
    free(m.x[set]);
    free(m.y[set]);
  }
  free(seen);
  il_tasks_free(tasks);
  il_context_free(context);
}

static void test_shapes_without_data(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_source_options options = usual;
  options.shapes_only = true;
  il_tasks *tasks = il_tasks_open(context, il_source_find("omniglot"), NULL, &options);
  assert_non_null(tasks);
  assert_true(il_shape_equal(il_tasks_shape(tasks, IL_TRAIN, 0)->example, IL_SHAPE(28, 28, 1)));
  il_tasks_free(tasks);
  tasks = il_tasks_open(context, il_source_find("glyphs"), &small, &options);
  assert_true(il_shape_equal(il_tasks_shape(tasks, IL_TRAIN, 0)->example, IL_SHAPE(12, 12, 1)));
  il_tasks_free(tasks);
  options.shapes_only = false;
  assert_null(il_tasks_open(context, il_source_find("omniglot"), NULL, &options));
  assert_non_null(strstr(il_context_message(context), "task.data: missing"));
  il_context_clear(context);
  options.ways = 30;
  assert_null(il_tasks_open(context, il_source_find("glyphs"), &small, &options));
  assert_non_null(
      strstr(il_context_message(context), "task.ways: found 30, but the train split has 20"));
  assert_null(il_source_find("clay"));
  il_context_free(context);
}

/* Tests alone need no class to train; a list of episodes needs no split. */
static void test_tests_only(void **state) {
  (void)state;
  il_context *context = il_context_new();
  const il_source *glyphs = il_source_find("glyphs");
  il_source_options options = usual;
  options.split = (il_split_options){.kind = "test"};
  assert_null(il_tasks_open(context, glyphs, &small, &options));
  assert_non_null(strstr(il_context_message(context),
                         "task.split: found test, which leaves none of the 40 classes to train"));
  il_context_clear(context);
  options.split.tests_only = true;
  options.train_ways = 90; /* which nobody trains on */
  options.ways = 40;
  il_tasks *tasks = il_tasks_open(context, glyphs, &small, &options);
  if (!tasks) fail_msg("%s", il_context_message(context));
  assert_int_equal(il_tasks_classes(tasks, IL_TEST), 40);
  draws_are_pure(context, tasks, IL_TEST);
  uint8_t byte[1];
  const il_task_memory none = {{byte, byte}, {byte, byte}};
  assert_int_equal(il_tasks_draw(tasks, (il_task_id){.split = IL_TRAIN}, 1, &none), IL_ERROR_DATA);
  il_context_clear(context);
  il_tasks_free(tasks);
  options.ways = 41;
  assert_null(il_tasks_open(context, glyphs, &small, &options));
  assert_non_null(
      strstr(il_context_message(context),
             "task.ways: found 41, but the test split has 40 classes; task.ways=40 would fit"));
  il_context_clear(context);
  options.replayed = true; /* the list says what there is */
  tasks = il_tasks_open(context, glyphs, &small, &options);
  assert_non_null(tasks);
  il_tasks_free(tasks);
  /* With quarter turns as classes of their own, fewer are needed to train. */
  options = usual;
  options.split = (il_split_options){.kind = "auto"};
  options.rotations = IL_ROTATIONS_CLASSES;
  options.ways = 20;
  tasks = il_tasks_open(context, glyphs, &small, &options);
  if (!tasks) fail_msg("%s", il_context_message(context));
  assert_int_equal(il_tasks_classes(tasks, IL_TRAIN), 20);
  assert_int_equal(il_tasks_classes(tasks, IL_VALIDATION), 0);
  il_tasks_free(tasks);
  options.train_ways = 100;
  assert_null(il_tasks_open(context, glyphs, &small, &options));
  assert_non_null(strstr(il_context_message(context),
                         "task.train_ways: found 100 and task.ways 20, but 40 classes cannot give "
                         "25 to train and 20 to test; task.train_ways=80 would fit"));
  il_context_free(context);
}

/* ---- a source of one's own: its data are its settings ---- */

typedef struct lines {
  int points;
  uint64_t broken; /* this task cannot be drawn */
} lines;

static void *open_lines(il_context *context, const void *settings, const il_source_options *o) {
  (void)context;
  (void)o;
  return (void *)(uintptr_t)settings;
}
static void describe_lines(void *data, il_split split, int variant, il_task_shape *shape) {
  assert_int_equal(variant, 0);
  const lines *l = data;
  *shape = (il_task_shape){.support = l->points,
                           .query = split == IL_TRAIN ? 1 : 2,
                           .outputs = 1,
                           .example = IL_SHAPE(1),
                           .x = IL_FLOAT32,
                           .targets = true,
                           .loss = IL_LOSS_MEAN_SQUARED_ERROR};
}
static il_status draw_lines(void *data, il_task_id id, void *scratch, const il_task_memory *task) {
  (void)scratch;
  const lines *l = data;
  if (id.index == l->broken) return IL_ERROR_FILE;
  for (int set = 0; set < 2; set++)
    for (int i = 0; i < (set ? id.split == IL_TRAIN ? 1 : 2 : l->points); i++) {
      ((float *)task->x[set])[i] = (float)i;
      ((float *)task->y[set])[i] = (float)i * (float)id.index;
    }
  return IL_OK;
}

static void test_own(void **state) {
  (void)state;
  const il_source source = {
      .name = "lines", .open = open_lines, .describe = describe_lines, .draw = draw_lines};
  const lines settings = {4, 12};
  il_context *context = il_context_new();
  il_team *team = il_team_new(context, 2);
  il_tasks *tasks = il_tasks_open(context, &source, &settings, &(il_source_options){.seed = 1});
  assert_non_null(tasks);
  assert_int_equal(il_tasks_shape(tasks, IL_TRAIN, 0)->query, 1);
  assert_int_equal(il_tasks_shape(tasks, IL_TEST, 0)->query, 2); /* splits may differ */
  assert_int_equal(il_tasks_classes(tasks, IL_TRAIN), -1);
  il_batch b;
  assert_int_equal(il_batch_init(&b, tasks, IL_TEST, 0, IL_FLOAT32, (il_task_needs){0}, 4, 2),
                   IL_OK);
  assert_int_equal(il_batch_draw(&b, team, IL_TEST, 3, 4), IL_OK);
  const float *y = b.input[1];
  for (int t = 0; t < 4; t++)
    for (int i = 0; i < 4; i++) assert_true(y[t * 4 + i] == (float)(i * (3 + t)));
  assert_int_equal(il_batch_draw(&b, team, IL_TEST, 10, 4), IL_ERROR_DATA);
  assert_string_equal(il_context_message(context),
                      "source lines: task 12 of the test split could not be drawn");
  il_context_clear(context);
  assert_int_equal(il_batch_draw(&b, team, IL_TEST, 20, 4), IL_OK);
  /* The same for who has memory of his own; a task alone is the one in the batch. */
  float own[2][3][4] = {0}, two[2][3][2] = {0};
  const il_task_memory three = {{own[0], two[0]}, {own[1], two[1]}};
  assert_int_equal(il_tasks_draw(tasks, (il_task_id){IL_TEST, 0, 20}, 3, &three), IL_OK);
  assert_memory_equal(own[0], b.input[0], sizeof own[0]);
  assert_memory_equal(own[1], b.input[1], sizeof own[1]);
  assert_memory_equal(two[1], b.input[3], sizeof two[1]);
  assert_int_equal(il_tasks_draw(tasks, (il_task_id){IL_TEST, 0, 22}, 1, &three), IL_OK);
  assert_memory_equal(own[1][0], own[1][2], sizeof own[1][0]);
  assert_int_equal(il_tasks_draw(tasks, (il_task_id){IL_TEST, 0, 11}, 3, &three), IL_ERROR_DATA);
  assert_string_equal(il_context_message(context),
                      "source lines: task 12 of the test split could not be drawn");
  il_context_clear(context);
  il_batch_free(&b);
  il_tasks_free(tasks);
  const lines none = {0};
  assert_null(il_tasks_open(context, &source, &none, &(il_source_options){.seed = 1}));
  assert_non_null(
      strstr(il_context_message(context), "source lines, train split: found tasks of 0 + 1"));
  il_team_free(team);
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_pure),         cmocka_unit_test(test_ranges),
      cmocka_unit_test(test_class_labels), cmocka_unit_test(test_shapes_without_data),
      cmocka_unit_test(test_tests_only),   cmocka_unit_test(test_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
