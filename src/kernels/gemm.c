/* The matrix kernel: blocks of up to 6 rows by 4 vectors of output channels, summed over taps and channels.
 * A row is an address plus one offset per tap, so that convolution of any stride and padding, its transpose
 * and matmul are the same loop. Rows of a block see the same taps: padding is skipped, never stored.
 *
 * Table of a convolution: header, classes, taps, blocks (see il_rows). Weights [tap][channel][out]; where the
 * outputs are no multiple of the vector they are copied with padding into scratch. */
#include "kernels/kernel.h"
#include "kernels/simd.h"

enum { ROWS = 6, VECTORS = 4 };

typedef struct il_tap {
  int64_t in;     /* offset from the row's address, elements */
  int32_t weight; /* which tap of the weights */
} il_tap;

typedef struct il_block {
  int32_t rows, first_tap, taps;
  int64_t in[ROWS], out[ROWS]; /* elements */
} il_block;

typedef struct il_rows {
  int64_t blocks, taps;
  il_tap *tap;
  il_block *block;
} il_rows;

/* ---- the loop ---- */
static inline __attribute__((always_inline)) void multiply(const int rows, const int vectors, const il_block *block,
                                                           const il_tap *taps, int64_t channels, const float *x,
                                                           const float *w, int64_t stride, il_vec acc[ROWS][VECTORS]) {
  for (int t = 0; t < block->taps; t++) {
    const float *from[ROWS];
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++) from[r] = x + block->in[r] + taps[t].in;
    const float *by = w + (int64_t)taps[t].weight * channels * stride;
    for (int64_t c = 0; c < channels; c++, by += stride) {
      il_vec b[VECTORS];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++) b[v] = il_load(by + v * IL_VL);
#pragma GCC unroll 6
      for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) acc[r][v] = il_fma_scalar(from[r][c], b[v], acc[r][v]);
    }
  }
}

static inline __attribute__((always_inline)) void block_of(const int rows, const int vectors, const il_block *block,
                                                           const il_tap *taps, int64_t channels, const float *x,
                                                           const float *w, int64_t stride, int64_t column, int64_t outs,
                                                           float *y) {
  il_vec acc[ROWS][VECTORS];
#pragma GCC unroll 6
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) acc[r][v] = (il_vec){0};
  multiply(rows, vectors, block, taps, channels, x, w + column, stride, acc);
  if (column + vectors * IL_VL <= outs) {
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++) il_store(y + block->out[r] + column + v * IL_VL, acc[r][v]);
    return;
  }
  float line[VECTORS * IL_VL];
#pragma GCC unroll 6
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) il_store(line + v * IL_VL, acc[r][v]);
    memcpy(y + block->out[r] + column, line, (size_t)(outs - column) * sizeof(float));
  }
}

#define CASE(r, v) \
  case r * 8 + v: block_of(r, v, block, taps, channels, x, w, stride, column, outs, y); break;
#define CASES(v) CASE(1, v) CASE(2, v) CASE(3, v) CASE(4, v) CASE(5, v) CASE(6, v)
static void run_block(const il_block *block, const il_tap *taps, int64_t channels, const float *x, const float *w,
                      int64_t stride, int64_t outs, float *y) {
  for (int64_t column = 0; column < outs;) {
    const int64_t left = (outs - column + IL_VL - 1) / IL_VL;
    const int vectors = left >= 4 ? 4 : left >= 2 ? 2 : 1;
    switch (block->rows * 8 + vectors) {
      CASES(4)
      CASES(2)
      CASES(1)
      default: break;
    }
    column += vectors * IL_VL;
  }
}

static int64_t padded(int64_t outs) { return (outs + IL_VL - 1) / IL_VL * IL_VL; }

/* Weights with rows of a whole number of vectors; the original where they are so already. */
static const float *pad_rows(int64_t rows, int64_t outs, const float *w, float *scratch) {
  const int64_t stride = padded(outs);
  if (stride == outs) return w;
  for (int64_t i = 0; i < rows; i++) {
    memcpy(scratch + i * stride, w + i * outs, (size_t)outs * sizeof(float));
    memset(scratch + i * stride + outs, 0, (size_t)(stride - outs) * sizeof(float));
  }
  return scratch;
}

/* ---- convolution and its transpose: the table ---- */
typedef struct il_extent {
  int64_t rows_h, rows_w, channels, outs; /* result size, summed channels, result channels */
} il_extent;

static il_extent sum_of(const il_problem *p) {
  const il_conv_geometry *q = &p->conv;
  if (p->op == IL_OP_CONV2D) return (il_extent){q->oh, q->ow, q->c, q->k};
  return (il_extent){q->h, q->w, q->k, q->c};
}

/* Taps that row (i, j) of the result sums over, and its address without them; returns their number. */
static int taps_of(const il_problem *p, int i, int j, il_tap *tap, int64_t *base) {
  const il_conv_geometry *q = &p->conv;
  int count = 0;
  const int rh = (i + q->ph) % q->sh, rw = (j + q->pw) % q->sw;
  const bool forward = p->op == IL_OP_CONV2D;
  *base = forward ? ((int64_t)(i * q->sh - q->ph) * q->w + (j * q->sw - q->pw)) * q->c
                  : ((int64_t)((i + q->ph - rh) / q->sh) * q->ow + (j + q->pw - rw) / q->sw) * q->k;
  for (int a = 0; a < q->kh; a++)
    for (int b = 0; b < q->kw; b++) {
      il_tap one = {.weight = a * q->kw + b};
      if (forward) {
        const int ih = i * q->sh + a * q->dh - q->ph, iw = j * q->sw + b * q->dw - q->pw;
        if (ih < 0 || ih >= q->h || iw < 0 || iw >= q->w) continue;
        one.in = ((int64_t)a * q->dh * q->w + b * q->dw) * q->c;
      } else {
        const int th = i + q->ph - a * q->dh, tw = j + q->pw - b * q->dw;
        if (th < 0 || tw < 0 || th % q->sh || tw % q->sw || th / q->sh >= q->oh || tw / q->sw >= q->ow) continue;
        one.in = ((int64_t)((rh - a * q->dh) / q->sh) * q->ow + (rw - b * q->dw) / q->sw) * q->k;
      }
      tap[count++] = one;
    }
  return count;
}

enum { MAX_TAPS = 64 };

static bool same_taps(const il_tap *a, const il_tap *b, int count) {
  for (int i = 0; i < count; i++)
    if (a[i].in != b[i].in || a[i].weight != b[i].weight) return false;
  return true;
}

static size_t table_bytes(const il_problem *p) {
  const il_extent s = sum_of(p);
  const size_t rows = (size_t)(s.rows_h * s.rows_w);
  /* at worst every row of the image is a class of its own, and no two share a block */
  return sizeof(il_rows) + rows * (size_t)(p->conv.kh * p->conv.kw) * sizeof(il_tap) +
         rows * (size_t)p->conv.n * sizeof(il_block);
}

/* Rows of one class, image by image, cut into blocks of nearly equal height. */
static void cut_class(il_rows *t, const il_problem *p, const int64_t *in, const int64_t *out, int64_t members,
                      int32_t first_tap, int32_t taps) {
  const il_extent s = sum_of(p);
  const int64_t image_in = p->op == IL_OP_CONV2D ? (int64_t)p->conv.h * p->conv.w * p->conv.c
                                                 : (int64_t)p->conv.oh * p->conv.ow * p->conv.k;
  const int64_t total = members * p->conv.n, blocks = (total + ROWS - 1) / ROWS;
  for (int64_t b = 0, row = 0; b < blocks; b++) {
    il_block *block = &t->block[t->blocks++];
    block->rows = (int32_t)(total * (b + 1) / blocks - row);
    block->first_tap = first_tap;
    block->taps = taps;
    for (int r = 0; r < block->rows; r++, row++) {
      block->in[r] = in[row % members] + row / members * image_in;
      block->out[r] = out[row % members] + row / members * s.rows_h * s.rows_w * s.outs;
    }
  }
}

static void prepare_conv(const il_problem *p, void *memory) {
  const il_extent s = sum_of(p);
  const int64_t rows = s.rows_h * s.rows_w;
  il_rows *t = memory;
  t->blocks = t->taps = 0;
  t->tap = (il_tap *)(t + 1);
  t->block = (il_block *)(t->tap + rows * p->conv.kh * p->conv.kw);
  for (int64_t first = 0; first < rows; first++) {
    il_tap tap[MAX_TAPS], other[MAX_TAPS];
    int64_t base, in[1024], out[1024], members = 0;
    const int count = taps_of(p, (int)(first / s.rows_w), (int)(first % s.rows_w), tap, &base);
    bool seen = false;
    for (int64_t row = 0; row < rows && members < 1024; row++) {
      const int n = taps_of(p, (int)(row / s.rows_w), (int)(row % s.rows_w), other, &base);
      if (n != count || !same_taps(tap, other, n)) continue;
      seen = seen || row < first;
      if (seen) break;
      in[members] = base;
      out[members++] = row * s.outs;
    }
    if (seen) continue;
    memcpy(t->tap + t->taps, tap, (size_t)count * sizeof *tap);
    cut_class(t, p, in, out, members, (int32_t)t->taps, count);
    t->taps += count;
  }
}

static bool conv_applicable(const il_problem *p) {
  const il_extent s = sum_of(p);
  return p->conv.groups == 1 && p->conv.kh * p->conv.kw <= MAX_TAPS && s.rows_h * s.rows_w <= 1024;
}
static size_t conv_scratch(const il_problem *p) {
  const il_extent s = sum_of(p);
  return (size_t)(p->conv.kh * p->conv.kw * s.channels * padded(s.outs)) * sizeof(float);
}
static void conv_run(const il_problem *p, const void *table, const void *const *in, void *const *out, void *scratch) {
  const il_rows *t = table;
  const il_extent s = sum_of(p);
  const float *w = pad_rows((int64_t)p->conv.kh * p->conv.kw * s.channels, s.outs, in[1], scratch);
  for (int64_t b = 0; b < t->blocks; b++)
    run_block(&t->block[b], t->tap + t->block[b].first_tap, s.channels, in[0], w, padded(s.outs), s.outs, out[0]);
}

/* ---- matmul ---- */
static bool matmul_applicable(const il_problem *p) { return !p->matmul.transpose_a; }
static size_t matmul_scratch(const il_problem *p) {
  return (size_t)(p->matmul.k * padded(p->matmul.n)) * sizeof(float);
}
static void matmul_run(const il_problem *p, const void *table, const void *const *in, void *const *out, void *scratch) {
  (void)table;
  const il_matmul_geometry *g = &p->matmul;
  const int64_t stride = padded(g->n), blocks = (g->m + ROWS - 1) / ROWS;
  const il_tap tap = {0};
  for (int64_t t = 0; t < g->batch; t++) {
    const float *a = (const float *)in[0] + t * g->m * g->k, *b = (const float *)in[1] + t * g->k * g->n;
    float *y = (float *)out[0] + t * g->m * g->n, *packed = scratch;
    if (g->transpose_b) {
      memset(packed, 0, (size_t)(g->k * stride) * sizeof(float));
      for (int64_t j = 0; j < g->n; j++)
        for (int64_t l = 0; l < g->k; l++) packed[l * stride + j] = b[j * g->k + l];
      b = packed;
    } else {
      b = pad_rows(g->k, g->n, b, packed);
    }
    for (int64_t i = 0, row = 0; i < blocks; i++) {
      il_block block = {.rows = (int32_t)(g->m * (i + 1) / blocks - row), .taps = 1};
      for (int r = 0; r < block.rows; r++, row++) {
        block.in[r] = row * g->k;
        block.out[r] = row * g->n;
      }
      run_block(&block, &tap, g->k, a, b, stride, g->n, y);
    }
  }
}

const il_kernel il_kernel_conv2d = {
    .name = "conv2d/rows", .op = IL_OP_CONV2D, .type = IL_FLOAT32, .isa = "native", .bit_class = "fma",
    .applicable = conv_applicable, .table = table_bytes, .prepare = prepare_conv, .scratch = conv_scratch, .run = conv_run,
};
const il_kernel il_kernel_conv2d_transpose = {
    .name = "conv2d_transpose/rows", .op = IL_OP_CONV2D_TRANSPOSE, .type = IL_FLOAT32, .isa = "native", .bit_class = "fma",
    .applicable = conv_applicable, .table = table_bytes, .prepare = prepare_conv, .scratch = conv_scratch, .run = conv_run,
};
const il_kernel il_kernel_matmul = {
    .name = "matmul/rows", .op = IL_OP_MATMUL, .type = IL_FLOAT32, .isa = "native", .bit_class = "fma",
    .applicable = matmul_applicable, .scratch = matmul_scratch, .run = matmul_run,
};
