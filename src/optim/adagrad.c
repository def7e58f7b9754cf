/* AdaGrad: Duchi, Hazan, Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization", JMLR
 * 2011, its diagonal form; eps outside the root. */
#include <innerloop/field.h>
#include <innerloop/optim.h>

#include "optim/rate.h"
#include "optim/root.h"

static void update(il_graph *g, const void *settings, il_update *u) {
  const il_adagrad_settings *s = settings;
  u->slot[0] = il_add(g, u->slot[0], il_mul(g, u->gradient, u->gradient));
  const il_rate eps = il_update_number(u, "eps", s->eps);
  const il_value length = il_rate_plus(g, il_root(g, u->slot[0], u->differentiable), eps);
  u->weight = il_sub(g, u->weight, il_rate_times(g, il_div(g, u->gradient, length), u->lr));
}

static const il_field fields[] = {IL_FIELD(il_adagrad_settings, eps, IL_FIELD_DOUBLE, "1.0e-8",
                                           1e-300, 1, "",
                                           "outside the root (adam, adamw, rmsprop, adagrad)"),
                                  {0}};

const il_optimizer il_adagrad = {.name = "adagrad",
                                 .paper = "Duchi, Hazan, Singer, JMLR 2011",
                                 .size = sizeof(il_adagrad_settings),
                                 .fields = fields,
                                 .slots = 1,
                                 .slot = {"sum"},
                                 .update = update};
