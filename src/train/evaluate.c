/* Evaluation of weights on tasks of a split. */
#include "train/evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/checkpoint.h"
#include "io/weights.h"

enum { CHUNK = 32 };

/* Squared error has no accuracy. */
static bool measures_error(const il_tasks *tasks) {
  return il_tasks_shape(tasks, IL_TEST)->loss == IL_LOSS_MEAN_SQUARED_ERROR;
}

static il_value score(il_graph *g, const il_net *net, il_maml maml, il_query_statistics protocol,
                      const il_task *task, const il_value *fast) {
  maml.query_statistics = protocol;
  il_value scores = il_maml_query(g, net, &maml, task, fast);
  return maml.loss == IL_LOSS_MEAN_SQUARED_ERROR ? il_mean_squared_error(g, scores, task->query_y)
                                                 : il_accuracy(g, scores, task->query_y);
}

static il_status build(il_evaluator *e, int protocols, const il_query_statistics *protocol,
                       int steps, const int *step) {
  il_context *context = e->tasks->context;
  int n = il_net_parameters(e->net);
  e->graph = il_graph_new(context, e->real);
  il_value *fast = calloc((size_t)n + 1, sizeof *fast);
  il_value column[IL_EVALUATOR_COLUMNS] = {0};
  if (!e->graph || !fast) {
    free(fast);
    return il_fail_memory(context, "an evaluation");
  }
  il_graph *g = e->graph;
  for (int i = 0; i < n; i++)
    fast[i] = il_input(g, il_net_parameter_name(e->net, i), IL_SHARED, e->real,
                       il_net_parameter_shape(e->net, i));
  il_task task;
  const il_task_shape *shape = il_tasks_shape(e->tasks, IL_TEST);
  il_task_inputs(g, shape, false, &task);
  il_maml maml = il_config_maml(e->config, shape->loss);
  maml.inner_steps = 1;
  int done = 0;
  for (int s = 0; s < steps; s++) {
    for (; done < step[s] && il_context_status(context) == IL_OK; done++)
      il_maml_adapt(g, e->net, &maml, &task, fast, fast, NULL);
    for (int p = 0; p < protocols; p++) {
      int c = p * steps + s;
      e->steps[c] = step[s];
      e->protocol[c] = protocol[p];
      column[c] = score(g, e->net, maml, protocol[p], &task, fast);
    }
  }
  free(fast);
  e->columns = protocols * steps;
  for (int c = 0; c < e->columns; c++) {
    char name[64];
    snprintf(name, sizeof name, "protocol %d, %d steps", (int)e->protocol[c], e->steps[c]);
    il_output(g, name, column[c]);
  }
  if (il_context_status(context) == IL_OK && il_config_is(e->config, IL_KEY_FACTORED, "auto"))
    il_graph_factor(g);
  il_plan_options options = il_config_plan(e->config);
  options.tasks = 0;
  if (il_context_status(context) == IL_OK) e->plan = il_plan_build(g, &options);
  return il_context_status(context);
}

il_status il_evaluator_init(il_evaluator *e, const il_config *config, const il_tasks *tasks,
                            const il_net *net, int protocols, const il_query_statistics *protocol,
                            int steps, const int *step, int most, il_team *team) {
  *e = (il_evaluator){.config = config, .tasks = tasks, .net = net, .real = il_config_type(config)};
  int chunk = most < CHUNK ? most : CHUNK, threads = il_team_threads(team);
  il_status status = build(e, protocols, protocol, steps, step);
  if (status == IL_OK)
    status = il_batch_init(&e->batch, tasks, il_tasks_shape(tasks, IL_TEST), e->real, false, chunk,
                           threads);
  if (status == IL_OK) {
    e->workspace = il_workspace_alloc(tasks->context, e->plan, chunk, threads);
    e->figures = calloc((size_t)e->columns * (size_t)chunk, sizeof(double));
    if (!e->figures) il_fail_memory(tasks->context, "an evaluation");
    status = il_context_status(tasks->context);
  }
  if (status != IL_OK) il_evaluator_free(e);
  return status;
}

void il_evaluator_free(il_evaluator *e) {
  free(e->figures);
  free(e->workspace);
  il_batch_free(&e->batch);
  il_plan_free(e->plan);
  il_graph_free(e->graph);
  *e = (il_evaluator){0};
}

il_status il_evaluator_run(il_evaluator *e, il_team *team, void *const *weights, il_split split,
                           int tasks, double *value) {
  il_context *context = e->tasks->context;
  int n = il_net_parameters(e->net), chunk = e->batch.tasks;
  const void **inputs = calloc((size_t)n + IL_BATCH_INPUTS, sizeof *inputs);
  void *outputs[IL_EVALUATOR_COLUMNS];
  if (!inputs) return il_fail_memory(context, "an evaluation");
  for (int i = 0; i < n; i++) inputs[i] = weights[i];
  for (int i = 0; i < e->batch.inputs; i++) inputs[n + i] = e->batch.input[i];
  size_t stride = (size_t)chunk * il_type_size(e->real);
  for (int c = 0; c < e->columns; c++) outputs[c] = (char *)e->figures + (size_t)c * stride;
  il_status status = IL_OK;
  for (int first = 0; first < tasks && status == IL_OK; first += chunk) {
    int count = tasks - first < chunk ? tasks - first : chunk;
    status = il_batch_draw(&e->batch, team, split, (uint64_t)first, count);
    if (status != IL_OK) break;
    status = il_plan_run(e->plan, team, e->workspace, &(il_bindings){count, inputs, outputs});
    for (int c = 0; c < e->columns; c++)
      for (int t = 0; t < count; t++)
        value[(size_t)(first + t) * (size_t)e->columns + (size_t)c] =
            e->real == IL_FLOAT32 ? (double)((float *)outputs[c])[t] : ((double *)outputs[c])[t];
  }
  free(inputs);
  return status;
}

void il_evaluator_summary(const il_evaluator *e, int tasks, const double *value, int column,
                          double *mean, double *interval) {
  double sum = 0, squares = 0;
  size_t stride = (size_t)e->columns;
  for (int t = 0; t < tasks; t++) sum += value[(size_t)t * stride + (size_t)column];
  *mean = sum / tasks;
  for (int t = 0; t < tasks; t++) {
    double d = value[(size_t)t * stride + (size_t)column] - *mean;
    squares += d * d;
  }
  *interval = tasks > 1 ? 1.96 * sqrt(squares / (tasks - 1) / tasks) : 0;
}

static const char *protocol_name(const il_evaluator *e, int column) {
  if (measures_error(e->tasks)) return "query";
  return e->protocol[column] == IL_QUERY_STATISTICS_QUERY     ? "transductive"
         : e->protocol[column] == IL_QUERY_STATISTICS_SUPPORT ? "support"
                                                              : "each";
}

static il_status write_tasks(const il_evaluator *e, const char *run, int tasks,
                             const double *value) {
  il_context *context = e->tasks->context;
  char *text = NULL, *path = il_run_path(context, run, "eval.csv");
  size_t size = 0;
  FILE *out = path ? open_memstream(&text, &size) : NULL;
  if (!out) {
    free(path);
    return il_fail_memory(context, "the results of tasks");
  }
  fputs("task", out);
  for (int c = 0; c < e->columns; c++) fprintf(out, ",%s_%d", protocol_name(e, c), e->steps[c]);
  for (int t = 0; t < tasks; t++) {
    fprintf(out, "\n%d", t);
    for (int c = 0; c < e->columns; c++)
      fprintf(out, ",%.9g", value[(size_t)t * (size_t)e->columns + (size_t)c]);
  }
  fputc('\n', out);
  il_status status = fclose(out) == 0 ? il_atomic_write(context, path, 1, &(il_piece){text, size})
                                      : il_fail_memory(context, "the results of tasks");
  free(text);
  free(path);
  return status;
}

static il_status run_tasks(il_evaluator *e, const char *run, il_team *team, void *const *weights,
                           int tasks, il_evaluation *result) {
  double *value = calloc((size_t)tasks * (size_t)e->columns, sizeof *value);
  if (!value) return il_fail_memory(e->tasks->context, "the results of tasks");
  il_status status = il_evaluator_run(e, team, weights, IL_TEST, tasks, value);
  result->tasks = tasks;
  result->count = e->columns;
  result->squared_error = measures_error(e->tasks);
  for (int c = 0; c < e->columns && status == IL_OK; c++) {
    il_evaluation_row *row = &result->row[c];
    *row = (il_evaluation_row){.protocol = protocol_name(e, c), .steps = e->steps[c]};
    il_evaluator_summary(e, tasks, value, c, &row->mean, &row->interval);
  }
  if (status == IL_OK) status = write_tasks(e, run, tasks, value);
  free(value);
  return status;
}

il_status il_evaluation_tasks(const il_config *config, il_tasks *tasks, const char *episodes,
                              int asked, int *count) {
  il_context *context = tasks->context;
  *count = asked ? asked : il_config_int(config, IL_KEY_EVAL_TASKS);
  if (!episodes) {
    if (il_tasks_classes(tasks, IL_TEST) == 0)
      return il_fail(context, IL_ERROR_DATA, "the split of the run has no test classes");
    return IL_OK;
  }
  uint64_t listed = 0;
  if (!tasks->source->sampler)
    return il_fail(context, IL_ERROR_ARGUMENT, "--episodes: %s tasks have no episode lists",
                   tasks->source->name);
  if (il_sampler_read_list(tasks->source->sampler(tasks->data), IL_TEST, episodes, &listed) !=
      IL_OK)
    return il_context_status(context);
  if (asked && (uint64_t)asked > listed)
    return il_fail(context, IL_ERROR_DATA, "%s: has %llu episodes, but --tasks asks for %d",
                   episodes, (unsigned long long)listed, asked);
  if (!asked) *count = (int)listed;
  return IL_OK;
}

static il_status evaluate(const il_config *config, il_tasks *tasks, const char *run,
                          const il_evaluate_options *o, il_evaluation *result) {
  static const il_query_statistics protocols[] = {
      IL_QUERY_STATISTICS_QUERY, IL_QUERY_STATISTICS_SUPPORT, IL_QUERY_STATISTICS_EACH};
  static const int steps[] = {0, 1, 2, 3, 5, 10};
  il_context *context = tasks->context;
  int count;
  if (il_evaluation_tasks(config, tasks, o->episodes, o->tasks, &count) != IL_OK)
    return il_context_status(context);
  il_evaluator evaluator = {0};
  void **weights = NULL;
  il_net *net = il_config_net(context, config, il_tasks_shape(tasks, IL_TEST));
  char *path = il_run_path(context, run, "checkpoint.safetensors");
  il_type real = il_config_type(config);
  if (net && path) weights = il_weights_alloc(context, net, real);
  il_status status =
      weights ? il_checkpoint_weights(context, path, net, real, weights, &result->trained)
              : il_context_status(context);
  if (status == IL_OK)
    status = il_evaluator_init(&evaluator, config, tasks, net, measures_error(tasks) ? 1 : 3,
                               protocols, 6, steps, count, o->team);
  if (status == IL_OK) status = run_tasks(&evaluator, run, o->team, weights, count, result);
  il_evaluator_free(&evaluator);
  il_weights_free(weights);
  free(path);
  il_net_free(net);
  return status;
}

il_status il_evaluation_open(il_context *context, const char *run, const char *data,
                             il_config **config, il_tasks **tasks) {
  char *path = il_run_path(context, run, "config.yaml");
  *tasks = NULL;
  *config = path ? il_config_load(context, path) : NULL;
  free(path);
  if (*config && data) il_config_assign(*config, "--data: ", il_config_key_name(IL_KEY_DATA), data);
  if (il_context_status(context) == IL_OK)
    *tasks = il_config_tasks(context, *config, il_config_int(*config, IL_KEY_EVAL_QUERIES));
  return il_context_status(context);
}

il_status il_evaluate(il_context *context, const char *run, const il_evaluate_options *options,
                      il_evaluation *result) {
  *result = (il_evaluation){0};
  il_config *config;
  il_tasks *tasks;
  if (il_evaluation_open(context, run, options->data, &config, &tasks) == IL_OK)
    evaluate(config, tasks, run, options, result);
  il_tasks_free(tasks);
  il_config_free(config);
  return il_context_status(context);
}

il_status il_write_episodes(il_context *context, const il_config *config, il_split split,
                            uint64_t count, const char *path) {
  int queries = split == IL_TRAIN ? 0 : il_config_int(config, IL_KEY_EVAL_QUERIES);
  il_tasks *tasks = il_config_tasks(context, config, queries);
  if (tasks && !tasks->source->sampler)
    il_fail(context, IL_ERROR_ARGUMENT, "%s tasks have no episode lists", tasks->source->name);
  else if (tasks)
    il_sampler_write_list(context, tasks->source->sampler(tasks->data), split, count, path);
  il_tasks_free(tasks);
  return il_context_status(context);
}
