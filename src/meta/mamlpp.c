/* MAML++: Antoniou, Edwards, Storkey, "How to Train Your MAML", ICLR 2019: MAML with
 *   - a learned rate for each layer's weight and bias and each inner step (section 4, LSLR),
 *   - the loss after every inner step, weighted, in the first meta-steps (MSL): `weigh` is the published program's
 *     annealing, from 1/steps each towards the last step alone,
 *   - first order in the first meta-steps, if wanted (DA); the published settings have second order from the start,
 *   - scales and shifts of norm layers that have values for each step and do not adapt (BNWB): after k steps the net has
 *     the k-th. In the published program the last look has those of the step before.
 * Statistics of norm layers are those of the step's own batch, as in the published program, which keeps running ones for
 * each step but never takes them. Its cosine of the outer rate is outer.schedule. */
#include <innerloop/field.h>
#include <string.h>

#include "base/error.h"
#include "meta/task_graph.h"
#include "nn/net.h"

static bool of_norm(const il_entry *e) {
  switch (e->net->layer[e->net->parameter[e->parameter].layer].layer.kind) {
  case IL_LAYER_NORM:
  case IL_LAYER_LAYER_NORM:
  case IL_LAYER_INSTANCE_NORM:
  case IL_LAYER_GROUP_NORM:
  case IL_LAYER_TASK_NORM: return true;
  default: return false;
  }
}

/* For parameter NAME: "inner.lr.NAME" [steps] where it adapts, "step.NAME" [steps, channels] where it is a norm's that
 * does not. */
static void declare(il_context *context, const void *settings, il_entries *entries) {
  const il_mamlpp_settings *s = settings;
  const int parameters = entries->count, steps = s->steps ? s->steps : 1;
  for (int i = 0; i < parameters; i++) {
    const il_entry p = entries->entry[i];
    const bool adapts = p.flags & IL_ADAPTS;
    if (!adapts && !(s->step_norm && of_norm(&p))) continue;
    const double first = adapts ? s->lr : p.net->parameter[p.parameter].second ? 0 : 1;
    il_entry e = {.shape = adapts ? IL_SHAPE(steps) : IL_SHAPE(steps, p.shape.dim[0]),
                  .flags = IL_EACH_STEP,
                  .drawn = true,
                  .low = first,
                  .high = first};
    if (!il_entry_rename(context, &e, adapts ? "inner.lr." : "step.", p.name) ||
        !il_entries_add(context, entries, e))
      return;
  }
}

static il_value score(il_build *b, const il_values *state, il_value x, int k) {
  il_values all = il_values_copy(b->g, state);
  for (int i = 0; i < b->meta.count && k > 0; i++) {
    il_entry e = b->meta.entry[i];
    if (strncmp(e.name, "step.", 5)) continue;
    const il_value now = il_step_value(b, e, b->meta.at[i], k - 1);
    memmove(e.name, e.name + 5, strlen(e.name + 5) + 1);
    e.flags = 0;
    il_values_put(b->g, &all, e, now);
  }
  return il_apply(b, &all, x, k);
}

static il_value weighted(il_build *b, il_value scores, int k) {
  const il_entry weights = {.flags = IL_EACH_STEP};
  const il_value weight = il_step_value(b, weights, b->step_weights, k);
  return il_mul(b->g, weight, il_query_loss(b, scores));
}

/* The last step's loss is added where its scores are, by every_step. */
static void step(il_build *b, il_values *state, int k) {
  il_gradient_step(b, state, k);
  if (!il_adds_losses(state) || k + 1 == b->inner.steps) return;
  const il_value scores = il_build_query(b, state, k + 1);
  il_losses_add(b, state, weighted(b, scores, k));
}

/* Σ_k weight_k·(query loss after k + 1 steps). */
static void every_step(il_build *b, il_outcome *out) {
  il_graph *g = b->g;
  const int steps = b->inner.steps, last = steps - 1;
  il_values state;
  il_build_begin(b, &state);
  il_losses_begin(b, &state);
  il_build_adapt(b, &state, 0, last);
  il_build_adapt(b, &state, last, steps);
  il_outcome_scores(b, il_build_query(b, &state, steps), out);
  out->loss = il_add(g, il_losses(b, &state), weighted(b, out->scores, last));
  out->gradient = il_values_grad(g, out->loss, &b->meta);
}

static void objective(il_build *b, il_outcome *out) {
  const il_mamlpp_settings *s = b->settings;
  if (b->inner.steps < 1) {
    il_fail(il_graph_context(b->g), IL_ERROR_CONFIG,
            "inner.steps: found 0, but mamlpp learns rates of inner steps; expected 1 or more");
    return;
  }
  if (s->steps > b->inner.steps) {
    il_fail(il_graph_context(b->g), IL_ERROR_CONFIG,
            "mamlpp.steps: found rates for %d inner steps, but inner.steps is %d; expected at most "
            "as many",
            s->steps, b->inner.steps);
    return;
  }
  if (b->made < s->first_order && !b->whole) b->inner.first_order = true;
  if (il_valid(b->step_weights) && b->made < s->multi_step)
    every_step(b, out);
  else
    il_query_objective(b, out);
}

static int64_t until(const void *settings, int64_t made) {
  const il_mamlpp_settings *s = settings;
  int64_t next = INT64_MAX;
  if (made < s->multi_step) next = s->multi_step;
  if (made < s->first_order && s->first_order < next) next = s->first_order;
  return next;
}

static void weigh(const void *settings, int steps, int64_t made, double *weight) {
  const il_mamlpp_settings *s = settings;
  const double even = 1.0 / steps, least = 0.03 / steps;
  const double epochs = (double)s->multi_step / (double)s->epoch;
  const double lost = epochs > 0 ? (double)(made / s->epoch) * even / epochs : even;
  for (int k = 0; k < steps - 1; k++) weight[k] = even - lost > least ? even - lost : least;
  const double last = even + lost * (steps - 1), most = 1 - least * (steps - 1);
  weight[steps - 1] = last < most ? last : most;
}

static const il_field fields[] = {
    IL_FIELD(il_mamlpp_settings, steps, IL_FIELD_INT32, "0", 0, 1000, "",
             "inner steps with rates, norm scales and shifts of their own; later ones take the "
             "last's; 0: inner.steps (mamlpp)"),
    IL_FIELD(il_mamlpp_settings, lr, IL_FIELD_DOUBLE, "0.1", -1e6, 1e6, "",
             "learned inner rates start here (mamlpp)"),
    IL_FIELD(il_mamlpp_settings, step_norm, IL_FIELD_BOOL, "true", 0, 0, "",
             "norm scales and shifts that do not adapt have values for each inner step (mamlpp)"),
    IL_FIELD(
        il_mamlpp_settings, multi_step, IL_FIELD_INT64, "5000", 0, 1e12, "",
        "meta-steps, from the first, that learn from the loss after every inner step (mamlpp)"),
    IL_FIELD(il_mamlpp_settings, first_order, IL_FIELD_INT64, "0", 0, 1e12, "",
             "meta-steps, from the first, of first order (mamlpp)"),
    IL_FIELD(il_mamlpp_settings, epoch, IL_FIELD_INT64, "500", 1, 1e12, "",
             "meta-steps between two changes of the weights of these losses (mamlpp)"),
    {0}};

const il_algorithm il_mamlpp = {.name = "mamlpp",
                                .paper = "Antoniou, Edwards, Storkey, ICLR 2019",
                                .revision = 1,
                                .gradient = IL_GRADIENT_EXACT,
                                .adapts = "!*norm*",
                                .size = sizeof(il_mamlpp_settings),
                                .fields = fields,
                                .declare = declare,
                                .begin = il_gradient_begin,
                                .step = step,
                                .score = score,
                                .objective = objective,
                                .until = until,
                                .weigh = weigh};
