/* Twelve independent chains of multiply-adds: enough to hide their latency, few enough for all registers. */
#include "kernels/kernel.h"
#include "kernels/simd.h"

double il_peak_burst(int64_t rounds, float *sink) {
  enum { CHAINS = 12 };
  il_vec acc[CHAINS];
  for (int i = 0; i < CHAINS; i++) acc[i] = (il_vec){0} + (float)i;
  const il_vec b = (il_vec){0} + 1e-3f;
  for (int64_t i = 0; i < rounds; i++) {
#pragma GCC unroll 12
    for (int k = 0; k < CHAINS; k++) acc[k] = il_fma_scalar(0.5f, b, acc[k]);
  }
  float sum = 0;
  for (int i = 0; i < CHAINS; i++) sum += acc[i][0];
  *sink = sum; /* keeps the chains alive */
  return (double)rounds * CHAINS * IL_VL * 2;
}
