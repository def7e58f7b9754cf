/* Float32 functions that are the same everywhere: made of IEEE operations, explicit fused multiply-adds and, for far
 * angles, integers, so that every compiler and every vector width gives the same bits. Branch-free, but for what
 * chooses between near and far angles. Errors against the exact value, held to by tests/op/test_math.c: at most 2 ulp
 * over all floats, pow as stated there. Largest over every float: exp 1.068, log 0.858, tanh 1.330, sin 1.521, cos
 * 1.521, sigmoid 1.627. */
#ifndef IL_OP_MATH_H
#define IL_OP_MATH_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/fused.h"

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
#if IL_FUSED
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

/* e^c for −104 <= c <= 89: c = n·ln 2 + r, |r| <= ln 2 / 2, polynomial of degree 7, scaled in two steps so that results
 * below the normal range come out rounded. */
static inline float il_clamped_expf(float c) {
  const float shifter = 12582912.0f; /* 1.5·2^23: rounds to an integer */
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
  return p * il_bits_float((uint32_t)(half + 127) << 23) *
         il_bits_float((uint32_t)(k - half + 127) << 23);
}
/* e^x. NaN too is clamped first: no conversion above is undefined. */
static inline float il_expf(float x) {
  const float c = x < 89.0f ? x : 89.0f, y = il_clamped_expf(c < -104.0f ? -104.0f : c);
  return x != x ? x : y;
}
/* e^x for x <= 89 and NaN. */
static inline float il_bounded_expf(float x) {
  const float y = il_clamped_expf(x > -104.0f ? x : -104.0f);
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

/* By e = e^−|x|, which cannot overflow: 1 − e/(1 + e), and e times that where x < 0. What the quotient rounds is
 * small beside the result. */
static inline float il_sigmoidf(float x) {
  const float e = il_bounded_expf(-fabsf(x)), h = e / (1.0f + e);
  return x < 0.0f ? il_fmaf(-e, h, e) : 1.0f - h;
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
  const float far = 1.0f - 2.0f / (il_bounded_expf(2.0f * b) + 1.0f);
  const float y = a < 0.625f ? near : copysignf(far, x);
  return x != x ? x : y;
}

/* From here on quarter turns are counted in integers. */
#define IL_FAR_ANGLE 0x1p17f

/* sin of `quadrant` quarter turns and r, |r| <= π/4 and what the reduction rounds. */
static inline float il_turned_sinf(float r, uint32_t quadrant) {
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
  const float y = quadrant & 1 ? c : s;
  return quadrant & 2 ? -y : y;
}

/* sin(x + turn·π/2) for |x| < IL_FAR_ANGLE, branch-free: quarter turns removed with π/2 in three parts. Any other x
 * gives some float. */
static inline float il_near_trigf(float x, uint32_t turn) {
  const float shifter = 12582912.0f, shifted = il_fmaf(x, 0.636619772f, shifter);
  const float n = shifted - shifter;
  float r = il_fmaf(n, -1.57079601f, x);
  r = il_fmaf(n, -3.13916473e-7f, r);
  r = il_fmaf(n, -5.39030253e-15f, r);
  return il_turned_sinf(r, il_float_bits(shifted) + turn); /* n, but for multiples of 4 */
}
static inline float il_near_sinf(float x) { return il_near_trigf(x, 0); }
static inline float il_near_cosf(float x) { return il_near_trigf(x, 1); }

/* The same for |x| >= IL_FAR_ANGLE and NaN, with branches and a table (Payne and Hanek, "Radian reduction for
 * trigonometric functions", 1983): x = m·2^e times those 96 bits of 2/π that do not become multiples of 4. No float is
 * so near a multiple of π/2 that the 62 bits after the point would not hold r. */
static inline float il_far_trigf(float x, uint32_t turn) {
  static const uint32_t two_over_pi[] = {0,           0xa2f9836eu, 0x4e441529u, 0xfc2757d1u,
                                         0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu};
  if (!(fabsf(x) < INFINITY)) return NAN;
  const uint32_t bits = il_float_bits(x);
  const uint64_t m = (bits & 0x007fffffu) | 0x00800000u;
  const uint32_t first = (bits >> 23 & 255) - 120; /* bit of the table that 2^e moves to the twos */
  uint64_t part[3];
  for (uint32_t i = 0; i < 3; i++) {
    const uint32_t *word = two_over_pi + first / 32 + i;
    part[i] = m * (((uint64_t)word[0] << 32 | word[1]) << first % 32 >> 32);
  }
  const uint64_t turns = (part[0] << 32) + part[1] + (part[2] >> 32); /* in 2^-62 */
  const uint64_t n = (turns + (UINT64_C(1) << 61)) >> 62;
  const double left = (double)(int64_t)(turns - (n << 62)) * 0x1.921fb54442d18p-62; /* π/2·2^-62 */
  const bool negative = x < 0;
  return il_turned_sinf((float)(negative ? -left : left), (uint32_t)(negative ? 0 - n : n) + turn);
}

static inline float il_trigf(float x, uint32_t turn) {
  return fabsf(x) < IL_FAR_ANGLE ? il_near_trigf(x, turn) : il_far_trigf(x, turn);
}
static inline float il_sinf(float x) { return il_trigf(x, 0); }
static inline float il_cosf(float x) { return il_trigf(x, 1); }

/* a^b for a > 0, as e^(b·ln a): the error grows with the exponent, at most 2 + 2·|b·ln a| ulp. */
static inline float il_powf(float a, float b) { return il_expf(b * il_logf(a)); }

#endif
