/* Losses and accuracy as graph; means over all examples of the batch. */
#include "graph/graph.h"
#include "nn/net.h"

/* Scores [n, classes] and int32 labels [n]; says what is wrong otherwise. */
static bool labelled(il_graph *g, const char *function, il_value scores, il_value labels) {
  if (!il_valid(scores) || !il_valid(labels)) return false;
  il_shape s = il_value_shape(g, scores), l = il_value_shape(g, labels);
  if (s.rank == 2 && l.rank == 1 && s.dim[0] == l.dim[0] && il_value_type(g, labels) == IL_INT32)
    return true;
  char a[96], b[96];
  il_fail(il_graph_context(g), IL_ERROR_SHAPE,
          "%s: scores %s and labels %s of type %s; expected [n,classes] and i32 [n]", function,
          il_shape_text(s, a), il_shape_text(l, b), il_type_name(il_value_type(g, labels)));
  return false;
}

il_value il_cross_entropy(il_graph *g, il_value scores, il_value labels) {
  if (!labelled(g, "il_cross_entropy", scores, labels)) return (il_value){0};
  il_scope_push(g, "cross entropy");
  /* The loss does not depend on what is subtracted, so its derivative may be left out. */
  il_value shifted = il_sub(g, scores, il_stop_gradient(g, il_max(g, scores, 2)));
  il_value log_sum = il_log(g, il_sum(g, il_exp(g, shifted), 2));
  il_value one_hot = il_one_hot(g, labels, il_value_shape(g, scores).dim[1]);
  il_value at_label = il_sum(g, il_mul(g, shifted, one_hot), 2);
  il_value loss = il_mean_all(g, il_sub(g, log_sum, at_label));
  il_scope_pop(g);
  return loss;
}

il_value il_mean_squared_error(il_graph *g, il_value prediction, il_value target) {
  if (!il_valid(prediction) || !il_valid(target)) return (il_value){0};
  il_shape p = il_value_shape(g, prediction), t = il_value_shape(g, target);
  if (!il_shape_equal(p, t)) { /* broadcasting [n,1] over [n] would be a silent mistake */
    char a[96], b[96];
    il_fail(il_graph_context(g), IL_ERROR_SHAPE,
            "il_mean_squared_error: prediction %s and target %s; expected equal shapes",
            il_shape_text(p, a), il_shape_text(t, b));
    return (il_value){0};
  }
  il_scope_push(g, "squared error");
  il_value difference = il_sub(g, prediction, target);
  il_value loss = il_mean_all(g, il_mul(g, difference, difference));
  il_scope_pop(g);
  return loss;
}

/* y as targets of the scores' shape. */
static il_value targets_of(il_graph *g, const char *function, il_value scores, il_value y) {
  if (!il_valid(scores) || !il_valid(y)) return (il_value){0};
  il_shape s = il_value_shape(g, scores), t = il_value_shape(g, y);
  if (il_value_type(g, y) == IL_INT32) {
    if (!labelled(g, function, scores, y)) return (il_value){0};
    return s.dim[1] == 1 ? il_reshape(g, il_cast(g, y), s) : il_one_hot(g, y, s.dim[1]);
  }
  if (il_shape_equal(s, t)) return y;
  char a[96], b[96];
  il_fail(il_graph_context(g), IL_ERROR_SHAPE,
          "%s: scores %s and targets %s; expected equal shapes", function, il_shape_text(s, a),
          il_shape_text(t, b));
  return (il_value){0};
}

il_value il_binary_cross_entropy(il_graph *g, il_value scores, il_value y) {
  il_value t = targets_of(g, "il_binary_cross_entropy", scores, y);
  if (!il_valid(t)) return t;
  il_scope_push(g, "binary cross entropy");
  /* max(s, 0) − s·t + log(1 + e^−|s|) */
  il_value rest = il_log(g, il_shift(g, il_exp(g, il_neg(g, il_abs(g, scores))), 1));
  il_value linear = il_sub(g, il_relu(g, scores), il_mul(g, scores, t));
  il_value loss = il_mean_all(g, il_add(g, linear, rest));
  il_scope_pop(g);
  return loss;
}

il_value il_loss_value(il_graph *g, il_loss loss, il_value scores, il_value y) {
  switch (loss) {
  case IL_LOSS_CROSS_ENTROPY: return il_cross_entropy(g, scores, y);
  case IL_LOSS_MEAN_SQUARED_ERROR: return il_mean_squared_error(g, scores, y);
  case IL_LOSS_BINARY_CROSS_ENTROPY: return il_binary_cross_entropy(g, scores, y);
  }
  il_fail(il_graph_context(g), IL_ERROR_ARGUMENT, "il_loss_value: unknown loss %d", (int)loss);
  return (il_value){0};
}

static il_value accuracy_of_numbers(il_graph *g, il_value scores, il_value targets) {
  il_value yes = il_step(g, il_shift(g, targets, -0.5));
  return il_mean_all(g, il_equal(g, il_step(g, scores), yes));
}

il_value il_accuracy(il_graph *g, il_value scores, il_value y) {
  if (!il_valid(scores) || !il_valid(y)) return (il_value){0};
  bool one = il_value_shape(g, scores).rank == 2 && il_value_shape(g, scores).dim[1] == 1;
  bool numbers = one || il_value_type(g, y) != IL_INT32;
  il_value targets = numbers ? targets_of(g, "il_accuracy", scores, y) : y;
  if (!il_valid(targets) || (!numbers && !labelled(g, "il_accuracy", scores, y)))
    return (il_value){0};
  il_scope_push(g, "accuracy");
  int64_t n = il_value_shape(g, scores).dim[0];
  il_value accuracy = {0};
  if (numbers) {
    accuracy = accuracy_of_numbers(g, scores, targets);
  } else {
    il_value best = il_cast(g, il_reshape(g, il_argmax(g, scores, 1), IL_SHAPE(n)));
    accuracy = il_mean_all(g, il_equal(g, best, il_cast(g, y)));
  }
  il_scope_pop(g);
  return accuracy;
}
