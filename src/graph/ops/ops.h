/* Shared by the records of structured operations. */
#ifndef IL_GRAPH_OPS_OPS_H
#define IL_GRAPH_OPS_OPS_H

#include <math.h>
#include <string.h>

#include "graph/fold.h"
#include "graph/graph.h"
#include "graph/sample.h"

static inline const il_node *il_operand(const il_infer *m, int i) {
  return il_node_of(m->graph, m->input[i]);
}
static inline const il_node *il_input_node(const il_graph *g, const il_node *node, int i) {
  return g->nodes[node->input[i].id];
}
/* Reports "function: operand i has type …, expected …" unless the type is the graph's real one. */
bool il_expect_real(const il_infer *m, int i);
bool il_expect_index(const il_infer *m, int i);
/* The stated rule of operations whose derivative is zero wherever it exists. */
il_value il_rule_zero(il_graph *g, il_value node, int index, il_value cotangent);

/* ---- windows of the convolution and pool families (window.c) ---- */
extern const il_field il_window_fields[];
const il_window *il_window_of(const il_node *node);
/* Positions of the window along axis i (0: height, 1: width) of an image of that size; 0: none fits. */
int64_t il_window_reach(const il_window *window, int i, int64_t size);

#endif
