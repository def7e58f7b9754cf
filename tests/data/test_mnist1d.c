/* MNIST-1D beside the published program, number for number (make_mnist1d_numbers.py), and what its tasks see of it. */
#include <innerloop/innerloop.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/numpy_random.h"

enum { LENGTH = 40 };

static const struct {
  const char *examples;
  int count;
  uint64_t x, y;
  float first, last;
} published[] = {
    {"5000", 5000, 0x2c8a80c7c34637e9, 0xae7df10a00d827d5, -0.332006f, 1.19315f},
    {"10000", 10000, 0xdbc3164e63bb4c54, 0x1cf090cbfc00a335, -0.0866928f, -0.494988f},
};

static uint64_t fnv(const void *data, size_t size) {
  uint64_t h = 0xcbf29ce484222325u;
  for (size_t i = 0; i < size; i++) h = (h ^ ((const unsigned char *)data)[i]) * 0x100000001b3u;
  return h;
}

static il_tasks *open_tasks(il_context *context, const char *field, const char *value,
                            int64_t settings[8]) {
  const il_source *source = il_source_find("mnist1d");
  assert_true(source->size <= 8 * sizeof *settings);
  il_fields_default(source->fields, settings);
  if (field) assert_true(il_field_read(il_field_find(source->fields, field), value, settings));
  return il_tasks_open(context, source, settings, &(il_source_options){.seed = 1});
}

/* The task with that index, in room for `count` examples of either set. */
static void draw(const il_tasks *tasks, il_split split, uint64_t index, int count, float *x[2],
                 int32_t *y[2]) {
  il_task_memory m;
  for (int set = 0; set < 2; set++) {
    m.x[set] = x[set] = calloc((size_t)count * LENGTH, sizeof(float));
    m.y[set] = y[set] = calloc((size_t)count, sizeof(int32_t));
    assert_true(x[set] && y[set]);
  }
  assert_int_equal(il_tasks_draw(tasks, (il_task_id){split, 0, index}, 1, &m), IL_OK);
}

static void equals_the_published_program(void **state) {
  (void)state;
  il_context *context = il_context_new();
  for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
    const int count = published[i].count, train = count / 5 * 4, test = count - train;
    int64_t settings[8] = {0};
    il_tasks *tasks = open_tasks(context, "examples", published[i].examples, settings);
    if (!tasks) fail_msg("%s", il_context_message(context));
    const il_task_shape *shape = il_tasks_shape(tasks, IL_TEST, 0);
    assert_int_equal(shape->support, train);
    assert_int_equal(shape->query, test);
    float *x[2];
    int32_t *y[2];
    draw(tasks, IL_TEST, 7, count, x, y);
    memcpy(x[0] + train * LENGTH, x[1], (size_t)test * LENGTH * sizeof(float));
    memcpy(y[0] + train, y[1], (size_t)test * sizeof(int32_t));
    assert_float_equal(x[0][0], published[i].first, 1e-5);
    assert_float_equal(x[0][count * LENGTH - 1], published[i].last, 1e-5);
    assert_true(fnv(y[0], (size_t)count * sizeof(int32_t)) == published[i].y);
    assert_true(fnv(x[0], (size_t)count * LENGTH * sizeof(float)) == published[i].x);
    for (int set = 0; set < 2; set++) {
      free(x[set]);
      free(y[set]);
    }
    il_tasks_free(tasks);
  }
  il_context_free(context);
}

/* Nothing of the test examples is seen before the test, and what validates does not train. */
static void keeps_test_examples_apart(void **state) {
  (void)state;
  il_context *context = il_context_new();
  int64_t settings[8] = {0};
  il_tasks *tasks = open_tasks(context, "validation", "500", settings);
  if (!tasks) fail_msg("%s", il_context_message(context));
  const il_task_shape *shape = il_tasks_shape(tasks, IL_TRAIN, 0);
  assert_int_equal(shape->support, 3500);
  assert_int_equal(shape->query, 500);
  float *x[2], *all[2];
  int32_t *y[2], *labels[2];
  draw(tasks, IL_TRAIN, 0, 4000, x, y);
  draw(tasks, IL_TEST, 0, 4000, all, labels);
  assert_memory_equal(x[0], all[0], 3500 * LENGTH * sizeof(float));
  assert_memory_equal(x[1], all[0] + 3500 * LENGTH, 500 * LENGTH * sizeof(float));
  assert_memory_equal(y[1], labels[0] + 3500, 500 * sizeof(int32_t));
  for (int set = 0; set < 2; set++) {
    free(x[set]);
    free(y[set]);
    free(all[set]);
    free(labels[set]);
  }
  il_tasks_free(tasks);
  assert_null(open_tasks(context, "validation", "4000", settings));
  assert_string_equal(il_context_message(context),
                      "mnist1d.validation: found 4000, but there are 4000 training examples; "
                      "expected fewer");
  il_context_free(context);
}

/* Known numbers of numpy.random after seed(42): rand(), randn(), choice(48), permutation(5). */
static void draws_as_numpy(void **state) {
  (void)state;
  il_numpy_random r;
  int order[5];
  il_numpy_seed(&r, 42);
  assert_true(il_numpy_rand(&r) == 0.3745401188473625);
  assert_float_equal(il_numpy_randn(&r), -1.1118801180469204, 1e-15);
  assert_int_equal(il_numpy_upto(&r, 47), 18);
  il_numpy_permutation(&r, 5, order);
  const int expected[5] = {3, 1, 0, 4, 2};
  assert_memory_equal(order, expected, sizeof order);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(draws_as_numpy),
                                     cmocka_unit_test(equals_the_published_program),
                                     cmocka_unit_test(keeps_test_examples_apart)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
