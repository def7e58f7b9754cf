/* Charts: lines, points and bands over two axes. */
#include <math.h>
#include <string.h>

#include "base/locale.h"
#include "plot/figure.h"
#include "plot/plot_canvas.h"

enum { LEFT = 50, RIGHT = 14, ABOVE = 22, BELOW = 44, PANEL = 210, LETTERS = 13 };

typedef struct axes {
  double left, right, top, bottom;
  il_ticks x, y;
  double x_low, x_high; /* ticks stay round, the range ends where the data do */
} axes;

static double shown(const il_chart *c, double y) {
  return c->logarithmic ? log10(y) : c->percent ? 100 * y : y;
}
static double across(const axes *a, double x) {
  return a->left + (x - a->x_low) / (a->x_high - a->x_low) * (a->right - a->left);
}
static double down(const axes *a, double y) {
  return a->bottom - (y - a->y.low) / (a->y.high - a->y.low) * (a->bottom - a->top);
}

/* Numbers whose differences no double holds have no place on an axis. */
static void widen(double value, double *low, double *high) {
  if (!(fabs(value) < 1e300)) return;
  *low = fmin(*low, value);
  *high = fmax(*high, value);
}

static void find_range(axes *a, const il_chart *c) {
  double x[2] = {(double)INFINITY, -(double)INFINITY}, y[2] = {x[0], x[1]};
  for (int s = 0; s < c->count; s++)
    for (int i = 0; i < c->series[s].count; i++) {
      const il_chart_series *one = &c->series[s];
      widen(one->x[i], &x[0], &x[1]);
      widen(shown(c, one->y[i]), &y[0], &y[1]);
      if (!one->interval || isnan(one->interval[i])) continue;
      if (one->y[i] > one->interval[i] || !c->logarithmic)
        widen(shown(c, one->y[i] - one->interval[i]), &y[0], &y[1]);
      widen(shown(c, one->y[i] + one->interval[i]), &y[0], &y[1]);
    }
  if (!(x[0] <= x[1])) x[0] = x[1] = 0;
  if (!(y[0] <= y[1])) y[0] = y[1] = 0;
  if (!(y[0] < y[1])) { /* one value alone lies amid a range of its own size */
    const double half = c->percent ? 5 : c->logarithmic ? 0.3 : y[0] != 0 ? 0.1 * fabs(y[0]) : 1;
    y[0] -= half;
    y[1] += half;
  }
  if (c->percent) { /* no shares below none and above all */
    y[0] = fmax(y[0], 0);
    y[1] = fmin(y[1], 100);
  }
  a->x = x[0] < x[1] ? il_ticks_over(x[0], x[1]) : (il_ticks){x[0], x[0], 1};
  a->y = il_ticks_over(y[0], y[1]);
  const double margin = x[1] > x[0] ? 0.03 * (x[1] - x[0]) : 0.5;
  a->x_low = x[0] - margin;
  a->x_high = x[1] + margin;
}

static void draw_y_axis(il_figure *f, const axes *a, const il_chart *c) {
  char words[40];
  const int steps = (int)((a->y.high - a->y.low) / a->y.step + 0.5), every = steps > 6 ? 2 : 1;
  for (int i = 0; i <= steps; i++) {
    const double v = a->y.low + i * a->y.step, y = floor(down(a, v)) + 0.5;
    il_figure_line(f, IL_PAINT_GRID, 1, false, 2, (double[]){a->left, y, a->right, y});
    if (i % every) continue;
    il_ticks_text(&a->y, v, words);
    if (c->logarithmic)
      il_plain_text(words, sizeof words, "%.*g", a->y.step < 0.1 ? 3 : 2, pow(10, v));
    il_figure_text(f, IL_PAINT_SOFT, LETTERS, false, 1, 0, a->left - 7, y + 4, words);
  }
}

static void draw_x_tick(il_figure *f, const axes *a, double v, const char *words, double *end) {
  const double x = across(a, v), half = 4.0 * (double)strlen(words);
  il_figure_line(f, IL_PAINT_SOFT, 1, false, 2, (double[]){x, a->bottom, x, a->bottom + 4});
  if (x - half < *end) return;
  il_figure_text(f, IL_PAINT_SOFT, LETTERS, false, 0.5, 0, x, a->bottom + 18, words);
  *end = x + half + 6;
}

static void draw_x_axis(il_figure *f, const axes *a, const il_chart *c) {
  char words[40];
  double end = -1e9;
  il_figure_line(f, IL_PAINT_SOFT, 1, false, 2,
                 (double[]){a->left, a->bottom, a->right, a->bottom});
  for (int i = 0; c->points_only && c->count && i < c->series[0].count; i++) {
    il_plain_text(words, sizeof words, "%g", c->series[0].x[i]);
    draw_x_tick(f, a, c->series[0].x[i], words, &end);
  }
  const int steps = (int)((a->x.high - a->x.low) / a->x.step + 0.5);
  for (int i = 0; !c->points_only && i <= steps; i++) {
    const double v = a->x.low + i * a->x.step;
    if (v < a->x_low || v > a->x_high) continue;
    il_ticks_text(&a->x, v, words);
    draw_x_tick(f, a, v, words, &end);
  }
  il_figure_text(f, IL_PAINT_SOFT, LETTERS, false, 0.5, a->right - a->left,
                 (a->left + a->right) / 2, a->bottom + 38, c->x_axis);
}

/* What lies above or below the panel stays at its edge. */
static double inside(const axes *a, double y) { return fmin(fmax(y, a->top), a->bottom); }

static void draw_band(il_figure *f, const axes *a, const il_chart *c, const il_chart_series *s) {
  double *xy = il_figure_points(f, 2 * s->count);
  int n = 0;
  for (int pass = 0; xy && pass < 2; pass++)
    for (int k = 0; k < s->count; k++) {
      const int i = pass ? s->count - 1 - k : k;
      const double half = isnan(s->interval[i]) ? 0 : s->interval[i],
                   y = shown(c, s->y[i] + (pass ? -half : half));
      if (!isfinite(shown(c, s->y[i]))) continue;
      xy[2 * n] = across(a, s->x[i]);
      xy[2 * n++ + 1] = isfinite(y) ? inside(a, down(a, y)) : a->bottom;
    }
  if (xy) il_figure_area(f, il_paint_series(s->colour), 0.18, n, xy);
}

static void draw_series(il_figure *f, const axes *a, const il_chart *c, const il_chart_series *s) {
  const il_paint paint = il_paint_series(s->colour);
  double *xy = il_figure_points(f, s->count);
  int n = 0;
  for (int i = 0; xy && i < s->count; i++) {
    if (!isfinite(shown(c, s->y[i]))) continue;
    xy[2 * n] = across(a, s->x[i]);
    xy[2 * n++ + 1] = inside(a, down(a, shown(c, s->y[i])));
  }
  if (xy && (s->line || !s->dots)) il_figure_line(f, paint, s->thin ? 1 : 2, s->dashed, n, xy);
  for (int i = 0; xy && s->dots && i < n; i++)
    il_figure_dot(f, paint, s->rings, s->thin ? 2.2 : 3.5, xy[2 * i], xy[2 * i + 1]);
}

/* Names in rows; gives the y below them. */
static double draw_legend(il_figure *f, double top, const il_chart *c) {
  const double wide = il_figure_width(f) - RIGHT;
  double x = LEFT, y = top + 14;
  bool any = false;
  for (int s = 0; s < c->count; s++) {
    const il_chart_series *one = &c->series[s];
    if (!one->name) continue;
    /* Where it is too long for what is left of the row, it begins the next. */
    const double guess = 30 + 7.2 * (double)strlen(one->name);
    if (any && x + guess > wide) {
      x = LEFT;
      y += 19;
    }
    any = true;
    const il_paint paint = il_paint_series(one->colour);
    if (one->line || !one->dots)
      il_figure_line(f, paint, one->thin ? 1 : 2.5, one->dashed, 2,
                     (double[]){x, y - 4, x + 20, y - 4});
    if (one->dots) il_figure_dot(f, paint, one->rings, one->thin ? 2.2 : 3.5, x + 10, y - 4);
    x += 26;
    x += 18 + il_figure_text(f, IL_PAINT_INK, LETTERS, false, 0, wide - x, x, y, one->name);
  }
  return any ? y + 10 : top;
}

double il_chart_draw(il_figure *f, double top, const il_chart *c) {
  axes a = {.left = LEFT, .right = il_figure_width(f) - RIGHT};
  top = draw_legend(f, top, c);
  il_figure_text(f, IL_PAINT_SOFT, LETTERS, false, 0, il_figure_width(f), 2, top + 13, c->y_axis);
  a.top = top + ABOVE;
  a.bottom = a.top + (c->height > 0 ? c->height : PANEL);
  find_range(&a, c);
  draw_y_axis(f, &a, c);
  draw_x_axis(f, &a, c);
  for (int s = 0; s < c->count; s++)
    if (c->series[s].interval) draw_band(f, &a, c, &c->series[s]);
  for (int s = 0; s < c->count; s++) draw_series(f, &a, c, &c->series[s]);
  return a.bottom + BELOW;
}
