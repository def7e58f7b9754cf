/* Proto-MAML: Triantafillou et al., "Meta-Dataset: A Dataset of Datasets for Learning to Learn from Few Examples",
 * ICLR 2020, section 3: MAML whose head starts at what makes it a ProtoNet, weight 2·c and bias −|c|² of each class mean
 * c, and is differentiated as a function of the support set also in first order. No head is learned, so any number of
 * classes will do. The net and the head adapt; inner.adapts says what of the net. */
#include <innerloop/meta.h>

#include "base/error.h"

/* −|q − c|² = 2·q·c − |c|² but for |q|², which is the same for all classes. */
static void begin(il_build *b, il_values *state) {
  il_graph *g = b->g;
  const il_value f = il_apply(b, NULL, b->task.support_x, 0);
  const il_value c = il_class_means(b, f, b->task.support_y); /* [ways, features] */
  il_values start = il_adapting(b);
  if (!il_valid(c)) return;
  const il_value length = il_sum(g, il_mul(g, c, c), 2);
  il_values_put(g, &start, (il_entry){.name = "head.weight"},
                il_scale(g, il_transpose(g, c, (const int[]){1, 0}), 2));
  il_values_put(g, &start, (il_entry){.name = "head.bias"},
                il_neg(g, il_reshape(g, length, IL_SHAPE(b->ways))));
  il_inner_begin(b, &start, state);
}

static il_value score(il_build *b, const il_values *state, il_value x, int k) {
  il_graph *g = b->g;
  const il_value f = il_apply(b, state, x, k);
  const il_value product = il_matmul(g, f, il_values_get(g, state, "head.weight"), false, false);
  return il_add(g, product, il_values_get(g, state, "head.bias"));
}

const il_algorithm il_protomaml = {.name = "protomaml",
                                   .paper = "Triantafillou et al., ICLR 2020",
                                   .revision = 1,
                                   .gradient = IL_GRADIENT_EXACT,
                                   .own_head = true,
                                   .adapts = "*",
                                   .begin = begin,
                                   .step = il_gradient_step,
                                   .score = score};
