/* Which bytes of an arena are taken at which times. */
#ifndef IL_PLAN_OCCUPANCY_H
#define IL_PLAN_OCCUPANCY_H

#include <innerloop/base.h>

typedef struct il_span {
  size_t begin, end;
} il_span;

typedef struct il_spans { /* in order, and apart: those that touch are one */
  il_span *span;
  int64_t count, capacity;
} il_spans;

/* A tree over the instants: node 1 is all time, node n has the halves 2n and 2n + 1, the leaves begin at `width`. */
typedef struct il_occupancy {
  il_context *context; /* whose memory it takes */
  int64_t width;
  il_spans *part;  /* [2·width] taken in some part of a node's time, and... */
  il_spans *whole; /* [2·width] ...during all of it, as far as nodes know of a buffer */
  int64_t looks;   /* spans looked at */
} il_occupancy;

/* False: out of memory, here and below. */
bool il_occupancy_start(il_occupancy *o, il_context *context, int64_t instants);
void il_occupancy_end(il_occupancy *o);
/* The lowest offset from which so many bytes are free from instant `first` to `last`. */
size_t il_occupancy_lowest(il_occupancy *o, int64_t first, int64_t last, size_t bytes);
bool il_occupancy_take(il_occupancy *o, int64_t first, int64_t last, il_span span);

#endif
