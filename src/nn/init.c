/* Initialisation and PyTorch's layout of parameters. Draws are in double, in the engine's order, each
 * parameter from its own stream; rounding to the element type comes last. */
#include <innerloop/function.h>
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "nn/net.h"

static double draw(const il_net_law *s, il_random *random) {
  switch (s->init) {
  case IL_INIT_UNIFORM: return s->low + (s->high - s->low) * il_random_uniform01(random);
  case IL_INIT_NORMAL: return s->deviation * il_random_normal01(random);
  case IL_INIT_TRUNCATED_NORMAL: {
    double z = il_random_normal01(random);
    while (fabs(z) > 2) z = il_random_normal01(random);
    return s->deviation * z;
  }
  default: return s->number;
  }
}

static void uniform(il_net_law *s, double low, double high) {
  s->init = IL_INIT_UNIFORM;
  s->low = low;
  s->high = high;
}

static void normal(il_net_law *s, double deviation) {
  s->init = IL_INIT_NORMAL;
  s->deviation = deviation;
}

/* Reduces every scheme to uniform, normal, truncated normal or constant. */
il_net_law il_net_law_of(const il_net *net, int index) {
  const il_net_parameter *p = &net->parameter[index];
  const il_layer *layer = &net->layer[p->layer].layer;
  il_net_law s = {.init = IL_INIT_ZERO};
  switch (layer->kind) {
  case IL_LAYER_NORM:
  case IL_LAYER_LAYER_NORM:
  case IL_LAYER_INSTANCE_NORM:
  case IL_LAYER_GROUP_NORM:
  case IL_LAYER_TASK_NORM: /* the paper's scale and offset start at zero: a is one half */
    s.number = p->second ? 0 : 1;
    if (!p->second && layer->init == IL_INIT_UNIFORM) uniform(&s, 0, layer->init_scale);
    return s;
  case IL_LAYER_ATTENTION: { /* as PyTorch's nn.MultiheadAttention, whose biases are zero */
    const bool in = p->shape.rank == 2 && p->shape.dim[0] != p->shape.dim[1];
    const double c = (double)p->shape.dim[0], bound = in ? sqrt(6 / (c + 3 * c)) : 1 / sqrt(c);
    if (!p->second) uniform(&s, -bound, bound);
    return s;
  }
  case IL_LAYER_EMBEDDING: normal(&s, 1); return s; /* as PyTorch's */
  case IL_LAYER_GRU:                                /* likewise, of all four */
    uniform(&s, -1 / sqrt(layer->units), 1 / sqrt(layer->units));
    return s;
  case IL_LAYER_ACTIVATION: { /* as PyTorch's nn.Linear */
    const double bound = il_activation_bound(&net->layer[p->layer], index);
    uniform(&s, -bound, bound);
    return s;
  }
  default: break;
  }
  il_shape weight = net->parameter[net->layer[p->layer].parameter].shape;
  double outputs = (double)weight.dim[weight.rank - 1];
  double fan_in = (double)il_shape_count(weight) / outputs;
  double fan_out = (double)il_shape_count(weight) / (double)weight.dim[weight.rank - 2];
  if (p->second) {
    double bound = 1 / sqrt(fan_in);
    if (layer->init == IL_INIT_DEFAULT) uniform(&s, -bound, bound);
    return s;
  }
  double bound = 0;
  switch (layer->init) {
  case IL_INIT_DEFAULT: bound = 1 / sqrt(fan_in); break;
  case IL_INIT_XAVIER_UNIFORM: bound = sqrt(6 / (fan_in + fan_out)); break;
  case IL_INIT_KAIMING_UNIFORM: bound = sqrt(6 / fan_in); break;
  case IL_INIT_XAVIER_NORMAL: normal(&s, sqrt(2 / (fan_in + fan_out))); break;
  case IL_INIT_KAIMING_NORMAL: normal(&s, sqrt(2 / fan_in)); break;
  case IL_INIT_NORMAL: normal(&s, layer->init_scale); break;
  case IL_INIT_TRUNCATED_NORMAL:
    s.init = IL_INIT_TRUNCATED_NORMAL;
    s.deviation = layer->init_scale;
    break;
  case IL_INIT_UNIFORM: uniform(&s, 0, layer->init_scale); break;
  case IL_INIT_ZERO: break;
  case IL_INIT_ONE: s.number = 1; break;
  }
  if (bound > 0) uniform(&s, -bound, bound);
  return s;
}

void il_net_initialize(const il_net *net, int index, uint64_t seed, il_type type, void *data) {
  const il_net_law s = il_net_law_of(net, index);
  il_random random = il_random_start(seed, (uint64_t)index);
  int64_t count = il_shape_count(net->parameter[index].shape);
  for (int64_t i = 0; i < count; i++) {
    double x = draw(&s, &random);
    if (type == IL_FLOAT64)
      ((double *)data)[i] = x;
    else
      ((float *)data)[i] = (float)x;
  }
}

/* Where element i (engine order) lies in PyTorch's layout. */
static int64_t torch_place(const il_net_parameter *p, int64_t i) {
  const int64_t *d = p->shape.dim;
  if (p->as_it_is) return i;
  if (p->shape.rank >= 3) { /* [kh,kw,in,out] -> [out,in,kh,kw], [k,in,out] -> [out,in,k] */
    const int64_t outs = d[p->shape.rank - 1], ins = d[p->shape.rank - 2];
    const int64_t taps = p->shape.rank == 4 ? d[0] * d[1] : d[0];
    int64_t out = i % outs, in = i / outs % ins, tap = i / (outs * ins);
    return (out * ins + in) * taps + tap;
  }
  int64_t columns = p->shape.rank == 2 ? d[1] : 1, row = i / columns, column = i % columns;
  row = row % p->channels * p->pixels + row / p->channels; /* [h,w,c] -> [c,h,w] */
  return column * d[0] + row;
}

void il_net_from_torch(const il_net *net, int parameter, il_type type, const void *torch_data,
                       void *engine_data) {
  const il_net_parameter *p = &net->parameter[parameter];
  int64_t count = il_shape_count(p->shape);
  size_t size = il_type_size(type);
  for (int64_t i = 0; i < count; i++)
    memcpy((char *)engine_data + (size_t)i * size,
           (const char *)torch_data + (size_t)torch_place(p, i) * size, size);
}

void il_net_to_torch(const il_net *net, int parameter, il_type type, const void *engine_data,
                     void *torch_data) {
  const il_net_parameter *p = &net->parameter[parameter];
  int64_t count = il_shape_count(p->shape);
  size_t size = il_type_size(type);
  for (int64_t i = 0; i < count; i++)
    memcpy((char *)torch_data + (size_t)torch_place(p, i) * size,
           (const char *)engine_data + (size_t)i * size, size);
}

/* Entries beside a net's parameters draw from a stream of their name, so that what else is declared does not matter. */
static uint64_t stream_of(const char *name) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
  return hash;
}

void il_entry_initialize(const il_entry *entry, uint64_t seed, il_type type, void *data) {
  if (entry->net && !entry->drawn) {
    il_net_initialize(entry->net, entry->parameter, seed, type, data);
    return;
  }
  il_random random = il_random_start(seed, stream_of(entry->name));
  const int64_t count = il_shape_count(entry->shape);
  for (int64_t i = 0; i < count; i++) {
    const double x = entry->low + (entry->high - entry->low) * il_random_uniform01(&random);
    if (type == IL_FLOAT64)
      ((double *)data)[i] = x;
    else
      ((float *)data)[i] = (float)x;
  }
}

void il_buffers_initialize(il_buffers *b, uint64_t seed) {
  for (int i = 0; i < b->count; i++)
    il_entry_initialize(&b->entry[i], seed, b->type, il_buffers_at(b, i));
}
