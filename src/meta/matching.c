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

/* For each query the largest of a class's values, [n, ways]; values [n, support], labels one-hot [support, ways]. */
static il_value largest_of_class(il_graph *g, il_value values, il_value labels) {
  const il_shape v = il_value_shape(g, values), l = il_value_shape(g, labels);
  const il_value others = il_scale(g, il_shift(g, labels, -1), 1e30);
  const il_value each = il_add(g, il_reshape(g, values, IL_SHAPE(v.dim[0], v.dim[1], 1)),
                               il_reshape(g, others, IL_SHAPE(1, l.dim[0], l.dim[1])));
  return il_reshape(g, il_max(g, each, 2), IL_SHAPE(v.dim[0], l.dim[1]));
}

/* log Σ_{i of the class} e^{a_i}, of which cross-entropy takes the softmax; by the class's own largest a, so that no class
 * vanishes beside another. */
static il_value score(il_build *b, const il_values *state, il_value x, int k) {
  il_graph *g = b->g;
  const il_value alike = il_alike(b, il_apply(b, NULL, x, k), il_values_get(g, state, "features")),
                 labels = il_values_get(g, state, "labels");
  if (!il_valid(alike)) return alike;
  const il_value largest = il_stop_gradient(g, largest_of_class(g, alike, labels));
  const il_value e = il_exp(g, il_sub(g, alike, il_matmul(g, largest, labels, false, true)));
  const il_value of_class = il_matmul(g, e, labels, false, false); /* 1 or more; 0 of no example */
  return il_add(g, largest, il_log(g, il_maximum(g, of_class, il_scalar(g, 1e-30))));
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
