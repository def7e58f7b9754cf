/* Exponential, logarithm, sine and cosine in double that are the same on every machine: the C library's differ in
 * last bits between versions and CPUs. For drawing data and initial weights; errors are below 1 ulp (of sine and
 * cosine where they are not near 0). Slower than the C library's. */
#ifndef IL_BASE_ELEMENTARY_H
#define IL_BASE_ELEMENTARY_H

/* |x| <= 700 */
double il_double_exp(double x);
/* x > 0, finite, not below the normal range */
double il_double_log(double x);
/* |x| <= 1e5; near their zeros the absolute error is below 1e-16 */
double il_double_sin(double x);
double il_double_cos(double x);

#endif
