/* Evaluation of a run with inner steps on the best units of parameters alone.
 *
 * Two plans: one scores each parameter of each task on its support set; between them each task's masks are chosen on
 * the workers, one task at a time; the other takes the masks as task inputs, adapts and measures. */
#include <assert.h>
#include <innerloop/greedy.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/statistics.h"
#include "data/batch.h"
#include "train/opened.h"

enum { CHUNK = 32 };

typedef struct engine {
  il_function *function;
  il_run *run;
} engine;

typedef struct sparse {
  il_context *context;
  const il_opened *run; /* what is evaluated */
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

static const il_task_shape *shape_of(const sparse *s) {
  return il_tasks_shape(s->run->tasks, IL_TEST, 0);
}

static int64_t scalars_of(const sparse *s, int p) {
  return il_shape_count(il_net_parameter_shape(s->net, p));
}

static il_graph *build_score(sparse *s) {
  il_graph *g = il_graph_new(s->context, s->real);
  if (!g) return NULL;
  il_build b = il_learned_build(s->run->learner, &s->run->method, g, shape_of(s));
  il_task_inputs(g, shape_of(s), s->batch.needs, &b.task);
  il_value gradient[IL_GREEDY_PARAMETERS], measure[IL_GREEDY_PARAMETERS];
  if (il_greedy_measure(g, s->net, &s->o->rule, b.loss, b.meta.at, b.task.support_x,
                        b.task.support_y, gradient, measure) != IL_OK)
    return g;
  for (int p = 0; p < s->parameters; p++) {
    char name[96];
    snprintf(name, sizeof name, "measure.%s", il_net_parameter_name(s->net, p));
    il_output(g, name, measure[p]);
  }
  return g;
}

static il_graph *build_adapt(sparse *s) {
  il_graph *g = il_graph_new(s->context, s->real);
  if (!g) return NULL;
  il_build b = il_learned_build(s->run->learner, &s->run->method, g, shape_of(s));
  b.training = false;
  b.inner.steps = s->o->step[s->o->steps - 1];
  char name[96];
  for (int p = 0; p < s->parameters; p++) {
    const il_entry *e = &b.meta.entry[p];
    snprintf(name, sizeof name, "mask.%s", e->name);
    il_values_put(g, &b.mask, *e, il_cast(g, il_input(g, name, IL_TASK, IL_UINT8, e->shape)));
  }
  il_task_inputs(g, shape_of(s), s->batch.needs, &b.task);
  il_values state;
  il_build_begin(&b, &state);
  for (int i = 0, done = 0; i < s->o->steps; i++) {
    il_build_adapt(&b, &state, done, s->o->step[i]);
    done = s->o->step[i];
    const il_values ended = il_build_end(&b, &state);
    il_value scores = il_build_query(&b, &ended, done);
    snprintf(name, sizeof name, "after %d steps", done);
    il_output(g, name,
              b.loss == IL_LOSS_MEAN_SQUARED_ERROR
                  ? il_mean_squared_error(g, scores, b.task.query_y)
                  : il_accuracy(g, scores, b.task.query_y));
  }
  return g;
}

static il_status engine_init(sparse *s, engine *e, il_graph *g) {
  il_function_options options = s->run->method.function;
  options.plan.tasks = 0;
  e->function = il_function_new(g, &options);
  e->run = e->function ? il_run_new(s->context, e->function, s->o->team, s->chunk) : NULL;
  if (!e->run || il_learned_bind(s->run->learner, e->run) != IL_OK)
    return il_context_status(s->context);
  for (int i = 0; i < IL_BATCH_INPUTS; i++)
    il_run_input(e->run, il_function_input(e->function, il_batch_input_name[i]), s->batch.input[i]);
  for (int p = 0; p < s->parameters; p++) {
    char name[96];
    snprintf(name, sizeof name, "mask.%s", il_net_parameter_name(s->net, p));
    il_run_input(e->run, il_function_input(e->function, name), s->mask[p]);
  }
  return IL_OK;
}

static void engine_free(engine *e) {
  il_run_free(e->run);
  il_function_free(e->function);
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
  return made ? IL_OK : il_fail_memory(s->context, "an evaluation");
}

static il_status sparse_init(sparse *s, int tasks) {
  const il_method *m = &s->run->method;
  if (!m->algorithm->step)
    return il_fail(s->context, IL_ERROR_UNSUPPORTED,
                   "%s makes no inner steps, so that there are none to restrict",
                   m->algorithm->name);
  if (m->algorithm->own_head)
    return il_fail(s->context, IL_ERROR_UNSUPPORTED,
                   "%s adapts a head that it makes for each task, and a sparse inner loop chooses "
                   "among parameters that were learned; expected an algorithm that learns the head",
                   m->algorithm->name);
  s->parameters = il_net_parameters(s->net);
  for (int p = 0; p < s->parameters; p++)
    if (!(s->run->learner->meta_entries.entry[p].flags & IL_ADAPTS))
      return il_fail(s->context, IL_ERROR_UNSUPPORTED,
                     "%s does not adapt %s, and a sparse inner loop chooses among all parameters; "
                     "expected a run in which all of them adapt",
                     m->algorithm->name, il_net_parameter_name(s->net, p));
  s->real = m->real;
  s->threads = il_team_threads(s->o->team);
  s->chunk = tasks < CHUNK ? tasks : CHUNK;
  s->units = il_greedy_units_new(s->context, s->net, s->o->rule.granularity, shape_of(s)->support,
                                 s->real);
  if (!s->units || allocate(s) != IL_OK) return il_context_status(s->context);
  const il_task_needs needs =
      il_method_needs(m, s->net, shape_of(s), s->o->step[s->o->steps - 1], false);
  il_status status =
      il_batch_init(&s->batch, s->run->tasks, IL_TEST, 0, s->real, needs, s->chunk, s->threads);
  if (status == IL_OK) status = engine_init(s, &s->score, build_score(s));
  return status == IL_OK ? engine_init(s, &s->adapt, build_adapt(s)) : status;
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

static il_status run_engine(sparse *s, const engine *e, void *const *outputs) {
  const int count = il_graph_outputs(il_function_graph(e->function));
  for (int i = 0; i < count; i++) il_run_output(e->run, i, outputs[i]);
  return il_run_go(e->run, s->tasks);
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
  return il_fail(s->context, IL_ERROR_ARGUMENT, "greedy: %s", result->row[1].left_out);
}

/* value: [rows][steps][tasks]; sums go into the rows. */
static il_status run_chunk(sparse *s, int first, int tasks, double *value,
                           il_greedy_evaluation *result) {
  s->tasks = tasks - first < s->chunk ? tasks - first : s->chunk;
  if (il_batch_draw(&s->batch, s->o->team, IL_TEST, (uint64_t)first, s->tasks) != IL_OK)
    return il_context_status(s->context);
  if (run_engine(s, &s->score, s->measure) != IL_OK) return il_context_status(s->context);
  s->rule = s->o->rule;
  il_team_run(s->o->team, order_worker, s);
  if (s->starved) return il_fail_memory(s->context, "the order of units");
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
    if (run_engine(s, &s->adapt, outputs) != IL_OK) return il_context_status(s->context);
    for (int i = 0; i < s->o->steps; i++)
      for (int t = 0; t < s->tasks; t++)
        value[(r * s->o->steps + i) * tasks + first + t] =
            s->real == IL_FLOAT32 ? (double)((float *)outputs[i])[t] : ((double *)outputs[i])[t];
  }
  return IL_OK;
}

static il_status run_tasks(sparse *s, int tasks, il_greedy_evaluation *result) {
  int steps = s->o->steps;
  result->tasks = tasks;
  result->rows = s->o->fractions + 1;
  result->steps = steps;
  result->squared_error = shape_of(s)->loss == IL_LOSS_MEAN_SQUARED_ERROR;
  result->scalars = il_greedy_units_scalars(s->units);
  size_t figures = (size_t)result->rows * (size_t)steps * (size_t)tasks;
  double *value = calloc(figures + (size_t)tasks, sizeof *value);
  if (!value) return il_fail_memory(s->context, "the results of tasks");
  double *difference = value + figures;
  il_status status = leave_out(s, result);
  for (int first = 0; first < tasks && status == IL_OK; first += s->chunk)
    status = run_chunk(s, first, tasks, value, result);
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
      if (tasks == 1) f->interval = f->difference_interval = (double)NAN;
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
  for (const char *const *s = o->settings; s && *s; s++)
    if (!strncmp(*s, "eval.steps=", 11))
      return il_fail(context, IL_ERROR_CONFIG,
                     "eval.steps: greedy evaluation has its own numbers of inner steps; expected "
                     "--inner-steps, or `step` in C");
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
  il_opened o;
  const il_evaluate_options opening = {.data = options->data,
                                       .settings = options->settings,
                                       .tasks = options->tasks,
                                       .episodes = options->episodes,
                                       .team = options->team};
  if (il_opened_init(context, &o, run, &opening) == IL_OK) {
    sparse s = {.context = context, .run = &o, .net = o.learner->net, .o = options};
    result->trained = o.trained;
    static_assert(sizeof result->tested == sizeof o.tested, "one text");
    _Static_assert(sizeof result->tested == sizeof o.tested, "greedy.h repeats IL_TESTED_SIZE");
    memcpy(result->tested, o.tested, sizeof result->tested);
    const int shapes = il_tasks_variants(o.tasks, IL_TEST);
    if (shapes > 1)
      il_fail(context, IL_ERROR_UNSUPPORTED,
              "greedy evaluation: the test tasks have %d shapes, expected one", shapes);
    else if (sparse_init(&s, o.count) == IL_OK)
      run_tasks(&s, o.count, result);
    sparse_free(&s);
  }
  il_opened_free(&o);
  return il_context_status(context);
}
