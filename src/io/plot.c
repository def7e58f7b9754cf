/* Dots with intervals, as a PNG. */
#include "io/plot.h"

#include <cairo.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/io.h"

enum { WIDTH = 900, ROW = 46, TOP = 64, BOTTOM = 68, LEFT = 190, RIGHT = 40 };

typedef struct axis {
  double low, high, step;
} axis;

/* A round step that gives 4 to 9 ticks over all means, intervals and values. */
static axis axis_of(int rows, const il_plot_row *row) {
  double low = INFINITY, high = -INFINITY;
  for (int i = 0; i < rows; i++) {
    low = fmin(low, row[i].mean - row[i].interval);
    high = fmax(high, row[i].mean + row[i].interval);
    for (int k = 0; row[i].value && k < row[i].values; k++) {
      low = fmin(low, row[i].value[k]);
      high = fmax(high, row[i].value[k]);
    }
  }
  if (!(high - low > 1e-9)) high = low + 1e-9 + fabs(low) * 1e-3;
  double rough = (high - low) / 6, step = pow(10, floor(log10(rough)));
  if (rough > 5 * step)
    step *= 10;
  else if (rough > 2 * step)
    step *= 5;
  else if (rough > step)
    step *= 2;
  return (axis){floor(low / step) * step, ceil(high / step) * step, step};
}

static double place(const axis *a, double value) {
  return LEFT + (value - a->low) / (a->high - a->low) * (WIDTH - LEFT - RIGHT);
}

static void text(cairo_t *c, double x, double y, double align, const char *words) {
  cairo_text_extents_t size;
  cairo_text_extents(c, words, &size);
  cairo_move_to(c, x - align * size.x_advance, y);
  cairo_show_text(c, words);
}

static void line(cairo_t *c, double x0, double y0, double x1, double y1) {
  cairo_move_to(c, x0, y0);
  cairo_line_to(c, x1, y1);
  cairo_stroke(c);
}

static void draw_axis(cairo_t *c, const axis *a, double bottom, const char *label) {
  char number[32];
  int digits = a->step >= 1 ? 0 : (int)ceil(-log10(a->step) - 1e-9);
  cairo_set_line_width(c, 1);
  for (double v = a->low; v < a->high + a->step / 2; v += a->step) {
    double x = floor(place(a, v)) + 0.5;
    cairo_set_source_rgb(c, 0.88, 0.88, 0.88);
    line(c, x, TOP - 8, x, bottom);
    cairo_set_source_rgb(c, 0.25, 0.25, 0.25);
    snprintf(number, sizeof number, "%.*f", digits, v);
    text(c, x, bottom + 20, 0.5, number);
  }
  text(c, LEFT + (WIDTH - LEFT - RIGHT) / 2.0, bottom + 46, 0.5, label);
}

static void draw_row(cairo_t *c, const axis *a, double y, const il_plot_row *row) {
  cairo_set_source_rgb(c, 0.1, 0.1, 0.1);
  text(c, LEFT - 16, y + 5, 1, row->name);
  cairo_set_source_rgb(c, 0.60, 0.69, 0.82);
  for (int k = 0; row->value && k < row->values; k++) {
    cairo_arc(c, place(a, row->value[k]), y, 3, 0, 6.2831853);
    cairo_fill(c);
  }
  double low = place(a, row->mean - row->interval), high = place(a, row->mean + row->interval);
  cairo_set_source_rgb(c, 0.10, 0.32, 0.60);
  cairo_set_line_width(c, 2);
  line(c, low, y, high, y);
  line(c, low, y - 6, low, y + 6);
  line(c, high, y - 6, high, y + 6);
  cairo_arc(c, place(a, row->mean), y, 5, 0, 6.2831853);
  cairo_fill(c);
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

il_status il_plot_intervals(il_context *context, const char *path, const char *title,
                            const char *axis_label, int rows, const il_plot_row *row) {
  int height = TOP + rows * ROW + BOTTOM;
  cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, WIDTH, height);
  cairo_t *c = cairo_create(surface);
  axis a = axis_of(rows, row);
  cairo_set_source_rgb(c, 1, 1, 1);
  cairo_paint(c);
  cairo_select_font_face(c, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
  cairo_set_font_size(c, 17);
  cairo_set_source_rgb(c, 0.1, 0.1, 0.1);
  text(c, LEFT, 34, 0, title);
  cairo_select_font_face(c, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(c, 14);
  draw_axis(c, &a, TOP + rows * ROW, axis_label);
  for (int i = 0; i < rows; i++) draw_row(c, &a, TOP + (i + 0.5) * ROW, &row[i]);
  bytes png = {0};
  cairo_status_t drawn = cairo_status(c);
  if (drawn == CAIRO_STATUS_SUCCESS)
    drawn = cairo_surface_write_to_png_stream(surface, collect, &png);
  cairo_destroy(c);
  cairo_surface_destroy(surface);
  il_status status = drawn == CAIRO_STATUS_SUCCESS
                         ? il_atomic_write(context, path, 1, &(il_piece){png.data, png.size})
                         : il_fail(context, IL_ERROR_FILE, "%s: the picture cannot be drawn: %s",
                                   path, cairo_status_to_string(drawn));
  free(png.data);
  return status;
}
