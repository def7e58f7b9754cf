/* Philox-4x32-10 and what is drawn from it. Counter words: index (low, high), stream (low, high);
 * key: seed. No state but the cursor, so any thread may compute any draw. */
#include "base/random.h"

#include <math.h>

#include "base/elementary.h"

void il_random_block(uint64_t seed, uint64_t stream, uint64_t index, uint32_t words[4]) {
  uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32);
  uint32_t c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  for (int round = 0; round < 10; round++) {
    uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
    c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
    c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c1 = (uint32_t)p1;
    c3 = (uint32_t)p0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  words[0] = c0;
  words[1] = c1;
  words[2] = c2;
  words[3] = c3;
}

il_random il_random_start(uint64_t seed, uint64_t stream) {
  return (il_random){.seed = seed, .stream = stream};
}

uint32_t il_random_u32(il_random *random) {
  if (random->left == 0) {
    il_random_block(random->seed, random->stream, random->next++, random->words);
    random->left = 4;
  }
  return random->words[4 - random->left--];
}

/* Lemire, "Fast random integer generation in an interval", 2019: rejects the few low products that
 * would favour some results. */
uint32_t il_random_below(il_random *random, uint32_t bound) {
  uint64_t product = (uint64_t)il_random_u32(random) * bound;
  if ((uint32_t)product < bound) {
    uint32_t threshold = (0u - bound) % bound;
    while ((uint32_t)product < threshold) product = (uint64_t)il_random_u32(random) * bound;
  }
  return (uint32_t)(product >> 32);
}

static double uniform_of(uint64_t low, uint64_t high) {
  return (double)((high << 32 | low) >> 11) * 0x1p-53;
}

double il_random_uniform01(il_random *random) {
  uint64_t low = il_random_u32(random), high = il_random_u32(random);
  return uniform_of(low, high);
}

/* Blocks side by side, so that a compiler can take them in the lanes of vectors. */
enum { SIDE = 12 };
static void blocks(uint64_t seed, uint64_t stream, uint64_t index, uint32_t words[SIDE][4]) {
  uint32_t c0[SIDE], c1[SIDE], c2[SIDE], c3[SIDE];
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  for (int i = 0; i < SIDE; i++) {
    c0[i] = (uint32_t)(index + (uint64_t)i);
    c1[i] = (uint32_t)((index + (uint64_t)i) >> 32);
    c2[i] = (uint32_t)stream;
    c3[i] = (uint32_t)(stream >> 32);
  }
  for (int round = 0; round < 10; round++) {
#pragma GCC unroll 1
    for (int i = 0; i < SIDE; i++) {
      const uint64_t p0 = (uint64_t)0xD2511F53u * c0[i], p1 = (uint64_t)0xCD9E8D57u * c2[i];
      c0[i] = (uint32_t)(p1 >> 32) ^ c1[i] ^ k0;
      c2[i] = (uint32_t)(p0 >> 32) ^ c3[i] ^ k1;
      c1[i] = (uint32_t)p1;
      c3[i] = (uint32_t)p0;
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  for (int i = 0; i < SIDE; i++) {
    words[i][0] = c0[i];
    words[i][1] = c1[i];
    words[i][2] = c2[i];
    words[i][3] = c3[i];
  }
}

void il_random_uniforms01(il_random *random, int count, double *numbers) {
  int i = 0;
  while (i < count && random->left) numbers[i++] = il_random_uniform01(random);
  while (count - i >= 2) {
    uint32_t words[SIDE][4];
    blocks(random->seed, random->stream, random->next, words);
    for (int k = 0; k < SIDE && count - i >= 2; k++, random->next++)
      for (int half = 0; half < 4; half += 2)
        numbers[i++] = uniform_of(words[k][half], words[k][half + 1]);
  }
  if (i < count) numbers[i] = il_random_uniform01(random);
}

double il_random_normal01(il_random *random) {
  double u = 1 - il_random_uniform01(random); /* (0, 1]: its logarithm is finite */
  double v = il_random_uniform01(random);
  return sqrt(-2 * il_double_log(u)) * il_double_cos(6.283185307179586476925 * v);
}

uint64_t il_random_mix(uint64_t a, uint64_t b) {
  uint32_t words[4];
  il_random_block(a, 0x6d6978u /* "mix": a stream that nobody draws from */, b, words);
  return (uint64_t)words[1] << 32 | words[0];
}
