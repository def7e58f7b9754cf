/* Simplification of elementwise operations, sums and max pools at construction. */
#ifndef IL_GRAPH_FOLD_H
#define IL_GRAPH_FOLD_H

#include "graph/graph.h"

/* A simpler value equal to the node that is about to be made, {0}: none. Assumes finite operands:
 * x·0 is 0. Zeros may lose their sign. Never changes shape or type. */
il_value il_fold_elementwise(il_graph *g, const il_infer *made);
/* To be called by every fold that goes by v's definition, once it is going to give a result. */
void il_fold_opens(il_graph *g, il_value v);
/* result was made by the definition of v. */
void il_hide(il_graph *g, il_value result, il_value v);
/* The same for a sum (graph/fold_sum.c). */
il_value il_fold_sum(il_graph *g, const il_infer *made);
/* The same for what a pool picks, and pieces for sums (graph/fold_pool.c): of a pool_scatter that is summed over all
 * pixels the node, whose operand sums to the same, NULL where v is none or axes are others; and what that node's taps
 * pick of another image. */
il_value il_fold_pool_gather(il_graph *g, const il_infer *made);
const il_node *il_fold_scattered(const il_graph *g, il_value v, int64_t axes);
il_value il_fold_pooled(il_graph *g, il_value image, const il_node *scatter);
/* The operation on numbers of a real type, unused operands 0 (graph/ops/elementwise.c). */
double il_elementwise_number(il_op op, il_type type, double a, double b, double c);

#endif
