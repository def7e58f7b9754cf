/* Sum over the last axis for IL_LANES tasks at once: the 16 accumulators of the plain sum are registers of
 * lanes. Sums that keep the last axis need no kernel of their own (il_lanes_trailing). */
#include "kernels/lanes.h"

enum { ACCUMULATORS = 16 };

/* Adds the reduced axes of x from `axis` on; the innermost is a run. */
static void add(const il_reduce_geometry *g, const int64_t *stride, int axis, const float *x,
                il_lane sum[ACCUMULATORS]) {
  if (axis == g->rank - 1) {
    for (int64_t i = 0; i < g->dim[axis]; i++)
      sum[i % ACCUMULATORS] += il_lane_load(x + i * IL_LANES);
    return;
  }
  const int64_t times = g->reduced >> axis & 1 ? g->dim[axis] : 1;
  for (int64_t i = 0; i < times; i++) add(g, stride, axis + 1, x + i * stride[axis], sum);
}

/* To the next index of the kept axes; returns the offset in x. */
static int64_t step(const il_reduce_geometry *g, const int64_t *stride, int64_t *index,
                    int64_t at) {
  for (int i = g->rank - 1; i >= 0; i--) {
    if (g->reduced >> i & 1) continue;
    at += stride[i];
    if (++index[i] < g->dim[i]) break;
    at -= stride[i] * g->dim[i];
    index[i] = 0;
  }
  return at;
}

static void run(const il_problem *p, const void *table, const void *const *in, void *const *out,
                void *scratch) {
  (void)table, (void)scratch;
  const il_reduce_geometry *g = &p->reduce;
  int64_t stride[IL_MAX_RANK], index[IL_MAX_RANK] = {0}, next = IL_LANES, kept = 1, at = 0;
  for (int i = g->rank - 1; i >= 0; i--) {
    stride[i] = next;
    next *= g->dim[i];
    if (!(g->reduced >> i & 1)) kept *= g->dim[i];
  }
  float *y = out[0];
  for (int64_t k = 0; k < kept; k++, y += IL_LANES, at = step(g, stride, index, at))
    for (int part = 0; part < IL_LANES; part += IL_LANE_PART) {
      il_lane sum[ACCUMULATORS] = {0};
      add(g, stride, 0, (const float *)in[0] + at + part, sum);
      for (int half = ACCUMULATORS / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++) sum[l] += sum[l + half];
      il_lane_store(y + part, sum[0]);
    }
}

static const char *refuses(const il_problem *p) {
  const il_reduce_geometry *g = &p->reduce;
  return g->rank > 0 && (g->reduced >> (g->rank - 1) & 1) ? NULL : "takes sums over the last axis";
}

const il_kernel il_kernel_lanes_sum = {
    .name = "lanes/sum",
    .op = IL_OP_SUM,
    .type = IL_FLOAT32,
    .isa = IL_KERNEL_ISA,
    .bit_class = "fma",
    .lanes = true,
    .refuses = refuses,
    .run = run,
};
