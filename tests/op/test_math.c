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

static void sweep(const char *name, float (*function)(float), double (*exact)(double),
                  double limit) {
  double worst = 0;
  float at = 0;
  int64_t count = 0;
  for (uint64_t bits = 0; bits < UINT64_C(1) << 32; bits += stride) {
    const float x = il_bits_float((uint32_t)bits);
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
  sweep("exp", il_expf, exp, 2);
  sweep("log", il_logf, log, 2);
  sweep("tanh", il_tanhf, tanh, 2);
  sweep("sin", il_sinf, sin, 2);
  sweep("cos", il_cosf, cos, 2);
  sweep("sigmoid", il_sigmoidf, sigmoid, 2);
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

/* The floats nearest to multiples of π/2, multiplied by powers of two: what is left of them after whole quarter turns
 * are bits of 2/π far behind the first. And around the angle where another way of counting turns begins. */
static void test_hard_angles(void **state) {
  (void)state;
  static const float hard[] = {0x1.47d0fep+34f, 0x1.f37c8ap+95f,  0x1.628d4cp+40f,  0x1.13093p+76f,
                               0x1.32ede2p+85f, 0x1.b08c4ap+111f, 0x1.fffffep+127f, IL_FAR_ANGLE};
  double worst = 0;
  for (size_t i = 0; i < sizeof hard / sizeof *hard; i++)
    for (int k = -3; k <= 3; k++)
      for (int near = -50; near <= 50; near++) {
        const float scaled = ldexpf(hard[i], k);
        if (isinf(scaled)) continue;
        const float x = il_bits_float(il_float_bits(scaled) + (uint32_t)near);
        const double error =
            fmax(ulps(il_sinf(x), sin((double)x)), ulps(il_cosf(x), cos((double)x)));
        if (!(error <= 2)) fail_msg("sin, cos: %g ulp at %.9g", error, (double)x);
        worst = fmax(worst, error);
        assert_true(il_sinf(-x) == -il_sinf(x) || isinf(x) || isnan(x));
        assert_true(il_cosf(-x) == il_cosf(x) || isinf(x) || isnan(x));
      }
  printf("sin, cos near multiples of quarter turns: %.3f ulp\n", worst);
}

/* A hash of results, the same for every compiler and processor. */
static void test_same_bits(void **state) {
  (void)state;
  uint64_t hash = 0xcbf29ce484222325u;
  for (uint64_t bits = 0; bits < UINT64_C(1) << 32; bits += 40961) {
    const float x = il_bits_float((uint32_t)bits);
    const float y[] = {il_expf(x), il_logf(x), il_tanhf(x), il_sinf(x), il_cosf(x), il_sigmoidf(x)};
    for (int i = isnan(x) ? 3 : 0; i < (isnan(x) ? 5 : 6); i++) /* others keep NaN's own bits */
      hash = (hash ^ il_float_bits(y[i])) * 0x100000001b3u;
  }
  printf("hash %016llx\n", (unsigned long long)hash);
  assert_true(hash == 0x499e7489fe5a6cc8u);
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
  assert_true(il_cosf(0) == 1 && il_sinf(0) == 0);
  const float none[] = {INFINITY, -INFINITY, NAN, -NAN, il_bits_float(0x7f800001u)};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) /* bits too: some NaN is not enough */
    assert_true(il_float_bits(il_sinf(none[i])) == 0x7fc00000u &&
                il_float_bits(il_cosf(none[i])) == 0x7fc00000u);
}

int main(void) {
  if (getenv("INNERLOOP_EXHAUSTIVE")) stride = 1;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_functions), cmocka_unit_test(test_fused_multiply_add),
      cmocka_unit_test(test_pow),       cmocka_unit_test(test_hard_angles),
      cmocka_unit_test(test_same_bits), cmocka_unit_test(test_special_values)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
