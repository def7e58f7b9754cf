/* Reptile: Nichol, Achiam, Schulman, "On First-Order Meta-Learning Algorithms", 2018, Algorithm 2: several steps on
 * mini-batches of the support set, then θ moves towards the adapted φ. The direction θ − φ stands where others have a
 * gradient; no query set is looked at while training. The reported loss is the one before the last step. The published
 * program's inner Adam goes on from task to task; here every task starts anew, so that tasks can run side by side. */
#include <innerloop/meta.h>

#include "base/error.h"

static void objective(il_build *b, il_outcome *out) {
  il_values phi;
  if (b->inner.steps < 1)
    il_fail(il_graph_context(b->g), IL_ERROR_CONFIG,
            "inner.steps: found 0; expected 1 or more, for reptile goes where they lead");
  il_build_begin(b, &phi);
  il_build_adapt(b, &phi, 0, b->inner.steps);
  out->loss = out->support_loss = b->support_loss;
  for (int i = 0; i < b->meta.count; i++) {
    const int at = il_values_find(&phi, b->meta.entry[i].name);
    il_value away = at < 0 ? il_constant(b->g, 0, b->meta.entry[i].shape)
                           : il_sub(b->g, b->meta.at[i], phi.at[at]);
    il_values_put(b->g, &out->gradient, b->meta.entry[i], away);
  }
}

const il_algorithm il_reptile = {.name = "reptile",
                                 .paper = "Nichol, Achiam, Schulman, 2018",
                                 .revision = 1,
                                 .gradient = IL_GRADIENT_PSEUDO,
                                 .adapts = "*",
                                 .begin = il_gradient_begin,
                                 .step = il_gradient_step,
                                 .score = il_net_score,
                                 .objective = objective};
