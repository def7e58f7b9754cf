/* The windows of a pool, as kernels take them. */
#ifndef IL_SCHEDULE_WINDOW_H
#define IL_SCHEDULE_WINDOW_H

#include "graph/graph.h"
#include "kernels/kernel.h"

/* Of a node of the pool family. */
il_pool_geometry il_pool_geometry_of(const il_graph *g, const il_node *node);

#endif
