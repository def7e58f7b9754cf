/* Weights of a net from and to tensors of a file, in PyTorch's layout. */
#include "train/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void **il_weights_alloc(il_context *context, const il_net *net, il_type type) {
  int n = il_net_parameters(net);
  size_t total = 64;
  for (int i = 0; i < n; i++)
    total += ((size_t)il_shape_count(il_net_parameter_shape(net, i)) * il_type_size(type) + 63) /
             64 * 64;
  void **weights = calloc((size_t)n + 1, sizeof *weights);
  char *at = weights ? aligned_alloc(64, total) : NULL;
  if (!at) {
    free(weights);
    il_fail_memory(context, "the weights of a net");
    return NULL;
  }
  memset(at, 0, total);
  weights[0] = at; /* also for a net without parameters, so that free finds it */
  for (int i = 0; i < n; i++) {
    weights[i] = at;
    at += ((size_t)il_shape_count(il_net_parameter_shape(net, i)) * il_type_size(type) + 63) / 64 *
          64;
  }
  return weights;
}

void il_weights_free(void **weights) {
  if (weights) free(weights[0]);
  free(weights);
}

il_shape il_weights_torch_shape(const il_net *net, int parameter) {
  il_shape s = il_net_parameter_shape(net, parameter);
  if (s.rank == 4) return IL_SHAPE(s.dim[3], s.dim[2], s.dim[0], s.dim[1]);
  if (s.rank == 2) return IL_SHAPE(s.dim[1], s.dim[0]);
  return s;
}

static const char *shape_text(il_shape shape, char *text, size_t size) {
  size_t at = (size_t)snprintf(text, size, "[");
  for (int i = 0; i < shape.rank && at < size; i++)
    at += (size_t)snprintf(text + at, size - at, "%s%lld", i ? ", " : "", (long long)shape.dim[i]);
  if (at < size) snprintf(text + at, size - at, "]");
  return text;
}

static void convert(il_type from, const void *source, il_type to, void *target, size_t count) {
  if (from == to)
    memcpy(target, source, count * il_type_size(to));
  else if (to == IL_FLOAT64)
    for (size_t i = 0; i < count; i++) ((double *)target)[i] = (double)((const float *)source)[i];
  else
    for (size_t i = 0; i < count; i++) ((float *)target)[i] = (float)((const double *)source)[i];
}

static il_status refuse_others(il_context *context, const char *path, const il_safetensors *file,
                               const il_net *net) {
  for (int i = 0; i < il_safetensors_count(file); i++) {
    const char *name = il_safetensors_at(file, i)->name;
    int k = 0;
    while (k < il_net_parameters(net) && strcmp(il_net_parameter_name(net, k), name)) k++;
    if (k == il_net_parameters(net))
      return il_fail(context, IL_ERROR_DATA, "%s: found tensor \"%s\", which the net does not have",
                     path, name);
  }
  return IL_OK;
}

il_status il_weights_read(il_context *context, const char *path, const il_safetensors *file,
                          const il_net *net, const char *prefix, bool strict, il_type type,
                          void *const *weights) {
  for (int i = 0; i < il_net_parameters(net); i++) {
    char name[256], found[128], expected[128];
    snprintf(name, sizeof name, "%s%s", prefix, il_net_parameter_name(net, i));
    il_shape shape = il_weights_torch_shape(net, i);
    const il_tensor *tensor = il_safetensors_find(file, name);
    if (!tensor)
      return il_fail(context, IL_ERROR_DATA, "%s: tensor \"%s\" is missing, expected shape %s",
                     path, name, shape_text(shape, expected, sizeof expected));
    if (!il_shape_equal(tensor->shape, shape))
      return il_fail(context, IL_ERROR_DATA, "%s: \"%s\" has shape %s, expected %s", path, name,
                     shape_text(tensor->shape, found, sizeof found),
                     shape_text(shape, expected, sizeof expected));
    if (tensor->type != IL_FLOAT32 && tensor->type != IL_FLOAT64)
      return il_fail(context, IL_ERROR_DATA, "%s: \"%s\" has type %s, expected f32 or f64", path,
                     name, il_type_name(tensor->type));
    size_t count = (size_t)il_shape_count(shape);
    void *converted = malloc(count * il_type_size(type) + 1);
    if (!converted) return il_fail_memory(context, "weights");
    convert(tensor->type, tensor->data, type, converted, count);
    il_net_from_torch(net, i, type, converted, weights[i]);
    free(converted);
  }
  return strict ? refuse_others(context, path, file, net) : IL_OK;
}

il_status il_weights_tensors(il_context *context, il_arena *arena, const il_net *net,
                             const char *prefix, il_type type, const void *const *weights,
                             il_tensor *tensor) {
  for (int i = 0; i < il_net_parameters(net); i++) {
    char name[256];
    snprintf(name, sizeof name, "%s%s", prefix, il_net_parameter_name(net, i));
    il_shape shape = il_weights_torch_shape(net, i);
    void *data = il_arena_alloc(arena, (size_t)il_shape_count(shape) * il_type_size(type));
    tensor[i] = (il_tensor){il_arena_string(arena, name), type, shape, data};
    if (!data || !tensor[i].name) return il_fail_memory(context, "weights to write");
    il_net_to_torch(net, i, type, weights[i], data);
  }
  return IL_OK;
}
