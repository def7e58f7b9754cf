/* Hyperparameters by the derivative through a training: Maclaurin, Duvenaud, Adams, "Gradient-based Hyperparameter
 * Optimization through Reversible Learning", ICML 2015, here with exact sums in the place of reversed ones. The inner loop
 * is the training: it moves what adapts, from first values that no meta-step changes. What does not adapt, such as a
 * learned activation's function, and the inner rates are learned, by the mean loss along the training or by the query loss
 * at its end. Greydanus, "Scaling down deep learning", 2020, learns a rate and an activation so. */
#include <innerloop/field.h>
#include <string.h>

#include "base/error.h"
#include "graph/graph.h"
#include "meta/task_graph.h"
#include "nn/net.h"

static void declare(il_context *context, const void *settings, il_entries *entries) {
  const il_hyper_settings *s = settings;
  const int parameters = entries->count;
  il_entry rate = {.name = "inner.lr", .drawn = true, .low = s->lr, .high = s->lr};
  if (s->rates == IL_HYPER_RATES_STEP) {
    rate.shape = IL_SHAPE(s->steps);
    rate.flags = IL_EACH_STEP;
  }
  if (s->rates == IL_HYPER_RATES_ONE || s->rates == IL_HYPER_RATES_STEP)
    il_entries_add(context, entries, rate);
  for (int i = 0; i < parameters && s->rates == IL_HYPER_RATES_TENSOR; i++) {
    const il_entry p = entries->entry[i];
    if (!(p.flags & IL_ADAPTS)) continue;
    if (!il_entry_rename(context, &rate, "inner.lr.", p.name) ||
        !il_entries_add(context, entries, rate))
      return;
  }
}

enum { FRESH = 1 << 24 }; /* streams of the task's key, beyond those of dropout */

/* First values of the entry, as the net has them drawn, by the task's key. */
static il_value fresh(il_build *b, il_entry e, il_value own) {
  il_graph *g = b->g;
  if (!e.net || e.drawn) return own;
  const il_net_law law = il_net_law_of(e.net, e.parameter);
  const il_value key = b->task.dropout_key;
  const int64_t stream = FRESH + e.parameter;
  switch (law.init) {
  case IL_INIT_UNIFORM: {
    const il_value u = il_random_uniform(g, key, stream, e.shape);
    return il_shift(g, il_scale(g, u, law.high - law.low), law.low);
  }
  case IL_INIT_NORMAL: return il_scale(g, il_random_normal(g, key, stream, e.shape), law.deviation);
  case IL_INIT_ZERO: return il_constant(g, law.number, e.shape);
  default:
    il_fail(g->context, IL_ERROR_UNSUPPORTED,
            "hyper.start: %s is drawn from a truncated normal distribution, which tasks do not "
            "draw from; expected another init, or same",
            e.name);
    return own;
  }
}

static bool draws(const void *settings) {
  return ((const il_hyper_settings *)settings)->start == IL_HYPER_START_FRESH;
}

static void begin(il_build *b, il_values *state) {
  il_values start = il_adapting(b);
  if (draws(b->settings) && b->training && !il_valid(b->task.dropout_key))
    il_fail(b->g->context, IL_ERROR_UNSUPPORTED,
            "hyper.start: fresh draws by the dropout_key of a task, and these have none; expected "
            "same");
  else if (draws(b->settings) && b->training)
    for (int i = 0; i < start.count; i++) start.at[i] = fresh(b, start.entry[i], start.at[i]);
  il_inner_begin(b, &start, state);
}

static void step(il_build *b, il_values *state, int k) {
  il_gradient_step(b, state, k);
  if (il_adds_losses(state)) il_losses_add(b, state, b->support_loss);
}

/* The mean loss that the last of the steps descend; the state moves to their end. */
static il_value along_steps(il_build *b, il_values *state, int steps, int last) {
  const int counted = last > 0 && last < steps ? last : steps;
  il_build_adapt(b, state, 0, steps - counted);
  il_losses_begin(b, state);
  il_build_adapt(b, state, steps - counted, steps);
  return il_scale(b->g, il_losses(b, state), 1.0 / counted);
}

static bool only_inner_numbers(const il_values *learned) {
  for (int i = 0; i < learned->count; i++)
    if (strncmp(learned->entry[i].name, "inner.", 6) != 0) return false;
  return true;
}

static void objective(il_build *b, il_outcome *out) {
  const il_hyper_settings *s = b->settings;
  il_graph *g = b->g;
  const int steps = b->inner.steps;
  if (steps < 1) {
    il_fail(g->context, IL_ERROR_CONFIG,
            "inner.steps: found 0, but hyper learns from inner steps; expected 1 or more");
    return;
  }
  const int taught =
      s->loss == IL_HYPER_LOSS_STEPS ? steps - 1 : steps; /* steps that a loss follows */
  if (s->rates == IL_HYPER_RATES_STEP && s->steps > taught) {
    il_fail(
        g->context, IL_ERROR_CONFIG,
        "hyper.steps: found rates for %d inner steps, but of inner.steps %d under hyper.loss %s "
        "the loss tells about the first %d; expected at most as many",
        s->steps, steps, s->loss == IL_HYPER_LOSS_STEPS ? "steps" : "query", taught);
    return;
  }
  if (s->last > 0 && s->loss == IL_HYPER_LOSS_QUERY) {
    il_fail(g->context, IL_ERROR_CONFIG,
            "hyper.last: found %d, but hyper.loss query has one loss, after all steps; expected 0",
            s->last);
    return;
  }
  il_values state, learned = {0};
  il_build_begin(b, &state);
  if (s->loss == IL_HYPER_LOSS_STEPS)
    out->loss = along_steps(b, &state, steps, s->last);
  else
    il_build_adapt(b, &state, 0, steps);
  il_outcome_scores(b, il_build_query(b, &state, steps), out);
  if (s->loss == IL_HYPER_LOSS_QUERY) out->loss = il_query_loss(b, out->scores);
  for (int i = 0; i < b->meta.count; i++)
    if (!(b->meta.entry[i].flags & IL_ADAPTS))
      il_values_put(g, &learned, b->meta.entry[i], b->meta.at[i]);
  if (learned.count == 0) {
    il_fail(
        g->context, IL_ERROR_CONFIG,
        "hyper: found nothing to learn: hyper.rates is none, and all parameters adapt; "
        "expected learned rates, inner.learned, a learned activation, or inner.adapts that leaves "
        "some out");
    return;
  }
  if (taught == 0 && only_inner_numbers(&learned)) {
    il_fail(
        g->context, IL_ERROR_CONFIG,
        "inner.steps: found 1, but under hyper.loss steps a number of the inner loop is learned by "
        "the losses of the steps after its own; expected 2 or more, or hyper.loss query");
    return;
  }
  out->gradient = il_values_grad(g, out->loss, &learned);
}

static const il_field fields[] = {
    IL_FIELD(il_hyper_settings, rates, IL_FIELD_ENUM, "one", 0, 3, "none|one|tensor|step",
             "inner rates that are learned: none, one of all, of each parameter, or of each inner "
             "step (hyper)"),
    IL_FIELD(il_hyper_settings, lr, IL_FIELD_DOUBLE, "0.1", -1e6, 1e6, "",
             "learned inner rates start here (hyper)"),
    IL_FIELD(il_hyper_settings, steps, IL_FIELD_INT32, "5", 1, 1000, "",
             "inner steps with rates of their own, of hyper.rates step; later ones take the last's "
             "(hyper)"),
    IL_FIELD(il_hyper_settings, loss, IL_FIELD_ENUM, "steps", 0, 1, "steps|query",
             "what is made small: the mean loss that inner steps descend, or the query loss after "
             "them (hyper)"),
    IL_FIELD(il_hyper_settings, last, IL_FIELD_INT32, "0", 0, 1000, "",
             "inner steps, the last ones, that count for hyper.loss steps; 0: all (hyper)"),
    IL_FIELD(il_hyper_settings, start, IL_FIELD_ENUM, "same", 0, 1, "same|fresh",
             "where inner steps start: at the same values always, or in training at values drawn "
             "for each task (hyper)"),
    {0}};

const il_algorithm il_hyper = {.name = "hyper",
                               .paper = "Maclaurin, Duvenaud, Adams, ICML 2015",
                               .revision = 1,
                               .gradient = IL_GRADIENT_EXACT,
                               .adapts = "!activation*",
                               .size = sizeof(il_hyper_settings),
                               .fields = fields,
                               .declare = declare,
                               .begin = begin,
                               .step = step,
                               .score = il_net_score,
                               .objective = objective,
                               .draws = draws};
