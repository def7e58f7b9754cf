/* RMSProp: Tieleman & Hinton, "Neural Networks for Machine Learning", lecture 6.5, 2012, in PyTorch's form: eps outside
 * the root. */
#include <innerloop/field.h>
#include <innerloop/optim.h>

#include "optim/root.h"

static void update(il_graph *g, const void *settings, il_update *u) {
  const il_rmsprop_settings *s = settings;
  const il_value square = il_scale(g, il_mul(g, u->gradient, u->gradient), 1 - s->alpha);
  u->slot[0] = il_add(g, il_scale(g, u->slot[0], s->alpha), square);
  const il_value length = il_shift(g, il_root(g, u->slot[0], u->differentiable), s->eps);
  u->weight = il_sub(g, u->weight, il_rate_times(g, il_div(g, u->gradient, length), u->lr));
}

static const il_field fields[] = {IL_FIELD(il_rmsprop_settings, alpha, IL_FIELD_DOUBLE, "0.99", 0,
                                           0.999999999, "", "decay of the mean square (rmsprop)"),
                                  IL_FIELD(il_rmsprop_settings, eps, IL_FIELD_DOUBLE, "1.0e-8",
                                           1e-300, 1, "",
                                           "outside the root (adam, adamw, rmsprop, adagrad)"),
                                  {0}};

const il_optimizer il_rmsprop = {.name = "rmsprop",
                                 .paper = "Tieleman & Hinton, 2012",
                                 .size = sizeof(il_rmsprop_settings),
                                 .fields = fields,
                                 .slots = 1,
                                 .slot = {"square"},
                                 .update = update};
