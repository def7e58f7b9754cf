/* Sums of outer products: the weight gradient of a convolution and matmul with a transposed first operand.
 * Accumulators are up to 6 input channels by 4 vectors of output channels; pixels ascending. */
#include "kernels/kernel.h"
#include "kernels/simd.h"

enum { ROWS = 6, VECTORS = 4 };

/* Pixels as three nested runs: image, line, column; steps of x and y in elements. */
typedef struct il_pixels {
  int64_t count[3], x_step[3], y_step[3];
} il_pixels;

static inline __attribute__((always_inline)) void accumulate(const int rows, const int vectors, const il_pixels *p,
                                                             const float *x, const float *y, int64_t outs, float *w) {
  il_vec acc[ROWS][VECTORS];
#pragma GCC unroll 6
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) acc[r][v] = (il_vec){0};
  for (int64_t n = 0; n < p->count[0]; n++)
    for (int64_t h = 0; h < p->count[1]; h++) {
      const float *a = x + n * p->x_step[0] + h * p->x_step[1], *b = y + n * p->y_step[0] + h * p->y_step[1];
      for (int64_t i = 0; i < p->count[2]; i++, a += p->x_step[2], b += p->y_step[2]) {
        il_vec line[VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) line[v] = il_load(b + v * IL_VL);
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
          for (int v = 0; v < vectors; v++) acc[r][v] = il_fma_scalar(a[r], line[v], acc[r][v]);
      }
    }
#pragma GCC unroll 6
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) il_store(w + r * outs + v * IL_VL, acc[r][v]);
}

#define CASE(r, v) \
  case r * 8 + v: accumulate(r, v, p, x + first, y + column, outs, w + first * outs + column); break;
#define CASES(v) CASE(1, v) CASE(2, v) CASE(3, v) CASE(4, v) CASE(5, v) CASE(6, v)
/* w[i, o] = Σ_pixels x[pixel, i]·y[pixel, o]; outs a multiple of the vector. */
static void outer(const il_pixels *p, int64_t channels, int64_t outs, const float *x, const float *y, float *w) {
  const int64_t blocks = (channels + ROWS - 1) / ROWS;
  for (int64_t b = 0, first = 0; b < blocks; b++) {
    const int64_t rows = channels * (b + 1) / blocks - first;
    for (int64_t column = 0; column < outs;) {
      const int64_t left = (outs - column) / IL_VL;
      const int vectors = left >= 4 ? 4 : left >= 2 ? 2 : 1;
      switch (rows * 8 + vectors) {
        CASES(4)
        CASES(2)
        CASES(1)
        default: break;
      }
      column += vectors * IL_VL;
    }
    first += rows;
  }
}

/* Positions o with 0 <= o·stride + shift < size: [begin, end). */
static void inside(int out, int stride, int shift, int size, int64_t *begin, int64_t *end) {
  *begin = 0;
  while (*begin < out && *begin * stride + shift < 0) ++*begin;
  *end = out;
  while (*end > *begin && (*end - 1) * stride + shift >= size) --*end;
}

static bool weight_applicable(const il_problem *p) { return p->conv.groups == 1 && p->conv.k % IL_VL == 0; }
static void weight_run(const il_problem *problem, const void *table, const void *const *in, void *const *out, void *scratch) {
  (void)table, (void)scratch;
  const il_conv_geometry *q = &problem->conv;
  for (int a = 0; a < q->kh; a++)
    for (int b = 0; b < q->kw; b++) {
      int64_t h0, h1, w0, w1;
      inside(q->oh, q->sh, a * q->dh - q->ph, q->h, &h0, &h1);
      inside(q->ow, q->sw, b * q->dw - q->pw, q->w, &w0, &w1);
      const il_pixels p = {.count = {q->n, h1 - h0, w1 - w0},
                           .x_step = {(int64_t)q->h * q->w * q->c, (int64_t)q->sh * q->w * q->c, (int64_t)q->sw * q->c},
                           .y_step = {(int64_t)q->oh * q->ow * q->k, (int64_t)q->ow * q->k, q->k}};
      const int64_t ih = h0 * q->sh + a * q->dh - q->ph, iw = w0 * q->sw + b * q->dw - q->pw;
      outer(&p, q->c, q->k, (const float *)in[0] + (ih * q->w + iw) * q->c,
            (const float *)in[1] + (h0 * q->ow + w0) * q->k, (float *)out[0] + ((int64_t)a * q->kw + b) * q->c * q->k);
    }
}

static bool matmul_applicable(const il_problem *p) {
  return p->matmul.transpose_a && !p->matmul.transpose_b && p->matmul.n % IL_VL == 0;
}
static void matmul_run(const il_problem *problem, const void *table, const void *const *in, void *const *out, void *scratch) {
  (void)table, (void)scratch;
  const il_matmul_geometry *g = &problem->matmul;
  const il_pixels p = {.count = {1, 1, g->k}, .x_step = {0, 0, g->m}, .y_step = {0, 0, g->n}};
  for (int64_t t = 0; t < g->batch; t++)
    outer(&p, g->m, g->n, (const float *)in[0] + t * g->m * g->k, (const float *)in[1] + t * g->k * g->n,
          (float *)out[0] + t * g->m * g->n);
}

const il_kernel il_kernel_conv2d_weight = {
    .name = "conv2d_weight/outer", .op = IL_OP_CONV2D_WEIGHT, .type = IL_FLOAT32, .isa = "native", .bit_class = "fma",
    .applicable = weight_applicable, .run = weight_run,
};
const il_kernel il_kernel_matmul_transposed = {
    .name = "matmul/outer", .op = IL_OP_MATMUL, .type = IL_FLOAT32, .isa = "native", .bit_class = "fma",
    .applicable = matmul_applicable, .run = matmul_run,
};
