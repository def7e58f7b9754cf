/* By what one may differentiate. Folding may have looked through a computed value while a result was made (graph/
 * hidden.c); the graph then no longer knows that use of it, and its derivative would be wrong. */

#include "grad/grad.h"
#include "base/room.h"

static bool refuse_constant(il_graph *g, const char *function, int i, il_value x) {
  double number;
  if (!il_is_constant(g, x, &number)) return true;
  il_fail(g->context, IL_ERROR_ARGUMENT,
          "%s: variable %d is the constant %g, which is one value wherever it is used; expected an "
          "input or a computed value: wrap it with il_leaf, and use the leaf",
          function, i + 1, number);
  return false;
}

/* hiding [size + 1] is room. */
static bool refuse_hidden(il_graph *g, const char *function, int i, il_value x, int outputs,
                          const il_value *y, bool *hiding) {
  for (uint32_t id = 0; id <= g->size; id++) hiding[id] = false;
  il_hiding_mark(g, x, hiding);
  for (int k = 0; k < outputs; k++) {
    if (!hiding[y[k].id]) continue;
    il_fail(g->context, IL_ERROR_ARGUMENT,
            "%s: variable %d (value %%%u, %s) was looked through by a simplification that result "
            "%d needs; expected one that was not: wrap it with il_leaf, and use the leaf",
            function, i + 1, x.id, g->ops[g->nodes[x.id]->op]->name, k + 1);
    return false;
  }
  return true;
}

bool il_grad_variables(il_graph *g, const char *function, int count, const il_value *x, int outputs,
                       const il_value *y) {
  bool computed = false;
  for (int i = 0; i < count; i++) {
    if (!refuse_constant(g, function, i, x[i])) return false;
    computed = computed || g->nodes[x[i].id]->inputs > 0;
  }
  if (!computed || g->hidden.count == 0) return true; /* nothing hides an input */
  const size_t n = (size_t)g->size + 1;
  bool *hidden = il_new(g->context, 2 * n, sizeof *hidden);
  if (!hidden) {
    il_fail_memory(g->context, "a derivative");
    return false;
  }
  il_hidden_mark(g, hidden);
  bool right = true;
  for (int i = 0; i < count && right; i++)
    if (hidden[x[i].id]) right = refuse_hidden(g, function, i, x[i], outputs, y, hidden + n);
  il_release(hidden);
  return right;
}
