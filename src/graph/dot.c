/* The graph as Graphviz text: nodes are labelled with operation, type and shape, and grouped by stage
 * through their colour; for looking at, not for reading back. */
#include <stdlib.h>
#include <string.h>

#include "base/room.h"
#include "graph/text.h"

static void write_node(FILE *out, const il_graph *g, uint32_t id) {
  static const char *const colours[] = {"white", "lightblue", "lightyellow"};
  const il_node *node = g->nodes[id];
  char shape[96], *label = NULL;
  il_shape_text(node->shape, shape);
  const char *name = "";
  if (node->op == IL_OP_INPUT) name = g->inputs[((const il_attr_input *)node->attr)->index].name;
  int length = asprintf(&label, "%%%u %s%s%s %s%s", id, g->ops[node->op]->name, name[0] ? " " : "",
                        name, il_type_name(node->type), shape);
  fprintf(out, "  n%u [label=", id);
  il_text_quote(out, length < 0 ? "?" : label);
  fprintf(out, ",fillcolor=%s", colours[node->when]);
  if (node->scope[0]) {
    fputs(",tooltip=", out);
    il_text_quote(out, node->scope);
  }
  fputs("];\n", out);
  if (length >= 0) free(label);
  for (int i = 0; i < node->inputs; i++) fprintf(out, "  n%u -> n%u;\n", node->input[i].id, id);
}

char *il_graph_dot(const il_graph *graph) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (!out) {
    il_fail_memory(graph->context, "a drawing of a graph");
    return NULL;
  }
  fputs("digraph innerloop {\n  node [shape=box,style=filled];\n", out);
  for (uint32_t id = 1; id <= graph->size; id++) write_node(out, graph, id);
  for (int i = 0; i < graph->output_count; i++) {
    fprintf(out, "  o%d [shape=ellipse,fillcolor=white,label=", i);
    il_text_quote(out, graph->outputs[i].name);
    fprintf(out, "];\n  n%u -> o%d;\n", graph->outputs[i].value.id, i);
  }
  fputs("}\n", out);
  if (il_text_close(out, &text) != 0) {
    il_fail_memory(graph->context, "a drawing of a graph");
    return NULL;
  }
  return text;
}
