/* Evaluation of a learner on tasks of a split. */
#include "train/evaluate.h"

#include <stdlib.h>

#include "base/statistics.h"
#include "nn/net.h"

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

static il_status prepare(il_evaluator *e, const il_batch *batch, il_learner *learner, int chunk) {
  e->run = il_run_new(e->context, e->function, e->team, chunk);
  e->figures = calloc((size_t)e->columns * (size_t)chunk, sizeof(double));
  if (!e->run || !e->figures) return il_fail_memory(e->context, "an evaluation");
  for (int i = 0; i < IL_BATCH_INPUTS; i++)
    il_run_input(e->run, il_function_input(e->function, il_batch_input_name[i]), batch->input[i]);
  const size_t stride = (size_t)chunk * il_type_size(batch->real);
  for (int c = 0; c < e->columns; c++)
    il_run_output(e->run, c, (char *)e->figures + (size_t)c * stride);
  return il_learner_bind(learner, e->run);
}

il_status il_evaluator_init(il_context *context, il_evaluator *e, const il_method *m,
                            il_learner *learner, const il_tasks *tasks, il_split split,
                            int protocols, const il_query_statistics *protocol, int steps,
                            const int *step, int most, il_team *team) {
  static const il_query_statistics only[] = {IL_QUERY_STATISTICS_QUERY};
  static const int none[] = {0};
  const il_task_shape *shape = il_tasks_shape(tasks, split, 0);
  *e = (il_evaluator){.context = context,
                      .team = team,
                      .squared_error = shape->loss == IL_LOSS_MEAN_SQUARED_ERROR,
                      .norms = il_net_norms(learner->net) > 0};
  if (!e->norms) {
    protocols = 1;
    protocol = only;
  }
  if (!m->algorithm->step) {
    steps = 1;
    step = none;
  }
  const int chunk = most < CHUNK ? most : CHUNK;
  const il_task_needs needs = il_method_needs(m, learner->net, shape, step[steps - 1], false);
  il_function_options options = m->function;
  options.plan.tasks = 0;
  e->function = il_function_new(
      build(e, m, learner, shape, needs, protocols, protocol, steps, step), &options);
  il_status status = il_context_status(context);
  if (status == IL_OK)
    status =
        il_batch_init(&e->batch, tasks, split, 0, m->real, needs, chunk, il_team_threads(team));
  if (status == IL_OK) status = prepare(e, &e->batch, learner, chunk);
  if (status != IL_OK) il_evaluator_free(e);
  return status;
}

void il_evaluator_free(il_evaluator *e) {
  free(e->figures);
  il_run_free(e->run);
  il_batch_free(&e->batch);
  il_function_free(e->function);
  *e = (il_evaluator){0};
}

il_status il_evaluator_run(il_evaluator *e, il_split split, int tasks, double *value) {
  const int chunk = e->batch.tasks;
  il_status status = IL_OK;
  for (int first = 0; first < tasks && status == IL_OK; first += chunk) {
    const int count = tasks - first < chunk ? tasks - first : chunk;
    status = il_batch_draw(&e->batch, e->team, split, (uint64_t)first, count);
    if (status == IL_OK) status = il_run_go(e->run, count);
    for (int c = 0; c < e->columns; c++)
      for (int t = 0; t < count; t++) {
        const size_t at = (size_t)c * (size_t)chunk + (size_t)t;
        value[(size_t)(first + t) * (size_t)e->columns + (size_t)c] =
            e->batch.real == IL_FLOAT32 ? (double)((float *)e->figures)[at]
                                        : ((double *)e->figures)[at];
      }
  }
  return status;
}

void il_evaluator_summary(const il_evaluator *e, int tasks, const double *value, int column,
                          double *mean, double *interval) {
  *interval = il_interval_of_many(tasks, value + column, (size_t)e->columns, mean);
}
