/* Distances between rows of features (alike.h). */
#include "meta/alike.h"

#include "base/error.h"

il_value il_nearness(il_graph *g, il_value q, il_value p) {
  il_value qq = il_sum(g, il_mul(g, q, q), 2);
  il_value pp = il_transpose(g, il_sum(g, il_mul(g, p, p), 2), (const int[]){1, 0});
  il_value qp = il_matmul(g, q, p, false, true);
  return il_sub(g, il_sub(g, il_scale(g, qp, 2), qq), pp);
}

il_value il_unit_rows(il_graph *g, il_value f) {
  return il_div(g, f, il_sqrt(g, il_shift(g, il_sum(g, il_mul(g, f, f), 2), 1e-12)));
}

il_value il_alike(il_build *b, il_value q, il_value p) {
  il_graph *g = b->g;
  const il_distance_settings *s = b->settings;
  if (!il_valid(q) || !il_valid(p)) return (il_value){0};
  const il_value alike = s->distance == IL_DISTANCE_COSINE
                             ? il_matmul(g, il_unit_rows(g, q), il_unit_rows(g, p), false, true)
                             : il_nearness(g, q, p);
  if (s->learned) return il_mul(g, alike, il_values_get(g, &b->meta, "scale"));
  return s->scale == 1 ? alike : il_scale(g, alike, s->scale);
}

void il_alike_declare(il_context *context, const void *settings, il_entries *entries) {
  const il_distance_settings *s = settings;
  if (s->learned)
    il_entries_add(context, entries,
                   (il_entry){.name = "scale", .drawn = true, .low = s->scale, .high = s->scale});
}
