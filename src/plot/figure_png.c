/* A figure as PNG: twice its size, on white, its title above. */
#include <math.h>

#include "plot/figure_marks.h"
#include "plot/plot_canvas.h"

enum { SCALE = 2, ABOVE = 40, MARGIN = 12, SIDE_MAX = 16000 };

static void paint(cairo_t *c, const il_mark *m) {
  double rgb[3] = {0, 0, 0};
  if (m->paint) il_paint_rgb(m->paint, rgb);
  cairo_set_source_rgba(c, rgb[0], rgb[1], rgb[2], m->alpha);
}

static void path(cairo_t *c, const il_mark *m) {
  cairo_new_path(c);
  for (int i = 0; i < m->count; i++) cairo_line_to(c, m->xy[2 * i], m->xy[2 * i + 1]);
}

static void line(cairo_t *c, const il_mark *m) {
  const double dash[2] = {5, 4};
  path(c, m);
  cairo_set_dash(c, dash, m->dashed ? 2 : 0, 0);
  cairo_stroke(c);
  cairo_set_dash(c, NULL, 0, 0);
}

static void draw(cairo_t *c, const il_mark *m) {
  paint(c, m);
  cairo_set_line_width(c, m->kind == IL_MARK_RING ? 1.3 : m->size);
  switch (m->kind) {
  case IL_MARK_LINE: line(c, m); break;
  case IL_MARK_AREA:
    path(c, m);
    cairo_fill(c);
    break;
  case IL_MARK_BOX:
  case IL_MARK_FRAME:
    cairo_rectangle(c, m->x, m->y, m->width, m->height);
    if (m->kind == IL_MARK_BOX)
      cairo_fill(c);
    else
      cairo_stroke(c);
    break;
  case IL_MARK_DOT:
  case IL_MARK_RING:
    cairo_new_path(c);
    cairo_arc(c, m->x, m->y, m->size, 0, 6.2831853);
    if (m->kind == IL_MARK_DOT)
      cairo_fill(c);
    else
      cairo_stroke(c);
    break;
  case IL_MARK_TEXT:
    il_canvas_font(c, m->bold, m->size);
    il_canvas_text(c, m->x, m->y, m->align, m->words);
    break;
  case IL_MARK_PICTURE:
    il_canvas_pixels(c, m->x, m->y, m->width / m->columns, m->height / m->rows, m->pixels, m->rows,
                     m->columns, m->channels);
    break;
  }
}

il_status il_figure_png(const il_figure *f, const char *file) {
  if (f->failed) return il_fail_memory(f->context, "a figure");
  const double wide = SCALE * (f->width + 2 * MARGIN), high = SCALE * (f->height + ABOVE + MARGIN);
  if (wide > SIDE_MAX || high > SIDE_MAX)
    return il_fail(f->context, IL_ERROR_ARGUMENT,
                   "%s would have %.0f × %.0f pixels, expected at most %d on a side", file, high,
                   wide, (int)SIDE_MAX);
  il_canvas page = il_canvas_new((int)wide, (int)high);
  cairo_scale(page.c, SCALE, SCALE);
  cairo_translate(page.c, MARGIN, 0);
  double rgb[3];
  il_paint_rgb(IL_PAINT_INK, rgb);
  cairo_set_source_rgb(page.c, rgb[0], rgb[1], rgb[2]);
  il_canvas_font(page.c, true, 14);
  il_canvas_text_within(page.c, 0, 24, 0, f->width, f->title);
  cairo_translate(page.c, 0, ABOVE);
  for (int i = 0; i < f->count; i++) draw(page.c, &f->mark[i]);
  return il_canvas_save(&page, f->context, file);
}
