/* Pictures of results as PNG files, drawn by cairo and written atomically. */
#ifndef IL_PLOT_PLOT_H
#define IL_PLOT_PLOT_H

#include "base/error.h"

/* Rows from top to bottom: name, a dot at mean with a bar of ± interval, and small marks at the values. */
typedef struct il_plot_row {
  const char *name;
  double mean, interval;
  int values;
  const double *value; /* may be NULL */
} il_plot_row;
il_status il_plot_intervals(il_context *context, const char *path, const char *title,
                            const char *axis, int rows, const il_plot_row *row);

/* A line: its name in the legend (NULL: no legend) and how many steps it has, from 1. */
typedef struct il_plot_line {
  const char *name;
  int count;
} il_plot_line;
/* One quantity: value[line][step]. On a logarithmic axis values that are not positive are left out. */
typedef struct il_plot_panel {
  const char *title;
  bool logarithmic;
  const double *const *value;
} il_plot_panel;
/* Panels two in a row, with the same lines in each; axis: what the steps are. */
il_status il_plot_lines(il_context *context, const char *path, const char *title, const char *axis,
                        int lines, const il_plot_line *line, int panels,
                        const il_plot_panel *panel);

/* Pictures in rows, a name in front of each: bytes [height, width, channels] of 1 or 3 channels, made larger by a whole
 * number where they are small. */
typedef struct il_plot_pictures {
  const char *name;
  int count, gap; /* gap: a wider space in front of the picture of this number; 0: none */
  const uint8_t *const *picture; /* [count] */
} il_plot_pictures;
il_status il_plot_sheet(il_context *context, const char *path, const char *title, int height,
                        int width, int channels, int rows, const il_plot_pictures *row);

/* Small multiples: panels in rows and columns, all over one range of y, those of a column, or all, over one of x. */
typedef enum il_plot_mark { IL_PLOT_LINE, IL_PLOT_DOTS, IL_PLOT_RINGS } il_plot_mark;
typedef struct il_plot_series {
  int count, colour;
  il_plot_mark mark;
  float alpha;        /* 0: opaque */
  const float *x, *y; /* x NULL: 0, 1, 2 … */
  int x_step, y_step; /* from one number to the next; 0: 1 */
} il_plot_series;
typedef struct il_plot_cell {
  const char *title; /* may be NULL */
  int count;
  const il_plot_series *series;
} il_plot_cell;
typedef struct il_plot_grid {
  const char *title, *y_axis;
  int rows, columns;
  bool one_x;                     /* all panels have the same x: columns mean nothing */
  const char *const *row_name;    /* [rows], or NULL */
  const char *const *column_axis; /* [columns], what x is */
  const il_plot_cell *cell;       /* [rows·columns]; those of count 0 stay empty */
  int legends;
  const char *const *legend; /* of the colours from 0 on */
} il_plot_grid;
il_status il_plot_small(il_context *context, const char *path, const il_plot_grid *grid);

#endif
