/* The walk over a net's layers, which checks each against the shape that it receives; for nn/ alone. */
#ifndef IL_NN_WALK_H
#define IL_NN_WALK_H

#include "nn/net.h"

enum { IL_WALK_KINDS = IL_LAYER_ACTIVATION + 1, IL_WALK_OPEN = 16 };
extern const char *const il_walk_kinds[IL_WALK_KINDS]; /* by il_layer_kind */

/* What flows from layer to layer: of one example; a signal's shape is [1,t,c]. */
typedef struct il_walk_shape {
  il_shape shape;
  int64_t pixels, channels; /* see il_net_parameter */
  bool steps_first;         /* a signal that PyTorch has as [t,c]: flattened, it has our order */
} il_walk_shape;

/* A residual block that is open. */
typedef struct il_walk_branch {
  il_walk_shape input, main; /* main: what its main branch gives, once shortcut is true */
  int layer;                 /* that opened it */
  bool shortcut;
} il_walk_branch;

/* The state of the walk. */
typedef struct il_walk {
  il_net *net;
  il_shape shape;           /* before the layer at hand: il_walk_shape's */
  int64_t pixels, channels; /* likewise */
  bool signal, steps_first; /* what is no list of features is a signal; likewise */
  int count[IL_WALK_KINDS];
  int index; /* of the layer at hand */
  int open;
  il_walk_branch branch[IL_WALK_OPEN];
} il_walk;

#define IL_LAYER_FAIL(w, status, format, ...)                                                      \
  (il_fail((w)->net->context, status, "il_net_new: layer %d (%s): " format, (w)->index + 1,        \
           il_walk_kinds[(w)->net->layer[(w)->index].layer.kind], __VA_ARGS__),                    \
   false)

/* Adds a parameter to the layer at hand. second: il_net_parameter's; rows: its axis 0 runs over what was flattened. */
bool il_walk_parameter(il_walk *w, const char *suffix, il_shape shape, bool second, bool rows);
/* "a 28x28x1 image", "a signal of 29 steps and 12 channels", "64 features" into text. */
const char *il_walk_receives(const il_walk *w, char text[static 96]);
/* Layers that stand in files of their own. */
bool il_walk_norm(il_walk *w);
bool il_walk_residual(il_walk *w);
bool il_walk_attention(il_walk *w);
bool il_walk_embedding(il_walk *w);
bool il_walk_gru(il_walk *w);
bool il_walk_activation(il_walk *w);

#endif
