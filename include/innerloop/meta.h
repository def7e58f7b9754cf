/* Meta-learning algorithms and outer optimizers, as graph. */
#ifndef INNERLOOP_META_H
#define INNERLOOP_META_H

#include "grad.h"
#include "nn.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum il_query_statistics {
  IL_QUERY_STATISTICS_QUERY = 1,   /* transductive: the query set's own batch statistics */
  IL_QUERY_STATISTICS_SUPPORT = 2, /* the support set's under the adapted weights */
  IL_QUERY_STATISTICS_EACH = 3,    /* each query alone */
  IL_QUERY_STATISTICS_RUNNING = 4, /* those of training, which the model carries along */
} il_query_statistics;

/* What a source says of its tasks, equal for all of a split. */
typedef struct il_task_shape {
  int ways;           /* classes of a task; 1 where there are none */
  int shots, queries; /* support and query examples of each class */
  int support, query; /* examples of a task: ways·shots and ways·queries, or the source's own */
  int outputs;        /* of a net whose last layer is the head */
  il_shape example;   /* of one x: [h,w,c] or [features] */
  il_type x;          /* IL_UINT8: bytes; otherwise the real type of the computation */
  bool targets;       /* y are reals [n, outputs]; else int32 labels [n] */
  il_loss loss;       /* that fits the y */
  double scale;       /* nets see x·scale: 1/255 for pixels */
} il_task_shape;

/* One task: values in the graph, usually task inputs. x real [n, example…]; y int32 [n] or real [n, outputs]. */
typedef struct il_task {
  il_value support_x, support_y, query_x, query_y;
  il_value dropout_key; /* {0}: no dropout */
} il_task;

/* Makes the task inputs support_x, support_y, query_x, query_y (and dropout_key) of a graph, in this order; x in the
 * task is real and scaled. */
IL_API void il_task_inputs(il_graph *g, const il_task_shape *shape, bool dropout, il_task *task);
/* Whether tasks of this net need a dropout_key. */
IL_API bool il_task_needs_key(const il_net *net);

typedef struct il_maml {
  int inner_steps;
  double inner_lr; /* multiplies the gradient of the MEAN loss over the support set */
  bool first_order;
  il_loss loss;
  il_query_statistics query_statistics;
} il_maml;

/* The inner loop: fast[i] = parameters[i] − lr·∂(mean support loss), `inner_steps` times
 * (Finn et al., "Model-Agnostic Meta-Learning", ICML 2017, Algorithm 1/2, lines 5-7).
 * fast receives il_net_parameters values. support_loss (or NULL) receives inner_steps values, each the
 * loss BEFORE its step. */
IL_API il_status il_maml_adapt(il_graph *g, const il_net *net, const il_maml *maml,
                               const il_task *task, const il_value *parameters, il_value *fast,
                               il_value *support_loss);
/* Scores on the query set under given weights, with the statistics asked for. */
IL_API il_value il_maml_query(il_graph *g, const il_net *net, const il_maml *maml,
                              const il_task *task, const il_value *fast);
/* The mean query loss, accuracy ({0} with squared error), support loss before the last inner step ({0} without
 * inner steps) and meta-gradients of ONE task (task values; average
 * them with il_task_mean). */
typedef struct il_maml_result {
  il_value query_loss, query_accuracy, support_loss;
} il_maml_result;
IL_API il_status il_maml_gradient(il_graph *g, const il_net *net, const il_maml *maml,
                                  const il_task *task, const il_value *parameters,
                                  il_maml_result *result, il_value *gradient);

/* Adam (Kingma & Ba, ICLR 2015, Algorithm 1; bias correction as there, eps outside the root), as PyTorch's. */
typedef struct il_adam {
  double lr, beta1, beta2, eps;
} il_adam;
/* step: real scalar, number of updates made before this one. Any of the results may be used as outputs. */
IL_API void il_adam_update(il_graph *g, const il_adam *adam, il_value step, int count,
                           const il_value *parameter, const il_value *gradient,
                           const il_value *first, const il_value *second, il_value *parameter_next,
                           il_value *first_next, il_value *second_next);
/* w − lr·g. */
IL_API void il_sgd_update(il_graph *g, double lr, int count, const il_value *parameter,
                          const il_value *gradient, il_value *parameter_next);

#ifdef __cplusplus
}
#endif
#endif
