/* The graph as a container: lifetime, inputs and outputs by name, scopes, questions about values.
 * Nodes are made in node.c, by the builders of build_elementwise.c and build.c. */
#include "graph/graph.h"

#include <stdio.h>
#include <string.h>

#include "graph/loop_body.h"
#include "graph/node.h"
#include "base/room.h"

il_graph *il_graph_new(il_context *context, il_type real) {
  if (real != IL_FLOAT32 && real != IL_FLOAT64) {
    il_fail(context, IL_ERROR_TYPE, "il_graph_new: real type %s, expected f32 or f64",
            il_type_name(real));
    return NULL;
  }
  il_graph *graph = il_new(context, 1, sizeof *graph);
  if (!graph) {
    il_fail_memory(context, "a graph");
    return NULL;
  }
  graph->context = context;
  graph->arena.context = context;
  graph->real = real;
  graph->ops = il_op_table;
  graph->scope = "";
  return graph;
}

void il_graph_free(il_graph *graph) {
  if (!graph) return;
  il_arena_free(&graph->arena);
  il_release(graph->nodes);
  il_release(graph->table);
  il_release(graph->inputs);
  il_release(graph->outputs);
  il_release(graph->scopes);
  il_hidden_free(&graph->hidden);
  for (int i = 0; i < graph->body_count; i++) il_loop_body_drop(graph->bodies[i]);
  il_release(graph->bodies);
  il_release(graph);
}

il_context *il_graph_context(const il_graph *graph) { return graph->context; }

il_type il_graph_real(const il_graph *graph) { return graph->real; }

uint32_t il_graph_size(const il_graph *graph) { return graph->size; }

static const il_node *find_node(const il_graph *graph, il_value value) {
  return value.id && value.id <= graph->size ? graph->nodes[value.id] : NULL;
}

il_type il_value_type(const il_graph *graph, il_value value) {
  const il_node *node = find_node(graph, value);
  return node ? node->type : (il_type)0;
}

il_shape il_value_shape(const il_graph *graph, il_value value) {
  const il_node *node = find_node(graph, value);
  return node ? node->shape : il_shape_scalar();
}

il_stage il_value_stage(const il_graph *graph, il_value value) {
  const il_node *node = find_node(graph, value);
  return node && node->when == IL_PER_TASK ? IL_TASK : IL_SHARED;
}

/* Appends (name, value) to one of the two lists; the name is checked first. */
static bool check_name(il_graph *g, const char *function, const char *name, const il_named *list,
                       int count) {
  if (!name || !name[0]) {
    il_fail(g->context, IL_ERROR_ARGUMENT, "%s: the name is empty", function);
    return false;
  }
  for (int i = 0; i < count; i++) {
    if (strcmp(list[i].name, name) != 0) continue;
    il_fail(g->context, IL_ERROR_ARGUMENT, "%s: there is already one named \"%s\"", function, name);
    return false;
  }
  return true;
}

static bool append(il_graph *g, const char *name, il_value value, il_named **list, int *count,
                   int *capacity) {
  char *copy = il_arena_string(&g->arena, name);
  if (*count == *capacity) {
    int larger = *capacity ? *capacity * 2 : 16;
    il_named *grown = il_grow(g->context, *list, (size_t)larger * sizeof *grown);
    if (!grown) copy = NULL;
    if (grown) {
      *list = grown;
      *capacity = larger;
    }
  }
  if (!copy) {
    il_fail_memory(g->context, "a graph input or output");
    return false;
  }
  (*list)[(*count)++] = (il_named){copy, value};
  return true;
}

il_value il_input(il_graph *graph, const char *name, il_stage stage, il_type type, il_shape shape) {
  if (!check_name(graph, "il_input", name, graph->inputs, graph->input_count)) return (il_value){0};
  if (stage != IL_SHARED && stage != IL_TASK) {
    il_fail(graph->context, IL_ERROR_ARGUMENT,
            "il_input \"%s\": stage %d, expected IL_SHARED or IL_TASK", name, (int)stage);
    return (il_value){0};
  }
  if (type != graph->real && type != IL_INT32 && type != IL_UINT8) {
    il_fail(graph->context, IL_ERROR_TYPE, "il_input \"%s\": type %s, expected %s, i32 or u8", name,
            il_type_name(type), il_type_name(graph->real));
    return (il_value){0};
  }
  char function[96];
  snprintf(function, sizeof function, "il_input \"%.64s\"", name);
  /* The place in the list comes first: an input node without one must not exist. */
  int index = graph->input_count;
  if (!append(graph, name, (il_value){0}, &graph->inputs, &graph->input_count,
              &graph->input_capacity))
    return (il_value){0};
  il_value value = il_node_make_input(graph, function, index, type,
                                      stage == IL_TASK ? IL_PER_TASK : IL_BEFORE, shape);
  if (value.id)
    graph->inputs[index].value = value;
  else
    graph->input_count = index;
  return value;
}

void il_output(il_graph *graph, const char *name, il_value value) {
  if (!il_node_operands(graph, "il_output", 1, &value)) return;
  if (!check_name(graph, "il_output", name, graph->outputs, graph->output_count)) return;
  append(graph, name, value, &graph->outputs, &graph->output_count, &graph->output_capacity);
}

int il_graph_inputs(const il_graph *graph) { return graph->input_count; }

int il_graph_outputs(const il_graph *graph) { return graph->output_count; }

il_value il_graph_input(const il_graph *graph, int index) {
  bool exists = index >= 0 && index < graph->input_count;
  return exists ? graph->inputs[index].value : (il_value){0};
}

il_value il_graph_output(const il_graph *graph, int index) {
  bool exists = index >= 0 && index < graph->output_count;
  return exists ? graph->outputs[index].value : (il_value){0};
}

const char *il_graph_input_name(const il_graph *graph, int index) {
  return index >= 0 && index < graph->input_count ? graph->inputs[index].name : NULL;
}

const char *il_graph_output_name(const il_graph *graph, int index) {
  return index >= 0 && index < graph->output_count ? graph->outputs[index].name : NULL;
}

/* The innermost name comes first: "conv2 · inner step 1". */
void il_scope_push(il_graph *graph, const char *name) {
  if (graph->scope_depth == graph->scope_capacity) {
    int capacity = graph->scope_capacity ? graph->scope_capacity * 2 : 8;
    const char **scopes = il_grow(graph->context, graph->scopes, (size_t)capacity * sizeof *scopes);
    if (!scopes) {
      il_fail_memory(graph->context, "a scope");
      return;
    }
    graph->scopes = scopes;
    graph->scope_capacity = capacity;
  }
  static const char joint[] = " · ";
  size_t inner = strlen(name), outer = strlen(graph->scope);
  char *path = il_arena_alloc(&graph->arena, inner + outer + sizeof joint);
  if (!path) {
    il_fail_memory(graph->context, "a scope");
    return;
  }
  memcpy(path, name, inner + 1);
  if (outer) {
    memcpy(path + inner, joint, sizeof joint - 1);
    memcpy(path + inner + sizeof joint - 1, graph->scope, outer + 1);
  }
  graph->scopes[graph->scope_depth++] = graph->scope;
  graph->scope = path;
}

void il_scope_pop(il_graph *graph) {
  if (graph->scope_depth == 0) {
    il_fail(graph->context, IL_ERROR_ARGUMENT, "il_scope_pop: no scope is open");
    return;
  }
  graph->scope = graph->scopes[--graph->scope_depth];
}
