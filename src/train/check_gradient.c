/* The meta-gradient of a configuration, in double, against finite differences. Where a relu or a maximum
 * switches between the two points the loss has a kink, and finite differences say nothing: a second function
 * holds both points at once and counts the units that differ. Of an algorithm whose direction is no derivative (Reptile)
 * the gradient of its first inner step is compared instead. */
#include <innerloop/train.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/random.h"
#include "config/config_method.h"
#include "config/config_tasks.h"
#include "data/batch.h"
#include "graph/graph.h"
#include "learner/learned.h"

enum { TASKS = 2, DIRECTIONS = 3, LADDER = 6 };
static const double AGREES = 1e-5; /* relative error */

typedef struct checker {
  il_context *context;
  il_method method; /* in double */
  il_tasks *tasks;
  const il_task_shape *shape;
  il_team *team;
  il_learned *learner;
  il_task_needs needs;
  il_batch batch;
  double *weights;                       /* of the inner steps; NULL: the algorithm takes none */
  il_buffers gradient, other, direction; /* by meta entries */
} checker;

static double *at(const il_buffers *b, int i) { return il_buffers_at(b, i); }
static int64_t numbers(const il_buffers *b, int i) { return il_shape_count(b->entry[i].shape); }

static bool pseudo(const checker *k) { return k->method.algorithm->gradient == IL_GRADIENT_PSEUDO; }

/* The loss whose derivative is compared, of the first meta-step. */
static il_value loss_of(checker *k, il_build *b) {
  il_values state;
  if (!pseudo(k) && b->algorithm->objective) {
    il_outcome out;
    il_build_outcome(b, &out);
    return out.loss;
  }
  il_build_begin(b, &state);
  if (pseudo(k)) return il_support_loss(b, &state, 0);
  const int steps = k->method.algorithm->step ? b->inner.steps : 0;
  il_build_adapt(b, &state, 0, steps);
  const il_values ended = il_build_end(b, &state);
  return il_query_loss(b, il_build_query(b, &ended, steps));
}

static il_value mean(il_graph *g, il_value v) {
  return il_value_stage(g, v) == IL_TASK ? il_task_mean(g, v) : v;
}

/* A run on the batch with room for its tasks; takes the graph over. */
static il_run *run_of(checker *k, il_graph *g, il_function **f) {
  il_function_options options = k->method.function;
  options.plan.tasks = TASKS;
  *f = il_function_new(g, &options);
  il_run *run = *f ? il_run_new(k->context, *f, k->team, TASKS) : NULL;
  for (int i = 0; run && i < IL_BATCH_INPUTS; i++)
    il_run_input(run, il_function_input(*f, il_batch_input_name[i]), k->batch.input[i]);
  if (run) il_run_input(run, il_function_input(*f, "step_weights"), k->weights);
  if (run && il_learned_bind(k->learner, run) == IL_OK) return run;
  il_run_free(run);
  return NULL;
}

/* The build of a task, with its inputs. */
static il_build build_of(checker *k, il_graph *g) {
  il_build b = il_learned_build(k->learner, &k->method, g, k->shape);
  b.whole = true;
  if (k->weights)
    b.step_weights = il_input(g, "step_weights", IL_SHARED, IL_FLOAT64, IL_SHAPE(b.inner.steps));
  return b;
}

static il_status take_weights(checker *k) {
  const il_method *m = &k->method;
  if (!m->algorithm->weigh || m->inner.steps == 0) return IL_OK;
  k->weights = calloc((size_t)m->inner.steps, sizeof *k->weights);
  if (!k->weights) return il_fail_memory(k->context, "a check");
  m->algorithm->weigh(m->algorithm_settings, m->inner.steps, 0, k->weights);
  return IL_OK;
}

/* gradient receives the mean meta-gradient of the batch. */
static il_status gradient_of(checker *k, bool first_order, il_buffers *gradient) {
  il_graph *g = il_graph_new(k->context, IL_FLOAT64);
  if (!g) return il_context_status(k->context);
  il_build b = build_of(k, g);
  b.inner.first_order = first_order;
  il_task_inputs(g, k->shape, k->needs, &b.task);
  il_values d = {0};
  if (il_build_check(&b)) d = il_values_grad(g, loss_of(k, &b), &b.meta);
  char name[280];
  for (int i = 0; i < d.count; i++) {
    snprintf(name, sizeof name, "gradient of %s", d.entry[i].name);
    il_output(g, name, mean(g, d.at[i]));
  }
  il_function *f;
  il_run *run = run_of(k, g, &f);
  for (int i = 0; run && i < gradient->count; i++) il_run_output(run, i, at(gradient, i));
  if (run) il_run_go(run, TASKS);
  il_run_free(run);
  il_function_free(f);
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

/* Outputs: loss at w + h·d, loss at w − h·d, units that switch between them (means over tasks). */
static il_graph *both_sides(checker *k) {
  il_graph *g = il_graph_new(k->context, IL_FLOAT64);
  if (!g) return NULL;
  il_build b = build_of(k, g);
  const il_values weights = b.meta,
                  d = il_values_input(g, b.meta.count, b.meta.entry, "direction of ", IL_SHARED);
  il_value h = il_input(g, "h", IL_SHARED, IL_FLOAT64, il_shape_scalar());
  il_task_inputs(g, k->shape, k->needs, &b.task);
  il_values above = il_values_copy(g, &weights), below = il_values_copy(g, &weights);
  for (int i = 0; i < weights.count && il_context_status(k->context) == IL_OK; i++) {
    above.at[i] = il_add(g, weights.at[i], il_mul(g, h, d.at[i]));
    below.at[i] = il_sub(g, weights.at[i], il_mul(g, h, d.at[i]));
  }
  if (!il_build_check(&b)) return g;
  uint32_t first = il_graph_size(g) + 1;
  b.meta = above;
  il_value plus = loss_of(k, &b);
  uint32_t middle = il_graph_size(g) + 1;
  b.meta = below;
  il_value minus = loss_of(k, &b);
  uint32_t last = il_graph_size(g), other = middle;
  il_value switched = il_scalar(g, 0);
  while (il_context_status(k->context) == IL_OK) {
    il_value one = decision(g, &first, middle - 1), two = decision(g, &other, last);
    if (!il_valid(one) || !il_valid(two)) break;
    il_value changed = il_sub(g, il_scalar(g, 1), il_equal(g, one, two));
    switched = il_add(g, switched, il_sum_all(g, changed));
  }
  il_output(g, "loss above", mean(g, plus));
  il_output(g, "loss below", mean(g, minus));
  il_output(g, "switched", mean(g, switched));
  return g;
}

static double dot(const il_buffers *a, const il_buffers *b) {
  double sum = 0;
  for (int i = 0; i < a->count; i++)
    for (int64_t j = 0; j < numbers(a, i); j++) sum += at(a, i)[j] * at(b, i)[j];
  return sum;
}

static void subtract(il_buffers *from, const il_buffers *what) {
  for (int i = 0; i < from->count; i++)
    for (int64_t j = 0; j < numbers(from, i); j++) at(from, i)[j] -= at(what, i)[j];
}

static void draw_direction(checker *k, int number) {
  il_random random = il_random_start(k->method.seed, 0x64697265637431u + (uint64_t)number);
  il_buffers *d = &k->direction;
  for (int i = 0; i < d->count; i++)
    for (int64_t j = 0; j < numbers(d, i); j++) at(d, i)[j] = il_random_normal01(&random);
  double length = sqrt(dot(d, d));
  for (int i = 0; i < d->count; i++)
    for (int64_t j = 0; j < numbers(d, i); j++) at(d, i)[j] /= length;
}

/* Walks the ladder of steps from 1e-4 down; the largest steps without a switch have the least rounding, so
 * the walk ends two rungs after the first of them, unless they do not agree yet: an inner Adam bends sharply where
 * gradients are small, and wants smaller steps. */
static il_status compare(checker *k, const il_function *f, il_run *run, il_meta_check *result) {
  const int place = il_function_input(f, "h");
  for (int number = 0; number < DIRECTIONS; number++) {
    draw_direction(k, number);
    double exact = dot(&k->gradient, &k->direction), best = (double)INFINITY, best_step = 0,
           units = 0;
    int clean = 0;
    double h = 1e-4;
    for (int rung = 0; rung < LADDER && (clean < 2 || !(best < AGREES)); rung++, h /= 10) {
      il_run_set(run, place, h);
      if (il_run_go(run, TASKS) != IL_OK) return il_context_status(k->context);
      const double switched = il_run_number(run, 2);
      double slope = (il_run_number(run, 0) - il_run_number(run, 1)) / (2 * h);
      double scale = fmax(fabs(exact), 1e-2 * result->norm) + 1e-300;
      double error = fabs(slope - exact) / scale;
      if (switched != 0 && rung + 1 < LADDER) continue;
      clean += switched == 0;
      if (!(error < best)) continue;
      best = error;
      best_step = h;
      units = switched;
    }
    /* A disagreement without a switch is sure, and so worse than one with. */
    const bool sure = units == 0 && !(best < AGREES),
               was = result->units == 0 && !(result->worst < AGREES);
    if (number == 0 || sure > was || (sure == was && best > result->worst)) {
      result->worst = best;
      result->step = best_step;
      result->units = units;
    }
  }
  return IL_OK;
}

static il_status finite_differences(checker *k, il_meta_check *result) {
  il_function *f;
  il_run *run = run_of(k, both_sides(k), &f);
  if (run && il_run_buffers(run, &k->direction, "direction of ") == IL_OK)
    compare(k, f, run, result);
  il_run_free(run);
  il_function_free(f);
  return il_context_status(k->context);
}

static il_status prepare(checker *k, const il_config *config) {
  il_status status = il_config_method(config, &k->method);
  if (status != IL_OK) return status;
  k->method.real = IL_FLOAT64;
  if (take_weights(k) != IL_OK) return il_context_status(k->context);
  k->tasks = il_config_tasks(k->context, config);
  if (!k->tasks) return il_context_status(k->context);
  k->shape = il_tasks_shape(k->tasks, IL_TRAIN, 0);
  if (il_method_classes(k->context, &k->method, k->shape->outputs) != IL_OK)
    return il_context_status(k->context);
  k->learner = il_learned_new(k->context, &k->method, il_config_net(k->context, config, k->shape),
                              true, false);
  if (!k->learner) return il_context_status(k->context);
  il_learned_initialize(k->learner, k->method.seed);
  il_buffers *const blocks[] = {&k->gradient, &k->other, &k->direction};
  const il_entries *entries = &k->learner->meta_entries;
  for (int i = 0; i < 3 && status == IL_OK; i++)
    status =
        il_buffers_init(k->context, blocks[i], entries->count, entries->entry, IL_FLOAT64, false);
  k->needs = il_method_needs(&k->method, k->learner->net, k->shape, k->method.inner.steps, true);
  if (status == IL_OK)
    status = il_batch_init(&k->batch, k->tasks, IL_TRAIN, 0, IL_FLOAT64, k->needs, TASKS,
                           il_team_threads(k->team));
  return status == IL_OK ? il_batch_draw(&k->batch, k->team, IL_TRAIN, 0, TASKS) : status;
}

static il_status check(checker *k, il_meta_check *result) {
  /* Finite differences see the full derivative, so they judge the second-order gradient; the first-order
   * one is what the same code gives with the inner gradient held constant. */
  il_status status = gradient_of(k, false, &k->gradient);
  if (status == IL_OK) status = gradient_of(k, true, &k->other);
  if (status != IL_OK) return status;
  result->directions = DIRECTIONS;
  result->first_order = k->method.inner.first_order;
  result->pseudo = pseudo(k);
  result->norm = sqrt(dot(&k->gradient, &k->gradient));
  if (result->norm == 0)
    return il_fail(k->context, IL_ERROR_MISMATCH,
                   "the meta-gradient is exactly 0: nothing that is learned changes the loss; "
                   "expected a net, or norm statistics, that leave something of an example");
  subtract(&k->other, &k->gradient);
  result->second_share = sqrt(dot(&k->other, &k->other)) / result->norm;
  status = finite_differences(k, result);
  result->agrees = status == IL_OK && result->worst < AGREES;
  if (status == IL_OK && !result->agrees && result->units > 0)
    return il_fail(
        k->context, IL_ERROR_MISMATCH,
        "the meta-gradient cannot be compared: within a step of %g, %g relu or max units "
        "switch, and it differs from finite differences by %.3g of its size; expected "
        "weights, pictures or statistics under which no unit stands on its edge",
        result->step, result->units, result->worst);
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
  checker k = {.context = context, .team = team};
  if (prepare(&k, config) == IL_OK) check(&k, result);
  il_batch_free(&k.batch);
  free(k.weights);
  il_buffers_free(&k.gradient);
  il_buffers_free(&k.other);
  il_buffers_free(&k.direction);
  il_learned_free(k.learner);
  il_tasks_free(k.tasks);
  return il_context_status(context);
}
