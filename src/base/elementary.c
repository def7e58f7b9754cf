/* Taylor series on reduced arguments, made of the four operations alone: no fused multiply-add, no table. */
#include "base/elementary.h"

#include <stdint.h>
#include <string.h>

/* ln 2 and π/2 in parts; products of a leading part with the integers that occur are exact. */
static const double LN2_HIGH = 0x1.62e42fee00000p-1, LN2_LOW = 0x1.a39ef35793c76p-33;
static const double TURN_HIGH = 0x1.921fb54400000p+0, TURN_MIDDLE = 0x1.0b4611a600000p-34,
                    TURN_LOW = 0x1.3198a2e037073p-69;

/* The nearest integer, |x| < 2^51. */
static double nearest(double x) {
  const double shifter = 0x1.8p52;
  volatile double shifted = x + shifter; /* kept from being simplified away */
  return shifted - shifter;
}
/* 2^n, −1022 <= n <= 1023 */
static double power(int n) {
  const uint64_t bits = (uint64_t)(n + 1023) << 52;
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* x = n·ln 2 + r, |r| <= ln 2 / 2; e^r = 1 + r + r·(r/2·(1 + r/3·(1 + …))). */
double il_double_exp(double x) {
  const double n = nearest(x * 0x1.71547652b82fep+0);
  const double high = x - n * LN2_HIGH, low = n * LN2_LOW, r = high - low;
  double sum = 0;
  for (int k = 14; k > 1; k--) sum = (sum + 1) * r / k;
  const double lost = (high - r) - low; /* by the subtraction above */
  const double y = 1 + (r + (r * sum + lost));
  const int half = (int)n / 2;
  return y * power(half) * power((int)n - half);
}

/* x = m·2^e, m in [√½, √2); with f = m − 1 and s = f/(2 + f): ln m = f − f²/2 + s·(f²/2 + 2s²/3 + 2s⁴/5 + …). */
double il_double_log(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  const uint64_t root = 0x3fe6a09e667f3bcdu, shifted = bits - root;
  const int e = (int)((int64_t)shifted >> 52);
  bits = (shifted & 0x000fffffffffffffu) + root;
  double m;
  memcpy(&m, &bits, sizeof m);
  const double f = m - 1, s = f / (2 + f), z = s * s, square = 0.5 * f * f;
  double series = 0;
  for (int k = 25; k >= 3; k -= 2) series = series * z + 2.0 / k;
  const double tail = s * (square + series * z) + e * LN2_LOW;
  return e * LN2_HIGH - ((square - tail) - f);
}

/* sin and cos of r + rest, |r| <= π/4, rest far smaller */
static double sine(double r, double rest) {
  const double z = r * r;
  double sum = 0;
  for (int k = 19; k >= 3; k -= 2) sum = (1 - sum) * z / (k * (k - 1));
  return r - (r * sum - rest);
}
static double cosine(double r, double rest) {
  const double z = r * r;
  double sum = 0;
  for (int k = 20; k >= 4; k -= 2) sum = (1 - sum) * z / (k * (k - 1));
  const double half = 0.5 * z, first = 1 - half;
  return first + (((1 - first) - half) + (half * sum - r * rest));
}

static double trigonometric(double x, int turn) {
  const double n = nearest(x * 0x1.45f306dc9c883p-1);
  const double high = x - n * TURN_HIGH, middle = n * TURN_MIDDLE, r0 = high - middle;
  const double rest = ((high - r0) - middle) - n * TURN_LOW, r = r0 + rest;
  const double lost = (r0 - r) + rest;
  const int quadrant = (int)n + turn;
  const double y = quadrant & 1 ? cosine(r, lost) : sine(r, lost);
  return quadrant & 2 ? -y : y;
}
double il_double_sin(double x) { return trigonometric(x, 0); }
double il_double_cos(double x) { return trigonometric(x, 1); }
