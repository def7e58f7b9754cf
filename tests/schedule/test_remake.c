/* Memory of large images, seen from a plan's summary: made again late, or written where an operand lay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <innerloop/plan.h>

enum { SIDE = 64, IMAGES = 8, FILTERS = 32, LAYERS = 12 };
static const int64_t ONE = (int64_t)IMAGES * SIDE * SIDE * FILTERS * sizeof(float);

typedef struct fixture {
  il_context *context;
  il_graph *g;
  il_value x, w[LAYERS];
  float *in[2];
} fixture;

/* Images and, for each layer, filters. */
static fixture begin(void) {
  fixture f = {.context = il_context_new()};
  f.g = il_graph_new(f.context, IL_FLOAT32);
  f.x = il_input(f.g, "x", IL_TASK, IL_FLOAT32, IL_SHAPE(IMAGES, SIDE, SIDE, 3));
  const il_value w = il_input(f.g, "w", IL_TASK, IL_FLOAT32, IL_SHAPE(1, 1, 3, FILTERS));
  for (int k = 0; k < LAYERS; k++) f.w[k] = il_mul(f.g, w, il_scalar(f.g, k + 1));
  const size_t count[2] = {(size_t)IMAGES * SIDE * SIDE * 3, (size_t)3 * FILTERS};
  for (size_t i = 0; i < 2; i++) {
    f.in[i] = malloc(count[i] * sizeof(float));
    for (size_t k = 0; k < count[i]; k++) f.in[i][k] = (float)((k * 37 + i) % 101) / 50 - 1;
  }
  return f;
}

/* Every value of the plan equals the interpreter's, whatever lay in its place before. */
static int64_t checked_bytes(fixture *f, bool no_fusion) {
  il_plan *plan =
      il_plan_build(f->g, &(il_plan_options){.no_fusion = no_fusion, .lanes = IL_LANES_NEVER});
  assert_non_null(plan);
  const int64_t bytes = (int64_t)il_plan_summarize(plan).bytes_task;
  if (!no_fusion) {
    float *out = malloc((size_t)ONE);
    const il_bindings bindings = {1, (const void *const *)f->in, (void *const[]){out}};
    if (il_plan_check(plan, &bindings, NULL) != IL_OK)
      fail_msg("%s", il_context_message(f->context));
    free(out);
  }
  il_plan_free(plan);
  return bytes;
}

static void end(fixture *f) {
  for (int i = 0; i < 2; i++) free(f->in[i]);
  il_graph_free(f->g);
  il_context_free(f->context);
}

/* As in an adaptation and its derivative: all layers forwards, then all of them backwards. */
static void test_made_again(void **state) {
  (void)state;
  fixture f = begin();
  const il_window window = il_window_square(1, 1, 0);
  il_value y[LAYERS], sum = il_scalar(f.g, 0);
  for (int k = 0; k < LAYERS; k++) {
    y[k] = il_conv2d(f.g, f.x, f.w[k], window);
    sum = il_add(f.g, sum, il_sum_all(f.g, y[k]));
  }
  for (int k = LAYERS; k-- > 0;)
    sum = il_add(f.g, sum, il_sum_all(f.g, il_conv2d_weight(f.g, f.x, y[k], window)));
  il_output(f.g, "sum", sum);
  const int64_t kept = checked_bytes(&f, true);
  assert_true(kept > LAYERS * ONE);
  assert_true(checked_bytes(&f, false) < kept - ONE - ONE / 2);
  end(&f);
}

static void test_written_where_an_operand_lay(void **state) {
  (void)state;
  fixture f = begin();
  const il_value y = il_conv2d(f.g, f.x, f.w[0], il_window_square(1, 1, 0)),
                 centred = il_sub(f.g, y, il_mean(f.g, y, 7));
  il_output(
      f.g, "pooled",
      il_average_pool(f.g, il_tanh(f.g, il_mul(f.g, centred, centred)), il_window_square(2, 2, 0)));
  assert_true(checked_bytes(&f, false) < ONE + ONE / 2);
  end(&f);
}

/* A difference that is read once more after the image is overwritten cannot be: both live. */
static void test_not_where_it_is_read_again(void **state) {
  (void)state;
  fixture f = begin();
  const il_value y = il_conv2d(f.g, f.x, f.w[0], il_window_square(1, 1, 0));
  const il_window window = il_window_square(2, 2, 0);
  const il_value t = il_tanh(f.g, y), pooled = il_average_pool(f.g, t, window);
  const il_value both = il_mul(f.g, il_mul(f.g, t, il_tanh(f.g, t)), y);
  il_output(f.g, "pooled", il_add(f.g, pooled, il_average_pool(f.g, both, window)));
  assert_true(checked_bytes(&f, false) >= 2 * ONE);
  end(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_made_again),
      cmocka_unit_test(test_written_where_an_operand_lay),
      cmocka_unit_test(test_not_where_it_is_read_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
