/* Samples of operations for the generated derivative tests. */
#ifndef IL_GRAPH_SAMPLE_H
#define IL_GRAPH_SAMPLE_H

#include "graph/graph.h"

/* A real shared input "x0", "x1", … whose test values are drawn from [low, high], and, so that central
 * differences are valid, kept `apart` from each other (distinct values; 0: need not be). */
il_value il_op_sample_input(il_graph *g, il_shape shape, double low, double high, double apart);
/* An int32 input with values in [0, bound). */
il_value il_op_sample_index(il_graph *g, il_shape shape, int64_t bound);
/* Fills buffers for all sample inputs of g (by the ranges recorded in their names), deterministic in seed.
 * The ranges are carried in the input's name: "x0|low|high|apart", "i1|bound". */
void il_op_sample_fill(const il_graph *g, uint64_t seed, void *const *inputs);

#endif
