/* Pooling over windows: channels are the lanes, taps ascending. */
#include <string.h>

#include "kernels/kernel.h"
#include "kernels/simd.h"

enum { BLOCK = 4 }; /* vectors of channels whose best so far stays in registers */

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

/* One window: where its pixels begin in the image, where its numbers stand in the pooled one, from channel to channel. */
typedef struct il_place {
  il_span h, w;
  int64_t image, pooled;
} il_place;
/* Does the taps of one window for some vectors of channels, of `count` numbers each: constants but for the last. */
typedef void il_window_step(int vectors, int64_t count, const il_pool_geometry *g,
                            const il_place *at, const void *const *in, void *out);

static inline __attribute__((always_inline)) void each_window(const il_pool_geometry *g,
                                                              il_window_step *step,
                                                              const void *const *in, void *out) {
  enum { ALL = BLOCK * IL_VL };
  int64_t pooled = 0;
  for (int32_t n = 0; n < g->n; n++)
    for (int32_t i = 0; i < g->oh; i++)
      for (int32_t j = 0; j < g->ow; j++) {
        il_place at = {span_of(i, g->sh, g->ph, g->dh, g->kh, g->h),
                       span_of(j, g->sw, g->pw, g->dw, g->kw, g->w),
                       (int64_t)n * g->h * g->w * g->c, pooled};
        pooled += g->c;
        for (; at.pooled + ALL <= pooled; at.pooled += ALL, at.image += ALL)
          step(BLOCK, IL_VL, g, &at, in, out);
        for (; at.pooled + IL_VL <= pooled; at.pooled += IL_VL, at.image += IL_VL)
          step(1, IL_VL, g, &at, in, out);
        if (at.pooled < pooled) step(1, pooled - at.pooled, g, &at, in, out);
      }
}

static inline int64_t pixel_of(const il_pool_geometry *g, const il_place *at, int32_t a,
                               int32_t b) {
  return at->image + ((int64_t)(at->h.at + a * g->dh) * g->w + at->w.at + b * g->dw) * g->c;
}

static inline il_vec load(const float *x, int64_t count) {
  return count == IL_VL ? il_load(x) : il_load_part(x, count);
}
static inline void store(float *y, il_vec v, int64_t count) {
  if (count == IL_VL)
    il_store(y, v);
  else
    il_store_part(y, v, count);
}
static inline il_mask load_taps(const uint8_t *taps, int64_t count) {
  uint8_t all[IL_VL] = {0};
  if (count == IL_VL) return il_load_bytes(taps);
  memcpy(all, taps, (size_t)count);
  return il_load_bytes(all);
}
static inline void store_taps(uint8_t *taps, il_mask v, int64_t count) {
  uint8_t all[IL_VL];
  il_store_bytes(count == IL_VL ? taps : all, v);
  if (count < IL_VL) memcpy(taps, all, (size_t)count);
}
static inline il_mask choose(il_mask which, il_mask a, il_mask b) {
  return (which & a) | (~which & b);
}

#define STEP static inline __attribute__((always_inline)) void
#define TAPS                                                                                       \
  for (int32_t a = at->h.begin; a < at->h.end; a++)                                                \
    for (int32_t b = at->w.begin; b < at->w.end; b++)

STEP find_best(int vectors, int64_t count, const il_pool_geometry *g, const il_place *at,
               const void *const *in, void *out) {
  il_vec best[BLOCK];
  il_mask where[BLOCK];
  il_mask first = (il_mask){0} - 1;
  for (int v = 0; v < vectors; v++) {
    best[v] = (il_vec){0}; /* the first tap replaces it */
    where[v] = (il_mask){0};
  }
  TAPS {
    const float *x = (const float *)in[0] + pixel_of(g, at, a, b);
    const il_mask tap = (il_mask){0} + (a * g->kw + b);
    for (int v = 0; v < vectors; v++) {
      const il_vec number = load(x + v * IL_VL, count);
      const il_mask more = first | (best[v] < number) | (number != number); /* NaN wins */
      best[v] = (il_vec)choose(more, (il_mask)number, (il_mask)best[v]);
      where[v] = choose(more, tap, where[v]);
    }
    first = (il_mask){0};
  }
  uint8_t *y = (uint8_t *)out + at->pooled;
  for (int v = 0; v < vectors; v++) store_taps(y + v * IL_VL, where[v], count);
}

STEP pick(int vectors, int64_t count, const il_pool_geometry *g, const il_place *at,
          const void *const *in, void *out) {
  const uint8_t *taps = (const uint8_t *)in[1] + at->pooled;
  il_vec picked[BLOCK];
  il_mask where[BLOCK];
  for (int v = 0; v < vectors; v++) {
    picked[v] = (il_vec){0}; /* what no tap names */
    where[v] = load_taps(taps + v * IL_VL, count);
  }
  TAPS {
    const float *x = (const float *)in[0] + pixel_of(g, at, a, b);
    const il_mask tap = (il_mask){0} + (a * g->kw + b);
    for (int v = 0; v < vectors; v++) {
      const il_mask number = (il_mask)load(x + v * IL_VL, count);
      picked[v] = (il_vec)choose(where[v] == tap, number, (il_mask)picked[v]);
    }
  }
  for (int v = 0; v < vectors; v++) store((float *)out + at->pooled + v * IL_VL, picked[v], count);
}

/* To every pixel of the window its number where a tap names it, else 0: added, or written where windows lie apart.
 * 0 + y: as the sum that starts from 0, also for -0. */
STEP give_back(const bool adds, int vectors, int64_t count, const il_pool_geometry *g,
               const il_place *at, const void *const *in, void *out) {
  const uint8_t *taps = (const uint8_t *)in[0] + at->pooled;
  const float *y = (const float *)in[1] + at->pooled;
  il_vec number[BLOCK];
  il_mask where[BLOCK];
  for (int v = 0; v < vectors; v++) {
    number[v] = (il_vec){0} + load(y + v * IL_VL, count);
    where[v] = load_taps(taps + v * IL_VL, count);
  }
  TAPS {
    float *x = (float *)out + pixel_of(g, at, a, b);
    const il_mask tap = (il_mask){0} + (a * g->kw + b);
    for (int v = 0; v < vectors; v++) {
      const il_vec given = (il_vec)((where[v] == tap) & (il_mask)number[v]);
      store(x + v * IL_VL, adds ? load(x + v * IL_VL, count) + given : given, count);
    }
  }
}
STEP add_back(int vectors, int64_t count, const il_pool_geometry *g, const il_place *at,
              const void *const *in, void *out) {
  give_back(true, vectors, count, g, at, in, out);
}
STEP put_back(int vectors, int64_t count, const il_pool_geometry *g, const il_place *at,
              const void *const *in, void *out) {
  give_back(false, vectors, count, g, at, in, out);
}

static const char *refuses_wide(const il_problem *p) {
  return il_narrow_taps(p->pool.kh, p->pool.kw)
             ? NULL
             : "the windows have more taps than a byte can number";
}

static void run_argmax(const il_problem *p, const void *table, const void *const *in,
                       void *const *out, void *scratch) {
  (void)table, (void)scratch;
  each_window(&p->pool, find_best, in, out[0]);
}

static void run_gather(const il_problem *p, const void *table, const void *const *in,
                       void *const *out, void *scratch) {
  (void)table, (void)scratch;
  each_window(&p->pool, pick, in, out[0]);
}

static void run_scatter(const il_problem *p, const void *table, const void *const *in,
                        void *const *out, void *scratch) {
  (void)table, (void)scratch;
  const il_pool_geometry *g = &p->pool;
  const bool apart = il_pool_apart(g);
  const bool everywhere =
      apart && g->sh == g->kh && g->sw == g->kw && g->oh * g->sh == g->h && g->ow * g->sw == g->w;
  if (!everywhere)
    memset(out[0], 0, (size_t)g->n * (size_t)g->h * (size_t)g->w * (size_t)g->c * sizeof(float));
  if (apart)
    each_window(g, put_back, in, out[0]);
  else
    each_window(g, add_back, in, out[0]);
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
    .refuses = refuses_wide,
    .run = run_argmax,
};
const il_kernel il_kernel_pool_gather = {
    .name = "pool_gather",
    .op = IL_OP_POOL_GATHER,
    .type = IL_FLOAT32,
    .isa = IL_KERNEL_ISA,
    .bit_class = "fma",
    .refuses = refuses_wide,
    .run = run_gather,
};
const il_kernel il_kernel_pool_scatter = {
    .name = "pool_scatter",
    .op = IL_OP_POOL_SCATTER,
    .type = IL_FLOAT32,
    .isa = IL_KERNEL_ISA,
    .bit_class = "fma",
    .refuses = refuses_wide,
    .run = run_scatter,
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
