/* Sums of outer products: the weight gradient of a convolution and matmul with a transposed first operand.
 * Accumulators are blocks of rows by vectors of output channels (simd.h); pixels ascending. A row is an input
 * channel of one tap. Where an image has few channels, rows are those of all taps of a line, which are
 * neighbours; then the pixels at the image's sides, where some taps lie outside, are summed with a check for
 * each row. Pixels are taken in runs that stay in the second cache while all rows pass over them. */
#include "kernels/kernel.h"
#include "kernels/pack.h"

enum {
  ROWS = IL_MOST_ROWS,
  VECTORS = IL_BLOCK_VECTORS,
  NARROW = 4,             /* channels up to which taps share a block */
  RUN_BYTES = 640 * 1024, /* of x and y that one run of pixels reads */
};

typedef struct il_pixels { /* image, line, column; steps in elements */
  int64_t images, lines, image_x, image_y, line_x, line_y, column_x, column_y;
  int64_t begin, end;  /* columns where all rows count */
  int64_t first, last; /* columns where any row counts: [first, last) */
  int64_t row_begin[ROWS], row_end[ROWS];
  bool fresh; /* the first run: sums start at 0, not at what w holds */
} il_pixels;

/* Row r reads x[r·step]. */
static inline __attribute__((always_inline)) void some(const int rows, const int vectors,
                                                       const il_pixels *p, int64_t column,
                                                       const float *x, int64_t step, const float *y,
                                                       il_vec acc[ROWS][VECTORS]) {
#pragma GCC unroll 12
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
#pragma GCC unroll 12
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      const float *from = w + r * outs + v * IL_VL;
      if (p->fresh)
        acc[r][v] = (il_vec){0};
      else
        acc[r][v] = v == vectors - 1 && left < IL_VL ? il_load_part(from, left) : il_load(from);
    }
  const int64_t span = p->end - p->begin, lines = p->lines, line_x = p->line_x, line_y = p->line_y;
  const int64_t column_x = p->column_x, column_y = p->column_y;
  x += p->begin * column_x;
  y += p->begin * column_y;
  for (int64_t n = 0; n < p->images; n++, x += p->image_x, y += p->image_y) {
    const float *xs = x, *ys = y;
    for (int64_t h = 0; h < lines; h++, xs += line_x, ys += line_y) {
      for (int side = 0;; side++) { /* left, then right of the columns where all rows count */
        const int64_t last = side ? p->last : p->begin;
        for (int64_t i = side ? p->end : p->first; sides && i < last; i++)
          some(rows, vectors, p, i, xs + (i - p->begin) * column_x, step,
               ys + (i - p->begin) * column_y, acc);
        if (side) break;
        const float *a = xs, *b = ys;
        for (int64_t i = 0; i < span; i++, a += column_x, b += column_y) {
          il_vec line[VECTORS];
#pragma GCC unroll 4
          for (int v = 0; v < vectors; v++) line[v] = il_load(b + v * IL_VL);
#pragma GCC unroll 12
          for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++)
              acc[r][v] = il_fma_scalar(a[r * step], line[v], acc[r][v]);
        }
        if (!sides) break;
      }
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      if (v == vectors - 1 && left < IL_VL)
        il_store_part(w + r * outs + v * IL_VL, acc[r][v], left);
      else
        il_store(w + r * outs + v * IL_VL, acc[r][v]);
    }
}

/* One function for each size of a block: gcc takes three times as long for all of them in one. */
#define BLOCK(r, v)                                                                                \
  static __attribute__((noinline)) void taps_##r##_##v(const il_pixels *p, const float *x,         \
                                                       int64_t step, const float *y, int64_t left, \
                                                       float *w, int64_t outs) {                   \
    accumulate(r, v, true, p, x, step, y, left, w, outs);                                          \
  }                                                                                                \
  static __attribute__((noinline)) void dense_##r##_##v(                                           \
      const il_pixels *p, const float *x, const float *y, int64_t left, float *w, int64_t outs) {  \
    accumulate(r, v, false, p, x, 1, y, left, w, outs);                                            \
  }
IL_BLOCK_CASES(BLOCK)

#define CASE(r, v)                                                                                 \
  case r * 8 + v:                                                                                  \
    if (sides)                                                                                     \
      taps_##r##_##v(p, x, step, y + column, left - (v - 1) * IL_VL, w + column, outs);            \
    else                                                                                           \
      dense_##r##_##v(p, x, y + column, left - (v - 1) * IL_VL, w + column, outs);                 \
    break;
/* One block of rows: w[r, o] = Σ_pixels x[pixel, r]·y[pixel, o]; lines of y are padded to vectors. */
static void run_block(const bool sides, const il_pixels *p, int rows, const float *x, int64_t step,
                      const float *y, int64_t outs, float *w) {
  for (int64_t column = 0; column < outs;) {
    const int64_t left = outs - column, count = (left + IL_VL - 1) / IL_VL;
    const int vectors = count < VECTORS ? (int)count : VECTORS;
    switch (rows * 8 + vectors) {
      IL_BLOCK_CASES(CASE)
    default: break;
    }
    column += vectors * IL_VL;
  }
}

/* Rows that all count at the same pixels, neighbours in x. */
static void run_dense(const il_pixels *p, int64_t rows, const float *x, const float *y,
                      int64_t outs, float *w) {
  const int64_t most = il_block_rows(outs), blocks = (rows + most - 1) / most;
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

/* Rows first..next of a line of taps: row r is channel r % c of tap r / c. */
static void run_taps(const il_conv_geometry *q, il_pixels *p, int first, int next, const float *x,
                     const float *y, float *w) {
  p->first = p->end = q->ow;
  p->last = p->begin = 0;
  for (int r = first; r < next; r++) {
    int64_t *begin = &p->row_begin[r - first], *end = &p->row_end[r - first];
    inside(q->ow, q->sw, r / q->c * q->dw - q->pw, q->w, begin, end);
    p->first = *begin < p->first ? *begin : p->first;
    p->last = *end > p->last ? *end : p->last;
    p->begin = *begin > p->begin ? *begin : p->begin;
    p->end = *end < p->end ? *end : p->end;
  }
  if (p->end < p->begin) p->end = p->begin; /* the two checked runs then cover all columns */
  if (p->first > p->begin) p->first = p->begin;
  if (p->last < p->end) p->last = p->end;
  const int64_t step = q->c == 1 ? q->dw : 1;
  run_block(true, p, next - first, x + first * step, step, y, q->k, w + (int64_t)first * q->k);
}

typedef struct il_execution { /* images and lines of y: [image, image_end) × [line, line_end) */
  int64_t image, image_end, line, line_end;
} il_execution;

/* Adds the pixels of one run to all weights. */
static void weight_of_run(const il_conv_geometry *q, const il_execution *run, const float *x,
                          const float *y, int64_t stride, float *w) {
  il_pixels p = {.images = run->image_end - run->image,
                 .image_x = (int64_t)q->h * q->w * q->c,
                 .image_y = q->oh * q->ow * stride,
                 .line_x = (int64_t)q->sh * q->w * q->c,
                 .line_y = q->ow * stride,
                 .column_x = (int64_t)q->sw * q->c,
                 .column_y = stride,
                 .fresh = run->image == 0 && run->line == 0};
  x += run->image * p.image_x;
  y += run->image * p.image_y;
  for (int a = 0; a < q->kh; a++, w += (int64_t)q->kw * q->c * q->k) {
    int64_t h0, h1;
    inside(q->oh, q->sh, a * q->dh - q->ph, q->h, &h0, &h1);
    h0 = h0 > run->line ? h0 : run->line;
    h1 = h1 < run->line_end ? h1 : run->line_end;
    p.lines = h1 > h0 ? h1 - h0 : 0;
    const float *xs = x + (h0 * q->sh + a * q->dh - q->ph) * q->w * q->c, *ys = y + h0 * p.line_y;
    if (q->c == 1 || (q->c <= NARROW && q->dw == 1)) {
      const int most = il_block_rows(q->k), rows = q->kw * q->c, groups = (rows + most - 1) / most;
      for (int g = 0; g < groups; g++)
        run_taps(q, &p, rows * g / groups, rows * (g + 1) / groups, xs - (int64_t)q->pw * q->c, ys,
                 w);
      continue;
    }
    for (int b = 0; b < q->kw; b++) {
      inside(q->ow, q->sw, b * q->dw - q->pw, q->w, &p.begin, &p.end);
      run_dense(&p, q->c, xs + (int64_t)(b * q->dw - q->pw) * q->c, ys, q->k,
                w + (int64_t)b * q->c * q->k);
    }
  }
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
  const int64_t line = ((int64_t)q->sh * q->w * q->c + q->ow * stride) * (int64_t)sizeof(float);
  const int64_t lines = RUN_BYTES / line < 1 ? 1 : RUN_BYTES / line; /* of a run */
  const int64_t images = lines / q->oh;
  il_execution run;
  for (run.image = 0; run.image < q->n; run.image = run.image_end) {
    run.image_end = run.image + (images < 1 ? 1 : images);
    if (run.image_end > q->n) run.image_end = q->n;
    for (run.line = 0; run.line < q->oh; run.line = run.line_end) {
      run.line_end = images < 1 && run.line + lines < q->oh ? run.line + lines : q->oh;
      weight_of_run(q, &run, in[0], y, stride, out[0]);
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
  il_pixels p = {.fresh = true,
                 .images = 1,
                 .lines = 1,
                 .begin = 0,
                 .end = g->k,
                 .column_x = g->m,
                 .column_y = stride};
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
    .isa = IL_KERNEL_ISA,
    .bit_class = IL_KERNEL_BITS,
    .refuses = weight_refuses,
    .scratch = weight_scratch,
    .run = weight_run,
};
const il_kernel il_kernel_matmul_transposed = {
    .name = "matmul/outer",
    .op = IL_OP_MATMUL,
    .type = IL_FLOAT32,
    .isa = IL_KERNEL_ISA,
    .bit_class = IL_KERNEL_BITS,
    .refuses = matmul_refuses,
    .scratch = matmul_scratch,
    .run = matmul_run,
};
