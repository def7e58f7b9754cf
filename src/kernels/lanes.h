/* Task lanes: a value that exists once per task lies as [element][IL_LANES], so that one run of the tasks'
 * calls serves IL_LANES tasks. Each lane adds in the order of the plain operation: the bits are the same. */
#ifndef IL_KERNELS_LANES_H
#define IL_KERNELS_LANES_H

#include "kernels/kernel.h"
#include "kernels/simd.h"

enum {
  IL_LANES = 8
}; /* a power of two, since a group of lanes is a subtree of the mean over tasks */

/* One register of lanes. Where registers hold four, kernels go over the lanes in two parts. */
#if defined IL_AVX2
enum { IL_LANE_PART = 8 };
typedef float il_lane __attribute__((vector_size(32)));
#else
enum { IL_LANE_PART = 4 };
typedef float il_lane __attribute__((vector_size(16)));
#endif

static inline il_lane il_lane_load(const float *x) {
  il_lane v;
  memcpy(&v, x, sizeof v);
  return v;
}
static inline il_lane il_lane_fill(float number) { return number - (il_lane){0}; } /* keeps -0 */
static inline void il_lane_store(float *y, il_lane v) { memcpy(y, &v, sizeof v); }
static inline il_lane il_lane_fma(il_lane a, il_lane b, il_lane c) {
#if defined IL_AVX2
  return (il_lane)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined IL_NEON
  return (il_lane)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#elif defined IL_PORTABLE
  return (il_lane)il_fma_each((il_vec)a, (il_vec)b, (il_vec)c);
#else
  return c + a * b; /* two roundings: bit class "no-fma" */
#endif
}

/* Poses a problem of one task as a problem of IL_LANES of them whose trailing axis is the lanes, for kernels
 * that know nothing of lanes. False: the operation has no such form. */
bool il_lanes_trailing(il_problem *problem);

/* Copies one task's value of `count` elements of `size` bytes into or out of lane `lane`. */
void il_lanes_put(size_t size, int64_t count, int lane, void *lanes, const void *one);
void il_lanes_take(size_t size, int64_t count, int lane, void *one, const void *lanes);

/* y[i] = the sum of x[i][0..live) over the lanes in the order of the mean's tree: neighbours first, an odd
 * last one passes up. x may change. float or double. */
void il_lanes_sum(il_type type, int64_t count, int live, void *x, void *y);

#endif
