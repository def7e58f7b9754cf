/* Rows by index, and their linear companion; indexes outside count as the nearest row. */
#include <string.h>

#include "kernels/kernel.h"

static inline int64_t clamp(int32_t index, int64_t rows) {
  const int64_t low = index < 0 ? 0 : index;
  return low < rows ? low : rows - 1;
}

static void run_gather(const il_problem *p, const void *table, const void *const *in,
                       void *const *out, void *scratch) {
  (void)table, (void)scratch;
  const int64_t rows = p->gather.rows, width = p->gather.width, count = p->gather.count;
  const float *x = in[0];
  const int32_t *index = in[1];
  float *restrict y = out[0];
  if (width == 1)
    for (int64_t i = 0; i < count; i++) y[i] = x[clamp(index[i], rows)];
  else
    for (int64_t i = 0; i < count; i++)
      memcpy(y + i * width, x + clamp(index[i], rows) * width, (size_t)width * sizeof *y);
}

static void run_scatter(const il_problem *p, const void *table, const void *const *in,
                        void *const *out, void *scratch) {
  (void)table, (void)scratch;
  const int64_t rows = p->gather.rows, width = p->gather.width, count = p->gather.count;
  const int32_t *index = in[0];
  const float *x = in[1];
  float *restrict y = out[0];
  memset(y, 0, (size_t)(rows * width) * sizeof *y);
  if (width == 1)
    for (int64_t i = 0; i < count; i++) y[clamp(index[i], rows)] += x[i];
  else
    for (int64_t i = 0; i < count; i++) {
      float *restrict row = y + clamp(index[i], rows) * width;
      for (int64_t k = 0; k < width; k++) row[k] += x[i * width + k];
    }
}

const il_kernel il_kernel_gather = {
    .name = "gather",
    .op = IL_OP_GATHER,
    .type = IL_FLOAT32,
    .isa = IL_KERNEL_ISA,
    .bit_class = "fma",
    .run = run_gather,
};
const il_kernel il_kernel_scatter_add = {
    .name = "scatter_add",
    .op = IL_OP_SCATTER_ADD,
    .type = IL_FLOAT32,
    .isa = IL_KERNEL_ISA,
    .bit_class = "fma",
    .run = run_scatter,
};
