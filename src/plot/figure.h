/* A picture described once and drawn twice: as SVG, whose colours come from the style sheet of the page that it stands in
 * (so that they follow light, dark and paper), and as PNG on white. Marks are painted in the order in which they came. */
#ifndef IL_PLOT_FIGURE_H
#define IL_PLOT_FIGURE_H

#include <stdio.h>

#include "base/error.h"

/* Colours by what they are for. */
typedef enum il_paint {
  IL_PAINT_INK = 1,
  IL_PAINT_SOFT,  /* words of second rank */
  IL_PAINT_GRID,  /* lines behind everything */
  IL_PAINT_PAPER, /* of the page */
  IL_PAINT_SHADE, /* a panel on it */
  IL_PAINT_GOOD,
  IL_PAINT_BAD,
  IL_PAINT_SERIES, /* and the five behind it, over and over */
  IL_PAINT_COUNT = IL_PAINT_SERIES + 6,
} il_paint;
il_paint il_paint_series(int index);
/* Two style sheets' worth of variables, --c1 …, and the classes of SVG marks that use them. */
void il_paint_css(FILE *out);

typedef struct il_figure il_figure;
/* width in pixels; title: above the PNG, while a page says it in its own words. NULL after an error. */
il_figure *il_figure_new(il_context *context, int width, const char *title);
void il_figure_free(il_figure *figure); /* accepts NULL */
int il_figure_width(const il_figure *figure);
void il_figure_height(il_figure *figure, double height); /* before it is drawn */

/* Memory that was not there is said by svg and png. Points are pairs x, y from the upper left corner. */
double *il_figure_points(il_figure *f,
                         int count); /* room for so many, the figure's; NULL without memory */
void il_figure_line(il_figure *f, il_paint paint, double width, bool dashed, int count,
                    const double *xy);
void il_figure_area(il_figure *f, il_paint paint, double alpha, int count, const double *xy);
void il_figure_box(il_figure *f, il_paint paint, double alpha, double x, double y, double width,
                   double height);
void il_figure_frame(il_figure *f, il_paint paint, double line, double x, double y, double width,
                     double height);
void il_figure_dot(il_figure *f, il_paint paint, bool ring, double radius, double x, double y);
/* align: 0 begins at x, 0.5 is centred there, 1 ends there. Where it would be wider than `within` (0: any width) it ends
 * with …, or begins with it where align is 1. Gives the width that it takes. */
double il_figure_text(il_figure *f, il_paint paint, double size, bool bold, double align,
                      double within, double x, double y, const char *words);
/* Bytes [rows, columns, channels] of 1 or 3 channels, stretched without smoothing; copied. */
void il_figure_picture(il_figure *f, double x, double y, double width, double height, int rows,
                       int columns, int channels, const uint8_t *pixels);

/* An <svg> element that scales with its place; words: what it shows, for who does not see it. */
il_status il_figure_svg(const il_figure *f, FILE *out, const char *words);
il_status il_figure_png(const il_figure *f, const char *path);

/* ---- charts ---- */
typedef struct il_chart_series {
  const char *name; /* in the legend; NULL: not there */
  int count;
  const double *x, *y;
  const double *interval; /* ± around y, as a band; NULL: none */
  int colour;             /* from 0, as il_paint_series */
  bool dots;              /* at the points; else, and with `line`, a line through them */
  bool line, rings, dashed, thin;
} il_chart_series;
typedef struct il_chart {
  const char *x_axis, *y_axis;
  bool logarithmic; /* y; what is not positive is left out */
  bool percent;     /* y from 0 to 1, shown from 0 to 100 */
  bool points_only; /* ticks of x where the first series has points */
  double height;    /* of the panel; 0: as usual */
  int count;
  const il_chart_series *series;
} il_chart;
/* Adds the chart below `top`; gives the y below it. */
double il_chart_draw(il_figure *figure, double top, const il_chart *chart);

#endif
