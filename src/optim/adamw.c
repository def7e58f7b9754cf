/* AdamW: Loshchilov & Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, Algorithm 2, in PyTorch's form: the rate
 * multiplies the decay, which does not enter the moments. */
#include <innerloop/field.h>
#include <innerloop/optim.h>

static void update(il_graph *g, const void *settings, il_update *u) {
  const il_adamw_settings *s = settings;
  const il_adam_settings adam = {s->beta1, s->beta2, s->eps};
  const il_rate share = il_update_number(u, "weight_decay", s->weight_decay);
  const il_value decay = il_rate_times(g, il_rate_times(g, u->weight, share), u->lr);
  if (!u->no_decay) u->weight = il_sub(g, u->weight, decay);
  il_adam.update(g, &adam, u);
}

static const il_field fields[] = {
    IL_FIELD(il_adamw_settings, beta1, IL_FIELD_DOUBLE, "0.9", 0, 0.999999999, "",
             "decay of the first moment (adam, adamw)"),
    IL_FIELD(il_adamw_settings, beta2, IL_FIELD_DOUBLE, "0.999", 0, 0.999999999, "",
             "decay of the second moment (adam, adamw)"),
    IL_FIELD(il_adamw_settings, eps, IL_FIELD_DOUBLE, "1.0e-8", 1e-300, 1, "",
             "outside the root (adam, adamw, rmsprop, adagrad)"),
    IL_FIELD(il_adamw_settings, weight_decay, IL_FIELD_DOUBLE, "0.01", 0, 1e6, "",
             "share of a weight, times the rate, that a step takes away (adamw)"),
    {0}};

const il_optimizer il_adamw = {.name = "adamw",
                               .paper = "Loshchilov & Hutter, ICLR 2019",
                               .size = sizeof(il_adamw_settings),
                               .fields = fields,
                               .slots = 2,
                               .slot = {"first", "second"},
                               .update = update};
