/* Winograd's minimal filtering F(2×2, 3×3): 3×3 convolutions of stride 1 with 16 instead of 36 multiply-adds per
 * tile of 2×2 pixels (Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Networks").
 *
 *   conv2d, conv2d_transpose   y = Aᵀ[(G w Gᵀ) · (Bᵀ x B)]A, summed over channels in the middle
 *   conv2d_weight              w = Gᵀ[(Bᵀ x B) · (A y Aᵀ)]G, summed over tiles in the middle
 *
 * Each of the 16 points of a transformed tile is a matrix product of its own. Tiles are taken in runs whose points
 * stay in the second cache. Sums are in a fixed order (channels, respectively tiles ascending) on every instruction set,
 * but not in that of the reference loops: bit class of their own. */
#include "kernels/kernel.h"
#include "kernels/simd.h"

enum {
  SIDE = 4, /* of a transformed tile */
  POINTS = SIDE * SIDE,
  RUN = 72,    /* tiles */
  FEWEST = 64, /* tiles that pay for the transform of the weights */
  ROWS = 6,
  VECTORS = IL_BLOCK_VECTORS,
  WIDTH = 16, /* channels come in multiples of it, whatever the vector */
  GAP = 16, /* floats between planes, which else would fall on the same lines of the first cache */
};

#if IL_FUSED || defined IL_PORTABLE
#define BITS "winograd"
#else
#define BITS "winograd-no-fma"
#endif

/* ---- the four transforms, on one vector of channels ---- */
typedef il_vec il_points[SIDE][SIDE];
#define UNROLL _Pragma("GCC unroll 4")
#define INLINE static inline __attribute__((always_inline))

INLINE void rows_of_x(const il_vec x[SIDE], il_vec t[SIDE]) { /* Bᵀ */
  t[0] = x[0] - x[2];
  t[1] = x[1] + x[2];
  t[2] = x[2] - x[1];
  t[3] = x[1] - x[3];
}
INLINE void rows_to_y(const il_vec m[SIDE], il_vec y[2]) { /* Aᵀ */
  y[0] = m[0] + m[1] + m[2];
  y[1] = m[1] - m[2] - m[3];
}
INLINE void rows_of_y(const il_vec y[2], il_vec m[SIDE]) { /* A */
  m[0] = y[0];
  m[1] = y[0] + y[1];
  m[2] = y[0] - y[1];
  m[3] = -y[1];
}
INLINE void rows_of_w(const il_vec w[3], il_vec u[SIDE]) { /* G */
  const il_vec ends = (w[0] + w[2]) * 0.5f, middle = w[1] * 0.5f;
  u[0] = w[0];
  u[1] = ends + middle;
  u[2] = ends - middle;
  u[3] = w[2];
}
INLINE void rows_to_w(const il_vec u[SIDE], il_vec w[3]) { /* Gᵀ */
  const il_vec sum = (u[1] + u[2]) * 0.5f;
  w[0] = u[0] + sum;
  w[1] = (u[1] - u[2]) * 0.5f;
  w[2] = sum + u[3];
}

/* Both sides of the product with a matrix of `to` by `from`: columns first, then rows. */
#define TRANSFORM(rows, from, to)                                                                  \
  il_vec half[to][SIDE], whole[to][to];                                                            \
  UNROLL for (int j = 0; j < from; j++) {                                                          \
    il_vec column[from], row[to];                                                                  \
    UNROLL for (int i = 0; i < from; i++) column[i] = in[i][j];                                    \
    rows(column, row);                                                                             \
    UNROLL for (int i = 0; i < to; i++) half[i][j] = row[i];                                       \
  }                                                                                                \
  UNROLL for (int i = 0; i < to; i++) rows(half[i], whole[i]);

INLINE void store_points(il_vec points[SIDE][SIDE], float *to, int64_t plane) {
  UNROLL for (int i = 0; i < SIDE; i++) UNROLL for (int j = 0; j < SIDE; j++)
      il_store(to + (i * SIDE + j) * plane, points[i][j]);
}
INLINE void load_points(const float *from, int64_t plane, il_vec points[SIDE][SIDE]) {
  UNROLL for (int i = 0; i < SIDE; i++) UNROLL for (int j = 0; j < SIDE; j++) points[i][j] =
      il_load(from + (i * SIDE + j) * plane);
}

/* x of a tile and its surroundings, given by address, to points. */
static void points_of_x(const float *const at[SIDE][SIDE], int64_t channels, float *to,
                        int64_t plane) {
  for (int64_t c = 0; c < channels; c += IL_VL) {
    il_points in;
    UNROLL for (int i = 0; i < SIDE; i++) UNROLL for (int j = 0; j < SIDE; j++) in[i][j] =
        il_load(at[i][j] + c);
    TRANSFORM(rows_of_x, 4, 4)
    store_points(whole, to + c, plane);
  }
}
static void points_of_y(const float *const at[2][2], int64_t channels, float *to, int64_t plane) {
  for (int64_t c = 0; c < channels; c += IL_VL) {
    il_vec in[2][2];
    UNROLL for (int i = 0; i < 2; i++) UNROLL for (int j = 0; j < 2; j++) in[i][j] =
        il_load(at[i][j] + c);
    TRANSFORM(rows_of_y, 2, 4)
    store_points(whole, to + c, plane);
  }
}
static void y_of_points(const float *from, int64_t plane, int64_t channels, float *const at[2][2]) {
  for (int64_t c = 0; c < channels; c += IL_VL) {
    il_points in;
    load_points(from + c, plane, in);
    TRANSFORM(rows_to_y, 4, 2)
    UNROLL for (int i = 0; i < 2; i++) UNROLL for (int j = 0; j < 2; j++)
        il_store(at[i][j] + c, whole[i][j]);
  }
}
/* Weights [3, 3, count], turned by half a circle for the transpose. */
static void points_of_w(const float *w, bool turned, int64_t count, float *to, int64_t plane) {
  for (int64_t c = 0; c < count; c += IL_VL) {
    il_vec in[3][3];
    UNROLL for (int i = 0; i < 3; i++) UNROLL for (int j = 0; j < 3; j++) {
      const int tap = i * 3 + j;
      in[i][j] = il_load(w + (turned ? 8 - tap : tap) * count + c);
    }
    TRANSFORM(rows_of_w, 3, 4)
    store_points(whole, to + c, plane);
  }
}
static void w_of_points(const float *from, int64_t plane, int64_t count, float *w) {
  for (int64_t c = 0; c < count; c += IL_VL) {
    il_points in;
    load_points(from + c, plane, in);
    TRANSFORM(rows_to_w, 4, 3)
    UNROLL for (int i = 0; i < 3; i++) UNROLL for (int j = 0; j < 3; j++)
        il_store(w + (i * 3 + j) * count + c, whole[i][j]);
  }
}

/* ---- products ---- */
typedef struct il_rows_by_k { /* element (row, k) at x + row·across + k·along */
  const float *x;
  int64_t across, along;
} il_rows_by_k;

INLINE void multiply(int rows, int vectors, const float *a, int64_t across, int64_t along,
                     const float *b, int64_t width, int64_t count, bool add, float *y) {
  il_vec sum[ROWS][VECTORS];
#pragma GCC unroll 6
  for (int r = 0; r < rows; r++)
    UNROLL for (int v = 0; v < vectors; v++) sum[r][v] =
        add ? il_load(y + r * width + v * IL_VL) : (il_vec){0};
  for (int64_t k = 0; k < count; k++, a += along, b += width) {
    il_vec by[VECTORS];
    UNROLL for (int v = 0; v < vectors; v++) by[v] = il_load(b + v * IL_VL);
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
      UNROLL for (int v = 0; v < vectors; v++) sum[r][v] =
          il_fma_scalar(a[r * across], by[v], sum[r][v]);
  }
#pragma GCC unroll 6
  for (int r = 0; r < rows; r++)
    UNROLL for (int v = 0; v < vectors; v++) il_store(y + r * width + v * IL_VL, sum[r][v]);
}

/* Vectors of a block: channels are multiples of WIDTH, so that narrow vectors come in even numbers. */
#if defined IL_AVX512
#define CASES(CASE) IL_SIX(CASE, 1) IL_SIX(CASE, 2) IL_SIX(CASE, 3) IL_SIX(CASE, 4)
#elif defined IL_NEON
#define CASES(CASE) IL_SIX(CASE, 4)
#elif defined IL_PORTABLE
#define CASES(CASE) IL_SIX(CASE, 1)
#else
#define CASES(CASE) IL_SIX(CASE, 2)
#endif
#define CASE(r, v)                                                                                 \
  case r * 8 + v:                                                                                  \
    if (a.along == 1)                                                                              \
      multiply(r, v, a.x, a.across, 1, b, width, count, add, y);                                   \
    else                                                                                           \
      multiply(r, v, a.x, 1, a.along, b, width, count, add, y);                                    \
    break;

/* y [rows, width] = or += a [rows, count] times b [count, width]; a has one of its steps 1. */
static void product(int64_t rows, il_rows_by_k a, const float *b, int64_t width, int64_t count,
                    bool add, float *y_begin) {
  const int64_t blocks = (rows + ROWS - 1) / ROWS;
  const float *x = a.x, *b_begin = b;
  for (int64_t column = 0; column < width;) {
    const int64_t left = (width - column) / IL_VL, vectors = left < VECTORS ? left : VECTORS;
    for (int64_t i = 0, row = 0; i < blocks; i++) {
      const int64_t height = rows * (i + 1) / blocks - row;
      float *y = y_begin + row * width + column;
      a.x = x + row * a.across;
      b = b_begin + column;
      switch (height * 8 + vectors) {
        CASES(CASE)
      default: break;
      }
      row += height;
    }
    column += vectors * IL_VL;
  }
}

/* ---- tiles ---- */
typedef struct il_tiling {
  int64_t h, w, down, across, count; /* tiles of an image, of all */
  int64_t runs;                      /* of nearly equal length, at most RUN */
} il_tiling;

static il_tiling tiling_of(const il_conv_geometry *g) {
  const int64_t down = (g->h + 1) / 2, across = (g->w + 1) / 2;
  const int64_t count = g->n * down * across;
  return (il_tiling){g->h, g->w, down, across, count, (count + RUN - 1) / RUN};
}

typedef struct
    il_corner { /* of a tile: its image's first pixel, and where in the image it begins */
  int64_t first, y, x;
} il_corner;
static inline il_corner corner_of(const il_tiling *g, int64_t t) {
  const int32_t each = (int32_t)(g->down * g->across), image = (int32_t)t / each,
                at = (int32_t)t % each, across = (int32_t)g->across;
  return (il_corner){image * g->h * g->w, at / across * 2, at % across * 2};
}
/* The pixel that is `row` and `column` away from the corner; -1: outside of the image. */
static inline int64_t pixel(const il_tiling *g, const il_corner *p, int row, int column) {
  const int64_t y = p->y + row, x = p->x + column;
  return y < 0 || y >= g->h || x < 0 || x >= g->w ? -1 : p->first + y * g->w + x;
}

static void run_of_x(const il_tiling *g, int64_t first, int64_t tiles, const float *x,
                     int64_t channels, const float *zeros, float *to, int64_t plane) {
  for (int64_t t = 0; t < tiles; t++) {
    const float *at[SIDE][SIDE];
    const il_corner corner = corner_of(g, first + t);
    for (int i = 0; i < SIDE; i++)
      for (int j = 0; j < SIDE; j++) {
        const int64_t p = pixel(g, &corner, i - 1, j - 1);
        at[i][j] = p < 0 ? zeros : x + p * channels;
      }
    points_of_x(at, channels, to + t * channels, plane);
  }
}
static void run_of_y(const il_tiling *g, int64_t first, int64_t tiles, const float *y,
                     int64_t channels, const float *zeros, float *to, int64_t plane) {
  for (int64_t t = 0; t < tiles; t++) {
    const float *at[2][2];
    const il_corner corner = corner_of(g, first + t);
    for (int i = 0; i < 2; i++)
      for (int j = 0; j < 2; j++) {
        const int64_t p = pixel(g, &corner, i, j);
        at[i][j] = p < 0 ? zeros : y + p * channels;
      }
    points_of_y(at, channels, to + t * channels, plane);
  }
}
static void run_to_y(const il_tiling *g, int64_t first, int64_t tiles, const float *from,
                     int64_t plane, int64_t channels, float *y, float *nowhere) {
  for (int64_t t = 0; t < tiles; t++) {
    float *at[2][2];
    const il_corner corner = corner_of(g, first + t);
    for (int i = 0; i < 2; i++)
      for (int j = 0; j < 2; j++) {
        const int64_t p = pixel(g, &corner, i, j);
        at[i][j] = p < 0 ? nowhere : y + p * channels;
      }
    y_of_points(from + t * channels, plane, channels, at);
  }
}

/* ---- rows ---- */
/* Scratch, in floats: a pixel of zeros, one to be thrown away, weights in points, a run of tiles of either side. */
typedef struct il_room {
  float *zeros, *nowhere, *w, *x, *y;
  int64_t w_plane, x_plane, y_plane, floats;
} il_room;

static il_room room_of(const il_conv_geometry *g, float *scratch) {
  const int64_t widest = g->c > g->k ? g->c : g->k, w = (int64_t)g->c * g->k + GAP,
                x = (int64_t)RUN * g->c + GAP, y = (int64_t)RUN * g->k + GAP;
  il_room r = {.w_plane = w, .x_plane = x, .y_plane = y};
  r.floats = 2 * widest + POINTS * (w + x + y);
  if (!scratch) return r;
  r.zeros = scratch;
  r.nowhere = r.zeros + widest;
  memset(r.zeros, 0, (size_t)widest * sizeof *scratch);
  r.w = r.nowhere + widest;
  r.x = r.w + POINTS * w;
  r.y = r.x + POINTS * x;
  return r;
}
static size_t scratch_bytes(const il_problem *p) {
  return (size_t)room_of(&p->conv, NULL).floats * sizeof(float);
}

static const char *refuses(const il_problem *p) {
  const il_conv_geometry *g = &p->conv;
  if (p->direct) return "is not a direct convolution";
  if (g->kh != 3 || g->kw != 3 || g->sh != 1 || g->sw != 1 || g->dh != 1 || g->dw != 1 ||
      g->ph != 1 || g->pw != 1 || g->oh != g->h || g->ow != g->w || g->groups != 1)
    return "takes 3x3 windows of stride 1 and padding 1, in one group";
  if (g->c % WIDTH || g->k % WIDTH) return "takes multiples of 16 channels";
  const il_tiling t = tiling_of(g);
  const int64_t inside = (3 * t.h - 2) * (3 * t.w - 2); /* multiply-adds of an image and channel */
  if (3 * inside < 4 * POINTS * t.down * t.across)
    return "takes images on which it saves a quarter of the multiply-adds";
  return t.count < FEWEST ? "takes 64 and more tiles of 2x2 pixels" : NULL;
}

static void run_conv(const il_problem *p, const void *table, const void *const *in,
                     void *const *out, void *scratch) {
  (void)table;
  const bool forward = p->op == IL_OP_CONV2D;
  const il_conv_geometry *g = &p->conv;
  const il_tiling tiles = tiling_of(g);
  const il_room r = room_of(g, scratch);
  const int64_t channels = forward ? g->c : g->k, outs = forward ? g->k : g->c,
                x_plane = forward ? r.x_plane : r.y_plane,
                y_plane = forward ? r.y_plane : r.x_plane;
  float *x = forward ? r.x : r.y, *y = forward ? r.y : r.x;
  points_of_w(in[1], !forward, channels * outs, r.w, r.w_plane);
  for (int64_t i = 0, first = 0, run; i < tiles.runs; i++, first += run) {
    run = tiles.count * (i + 1) / tiles.runs - first;
    run_of_x(&tiles, first, run, in[0], channels, r.zeros, x, x_plane);
    for (int at = 0; at < POINTS; at++)
      product(run, (il_rows_by_k){x + at * x_plane, channels, 1}, r.w + at * r.w_plane, outs,
              channels, false, y + at * y_plane);
    run_to_y(&tiles, first, run, y, y_plane, outs, out[0], r.nowhere);
  }
}

static void run_weight(const il_problem *p, const void *table, const void *const *in,
                       void *const *out, void *scratch) {
  (void)table;
  const il_conv_geometry *g = &p->conv;
  const il_tiling tiles = tiling_of(g);
  const il_room r = room_of(g, scratch);
  for (int64_t i = 0, first = 0, run; i < tiles.runs; i++, first += run) {
    run = tiles.count * (i + 1) / tiles.runs - first;
    run_of_x(&tiles, first, run, in[0], g->c, r.zeros, r.x, r.x_plane);
    run_of_y(&tiles, first, run, in[1], g->k, r.zeros, r.y, r.y_plane);
    for (int at = 0; at < POINTS; at++)
      product(g->c, (il_rows_by_k){r.x + at * r.x_plane, 1, g->c}, r.y + at * r.y_plane, g->k, run,
              first > 0, r.w + at * r.w_plane);
  }
  w_of_points(r.w, r.w_plane, (int64_t)g->c * g->k, out[0]);
}

const il_kernel il_kernel_conv2d_winograd = {
    .name = "conv2d/winograd",
    .op = IL_OP_CONV2D,
    .type = IL_FLOAT32,
    .isa = IL_KERNEL_ISA,
    .bit_class = BITS,
    .refuses = refuses,
    .scratch = scratch_bytes,
    .run = run_conv,
};
const il_kernel il_kernel_conv2d_transpose_winograd = {
    .name = "conv2d_transpose/winograd",
    .op = IL_OP_CONV2D_TRANSPOSE,
    .type = IL_FLOAT32,
    .isa = IL_KERNEL_ISA,
    .bit_class = BITS,
    .refuses = refuses,
    .scratch = scratch_bytes,
    .run = run_conv,
};
const il_kernel il_kernel_conv2d_weight_winograd = {
    .name = "conv2d_weight/winograd",
    .op = IL_OP_CONV2D_WEIGHT,
    .type = IL_FLOAT32,
    .isa = IL_KERNEL_ISA,
    .bit_class = BITS,
    .refuses = refuses,
    .scratch = scratch_bytes,
    .run = run_weight,
};
