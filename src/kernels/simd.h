/* The float vector of the instruction set's native width (never wider: gcc lowers wider ones through memory) and
 * its multiply-add, fused where there is such an instruction. Lanes are outputs, so the width does not touch the
 * bits. */
#ifndef IL_KERNELS_SIMD_H
#define IL_KERNELS_SIMD_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/fused.h"
#include "op/math.h"

/* Whose intrinsics are taken. The portable set takes none, whatever the compiler was told of the processor. */
#if !defined IL_PORTABLE && defined __SSE4_1__
#include <immintrin.h>
#define IL_SSE4
#if defined __AVX2__ && defined __FMA__
#define IL_AVX2
#endif
#if defined __AVX512F__ && defined __AVX512VL__
#define IL_AVX512
#endif
#elif !defined IL_PORTABLE && defined __aarch64__
#include <arm_neon.h>
#define IL_NEON
#endif

#if defined IL_AVX512
enum { IL_VL = 16 };
typedef float il_vec __attribute__((vector_size(64)));
#elif defined IL_AVX2
enum { IL_VL = 8 };
typedef float il_vec __attribute__((vector_size(32)));
#else
enum { IL_VL = 4 };
typedef float il_vec __attribute__((vector_size(16)));
#endif

/* Accumulators that the registers of the instruction set hold beside what feeds them: blocks of up to
 * IL_BLOCK_ROWS(vectors) rows by at most IL_BLOCK_VECTORS vectors. */
#if defined IL_AVX512 || defined IL_NEON
enum { IL_ACCUMULATORS = 24, IL_BLOCK_VECTORS = 4 };
#elif defined IL_PORTABLE /* as numbers, in 32 registers of one; and the code stays small */
enum { IL_ACCUMULATORS = 6, IL_BLOCK_VECTORS = 1 };
#else
enum { IL_ACCUMULATORS = 12, IL_BLOCK_VECTORS = 2 };
#endif
enum { IL_MOST_ROWS = 12 };
#define IL_BLOCK_ROWS(vectors)                                                                     \
  (IL_ACCUMULATORS / (vectors) < IL_MOST_ROWS ? IL_ACCUMULATORS / (vectors) : IL_MOST_ROWS)
/* Rows of a block whose lines have `count` numbers. */
static inline int il_block_rows(int64_t count) {
  const int64_t vectors = (count + IL_VL - 1) / IL_VL;
  return IL_BLOCK_ROWS(vectors < IL_BLOCK_VECTORS ? (int)vectors : IL_BLOCK_VECTORS);
}
/* CASE(rows, vectors) for every block there is, and for those of up to 6 rows. */
#define IL_SIX(CASE, v) CASE(1, v) CASE(2, v) CASE(3, v) CASE(4, v) CASE(5, v) CASE(6, v)
#define IL_EIGHT(CASE, v) IL_SIX(CASE, v) CASE(7, v) CASE(8, v)
#define IL_TWELVE(CASE, v) IL_EIGHT(CASE, v) CASE(9, v) CASE(10, v) CASE(11, v) CASE(12, v)
#if defined IL_AVX512 || defined IL_NEON
#define IL_BLOCK_CASES(CASE) IL_TWELVE(CASE, 1) IL_TWELVE(CASE, 2) IL_EIGHT(CASE, 3) IL_SIX(CASE, 4)
#define IL_BLOCK_CASES_6(CASE) IL_SIX(CASE, 1) IL_SIX(CASE, 2) IL_SIX(CASE, 3) IL_SIX(CASE, 4)
#elif defined IL_PORTABLE
#define IL_BLOCK_CASES(CASE) IL_SIX(CASE, 1)
#define IL_BLOCK_CASES_6(CASE) IL_SIX(CASE, 1)
#else
#define IL_BLOCK_CASES(CASE) IL_TWELVE(CASE, 1) IL_SIX(CASE, 2)
#define IL_BLOCK_CASES_6(CASE) IL_SIX(CASE, 1) IL_SIX(CASE, 2)
#endif

/* A whole number, or all bits of a decision, for each lane. */
typedef int32_t il_mask __attribute__((vector_size(sizeof(il_vec))));

/* From and to one byte for each lane; gcc 12 takes a vector of bytes apart to convert it. */
static inline il_mask il_load_bytes(const uint8_t *x) {
#if defined IL_AVX512
  return (il_mask)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)x));
#elif defined IL_AVX2
  return (il_mask)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)x));
#elif defined IL_SSE4
  int32_t four;
  memcpy(&four, x, sizeof four);
  return (il_mask)_mm_cvtepu8_epi32(_mm_cvtsi32_si128(four));
#else
  il_mask v;
  for (int i = 0; i < IL_VL; i++) v[i] = x[i];
  return v;
#endif
}
static inline void il_store_bytes(uint8_t *y, il_mask v) {
#if defined IL_AVX512
  _mm_storeu_si128((__m128i *)(void *)y, _mm512_cvtepi32_epi8((__m512i)v));
#elif defined IL_AVX2
  const __m256i all = (__m256i)v;
  const __m128i words =
      _mm_packus_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
  _mm_storel_epi64((__m128i *)(void *)y, _mm_packus_epi16(words, words));
#elif defined IL_SSE4
  const __m128i words = _mm_packus_epi32((__m128i)v, (__m128i)v);
  const int32_t four = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
  memcpy(y, &four, sizeof four);
#else
  for (int i = 0; i < IL_VL; i++) y[i] = (uint8_t)v[i];
#endif
}

static inline il_vec il_load(const float *x) {
  il_vec v;
  memcpy(&v, x, sizeof v);
  return v;
}
static inline void il_store(float *y, il_vec v) { memcpy(y, &v, sizeof v); }

/* The first `count` lanes, 0 <= count <= IL_VL; the others are 0, respectively left as they are. */
static inline il_vec il_load_part(const float *x, int64_t count) {
#if defined IL_AVX512
  return (il_vec)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), x);
#else
  il_vec v = {0};
  for (int64_t i = 0; i < count; i++) v[i] = x[i];
  return v;
#endif
}
static inline void il_store_part(float *y, il_vec v, int64_t count) {
#if defined IL_AVX512
  _mm512_mask_storeu_ps(y, (__mmask16)((1u << count) - 1), (__m512)v);
#else
  for (int64_t i = 0; i < count; i++) y[i] = v[i];
#endif
}

#if defined IL_PORTABLE
/* Lane by lane; where that is no instruction it is a function, for loops are unrolled a hundred times. */
#if IL_FUSED
static inline
#else
__attribute__((noinline, unused)) static
#endif
    il_vec
    il_fma_each(il_vec a, il_vec b, il_vec c) {
  for (int i = 0; i < IL_VL; i++) c[i] = il_fmaf(a[i], b[i], c[i]);
  return c;
}
#endif

static inline il_vec il_fma_scalar(float a, il_vec b, il_vec c) {
#if defined IL_AVX512
  return (il_vec)_mm512_fmadd_ps(_mm512_set1_ps(a), (__m512)b, (__m512)c);
#elif defined IL_AVX2
  return (il_vec)_mm256_fmadd_ps(_mm256_set1_ps(a), (__m256)b, (__m256)c);
#elif defined IL_NEON
  return (il_vec)vfmaq_n_f32((float32x4_t)c, (float32x4_t)b, a);
#elif defined IL_PORTABLE
  return il_fma_each(a - (il_vec){0}, b, c);
#else
  return c + b * a; /* two roundings: bit class "no-fma" */
#endif
}

/* y[i] += x[r, i], rows ascending, columns kept in registers. */
static inline void il_add_rows(int64_t rows, int64_t width, const float *x, float *y) {
  int64_t i = 0;
  for (; i + 4 * IL_VL <= width; i += 4 * IL_VL) {
    il_vec a = il_load(y + i), b = il_load(y + i + IL_VL), c = il_load(y + i + 2 * IL_VL),
           d = il_load(y + i + 3 * IL_VL);
    for (int64_t r = 0; r < rows; r++) {
      const float *from = x + r * width + i;
      a += il_load(from);
      b += il_load(from + IL_VL);
      c += il_load(from + 2 * IL_VL);
      d += il_load(from + 3 * IL_VL);
    }
    il_store(y + i, a);
    il_store(y + i + IL_VL, b);
    il_store(y + i + 2 * IL_VL, c);
    il_store(y + i + 3 * IL_VL, d);
  }
  for (; i < width; i += IL_VL) {
    const int64_t left = width - i < IL_VL ? width - i : IL_VL;
    il_vec a = il_load_part(y + i, left);
    for (int64_t r = 0; r < rows; r++) a += il_load_part(x + r * width + i, left);
    il_store_part(y + i, a, left);
  }
}

#endif
