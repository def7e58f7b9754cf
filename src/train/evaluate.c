/* Evaluation of weights on tasks of a split. */
#include "train/evaluate.h"

#include <stdlib.h>
#include <string.h>

#include "base/statistics.h"
#include "train/checkpoint.h"
#include "io/weights.h"

enum { CHUNK = 32 };

static il_value score(il_graph *g, const il_net *net, il_maml maml, il_query_statistics protocol,
                      const il_task *task, const il_value *fast) {
  maml.query_statistics = protocol;
  il_value scores = il_maml_query(g, net, &maml, task, fast);
  return maml.loss == IL_LOSS_MEAN_SQUARED_ERROR ? il_mean_squared_error(g, scores, task->query_y)
                                                 : il_accuracy(g, scores, task->query_y);
}

il_plan *il_evaluation_plan(const il_source *source, il_graph *graph) {
  il_context *context = source->context;
  if (il_context_status(context) == IL_OK && il_config_is(source->config, IL_KEY_FACTORED, "auto"))
    il_graph_factor(graph);
  il_plan_options options = il_config_plan(source->config);
  options.tasks = 0;
  return il_context_status(context) == IL_OK ? il_plan_build(graph, &options) : NULL;
}

static il_status build(il_evaluator *e, int protocols, const il_query_statistics *protocol,
                       int steps, const int *step) {
  il_context *context = e->source->context;
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
  il_source_task(e->source, g, false, &task);
  il_maml maml = il_source_maml(e->source);
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
  e->plan = il_evaluation_plan(e->source, g);
  return il_context_status(context);
}

il_status il_evaluator_init(il_evaluator *e, const il_source *source, const il_net *net,
                            int protocols, const il_query_statistics *protocol, int steps,
                            const int *step, int tasks, il_team *team) {
  *e = (il_evaluator){.source = source, .net = net, .real = il_config_type(source->config)};
  int chunk = tasks < CHUNK ? tasks : CHUNK, threads = il_team_threads(team);
  il_status status = build(e, protocols, protocol, steps, step);
  if (status == IL_OK) status = il_batch_init(&e->batch, source, e->real, false, chunk, threads);
  if (status == IL_OK) {
    e->workspace = il_workspace_alloc(source->context, e->plan, chunk, threads);
    e->figures = calloc((size_t)e->columns * (size_t)chunk, sizeof(double));
    if (!e->figures) il_fail_memory(source->context, "an evaluation");
    status = il_context_status(source->context);
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
  il_context *context = e->source->context;
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
    il_batch_draw(&e->batch, team, split, (uint64_t)first, count);
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
  *interval = il_interval_of_many(tasks, value + column, (size_t)e->columns, mean);
}

static const char *protocol_name(const il_evaluator *e, int column) {
  if (e->source->regression) return "query";
  return e->protocol[column] == IL_QUERY_STATISTICS_QUERY     ? "transductive"
         : e->protocol[column] == IL_QUERY_STATISTICS_SUPPORT ? "support"
                                                              : "each";
}

static il_status write_tasks(const il_evaluator *e, const char *run, int tasks,
                             const double *value) {
  il_context *context = e->source->context;
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
  if (!value) return il_fail_memory(e->source->context, "the results of tasks");
  il_status status = il_evaluator_run(e, team, weights, IL_TEST, tasks, value);
  result->tasks = tasks;
  result->count = e->columns;
  result->regression = e->source->regression;
  for (int c = 0; c < e->columns && status == IL_OK; c++) {
    il_evaluation_row *row = &result->row[c];
    *row = (il_evaluation_row){.protocol = protocol_name(e, c), .steps = e->steps[c]};
    il_evaluator_summary(e, tasks, value, c, &row->mean, &row->interval);
  }
  if (status == IL_OK) status = write_tasks(e, run, tasks, value);
  free(value);
  return status;
}

il_status il_evaluation_tasks(const il_source *source, const char *episodes, int asked,
                              int *tasks) {
  il_context *context = source->context;
  *tasks = asked ? asked : il_config_int(source->config, IL_KEY_EVAL_TASKS);
  if (!episodes) {
    if (!source->regression && il_splits_count(source->splits, IL_TEST) == 0)
      return il_fail(context, IL_ERROR_DATA, "the split of the run has no test classes");
    return IL_OK;
  }
  uint64_t count = 0;
  if (source->regression)
    return il_fail(context, IL_ERROR_ARGUMENT, "--episodes: sinusoid tasks have no episode lists");
  if (il_sampler_read_list(source->sampler, IL_TEST, episodes, &count) != IL_OK)
    return il_context_status(context);
  if (asked && (uint64_t)asked > count)
    return il_fail(context, IL_ERROR_DATA, "%s: has %llu episodes, but --tasks asks for %d",
                   episodes, (unsigned long long)count, asked);
  if (!asked) *tasks = (int)count;
  return IL_OK;
}

il_status il_evaluation_open(il_context *context, const char *run, const char *data,
                             il_opened_run *opened) {
  *opened = (il_opened_run){0};
  char *path = il_run_path(context, run, "config.yaml");
  il_config *config = path ? il_config_load(context, path) : NULL;
  free(path);
  opened->config = config;
  if (config && data) il_config_assign(config, "--data: ", il_config_key_name(IL_KEY_DATA), data);
  if (il_context_status(context) == IL_OK)
    opened->source = il_source_new(context, config, il_config_int(config, IL_KEY_EVAL_QUERIES));
  if (opened->source) opened->net = il_source_net(opened->source);
  if (!opened->net) return il_context_status(context);
  il_type real = il_config_type(config);
  path = il_run_path(context, run, "checkpoint.safetensors");
  opened->weights = path ? il_weights_alloc(context, opened->net, real) : NULL;
  if (opened->weights)
    il_checkpoint_weights(context, path, opened->net, real, opened->weights, &opened->trained);
  free(path);
  return il_context_status(context);
}

void il_evaluation_close(il_opened_run *opened) {
  il_weights_free(opened->weights);
  il_net_free(opened->net);
  il_source_free(opened->source);
  il_config_free(opened->config);
}

il_status il_evaluate(il_context *context, const char *run, const il_evaluate_options *options,
                      il_evaluation *result) {
  static const il_query_statistics protocols[] = {
      IL_QUERY_STATISTICS_QUERY, IL_QUERY_STATISTICS_SUPPORT, IL_QUERY_STATISTICS_EACH};
  static const int steps[] = {0, 1, 2, 3, 5, 10};
  *result = (il_evaluation){0};
  il_opened_run r;
  il_evaluator evaluator = {0};
  int tasks;
  il_status status = il_evaluation_open(context, run, options->data, &r);
  if (status == IL_OK)
    status = il_evaluation_tasks(r.source, options->episodes, options->tasks, &tasks);
  if (status == IL_OK)
    status = il_evaluator_init(&evaluator, r.source, r.net, r.source->regression ? 1 : 3, protocols,
                               6, steps, tasks, options->team);
  result->trained = r.trained;
  if (status == IL_OK) status = run_tasks(&evaluator, run, options->team, r.weights, tasks, result);
  il_evaluator_free(&evaluator);
  il_evaluation_close(&r);
  return il_context_status(context);
}

il_status il_write_episodes(il_context *context, const il_config *config, il_split split,
                            uint64_t count, const char *path) {
  int queries = split == IL_TRAIN ? 0 : il_config_int(config, IL_KEY_EVAL_QUERIES);
  il_source *source = il_source_new(context, config, queries);
  if (source && source->regression)
    il_fail(context, IL_ERROR_ARGUMENT, "sinusoid tasks have no episode lists");
  else if (source)
    il_sampler_write_list(context, source->sampler, split, count, path);
  il_source_free(source);
  return il_context_status(context);
}
