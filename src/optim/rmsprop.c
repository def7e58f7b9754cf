/* RMSProp: Tieleman & Hinton, "Neural Networks for Machine Learning", lecture 6.5, 2012, in PyTorch's form: eps outside
 * the root. */
#include <innerloop/field.h>
#include <innerloop/optim.h>

#include "optim/rate.h"
#include "optim/root.h"

/* The slot starts at zero, as all do: what is left of another start after t updates, initial·alpha^t, comes in beside it. */
static il_value with_initial(il_graph *g, const il_update *u, il_rate alpha, il_rate initial) {
  if (!il_valid(initial.value) && !(initial.constant > 0)) return u->slot[0];
  if (!il_valid(alpha.value) && !(alpha.constant > 0)) return u->slot[0];
  const il_value left = il_exp(g, il_rate_times_log(g, il_shift(g, u->made, 1), 1, alpha));
  return il_add(g, u->slot[0], il_rate_times(g, left, initial));
}

static void update(il_graph *g, const void *settings, il_update *u) {
  const il_rmsprop_settings *s = settings;
  const il_rate alpha = il_update_number(u, "alpha", s->alpha),
                eps = il_update_number(u, "eps", s->eps);
  const il_value square = il_rate_times_rest(g, il_mul(g, u->gradient, u->gradient), alpha);
  u->slot[0] = il_add(g, il_rate_times(g, u->slot[0], alpha), square);
  const il_value mean = with_initial(g, u, alpha, il_update_number(u, "initial", s->initial));
  const il_value length = il_rate_plus(g, il_root(g, mean, u->differentiable), eps);
  u->weight = il_sub(g, u->weight, il_rate_times(g, il_div(g, u->gradient, length), u->lr));
}

static const il_field fields[] = {IL_FIELD(il_rmsprop_settings, alpha, IL_FIELD_DOUBLE, "0.99", 0,
                                           0.999999999, "", "decay of the mean square (rmsprop)"),
                                  IL_FIELD(il_rmsprop_settings, eps, IL_FIELD_DOUBLE, "1.0e-8",
                                           1e-300, 1, "",
                                           "outside the root (adam, adamw, rmsprop, adagrad)"),
                                  IL_FIELD(il_rmsprop_settings, initial, IL_FIELD_DOUBLE, "0", 0,
                                           1e6, "", "what the mean square starts at (rmsprop)"),
                                  {0}};

const il_optimizer il_rmsprop = {.name = "rmsprop",
                                 .paper = "Tieleman & Hinton, 2012",
                                 .size = sizeof(il_rmsprop_settings),
                                 .fields = fields,
                                 .slots = 1,
                                 .slot = {"square"},
                                 .update = update};
