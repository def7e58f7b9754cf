/* Gradient descent with momentum, heavy ball or Nesterov's, in the form of Sutskever et al., ICML 2013, that PyTorch
 * takes: the rate multiplies the buffer, not what enters it. */
#include <innerloop/field.h>
#include <innerloop/optim.h>

static void update(il_graph *g, const void *settings, il_update *u) {
  const il_momentum_settings *s = settings;
  const il_rate kept = il_update_number(u, "momentum", s->momentum);
  u->slot[0] = il_add(g, il_rate_times(g, u->slot[0], kept), u->gradient);
  il_value direction = u->slot[0];
  if (s->nesterov) direction = il_add(g, u->gradient, il_rate_times(g, u->slot[0], kept));
  u->weight = il_sub(g, u->weight, il_rate_times(g, direction, u->lr));
}

static const il_field fields[] = {IL_FIELD(il_momentum_settings, momentum, IL_FIELD_DOUBLE, "0.9",
                                           0, 1, "", "share of the buffer that is kept (momentum)"),
                                  IL_FIELD(il_momentum_settings, nesterov, IL_FIELD_BOOL, "false",
                                           0, 0, "", "look ahead along the buffer (momentum)"),
                                  {0}};

const il_optimizer il_momentum = {.name = "momentum",
                                  .paper = "Sutskever et al., ICML 2013",
                                  .size = sizeof(il_momentum_settings),
                                  .fields = fields,
                                  .slots = 1,
                                  .slot = {"buffer"},
                                  .update = update};
