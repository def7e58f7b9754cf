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

static const char *windows_refuse(const il_problem *p) {
  return p->gather.window.kh > 0 ? NULL : "the indexes are not known to come from pooling windows";
}

/* For each channel the element of the window that its index names. */
static void run_gather_windows(const il_problem *p, const void *table, const void *const *in,
                               void *const *out, void *scratch) {
  (void)table, (void)scratch;
  const il_pool_geometry *g = &p->gather.window;
  const float *x = in[0];
  const int32_t *restrict index = in[1];
  float *restrict y = out[0];
  for (int32_t n = 0; n < g->n; n++)
    for (int32_t i = 0; i < g->oh; i++)
      for (int32_t j = 0; j < g->ow; j++, y += g->c, index += g->c)
        for (int32_t a = 0; a < g->kh; a++)
          for (int32_t b = 0; b < g->kw; b++) {
            const int64_t at = (((int64_t)n * g->h + i * g->sh + a) * g->w + j * g->sw + b) * g->c;
            const float *restrict from = x + at;
            const int32_t first = (int32_t)at;
            for (int32_t c = 0; c < g->c; c++) y[c] = index[c] == first + c ? from[c] : y[c];
          }
}

/* Every element of a window is written once: the update where the index names it, else 0. */
static void run_scatter_windows(const il_problem *p, const void *table, const void *const *in,
                                void *const *out, void *scratch) {
  (void)table, (void)scratch;
  const il_pool_geometry *g = &p->gather.window;
  const int32_t *restrict index = in[0];
  const float *restrict x = in[1];
  float *y = out[0];
  /* Rows and columns that no window reaches. */
  if (g->sh != g->kh || g->sw != g->kw || g->oh * g->sh != g->h || g->ow * g->sw != g->w)
    memset(y, 0, (size_t)p->gather.rows * sizeof *y);
  for (int32_t n = 0; n < g->n; n++)
    for (int32_t i = 0; i < g->oh; i++)
      for (int32_t j = 0; j < g->ow; j++, x += g->c, index += g->c)
        for (int32_t a = 0; a < g->kh; a++)
          for (int32_t b = 0; b < g->kw; b++) {
            const int64_t at = (((int64_t)n * g->h + i * g->sh + a) * g->w + j * g->sw + b) * g->c;
            float *restrict to = y + at;
            const int32_t first = (int32_t)at;
            /* 0 + x: as the sum that starts from 0, also for a negative zero */
            for (int32_t c = 0; c < g->c; c++) to[c] = index[c] == first + c ? 0.0f + x[c] : 0;
          }
}

const il_kernel il_kernel_gather_windows = {
    .name = "gather/windows",
    .op = IL_OP_GATHER,
    .type = IL_FLOAT32,
    .isa = IL_KERNEL_ISA,
    .bit_class = "fma",
    .refuses = windows_refuse,
    .run = run_gather_windows,
};
const il_kernel il_kernel_scatter_add_windows = {
    .name = "scatter_add/windows",
    .op = IL_OP_SCATTER_ADD,
    .type = IL_FLOAT32,
    .isa = IL_KERNEL_ISA,
    .bit_class = "fma",
    .refuses = windows_refuse,
    .run = run_scatter_windows,
};
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
