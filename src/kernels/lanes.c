/* What all work in task lanes shares: copies in and out, the lanes' sum, and lanes as a trailing axis. */
#include "kernels/lanes.h"

static bool trailing_reduce(il_op op, il_reduce_geometry *r) {
  const bool last = r->rank > 0 && (r->reduced >> (r->rank - 1) & 1);
  if (r->rank > 0 && !last) {
    r->dim[r->rank - 1] *= IL_LANES;
    return true;
  }
  /* A sum over the last axis has an order of its own. */
  if ((op == IL_OP_SUM && last) || r->rank == IL_MAX_RANK) return false;
  r->dim[r->rank++] = IL_LANES;
  return true;
}

static bool trailing_move(il_move_geometry *m) {
  if (m->rank == IL_MAX_RANK) return false;
  for (int i = 0; i < m->rank; i++) m->stride[i] *= IL_LANES;
  m->offset *= IL_LANES;
  m->dim[m->rank] = IL_LANES;
  m->stride[m->rank++] = 1;
  return true;
}

bool il_lanes_trailing(il_problem *p) {
  switch ((int)p->op) { /* families of geometry, not behaviour */
  case IL_OP_SUM:
  case IL_OP_MAX: return trailing_reduce(p->op, &p->reduce);
  case IL_OP_BROADCAST:
  case IL_OP_TRANSPOSE:
  case IL_OP_SLICE: return trailing_move(&p->move);
  case IL_OP_AVERAGE_POOL:
  case IL_OP_AVERAGE_POOL_TRANSPOSE: p->pool.c *= IL_LANES; return true;
  default: return false;
  }
}

#define COPY(type, to, from)                                                                       \
  for (int64_t i = 0; i < count; i++) ((type *)y)[to] = ((const type *)x)[from]

void il_lanes_put(size_t size, int64_t count, int lane, void *y, const void *x) {
  switch (size) {
  case 1: COPY(uint8_t, i * IL_LANES + lane, i); return;
  case 4: COPY(uint32_t, i * IL_LANES + lane, i); return;
  default: COPY(uint64_t, i * IL_LANES + lane, i); return;
  }
}

void il_lanes_take(size_t size, int64_t count, int lane, void *y, const void *x) {
  switch (size) {
  case 1: COPY(uint8_t, i, i * IL_LANES + lane); return;
  case 4: COPY(uint32_t, i, i * IL_LANES + lane); return;
  default: COPY(uint64_t, i, i * IL_LANES + lane); return;
  }
}

/* In a full group neighbouring lanes are neighbouring numbers, so a level of the tree halves a flat array. */
#define LANES_SUM(name, type)                                                                      \
  static void name(int64_t count, int live, type *x, type *y) {                                    \
    enum { TILE = 64 };                                                                            \
    type half[TILE * IL_LANES / 2], quarter[TILE * IL_LANES / 4];                                  \
    for (int64_t at = 0; live == IL_LANES && at < count; at += TILE) {                             \
      const int64_t n = count - at < TILE ? count - at : TILE;                                     \
      const type *restrict from = x + at * IL_LANES;                                               \
      for (int64_t i = 0; i < 4 * n; i++) half[i] = from[2 * i] + from[2 * i + 1];                 \
      for (int64_t i = 0; i < 2 * n; i++) quarter[i] = half[2 * i] + half[2 * i + 1];              \
      for (int64_t i = 0; i < n; i++) y[at + i] = quarter[2 * i] + quarter[2 * i + 1];             \
    }                                                                                              \
    for (int64_t i = 0; live < IL_LANES && i < count; i++, x += IL_LANES) {                        \
      for (int step = 1; step < live; step *= 2)                                                   \
        for (int l = 0; l + step < live; l += 2 * step) x[l] += x[l + step];                       \
      y[i] = x[0];                                                                                 \
    }                                                                                              \
  }
LANES_SUM(sum_float, float)
LANES_SUM(sum_double, double)

void il_lanes_sum(il_type type, int64_t count, int live, void *x, void *y) {
  if (type == IL_FLOAT32)
    sum_float(count, live, x, y);
  else
    sum_double(count, live, x, y);
}
