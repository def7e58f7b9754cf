/* Scores of parameters as graph: gradient, Fisher information, curvature; and inner steps behind a mask. */
#include <innerloop/greedy.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "graph/graph.h"

/* Row n of the scores or labels, still with its first axis. */
static il_value row(il_graph *g, il_value v, int64_t n) {
  il_shape shape = il_value_shape(g, v);
  int64_t begin[IL_MAX_RANK] = {n};
  shape.dim[0] = 1;
  return il_slice(g, v, begin, shape);
}

static il_value number_at(il_graph *g, il_value v, int64_t row_index, int64_t column) {
  il_value one = il_slice(g, v, (int64_t[]){row_index, column}, IL_SHAPE(1, 1));
  return il_reshape(g, one, il_shape_scalar());
}

/* sum[p] += factor·d[p]², where sum[p] may still be invalid. */
static void add_squares(il_graph *g, int count, const il_value *d, il_value factor, il_value *sum) {
  for (int p = 0; p < count; p++) {
    il_value term = il_mul(g, factor, il_mul(g, d[p], d[p]));
    sum[p] = il_valid(sum[p]) ? il_add(g, sum[p], term) : term;
  }
}

static void fisher(il_graph *g, int count, il_loss loss, const il_value *parameters,
                   il_value scores, il_value y, il_value *d, il_value *measure) {
  int64_t n = il_value_shape(g, scores).dim[0];
  il_value share = il_scalar(g, 1.0 / (double)n);
  for (int64_t i = 0; i < n; i++) {
    il_grad(g, il_loss_value(g, loss, row(g, scores, i), row(g, y, i)), count, parameters, d);
    add_squares(g, count, d, share, measure);
  }
}

/* H_n of squared error is 2/(n·outputs)·1; of binary cross-entropy diag(p·(1 − p))/(n·outputs); of cross-entropy (diag(p) − p·pᵀ)/n, so that
 * J_nᵀ·H_n·J_n = Σ_c p_c·(J_c − Σ_k p_k·J_k)²/n: the rows are centred first, a sum of squares stays. */
static void curvature(il_graph *g, int count, il_loss loss, const il_value *parameters,
                      il_value scores, il_value *d, il_value *h) {
  il_shape shape = il_value_shape(g, scores);
  int64_t n = shape.dim[0], outputs = shape.dim[1];
  il_value factor = {0}, centred = scores; /* factor [n, outputs] */
  switch (loss) {
  case IL_LOSS_CROSS_ENTROPY: {
    il_value e = il_exp(g, il_sub(g, scores, il_max(g, scores, 2)));
    il_value p = il_stop_gradient(g, il_div(g, e, il_sum(g, e, 2)));
    centred = il_sub(g, scores, il_sum(g, il_mul(g, p, scores), 2));
    factor = il_scale(g, p, 1.0 / (double)n);
    break;
  }
  case IL_LOSS_BINARY_CROSS_ENTROPY: {
    il_value p = il_sigmoid(g, scores);
    factor = il_scale(g, il_mul(g, p, il_sub(g, il_scalar(g, 1), p)), 1.0 / (double)(n * outputs));
    break;
  }
  case IL_LOSS_MEAN_SQUARED_ERROR:
    factor = il_constant(g, 2.0 / (double)(n * outputs), shape);
    break;
  }
  for (int64_t i = 0; i < n; i++)
    for (int64_t c = 0; c < outputs; c++) {
      il_value s = number_at(g, centred, i, c);
      il_grad(g, s, count, parameters, d);
      add_squares(g, count, d, number_at(g, factor, i, c), h);
    }
}

static il_value *scratch(il_graph *g, int count, il_value *cleared) {
  for (int p = 0; p < count; p++) cleared[p] = (il_value){0};
  il_value *d = calloc((size_t)count + 1, sizeof *d);
  if (!d) il_fail_memory(il_graph_context(g), "derivatives by example");
  return d;
}

il_status il_greedy_curvature(il_graph *g, const il_net *net, il_loss loss,
                              const il_value *parameters, il_value x, il_statistics statistics,
                              il_moments *moments, il_value *h) {
  int count = il_net_parameters(net);
  il_value *d = scratch(g, count, h);
  if (!d) return il_context_status(il_graph_context(g));
  il_scope_push(g, "curvature");
  il_value scores = il_net_apply(net, g, parameters, x, statistics, moments, (il_value){0}, 0);
  if (il_valid(scores)) curvature(g, count, loss, parameters, scores, d, h);
  il_scope_pop(g);
  free(d);
  return il_context_status(il_graph_context(g));
}

il_status il_greedy_measure(il_graph *g, const il_net *net, const il_greedy_rule *rule,
                            il_loss loss, const il_value *parameters, il_value x, il_value y,
                            il_value *gradient, il_value *measure) {
  int count = il_net_parameters(net);
  if (il_greedy_rule_check(il_graph_context(g), rule) != IL_OK)
    return il_context_status(il_graph_context(g));
  il_value *d = scratch(g, count, measure);
  if (!d) return il_context_status(il_graph_context(g));
  il_scope_push(g, "score");
  il_value scores =
      il_net_apply(net, g, parameters, x, IL_STATISTICS_BATCH, NULL, (il_value){0}, 0);
  il_grad(g, il_loss_value(g, loss, scores, y), count, parameters, gradient);
  if (il_valid(scores)) {
    switch (rule->score) {
    case IL_GREEDY_GRADIENT:
    case IL_GREEDY_RANDOM: break;
    case IL_GREEDY_FISHER: fisher(g, count, loss, parameters, scores, y, d, measure); break;
    case IL_GREEDY_NEWTON: curvature(g, count, loss, parameters, scores, d, measure); break;
    }
  }
  for (int p = 0; p < count; p++) {
    if (rule->score == IL_GREEDY_GRADIENT || rule->score == IL_GREEDY_RANDOM)
      measure[p] = gradient[p];
    if (rule->score == IL_GREEDY_NEWTON)
      measure[p] = il_div(g, gradient[p], il_shift(g, measure[p], rule->damping));
  }
  il_scope_pop(g);
  free(d);
  return il_context_status(il_graph_context(g));
}
