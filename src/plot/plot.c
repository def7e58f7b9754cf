/* Dots with intervals, as a PNG. */
#include "plot/plot.h"

#include <math.h>

#include "plot/plot_canvas.h"

enum { WIDTH = 900, ROW = 46, TOP = 64, BOTTOM = 68, LEFT = 190, RIGHT = 40 };

/* Over all means, intervals and values. */
static il_ticks ticks_of(int rows, const il_plot_row *row) {
  double low = (double)INFINITY, high = -(double)INFINITY;
  for (int i = 0; i < rows; i++) {
    low = fmin(low, row[i].mean - row[i].interval);
    high = fmax(high, row[i].mean + row[i].interval);
    for (int k = 0; row[i].value && k < row[i].values; k++) {
      low = fmin(low, row[i].value[k]);
      high = fmax(high, row[i].value[k]);
    }
  }
  return il_ticks_over(low, high);
}

static double place(const il_ticks *a, double value) {
  return LEFT + (value - a->low) / (a->high - a->low) * (WIDTH - LEFT - RIGHT);
}

static void draw_axis(cairo_t *c, const il_ticks *a, double bottom, const char *label) {
  char number[32];
  cairo_set_line_width(c, 1);
  for (double v = a->low; v < a->high + a->step / 2; v += a->step) {
    double x = floor(place(a, v)) + 0.5;
    cairo_set_source_rgb(c, 0.88, 0.88, 0.88);
    il_canvas_line(c, x, TOP - 8, x, bottom);
    cairo_set_source_rgb(c, 0.25, 0.25, 0.25);
    il_ticks_text(a, v, number);
    il_canvas_text(c, x, bottom + 20, 0.5, number);
  }
  il_canvas_text(c, LEFT + (WIDTH - LEFT - RIGHT) / 2.0, bottom + 46, 0.5, label);
}

static void draw_row(cairo_t *c, const il_ticks *a, double y, const il_plot_row *row) {
  cairo_set_source_rgb(c, 0.1, 0.1, 0.1);
  il_canvas_text(c, LEFT - 16, y + 5, 1, row->name);
  cairo_set_source_rgb(c, 0.60, 0.69, 0.82);
  for (int k = 0; row->value && k < row->values; k++) {
    cairo_arc(c, place(a, row->value[k]), y, 3, 0, 6.2831853);
    cairo_fill(c);
  }
  double low = place(a, row->mean - row->interval), high = place(a, row->mean + row->interval);
  cairo_set_source_rgb(c, 0.10, 0.32, 0.60);
  cairo_set_line_width(c, 2);
  il_canvas_line(c, low, y, high, y);
  il_canvas_line(c, low, y - 6, low, y + 6);
  il_canvas_line(c, high, y - 6, high, y + 6);
  cairo_arc(c, place(a, row->mean), y, 5, 0, 6.2831853);
  cairo_fill(c);
}

il_status il_plot_intervals(il_context *context, const char *path, const char *title,
                            const char *axis_label, int rows, const il_plot_row *row) {
  il_canvas page = il_canvas_new(WIDTH, TOP + rows * ROW + BOTTOM);
  cairo_t *c = page.c;
  il_ticks a = ticks_of(rows, row);
  il_canvas_font(c, true, 17);
  cairo_set_source_rgb(c, 0.1, 0.1, 0.1);
  il_canvas_text(c, LEFT, 34, 0, title);
  il_canvas_font(c, false, 14);
  draw_axis(c, &a, TOP + rows * ROW, axis_label);
  for (int i = 0; i < rows; i++) draw_row(c, &a, TOP + (i + 0.5) * ROW, &row[i]);
  return il_canvas_save(&page, context, path);
}
