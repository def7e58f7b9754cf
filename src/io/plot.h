/* Pictures of results as PNG files, drawn by cairo and written atomically. */
#ifndef IL_IO_PLOT_H
#define IL_IO_PLOT_H

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

#endif
