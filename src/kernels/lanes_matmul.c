/* Matmul of IL_LANES tasks at once: blocks of rows by columns of lane registers, summed over k. An operand that
 * the tasks share is read as one number for all lanes. A product that is added to something is added, scaled or
 * not, before it leaves the registers. */
#include "kernels/lanes.h"

#if defined IL_AVX512 || defined IL_NEON
#define MANY_REGISTERS
enum { ROWS = 5, COLUMNS = 5 }; /* 25 sums, 5 columns and a row in 32 registers */
#elif defined IL_PORTABLE
enum { ROWS = 2, COLUMNS = 2 }; /* 16 numbers */
#else
enum { ROWS = 3, COLUMNS = 3 }; /* in 16 registers */
#endif

typedef struct il_operand {
  const float *x;
  int64_t across, along; /* strides by row (or column) of the result and by k, in floats */
} il_operand;

/* Where a block of the result goes, and what it is added to. */
typedef struct il_result {
  float *y;
  int64_t stride; /* from row to row, in floats */
  const float *c; /* NULL: nothing is added */
  int64_t c_stride;
  bool c_shared;
  float scale;
} il_result;

static inline il_lane value(bool shared, const float *x) {
  return shared ? il_lane_fill(*x) : il_lane_load(x);
}

/* Keeps gcc from reading the number again in each product: loads, not products, would be the limit. */
static inline il_lane held(il_lane v) {
#if defined IL_AVX512
  __asm__("" : "+v"(v));
#elif defined IL_SSE4
  __asm__("" : "+x"(v));
#endif
  return v;
}

__attribute__((always_inline)) static inline void add(int rows, int columns, bool shared,
                                                      const il_result *to,
                                                      il_lane sum[ROWS][COLUMNS]) {
  const il_lane scale = il_lane_fill(to->scale);
  const int64_t step = shared ? 1 : IL_LANES;
#pragma GCC unroll 8
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
    for (int c = 0; c < columns; c++)
      sum[r][c] = value(shared, to->c + r * to->c_stride + c * step) + scale * sum[r][c];
}

__attribute__((always_inline)) static inline void sums(int rows, int columns, bool a_shared,
                                                       bool b_shared, const il_operand *a,
                                                       const il_operand *b, int64_t k,
                                                       const il_result *to) {
  const float *xa = a->x, *xb = b->x;
  const int64_t across_a = a->across, across_b = b->across, along_a = a->along, along_b = b->along;
  il_lane sum[ROWS][COLUMNS];
#pragma GCC unroll 8
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
    for (int c = 0; c < columns; c++) sum[r][c] = (il_lane){0};
  for (int64_t i = 0; i < k; i++, xa += along_a, xb += along_b) {
    il_lane column[COLUMNS];
#pragma GCC unroll 8
    for (int c = 0; c < columns; c++) column[c] = held(value(b_shared, xb + c * across_b));
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
      const il_lane row = held(value(a_shared, xa + r * across_a));
#pragma GCC unroll 8
      for (int c = 0; c < columns; c++) sum[r][c] = il_lane_fma(row, column[c], sum[r][c]);
    }
  }
  if (to->c && to->c_shared)
    add(rows, columns, true, to, sum);
  else if (to->c)
    add(rows, columns, false, to, sum);
#pragma GCC unroll 8
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
    for (int c = 0; c < columns; c++)
      il_lane_store(to->y + r * to->stride + c * IL_LANES, sum[r][c]);
}

/* One piece of code per height, width and sharing of a block, so that all sums stay in registers. */
#define CASE(r, c)                                                                                 \
  case r * 8 + c:                                                                                  \
    if (shared == 0)                                                                               \
      sums(r, c, false, false, a, b, k, to);                                                       \
    else if (shared == 1)                                                                          \
      sums(r, c, true, false, a, b, k, to);                                                        \
    else                                                                                           \
      sums(r, c, false, true, a, b, k, to);                                                        \
    break;
#if defined MANY_REGISTERS
#define CASES(r) CASE(r, 1) CASE(r, 2) CASE(r, 3) CASE(r, 4) CASE(r, 5)
#define HIGH_CASES CASES(3) CASES(4) CASES(5)
#elif defined IL_PORTABLE
#define CASES(r) CASE(r, 1) CASE(r, 2)
#define HIGH_CASES
#else
#define CASES(r) CASE(r, 1) CASE(r, 2) CASE(r, 3)
#define HIGH_CASES CASES(3)
#endif
static void block(int64_t rows, int64_t columns, int shared, const il_operand *a,
                  const il_operand *b, int64_t k, const il_result *to) {
  switch (rows * 8 + columns) {
    CASES(1)
    CASES(2)
    HIGH_CASES
  default: break;
  }
}

/* Columns outside: the larger operand, b, is read once. */
static void product(const il_matmul_geometry *g, int shared, il_operand a, il_operand b,
                    il_result to) {
  for (int64_t n = 0; n < g->n; n += COLUMNS) {
    const int64_t columns = g->n - n < COLUMNS ? g->n - n : COLUMNS;
    for (int64_t m = 0; m < g->m; m += ROWS) {
      const int64_t rows = g->m - m < ROWS ? g->m - m : ROWS;
      il_operand from_a = a, from_b = b;
      from_a.x += m * a.across;
      from_b.x += n * b.across;
      il_result part = to;
      part.y += m * to.stride + n * IL_LANES;
      if (to.c) part.c += m * to.c_stride + n * (to.c_shared ? 1 : IL_LANES);
      block(rows, columns, shared, &from_a, &from_b, g->k, &part);
    }
  }
}

static void run(const il_problem *p, const void *table, const void *const *in, void *const *out,
                void *scratch) {
  (void)table, (void)scratch;
  const il_matmul_geometry *g = &p->matmul;
  const bool a_shared = p->shared & 1, b_shared = p->shared & 2;
  const int64_t step_a = a_shared ? 1 : IL_LANES, step_b = b_shared ? 1 : IL_LANES;
  for (int64_t i = 0; i < g->batch; i++)
    for (int part = 0; part < IL_LANES; part += IL_LANE_PART) {
      il_operand a = {(const float *)in[0] + i * g->m * g->k * step_a + (a_shared ? 0 : part),
                      step_a * (g->transpose_a ? 1 : g->k), step_a * (g->transpose_a ? g->m : 1)};
      il_operand b = {(const float *)in[1] + i * g->k * g->n * step_b + (b_shared ? 0 : part),
                      step_b * (g->transpose_b ? g->k : 1), step_b * (g->transpose_b ? 1 : g->n)};
      il_result to = {.y = (float *)out[0] + i * g->m * g->n * IL_LANES + part,
                      .stride = g->n * IL_LANES,
                      .c_shared = p->shared & 4,
                      .scale = (float)g->scale};
      if (g->scale != 0) {
        to.c_stride = g->n * (to.c_shared ? 1 : IL_LANES);
        to.c = (const float *)in[2] + i * g->m * to.c_stride + (to.c_shared ? 0 : part);
      }
      product(g, (int)p->shared & 3, a, b, to);
    }
}

static const char *refuses(const il_problem *p) {
  return (p->shared & 3) == 3 ? "takes at least one operand of the tasks" : NULL;
}

const il_kernel il_kernel_lanes_matmul = {
    .name = "lanes/matmul",
    .op = IL_OP_MATMUL,
    .type = IL_FLOAT32,
    .isa = IL_KERNEL_ISA,
    .bit_class = IL_KERNEL_BITS,
    .lanes = true,
    .refuses = refuses,
    .run = run,
};
