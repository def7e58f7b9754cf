/* Evaluation of a learner on tasks of a split. */
#include "train/evaluate.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/statistics.h"
#include "config/config_method.h"
#include "config/config_tasks.h"
#include "io/io.h"
#include "nn/net.h"
#include "train/checkpoint.h"

enum { CHUNK = 32, MOST_PROTOCOLS = 4 };

static il_value measure(il_evaluator *e, il_build *b, il_value scores) {
  if (e->squared_error) return il_mean_squared_error(b->g, scores, b->task.query_y);
  return il_accuracy(b->g, scores, b->task.query_y);
}

static il_graph *build(il_evaluator *e, const il_method *m, const il_learner *learner,
                       const il_task_shape *shape, il_task_needs needs, int protocols,
                       const il_query_statistics *protocol, int steps, const int *step) {
  il_graph *g = il_graph_new(e->context, m->real);
  if (!g) return NULL;
  il_build b = il_learner_build(learner, m, g, shape);
  b.training = false;
  b.inner.steps = step[steps - 1];
  il_task_inputs(g, shape, needs, &b.task);
  il_value column[IL_EVALUATOR_COLUMNS] = {0};
  il_values state[MOST_PROTOCOLS] = {0};
  int done = 0;
  for (int s = 0; s < steps; s++) {
    for (int p = 0; p < protocols; p++) {
      const int c = p * steps + s;
      /* What does not depend on the protocol is the same value each time, and computed once. */
      b.statistics = protocol[p];
      if (s == 0) il_build_begin(&b, &state[p]);
      il_build_adapt(&b, &state[p], done, step[s]);
      e->steps[c] = step[s];
      e->protocol[c] = protocol[p];
      column[c] = measure(e, &b, il_build_query(&b, &state[p], step[s]));
    }
    done = step[s];
  }
  e->columns = protocols * steps;
  for (int c = 0; c < e->columns; c++) {
    char name[64];
    snprintf(name, sizeof name, "protocol %d, %d steps", (int)e->protocol[c], e->steps[c]);
    il_output(g, name, column[c]);
  }
  return g;
}

static il_status prepare(il_evaluator *e, il_evaluator_form *f, il_learner *learner, int chunk) {
  f->run = il_run_new(e->context, f->function, e->team, chunk);
  f->figures = calloc((size_t)e->columns * (size_t)chunk, sizeof(double));
  if (!f->run || !f->figures) return il_fail_memory(e->context, "an evaluation");
  for (int i = 0; i < IL_BATCH_INPUTS; i++)
    il_run_input(f->run, il_function_input(f->function, il_batch_input_name[i]), f->batch.input[i]);
  const size_t stride = (size_t)chunk * il_type_size(f->batch.real);
  for (int c = 0; c < e->columns; c++)
    il_run_output(f->run, c, (char *)f->figures + (size_t)c * stride);
  return il_learner_bind(learner, f->run);
}

/* A head scores so many classes, or gives so many numbers. */
static il_status check_outputs(const il_evaluator *e, const il_method *m, const il_tasks *tasks,
                               il_split split) {
  const int outputs = il_tasks_shape(tasks, split, 0)->outputs;
  for (int v = 1; v < e->forms && !m->algorithm->own_head; v++) {
    const int other = il_tasks_shape(tasks, split, v)->outputs;
    if (other != outputs)
      return il_fail(e->context, IL_ERROR_DATA,
                     "source %s: %s tasks have %d and %d outputs, but %s has a head for one number "
                     "of them",
                     tasks->source->name, il_split_name(split), outputs, other, m->algorithm->name);
  }
  return IL_OK;
}

static void share_room(il_evaluator *e) {
  int most = 0;
  for (int v = 1; v < e->forms; v++)
    if (il_run_bytes(e->form[v].run) > il_run_bytes(e->form[most].run)) most = v;
  for (int v = 0; v < e->forms; v++)
    if (v != most) il_run_lend(e->form[most].run, e->form[v].run);
}

il_status il_evaluator_init(il_context *context, il_evaluator *e, const il_method *m,
                            il_learner *learner, const il_tasks *tasks, il_split split,
                            int protocols, const il_query_statistics *protocol, int steps,
                            const int *step, int most, il_team *team) {
  static const il_query_statistics only[] = {IL_QUERY_STATISTICS_QUERY};
  static const int none[] = {0};
  const int forms = il_tasks_variants(tasks, split);
  *e = (il_evaluator){.context = context,
                      .team = team,
                      .squared_error =
                          il_tasks_shape(tasks, split, 0)->loss == IL_LOSS_MEAN_SQUARED_ERROR,
                      .norms = il_net_norms(learner->net) > 0,
                      .tasks = tasks,
                      .forms = forms,
                      .form = calloc((size_t)forms + 1, sizeof *e->form)};
  if (!e->norms) {
    protocols = 1;
    protocol = only;
  }
  if (!m->algorithm->step) {
    steps = 1;
    step = none;
  }
  il_status status =
      e->form ? check_outputs(e, m, tasks, split) : il_fail_memory(context, "an evaluation");
  int count[IL_TASK_VARIANTS];
  il_tasks_divide(tasks, split, most, count);
  il_function_options options = m->function;
  options.plan.tasks = 0;
  for (int v = 0; v < forms && status == IL_OK; v++) {
    const int chunk = count[v] < 1 ? 1 : count[v] < CHUNK ? count[v] : CHUNK;
    const il_task_shape *shape = il_tasks_shape(tasks, split, v);
    const il_task_needs needs = il_method_needs(m, learner->net, shape, step[steps - 1], false);
    il_evaluator_form *f = &e->form[v];
    f->function = il_function_new(
        build(e, m, learner, shape, needs, protocols, protocol, steps, step), &options);
    status = il_context_status(context);
    if (status == IL_OK)
      status =
          il_batch_init(&f->batch, tasks, split, v, m->real, needs, chunk, il_team_threads(team));
    if (status == IL_OK) status = prepare(e, f, learner, chunk);
  }
  if (status == IL_OK && forms)
    share_room(e);
  else
    il_evaluator_free(e);
  return status;
}

void il_evaluator_free(il_evaluator *e) {
  for (int v = 0; e->form && v < e->forms; v++) {
    il_evaluator_form *f = &e->form[v];
    free(f->figures);
    il_run_free(f->run);
    il_batch_free(&f->batch);
    il_function_free(f->function);
  }
  free(e->form);
  *e = (il_evaluator){0};
}

int il_evaluator_tasks(const il_tasks *tasks, il_split split, int asked) {
  const int64_t count = il_tasks_count(tasks, split);
  return count < 0 || count > asked ? asked : (int)count;
}

/* value: [tasks][columns] of this shape. */
static il_status run_form(il_evaluator *e, il_evaluator_form *f, il_split split, int tasks,
                          double *value) {
  const int chunk = f->batch.tasks;
  il_status status = IL_OK;
  for (int first = 0; first < tasks && status == IL_OK; first += chunk) {
    const int count = tasks - first < chunk ? tasks - first : chunk;
    status = il_batch_draw(&f->batch, e->team, split, (uint64_t)first, count);
    if (status == IL_OK) status = il_run_go(f->run, count);
    for (int c = 0; c < e->columns; c++)
      for (int t = 0; t < count; t++) {
        const size_t at = (size_t)c * (size_t)chunk + (size_t)t;
        value[(size_t)(first + t) * (size_t)e->columns + (size_t)c] =
            f->batch.real == IL_FLOAT32 ? (double)((float *)f->figures)[at]
                                        : ((double *)f->figures)[at];
      }
  }
  return status;
}

il_status il_evaluator_run(il_evaluator *e, il_split split, int tasks, double *value) {
  int count[IL_TASK_VARIANTS];
  il_tasks_divide(e->tasks, split, tasks, count);
  il_status status = IL_OK;
  for (int v = 0; v < e->forms && status == IL_OK; v++) {
    status = run_form(e, &e->form[v], split, count[v], value);
    value += (size_t)count[v] * (size_t)e->columns;
  }
  return status;
}

void il_evaluator_summary(const il_evaluator *e, int tasks, const double *value, int column,
                          double *mean, double *interval) {
  *interval = il_interval_of_many(tasks, value + column, (size_t)e->columns, mean);
}

static const char *protocol_name(const il_evaluator *e, int column) {
  if (!e->norms) return "query";
  switch (e->protocol[column]) {
  case IL_QUERY_STATISTICS_QUERY: return "transductive";
  case IL_QUERY_STATISTICS_SUPPORT: return "support";
  case IL_QUERY_STATISTICS_EACH: return "each";
  case IL_QUERY_STATISTICS_RUNNING: return "running";
  }
  return "?";
}

static il_status write_tasks(const il_evaluator *e, const char *run, int tasks,
                             const double *value) {
  char *text = NULL, *path = il_run_path(e->context, run, "eval.csv");
  size_t size = 0;
  FILE *out = path ? open_memstream(&text, &size) : NULL;
  if (!out) {
    free(path);
    return il_fail_memory(e->context, "the results of tasks");
  }
  fputs("task", out);
  for (int c = 0; c < e->columns; c++) fprintf(out, ",%s_%d", protocol_name(e, c), e->steps[c]);
  for (int t = 0; t < tasks; t++) {
    fprintf(out, "\n%d", t);
    for (int c = 0; c < e->columns; c++)
      fprintf(out, ",%.9g", value[(size_t)t * (size_t)e->columns + (size_t)c]);
  }
  fputc('\n', out);
  il_status status = fclose(out) == 0
                         ? il_atomic_write(e->context, path, 1, &(il_piece){text, size})
                         : il_fail_memory(e->context, "the results of tasks");
  free(text);
  free(path);
  return status;
}

static il_status run_tasks(il_evaluator *e, const char *run, int tasks, il_evaluation *result) {
  double *value = calloc((size_t)tasks * (size_t)e->columns, sizeof *value);
  if (!value) return il_fail_memory(e->context, "the results of tasks");
  il_status status = il_evaluator_run(e, IL_TEST, tasks, value);
  result->tasks = tasks;
  result->count = e->columns;
  result->squared_error = e->squared_error;
  for (int c = 0; c < e->columns && status == IL_OK; c++) {
    il_evaluation_row *row = &result->row[c];
    *row = (il_evaluation_row){.protocol = protocol_name(e, c), .steps = e->steps[c]};
    il_evaluator_summary(e, tasks, value, c, &row->mean, &row->interval);
  }
  if (status == IL_OK) status = write_tasks(e, run, tasks, value);
  free(value);
  return status;
}

/* ---- opening a run ---- */

static il_status count_tasks(il_context *context, il_opened *o, const char *episodes, int asked) {
  o->count = asked ? asked : il_config_int(o->config, IL_KEY_EVAL_TASKS);
  if (!episodes) {
    if (il_tasks_classes(o->tasks, IL_TEST) == 0 || il_tasks_count(o->tasks, IL_TEST) == 0)
      return il_fail(context, IL_ERROR_DATA, "the split of the run has no test %s",
                     il_tasks_classes(o->tasks, IL_TEST) == 0 ? "classes" : "tasks");
    o->count = il_evaluator_tasks(o->tasks, IL_TEST, o->count);
    if (o->count < asked)
      return il_fail(context, IL_ERROR_DATA, "the test split has %d tasks, but --tasks asks for %d",
                     o->count, asked);
    return IL_OK;
  }
  const il_source *source = o->tasks->source;
  uint64_t listed = 0;
  if (!source->sampler)
    return il_fail(context, IL_ERROR_ARGUMENT, "--episodes: %s tasks have no episode lists",
                   source->name);
  if (il_sampler_read_list(source->sampler(o->tasks->data, IL_TEST), IL_TEST, episodes, &listed) !=
      IL_OK)
    return il_context_status(context);
  if (asked && (uint64_t)asked > listed)
    return il_fail(context, IL_ERROR_DATA, "%s: has %llu episodes, but --tasks asks for %d",
                   episodes, (unsigned long long)listed, asked);
  if (!asked) o->count = (int)listed;
  return IL_OK;
}

il_status il_opened_init(il_context *context, il_opened *o, const char *run, const char *data,
                         const char *episodes, int asked) {
  *o = (il_opened){0};
  char *config = il_run_path(context, run, "config.yaml"),
       *checkpoint = il_run_path(context, run, "checkpoint.safetensors");
  if (config && access(config, F_OK) != 0)
    il_fail(context, IL_ERROR_FILE,
            "%s: there is no run; expected a folder that `innerloop train --out` has made", run);
  else if (config && checkpoint)
    o->config = il_config_load(context, config);
  if (o->config && data)
    il_config_assign(o->config, "--data: ", il_config_key_name(IL_KEY_DATA), data);
  il_status status = il_context_status(context);
  if (status == IL_OK) {
    o->tasks = il_config_tasks(context, o->config, il_config_int(o->config, IL_KEY_EVAL_QUERIES));
    status = o->tasks ? il_config_method(o->config, &o->method) : il_context_status(context);
  }
  if (status == IL_OK) status = count_tasks(context, o, episodes, asked);
  if (status == IL_OK) {
    il_net *net = il_config_net(context, o->config, il_tasks_shape(o->tasks, IL_TEST, 0));
    o->learner = il_learner_new(context, &o->method, net, true, false);
    status = o->learner ? il_checkpoint_open(o->learner, checkpoint, &o->trained)
                        : il_context_status(context);
  }
  free(config);
  free(checkpoint);
  return status;
}

void il_opened_free(il_opened *o) {
  il_learner_free(o->learner);
  il_tasks_free(o->tasks);
  il_config_free(o->config);
  *o = (il_opened){0};
}

il_status il_evaluate(il_context *context, const char *run, const il_evaluate_options *options,
                      il_evaluation *result) {
  static const il_query_statistics protocols[] = {
      IL_QUERY_STATISTICS_QUERY, IL_QUERY_STATISTICS_SUPPORT, IL_QUERY_STATISTICS_EACH,
      IL_QUERY_STATISTICS_RUNNING};
  int step[IL_CONFIG_EVAL_STEPS];
  *result = (il_evaluation){0};
  il_opened o;
  il_evaluator e = {0};
  il_status status =
      il_opened_init(context, &o, run, options->data, options->episodes, options->tasks);
  if (status == IL_OK) {
    const int steps = il_config_eval_steps(o.config, step);
    const int most = o.method.statistics == IL_QUERY_STATISTICS_RUNNING ? 4 : 3;
    result->trained = o.trained;
    status = il_evaluator_init(context, &e, &o.method, o.learner, o.tasks, IL_TEST, most, protocols,
                               steps, step, o.count, options->team);
  }
  if (status == IL_OK) status = run_tasks(&e, run, o.count, result);
  il_evaluator_free(&e);
  il_opened_free(&o);
  return status;
}

il_status il_write_episodes(il_context *context, const il_config *config, il_split split,
                            uint64_t count, const char *path) {
  int queries = split == IL_TRAIN ? 0 : il_config_int(config, IL_KEY_EVAL_QUERIES);
  il_tasks *tasks = il_config_tasks(context, config, queries);
  if (tasks && !tasks->source->sampler)
    il_fail(context, IL_ERROR_ARGUMENT, "%s tasks have no episode lists", tasks->source->name);
  else if (tasks && il_tasks_variants(tasks, split) > 1)
    il_fail(context, IL_ERROR_ARGUMENT,
            "the %s tasks have %d shapes, but an episode list is of one; set task.train_shots to "
            "one number",
            il_split_name(split), il_tasks_variants(tasks, split));
  else if (tasks)
    il_sampler_write_list(context, tasks->source->sampler(tasks->data, split), split, count, path);
  il_tasks_free(tasks);
  return il_context_status(context);
}
