/* Pooling over windows: channels are the lanes, taps ascending. */
#include <string.h>

#include "kernels/kernel.h"

enum { LANES = 64 }; /* channels whose best so far stays in registers */

/* The taps of a window that lie inside the image: [begin, end) of one axis. */
typedef struct il_span {
  int32_t at, begin, end;
} il_span;
static il_span span_of(int32_t out, int32_t stride, int32_t pad, int32_t dilation, int32_t kernel,
                       int32_t size) {
  il_span s = {out * stride - pad, 0, kernel};
  while (s.begin < kernel && s.at + s.begin * dilation < 0) s.begin++;
  while (s.end > s.begin && s.at + (s.end - 1) * dilation >= size) s.end--;
  return s;
}

static inline __attribute__((always_inline)) void best_of(const int64_t lanes,
                                                          const il_pool_geometry *g, il_span h,
                                                          il_span w, int64_t base, const float *x,
                                                          int32_t *y) {
  float best[LANES] = {0}; /* read before the first tap replaces it, though without effect */
  int32_t where[LANES];
  bool first = true;
  for (int64_t c = 0; c < lanes; c++) where[c] = -1; /* a window that is all padding */
  for (int32_t a = h.begin; a < h.end; a++)
    for (int32_t b = w.begin; b < w.end; b++) {
      const int64_t at = base + ((int64_t)(h.at + a * g->dh) * g->w + w.at + b * g->dw) * g->c;
      const float *from = x + at;
      for (int64_t c = 0; c < lanes; c++) {
        const bool more = first | (best[c] < from[c]);
        best[c] = more ? from[c] : best[c];
        where[c] = more ? (int32_t)(at + c) : where[c];
      }
      first = false;
    }
  memcpy(y, where, (size_t)lanes * sizeof *y);
}

static void run_argmax(const il_problem *p, const void *table, const void *const *in,
                       void *const *out, void *scratch) {
  (void)table, (void)scratch;
  const il_pool_geometry *g = &p->pool;
  int32_t *y = out[0];
  for (int32_t n = 0; n < g->n; n++)
    for (int32_t i = 0; i < g->oh; i++)
      for (int32_t j = 0; j < g->ow; j++, y += g->c) {
        const il_span h = span_of(i, g->sh, g->ph, g->dh, g->kh, g->h),
                      w = span_of(j, g->sw, g->pw, g->dw, g->kw, g->w);
        const int64_t image = (int64_t)n * g->h * g->w * g->c;
        int64_t c = 0;
        for (; c + LANES <= g->c; c += LANES) best_of(LANES, g, h, w, image + c, in[0], y + c);
        if (c < g->c) best_of(g->c - c, g, h, w, image + c, in[0], y + c);
      }
}

static void run_average(const il_problem *p, const void *table, const void *const *in,
                        void *const *out, void *scratch) {
  (void)table, (void)scratch;
  const il_pool_geometry *g = &p->pool;
  const float share = 1.0f / (float)(g->kh * g->kw);
  float *restrict y = out[0];
  for (int32_t n = 0; n < g->n; n++)
    for (int32_t i = 0; i < g->oh; i++)
      for (int32_t j = 0; j < g->ow; j++, y += g->c) {
        const il_span h = span_of(i, g->sh, g->ph, g->dh, g->kh, g->h),
                      w = span_of(j, g->sw, g->pw, g->dw, g->kw, g->w);
        memset(y, 0, (size_t)g->c * sizeof *y);
        for (int32_t a = h.begin; a < h.end; a++)
          for (int32_t b = w.begin; b < w.end; b++) {
            const float *x =
                (const float *)in[0] +
                (((int64_t)n * g->h + h.at + a * g->dh) * g->w + w.at + b * g->dw) * g->c;
            for (int32_t c = 0; c < g->c; c++) y[c] += x[c];
          }
        for (int32_t c = 0; c < g->c; c++) y[c] *= share;
      }
}

/* A pixel takes its windows in ascending order. */
static void run_spread(const il_problem *p, const void *table, const void *const *in,
                       void *const *out, void *scratch) {
  (void)table, (void)scratch;
  const il_pool_geometry *g = &p->pool;
  const float share = 1.0f / (float)(g->kh * g->kw);
  const float *y = in[0];
  float *restrict x = out[0];
  const int64_t count = (int64_t)g->n * g->h * g->w * g->c;
  memset(x, 0, (size_t)count * sizeof *x);
  for (int32_t n = 0; n < g->n; n++)
    for (int32_t i = 0; i < g->oh; i++)
      for (int32_t j = 0; j < g->ow; j++, y += g->c) {
        const il_span h = span_of(i, g->sh, g->ph, g->dh, g->kh, g->h),
                      w = span_of(j, g->sw, g->pw, g->dw, g->kw, g->w);
        for (int32_t a = h.begin; a < h.end; a++)
          for (int32_t b = w.begin; b < w.end; b++) {
            float *restrict to =
                x + (((int64_t)n * g->h + h.at + a * g->dh) * g->w + w.at + b * g->dw) * g->c;
            for (int32_t c = 0; c < g->c; c++) to[c] += y[c];
          }
      }
  for (int64_t i = 0; i < count; i++) x[i] *= share;
}

const il_kernel il_kernel_pool_argmax = {
    .name = "pool_argmax",
    .op = IL_OP_POOL_ARGMAX,
    .type = IL_FLOAT32,
    .isa = IL_KERNEL_ISA,
    .bit_class = "fma",
    .run = run_argmax,
};
const il_kernel il_kernel_average_pool = {
    .name = "average_pool",
    .op = IL_OP_AVERAGE_POOL,
    .type = IL_FLOAT32,
    .isa = IL_KERNEL_ISA,
    .bit_class = "fma",
    .run = run_average,
};
const il_kernel il_kernel_average_pool_transpose = {
    .name = "average_pool_transpose",
    .op = IL_OP_AVERAGE_POOL_TRANSPOSE,
    .type = IL_FLOAT32,
    .isa = IL_KERNEL_ISA,
    .bit_class = "fma",
    .run = run_spread,
};
