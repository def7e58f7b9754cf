/* Shared by the records of structured operations. */
#ifndef IL_GRAPH_OPS_OPS_H
#define IL_GRAPH_OPS_OPS_H

#include <math.h>
#include <string.h>

#include "graph/graph.h"
#include "graph/sample.h"

static inline const il_node *il_operand(const il_infer *m, int i) {
  return il_node_of(m->graph, m->input[i]);
}
static inline const il_node *il_input_node(const il_graph *g, const il_node *node, int i) {
  return g->nodes[node->input[i].id];
}
static inline bool il_is_real(il_type type) { return type == IL_FLOAT32 || type == IL_FLOAT64; }
/* Reports "function: operand i has type …, expected …" unless the type is the graph's real one. */
bool il_expect_real(const il_infer *m, int i);
bool il_expect_index(const il_infer *m, int i);
/* The stated rule of operations whose derivative is zero wherever it exists. */
il_value il_rule_zero(il_graph *g, il_value node, int index, il_value cotangent);

#endif
