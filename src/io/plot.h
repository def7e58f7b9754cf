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

#endif
