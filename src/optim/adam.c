/* Adam as graph: Kingma & Ba, ICLR 2015, Algorithm 1. */
#include <innerloop/field.h>
#include <innerloop/optim.h>

#include "base/error.h"
#include "optim/rate.h"
#include "optim/root.h"

/* 1 − beta^t. In float32 the difference itself loses most digits for beta near 1 and small t, so it is
 * computed as 1 − e^(−2a) = 2·tanh a / (1 + tanh a) with a = −t·ln(beta)/2. */
static il_value correction(il_graph *g, il_rate beta, il_value t) {
  if (!il_valid(beta.value) && beta.constant <= 0) return il_scalar(g, 1);
  il_value tanh_a = il_tanh(g, il_rate_times_log(g, t, -0.5, beta));
  return il_div(g, il_scale(g, tanh_a, 2), il_shift(g, tanh_a, 1));
}

static il_value moving_average(il_graph *g, il_rate beta, il_value old, il_value update) {
  return il_add(g, il_rate_times(g, old, beta), il_rate_times_rest(g, update, beta));
}

static void update(il_graph *g, const void *settings, il_update *u) {
  const il_adam_settings *s = settings;
  if (!(s->beta1 >= 0 && s->beta1 < 1 && s->beta2 >= 0 && s->beta2 < 1 && s->eps >= 0))
    il_fail(il_graph_context(g), IL_ERROR_ARGUMENT,
            "adam: beta1 %g, beta2 %g, eps %g; expected betas in [0, 1) and eps >= 0", s->beta1,
            s->beta2, s->eps);
  const il_rate beta1 = il_update_number(u, "beta1", s->beta1),
                beta2 = il_update_number(u, "beta2", s->beta2),
                eps = il_update_number(u, "eps", s->eps);
  il_value t = il_shift(g, u->made, 1);
  il_value correct1 = correction(g, beta1, t), correct2 = correction(g, beta2, t);
  il_value m = moving_average(g, beta1, u->slot[0], u->gradient);
  il_value v = moving_average(g, beta2, u->slot[1], il_mul(g, u->gradient, u->gradient));
  il_value length = il_root(g, il_div(g, v, correct2), u->differentiable);
  il_value direction = il_div(g, il_div(g, m, correct1), il_rate_plus(g, length, eps));
  u->weight = il_sub(g, u->weight, il_rate_times(g, direction, u->lr));
  u->slot[0] = m;
  u->slot[1] = v;
}

static const il_field fields[] = {
    IL_FIELD(il_adam_settings, beta1, IL_FIELD_DOUBLE, "0.9", 0, 0.999999999, "",
             "decay of the first moment (adam, adamw)"),
    IL_FIELD(il_adam_settings, beta2, IL_FIELD_DOUBLE, "0.999", 0, 0.999999999, "",
             "decay of the second moment (adam, adamw)"),
    IL_FIELD(il_adam_settings, eps, IL_FIELD_DOUBLE, "1.0e-8", 1e-300, 1, "",
             "outside the root (adam, adamw, rmsprop, adagrad)"),
    {0}};

const il_optimizer il_adam = {.name = "adam",
                              .paper = "Kingma & Ba, ICLR 2015",
                              .size = sizeof(il_adam_settings),
                              .fields = fields,
                              .slots = 2,
                              .slot = {"first", "second"},
                              .update = update};
