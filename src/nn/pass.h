/* One application of a net to a batch, and the layers that take a file of their own; for nn/ alone. */
#ifndef IL_NN_PASS_H
#define IL_NN_PASS_H

#include "nn/walk.h"

typedef struct il_pass {
  const il_net *net;
  il_graph *g;
  const il_value *parameters;
  il_statistics statistics;
  il_moments *moments;
  int norms; /* layers so far that take moments */
  il_value dropout_key;
  int64_t dropout_stream;
  int open; /* residual blocks */
  il_value branch[IL_WALK_OPEN];
} il_pass;

/* norm, task_norm. x [n,…,c]. */
il_value il_norm_with_moments(il_pass *p, const il_net_layer_record *record, il_value x);
/* layer_norm, instance_norm, group_norm. */
il_value il_norm_alone(il_pass *p, const il_net_layer_record *record, il_value x);
/* x [n,h,w,c]. */
il_value il_attention(il_pass *p, const il_net_layer_record *record, il_value x);
/* x [n,t] or [n,1,t,1] of whole numbers; gives [n,1,t,units]. */
il_value il_embedding(il_pass *p, const il_net_layer_record *record, il_value x);
/* x [n,1,t,c]; gives [n,units], or all steps [n,1,t,units]. */
il_value il_gru(il_pass *p, const il_net_layer_record *record, il_value x);
/* A learned activation; x of any shape. */
il_value il_activation(il_pass *p, int index, il_value x);
/* il_conv2d of more than one group. */
il_value il_grouped_conv(il_graph *g, il_value x, il_value w, il_window window);

#endif
