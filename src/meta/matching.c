/* Matching networks: Vinyals, Blundell, Lillicrap, Kavukcuoglu, Wierstra, "Matching Networks for One Shot Learning", NIPS
 * 2016, section 2.1, without full context embeddings: a query attends to every support example by the softmax of their
 * cosines, and a class is as probable as the attention to its examples. The paper's softmax is of the cosines
 * themselves (scale 1, not learned), which are too close together to train fast. */
#include <innerloop/field.h>

#include "base/error.h"
#include "meta/alike.h"

static void begin(il_build *b, il_values *state) {
  il_graph *g = b->g;
  const il_value f = il_apply(b, NULL, b->task.support_x, 0);
  if (!il_valid(il_class_means(b, f, b->task.support_y))) return; /* says it where there are none */
  il_values_put(g, state, (il_entry){.name = "features"}, f);
  il_values_put(g, state, (il_entry){.name = "labels"}, il_one_hot(g, b->task.support_y, b->ways));
}

/* log Σ_{i of the class} e^{a_i} up to what is the same for all classes: cross-entropy takes the softmax of it. */
static il_value score(il_build *b, const il_values *state, il_value x, int k) {
  il_graph *g = b->g;
  const il_value alike = il_alike(b, il_apply(b, NULL, x, k), il_values_get(g, state, "features"));
  if (!il_valid(alike)) return alike;
  const il_value largest = il_stop_gradient(g, il_max(g, alike, 2));
  const il_value e = il_exp(g, il_sub(g, alike, largest));
  const il_value of_class = il_matmul(g, e, il_values_get(g, state, "labels"), false, false);
  return il_log(g, il_maximum(g, of_class, il_scalar(g, 1e-30)));
}

static const il_field fields[] = IL_ALIKE_FIELDS("cosine", "10", "true", "matching");

const il_algorithm il_matching = {.name = "matching",
                                  .paper = "Vinyals et al., NIPS 2016",
                                  .revision = 1,
                                  .gradient = IL_GRADIENT_EXACT,
                                  .own_head = true,
                                  .size = sizeof(il_distance_settings),
                                  .fields = fields,
                                  .declare = il_alike_declare,
                                  .begin = begin,
                                  .score = score};
