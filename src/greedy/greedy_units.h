/* Units of parameters from the inside: shared by what cuts, prices and chooses them. */
#ifndef IL_GREEDY_GREEDY_UNITS_H
#define IL_GREEDY_GREEDY_UNITS_H

#include <innerloop/greedy.h>

#include "base/arena.h"

/* A parameter of the net. */
typedef struct il_unit_part {
  int64_t scalars, last; /* last: length of the last axis, which runs over output channels */
  int64_t base;          /* unit of its first scalar */
  int layer;
  bool weight; /* its gradient needs the layer's input (linear, conv) or normalised input (γ) */
  uint64_t operations; /* of one scalar: its gradient and its update */
} il_unit_part;

/* A layer, for the whole batch. */
typedef struct il_unit_layer {
  uint64_t input_bytes; /* kept when a weight changes */
  uint64_t path_bytes;  /* kept when something below the layer changes */
  uint64_t path_operations;
  bool shared; /* input_bytes and path_bytes are the same memory (norm) */
} il_unit_layer;

typedef struct il_unit {
  int64_t scalars;
  int first, parts;       /* parameters that it has scalars in */
  il_greedy_choice alone; /* the cost of an update that changes nothing else */
} il_unit;

struct il_greedy_units {
  il_arena arena;
  il_greedy_granularity granularity;
  int parts, layers;
  int64_t scalars, count;
  size_t real; /* bytes of a number */
  il_unit_part *part;
  il_unit_layer *layer;
  il_unit *unit;
};

/* Scalars that a unit has in one of its parts. */
int64_t il_unit_share(const il_greedy_units *units, const il_unit *unit, int part);
/* Fills bytes and operations for `scalars[part]` touched scalars in `count` units. */
void il_unit_cost(const il_greedy_units *units, const int64_t *scalars, int64_t count,
                  il_greedy_choice *choice);

#endif
