/* Sum and max over any axes, in the order that the operation prescribes (kernel.h). */
#include "kernels/kernel.h"
#include "kernels/simd.h"

/* Axes without the last: those that are kept and those that are reduced, each with its stride in x. */
typedef struct il_axes {
  int rank;
  int64_t dim[IL_MAX_RANK], stride[IL_MAX_RANK], index[IL_MAX_RANK];
  int64_t count, at; /* product of dim; offset of the index in x */
} il_axes;

static void split(const il_reduce_geometry *g, il_axes axes[2]) {
  int64_t stride = g->rank > 0 ? g->dim[g->rank - 1] : 1;
  int64_t strides[IL_MAX_RANK];
  for (int i = g->rank - 2; i >= 0; i--) {
    strides[i] = stride;
    stride *= g->dim[i];
  }
  axes[0] = axes[1] = (il_axes){.count = 1};
  for (int i = 0; i < g->rank - 1; i++) {
    il_axes *a = &axes[g->reduced >> i & 1];
    a->dim[a->rank] = g->dim[i];
    a->stride[a->rank++] = strides[i];
    a->count *= g->dim[i];
  }
}

/* To the next index, from the last back to the first. */
static void step(il_axes *a) {
  for (int i = a->rank - 1; i >= 0; i--) {
    a->at += a->stride[i];
    if (++a->index[i] < a->dim[i]) return;
    a->at -= a->stride[i] * a->dim[i];
    a->index[i] = 0;
  }
}

/* Element i goes to lane i % 16. Padding with zeros is exact: a lane starts at +0 and is never -0. */
enum { LANES = 16, PARTS = LANES / IL_VL };
typedef struct il_lanes {
  il_vec part[PARTS];
} il_lanes;
static inline il_lanes add_run(int64_t count, const float *x, il_lanes lanes) {
  int64_t i = 0;
  for (; i + LANES <= count; i += LANES)
    for (int k = 0; k < PARTS; k++) lanes.part[k] += il_load(x + i + k * IL_VL);
  for (int k = 0; k < PARTS && i < count; k++, i += IL_VL)
    lanes.part[k] += il_load_part(x + i, count - i < IL_VL ? count - i : IL_VL);
  return lanes;
}
static inline float fold(const il_lanes *lanes) {
  float lane[LANES];
  memcpy(lane, lanes, sizeof lane);
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int l = 0; l < half; l++) lane[l] += lane[l + half];
  return lane[0];
}

static void run_sum(const il_problem *p, const void *table, const void *const *in, void *const *out,
                    void *scratch) {
  (void)table, (void)scratch;
  const il_reduce_geometry *g = &p->reduce;
  il_axes axes[2];
  split(g, axes);
  const bool last = g->rank > 0 && (g->reduced >> (g->rank - 1) & 1);
  const int64_t width = g->rank > 0 ? g->dim[g->rank - 1] : 1;
  il_axes *kept = &axes[0], *reduced = &axes[1];
  float *y = out[0];
  for (int64_t k = 0; k < kept->count; k++, step(kept)) {
    const float *x = (const float *)in[0] + kept->at;
    if (last) {
      il_lanes lanes = {{{0}}};
      for (int64_t r = 0; r < reduced->count; r++, step(reduced))
        lanes = add_run(width, x + reduced->at, lanes);
      *y++ = fold(&lanes);
      continue;
    }
    memset(y, 0, (size_t)width * sizeof *y);
    if (reduced->rank == 1 && reduced->stride[0] == width)
      il_add_rows(reduced->count, width, x, y);
    else
      for (int64_t r = 0; r < reduced->count; r++, step(reduced))
        il_add_rows(1, width, x + reduced->at, y);
    y += width;
  }
}

/* The first of equal numbers stays, so that zeros keep their sign; NaN is larger than any number. */
static inline float larger(float a, float b) { return ((a < b) | (b != b)) ? b : a; }

enum { NARROW = 64 };
/* Rows of at most NARROW numbers, one behind the other, a vector of them at once: which of two numbers is larger cannot be
 * foretold, and each row waits for itself. */
static void max_of_rows(int64_t rows, int64_t width, const float *restrict x, float *restrict y) {
  float turned[NARROW][IL_VL];
  int64_t k = 0;
  for (; k + IL_VL <= rows; k += IL_VL, x += IL_VL * width) {
    for (int r = 0; r < IL_VL; r++)
      for (int64_t i = 0; i < width; i++) turned[i][r] = x[r * width + i];
    il_vec best = il_load(turned[0]);
    for (int64_t i = 1; i < width; i++) {
      const il_vec number = il_load(turned[i]);
      const il_mask more = (best < number) | (number != number);
      best = (il_vec)((more & (il_mask)number) | (~more & (il_mask)best));
    }
    il_store(y + k, best);
  }
  for (; k < rows; k++, x += width) {
    y[k] = x[0];
    for (int64_t i = 1; i < width; i++) y[k] = larger(y[k], x[i]);
  }
}

static void run_max(const il_problem *p, const void *table, const void *const *in, void *const *out,
                    void *scratch) {
  (void)table, (void)scratch;
  const il_reduce_geometry *g = &p->reduce;
  il_axes axes[2];
  split(g, axes);
  const bool last = g->rank > 0 && (g->reduced >> (g->rank - 1) & 1);
  const int64_t width = g->rank > 0 ? g->dim[g->rank - 1] : 1;
  il_axes *kept = &axes[0], *reduced = &axes[1];
  float *y = out[0];
  if (last && reduced->count == 1 && width <= NARROW) {
    max_of_rows(kept->count, width, in[0], y);
    return;
  }
  for (int64_t k = 0; k < kept->count; k++, step(kept)) {
    const float *x = (const float *)in[0] + kept->at;
    if (last)
      *y = *x;
    else
      memcpy(y, x, (size_t)width * sizeof *y);
    for (int64_t r = 0; r < reduced->count; r++, step(reduced)) {
      const float *from = x + reduced->at;
      if (last) {
        float best = *y;
        for (int64_t i = 0; i < width; i++) best = larger(best, from[i]);
        *y = best;
      } else {
        for (int64_t i = 0; i < width; i++) y[i] = larger(y[i], from[i]);
      }
    }
    y += last ? 1 : width;
  }
}

const il_kernel il_kernel_sum = {
    .name = "sum",
    .op = IL_OP_SUM,
    .type = IL_FLOAT32,
    .isa = IL_KERNEL_ISA,
    .bit_class = "fma",
    .run = run_sum,
};
const il_kernel il_kernel_max = {
    .name = "max",
    .op = IL_OP_MAX,
    .type = IL_FLOAT32,
    .isa = IL_KERNEL_ISA,
    .bit_class = "fma",
    .run = run_max,
};
