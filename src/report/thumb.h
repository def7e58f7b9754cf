/* Examples made small: pictures as they are, signals as traces, features as bars. */
#ifndef IL_REPORT_THUMB_H
#define IL_REPORT_THUMB_H

#include "base/arena.h"
#include "data/dataset.h"
#include "plot/figure.h"

enum { IL_THUMB_CHANNELS = 6 };
typedef struct il_thumbs {
  il_context *context;
  il_shape shape;
  il_type type;
  double width, height; /* of one, in a figure */
  int axes;             /* numbers of its own range: 1, a signal's channels, or all features */
  double *low, *high;   /* [axes] */
} il_thumbs;
/* Of examples of that shape. Freed by il_thumbs_free, also after an error. */
il_status il_thumbs_init(il_context *context, il_thumbs *t, il_shape shape, il_type type);
void il_thumbs_free(il_thumbs *t);
/* Widens the ranges over so many examples that will be drawn. */
void il_thumbs_over(il_thumbs *t, int64_t count, const void *x);
void il_thumb_draw(const il_thumbs *t, il_figure *f, double x, double y, const void *example);

#endif
