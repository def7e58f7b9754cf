/* Which operations there are. Data only: depends on nothing but the public types, is read by kernels
 * and by the graph. Elementwise operations are rows of elementwise.def, structured ones of
 * structured.def (their record stands in graph/ops/). */
#ifndef IL_OP_OP_H
#define IL_OP_OP_H

#include <innerloop/shape.h>

typedef enum il_op {
  IL_OP_NONE = 0,
#define IL_ELEMENTWISE(id, name, arity, formula, value, d0, d1, d2, low, high, flops) IL_OP_##id,
#include "elementwise.def"
#undef IL_ELEMENTWISE
#define IL_STRUCTURED(id, record) IL_OP_##id,
#include "structured.def"
#undef IL_STRUCTURED
  IL_OP_COUNT
} il_op;

enum {
  IL_ELEMENTWISE_FIRST = 1,
  IL_ELEMENTWISE_COUNT = 0
#define IL_ELEMENTWISE(id, name, arity, formula, value, d0, d1, d2, low, high, flops) +1
#include "elementwise.def"
#undef IL_ELEMENTWISE
};
static inline bool il_op_elementwise(il_op op) {
  return (int)op >= (int)IL_ELEMENTWISE_FIRST &&
         (int)op < IL_ELEMENTWISE_FIRST + (int)IL_ELEMENTWISE_COUNT;
}

/* Leads from values per task to a shared one. */
static inline bool il_op_averages(il_op op) {
  return op == IL_OP_TASK_MEAN || op == IL_OP_TASK_PRODUCT;
}

/* The result is the operand, element by element and in the same shape; they differ in derivatives alone. */
static inline bool il_op_repeats(il_op op) { return op == IL_OP_STOP_GRADIENT || op == IL_OP_LEAF; }

enum { IL_TASK_PRODUCT_PAIRS = 24 }; /* at most */

/* Attributes of structured operations, as stored in a node (all zero-filled before use, so that equal
 * attributes are equal bytes). Operations without an entry have none: broadcast, reshape, cast, index, gather, solve,
 * stop_gradient, task_mean, task_product (the result's shape says it all). */
typedef struct il_attr_input {
  int64_t index;
} il_attr_input; /* input: position among inputs */
typedef struct il_attr_constant {
  double number;
} il_attr_constant; /* constant */
typedef struct il_attr_axes {
  int64_t axes;
} il_attr_axes; /* sum, max: bit mask */
typedef struct il_attr_axis {
  int64_t axis;
} il_attr_axis; /* argmax, concat */
typedef struct il_attr_permutation {
  int64_t axis[IL_MAX_RANK];
} il_attr_permutation; /* transpose */
typedef struct il_attr_begin {
  int64_t begin[IL_MAX_RANK];
} il_attr_begin; /* slice */
typedef struct il_attr_pad {
  int64_t low[IL_MAX_RANK];
} il_attr_pad; /* pad; high from the shapes */
typedef struct il_attr_matmul {
  int64_t transpose_a, transpose_b;
} il_attr_matmul;
typedef struct il_attr_window {
  il_window window;
} il_attr_window; /* conv family, pool family */
/* Whether the taps of a pool's window are numbered by uint8; of larger ones by int32. */
static inline bool il_narrow_taps(int64_t height, int64_t width) { return height * width <= 256; }
typedef struct il_attr_stream {
  int64_t stream;
} il_attr_stream; /* random_uniform, random_normal; key_at: streams of a step */
typedef struct il_attr_serial {
  int64_t serial;
} il_attr_serial;              /* leaf: keeps two of the same value apart */
enum { IL_LOOP_SOURCES = 12 }; /* at most */
typedef struct il_attr_loop {
  int64_t body, count; /* the graph's body of this index, so many times */
  int64_t backwards, keeps;
  int64_t offset[IL_LOOP_SOURCES]; /* elements of a source before its first row */
} il_attr_loop;                    /* loop */
/* one_hot, scatter_add: classes / rows are the result's shape. */

/* The geometry of a convolution of any of the three kinds, seen from the forward one:
 * x [n,h,w,c] * w [kh,kw,c/groups,k] -> y [n,oh,ow,k]. */
typedef struct il_conv_geometry {
  int32_t n, h, w, c, oh, ow, k, kh, kw, sh, sw, ph, pw, dh, dw, groups;
} il_conv_geometry;

/* The geometry of a pool of any kind, seen from the forward one: x [n,h,w,c] -> y [n,oh,ow,c]. Kernels take taps that are
 * il_narrow_taps. */
typedef struct il_pool_geometry {
  int32_t n, h, w, c, oh, ow, kh, kw, sh, sw, ph, pw, dh, dw;
} il_pool_geometry;
/* Whether all taps of all windows lie inside the image, and none in two windows. */
static inline bool il_pool_apart(const il_pool_geometry *g) {
  return g->ph == 0 && g->pw == 0 && g->dh == 1 && g->dw == 1 && g->sh >= g->kh && g->sw >= g->kw &&
         (g->oh - 1) * g->sh + g->kh <= g->h && (g->ow - 1) * g->sw + g->kw <= g->w;
}

#endif
