/* The windows of pools, and of gathers and scatters by a pool's indexes. */
#ifndef IL_PASS_WINDOW_H
#define IL_PASS_WINDOW_H

#include "graph/graph.h"
#include "kernels/kernel.h"

/* Geometry of a pooling node that reads `from`. */
il_pool_geometry il_pool_geometry_of(const il_node *node, const il_node *from);
/* Whether `index` holds the indexes of a pool over an image of `rows` numbers, whose windows lie inside the
 * image and apart from each other; receives the windows. */
bool il_window_of_index(const il_graph *g, const il_node *index, int64_t rows,
                        il_pool_geometry *window);

#endif
