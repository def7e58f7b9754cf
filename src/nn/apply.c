/* Applies a net to a batch: one scope per layer, plain graph operations, so any order of derivative works. */
#include "graph/graph.h"
#include "nn/pass.h"

static il_value flatten(il_graph *g, il_value x) {
  il_shape shape = il_value_shape(g, x);
  if (shape.rank <= 2) return x;
  return il_reshape(g, x, IL_SHAPE(shape.dim[0], il_shape_count(shape) / shape.dim[0]));
}

static il_value mean_pool(il_graph *g, il_value x) {
  il_shape shape = il_value_shape(g, x);
  return il_reshape(g, il_mean(g, x, 2 | 4), IL_SHAPE(shape.dim[0], shape.dim[3]));
}

static il_value dropout(il_pass *p, int index, il_value x) {
  double rate = p->net->layer[index].layer.rate;
  if (!il_valid(p->dropout_key) || rate <= 0) return x;
  int64_t stream = p->dropout_stream * p->net->layers + index;
  il_value u = il_random_uniform(p->g, p->dropout_key, stream, il_value_shape(p->g, x));
  il_value mask = il_step(p->g, il_shift(p->g, u, -rate));
  return il_mul(p->g, x, il_scale(p->g, mask, 1 / (1 - rate)));
}

/* What a residual block keeps: its input, and from shortcut on what its main branch has given. */
static il_value open_block(il_pass *p, il_value x) {
  p->branch[p->open++] = x;
  return x;
}

static il_value turn_to_shortcut(il_pass *p, il_value x) {
  const il_value input = p->branch[p->open - 1];
  p->branch[p->open - 1] = x;
  return input;
}

/* A square window, or one along the time of signals, which are images [1,t,c]. */
static il_window window_of(const il_net_layer_record *record) {
  const il_layer *layer = &record->layer;
  il_window window = il_window_square(layer->kernel, layer->stride, layer->pad);
  if (layer->dilation > 1) window.dilation[0] = window.dilation[1] = layer->dilation;
  if (layer->groups > 1) window.groups = layer->groups;
  if (!record->signal) return window;
  window.kernel[0] = window.stride[0] = 1;
  window.pad_low[0] = window.pad_high[0] = 0;
  window.dilation[0] = 1;
  return window;
}

/* conv1d's [k,in,out] as [1,k,in,out]. */
static il_value filters_of(il_graph *g, il_value w) {
  const il_shape s = il_value_shape(g, w);
  return s.rank == 4 ? w : il_reshape(g, w, IL_SHAPE(1, s.dim[0], s.dim[1], s.dim[2]));
}

static il_value apply_layer(il_pass *p, int index, il_value x) {
  il_graph *g = p->g;
  const il_net_layer_record *record = &p->net->layer[index];
  const il_layer *layer = &record->layer;
  const il_value *w = &p->parameters[record->parameter];
  switch (layer->kind) {
  case IL_LAYER_LINEAR: {
    il_value y = il_matmul(g, flatten(g, x), w[0], false, false);
    return layer->bias ? il_add(g, y, w[1]) : y;
  }
  case IL_LAYER_CONV:
  case IL_LAYER_CONV1D: {
    const il_value filters = filters_of(g, w[0]);
    const il_window window = window_of(record);
    il_value y = window.groups > 1 ? il_grouped_conv(g, x, filters, window)
                                   : il_conv2d(g, x, filters, window);
    return layer->bias ? il_add(g, y, w[1]) : y;
  }
  case IL_LAYER_NORM:
  case IL_LAYER_TASK_NORM: return il_norm_with_moments(p, record, x);
  case IL_LAYER_LAYER_NORM:
  case IL_LAYER_INSTANCE_NORM:
  case IL_LAYER_GROUP_NORM: return il_norm_alone(p, record, x);
  case IL_LAYER_RESIDUAL: return open_block(p, x);
  case IL_LAYER_SHORTCUT: return turn_to_shortcut(p, x);
  case IL_LAYER_ADD: return il_add(g, p->branch[--p->open], x);
  case IL_LAYER_ATTENTION: return il_attention(p, record, x);
  case IL_LAYER_EMBEDDING: return il_embedding(p, record, x);
  case IL_LAYER_GRU: return il_gru(p, record, x);
  case IL_LAYER_ACTIVATION: return il_activation(p, index, x);
  case IL_LAYER_RELU: return il_relu(g, x);
  case IL_LAYER_TANH: return il_tanh(g, x);
  case IL_LAYER_SIGMOID: return il_sigmoid(g, x);
  case IL_LAYER_MAX_POOL: return il_max_pool(g, x, window_of(record));
  case IL_LAYER_AVG_POOL: return il_average_pool(g, x, window_of(record));
  case IL_LAYER_MEAN_POOL: return mean_pool(g, x);
  case IL_LAYER_FLATTEN: return flatten(g, x);
  case IL_LAYER_DROPOUT: return dropout(p, index, x);
  }
  return x;
}

/* relu and max pool give the same values and derivatives in either order: the largest of a window is cut off
 * at zero, or all of it is. After the pool there is a fraction of the elements to cut. */
static int layer_at(const il_net *net, int index) {
  const il_net_layer_record *layer = net->layer;
  if (index + 1 < net->layers && layer[index].layer.kind == IL_LAYER_RELU &&
      layer[index + 1].layer.kind == IL_LAYER_MAX_POOL)
    return index + 1;
  if (index > 0 && layer[index - 1].layer.kind == IL_LAYER_RELU &&
      layer[index].layer.kind == IL_LAYER_MAX_POOL)
    return index - 1;
  return index;
}

static bool input_fine(const il_net *net, il_graph *g, il_value x) {
  il_shape shape = il_value_shape(g, x), expected = net->example;
  bool fine = shape.rank == expected.rank + 1;
  for (int i = 0; fine && i < expected.rank; i++) fine = shape.dim[i + 1] == expected.dim[i];
  if (fine) return true;
  char found[96], of_one[96];
  il_fail(il_graph_context(g), IL_ERROR_SHAPE,
          "il_net_apply: x has shape %s; expected a batch of examples of shape %s",
          il_shape_text(shape, found), il_shape_text(expected, of_one));
  return false;
}

static bool parameters_fine(const il_net *net, il_graph *g, const il_value *parameters) {
  for (int i = 0; i < net->parameters; i++) {
    if (!il_valid(parameters[i])) return false;
    il_shape shape = il_value_shape(g, parameters[i]);
    if (il_shape_equal(shape, net->parameter[i].shape)) continue;
    char found[96], expected[96];
    il_fail(il_graph_context(g), IL_ERROR_SHAPE, "il_net_apply: %s has shape %s; expected %s",
            net->parameter[i].name, il_shape_text(shape, found),
            il_shape_text(net->parameter[i].shape, expected));
    return false;
  }
  return true;
}

il_value il_net_apply(const il_net *net, il_graph *g, const il_value *parameters, il_value x,
                      il_statistics statistics, il_moments *moments, il_value dropout_key,
                      int64_t dropout_stream) {
  if (!il_valid(x) || !input_fine(net, g, x) || !parameters_fine(net, g, parameters))
    return (il_value){0};
  if (statistics == IL_STATISTICS_GIVEN && !moments) {
    il_fail(il_graph_context(g), IL_ERROR_ARGUMENT,
            "il_net_apply: given statistics were asked for, but moments is NULL");
    return (il_value){0};
  }
  if (statistics == IL_STATISTICS_GIVEN && moments->examples < 1 &&
      il_net_has(net, IL_LAYER_TASK_NORM)) {
    il_fail(il_graph_context(g), IL_ERROR_ARGUMENT,
            "il_net_apply: moments of %lld examples; expected at least 1, whose number task_norm "
            "needs",
            (long long)moments->examples);
    return (il_value){0};
  }
  il_pass p = {.net = net,
               .g = g,
               .parameters = parameters,
               .statistics = statistics,
               .moments = moments,
               .dropout_key = dropout_key,
               .dropout_stream = dropout_stream};
  const il_shape given = il_value_shape(g, x);
  if (net->example.rank == 2)
    x = il_reshape(g, x, IL_SHAPE(given.dim[0], 1, given.dim[1], given.dim[2]));
  for (int i = 0; i < net->layers && il_valid(x); i++) {
    const int at = layer_at(net, i);
    il_scope_push(g, net->layer[at].name);
    x = apply_layer(&p, at, x);
    il_scope_pop(g);
  }
  return il_valid(x) ? flatten(g, x) : x; /* features of a net without head */
}
