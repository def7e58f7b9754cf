/* What every picture needs: a white page, text, lines, round ticks, and the PNG written atomically. */
#ifndef IL_PLOT_PLOT_CANVAS_H
#define IL_PLOT_PLOT_CANVAS_H

#include <cairo.h>

#include "base/error.h"

typedef struct il_canvas {
  cairo_surface_t *surface;
  cairo_t *c;
} il_canvas;
il_canvas il_canvas_new(int width, int height);
/* Writes the PNG and frees the canvas. */
il_status il_canvas_save(il_canvas *canvas, il_context *context, const char *path);
void il_canvas_font(cairo_t *c, bool bold, double size);
/* align: 0 begins at x, 0.5 is centred there, 1 ends there. */
void il_canvas_text(cairo_t *c, double x, double y, double align, const char *words);
/* The same, ended with … where it is wider than `width`. */
void il_canvas_text_within(cairo_t *c, double x, double y, double align, double width,
                           const char *words);
void il_canvas_colour(cairo_t *c, int index, double alpha); /* of six, over and over */
/* Bytes [height, width, channels], each so many units across and down, without smoothing. */
void il_canvas_pixels(cairo_t *c, double x, double y, double across, double down,
                      const uint8_t *pixels, int height, int width, int channels);
void il_canvas_line(cairo_t *c, double x0, double y0, double x1, double y1);

/* A round step that gives 4 to 9 ticks from low to high, which are widened to whole steps. */
typedef struct il_ticks {
  double low, high, step;
} il_ticks;
il_ticks il_ticks_over(double low, double high);
void il_ticks_text(const il_ticks *ticks, double value, char text[static 32]);

#endif
