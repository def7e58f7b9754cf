/* Tasks as they stand in a file: stacked or one by one, of unequal sizes, in every format; what is wrong in a
 * sentence. */
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
#include "data/task_file.h"
#include "io/io.h"

static char path[] = "/tmp/il_given_XXXXXX";
static int make(void **state) {
  (void)state;
  const int file = mkstemp(path);
  return file < 0 ? -1 : close(file);
}
static int unmake(void **state) {
  (void)state;
  return unlink(path);
}

static void expect(il_context *context, const char *message) {
  if (!strstr(il_context_message(context), message))
    fail_msg("found \"%s\", expected \"%s\"", il_context_message(context), message);
  il_context_clear(context);
}

static float number[4096];
static const int32_t label[] = {0, 1, 2, 0, 1, 1, 0, 2, 1, 0};
static const int64_t wide[] = {0, 1, 2, 0, 1, 1, 0, 2, 1, 0};

/* Task i of the file: 3 + i % 2 support examples, 2 queries; its x begin at number 100·i. */
enum { MOST = 8 };
static char names[MOST][4][40];
static int put_tasks(il_tensor *tensor, int tasks, const char *form) {
  static const char *const keys[] = {"support_x", "support_y", "query_x", "query_y"};
  for (int i = 0; i < 4096; i++) number[i] = (float)i;
  for (int i = 0; i < tasks; i++)
    for (int k = 0; k < 4; k++) {
      const int n = k < 2 ? 3 + i % 2 : 2;
      snprintf(names[i][k], sizeof names[i][k], form, i, keys[k]);
      tensor[4 * i + k] = (il_tensor){
          names[i][k], k % 2 ? IL_INT64 : IL_FLOAT32, k % 2 ? IL_SHAPE(n) : IL_SHAPE(n, 5),
          k % 2 ? (const void *)(wide + k / 2) : (const void *)(number + 100 * i + 50 * (k / 2))};
    }
  return 4 * tasks;
}

static const il_source_options options = {
    .split = {.kind = "random", .train = 4, .validation = 2, .seed = 3}, .data = path, .seed = 7};

static void test_unequal(void **state) {
  (void)state;
  static const struct {
    const char *form;
    il_file_format format;
  } file[] = {{"task%d.%s", IL_FILE_SAFETENSORS},
              {"%d.%s", IL_FILE_NPZ},
              {"[%d].%s", IL_FILE_TORCH},
              {"a.b%d.%s", IL_FILE_TORCH}};
  static const int no_classes = 0;
  for (size_t f = 0; f < sizeof file / sizeof *file; f++) {
    il_context *context = il_context_new();
    il_tensor tensor[4 * MOST];
    const int count = put_tasks(tensor, MOST, file[f].form);
    assert_int_equal(il_tensors_write(context, path, file[f].format, count, tensor), IL_OK);
    il_tasks *tasks = il_tasks_open(context, il_source_find("tasks"), &no_classes, &options);
    if (!tasks) fail_msg("%s: %s", file[f].form, il_context_message(context));
    bool seen[MOST] = {false};
    for (int split = IL_TRAIN; split <= IL_TEST; split++) {
      const int64_t all = il_tasks_count(tasks, (il_split)split);
      assert_int_equal(all, split == IL_TRAIN ? 4 : 2);
      int share[IL_TASK_VARIANTS], sum = 0;
      il_tasks_divide(tasks, (il_split)split, (int)all, share);
      for (int v = 0; v < il_tasks_variants(tasks, (il_split)split); v++) {
        const il_task_shape *s = il_tasks_shape(tasks, (il_split)split, v);
        assert_int_equal(s->outputs, 3);
        assert_int_equal(s->ways, 3);
        assert_int_equal(s->query, 2);
        assert_int_equal(s->loss, IL_LOSS_CROSS_ENTROPY);
        sum += share[v];
        for (int i = 0; i < (split == IL_TRAIN ? 30 : share[v]); i++) {
          float sx[20], qx[10];
          int32_t sy[4], qy[2];
          assert_int_equal(il_tasks_draw(tasks, (il_task_id){(il_split)split, v, (uint64_t)i}, 1,
                                         &(il_task_memory){{sx, qx}, {sy, qy}}),
                           IL_OK);
          const int task = (int)sx[0] / 100;
          assert_int_equal(s->support, 3 + task % 2);
          assert_memory_equal(sx, number + 100 * task, sizeof *sx * 5 * (size_t)s->support);
          assert_memory_equal(qx, number + 100 * task + 50, sizeof qx);
          assert_memory_equal(sy, label, sizeof *sy * (size_t)s->support);
          assert_memory_equal(qy, label + 1, sizeof qy);
          if (split != IL_TRAIN) assert_false(seen[task]); /* each once */
          seen[task] = true;
        }
      }
      assert_int_equal(sum, all);
    }
    for (int i = 0; i < MOST; i++) assert_true(seen[i]);
    il_tasks_free(tasks);
    il_context_free(context);
  }
}

static void test_stacked_and_divided(void **state) {
  (void)state;
  static const int classes = 0;
  il_context *context = il_context_new();
  for (int i = 0; i < 4096; i++) number[i] = (float)i;
  /* Targets of one output [tasks, n], and the file says which tasks train. */
  const il_tensor tensor[] = {{"train.support_x", IL_FLOAT32, IL_SHAPE(3, 4), number},
                              {"train.support_y", IL_FLOAT32, IL_SHAPE(3, 4), number + 20},
                              {"train.query_x", IL_FLOAT32, IL_SHAPE(3, 2), number + 40},
                              {"train.query_y", IL_FLOAT32, IL_SHAPE(3, 2), number + 60},
                              {"test.support_x", IL_FLOAT32, IL_SHAPE(2, 4), number + 80},
                              {"test.support_y", IL_FLOAT32, IL_SHAPE(2, 4, 1), number + 100},
                              {"test.query_x", IL_FLOAT32, IL_SHAPE(2, 2), number + 120},
                              {"test.query_y", IL_FLOAT32, IL_SHAPE(2, 2, 1), number + 140}};
  assert_int_equal(il_tensors_write(context, path, IL_FILE_NPZ, 8, tensor), IL_OK);
  il_tasks *tasks = il_tasks_open(context, il_source_find("tasks"), &classes, &options);
  if (!tasks) fail_msg("%s", il_context_message(context));
  assert_int_equal(il_tasks_count(tasks, IL_TRAIN), 3);
  assert_int_equal(il_tasks_count(tasks, IL_VALIDATION), 0);
  assert_int_equal(il_tasks_variants(tasks, IL_VALIDATION), 0);
  assert_int_equal(il_tasks_count(tasks, IL_TEST), 2);
  const il_task_shape *s = il_tasks_shape(tasks, IL_TEST, 0);
  assert_true(s->targets && s->outputs == 1 && s->loss == IL_LOSS_MEAN_SQUARED_ERROR);
  assert_true(il_shape_equal(s->example, IL_SHAPE(1)));
  float sx[4], sy[4], qx[2], qy[2];
  assert_int_equal(
      il_tasks_draw(tasks, (il_task_id){IL_TEST, 0, 1}, 1, &(il_task_memory){{sx, qx}, {sy, qy}}),
      IL_OK);
  assert_memory_equal(sx, number + 84, sizeof sx);
  assert_memory_equal(qy, number + 142, sizeof qy);
  il_tasks_free(tasks);

  /* Images out of PyTorch have their channels first; a head for more classes than there are. */
  static uint8_t pixel[2 * 1 * 3 * 2 * 2];
  for (int i = 0; i < 24; i++) pixel[i] = (uint8_t)i;
  const il_tensor image[] = {{"support_x", IL_UINT8, IL_SHAPE(2, 1, 3, 2, 2), pixel},
                             {"support_y", IL_INT32, IL_SHAPE(2, 1), label},
                             {"query_x", IL_UINT8, IL_SHAPE(2, 1, 3, 2, 2), pixel},
                             {"query_y", IL_INT32, IL_SHAPE(2, 1), label}};
  const il_source_options all = {.split = {.kind = "random", .train = 1, .seed = 1}, .data = path};
  static const int seven = 7;
  for (int torch = 0; torch < 2; torch++) {
    const il_file_format format = torch ? IL_FILE_TORCH : IL_FILE_SAFETENSORS;
    assert_int_equal(il_tensors_write(context, path, format, 4, image), IL_OK);
    il_task_file *f = il_task_file_open(context, path);
    if (!f) fail_msg("%s", il_context_message(context));
    assert_true(il_shape_equal(f->example, torch ? IL_SHAPE(2, 2, 3) : IL_SHAPE(3, 2, 2)));
    static const uint8_t last[] = {12, 16, 20, 13, 17, 21, 14, 18, 22, 15, 19, 23};
    assert_memory_equal(f->task[1].x[0], torch ? last : pixel + 12, 12);
    assert_int_equal(f->task[0].ways, 1);
    assert_int_equal(f->task[1].ways, 2);
    assert_int_equal(f->outputs, 2);
    il_task_file_free(f);
    tasks = il_tasks_open(context, il_source_find("tasks"), &seven, &all);
    if (!tasks) fail_msg("%s", il_context_message(context));
    assert_int_equal(il_tasks_shape(tasks, IL_TRAIN, 0)->outputs, 7);
    assert_true(il_tasks_shape(tasks, IL_TRAIN, 0)->scale == 1.0 / 255);
    il_tasks_free(tasks);
  }
  static const int one = 1;
  assert_null(il_tasks_open(context, il_source_find("tasks"), &one, &all));
  expect(context, "tasks.classes: found 1, but");
  il_context_free(context);
}

/* A file of two tasks with one tensor changed. */
static void refuses(il_context *context, int at, il_tensor other, const char *message) {
  il_tensor tensor[8];
  put_tasks(tensor, 2, "t%d.%s");
  if (!other.name) other.name = tensor[at].name;
  tensor[at] = other;
  assert_int_equal(il_tensors_write(context, path, IL_FILE_SAFETENSORS, 8, tensor), IL_OK);
  assert_null(il_task_file_open(context, path));
  expect(context, message);
}

static void test_refusals(void **state) {
  (void)state;
  il_context *context = il_context_new();
  static const float bad[] = {1, 2, 3, 4, NAN, 6, 7, 8, 9, 10};
  static const int64_t negative[] = {0, -1, 2}, huge[] = {0, 1, INT64_MAX};
  refuses(context, 2, (il_tensor){NULL, IL_FLOAT32, IL_SHAPE(2, 5), bad},
          "number 4 of \"t0.query_x\" is nan, expected finite numbers");
  refuses(context, 1, (il_tensor){NULL, IL_INT64, IL_SHAPE(3), negative},
          "label 1 of \"t0.support_y\" is -1, expected 0 to 65535");
  refuses(context, 1, (il_tensor){NULL, IL_INT64, IL_SHAPE(3), huge},
          "label 2 of \"t0.support_y\" is 9223372036854775807");
  refuses(context, 6, (il_tensor){"t1.other", IL_FLOAT32, IL_SHAPE(2, 5), number},
          "query_x is missing beside \"t1.support_x\"");
  refuses(context, 4, (il_tensor){NULL, IL_FLOAT32, IL_SHAPE(4, 6), number},
          "\"t1.support_x\" has type f32 and shape [4,6], expected reals, examples of shape [5]");
  refuses(context, 4, (il_tensor){NULL, IL_UINT8, IL_SHAPE(4, 5), number}, "expected reals");
  refuses(context, 6, (il_tensor){NULL, IL_FLOAT32, IL_SHAPE(0, 5), number},
          "at least one example in either set");
  refuses(context, 7, (il_tensor){NULL, IL_INT64, IL_SHAPE(1), wide},
          "expected 2 examples, as \"query_x\"");
  refuses(context, 7, (il_tensor){NULL, IL_FLOAT32, IL_SHAPE(2), number},
          "\"t1.query_y\" has type f32 and shape [2], expected labels, as the first ones");
  refuses(context, 3, (il_tensor){NULL, IL_BOOL, IL_SHAPE(2), number}, "expected labels");
  refuses(context, 3, (il_tensor){NULL, IL_INT64, IL_SHAPE(1, 2), wide}, "as of the other set");
  refuses(context, 0, (il_tensor){NULL, IL_FLOAT32, IL_SHAPE(3, 1, 1, 1, 5), number},
          "0 to 3 dimensions of an example");
  refuses(context, 0, (il_tensor){"train.support_x", IL_FLOAT32, IL_SHAPE(3, 5), number},
          "support_x is missing beside");
  const il_tensor none = {"x", IL_FLOAT32, IL_SHAPE(3, 5), number};
  assert_int_equal(il_tensors_write(context, path, IL_FILE_SAFETENSORS, 1, &none), IL_OK);
  assert_null(il_task_file_open(context, path));
  expect(context, "has no tasks: expected tensors support_x");
  il_tensor tensor[8];
  put_tasks(tensor, 2, "t%d.%s");
  char other[4][48];
  for (int k = 0; k < 4; k++) {
    snprintf(other[k], sizeof other[k], "train.%.40s", names[0][k]);
    tensor[k].name = other[k];
  }
  assert_int_equal(il_tensors_write(context, path, IL_FILE_SAFETENSORS, 8, tensor), IL_OK);
  assert_null(il_task_file_open(context, path));
  expect(context, "some tasks stand under train, validation or test");
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_unequal),
      cmocka_unit_test(test_stacked_and_divided),
      cmocka_unit_test(test_refusals),
  };
  return cmocka_run_group_tests(tests, make, unmake);
}
