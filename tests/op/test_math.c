/* The float functions of op/math.h against the same function in double, over a sweep of all floats: every 641st, or, with
 * the environment's INNERLOOP_EXHAUSTIVE set, every one (half an hour). And what they are made of: il_fmaf. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "op/math.h"

static uint64_t stride = 641; /* prime: meets every exponent with ever other digits */

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

/* Distance in units of the last place of the exact result, floats below the normal range counted as the
 * smallest normal one's. */
static double ulps(float found, double exact) {
  if (isnan(exact) || isnan(found)) return isnan(exact) && isnan(found) ? 0 : (double)INFINITY;
  const float rounded = (float)exact;
  if (found == rounded) return 0; /* at most half a unit: never the worst */
  if (isinf(rounded) || isinf(found)) return (double)INFINITY;
  int exponent;
  frexp(exact, &exponent);
  const double unit = ldexp(1, (exponent < -125 ? -125 : exponent) - 24);
  return fabs((double)found - exact) / unit;
}

static void sweep(const char *name, float (*function)(float), double (*exact)(double), double limit,
                  float range) {
  double worst = 0;
  float at = 0;
  int64_t count = 0;
  for (uint64_t bits = 0; bits < UINT64_C(1) << 32; bits += stride) {
    const float x = il_bits_float((uint32_t)bits);
    if (fabsf(x) > range) continue;
    const double error = ulps(function(x), exact((double)x));
    count++;
    if (error <= worst) continue;
    worst = error;
    at = x;
  }
  printf("%s: %.3f ulp at %.9g, of %lld floats\n", name, worst, (double)at, (long long)count);
  assert_true(count > 1000000);
  if (!(worst <= limit)) fail_msg("%s: %g ulp at %.9g", name, worst, (double)at);
}

static void test_functions(void **state) {
  (void)state;
  sweep("exp", il_expf, exp, 2, INFINITY);
  sweep("log", il_logf, log, 2, INFINITY);
  sweep("tanh", il_tanhf, tanh, 2, INFINITY);
  sweep("sin", il_sinf, sin, 2, 1e5f);
  sweep("cos", il_cosf, cos, 2, 1e5f);
  sweep("sigmoid", il_sigmoidf, sigmoid, 3, INFINITY);
}

/* The bound of pow grows with the size of the exponent, as its comment says. */
static void test_pow(void **state) {
  (void)state;
  double worst = 0;
  int64_t count = 0;
  for (uint32_t bits = 0x00800000u; bits < 0x7f800000u; bits += 65537)
    for (int k = -400; k <= 400; k++) {
      const float a = il_bits_float(bits), b = (float)k * 0.137f;
      const double size = fabs((double)b * log((double)a));
      if (size > 80) continue; /* results stay in the normal range */
      const double error = ulps(il_powf(a, b), pow((double)a, (double)b)) / (2 + 2 * size);
      count++;
      if (!(error <= worst)) worst = error;
    }
  printf("pow: %.3f of its bound, of %lld pairs\n", worst, (long long)count);
  assert_true(count > 1000000);
  assert_true(worst <= 1);
}

/* Far out the turns of sin and cos are lost, but results stay what a sine can be. */
static void test_far_angles(void **state) {
  (void)state;
  double worst = 0;
  for (uint64_t bits = 0; bits < UINT64_C(1) << 32; bits += stride) {
    const float x = il_bits_float((uint32_t)bits);
    if (!(fabsf(x) < INFINITY)) continue;
    if (!(fabsf(il_sinf(x)) <= 1) || !(fabsf(il_cosf(x)) <= 1))
      fail_msg("sin %g, cos %g at %.9g", (double)il_sinf(x), (double)il_cosf(x), (double)x);
    if (fabsf(x) > 6e6f) continue;
    worst = fmax(worst, fabs((double)il_sinf(x) - sin((double)x)));
    worst = fmax(worst, fabs((double)il_cosf(x) - cos((double)x)));
  }
  printf("sin, cos up to 6e6: error %g\n", worst);
  assert_true(worst <= 2e-7);
}

/* Rounded once, like the C library's: products that cancel, tiny and huge terms, halves of a last place. */
static void test_fused_multiply_add(void **state) {
  (void)state;
  uint64_t drawn = 1;
  int64_t count = 0, differs = 0;
  for (int i = 0; i < 4000000; i++) {
    float x[3];
    for (int k = 0; k < 3; k++) {
      drawn = drawn * 6364136223846793005u + 1442695040888963407u;
      x[k] = il_bits_float((uint32_t)(drawn >> 32));
      if (i & 1) x[k] = copysignf(1 + (float)(drawn >> 41) * 0x1p-23f, x[k]); /* alike in size */
    }
    if (i & 2) x[2] = -x[0] * x[1]; /* what is left is what the product lost */
    const float found = il_fmaf(x[0], x[1], x[2]), expected = fmaf(x[0], x[1], x[2]);
    differs +=
        il_float_bits(found) != il_float_bits(expected) && !(isnan(found) && isnan(expected));
    count++;
  }
  printf("il_fmaf: %lld of %lld differ\n", (long long)differs, (long long)count);
  assert_int_equal(differs, 0);
}

static void test_special_values(void **state) {
  (void)state;
  assert_true(il_expf(-INFINITY) == 0 && il_expf(INFINITY) == INFINITY && isnan(il_expf(NAN)));
  assert_true(il_logf(0) == -INFINITY && il_logf(INFINITY) == INFINITY && isnan(il_logf(-1)) &&
              isnan(il_logf(NAN)));
  assert_true(il_tanhf(INFINITY) == 1 && il_tanhf(-INFINITY) == -1 && isnan(il_tanhf(NAN)));
  assert_true(isnan(il_sinf(INFINITY)) && isnan(il_cosf(NAN)) && il_cosf(0) == 1 &&
              il_sinf(0) == 0);
}

int main(void) {
  if (getenv("INNERLOOP_EXHAUSTIVE")) stride = 1;
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_functions),
                                     cmocka_unit_test(test_fused_multiply_add),
                                     cmocka_unit_test(test_pow), cmocka_unit_test(test_far_angles),
                                     cmocka_unit_test(test_special_values)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
