/* The walk's norms, residual blocks, attention, embedding and GRU. */
#include <math.h>

#include "nn/walk.h"

/* ---- norms ---- */

static bool norm_fits(il_walk *w) {
  const il_layer *layer = &w->net->layer[w->index].layer;
  const int64_t channels = w->shape.dim[w->shape.rank - 1];
  char found[96];
  if (!(layer->eps > 0) || !isfinite(layer->eps))
    return IL_LAYER_FAIL(w, IL_ERROR_ARGUMENT, "eps %g; expected more than 0", layer->eps);
  if (w->count[IL_LAYER_NORM] + w->count[IL_LAYER_TASK_NORM] > IL_NET_MAX_NORMS)
    return IL_LAYER_FAIL(w, IL_ERROR_UNSUPPORTED, "the net has more than %d norm layers",
                         IL_NET_MAX_NORMS);
  /* Of features, an example's own moments of a channel are its one number and zero. */
  if ((layer->kind == IL_LAYER_INSTANCE_NORM || layer->kind == IL_LAYER_TASK_NORM) &&
      w->shape.rank != 3)
    return IL_LAYER_FAIL(w, IL_ERROR_SHAPE,
                         "needs an image [h,w,c] or a signal [t,channels] and receives %s",
                         il_walk_receives(w, found));
  if (layer->kind != IL_LAYER_GROUP_NORM) return true;
  if (layer->groups < 1 || channels % layer->groups)
    return IL_LAYER_FAIL(w, IL_ERROR_ARGUMENT, "groups %d; expected a divisor of its %lld channels",
                         layer->groups, (long long)channels);
  /* What are neighbours in PyTorch's order of a flattened image are none in ours. */
  if (w->shape.rank == 1 && w->pixels > 1)
    return IL_LAYER_FAIL(w, IL_ERROR_SHAPE,
                         "receives %s of a flattened image or signal; expected it before the "
                         "flatten",
                         il_walk_receives(w, found));
  return true;
}

bool il_walk_norm(il_walk *w) {
  const il_layer *layer = &w->net->layer[w->index].layer;
  if (!norm_fits(w)) return false;
  if (!il_layer_takes_moments(layer) && !layer->affine) return true;
  const il_shape features = IL_SHAPE(w->shape.dim[w->shape.rank - 1]);
  const bool flat = w->shape.rank == 1;
  if (!il_walk_parameter(w, "weight", features, false, flat) ||
      !il_walk_parameter(w, "bias", features, true, flat))
    return false;
  return layer->kind != IL_LAYER_TASK_NORM ||
         (il_walk_parameter(w, "scale", IL_SHAPE(1), true, false) &&
          il_walk_parameter(w, "offset", IL_SHAPE(1), true, false));
}

/* ---- residual blocks ---- */

static il_walk_shape shape_now(const il_walk *w) {
  return (il_walk_shape){w->shape, w->pixels, w->channels, w->steps_first};
}

static void take_shape(il_walk *w, const il_walk_shape *s) {
  w->shape = s->shape;
  w->pixels = s->pixels;
  w->channels = s->channels;
  w->steps_first = s->steps_first;
}

static bool add_branches(il_walk *w, const il_walk_branch *b) {
  const il_walk_shape here = shape_now(w), other = b->shortcut ? b->main : b->input;
  char found[96], expected[96];
  il_walk_receives(w, found);
  const il_walk_shape main = b->shortcut ? other : here;
  if (!il_shape_equal(here.shape, other.shape)) {
    take_shape(w, &other);
    return IL_LAYER_FAIL(w, IL_ERROR_SHAPE, "one branch gives %s, the other %s; expected the same",
                         found, il_walk_receives(w, expected));
  }
  if (here.shape.rank == 1 && here.pixels != other.pixels)
    return IL_LAYER_FAIL(w, IL_ERROR_SHAPE,
                         "one branch gives %s of a flattened image or signal, the other does not",
                         found);
  take_shape(w, &main);
  return true;
}

bool il_walk_residual(il_walk *w) {
  const il_layer_kind kind = w->net->layer[w->index].layer.kind;
  if (kind == IL_LAYER_RESIDUAL) {
    if (w->open == IL_WALK_OPEN)
      return IL_LAYER_FAIL(w, IL_ERROR_UNSUPPORTED, "more than %d residual blocks in one another",
                           IL_WALK_OPEN);
    w->branch[w->open++] = (il_walk_branch){.input = shape_now(w), .layer = w->index};
    return true;
  }
  il_walk_branch *b = w->open ? &w->branch[w->open - 1] : NULL;
  if (!b)
    return IL_LAYER_FAIL(w, IL_ERROR_ARGUMENT, "%s",
                         "no residual block is open; expected a "
                         "residual before it");
  if (kind == IL_LAYER_ADD) {
    w->open--;
    return add_branches(w, b);
  }
  if (b->shortcut)
    return IL_LAYER_FAIL(w, IL_ERROR_ARGUMENT,
                         "a second shortcut in the residual block of layer %d", b->layer + 1);
  b->main = shape_now(w);
  b->shortcut = true;
  take_shape(w, &b->input);
  return true;
}

/* ---- attention ---- */

bool il_walk_attention(il_walk *w) {
  const il_layer *layer = &w->net->layer[w->index].layer;
  const int heads = layer->heads > 1 ? layer->heads : 1;
  char found[96];
  if (w->shape.rank != 3)
    return IL_LAYER_FAIL(w, IL_ERROR_SHAPE,
                         "needs a signal [t,channels] or an image [h,w,c] and receives %s",
                         il_walk_receives(w, found));
  const int64_t c = w->shape.dim[2];
  if (layer->heads < 0 || c % heads)
    return IL_LAYER_FAIL(w, IL_ERROR_ARGUMENT, "heads %d; expected a divisor of its %lld channels",
                         layer->heads, (long long)c);
  if (!il_walk_parameter(w, "in_proj_weight", IL_SHAPE(c, 3 * c), false, false) ||
      (layer->bias && !il_walk_parameter(w, "in_proj_bias", IL_SHAPE(3 * c), true, false)) ||
      !il_walk_parameter(w, "out_proj.weight", IL_SHAPE(c, c), false, false))
    return false;
  return !layer->bias || il_walk_parameter(w, "out_proj.bias", IL_SHAPE(c), true, false);
}

/* ---- embedding ---- */

bool il_walk_embedding(il_walk *w) {
  const il_layer *layer = &w->net->layer[w->index].layer;
  char found[96];
  if (w->index > 0)
    return IL_LAYER_FAIL(w, IL_ERROR_ARGUMENT, "%s",
                         "receives what other layers give; expected it to be the first layer, "
                         "which receives whole numbers");
  if (layer->units < 1 || layer->vocabulary < 1 || layer->vocabulary > 1 << 24)
    return IL_LAYER_FAIL(w, IL_ERROR_ARGUMENT,
                         "units %d, vocabulary %d; expected at least 1 unit, and a vocabulary from "
                         "1 to 16777216",
                         layer->units, layer->vocabulary);
  if (w->shape.rank == 3 && !(w->signal && w->shape.dim[2] == 1))
    return IL_LAYER_FAIL(w, IL_ERROR_SHAPE,
                         "needs features [t] or a signal of one channel [t,1] and receives %s",
                         il_walk_receives(w, found));
  const int64_t steps = w->shape.rank == 3 ? w->shape.dim[1] : w->shape.dim[0];
  if (!il_walk_parameter(w, "weight", IL_SHAPE(layer->vocabulary, layer->units), false, false))
    return false;
  w->net->parameter[w->net->parameters - 1].as_it_is = true;
  w->shape = IL_SHAPE(1, steps, layer->units);
  w->signal = w->steps_first = true;
  return true;
}

/* ---- gru ---- */

bool il_walk_gru(il_walk *w) {
  const il_layer *layer = &w->net->layer[w->index].layer;
  const int64_t units = layer->units;
  char found[96];
  if (w->shape.rank != 3 || !w->signal)
    return IL_LAYER_FAIL(w, IL_ERROR_SHAPE, "needs a signal [t,channels] and receives %s",
                         il_walk_receives(w, found));
  if (units < 1)
    return IL_LAYER_FAIL(w, IL_ERROR_ARGUMENT, "units %d; expected at least 1", layer->units);
  if (!il_walk_parameter(w, "weight_ih_l0", IL_SHAPE(w->shape.dim[2], 3 * units), false, false) ||
      !il_walk_parameter(w, "weight_hh_l0", IL_SHAPE(units, 3 * units), false, false))
    return false;
  if (layer->bias && (!il_walk_parameter(w, "bias_ih_l0", IL_SHAPE(3 * units), true, false) ||
                      !il_walk_parameter(w, "bias_hh_l0", IL_SHAPE(3 * units), true, false)))
    return false;
  w->shape = layer->sequence ? IL_SHAPE(1, w->shape.dim[1], units) : IL_SHAPE(units);
  w->steps_first = layer->sequence;
  w->pixels = 1;
  w->channels = units;
  return true;
}
