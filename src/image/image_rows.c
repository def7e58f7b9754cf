/* Rows of a picture, cropped and reduced as they come, then resized and turned upright. */
#include <stdlib.h>
#include <string.h>

#include "image/image_read.h"

enum { PIXELS_MAX = 1 << 24 }; /* that are resized; more of them become means first */

/* Rounded to nearest, at least 1. */
static int share(int64_t side, int64_t of, int64_t to) {
  const int64_t n = (2 * side * of + to) / (2 * to);
  return n < 1 ? 1 : (int)n;
}

void il_rows_crop(int height, int width, int to_height, int to_width, int *crop_height,
                  int *crop_width) {
  *crop_height = height;
  *crop_width = width;
  if ((int64_t)width * to_height > (int64_t)height * to_width)
    *crop_width = share(height, to_width, to_height);
  else
    *crop_height = share(width, to_height, to_width);
}

il_status il_rows_begin(il_context *context, il_rows *r) {
  const bool turned = r->orientation > 4;
  int height, width;
  il_rows_crop(r->height, r->width, turned ? r->out_width : r->out_height,
               turned ? r->out_height : r->out_width, &height, &width);
  r->factor = 1;
  while ((int64_t)(height / r->factor) * (width / r->factor) > PIXELS_MAX) r->factor++;
  r->kept_height = height / r->factor;
  r->kept_width = width / r->factor;
  r->top = (r->height - r->kept_height * r->factor) / 2;
  r->left = (r->width - r->kept_width * r->factor) / 2;
  r->row = 0;
  const size_t line = (size_t)r->kept_width * (size_t)r->out_channels;
  r->kept = malloc((size_t)r->kept_height * line);
  r->sum = calloc(line, sizeof *r->sum);
  return r->kept && r->sum ? IL_OK : il_fail_memory(context, "a picture");
}

void il_rows_free(il_rows *r) {
  free(r->kept);
  free(r->sum);
  r->kept = NULL;
  r->sum = NULL;
}

/* Pillow's weights of red, green and blue; equal ones give themselves. */
static unsigned grey_of(const uint8_t *p) {
  return (p[0] * 19595u + p[1] * 38470u + p[2] * 7471u + 32768u) >> 16;
}

void il_rows_add(il_rows *r, const uint8_t *row) {
  const int y = r->row++ - r->top, k = r->factor, in = r->channels, out = r->out_channels;
  if (y < 0 || y >= r->kept_height * k) return;
  const uint8_t *from = row + (size_t)r->left * (size_t)in;
  const size_t line = (size_t)r->kept_width * (size_t)out;
  uint8_t *to = r->kept + (size_t)(y / k) * line;
  if (k == 1 && in == out) {
    memcpy(to, from, line);
    return;
  }
  for (int x = 0; x < r->kept_width * k; x++, from += in) {
    uint32_t *sum = r->sum + (size_t)(x / k) * (size_t)out;
    if (out == 1) {
      sum[0] += in == 1 ? from[0] : grey_of(from);
    } else {
      for (int c = 0; c < 3; c++) sum[c] += from[in == 1 ? 0 : c];
    }
  }
  if (y % k != k - 1) return;
  const uint32_t area = (uint32_t)k * (uint32_t)k;
  for (size_t i = 0; i < line; i++) {
    to[i] = (uint8_t)((r->sum[i] + area / 2) / area);
    r->sum[i] = 0;
  }
}

/* out [height, width, channels]: the pixel y, x is that of EXIF's orientation in `from`, whose rows have `line` pixels. */
static void turn(const il_rows *r, const uint8_t *from, int line, uint8_t *out) {
  const int h = r->out_height, w = r->out_width;
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) {
      int row = y, column = x;
      switch (r->orientation) {
      case 2: column = w - 1 - x; break;
      case 3: row = h - 1 - y, column = w - 1 - x; break;
      case 4: row = h - 1 - y; break;
      case 5: row = x, column = y; break;
      case 6: row = w - 1 - x, column = y; break;
      case 7: row = w - 1 - x, column = h - 1 - y; break;
      case 8: row = x, column = h - 1 - y; break;
      default: break;
      }
      const size_t at = ((size_t)row * (size_t)line + (size_t)column) * (size_t)r->out_channels;
      memcpy(out, from + at, (size_t)r->out_channels);
      out += r->out_channels;
    }
}

il_status il_rows_finish(il_context *context, il_rows *r, uint8_t *out) {
  const bool turned = r->orientation > 4;
  const int height = turned ? r->out_width : r->out_height,
            width = turned ? r->out_height : r->out_width;
  const size_t size = (size_t)height * (size_t)width * (size_t)r->out_channels;
  uint8_t *resized = r->orientation > 1 ? malloc(size) : out;
  if (!resized) return il_fail_memory(context, "a picture");
  il_status status = IL_OK;
  if (r->kept_height == height && r->kept_width == width)
    memcpy(resized, r->kept, size);
  else
    status = il_resize_lanczos(context, r->out_channels, r->kept_height, r->kept_width, r->kept,
                               height, width, resized);
  if (resized != out) {
    if (!status) turn(r, resized, width, out);
    free(resized);
  }
  return status;
}
