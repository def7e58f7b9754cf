/* What baselines share: pre-training on all classes at once, and steps of a head on the features that come of it. */
#include "meta/pretrain.h"

#include <math.h>

#include "base/error.h"
#include "graph/graph.h"
#include "meta/task_graph.h"
#include "nn/net.h"

int64_t il_feature_count(const il_net *net) {
  return il_shape_count(net->layer[net->layers - 1].out);
}

void il_pretrain_declare(il_context *context, const void *settings, il_entries *entries,
                         bool bias) {
  const il_pretrain_settings *s = settings;
  if (s->classes < 2 || !entries->count) {
    il_fail(context, IL_ERROR_CONFIG,
            "pre-training: found %d classes and a net of %d parameters; expected 2 or more classes "
            "that train, and a net that learns",
            s->classes, entries->count);
    return;
  }
  const int64_t features = il_feature_count(entries->entry[0].net);
  const double bound = 1 / sqrt((double)features);
  if (il_entries_add(context, entries,
                     (il_entry){.name = "classifier.weight",
                                .shape = IL_SHAPE(features, s->classes),
                                .drawn = true,
                                .low = -bound,
                                .high = bound}) &&
      bias)
    il_entries_add(context, entries,
                   (il_entry){.name = "classifier.bias",
                              .shape = IL_SHAPE(s->classes),
                              .drawn = true,
                              .low = -bound,
                              .high = bound});
}

il_value il_pretrain_features(il_build *b) {
  const bool records = il_build_records(b); /* whose first look are the moments of the second */
  b->pass = records ? IL_PASS_RECORDING : IL_PASS_SCORING;
  const il_value support = il_apply(b, NULL, b->task.support_x, 0);
  b->pass = IL_PASS_SCORING;
  const il_value query = il_apply(b, NULL, b->task.query_x, 0);
  if (!il_valid(support) || !il_valid(query)) return (il_value){0};
  return il_concat(b->g, 2, (const il_value[]){support, query}, 0);
}

void il_pretrain_outcome(il_build *b, il_value scores, il_outcome *out) {
  il_graph *g = b->g;
  if (!il_valid(scores)) return;
  if (il_value_type(g, b->task.support_y) != IL_INT32) {
    il_fail(g->context, IL_ERROR_UNSUPPORTED,
            "%s: needs classes, and the tasks have targets; choose another algorithm",
            b->algorithm->name);
    return;
  }
  /* The sets are as large as they are: each counts by its examples. */
  const il_shape all = il_value_shape(g, scores);
  const int64_t support = il_value_shape(g, b->task.support_y).dim[0], query = all.dim[0] - support;
  const il_value of_support =
      il_slice(g, scores, (const int64_t[]){0, 0}, IL_SHAPE(support, all.dim[1]));
  const il_value of_query =
      il_slice(g, scores, (const int64_t[]){support, 0}, IL_SHAPE(query, all.dim[1]));
  const il_value y[] = {b->task.support_y, b->task.query_y}, s[] = {of_support, of_query};
  il_value loss[2], right[2];
  for (int i = 0; i < 2; i++) {
    const double share = (double)(i ? query : support) / (double)all.dim[0];
    loss[i] = il_scale(g, il_cross_entropy(g, s[i], y[i]), share);
    right[i] = il_scale(g, il_accuracy(g, s[i], y[i]), share);
  }
  out->loss = il_add(g, loss[0], loss[1]);
  out->accuracy = il_add(g, right[0], right[1]);
  out->gradient = il_values_grad(g, out->loss, &b->meta);
}

il_value il_support_features(il_build *b) {
  const int pass = b->pass;
  b->pass = IL_PASS_BEGINNING;
  const il_value f = il_apply(b, NULL, b->task.support_x, 0);
  b->pass = pass;
  return f;
}

/* As an inner step's mini-batch of examples: labels go through one-hot rows, for indexes cannot be gathered. */
void il_head_batch(il_build *b, int k, il_value *f, il_value *labels) {
  il_graph *g = b->g;
  *f = il_support_features(b);
  *labels = b->task.support_y;
  if (!il_valid(*f) || !il_valid(b->task.order)) return;
  const il_value index = il_step_order(b, k);
  const int64_t size = il_value_shape(g, index).dim[0];
  const il_value member = il_gather(g, il_one_hot(g, *labels, b->ways), index);
  *f = il_gather(g, *f, index);
  *labels = il_reshape(g, il_argmax(g, member, 1), IL_SHAPE(size));
}
