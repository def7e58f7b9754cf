/* The page of a picture, its text and lines, and its way into a file. */
#include "base/locale.h"
#include "plot/plot_canvas.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/io.h"

il_canvas il_canvas_new(int width, int height) {
  il_canvas canvas = {.surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height)};
  canvas.c = cairo_create(canvas.surface);
  cairo_set_source_rgb(canvas.c, 1, 1, 1);
  cairo_paint(canvas.c);
  return canvas;
}

typedef struct bytes {
  unsigned char *data;
  size_t size;
} bytes;

static cairo_status_t collect(void *closure, const unsigned char *data, unsigned int size) {
  bytes *b = closure;
  unsigned char *more = realloc(b->data, b->size + size);
  if (!more) return CAIRO_STATUS_NO_MEMORY;
  memcpy(more + b->size, data, size);
  b->data = more;
  b->size += size;
  return CAIRO_STATUS_SUCCESS;
}

il_status il_canvas_save(il_canvas *canvas, il_context *context, const char *path) {
  bytes png = {0};
  cairo_status_t drawn = cairo_status(canvas->c);
  if (drawn == CAIRO_STATUS_SUCCESS)
    drawn = cairo_surface_write_to_png_stream(canvas->surface, collect, &png);
  cairo_destroy(canvas->c);
  cairo_surface_destroy(canvas->surface);
  il_status status = drawn == CAIRO_STATUS_SUCCESS
                         ? il_atomic_write(context, path, 1, &(il_piece){png.data, png.size})
                         : il_fail(context, IL_ERROR_FILE, "%s: the picture cannot be drawn: %s",
                                   path, cairo_status_to_string(drawn));
  free(png.data);
  return status;
}

void il_canvas_font(cairo_t *c, bool bold, double size) {
  cairo_select_font_face(c, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                         bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(c, size);
}

void il_canvas_text(cairo_t *c, double x, double y, double align, const char *words) {
  cairo_text_extents_t size;
  cairo_text_extents(c, words, &size);
  cairo_move_to(c, x - align * size.x_advance, y);
  cairo_show_text(c, words);
}

void il_canvas_text_within(cairo_t *c, double x, double y, double align, double width,
                           const char *words) {
  cairo_text_extents_t size;
  char text[256];
  size_t length = strlen(words);
  if (length > sizeof text - 8) length = sizeof text - 8;
  while (length && ((unsigned char)words[length] & 0xc0) == 0x80) length--;
  snprintf(text, sizeof text, "%.*s%s", (int)length, words, words[length] ? "…" : "");
  for (cairo_text_extents(c, text, &size); length && size.x_advance > width;
       cairo_text_extents(c, text, &size)) {
    do length--;
    while (length && ((unsigned char)words[length] & 0xc0) == 0x80);
    snprintf(text, sizeof text, "%.*s…", (int)length, words);
  }
  il_canvas_text(c, x, y, align, text);
}

void il_canvas_colour(cairo_t *c, int index, double alpha) {
  static const double colours[][3] = {{0.10, 0.32, 0.60}, {0.85, 0.40, 0.05}, {0.15, 0.55, 0.25},
                                      {0.70, 0.15, 0.20}, {0.45, 0.30, 0.65}, {0.40, 0.40, 0.40}};
  const double *rgb = colours[index % (int)(sizeof colours / sizeof *colours)];
  cairo_set_source_rgba(c, rgb[0], rgb[1], rgb[2], alpha);
}

void il_canvas_line(cairo_t *c, double x0, double y0, double x1, double y1) {
  cairo_move_to(c, x0, y0);
  cairo_line_to(c, x1, y1);
  cairo_stroke(c);
}

/* An image surface's pixels are 32 bits in the machine's order, 0x00RRGGBB. */
static void fill_surface(cairo_surface_t *to, const uint8_t *from, int height, int width,
                         int channels) {
  unsigned char *data = cairo_image_surface_get_data(to);
  const int stride = cairo_image_surface_get_stride(to);
  cairo_surface_flush(to);
  for (int y = 0; y < height; y++) {
    uint32_t *row = (uint32_t *)(void *)(data + (size_t)y * (size_t)stride);
    for (int x = 0; x < width; x++, from += channels) {
      const uint32_t r = from[0], g = from[channels == 3], b = from[channels == 3 ? 2 : 0];
      row[x] = r << 16 | g << 8 | b;
    }
  }
  cairo_surface_mark_dirty(to);
}

void il_canvas_pixels(cairo_t *c, double x, double y, double across, double down,
                      const uint8_t *pixels, int height, int width, int channels) {
  cairo_surface_t *image = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
  if (cairo_surface_status(image) == CAIRO_STATUS_SUCCESS) {
    fill_surface(image, pixels, height, width, channels);
    cairo_save(c);
    cairo_translate(c, x, y);
    cairo_scale(c, across, down);
    cairo_set_source_surface(c, image, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(c), CAIRO_FILTER_NEAREST);
    cairo_paint(c);
    cairo_restore(c);
  }
  cairo_surface_destroy(image);
}

il_ticks il_ticks_over(double low, double high) {
  if (!(high - low > 1e-9)) high = low + 1e-9 + fabs(low) * 1e-3;
  double rough = (high - low) / 6, step = pow(10, floor(log10(rough)));
  if (rough > 5 * step)
    step *= 10;
  else if (rough > 2 * step)
    step *= 5;
  else if (rough > step)
    step *= 2;
  return (il_ticks){floor(low / step) * step, ceil(high / step) * step, step};
}

void il_ticks_text(const il_ticks *ticks, double value, char text[static 32]) {
  int digits = ticks->step >= 1 ? 0 : (int)ceil(-log10(ticks->step) - 1e-9);
  il_plain_text(text, 32, "%.*f", digits, fabs(value) < ticks->step * 1e-6 ? 0 : value);
}
