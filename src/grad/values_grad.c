/* Derivatives by a list of values. */
#include <innerloop/grad.h>
#include <innerloop/values.h>

#include "graph/graph.h"

il_values il_values_grad(il_graph *g, il_value y, const il_values *x) {
  il_values dx = il_values_copy(g, x);
  if (il_context_status(g->context) == IL_OK) il_grad(g, y, x->count, x->at, dx.at);
  return dx;
}
