/* Lanczos resizing, bit for bit that of Pillow's Image.resize on 8-bit channels: coefficients in double,
 * rounded to fixed point, horizontal pass, rounding to 8 bits, vertical pass. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/elementary.h"
#include "image/image.h"

enum { PRECISION_BITS = 32 - 8 - 2 };

typedef struct weights {
  int taps;    /* room per output */
  int *first;  /* [out] first input of each output */
  int *count;  /* [out] */
  int *weight; /* [out, taps] */
} weights;

static double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= M_PI;
  return il_double_sin(x) / x;
}

static double lanczos(double x) { return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0; }

static bool make_weights(weights *w, int in, int out) {
  double scale = (double)in / out, filter_scale = scale < 1.0 ? 1.0 : scale;
  double support = 3.0 * filter_scale;
  w->taps = (int)ceil(support) * 2 + 1;
  w->first = calloc((size_t)out * (size_t)(w->taps + 2), sizeof(int));
  double *k = malloc((size_t)w->taps * sizeof *k);
  if (!w->first || !k) {
    free(k);
    return false;
  }
  w->count = w->first + out;
  w->weight = w->count + out;
  for (int o = 0; o < out; o++) {
    double center = (o + 0.5) * scale, sum = 0.0, inverse = 1.0 / filter_scale;
    int low = (int)(center - support + 0.5), high = (int)(center + support + 0.5);
    if (low < 0) low = 0;
    if (high > in) high = in;
    int count = high - low;
    for (int i = 0; i < count; i++) {
      k[i] = lanczos((i + low - center + 0.5) * inverse);
      sum += k[i];
    }
    for (int i = 0; i < count; i++) {
      double v = (sum != 0.0 ? k[i] / sum : k[i]) * (1 << PRECISION_BITS);
      w->weight[(size_t)o * (size_t)w->taps + (size_t)i] = (int)(v < 0 ? v - 0.5 : v + 0.5);
    }
    w->first[o] = low;
    w->count[o] = count;
  }
  free(k);
  return true;
}

static uint8_t clip8(int sum) {
  int v = sum >> PRECISION_BITS;
  return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* One axis: lines × out results; element i of line l is at l·line + i·step. */
static void pass(const weights *w, int lines, int out, const uint8_t *src, size_t src_line,
                 size_t src_step, uint8_t *dst, size_t dst_line, size_t dst_step) {
  for (int l = 0; l < lines; l++)
    for (int o = 0; o < out; o++) {
      const int *k = w->weight + (size_t)o * (size_t)w->taps;
      const uint8_t *from = src + (size_t)l * src_line + (size_t)w->first[o] * src_step;
      int sum = 1 << (PRECISION_BITS - 1);
      for (int i = 0; i < w->count[o]; i++) sum += from[(size_t)i * src_step] * k[i];
      dst[(size_t)l * dst_line + (size_t)o * dst_step] = clip8(sum);
    }
}

il_status il_resize_lanczos(il_context *context, int channels, int in_height, int in_width,
                            const uint8_t *in, int out_height, int out_width, uint8_t *out) {
  const int most = 1 << 15;
  if (in_height < 1 || in_width < 1 || out_height < 1 || out_width < 1 || in_height > most ||
      in_width > most || out_height > most || out_width > most)
    return il_fail(context, IL_ERROR_ARGUMENT,
                   "an image of %d × %d pixels cannot be resized to %d × %d: sides go from 1 to %d",
                   in_height, in_width, out_height, out_width, most);
  weights x = {0}, y = {0};
  size_t step = (size_t)channels, ow = (size_t)out_width * step, iw = (size_t)in_width * step;
  uint8_t *middle = malloc((size_t)in_height * ow);
  bool square = in_width == in_height && out_width == out_height;
  il_status status = IL_OK;
  if (!middle || !make_weights(&x, in_width, out_width) ||
      (!square && !make_weights(&y, in_height, out_height))) {
    status = il_fail_memory(context, "a resized image");
  } else {
    /* An axis that keeps its length is copied, as Pillow does. */
    if (in_width == out_width)
      memcpy(middle, in, (size_t)in_height * iw);
    else
      for (int c = 0; c < channels; c++)
        pass(&x, in_height, out_width, in + c, iw, step, middle + c, ow, step);
    if (in_height == out_height)
      memcpy(out, middle, (size_t)in_height * ow);
    else
      pass(square ? &x : &y, (int)ow, out_height, middle, 1, ow, out, 1, ow);
  }
  free(x.first);
  free(y.first);
  free(middle);
  return status;
}
