/* ProtoNet: Snell, Swersky, Zemel, "Prototypical Networks for Few-shot Learning", NIPS 2017, Algorithm 1: a class is the
 * mean of its support features, a query's score for it minus the squared distance. No inner step, no head, and so any
 * number of classes. Beside the paper's distance: cosines, and a scale of either that may be learned. */
#include <innerloop/field.h>

#include "meta/alike.h"

static void begin(il_build *b, il_values *state) {
  il_value f = il_apply(b, state, b->task.support_x, 0);
  il_values_put(b->g, state, (il_entry){.name = "prototype"},
                il_class_means(b, f, b->task.support_y));
}

static il_value score(il_build *b, const il_values *state, il_value x, int k) {
  const il_value q = il_apply(b, NULL, x, k);
  return il_alike(b, q, il_values_get(b->g, state, "prototype"));
}

static const il_field fields[] = IL_ALIKE_FIELDS("euclidean", "1", "false", "protonet");

const il_algorithm il_protonet = {.name = "protonet",
                                  .paper = "Snell, Swersky, Zemel, NIPS 2017",
                                  .revision = 1,
                                  .gradient = IL_GRADIENT_EXACT,
                                  .own_head = true,
                                  .size = sizeof(il_distance_settings),
                                  .fields = fields,
                                  .declare = il_alike_declare,
                                  .begin = begin,
                                  .score = score};
