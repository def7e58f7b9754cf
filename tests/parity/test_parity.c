/* Meta-gradients against an independent implementation: fixtures/ come from make_fixtures.py and make_layer_fixtures.py (JAX,
 * float64).
 * Every variant is run in float64 and float32, by the reference interpreter and by a plan. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <innerloop/meta.h>
#include <innerloop/plan.h>

#include "io/io.h"
#include "support/meta.h"

enum { MOST_PARAMETERS = 24, MOST_BUFFERS = 2 * MOST_PARAMETERS };

typedef struct problem {
  const char *name;
  int layers;
  il_layer layer[18];
  il_loss loss;
  const char *variants[4];
} problem;

#define NORM_RELU                                                                                  \
  {.kind = IL_LAYER_NORM, .eps = 1e-5}, { .kind = IL_LAYER_RELU }
#define CONV(s)                                                                                    \
  { .kind = IL_LAYER_CONV, .units = 8, .kernel = 3, .stride = s, .pad = 1 }
#define POOL                                                                                       \
  { .kind = IL_LAYER_MAX_POOL, .kernel = 2, .stride = 2 }
#define LINEAR(u)                                                                                  \
  { .kind = IL_LAYER_LINEAR, .units = u, .bias = true }
#define RELU                                                                                       \
  { .kind = IL_LAYER_RELU }

static const problem mlp = {"mlp",
                            5,
                            {LINEAR(40), RELU, LINEAR(40), RELU, LINEAR(0)},
                            IL_LOSS_MEAN_SQUARED_ERROR,
                            {"second.query", "first.query"}};
static const problem conv = {
    "conv",
    8,
    {CONV(2), NORM_RELU, CONV(2), NORM_RELU, {.kind = IL_LAYER_MEAN_POOL}, LINEAR(0)},
    IL_LOSS_CROSS_ENTROPY,
    {"second.query", "first.query", "second.support", "first.support"}};
static const problem pool = {
    "pool",
    10,
    {CONV(1), NORM_RELU, POOL, CONV(1), NORM_RELU, POOL, {.kind = IL_LAYER_FLATTEN}, LINEAR(0)},
    IL_LOSS_CROSS_ENTROPY,
    {"second.query", "first.query", "second.support"}};

#define KIND(k)                                                                                    \
  { .kind = IL_LAYER_##k }
#define OWN(k)                                                                                     \
  { .kind = IL_LAYER_##k, .eps = 1e-5, .affine = true }

static const problem norms = {
    "norms",
    11,
    {CONV(2),
     OWN(LAYER_NORM),
     KIND(TANH),
     CONV(1),
     {.kind = IL_LAYER_GROUP_NORM, .eps = 1e-5, .affine = true, .groups = 4},
     RELU,
     {.kind = IL_LAYER_CONV, .units = 8, .kernel = 3, .stride = 2, .pad = 1, .groups = 8},
     OWN(INSTANCE_NORM),
     KIND(TANH),
     KIND(MEAN_POOL),
     LINEAR(0)},
    IL_LOSS_CROSS_ENTROPY,
    {"second.query", "first.query"}};
#define CONV6                                                                                      \
  { .kind = IL_LAYER_CONV, .units = 6, .kernel = 3, .stride = 2, .pad = 1 }
static const problem task_norm = {
    "task_norm",
    8,
    {CONV6, OWN(TASK_NORM), RELU, CONV6, OWN(TASK_NORM), RELU, KIND(MEAN_POOL), LINEAR(0)},
    IL_LOSS_CROSS_ENTROPY,
    {"second.query", "first.query", "second.support", "first.support"}};
static const problem residual = {
    "residual",
    18,
    {{.kind = IL_LAYER_CONV, .units = 4, .kernel = 3, .stride = 2, .pad = 1},
     NORM_RELU,
     KIND(RESIDUAL),
     {.kind = IL_LAYER_CONV,
      .units = 4,
      .kernel = 3,
      .stride = 1,
      .pad = 2,
      .bias = true,
      .groups = 2,
      .dilation = 2},
     KIND(TANH),
     KIND(ADD),
     RELU,
     KIND(RESIDUAL),
     {.kind = IL_LAYER_CONV, .units = 6, .kernel = 3, .stride = 1, .pad = 1},
     {.kind = IL_LAYER_NORM, .eps = 1e-5},
     KIND(SHORTCUT),
     {.kind = IL_LAYER_CONV, .units = 6, .kernel = 1, .stride = 1},
     {.kind = IL_LAYER_NORM, .eps = 1e-5},
     KIND(ADD),
     RELU,
     POOL,
     LINEAR(0)},
    IL_LOSS_CROSS_ENTROPY,
    {"second.query"}};
static const problem attention = {
    "attention",
    8,
    {{.kind = IL_LAYER_CONV1D, .units = 8, .kernel = 3, .stride = 1, .pad = 2, .dilation = 2},
     KIND(RESIDUAL),
     {.kind = IL_LAYER_ATTENTION, .heads = 2, .bias = true},
     KIND(ADD),
     OWN(LAYER_NORM),
     KIND(TANH),
     KIND(MEAN_POOL),
     LINEAR(0)},
    IL_LOSS_CROSS_ENTROPY,
    {"second.query", "first.query"}};

static const problem gru = {"gru",
                            4,
                            {{.kind = IL_LAYER_EMBEDDING, .units = 4, .vocabulary = 7},
                             {.kind = IL_LAYER_GRU, .units = 5, .bias = true, .sequence = true},
                             {.kind = IL_LAYER_GRU, .units = 5, .bias = true},
                             LINEAR(0)},
                            IL_LOSS_CROSS_ENTROPY,
                            {"second.query", "first.query"}};

static il_context *context;

static int setup(void **state) {
  (void)state;
  context = il_context_new();
  return context ? 0 : -1;
}

static int teardown(void **state) {
  (void)state;
  il_context_free(context);
  return 0;
}

static void assert_fine(void) {
  if (il_context_status(context) != IL_OK) fail_msg("%s", il_context_message(context));
}

static void *allocate(size_t size) {
  void *memory = NULL;
  assert_int_equal(posix_memalign(&memory, IL_WORKSPACE_ALIGNMENT, size + 1), 0);
  memset(memory, 0, size);
  return memory;
}

static const il_tensor *find(const il_safetensors *file, const char *first, const char *second) {
  char name[96];
  snprintf(name, sizeof name, "%s%s", first, second);
  const il_tensor *tensor = il_safetensors_find(file, name);
  if (!tensor) fail_msg("the fixture has no tensor %s", name);
  return tensor;
}

static double number(const il_safetensors *file, const char *key) {
  const char *text = il_safetensors_metadata(file, key);
  assert_non_null(text);
  return strtod(text, NULL);
}

/* The tensor's doubles in `type`; integers as they are. */
static void *in_type(const il_tensor *tensor, il_type type) {
  size_t count = (size_t)il_shape_count(tensor->shape);
  if (tensor->type == IL_INT32) {
    void *copy = allocate(4 * count);
    return memcpy(copy, tensor->data, 4 * count);
  }
  assert_int_equal(tensor->type, IL_FLOAT64);
  void *out = allocate(count * il_type_size(type));
  for (size_t i = 0; i < count; i++) {
    double x;
    memcpy(&x, (const char *)tensor->data + 8 * i, 8);
    if (type == IL_FLOAT64)
      ((double *)out)[i] = x;
    else
      ((float *)out)[i] = (float)x;
  }
  return out;
}

static void assert_close(const char *variant, const char *what, const il_tensor *expected,
                         il_type type, const void *found) {
  int64_t count = il_shape_count(expected->shape);
  double difference = 0, largest = 0;
  for (int64_t i = 0; i < count; i++) {
    double e,
        f = type == IL_FLOAT64 ? ((const double *)found)[i] : (double)((const float *)found)[i];
    memcpy(&e, (const char *)expected->data + 8 * i, 8);
    difference = fmax(difference, isnan(f) || isnan(e) ? (double)INFINITY : fabs(f - e));
    largest = fmax(largest, fabs(e));
  }
  double bound = type == IL_FLOAT64 ? 1e-9 : 1e-4;
  if (!(difference <= bound * largest))
    fail_msg("%s %s in %s: relative error %g exceeds %g", variant, what, il_type_name(type),
             difference / largest, bound);
}

/* A task input that holds all tasks of a tensor [tasks, shape…]. */
static il_value task_input(il_graph *g, const char *name, const il_tensor *tensor) {
  il_shape shape = {.rank = tensor->shape.rank - 1};
  for (int i = 0; i < shape.rank; i++) shape.dim[i] = tensor->shape.dim[i + 1];
  return il_input(g, name, IL_TASK, tensor->type == IL_INT32 ? IL_INT32 : il_graph_real(g), shape);
}

typedef struct buffers {
  int inputs, outputs, tasks;
  void *input[MOST_BUFFERS], *output[MOST_BUFFERS];
  size_t output_size[MOST_BUFFERS];
} buffers;

static void add_output(buffers *b, size_t size) {
  b->output_size[b->outputs] = size;
  b->output[b->outputs++] = allocate(size);
}

static void compare(const il_safetensors *file, const il_net *net, il_type type,
                    const char *variant, const buffers *b) {
  char key[64];
  snprintf(key, sizeof key, "%s.loss", variant);
  assert_close(variant, "loss", find(file, key, ""), type, b->output[0]);
  snprintf(key, sizeof key, "%s.gradient.", variant);
  for (int i = 0; i < il_net_parameters(net); i++) {
    const char *name = il_net_parameter_name(net, i);
    size_t size = (size_t)il_shape_count(il_net_parameter_shape(net, i)) * il_type_size(type);
    void *torch = allocate(size);
    il_net_to_torch(net, i, type, b->output[i + 1], torch);
    assert_close(variant, name, find(file, key, name), type, torch);
    free(torch);
  }
}

static void run_and_compare(const il_safetensors *file, const il_net *net, const il_graph *g,
                            const char *variant, buffers *b) {
  il_type type = il_graph_real(g);
  il_bindings bindings = {b->tasks, (const void *const *)b->input, b->output};
  assert_int_equal(il_reference_run(g, &bindings), IL_OK);
  compare(file, net, type, variant, b);
  /* NaN everywhere, so that nothing of the first run can pass for the second's. */
  for (int i = 0; i < b->outputs; i++) memset(b->output[i], 0xff, b->output_size[i]);
  il_plan *plan = il_plan_build(g, NULL);
  assert_fine();
  il_team *team = il_team_new(context, 2);
  assert_fine();
  void *workspace = allocate(il_plan_workspace(plan, b->tasks, 2));
  assert_int_equal(il_plan_run(plan, team, workspace, &bindings), IL_OK);
  compare(file, net, type, variant, b);
  free(workspace);
  il_team_free(team);
  il_plan_free(plan);
}

static void check_variant(const problem *p, const il_safetensors *file, const il_net *net,
                          il_type type, const char *variant) {
  il_graph *g = il_graph_new(context, type);
  assert_non_null(g);
  buffers b = {0};
  int count = il_net_parameters(net);
  assert_in_range(count, 1, MOST_PARAMETERS);
  il_value parameter[MOST_PARAMETERS], gradient[MOST_PARAMETERS];
  for (int i = 0; i < count; i++) {
    const char *name = il_net_parameter_name(net, i);
    il_shape shape = il_net_parameter_shape(net, i);
    void *torch = in_type(find(file, "parameter.", name), type);
    void *engine = allocate((size_t)il_shape_count(shape) * il_type_size(type));
    il_net_from_torch(net, i, type, torch, engine);
    free(torch);
    parameter[i] = il_input(g, name, IL_SHARED, type, shape);
    b.input[b.inputs++] = engine;
  }
  static const char *const names[] = {"support_x", "support_y", "query_x", "query_y"};
  il_value data[4];
  for (int i = 0; i < 4; i++) {
    const il_tensor *tensor = find(file, names[i], "");
    data[i] = task_input(g, names[i], tensor);
    b.input[b.inputs++] = in_type(tensor, type);
    b.tasks = (int)tensor->shape.dim[0];
  }
  il_task task = {data[0], data[1], data[2], data[3], {0}, {0}};
  const il_inner inner = {.steps = (int)number(file, "inner_steps"),
                          .lr = number(file, "inner_lr"),
                          .first_order = !strncmp(variant, "first", 5)};
  const il_outcome result = maml_gradient(g, net, inner, p->loss,
                                          strstr(variant, ".support") ? IL_QUERY_STATISTICS_SUPPORT
                                                                      : IL_QUERY_STATISTICS_QUERY,
                                          &task, parameter, gradient);
  il_output(g, "loss", il_task_mean(g, result.loss));
  add_output(&b, il_type_size(type));
  for (int i = 0; i < count; i++) {
    char name[64];
    snprintf(name, sizeof name, "gradient.%s", il_net_parameter_name(net, i));
    il_output(g, name, il_task_mean(g, gradient[i]));
    add_output(&b, (size_t)il_shape_count(il_net_parameter_shape(net, i)) * il_type_size(type));
  }
  assert_fine();
  run_and_compare(file, net, g, variant, &b);
  for (int i = 0; i < b.inputs; i++) free(b.input[i]);
  for (int i = 0; i < b.outputs; i++) free(b.output[i]);
  il_graph_free(g);
}

static void check_problem(const problem *p) {
  char path[512];
  snprintf(path, sizeof path, "%s/parity/fixtures/%s.safetensors", TEST_DATA, p->name);
  il_safetensors *file = il_safetensors_open(context, path);
  assert_fine();
  const il_tensor *x = find(file, "support_x", "");
  il_shape example = {.rank = x->shape.rank - 2};
  for (int i = 0; i < example.rank; i++) example.dim[i] = x->shape.dim[i + 2];
  int outputs = p->loss == IL_LOSS_CROSS_ENTROPY
                    ? (int)find(file, "parameter.linear1.bias", "")->shape.dim[0]
                    : 1;
  il_net *net = il_net_new(context, p->layers, p->layer, example, outputs);
  assert_fine();
  for (int i = 0; i < 4 && p->variants[i]; i++) {
    check_variant(p, file, net, IL_FLOAT64, p->variants[i]);
    check_variant(p, file, net, IL_FLOAT32, p->variants[i]);
  }
  il_net_free(net);
  il_safetensors_close(file);
}

static void five_steps_of_an_mlp(void **state) {
  (void)state;
  check_problem(&mlp);
}

static void strided_convolutions_and_both_query_statistics(void **state) {
  (void)state;
  check_problem(&conv);
}

static void two_steps_of_a_max_pool_net_with_flatten(void **state) {
  (void)state;
  check_problem(&pool);
}

static void norms_of_each_example_and_depthwise_convolution(void **state) {
  (void)state;
  check_problem(&norms);
}

static void moments_of_the_task_blended_with_an_examples_own(void **state) {
  (void)state;
  check_problem(&task_norm);
}

static void residual_blocks_of_dilated_and_grouped_convolutions(void **state) {
  (void)state;
  check_problem(&residual);
}

static void attention_of_two_heads(void **state) {
  (void)state;
  check_problem(&attention);
}

static void a_gru_of_tokens(void **state) {
  (void)state;
  check_problem(&gru);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(five_steps_of_an_mlp, setup, teardown),
      cmocka_unit_test_setup_teardown(strided_convolutions_and_both_query_statistics, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(two_steps_of_a_max_pool_net_with_flatten, setup, teardown),
      cmocka_unit_test_setup_teardown(norms_of_each_example_and_depthwise_convolution, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(moments_of_the_task_blended_with_an_examples_own, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(residual_blocks_of_dilated_and_grouped_convolutions, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(attention_of_two_heads, setup, teardown),
      cmocka_unit_test_setup_teardown(a_gru_of_tokens, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
