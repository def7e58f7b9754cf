/* Optimizers, one record each: the same ones outside, over meta-steps, and inside, within a task. */
#ifndef INNERLOOP_OPTIM_H
#define INNERLOOP_OPTIM_H

#include "field.h"
#include "function.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A number of the graph: a constant, or a value that broadcasts over the tensor. */
typedef struct il_rate {
  double constant; /* without a value */
  il_value value;  /* {0}: the constant */
  il_value
      rest; /* 1 − value, where that is known to more digits than value has near 1; {0}: it is not */
} il_rate;
/* a·rate */
IL_API il_value il_rate_times(il_graph *g, il_value a, il_rate rate);

enum { IL_OPTIMIZER_SLOTS = 2 }; /* of an optimizer, at most */
/* One tensor's update, in place: weight and slots become their next values. */
typedef struct il_update {
  il_value weight, gradient;         /* what is moved, and its gradient */
  il_value slot[IL_OPTIMIZER_SLOTS]; /* as many as the optimizer has; all start at zero */
  il_value made;                     /* real scalar: updates made before this one */
  il_rate lr;                        /* learning rate */
  const il_values *
      numbers; /* learned ones of the settings, by their fields' names, and "FIELD.rest"; NULL: none */
  /* The update is differentiated: where a derivative would be infinite (a root at zero, beside a dead unit), it is 0. */
  bool differentiable;
  bool no_decay; /* the weight is IL_NO_DECAY */
} il_update;

/* A number of the optimizer's settings: what is learned in its place, or the constant. */
IL_API il_rate il_update_number(const il_update *u, const char *field, double constant);

/* How weights follow from gradients: a constant record. */
typedef struct il_optimizer {
  const char *name, *paper;             /* as in outer.optimizer; where it was published */
  size_t size;                          /* of the settings */
  const il_field *fields;               /* of the settings */
  int slots;                            /* values that it keeps for each weight */
  const char *slot[IL_OPTIMIZER_SLOTS]; /* "first": a moment is named "adam.first.conv1.weight" */
  void (*update)(il_graph *g, const void *settings,
                 il_update *u); /* u->weight and u->slot become the next ones */
} il_optimizer;

/* w − lr·g. No settings. */
extern IL_API const il_optimizer il_sgd;
/* buffer = momentum·buffer + g; w − lr·buffer, or with nesterov w − lr·(g + momentum·buffer): PyTorch's form. */
typedef struct il_momentum_settings {
  double momentum; /* share of the last step that is kept */
  bool nesterov;   /* look ahead by the momentum */
} il_momentum_settings;
/* Stochastic gradient descent with momentum. */
extern IL_API const il_optimizer il_momentum;
/* Kingma & Ba, ICLR 2015, Algorithm 1; eps outside the root, as PyTorch's. */
typedef struct il_adam_settings {
  double beta1, beta2, eps; /* decay of the moments; what is added to the root */
} il_adam_settings;
/* Adam; settings: il_adam_settings. */
extern IL_API const il_optimizer il_adam;
/* Loshchilov & Hutter, ICLR 2019: w − lr·weight_decay·w, then Adam's step. */
typedef struct il_adamw_settings {
  double beta1, beta2, eps, weight_decay; /* as Adam's; the share that decays */
} il_adamw_settings;
/* AdamW; settings: il_adamw_settings. */
extern IL_API const il_optimizer il_adamw;
/* Hinton, 2012: square = alpha·square + (1 − alpha)·g²; w − lr·g/(√square + eps): PyTorch's form. */
typedef struct il_rmsprop_settings {
  double alpha, eps; /* decay of the mean square; what is added to the root */
  double initial;    /* what the mean square starts at (TensorFlow 1's: 1) */
} il_rmsprop_settings;
/* RMSProp; settings: il_rmsprop_settings. */
extern IL_API const il_optimizer il_rmsprop;
/* Duchi, Hazan, Singer, JMLR 2011: sum = sum + g²; w − lr·g/(√sum + eps). */
typedef struct il_adagrad_settings {
  double eps; /* what is added to the root */
} il_adagrad_settings;
/* AdaGrad; settings: il_adagrad_settings. */
extern IL_API const il_optimizer il_adagrad;

/* How many optimizers there are. */
IL_API int il_optimizers(void);
/* The index-th of them, from 0. */
IL_API const il_optimizer *il_optimizer_at(int index);
IL_API const il_optimizer *il_optimizer_find(const char *name); /* NULL: none */
/* The slots that these entries need, slot after slot, all zero at first: appended to `to`, in which the entries may lie. */
IL_API il_status il_optimizer_slots(il_context *context, const il_optimizer *optimizer, int count,
                                    const il_entry *entry, il_entries *to);
/* Updates every entry of `weights` that has a gradient of its name; slots are named "OPTIMIZER.SLOT.ENTRY". Both lists are
 * changed in place. settings NULL: the defaults of its fields. rates (or NULL): values by entry name, for the entries whose rate is not lr.
 * numbers (or NULL): scalars by the name of a field of the settings, in the place of what that says; "FIELD.rest": 1 − it. */
IL_API void il_optimizer_update(il_graph *g, const il_optimizer *optimizer, const void *settings,
                                il_value made, il_rate lr, const il_values *rates,
                                const il_values *numbers, bool differentiable, il_values *weights,
                                il_values *slots, const il_values *gradient);
/* The outer loop's use of it: moves every weight by its gradient, and what weights and slots, inputs of the graph, are then
 * is what they will be after a run (il_next). made: real scalar, how many updates were made before; {0} where the optimizer
 * has no slots. Gradients are shared values: il_values_task_mean. */
IL_API void il_optimizer_next(il_graph *g, const il_optimizer *optimizer, const void *settings,
                              il_value made, il_rate lr, const il_values *weights,
                              const il_values *slots, const il_values *gradient);

#ifdef __cplusplus
}
#endif
#endif
