/* The graph of a meta-step: tasks, meta-gradient, mean, outer update; and running it. */
#include "train/learner.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/weights.h"

static const char *const kind_name[] = {"", "adam.first.", "adam.second."};

static il_value *values(il_context *context, int count) {
  il_value *v = calloc((size_t)count + 1, sizeof *v);
  if (!v) il_fail_memory(context, "values of a graph");
  return v;
}

static void build(il_learner *l, il_value *now, il_value *next, il_value *gradient) {
  const il_config *c = l->source->config;
  il_graph *g = l->graph;
  int n = l->parameters;
  char name[300];
  for (int i = 0; i < l->kinds * n; i++) {
    snprintf(name, sizeof name, "%s%s", kind_name[i / n], il_net_parameter_name(l->net, i % n));
    now[i] = il_input(g, name, IL_SHARED, l->real, il_net_parameter_shape(l->net, i % n));
  }
  il_value step = {0};
  if (l->adam) step = il_input(g, "step", IL_SHARED, l->real, il_shape_scalar());
  il_task task;
  il_source_task(l->source, g, l->dropout, &task);

  il_maml maml = il_source_maml(l->source);
  il_maml_result result;
  if (il_maml_gradient(g, l->net, &maml, &task, now, &result, gradient) != IL_OK) return;
  for (int i = 0; i < n; i++) gradient[i] = il_task_mean(g, gradient[i]);
  il_scope_push(g, "outer update");
  il_adam adam = {.lr = il_config_real(c, IL_KEY_LR),
                  .beta1 = il_config_real(c, IL_KEY_BETA1),
                  .beta2 = il_config_real(c, IL_KEY_BETA2),
                  .eps = il_config_real(c, IL_KEY_EPS)};
  if (l->adam)
    il_adam_update(g, &adam, step, n, now, gradient, now + n, now + 2 * n, next, next + n,
                   next + 2 * n);
  else
    il_sgd_update(g, adam.lr, n, now, gradient, next);
  il_scope_pop(g);
  for (int i = 0; i < l->kinds * n; i++) {
    snprintf(name, sizeof name, "next.%s%s", kind_name[i / n],
             il_net_parameter_name(l->net, i % n));
    il_output(g, name, next[i]);
  }
  il_output(g, "loss", il_task_mean(g, result.query_loss));
  l->accurate = il_valid(result.query_accuracy);
  if (l->accurate) il_output(g, "accuracy", il_task_mean(g, result.query_accuracy));
  if (il_valid(result.support_loss))
    il_output(g, "support_loss", il_task_mean(g, result.support_loss));
}

static il_status make(il_learner *l, bool state) {
  const il_config *c = l->source->config;
  l->net = il_source_net(l->source);
  if (!l->net) return il_context_status(l->context);
  l->real = il_config_type(c);
  l->adam = il_config_is(c, IL_KEY_OPTIMIZER, "adam");
  l->kinds = l->adam ? 3 : 1;
  l->dropout = il_source_dropout(l->source, l->net);
  l->parameters = il_net_parameters(l->net);
  l->graph = il_graph_new(l->context, l->real);
  if (!l->graph) return il_context_status(l->context);
  il_value *v = values(l->context, 7 * l->parameters);
  if (!v) return il_context_status(l->context);
  build(l, v, v + 3 * l->parameters, v + 6 * l->parameters);
  free(v);
  if (il_context_status(l->context) != IL_OK) return il_context_status(l->context);
  if (il_config_is(c, IL_KEY_FACTORED, "auto") && il_graph_factor(l->graph) != IL_OK)
    return il_context_status(l->context);
  l->inputs = il_graph_inputs(l->graph);
  l->outputs = il_graph_outputs(l->graph);
  l->bound = calloc((size_t)l->inputs + (size_t)l->outputs + 1, sizeof *l->bound);
  if (!l->bound) return il_fail_memory(l->context, "the bindings of a plan");
  const il_plan_options options = il_config_plan(c);
  l->plan = il_plan_build(l->graph, &options);
  for (int side = 0; state && side < 2; side++)
    for (int k = 0; k < l->kinds; k++)
      if (!(l->state[side][k] = il_weights_alloc(l->context, l->net, l->real)))
        return il_context_status(l->context);
  return il_context_status(l->context);
}

il_learner *il_learner_new(il_context *context, const il_source *source, bool state) {
  il_learner *l = calloc(1, sizeof *l);
  if (!l) {
    il_fail_memory(context, "a learner");
    return NULL;
  }
  l->context = context;
  l->source = source;
  if (make(l, state) != IL_OK) {
    il_learner_free(l);
    return NULL;
  }
  return l;
}

void il_learner_free(il_learner *l) {
  if (!l) return;
  for (int side = 0; side < 2; side++)
    for (int k = 0; k < 3; k++) il_weights_free(l->state[side][k]);
  free(l->workspace);
  free(l->bound);
  il_plan_free(l->plan);
  il_graph_free(l->graph);
  il_net_free(l->net);
  free(l);
}

void il_learner_initialize(il_learner *l) {
  for (int i = 0; i < l->parameters; i++)
    il_net_initialize(l->net, i, l->source->seed, l->real, l->state[l->side][0][i]);
}

void *il_workspace_alloc(il_context *context, const il_plan *plan, int tasks, int threads) {
  size_t size = il_plan_workspace(plan, tasks, threads);
  size = (size + IL_WORKSPACE_ALIGNMENT) / IL_WORKSPACE_ALIGNMENT * IL_WORKSPACE_ALIGNMENT;
  void *workspace = aligned_alloc(IL_WORKSPACE_ALIGNMENT, size);
  if (!workspace) il_fail_memory(context, "the workspace of a plan");
  return workspace;
}

il_status il_learner_workspace(il_learner *l, int tasks, il_team *team) {
  l->workspace = il_workspace_alloc(l->context, l->plan, tasks, il_team_threads(team));
  return il_context_status(l->context);
}

typedef struct real {
  union {
    float f;
    double d;
  } as;
} real;
static void set(il_type type, real *r, double number) {
  if (type == IL_FLOAT32)
    r->as.f = (float)number;
  else
    r->as.d = number;
}
static double get(il_type type, const real *r) {
  return type == IL_FLOAT32 ? (double)r->as.f : r->as.d;
}

/* check: NULL runs the plan; else compares it and receives how much. */
static il_status go(il_learner *l, il_team *team, const il_batch *batch, int tasks, int64_t step,
                    il_plan_checked *check) {
  int n = l->parameters, states = l->kinds * n, in = 0, out = 0;
  const void **inputs = l->bound;
  void **outputs = (void **)(uintptr_t)(inputs + l->inputs);
  real counter = {0}, figures[3] = {0};
  set(l->real, &counter, (double)step);
  for (int i = 0; i < states; i++) {
    inputs[in++] = l->state[l->side][i / n][i % n];
    outputs[out++] = l->state[1 - l->side][i / n][i % n];
  }
  if (l->adam) inputs[in++] = &counter;
  for (int i = 0; i < batch->inputs; i++) inputs[in++] = batch->input[i];
  for (int i = 0; out < l->outputs; i++) outputs[out++] = &figures[i];
  il_bindings bindings = {tasks, inputs, outputs};
  il_status status = check ? il_plan_check(l->plan, &bindings, check)
                           : il_plan_run_meanwhile(l->plan, team, l->workspace, &bindings,
                                                   l->profile, &l->meanwhile);
  if (check || status != IL_OK) return status;
  l->side = 1 - l->side;
  l->loss = get(l->real, &figures[0]);
  l->accuracy = l->accurate ? get(l->real, &figures[1]) : (double)NAN;
  l->support_loss = get(l->real, &figures[l->accurate ? 2 : 1]);
  return IL_OK;
}

il_status il_learner_step(il_learner *l, il_team *team, const il_batch *batch, int64_t step) {
  return go(l, team, batch, batch->tasks, step, NULL);
}

il_status il_learner_check(il_learner *l, const il_batch *batch, il_plan_checked *checked) {
  return go(l, NULL, batch, batch->tasks < 2 ? batch->tasks : 2, 0, checked);
}
