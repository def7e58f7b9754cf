/* Meta-gradients of every algorithm and inner optimizer against an independent implementation: fixtures/ come from
 * make_algorithm_fixtures.py and make_more_fixtures.py (JAX, float64). Every variant in float64 and float32, by a function as training makes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <innerloop/function.h>
#include <innerloop/meta.h>

#include "io/io.h"

enum { MOST = 32 };

#define NORM_RELU                                                                                  \
  {.kind = IL_LAYER_NORM, .eps = 1e-5}, { .kind = IL_LAYER_RELU }
#define CONV                                                                                       \
  { .kind = IL_LAYER_CONV, .units = 8, .kernel = 3, .stride = 2, .pad = 1 }
#define LINEAR(u)                                                                                  \
  { .kind = IL_LAYER_LINEAR, .units = u, .bias = true }
#define RELU                                                                                       \
  { .kind = IL_LAYER_RELU }

static const il_layer conv[] = {CONV,     NORM_RELU, CONV, NORM_RELU, {.kind = IL_LAYER_MEAN_POOL},
                                LINEAR(0)};
static const il_layer mlp[] = {LINEAR(10), RELU, LINEAR(10), RELU, LINEAR(0)};
static const il_layer learned[] = {
    LINEAR(10), {.kind = IL_LAYER_ACTIVATION, .units = 6}, LINEAR(0)};
enum { CONV_LAYERS = sizeof conv / sizeof *conv, MLP_LAYERS = sizeof mlp / sizeof *mlp };

static const il_momentum_settings plain = {0.9, false}, nesterov = {0.9, true},
                                  steady = {0.5, true};
static const il_adamw_settings adamw = {0.9, 0.999, 1e-8, 0.1};
static const il_rmsprop_settings rmsprop = {0.9, 1e-8, 0}, from_one = {0.4, 1e-8, 1};
static const il_adagrad_settings adagrad = {1e-8};
static const il_adam_settings adam = {0.9, 0.999, 1e-8}, adam_beta1_0 = {0, 0.999, 1e-8};

typedef struct problem {
  const char *name;
  const il_algorithm *algorithm;
  const il_optimizer *inner;
  const void *inner_settings;
  bool conv;
  const char *variants[6];
  const char *settings[4]; /* "field=value" of the algorithm */
} problem;

#define PROTOCOLS                                                                                  \
  { "query", "support", "each", "joint", "running" }
#define ORDERS                                                                                     \
  { "second.query", "first.query" }
#define ORDERS_AND_STATISTICS                                                                      \
  { "second.query", "first.query", "second.support", "first.support" }

#define HEADS                                                                                      \
  { "second.query", "second.support" }

static const problem problems[] = {
    {"momentum", &il_maml, &il_momentum, &plain, false, ORDERS, {NULL}},
    {"nesterov", &il_maml, &il_momentum, &nesterov, false, ORDERS, {NULL}},
    {"adam", &il_maml, &il_adam, &adam, false, ORDERS, {NULL}},
    {"adam_beta1_0", &il_maml, &il_adam, &adam_beta1_0, false, ORDERS, {NULL}},
    {"anil", &il_anil, &il_sgd, NULL, true, ORDERS_AND_STATISTICS, {NULL}},
    {"boil", &il_boil, &il_sgd, NULL, true, ORDERS_AND_STATISTICS, {NULL}},
    {"meta_sgd_1step", &il_meta_sgd, &il_sgd, NULL, true, ORDERS_AND_STATISTICS, {NULL}},
    {"meta_sgd_2steps", &il_meta_sgd, &il_sgd, NULL, true, ORDERS_AND_STATISTICS, {NULL}},
    {"protonet", &il_protonet, &il_sgd, NULL, true, PROTOCOLS, {NULL}},
    {"protomaml", &il_protomaml, &il_sgd, NULL, true, ORDERS_AND_STATISTICS, {NULL}},
    {"cavia_input", &il_cavia, &il_sgd, NULL, false, ORDERS, {"contexts=3"}},
    {"cavia_film",
     &il_cavia,
     &il_sgd,
     NULL,
     true,
     ORDERS_AND_STATISTICS,
     {"contexts=3", "layer=norm1"}},
    {"mamlpp", &il_mamlpp, &il_sgd, NULL, true, {"second.query", "last.query"}, {"steps=2"}},
    {"meta_curvature",
     &il_meta_curvature,
     &il_sgd,
     NULL,
     true,
     {"second.query", "first.support"},
     {NULL}},
    {"imaml_cg", &il_imaml, &il_sgd, NULL, true, {"pseudo"}, {"damping=0.5", "solver_steps=3"}},
    {"imaml_end",
     &il_imaml,
     &il_sgd,
     NULL,
     true,
     {"pseudo"},
     {"damping=0.5", "solver_steps=3", "pull=end"}},
    {"imaml_neumann",
     &il_imaml,
     &il_sgd,
     NULL,
     true,
     {"pseudo"},
     {"damping=0.5", "solver_steps=3", "solver=neumann"}},
    {"matching", &il_matching, &il_sgd, NULL, true, HEADS, {NULL}},
    {"protonet_cosine",
     &il_protonet,
     &il_sgd,
     NULL,
     true,
     HEADS,
     {"distance=cosine", "learned=true"}},
    {"r2d2", &il_r2d2, &il_sgd, NULL, true, HEADS, {NULL}},
    {"metaoptnet", &il_metaoptnet, &il_sgd, NULL, true, HEADS, {"l2=0.5"}},
    {"relation", &il_relation, &il_sgd, NULL, true, HEADS, {"filters=6", "units=4"}},
    {"baseline", &il_baseline, &il_sgd, NULL, true, HEADS, {"classes=7"}},
    {"baselinepp", &il_baselinepp, &il_sgd, NULL, true, HEADS, {"classes=7", "learned=true"}},
    {"clipped", &il_maml, &il_sgd, NULL, false, {"second.query"}, {NULL}},
    {"adamw", &il_maml, &il_adamw, &adamw, false, {"second.query"}, {NULL}},
    {"rmsprop", &il_maml, &il_rmsprop, &rmsprop, false, {"second.query"}, {NULL}},
    {"adagrad", &il_maml, &il_adagrad, &adagrad, false, {"second.query"}, {NULL}},
    {"learned_momentum", &il_maml, &il_momentum, &steady, false, ORDERS, {NULL}},
    {"learned_adamw", &il_maml, &il_adamw, &adamw, false, ORDERS, {NULL}},
    {"learned_rmsprop", &il_maml, &il_rmsprop, &from_one, false, ORDERS, {NULL}},
    {"hyper_tensor",
     &il_hyper,
     &il_rmsprop,
     &from_one,
     false,
     {"second.query"},
     {"rates=tensor", "last=2"}},
    {"hyper_step",
     &il_hyper,
     &il_sgd,
     NULL,
     false,
     {"second.query"},
     {"rates=step", "steps=3", "loss=query"}},
    {"reptile_sgd", &il_reptile, &il_sgd, NULL, true, {"pseudo"}, {NULL}},
    {"reptile_adam", &il_reptile, &il_adam, &adam_beta1_0, true, {"pseudo"}, {NULL}},
};

static il_context *context;

static void assert_fine(void) {
  if (il_context_status(context) != IL_OK) fail_msg("%s", il_context_message(context));
}

static const il_tensor *find(const il_safetensors *file, const char *first, const char *second) {
  char name[128];
  snprintf(name, sizeof name, "%s%s", first, second);
  return il_safetensors_find(file, name);
}

static double number(const il_safetensors *file, const char *key) {
  const char *text = il_safetensors_metadata(file, key);
  return text ? strtod(text, NULL) : 0;
}

/* Data of a tensor in `type`; integers as they are. */
static void *in_type(const il_tensor *t, il_type type) {
  const size_t count = (size_t)il_shape_count(t->shape);
  void *out = calloc(count + 1, sizeof(double));
  assert_non_null(out);
  if (t->type == IL_INT32)
    memcpy(out, t->data, sizeof(int32_t) * count);
  else
    il_tensor_reals(t, type, out);
  return out;
}

/* A tensor in PyTorch's layout into an entry's memory. */
static void load(const il_tensor *t, const il_entry *e, il_type type, void *to) {
  assert_non_null(t);
  void *reals = in_type(t, type);
  assert_int_equal(il_shape_count(t->shape), il_shape_count(e->shape));
  if (e->net)
    il_net_from_torch(e->net, e->parameter, type, reals, to);
  else
    memcpy(to, reals, (size_t)il_shape_count(e->shape) * il_type_size(type));
  free(reals);
}

static void close_to(const char *what, const il_tensor *expected, il_type type, const il_entry *e,
                     const void *engine) {
  assert_non_null(expected);
  const int64_t count = il_shape_count(expected->shape);
  void *found = calloc((size_t)count + 1, sizeof(double));
  double difference = 0, largest = 0;
  if (e && e->net)
    il_net_to_torch(e->net, e->parameter, type, engine, found);
  else
    memcpy(found, engine, (size_t)count * il_type_size(type));
  for (int64_t i = 0; i < count; i++) {
    const double f = type == IL_FLOAT64 ? ((double *)found)[i] : (double)((float *)found)[i],
                 x = ((const double *)expected->data)[i];
    difference = fmax(difference, isnan(f) || isnan(x) ? (double)INFINITY : fabs(f - x));
    largest = fmax(largest, fabs(x));
  }
  free(found);
  const double bound = type == IL_FLOAT64 ? 1e-9 : 2e-3;
  if (!(difference <= bound * largest))
    fail_msg("%s in %s: relative error %g exceeds %g", what, il_type_name(type),
             difference / largest, bound);
}

static il_value task_input(il_graph *g, const il_safetensors *file, const char *name) {
  const il_tensor *t = find(file, name, "");
  if (!t) return (il_value){0};
  il_shape shape = {.rank = t->shape.rank - 1};
  for (int i = 0; i < shape.rank; i++) shape.dim[i] = t->shape.dim[i + 1];
  return il_input(g, name, IL_TASK, t->type == IL_INT32 ? IL_INT32 : il_graph_real(g), shape);
}

static il_query_statistics statistics_of(const char *variant, bool *training) {
  *training = strcmp(variant, "running") != 0;
  if (strstr(variant, "support")) return IL_QUERY_STATISTICS_SUPPORT;
  if (!strcmp(variant, "each")) return IL_QUERY_STATISTICS_EACH;
  if (!strcmp(variant, "joint") || !strcmp(variant, "running")) return IL_QUERY_STATISTICS_RUNNING;
  return IL_QUERY_STATISTICS_QUERY;
}

static void check(const problem *p, const il_safetensors *file, const il_net *net, il_type type,
                  const char *variant) {
  static const char *const names[] = {"support_x", "support_y", "query_x", "query_y", "order"};
  const int steps = (int)number(file, "inner_steps");
  _Alignas(16) char settings[256];
  if (p->algorithm->fields) il_fields_default(p->algorithm->fields, settings);
  for (int i = 0; i < 4 && p->settings[i]; i++) {
    char field[64];
    snprintf(field, sizeof field, "%.*s", (int)strcspn(p->settings[i], "="), p->settings[i]);
    assert_true(il_field_read(il_field_find(p->algorithm->fields, field),
                              strchr(p->settings[i], '=') + 1, settings));
  }
  il_graph *g = il_graph_new(context, type);
  il_build b = {.g = g,
                .net = net,
                .algorithm = p->algorithm,
                .settings = settings,
                .inner = {.steps = steps,
                          .batch = find(file, "order", "") ? 1 : 0,
                          .lr = number(file, "inner_lr"),
                          .l2 = number(file, "l2"),
                          .clip = number(file, "clip"),
                          .adapts = il_safetensors_metadata(file, "inner_adapts"),
                          .learned = il_safetensors_metadata(file, "learned"),
                          .first_order = !strncmp(variant, "first", 5),
                          .optimizer = p->inner,
                          .settings = p->inner_settings},
                .loss = p->conv ? IL_LOSS_CROSS_ENTROPY : IL_LOSS_MEAN_SQUARED_ERROR,
                .ways = 5};
  b.statistics = statistics_of(variant, &b.training);
  b.made = !strncmp(variant, "last", 4) ? 1000000 : 0;
  const il_tensor *weights = find(file, "step_weights", "");
  if (weights) b.step_weights = il_input(g, "step_weights", IL_SHARED, type, weights->shape);
  il_entries entries = {0}, carried = {0};
  il_meta_entries(context, net, p->algorithm, &b.inner, settings, &entries);
  if (b.statistics == IL_QUERY_STATISTICS_RUNNING && !b.training)
    il_carry_entries(context, net, &carried);
  assert_fine();
  b.meta = il_values_input(g, entries.count, entries.entry, "", IL_SHARED);
  b.carry = il_values_input(g, carried.count, carried.entry, "", IL_SHARED);
  il_value input[5];
  for (int i = 0; i < 5; i++) input[i] = task_input(g, file, names[i]);
  b.task = (il_task){.support_x = input[0],
                     .support_y = input[1],
                     .query_x = input[2],
                     .query_y = input[3],
                     .order = input[4]};
  il_outcome out;
  il_build_outcome(&b, &out);
  assert_fine();
  const bool hyper = p->algorithm == &il_hyper; /* which does not learn what adapts */
  for (int i = 0; i < entries.count; i++)
    assert_int_equal(il_values_find(&out.gradient, entries.entry[i].name) >= 0,
                     !hyper || !(entries.entry[i].flags & IL_ADAPTS));
  if (p->algorithm->gradient == IL_GRADIENT_EXACT) il_output(g, "loss", il_task_mean(g, out.loss));
  for (int i = 0; i < entries.count; i++) {
    char name[96];
    const int at = il_values_find(&out.gradient, entries.entry[i].name);
    if (at < 0) continue;
    snprintf(name, sizeof name, "gradient.%s", entries.entry[i].name);
    const il_value d = out.gradient.at[at];
    il_output(g, name, il_value_stage(g, d) == IL_TASK ? il_task_mean(g, d) : d);
  }
  il_function *f = il_function_new(g, NULL);
  il_team *team = il_team_new(context, 2);
  const int tasks = (int)find(file, "support_x", "")->shape.dim[0];
  il_run *run = f && team ? il_run_new(context, f, team, tasks) : NULL;
  il_buffers meta, carry, gradient;
  if (il_buffers_init(context, &meta, entries.count, entries.entry, type, false) == IL_OK &&
      il_buffers_init(context, &carry, carried.count, carried.entry, type, false) == IL_OK)
    il_buffers_init(context, &gradient, entries.count, entries.entry, type, false);
  assert_fine();
  for (int i = 0; i < entries.count; i++)
    load(find(file, "parameter.", entries.entry[i].name), &entries.entry[i], type,
         il_buffers_at(&meta, i));
  for (int i = 0; i < carried.count; i++)
    load(find(file, carried.entry[i].name, ""), &carried.entry[i], type, il_buffers_at(&carry, i));
  il_run_buffers(run, &meta, "");
  il_run_buffers(run, &carry, "");
  void *data[6] = {0};
  if (weights) data[5] = in_type(weights, type);
  il_run_input(run, il_function_input(f, "step_weights"), data[5]);
  for (int i = 0; i < 5; i++) {
    const il_tensor *t = find(file, names[i], "");
    if (t) data[i] = in_type(t, type);
    il_run_input(run, il_function_input(f, names[i]), data[i]);
  }
  for (int i = 0; i < entries.count; i++) {
    char name[96];
    snprintf(name, sizeof name, "gradient.%s", entries.entry[i].name);
    if (il_function_output(f, name) < 0) continue;
    il_run_output(run, il_function_output(f, name), il_buffers_at(&gradient, i));
  }
  il_run_go(run, tasks);
  assert_fine();
  char key[128];
  if (p->algorithm->gradient == IL_GRADIENT_EXACT) {
    const double loss = il_run_number(run, il_function_output(f, "loss"));
    const float single = (float)loss;
    snprintf(key, sizeof key, "%s.loss", variant);
    close_to(key, find(file, key, ""), type, NULL,
             type == IL_FLOAT64 ? (const void *)&loss : (const void *)&single);
  }
  for (int i = 0; i < entries.count; i++) {
    if (il_values_find(&out.gradient, entries.entry[i].name) < 0) continue;
    snprintf(key, sizeof key, "%s.gradient.%s", variant, entries.entry[i].name);
    close_to(key, find(file, key, ""), type, &entries.entry[i], il_buffers_at(&gradient, i));
  }
  for (int i = 0; i < 6; i++) free(data[i]);
  il_buffers_free(&meta);
  il_buffers_free(&carry);
  il_buffers_free(&gradient);
  il_run_free(run);
  il_function_free(f);
  il_team_free(team);
  il_entries_free(&entries);
  il_entries_free(&carried);
}

static void every_algorithm_agrees(void **state) {
  (void)state;
  context = il_context_new();
  int checked = 0;
  for (size_t k = 0; k < sizeof problems / sizeof *problems; k++) {
    const problem *p = &problems[k];
    char path[512];
    snprintf(path, sizeof path, "%s/parity/fixtures/%s.safetensors", TEST_DATA, p->name);
    il_safetensors *file = il_safetensors_open(context, path);
    assert_fine();
    const il_tensor *x = find(file, "support_x", "");
    il_shape example = {.rank = x->shape.rank - 2};
    for (int i = 0; i < example.rank; i++) example.dim[i] = x->shape.dim[i + 2];
    const int outputs = p->algorithm->own_head ? 0 : 5;
    const int layers = CONV_LAYERS - (p->algorithm == &il_relation ? 2 : 0); /* which takes maps */
    il_net *net = p->conv                     ? il_net_new(context, layers, conv, example, outputs)
                  : p->algorithm == &il_hyper ? il_net_new(context, 3, learned, example, 1)
                                              : il_net_new(context, MLP_LAYERS, mlp, example, 1);
    assert_fine();
    for (int v = 0; v < 6 && p->variants[v]; v++) {
      check(p, file, net, IL_FLOAT64, p->variants[v]);
      check(p, file, net, IL_FLOAT32, p->variants[v]);
      checked++;
    }
    il_net_free(net);
    il_safetensors_close(file);
  }
  printf("%d variants agree in float64 and float32\n", checked);
  assert_int_equal(checked, 74);
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_algorithm_agrees)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
