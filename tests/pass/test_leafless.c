/* A graph built with leaves and rebuilt without them is the graph that was built without leaves: the same text,
 * the same plan. Leaves that stay in a graph are planned right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <innerloop/nn.h>
#include <innerloop/plan.h>

#include <innerloop/grad.h>

#include "base/random.h"
#include "graph/graph.h"

enum { MOST = 24, STEPS = 2, TASKS = 3 };

#define LINEAR(n)                                                                                  \
  { .kind = IL_LAYER_LINEAR, .units = n, .bias = true }
#define CONV                                                                                       \
  { .kind = IL_LAYER_CONV, .units = 4, .kernel = 3, .stride = 1, .pad = 1, .bias = true }
#define NORM                                                                                       \
  { .kind = IL_LAYER_NORM, .eps = 1e-5 }
#define POOL                                                                                       \
  { .kind = IL_LAYER_MAX_POOL, .kernel = 2, .stride = 2 }
#define KIND(k)                                                                                    \
  { .kind = IL_LAYER_##k }

static const il_layer pooled[] = {CONV, NORM, KIND(RELU), POOL,          CONV,
                                  NORM, POOL, KIND(RELU), KIND(FLATTEN), LINEAR(0)};
static const il_layer wide[] = {KIND(FLATTEN), LINEAR(96), NORM, KIND(RELU), LINEAR(0)};

typedef enum il_wrap { PLAIN, AT_ONCE, AFTER_STEP } il_wrap;

static il_value wrapped(il_graph *g, il_value v, bool wrap) { return wrap ? il_leaf(g, v) : v; }

/* A meta-gradient through inner steps with momentum and a proximal term; fast weights wrapped one by one as they are
 * made, or all after the step. */
static il_graph *meta(il_context *context, int layers, const il_layer *layer, il_wrap wrap) {
  il_graph *g = il_graph_new(context, IL_FLOAT32);
  il_net *net = il_net_new(context, layers, layer, IL_SHAPE(8, 8, 2), 3);
  const int count = il_net_parameters(net);
  il_value w[MOST], fast[MOST], moved[MOST], gradient[MOST];
  for (int i = 0; i < count; i++)
    w[i] = il_input(g, il_net_parameter_name(net, i), IL_SHARED, IL_FLOAT32,
                    il_net_parameter_shape(net, i));
  const il_value sx = il_input(g, "sx", IL_TASK, IL_FLOAT32, IL_SHAPE(6, 8, 8, 2)),
                 sy = il_input(g, "sy", IL_TASK, IL_INT32, IL_SHAPE(6)),
                 qx = il_input(g, "qx", IL_TASK, IL_FLOAT32, IL_SHAPE(5, 8, 8, 2)),
                 qy = il_input(g, "qy", IL_TASK, IL_INT32, IL_SHAPE(5));
  for (int i = 0; i < count; i++) fast[i] = wrapped(g, w[i], wrap != PLAIN);
  for (int k = 0; k < STEPS; k++) {
    il_scope_push(g, k ? "second step" : "first step");
    const il_value scores =
        il_net_apply(net, g, fast, sx, IL_STATISTICS_BATCH, NULL, (il_value){0}, 0);
    il_grad(g, il_cross_entropy(g, scores, sy), count, fast, gradient);
    for (int i = 0; i < count; i++) {
      if (k > 0) gradient[i] = il_add(g, gradient[i], il_scale(g, moved[i], 0.9));
      const il_value next = il_sub(g, fast[i], il_scale(g, gradient[i], 0.3));
      moved[i] = wrapped(g, gradient[i], wrap == AT_ONCE);
      fast[i] = wrapped(g, next, wrap == AT_ONCE);
    }
    for (int i = 0; i < count && wrap == AFTER_STEP; i++) {
      fast[i] = il_leaf(g, fast[i]);
      moved[i] = il_leaf(g, moved[i]);
    }
    il_scope_pop(g);
  }
  const il_value scores =
      il_net_apply(net, g, fast, qx, IL_STATISTICS_BATCH, NULL, (il_value){0}, 0);
  const il_value loss = il_cross_entropy(g, scores, qy);
  il_grad(g, loss, count, w, gradient);
  for (int i = 0; i < count; i++)
    il_output(g, il_net_parameter_name(net, i), il_task_mean(g, gradient[i]));
  il_output(g, "loss", loss);
  il_net_free(net);
  if (il_context_status(context) != IL_OK) fail_msg("%s", il_context_message(context));
  return g;
}

/* The text of what outputs need, and of where it comes from, numbered anew. */
static char *needed_text(const il_graph *g) {
  bool *needed = calloc((size_t)g->size + 1, sizeof *needed);
  for (int i = 0; i < g->input_count; i++) needed[g->inputs[i].value.id] = true;
  for (int i = 0; i < g->output_count; i++) needed[g->outputs[i].value.id] = true;
  for (uint32_t id = g->size; id > 0; id--) {
    const il_node *node = g->nodes[id];
    for (int i = 0; needed[id] && i < node->inputs; i++) needed[node->input[i].id] = true;
    if (needed[id]) needed[node->origin] = true;
  }
  char *text = il_graph_dump(g), *kept = malloc(strlen(text) + 1), *to = kept;
  for (const char *line = text; *line;) {
    const size_t length = strcspn(line, "\n") + 1;
    if (line[0] != '%' || needed[strtoul(line + 1, NULL, 10)]) {
      memcpy(to, line, length);
      to += length;
    }
    line += length;
  }
  *to = 0;
  il_graph *parsed = il_graph_parse(g->context, kept);
  if (!parsed) fail_msg("%s", il_context_message(g->context));
  free(text);
  free(kept);
  free(needed);
  text = il_graph_dump(parsed);
  il_graph_free(parsed);
  return text;
}

static char *plan_text(const il_graph *g) {
  il_plan *plan = il_plan_build(g, NULL);
  if (!plan) fail_msg("%s", il_context_message(g->context));
  char *text = il_plan_print(plan);
  il_plan_free(plan);
  return text;
}

static int leaves(const il_graph *g) {
  int count = 0;
  for (uint32_t id = 1; id <= g->size; id++) count += g->nodes[id]->op == IL_OP_LEAF;
  return count;
}

static void assert_text(char *a, char *b) {
  assert_true(strlen(a) > 1000);
  if (strcmp(a, b) != 0) {
    size_t at = 0;
    while (a[at] == b[at]) at++;
    while (at && a[at - 1] != '\n') at--;
    fail_msg("%.300s\n--- differs from ---\n%.300s", a + at, b + at);
  }
  free(a);
  free(b);
}

static void same_as_plain(int layers, const il_layer *layer, il_wrap wrap) {
  il_context *context = il_context_new();
  il_graph *plain = meta(context, layers, layer, PLAIN), *g = meta(context, layers, layer, wrap);
  assert_true(leaves(g) > 10);
  assert_int_equal(il_graph_without_leaves(g), IL_OK);
  assert_int_equal(leaves(g), 0);
  assert_int_equal(il_graph_check(g), IL_OK);
  assert_text(needed_text(g), needed_text(plain));
  assert_text(plan_text(g), plan_text(plain));
  assert_int_equal(il_graph_factor(g), IL_OK);
  assert_int_equal(il_graph_factor(plain), IL_OK);
  assert_text(plan_text(g), plan_text(plain));
  il_graph_free(g);
  il_graph_free(plain);
  il_context_free(context);
}

#define COUNT(layers) (int)(sizeof layers / sizeof *layers)

static void test_pooled_at_once(void **state) {
  (void)state;
  same_as_plain(COUNT(pooled), pooled, AT_ONCE);
}
static void test_pooled_after_step(void **state) {
  (void)state;
  same_as_plain(COUNT(pooled), pooled, AFTER_STEP);
}
static void test_wide(void **state) {
  (void)state;
  same_as_plain(COUNT(wide), wide, AT_ONCE);
  same_as_plain(COUNT(wide), wide, AFTER_STEP);
}

/* Nothing to take out: nothing changes, not even numbers. */
static void test_without_any(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_graph *g = meta(context, COUNT(wide), wide, PLAIN);
  char *before = il_graph_dump(g);
  assert_int_equal(il_graph_without_leaves(g), IL_OK);
  assert_text(before, il_graph_dump(g));
  il_graph_free(g);
  il_context_free(context);
}

/* Folding and interning see what leaves hid, and the graph may be built on. */
static void test_hidden(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_graph *g = il_graph_new(context, IL_FLOAT32);
  const il_value a = il_input(g, "a", IL_TASK, IL_FLOAT32, IL_SHAPE(3));
  const il_value b = il_input(g, "b", IL_SHARED, IL_FLOAT32, IL_SHAPE(3));
  il_scope_push(g, "open");
  const il_value v = il_leaf(g, il_neg(g, a)), w = il_leaf(g, il_neg(g, a));
  assert_int_not_equal(v.id, w.id);
  il_output(g, "y", il_add(g, b, v));
  il_output(g, "z", il_add(g, b, w));
  il_output(g, "u", il_sub(g, v, w));
  assert_int_equal(il_graph_without_leaves(g), IL_OK);
  const il_value y = il_graph_output(g, 0);
  assert_int_equal(il_graph_output(g, 1).id, y.id);
  const il_node *node = il_node_of(g, y);
  assert_int_equal(node->op, IL_OP_SUB);
  assert_int_equal(node->input[0].id, il_graph_input(g, 1).id);
  assert_int_equal(node->input[1].id, il_graph_input(g, 0).id);
  assert_string_equal(node->scope, "open");
  const il_value more = il_exp(g, y);
  assert_string_equal(il_node_of(g, more)->scope, "open");
  il_scope_pop(g);
  il_output(g, "more", more);
  assert_int_equal(il_graph_check(g), IL_OK);
  il_graph_free(g);
  il_context_free(context);
}

/* Leaves read back with their numbers, and a new one differs from all that were read. */
static void test_text(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_graph *g = il_graph_new(context, IL_FLOAT32);
  const il_value a = il_input(g, "a", IL_TASK, IL_FLOAT32, IL_SHAPE(3));
  il_output(g, "y", il_sub(g, il_leaf(g, a), il_leaf(g, a)));
  char *text = il_graph_dump(g);
  il_graph *read = il_graph_parse(context, text);
  char *again = il_graph_dump(read);
  assert_string_equal(text, again);
  const uint32_t size = il_graph_size(read);
  assert_int_equal(il_leaf(read, il_graph_input(read, 0)).id, size + 1);
  free(text);
  free(again);
  il_graph_free(read);
  il_graph_free(g);
  il_context_free(context);
}

static void fill(float *data, int64_t count, uint64_t stream) {
  il_random random = il_random_start(5, stream);
  for (int64_t i = 0; i < count; i++) data[i] = (float)(2 * il_random_uniform01(&random) - 1);
}

/* A plan of a graph with its leaves: bytes equal to the interpreter's, and no more calls than without. */
static void test_planned_as_they_are(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_graph *g = il_graph_new(context, IL_FLOAT32);
  const il_value a = il_input(g, "a", IL_TASK, IL_FLOAT32, IL_SHAPE(16, 16));
  const il_value w = il_input(g, "w", IL_SHARED, IL_FLOAT32, IL_SHAPE(16, 16));
  const il_value one = il_leaf(g, il_constant(g, 1.5, IL_SHAPE(1, 16)));
  const il_value v = il_leaf(g, il_leaf(g, il_matmul(g, a, il_leaf(g, w), false, false)));
  const il_value y = il_tanh(g, il_add(g, il_leaf(g, il_mul(g, v, v)), one));
  il_output(g, "input", il_leaf(g, a));
  il_output(g, "shared", il_leaf(g, w));
  il_output(g, "constant", il_leaf(g, one));
  il_output(g, "y", y);
  il_output(g, "mean", il_leaf(g, il_task_mean(g, il_leaf(g, y))));
  static float in[2][TASKS * 256], out[2][5][TASKS * 256];
  fill(in[0], TASKS * 256, 0);
  fill(in[1], 256, 1);
  const void *inputs[] = {in[0], in[1]};
  void *expected[] = {out[0][0], out[0][1], out[0][2], out[0][3], out[0][4]};
  void *found[] = {out[1][0], out[1][1], out[1][2], out[1][3], out[1][4]};
  assert_int_equal(il_reference_run(g, &(il_bindings){TASKS, inputs, expected}), IL_OK);
  il_team *team = il_team_new(context, 1);
  for (int fuse = 0; fuse < 2; fuse++) {
    il_plan *plan = il_plan_build(g, &(il_plan_options){.no_fusion = !fuse});
    void *workspace = aligned_alloc(64, (il_plan_workspace(plan, TASKS, 1) + 63) / 64 * 64);
    memset(out[1], 0xff, sizeof out[1]);
    assert_int_equal(il_plan_run(plan, team, workspace, &(il_bindings){TASKS, inputs, found}),
                     IL_OK);
    for (int i = 0; i < 5; i++) {
      const size_t bytes = i == 0 || i == 3 ? sizeof out[0][0] : i == 2 ? 64 : 1024;
      assert_memory_equal(expected[i], found[i], bytes);
    }
    free(workspace);
    il_plan_free(plan);
  }
  il_team_free(team);
  il_graph_free(g);
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_pooled_at_once),
      cmocka_unit_test(test_pooled_after_step),
      cmocka_unit_test(test_wide),
      cmocka_unit_test(test_without_any),
      cmocka_unit_test(test_hidden),
      cmocka_unit_test(test_text),
      cmocka_unit_test(test_planned_as_they_are),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
