/* Tables: what is written reads back, what is wrong is said in a sentence, and tasks are rows of one task each. */
#include <innerloop/innerloop.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/source.h"
#include "data/table_file.h"

enum { TASKS = 12, ROWS = 9, INPUTS = 3, OUTPUTS = 2 };
static char path[] = "/tmp/il_table_XXXXXX";
static float x[TASKS * ROWS * INPUTS], y[TASKS * ROWS * OUTPUTS];
static int32_t start[TASKS + 1];

/* Number c of row r of task t is 100·t + r + c/10. */
static il_table numbered(void) {
  for (int i = 0; i < TASKS * ROWS; i++) {
    const float at = (float)(100 * (i / ROWS) + i % ROWS);
    for (int c = 0; c < INPUTS; c++) x[i * INPUTS + c] = at + (float)c / 10;
    for (int c = 0; c < OUTPUTS; c++) y[i * OUTPUTS + c] = -at - (float)c / 10;
  }
  for (int t = 0; t <= TASKS; t++) start[t] = t * ROWS;
  return (il_table){
      .tasks = TASKS, .inputs = INPUTS, .outputs = OUTPUTS, .x = x, .y = y, .start = start};
}

static int make(void **state) {
  (void)state;
  const int file = mkstemp(path);
  return file < 0 ? -1 : close(file);
}
static int unmake(void **state) {
  (void)state;
  return unlink(path);
}

static void test_reads_back(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_table t = numbered();
  static const char *const input[] = {"width", "Höhe", "深さ"}, *const output[] = {"a", "b"};
  const double mean[] = {1.0 / 3, 2, -1e-9}, deviation[] = {0.1, 1e20, 3};
  t.input = input;
  t.output = output;
  t.x_mean = mean;
  t.x_deviation = deviation;
  assert_int_equal(il_table_write(context, path, &t), IL_OK);
  il_table *r = il_table_open(context, path);
  if (!r) fail_msg("%s", il_context_message(context));
  assert_int_equal(r->tasks, TASKS);
  assert_memory_equal(r->x, x, sizeof x);
  assert_memory_equal(r->y, y, sizeof y);
  assert_memory_equal(r->start, start, sizeof start);
  assert_string_equal(r->input[2], "深さ");
  assert_string_equal(r->task[11], "11");
  assert_memory_equal(r->x_mean, mean, sizeof mean);
  assert_memory_equal(r->x_deviation, deviation, sizeof deviation);
  assert_null(r->y_mean);
  il_table_free(r);
  il_context_free(context);
}

/* Where in [from, to) the row stands whose first number is `first`; every other number must be that row's. */
static int row_of(const float *in, const float *out) {
  const int task = (int)(in[0] / 100), row = (int)(in[0] - 100 * (float)task);
  const int at = task * ROWS + row;
  assert_memory_equal(in, x + at * INPUTS, sizeof *in * INPUTS);
  assert_memory_equal(out, y + at * OUTPUTS, sizeof *out * OUTPUTS);
  return at;
}

static void test_tasks_are_rows_of_one(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_table t = numbered();
  assert_int_equal(il_table_write(context, path, &t), IL_OK);
  const il_source_options options = {
      .shots = 3,
      .queries = 6,
      .train_shots = 1,
      .train_shots_most = 4,
      .train_queries = 2,
      .split = {.kind = "random", .train = 6, .validation = 2, .seed = 1},
      .data = path,
      .seed = 5};
  il_tasks *tasks = il_tasks_open(context, il_source_find("table"), NULL, &options);
  if (!tasks) fail_msg("%s", il_context_message(context));
  assert_int_equal(il_tasks_variants(tasks, IL_TRAIN), 4);
  assert_int_equal(il_tasks_variants(tasks, IL_TEST), 1);
  assert_int_equal(il_tasks_count(tasks, IL_TRAIN), -1);
  int of[TASKS] = {0}, split_of[TASKS];
  for (int i = 0; i < TASKS; i++) split_of[i] = -1;
  for (int split = IL_TRAIN; split <= IL_TEST; split++)
    for (int v = 0; v < il_tasks_variants(tasks, (il_split)split); v++) {
      const il_task_shape *s = il_tasks_shape(tasks, (il_split)split, v);
      assert_int_equal(s->support, split == IL_TRAIN ? 1 + v : 3);
      assert_int_equal(s->query, split == IL_TRAIN ? 2 : 6);
      assert_true(il_shape_equal(s->example, IL_SHAPE(INPUTS)));
      assert_int_equal(s->outputs, OUTPUTS);
      for (uint64_t i = 0; i < 60; i++) {
        float sx[4 * INPUTS], sy[4 * OUTPUTS], qx[6 * INPUTS], qy[6 * OUTPUTS];
        assert_int_equal(il_tasks_draw(tasks, (il_task_id){(il_split)split, v, i}, 1,
                                       &(il_task_memory){{sx, qx}, {sy, qy}}),
                         IL_OK);
        bool seen[TASKS * ROWS] = {false};
        const int task = row_of(sx, sy) / ROWS;
        for (int k = 0; k < s->support + s->query; k++) {
          const int set = k >= s->support, j = set ? k - s->support : k;
          const int row = row_of((set ? qx : sx) + j * INPUTS, (set ? qy : sy) + j * OUTPUTS);
          assert_int_equal(row / ROWS, task);
          assert_false(seen[row]);
          seen[row] = true;
        }
        assert_true(split_of[task] == -1 || split_of[task] == split);
        split_of[task] = split;
        if (split == IL_TEST) of[task]++;
      }
    }
  int tested = 0, all = 0;
  for (int i = 0; i < TASKS; i++) {
    if (of[i]) assert_int_equal(of[i], 15); /* 60 evaluations of 4 test tasks: each as often */
    tested += of[i] > 0;
    all += split_of[i] >= 0;
  }
  assert_int_equal(tested, 4);
  assert_int_equal(all, TASKS);
  il_tasks_free(tasks);
  il_context_free(context);
}

static void expect(il_context *context, const char *message) {
  if (!strstr(il_context_message(context), message))
    fail_msg("found \"%s\", expected \"%s\"", il_context_message(context), message);
  il_context_clear(context);
}

static void refused(il_context *context, const il_table *t, const char *message) {
  assert_int_not_equal(il_table_write(context, path, t), IL_OK);
  expect(context, message);
}

/* The tensors of a table and its metadata, one of them changed. */
static void opens_not(il_context *context, int count, const il_tensor *tensor, int pairs,
                      const il_pair *pair, const char *message) {
  assert_int_equal(il_safetensors_write(context, path, count, tensor, pairs, pair), IL_OK);
  assert_null(il_table_open(context, path));
  expect(context, message);
}

static void test_refusals(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_table t = numbered();
  x[INPUTS * 5 + 2] = NAN;
  refused(context, &t, "'x' has nan in row 5, column 2; expected finite numbers");
  t = numbered();
  y[OUTPUTS * 7] = INFINITY;
  refused(context, &t, "'y' has inf in row 7, column 0");
  t = numbered();
  start[3] = start[2];
  refused(context, &t, "'task_start' goes from 18 to 18 at task 2");
  t = numbered();
  const double zero[] = {1, 0}, mean[] = {0, 0};
  t.y_mean = mean;
  refused(context, &t, "'y_deviation' is missing beside 'y_mean'");
  t.y_deviation = zero;
  refused(context, &t, "column 1 of 'y' has mean 0 and deviation 0");
  t = numbered();
  t.tasks = 0;
  refused(context, &t, "a table of 0 tasks");

  numbered();
  const il_pair kind = {"kind", "innerloop table 1"};
  il_tensor good[] = {{"x", IL_FLOAT32, IL_SHAPE(TASKS * ROWS, INPUTS), x},
                      {"y", IL_FLOAT32, IL_SHAPE(TASKS * ROWS, OUTPUTS), y},
                      {"task_start", IL_INT32, IL_SHAPE(TASKS + 1), start}};
  opens_not(context, 3, good, 0, NULL,
            "the metadata 'kind' is \"\", expected \"innerloop table 1\"");
  opens_not(context, 2, good, 1, &kind, "expected a tensor 'task_start' of type I32");
  opens_not(context, 2, good + 1, 1, &kind, "expected a tensor 'x' of type F32");
  const il_pair names[] = {kind, {"task_names", "[\"a\"]"}};
  opens_not(context, 3, good, 2, names, "'task_names' is no JSON list of 12 texts");
  const il_pair means[] = {kind, {"x_mean", "[1, 2, \"3\"]"}};
  opens_not(context, 3, good, 2, means, "item 2 of the metadata 'x_mean' is no number");
  good[1].shape.dim[0]--;
  opens_not(context, 3, good, 1, &kind, "'x' has 108 rows, but 'y' has 107");
  good[0].shape.dim[0]--;
  opens_not(context, 3, good, 1, &kind, "'task_start' ends with 108, expected the 107 rows");
  good[0].shape = IL_SHAPE(TASKS * ROWS * INPUTS);
  opens_not(context, 3, good, 1, &kind, "expected a tensor 'x' of type F32");

  /* What the table cannot give is said with what it has. */
  t = numbered();
  start[4]--; /* task 3 has 8 rows, task 4 has 10 */
  assert_int_equal(il_table_write(context, path, &t), IL_OK);
  il_source_options options = {.shots = 5,
                               .queries = 4,
                               .split = {.kind = "random", .train = TASKS, .seed = 1},
                               .data = path};
  assert_null(il_tasks_open(context, il_source_find("table"), NULL, &options));
  expect(context, "in training: found 5 + 4, but task '3' of");
  options.split.train = 20;
  assert_null(il_tasks_open(context, il_source_find("table"), NULL, &options));
  expect(context, "has 12 tasks, which are divided as classes are: the split asks for 20");
  options.data = NULL;
  assert_null(il_tasks_open(context, il_source_find("table"), NULL, &options));
  expect(context, "task.data: missing");
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_reads_back),
      cmocka_unit_test(test_tasks_are_rows_of_one),
      cmocka_unit_test(test_refusals),
  };
  return cmocka_run_group_tests(tests, make, unmake);
}
