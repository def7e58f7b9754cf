/* Adds up what a training run has asked for (see footprint.h). */
#include "base/locale.h"
#include "train/footprint.h"

#include <stdio.h>

#include "graph/graph.h"
#include "plan/plan.h"

static size_t graph_bytes(const il_function *f) {
  const il_graph *g = il_function_graph(f);
  return il_arena_bytes(&g->arena) + il_arena_bytes(&il_function_plan(f)->arena) +
         g->capacity * sizeof *g->nodes + g->table_size * sizeof *g->table;
}

static size_t data_bytes(const il_tasks *tasks) {
  return tasks->source->bytes ? tasks->source->bytes(tasks->data) : 0;
}

il_footprint il_footprint_of(const il_trainer *t, const il_evaluator *e) {
  const il_learned *l = t->learner;
  const size_t state =
      il_buffers_bytes(&l->meta) + il_buffers_bytes(&l->carry) + il_buffers_bytes(&t->step.outer);
  const size_t average = il_buffers_bytes(&t->step.average);
  il_footprint m = {.state = 2 * state + average,
                    .tasks = il_feed_bytes(&t->feed),
                    .data = data_bytes(t->tasks),
                    .checkpoint = state + average};
  for (int v = 0; v < t->step.forms; v++) {
    m.workspace += il_run_bytes(t->step.form[v].run);
    m.graph += graph_bytes(t->step.form[v].function);
  }
  for (int v = 0; e && v < e->forms; v++)
    m.validation += il_run_bytes(e->form[v].run) + il_batch_bytes(&e->form[v].batch) +
                    graph_bytes(e->form[v].function);
  return m;
}

size_t il_footprint_total(const il_footprint *m) {
  return m->workspace + m->state + m->tasks + m->data + m->checkpoint + m->graph + m->validation;
}

void il_footprint_text(const il_footprint *m, char *text, size_t size) {
  il_plain_text(
      text, size,
      "memory: %.1f MB in all: workspace %.1f, weights and optimizer %.1f, tasks %.1f, data set "
      "%.1f, checkpoint %.1f, graph and plan %.1f, validation %.1f",
      1e-6 * (double)il_footprint_total(m), 1e-6 * (double)m->workspace, 1e-6 * (double)m->state,
      1e-6 * (double)m->tasks, 1e-6 * (double)m->data, 1e-6 * (double)m->checkpoint,
      1e-6 * (double)m->graph, 1e-6 * (double)m->validation);
}
