/* Strided copies: transpose and broadcast of float tensors. */
#include "kernels/kernel.h"

static bool always(const il_problem *problem) {
  (void)problem;
  return true;
}

static void run(const il_problem *p, const void *table, const void *const *in, void *const *out, void *scratch) {
  (void)table, (void)scratch;
  const il_move_geometry *g = &p->move;
  if (g->rank == 0) {
    *(float *)out[0] = *(const float *)in[0];
    return;
  }
  const int last = g->rank - 1;
  const int64_t run = g->dim[last], step = g->stride[last];
  int64_t index[IL_MAX_RANK] = {0}, count = 1;
  for (int i = 0; i < last; i++) count *= g->dim[i];
  const float *x = (const float *)in[0] + g->offset;
  float *y = out[0];
  for (int64_t o = 0; o < count; o++, y += run) {
    for (int64_t i = 0; i < run; i++) y[i] = x[i * step];
    for (int k = last - 1; k >= 0; k--) {
      x += g->stride[k];
      if (++index[k] < g->dim[k]) break;
      x -= g->stride[k] * g->dim[k];
      index[k] = 0;
    }
  }
}

const il_kernel il_kernel_transpose = {
    .name = "transpose", .op = IL_OP_TRANSPOSE, .type = IL_FLOAT32, .isa = "any", .bit_class = "fma",
    .applicable = always, .run = run,
};
const il_kernel il_kernel_broadcast = {
    .name = "broadcast", .op = IL_OP_BROADCAST, .type = IL_FLOAT32, .isa = "any", .bit_class = "fma",
    .applicable = always, .run = run,
};
