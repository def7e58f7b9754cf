/* The nets of the few-shot literature, as lists of layers. */
#include <stdio.h>
#include <string.h>

#include "nn/net.h"

enum { MOST_LAYERS = 64 };
typedef struct list {
  int count;
  il_layer layer[MOST_LAYERS];
} list;

static void add(list *l, il_layer layer) { l->layer[l->count++] = layer; }
static il_layer plain(il_layer_kind kind) { return (il_layer){.kind = kind}; }
static il_layer norm(void) {
  return (il_layer){.kind = IL_LAYER_NORM, .eps = 1e-5, .init = IL_INIT_ONE};
}

/* Two hidden layers with relu, as for sinusoid regression in Finn et al. 2017; PyTorch's initialisation. */
static void mlp(list *l, int width) {
  if (!width) width = 40;
  il_layer linear = {.kind = IL_LAYER_LINEAR, .units = width, .bias = true};
  for (int i = 0; i < 2; i++) {
    add(l, linear);
    add(l, plain(IL_LAYER_RELU));
  }
  linear.units = 0;
  add(l, linear);
}

/* The fully connected Omniglot net of Finn et al. 2017: 256, 128, 64, 64. A bias before a norm layer would
 * be subtracted again with the mean, so its gradient is exactly zero: it is left out. */
static void omniglot_fc(list *l, int width) {
  static const int parts[] = {4, 2, 1, 1};
  if (!width) width = 64;
  add(l, plain(IL_LAYER_FLATTEN));
  il_layer linear = {.kind = IL_LAYER_LINEAR, .init = IL_INIT_TRUNCATED_NORMAL, .init_scale = 0.01};
  for (int i = 0; i < 4; i++) {
    linear.units = parts[i] * width;
    add(l, linear);
    add(l, norm());
    add(l, plain(IL_LAYER_RELU));
  }
  linear.units = 0;
  linear.bias = true;
  add(l, linear);
}

static il_layer head(void) {
  return (il_layer){
      .kind = IL_LAYER_LINEAR, .bias = true, .init = IL_INIT_NORMAL, .init_scale = 0.01};
}

/* Four blocks of convolution, norm and relu. strided: halves by stride and ends in a mean over the image
 * (Omniglot); otherwise by max pool and ends in a flatten (Vinyals et al. 2016). No bias before norm: see
 * omniglot_fc. */
static void conv4(list *l, int filters, bool strided) {
  if (!filters) filters = 64;
  il_layer conv = {.kind = IL_LAYER_CONV,
                   .units = filters,
                   .kernel = 3,
                   .stride = strided ? 2 : 1,
                   .pad = 1,
                   .init = IL_INIT_XAVIER_UNIFORM};
  il_layer pool = {.kind = IL_LAYER_MAX_POOL, .kernel = 2, .stride = 2};
  for (int i = 0; i < 4; i++) {
    add(l, conv);
    add(l, norm());
    add(l, plain(IL_LAYER_RELU));
    if (!strided) add(l, pool);
  }
  add(l, plain(strided ? IL_LAYER_MEAN_POOL : IL_LAYER_FLATTEN));
  add(l, head());
}

/* The embedding of Sung et al. 2018: four such blocks, the first two of which have no padding and a max pool, so that
 * maps of 5x5 pixels are left of 28x28. */
static void relation_conv(list *l, int filters) {
  il_layer conv = {.kind = IL_LAYER_CONV,
                   .units = filters ? filters : 64,
                   .kernel = 3,
                   .stride = 1,
                   .init = IL_INIT_XAVIER_UNIFORM};
  const il_layer pool = {.kind = IL_LAYER_MAX_POOL, .kernel = 2, .stride = 2};
  for (int i = 0; i < 4; i++) {
    conv.pad = i >= 2;
    add(l, conv);
    add(l, norm());
    add(l, plain(IL_LAYER_RELU));
    if (i < 2) add(l, pool);
  }
  add(l, plain(IL_LAYER_FLATTEN));
  add(l, head());
}

/* Three blocks of convolution along time, norm and relu, and a mean over time: takes signals of any length, as their
 * steps halve and are never fewer than one. No bias before norm: see omniglot_fc. */
static void conv1d(list *l, int filters) {
  il_layer conv = {.kind = IL_LAYER_CONV1D,
                   .units = filters ? filters : 64,
                   .kernel = 5,
                   .stride = 2,
                   .pad = 2,
                   .init = IL_INIT_XAVIER_UNIFORM};
  for (int i = 0; i < 3; i++) {
    add(l, conv);
    add(l, norm());
    add(l, plain(IL_LAYER_RELU));
  }
  add(l, plain(IL_LAYER_MEAN_POOL));
  add(l, head());
}

/* ResNet-12, as few-shot learning has it (Lee et al. 2019: 64-160-320-640, here with relu and without DropBlock): four residual
 * blocks of three convolutions, whose other branch is a 1x1 convolution, each with a max pool behind it. */
static void resnet12(list *l, int filters) {
  static const int tenths[] = {10, 25, 50, 100};
  il_layer conv = {
      .kind = IL_LAYER_CONV, .kernel = 3, .stride = 1, .pad = 1, .init = IL_INIT_KAIMING_NORMAL};
  for (int i = 0; i < 4; i++) {
    conv.units = (filters ? filters : 64) * tenths[i] / 10;
    conv.kernel = 3;
    conv.pad = 1;
    add(l, plain(IL_LAYER_RESIDUAL));
    for (int k = 0; k < 3; k++) {
      add(l, conv);
      add(l, norm());
      if (k < 2) add(l, plain(IL_LAYER_RELU));
    }
    add(l, plain(IL_LAYER_SHORTCUT));
    conv.kernel = 1;
    conv.pad = 0;
    add(l, conv);
    add(l, norm());
    add(l, plain(IL_LAYER_ADD));
    add(l, plain(IL_LAYER_RELU));
    add(l, (il_layer){.kind = IL_LAYER_MAX_POOL, .kernel = 2, .stride = 2});
  }
  add(l, plain(IL_LAYER_MEAN_POOL));
  add(l, head());
}

static const char *const names[] = {"mlp",    "omniglot_fc", "omniglot_conv", "conv4",
                                    "conv1d", "resnet12",    "relation_conv"};
enum { PRESETS = sizeof names / sizeof *names };

static void layers_of(list *l, int preset, int filters) {
  l->count = 0;
  switch (preset) {
  case 0: mlp(l, filters); break;
  case 1: omniglot_fc(l, filters); break;
  case 2: conv4(l, filters, true); break;
  case 3: conv4(l, filters, false); break;
  case 4: conv1d(l, filters); break;
  case 5: resnet12(l, filters); break;
  default: relation_conv(l, filters); break;
  }
}

/* One sentence with what does not fit and the presets that do, found by trying. problem: il_net_new's sentence. */
static void refuse(il_context *context, const char *where, int preset, il_shape example,
                   int outputs, int filters, const char *problem) {
  char fit[96] = "";
  int last = -1;
  bool fits[PRESETS] = {false};
  for (int i = 0; i < PRESETS; i++) {
    il_context *trial = i == preset ? NULL : il_context_new();
    list l;
    layers_of(&l, i, filters);
    il_net *net = trial ? il_net_new(trial, l.count, l.layer, example, outputs) : NULL;
    fits[i] = net != NULL;
    if (net) last = i;
    il_net_free(net);
    il_context_free(trial);
  }
  for (int i = 0; i <= last; i++)
    if (fits[i])
      snprintf(fit + strlen(fit), sizeof fit - strlen(fit), "%s%s",
               !*fit      ? ""
               : i < last ? ", "
                          : " or ",
               names[i]);
  const char *of_layer = strstr(problem, "layer ");
  il_fail(context, IL_ERROR_CONFIG, "%s: %s does not fit the examples (%s); expected %s", where,
          names[preset], of_layer ? of_layer : problem, last < 0 ? "model.layers" : fit);
}

il_net *il_net_preset_at(il_context *context, const char *where, const char *name, il_shape example,
                         int outputs, int filters) {
  if (filters < 0 || filters > 1 << 16) {
    il_fail(context, IL_ERROR_ARGUMENT, "%s: filters %d; expected 0 to %d", where, filters,
            1 << 16);
    return NULL;
  }
  int preset = 0;
  while (preset < PRESETS && strcmp(name, names[preset])) preset++;
  if (preset == PRESETS) {
    il_fail(context, IL_ERROR_ARGUMENT,
            "%s: unknown net \"%s\"; expected mlp, omniglot_fc, omniglot_conv, conv4, conv1d, "
            "resnet12 or relation_conv",
            where, name);
    return NULL;
  }
  il_context *trial = il_context_new(); /* keeps a sentence that ours only quotes */
  if (!trial) {
    il_fail_memory(context, "a net");
    return NULL;
  }
  list l;
  layers_of(&l, preset, filters);
  il_net *net = il_net_new(trial, l.count, l.layer, example, outputs);
  const il_status status = il_context_status(trial);
  if (net)
    net->context = context;
  else if (status == IL_ERROR_SHAPE && example.rank >= 1 && example.rank <= 3)
    refuse(context, where, preset, example, outputs, filters, il_context_message(trial));
  else
    il_fail(context, status, "%s", il_context_message(trial));
  il_context_free(trial);
  return net;
}

il_net *il_net_preset(il_context *context, const char *name, il_shape example, int outputs,
                      int filters) {
  return il_net_preset_at(context, "il_net_preset", name, example, outputs, filters);
}
