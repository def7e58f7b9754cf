/* The mean over tasks of sums of outer products: blocks of up to 6 rows by 4 vectors of the result stay in
 * registers while all rows of all tasks pass by. */
#include "kernels/kernel.h"
#include "kernels/simd.h"

#if defined IL_PORTABLE
enum { ROWS = 6, VECTORS = IL_BLOCK_VECTORS };
#else
enum { ROWS = 6, VECTORS = 4 };
#endif

/* y[r, v] of rows [row, row + rows) and `vectors` vectors from `column`; the last has `left` lanes. */
static inline __attribute__((always_inline)) void block(const int rows, const int vectors,
                                                        const il_product_geometry *p,
                                                        const il_product_span *s, int64_t row,
                                                        int64_t column, int64_t left,
                                                        const void *const *in, float *y) {
  il_vec acc[ROWS][VECTORS];
#pragma GCC unroll 6
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) acc[r][v] = (il_vec){0};
  const int64_t m = p->m, n = p->n;
  for (int64_t t = 0; t < s->tasks; t++)
    for (int k = 0; k < p->pairs; k++) {
      const float *a = (const float *)in[2 * k] + t * s->stride[2 * k] + row;
      const float *b = (const float *)in[2 * k + 1] + t * s->stride[2 * k + 1] + column;
      for (int64_t l = p->rows[k]; l > 0; l--, a += m, b += n) {
        il_vec line[VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
          line[v] = v == vectors - 1 && left < IL_VL ? il_load_part(b + v * IL_VL, left)
                                                     : il_load(b + v * IL_VL);
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
          for (int v = 0; v < vectors; v++) acc[r][v] = il_fma_scalar(a[r], line[v], acc[r][v]);
      }
    }
  const float tasks = (float)s->tasks;
#pragma GCC unroll 6
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      float *to = y + (row + r) * n + column + v * IL_VL;
      if (v == vectors - 1 && left < IL_VL)
        il_store_part(to, acc[r][v] / tasks, left);
      else
        il_store(to, acc[r][v] / tasks);
    }
}

#define CASE(r, v)                                                                                 \
  case r * 8 + v:                                                                                  \
    block(r, v, p, s, row, column, left - (v - 1) * IL_VL, in, y);                                 \
    break;
#define CASES(v) CASE(1, v) CASE(2, v) CASE(3, v) CASE(4, v) CASE(5, v) CASE(6, v)

/* Columns outside: their part of b is read once from far away and then stays near. */
static void run(const il_problem *problem, const void *table, const void *const *in,
                void *const *out, void *scratch) {
  (void)scratch;
  const il_product_geometry *p = &problem->product;
  const il_product_span one = {.tasks = 1, .last = p->m}, *s = table ? table : &one;
  const int64_t height = s->last - s->first, blocks = (height + ROWS - 1) / ROWS;
  float *y = out[0];
  for (int64_t column = 0; column < p->n;) {
    const int64_t left = p->n - column, count = (left + IL_VL - 1) / IL_VL;
    const int vectors = count < VECTORS ? (int)count : VECTORS;
    for (int64_t i = 0, row = s->first; i < blocks; i++) {
      const int rows = (int)(s->first + height * (i + 1) / blocks - row);
      switch (rows * 8 + vectors) {
#if !defined IL_PORTABLE
        CASES(4)
        CASES(3)
        CASES(2)
#endif
        CASES(1)
      default: break;
      }
      row += rows;
    }
    column += vectors * IL_VL;
  }
}

const il_kernel il_kernel_task_product = {
    .name = "task_product/outer",
    .op = IL_OP_TASK_PRODUCT,
    .type = IL_FLOAT32,
    .isa = IL_KERNEL_ISA,
    .bit_class = IL_KERNEL_BITS,
    .run = run,
};
