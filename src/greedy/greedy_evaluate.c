/* Evaluation of a run with inner steps on the best units of parameters alone.
 *
 * Two plans: one scores each parameter of each task on its support set; between them each task's masks are chosen on
 * the workers, one task at a time; the other takes the masks as task inputs, adapts and measures. */
#include <innerloop/greedy.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "io/weights.h"

enum { CHUNK = 32 };

typedef struct engine {
  il_graph *graph;
  il_plan *plan;
  void *workspace;
} engine;

typedef struct sparse {
  const il_config *config;
  const il_tasks *from;
  const il_net *net;
  const il_greedy_evaluate_options *o;
  il_greedy_rule rule; /* of the row at hand */
  il_type real;
  il_greedy_units *units;
  int parameters, chunk;
  engine score, adapt;
  il_batch batch;
  void **measure;     /* [parameter]: [chunk, shape] */
  uint8_t **mask;     /* [parameter]: [chunk, shape] */
  uint32_t *order;    /* [chunk, units] */
  double *unit_score; /* [threads, units] */
  void *figures;      /* [steps][chunk] reals */
  il_greedy_choice choice[CHUNK];
  int tasks; /* of the chunk at hand */
  int threads;
  bool starved; /* a worker found no memory */
} sparse;

static const il_task_shape *shape_of(const sparse *s) { return il_tasks_shape(s->from, IL_TEST); }

static int64_t scalars_of(const sparse *s, int p) {
  return il_shape_count(il_net_parameter_shape(s->net, p));
}

static void make_inputs(const sparse *s, il_graph *g, il_value *parameter, il_value *mask,
                        il_task *task) {
  char name[64];
  for (int p = 0; p < s->parameters; p++)
    parameter[p] = il_input(g, il_net_parameter_name(s->net, p), IL_SHARED, s->real,
                            il_net_parameter_shape(s->net, p));
  for (int p = 0; mask && p < s->parameters; p++) {
    snprintf(name, sizeof name, "mask.%s", il_net_parameter_name(s->net, p));
    mask[p] = il_cast(g, il_input(g, name, IL_TASK, IL_UINT8, il_net_parameter_shape(s->net, p)));
  }
  il_task_inputs(g, shape_of(s), false, task);
}

static void build_score(sparse *s, il_value *v) {
  il_graph *g = s->score.graph;
  il_value *parameter = v, *gradient = v + s->parameters, *measure = v + 2 * s->parameters;
  il_task task;
  char name[64];
  make_inputs(s, g, parameter, NULL, &task);
  il_loss loss = shape_of(s)->loss;
  il_greedy_measure(g, s->net, &s->o->rule, loss, parameter, task.support_x, task.support_y,
                    gradient, measure);
  for (int p = 0; p < s->parameters; p++) {
    snprintf(name, sizeof name, "measure.%s", il_net_parameter_name(s->net, p));
    il_output(g, name, measure[p]);
  }
}

static void build_adapt(sparse *s, il_value *v) {
  il_graph *g = s->adapt.graph;
  il_value *fast = v, *mask = v + s->parameters;
  il_task task;
  make_inputs(s, g, fast, mask, &task);
  il_maml maml = il_config_maml(s->config, shape_of(s)->loss);
  int done = 0;
  for (int i = 0; i < s->o->steps && il_context_status(s->from->context) == IL_OK; i++) {
    maml.inner_steps = s->o->step[i] - done;
    done = s->o->step[i];
    il_greedy_adapt(g, s->net, &maml, &task, mask, fast, fast);
    il_value scores = il_maml_query(g, s->net, &maml, &task, fast);
    char name[32];
    snprintf(name, sizeof name, "after %d steps", done);
    il_output(g, name,
              shape_of(s)->loss == IL_LOSS_MEAN_SQUARED_ERROR
                  ? il_mean_squared_error(g, scores, task.query_y)
                  : il_accuracy(g, scores, task.query_y));
  }
}

static il_status build(sparse *s, engine *e, void (*body)(sparse *s, il_value *v)) {
  il_context *context = s->from->context;
  e->graph = il_graph_new(context, s->real);
  il_value *v = calloc(3 * (size_t)s->parameters + 1, sizeof *v);
  if (!e->graph || !v) {
    free(v);
    return il_fail_memory(context, "an evaluation");
  }
  body(s, v);
  free(v);
  il_plan_options options = il_config_plan(s->config);
  options.tasks = 0;
  if (il_context_status(context) == IL_OK && il_config_is(s->config, IL_KEY_FACTORED, "auto"))
    il_graph_factor(e->graph);
  if (il_context_status(context) == IL_OK) e->plan = il_plan_build(e->graph, &options);
  if (e->plan) e->workspace = il_workspace_alloc(context, e->plan, s->chunk, s->threads);
  return il_context_status(context);
}

static void engine_free(engine *e) {
  free(e->workspace);
  il_plan_free(e->plan);
  il_graph_free(e->graph);
}

static il_status allocate(sparse *s) {
  size_t chunk = (size_t)s->chunk, units = (size_t)il_greedy_units_count(s->units);
  size_t n = (size_t)s->parameters;
  bool made = (s->measure = calloc(n + 1, sizeof *s->measure)) &&
              (s->mask = calloc(n + 1, sizeof *s->mask)) &&
              (s->order = malloc(chunk * units * sizeof *s->order)) &&
              (s->unit_score = malloc((size_t)s->threads * units * sizeof *s->unit_score)) &&
              (s->figures = calloc((size_t)s->o->steps * chunk, sizeof(double)));
  for (int p = 0; made && p < s->parameters; p++) {
    size_t scalars = chunk * (size_t)scalars_of(s, p);
    s->measure[p] = malloc(scalars * il_type_size(s->real));
    s->mask[p] = malloc(scalars);
    made = s->measure[p] && s->mask[p];
  }
  return made ? IL_OK : il_fail_memory(s->from->context, "an evaluation");
}

static il_status sparse_init(sparse *s, int tasks) {
  s->parameters = il_net_parameters(s->net);
  s->real = il_config_type(s->config);
  s->threads = il_team_threads(s->o->team);
  s->chunk = tasks < CHUNK ? tasks : CHUNK;
  s->units = il_greedy_units_new(s->from->context, s->net, s->o->rule.granularity,
                                 shape_of(s)->support, s->real);
  if (!s->units || build(s, &s->score, build_score) != IL_OK ||
      build(s, &s->adapt, build_adapt) != IL_OK || allocate(s) != IL_OK)
    return il_context_status(s->from->context);
  return il_batch_init(&s->batch, s->from, shape_of(s), s->real, false, s->chunk, s->threads);
}

static void sparse_free(sparse *s) {
  for (int p = 0; p < s->parameters; p++) {
    if (s->measure) free(s->measure[p]);
    if (s->mask) free(s->mask[p]);
  }
  free(s->measure);
  free(s->mask);
  free(s->order);
  free(s->unit_score);
  free(s->figures);
  il_batch_free(&s->batch);
  engine_free(&s->score);
  engine_free(&s->adapt);
  il_greedy_units_free(s->units);
}

static void order_worker(void *argument, int worker) {
  sparse *s = argument;
  int64_t units = il_greedy_units_count(s->units);
  double *score = s->unit_score + worker * units;
  const void *measure[IL_GREEDY_PARAMETERS];
  for (int t = worker; t < s->tasks; t += s->threads) {
    for (int p = 0; p < s->parameters; p++)
      measure[p] =
          (char *)s->measure[p] + (size_t)t * (size_t)scalars_of(s, p) * il_type_size(s->real);
    il_greedy_unit_scores(s->units, s->rule.score, s->real, measure, score);
    if (!il_greedy_order(s->units, &s->rule, score, s->order + t * units))
      __atomic_store_n(&s->starved, true, __ATOMIC_RELAXED);
  }
}

static void take_worker(void *argument, int worker) {
  sparse *s = argument;
  int64_t units = il_greedy_units_count(s->units);
  uint8_t *mask[IL_GREEDY_PARAMETERS];
  for (int t = worker; t < s->tasks; t += s->threads) {
    for (int p = 0; p < s->parameters; p++) mask[p] = s->mask[p] + t * scalars_of(s, p);
    il_greedy_take(s->units, &s->rule, s->order + t * units, mask, &s->choice[t]);
  }
}

static il_status run_engine(sparse *s, const engine *e, void *const *weights, bool masks,
                            void *const *outputs) {
  size_t n = (size_t)s->parameters, at = 0;
  const void **inputs = calloc(2 * n + IL_BATCH_INPUTS, sizeof *inputs);
  if (!inputs) return il_fail_memory(s->from->context, "an evaluation");
  for (size_t p = 0; p < n; p++) inputs[at++] = weights[p];
  for (size_t p = 0; masks && p < n; p++) inputs[at++] = s->mask[p];
  for (int i = 0; i < s->batch.inputs; i++) inputs[at++] = s->batch.input[i];
  il_status status =
      il_plan_run(e->plan, s->o->team, e->workspace, &(il_bindings){s->tasks, inputs, outputs});
  free(inputs);
  return status;
}

/* The rule of row r: 0 is the full update. */
static il_greedy_rule rule_of(const sparse *s, int r) {
  il_greedy_rule rule = il_greedy_rule_default();
  rule.granularity = s->o->rule.granularity;
  rule.score = s->o->rule.score;
  if (r == 0) return rule;
  rule = s->o->rule;
  rule.fraction = s->o->fraction[r - 1];
  return rule;
}

/* value: [rows][steps][tasks]; sums go into the rows. */
static il_status run_chunk(sparse *s, void *const *weights, int first, int tasks, double *value,
                           il_greedy_evaluation *result) {
  s->tasks = tasks - first < s->chunk ? tasks - first : s->chunk;
  il_batch_draw(&s->batch, s->o->team, IL_TEST, (uint64_t)first, s->tasks);
  if (run_engine(s, &s->score, weights, false, s->measure) != IL_OK)
    return il_context_status(s->from->context);
  s->rule = s->o->rule;
  il_team_run(s->o->team, order_worker, s);
  if (s->starved) return il_fail_memory(s->from->context, "the order of units");
  void *outputs[IL_GREEDY_STEPS];
  for (int i = 0; i < s->o->steps; i++)
    outputs[i] = (char *)s->figures + (size_t)(i * s->chunk) * il_type_size(s->real);
  for (int r = 0; r < result->rows; r++) {
    il_greedy_row *row = &result->row[r];
    s->rule = rule_of(s, r);
    il_team_run(s->o->team, take_worker, s);
    for (int t = 0; t < s->tasks; t++) {
      const il_greedy_choice *c = &s->choice[t];
      row->share += (double)c->scalars;
      row->bytes += (double)c->bytes;
      row->operations += (double)c->operations;
      if (c->bytes > row->most_bytes) row->most_bytes = c->bytes;
    }
    if (run_engine(s, &s->adapt, weights, true, outputs) != IL_OK)
      return il_context_status(s->from->context);
    for (int i = 0; i < s->o->steps; i++)
      for (int t = 0; t < s->tasks; t++)
        value[(r * s->o->steps + i) * tasks + first + t] =
            s->real == IL_FLOAT32 ? (double)((float *)outputs[i])[t] : ((double *)outputs[i])[t];
  }
  return IL_OK;
}

/* Mean of a − b (b may be NULL) and 1.96 standard errors. */
static void summarize(const double *a, const double *b, int tasks, double *mean, double *interval) {
  double sum = 0, squares = 0;
  for (int t = 0; t < tasks; t++) sum += a[t] - (b ? b[t] : 0);
  *mean = sum / tasks;
  for (int t = 0; t < tasks; t++) {
    double d = a[t] - (b ? b[t] : 0) - *mean;
    squares += d * d;
  }
  *interval = tasks > 1 ? 1.96 * sqrt(squares / (tasks - 1) / tasks) : 0;
}

static il_status run_tasks(sparse *s, void *const *weights, int tasks,
                           il_greedy_evaluation *result) {
  int steps = s->o->steps;
  result->tasks = tasks;
  result->rows = s->o->fractions + 1;
  result->steps = steps;
  result->squared_error = shape_of(s)->loss == IL_LOSS_MEAN_SQUARED_ERROR;
  result->scalars = il_greedy_units_scalars(s->units);
  double *value = calloc((size_t)result->rows * (size_t)steps * (size_t)tasks, sizeof *value);
  if (!value) return il_fail_memory(s->from->context, "the results of tasks");
  il_status status = IL_OK;
  for (int first = 0; first < tasks && status == IL_OK; first += s->chunk)
    status = run_chunk(s, weights, first, tasks, value, result);
  for (int r = 0; r < result->rows && status == IL_OK; r++) {
    il_greedy_row *row = &result->row[r];
    row->fraction = r ? s->o->fraction[r - 1] : 0;
    row->share /= (double)result->scalars * tasks;
    row->bytes /= tasks;
    row->operations /= tasks;
    for (int i = 0; i < steps; i++) {
      il_greedy_figure *f = &row->figure[i];
      const double *own = value + (r * steps + i) * tasks, *full = value + i * tasks;
      f->steps = s->o->step[i];
      summarize(own, NULL, tasks, &f->mean, &f->interval);
      summarize(own, full, tasks, &f->difference, &f->difference_interval);
    }
  }
  free(value);
  return status;
}

static il_status check(il_context *context, const il_greedy_evaluate_options *o) {
  if (o->fractions < 1 || o->fractions > IL_GREEDY_FRACTIONS || o->steps < 1 ||
      o->steps > IL_GREEDY_STEPS)
    return il_fail(
        context, IL_ERROR_ARGUMENT,
        "il_evaluate_greedy: %d fractions, %d numbers of steps; expected 1 to %d, 1 to %d",
        o->fractions, o->steps, IL_GREEDY_FRACTIONS, IL_GREEDY_STEPS);
  for (int i = 0; i < o->steps; i++)
    if (o->step[i] < 0 || (i && o->step[i] <= o->step[i - 1]))
      return il_fail(context, IL_ERROR_ARGUMENT,
                     "il_evaluate_greedy: steps %d; expected ascending numbers from 0", o->step[i]);
  il_greedy_rule rule = o->rule;
  for (int i = 0; i < o->fractions; i++) {
    rule.fraction = o->fraction[i];
    if (il_greedy_rule_check(context, &rule) != IL_OK) break;
  }
  return il_context_status(context);
}

static il_status evaluate(const il_config *config, il_tasks *from, const char *run,
                          const il_greedy_evaluate_options *o, il_greedy_evaluation *result) {
  il_context *context = from->context;
  int tasks;
  if (check(context, o) != IL_OK ||
      il_evaluation_tasks(config, from, o->episodes, o->tasks, &tasks) != IL_OK)
    return il_context_status(context);
  void **weights = NULL;
  il_net *net = il_config_net(context, config, il_tasks_shape(from, IL_TEST));
  sparse s = {.config = config, .from = from, .net = net, .o = o};
  char *path = il_run_path(context, run, "checkpoint.safetensors");
  il_type real = il_config_type(config);
  if (net && path) weights = il_weights_alloc(context, net, real);
  il_status status =
      weights ? il_checkpoint_weights(context, path, net, real, weights, &result->trained)
              : il_context_status(context);
  if (status == IL_OK) status = sparse_init(&s, tasks);
  if (status == IL_OK) status = run_tasks(&s, weights, tasks, result);
  sparse_free(&s);
  il_weights_free(weights);
  free(path);
  il_net_free(net);
  return status;
}

il_status il_evaluate_greedy(il_context *context, const char *run,
                             const il_greedy_evaluate_options *options,
                             il_greedy_evaluation *result) {
  *result = (il_greedy_evaluation){0};
  il_config *config;
  il_tasks *tasks;
  if (il_evaluation_open(context, run, options->data, &config, &tasks) == IL_OK)
    evaluate(config, tasks, run, options, result);
  il_tasks_free(tasks);
  il_config_free(config);
  return il_context_status(context);
}
