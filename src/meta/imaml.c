/* iMAML: Rajeswaran, Finn, Kakade, Levine, "Meta-Learning with Implicit Gradients", NeurIPS 2019, Algorithms 1 and 2: the
 * inner loop descends L(φ) + λ/2·|φ − θ|², and the meta-gradient is that of its minimum, (1 + H/λ)⁻¹ v with v the query
 * loss's gradient and H the support loss's second derivative, both at φ: nothing goes back through the steps, whose number
 * costs no memory. The system is solved by conjugate gradients (the paper's) or by as many terms of Neumann's series
 * (Lorraine, Vicol, Duvenaud, AISTATS 2020), by products H·p in forward over reverse mode. Damping is added to λ in it,
 * as in the published program. Where only a part of the net adapts, the others' gradient is that through the minimum,
 * ∂query loss − ∂(∂L/∂φ·x)/λ with x the solution.
 *
 * The published program trains otherwise than the paper's equations: its steps descend L alone, and one step on
 * λ/2·|φ − θ|² follows the last (`pull` end). It learns several times faster than with the pull in each step. */
#include <innerloop/field.h>
#include <innerloop/meta.h>

#include "base/error.h"
#include "meta/task_graph.h"

/* The gradient of λ/2·|φ − θ|². */
static il_value pulled(il_build *b, const il_values *state, const char *name) {
  const il_imaml_settings *s = b->settings;
  il_graph *g = b->g;
  return il_scale(g, il_sub(g, il_values_get(g, state, name), il_values_get(g, &b->meta, name)),
                  s->proximal);
}

static void step(il_build *b, il_values *state, int k) {
  const il_imaml_settings *s = b->settings;
  il_graph *g = b->g;
  il_step_scope(b, k);
  b->support_loss = il_support_loss(b, state, k);
  il_values gradient = il_inner_gradient(b, b->support_loss, state);
  for (int i = 0; i < gradient.count && s->pull != IL_IMAML_PULL_END &&
                  il_context_status(il_graph_context(g)) == IL_OK;
       i++)
    gradient.at[i] = il_add(g, gradient.at[i], pulled(b, state, gradient.entry[i].name));
  il_inner_update(b, state, &gradient, k);
  il_scope_pop(g);
}

/* One step on λ/2·|φ − θ|² alone, of gradient descent whatever the inner optimizer remembers. */
static void end(il_build *b, il_values *state) {
  const il_imaml_settings *s = b->settings;
  il_graph *g = b->g;
  if (s->pull != IL_IMAML_PULL_END) return;
  for (int i = 0; i < state->count && il_context_status(il_graph_context(g)) == IL_OK; i++) {
    if (!(state->entry[i].flags & IL_ADAPTS)) continue;
    const il_value back = il_scale(g, pulled(b, state, state->entry[i].name), b->inner.lr);
    state->at[i] = il_leaf(g, il_sub(g, state->at[i], back));
  }
}

static il_value dot(il_graph *g, const il_values *a, const il_values *b) {
  il_value sum = il_scalar(g, 0);
  for (int i = 0; i < a->count; i++)
    sum = il_add(g, sum, il_sum_all(g, il_mul(g, a->at[i], b->at[i])));
  return sum;
}

/* a + factor·b */
static il_values plus(il_graph *g, const il_values *a, il_value factor, const il_values *b) {
  il_values sum = il_values_copy(g, a);
  for (int i = 0; i < sum.count; i++) sum.at[i] = il_add(g, a->at[i], il_mul(g, b->at[i], factor));
  return sum;
}

/* H·p / (λ + damping): how the support gradient changes along p. */
static il_values curvature(il_build *b, const il_values *phi, const il_values *gradient,
                           const il_values *p) {
  const il_imaml_settings *s = b->settings;
  il_values hp = il_values_copy(b->g, p);
  il_jvp(b->g, phi->count, phi->at, p->at, gradient->count, gradient->at, hp.at);
  for (int i = 0; i < hp.count; i++)
    hp.at[i] = il_scale(b->g, hp.at[i], 1 / (s->proximal + s->damping));
  return hp;
}

/* a / b, and 0 where `on` is: what has converged stays. */
static il_value share(il_graph *g, il_value a, il_value b, il_value on) {
  return il_mul(g, on, il_div(g, a, il_select(g, on, b, il_scalar(g, 1))));
}

/* x of (1 + H/λ)·x = v. */
static il_values solution(il_build *b, const il_values *phi, const il_values *gradient,
                          const il_values *v) {
  const il_imaml_settings *s = b->settings;
  il_graph *g = b->g;
  const il_value minus = il_scalar(g, -1);
  il_values x = *v, r, p = *v; /* Neumann: Σ (−H/λ)^j v */
  if (s->solver == IL_IMAML_CG && s->solver_steps > 0) x = plus(g, v, minus, v);
  r = *v;
  il_value rr = dot(g, &r, &r);
  for (int i = 0; i < s->solver_steps && il_context_status(il_graph_context(g)) == IL_OK; i++) {
    const il_values hp = curvature(b, phi, gradient, &p);
    if (s->solver == IL_IMAML_NEUMANN) {
      p = plus(g, &hp, il_scalar(g, -2), &hp);
      x = plus(g, &x, il_scalar(g, 1), &p);
      continue;
    }
    const il_values ap = plus(g, &p, il_scalar(g, 1), &hp);
    const il_value on = il_step(g, rr), length = share(g, rr, dot(g, &p, &ap), on);
    x = plus(g, &x, length, &p);
    r = plus(g, &r, il_neg(g, length), &ap);
    const il_value now = dot(g, &r, &r);
    p = plus(g, &r, share(g, now, rr, on), &p);
    rr = now;
  }
  return x;
}

/* The net's part of the state, as constants by which one may differentiate. */
static il_values held(il_build *b, const il_values *state) {
  il_values phi = {0};
  for (int i = 0; i < state->count; i++)
    if (state->entry[i].flags & IL_ADAPTS)
      il_values_put(b->g, &phi, state->entry[i],
                    il_leaf(b->g, il_stop_gradient(b->g, state->at[i])));
  return phi;
}

static void objective(il_build *b, il_outcome *out) {
  const il_imaml_settings *s = b->settings;
  il_graph *g = b->g;
  const int steps = b->inner.steps;
  il_values state;
  if (b->inner.optimizer == &il_adamw) {
    il_fail(il_graph_context(g), IL_ERROR_CONFIG,
            "inner.optimizer: found adamw, whose decay moves the minimum that imaml differentiates "
            "unknown to it; expected adam, and inner.l2 for a decay");
    return;
  }
  if (b->inner.clip > 0) {
    il_fail(il_graph_context(g), IL_ERROR_CONFIG,
            "inner.clip: found %g, but imaml differentiates the minimum, of which clipping knows "
            "nothing; expected 0",
            b->inner.clip);
    return;
  }
  il_build_begin(b, &state);
  il_build_adapt(b, &state, 0, steps);
  const il_values ended = il_build_end(b, &state), phi = held(b, &ended);
  il_outcome_scores(b, il_build_query(b, &phi, steps), out);
  out->loss = il_query_loss(b, out->scores);
  const il_value support = il_support_loss(b, &phi, steps);
  if (!il_valid(out->loss) || !il_valid(support)) return;
  const il_values v = il_values_grad(g, out->loss, &phi),
                  direct = il_values_grad(g, out->loss, &b->meta);
  const il_values gradient = il_inner_gradient(b, support, &phi); /* with its decay */
  il_scope_push(g, "implicit gradient");
  const il_values x = solution(b, &phi, &gradient, &v);
  il_values fixed = il_values_copy(g, &x);
  for (int i = 0; i < fixed.count; i++) fixed.at[i] = il_stop_gradient(g, x.at[i]);
  const il_values through = il_values_grad(g, dot(g, &gradient, &fixed), &b->meta);
  for (int i = 0; i < b->meta.count && il_context_status(il_graph_context(g)) == IL_OK; i++) {
    const int at = il_values_find(&x, b->meta.entry[i].name);
    const il_value other = il_scale(g, through.at[i], 1 / (s->proximal + s->damping));
    il_values_put(g, &out->gradient, b->meta.entry[i],
                  at < 0 ? il_sub(g, direct.at[i], other) : x.at[at]);
  }
  il_scope_pop(g);
}

static const il_field fields[] = {
    IL_FIELD(il_imaml_settings, proximal, IL_FIELD_DOUBLE, "2", 1e-9, 1e9, "",
             "lambda: how much the inner loop is held at where it starts (imaml)"),
    IL_FIELD(il_imaml_settings, pull, IL_FIELD_ENUM, "each", 1, 2, "each|end",
             "when it is pulled there: in each step, as the paper has it, or once behind the last, "
             "as its program (imaml)"),
    IL_FIELD(il_imaml_settings, damping, IL_FIELD_DOUBLE, "1", 0, 1e9, "",
             "added to lambda where the implicit gradient is solved for (imaml)"),
    IL_FIELD(il_imaml_settings, solver, IL_FIELD_ENUM, "cg", 1, 2, "cg|neumann",
             "of the implicit gradient: conjugate gradients or Neumann's series (imaml)"),
    IL_FIELD(il_imaml_settings, solver_steps, IL_FIELD_INT32, "5", 0, 1000, "",
             "its steps, each a product with the second derivative (imaml)"),
    {0}};

const il_algorithm il_imaml = {.name = "imaml",
                               .paper = "Rajeswaran, Finn, Kakade, Levine, NeurIPS 2019",
                               .revision = 1,
                               .gradient = IL_GRADIENT_PSEUDO,
                               .adapts = "*",
                               .size = sizeof(il_imaml_settings),
                               .fields = fields,
                               .begin = il_gradient_begin,
                               .step = step,
                               .end = end,
                               .score = il_net_score,
                               .objective = objective};
