/* The meta-gradient of a configuration, in double, against finite differences. Where a relu or a maximum
 * switches between the two points the loss has a kink, and finite differences say nothing: a second graph
 * holds both points at once and counts the units that differ. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "graph/graph.h"
#include "train/learner.h"
#include "io/weights.h"

enum { TASKS = 2, DIRECTIONS = 3, LADDER = 6 };

typedef struct checker {
  il_context *context;
  const il_config *config;
  const il_tasks *tasks;
  il_team *team;
  il_net *net;
  int n;
  bool dropout;
  il_batch batch;
  void **weights, **gradient, **other, **direction;
} checker;

static const il_task_shape *shape_of(const checker *k) {
  return il_tasks_shape(k->tasks, IL_TRAIN);
}

static double *at(void **block, int i) { return block[i]; }

/* As training plans its graph. */
static il_plan *plan_of(const checker *k, il_graph *g) {
  il_plan_options options = il_config_plan(k->config);
  options.tasks = TASKS;
  if (il_config_is(k->config, IL_KEY_FACTORED, "auto") && il_graph_factor(g) != IL_OK) return NULL;
  return il_plan_build(g, &options);
}

static il_status run_graph(checker *k, il_graph *g, const void **inputs, void **outputs) {
  if (il_context_status(k->context) != IL_OK) return il_context_status(k->context);
  il_plan *plan = plan_of(k, g);
  void *workspace =
      plan ? il_workspace_alloc(k->context, plan, TASKS, il_team_threads(k->team)) : NULL;
  if (workspace) il_plan_run(plan, k->team, workspace, &(il_bindings){TASKS, inputs, outputs});
  free(workspace);
  il_plan_free(plan);
  return il_context_status(k->context);
}

/* gradient receives the mean meta-gradient of the batch. */
static il_status gradient_of(checker *k, bool first_order, void **gradient) {
  il_graph *g = il_graph_new(k->context, IL_FLOAT64);
  il_value *v = calloc(2 * (size_t)k->n + 1, sizeof *v);
  const void **inputs = calloc(2 * (size_t)k->n + IL_BATCH_INPUTS, sizeof *inputs);
  if (g && v && inputs) {
    void **outputs = (void **)(uintptr_t)(inputs + k->n + IL_BATCH_INPUTS);
    il_maml maml = il_config_maml(k->config, shape_of(k)->loss);
    maml.first_order = first_order;
    il_maml_result result;
    il_task task;
    for (int i = 0; i < k->n; i++) {
      v[i] = il_input(g, il_net_parameter_name(k->net, i), IL_SHARED, IL_FLOAT64,
                      il_net_parameter_shape(k->net, i));
      inputs[i] = k->weights[i];
      outputs[i] = gradient[i];
    }
    il_task_inputs(g, shape_of(k), k->dropout, &task);
    for (int i = 0; i < k->batch.inputs; i++) inputs[k->n + i] = k->batch.input[i];
    il_maml_gradient(g, k->net, &maml, &task, v, &result, v + k->n);
    for (int i = 0; i < k->n; i++) {
      char name[280];
      snprintf(name, sizeof name, "gradient of %s", il_net_parameter_name(k->net, i));
      il_output(g, name, il_task_mean(g, v[k->n + i]));
    }
    run_graph(k, g, inputs, outputs);
  } else {
    il_fail_memory(k->context, "a check of the meta-gradient");
  }
  free(inputs);
  free(v);
  il_graph_free(g);
  return il_context_status(k->context);
}

/* The decisions of the nodes first … last: relu's sign, a pool's arg-max. next: where to go on from. */
static il_value decision(il_graph *g, uint32_t *next, uint32_t last) {
  for (; *next <= last; ++*next) {
    il_value value = {*next};
    const il_node *node = il_node_of(g, value);
    if (node->when != IL_PER_TASK) continue;
    if (node->op == IL_OP_RELU || node->op == IL_OP_ABS) {
      ++*next;
      return il_step(g, node->input[0]);
    }
    if (node->op == IL_OP_POOL_ARGMAX) {
      ++*next;
      return il_cast(g, value);
    }
  }
  return (il_value){0};
}

static il_value loss_at(checker *k, il_graph *g, const il_value *weights, const il_task *task) {
  il_maml maml = il_config_maml(k->config, shape_of(k)->loss);
  il_value *fast = calloc((size_t)k->n + 1, sizeof *fast);
  if (!fast) {
    il_fail_memory(k->context, "adapted weights");
    return (il_value){0};
  }
  il_maml_adapt(g, k->net, &maml, task, weights, fast, NULL);
  il_value scores = il_maml_query(g, k->net, &maml, task, fast);
  free(fast);
  return il_loss_value(g, maml.loss, scores, task->query_y);
}

/* Outputs: loss at w + h·d, loss at w − h·d, units that switch between them (means over tasks). */
static il_status both_sides(checker *k, il_graph *g) {
  il_value *v = calloc(4 * (size_t)k->n + 1, sizeof *v);
  if (!v) return il_fail_memory(k->context, "a check of the meta-gradient");
  il_value *d = v + k->n, *above = d + k->n, *below = above + k->n;
  char name[280];
  for (int i = 0; i < k->n; i++)
    v[i] = il_input(g, il_net_parameter_name(k->net, i), IL_SHARED, IL_FLOAT64,
                    il_net_parameter_shape(k->net, i));
  for (int i = 0; i < k->n; i++) {
    snprintf(name, sizeof name, "direction of %s", il_net_parameter_name(k->net, i));
    d[i] = il_input(g, name, IL_SHARED, IL_FLOAT64, il_net_parameter_shape(k->net, i));
  }
  il_value h = il_input(g, "h", IL_SHARED, IL_FLOAT64, il_shape_scalar());
  il_task task;
  il_task_inputs(g, shape_of(k), k->dropout, &task);
  for (int i = 0; i < k->n; i++) {
    above[i] = il_add(g, v[i], il_mul(g, h, d[i]));
    below[i] = il_sub(g, v[i], il_mul(g, h, d[i]));
  }
  uint32_t first = il_graph_size(g) + 1;
  il_value plus = loss_at(k, g, above, &task);
  uint32_t middle = il_graph_size(g) + 1;
  il_value minus = loss_at(k, g, below, &task);
  uint32_t last = il_graph_size(g), other = middle;
  il_value switched = il_scalar(g, 0);
  while (il_context_status(k->context) == IL_OK) {
    il_value a = decision(g, &first, middle - 1), b = decision(g, &other, last);
    if (!il_valid(a) || !il_valid(b)) break;
    il_value changed = il_sub(g, il_scalar(g, 1), il_equal(g, a, b));
    switched = il_add(g, switched, il_sum_all(g, changed));
  }
  free(v);
  il_output(g, "loss above", il_task_mean(g, plus));
  il_output(g, "loss below", il_task_mean(g, minus));
  /* A net without kinks has a constant here, which is no task value yet. */
  il_value anchored = il_add(g, switched, il_scale(g, il_stop_gradient(g, plus), 0));
  il_output(g, "switched", il_task_mean(g, anchored));
  return il_context_status(k->context);
}

static double dot(const checker *k, void **a, void **b) {
  double sum = 0;
  for (int i = 0; i < k->n; i++) {
    int64_t count = il_shape_count(il_net_parameter_shape(k->net, i));
    for (int64_t j = 0; j < count; j++) sum += at(a, i)[j] * at(b, i)[j];
  }
  return sum;
}

static void subtract(const checker *k, void **from, void **what) {
  for (int i = 0; i < k->n; i++) {
    int64_t count = il_shape_count(il_net_parameter_shape(k->net, i));
    for (int64_t j = 0; j < count; j++) at(from, i)[j] -= at(what, i)[j];
  }
}

static void draw_direction(checker *k, int number) {
  il_random random = il_random_start(k->tasks->seed, 0x64697265637431u + (uint64_t)number);
  for (int i = 0; i < k->n; i++) {
    int64_t count = il_shape_count(il_net_parameter_shape(k->net, i));
    for (int64_t j = 0; j < count; j++) at(k->direction, i)[j] = il_random_normal01(&random);
  }
  double length = sqrt(dot(k, k->direction, k->direction));
  for (int i = 0; i < k->n; i++) {
    int64_t count = il_shape_count(il_net_parameter_shape(k->net, i));
    for (int64_t j = 0; j < count; j++) at(k->direction, i)[j] /= length;
  }
}

/* Walks the ladder of steps from 1e-4 down; the largest steps without a switch have the least rounding, so
 * the walk ends two rungs after the first of them. */
static il_status compare(checker *k, const il_plan *plan, void *workspace, const void **inputs,
                         double *step, il_meta_check *result) {
  double figures[3];
  void *outputs[3] = {&figures[0], &figures[1], &figures[2]};
  for (int number = 0; number < DIRECTIONS; number++) {
    draw_direction(k, number);
    double exact = dot(k, k->gradient, k->direction), best = (double)INFINITY, best_step = 0,
           units = 0;
    int clean = 0;
    double h = 1e-4;
    for (int rung = 0; rung < LADDER && clean < 2; rung++, h /= 10) {
      *step = h;
      if (il_plan_run(plan, k->team, workspace, &(il_bindings){TASKS, inputs, outputs}) != IL_OK)
        return il_context_status(k->context);
      double slope = (figures[0] - figures[1]) / (2 * h);
      double scale = fmax(fabs(exact), 1e-2 * result->norm) + 1e-300;
      double error = fabs(slope - exact) / scale;
      if (figures[2] != 0 && rung + 1 < LADDER) continue;
      clean += figures[2] == 0;
      if (!(error < best)) continue;
      best = error;
      best_step = h;
      units = figures[2];
    }
    if (number == 0 || best > result->worst) {
      result->worst = best;
      result->step = best_step;
      result->units = units;
    }
  }
  return IL_OK;
}

static il_status finite_differences(checker *k, il_meta_check *result) {
  il_graph *g = il_graph_new(k->context, IL_FLOAT64);
  const void **inputs = calloc(2 * (size_t)k->n + 1 + IL_BATCH_INPUTS, sizeof *inputs);
  il_plan *plan = NULL;
  void *workspace = NULL;
  if (!inputs) il_fail_memory(k->context, "a check of the meta-gradient");
  if (g && inputs && both_sides(k, g) == IL_OK) plan = plan_of(k, g);
  if (plan) workspace = il_workspace_alloc(k->context, plan, TASKS, il_team_threads(k->team));
  if (workspace) {
    for (int i = 0; i < k->n; i++) {
      inputs[i] = k->weights[i];
      inputs[k->n + i] = k->direction[i];
    }
    for (int i = 0; i < k->batch.inputs; i++) inputs[2 * k->n + 1 + i] = k->batch.input[i];
    double step = 0;
    inputs[2 * k->n] = &step;
    compare(k, plan, workspace, inputs, &step, result);
  }
  free(workspace);
  il_plan_free(plan);
  free(inputs);
  il_graph_free(g);
  return il_context_status(k->context);
}

static il_status check(checker *k, il_meta_check *result) {
  k->net = il_config_net(k->context, k->config, shape_of(k));
  if (!k->net) return il_context_status(k->context);
  k->n = il_net_parameters(k->net);
  k->dropout = il_task_needs_key(k->net);
  void ***blocks[] = {&k->weights, &k->gradient, &k->other, &k->direction};
  for (int i = 0; i < 4; i++)
    if (!(*blocks[i] = il_weights_alloc(k->context, k->net, IL_FLOAT64)))
      return il_context_status(k->context);
  il_status status = il_batch_init(&k->batch, k->tasks, shape_of(k), IL_FLOAT64, k->dropout, TASKS,
                                   il_team_threads(k->team));
  if (status == IL_OK) status = il_batch_draw(&k->batch, k->team, IL_TRAIN, 0, TASKS);
  if (status != IL_OK) return status;
  for (int i = 0; i < k->n; i++)
    il_net_initialize(k->net, i, k->tasks->seed, IL_FLOAT64, k->weights[i]);

  /* Finite differences see the full derivative, so they judge the second-order gradient; the first-order
   * one is what the same code gives with the inner gradient held constant. */
  status = gradient_of(k, false, k->gradient);
  if (status == IL_OK) status = gradient_of(k, true, k->other);
  if (status != IL_OK) return status;
  result->directions = DIRECTIONS;
  result->first_order = il_config_int(k->config, IL_KEY_FIRST_ORDER);
  result->norm = sqrt(dot(k, k->gradient, k->gradient));
  subtract(k, k->other, k->gradient);
  result->second_share = result->norm > 0 ? sqrt(dot(k, k->other, k->other)) / result->norm : 0;
  status = finite_differences(k, result);
  result->agrees = status == IL_OK && result->worst < 1e-5;
  if (status == IL_OK && !result->agrees)
    return il_fail(
        k->context, IL_ERROR_MISMATCH,
        "meta-gradient and finite differences differ by %.3g of their size (step %g, %g units "
        "switched); expected less than 1e-5",
        result->worst, result->step, result->units);
  return status;
}

il_status il_check_meta_gradient(il_context *context, const il_config *config, il_team *team,
                                 il_meta_check *result) {
  *result = (il_meta_check){0};
  checker k = {.context = context, .config = config, .team = team};
  il_tasks *tasks = il_config_tasks(context, config, 0);
  k.tasks = tasks;
  if (tasks) check(&k, result);
  il_batch_free(&k.batch);
  il_weights_free(k.weights);
  il_weights_free(k.gradient);
  il_weights_free(k.other);
  il_weights_free(k.direction);
  il_net_free(k.net);
  il_tasks_free(tasks);
  return il_context_status(context);
}
