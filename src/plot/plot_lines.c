/* Quantities over steps, as a PNG: panels side by side, two in a row. */
#include <math.h>
#include <stdio.h>

#include "base/locale.h"
#include "plot/plot.h"
#include "plot/plot_canvas.h"

enum {
  PANEL_WIDTH = 520,
  PANEL_HEIGHT = 330,
  TOP = 84,
  LEFT = 92,
  RIGHT = 24,
  BOTTOM = 56,
  ABOVE = 34
};
static double scaled(const il_plot_panel *p, double y) { return p->logarithmic ? log10(y) : y; }

/* Where a panel's values lie on the page. */
typedef struct frame {
  double left, right, top, bottom;
  il_ticks x, y;
} frame;

static double across(const frame *f, double x) {
  return f->left + (x - f->x.low) / (f->x.high - f->x.low) * (f->right - f->left);
}
static double down(const frame *f, double y) {
  return f->bottom - (y - f->y.low) / (f->y.high - f->y.low) * (f->bottom - f->top);
}

static frame frame_of(int index, int lines, const il_plot_line *line, const il_plot_panel *p) {
  double low = (double)INFINITY, high = -(double)INFINITY, last = 1;
  for (int k = 0; k < lines; k++)
    for (int i = 0; i < line[k].count; i++) {
      double y = scaled(p, p->value[k][i]);
      if (!isfinite(y)) continue;
      low = fmin(low, y);
      high = fmax(high, y);
      last = fmax(last, i + 1);
    }
  if (!(low <= high)) low = high = 0;
  double x = index % 2 * PANEL_WIDTH, y = TOP + index / 2 * PANEL_HEIGHT;
  frame f = {x + LEFT,
             x + PANEL_WIDTH - RIGHT,
             y + ABOVE,
             y + PANEL_HEIGHT - BOTTOM,
             il_ticks_over(0, last),
             il_ticks_over(low, high)};
  f.x.high = last;
  return f;
}

static void draw_axes(cairo_t *c, const frame *f, const il_plot_panel *p, const char *axis) {
  char number[32];
  cairo_set_line_width(c, 1);
  for (double v = f->y.low; v < f->y.high + f->y.step / 2; v += f->y.step) {
    double y = floor(down(f, v)) + 0.5;
    cairo_set_source_rgb(c, 0.88, 0.88, 0.88);
    il_canvas_line(c, f->left, y, f->right, y);
    cairo_set_source_rgb(c, 0.25, 0.25, 0.25);
    il_ticks_text(&f->y, v, number);
    if (p->logarithmic) { /* as many digits as tell one tick from the next */
      int digits = f->y.step < 0.1 ? 1 + (int)ceil(-log10(f->y.step)) : 2;
      il_plain_text(number, sizeof number, "%.*g", digits, pow(10, v));
    }
    il_canvas_text(c, f->left - 8, y + 4, 1, number);
  }
  for (double v = f->x.low; v < f->x.high + f->x.step * 1e-6; v += f->x.step) {
    il_ticks_text(&f->x, v, number);
    il_canvas_text(c, across(f, v), f->bottom + 18, 0.5, number);
  }
  il_canvas_text(c, (f->left + f->right) / 2, f->bottom + 38, 0.5, axis);
  cairo_set_source_rgb(c, 0.1, 0.1, 0.1);
  il_canvas_text(c, f->left, f->top - 12, 0, p->title);
}

static void draw_lines(cairo_t *c, const frame *f, int lines, const il_plot_line *line,
                       const il_plot_panel *p) {
  cairo_set_line_width(c, 1.6);
  for (int k = 0; k < lines; k++) {
    bool pen = false;
    il_canvas_colour(c, k, 1);
    for (int i = 0; i < line[k].count; i++) {
      double y = scaled(p, p->value[k][i]);
      if (!isfinite(y)) continue;
      if (pen)
        cairo_line_to(c, across(f, i + 1), down(f, y));
      else
        cairo_move_to(c, across(f, i + 1), down(f, y));
      pen = true;
    }
    cairo_stroke(c);
  }
}

il_status il_plot_lines(il_context *context, const char *path, const char *title, const char *axis,
                        int lines, const il_plot_line *line, int panels,
                        const il_plot_panel *panel) {
  int rows = (panels + 1) / 2;
  il_canvas page = il_canvas_new(2 * PANEL_WIDTH, TOP + rows * PANEL_HEIGHT);
  cairo_t *c = page.c;
  il_canvas_font(c, true, 17);
  cairo_set_source_rgb(c, 0.1, 0.1, 0.1);
  il_canvas_text(c, LEFT, 32, 0, title);
  il_canvas_font(c, false, 13);
  double x = LEFT;
  for (int k = 0; k < lines && line[k].name; k++) {
    cairo_text_extents_t size;
    il_canvas_colour(c, k, 1);
    cairo_set_line_width(c, 3);
    il_canvas_line(c, x, 56, x + 22, 56);
    cairo_set_source_rgb(c, 0.1, 0.1, 0.1);
    il_canvas_text(c, x + 28, 61, 0, line[k].name);
    cairo_text_extents(c, line[k].name, &size);
    x += 28 + size.x_advance + 24;
  }
  for (int i = 0; i < panels; i++) {
    frame f = frame_of(i, lines, line, &panel[i]);
    draw_axes(c, &f, &panel[i], axis);
    draw_lines(c, &f, lines, line, &panel[i]);
  }
  return il_canvas_save(&page, context, path);
}
