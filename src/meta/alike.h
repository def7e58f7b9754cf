/* Comparing features: distances, and a scale of them that may be learned. */
#ifndef IL_META_ALIKE_H
#define IL_META_ALIKE_H

#include <innerloop/meta.h>

/* −|q − p|² of the rows of q [m, f] and p [n, f], as 2·q·p − |q|² − |p|²: [m, n]. */
il_value il_nearness(il_graph *g, il_value q, il_value p);
/* Rows of length 1; a row of zeros stays one. */
il_value il_unit_rows(il_graph *g, il_value f);
/* How alike the rows of q [m, f] and p [n, f] are, [m, n], times the scale. Settings: il_distance_settings. */
il_value il_alike(il_build *b, il_value q, il_value p);
/* Declares the scale where it is learned: "scale", which starts at `scale`. */
void il_alike_declare(il_context *context, const void *settings, il_entries *entries);

/* The table of fields of `type`, whose compare settings have these defaults. */
#define IL_ALIKE_FIELDS(distance_, scale_, learned_, who)                                          \
  {                                                                                                \
    IL_FIELD(il_distance_settings, distance, IL_FIELD_ENUM, distance_, 1, 2, "euclidean|cosine",   \
             "how features are compared: by the squared distance or the cosine (" who ")"),        \
        IL_FIELD(il_distance_settings, scale, IL_FIELD_DOUBLE, scale_, 0, 1e6, "",                 \
                 "multiplies it (" who ")"),                                                       \
        IL_FIELD(il_distance_settings, learned, IL_FIELD_BOOL, learned_, 0, 0, "",                 \
                 "the scale is learned from there on (" who ")"),                                  \
    {                                                                                              \
      0                                                                                            \
    }                                                                                              \
  }

#endif
