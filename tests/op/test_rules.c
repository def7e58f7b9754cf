/* Shape rules of structured operations at the edges of what they accept, and bindings without tasks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "graph/graph.h"

typedef struct il_fixture {
  il_context *context;
  il_graph *g;
} il_fixture;

static il_fixture fixture_new(void) {
  il_context *context = il_context_new();
  return (il_fixture){context, il_graph_new(context, IL_FLOAT32)};
}
static void fixture_free(il_fixture *f) {
  il_graph_free(f->g);
  il_context_free(f->context);
}
static il_value real(il_fixture *f, const char *name, il_shape shape) {
  return il_input(f->g, name, IL_SHARED, IL_FLOAT32, shape);
}
/* v was refused with a sentence that says so. */
static void assert_refused(il_fixture *f, il_value v, const char *sentence) {
  assert_int_equal(v.id, 0);
  if (!strstr(il_context_message(f->context), sentence))
    fail_msg("found: %s; expected: %s", il_context_message(f->context), sentence);
  il_context_clear(f->context);
}

static void test_slice(void **state) {
  (void)state;
  il_fixture f = fixture_new();
  const il_value x = real(&f, "x", IL_SHAPE(3));
  const int64_t far = INT64_MAX, last = 1, beyond = 2;
  assert_refused(&f, il_slice(f.g, x, &far, IL_SHAPE(2)), "a part inside the operand");
  assert_refused(&f, il_slice(f.g, x, &beyond, IL_SHAPE(2)), "a part inside the operand");
  assert_int_not_equal(il_slice(f.g, x, &last, IL_SHAPE(2)).id, 0);
  fixture_free(&f);
}

static void test_convolution(void **state) {
  (void)state;
  il_fixture f = fixture_new();
  const il_value x = real(&f, "x", IL_SHAPE(1, 9, 9, 3)),
                 wide = real(&f, "wide", IL_SHAPE(3, 3, 64, 64)),
                 w = real(&f, "w", IL_SHAPE(3, 3, 3, 2));
  assert_refused(&f, il_conv2d(f.g, x, wide, il_window_square(3, 1, 1)),
                 "il_conv2d: input has 3 channels, weights expect 64 (weights [3,3,64,64], "
                 "groups 1)");
  il_window window = il_window_square(3, 1, 1);
  window.pad_low[0] = window.pad_high[0] = INT32_MAX;
  assert_refused(&f, il_conv2d(f.g, x, w, window), "padded height and width of at most 2^30");
  assert_refused(&f, il_conv2d(f.g, x, w, il_window_square(3, 1, -1)), "pads of at least 0");
  const il_value y = il_conv2d(f.g, x, w, il_window_square(3, 2, 1));
  assert_true(il_shape_equal(il_value_shape(f.g, y), IL_SHAPE(1, 5, 5, 2)));
  fixture_free(&f);
}

static void test_pool(void **state) {
  (void)state;
  il_fixture f = fixture_new();
  const il_value x = real(&f, "x", IL_SHAPE(1, 2, 2, 1)),
                 large = real(&f, "y", IL_SHAPE(1, 4, 4, 1));
  il_window window = il_window_square(2, 1, 2); /* a window of taps −1 and 2 misses both pixels */
  window.dilation[0] = window.dilation[1] = 3;
  assert_refused(&f, il_max_pool(f.g, x, window), "every window to hold a pixel");
  assert_int_not_equal(il_max_pool(f.g, large, window).id, 0);
  assert_int_not_equal(il_average_pool(f.g, x, window).id, 0); /* the mean of nothing is 0 */
  window = il_window_square(70000, 1, 0);
  window.dilation[0] = 70000;
  assert_refused(&f, il_average_pool(f.g, x, window), "fewer than 2^31 elements");
  fixture_free(&f);
}

static void test_no_tasks(void **state) {
  (void)state;
  il_fixture f = fixture_new();
  il_output(f.g, "mean", il_task_mean(f.g, il_input(f.g, "x", IL_TASK, IL_FLOAT32, IL_SHAPE(1))));
  const float in = 3;
  float out = 7;
  const void *inputs[] = {&in};
  void *outputs[] = {&out};
  for (int tasks = -1; tasks <= 0; tasks++) {
    const il_bindings bindings = {tasks, inputs, outputs};
    assert_int_equal(il_reference_run(f.g, &bindings), IL_ERROR_ARGUMENT);
    assert_non_null(strstr(il_context_message(f.context), "expected at least 1"));
    il_context_clear(f.context);
  }
  const il_bindings one = {1, inputs, outputs};
  assert_int_equal(il_reference_run(f.g, &one), IL_OK);
  assert_true(out == in);
  fixture_free(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_slice),
      cmocka_unit_test(test_convolution),
      cmocka_unit_test(test_pool),
      cmocka_unit_test(test_no_tasks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
