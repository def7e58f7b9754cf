/* Weights of a net from and to tensors of a file, in PyTorch's layout. */
#include "io/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"
#include "io/state_dict.h"

il_shape il_weights_torch_shape(const il_net *net, int parameter) {
  return il_net_parameter_torch_shape(net, parameter);
}

/* One parameter into engine layout. */
static il_status take(il_context *context, const il_net *net, int parameter,
                      const il_tensor *tensor, il_type type, void *weights) {
  void *reals = malloc((size_t)il_shape_count(tensor->shape) * il_type_size(type) + 1);
  if (!reals) return il_fail_memory(context, "weights");
  il_tensor_reals(tensor, type, reals);
  il_net_from_torch(net, parameter, type, reals, weights);
  free(reals);
  return IL_OK;
}

/* The parameters, then what a file may have for norm layers. NULL without memory. */
static il_state_value *values_of(const il_net *net, int *count) {
  int n = *count = il_net_parameters(net);
  il_state_value *value = calloc(3 * (size_t)n + 1, sizeof *value);
  for (int i = 0; value && i < n; i++) {
    const char *name = il_net_parameter_name(net, i);
    value[i].shape = il_weights_torch_shape(net, i);
    snprintf(value[i].name, sizeof value[i].name, "%s", name);
    if (strncmp(name, "norm", 4) || strcmp(il_state_suffix(name), "weight")) continue;
    for (int k = 0; k < 2; k++) {
      il_state_value *v = &value[(*count)++];
      *v = (il_state_value){.shape = value[i].shape, .optional = true};
      snprintf(v->name, sizeof v->name, "%.*s.running_%s", (int)il_state_module(name), name,
               k ? "var" : "mean");
    }
  }
  return value;
}

il_status il_weights_open(il_context *context, const char *path, const il_net *net, il_type type,
                          void *const *weights) {
  il_tensors *file = il_tensors_open(context, path);
  if (!file) return il_context_status(context);
  int count = il_tensors_count(file), values = 0;
  il_state_value *value = values_of(net, &values);
  il_tensor *tensor = calloc((size_t)count + 1, sizeof *tensor);
  int *found = calloc((size_t)values + 1, sizeof *found);
  if (!value || !tensor || !found) {
    il_fail_memory(context, "the tensors of a file");
  } else {
    count = il_state_tensors(count, il_tensors_at(file, 0), tensor);
    bool sorted = il_state_sorted(count, tensor);
    if ((sorted || !il_state_match(values, value, count, tensor, false, found)) &&
        !il_state_match(values, value, count, tensor, true, found))
      il_state_mismatch(context, path, values, value, count, tensor);
    for (int i = 0; i < il_net_parameters(net) && il_context_status(context) == IL_OK; i++)
      take(context, net, i, &tensor[found[i]], type, weights[i]);
  }
  free(found);
  free(tensor);
  free(value);
  il_tensors_close(file);
  return il_context_status(context);
}
