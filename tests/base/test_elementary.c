/* Exponential, logarithm, sine and cosine of base/elementary.h against long double. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/elementary.h"
#include "base/random.h"

enum { DRAWS = 300000 };

static double ulps(double found, long double exact) {
  int exponent;
  frexpl(exact, &exponent);
  return (double)(fabsl((long double)found - exact) / ldexpl(1, exponent - 53));
}

static void worst_of(double *worst, double error) {
  if (!(error <= *worst)) *worst = error;
}

static void test_accuracy(void **state) {
  (void)state;
  il_random random = il_random_start(3, 1);
  double exponential = 0, logarithm = 0, circular = 0, absolute = 0;
  for (int i = 0; i < DRAWS; i++) {
    const double u = 2 * il_random_uniform01(&random) - 1;
    const double exponents[] = {700 * u, u, 1e-3 * u},
                 positive[] = {exp(700 * u), 1 + u / 2, 1 + 1e-6 * u},
                 angles[] = {1e5 * u, 7 * u, 1e-3 * u};
    for (int k = 0; k < 3; k++) {
      worst_of(&exponential, ulps(il_double_exp(exponents[k]), expl((long double)exponents[k])));
      worst_of(&logarithm, ulps(il_double_log(positive[k]), logl((long double)positive[k])));
      const long double s = sinl((long double)angles[k]), c = cosl((long double)angles[k]);
      if (fabsl(s) > 1e-3L || k == 2) worst_of(&circular, ulps(il_double_sin(angles[k]), s));
      if (fabsl(c) > 1e-3L) worst_of(&circular, ulps(il_double_cos(angles[k]), c));
      worst_of(&absolute, (double)fabsl((long double)il_double_sin(angles[k]) - s));
      worst_of(&absolute, (double)fabsl((long double)il_double_cos(angles[k]) - c));
    }
  }
  printf("exp %.3f, log %.3f, sin and cos %.3f ulp, absolute %.3g\n", exponential, logarithm,
         circular, absolute);
  /* Where long double is no longer, the reference is rounded itself. */
  const double most = LDBL_MANT_DIG > DBL_MANT_DIG ? 1 : 1.01;
  assert_true(exponential < most && logarithm < most && circular < most && absolute < 2e-16);
}

static void test_exact_values(void **state) {
  (void)state;
  assert_true(il_double_exp(0) == 1 && il_double_log(1) == 0 && il_double_sin(0) == 0 &&
              il_double_cos(0) == 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_accuracy),
                                     cmocka_unit_test(test_exact_values)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
