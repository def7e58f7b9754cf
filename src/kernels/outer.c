/* Sums of outer products: the weight gradient of a convolution and matmul with a transposed first operand.
 * Accumulators are up to 6 rows by 4 vectors of output channels; pixels ascending. A row is an input channel
 * of one tap; of one-channel images, a tap: then the pixels at the image's sides, where some taps of a line lie
 * outside, are summed with a check for each row. */
#include "kernels/kernel.h"
#include "kernels/pack.h"

enum { ROWS = 6, VECTORS = 4 };

typedef struct il_pixels { /* image, line, column; steps in elements */
  int64_t images, lines, image_x, image_y, line_x, line_y, column_x, column_y;
  int64_t begin, end;  /* columns where all rows count */
  int64_t first, last; /* columns where any row counts: [first, last) */
  int64_t row_begin[ROWS], row_end[ROWS];
} il_pixels;

/* Row r reads x[r·step]. */
static inline __attribute__((always_inline)) void some(const int rows, const int vectors,
                                                       const il_pixels *p, int64_t column,
                                                       const float *x, int64_t step, const float *y,
                                                       il_vec acc[ROWS][VECTORS]) {
#pragma GCC unroll 6
  for (int r = 0; r < rows; r++) {
    if (column < p->row_begin[r] || column >= p->row_end[r]) continue;
    const float by = x[r * step];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
      acc[r][v] = il_fma_scalar(by, il_load(y + v * IL_VL), acc[r][v]);
  }
}

static inline __attribute__((always_inline)) void accumulate(const int rows, const int vectors,
                                                             const bool sides, const il_pixels *p,
                                                             const float *x, const int64_t step,
                                                             const float *y, int64_t left, float *w,
                                                             int64_t outs) {
  il_vec acc[ROWS][VECTORS];
#pragma GCC unroll 6
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) acc[r][v] = (il_vec){0};
  const int64_t span = p->end - p->begin, lines = p->lines, line_x = p->line_x, line_y = p->line_y;
  const int64_t column_x = p->column_x, column_y = p->column_y;
  x += p->begin * column_x;
  y += p->begin * column_y;
  for (int64_t n = 0; n < p->images; n++, x += p->image_x, y += p->image_y) {
    const float *xs = x, *ys = y;
    for (int64_t h = 0; h < lines; h++, xs += line_x, ys += line_y) {
      for (int64_t i = p->first; sides && i < p->begin; i++)
        some(rows, vectors, p, i, xs + (i - p->begin) * column_x, step,
             ys + (i - p->begin) * column_y, acc);
      const float *a = xs, *b = ys;
      for (int64_t i = 0; i < span; i++, a += column_x, b += column_y) {
        il_vec line[VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) line[v] = il_load(b + v * IL_VL);
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
          for (int v = 0; v < vectors; v++)
            acc[r][v] = il_fma_scalar(a[r * step], line[v], acc[r][v]);
      }
      for (int64_t i = p->end; sides && i < p->last; i++)
        some(rows, vectors, p, i, xs + (i - p->begin) * column_x, step,
             ys + (i - p->begin) * column_y, acc);
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      if (v == vectors - 1 && left < IL_VL)
        il_store_part(w + r * outs + v * IL_VL, acc[r][v], left);
      else
        il_store(w + r * outs + v * IL_VL, acc[r][v]);
    }
}

#define CASE(r, v)                                                                                 \
  case r * 8 + v:                                                                                  \
    accumulate(r, v, sides, p, x, step, y + column, left - (v - 1) * IL_VL, w + column, outs);     \
    break;
#define CASES(v) CASE(1, v) CASE(2, v) CASE(3, v) CASE(4, v) CASE(5, v) CASE(6, v)
/* One block of rows: w[r, o] = Σ_pixels x[pixel, r]·y[pixel, o]; lines of y are padded to vectors. */
static inline __attribute__((always_inline)) void run_block(const bool sides, const il_pixels *p,
                                                            int rows, const float *x,
                                                            const int64_t step, const float *y,
                                                            int64_t outs, float *w) {
  for (int64_t column = 0; column < outs;) {
    const int64_t left = outs - column, count = (left + IL_VL - 1) / IL_VL;
    const int vectors = count < 4 ? (int)count : 4;
    switch (rows * 8 + vectors) {
      CASES(4)
      CASES(3)
      CASES(2)
      CASES(1)
    default: break;
    }
    column += vectors * IL_VL;
  }
}

/* Rows that all count at the same pixels, neighbours in x. */
static void run_dense(const il_pixels *p, int64_t rows, const float *x, const float *y,
                      int64_t outs, float *w) {
  const int64_t blocks = (rows + ROWS - 1) / ROWS;
  for (int64_t b = 0, first = 0; b < blocks; b++) {
    const int64_t next = rows * (b + 1) / blocks;
    run_block(false, p, (int)(next - first), x + first, 1, y, outs, w + first * outs);
    first = next;
  }
}

/* Positions o with 0 <= o·stride + shift < size: [begin, end). */
static void inside(int out, int stride, int shift, int size, int64_t *begin, int64_t *end) {
  *begin = 0;
  while (*begin < out && *begin * stride + shift < 0) ++*begin;
  *end = out;
  while (*end > *begin && (*end - 1) * stride + shift >= size) --*end;
}

/* Taps (a, b0..b1) with one channel each as rows. */
static void run_taps(const il_conv_geometry *q, il_pixels *p, int b0, int b1, const float *x,
                     const float *y, float *w) {
  p->first = p->end = q->ow;
  p->last = p->begin = 0;
  for (int b = b0; b < b1; b++) {
    int64_t *begin = &p->row_begin[b - b0], *end = &p->row_end[b - b0];
    inside(q->ow, q->sw, b * q->dw - q->pw, q->w, begin, end);
    p->first = *begin < p->first ? *begin : p->first;
    p->last = *end > p->last ? *end : p->last;
    p->begin = *begin > p->begin ? *begin : p->begin;
    p->end = *end < p->end ? *end : p->end;
  }
  if (p->end < p->begin) p->end = p->begin; /* the two checked runs then cover all columns */
  if (p->first > p->begin) p->first = p->begin;
  if (p->last < p->end) p->last = p->end;
  run_block(true, p, b1 - b0, x, (int64_t)q->dw * q->c, y, q->k, w);
}

static const char *weight_refuses(const il_problem *p) {
  return p->conv.groups == 1 ? NULL : "takes one group only";
}
static size_t weight_scratch(const il_problem *p) {
  const il_conv_geometry *q = &p->conv;
  return q->k % IL_VL ? (size_t)((int64_t)q->n * q->oh * q->ow * il_padded(q->k)) * sizeof(float)
                      : 0;
}
static void weight_run(const il_problem *problem, const void *table, const void *const *in,
                       void *const *out, void *scratch) {
  (void)table;
  const il_conv_geometry *q = &problem->conv;
  const int64_t stride = il_padded(q->k);
  const float *y = in[1];
  if (stride != q->k) {
    il_pack_padded((int64_t)q->n * q->oh * q->ow, q->k, y, scratch);
    y = scratch;
  }
  il_pixels p = {.images = q->n,
                 .image_x = (int64_t)q->h * q->w * q->c,
                 .image_y = q->oh * q->ow * stride,
                 .line_x = (int64_t)q->sh * q->w * q->c,
                 .line_y = q->ow * stride,
                 .column_x = (int64_t)q->sw * q->c,
                 .column_y = stride};
  for (int a = 0; a < q->kh; a++) {
    int64_t h0, h1;
    inside(q->oh, q->sh, a * q->dh - q->ph, q->h, &h0, &h1);
    p.lines = h1 - h0;
    const float *xs = (const float *)in[0] + (h0 * q->sh + a * q->dh - q->ph) * q->w * q->c,
                *ys = y + h0 * p.line_y;
    float *w = (float *)out[0] + (int64_t)a * q->kw * q->c * q->k;
    if (q->c == 1) {
      const int groups = (q->kw + ROWS - 1) / ROWS;
      for (int g = 0, b = 0; g < groups; g++) {
        const int next = q->kw * (g + 1) / groups;
        run_taps(q, &p, b, next, xs + b * q->dw - q->pw, ys, w + (int64_t)b * q->k);
        b = next;
      }
      continue;
    }
    for (int b = 0; b < q->kw; b++) {
      inside(q->ow, q->sw, b * q->dw - q->pw, q->w, &p.begin, &p.end);
      run_dense(&p, q->c, xs + (int64_t)(b * q->dw - q->pw) * q->c, ys, q->k,
                w + (int64_t)b * q->c * q->k);
    }
  }
}

static const char *matmul_refuses(const il_problem *p) {
  return p->matmul.transpose_a ? NULL : "reads the first operand transposed only";
}
static size_t matmul_scratch(const il_problem *p) {
  const il_matmul_geometry *g = &p->matmul;
  return g->transpose_b || g->n % IL_VL ? (size_t)(g->k * il_padded(g->n)) * sizeof(float) : 0;
}
static void matmul_run(const il_problem *problem, const void *table, const void *const *in,
                       void *const *out, void *scratch) {
  (void)table;
  const il_matmul_geometry *g = &problem->matmul;
  const int64_t stride = il_padded(g->n);
  il_pixels p = {
      .images = 1, .lines = 1, .begin = 0, .end = g->k, .column_x = g->m, .column_y = stride};
  for (int64_t t = 0; t < g->batch; t++) {
    const float *b = il_pack_operand(g->k, g->n, g->transpose_b,
                                     (const float *)in[1] + t * g->k * g->n, scratch);
    run_dense(&p, g->m, (const float *)in[0] + t * g->m * g->k, b, g->n,
              (float *)out[0] + t * g->m * g->n);
  }
}

const il_kernel il_kernel_conv2d_weight = {
    .name = "conv2d_weight/outer",
    .op = IL_OP_CONV2D_WEIGHT,
    .type = IL_FLOAT32,
    .isa = "native",
    .bit_class = "fma",
    .refuses = weight_refuses,
    .scratch = weight_scratch,
    .run = weight_run,
};
const il_kernel il_kernel_matmul_transposed = {
    .name = "matmul/outer",
    .op = IL_OP_MATMUL,
    .type = IL_FLOAT32,
    .isa = "native",
    .bit_class = "fma",
    .refuses = matmul_refuses,
    .scratch = matmul_scratch,
    .run = matmul_run,
};
