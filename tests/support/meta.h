/* MAML and Adam on arrays of values, as tests like to have them, by the records of meta.h and optim.h. */
#ifndef TESTS_SUPPORT_META_H
#define TESTS_SUPPORT_META_H

#include <innerloop/meta.h>
#include <string.h>

/* A build for values in the order of the net's parameters. */
static inline il_build build_of(il_graph *g, const il_net *net, const il_algorithm *algorithm,
                                const void *settings, il_inner inner, il_loss loss,
                                il_query_statistics statistics, const il_task *task,
                                const il_value *parameters) {
  il_build b = {.g = g,
                .net = net,
                .algorithm = algorithm,
                .settings = settings,
                .inner = inner,
                .loss = loss,
                .statistics = statistics,
                .training = true,
                .task = *task};
  il_entries entries = {0};
  il_meta_entries(il_graph_context(g), net, algorithm, &inner, settings, &entries);
  for (int i = 0; i < entries.count && i < il_net_parameters(net); i++)
    il_values_put(g, &b.meta, entries.entry[i], parameters[i]);
  il_entries_free(&entries);
  return b;
}

/* gradient[i] by parameters[i]. */
static inline il_outcome maml_gradient(il_graph *g, const il_net *net, il_inner inner, il_loss loss,
                                       il_query_statistics statistics, const il_task *task,
                                       const il_value *parameters, il_value *gradient) {
  il_build b = build_of(g, net, &il_maml, NULL, inner, loss, statistics, task, parameters);
  il_outcome out;
  il_build_outcome(&b, &out);
  for (int i = 0; i < il_net_parameters(net); i++)
    gradient[i] = i < out.gradient.count ? out.gradient.at[i] : (il_value){0};
  return out;
}

/* next[0 … 2]: the weight and both moments after the update. */
static inline void adam_update(il_graph *g, double lr, il_value made, il_value weight,
                               il_value gradient, il_value first, il_value second,
                               il_value *next[3]) {
  const il_adam_settings settings = {0.9, 0.999, 1e-8};
  il_update u = {.weight = weight,
                 .gradient = gradient,
                 .slot = {first, second},
                 .made = made,
                 .lr = {.constant = lr}};
  il_adam.update(g, &settings, &u);
  *next[0] = u.weight;
  *next[1] = u.slot[0];
  *next[2] = u.slot[1];
}

#endif
