/* Inside of a net: what net.c works out once from the layers and init.c, apply.c read. */
#ifndef IL_NN_NET_H
#define IL_NN_NET_H

#include <innerloop/nn.h>

#include "base/arena.h"
#include "base/error.h"

enum { IL_NET_NAME = 32 };

typedef struct il_net_parameter {
  char name[IL_NET_NAME]; /* "conv1.weight" */
  il_shape shape;         /* engine layout */
  int layer;
  bool second; /* starts at zero, or with a bias: of linear and conv, β of norms */
  /* Axis 0 runs over a flattened image, pixels × channels: the engine lays it out [h,w,c], PyTorch's
   * files [c,h,w]; a signal's steps are pixels. pixels 1: both are the same. */
  int64_t pixels, channels;
  bool as_it_is; /* PyTorch's layout is the engine's */
} il_net_parameter;

typedef struct il_net_layer_record {
  il_layer layer;         /* as given, with units of the last linear filled in */
  char name[IL_NET_NAME]; /* "conv1": counted per kind */
  int parameter;          /* index of the first; meaningless where the kind has none */
  il_shape out;           /* of one example; inside of a net, a signal is an image [1,t,c] */
  bool signal;            /* it receives one, or what was made of one */
} il_net_layer_record;

struct il_net {
  il_context *context;
  il_arena arena;
  il_shape example;
  int layers, parameters;
  il_net_layer_record *layer;
  il_net_parameter *parameter;
};

/* il_net_preset, whose sentences begin with what names the preset: "model.preset". */
il_net *il_net_preset_at(il_context *context, const char *where, const char *name, il_shape example,
                         int outputs, int filters);
/* Whether a layer takes moments of a batch, or given ones; the others compute from one example alone. */
static inline bool il_layer_takes_moments(const il_layer *layer) {
  return layer->kind == IL_LAYER_NORM || layer->kind == IL_LAYER_TASK_NORM;
}
/* The distribution that first values of a parameter are drawn from. */
typedef struct il_net_law {
  il_init init;     /* IL_INIT_UNIFORM, _NORMAL, _TRUNCATED_NORMAL; IL_INIT_ZERO: a constant */
  double low, high; /* uniform */
  double deviation; /* normal; truncated at twice as much */
  double number;    /* constant */
} il_net_law;
/* Of a learned activation's parameters: drawn evenly from ± this. */
double il_activation_bound(const il_net_layer_record *record, int parameter);
il_net_law il_net_law_of(const il_net *net, int parameter);
/* Whether a layer draws by the dropout key, where one is given. */
static inline bool il_layer_draws(const il_layer *layer) {
  return layer->kind == IL_LAYER_DROPOUT || (layer->kind == IL_LAYER_ACTIVATION && layer->rate > 0);
}
int il_net_norms(const il_net *net); /* how many such layers */
/* Whether a net has layers of the kind. */
bool il_net_has(const il_net *net, il_layer_kind kind);
/* The numbers that its examples are made of are whole, from 0 to below what this is; 0: reals. */
int il_net_vocabulary(const il_net *net);
/* What is said of a number that is no token, behind "… has ": the number, then the vocabulary less one. */
#define IL_NO_TOKEN "%g; expected whole numbers from 0 to %d, which the net's embedding takes"
/* Of examples (U8, F32, F64), a number. */
double il_number_at(il_type type, const void *x, int64_t at);
/* The first that a net of the vocabulary cannot take; −1: all are fine. */
int64_t il_net_unfit(int vocabulary, il_type type, int64_t count, const void *x);
/* Whether examples of a net that begins with these layers are signals: the first layer that is not elementwise and no
 * norm is a conv1d, an attention, a gru or an embedding. */
bool il_layers_of_signals(int layers, const il_layer *layer);

#endif
