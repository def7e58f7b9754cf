/* Random numbers as numpy.random draws them after numpy.random.seed: the Mersenne Twister MT19937 (Matsumoto & Nishimura,
 * ACM TOMACS 1998) and what numpy makes of its words. For data sets that are defined by a program in Python. */
#ifndef IL_DATA_NUMPY_RANDOM_H
#define IL_DATA_NUMPY_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

enum { IL_MT_WORDS = 624 };
typedef struct il_numpy_random {
  uint32_t word[IL_MT_WORDS];
  int next;     /* the next word of these */
  double spare; /* normal numbers come in pairs */
  bool has_spare;
} il_numpy_random;

void il_numpy_seed(il_numpy_random *r, uint32_t seed);
double il_numpy_rand(il_numpy_random *r); /* [0, 1), 53 bits */
double il_numpy_randn(
    il_numpy_random *r); /* N(0, 1); equal to numpy's but for the last bits of a logarithm */
/* Unbiased, in [0, most]: what choice(most + 1) gives, and the draws of permutation. */
uint32_t il_numpy_upto(il_numpy_random *r, uint32_t most);
/* The numbers from 0 to count − 1 in random order. */
void il_numpy_permutation(il_numpy_random *r, int count, int *order);

#endif
