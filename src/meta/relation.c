/* Relation Network: Sung, Yang, Zhang, Xiang, Torr, Hospedales, "Learning to Compare: Relation Network for Few-Shot
 * Learning", CVPR 2018, section 3 and its program: the feature maps of a class's shots are summed, joined with those of a
 * query along the channels, and a second net, which is learned too, says how much they belong together: two blocks of
 * 3x3 convolution, norm, relu and max pool, and two linear layers, to a number that sigmoid makes a relation of 0 to 1.
 * The loss is the squared error of all relations to 1 for the query's class and 0 for the others.
 *
 * The net's last feature maps are taken as they are before it flattens them; features without a map are one pixel. The
 * first convolution of two joined maps is the sum of one of each, so that it is made once of each and not once of each
 * pair. Norm layers of the second net take the moments of all pairs of the batch, as the program does, where
 * meta.query_statistics is query; otherwise, and for any number of queries alike, those of one query's pairs. Scores are
 * the numbers before the sigmoid: the order is the same, and their softmax is a distribution. */
#include <innerloop/field.h>

#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "graph/graph.h"
#include "meta/task_graph.h"
#include "nn/net.h"

/* The maps that the net ends in before it flattens them: [h,w,c]. */
static il_shape maps_of(const il_net *net) {
  const int64_t features = il_shape_count(net->layer[net->layers - 1].out);
  for (int i = net->layers - 1; i >= 0; i--) {
    const il_shape out = net->layer[i].out;
    if (il_shape_count(out) != features || net->layer[i].layer.kind == IL_LAYER_LINEAR) break;
    if (out.rank == 3) return out;
  }
  return IL_SHAPE(1, 1, features);
}

/* ---- what it learns ---- */

static bool add(il_context *context, il_entries *entries, const char *name, il_shape shape,
                double low, double high) {
  il_entry e = {.shape = shape, .drawn = true, .low = low, .high = high};
  snprintf(e.name, sizeof e.name, "relation.%s", name);
  return il_entries_add(context, entries, e);
}

/* Even around zero, with the variance of the program's normal numbers: 2 / (taps·filters), 0.01². */
static void declare(il_context *context, const void *settings, il_entries *entries) {
  const il_relation_settings *s = settings;
  if (!entries->count) {
    il_fail(context, IL_ERROR_UNSUPPORTED,
            "relation: needs a net that learns, and this one has no parameter");
    return;
  }
  const int64_t c = maps_of(entries->entry[0].net).dim[2], f = s->filters, units = s->units;
  const double conv = sqrt(6.0 / (9.0 * (double)f)), linear = 0.01732;
  if (add(context, entries, "conv1.support", IL_SHAPE(3, 3, c, f), -conv, conv) &&
      add(context, entries, "conv1.query", IL_SHAPE(3, 3, c, f), -conv, conv) &&
      add(context, entries, "norm1.weight", IL_SHAPE(f), 1, 1) &&
      add(context, entries, "norm1.bias", IL_SHAPE(f), 0, 0) &&
      add(context, entries, "conv2.weight", IL_SHAPE(3, 3, f, f), -conv, conv) &&
      add(context, entries, "norm2.weight", IL_SHAPE(f), 1, 1) &&
      add(context, entries, "norm2.bias", IL_SHAPE(f), 0, 0)) {
    /* Halved twice where there is something to halve. */
    il_shape map = maps_of(entries->entry[0].net);
    for (int i = 0; i < 4; i++)
      if (map.dim[i % 2] > 1) map.dim[i % 2] /= 2;
    const int64_t left = map.dim[0] * map.dim[1] * f;
    if (add(context, entries, "linear1.weight", IL_SHAPE(left, units), -linear, linear) &&
        add(context, entries, "linear1.bias", IL_SHAPE(units), 1, 1) &&
        add(context, entries, "linear2.weight", IL_SHAPE(units, 1), -linear, linear))
      add(context, entries, "linear2.bias", IL_SHAPE(1), 1, 1);
  }
}

static il_value learned(il_build *b, const char *name) {
  char whole[IL_ENTRY_NAME];
  snprintf(whole, sizeof whole, "relation.%s", name);
  return il_values_get(b->g, &b->meta, whole);
}

/* ---- the second net ---- */

/* x [queries·ways, h,w,c]. */
static il_value norm(il_build *b, const char *name, il_value x, int64_t queries) {
  il_graph *g = b->g;
  if (!il_valid(x)) return x;
  const il_shape s = il_value_shape(g, x);
  const il_shape rows = IL_SHAPE(queries, il_shape_count(s) / queries / s.dim[3], s.dim[3]);
  const uint32_t axes = b->statistics == IL_QUERY_STATISTICS_QUERY ? 1 | 2 : 2;
  char weight[32], bias[32];
  snprintf(weight, sizeof weight, "%s.weight", name);
  snprintf(bias, sizeof bias, "%s.bias", name);
  const il_value r = il_reshape(g, x, rows);
  const il_value centred = il_sub(g, r, il_mean(g, r, axes));
  const il_value variance = il_mean(g, il_mul(g, centred, centred), axes);
  const il_value rstd = il_div(g, il_scalar(g, 1), il_sqrt(g, il_shift(g, variance, 1e-5)));
  const il_value y =
      il_add(g, il_mul(g, centred, il_mul(g, rstd, learned(b, weight))), learned(b, bias));
  return il_reshape(g, y, s);
}

static il_value conv(il_build *b, il_value x, const char *name) {
  return il_conv2d(b->g, x, learned(b, name), il_window_square(3, 1, 1));
}

/* Relu after the pool, whose largest number it cuts off as well: a fraction of the elements. */
static il_value pool_relu(il_graph *g, il_value x) {
  if (!il_valid(x)) return x;
  const il_shape s = il_value_shape(g, x);
  il_window window = il_window_square(2, 2, 0);
  for (int k = 0; k < 2; k++)
    if (s.dim[k + 1] < 2) window.kernel[k] = window.stride[k] = 1;
  return il_relu(g, il_max_pool(g, x, window));
}

static il_value linear(il_build *b, il_value x, const char *weight, const char *bias) {
  return il_add(b->g, il_matmul(b->g, x, learned(b, weight), false, false), learned(b, bias));
}

/* Of joined [queries·ways, h,w,f], which the first convolution made: [queries·ways, 1]. */
static il_value relate(il_build *b, il_value joined, int64_t queries) {
  il_graph *g = b->g;
  il_value x = pool_relu(g, norm(b, "norm1", joined, queries));
  x = pool_relu(g, norm(b, "norm2", conv(b, x, "conv2.weight"), queries));
  if (!il_valid(x)) return x;
  const il_shape s = il_value_shape(g, x);
  x = il_reshape(g, x, IL_SHAPE(s.dim[0], il_shape_count(s) / s.dim[0]));
  x = il_relu(g, linear(b, x, "linear1.weight", "linear1.bias"));
  return linear(b, x, "linear2.weight", "linear2.bias");
}

/* ---- the algorithm ---- */

/* Features [n, h·w·c] as maps. */
static il_value as_maps(il_build *b, il_value f) {
  if (!il_valid(f)) return f;
  const il_shape map = maps_of(b->net);
  return il_reshape(b->g, f,
                    IL_SHAPE(il_value_shape(b->g, f).dim[0], map.dim[0], map.dim[1], map.dim[2]));
}

static void begin(il_build *b, il_values *state) {
  il_graph *g = b->g;
  const il_value f = il_apply(b, NULL, b->task.support_x, 0);
  if (!il_valid(il_class_means(b, f, b->task.support_y))) return; /* says it where there are none */
  const il_value member = il_one_hot(g, b->task.support_y, b->ways);
  il_values_put(g, state, (il_entry){.name = "sum"}, il_matmul(g, member, f, true, false));
}

static il_value score(il_build *b, const il_values *state, il_value x, int k) {
  il_graph *g = b->g;
  const il_value f = as_maps(b, il_apply(b, NULL, x, k));
  const il_value sum = as_maps(b, il_values_get(g, state, "sum"));
  if (!il_valid(f) || !il_valid(sum)) return (il_value){0};
  il_scope_push(g, "relation");
  const il_value of_query = conv(b, f, "conv1.query"), of_class = conv(b, sum, "conv1.support");
  il_value related = {0};
  if (il_valid(of_query) && il_valid(of_class)) {
    const il_shape s = il_value_shape(g, of_query);
    const int64_t n = s.dim[0], ways = b->ways, h = s.dim[1], w = s.dim[2], c = s.dim[3];
    const il_value joined = il_add(g, il_reshape(g, of_query, IL_SHAPE(n, 1, h, w, c)),
                                   il_reshape(g, of_class, IL_SHAPE(1, ways, h, w, c)));
    related = relate(b, il_reshape(g, joined, IL_SHAPE(n * ways, h, w, c)), n);
    related = il_reshape(g, related, IL_SHAPE(n, ways));
  }
  il_scope_pop(g);
  return related;
}

static void objective(il_build *b, il_outcome *out) {
  il_graph *g = b->g;
  il_values state;
  il_build_begin(b, &state);
  out->scores = il_build_query(b, &state, 0);
  if (!il_valid(out->scores)) return;
  const il_value y = il_one_hot(g, b->task.query_y, b->ways);
  out->loss = il_mean_squared_error(g, il_sigmoid(g, out->scores), y);
  out->accuracy = il_accuracy(g, out->scores, b->task.query_y);
  out->gradient = il_values_grad(g, out->loss, &b->meta);
}

static const il_field fields[] = {
    IL_FIELD(il_relation_settings, filters, IL_FIELD_INT32, "64", 1, 4096, "",
             "filters of either convolution that compares (relation)"),
    IL_FIELD(il_relation_settings, units, IL_FIELD_INT32, "8", 1, 4096, "",
             "units of the linear layer behind them (relation)"),
    {0}};

const il_algorithm il_relation = {.name = "relation",
                                  .paper = "Sung et al., CVPR 2018",
                                  .revision = 1,
                                  .gradient = IL_GRADIENT_EXACT,
                                  .own_head = true,
                                  .size = sizeof(il_relation_settings),
                                  .fields = fields,
                                  .declare = declare,
                                  .begin = begin,
                                  .score = score,
                                  .objective = objective};
