/* Strided copies: transpose, broadcast and slice of float tensors. Axes are joined first; then the innermost
 * one or two are a copy of runs, a fill, or a transposition in registers. */
#include "kernels/kernel.h"
#include "kernels/pack.h"

typedef struct il_loop {
  int64_t dim, in, out;
} il_loop; /* strides in elements */

/* Drops axes of one element, joins neighbours that are one run in x. */
static int join(const il_move_geometry *g, il_loop loop[IL_MAX_RANK]) {
  int count = 0;
  int64_t out = 1;
  for (int i = g->rank - 1; i >= 0; i--) { /* innermost first */
    const int64_t dim = g->dim[i];
    if (dim == 1) continue;
    il_loop *inner = count ? &loop[count - 1] : NULL;
    if (inner && g->stride[i] == inner->in * inner->dim)
      inner->dim *= dim;
    else
      loop[count++] = (il_loop){dim, g->stride[i], out};
    out *= dim;
  }
  return count;
}

static void run_of(const il_loop *l, const float *x, float *y) {
  if (l->in == 1) {
    memcpy(y, x, (size_t)l->dim * sizeof *y);
  } else if (l->in == 0) {
    const float number = *x;
    for (int64_t i = 0; i < l->dim; i++) y[i] = number;
  } else {
    for (int64_t i = 0; i < l->dim; i++) y[i] = x[i * l->in];
  }
}

static void run(const il_problem *p, const void *table, const void *const *in, void *const *out,
                void *scratch) {
  (void)table, (void)scratch;
  il_loop loop[IL_MAX_RANK];
  int count = join(&p->move, loop);
  const float *x = (const float *)in[0] + p->move.offset;
  float *y = out[0];
  if (count == 0) {
    *y = *x;
    return;
  }
  /* The innermost axis steps in x while another one runs: both at once, as squares. */
  il_loop inner = loop[0], across = {0};
  for (int i = 1; i < count && inner.in > 1; i++) {
    if (loop[i].in != 1) continue;
    across = loop[i];
    memmove(loop + i, loop + i + 1, (size_t)(count - i - 1) * sizeof *loop);
    count--;
    break;
  }
  int64_t index[IL_MAX_RANK] = {0}, times = 1;
  for (int i = 1; i < count; i++) times *= loop[i].dim;
  for (int64_t t = 0; t < times; t++) {
    if (across.dim)
      il_pack_transposed(inner.dim, across.dim, x, inner.in, y, across.out);
    else
      run_of(&inner, x, y);
    for (int i = 1; i < count; i++) {
      x += loop[i].in;
      y += loop[i].out;
      if (++index[i] < loop[i].dim) break;
      x -= loop[i].in * loop[i].dim;
      y -= loop[i].out * loop[i].dim;
      index[i] = 0;
    }
  }
}

#define MOVE(id, label)                                                                            \
  {                                                                                                \
    .name = label, .op = id, .type = IL_FLOAT32, .isa = IL_KERNEL_ISA, .bit_class = "fma",         \
    .run = run,                                                                                    \
  }
const il_kernel il_kernel_transpose = MOVE(IL_OP_TRANSPOSE, "transpose");
const il_kernel il_kernel_broadcast = MOVE(IL_OP_BROADCAST, "broadcast");
const il_kernel il_kernel_slice = MOVE(IL_OP_SLICE, "slice");
