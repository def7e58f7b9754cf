/* Small drawings of examples. */
#include "report/thumb.h"

#include <math.h>
#include <stdlib.h>

#include "image/image.h"

enum { SIDE = 38, WIDE = 62, HIGH = 40, PIXELS = 96, POINTS = 128 };

il_status il_thumbs_init(il_context *context, il_thumbs *t, il_shape shape, il_type type) {
  *t = (il_thumbs){.context = context,
                   .shape = shape,
                   .type = type,
                   .width = WIDE,
                   .height = HIGH,
                   .axes = shape.rank == 3 ? 1 : (int)shape.dim[shape.rank - 1]};
  if (shape.rank == 3) {
    const double ratio = (double)shape.dim[1] / (double)shape.dim[0];
    t->width = SIDE * fmin(1, fmax(ratio, 0.2));
    t->height = SIDE * fmin(1, fmax(1 / ratio, 0.2));
  }
  t->low = malloc((size_t)t->axes * sizeof *t->low);
  t->high = malloc((size_t)t->axes * sizeof *t->high);
  if (!t->low || !t->high) return il_fail_memory(context, "pictures of examples");
  for (int i = 0; i < t->axes; i++) {
    t->low[i] = (double)INFINITY;
    t->high[i] = -(double)INFINITY;
  }
  return IL_OK;
}

void il_thumbs_free(il_thumbs *t) {
  free(t->low);
  free(t->high);
  *t = (il_thumbs){0};
}

static double at(const il_thumbs *t, const void *x, int64_t i) {
  return t->type == IL_UINT8 ? ((const uint8_t *)x)[i] : (double)((const float *)x)[i];
}

void il_thumbs_over(il_thumbs *t, int64_t count, const void *x) {
  const int64_t numbers = count * il_shape_count(t->shape);
  for (int64_t i = 0; i < numbers; i++) {
    const int64_t axis = i % t->axes;
    t->low[axis] = fmin(t->low[axis], at(t, x, i));
    t->high[axis] = fmax(t->high[axis], at(t, x, i));
  }
}

/* From 0 to 1 within its range. */
static double level(const il_thumbs *t, const void *x, int64_t i) {
  const int64_t axis = i % t->axes;
  const double range = t->high[axis] - t->low[axis];
  const double v = range > 0 ? (at(t, x, i) - t->low[axis]) / range : 0.5;
  return v >= 0 ? fmin(v, 1) : 0;
}

/* Bytes of 1 or 3 channels, no larger than a page needs. */
static void draw_picture(const il_thumbs *t, il_figure *f, double x, double y, const void *e) {
  const int rows = (int)t->shape.dim[0], columns = (int)t->shape.dim[1],
            channels = (int)t->shape.dim[2], kept = channels < 3 ? 1 : 3;
  const int64_t pixels = (int64_t)rows * columns;
  const int longer = rows > columns ? rows : columns;
  uint8_t *bytes = malloc((size_t)(pixels * kept));
  for (int64_t i = 0; bytes && i < pixels; i++)
    for (int c = 0; c < kept; c++) {
      const int64_t from = i * channels + c;
      bytes[i * kept + c] = t->type == IL_UINT8 ? ((const uint8_t *)e)[from]
                                                : (uint8_t)lrint(255 * level(t, e, from));
    }
  if (!bytes) {
    il_fail_memory(t->context, "a picture of an example");
    return;
  }
  if (longer <= PIXELS) {
    il_figure_picture(f, x, y, t->width, t->height, rows, columns, kept, bytes);
  } else {
    const int h = rows * PIXELS / longer > 1 ? rows * PIXELS / longer : 1,
              w = columns * PIXELS / longer > 1 ? columns * PIXELS / longer : 1;
    uint8_t *small = malloc((size_t)h * (size_t)w * (size_t)kept);
    if (!small)
      il_fail_memory(t->context, "a picture of an example");
    else if (il_resize_lanczos(t->context, kept, rows, columns, bytes, h, w, small) == IL_OK)
      il_figure_picture(f, x, y, t->width, t->height, h, w, kept, small);
    free(small);
  }
  free(bytes);
}

/* A line for each channel; of long signals every so many-th step. */
static void draw_traces(const il_thumbs *t, il_figure *f, double x, double y, const void *e) {
  const int64_t steps = t->shape.dim[0], channels = t->shape.dim[1];
  const int points = steps < POINTS ? (int)steps : POINTS;
  double xy[2 * POINTS];
  il_figure_box(f, IL_PAINT_SHADE, 1, x, y, t->width, t->height);
  for (int c = 0; c < channels && c < IL_THUMB_CHANNELS; c++) {
    for (int i = 0; i < points; i++) {
      const int64_t step = points > 1 ? (int64_t)i * (steps - 1) / (points - 1) : 0;
      xy[2 * i] = x + 2 + (t->width - 4) * (points > 1 ? i / (points - 1.0) : 0.5);
      xy[2 * i + 1] = y + 2 + (t->height - 4) * (1 - level(t, e, step * channels + c));
    }
    il_figure_line(f, il_paint_series(c), 1.2, false, points, xy);
  }
}

/* Each from the least to the largest of its own values; of many a line. */
static void draw_features(const il_thumbs *t, il_figure *f, double x, double y, const void *e) {
  const int count = t->axes, bars = count <= (int)t->width / 2;
  il_figure_box(f, IL_PAINT_SHADE, 1, x, y, t->width, t->height);
  double xy[2 * POINTS];
  const int points = count < POINTS ? count : POINTS;
  const double each = t->width / (bars ? count : points);
  for (int i = 0; i < points; i++) {
    const double v = level(t, e, bars ? i : (int64_t)i * count / points),
                 high = 2 + v * (t->height - 4);
    if (bars)
      il_figure_box(f, IL_PAINT_SERIES, 0.85, x + i * each + 0.15 * each, y + t->height - high,
                    0.7 * each, high);
    xy[2 * i] = x + (i + 0.5) * each;
    xy[2 * i + 1] = y + t->height - high;
  }
  if (!bars) il_figure_line(f, IL_PAINT_SERIES, 1, false, points, xy);
}

void il_thumb_draw(const il_thumbs *t, il_figure *f, double x, double y, const void *e) {
  if (t->shape.rank == 3)
    draw_picture(t, f, x, y, e);
  else if (t->shape.rank == 2)
    draw_traces(t, f, x, y, e);
  else
    draw_features(t, f, x, y, e);
}
