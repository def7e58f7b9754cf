/* The marks of a figure, for those that draw them. */
#ifndef IL_PLOT_FIGURE_MARKS_H
#define IL_PLOT_FIGURE_MARKS_H

#include <cairo.h>

#include "base/arena.h"
#include "plot/figure.h"

typedef enum il_mark_kind {
  IL_MARK_LINE,
  IL_MARK_AREA,
  IL_MARK_BOX,
  IL_MARK_FRAME,
  IL_MARK_DOT,
  IL_MARK_RING,
  IL_MARK_TEXT,
  IL_MARK_PICTURE
} il_mark_kind;
typedef struct il_mark {
  il_mark_kind kind;
  il_paint paint;
  bool dashed, bold;
  double size; /* of a line, a radius or letters */
  double alpha, align;
  double x, y, width, height;
  int count; /* points */
  const double *xy;
  const char *words;
  int rows, columns, channels;
  const uint8_t *pixels;
} il_mark;

struct il_figure {
  il_context *context;
  il_arena arena;
  const char *title;
  double width, height;
  int count, room;
  il_mark *mark;
  bool failed;               /* memory */
  cairo_surface_t *measured; /* of one pixel, to measure words on */
  cairo_t *c;
};

/* Red, green and blue from 0 to 1 on white paper. */
void il_paint_rgb(il_paint paint, double rgb[static 3]);

#endif
