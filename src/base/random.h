/* Counter-based random numbers: a draw is a pure function of (seed, stream, index).
 * Philox-4x32-10, Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011. */
#ifndef IL_BASE_RANDOM_H
#define IL_BASE_RANDOM_H

#include <stdint.h>

/* The four 32-bit words of block `index` of stream `stream`. */
void il_random_block(uint64_t seed, uint64_t stream, uint64_t index, uint32_t words[4]);

/* A cursor over one stream, for code that draws in sequence. */
typedef struct il_random {
  uint64_t seed, stream, next; /* next: index of the next block */
  uint32_t words[4];
  int left; /* unused words */
} il_random;

il_random il_random_start(uint64_t seed, uint64_t stream);
uint32_t il_random_u32(il_random *random);
/* Unbiased, in [0, bound); bound >= 1. */
uint32_t il_random_below(il_random *random, uint32_t bound);
double il_random_uniform01(il_random *random); /* [0, 1), 53 bits */
/* What count calls of il_random_uniform01 give, faster. */
void il_random_uniforms01(il_random *random, int count, double *numbers);
double il_random_normal01(il_random *random); /* Box-Muller, one draw of two is used */
/* A seed made of several parts, e.g. (run seed, split, episode). */
uint64_t il_random_mix(uint64_t a, uint64_t b);

#endif
