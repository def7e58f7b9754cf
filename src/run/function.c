/* A graph with its plan, and the places of its inputs and outputs by name. */
#include "run/function.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/room.h"

static const char next_prefix[] = "next.";

void il_next(il_graph *g, il_value input, il_value next) {
  char name[512];
  for (int i = 0; i < g->input_count; i++) {
    if (g->inputs[i].value.id != input.id) continue;
    const il_node *now = il_node_of(g, input), *then = il_node_of(g, next);
    if (!then) return;
    if (then->when == IL_PER_TASK || then->type != now->type ||
        !il_shape_equal(then->shape, now->shape)) {
      char expected[96], found[96];
      il_fail(g->context, IL_ERROR_SHAPE,
              "il_next: the next value of \"%s\" is %s %s%s; expected a shared value %s %s",
              g->inputs[i].name, il_type_name(then->type), il_shape_text(then->shape, found),
              then->when == IL_PER_TASK ? " of each task" : "", il_type_name(now->type),
              il_shape_text(now->shape, expected));
      return;
    }
    snprintf(name, sizeof name, "%s%s", next_prefix, g->inputs[i].name);
    il_output(g, name, next);
    return;
  }
  if (il_valid(input) && il_valid(next))
    il_fail(g->context, IL_ERROR_ARGUMENT, "il_next: %%%u is no input of the graph", input.id);
}

int il_function_input(const il_function *f, const char *name) {
  for (int i = 0; i < f->graph->input_count; i++)
    if (strcmp(f->graph->inputs[i].name, name) == 0) return i;
  return -1;
}

int il_function_output(const il_function *f, const char *name) {
  for (int i = 0; i < f->graph->output_count; i++)
    if (strcmp(f->graph->outputs[i].name, name) == 0) return i;
  return -1;
}

const il_graph *il_function_graph(const il_function *f) { return f->graph; }
const il_plan *il_function_plan(const il_function *f) { return f->plan; }

static bool pair_up(il_function *f) {
  const il_graph *g = f->graph;
  f->next = il_new(f->graph->context, (size_t)g->input_count + 1, sizeof *f->next);
  if (!f->next) return false;
  for (int i = 0; i < g->input_count; i++) f->next[i] = -1;
  for (int o = 0; o < g->output_count; o++) {
    const char *name = g->outputs[o].name;
    if (strncmp(name, next_prefix, sizeof next_prefix - 1)) continue;
    const int i = il_function_input(f, name + sizeof next_prefix - 1);
    if (i >= 0) f->next[i] = o;
  }
  return true;
}

il_function *il_function_new(il_graph *graph, const il_function_options *options) {
  static const il_function_options defaults = {0};
  if (!options) options = &defaults;
  if (!graph) return NULL;
  il_function *f = il_new(graph->context, 1, sizeof *f);
  if (!f) {
    il_fail_memory(graph->context, "a function");
    il_graph_free(graph);
    return NULL;
  }
  f->graph = graph;
  il_status status = il_context_status(graph->context);
  if (status == IL_OK) status = il_graph_without_leaves(graph);
  if (status == IL_OK && options->factored) status = il_graph_factor(graph);
  if (status == IL_OK) f->plan = il_plan_build(graph, &options->plan);
  if (f->plan && !pair_up(f)) il_fail_memory(graph->context, "a function");
  if (f->plan && f->next) return f;
  il_function_free(f);
  return NULL;
}

void il_function_free(il_function *f) {
  if (!f) return;
  il_plan_free(f->plan);
  il_graph_free(f->graph);
  il_release(f->next);
  il_release(f);
}
