/* Nets: layers described as data, their parameters, initialisation and application. */
#ifndef INNERLOOP_NN_H
#define INNERLOOP_NN_H

#include "values.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a layer computes. */
typedef enum il_layer_kind {
  IL_LAYER_LINEAR = 1, /* y = x·W + b; flattens an image or a signal first */
  IL_LAYER_CONV = 2,   /* y = conv(x, W) + b */
  IL_LAYER_NORM = 3, /* batch norm: (x − mean)/√(var + eps)·γ + β; var divides by the count */
  IL_LAYER_RELU = 4,      /* max(x, 0) */
  IL_LAYER_TANH = 5,      /* tanh x */
  IL_LAYER_SIGMOID = 6,   /* 1 / (1 + e⁻ˣ) */
  IL_LAYER_MAX_POOL = 7,  /* of an image; of a signal, along time */
  IL_LAYER_MEAN_POOL = 8, /* over the whole image or signal: [n,h,w,c] or [n,t,c] -> [n,c] */
  IL_LAYER_FLATTEN = 9,   /* an image or a signal to features */
  IL_LAYER_DROPOUT = 10,  /* inverted dropout; does nothing where no key is given */
  IL_LAYER_CONV1D = 11,   /* y = conv(x, W) + b of a signal, along time */
  /* Norms that no other example has a part in; var divides by the count, as in norm. */
  IL_LAYER_LAYER_NORM = 12,    /* Ba, Kiros, Hinton 2016: over all of an image [h,w,c] or of the
                             * features, over the channels of each step of a signal [t,c] */
  IL_LAYER_INSTANCE_NORM = 13, /* Ulyanov et al. 2016: each channel over the pixels or steps */
  IL_LAYER_GROUP_NORM =
      14, /* Wu, He 2018: `groups` of neighbouring channels, over pixels or steps */
  /* TaskNorm-I, Bronskill et al. 2020: moments (μ, σ²) of n examples, as norm takes them, blended with the example's own
   * (m, v) of each channel, with a = sigmoid(scale·n + offset), both learned:
   * mean = a·μ + (1 − a)·m, var = a·(σ² + (μ − mean)²) + (1 − a)·(v + (m − mean)²). */
  IL_LAYER_TASK_NORM = 15,
  /* A residual block, He et al. 2016: what stands between residual and add, plus the input of residual; or plus what stands
   * between shortcut and add, which computes from that input. Blocks may stand in one another. */
  IL_LAYER_RESIDUAL = 16, /* opens a block */
  IL_LAYER_SHORTCUT = 17, /* ends the block's main branch; the layers up to add are the other */
  IL_LAYER_ADD = 18,      /* closes it: y = main branch + other branch */
  /* Vaswani et al. 2017: the steps of a signal (the pixels of an image) attend to one another, in `heads` heads of c/heads
   * channels: softmax(q·kᵀ/√(c/heads))·v, of q, k, v = x·W_in + b_in, then ·W_out + b_out; shapes stay. */
  IL_LAYER_ATTENTION = 19,
  IL_LAYER_AVG_POOL =
      20, /* the mean over windows, padding counted as zeros; of a signal, along time */
  /* The first layer of a net whose examples are whole numbers from 0 to below `vocabulary` (tokens, categories), [t] or
   * [t,1]: row x[k] of W is step k of a signal of `units` channels. */
  IL_LAYER_EMBEDDING = 21,
  /* Cho et al. 2014, as PyTorch's nn.GRU: of a signal, from h = 0 on for each step x
   *   r = σ(x·W_ir + b_ir + h·W_hr + b_hr), z = σ(x·W_iz + b_iz + h·W_hz + b_hz),
   *   n = tanh(x·W_in + b_in + r∘(h·W_hn + b_hn)), h ← (1 − z)∘n + z∘h
   * gives the last h, `units` features; with `sequence` all of them, a signal. One loop, whatever the steps. */
  IL_LAYER_GRU = 22,
  /* A learned function of one number: elu(x) + 0.2·f(x), f a net of one input, `units` tanh units and one output. Where a
   * dropout key is given, noise from (−rate, rate) is added to each number and to each of the units, the same for all examples
   * (Greydanus 2020). Its parameters are learned as all others are, but "hyper" leaves them to the outer loop. */
  IL_LAYER_ACTIVATION = 23,
} il_layer_kind;

/* One layer of a net; {0} in what its kind does not have. */
typedef struct il_layer {
  il_layer_kind kind; /* what it computes */
  /* linear: outputs (0: the net's outputs); conv, conv1d: filters; embedding: channels; gru: numbers of h; activation: of f */
  int units;
  int kernel, stride, pad; /* conv, conv1d, max_pool, avg_pool */
  bool bias;               /* linear, conv, conv1d, attention, gru */
  double eps;              /* norms */
  double rate;             /* dropout: probability of zero; activation: noise */
  il_init
      init; /* weights of linear, conv, conv1d; norm's γ always starts at one, β at zero, unless IL_INIT_UNIFORM */
  double init_scale; /* what some kinds of init take */
  int groups;   /* conv, conv1d: of channels and filters, each group by itself (0: 1); group_norm */
  int dilation; /* conv, conv1d: pixels from tap to tap (0: 1) */
  int heads;    /* attention (0: 1) */
  bool affine;  /* layer_norm, instance_norm, group_norm: ·γ + β at the end */
  int vocabulary; /* embedding: how many different numbers there are */
  bool sequence;  /* gru: h after every step, not the last alone */
} il_layer;

/* Checks the layers against the input shape of one example (image [h,w,c], signal [t,channels] or [features]) and the number of
 * outputs (units == 0 in the last linear). outputs 0: a net without head, for its features: a last linear layer whose units
 * are 0 is left out. NULL after an error that names the layer. Copies layers. */
IL_API il_net *il_net_new(il_context *context, int layers, const il_layer *layer, il_shape example,
                          int outputs);
/* Presets: "mlp" (hidden 40-40, relu), "omniglot_fc", "omniglot_conv", "conv4", "conv1d" (signals of any length), "resnet12",
 * "relation_conv" (four blocks that leave maps of 5x5 of 28x28 pixels); where one does not fit the example, the sentence names
 * those that do. filters: width of the
 * convolutions (64), of mlp's hidden layers (40), or of omniglot_fc's last hidden layer (64: 256-128-64-64,
 * the others keep their proportion); 0: the preset's own. */
IL_API il_net *il_net_preset(il_context *context, const char *name, il_shape example, int outputs,
                             int filters);
/* A copy. NULL after an error. */
IL_API il_net *il_net_copy(const il_net *net);
/* Accepts NULL. */
IL_API void il_net_free(il_net *net);
/* How many layers there are. */
IL_API int il_net_layers(const il_net *net);
/* The index-th of them, from 0. */
IL_API const il_layer *il_net_layer(const il_net *net, int index);
/* Parameters in order of layers: "conv1.weight" "norm1.weight" "norm1.bias" … "linear1.weight". */
IL_API int il_net_parameters(const il_net *net);
/* The name of a parameter; the net's. */
IL_API const char *il_net_parameter_name(const il_net *net, int index);
/* Engine layout: conv [kh,kw,in/groups,out], conv1d [k,in/groups,out], linear [in,out], attention in_proj_weight [c,3·c] and
 * out_proj.weight [c,c], gru weight_ih_l0 [c,3·units] and weight_hh_l0 [units,3·units], embedding [vocabulary,units] (files
 * keep PyTorch's: io/weights). */
IL_API il_shape il_net_parameter_shape(const il_net *net, int index);
/* Its shape in PyTorch's layout, which files have. */
IL_API il_shape il_net_parameter_torch_shape(const il_net *net, int index);
/* Pixels (steps of a signal) of the flattened image that axis 0 of a parameter runs over: [h·w·c, …] here, [c·h·w, …] in
 * PyTorch's layout; 1: there is none. */
IL_API int64_t il_net_parameter_pixels(const il_net *net, int index);
/* Dimension permutation from PyTorch's layout to the engine's is a transpose: conv [out,in,kh,kw] ->
 * [kh,kw,in,out]; conv1d [out,in,k] -> [k,in,out]; linear, attention, gru [out,in] -> [in,out]; others as they are. The engine
 * flattens an image in its own order [h,w,c], a signal in [t,c]; what runs over them (linear rows, norm between flatten and
 * linear) is permuted from and to PyTorch's order [c,h,w] or [c,t] here; not where the signal is of an embedding or a gru,
 * which PyTorch has as [t,c] too. Copies reals of `type`. */
IL_API void il_net_from_torch(const il_net *net, int parameter, il_type type,
                              const void *torch_data, void *engine_data);
/* A parameter in PyTorch's layout, from ours. */
IL_API void il_net_to_torch(const il_net *net, int parameter, il_type type, const void *engine_data,
                            void *torch_data);
/* Draws parameter `index` as a pure function of seed; always computed in double, then rounded. */
IL_API void il_net_initialize(const il_net *net, int index, uint64_t seed, il_type type,
                              void *data);

/* Where norm layers take mean and variance from. */
typedef enum il_statistics {
  IL_STATISTICS_BATCH = 1, /* the batch itself; `moments` (if not NULL) receives them */
  IL_STATISTICS_GIVEN = 2, /* from `moments`, e.g. the support set's */
  IL_STATISTICS_EACH = 3,  /* each example by itself: the same as a batch of one */
} il_statistics;
enum { IL_NET_MAX_NORMS = 64 }; /* norm and task_norm layers of a net, at most */
/* Norm moments of one forward pass: mean and variance of each norm and task_norm layer, in the order of layers. */
typedef struct il_moments {
  il_value mean[IL_NET_MAX_NORMS], variance[IL_NET_MAX_NORMS]; /* [channels] each */
  int64_t examples; /* that they are of; task_norm needs it */
} il_moments;

/* scores [n, outputs] = net(x [n, example…]) with `parameters` in order; dropout_key {0}: no dropout, else an
 * int32 [2] value; stream makes each use its own mask. */
IL_API il_value il_net_apply(const il_net *net, il_graph *g, const il_value *parameters, il_value x,
                             il_statistics statistics, il_moments *moments, il_value dropout_key,
                             int64_t dropout_stream);

/* Losses, means over every example (and, for targets, every output). labels int32 [n]. */
typedef enum il_loss {
  IL_LOSS_CROSS_ENTROPY = 1,        /* il_cross_entropy */
  IL_LOSS_MEAN_SQUARED_ERROR = 2,   /* il_mean_squared_error */
  IL_LOSS_BINARY_CROSS_ENTROPY = 3, /* il_binary_cross_entropy */
} il_loss;
/* −log softmax(scores)[label]: takes raw scores. */
IL_API il_value il_cross_entropy(il_graph *g, il_value scores, il_value labels);
/* The mean of (prediction − target)². */
IL_API il_value il_mean_squared_error(il_graph *g, il_value prediction, il_value target);
/* −t·log p − (1 − t)·log(1 − p) with p = sigmoid(score), from the raw scores, so that no logarithm of 0 occurs:
 * the loss of a net whose last layer is a sigmoid. y: targets in [0, 1] [n, outputs], or labels: t is 1 at the label, 0
 * elsewhere (with a single output, t is the label, 0 or 1). */
IL_API il_value il_binary_cross_entropy(il_graph *g, il_value scores, il_value y);
/* One of the above. */
IL_API il_value il_loss_value(il_graph *g, il_loss loss, il_value scores, il_value y);
/* Share of examples whose largest score is at the label (a single output: whose score is positive where the
 * label is 1); with targets [n, outputs], share of numbers with score > 0 where target > 1/2. */
IL_API il_value il_accuracy(il_graph *g, il_value scores, il_value y);

#ifdef __cplusplus
}
#endif
#endif
