/* The float vector of the build's native width (never wider: gcc lowers wider ones through memory) and its
 * fused multiply-add. Lanes are output channels, so the width does not touch the bits. */
#ifndef IL_KERNELS_SIMD_H
#define IL_KERNELS_SIMD_H

#include <math.h>
#include <string.h>

#if defined __AVX512F__ || defined __AVX2__
#include <immintrin.h>
#endif

#if defined __AVX512F__
enum { IL_VL = 16 };
#elif defined __AVX__
enum { IL_VL = 8 };
#else
enum { IL_VL = 4 };
#endif

#if defined __AVX512F__
typedef float il_vec __attribute__((vector_size(64)));
#elif defined __AVX__
typedef float il_vec __attribute__((vector_size(32)));
#else
typedef float il_vec __attribute__((vector_size(16)));
#endif

static inline il_vec il_load(const float *x) {
  il_vec v;
  memcpy(&v, x, sizeof v);
  return v;
}
static inline void il_store(float *y, il_vec v) { memcpy(y, &v, sizeof v); }

static inline il_vec il_fma_scalar(float a, il_vec b, il_vec c) {
#if defined __AVX512F__
  return (il_vec)_mm512_fmadd_ps(_mm512_set1_ps(a), (__m512)b, (__m512)c);
#elif defined __AVX2__ && defined __FMA__
  return (il_vec)_mm256_fmadd_ps(_mm256_set1_ps(a), (__m256)b, (__m256)c);
#else
  for (int i = 0; i < IL_VL; i++) c[i] = fmaf(a, b[i], c[i]);
  return c;
#endif
}

#endif
