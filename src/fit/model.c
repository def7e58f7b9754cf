/* Models: a net, its values and their lifetime. */
#include "fit/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/net.h"
#include "io/weights.h"

/* ---- layers ---- */

static il_net *base_net(il_context *context, const il_model_options *o, il_shape example,
                        int outputs) {
  il_layer linear = {.kind = IL_LAYER_LINEAR, .bias = true};
  if (o->layer) return il_net_new(context, o->layers, o->layer, example, outputs);
  if (!strcmp(o->kind, "linear")) return il_net_new(context, 1, &linear, example, outputs);
  if (strcmp(o->kind, "mlp"))
    return il_net_preset_at(context, "model", o->kind, example, outputs, o->hidden);
  il_layer mlp[] = {linear, {.kind = IL_LAYER_RELU}, linear};
  mlp[0].units = o->hidden ? o->hidden : 64;
  return il_net_new(context, 3, mlp, example, outputs);
}

static const char *const kinds[] = {"linear", "mlp",    "omniglot_fc", "omniglot_conv",
                                    "conv4",  "conv1d", "resnet12"};
enum { KINDS = sizeof kinds / sizeof *kinds };

bool il_model_of_signals(const il_model_options *o) {
  return o->layer ? il_layers_of_signals(o->layers, o->layer) : !strcmp(o->kind, "conv1d");
}

static il_status check_options(il_context *context, const il_model_options *o) {
  int known = 0, linear = 0;
  while (known < KINDS && !o->layer && strcmp(o->kind, kinds[known])) known++;
  if (known == KINDS)
    return il_fail(context, IL_ERROR_CONFIG,
                   "model \"%s\" is unknown; expected linear, mlp, omniglot_fc, omniglot_conv, "
                   "conv4, conv1d or resnet12",
                   o->kind);
  if (!(o->dropout >= 0 && o->dropout < 1))
    return il_fail(context, IL_ERROR_CONFIG, "dropout %g; expected 0 or more and less than 1",
                   o->dropout);
  if (o->layer && (o->layers < 1 || o->layers > IL_MODEL_LAYERS))
    return il_fail(context, IL_ERROR_CONFIG, "a model of %d layers; expected 1 to %d", o->layers,
                   IL_MODEL_LAYERS);
  for (int i = 0; o->layer && i < o->layers; i++) linear += o->layer[i].kind == IL_LAYER_LINEAR;
  if (o->layer && !linear)
    return il_fail(context, IL_ERROR_CONFIG,
                   "a model of %d layers, of which none is linear; expected one that gives the "
                   "outputs",
                   o->layers);
  return IL_OK;
}

il_net *il_model_layers(il_context *context, const il_model_options *o, bool conv_bias,
                        il_shape example, int outputs) {
  if (check_options(context, o) != IL_OK) return NULL;
  conv_bias = conv_bias && !o->layer;
  il_net *base = base_net(context, o, example, outputs);
  if (!base || (!conv_bias && o->dropout <= 0)) return base;
  il_layer layer[IL_MODEL_ROOM];
  int count = 0;
  bool first = true; /* no layer with weights so far */
  for (int i = 0; i < il_net_layers(base); i++) {
    il_layer l = *il_net_layer(base, i);
    const bool conv = l.kind == IL_LAYER_CONV || l.kind == IL_LAYER_CONV1D;
    const bool weights = conv || l.kind == IL_LAYER_LINEAR || l.kind == IL_LAYER_ATTENTION ||
                         l.kind == IL_LAYER_EMBEDDING || l.kind == IL_LAYER_GRU;
    if (l.kind == IL_LAYER_LINEAR && !first && o->dropout > 0)
      layer[count++] = (il_layer){.kind = IL_LAYER_DROPOUT, .rate = o->dropout};
    if (conv) l.bias = conv_bias || l.bias;
    first = first && !weights;
    layer[count++] = l;
  }
  il_net_free(base);
  return il_net_new(context, count, layer, example, outputs);
}

/* ---- values ---- */

static int norm_parameter(const il_net *net, int norm) {
  for (int i = 0; i < net->layers; i++)
    if (net->layer[i].layer.kind == IL_LAYER_NORM && norm-- == 0) return net->layer[i].parameter;
  return -1;
}

int il_model_value_parameter(const il_model *m, int value) {
  return value < m->parameters ? value : norm_parameter(m->net, (value - m->parameters) / 2);
}

il_shape il_model_value_shape(const il_model *m, int value) {
  return il_net_parameter_shape(m->net, il_model_value_parameter(m, value));
}

void il_model_value_name(const il_model *m, int value, char text[static 64]) {
  const char *name = il_net_parameter_name(m->net, il_model_value_parameter(m, value));
  if (value < m->parameters)
    snprintf(text, 64, "%s", name);
  else
    snprintf(text, 64, "%.*s.running_%s", (int)strcspn(name, "."), name,
             (value - m->parameters) % 2 ? "var" : "mean");
}

int il_model_head(const il_model *m) {
  const il_net *net = m->net;
  int head = -1;
  for (int i = 0; i < net->layers; i++)
    if (net->layer[i].layer.kind == IL_LAYER_LINEAR) head = net->layer[i].parameter;
  return head;
}

static size_t value_size(const il_model *m, int value) {
  return ((size_t)il_shape_count(il_model_value_shape(m, value)) * sizeof(float) + 63) / 64 * 64;
}

il_model *il_model_of_net(il_context *context, il_net *net) {
  if (net && il_net_has(net, IL_LAYER_TASK_NORM)) {
    il_fail(context, IL_ERROR_UNSUPPORTED,
            "a model with task_norm, which takes the moments of a task's support set; expected "
            "another norm, or `innerloop train`");
    il_net_free(net);
    return NULL;
  }
  il_model *m = net ? calloc(1, sizeof *m) : NULL;
  if (!m) {
    il_net_free(net);
    il_fail_memory(context, "a model");
    return NULL;
  }
  *m = (il_model){.context = context,
                  .net = net,
                  .parameters = il_net_parameters(net),
                  .norms = il_net_norms(net),
                  .statistics = IL_QUERY_STATISTICS_RUNNING};
  m->values = m->parameters + 2 * m->norms;
  size_t total = 64;
  for (int i = 0; i < m->values; i++) total += value_size(m, i);
  m->value = calloc((size_t)m->values + 1, sizeof *m->value);
  char *at = m->value ? aligned_alloc(64, total) : NULL;
  if (!at) {
    il_model_free(m);
    il_fail_memory(context, "the parameters of a model");
    return NULL;
  }
  memset(at, 0, total);
  for (int i = 0; i < m->values; i++) {
    m->value[i] = (float *)(void *)at;
    at += value_size(m, i);
  }
  return m;
}

void il_model_free(il_model *m) {
  if (!m) return;
  if (m->value) free(m->value[0]);
  free(m->value);
  il_arena_free(&m->names);
  il_net_free(m->net);
  free(m);
}

void il_model_draw(il_model *m, uint64_t seed) {
  for (int i = 0; i < m->parameters; i++)
    il_net_initialize(m->net, i, seed, IL_FLOAT32, m->value[i]);
  for (int k = 0; k < m->norms; k++) {
    int64_t count = il_shape_count(il_model_value_shape(m, m->parameters + 2 * k));
    for (int64_t i = 0; i < count; i++) {
      m->value[m->parameters + 2 * k][i] = 0;
      m->value[m->parameters + 2 * k + 1][i] = 1;
    }
  }
}

il_model *il_model_new(il_context *context, const il_model_options *options, il_shape example,
                       int outputs) {
  il_net *net = il_model_layers(context, options, false, example, outputs);
  il_model *m = net ? il_model_of_net(context, net) : NULL;
  if (m) il_model_draw(m, options->seed);
  return m;
}

/* A net like the model's, with so many outputs. */
static il_model *like(il_context *context, const il_model *m, int outputs) {
  il_layer layer[IL_MODEL_ROOM];
  int count = il_net_layers(m->net), last = -1;
  for (int i = 0; i < count; i++) {
    layer[i] = *il_net_layer(m->net, i);
    if (layer[i].kind == IL_LAYER_LINEAR) last = i;
  }
  /* cppcheck-suppress negativeIndex ; every model has a linear layer */
  layer[last].units = 0;
  il_net *net = il_net_new(context, count, layer, m->net->example, outputs);
  il_model *copy = net ? il_model_of_net(context, net) : NULL;
  if (!copy) return NULL;
  copy->statistics = m->statistics;
  copy->inputs = m->inputs;
  return copy;
}

il_model *il_model_with_head(il_context *context, const il_model *m, int outputs, uint64_t seed) {
  il_model *copy = like(context, m, outputs);
  if (!copy) return NULL;
  int head = il_model_head(m);
  il_model_draw(copy, seed);
  for (int i = 0; i < m->values; i++) /* a norm behind the last linear layer is as wide as that */
    if ((i < head || i >= m->parameters) && value_size(m, i) == value_size(copy, i))
      memcpy(copy->value[i], m->value[i], value_size(m, i));
  return copy;
}

il_model *il_model_copy(il_context *context, const il_model *m) {
  il_shape bias = il_net_parameter_shape(m->net, il_model_head(m));
  il_model *copy = like(context, m, (int)bias.dim[1]);
  for (int i = 0; copy && i < m->values; i++) memcpy(copy->value[i], m->value[i], value_size(m, i));
  return copy;
}

const il_net *il_model_net(const il_model *m) { return m->net; }
il_query_statistics il_model_statistics(const il_model *m) { return m->statistics; }
il_status il_model_set_statistics(il_model *m, il_query_statistics statistics) {
  if (statistics < IL_QUERY_STATISTICS_QUERY || statistics > IL_QUERY_STATISTICS_RUNNING)
    return il_fail(m->context, IL_ERROR_ARGUMENT,
                   "il_model_set_statistics: found %d, expected 1 (query) to 4 (running)",
                   (int)statistics);
  m->statistics = statistics;
  return IL_OK;
}
il_model_inputs il_model_trained_inputs(const il_model *m) { return m->inputs; }

il_model_inputs il_inputs_of(const il_samples *s) {
  if (s->type == IL_UINT8) return IL_MODEL_INPUTS_PIXELS;
  const float *x = s->inputs;
  for (int64_t i = 0, n = s->count * il_shape_count(s->example); i < n; i++)
    if (!(x[i] >= 0 && x[i] <= 1)) return IL_MODEL_INPUTS_REALS;
  return IL_MODEL_INPUTS_UNIT;
}

void il_model_trained_on(il_model *m, const il_samples *s) {
  m->inputs = il_inputs_of(s);
  m->statistics = IL_QUERY_STATISTICS_RUNNING;
}

float *il_model_parameter(il_model *m, int index) { return m->value[index]; }
