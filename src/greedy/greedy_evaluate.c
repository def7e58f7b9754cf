/* Evaluation of a run with inner steps on the best units of parameters alone.
 *
 * Two plans: one scores each parameter of each task on its support set; between them each task's masks are chosen on
 * the workers, one task at a time; the other takes the masks as task inputs, adapts and measures. */
#include <innerloop/greedy.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/statistics.h"
#include "train/evaluate.h"

enum { CHUNK = 32 };

typedef struct engine {
  il_graph *graph;
  il_plan *plan;
  void *workspace;
} engine;

typedef struct sparse {
  const il_source *source;
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
  il_source_task(s->source, g, false, task);
}

static void build_score(sparse *s, il_value *v) {
  il_graph *g = s->score.graph;
  il_value *parameter = v, *gradient = v + s->parameters, *measure = v + 2 * s->parameters;
  il_task task;
  char name[64];
  make_inputs(s, g, parameter, NULL, &task);
  il_loss loss = il_config_maml(s->source->config).loss;
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
  il_maml maml = il_config_maml(s->source->config);
  int done = 0;
  for (int i = 0; i < s->o->steps && il_context_status(s->source->context) == IL_OK; i++) {
    maml.inner_steps = s->o->step[i] - done;
    done = s->o->step[i];
    il_greedy_adapt(g, s->net, &maml, &task, mask, fast, fast);
    il_value scores = il_maml_query(g, s->net, &maml, &task, fast);
    char name[32];
    snprintf(name, sizeof name, "after %d steps", done);
    il_output(g, name,
              s->source->regression ? il_mean_squared_error(g, scores, task.query_y)
                                    : il_accuracy(g, scores, task.query_y));
  }
}

static il_status build(sparse *s, engine *e, void (*body)(sparse *s, il_value *v)) {
  il_context *context = s->source->context;
  e->graph = il_graph_new(context, s->real);
  il_value *v = calloc(3 * (size_t)s->parameters + 1, sizeof *v);
  if (!e->graph || !v) {
    free(v);
    return il_fail_memory(context, "an evaluation");
  }
  body(s, v);
  free(v);
  e->plan = il_evaluation_plan(s->source, e->graph);
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
  return made ? IL_OK : il_fail_memory(s->source->context, "an evaluation");
}

static il_status sparse_init(sparse *s, int tasks) {
  s->parameters = il_net_parameters(s->net);
  s->real = il_config_type(s->source->config);
  s->threads = il_team_threads(s->o->team);
  s->chunk = tasks < CHUNK ? tasks : CHUNK;
  s->units = il_greedy_units_new(s->source->context, s->net, s->o->rule.granularity,
                                 s->source->support, s->real);
  if (!s->units || build(s, &s->score, build_score) != IL_OK ||
      build(s, &s->adapt, build_adapt) != IL_OK || allocate(s) != IL_OK)
    return il_context_status(s->source->context);
  return il_batch_init(&s->batch, s->source, s->real, false, s->chunk, s->threads);
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
  if (!inputs) return il_fail_memory(s->source->context, "an evaluation");
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
  il_greedy_rule rule = il_greedy_rule_defaults();
  rule.granularity = s->o->rule.granularity;
  rule.score = s->o->rule.score;
  if (r == 0) return rule;
  rule = s->o->rule;
  rule.fraction = s->o->fraction[r - 1];
  return rule;
}

/* Rows in which no unit fits; there must be others. */
static il_status leave_out(const sparse *s, il_greedy_evaluation *result) {
  int left = 0;
  for (int r = 1; r < result->rows; r++) {
    il_greedy_rule rule = rule_of(s, r);
    il_greedy_row *row = &result->row[r];
    left += !il_greedy_fits(s->units, &rule, row->left_out, sizeof row->left_out);
  }
  if (left + 1 < result->rows) return IL_OK;
  return il_fail(s->source->context, IL_ERROR_ARGUMENT, "greedy: %s", result->row[1].left_out);
}

/* value: [rows][steps][tasks]; sums go into the rows. */
static il_status run_chunk(sparse *s, void *const *weights, int first, int tasks, double *value,
                           il_greedy_evaluation *result) {
  s->tasks = tasks - first < s->chunk ? tasks - first : s->chunk;
  il_batch_draw(&s->batch, s->o->team, IL_TEST, (uint64_t)first, s->tasks);
  if (run_engine(s, &s->score, weights, false, s->measure) != IL_OK)
    return il_context_status(s->source->context);
  s->rule = s->o->rule;
  il_team_run(s->o->team, order_worker, s);
  if (s->starved) return il_fail_memory(s->source->context, "the order of units");
  void *outputs[IL_GREEDY_STEPS];
  for (int i = 0; i < s->o->steps; i++)
    outputs[i] = (char *)s->figures + (size_t)(i * s->chunk) * il_type_size(s->real);
  for (int r = 0; r < result->rows; r++) {
    il_greedy_row *row = &result->row[r];
    if (*row->left_out) continue;
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
      return il_context_status(s->source->context);
    for (int i = 0; i < s->o->steps; i++)
      for (int t = 0; t < s->tasks; t++)
        value[(r * s->o->steps + i) * tasks + first + t] =
            s->real == IL_FLOAT32 ? (double)((float *)outputs[i])[t] : ((double *)outputs[i])[t];
  }
  return IL_OK;
}

static il_status run_tasks(sparse *s, void *const *weights, int tasks,
                           il_greedy_evaluation *result) {
  int steps = s->o->steps;
  result->tasks = tasks;
  result->rows = s->o->fractions + 1;
  result->steps = steps;
  result->regression = s->source->regression;
  result->scalars = il_greedy_units_scalars(s->units);
  size_t figures = (size_t)result->rows * (size_t)steps * (size_t)tasks;
  double *value = calloc(figures + (size_t)tasks, sizeof *value);
  if (!value) return il_fail_memory(s->source->context, "the results of tasks");
  double *difference = value + figures;
  il_status status = leave_out(s, result);
  for (int first = 0; first < tasks && status == IL_OK; first += s->chunk)
    status = run_chunk(s, weights, first, tasks, value, result);
  for (int r = 0; r < result->rows && status == IL_OK; r++) {
    il_greedy_row *row = &result->row[r];
    row->fraction = r ? s->o->fraction[r - 1] : 0;
    if (*row->left_out) continue;
    row->share /= (double)result->scalars * tasks;
    row->bytes /= tasks;
    row->operations /= tasks;
    for (int i = 0; i < steps; i++) {
      il_greedy_figure *f = &row->figure[i];
      const double *own = value + (r * steps + i) * tasks, *full = value + i * tasks;
      f->steps = s->o->step[i];
      f->interval = il_interval_of_many(tasks, own, 1, &f->mean);
      for (int t = 0; t < tasks; t++) difference[t] = own[t] - full[t];
      f->difference_interval = il_interval_of_many(tasks, difference, 1, &f->difference);
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

il_greedy_evaluate_options il_greedy_evaluate_defaults(void) {
  return (il_greedy_evaluate_options){.rule = il_greedy_rule_defaults(),
                                      .fractions = 6,
                                      .fraction = {1, 0.5, 0.2, 0.1, 0.05, 0.01},
                                      .steps = 4,
                                      .step = {1, 3, 5, 10}};
}

il_status il_evaluate_greedy(il_context *context, const char *run,
                             const il_greedy_evaluate_options *options,
                             il_greedy_evaluation *result) {
  *result = (il_greedy_evaluation){0};
  if (check(context, options) != IL_OK) return il_context_status(context);
  il_opened_run r;
  int tasks;
  if (il_evaluation_open(context, run, options->data, &r) == IL_OK &&
      il_evaluation_tasks(r.source, options->episodes, options->tasks, &tasks) == IL_OK) {
    sparse s = {.source = r.source, .net = r.net, .o = options};
    result->trained = r.trained;
    if (sparse_init(&s, tasks) == IL_OK) run_tasks(&s, r.weights, tasks, result);
    sparse_free(&s);
  }
  il_evaluation_close(&r);
  return il_context_status(context);
}
