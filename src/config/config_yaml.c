/* Configurations as YAML: nested maps become dotted keys; model.layers is a list of maps. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/locale.h"
#include "base/room.h"
#include "io/io.h"
#include "config/config.h"

/* The fields of a layer in YAML. */
typedef enum field {
  UNITS,
  KERNEL,
  STRIDE,
  PAD,
  DILATION,
  GROUPS,
  HEADS,
  BIAS,
  AFFINE,
  EPS,
  RATE,
  INIT,
  INIT_SCALE,
  VOCABULARY,
  SEQUENCE,
  FIELDS
} field;
static const char *const fields[FIELDS] = {
    "units",  "kernel", "stride", "pad",  "dilation",   "groups",     "heads",   "bias",
    "affine", "eps",    "rate",   "init", "init_scale", "vocabulary", "sequence"};

/* A kind of layer: the fields that it has, as a mask, and what they are where they are not given. */
#define HAS(f) (1u << (f))
#define WEIGHTS (HAS(UNITS) | HAS(BIAS) | HAS(INIT) | HAS(INIT_SCALE))
#define WINDOW (HAS(KERNEL) | HAS(STRIDE) | HAS(PAD))
#define FILTERS (WEIGHTS | WINDOW | HAS(DILATION) | HAS(GROUPS))
static const struct layer_kind {
  const char *name;
  unsigned has;
  il_layer fresh;
} layer_kinds[] = {
    [IL_LAYER_LINEAR] = {"linear", WEIGHTS, {.bias = true}},
    [IL_LAYER_CONV] = {"conv", FILTERS, {.kernel = 3, .stride = 1, .bias = true}},
    [IL_LAYER_NORM] = {"norm",
                       HAS(EPS) | HAS(INIT) | HAS(INIT_SCALE),
                       {.eps = 1e-5, .init = IL_INIT_ONE}},
    [IL_LAYER_RELU] = {"relu", 0, {0}},
    [IL_LAYER_TANH] = {"tanh", 0, {0}},
    [IL_LAYER_SIGMOID] = {"sigmoid", 0, {0}},
    [IL_LAYER_MAX_POOL] = {"max_pool", WINDOW, {.kernel = 2, .stride = 2}},
    [IL_LAYER_MEAN_POOL] = {"mean_pool", 0, {0}},
    [IL_LAYER_FLATTEN] = {"flatten", 0, {0}},
    [IL_LAYER_DROPOUT] = {"dropout", HAS(RATE), {.rate = 0.5}},
    [IL_LAYER_CONV1D] = {"conv1d", FILTERS, {.kernel = 3, .stride = 1, .bias = true}},
    [IL_LAYER_LAYER_NORM] = {"layer_norm", HAS(AFFINE) | HAS(EPS), {.affine = true, .eps = 1e-5}},
    [IL_LAYER_INSTANCE_NORM] = {"instance_norm",
                                HAS(AFFINE) | HAS(EPS),
                                {.affine = true, .eps = 1e-5}},
    [IL_LAYER_GROUP_NORM] = {"group_norm",
                             HAS(GROUPS) | HAS(AFFINE) | HAS(EPS),
                             {.affine = true, .eps = 1e-5}},
    [IL_LAYER_TASK_NORM] = {"task_norm", HAS(EPS), {.eps = 1e-5}},
    [IL_LAYER_RESIDUAL] = {"residual", 0, {0}},
    [IL_LAYER_SHORTCUT] = {"shortcut", 0, {0}},
    [IL_LAYER_ADD] = {"add", 0, {0}},
    [IL_LAYER_ATTENTION] = {"attention", HAS(HEADS) | HAS(BIAS), {.bias = true}},
    [IL_LAYER_AVG_POOL] = {"avg_pool", WINDOW, {.kernel = 2, .stride = 2}},
    [IL_LAYER_EMBEDDING] = {"embedding", HAS(UNITS) | HAS(VOCABULARY), {0}},
    [IL_LAYER_GRU] = {"gru", HAS(UNITS) | HAS(BIAS) | HAS(SEQUENCE), {.bias = true}},
    [IL_LAYER_ACTIVATION] = {"activation", HAS(UNITS) | HAS(RATE), {.units = 100}},
};
static const char *const inits[] = {
    "default", "xavier_uniform",   "xavier_normal", "kaiming_uniform", "kaiming_normal",
    "normal",  "truncated_normal", "zero",          "uniform",         "one"};
enum {
  LAYER_KINDS = sizeof layer_kinds / sizeof *layer_kinds,
  INITS = sizeof inits / sizeof *inits
};

typedef struct reader {
  il_config *config;
  const char *name;
  yaml_document_t *document;
} reader;

char *il_config_slurp(il_context *context, const char *path, size_t *size) {
  enum { LIMIT = 1 << 20 };
  FILE *file = il_open_file(context, path);
  char *text = file ? malloc(LIMIT + 1) : NULL;
  size_t got = text ? fread(text, 1, LIMIT + 1, file) : 0;
  if (file && text && ferror(file))
    il_fail(context, IL_ERROR_FILE, "%s: %s", path, strerror(errno));
  else if (file && !text)
    il_fail_memory(context, path);
  else if (got > LIMIT)
    il_fail(context, IL_ERROR_FORMAT, "%s: larger than 1 MiB; expected a configuration", path);
  bool good = text && !ferror(file) && got <= LIMIT;
  if (file) fclose(file);
  if (!good) {
    free(text);
    return NULL;
  }
  text[got] = 0;
  *size = got;
  return text;
}

static il_status wrong(const reader *r, const yaml_node_t *node, const char *found,
                       const char *expected) {
  return il_fail(r->config->context, IL_ERROR_CONFIG, "%s:%zu: found %s, expected %s", r->name,
                 node->start_mark.line + 1, found, expected);
}

static const char *scalar(const yaml_node_t *node) {
  if (!node || node->type != YAML_SCALAR_NODE) return NULL;
  const char *text = (const char *)node->data.scalar.value;
  return strlen(text) == node->data.scalar.length ? text : NULL; /* no zero bytes inside */
}

static int position(const char *text, int count, const char *const *names) {
  for (int i = 0; i < count; i++)
    if (!strcmp(text, names[i])) return i;
  return -1;
}

/* A key that stands twice says two things; which of them was meant, nobody knows. */
static il_status read_once(const reader *r, const yaml_node_t *map, const yaml_node_pair_t *pair,
                           const char *key) {
  for (const yaml_node_pair_t *earlier = map->data.mapping.pairs.start; earlier < pair; earlier++) {
    const char *other = scalar(yaml_document_get_node(r->document, earlier->key));
    if (!other || strcmp(other, key)) continue;
    char found[128];
    snprintf(found, sizeof found, "%.64s a second time in one map", key);
    return wrong(r, yaml_document_get_node(r->document, pair->key), found, "every key once");
  }
  return IL_OK;
}

/* A sentence's list "a, b or c" of the names that are marked. */
static const char *list_of(int count, const char *const *names, unsigned marked, char *text,
                           size_t size) {
  int last = -1;
  for (int i = 0; i < count; i++)
    if (marked & 1u << i) last = i;
  *text = 0;
  for (int i = 0; i <= last; i++)
    if (marked & 1u << i) {
      const size_t at = strlen(text);
      snprintf(text + at, size - at, "%s%s", !at ? "" : i < last ? ", " : " or ", names[i]);
    }
  return text;
}

/* A field that the layer's kind does not have would be without effect, or is a slip of the pen. */
static il_status refuse_field(const reader *r, const yaml_node_t *at, const char *key,
                              const il_layer *layer) {
  const struct layer_kind *kind = &layer_kinds[layer->kind];
  const char *a = strchr("aeiou", *kind->name) ? "an" : "a";
  char found[128], names[128], expected[192];
  snprintf(found, sizeof found, "\"%.40s\" in layer %d (%s)", key, r->config->layers + 1,
           kind->name);
  if (kind->has)
    snprintf(expected, sizeof expected, "%s, which %s %s has",
             list_of(FIELDS, fields, kind->has, names, sizeof names), a, kind->name);
  else
    snprintf(expected, sizeof expected, "none: %s %s has no fields", a, kind->name);
  return wrong(r, at, found, expected);
}

/* One field of a layer. Numbers go through double: all of them are small. */
static il_status read_field(const reader *r, const yaml_node_t *at, const char *key,
                            const char *text, il_layer *layer) {
  char found[128], *end = NULL;
  snprintf(found, sizeof found, "%s: \"%s\"", key, text);
  double number = il_real_parse(text, &end);
  bool numeric = *text && !*end && isfinite(number);
  if (!strcmp(key, "kind")) return IL_OK; /* read before the others */
  const int which = position(key, FIELDS, fields);
  if (which < 0 || !(layer_kinds[layer->kind].has & HAS(which)))
    return refuse_field(r, at, key, layer);
  switch ((field)which) {
  case UNITS:
  case KERNEL:
  case STRIDE:
  case PAD:
  case DILATION:
  case GROUPS:
  case HEADS:
    if (which >= DILATION && number < 1) return wrong(r, at, found, "an integer from 1 to 65536");
    if (!numeric || number < 0 || number > 65536 || number != floor(number))
      return wrong(r, at, found, "an integer from 0 to 65536");
    *(which == UNITS      ? &layer->units
      : which == KERNEL   ? &layer->kernel
      : which == STRIDE   ? &layer->stride
      : which == PAD      ? &layer->pad
      : which == DILATION ? &layer->dilation
      : which == GROUPS   ? &layer->groups
                          : &layer->heads) = (int)number;
    break;
  case VOCABULARY:
    if (!numeric || number < 1 || number > 1 << 24 || number != floor(number))
      return wrong(r, at, found, "an integer from 1 to 16777216");
    layer->vocabulary = (int)number;
    break;
  case BIAS:
  case AFFINE:
  case SEQUENCE:
    if (strcmp(text, "true") && strcmp(text, "false")) return wrong(r, at, found, "true or false");
    *(which == BIAS     ? &layer->bias
      : which == AFFINE ? &layer->affine
                        : &layer->sequence) = !strcmp(text, "true");
    break;
  case INIT: {
    const int init = position(text, INITS, inits);
    if (init < 0)
      return wrong(r, at, found, "an initialisation such as default, xavier_uniform or normal");
    if (layer->kind == IL_LAYER_NORM && init != IL_INIT_ONE && init != IL_INIT_UNIFORM &&
        init != IL_INIT_DEFAULT)
      return wrong(r, at, found, "one or uniform in a norm");
    layer->init = (il_init)init;
    break;
  }
  default: /* EPS, RATE, INIT_SCALE */
    if (!numeric || number < 0 || number > 1e6 || (which == RATE && number >= 1))
      return wrong(r, at, found,
                   which == RATE ? "a number from 0 to below 1" : "a number from 0 to 1e6");
    *(which == EPS ? &layer->eps : which == RATE ? &layer->rate : &layer->init_scale) = number;
  }
  return IL_OK;
}

static il_status read_kind(const reader *r, const yaml_node_t *at, const char *text,
                           il_layer *layer) {
  const char *names[LAYER_KINDS];
  int kind = 1;
  for (int i = 1; i < LAYER_KINDS; i++) names[i - 1] = layer_kinds[i].name;
  while (kind < LAYER_KINDS && strcmp(text, layer_kinds[kind].name)) kind++;
  char expected[384];
  if (kind == LAYER_KINDS)
    return wrong(
        r, at, text,
        list_of(LAYER_KINDS - 1, names, HAS(LAYER_KINDS - 1) - 1, expected, sizeof expected));
  const il_layer *fresh = &layer_kinds[kind].fresh;
  layer->kind = (il_layer_kind)kind;
  layer->units = fresh->units;
  layer->kernel = fresh->kernel;
  layer->stride = fresh->stride;
  layer->bias = fresh->bias;
  layer->affine = fresh->affine;
  layer->eps = fresh->eps;
  layer->rate = fresh->rate;
  layer->init = fresh->init;
  layer->init_scale = 0.01;
  return IL_OK;
}

static il_status read_layer(const reader *r, const yaml_node_t *node) {
  il_config *config = r->config;
  if (!node || node->type != YAML_MAPPING_NODE)
    return wrong(r, node ? node : yaml_document_get_root_node(r->document),
                 "no map in model.layers", "a layer such as {kind: conv, units: 64}");
  if (config->layers == IL_CONFIG_LAYERS) return wrong(r, node, "too many layers", "at most 64");
  il_layer *layer = &config->layer[config->layers];
  memset(layer, 0, sizeof *layer); /* padding too: layers are compared as bytes */
  for (int pass = 0; pass < 2; pass++) {
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
      const yaml_node_t *key_node = yaml_document_get_node(r->document, pair->key);
      const char *key = scalar(key_node);
      const char *text = scalar(yaml_document_get_node(r->document, pair->value));
      if (!key || !text) return wrong(r, node, "a nested value in a layer", "a plain value");
      if (read_once(r, node, pair, key) != IL_OK) return IL_ERROR_CONFIG;
      const bool kind = !strcmp(key, "kind");
      if (pass == 0 && kind && read_kind(r, key_node, text, layer) != IL_OK) return IL_ERROR_CONFIG;
      if (pass == 1 && read_field(r, key_node, key, text, layer) != IL_OK) return IL_ERROR_CONFIG;
    }
    if (!layer->kind) return wrong(r, node, "a layer without kind", "for example {kind: relu}");
  }
  config->layers++;
  return IL_OK;
}

static il_status read_map(const reader *r, const yaml_node_t *map, const char *prefix, int depth) {
  for (yaml_node_pair_t *pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top;
       pair++) {
    const yaml_node_t *key_node = yaml_document_get_node(r->document, pair->key);
    const yaml_node_t *value = yaml_document_get_node(r->document, pair->value);
    const char *key = scalar(key_node);
    if (!key || strlen(key) > 60)
      return wrong(r, key_node ? key_node : map, "no plain key", "a key");
    if (read_once(r, map, pair, key) != IL_OK) return IL_ERROR_CONFIG;
    if (depth == 0 && !strcmp(key, "preset")) continue; /* applied before */
    char path[160], where[320];
    snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", key);
    snprintf(where, sizeof where, "%.250s:%zu: ", r->name, key_node->start_mark.line + 1);
    if (value && value->type == YAML_MAPPING_NODE && depth < 1) {
      if (read_map(r, value, path, depth + 1) != IL_OK) return IL_ERROR_CONFIG;
    } else if (value && value->type == YAML_SEQUENCE_NODE && !strcmp(path, "model.layers")) {
      r->config->layers = 0;
      for (yaml_node_item_t *item = value->data.sequence.items.start;
           item < value->data.sequence.items.top; item++)
        if (read_layer(r, yaml_document_get_node(r->document, *item)) != IL_OK)
          return IL_ERROR_CONFIG;
      if (!r->config->layers)
        return wrong(r, value, "no layer in model.layers", "one at least, such as {kind: linear}");
    } else if (scalar(value)) {
      if (il_config_assign(r->config, where, path, scalar(value)) != IL_OK) return IL_ERROR_CONFIG;
    } else {
      char found[200];
      snprintf(found, sizeof found, "no plain value for %s", path);
      return wrong(r, key_node, found, "text or a number");
    }
  }
  return IL_OK;
}

static il_status read_document(const reader *r) {
  const yaml_node_t *root = yaml_document_get_root_node(r->document);
  if (!root) return IL_OK; /* an empty file: all defaults */
  if (root->type != YAML_MAPPING_NODE) return wrong(r, root, "no map", "lines such as `seed: 1`");
  for (yaml_node_pair_t *pair = root->data.mapping.pairs.start; pair < root->data.mapping.pairs.top;
       pair++) {
    const yaml_node_t *node = yaml_document_get_node(r->document, pair->value);
    const char *key = scalar(yaml_document_get_node(r->document, pair->key)), *name = scalar(node);
    if (!key || strcmp(key, "preset")) continue;
    const il_preset *preset = name ? il_preset_find(name) : NULL;
    if (!preset)
      return wrong(r, root, name ? name : "no name after preset", "the name of a preset");
    if (il_preset_apply(r->config, preset) != IL_OK) return IL_ERROR_CONFIG;
  }
  const il_status status = read_map(r, root, "", 0);
  int asked = 0;
  for (int i = 0, keys = il_config_keys(); i < keys; i++) asked += r->config->value[i].asked;
  if (2 * asked > il_config_keys()) il_config_unask(r->config); /* a run's, which says them all */
  return status;
}

il_status il_config_read(il_config *config, const char *name, const char *text, size_t size) {
  yaml_parser_t parser;
  yaml_document_t document;
  if (!yaml_parser_initialize(&parser)) return il_fail_memory(config->context, name);
  yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
  il_status status;
  if (!yaml_parser_load(&parser, &document)) {
    status = parser.error == YAML_MEMORY_ERROR || !parser.problem
                 ? il_fail_memory(config->context, name)
                 : il_fail(config->context, IL_ERROR_FORMAT, "%s:%zu: not YAML: %s", name,
                           parser.problem_mark.line + 1, parser.problem);
  } else {
    reader r = {config, name, &document};
    status = read_document(&r);
    yaml_document_delete(&document);
  }
  yaml_parser_delete(&parser);
  return status;
}

il_status il_config_set_layers(il_config *config, int layers, const il_layer *layer) {
  if (layers < 1 || layers > IL_CONFIG_LAYERS || !layer)
    return il_fail(config->context, IL_ERROR_CONFIG,
                   "il_config_set_layers: found %d layers, expected 1 to %d", layers,
                   IL_CONFIG_LAYERS);
  il_config given = {.layers = layers};
  for (int i = 0; i < layers; i++) {
    il_layer *l = &given.layer[i];
    *l = layer[i];
    if ((int)l->kind < 1 || (int)l->kind >= LAYER_KINDS || (int)l->init < 0 ||
        (int)l->init >= INITS)
      return il_fail(
          config->context, IL_ERROR_CONFIG,
          "il_config_set_layers: layer %d has the kind %d and the init %d, expected 1 to "
          "%d and 0 to %d",
          i + 1, (int)l->kind, (int)l->init, LAYER_KINDS - 1, INITS - 1);
    if (l->kind == IL_LAYER_NORM && l->init == IL_INIT_DEFAULT) l->init = IL_INIT_ONE;
  }
  /* What is printed has to be read again by whoever has the run: so it is read here, too. */
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (out) {
    fputs("model:\n", out);
    il_config_print_layers(&given, out);
  }
  if (!out || il_text_close(out, &text) != 0)
    return il_fail_memory(config->context, "the layers of a configuration");
  const int before = config->layers;
  memcpy(given.layer, config->layer, sizeof given.layer);
  const il_status status = il_config_read(config, "il_config_set_layers", text, size);
  if (status != IL_OK) {
    memcpy(config->layer, given.layer, sizeof given.layer);
    config->layers = before;
  }
  free(text);
  return status;
}

void il_config_print_layers(const il_config *config, FILE *out) {
  fputs("  layers:\n", out);
  for (int i = 0; i < config->layers; i++) {
    const il_layer *l = &config->layer[i];
    const unsigned has = layer_kinds[l->kind].has;
    fprintf(out, "    - {kind: %s", layer_kinds[l->kind].name);
    if (has & HAS(UNITS)) fprintf(out, ", units: %d", l->units);
    if (has & HAS(BIAS)) fprintf(out, ", bias: %s", l->bias ? "true" : "false");
    if (has & HAS(EPS)) il_plain_print(out, ", eps: %.17g", l->eps);
    if (has & HAS(INIT))
      il_plain_print(out, ", init: %s, init_scale: %.17g", inits[l->init], l->init_scale);
    if (has & HAS(KERNEL))
      fprintf(out, ", kernel: %d, stride: %d, pad: %d", l->kernel, l->stride, l->pad);
    if (has & HAS(RATE)) il_plain_print(out, ", rate: %.17g", l->rate);
    if (has & HAS(AFFINE)) fprintf(out, ", affine: %s", l->affine ? "true" : "false");
    if (l->dilation) fprintf(out, ", dilation: %d", l->dilation);
    if (l->groups) fprintf(out, ", groups: %d", l->groups);
    if (l->heads) fprintf(out, ", heads: %d", l->heads);
    if (l->vocabulary) fprintf(out, ", vocabulary: %d", l->vocabulary);
    if (has & HAS(SEQUENCE)) fprintf(out, ", sequence: %s", l->sequence ? "true" : "false");
    fputs("}\n", out);
  }
}
