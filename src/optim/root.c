/* Roots of sums of squares (root.h). */
#include "optim/root.h"

il_value il_root(il_graph *g, il_value v, bool differentiable) {
  if (!differentiable) return il_sqrt(g, v);
  il_value on = il_step(g, v);
  il_value safe = il_select(g, on, v, il_constant(g, 1, il_value_shape(g, v)));
  return il_mul(g, on, il_sqrt(g, safe));
}
