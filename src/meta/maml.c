/* MAML as graph, in the order of the paper's box: Finn, Abbeel, Levine, "Model-Agnostic Meta-Learning for
 * Fast Adaptation of Deep Networks", ICML 2017, Algorithm 2 (one task of it). */
#include <innerloop/meta.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static il_status check(il_graph *g, const il_maml *maml) {
  il_context *context = il_graph_context(g);
  if (maml->inner_steps < 0)
    return il_fail(context, IL_ERROR_ARGUMENT, "il_maml: inner_steps %d; expected 0 or more",
                   maml->inner_steps);
  if (maml->loss < IL_LOSS_CROSS_ENTROPY || maml->loss > IL_LOSS_BINARY_CROSS_ENTROPY)
    return il_fail(context, IL_ERROR_ARGUMENT, "il_maml: unknown loss %d", (int)maml->loss);
  if (maml->query_statistics < IL_QUERY_STATISTICS_QUERY ||
      maml->query_statistics > IL_QUERY_STATISTICS_EACH)
    return il_fail(context, IL_ERROR_ARGUMENT, "il_maml: unknown query_statistics %d",
                   (int)maml->query_statistics);
  return il_context_status(context);
}

il_status il_maml_adapt(il_graph *g, const il_net *net, const il_maml *maml, const il_task *task,
                        const il_value *parameters, il_value *fast, il_value *support_loss) {
  int count = il_net_parameters(net);
  for (int i = 0; i < count; i++) fast[i] = parameters[i];
  for (int k = 0; support_loss && k < maml->inner_steps; k++) support_loss[k] = (il_value){0};
  if (check(g, maml) != IL_OK) return il_context_status(il_graph_context(g));
  il_value *gradient = calloc((size_t)count + 1, sizeof *gradient);
  if (!gradient) return il_fail_memory(il_graph_context(g), "gradients of an inner step");

  for (int k = 0; k < maml->inner_steps && il_context_status(il_graph_context(g)) == IL_OK; k++) {
    char name[32];
    snprintf(name, sizeof name, "inner step %d", k + 1);
    il_scope_push(g, name);
    /* Evaluate ∇ L(f_θ) on the support set. */
    il_value scores = il_net_apply(net, g, fast, task->support_x, IL_STATISTICS_BATCH, NULL,
                                   task->dropout_key, k);
    il_value loss = il_loss_value(g, maml->loss, scores, task->support_y);
    il_grad(g, loss, count, fast, gradient);
    /* θ' = θ − α ∇ L(f_θ). First order: the gradient counts as a constant of the meta-gradient. */
    for (int i = 0; i < count; i++) {
      il_value direction = maml->first_order ? il_stop_gradient(g, gradient[i]) : gradient[i];
      fast[i] = il_sub(g, fast[i], il_scale(g, direction, maml->inner_lr));
    }
    if (support_loss) support_loss[k] = loss;
    il_scope_pop(g);
  }
  free(gradient);
  return il_context_status(il_graph_context(g));
}

il_value il_maml_query(il_graph *g, const il_net *net, const il_maml *maml, const il_task *task,
                       const il_value *fast) {
  if (check(g, maml) != IL_OK) return (il_value){0};
  /* Streams of dropout masks 0 … inner_steps − 1 belong to the inner steps. */
  int64_t stream = maml->inner_steps;
  il_moments moments = {0};
  il_scope_push(g, "query");
  il_value scores = {0};
  switch (maml->query_statistics) {
  case IL_QUERY_STATISTICS_QUERY:
    scores = il_net_apply(net, g, fast, task->query_x, IL_STATISTICS_BATCH, NULL, task->dropout_key,
                          stream);
    break;
  case IL_QUERY_STATISTICS_SUPPORT:
    /* Differentiable: the meta-gradient also goes through the support set's moments. */
    il_net_apply(net, g, fast, task->support_x, IL_STATISTICS_BATCH, &moments, task->dropout_key,
                 stream + 1);
    scores = il_net_apply(net, g, fast, task->query_x, IL_STATISTICS_GIVEN, &moments,
                          task->dropout_key, stream);
    break;
  case IL_QUERY_STATISTICS_EACH:
    scores = il_net_apply(net, g, fast, task->query_x, IL_STATISTICS_EACH, NULL, task->dropout_key,
                          stream);
    break;
  case IL_QUERY_STATISTICS_RUNNING: break; /* refused above */
  }
  il_scope_pop(g);
  return scores;
}

il_status il_maml_gradient(il_graph *g, const il_net *net, const il_maml *maml, const il_task *task,
                           const il_value *parameters, il_maml_result *result, il_value *gradient) {
  int count = il_net_parameters(net);
  *result = (il_maml_result){0};
  memset(gradient, 0, (size_t)count * sizeof *gradient);
  if (check(g, maml) != IL_OK) return il_context_status(il_graph_context(g));
  int steps = maml->inner_steps;
  il_value *fast = calloc((size_t)count + (size_t)steps + 1, sizeof *fast);
  if (!fast) return il_fail_memory(il_graph_context(g), "adapted parameters");
  il_value *support_loss = fast + count;

  il_maml_adapt(g, net, maml, task, parameters, fast, support_loss);
  il_value scores = il_maml_query(g, net, maml, task, fast);
  il_scope_push(g, "query");
  result->query_loss = il_loss_value(g, maml->loss, scores, task->query_y);
  if (maml->loss != IL_LOSS_MEAN_SQUARED_ERROR)
    result->query_accuracy = il_accuracy(g, scores, task->query_y);
  if (steps > 0) result->support_loss = support_loss[steps - 1];
  il_scope_pop(g);
  il_grad(g, result->query_loss, count, parameters, gradient);
  free(fast);
  return il_context_status(il_graph_context(g));
}
