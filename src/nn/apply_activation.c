/* A learned activation, as Greydanus, "Scaling down deep learning", 2020, has it: elu beside a small net of one input and one
 * output, which all numbers go through alike. */
#include <math.h>

#include "nn/pass.h"

enum { PARAMETERS = 4 }; /* hidden weight and bias, out weight and bias */

bool il_walk_activation(il_walk *w) {
  const il_layer *layer = &w->net->layer[w->index].layer;
  if (layer->units < 1)
    return IL_LAYER_FAIL(w, IL_ERROR_ARGUMENT, "units %d; expected at least 1", layer->units);
  if (!(layer->rate >= 0 && layer->rate < 1))
    return IL_LAYER_FAIL(w, IL_ERROR_ARGUMENT, "rate %g; expected 0 <= rate < 1", layer->rate);
  return il_walk_parameter(w, "hidden.weight", IL_SHAPE(1, layer->units), false, false) &&
         il_walk_parameter(w, "hidden.bias", IL_SHAPE(layer->units), true, false) &&
         il_walk_parameter(w, "out.weight", IL_SHAPE(layer->units, 1), false, false) &&
         il_walk_parameter(w, "out.bias", IL_SHAPE(1), true, false);
}

double il_activation_bound(const il_net_layer_record *record, int parameter) {
  const bool hidden = parameter - record->parameter < PARAMETERS / 2;
  return hidden ? 1 : 1 / sqrt((double)record->layer.units);
}

/* x, or e^x − 1 below 0. */
static il_value elu(il_graph *g, il_value x) {
  const il_value below = il_neg(g, il_relu(g, il_neg(g, x)));
  return il_add(g, il_relu(g, x), il_shift(g, il_exp(g, below), -1));
}

il_value il_activation(il_pass *p, int index, il_value x) {
  il_graph *g = p->g;
  const il_net_layer_record *record = &p->net->layer[index];
  const il_value *w = &p->parameters[record->parameter];
  const il_shape shape = il_value_shape(g, x);
  const int64_t units = record->layer.units, count = il_shape_count(shape),
                each = count / shape.dim[0];
  const bool noisy = il_valid(p->dropout_key) && record->layer.rate > 0;
  il_value noise = {0};
  if (noisy) { /* of each number of an example, then of each hidden unit */
    const int64_t stream = p->dropout_stream * p->net->layers + index;
    const il_value u = il_random_uniform(g, p->dropout_key, stream, IL_SHAPE(each + units));
    noise = il_scale(g, il_shift(g, u, -0.5), 2 * record->layer.rate);
  }
  /* Numbers lie along the last axis, which is long. (w, b)·(x; 1): a bias beside the product would be spread to all
   * numbers first, which loops would keep and add up. */
  const il_value flat = il_reshape(g, x, IL_SHAPE(1, count));
  const il_value rows =
      il_concat(g, 2, (il_value[]){flat, il_constant(g, 1, IL_SHAPE(1, count))}, 0);
  const il_value both = il_concat(g, 2,
                                  (il_value[]){il_reshape(g, w[0], IL_SHAPE(units, 1)),
                                               il_reshape(g, w[1], IL_SHAPE(units, 1))},
                                  1);
  il_value h = il_tanh(g, il_matmul(g, both, rows, false, false));
  if (noisy) {
    const il_value own = il_slice(g, noise, (int64_t[]){each}, IL_SHAPE(units));
    h = il_add(g, h, il_reshape(g, own, IL_SHAPE(units, 1)));
  }
  const il_value out = il_reshape(g, w[2], IL_SHAPE(1, units));
  const il_value f = il_add(g, il_matmul(g, out, h, false, false), w[3]);
  il_value y = il_add(g, elu(g, x), il_scale(g, il_reshape(g, f, shape), 0.2));
  if (!noisy) return y;
  il_shape one = shape;
  one.dim[0] = 1;
  const il_value own = il_slice(g, noise, (int64_t[]){0}, IL_SHAPE(each));
  return il_add(g, y, il_reshape(g, own, one));
}
