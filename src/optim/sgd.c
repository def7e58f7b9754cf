/* Gradient descent. */
#include <innerloop/optim.h>

static void update(il_graph *g, const void *settings, il_update *u) {
  (void)settings;
  u->weight = il_sub(g, u->weight, il_rate_times(g, u->gradient, u->lr));
}

const il_optimizer il_sgd = {.name = "sgd", .paper = "Robbins & Monro, 1951", .update = update};
