/* The nets of the few-shot literature, as lists of layers. */
#include <string.h>

#include "nn/net.h"

enum { MOST_LAYERS = 24 };
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

il_net *il_net_preset(il_context *context, const char *name, il_shape example, int outputs,
                      int filters) {
  list l = {0};
  if (filters < 0 || filters > 1 << 16) {
    il_fail(context, IL_ERROR_ARGUMENT, "il_net_preset: filters %d; expected 0 to %d", filters,
            1 << 16);
    return NULL;
  }
  if (!strcmp(name, "mlp"))
    mlp(&l, filters);
  else if (!strcmp(name, "omniglot_fc"))
    omniglot_fc(&l, filters);
  else if (!strcmp(name, "omniglot_conv"))
    conv4(&l, filters, true);
  else if (!strcmp(name, "conv4"))
    conv4(&l, filters, false);
  else {
    il_fail(context, IL_ERROR_ARGUMENT,
            "il_net_preset: unknown net \"%s\"; expected mlp, omniglot_fc, omniglot_conv or conv4",
            name);
    return NULL;
  }
  return il_net_new(context, l.count, l.layer, example, outputs);
}
