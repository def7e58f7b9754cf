/* Contact sheets: a row of pictures for each name, as a PNG. */
#include <math.h>
#include <stdlib.h>

#include "plot/plot.h"
#include "plot/plot_canvas.h"

enum { TOP = 52, LABEL = 190, MARGIN = 20, SPACE = 4, GAP = 18, SIDE = 56, SIDE_MAX = 16000 };

il_status il_plot_sheet(il_context *context, const char *path, const char *title, int height,
                        int width, int channels, int rows, const il_plot_pictures *row) {
  int scale = SIDE / (height > width ? height : width), most = 1;
  if (scale < 1) scale = 1;
  for (int r = 0; r < rows; r++) most = row[r].count > most ? row[r].count : most;
  const int64_t wide = LABEL + MARGIN + GAP + (int64_t)most * (width * scale + SPACE),
                high = TOP + MARGIN + (int64_t)rows * (height * scale + SPACE);
  if (wide > SIDE_MAX || high > SIDE_MAX)
    return il_fail(context, IL_ERROR_ARGUMENT,
                   "%s would have %lld × %lld pixels, expected at most %d on a side: show fewer "
                   "classes",
                   path, (long long)high, (long long)wide, (int)SIDE_MAX);
  il_canvas page = il_canvas_new((int)wide, (int)high);
  il_canvas_font(page.c, true, 15);
  cairo_set_source_rgb(page.c, 0.1, 0.1, 0.1);
  il_canvas_text_within(page.c, MARGIN, 31, 0, (double)wide - 2 * MARGIN, title);
  il_canvas_font(page.c, false, 13);
  for (int r = 0; r < rows; r++) {
    const double y = TOP + (double)r * (height * scale + SPACE);
    cairo_set_source_rgb(page.c, 0.1, 0.1, 0.1);
    il_canvas_text_within(page.c, LABEL - 12, y + height * scale / 2.0 + 5, 1, LABEL - 20,
                          row[r].name);
    for (int k = 0; k < row[r].count; k++) {
      const double x =
          LABEL + (double)k * (width * scale + SPACE) + (row[r].gap && k >= row[r].gap ? GAP : 0);
      il_canvas_pixels(page.c, x, y, scale, scale, row[r].picture[k], height, width, channels);
    }
  }
  return il_canvas_save(&page, context, path);
}
