/* Sums over leading or trailing axes, in the order that the operation prescribes. */
#include <string.h>

#include "kernels/kernel.h"

static bool applicable(const il_problem *p) { return p->reduce.rank >= 1 && p->reduce.rank <= 2 && p->reduce.reduced; }

static void over_rows(int64_t rows, int64_t width, const float *x, float *y) {
  memset(y, 0, (size_t)width * sizeof *y);
  for (int64_t r = 0; r < rows; r++)
    for (int64_t i = 0; i < width; i++) y[i] += x[r * width + i];
}

static float over_run(int64_t count, const float *x) {
  float lane[16] = {0};
  int64_t i = 0;
  for (; i + 16 <= count; i += 16)
    for (int l = 0; l < 16; l++) lane[l] += x[i + l];
  for (; i < count; i++) lane[i % 16] += x[i];
  for (int step = 8; step > 0; step /= 2)
    for (int l = 0; l < step; l++) lane[l] += lane[l + step];
  return lane[0];
}

static void run(const il_problem *p, const void *table, const void *const *in, void *const *out, void *scratch) {
  (void)table, (void)scratch;
  const il_reduce_geometry *g = &p->reduce;
  const int64_t last = g->dim[g->rank - 1], first = g->rank == 2 ? g->dim[0] : 1;
  if (!(g->reduced >> (g->rank - 1) & 1)) {
    over_rows(first, last, in[0], out[0]);
    return;
  }
  for (int64_t i = 0; i < first; i++) ((float *)out[0])[i] = over_run(last, (const float *)in[0] + i * last);
}

const il_kernel il_kernel_sum = {
    .name = "sum", .op = IL_OP_SUM, .type = IL_FLOAT32, .isa = "native", .bit_class = "fma",
    .applicable = applicable, .run = run,
};
