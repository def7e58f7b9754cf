/* What a host program has told the processor about rounding and subnormal numbers changes no result, and is as it was
 * afterwards. */
#include <innerloop/innerloop.h>
#include <fenv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

enum { TASKS = 24, N = 40 };

static float x[TASKS * N], w[N];

/* Products and sums of numbers around the smallest normal one, per task, their mean, and what follows. */
static void run(float mean[N], float each[TASKS * N], int threads) {
  il_context *context = il_context_new();
  il_team *team = il_team_new(context, threads);
  il_graph *g = il_graph_new(context, IL_FLOAT32);
  il_value v = il_input(g, "x", IL_TASK, IL_FLOAT32, IL_SHAPE(N)),
           u = il_input(g, "w", IL_SHARED, IL_FLOAT32, IL_SHAPE(N));
  il_value y = il_add(g, il_mul(g, v, u), il_scale(g, v, 0x1p-68));
  il_output(g, "each", y);
  il_output(g, "mean", il_scale(g, il_task_mean(g, y), 0.25));
  il_function *f = il_function_new(g, NULL);
  il_run *r = il_run_new(context, f, team, TASKS);
  assert_string_equal(il_context_message(context), "");
  il_run_input(r, il_function_input(f, "x"), x);
  il_run_input(r, il_function_input(f, "w"), w);
  il_run_output(r, il_function_output(f, "each"), each);
  il_run_output(r, il_function_output(f, "mean"), mean);
  assert_int_equal(il_run_go(r, TASKS), IL_OK);
  il_run_free(r);
  il_function_free(f);
  il_team_free(team);
  il_context_free(context);
}

static float usual_mean[N], usual_each[TASKS * N];

static void compare(int threads) {
  static float mean[N], each[TASKS * N];
  run(mean, each, threads);
  assert_memory_equal(mean, usual_mean, sizeof mean);
  assert_memory_equal(each, usual_each, sizeof each);
}

static void results_are_subnormal(void **state) {
  (void)state;
  int subnormal = 0;
  for (int i = 0; i < TASKS * N; i++) x[i] = 3.1e-20f * (float)(i % 97 - 48);
  for (int i = 0; i < N; i++) w[i] = 1.7e-21f * (float)(i + 1) / 7;
  run(usual_mean, usual_each, 2);
  for (int i = 0; i < TASKS * N; i++)
    subnormal +=
        usual_each[i] != 0 && usual_each[i] < 1.17549435e-38f && usual_each[i] > -1.17549435e-38f;
  assert_true(subnormal > TASKS * N / 4);
}

static void rounding_of_the_host(void **state) {
  (void)state;
  for (int threads = 1; threads <= 3; threads += 2) {
    assert_int_equal(fesetround(FE_UPWARD), 0);
    compare(threads);
    assert_int_equal(fegetround(), FE_UPWARD);
    fesetround(FE_TONEAREST);
  }
}

static void flushing_of_the_host(void **state) {
  (void)state;
#if defined(__SSE2__)
  const unsigned before = _mm_getcsr();
  for (int threads = 1; threads <= 3; threads += 2) {
    _mm_setcsr(before | 1u << 15 | 1u << 6);
    compare(threads);
    const unsigned after = _mm_getcsr();
    _mm_setcsr(before);
    assert_int_equal(after & (1u << 15 | 1u << 6), 1u << 15 | 1u << 6);
  }
#else
  skip();
#endif
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(results_are_subnormal),
      cmocka_unit_test(rounding_of_the_host),
      cmocka_unit_test(flushing_of_the_host),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
