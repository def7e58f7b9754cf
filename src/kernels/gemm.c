/* The matrix kernel: blocks of up to 6 rows by 4 vectors of output channels, summed over taps and channels.
 * A row is an address plus one offset per tap, so that convolution of any stride and padding, its transpose
 * and matmul are the same loop. Rows of a block see the same taps: padding is skipped, never stored.
 *
 * Table of a convolution (all int32): classes of pixels with the same taps, their taps, their pixels. Weights
 * [tap][channel][out]; where the outputs are no multiple of the vector they are copied with padding. */
#include "kernels/kernel.h"
#include "kernels/pack.h"

/* Rows come from anywhere and each takes a register for its address: no more than six. */
enum { ROWS = 6, VECTORS = IL_BLOCK_VECTORS, NARROW = 4 };

typedef struct il_term {
  int32_t in;     /* offset from the row's address, elements */
  int32_t weight; /* row of the weights, in units of `channels` rows */
} il_term;

typedef struct il_block {
  int rows;
  int64_t terms, channels; /* a term: `channels` neighbours of x by as many rows of the weights */
  const il_term *term;
  const float *in[ROWS];
  float *out[ROWS];
} il_block;

/* ---- the loop ---- */
static inline __attribute__((always_inline)) void multiply(const int rows, const int vectors,
                                                           const il_block *block,
                                                           const int64_t channels, const float *w,
                                                           int64_t stride,
                                                           il_vec acc[ROWS][VECTORS]) {
  const float *in[ROWS];
#pragma GCC unroll 6
  for (int r = 0; r < rows; r++) in[r] = block->in[r];
  for (int64_t t = 0; t < block->terms; t++) {
    const int64_t from = block->term[t].in;
    const float *by = w + block->term[t].weight * channels * stride;
    for (int64_t c = 0; c < channels; c++, by += stride) {
      il_vec b[VECTORS];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++) b[v] = il_load(by + v * IL_VL);
#pragma GCC unroll 6
      for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
          acc[r][v] = il_fma_scalar(in[r][from + c], b[v], acc[r][v]);
    }
  }
}

static inline __attribute__((always_inline)) void run_panel(const int rows, const int vectors,
                                                            const il_block *block, const float *w,
                                                            int64_t stride, int64_t column,
                                                            int64_t outs) {
  il_vec acc[ROWS][VECTORS];
#pragma GCC unroll 6
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) acc[r][v] = (il_vec){0};
  if (block->channels == 1)
    multiply(rows, vectors, block, 1, w + column, stride, acc);
  else
    multiply(rows, vectors, block, block->channels, w + column, stride, acc);
  const int64_t left = outs - column - (vectors - 1) * IL_VL; /* lanes of the last vector */
#pragma GCC unroll 6
  for (int r = 0; r < rows; r++) {
    float *y = block->out[r] + column;
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      if (v == vectors - 1 && left < IL_VL)
        il_store_part(y + v * IL_VL, acc[r][v], left);
      else
        il_store(y + v * IL_VL, acc[r][v]);
    }
  }
}

#define CASE(r, v)                                                                                 \
  case r * 8 + v: run_panel(r, v, block, w, stride, column, outs); break;
static void run_block(const il_block *block, const float *w, int64_t stride, int64_t outs) {
  for (int64_t column = 0; column < outs;) {
    const int64_t left = (outs - column + IL_VL - 1) / IL_VL;
    const int vectors = left < VECTORS ? (int)left : VECTORS;
    switch (block->rows * 8 + vectors) {
      IL_BLOCK_CASES_6(CASE)
    default: break;
    }
    column += vectors * IL_VL;
  }
}

/* ---- convolution and its transpose: the table ---- */
typedef struct il_axis { /* one axis of the geometry, seen from the result */
  int32_t rows, kernel, stride, pad, dilation, size; /* size: of the operand that is read */
} il_axis;

typedef struct il_class {
  int32_t first_row, rows, first_term, terms;
} il_class;
typedef struct il_row {
  int32_t in, out;
} il_row;

typedef struct il_table {
  int32_t classes, terms, rows;
  int32_t channels;         /* of a term */
  uint32_t term_at, row_at; /* bytes from the table's begin; the classes follow this head */
} il_table;

static bool is_forward(const il_problem *p) { return p->op == IL_OP_CONV2D; }
static void axes_of(const il_problem *p, il_axis axis[2]) {
  const il_conv_geometry *q = &p->conv;
  const bool f = is_forward(p);
  axis[0] = (il_axis){f ? q->oh : q->h, q->kh, q->sh, q->ph, q->dh, f ? q->h : q->oh};
  axis[1] = (il_axis){f ? q->ow : q->w, q->kw, q->sw, q->pw, q->dw, f ? q->w : q->ow};
}
static int32_t channels_of(const il_problem *p) { return is_forward(p) ? p->conv.c : p->conv.k; }
static int32_t outs_of(const il_problem *p) { return is_forward(p) ? p->conv.k : p->conv.c; }
/* Few channels: each is a term of its own, so that the inner loop is one long run. */
static int32_t term_channels(const il_problem *p) {
  return channels_of(p) <= NARROW ? 1 : channels_of(p);
}

/* Position that the tap of result position i reads; -1: none. */
static int32_t reads(const il_axis *a, bool forward, int32_t i, int32_t tap) {
  if (forward) {
    const int32_t at = i * a->stride + tap * a->dilation - a->pad;
    return at >= 0 && at < a->size ? at : -1;
  }
  const int32_t at = i + a->pad - tap * a->dilation;
  return at >= 0 && at % a->stride == 0 && at / a->stride < a->size ? at / a->stride : -1;
}
/* Whether i and j have the same taps at the same distances. */
static bool alike(const il_axis *a, bool forward, int32_t i, int32_t j) {
  int32_t shift = 0;
  bool first = true;
  for (int32_t t = 0; t < a->kernel; t++) {
    const int32_t x = reads(a, forward, i, t), y = reads(a, forward, j, t);
    if ((x < 0) != (y < 0)) return false;
    if (x < 0) continue;
    if (!first && y - x != shift) return false;
    shift = y - x;
    first = false;
  }
  return true;
}
/* The first position alike to i, for all i. */
static void leaders(const il_axis *a, bool forward, int32_t *leader) {
  for (int32_t i = 0; i < a->rows; i++)
    for (int32_t j = 0; j <= i; j++) {
      if (leader[j] != j && j < i) continue;
      leader[i] = j;
      if (alike(a, forward, i, j)) break;
    }
}

static int64_t kinds(const il_axis *a, bool forward) {
  int64_t count = 0;
  for (int32_t i = 0; i < a->rows; i++) {
    int32_t j = 0;
    while (j < i && !alike(a, forward, i, j)) j++;
    count += j == i;
  }
  return count;
}
/* Byte offsets: terms, rows, leaders of both axes, end. Of classes and terms there may be fewer. */
static void parts_of(const il_problem *p, size_t at[4]) {
  il_axis a[2];
  axes_of(p, a);
  const size_t classes = (size_t)(kinds(&a[0], is_forward(p)) * kinds(&a[1], is_forward(p)));
  const size_t terms =
      classes * (size_t)(a[0].kernel * a[1].kernel) * (size_t)(channels_of(p) / term_channels(p));
  at[0] = sizeof(il_table) + classes * sizeof(il_class);
  at[1] = at[0] + terms * sizeof(il_term);
  at[2] = at[1] + (size_t)a[0].rows * (size_t)a[1].rows * sizeof(il_row);
  at[3] = at[2] + (size_t)(a[0].rows + a[1].rows) * sizeof(int32_t);
}
static size_t table_bytes(const il_problem *p) {
  size_t at[4];
  parts_of(p, at);
  return at[3];
}

/* The taps of pixel (i, j), relative to the first: that is where its row begins. Returns the address. */
static int32_t terms_of(const il_problem *p, const il_axis a[2], int32_t i, int32_t j, il_table *t,
                        il_term *term, il_class *class) {
  const int32_t channels = channels_of(p), step = term_channels(p);
  int32_t base = -1;
  for (int32_t u = 0; u < a[0].kernel; u++)
    for (int32_t v = 0; v < a[1].kernel; v++) {
      const int32_t y = reads(&a[0], is_forward(p), i, u), x = reads(&a[1], is_forward(p), j, v);
      if (x < 0 || y < 0) continue;
      const int32_t at = (y * a[1].size + x) * channels;
      if (base < 0) base = at;
      for (int32_t c = 0; term && c < channels; c += step, class->terms++)
        term[t->terms++] = (il_term){at - base + c, ((u * a[1].kernel + v) * channels + c) / step};
    }
  return base < 0 ? 0 : base;
}

static void prepare_conv(const il_problem *p, void *memory) {
  il_axis a[2];
  size_t at[4];
  axes_of(p, a);
  parts_of(p, at);
  char *base = memory;
  il_table *t = memory;
  il_class *class = (il_class *)(t + 1);
  il_term *term = (il_term *)(void *)(base + at[0]);
  il_row *row = (il_row *)(void *)(base + at[1]);
  int32_t *leader[2] = {(int32_t *)(void *)(base + at[2]),
                        (int32_t *)(void *)(base + at[2]) + a[0].rows};
  *t = (il_table){
      .channels = term_channels(p), .term_at = (uint32_t)at[0], .row_at = (uint32_t)at[1]};
  for (int k = 0; k < 2; k++) leaders(&a[k], is_forward(p), leader[k]);
  for (int32_t i = 0; i < a[0].rows; i++)
    for (int32_t j = 0; j < a[1].rows; j++) {
      if (leader[0][i] != i || leader[1][j] != j) continue;
      *class = (il_class){.first_row = t->rows, .first_term = t->terms};
      terms_of(p, a, i, j, t, term, class);
      for (int32_t y = i; y < a[0].rows; y++)
        for (int32_t x = j; x < a[1].rows; x++) {
          if (leader[0][y] != i || leader[1][x] != j) continue;
          row[t->rows++] =
              (il_row){terms_of(p, a, y, x, t, NULL, NULL), (y * a[1].rows + x) * outs_of(p)};
        }
      class->rows = t->rows - class->first_row;
      class ++;
      t->classes++;
    }
}

/* At most so many taps stand in the table; kinds are counted only where all positions might be too many. */
enum { MOST_TERMS = 1 << 27 };
static double most_terms(const il_problem *p) {
  il_axis a[2];
  axes_of(p, a);
  const double each = (double)a[0].kernel * a[1].kernel * channels_of(p) / term_channels(p);
  const double all = each * a[0].rows * a[1].rows;
  return all < MOST_TERMS
             ? all
             : each * (double)kinds(&a[0], is_forward(p)) * (double)kinds(&a[1], is_forward(p));
}

static const char *conv_refuses(const il_problem *p) {
  const il_conv_geometry *q = &p->conv;
  if (q->groups != 1) return "takes one group only";
  if (most_terms(p) >= MOST_TERMS) return "takes tables of fewer than 2^27 taps only";
  if ((int64_t)q->h * q->w * q->c >= INT32_MAX || (int64_t)q->oh * q->ow * q->k >= INT32_MAX)
    return "takes images of fewer than 2^31 numbers only";
  return NULL;
}
static int64_t weight_rows(const il_problem *p) {
  return (int64_t)p->conv.kh * p->conv.kw * channels_of(p);
}
static size_t conv_scratch(const il_problem *p) {
  const int64_t outs = outs_of(p);
  return outs == il_padded(outs) ? 0 : (size_t)(weight_rows(p) * il_padded(outs)) * sizeof(float);
}
static void conv_run(const il_problem *p, const void *table, const void *const *in,
                     void *const *out, void *scratch) {
  const il_table *t = table;
  const il_class *class = (const il_class *)(t + 1);
  const il_term *term = (const il_term *)(const void *)((const char *)table + t->term_at);
  const il_row *rows = (const il_row *)(const void *)((const char *)table + t->row_at);
  il_axis a[2];
  axes_of(p, a);
  const int64_t outs = outs_of(p), stride = il_padded(outs);
  const int64_t image_in = (int64_t)a[0].size * a[1].size * channels_of(p),
                image_out = (int64_t)t->rows * outs;
  const float *w = in[1];
  if (stride != outs) {
    il_pack_padded(weight_rows(p), outs, w, scratch);
    w = scratch;
  }
  for (int32_t k = 0; k < t->classes; k++, class ++) {
    const il_row *row = rows + class->first_row;
    const float *x = in[0];
    float *y = out[0];
    const int64_t total = (int64_t) class->rows * p->conv.n, blocks = (total + ROWS - 1) / ROWS;
    il_block block = {
        .terms = class->terms, .channels = t->channels, .term = term + class->first_term};
    int32_t member = 0;
    for (int64_t b = 0, done = 0; b < blocks; b++, done += block.rows) {
      block.rows =
          (int)(total * (b + 1) / blocks - done); /* nearly equal heights: no block of one row */
      for (int r = 0; r < block.rows; r++) {
        block.in[r] = x + row[member].in;
        block.out[r] = y + row[member].out;
        if (++member == class->rows) {
          member = 0;
          x += image_in;
          y += image_out;
        }
      }
      run_block(&block, w, stride, outs);
    }
  }
}

/* ---- matmul ---- */
static const char *matmul_refuses(const il_problem *p) {
  return p->matmul.transpose_a ? "reads the first operand by rows, not transposed" : NULL;
}
static size_t matmul_scratch(const il_problem *p) {
  const il_matmul_geometry *g = &p->matmul;
  return g->transpose_b || g->n % IL_VL ? (size_t)(g->k * il_padded(g->n)) * sizeof(float) : 0;
}
static void matmul_run(const il_problem *p, const void *table, const void *const *in,
                       void *const *out, void *scratch) {
  (void)table;
  const il_matmul_geometry *g = &p->matmul;
  const int64_t stride = il_padded(g->n), blocks = (g->m + ROWS - 1) / ROWS;
  const il_term term = {0, 0};
  il_block block = {.terms = 1, .channels = g->k, .term = &term};
  for (int64_t t = 0; t < g->batch; t++) {
    const float *a = (const float *)in[0] + t * g->m * g->k;
    const float *b = il_pack_operand(g->k, g->n, g->transpose_b,
                                     (const float *)in[1] + t * g->k * g->n, scratch);
    float *y = (float *)out[0] + t * g->m * g->n;
    for (int64_t i = 0, row = 0; i < blocks; i++) {
      block.rows = (int)(g->m * (i + 1) / blocks - row);
      for (int r = 0; r < block.rows; r++, row++) {
        block.in[r] = a + row * g->k;
        block.out[r] = y + row * g->n;
      }
      run_block(&block, b, stride, g->n);
    }
  }
}

const il_kernel il_kernel_conv2d = {
    .name = "conv2d/rows",
    .op = IL_OP_CONV2D,
    .type = IL_FLOAT32,
    .isa = IL_KERNEL_ISA,
    .bit_class = IL_KERNEL_BITS,
    .refuses = conv_refuses,
    .table = table_bytes,
    .prepare = prepare_conv,
    .scratch = conv_scratch,
    .run = conv_run,
};
const il_kernel il_kernel_conv2d_transpose = {
    .name = "conv2d_transpose/rows",
    .op = IL_OP_CONV2D_TRANSPOSE,
    .type = IL_FLOAT32,
    .isa = IL_KERNEL_ISA,
    .bit_class = IL_KERNEL_BITS,
    .refuses = conv_refuses,
    .table = table_bytes,
    .prepare = prepare_conv,
    .scratch = conv_scratch,
    .run = conv_run,
};
const il_kernel il_kernel_matmul = {
    .name = "matmul/rows",
    .op = IL_OP_MATMUL,
    .type = IL_FLOAT32,
    .isa = IL_KERNEL_ISA,
    .bit_class = IL_KERNEL_BITS,
    .refuses = matmul_refuses,
    .scratch = matmul_scratch,
    .run = matmul_run,
};
