/* Augmentation of signals along time, and of any example's values: noise and gain. Um et al., "Data augmentation of
 * wearable sensor data for Parkinson's disease monitoring using CNNs", ICMI 2017. */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "data/augment.h"

/* Held at its ends: what a sensor showed before and after is not 0. */
static void shift_time(const char *in, ptrdiff_t steps, size_t row, ptrdiff_t by, char *out) {
  for (ptrdiff_t t = 0; t < steps; t++) {
    ptrdiff_t from = t - by;
    from = from < 0 ? 0 : from >= steps ? steps - 1 : from;
    memcpy(out + (size_t)t * row, in + (size_t)from * row, row);
  }
}

void il_augment_signal(const il_augment *a, il_random *r, il_type type, il_shape shape,
                       const void *in, void *out) {
  const ptrdiff_t steps = (ptrdiff_t)shape.dim[0];
  const size_t row = (size_t)shape.dim[1] * il_type_size(type);
  ptrdiff_t by = 0;
  if (a->crop) by = (ptrdiff_t)il_random_below(r, 2 * (uint32_t)a->crop + 1) - a->crop;
  if (a->shift > 0)
    by += (ptrdiff_t)floor(a->shift * (2 * il_random_uniform01(r) - 1) * (double)steps + 0.5);
  shift_time(in, steps, row, by, out);
  if (a->erase > 0 && il_random_uniform01(r) < a->erase) {
    ptrdiff_t length = (ptrdiff_t)((0.02 + 0.18 * il_random_uniform01(r)) * (double)steps + 0.5);
    length = length < 1 ? 1 : length;
    const ptrdiff_t first = (ptrdiff_t)il_random_below(r, (uint32_t)(steps - length + 1));
    memset((char *)out + (size_t)first * row, 0, (size_t)length * row);
  }
}

static double deviation(const float *x, int64_t count) {
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < count; i++) sum += (double)x[i];
  const double mean = sum / (double)count;
  for (int64_t i = 0; i < count; i++) squares += ((double)x[i] - mean) * ((double)x[i] - mean);
  return sqrt(squares / (double)count);
}

static double deviation_of_bytes(const uint8_t *x, int64_t count) {
  int64_t sum = 0, squares = 0;
  for (int64_t i = 0; i < count; i++) {
    sum += x[i];
    squares += x[i] * x[i];
  }
  const double mean = (double)sum / (double)count;
  return sqrt((double)squares / (double)count - mean * mean);
}

void il_augment_values(const il_augment *a, il_random *r, il_type type, il_shape shape, void *x) {
  enum { CHANNELS = 64 };
  const int64_t count = il_shape_count(shape);
  /* The numbers of a vector of features are channels of their own; more than there is room for go together. */
  int64_t channels = shape.dim[shape.rank - 1];
  if (channels > CHANNELS) channels = 1;
  double gain[CHANNELS];
  for (int64_t c = 0; c < channels; c++)
    gain[c] = a->gain > 0 ? 1 + a->gain * (2 * il_random_uniform01(r) - 1) : 1;
  const double noise = a->jitter <= 0 ? 0
                                      : a->jitter * (type == IL_UINT8 ? deviation_of_bytes(x, count)
                                                                      : deviation(x, count));
  for (int64_t i = 0; i < count; i++) {
    double v = type == IL_UINT8 ? (double)((uint8_t *)x)[i] : (double)((float *)x)[i];
    /* cppcheck-suppress uninitvar ; as many as the loop above has drawn */
    v *= gain[i % channels];
    if (noise > 0) v += noise * il_random_normal01(r);
    if (type == IL_UINT8)
      ((uint8_t *)x)[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v + 0.5);
    else
      ((float *)x)[i] = (float)v;
  }
}
