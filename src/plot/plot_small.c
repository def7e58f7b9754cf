/* Small multiples: many small panels over the same axes, as a PNG. */
#include <math.h>

#include "plot/plot.h"
#include "plot/plot_canvas.h"

enum {
  PANEL_WIDTH = 190,
  PANEL_HEIGHT = 104,
  SPACE = 12,
  ABOVE = 16, /* a panel, for its title */
  TOP = 60,
  LABEL = 190,
  TICKS = 62,
  RIGHT = 24,
  BOTTOM = 52,
  SIDE_MAX = 16000
};

typedef struct layout {
  const il_plot_grid *g;
  il_ticks y;
  double left, above;
} layout;

static double x_at(const il_plot_series *s, int i) {
  return s->x ? (double)s->x[i * (s->x_step ? s->x_step : 1)] : i;
}
static double y_at(const il_plot_series *s, int i) {
  return (double)s->y[i * (s->y_step ? s->y_step : 1)];
}

static const il_plot_cell *cell_at(const il_plot_grid *g, int row, int column) {
  return &g->cell[row * g->columns + column];
}

static void widen(double value, double *low, double *high) {
  if (!isfinite(value)) return;
  *low = fmin(*low, value);
  *high = fmax(*high, value);
}

/* column −1: y over all panels; else x over those of the column. */
static il_ticks range(const il_plot_grid *g, int column) {
  double low = (double)INFINITY, high = -(double)INFINITY;
  bool points = false;
  for (int k = 0; k < g->rows * g->columns; k++) {
    if (column >= 0 && !g->one_x && k % g->columns != column) continue;
    for (int i = 0; i < g->cell[k].count; i++) {
      const il_plot_series *s = &g->cell[k].series[i];
      points |= s->mark != IL_PLOT_LINE;
      for (int p = 0; p < s->count; p++) widen(column < 0 ? y_at(s, p) : x_at(s, p), &low, &high);
    }
  }
  if (!(low <= high)) low = high = 0;
  il_ticks t = il_ticks_over(low, high);
  if (column >= 0 && high > low) { /* ticks stay round, the range ends where the data do */
    const double margin = points ? 0.04 * (high - low) : 0;
    t.low = low - margin;
    t.high = high + margin;
  }
  return t;
}

static double place(const il_ticks *t, double value, double from, double to) {
  return from + (value - t->low) / (t->high - t->low) * (to - from);
}

static void draw_series(cairo_t *c, const il_plot_series *s, const il_ticks *tx, const il_ticks *ty,
                        double x, double y) {
  il_canvas_colour(c, s->colour, s->alpha > 0 ? (double)s->alpha : 1);
  cairo_set_line_width(c, 1.2);
  for (int i = 0; i < s->count; i++) {
    const double px = place(tx, x_at(s, i), x, x + PANEL_WIDTH),
                 py = place(ty, y_at(s, i), y + PANEL_HEIGHT, y);
    if (s->mark == IL_PLOT_LINE) {
      if (i == 0)
        cairo_move_to(c, px, py);
      else
        cairo_line_to(c, px, py);
      continue;
    }
    cairo_new_sub_path(c);
    cairo_arc(c, px, py, 2.2, 0, 6.2831853);
    if (s->mark == IL_PLOT_DOTS)
      cairo_fill(c);
    else
      cairo_stroke(c);
  }
  if (s->mark == IL_PLOT_LINE) cairo_stroke(c);
}

/* Every second tick has a number where they would touch. */
static void draw_y_ticks(cairo_t *c, const layout *l, double x, double y, bool numbers) {
  const il_ticks *t = &l->y;
  const int count = (int)((t->high - t->low) / t->step + 1.5), skip = count > 5 ? 2 : 1;
  char text[32];
  for (int i = 0; i < count; i++) {
    const double v = t->low + i * t->step, at = floor(place(t, v, y + PANEL_HEIGHT, y)) + 0.5;
    cairo_set_source_rgb(c, 0.90, 0.90, 0.90);
    cairo_set_line_width(c, 1);
    il_canvas_line(c, x, at, x + PANEL_WIDTH, at);
    if (!numbers || i % skip) continue;
    cairo_set_source_rgb(c, 0.35, 0.35, 0.35);
    il_ticks_text(t, v, text);
    il_canvas_text(c, x - 6, at + 4, 1, text);
  }
}

static void draw_x_ticks(cairo_t *c, const il_ticks *t, double x, double y, const char *axis) {
  char text[32];
  double last = -(double)INFINITY;
  for (double v = ceil(t->low / t->step - 1e-9) * t->step; v <= t->high + t->step * 1e-6;
       v += t->step) {
    const double at = place(t, v, x, x + PANEL_WIDTH);
    cairo_set_source_rgb(c, 0.35, 0.35, 0.35);
    cairo_set_line_width(c, 1);
    il_canvas_line(c, at, y, at, y + 4);
    if (at - last < 34) continue;
    il_ticks_text(t, v, text);
    /* Numbers at the edges stay inside: the next panel has its own there. */
    il_canvas_text(c, at, y + 17, at < x + 8 ? 0 : at > x + PANEL_WIDTH - 8 ? 1 : 0.5, text);
    last = at;
  }
  cairo_set_source_rgb(c, 0.1, 0.1, 0.1);
  il_canvas_text_within(c, x + PANEL_WIDTH / 2.0, y + 36, 0.5, PANEL_WIDTH, axis);
}

static void draw_panel(cairo_t *c, const layout *l, int row, int column, const il_ticks *tx) {
  const il_plot_cell *cell = cell_at(l->g, row, column);
  if (!cell->count) return;
  const double x = l->left + column * (PANEL_WIDTH + SPACE),
               y = TOP + row * (PANEL_HEIGHT + l->above) + l->above - SPACE / 2.0;
  const bool lowest = row + 1 == l->g->rows || !cell_at(l->g, row + 1, column)->count;
  draw_y_ticks(c, l, x, y, column == 0);
  cairo_set_source_rgb(c, 0.70, 0.70, 0.70);
  cairo_rectangle(c, floor(x) + 0.5, floor(y) + 0.5, PANEL_WIDTH, PANEL_HEIGHT);
  cairo_stroke(c);
  cairo_save(c);
  cairo_rectangle(c, x - 3, y - 3, PANEL_WIDTH + 6, PANEL_HEIGHT + 6);
  cairo_clip(c);
  for (int i = 0; i < cell->count; i++) draw_series(c, &cell->series[i], tx, &l->y, x, y);
  cairo_restore(c);
  cairo_set_source_rgb(c, 0.1, 0.1, 0.1);
  if (cell->title) il_canvas_text_within(c, x + 2, y - 5, 0, PANEL_WIDTH, cell->title);
  if (lowest) draw_x_ticks(c, tx, x, y + PANEL_HEIGHT, l->g->column_axis[column]);
}

static void draw_legend(cairo_t *c, const il_plot_grid *g, double right) {
  cairo_text_extents_t size;
  for (int i = g->legends - 1; i >= 0; i--) {
    cairo_text_extents(c, g->legend[i], &size);
    right -= size.x_advance;
    cairo_set_source_rgb(c, 0.1, 0.1, 0.1);
    il_canvas_text(c, right, 52, 0, g->legend[i]);
    il_canvas_colour(c, i, 1);
    cairo_set_line_width(c, 3);
    il_canvas_line(c, right - 22, 48, right - 6, 48);
    right -= 36;
  }
}

il_status il_plot_small(il_context *context, const char *path, const il_plot_grid *g) {
  bool titles = false;
  for (int i = 0; i < g->rows * g->columns; i++) titles |= g->cell[i].title != NULL;
  const layout l = {g, range(g, -1), (g->row_name ? LABEL : 20) + TICKS,
                    titles ? ABOVE + SPACE : SPACE};
  const double wide = l.left + g->columns * (PANEL_WIDTH + SPACE) + RIGHT,
               high = TOP + g->rows * (PANEL_HEIGHT + l.above) + BOTTOM;
  if (wide > SIDE_MAX || high > SIDE_MAX)
    return il_fail(context, IL_ERROR_ARGUMENT,
                   "%s would have %.0f × %.0f pixels, expected at most %d on a side: show fewer "
                   "classes",
                   path, high, wide, (int)SIDE_MAX);
  il_canvas page = il_canvas_new((int)wide, (int)high);
  cairo_t *c = page.c;
  il_canvas_font(c, true, 15);
  cairo_set_source_rgb(c, 0.1, 0.1, 0.1);
  il_canvas_text_within(c, 20, 31, 0, wide - 40, g->title);
  il_canvas_font(c, false, 12);
  draw_legend(c, g, wide - RIGHT);
  if (g->y_axis) {
    cairo_set_source_rgb(c, 0.1, 0.1, 0.1);
    il_canvas_text_within(c, l.left - 6, 52, 1, l.left - 26, g->y_axis);
  }
  il_ticks tx[64];
  for (int k = 0; k < g->columns && k < 64; k++) tx[k] = range(g, k);
  for (int r = 0; r < g->rows; r++) {
    cairo_set_source_rgb(c, 0.1, 0.1, 0.1);
    if (g->row_name)
      il_canvas_text_within(c, LABEL - 6,
                            TOP + r * (PANEL_HEIGHT + l.above) + l.above + PANEL_HEIGHT / 2.0, 1,
                            LABEL - 24, g->row_name[r]);
    for (int k = 0; k < g->columns && k < 64; k++) draw_panel(c, &l, r, k, &tx[k]);
  }
  return il_canvas_save(&page, context, path);
}
