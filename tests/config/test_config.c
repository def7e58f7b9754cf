/* Configurations as YAML for strict readers, keys out of records, and which of two a run may resume with. */
#include <innerloop/innerloop.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include <cmocka.h>

#include "config/config_tasks.h"

enum { MOST = 512 };
typedef struct pairs {
  int count;
  char *key[MOST], *text[MOST];
} pairs;

static const char *scalar(yaml_document_t *document, int id) {
  const yaml_node_t *node = yaml_document_get_node(document, id);
  assert_non_null(node);
  assert_int_equal(node->type, YAML_SCALAR_NODE);
  return (const char *)node->data.scalar.value;
}

/* Every map's keys must differ, as YAML 1.2 asks; libyaml itself does not look. */
static void read_map(yaml_document_t *document, const yaml_node_t *map, const char *prefix,
                     pairs *all) {
  assert_int_equal(map->type, YAML_MAPPING_NODE);
  const yaml_node_pair_t *start = map->data.mapping.pairs.start, *top = map->data.mapping.pairs.top;
  for (const yaml_node_pair_t *p = start; p < top; p++) {
    const char *key = scalar(document, p->key);
    for (const yaml_node_pair_t *q = start; q < p; q++)
      if (!strcmp(scalar(document, q->key), key)) fail_msg("%s%s stands twice", prefix, key);
    const yaml_node_t *value = yaml_document_get_node(document, p->value);
    char path[200];
    snprintf(path, sizeof path, "%s%s", prefix, key);
    if (value->type == YAML_SCALAR_NODE) {
      assert_true(all->count < MOST);
      all->key[all->count] = strdup(path);
      all->text[all->count++] = strdup((const char *)value->data.scalar.value);
    } else if (value->type == YAML_MAPPING_NODE) {
      snprintf(path, sizeof path, "%s%s.", prefix, key);
      read_map(document, value, path, all);
    }
  }
}

static void read_strictly(const char *text, pairs *all) {
  yaml_parser_t parser;
  yaml_document_t document;
  assert_true(yaml_parser_initialize(&parser));
  yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
  assert_true(yaml_parser_load(&parser, &document));
  all->count = 0;
  read_map(&document, yaml_document_get_root_node(&document), "", all);
  yaml_document_delete(&document);
  yaml_parser_delete(&parser);
}

static void free_pairs(pairs *all) {
  for (int i = 0; i < all->count; i++) {
    free(all->key[i]);
    free(all->text[i]);
  }
}

/* What YAML has no character for, or takes for the end of a line. */
static void any_text_is_read_again(void **state) {
  (void)state;
  il_context *context = il_context_new();
  static const char odd[] =
      "task.data=\t\n\r\x01\x7f \"\\ \u00a0\xc2\x80\xc2\x85\u2028\u2029\ufeff\uffff\U0001f600 ";
  il_config *c = il_config_new(context);
  assert_int_equal(il_config_set(c, odd), IL_OK);
  char *text = il_config_dump(c);
  il_config *again = il_config_parse(context, "again", text);
  if (!again) fail_msg("%s", il_context_message(context));
  assert_string_equal(il_config_get(again, "task.data"), strchr(odd, '=') + 1);
  free(text);
  il_config_free(again);
  il_config_free(c);
  il_context_free(context);
}

static const char listed[] = "task: {source: sinusoid, data: 'a: {b}'}\n"
                             "model: {layers: [{kind: linear, units: 7}, {kind: relu},\n"
                             "  {kind: linear}]}\n";

static void dumps_suit_strict_readers(void **state) {
  (void)state;
  il_context *context = il_context_new();
  for (int i = 0; i <= il_presets(); i++) {
    il_config *c = i < il_presets() ? il_config_load(context, il_preset_at(i)->name)
                                    : il_config_parse(context, "listed", listed);
    assert_non_null(c);
    char *text = il_config_dump(c);
    static pairs all;
    read_strictly(text, &all);
    int expected = il_config_keys();
    if (strstr(text, "  layers:")) expected -= 2; /* which replace model.preset and its width */
    assert_int_equal(all.count, expected);
    for (int k = 0; k < all.count; k++) {
      const char *value = il_config_get(c, all.key[k]);
      if (!value) fail_msg("%s is no key", all.key[k]);
      assert_string_equal(value, all.text[k]);
    }
    free_pairs(&all);
    free(text);
    il_config_free(c);
  }
  il_context_free(context);
}

/* What a run writes of its configuration is the same configuration. */
static void own_file_makes_no_difference(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_config *c = il_config_parse(context, "listed", listed);
  char *text = il_config_dump(c);
  il_config *own = il_config_parse(context, "own", text);
  assert_non_null(own);
  assert_int_equal(il_config_difference(c, own), -1);
  assert_int_equal(il_config_difference(own, c), -1);
  assert_int_equal(il_config_set(own, "inner.lr=0.5"), IL_OK);
  assert_string_equal(il_config_key_name(il_config_difference(c, own)), "inner.lr");
  assert_int_equal(il_config_set(own, "inner.lr=0.40"), IL_OK); /* the same number */
  assert_int_equal(il_config_set(own, "inner.lr=\r0.5"),
                   IL_ERROR_CONFIG); /* YAML would be cut there */
  il_context_clear(context);
  assert_int_equal(il_config_difference(c, own), -1);
  assert_int_equal(il_config_set(own, "glyphs.side=30"), IL_OK);
  assert_string_equal(il_config_key_name(il_config_difference(c, own)), "glyphs.side");
  il_config_set(own, "glyphs.side=28");
  assert_int_equal(il_config_difference(c, own), -1);
  il_config_set(own, "task.train_shots=1-5");
  assert_string_equal(il_config_key_name(il_config_difference(c, own)), "task.train_shots");
  il_config_set(c, "task.train_shots=1-4"); /* another end */
  assert_string_equal(il_config_key_name(il_config_difference(c, own)), "task.train_shots");
  il_config_set(c, "task.train_shots=01-5"); /* the same numbers */
  assert_int_equal(il_config_difference(c, own), -1);
  il_config_set(own, "task.train_shots=1-65");
  assert_null(il_config_shapes(context, own));
  assert_string_equal(
      il_context_message(context),
      "task.train_shots: found a range of 65 numbers of shots, expected at most 64");
  il_context_clear(context);
  il_config_set(c, "task.train_shots=0");
  il_config *other =
      il_config_parse(context, "other", "model: {layers: [{kind: linear, units: 8}]}");
  assert_int_equal(il_config_set(other, "task.source=sinusoid"), IL_OK);
  assert_string_equal(il_config_key_name(il_config_difference(c, other)), "model.preset");
  il_config_free(other);
  il_config_free(own);
  free(text);
  il_config_free(c);
  il_context_free(context);
}

/* A field that a kind of layer does not have would change nothing: the sentence says which fields it has. */
static void fields_without_effect_are_refused(void **state) {
  (void)state;
  static const char *const rows[][2] = {
      {"{kind: relu, eps: 1}", "net:3: found \"eps\" in layer 2 (relu), expected none: a relu has "
                               "no fields"},
      {"{eps: 1, kind: conv1d}",
       "net:3: found \"eps\" in layer 2 (conv1d), expected units, kernel, stride, pad, dilation, "
       "groups, bias, init or init_scale, which a conv1d has"},
      {"{kind: task_norm, affine: true}",
       "net:3: found \"affine\" in layer 2 (task_norm), expected eps, which a task_norm has"},
      {"{kind: attention, heads: 0}",
       "net:3: found heads: \"0\", expected an integer from 1 to 65536"},
      {"{kind: layer_norm, affine: 1}", "net:3: found affine: \"1\", expected true or false"},
      {"{kind: shortcut, units: 3}", "net:3: found \"units\" in layer 2 (shortcut), expected none: "
                                     "a shortcut has no fields"},
      {"{kind: linear, kernel: 5}",
       "net:3: found \"kernel\" in layer 2 (linear), expected units, bias, init or init_scale, "
       "which a linear has"},
      {"{kind: norm, bias: true}", "net:3: found \"bias\" in layer 2 (norm), expected eps, init or "
                                   "init_scale, which a norm has"},
      {"{kind: dropout, p: 0.5}",
       "net:3: found \"p\" in layer 2 (dropout), expected rate, which a dropout has"},
      {"{kind: mean_pool, kernel: 2}", "net:3: found \"kernel\" in layer 2 (mean_pool), expected "
                                       "none: a mean_pool has no fields"},
      {"{kind: norm, init: normal}",
       "net:3: found init: \"normal\", expected one or uniform in a norm"},
      {"{kind: conv2d}", "net:3: found conv2d, expected linear, conv, norm, relu, tanh, sigmoid, "
                         "max_pool, mean_pool, flatten, dropout, conv1d, layer_norm, "
                         "instance_norm, group_norm, task_norm, residual, shortcut, add, "
                         "attention, avg_pool, embedding, gru or activation"},
      {"{kind: gru, heads: 2}", "net:3: found \"heads\" in layer 2 (gru), expected units, bias or "
                                "sequence, which a gru has"},
      {"{kind: embedding, vocabulary: 0}",
       "net:3: found vocabulary: \"0\", expected an integer from 1 to 16777216"},
  };
  il_context *context = il_context_new();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char text[256];
    snprintf(text, sizeof text, "model: {layers: [\n  {kind: flatten},\n  %s]}\n", rows[i][0]);
    assert_null(il_config_parse(context, "net", text));
    assert_string_equal(il_context_message(context), rows[i][1]);
    il_context_clear(context);
  }
  static const char signal[] =
      "model: {layers: [{kind: conv1d, units: 3, kernel: 5, stride: 2, pad: 2, bias: false}]}\n";
  il_config *c = il_config_parse(context, "net", signal);
  assert_non_null(c);
  char *text = il_config_dump(c);
  assert_non_null(strstr(text, "{kind: conv1d, units: 3, bias: false, init: default, "
                               "init_scale: 0.01, kernel: 5, stride: 2, pad: 2}"));
  free(text);
  il_config_free(c);
  il_context_free(context);
}

/* Layers as records say what the same in YAML says, and are printed so that they are read again. */
static void layers_are_set_as_records(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_config *c = il_config_load(context, "glyphs-5w1s-maml");
  il_config *in_yaml = il_config_parse(
      context, "net",
      "preset: glyphs-5w1s-maml\nmodel: {layers: [{kind: conv, units: 4, init_scale: 0}, {kind: "
      "norm, init_scale: 0}, "
      "{kind: avg_pool}, {kind: dropout, rate: 0.25}, {kind: linear, init_scale: 0}]}\n");
  assert_non_null(in_yaml);
  il_layer layer[65] = {
      {.kind = IL_LAYER_CONV, .units = 4, .kernel = 3, .stride = 1, .bias = true},
      {.kind = IL_LAYER_NORM, .eps = 1e-5},
      {.kind = IL_LAYER_AVG_POOL, .kernel = 2, .stride = 2},
      {.kind = IL_LAYER_DROPOUT, .rate = 0.25},
      {.kind = IL_LAYER_LINEAR, .bias = true},
  };
  assert_int_equal(il_config_set_layers(c, 5, layer), IL_OK);
  char *text = il_config_dump(c), *expected = il_config_dump(in_yaml);
  assert_string_equal(text, expected);
  il_config *again = il_config_parse(context, "again", text);
  assert_non_null(again);
  free(expected);
  /* Refused, and as it was. */
  assert_int_equal(il_config_set_layers(c, 65, layer), IL_ERROR_CONFIG);
  assert_string_equal(il_context_message(context),
                      "il_config_set_layers: found 65 layers, expected 1 to 64");
  il_context_clear(context);
  layer[3].rate = 1;
  assert_int_equal(il_config_set_layers(c, 5, layer), IL_ERROR_CONFIG);
  assert_string_equal(
      il_context_message(context),
      "il_config_set_layers:6: found rate: \"1\", expected a number from 0 to below 1");
  il_context_clear(context);
  layer[3] = (il_layer){.kind = (il_layer_kind)99};
  assert_int_equal(il_config_set_layers(c, 5, layer), IL_ERROR_CONFIG);
  assert_non_null(strstr(il_context_message(context), "layer 4 has the kind 99 and the init 0"));
  il_context_clear(context);
  expected = il_config_dump(c);
  assert_string_equal(text, expected);
  free(text);
  free(expected);
  il_config_free(again);
  il_config_free(in_yaml);
  il_config_free(c);
  il_context_free(context);
}

static void keys_of_records(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_config *c = il_config_load(context, "glyphs84-5w5s-maml");
  for (int s = 0; s < il_sources(); s++) /* whatever has a field has a key, and its default */
    for (const il_field *f = il_source_at(s)->fields; f && f->name; f++) {
      char key[IL_CONFIG_KEY_SIZE];
      snprintf(key, sizeof key, "%s.%s", il_source_at(s)->name, f->name);
      const int index = il_config_find(key);
      assert_true(index >= IL_KEY_COUNT);
      char accepts[IL_FIELD_TEXT_SIZE];
      il_config_key row = il_config_key_at(index, accepts, sizeof accepts);
      assert_string_equal(row.key, key);
      assert_string_equal(row.fallback, f->fallback);
    }
  for (int i = 0; i < il_config_keys(); i++) /* no key twice */
    assert_int_equal(il_config_find(il_config_key_name(i)), i);
  il_glyphs glyphs = {0};
  assert_int_equal(il_config_settings(c, "glyphs", il_source_find("glyphs")->fields, &glyphs),
                   IL_OK);
  assert_int_equal(glyphs.side, 84);
  assert_int_equal(glyphs.channels, 3);
  assert_int_equal(glyphs.writers, 25);
  assert_int_equal(glyphs.seed, 1);
  assert_int_equal(il_config_set(c, "glyphs.channels=4"), IL_ERROR_CONFIG);
  assert_non_null(strstr(il_context_message(context), "glyphs.channels: found \"4\", expected an "
                                                      "integer from 1 to 3"));
  il_context_clear(context);
  assert_int_equal(il_config_settings(c, "clay", il_source_find("glyphs")->fields, &glyphs),
                   IL_ERROR_ARGUMENT);
  il_config_free(c);
  il_context_free(context);
}

/* The net gets examples and outputs from the tasks, whoever they come from. */
static void nets_fit_tasks(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_config *c = il_config_load(context, "glyphs-5w1s-maml");
  il_net *net =
      il_config_net(context, c, &(il_task_shape){.example = IL_SHAPE(20, 20, 3), .outputs = 7});
  assert_non_null(net);
  const int last = il_net_parameters(net) - 1;
  assert_int_equal(il_net_parameter_shape(net, last).dim[0], 7);
  assert_int_equal(il_net_parameter_shape(net, 0).dim[2], 3);
  il_net_free(net);
  assert_int_equal(il_config_set(c, "task.source=sinusoid"), IL_OK);
  il_tasks *tasks = il_config_shapes(context, c);
  assert_null(il_config_net(context, c, il_tasks_shape(tasks, IL_TRAIN, 0)));
  assert_string_equal(
      il_context_message(context),
      "model.preset: omniglot_conv does not fit the examples (layer 1 (conv): needs "
      "an image [h,w,c] and receives 1 features); expected mlp or omniglot_fc");
  il_tasks_free(tasks);
  il_config_free(c);
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(dumps_suit_strict_readers),
      cmocka_unit_test(any_text_is_read_again),
      cmocka_unit_test(own_file_makes_no_difference),
      cmocka_unit_test(fields_without_effect_are_refused),
      cmocka_unit_test(layers_are_set_as_records),
      cmocka_unit_test(keys_of_records),
      cmocka_unit_test(nets_fit_tasks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
