/* Adam as graph: Kingma & Ba, ICLR 2015, Algorithm 1. */
#include <innerloop/meta.h>
#include <math.h>

#include "base/elementary.h"
#include "base/error.h"

/* 1 − beta^t. In float32 the difference itself loses most digits for beta near 1 and small t, so it is
 * computed as 1 − e^(−2a) = 2·tanh a / (1 + tanh a) with a = −t·ln(beta)/2. */
static il_value correction(il_graph *g, double beta, il_value t) {
  if (beta <= 0) return il_scalar(g, 1);
  il_value tanh_a = il_tanh(g, il_scale(g, t, -0.5 * il_double_log(beta)));
  return il_div(g, il_scale(g, tanh_a, 2), il_shift(g, tanh_a, 1));
}

static il_value moving_average(il_graph *g, double beta, il_value old, il_value update) {
  return il_add(g, il_scale(g, old, beta), il_scale(g, update, 1 - beta));
}

void il_adam_update(il_graph *g, const il_adam *adam, il_value step, int count,
                    const il_value *parameter, const il_value *gradient, const il_value *first,
                    const il_value *second, il_value *parameter_next, il_value *first_next,
                    il_value *second_next) {
  if (!(adam->beta1 >= 0 && adam->beta1 < 1 && adam->beta2 >= 0 && adam->beta2 < 1 &&
        adam->eps >= 0))
    il_fail(il_graph_context(g), IL_ERROR_ARGUMENT,
            "il_adam_update: beta1 %g, beta2 %g, eps %g; expected betas in [0, 1) and eps >= 0",
            adam->beta1, adam->beta2, adam->eps);
  il_scope_push(g, "adam");
  il_value t = il_shift(g, step, 1);
  il_value correct1 = correction(g, adam->beta1, t), correct2 = correction(g, adam->beta2, t);
  for (int i = 0; i < count; i++) {
    il_value m = moving_average(g, adam->beta1, first[i], gradient[i]);
    il_value v = moving_average(g, adam->beta2, second[i], il_mul(g, gradient[i], gradient[i]));
    il_value root = il_sqrt(g, il_div(g, v, correct2));
    il_value direction = il_div(g, il_div(g, m, correct1), il_shift(g, root, adam->eps));
    parameter_next[i] = il_sub(g, parameter[i], il_scale(g, direction, adam->lr));
    first_next[i] = m;
    second_next[i] = v;
  }
  il_scope_pop(g);
}
