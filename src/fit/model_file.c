/* Models from and to files: state dicts of any format that io reads, matched with layers (io/state_dict.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fit/model.h"
#include "io/state_dict.h"
#include "io/tensors.h"
#include "io/weights.h"

/* Metadata of our own files. What is missing is RUNNING and UNKNOWN, as older files meant. */
static const char *const statistics_name[] = {"", "query", "support", "each", "running", NULL};
static const char *const inputs_name[] = {"", "pixels", "unit", "reals", NULL};

static int choice(il_context *context, const char *path, const il_safetensors *file,
                  const char *key, const char *const *names) {
  const char *text = il_safetensors_metadata(file, key);
  for (int i = 1; text && names[i]; i++)
    if (!strcmp(text, names[i])) return i;
  if (text)
    il_fail(context, IL_ERROR_FORMAT, "%s: metadata \"%s\" is \"%s\", expected %s, %s, %s%s%s",
            path, key, text, names[1], names[2], names[3], names[4] ? " or " : "",
            names[4] ? names[4] : "");
  return 0;
}

static il_status read_metadata(il_model *m, const char *path, const il_safetensors *file) {
  if (!file) return IL_OK;
  int statistics = choice(m->context, path, file, "norm_statistics", statistics_name);
  if (statistics && m->norms) m->statistics = (il_query_statistics)statistics;
  m->inputs = (il_model_inputs)choice(m->context, path, file, "inputs", inputs_name);
  return il_context_status(m->context);
}

/* The net's values in PyTorch's layout; running statistics may be missing. NULL without memory. */
static il_state_value *values_of(const il_model *m) {
  il_state_value *value = calloc((size_t)m->values + 1, sizeof *value);
  for (int v = 0; value && v < m->values; v++) {
    il_model_value_name(m, v, value[v].name);
    value[v].shape = il_weights_torch_shape(m->net, il_model_value_parameter(m, v));
    value[v].optional = v >= m->parameters;
  }
  return value;
}

static il_status take(il_model *m, int value, const il_tensor *t) {
  float *single = malloc((size_t)il_shape_count(t->shape) * sizeof *single + 1);
  if (!single) return il_fail_memory(m->context, "parameters");
  il_tensor_reals(t, IL_FLOAT32, single);
  il_net_from_torch(m->net, il_model_value_parameter(m, value), IL_FLOAT32, single,
                    m->value[value]);
  free(single);
  return IL_OK;
}

/* One matrix without a module: nn.Linear(size(0), size(1)), stored [in,out] as the engine's. */
static bool bare(int count, const il_tensor *tensor) {
  return count == 1 && tensor[0].shape.rank == 2 && !strchr(tensor[0].name, '.') &&
         il_tensor_is_real(&tensor[0]);
}

static bool take_bare(il_model *m, const il_tensor *t) {
  if (m->values != 2 || !il_shape_equal(t->shape, il_model_value_shape(m, 0))) return false;
  il_tensor_reals(t, IL_FLOAT32, m->value[0]);
  memset(m->value[1], 0, (size_t)t->shape.dim[1] * sizeof(float));
  return true;
}

/* False: the tensors do not fit, or an error in the context. */
static bool match(il_model *m, int count, const il_tensor *tensor, bool natural,
                  const il_state_value *value) {
  int *found = calloc((size_t)m->values + 1, sizeof *found);
  m->file_name = il_arena_alloc(&m->names, (size_t)m->values * sizeof *m->file_name + 1);
  if (!found || !m->file_name) {
    free(found);
    il_fail_memory(m->context, "the names of parameters");
    return false;
  }
  bool good = il_state_match(m->values, value, count, tensor, natural, found);
  if (good) il_model_draw(m, 1); /* for running statistics that the file does not have */
  for (int v = 0; v < m->values && good; v++) {
    m->file_name[v] =
        il_arena_string(&m->names, found[v] < 0 ? value[v].name : tensor[found[v]].name);
    if (!m->file_name[v]) il_fail_memory(m->context, "the names of parameters");
    good = m->file_name[v] && (found[v] < 0 || take(m, v, &tensor[found[v]]) == IL_OK);
  }
  free(found);
  return good;
}

/* ---- sizes from a file ---- */

typedef struct sizes {
  int64_t features, hidden, outputs;
  bool conv_bias;
} sizes;

/* The sizes of the first and the last weight in the order of the modules; of the first convolution, where there are
 * any: they come first in a net, whatever comes first in the file. */
static bool read_sizes(int count, const il_tensor *tensor, bool natural, sizes *s) {
  *s = (sizes){0};
  if (bare(count, tensor)) {
    s->features = tensor[0].shape.dim[0];
    s->outputs = tensor[0].shape.dim[1];
    return true;
  }
  int *first = calloc((size_t)count + 1, sizeof *first);
  int modules = first ? il_state_modules(count, tensor, natural, first) : 0, rank = 0;
  for (int k = 0; k < modules; k++)
    for (int i = 0; i < count; i++) {
      const il_tensor *t = &tensor[i];
      if (!il_state_same_module(t->name, tensor[first[k]].name)) continue;
      if (t->shape.rank == 1 && !strcmp(il_state_suffix(t->name), "bias")) {
        for (int j = 0; j < count; j++)
          if (il_state_same_module(tensor[j].name, t->name) && tensor[j].shape.rank > 2)
            s->conv_bias = true;
        continue;
      }
      if (strcmp(il_state_suffix(t->name), "weight") || t->shape.rank < 2 || t->shape.rank > 4)
        continue;
      if (t->shape.rank > rank) {
        rank = t->shape.rank;
        s->features = t->shape.dim[1];
        s->hidden = t->shape.dim[0];
      }
      if (t->shape.rank == 2) s->outputs = t->shape.dim[0];
    }
  free(first);
  return s->outputs > 0 && s->outputs <= INT32_MAX && s->hidden <= INT32_MAX;
}

/* Outputs that listed layers have by themselves; 0: as many as they are given. */
static int own_outputs(const il_model_options *o) {
  int units = 0;
  for (int i = 0; o->layer && i < o->layers; i++)
    if (o->layer[i].kind == IL_LAYER_LINEAR) units = o->layer[i].units;
  return units;
}

static il_model *of_tensors(il_context *context, const il_model_options *options, const char *path,
                            il_shape example, int count, const il_tensor *tensor) {
  for (int natural = il_state_sorted(count, tensor); natural < 2; natural++) {
    sizes s;
    if (!read_sizes(count, tensor, natural, &s)) {
      il_fail(
          context, IL_ERROR_DATA,
          "%s: found no weights of a linear layer, expected one at the end that gives the outputs",
          path);
      return NULL;
    }
    il_model_options sized = *options;
    if (s.hidden) sized.hidden = (int)s.hidden;
    if (!options->layer && s.hidden && !strcmp(options->kind, "omniglot_fc"))
      sized.hidden = (int)(s.hidden / 4);
    il_shape shape = example.rank ? example : IL_SHAPE(s.features);
    const int outputs = own_outputs(options) ? own_outputs(options) : (int)s.outputs;
    il_net *net = il_model_layers(context, &sized, s.conv_bias, shape, outputs);
    il_model *m = net ? il_model_of_net(context, net) : NULL;
    il_state_value *value = m ? values_of(m) : NULL;
    if (m && !value) il_fail_memory(context, "the names of parameters");
    bool good = value && (bare(count, tensor) ? take_bare(m, &tensor[0])
                                              : match(m, count, tensor, natural, value));
    if (value && !good && natural && il_context_status(context) == IL_OK)
      il_state_mismatch(context, path, m->values, value, count, tensor);
    free(value);
    if (good) return m;
    il_model_free(m);
    if (il_context_status(context) != IL_OK) return NULL;
  }
  return NULL;
}

il_model *il_model_open(il_context *context, const il_model_options *options, const char *path,
                        il_shape example) {
  il_tensors *file = il_tensors_open(context, path);
  if (!file) return NULL;
  int count = il_tensors_count(file);
  il_tensor *tensor = calloc((size_t)count + 1, sizeof *tensor);
  il_model *m = NULL;
  if (tensor) {
    count = il_state_tensors(count, il_tensors_at(file, 0), tensor);
    if (count > IL_STATE_MOST)
      il_state_mismatch(context, path, 0, NULL, count, tensor);
    else
      m = of_tensors(context, options, path, example, count, tensor);
  } else {
    il_fail_memory(context, "the tensors of a file");
  }
  if (m && read_metadata(m, path, file->safetensors) != IL_OK) {
    il_model_free(m);
    m = NULL;
  }
  free(tensor);
  il_tensors_close(file);
  return m;
}

/* ---- writing ---- */

il_status il_model_save(const il_model *m, const char *path) {
  il_arena arena = {0};
  il_tensor *tensor = il_arena_alloc(&arena, (size_t)m->values * sizeof *tensor + 1);
  il_status status = tensor ? IL_OK : il_fail_memory(m->context, "a model to write");
  for (int v = 0; v < m->values && status == IL_OK; v++) {
    char name[64];
    il_model_value_name(m, v, name);
    il_shape shape = il_weights_torch_shape(m->net, il_model_value_parameter(m, v));
    void *data = il_arena_alloc(&arena, (size_t)il_shape_count(shape) * sizeof(float));
    tensor[v] = (il_tensor){m->file_name ? m->file_name[v] : il_arena_string(&arena, name),
                            IL_FLOAT32, shape, data};
    if (!data || !tensor[v].name)
      status = il_fail_memory(m->context, "a model to write");
    else
      il_net_to_torch(m->net, il_model_value_parameter(m, v), IL_FLOAT32, m->value[v], data);
  }
  il_pair pair[3];
  int pairs = 0;
  if (m->inputs) pair[pairs++] = (il_pair){"inputs", inputs_name[m->inputs]};
  pair[pairs++] = (il_pair){"kind", "innerloop model 1"};
  if (m->statistics != IL_QUERY_STATISTICS_RUNNING)
    pair[pairs++] = (il_pair){"norm_statistics", statistics_name[m->statistics]};
  il_file_format format = il_file_format_of(path);
  if (status == IL_OK && format && format != IL_FILE_SAFETENSORS)
    status = il_tensors_write(m->context, path, format, m->values, tensor);
  else if (status == IL_OK)
    status = il_safetensors_write(m->context, path, m->values, tensor, pairs, pair);
  il_arena_free(&arena);
  return status;
}
