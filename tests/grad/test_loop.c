/* Loops: the same values and derivatives of any order as the steps written out, by the interpreter and by plans; one
 * in another; what planning and memory grow with. */
#include <innerloop/function.h>
#include <innerloop/grad.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "graph/graph.h"
#include "graph/loop_body.h"
#include "plan/plan.h"
#include "support/context.h"

enum { ROWS = 3, UNITS = 4, MOST = 40, VALUES = 4000 };

/* What a step reads. */
typedef struct il_step_values {
  il_value h, v, w, c, row, number;
} il_step_values;

/* h' = tanh(h·w + row + c·k), v' = 0.9·v + h∘row; makes Σ h'². */
static void step(il_graph *g, const il_step_values *s, il_value *h, il_value *v, il_value *made) {
  const il_value drift = il_mul(g, s->c, il_scale(g, s->number, 0.1));
  *h = il_tanh(g, il_add(g, il_add(g, il_matmul(g, s->h, s->w, false, false), s->row), drift));
  *v = il_add(g, il_scale(g, s->v, 0.9), il_mul(g, s->h, s->row));
  *made = il_sum_all(g, il_mul(g, *h, *h));
}

typedef enum il_way { WRITTEN_OUT, LOOPED, NESTED } il_way;

/* One loop of `count` steps from (h, v) on, whose rows lie in rows [count, …], numbered from `from`. */
static void loop(il_graph *g, int count, il_value from, il_step_values *s, il_value rows,
                 il_value *sum) {
  il_value first[3] = {s->h, s->v, *sum}, now[3], next[3], last[3], made;
  il_loop l;
  il_loop_begin(&l, g, count, 3, first, now);
  const il_step_values inside = {
      now[0], now[1], s->w, s->c, il_loop_row(&l, rows), il_add(g, l.step, from)};
  step(g, &inside, &next[0], &next[1], &made);
  next[2] = il_add(g, now[2], made);
  il_loop_end(&l, next, last, 0, NULL, NULL);
  s->h = last[0];
  s->v = last[1];
  *sum = last[2];
}

/* The loss of `count` steps: the last state and everything that the steps made. */
static il_value loss_of(il_graph *g, il_way way, int count, il_value h, il_value v, il_value w,
                        il_value c, il_value rows) {
  il_value made = il_scalar(g, 0);
  il_step_values s = {.h = h, .v = v, .w = w, .c = c};
  if (way == LOOPED) {
    /* The made values stacked, as far as they are told apart by weights. */
    il_value first[2] = {h, v}, now[2], next[2], last[2], one, all;
    il_loop l;
    il_loop_begin(&l, g, count, 2, first, now);
    il_step_values inside = {now[0], now[1], w, c, il_loop_row(&l, rows), l.step};
    step(g, &inside, &next[0], &next[1], &one);
    il_loop_end(&l, next, last, 1, &one, &all);
    s.h = last[0];
    s.v = last[1];
    made = il_sum_all(g, all);
  } else if (way == NESTED) {
    il_value first[3] = {h, v, made}, now[3], last[3];
    const int inner = 3, outer = count / inner;
    il_loop l;
    const il_shape grouped = {4, {outer, inner, ROWS, UNITS}};
    il_loop_begin(&l, g, outer, 3, first, now);
    il_step_values inside = {.h = now[0], .v = now[1], .w = w, .c = c};
    const il_value begin = il_scale(g, l.step, inner);
    loop(g, inner, begin, &inside, il_loop_row(&l, il_reshape(g, rows, grouped)), &now[2]);
    il_loop_end(&l, (il_value[]){inside.h, inside.v, now[2]}, last, 0, NULL, NULL);
    s.h = last[0];
    s.v = last[1];
    made = last[2];
  } else {
    for (int k = 0; k < count; k++) {
      il_value one;
      const int64_t begin[3] = {k, 0, 0};
      s.row =
          il_reshape(g, il_slice(g, rows, begin, IL_SHAPE(1, ROWS, UNITS)), IL_SHAPE(ROWS, UNITS));
      s.number = il_scalar(g, k);
      const il_step_values before = s;
      step(g, &before, &s.h, &s.v, &one);
      made = il_add(g, made, one);
    }
  }
  const il_value end = il_sum_all(g, il_mul(g, s.h, il_tanh(g, s.v)));
  return il_add(g, il_scale(g, made, 0.1), end);
}

/* Loss, its gradient, a product with its second derivative by reverse over reverse and by forward over reverse, a third
 * derivative, and a directional derivative: outputs of a graph. */
static il_graph *derivatives(il_type real, il_way way, int count, il_stage stage, bool high) {
  il_graph *g = il_graph_new(context, real);
  assert_non_null(g);
  il_value x[5] = {il_input(g, "h", stage, real, IL_SHAPE(ROWS, UNITS)),
                   il_input(g, "v", IL_SHARED, real, IL_SHAPE(ROWS, UNITS)),
                   il_input(g, "w", IL_SHARED, real, IL_SHAPE(UNITS, UNITS)),
                   il_input(g, "c", stage, real, il_shape_scalar()),
                   il_input(g, "rows", stage, real, IL_SHAPE(count, ROWS, UNITS))};
  il_value d[5], dd[5], tangent[5], moved, along[5];
  const il_value loss = loss_of(g, way, count, x[0], x[1], x[2], x[3], x[4]);
  fine();
  il_grad(g, loss, 5, x, d);
  fine();
  il_output(g, "loss", loss);
  char name[32];
  for (int i = 0; i < 5; i++) {
    snprintf(name, sizeof name, "d%d", i);
    il_output(g, name, d[i]);
    tangent[i] = il_sin(g, il_shift(g, x[i], i));
  }
  if (high) {
    il_value dot = il_scalar(g, 0);
    for (int i = 0; i < 5; i++)
      dot = il_add(g, dot, il_sum_all(g, il_mul(g, d[i], il_stop_gradient(g, tangent[i]))));
    il_grad(g, dot, 5, x, dd);
    fine();
    il_jvp(g, 5, x, tangent, 1, &loss, &moved);
    fine();
    il_jvp(g, 5, x, tangent, 5, d, along);
    fine();
    il_output(g, "moved", moved);
    for (int i = 0; i < 5; i++) {
      snprintf(name, sizeof name, "dd%d", i);
      il_output(g, name, dd[i]);
      snprintf(name, sizeof name, "along%d", i);
      il_output(g, name, along[i]);
    }
  }
  fine();
  if (il_graph_check(g) != IL_OK) fine();
  return g;
}

/* Numbers for all inputs and room for all outputs. */
typedef struct il_memory {
  double data[2 * MOST][VALUES];
  const void *in[MOST];
  void *out[MOST];
} il_memory;

static void fill(const il_graph *g, il_memory *m, int tasks) {
  for (int i = 0; i < il_graph_inputs(g); i++) {
    const int64_t n = il_shape_count(il_value_shape(g, il_graph_input(g, i))) * tasks;
    assert_true(n < VALUES);
    for (int64_t k = 0; k < n; k++) {
      const double x = sin(1.7 * (double)(k + 3 * i + 1)) * 0.6;
      if (il_graph_real(g) == IL_FLOAT64)
        m->data[i][k] = x;
      else
        ((float *)m->data[i])[k] = (float)x;
    }
    m->in[i] = m->data[i];
  }
  for (int i = 0; i < il_graph_outputs(g); i++) m->out[i] = m->data[MOST + i];
}

static void equal(const il_graph *g, const il_memory *a, const il_memory *b, const char *what) {
  for (int i = 0; i < il_graph_outputs(g); i++) {
    const int64_t n = il_shape_count(il_value_shape(g, il_graph_output(g, i)));
    double largest = 1e-3;
    for (int64_t k = 0; k < n; k++) largest = fmax(largest, fabs(a->data[MOST + i][k]));
    for (int64_t k = 0; k < n; k++)
      if (!(fabs(a->data[MOST + i][k] - b->data[MOST + i][k]) <= 1e-12 * largest))
        fail_msg("%s: %s[%lld] is %.17g, written out %.17g", what, il_graph_output_name(g, i),
                 (long long)k, b->data[MOST + i][k], a->data[MOST + i][k]);
  }
}

static void run_function(il_graph *g, il_memory *m, int tasks, int threads, bool check) {
  il_function *f = il_function_new(g, NULL);
  fine();
  il_team *team = il_team_new(context, threads);
  il_run *r = il_run_new(context, f, team, tasks);
  fine();
  for (int i = 0; i < il_graph_inputs(il_function_graph(f)); i++) il_run_input(r, i, m->in[i]);
  for (int i = 0; i < il_graph_outputs(il_function_graph(f)); i++) il_run_output(r, i, m->out[i]);
  il_plan_checked checked;
  assert_int_equal(check ? il_run_check(r, tasks, &checked) : il_run_go(r, tasks), IL_OK);
  fine();
  il_run_free(r);
  il_team_free(team);
  il_function_free(f);
}

static void test_derivatives(void **state) {
  (void)state;
  static il_memory out, looped, planned;
  for (int way = LOOPED; way <= NESTED; way++)
    for (int count = 3; count <= 6; count += 3) {
      il_graph *g = derivatives(IL_FLOAT64, WRITTEN_OUT, count, IL_SHARED, true);
      fill(g, &out, 1);
      assert_int_equal(il_reference_run(g, &(il_bindings){1, out.in, out.out}), IL_OK);
      assert_true(fabs(out.data[MOST + 7][0]) > 1e-3); /* a second derivative */
      il_graph *h = derivatives(IL_FLOAT64, (il_way)way, count, IL_SHARED, true);
      fill(h, &looped, 1);
      assert_int_equal(il_reference_run(h, &(il_bindings){1, looped.in, looped.out}), IL_OK);
      equal(g, &out, &looped, way == LOOPED ? "loop" : "loop in a loop");
      fill(h, &planned, 1);
      run_function(h, &planned, 1, 1, false);
      equal(g, &out, &planned, way == LOOPED ? "planned loop" : "planned loop in a loop");
      il_graph_free(g);
    }
}

/* Plans compute the interpreter's bits, in float32 too, on tasks and threads. */
static void test_bits(void **state) {
  (void)state;
  static il_memory one, more;
  for (int way = LOOPED; way <= NESTED; way++) {
    il_graph *g = derivatives(IL_FLOAT32, (il_way)way, 6, IL_TASK, true);
    fill(g, &one, 5);
    run_function(g, &one, 5, 1, true);
    g = derivatives(IL_FLOAT32, (il_way)way, 6, IL_TASK, true);
    fill(g, &one, 5);
    run_function(g, &one, 5, 1, false);
    g = derivatives(IL_FLOAT32, (il_way)way, 6, IL_TASK, true);
    fill(g, &more, 5);
    run_function(g, &more, 5, 3, false);
    assert_memory_equal(one.data[MOST], more.data[MOST], sizeof one.data / 2);
  }
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

/* Ten times the steps: the same calls, and no more memory than the states before the steps; without a derivative none. */
static void test_growth(void **state) {
  (void)state;
  const size_t kept = 2 * ROWS * UNITS * sizeof(double);
  size_t bytes[2][2];
  int64_t calls[2][2];
  for (int size = 0; size < 2; size++)
    for (int which = 0; which < 2; which++) {
      const int count = size ? 500 : 50;
      il_graph *g = il_graph_new(context, IL_FLOAT64);
      const il_type real = IL_FLOAT64;
      const il_value h = il_input(g, "h", IL_TASK, real, IL_SHAPE(ROWS, UNITS)),
                     w = il_input(g, "w", IL_SHARED, real, IL_SHAPE(UNITS, UNITS));
      il_value first[2] = {h, h}, now[2], next[2], last[2], made, d;
      il_loop l;
      il_loop_begin(&l, g, count, 2, first, now);
      step(g, &(il_step_values){now[0], now[1], w, il_scalar(g, 0.1), h, l.step}, &next[0],
           &next[1], &made);
      il_loop_end(&l, next, last, 0, NULL, NULL);
      const il_value y = il_sum_all(g, il_mul(g, last[0], last[1]));
      il_grad(g, y, 1, &w, &d);
      il_output(g, "y", which ? d : y);
      il_function *f = il_function_new(g, NULL);
      fine();
      bytes[which][size] = il_plan_workspace(il_function_plan(f), 1, 1);
      calls[which][size] = calls_of(il_function_plan(f));
      il_function_free(f);
    }
  for (int which = 0; which < 2; which++) assert_int_equal(calls[which][0], calls[which][1]);
  assert_int_equal(bytes[0][0], bytes[0][1]);
  assert_in_range(bytes[1][1] - bytes[1][0], 450 * kept, 450 * kept + 4096);
}

/* A step that reads rows of many values, packed into one source: s' = s + Σ i·row_i. */
static void test_many_rows(void **state) {
  (void)state;
  enum { MANY = 70, STEPS = 3 };
  il_graph *g = il_graph_new(context, IL_FLOAT64);
  const il_value all = il_input(g, "all", IL_SHARED, IL_FLOAT64, IL_SHAPE(MANY, STEPS, 2)),
                 zero = il_constant(g, 0, IL_SHAPE(2));
  il_value now, last, next, d;
  il_loop l;
  il_loop_begin(&l, g, STEPS, 1, &zero, &now);
  next = now;
  for (int i = 0; i < MANY; i++) {
    const int64_t begin[3] = {i, 0, 0};
    const il_value rows =
        il_reshape(g, il_slice(g, all, begin, IL_SHAPE(1, STEPS, 2)), IL_SHAPE(STEPS, 2));
    next = il_add(g, next, il_scale(g, il_loop_row(&l, rows), i));
  }
  il_loop_end(&l, &next, &last, 0, NULL, NULL);
  const il_value y = il_sum_all(g, il_mul(g, last, last));
  il_grad(g, y, 1, &all, &d);
  fine();
  il_output(g, "last", last);
  il_output(g, "d", d);
  static il_memory m;
  fill(g, &m, 1);
  run_function(g, &m, 1, 1, false);
  double sum[2] = {0};
  for (int i = 0; i < MANY * STEPS * 2; i++) sum[i % 2] += m.data[0][i] * (i / (2 * STEPS));
  for (int k = 0; k < 2; k++)
    assert_true(fabs(m.data[MOST][k] - sum[k]) <= 1e-11 * (1 + fabs(sum[k])));
  for (int i = 0; i < MANY * STEPS * 2; i++) {
    const double expected = 2 * sum[i % 2] * (i / (2 * STEPS));
    assert_true(fabs(m.data[MOST + 1][i] - expected) <= 1e-11 * (1 + fabs(expected)));
  }
}

/* By the public builder: h' = tanh(h·w + row_k) + k, h stacked, with its gradient, as the steps written out. */
static void test_builder(void **state) {
  (void)state;
  enum { COUNT = 4 };
  static il_memory m[2];
  for (int way = 0; way < 2; way++) {
    il_graph *g = il_graph_new(context, IL_FLOAT64);
    il_value x[3] = {il_input(g, "h", IL_SHARED, IL_FLOAT64, IL_SHAPE(ROWS, UNITS)),
                     il_input(g, "w", IL_SHARED, IL_FLOAT64, IL_SHAPE(UNITS, UNITS)),
                     il_input(g, "rows", IL_SHARED, IL_FLOAT64, IL_SHAPE(COUNT, ROWS, UNITS))};
    il_value all = {0}, last = x[0], now = {0}, d[3];
    il_loop *l = way ? il_loop_open(g, COUNT, 1, &x[0], &now) : NULL;
    for (int k = 0; k < (way ? 1 : COUNT); k++) {
      const il_value row =
          way ? il_loop_row(l, x[2])
              : il_reshape(g,
                           il_slice(g, x[2], (const int64_t[]){k, 0, 0}, IL_SHAPE(1, ROWS, UNITS)),
                           IL_SHAPE(ROWS, UNITS));
      const il_value h = il_matmul(g, way ? now : last, x[1], false, false);
      last = il_add(g, il_tanh(g, il_add(g, h, row)), way ? il_loop_step(l) : il_scalar(g, k));
      const il_value one = il_reshape(g, last, IL_SHAPE(1, ROWS, UNITS));
      if (!way) all = k ? il_concat(g, 2, (const il_value[]){all, one}, 0) : one;
    }
    const il_value next = last;
    if (way) il_loop_close(l, &next, &last, 1, &next, &all);
    il_grad(g, il_sum_all(g, il_mul(g, il_sin(g, all), il_sum(g, last, 3))), 3, x, d);
    il_output(g, "last", last);
    il_output(g, "all", all);
    for (int i = 0; i < 3; i++) il_output(g, (const char *[]){"dh", "dw", "drows"}[i], d[i]);
    fine();
    fill(g, &m[way], 1);
    assert_int_equal(il_reference_run(g, &(il_bindings){1, m[way].in, m[way].out}), IL_OK);
    if (way) equal(g, &m[0], &m[1], "il_loop_open");
    il_graph_free(g);
  }
  assert_true(fabs(m[1].data[MOST + 3][0]) > 1e-3);
}

static void refused(il_graph *g, const char *words) {
  assert_int_not_equal(il_context_status(context), IL_OK);
  if (!strstr(il_context_message(context), words)) fail_msg("%s", il_context_message(context));
  il_graph_free(g);
  il_context_clear(context);
}

static void test_refused(void **state) {
  (void)state;
  il_graph *g = il_graph_new(context, IL_FLOAT64);
  const il_value h = il_input(g, "h", IL_TASK, IL_FLOAT64, IL_SHAPE(3));
  il_value now, last;
  il_loop l;
  il_loop_begin(&l, g, 4, 1, &h, &now);
  const il_value wider = il_concat(g, 2, (il_value[]){now, now}, 0);
  il_loop_end(&l, &wider, &last, 0, NULL, NULL);
  assert_false(il_valid(last));
  refused(g, "piece 1 of the state is f64 [3], and after a step f64 [6]");
  g = il_graph_new(context, IL_FLOAT64);
  const il_value x = il_input(g, "h", IL_TASK, IL_FLOAT64, IL_SHAPE(3));
  il_loop_begin(&l, g, 4, 1, &x, &now);
  assert_false(il_valid(il_loop_row(&l, x)));
  refused(g, "expected a row for each");
  g = il_graph_new(context, IL_FLOAT64);
  const il_value z = il_input(g, "h", IL_TASK, IL_FLOAT64, IL_SHAPE(3)),
                 label = il_input(g, "y", IL_TASK, IL_INT32, IL_SHAPE(3));
  il_loop *open = il_loop_open(g, 0, 1, &z, &now);
  il_loop_close(open, &now, &last, 0, NULL, NULL);
  assert_false(il_valid(now) || il_valid(last));
  il_context_clear(context);
  open = il_loop_open(g, 2, 1, &label, &now);
  assert_string_equal(il_context_message(context),
                      "il_loop_open: value 1 of the state is i32; expected f64");
  il_context_clear(context);
  open = il_loop_open(g, 2, 1, &z, &now);
  il_value stacked;
  il_loop_close(open, &now, &last, 1, &label, &stacked);
  assert_false(il_valid(last) || il_valid(stacked));
  refused(g, "il_loop_close: value 1 of what is made is i32; expected f64");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_derivatives, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_bits, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_growth, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_many_rows, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_builder, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
