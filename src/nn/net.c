/* Nets as data: checks every layer against the shape it receives and lists the parameters. */
#include "nn/net.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/room.h"
#include "nn/walk.h"

/* A parameter larger than this is a mistake in the layers, not a net for few-shot learning. */
static const int64_t largest_parameter = (int64_t)1 << 28;

const char *const il_walk_kinds[IL_WALK_KINDS] = {
    [IL_LAYER_LINEAR] = "linear",
    [IL_LAYER_CONV] = "conv",
    [IL_LAYER_NORM] = "norm",
    [IL_LAYER_RELU] = "relu",
    [IL_LAYER_TANH] = "tanh",
    [IL_LAYER_SIGMOID] = "sigmoid",
    [IL_LAYER_MAX_POOL] = "max_pool",
    [IL_LAYER_MEAN_POOL] = "mean_pool",
    [IL_LAYER_FLATTEN] = "flatten",
    [IL_LAYER_DROPOUT] = "dropout",
    [IL_LAYER_CONV1D] = "conv1d",
    [IL_LAYER_LAYER_NORM] = "layer_norm",
    [IL_LAYER_INSTANCE_NORM] = "instance_norm",
    [IL_LAYER_GROUP_NORM] = "group_norm",
    [IL_LAYER_TASK_NORM] = "task_norm",
    [IL_LAYER_RESIDUAL] = "residual",
    [IL_LAYER_SHORTCUT] = "shortcut",
    [IL_LAYER_ADD] = "add",
    [IL_LAYER_ATTENTION] = "attention",
    [IL_LAYER_AVG_POOL] = "avg_pool",
    [IL_LAYER_EMBEDDING] = "embedding",
    [IL_LAYER_GRU] = "gru",
    [IL_LAYER_ACTIVATION] = "activation",
};

bool il_walk_parameter(il_walk *w, const char *suffix, il_shape shape, bool second, bool rows) {
  il_net *net = w->net;
  int64_t count = 1;
  for (int i = 0; i < shape.rank; i++)
    if (__builtin_mul_overflow(count, shape.dim[i], &count) || count > largest_parameter)
      return IL_LAYER_FAIL(w, IL_ERROR_SHAPE, "its %s has more than %lld elements", suffix,
                           (long long)largest_parameter);
  il_net_layer_record *record = &net->layer[w->index];
  il_net_parameter *p = &net->parameter[net->parameters];
  if (net->parameters == 0 || p[-1].layer != w->index) record->parameter = net->parameters;
  net->parameters++;
  snprintf(p->name, sizeof p->name, "%.20s.%s", record->name, suffix);
  p->shape = shape;
  p->layer = w->index;
  p->second = second;
  p->pixels = rows ? w->pixels : 1;
  p->channels = rows ? w->channels : shape.dim[0];
  return true;
}

/* Output side of a window over `size` pixels; 0 when the window does not fit. */
static int64_t window_output(int64_t size, const il_layer *layer) {
  const int64_t padded = size + 2 * (int64_t)layer->pad;
  const int64_t apart = layer->dilation > 1 ? layer->dilation : 1;
  const int64_t covered = apart * (layer->kernel - 1) + 1;
  return padded < covered ? 0 : (padded - covered) / layer->stride + 1;
}

/* "a 28x28x1 image", "a signal of 29 steps and 12 channels", "64 features" into text. */
const char *il_walk_receives(const il_walk *w, char text[static 96]) {
  const long long d[] = {w->shape.dim[0], w->shape.dim[1], w->shape.dim[2]};
  if (w->shape.rank == 1)
    snprintf(text, 96, "%lld features", d[0]);
  else if (w->signal)
    snprintf(text, 96, "a signal of %lld steps and %lld channels", d[1], d[2]);
  else
    snprintf(text, 96, "a %lldx%lldx%lld image", d[0], d[1], d[2]);
  return text;
}

/* Convolutions take what they are for, pools an image or a signal. */
static bool need_places(il_walk *w) {
  const il_layer_kind kind = w->net->layer[w->index].layer.kind;
  const bool signal = kind == IL_LAYER_CONV1D, image = kind == IL_LAYER_CONV;
  if (w->shape.rank == 3 && !(w->signal ? image : signal)) return true;
  char found[96];
  return IL_LAYER_FAIL(w, IL_ERROR_SHAPE, "needs %s and receives %s",
                       signal  ? "a signal [t,channels]"
                       : image ? "an image [h,w,c]"
                               : "an image [h,w,c] or a signal [t,channels]",
                       il_walk_receives(w, found));
}

static bool apply_window(il_walk *w) {
  const il_layer *layer = &w->net->layer[w->index].layer;
  if (!need_places(w)) return false;
  if (layer->kernel < 1 || layer->stride < 1 || layer->pad < 0)
    return IL_LAYER_FAIL(w, IL_ERROR_ARGUMENT,
                         "kernel %d, stride %d, pad %d; expected kernel and stride >= 1, pad >= 0",
                         layer->kernel, layer->stride, layer->pad);
  if (layer->dilation < 0)
    return IL_LAYER_FAIL(w, IL_ERROR_ARGUMENT, "dilation %d; expected at least 1", layer->dilation);
  if ((layer->kind == IL_LAYER_MAX_POOL || layer->kind == IL_LAYER_AVG_POOL) &&
      layer->pad > layer->kernel / 2)
    return IL_LAYER_FAIL(w, IL_ERROR_ARGUMENT, "pad %d is more than half of kernel %d", layer->pad,
                         layer->kernel);
  const bool signal = w->signal;
  int64_t h = signal ? 1 : window_output(w->shape.dim[0], layer);
  int64_t width = window_output(w->shape.dim[1], layer);
  char what[64];
  if (layer->dilation > 1)
    snprintf(what, sizeof what, "stride %d, kernel %d and dilation %d", layer->stride,
             layer->kernel, layer->dilation);
  else
    snprintf(what, sizeof what, "stride %d and kernel %d", layer->stride, layer->kernel);
  if (width < 1 && signal)
    return IL_LAYER_FAIL(w, IL_ERROR_SHAPE, "%s leave nothing of a signal of %lld steps", what,
                         (long long)w->shape.dim[1]);
  if (h < 1 || width < 1)
    return IL_LAYER_FAIL(w, IL_ERROR_SHAPE, "%s leave nothing of a %lldx%lld image", what,
                         (long long)w->shape.dim[0], (long long)w->shape.dim[1]);
  w->shape.dim[0] = h;
  w->shape.dim[1] = width;
  return true;
}

static void flatten(il_walk *w) {
  if (w->shape.rank != 3) return;
  w->pixels = w->steps_first ? 1 : w->shape.dim[0] * w->shape.dim[1];
  w->channels = il_shape_count(w->shape) / w->pixels;
  w->shape = IL_SHAPE(w->pixels * w->channels);
}

static bool walk_linear(il_walk *w, int outputs) {
  il_layer *layer = &w->net->layer[w->index].layer;
  if (layer->units == 0) layer->units = outputs;
  if (layer->units < 1)
    return IL_LAYER_FAIL(w, IL_ERROR_ARGUMENT, "units %d; expected at least 1", layer->units);
  flatten(w);
  if (!il_walk_parameter(w, "weight", IL_SHAPE(w->shape.dim[0], layer->units), false, true))
    return false;
  w->shape = IL_SHAPE(layer->units);
  w->pixels = 1;
  w->channels = layer->units;
  return !layer->bias || il_walk_parameter(w, "bias", w->shape, true, false);
}

static bool walk_conv(il_walk *w) {
  const il_layer *layer = &w->net->layer[w->index].layer;
  if (layer->units < 1)
    return IL_LAYER_FAIL(w, IL_ERROR_ARGUMENT, "units (filters) %d; expected at least 1",
                         layer->units);
  if (!apply_window(w)) return false;
  const int groups = layer->groups > 1 ? layer->groups : 1;
  if (layer->groups < 0 || w->shape.dim[2] % groups || layer->units % groups)
    return IL_LAYER_FAIL(w, IL_ERROR_ARGUMENT,
                         "groups %d; expected a divisor of its %lld channels and of its %d units",
                         layer->groups, (long long)w->shape.dim[2], layer->units);
  const int64_t in = w->shape.dim[2] / groups;
  il_shape weight = layer->kind == IL_LAYER_CONV1D
                        ? IL_SHAPE(layer->kernel, in, layer->units)
                        : IL_SHAPE(layer->kernel, layer->kernel, in, layer->units);
  if (!il_walk_parameter(w, "weight", weight, false, false)) return false;
  w->shape.dim[2] = layer->units;
  w->steps_first = false;
  return !layer->bias || il_walk_parameter(w, "bias", IL_SHAPE(layer->units), true, false);
}

static bool walk_layer(il_walk *w, int outputs) {
  il_net_layer_record *record = &w->net->layer[w->index];
  const il_layer *layer = &record->layer;
  if ((int)layer->kind < 1 || (int)layer->kind >= IL_WALK_KINDS) {
    il_fail(w->net->context, IL_ERROR_ARGUMENT, "il_net_new: layer %d has the unknown kind %d",
            w->index + 1, (int)layer->kind);
    return false;
  }
  snprintf(record->name, sizeof record->name, "%s%d", il_walk_kinds[layer->kind],
           ++w->count[layer->kind]);
  record->signal = w->signal;
  if ((int)layer->init < 0 || layer->init > IL_INIT_ONE)
    return IL_LAYER_FAIL(w, IL_ERROR_ARGUMENT, "unknown init %d", (int)layer->init);
  if (!isfinite(layer->init_scale) || layer->init_scale < 0)
    return IL_LAYER_FAIL(w, IL_ERROR_ARGUMENT, "init_scale %g; expected 0 or more",
                         layer->init_scale);
  bool fine = true;
  switch (layer->kind) {
  case IL_LAYER_LINEAR: fine = walk_linear(w, outputs); break;
  case IL_LAYER_CONV:
  case IL_LAYER_CONV1D: fine = walk_conv(w); break;
  case IL_LAYER_NORM:
  case IL_LAYER_LAYER_NORM:
  case IL_LAYER_INSTANCE_NORM:
  case IL_LAYER_GROUP_NORM:
  case IL_LAYER_TASK_NORM: fine = il_walk_norm(w); break;
  case IL_LAYER_RESIDUAL:
  case IL_LAYER_SHORTCUT:
  case IL_LAYER_ADD: fine = il_walk_residual(w); break;
  case IL_LAYER_ATTENTION: fine = il_walk_attention(w); break;
  case IL_LAYER_EMBEDDING: fine = il_walk_embedding(w); break;
  case IL_LAYER_GRU: fine = il_walk_gru(w); break;
  case IL_LAYER_ACTIVATION: fine = il_walk_activation(w); break;
  case IL_LAYER_MAX_POOL:
  case IL_LAYER_AVG_POOL: fine = apply_window(w); break;
  case IL_LAYER_MEAN_POOL:
    fine = need_places(w);
    if (fine) {
      w->shape = IL_SHAPE(w->shape.dim[2]);
      w->pixels = 1;
      w->channels = w->shape.dim[0];
    }
    break;
  case IL_LAYER_FLATTEN: flatten(w); break;
  case IL_LAYER_DROPOUT:
    if (!(layer->rate >= 0 && layer->rate < 1))
      return IL_LAYER_FAIL(w, IL_ERROR_ARGUMENT, "rate %g; expected 0 <= rate < 1", layer->rate);
    break;
  case IL_LAYER_RELU:
  case IL_LAYER_TANH:
  case IL_LAYER_SIGMOID: break;
  }
  record->out = w->shape;
  return fine;
}

static bool example_fine(il_context *context, il_shape example) {
  bool fine = example.rank >= 1 && example.rank <= 3;
  int64_t count = 1;
  for (int i = 0; fine && i < example.rank; i++)
    fine = example.dim[i] >= 1 && !__builtin_mul_overflow(count, example.dim[i], &count) &&
           count <= largest_parameter;
  if (fine) return true;
  il_fail(context, IL_ERROR_SHAPE,
          "il_net_new: an example of rank %d; expected [features], [time,channels] or "
          "[height,width,channels] with every size at least 1",
          example.rank);
  return false;
}

static bool walk_layers(il_net *net, int outputs) {
  il_walk w = {.net = net, .shape = net->example, .pixels = 1};
  w.channels = net->example.dim[net->example.rank - 1];
  w.signal = net->example.rank == 2;
  if (w.signal) w.shape = IL_SHAPE(1, net->example.dim[0], w.channels);
  for (w.index = 0; w.index < net->layers; w.index++)
    if (!walk_layer(&w, outputs)) return false;
  if (w.open) {
    il_fail(net->context, IL_ERROR_SHAPE,
            "il_net_new: layer %d opens a residual block; expected an add that closes it",
            w.branch[w.open - 1].layer + 1);
    return false;
  }
  if (outputs == 0) { /* features, whatever their number */
    flatten(&w);
    return true;
  }
  if (w.shape.rank == 1 && w.shape.dim[0] == outputs) return true;
  if (w.shape.rank == 1)
    il_fail(net->context, IL_ERROR_SHAPE,
            "il_net_new: the last layer gives %lld outputs; expected %d", (long long)w.shape.dim[0],
            outputs);
  char found[96];
  if (w.shape.rank == 3)
    il_fail(net->context, IL_ERROR_SHAPE,
            "il_net_new: the last layer gives %s; expected %d outputs", il_walk_receives(&w, found),
            outputs);
  return false;
}

il_net *il_net_new(il_context *context, int layers, const il_layer *layer, il_shape example,
                   int outputs) {
  if (layers < 1 || !layer || outputs < 0) {
    il_fail(
        context, IL_ERROR_ARGUMENT,
        "il_net_new: %d layers and %d outputs; expected at least 1 layer, and 0 or more outputs",
        layers, outputs);
    return NULL;
  }
  const il_layer *last = &layer[layers - 1];
  if (outputs == 0 && layers > 1 && last->kind == IL_LAYER_LINEAR && last->units == 0) layers--;
  if (!example_fine(context, example)) return NULL;
  il_net *net = il_new(context, 1, sizeof *net);
  if (!net) {
    il_fail_memory(context, "a net");
    return NULL;
  }
  net->context = context;
  net->arena.context = context;
  net->example = example;
  net->layers = layers;
  net->layer = il_arena_alloc(&net->arena, (size_t)layers * sizeof *net->layer);
  net->parameter = il_arena_alloc(&net->arena, 4 * (size_t)layers * sizeof *net->parameter);
  if (!net->layer || !net->parameter) {
    il_fail_memory(context, "the layers of a net");
    il_net_free(net);
    return NULL;
  }
  for (int i = 0; i < layers; i++) net->layer[i].layer = layer[i];
  if (!walk_layers(net, outputs)) {
    il_net_free(net);
    return NULL;
  }
  return net;
}

il_net *il_net_copy(const il_net *net) {
  const int last = net->layers - 1;
  il_layer *layer = il_new(net->context, (size_t)net->layers, sizeof *layer);
  if (!layer) {
    il_fail_memory(net->context, "the layers of a net");
    return NULL;
  }
  for (int i = 0; i <= last; i++) layer[i] = net->layer[i].layer;
  const il_shape out = net->layer[last].out;
  il_net *copy = il_net_new(net->context, net->layers, layer, net->example,
                            out.rank == 1 ? (int)out.dim[0] : 0);
  il_release(layer);
  return copy;
}

void il_net_free(il_net *net) {
  if (!net) return;
  il_arena_free(&net->arena);
  il_release(net);
}

int il_net_layers(const il_net *net) { return net->layers; }
const il_layer *il_net_layer(const il_net *net, int index) { return &net->layer[index].layer; }
int il_net_norms(const il_net *net) {
  int count = 0;
  for (int i = 0; i < net->layers; i++) count += il_layer_takes_moments(&net->layer[i].layer);
  return count;
}
bool il_net_has(const il_net *net, il_layer_kind kind) {
  for (int i = 0; i < net->layers; i++)
    if (net->layer[i].layer.kind == kind) return true;
  return false;
}
int il_net_vocabulary(const il_net *net) {
  const il_layer *first = &net->layer[0].layer;
  return first->kind == IL_LAYER_EMBEDDING ? first->vocabulary : 0;
}
double il_number_at(il_type type, const void *x, int64_t at) {
  return type == IL_UINT8     ? ((const uint8_t *)x)[at]
         : type == IL_FLOAT32 ? (double)((const float *)x)[at]
                              : ((const double *)x)[at];
}
int64_t il_net_unfit(int vocabulary, il_type type, int64_t count, const void *x) {
  for (int64_t i = 0; i < count && vocabulary > 0; i++) {
    const double a = il_number_at(type, x, i);
    if (!(a >= 0 && a < vocabulary && a == (double)(int)a)) return i;
  }
  return -1;
}
/* Kinds that images, signals and features pass alike. */
static bool passes_any(il_layer_kind kind) {
  switch (kind) {
  case IL_LAYER_NORM:
  case IL_LAYER_LAYER_NORM:
  case IL_LAYER_INSTANCE_NORM:
  case IL_LAYER_GROUP_NORM:
  case IL_LAYER_TASK_NORM:
  case IL_LAYER_RESIDUAL:
  case IL_LAYER_SHORTCUT:
  case IL_LAYER_ADD:
  case IL_LAYER_RELU:
  case IL_LAYER_TANH:
  case IL_LAYER_SIGMOID:
  case IL_LAYER_ACTIVATION:
  case IL_LAYER_DROPOUT: return true;
  default: return false;
  }
}
bool il_layers_of_signals(int layers, const il_layer *layer) {
  int i = 0;
  while (i < layers && passes_any(layer[i].kind)) i++;
  if (i == layers) return false;
  const il_layer_kind kind = layer[i].kind;
  return kind == IL_LAYER_CONV1D || kind == IL_LAYER_ATTENTION || kind == IL_LAYER_GRU ||
         kind == IL_LAYER_EMBEDDING;
}
int il_net_parameters(const il_net *net) { return net->parameters; }
const char *il_net_parameter_name(const il_net *net, int index) {
  return net->parameter[index].name;
}
int64_t il_net_parameter_pixels(const il_net *net, int index) {
  return net->parameter[index].pixels;
}
il_shape il_net_parameter_shape(const il_net *net, int index) {
  return net->parameter[index].shape;
}
il_shape il_net_parameter_torch_shape(const il_net *net, int index) {
  const il_shape s = net->parameter[index].shape;
  if (net->parameter[index].as_it_is) return s;
  if (s.rank == 4) return IL_SHAPE(s.dim[3], s.dim[2], s.dim[0], s.dim[1]);
  if (s.rank == 3) return IL_SHAPE(s.dim[2], s.dim[1], s.dim[0]);
  return s.rank == 2 ? IL_SHAPE(s.dim[1], s.dim[0]) : s;
}
