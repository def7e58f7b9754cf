/* Gradient descent as graph. */
#include <innerloop/meta.h>

void il_sgd_update(il_graph *g, double lr, int count, const il_value *parameter,
                   const il_value *gradient, il_value *parameter_next) {
  il_scope_push(g, "sgd");
  for (int i = 0; i < count; i++)
    parameter_next[i] = il_sub(g, parameter[i], il_scale(g, gradient[i], lr));
  il_scope_pop(g);
}
