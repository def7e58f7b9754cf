/* Transposes squares of vectors in registers: log2(lanes) rounds that swap blocks of 1, 2, 4, … lanes. */
#include "kernels/pack.h"

#define LOW(j, s) ((j) & (s) ? IL_VL + (j) - (s) : (j))
#define HIGH(j, s) ((j) & (s) ? IL_VL + (j) : (j) + (s))
#define LANES4(f, b, s) f(b, s), f(b + 1, s), f(b + 2, s), f(b + 3, s)
#if defined IL_AVX512
#define LANES(f, s) LANES4(f, 0, s), LANES4(f, 4, s), LANES4(f, 8, s), LANES4(f, 12, s)
#elif defined IL_AVX2
#define LANES(f, s) LANES4(f, 0, s), LANES4(f, 4, s)
#else
#define LANES(f, s) LANES4(f, 0, s)
#endif
#define ROUND(s)                                                                                   \
  _Pragma("GCC unroll 16") for (int i = 0; i < IL_VL; i++) if (!(i & (s))) {                       \
    const il_vec a = v[i], b = v[i + (s)];                                                         \
    v[i] = __builtin_shufflevector(a, b, LANES(LOW, s));                                           \
    v[i + (s)] = __builtin_shufflevector(a, b, LANES(HIGH, s));                                    \
  }

static inline void square(il_vec v[IL_VL]) {
  ROUND(1)
  ROUND(2)
#if defined IL_AVX2
  ROUND(4)
#endif
#if defined IL_AVX512
  ROUND(8)
#endif
}

static void whole(const float *from, int64_t from_stride, float *to, int64_t to_stride) {
  il_vec v[IL_VL];
#pragma GCC unroll 16
  for (int i = 0; i < IL_VL; i++) v[i] = il_load(from + i * from_stride);
  square(v);
#pragma GCC unroll 16
  for (int i = 0; i < IL_VL; i++) il_store(to + i * to_stride, v[i]);
}

/* A square cut off at the matrix's edge. */
static void part(int64_t rows, int64_t columns, const float *from, int64_t from_stride, float *to,
                 int64_t to_stride) {
  il_vec v[IL_VL];
  for (int i = 0; i < IL_VL; i++)
    v[i] = i < rows ? il_load_part(from + i * from_stride, columns) : (il_vec){0};
  square(v);
  for (int i = 0; i < columns; i++) il_store_part(to + i * to_stride, v[i], rows);
}

void il_pack_transposed(int64_t rows, int64_t columns, const float *from, int64_t from_stride,
                        float *to, int64_t to_stride) {
  for (int64_t j = 0; j < columns; j += IL_VL)
    for (int64_t i = 0; i < rows; i += IL_VL) {
      const int64_t height = rows - i < IL_VL ? rows - i : IL_VL,
                    width = columns - j < IL_VL ? columns - j : IL_VL;
      const float *x = from + i * from_stride + j;
      float *y = to + j * to_stride + i;
      if (height == IL_VL && width == IL_VL)
        whole(x, from_stride, y, to_stride);
      else
        part(height, width, x, from_stride, y, to_stride);
    }
}

void il_pack_padded(int64_t rows, int64_t columns, const float *from, float *to) {
  const int64_t stride = il_padded(columns), body = columns - columns % IL_VL;
  for (int64_t i = 0; i < rows; i++, from += columns, to += stride) {
    for (int64_t j = 0; j < body; j += IL_VL) il_store(to + j, il_load(from + j));
    if (body < columns) il_store(to + body, il_load_part(from + body, columns - body));
  }
}

const float *il_pack_operand(int64_t k, int64_t n, bool transposed, const float *from,
                             float *scratch) {
  const int64_t stride = il_padded(n);
  if (transposed) {
    for (int64_t l = 0; stride != n && l < k; l++)
      il_store(scratch + (l + 1) * stride - IL_VL, (il_vec){0});
    il_pack_transposed(n, k, from, k, scratch, stride);
    return scratch;
  }
  if (stride == n) return from;
  il_pack_padded(k, n, from, scratch);
  return scratch;
}
