/* Models from and to files: tensors are matched with layers by name, or else in order by suffix and shape. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/model.h"
#include "train/weights.h"

/* ---- names: "layers.0.weight" is the tensor "weight" of the module "layers.0" ---- */

static size_t module_length(const char *name) {
  const char *dot = strrchr(name, '.');
  return dot ? (size_t)(dot - name) : 0;
}
static const char *suffix(const char *name) {
  const char *dot = strrchr(name, '.');
  return dot ? dot + 1 : name;
}
static bool same_module(const char *a, const char *b) {
  size_t n = module_length(a);
  return n == module_length(b) && !memcmp(a, b, n);
}
/* Counts how many batches a norm has seen; nothing is computed from it. */
static bool counts_only(const char *name) { return !strcmp(suffix(name), "num_batches_tracked"); }

/* The first tensor of each module, in the order of the file or in natural order. */
static int modules_of(int count, const il_tensor *tensor, bool natural, int *first) {
  int modules = 0;
  for (int i = 0; i < count; i++) {
    int k = 0;
    while (k < modules && !same_module(tensor[first[k]].name, tensor[i].name)) k++;
    if (k == modules && !counts_only(tensor[i].name)) first[modules++] = i;
  }
  for (int i = 1; natural && i < modules; i++)
    for (int k = i; k > 0 && strverscmp(tensor[first[k - 1]].name, tensor[first[k]].name) > 0;
         k--) {
      int kept = first[k];
      first[k] = first[k - 1];
      first[k - 1] = kept;
    }
  return modules;
}

/* ---- matching ---- */

static il_shape file_shape(const il_model *m, int value) {
  il_shape s = il_weights_torch_shape(m->net, il_model_value_parameter(m, value));
  return s;
}

static bool fits(const il_model *m, int value, const il_tensor *t) {
  bool real = t->type == IL_FLOAT32 || t->type == IL_FLOAT64;
  return real && il_shape_equal(t->shape, file_shape(m, value));
}

static bool match_by_name(const il_model *m, int count, const il_tensor *tensor, int *found) {
  for (int v = 0; v < m->values; v++) {
    char name[64];
    il_model_value_name(m, v, name);
    found[v] = -1;
    for (int i = 0; i < count; i++)
      if (!strcmp(tensor[i].name, name)) found[v] = i;
    if (found[v] < 0 ? v < m->parameters : !fits(m, v, &tensor[found[v]])) return false;
  }
  for (int i = 0; i < count; i++) { /* nothing is left over */
    bool used = counts_only(tensor[i].name);
    for (int v = 0; v < m->values; v++) used |= found[v] == i;
    if (!used) return false;
  }
  return true;
}

/* Layer k of the net with module k of the file. */
static bool match_by_order(const il_model *m, int count, const il_tensor *tensor, bool natural,
                           int *first, int *found) {
  int modules = modules_of(count, tensor, natural, first), module = -1, used = 0, counters = 0;
  char last[64] = "";
  for (int i = 0; i < count; i++) counters += counts_only(tensor[i].name);
  for (int v = 0; v < m->values; v++) {
    char name[64];
    il_model_value_name(m, v, name);
    found[v] = -1;
    if (v < m->parameters && (module < 0 || !same_module(name, last))) module++;
    if (v >= m->parameters) { /* running statistics: the module of their norm's weight */
      const char *weight = tensor[found[il_model_value_parameter(m, v)]].name;
      for (module = 0; !same_module(tensor[first[module]].name, weight);) module++;
    }
    memcpy(last, name, sizeof last);
    if (module >= modules) return false;
    for (int i = 0; i < count; i++)
      if (same_module(tensor[i].name, tensor[first[module]].name) &&
          !strcmp(suffix(tensor[i].name), suffix(name)))
        found[v] = i;
    if (found[v] < 0 ? v < m->parameters : !fits(m, v, &tensor[found[v]])) return false;
    used += found[v] >= 0;
  }
  return used + counters == count;
}

static void print_shape(FILE *out, const char *name, il_shape shape) {
  fprintf(out, "%s [", name);
  for (int i = 0; i < shape.rank; i++)
    fprintf(out, "%s%lld", i ? ", " : "", (long long)shape.dim[i]);
  fputc(']', out);
}

static il_status mismatch(const il_model *m, const char *path, int count, const il_tensor *tensor) {
  enum { SHOWN = 24 };
  char *text = NULL, name[64];
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (!out) return il_fail_memory(m->context, "a sentence");
  fputs("the file has ", out);
  for (int i = 0; i < count && i < SHOWN; i++) {
    if (i) fputs(", ", out);
    print_shape(out, *tensor[i].name ? tensor[i].name : "one tensor", tensor[i].shape);
  }
  fputs(count > SHOWN ? ", …; the net has " : "; the net has ", out);
  for (int v = 0; v < m->parameters && v < SHOWN; v++) {
    if (v) fputs(", ", out);
    il_model_value_name(m, v, name);
    print_shape(out, name, file_shape(m, v));
  }
  if (m->parameters > SHOWN) fputs(", …", out);
  fclose(out);
  il_status status =
      il_fail(m->context, IL_ERROR_DATA, "%s does not fit the net: %s", path, text ? text : "");
  free(text);
  return status;
}

static il_status take(il_model *m, int value, const il_tensor *t) {
  int64_t count = il_shape_count(t->shape);
  float *single = malloc((size_t)count * sizeof *single + 1);
  if (!single) return il_fail_memory(m->context, "parameters");
  for (int64_t i = 0; i < count; i++)
    single[i] =
        t->type == IL_FLOAT32 ? ((const float *)t->data)[i] : (float)((const double *)t->data)[i];
  il_net_from_torch(m->net, il_model_value_parameter(m, value), IL_FLOAT32, single,
                    m->value[value]);
  free(single);
  return IL_OK;
}

/* One matrix without a module: nn.Linear(size(0), size(1)), stored [in,out] as the engine's. */
static bool bare(int count, const il_tensor *tensor) {
  return count == 1 && tensor[0].shape.rank == 2 && !strchr(tensor[0].name, '.') &&
         (tensor[0].type == IL_FLOAT32 || tensor[0].type == IL_FLOAT64);
}

static bool take_bare(il_model *m, const il_tensor *t) {
  if (m->values != 2 || !il_shape_equal(t->shape, il_model_value_shape(m, 0))) return false;
  for (int64_t i = 0; i < il_shape_count(t->shape); i++)
    m->value[0][i] =
        t->type == IL_FLOAT32 ? ((const float *)t->data)[i] : (float)((const double *)t->data)[i];
  memset(m->value[1], 0, (size_t)t->shape.dim[1] * sizeof(float));
  return true;
}

/* False: the tensors do not fit, or an error in the context. */
static bool match(il_model *m, int count, const il_tensor *tensor, bool natural) {
  int *found = calloc((size_t)m->values + (size_t)count + 1, sizeof *found);
  m->file_name = il_arena_alloc(&m->names, (size_t)m->values * sizeof *m->file_name + 1);
  if (!found || !m->file_name) {
    free(found);
    il_fail_memory(m->context, "the names of parameters");
    return false;
  }
  bool good = match_by_name(m, count, tensor, found) ||
              match_by_order(m, count, tensor, natural, found + m->values, found);
  if (good) il_model_draw(m, 1); /* for running statistics that the file does not have */
  for (int v = 0; v < m->values && good; v++) {
    char name[64];
    il_model_value_name(m, v, name);
    m->file_name[v] = il_arena_string(&m->names, found[v] < 0 ? name : tensor[found[v]].name);
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

/* The sizes of the first and the last weight, in the order of the modules. */
static bool read_sizes(int count, const il_tensor *tensor, bool natural, sizes *s) {
  *s = (sizes){0};
  if (bare(count, tensor)) {
    s->features = tensor[0].shape.dim[0];
    s->outputs = tensor[0].shape.dim[1];
    return true;
  }
  int *first = calloc((size_t)count + 1, sizeof *first);
  int modules = first ? modules_of(count, tensor, natural, first) : 0;
  for (int k = 0; k < modules; k++)
    for (int i = 0; i < count; i++) {
      const il_tensor *t = &tensor[i];
      if (!same_module(t->name, tensor[first[k]].name) || strcmp(suffix(t->name), "weight"))
        continue;
      if (t->shape.rank != 2 && t->shape.rank != 4) continue;
      if (!s->hidden) s->features = t->shape.dim[1];
      if (!s->hidden) s->hidden = t->shape.dim[0];
      s->outputs = t->shape.dim[0];
      for (int j = 0; j < count && t->shape.rank == 4; j++)
        if (same_module(tensor[j].name, t->name) && !strcmp(suffix(tensor[j].name), "bias"))
          s->conv_bias = true;
    }
  free(first);
  return s->outputs > 0 && s->outputs <= INT32_MAX && s->hidden <= INT32_MAX;
}

static il_model *of_tensors(il_context *context, const il_model_options *options, const char *path,
                            il_shape example, int count, const il_tensor *tensor) {
  for (int natural = 0; natural < 2; natural++) {
    sizes s;
    if (!read_sizes(count, tensor, natural, &s)) {
      il_fail(context, IL_ERROR_DATA, "%s: found no weights of linear or convolutional layers",
              path);
      return NULL;
    }
    il_model_options sized = *options;
    if (s.hidden) sized.hidden = (int)s.hidden;
    if (s.hidden && !strcmp(options->kind, "omniglot_fc")) sized.hidden = (int)(s.hidden / 4);
    il_shape shape = example.rank ? example : IL_SHAPE(s.features);
    il_net *net = il_model_layers(context, &sized, s.conv_bias, shape, (int)s.outputs);
    il_model *m = net ? il_model_of_net(context, net) : NULL;
    if (!m) return NULL;
    if (bare(count, tensor) ? take_bare(m, &tensor[0]) : match(m, count, tensor, natural)) return m;
    if (natural && il_context_status(context) == IL_OK) mismatch(m, path, count, tensor);
    il_model_free(m);
    if (il_context_status(context) != IL_OK) return NULL;
  }
  return NULL;
}

il_model *il_model_open(il_context *context, const il_model_options *options, const char *path,
                        il_shape example) {
  il_safetensors *file = il_safetensors_open(context, path);
  if (!file) return NULL;
  int count = il_safetensors_count(file);
  il_tensor *tensor = calloc((size_t)count + 1, sizeof *tensor);
  il_model *m = NULL;
  for (int i = 0; tensor && i < count; i++) tensor[i] = *il_safetensors_at(file, i);
  if (tensor)
    m = of_tensors(context, options, path, example, count, tensor);
  else
    il_fail_memory(context, "the tensors of a file");
  free(tensor);
  il_safetensors_close(file);
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
    il_shape shape = file_shape(m, v);
    void *data = il_arena_alloc(&arena, (size_t)il_shape_count(shape) * sizeof(float));
    tensor[v] = (il_tensor){m->file_name ? m->file_name[v] : il_arena_string(&arena, name),
                            IL_FLOAT32, shape, data};
    if (!data || !tensor[v].name)
      status = il_fail_memory(m->context, "a model to write");
    else
      il_net_to_torch(m->net, il_model_value_parameter(m, v), IL_FLOAT32, m->value[v], data);
  }
  if (status == IL_OK)
    status = il_safetensors_write(m->context, path, m->values, tensor, 1,
                                  &(il_pair){"kind", "innerloop model 1"});
  il_arena_free(&arena);
  return status;
}
