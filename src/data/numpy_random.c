/* MT19937 and numpy's distributions (numpy_random.h). */
#include "data/numpy_random.h"

#include <math.h>

#include "base/elementary.h"

enum { MIDDLE = 397 };

void il_numpy_seed(il_numpy_random *r, uint32_t seed) {
  *r = (il_numpy_random){.next = IL_MT_WORDS};
  r->word[0] = seed;
  for (uint32_t i = 1; i < IL_MT_WORDS; i++)
    r->word[i] = 1812433253u * (r->word[i - 1] ^ r->word[i - 1] >> 30) + i;
}

static void twist(il_numpy_random *r) {
  for (int i = 0; i < IL_MT_WORDS; i++) {
    const uint32_t joint =
        (r->word[i] & 0x80000000u) | (r->word[(i + 1) % IL_MT_WORDS] & 0x7fffffffu);
    r->word[i] = r->word[(i + MIDDLE) % IL_MT_WORDS] ^ joint >> 1 ^ (joint & 1 ? 0x9908b0dfu : 0);
  }
  r->next = 0;
}

static uint32_t u32(il_numpy_random *r) {
  if (r->next == IL_MT_WORDS) twist(r);
  uint32_t y = r->word[r->next++];
  y ^= y >> 11;
  y ^= y << 7 & 0x9d2c5680u;
  y ^= y << 15 & 0xefc60000u;
  return y ^ y >> 18;
}

double il_numpy_rand(il_numpy_random *r) {
  const double high = u32(r) >> 5, low = u32(r) >> 6;
  return (high * 67108864.0 + low) / 9007199254740992.0;
}

/* Marsaglia's polar method: of a pair, the second number is given first. */
double il_numpy_randn(il_numpy_random *r) {
  if (r->has_spare) {
    r->has_spare = false;
    return r->spare;
  }
  double a, b, square;
  do {
    a = 2 * il_numpy_rand(r) - 1;
    b = 2 * il_numpy_rand(r) - 1;
    square = a * a + b * b;
  } while (square >= 1 || square == 0);
  const double factor = sqrt(-2 * il_double_log(square) / square);
  r->spare = factor * a;
  r->has_spare = true;
  return factor * b;
}

uint32_t il_numpy_upto(il_numpy_random *r, uint32_t most) {
  uint32_t mask = most, v;
  for (int i = 1; i < 32; i *= 2) mask |= mask >> i;
  do v = u32(r) & mask;
  while (v > most);
  return v;
}

void il_numpy_permutation(il_numpy_random *r, int count, int *order) {
  for (int i = 0; i < count; i++) order[i] = i;
  for (int i = count - 1; i > 0; i--) {
    const int j = (int)il_numpy_upto(r, (uint32_t)i), kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  }
}
