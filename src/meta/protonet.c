/* ProtoNet: Snell, Swersky, Zemel, "Prototypical Networks for Few-shot Learning", NIPS 2017, Algorithm 1: a class is the
 * mean of its support features, a query's score for it minus the squared distance. No inner step, no head, and so any
 * number of classes. */
#include <innerloop/meta.h>

static void begin(il_build *b, il_values *state) {
  il_value f = il_apply(b, state, b->task.support_x, 0);
  il_values_put(b->g, state, (il_entry){.name = "prototype"},
                il_class_means(b, f, b->task.support_y));
}

/* −|q − p|² = 2·q·p − |q|² − |p|². */
static il_value score(il_build *b, const il_values *state, il_value x, int k) {
  il_graph *g = b->g;
  il_value q = il_apply(b, NULL, x, k), p = il_values_get(g, state, "prototype");
  if (!il_valid(q) || !il_valid(p)) return (il_value){0};
  il_value qq = il_sum(g, il_mul(g, q, q), 2);
  il_value pp = il_transpose(g, il_sum(g, il_mul(g, p, p), 2), (const int[]){1, 0});
  il_value qp = il_matmul(g, q, p, false, true);
  return il_sub(g, il_sub(g, il_scale(g, qp, 2), qq), pp);
}

const il_algorithm il_protonet = {.name = "protonet",
                                  .paper = "Snell, Swersky, Zemel, NIPS 2017",
                                  .revision = 1,
                                  .gradient = IL_GRADIENT_EXACT,
                                  .own_head = true,
                                  .begin = begin,
                                  .score = score};
