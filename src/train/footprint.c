/* Adds up what a training run has asked for (see footprint.h). */
#include "train/footprint.h"

#include <stdio.h>

#include "graph/graph.h"
#include "plan/plan.h"

static size_t graph_bytes(const il_graph *g, const il_plan *plan) {
  return il_arena_bytes(&g->arena) + il_arena_bytes(&plan->arena) + g->capacity * sizeof *g->nodes +
         g->table_size * sizeof *g->table;
}

static size_t data_bytes(const il_tasks *tasks) {
  return tasks->source->bytes ? tasks->source->bytes(tasks->data) : 0;
}

il_footprint il_footprint_of(const il_learner *l, const il_feed *feed, const il_evaluator *e,
                             int threads) {
  size_t weights = 0;
  for (int i = 0; i < l->parameters; i++)
    weights += (size_t)il_shape_count(il_net_parameter_shape(l->net, i)) * il_type_size(l->real);
  const size_t kinds = (size_t)l->kinds;
  il_footprint m = {.workspace = il_plan_workspace(l->plan, feed->batch[0].tasks, threads),
                    .state = 2 * kinds * weights,
                    .tasks = il_feed_bytes(feed),
                    .data = data_bytes(l->tasks),
                    .checkpoint = kinds * weights,
                    .graph = graph_bytes(l->graph, l->plan)};
  if (e->plan)
    m.validation = il_plan_workspace(e->plan, e->batch.tasks, threads) + il_batch_bytes(&e->batch) +
                   graph_bytes(e->graph, e->plan);
  return m;
}

size_t il_footprint_total(const il_footprint *m) {
  return m->workspace + m->state + m->tasks + m->data + m->checkpoint + m->graph + m->validation;
}

void il_footprint_text(const il_footprint *m, char *text, size_t size) {
  snprintf(
      text, size,
      "memory: %.1f MB in all: workspace %.1f, weights and optimizer %.1f, tasks %.1f, data set "
      "%.1f, checkpoint %.1f, graph and plan %.1f, validation %.1f",
      1e-6 * (double)il_footprint_total(m), 1e-6 * (double)m->workspace, 1e-6 * (double)m->state,
      1e-6 * (double)m->tasks, 1e-6 * (double)m->data, 1e-6 * (double)m->checkpoint,
      1e-6 * (double)m->graph, 1e-6 * (double)m->validation);
}
