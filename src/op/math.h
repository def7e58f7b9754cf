/* Float32 functions that are the same everywhere: branch-free, made of IEEE operations and explicit fused
 * multiply-adds, so that every compiler and every vector width gives the same bits. Errors against the exact
 * value, held to by tests/op/test_math.c: exp, log and tanh at most 2 ulp over all floats, sin and cos the same
 * for |x| <= 1e5, sigmoid at most 3; pow as stated there. Largest over every float: exp 1.068, log 0.858, tanh 1.330;
 * up to 1e5 sin 1.486, cos 1.513. */
#ifndef IL_OP_MATH_H
#define IL_OP_MATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline float il_bits_float(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
static inline uint32_t il_float_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

/* a·b + c rounded once. Without an instruction for it: the product is exact in double, what the sum lost is found
 * (Knuth's two-sum) and kept in its last bit (rounding to odd), so that rounding to float is right. */
static inline float il_fmaf(float a, float b, float c) {
#if defined __FMA__ || defined __aarch64__
  return __builtin_fmaf(a, b, c);
#else
  const double product = (double)a * (double)b, term = (double)c, sum = product + term;
  const double part = sum - product, lost = (product - (sum - part)) + (term - part);
  uint64_t bits;
  memcpy(&bits, &sum, sizeof bits);
  const uint64_t away = (lost > 0) == (sum > 0) ? 1 : UINT64_MAX;
  bits += (lost > 0 || lost < 0) && !(bits & 1) ? away : 0;
  double odd;
  memcpy(&odd, &bits, sizeof odd);
  return (float)odd;
#endif
}

/* e^x: x = n·ln 2 + r, |r| <= ln 2 / 2, polynomial of degree 7, scaled in two steps so that results below the
 * normal range come out rounded. */
static inline float il_expf(float x) {
  const float shifter = 12582912.0f; /* 1.5·2^23: rounds to an integer */
  float c = x < 89.0f ? x : 89.0f;   /* NaN too becomes 89: no conversion below is undefined */
  c = c < -104.0f ? -104.0f : c;
  const float n = il_fmaf(c, 1.44269504f, shifter) - shifter;
  float r = il_fmaf(n, -0.693145752f, c);
  r = il_fmaf(n, -1.42860677e-6f, r);
  float p = 1.98412698e-4f;
  p = il_fmaf(p, r, 1.38888889e-3f);
  p = il_fmaf(p, r, 8.33333333e-3f);
  p = il_fmaf(p, r, 4.16666667e-2f);
  p = il_fmaf(p, r, 1.66666667e-1f);
  p = il_fmaf(p, r, 0.5f);
  p = il_fmaf(p * r, r, r) + 1.0f;
  const int32_t k = (int32_t)n, half = k / 2;
  const float y = p * il_bits_float((uint32_t)(half + 127) << 23) *
                  il_bits_float((uint32_t)(k - half + 127) << 23);
  return x != x ? x : y;
}

/* ln x: x = m·2^e, m in [√½, √2); atanh series in s = (m − 1)/(m + 1). */
static inline float il_logf(float x) {
  const float scaled = x < 1.17549435e-38f ? x * 8388608.0f : x;
  const float shift = x < 1.17549435e-38f ? -23.0f : 0.0f;
  const uint32_t bits = il_float_bits(scaled), e0 = bits - 0x3f3504f3u;
  const float e = (float)((int32_t)e0 >> 23) + shift;
  const float m = il_bits_float((e0 & 0x007fffffu) + 0x3f3504f3u);
  const float f = m - 1.0f, s = f / (2.0f + f), z = s * s;
  float p = 0.222219843f;
  p = il_fmaf(p, z, 0.285713997f);
  p = il_fmaf(p, z, 0.400000006f);
  p = il_fmaf(p, z, 0.666666666f);
  const float h = 0.5f * f * f;
  float y = il_fmaf(e, 1.42860677e-6f, s * il_fmaf(p, z, h));
  y = il_fmaf(e, 0.693145752f, (y - h) + f);
  y = x == INFINITY ? x : y;
  y = x == 0.0f ? -INFINITY : y;
  y = x < 0.0f ? NAN : y;
  return x != x ? x : y;
}

/* By e^−|x|, which cannot overflow. */
static inline float il_sigmoidf(float x) {
  const float e = il_expf(-fabsf(x));
  return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

/* tanh x: odd polynomial near 0, else 1 − 2/(e^2x + 1). */
static inline float il_tanhf(float x) {
  const float a = fabsf(x), z = x * x;
  float p = -5.70498872745e-3f;
  p = il_fmaf(p, z, 2.06390887954e-2f);
  p = il_fmaf(p, z, -5.37397155531e-2f);
  p = il_fmaf(p, z, 1.33314422036e-1f);
  p = il_fmaf(p, z, -3.33332819422e-1f);
  const float near = il_fmaf(p * z, x, x);
  const float b = a > 10.0f ? 10.0f : a;
  const float far = 1.0f - 2.0f / (il_expf(2.0f * b) + 1.0f);
  const float y = a < 0.625f ? near : copysignf(far, x);
  return x != x ? x : y;
}

/* sin and cos: quarter turns removed with π/2 in three parts; full accuracy for |x| <= 1e5, an error of at
 * most 2e-7 for |x| <= 6e6. Beyond, the turns cannot be counted: the result is some number in [−1, 1]. */
static inline float il_trigf(float x, int32_t turn) {
  const float shifter = 12582912.0f;
  const float n = il_fmaf(x, 0.636619772f, shifter) - shifter;
  float r = il_fmaf(n, -1.57079601f, x);
  r = il_fmaf(n, -3.13916473e-7f, r);
  r = il_fmaf(n, -5.39030253e-15f, r);
  r = r < 1.25f ? r : 1.25f; /* over π/4 and the error of n; binds only where turns are lost */
  r = r > -1.25f ? r : -1.25f;
  const float bounded = fabsf(n) < 4194304.0f ? n : 0.0f;
  const int32_t quadrant = (int32_t)bounded + turn;
  const float z = r * r;
  float s = 2.86567956e-6f;
  s = il_fmaf(s, z, -1.98559923e-4f);
  s = il_fmaf(s, z, 8.33338592e-3f);
  s = il_fmaf(s, z, -1.66666672e-1f);
  s = il_fmaf(s * z, r, r);
  float c = 2.44677067e-5f;
  c = il_fmaf(c, z, -1.38877297e-3f);
  c = il_fmaf(c, z, 4.16666567e-2f);
  c = il_fmaf(c, z, -0.5f);
  c = il_fmaf(c, z, 1.0f);
  float y = quadrant & 1 ? c : s;
  y = quadrant & 2 ? -y : y;
  return fabsf(x) < INFINITY ? y : NAN;
}
static inline float il_sinf(float x) { return il_trigf(x, 0); }
static inline float il_cosf(float x) { return il_trigf(x, 1); }

/* a^b for a > 0, as e^(b·ln a): the error grows with the exponent, at most 2 + 2·|b·ln a| ulp. */
static inline float il_powf(float a, float b) { return il_expf(b * il_logf(a)); }

#endif
