/* Norm layers: of moments that a batch has or that are given, and of an example's own. */
#include "nn/pass.h"

/* [C] -> [1,…,1,C], so that it broadcasts over the batch (and the image). */
static il_value per_channel(il_graph *g, il_value v, int rank) {
  il_shape shape = {.rank = rank};
  for (int i = 0; i < rank - 1; i++) shape.dim[i] = 1;
  shape.dim[rank - 1] = il_shape_count(il_value_shape(g, v));
  return il_reshape(g, v, shape);
}

static il_value inverse_deviation(il_graph *g, il_value variance, double eps) {
  return il_div(g, il_scalar(g, 1), il_sqrt(g, il_shift(g, variance, eps)));
}

/* Moments of each channel of each example over its pixels or steps: [n,1,1,c]. */
typedef struct moments {
  il_value mean, variance;
} moments;

static moments own_moments(il_graph *g, il_value x) {
  const il_value mean = il_mean(g, x, 2 | 4), centred = il_sub(g, x, mean);
  return (moments){mean, il_mean(g, il_mul(g, centred, centred), 2 | 4)};
}

/* TaskNorm-I: n examples' moments and each example's own are those of one mixture, whose mean and variance these are. */
static moments blend(const il_pass *p, const il_net_layer_record *record, moments task, moments own,
                     int64_t examples) {
  il_graph *g = p->g;
  const il_value *w = &p->parameters[record->parameter];
  const il_shape one = IL_SHAPE(1, 1, 1, 1);
  const il_value a =
      il_reshape(g, il_sigmoid(g, il_add(g, il_scale(g, w[2], (double)examples), w[3])), one);
  const il_value rest = il_sub(g, il_scalar(g, 1), a);
  const il_value mean = il_add(g, il_mul(g, a, task.mean), il_mul(g, rest, own.mean));
  const il_value from_task = il_sub(g, task.mean, mean), from_own = il_sub(g, own.mean, mean);
  const il_value of_task = il_add(g, task.variance, il_mul(g, from_task, from_task));
  const il_value of_own = il_add(g, own.variance, il_mul(g, from_own, from_own));
  return (moments){mean, il_add(g, il_mul(g, a, of_task), il_mul(g, rest, of_own))};
}

static il_value task_norm(il_pass *p, const il_net_layer_record *record, il_value x, moments task,
                          int64_t examples) {
  il_graph *g = p->g;
  moments m = own_moments(g, x);
  /* A batch of one has its own moments: so has their mixture, whatever its weights. */
  if (p->statistics != IL_STATISTICS_EACH) m = blend(p, record, task, m, examples);
  const il_value gamma = per_channel(g, p->parameters[record->parameter], 4);
  const il_value beta = per_channel(g, p->parameters[record->parameter + 1], 4);
  const il_value rstd = inverse_deviation(g, m.variance, record->layer.eps);
  return il_add(g, il_mul(g, il_sub(g, x, m.mean), il_mul(g, rstd, gamma)), beta);
}

il_value il_norm_with_moments(il_pass *p, const il_net_layer_record *record, il_value x) {
  il_graph *g = p->g;
  il_shape shape = il_value_shape(g, x);
  il_value gamma = per_channel(g, p->parameters[record->parameter], shape.rank);
  il_value beta = per_channel(g, p->parameters[record->parameter + 1], shape.rank);
  int index = p->norms++;
  if (p->statistics == IL_STATISTICS_EACH && shape.rank == 2)
    return il_broadcast(g, beta, shape); /* a batch of one is its own mean: nothing is left of x */
  uint32_t axes = (1u << (shape.rank - 1)) - 1;
  if (p->statistics == IL_STATISTICS_EACH) axes &= ~1u;
  bool given = p->statistics == IL_STATISTICS_GIVEN;
  il_value mean = given ? p->moments->mean[index] : il_mean(g, x, axes);
  il_value centred = il_sub(g, x, mean);
  il_value variance =
      given ? p->moments->variance[index] : il_mean(g, il_mul(g, centred, centred), axes);
  if (p->statistics == IL_STATISTICS_BATCH && p->moments) {
    p->moments->mean[index] = mean;
    p->moments->variance[index] = variance;
    p->moments->examples = shape.dim[0];
  }
  if (record->layer.kind == IL_LAYER_TASK_NORM)
    return task_norm(p, record, x, (moments){mean, variance},
                     given ? p->moments->examples : shape.dim[0]);
  il_value rstd = inverse_deviation(g, variance, record->layer.eps);
  return il_add(g, il_mul(g, centred, il_mul(g, rstd, gamma)), beta);
}

/* [n,1,1,c], or [n,c]: the mean over each group of channels, at each of its channels. */
static il_value over_groups(il_graph *g, il_value a, int64_t groups) {
  const il_shape shape = il_value_shape(g, a);
  const int64_t n = shape.dim[0], c = shape.dim[shape.rank - 1];
  if (groups == c) return a;
  const il_shape apart = IL_SHAPE(n, groups, c / groups);
  const il_value mean = il_mean(g, il_reshape(g, a, apart), 4);
  return il_reshape(g, il_broadcast(g, mean, apart), shape);
}

/* Means over places first, which leave little to be summed over channels: places are what there are many of. */
static il_value alone_mean(il_graph *g, il_value x, int64_t groups) {
  const bool places = il_value_shape(g, x).rank == 4;
  return over_groups(g, places ? il_mean(g, x, 2 | 4) : x, groups);
}

il_value il_norm_alone(il_pass *p, const il_net_layer_record *record, il_value x) {
  il_graph *g = p->g;
  const il_layer *layer = &record->layer;
  const il_shape shape = il_value_shape(g, x);
  const int rank = shape.rank;
  /* Of a signal, the channels of each step. */
  const bool steps = layer->kind == IL_LAYER_LAYER_NORM && record->signal && rank == 4;
  const int64_t groups = layer->kind == IL_LAYER_GROUP_NORM   ? layer->groups
                         : layer->kind == IL_LAYER_LAYER_NORM ? 1
                                                              : shape.dim[rank - 1];
  const il_value centred = il_sub(g, x, steps ? il_mean(g, x, 8) : alone_mean(g, x, groups));
  const il_value square = il_mul(g, centred, centred);
  const il_value variance = steps ? il_mean(g, square, 8) : alone_mean(g, square, groups);
  const il_value rstd = inverse_deviation(g, variance, layer->eps);
  if (!layer->affine) return il_mul(g, centred, rstd);
  const il_value gamma = per_channel(g, p->parameters[record->parameter], rank);
  const il_value beta = per_channel(g, p->parameters[record->parameter + 1], rank);
  return il_add(g, il_mul(g, centred, il_mul(g, rstd, gamma)), beta);
}
