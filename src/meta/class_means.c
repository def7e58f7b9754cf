/* Class means, for algorithms that compare with them. */
#include "base/error.h"
#include "graph/graph.h"
#include "meta/task_graph.h"

il_value il_class_means(il_build *b, il_value f, il_value labels) {
  il_graph *g = b->g;
  if (!il_valid(f) || !il_valid(labels)) return (il_value){0};
  if (il_value_type(g, labels) != IL_INT32) {
    il_fail(g->context, IL_ERROR_UNSUPPORTED,
            "%s: needs classes, and the tasks have targets; choose another algorithm",
            b->algorithm->name);
    return (il_value){0};
  }
  il_value member = il_one_hot(g, labels, b->ways);                            /* [n, ways] */
  il_value count = il_transpose(g, il_sum(g, member, 1), (const int[]){1, 0}); /* [ways, 1] */
  il_value sum = il_matmul(g, member, f, true, false);
  return il_div(g, sum, il_maximum(g, count, il_scalar(g, 1)));
}
