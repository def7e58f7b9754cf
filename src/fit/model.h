/* A model from the inside: the values of a net in the order that graphs take them in. */
#ifndef IL_FIT_MODEL_H
#define IL_FIT_MODEL_H

#include <innerloop/fit.h>

#include "base/arena.h"
#include "base/error.h"
#include "io/io.h"

/* Values 0 … parameters − 1 are the net's; then mean and variance of each norm layer in turn. */
struct il_model {
  il_context *context;
  il_net *net;
  int parameters, norms, values;
  float **value;                  /* [values], engine layout, one block that begins at value[0] */
  il_query_statistics statistics; /* where norm layers take theirs from when the model predicts */
  il_model_inputs inputs;         /* what it was trained on */
  const char **file_name; /* [values] names in the file that it came from; NULL: the net's own */
  il_arena names;
};

/* Any net with room for its values, which are zero. Takes over the net, also on errors. */
il_model *il_model_of_net(il_context *context, il_net *net);
void il_model_draw(il_model *model, uint64_t seed);
il_shape il_model_value_shape(const il_model *model, int value); /* engine layout */
/* "conv1.weight", "norm1.running_mean" into text. */
void il_model_value_name(const il_model *model, int value, char text[static 64]);
/* The parameter of the net whose layout in files the value shares. */
int il_model_value_parameter(const il_model *model, int value);
/* The index of the last linear layer's first parameter. */
int il_model_head(const il_model *model);

enum {
  IL_MODEL_ROOM = 2 * IL_MODEL_LAYERS
}; /* most layers of a model's net: dropout comes between */
/* Whether samples that such a net is for are signals, not images. */
bool il_model_of_signals(const il_model_options *options);
/* Layers of a kind, or those given; conv_bias: a kind's convolutions have one even before a norm. NULL after an error. */
il_net *il_model_layers(il_context *context, const il_model_options *options, bool conv_bias,
                        il_shape example, int outputs);
/* Do samples and model fit together: shape, outputs, scale of the inputs? name: of the samples, for the sentence. */
il_status il_samples_fit_net(il_context *context, const char *name, const il_samples *samples,
                             const il_model *model);

il_status il_samples_same_scale(il_context *context, const char *name, const il_samples *samples,
                                const il_model *model);
il_model_inputs il_inputs_of(const il_samples *samples);
/* Notes what the model was trained on, and that its statistics are those of training. */
void il_model_trained_on(il_model *model, const il_samples *samples);

/* Outputs of any net for the samples' inputs: [count, outputs]. */
il_status il_scores_of(il_context *context, const il_model *model, const il_samples *samples,
                       int outputs, il_team *team, float *scores);
/* Leaves the moments that norm layers have over the samples as the model's statistics, variance by the count: those of
 * the support set under adapted parameters. More than IL_MODEL_AT_ONCE samples: the mean over parts. */
il_status il_model_take_moments(il_context *context, il_model *model, const il_samples *samples,
                                il_team *team);
enum { IL_MODEL_AT_ONCE = 1024 }; /* examples in one batch; bounds its memory */
/* Takes the running statistics of norm layers anew from the samples; parameters stay. */
il_status il_measure_norms(il_context *context, il_model *model, const il_samples *samples,
                           il_loss loss, uint64_t seed, il_team *team);

#endif
