/* Making and finding nodes; for the files of graph/ alone. */
#ifndef IL_GRAPH_NODE_H
#define IL_GRAPH_NODE_H

#include "graph/graph.h"

/* False when an operand is not a value of g; reports it only when there is no earlier error, since an
 * invalid operand is usually the trace of one. */
bool il_node_operands(il_graph *g, const char *function, int inputs, const il_value *input);
/* Makes the input node with this index; never equal to another node. */
il_value il_node_make_input(il_graph *g, const char *function, int index, il_type type,
                            il_when when, il_shape shape);
/* When a node with these inputs is computed; false (with the error in the context) when values per task
 * meet values after the mean. */
bool il_node_when(il_graph *g, const char *function, il_op op, int inputs, const il_value *input,
                  il_when *when);
/* The operation's fold, with a note of what it hides. */
il_value il_node_fold(il_graph *g, const il_infer *made);
/* The interned node equal to this one, 0: none. */
uint32_t il_node_find(const il_graph *g, const il_node *node);

#endif
