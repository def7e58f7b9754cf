/* inner.loop: the meta-gradient of every algorithm that makes steps, looped, is that of the steps written out, to rounding;
 * a plan's calls do not grow with the steps, its memory by the states before them alone; several tasks on threads give
 * the same bits. Over 500 lines: what is looped, carried or learned beside the weights is asked by the same functions. */
#include <innerloop/function.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meta/method.h"
#include "nn/net.h"
#include "plan/plan.h"
#include "support/context.h"

enum { WAYS = 3, SHOTS = 2, SIDE = 6, TASKS = 5, SUPPORT = WAYS * SHOTS };

static const il_task_shape shape = {.ways = WAYS,
                                    .shots = SHOTS,
                                    .queries = SHOTS,
                                    .support = SUPPORT,
                                    .query = SUPPORT,
                                    .outputs = WAYS,
                                    .example = {3, {SIDE, SIDE, 1}},
                                    .x = IL_FLOAT64,
                                    .loss = IL_LOSS_CROSS_ENTROPY,
                                    .scale = 1};

static il_net *net_of(bool dropout) {
  const il_layer layers[] = {
      {.kind = IL_LAYER_CONV, .units = 4, .kernel = 3, .stride = 2, .pad = 1},
      {.kind = IL_LAYER_NORM, .eps = 1e-5},
      {.kind = IL_LAYER_TANH},
      {.kind = IL_LAYER_DROPOUT, .rate = dropout ? 0.5 : 0},
      {.kind = IL_LAYER_LINEAR, .bias = true}};
  il_net *net = il_net_new(context, 5, layers, shape.example, WAYS);
  fine();
  return net;
}

/* What the mean over tasks of a meta-step is: loss, support loss, gradients. */
static il_function *function_of(const il_method *m, const il_net *net, il_inner_loop loop,
                                int steps) {
  il_graph *g = il_graph_new(context, m->real);
  il_method now;
  il_method_copy(&now, m);
  now.inner.loop = loop;
  now.inner.steps = steps;
  il_task_shape s = shape;
  s.x = m->real;
  il_build b = il_method_build(&now, g, net, &s);
  b.training = true;
  b.whole = true;
  il_entries entries = {0};
  il_meta_entries(context, net, m->algorithm, &now.inner, b.settings, &entries);
  if (m->algorithm->weigh)
    b.step_weights = il_input(g, "step_weights", IL_SHARED, m->real, IL_SHAPE(steps));
  b.meta = il_values_input(g, entries.count, entries.entry, "meta/", IL_SHARED);
  il_task_inputs(g, &s, il_method_needs(&now, net, &s, steps, true), &b.task);
  il_outcome out;
  il_build_outcome(&b, &out);
  fine();
  il_output(g, "loss", il_task_mean(g, out.loss));
  il_output(g, "support", il_task_mean(g, out.support_loss));
  for (int i = 0; i < out.gradient.count; i++)
    il_output(g, out.gradient.entry[i].name, il_task_mean(g, out.gradient.at[i]));
  fine();
  il_entries_free(&entries);
  il_function *f = il_function_new(g, &now.function);
  fine();
  return f;
}

typedef struct il_found {
  int outputs;
  size_t bytes[64];
  void *out[64];
} il_found;

static void put(il_type type, void *to, int64_t i, double x) {
  if (type == IL_FLOAT64)
    ((double *)to)[i] = x;
  else if (type == IL_FLOAT32)
    ((float *)to)[i] = (float)x;
  else
    ((int32_t *)to)[i] = (int32_t)x;
}

static double logit = 1; /* of every learned number that has one */

/* Any numbers, the same for inputs of the same name; labels in turn; orders within the support set. */
static void fill(const char *name, il_type type, int64_t count, void *to) {
  uint32_t hash = 7;
  for (const char *c = name; *c; c++) hash = hash * 31 + (unsigned char)*c;
  const bool labels = strstr(name, "_y") != NULL, variance = strstr(name, "norm1.weight") != NULL;
  for (int64_t i = 0; i < count; i++) {
    hash = hash * 1664525u + 1013904223u;
    const double unit = (double)(hash >> 8) * 0x1p-24;
    put(type, to, i,
        labels                                  ? (double)(i % WAYS)
        : type == IL_INT32                      ? floor(unit * SUPPORT)
        : strcmp(name, "step_weights") == 0     ? 0.1 + unit
        : strstr(name, ".logit")                ? logit
        : strstr(name, "inner.lr")              ? 0.05 + 0.1 * unit
        : variance || strstr(name, "step.norm") ? 0.5 + unit
                                                : unit - 0.5);
  }
}

static il_found run(const il_function *f, int threads) {
  const il_graph *g = il_function_graph(f);
  il_team *team = il_team_new(context, threads);
  il_run *r = il_run_new(context, f, team, TASKS);
  fine();
  void *in[64];
  il_found found = {.outputs = il_graph_outputs(g)};
  assert_true(found.outputs < 64 && il_graph_inputs(g) < 64);
  for (int i = 0; i < il_graph_inputs(g); i++) {
    const il_value v = il_graph_input(g, i);
    const int64_t n =
        il_shape_count(il_value_shape(g, v)) * (il_value_stage(g, v) == IL_TASK ? TASKS : 1);
    in[i] = malloc((size_t)n * 8);
    fill(il_graph_input_name(g, i), il_value_type(g, v), n, in[i]);
    il_run_input(r, i, in[i]);
  }
  for (int i = 0; i < found.outputs; i++) {
    const il_value v = il_graph_output(g, i);
    found.bytes[i] = (size_t)il_shape_count(il_value_shape(g, v)) * il_type_size(il_graph_real(g));
    found.out[i] = calloc(1, found.bytes[i]);
    il_run_output(r, i, found.out[i]);
  }
  il_run_go(r, TASKS);
  fine();
  for (int i = 0; i < il_graph_inputs(g); i++) free(in[i]);
  il_run_free(r);
  il_team_free(team);
  return found;
}

static void drop(il_found *f) {
  for (int i = 0; i < f->outputs; i++) free(f->out[i]);
}

static void near(const il_function *f, const il_found *a, const il_found *b, const char *what) {
  assert_int_equal(a->outputs, b->outputs);
  for (int i = 0; i < a->outputs; i++) {
    double largest = 0;
    for (size_t k = 0; k < a->bytes[i] / 8; k++)
      largest = fmax(largest, fabs(((double *)a->out[i])[k]));
    for (size_t k = 0; k < a->bytes[i] / 8; k++) {
      const double x = ((double *)a->out[i])[k], y = ((double *)b->out[i])[k];
      if (!(fabs(x - y) <= 1e-12 * fmax(largest, 1e-3)))
        fail_msg("%s, %s[%zu]: looped %.17g, written out %.17g", what,
                 il_graph_output_name(il_function_graph(f), i), k, y, x);
    }
  }
}

typedef struct il_case {
  const char *what;
  const il_algorithm *algorithm;
  const il_optimizer *optimizer;
  int batch;
  double l2, clip;
  bool first_order;
  il_imaml_pull pull;
  il_query_statistics statistics;
} il_case;

static void method_of(const il_case *c, il_method *to) {
  il_method m;
  il_method_defaults(&m);
  il_method_algorithm(&m, c->algorithm);
  il_method_inner(&m, c->optimizer);
  if (c->algorithm == &il_imaml) ((il_imaml_settings *)m.algorithm_settings)->pull = c->pull;
  m.inner.lr = 0.1;
  m.inner.batch = c->batch;
  m.inner.l2 = c->l2;
  m.inner.clip = c->clip;
  m.inner.first_order = c->first_order;
  m.statistics = c->statistics;
  m.real = IL_FLOAT64;
  il_method_copy(to, &m);
}

static il_algorithm last_loss; /* MAML++ after the meta-steps that weigh every loss */

#define QUERY IL_QUERY_STATISTICS_QUERY
static const il_case cases[] = {
    {"maml", &il_maml, &il_sgd, .statistics = QUERY},
    {"first order", &il_maml, &il_sgd, .first_order = true, .statistics = QUERY},
    {"support statistics", &il_maml, &il_sgd, .statistics = IL_QUERY_STATISTICS_SUPPORT},
    {"momentum", &il_maml, &il_momentum, .l2 = 0.1, .statistics = QUERY},
    {"adam, clipped", &il_maml, &il_adam, .clip = 0.5, .statistics = QUERY},
    {"rmsprop, mini-batches", &il_maml, &il_rmsprop, .batch = 4, .statistics = QUERY},
    {"adagrad", &il_maml, &il_adagrad, .statistics = QUERY},
    {"adamw", &il_maml, &il_adamw, .statistics = QUERY},
    {"meta_sgd", &il_meta_sgd, &il_sgd, .statistics = QUERY},
    {"anil", &il_anil, &il_sgd, .statistics = QUERY},
    {"boil", &il_boil, &il_sgd, .statistics = QUERY},
    {"cavia", &il_cavia, &il_sgd, .statistics = QUERY},
    {"mamlpp", &last_loss, &il_sgd, .statistics = QUERY},
    {"meta_curvature", &il_meta_curvature, &il_sgd, .statistics = QUERY},
    {"imaml", &il_imaml, &il_sgd, .statistics = QUERY},
    {"reptile", &il_reptile, &il_sgd, .batch = 3, .statistics = QUERY},
    {"hyper", &il_hyper, &il_rmsprop, .batch = 4, .statistics = QUERY},
    {"mamlpp, every loss", &il_mamlpp, &il_sgd, .statistics = QUERY},
    {"mamlpp, every loss, support statistics", &il_mamlpp, &il_adam,
     .statistics = IL_QUERY_STATISTICS_SUPPORT},
    {"imaml, pulled at the end", &il_imaml, &il_sgd, .pull = IL_IMAML_PULL_END,
     .statistics = QUERY},
};

static void compare_all(bool dropout) {
  il_net *net = net_of(dropout);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (dropout && i % 4 != 0 && i != 17) continue; /* MAML, Adam, Meta-SGD, MAML++ twice */
    il_method m;
    method_of(&cases[i], &m);
    il_function *out = function_of(&m, net, IL_INNER_UNROLL, 8);
    il_found a = run(out, 1);
    assert_true(((double *)a.out[0])[0] > 0.01);
    for (int loop = IL_INNER_KEEP; loop <= IL_INNER_REMAKE; loop++) {
      il_function *looped = function_of(&m, net, (il_inner_loop)loop, 8);
      il_found b = run(looped, 1);
      near(out, &a, &b, cases[i].what);
      drop(&b);
      il_function_free(looped);
    }
    drop(&a);
    il_function_free(out);
  }
  il_net_free(net);
}

static void test_meta_gradients(void **state) {
  (void)state;
  compare_all(false);
}

/* Masks are drawn anew in each step, the same as written out. */
static void test_dropout(void **state) {
  (void)state;
  compare_all(true);
}

/* Tasks on one thread and on three, in float32. */
static void test_threads(void **state) {
  (void)state;
  il_net *net = net_of(false);
  il_method m;
  method_of(&cases[4], &m);
  m.real = IL_FLOAT32;
  il_function *f = function_of(&m, net, IL_INNER_REMAKE, 7);
  il_found a = run(f, 1), b = run(f, 3);
  for (int i = 0; i < a.outputs; i++) assert_memory_equal(a.out[i], b.out[i], a.bytes[i]);
  drop(&a);
  drop(&b);
  il_function_free(f);
  il_net_free(net);
}

static int64_t calls_of(const il_plan *plan) {
  int64_t calls = 0;
  for (int when = 0; when <= IL_AFTER; when++) {
    calls += plan->list[when].count;
    for (int64_t i = 0; i < plan->list[when].count; i++)
      if (plan->list[when].call[i].kind == IL_CALL_LOOP)
        calls += calls_of(((const il_loop_plan *)plan->list[when].call[i].table)->step);
  }
  return calls;
}

static void test_growth(void **state) {
  (void)state;
  il_net *net = net_of(false);
  il_method m;
  method_of(&cases[3], &m);
  m.function.plan.lanes = IL_LANES_NEVER;
  size_t bytes[3], weights = 1; /* the support loss stands beside them */
  int64_t calls[3];
  for (int i = 0; i < 3; i++) {
    il_function *f = function_of(&m, net, IL_INNER_KEEP, i == 0 ? 5 : i == 1 ? 50 : 500);
    calls[i] = calls_of(il_function_plan(f));
    bytes[i] = il_plan_workspace(il_function_plan(f), 1, 1);
    il_function_free(f);
  }
  for (int i = 0; i < net->parameters; i++)
    weights += 2 * (size_t)il_shape_count(net->parameter[i].shape); /* and momentum */
  assert_int_equal(calls[0], calls[1]);
  assert_int_equal(calls[0], calls[2]);
  assert_in_range(bytes[1] - bytes[0], 45 * weights * 8 - 128, 45 * weights * 8 + 128);
  assert_in_range(bytes[2] - bytes[1], 450 * weights * 8 - 128, 450 * weights * 8 + 128);
  /* Made again: of 100 steps ten before ten loops and ten within one, of 400 twice as many. */
  for (int i = 0; i < 2; i++) {
    il_function *f = function_of(&m, net, IL_INNER_REMAKE, i == 0 ? 100 : 400);
    bytes[i] = il_plan_workspace(il_function_plan(f), 1, 1);
    il_function_free(f);
  }
  assert_in_range(bytes[1] - bytes[0], 20 * weights * 8 - 256, 20 * weights * 8 + 256);
  il_net_free(net);
}

/* MAML++ learns from the query loss after every step, which is a part of the step. */
static void test_growth_of_every_loss(void **state) {
  (void)state;
  il_net *net = net_of(false);
  il_method m;
  il_method_defaults(&m);
  il_method_algorithm(&m, &il_mamlpp);
  m.real = IL_FLOAT64;
  int64_t calls[2];
  for (int i = 0; i < 2; i++) {
    il_function *f = function_of(&m, net, IL_INNER_KEEP, i == 0 ? 20 : 200);
    calls[i] = calls_of(il_function_plan(f));
    il_function_free(f);
  }
  assert_int_equal(calls[0], calls[1]);
  il_net_free(net);
}

/* The derivative by a learned number of the inner loop; *name receives the entry's. */
static double by_learned(const il_optimizer *o, const char *field, il_type real, char name[96]) {
  il_net *net = net_of(false);
  il_method m;
  il_method_defaults(&m);
  il_method_algorithm(&m, &il_maml);
  il_method_inner(&m, o);
  m.inner.learned = field;
  m.inner.lr = 0.05;
  m.real = real;
  if (o == &il_rmsprop) ((il_rmsprop_settings *)m.inner_settings)->initial = 1;
  il_function *f = function_of(&m, net, IL_INNER_UNROLL, 4);
  il_found found = run(f, 1);
  double derivative = (double)NAN;
  for (int i = 0; i < found.outputs; i++) {
    const char *output = il_graph_output_name(il_function_graph(f), i);
    if (strncmp(output, "inner.", 6)) continue;
    snprintf(name, 96, "%s", output);
    derivative = real == IL_FLOAT64 ? *(double *)found.out[i] : (double)*(float *)found.out[i];
  }
  drop(&found);
  il_function_free(f);
  il_net_free(net);
  return derivative;
}

/* An optimizer that read a setting past what is learned would take it for learned, and learn nothing. */
static void test_every_number_can_be_learned(void **state) {
  (void)state;
  char name[96];
  for (int i = 0; i < il_optimizers(); i++)
    for (const il_field *f = il_optimizer_at(i)->fields; f && f->name; f++) {
      if (f->kind != IL_FIELD_DOUBLE) continue;
      const double d = by_learned(il_optimizer_at(i), f->name, IL_FLOAT64, name);
      if (!(isfinite(d) && d != 0))
        fail_msg("%s, %s: the derivative by what is learned is %g", il_optimizer_at(i)->name, name,
                 d);
    }
}

/* Near 1 a decay has no digits left in float32, what is missing to 1 has all of them. */
static void test_decays_near_one(void **state) {
  (void)state;
  char name[96];
  for (logit = 7; logit < 40; logit += 8) {
    const double exact = by_learned(&il_adam, "beta2", IL_FLOAT64, name),
                 found = by_learned(&il_adam, "beta2", IL_FLOAT32, name);
    if (!(fabs(found - exact) <= 1e-3 * fabs(exact) + 1e-7))
      fail_msg("at the logit %g: %.9g in float32, %.9g in float64", logit, found, exact);
  }
  logit = 1;
}

/* An algorithm of its own whose step takes a row of the order by itself: the first of all steps, in a loop. */
static void step_by_first_row(il_build *b, il_values *now, int k) {
  const int64_t size = il_value_shape(b->g, b->task.order).dim[1];
  const il_value index =
      il_reshape(b->g, il_slice(b->g, b->task.order, (const int64_t[]){k, 0}, IL_SHAPE(1, size)),
                 IL_SHAPE(size));
  b->task.support_x = il_gather(b->g, b->task.support_x, index);
  il_gradient_step(b, now, k);
}

static void test_order_is_no_constant(void **state) {
  (void)state;
  il_net *net = net_of(false);
  il_algorithm own = il_maml;
  own.step = step_by_first_row;
  il_case c = cases[5];
  c.algorithm = &own;
  il_method m;
  method_of(&c, &m);
  m.inner.loop = IL_INNER_KEEP;
  m.inner.steps = 3;
  il_graph *g = il_graph_new(context, m.real);
  il_build b = il_method_build(&m, g, net, &shape);
  il_entries entries = {0};
  il_meta_entries(context, net, m.algorithm, &m.inner, NULL, &entries);
  b.meta = il_values_input(g, entries.count, entries.entry, "meta/", IL_SHARED);
  il_task_inputs(g, &shape, il_method_needs(&m, net, &shape, 3, true), &b.task);
  il_outcome out;
  assert_int_equal(il_build_outcome(&b, &out), IL_ERROR_UNSUPPORTED);
  assert_non_null(strstr(il_context_message(context), "take their mini-batches one by one"));
  il_entries_free(&entries);
  il_graph_free(g);
  il_net_free(net);
}

/* Two of Reptile's meta-steps with carried squares, at an outer rate of one, on a task of which each takes three steps: as
 * six steps of an RMSProp that starts at the first squares. */
static void test_carried_squares(void **state) {
  (void)state;
  il_net *net = net_of(false);
  const il_case c = {"carried", &il_reptile, &il_rmsprop, .statistics = QUERY};
  il_method m, whole;
  method_of(&c, &m);
  il_method_copy(&whole, &m);
  ((il_rmsprop_settings *)whole.inner_settings)->initial = 0.02;
  whole.inner.steps = 6;
  m.inner.steps = 3;
  *(il_reptile_settings *)m.algorithm_settings = (il_reptile_settings){true, 0.02};

  il_graph *g = il_graph_new(context, IL_FLOAT64);
  il_build b = il_method_build(&m, g, net, &shape), six = il_method_build(&whole, g, net, &shape);
  b.training = six.training = true;
  il_entries entries = {0}, carried = {0};
  il_meta_entries(context, net, m.algorithm, &m.inner, b.settings, &entries);
  m.algorithm->carry(context, net, b.settings, &carried);
  fine();
  assert_int_equal(carried.count, net->parameters);
  b.meta = six.meta = il_values_input(g, entries.count, entries.entry, "meta/", IL_SHARED);
  for (int i = 0; i < carried.count; i++) {
    assert_true(carried.entry[i].drawn && carried.entry[i].low == 0.02 &&
                carried.entry[i].high == 0.02);
    il_values_put(g, &b.carry, carried.entry[i], il_constant(g, 0.02, carried.entry[i].shape));
  }
  il_task_inputs(g, &shape, il_method_needs(&m, net, &shape, 3, true), &b.task);
  six.task = b.task;
  const il_values theta = six.meta;
  il_outcome out;
  for (int meta_step = 0; meta_step < 2; meta_step++) {
    il_build once = b;
    il_build_outcome(&once, &out);
    fine();
    b.meta = il_values_copy(g, &b.meta);
    for (int i = 0; i < b.meta.count; i++)
      b.meta.at[i] = il_sub(g, b.meta.at[i], il_values_get(g, &out.gradient, b.meta.entry[i].name));
    b.carry = out.carry;
    assert_int_equal(b.carry.count, carried.count);
  }
  il_build_outcome(&six, &out);
  fine();
  for (int i = 0; i < theta.count; i++) {
    const il_value to[] = {il_sub(g, theta.at[i], out.gradient.at[i]), b.meta.at[i], theta.at[i]};
    for (int k = 0; k < 3; k++) {
      char name[64];
      snprintf(name, sizeof name, "%d.%d", i, k);
      il_output(g, name, il_task_mean(g, to[k]));
    }
  }
  il_function *f = il_function_new(g, &m.function);
  fine();
  il_found found = run(f, 1);
  double moved = 0;
  for (int i = 0; i < net->parameters; i++) {
    const double *once = found.out[3 * i], *twice = found.out[3 * i + 1],
                 *start = found.out[3 * i + 2];
    for (size_t k = 0; k < found.bytes[3 * i] / 8; k++) {
      assert_true(fabs(once[k] - twice[k]) <= 1e-12);
      moved = fmax(moved, fabs(once[k] - start[k]));
    }
  }
  assert_true(moved > 0.01);
  drop(&found);
  il_function_free(f);

  /* What moves along: the mean, whole, of what the tasks saw. */
  g = il_graph_new(context, IL_FLOAT64);
  b = il_method_build(&m, g, net, &shape);
  b.carry = il_values_input(g, carried.count, carried.entry, "carry/", IL_SHARED);
  out = (il_outcome){0};
  for (int i = 0; i < carried.count; i++)
    il_values_put(g, &out.carry, carried.entry[i], il_constant(g, 3, carried.entry[i].shape));
  const il_values next = il_carry_next(&b, &out);
  fine();
  for (int i = 0; i < next.count; i++) assert_int_equal(next.at[i].id, out.carry.at[i].id);

  /* Without values to carry, and with an optimizer that has no squares. */
  for (int without = 0; without < 2; without++) {
    if (without) il_method_inner(&m, &il_adam);
    b = il_method_build(&m, g, net, &shape);
    if (without) b.carry = il_values_input(g, carried.count, carried.entry, "c/", IL_SHARED);
    il_task_inputs(g, &shape, il_method_needs(&m, net, &shape, 3, true), &b.task);
    b.meta = il_values_input(g, entries.count, entries.entry, without ? "b/" : "a/", IL_SHARED);
    assert_int_equal(il_build_outcome(&b, &out), without ? IL_ERROR_CONFIG : IL_ERROR_UNSUPPORTED);
    assert_non_null(
        strstr(il_context_message(context), without ? "found inner.optimizer adam, expected rmsprop"
                                                    : "carries no values from task to task"));
    il_context_clear(context);
    il_graph_free(g);
    g = il_graph_new(context, IL_FLOAT64);
  }
  il_graph_free(g);
  il_entries_free(&entries);
  il_entries_free(&carried);
  il_net_free(net);
}

int main(void) {
  last_loss = il_mamlpp;
  last_loss.weigh = NULL;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_meta_gradients, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_dropout, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_threads, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_order_is_no_constant, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_growth, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_growth_of_every_loss, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_every_number_can_be_learned, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_decays_near_one, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_carried_squares, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
