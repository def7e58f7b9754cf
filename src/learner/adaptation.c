/* The two halves of a task's graph. */
#include "learner/adaptation.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "graph/graph.h"
#include "meta/task_graph.h"
#include "nn/net.h"

il_query_statistics il_statistics_alone(il_query_statistics trained) {
  return trained == IL_QUERY_STATISTICS_QUERY ? IL_QUERY_STATISTICS_SUPPORT : trained;
}

static il_build build_in(il_graph *g, const il_adaptation *a, bool support) {
  il_task_needs needs =
      il_method_needs(a->method, a->learned->net, &a->shape, a->method->inner.steps, false);
  needs.shared = needs.unlabelled = true;
  needs.no_support = !support;
  needs.no_query = support;
  il_build b = il_learned_build(a->learned, a->method, g, &a->shape);
  b.training = false;
  b.statistics = a->statistics;
  if (!support) b.inner.batch = 0; /* no step is taken */
  il_task_inputs(g, &a->shape, needs, &b.task);
  return b;
}

static int steps_of(const il_adaptation *a) {
  return a->method->algorithm->step ? a->method->inner.steps : 0;
}

/* ---- what lies between ---- */

static void moment_name(const il_net_layer_record *layer, int which, char name[IL_ENTRY_NAME]) {
  snprintf(name, IL_ENTRY_NAME, "%s.support_%s", layer->name, which ? "variance" : "mean");
}

static bool add_moments(il_context *context, const il_net *net, il_entries *entries) {
  for (int i = 0; i < net->layers; i++) {
    const il_net_layer_record *layer = &net->layer[i];
    if (!il_layer_takes_moments(&layer->layer)) continue;
    for (int k = 0; k < 2; k++) {
      il_entry e = {.shape = {.rank = layer->out.rank + 1}};
      for (int d = 0; d < e.shape.rank; d++) e.shape.dim[d] = 1;
      e.shape.dim[e.shape.rank - 1] = layer->out.dim[layer->out.rank - 1];
      moment_name(layer, k, e.name);
      if (!il_entries_add(context, entries, e)) return false;
    }
  }
  return true;
}

il_status il_adaptation_init(il_context *context, il_adaptation *a) {
  a->state = (il_entries){0};
  il_graph *g = il_graph_new(context, a->method->real);
  if (!g) return il_context_status(context);
  il_build b = build_in(g, a, true);
  il_values state = {0};
  if (il_build_check(&b)) il_build_begin(&b, &state);
  for (int i = 0; i < state.count && il_context_status(context) == IL_OK; i++)
    if (!(state.entry[i].flags & IL_SLOT)) il_entries_add(context, &a->state, state.entry[i]);
  if (il_build_records(&b) && il_context_status(context) == IL_OK)
    add_moments(context, a->learned->net, &a->state);
  il_graph_free(g);
  return il_context_status(context);
}

void il_adaptation_free(il_adaptation *a) { il_entries_free(&a->state); }

/* The moments beside the state, as values: taken out of a list, or put into it. */
static void moments(il_build *b, il_values *values, bool put) {
  for (int i = 0, norm = 0; i < b->net->layers; i++) {
    if (!il_layer_takes_moments(&b->net->layer[i].layer)) continue;
    for (int k = 0; k < 2; k++) {
      il_value *at = k ? &b->moments.variance[norm] : &b->moments.mean[norm];
      il_entry e = {0};
      moment_name(&b->net->layer[i], k, e.name);
      if (put)
        il_values_put(b->g, values, e, *at);
      else
        *at = il_values_get(b->g, values, e.name);
    }
    norm++;
  }
}

static il_function *compile(il_graph *g, const il_adaptation *a) {
  il_function_options options = a->method->function;
  options.plan.tasks = 0;
  return il_function_new(g, &options);
}

il_function *il_adaptation_adapt(il_context *context, const il_adaptation *a) {
  il_graph *g = il_graph_new(context, a->method->real);
  if (!g) return NULL;
  il_build b = build_in(g, a, true);
  il_values state = {0};
  if (il_build_check(&b)) {
    il_build_begin(&b, &state);
    il_build_adapt(&b, &state, 0, steps_of(a));
    state = il_build_end(&b, &state);
    if (il_build_records(&b)) {
      il_build_record(&b, &state, steps_of(a));
      moments(&b, &state, true);
    }
  }
  for (int i = 0; i < a->state.count && il_context_status(context) == IL_OK; i++) {
    char name[IL_ENTRY_NAME + 8];
    snprintf(name, sizeof name, "state/%s", a->state.entry[i].name);
    il_output(g, name, il_values_get(g, &state, a->state.entry[i].name));
  }
  return compile(g, a);
}

il_function *il_adaptation_answer(il_context *context, const il_adaptation *a) {
  il_graph *g = il_graph_new(context, a->method->real);
  if (!g) return NULL;
  il_build b = build_in(g, a, false);
  il_values state = il_values_input(g, a->state.count, a->state.entry, "state/", IL_SHARED);
  if (il_build_check(&b)) {
    if (il_build_records(&b)) moments(&b, &state, false);
    b.moments.examples = a->shape.support;
    il_output(g, "scores", il_build_score(&b, &state, steps_of(a)));
  }
  return compile(g, a);
}

void il_adaptation_write(il_run *adapt, const il_function *f, const il_buffers *state) {
  for (int i = 0; i < state->count; i++) {
    char name[IL_ENTRY_NAME + 8];
    snprintf(name, sizeof name, "state/%s", state->entry[i].name);
    il_run_output(adapt, il_function_output(f, name), il_buffers_at(state, i));
  }
}
