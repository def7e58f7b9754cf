/* Parts of builders that other builders use, with the name of what the user called. */
#ifndef IL_GRAPH_BUILD_H
#define IL_GRAPH_BUILD_H

#include "graph/graph.h"

/* The number is rounded to the graph's real type, so that equal fills are equal nodes. */
il_value il_build_constant(il_graph *g, const char *function, double number, il_shape shape);
/* Numpy's rule for one operand; constants are made anew in the larger shape. */
il_value il_build_broadcast(il_graph *g, const char *function, il_value a, il_shape shape);
/* An elementwise operation after its operands were broadcast to their common shape. */
il_value il_build_elementwise(il_graph *g, const char *function, il_op op, int inputs,
                              const il_value *input);
/* The key of which stream s is the key's stream s + streams·number; key int32 [2], number [] and whole. */
il_value il_key_at(il_graph *g, il_value key, il_value number, int64_t streams);

#endif
