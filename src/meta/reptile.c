/* Reptile: Nichol, Achiam, Schulman, "On First-Order Meta-Learning Algorithms", 2018, Algorithm 2: several steps on
 * mini-batches of the support set, then θ moves towards the adapted φ. The direction θ − φ stands where others have a
 * gradient; no query set is looked at while training. The reported loss is the one before the last step.
 *
 * The published program's inner Adam, which has no first moment, is never reset: its mean squares go on from task to task,
 * into tests as well. With reptile.carried they do so here, and the tasks of a meta-step still run side by side: all start
 * with the same mean squares, and the next meta-step's with the mean of those at their ends. Without, every task starts with none, so that its first step
 * moves every weight equally far, however small its gradient. */
#include <innerloop/field.h>
#include <innerloop/meta.h>
#include <stdio.h>

#include "base/error.h"
#include "meta/task_graph.h"

static const char squares[] = "inner.square."; /* followed by the name of a parameter */

static void carry(il_context *context, const il_net *net, const void *settings,
                  il_entries *entries) {
  const il_reptile_settings *s = settings;
  il_entries parameters = {0};
  if (!s->carried || il_net_entries(context, net, &parameters) != IL_OK) return;
  for (int i = 0; i < parameters.count; i++) {
    il_entry square = {.shape = parameters.entry[i].shape,
                       .flags = IL_REPLACED,
                       .drawn = true,
                       .low = s->square,
                       .high = s->square};
    if (!il_entry_rename(context, &square, squares, parameters.entry[i].name) ||
        !il_entries_add(context, entries, square))
      break;
  }
  il_entries_free(&parameters);
}

/* Where the state has the mean square that the carry entry starts; -1: the parameter does not adapt. */
static int place_of(const il_values *state, const char *entry) {
  char name[128];
  snprintf(name, sizeof name, "rmsprop.square.%s", entry + sizeof squares - 1);
  return il_values_find(state, name);
}

static bool carries(const il_build *b) {
  const il_reptile_settings *s = b->settings;
  return s && s->carried;
}

static void begin(il_build *b, il_values *state) {
  il_context *context = il_graph_context(b->g);
  il_gradient_begin(b, state);
  if (!carries(b)) return;
  if (b->inner.optimizer != &il_rmsprop) {
    il_fail(context, IL_ERROR_CONFIG,
            "reptile.carried: found inner.optimizer %s, expected rmsprop (with inner.alpha 0.999 "
            "the published Adam without a first moment), whose mean squares can go on from task to "
            "task",
            b->inner.optimizer ? b->inner.optimizer->name : "sgd");
    return;
  }
  const il_rmsprop_settings *inner = b->inner.settings;
  if (inner && inner->initial > 0) {
    il_fail(context, IL_ERROR_CONFIG,
            "inner.initial: found %g beside reptile.carried, whose mean squares start at "
            "reptile.square; expected 0",
            inner->initial);
    return;
  }
  if (b->carry.count == 0) {
    il_fail(context, IL_ERROR_UNSUPPORTED,
            "reptile.carried: this training carries no values from task to task; expected "
            "reptile.carried false");
    return;
  }
  for (int i = 0; i < b->carry.count; i++) {
    const int at = place_of(state, b->carry.entry[i].name);
    if (at >= 0) state->at[at] = b->carry.at[i];
  }
}

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
  for (int i = 0; i < b->carry.count && carries(b); i++) {
    const int at = place_of(&phi, b->carry.entry[i].name);
    il_values_put(b->g, &out->carry, b->carry.entry[i], at < 0 ? b->carry.at[i] : phi.at[at]);
  }
}

static const il_field fields[] = {
    IL_FIELD(il_reptile_settings, carried, IL_FIELD_BOOL, "false", 0, 0, "",
             "mean squares of inner.optimizer rmsprop go on from task to task, as those of the "
             "published program's Adam (reptile)"),
    IL_FIELD(il_reptile_settings, square, IL_FIELD_DOUBLE, "0.0001", 0, 1e6, "",
             "what these start at (reptile)"),
    {0}};

const il_algorithm il_reptile = {.name = "reptile",
                                 .paper = "Nichol, Achiam, Schulman, 2018",
                                 .revision = 1,
                                 .gradient = IL_GRADIENT_PSEUDO,
                                 .adapts = "*",
                                 .size = sizeof(il_reptile_settings),
                                 .fields = fields,
                                 .carry = carry,
                                 .begin = begin,
                                 .step = il_gradient_step,
                                 .score = il_net_score,
                                 .objective = objective};
