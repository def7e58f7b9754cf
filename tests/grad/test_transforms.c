/* Derivatives as graph transforms: closed forms to third order, Hessian times vector in both orders of the
 * modes, MAML by hand, total derivatives, where gradients end, origins, and what is refused. */
#include <innerloop/grad.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "graph/graph.h"

typedef struct il_fixture {
  il_context *context;
  il_graph *g;
} il_fixture;

static int set_up(void **state) {
  static il_fixture f;
  f.context = il_context_new();
  f.g = f.context ? il_graph_new(f.context, IL_FLOAT64) : NULL;
  *state = &f;
  return f.g ? 0 : -1;
}
static int tear_down(void **state) {
  il_fixture *f = *state;
  il_graph_free(f->g);
  il_context_free(f->context);
  return 0;
}

static il_value input(il_graph *g, const char *name, il_shape shape) {
  return il_input(g, name, IL_SHARED, IL_FLOAT64, shape);
}

/* inputs and outputs in the order in which the graph got them */
static void run(il_graph *g, const double *const *in, double *const *out) {
  const void *inputs[8];
  void *outputs[8];
  assert_true(il_graph_inputs(g) <= 8 && il_graph_outputs(g) <= 8);
  for (int i = 0; i < il_graph_inputs(g); i++) inputs[i] = in[i];
  for (int i = 0; i < il_graph_outputs(g); i++) outputs[i] = out[i];
  const il_bindings bindings = {1, inputs, outputs};
  if (il_reference_run(g, &bindings) != IL_OK)
    fail_msg("%s", il_context_message(il_graph_context(g)));
}

#define assert_near(found, expected)                                                               \
  do {                                                                                             \
    const double found_ = (found), expected_ = (expected);                                         \
    if (!(fabs(found_ - expected_) <= 1e-12 * fmax(1, fabs(expected_))))                           \
      fail_msg("%.17g, expected %.17g", found_, expected_);                                        \
  } while (0)

/* d³/dx³ tanh = −2(1−t²)(1−3t²), in either mode at each order. */
static void test_third_derivative(void **state) {
  il_graph *g = ((il_fixture *)*state)->g;
  const il_value x = input(g, "x", il_shape_scalar()), one = il_scalar(g, 1);
  il_value y[8];
  for (int m = 0; m < 8; m++) {
    y[m] = il_tanh(g, x);
    for (int i = 0; i < 3; i++) {
      const il_value before = y[m];
      if (m >> i & 1)
        assert_int_equal(il_jvp(g, 1, &x, &one, 1, &before, &y[m]), IL_OK);
      else
        assert_int_equal(il_grad(g, before, 1, &x, &y[m]), IL_OK);
    }
    char name[] = {'y', (char)('0' + m), 0};
    il_output(g, name, y[m]);
  }
  const double at = 0.7, t = tanh(at);
  double found[8], *out[8];
  for (int m = 0; m < 8; m++) out[m] = &found[m];
  run(g, (const double *const[]){&at}, out);
  for (int m = 0; m < 8; m++) assert_near(found[m], -2 * (1 - t * t) * (1 - 3 * t * t));
}

/* f = Σ tanh(W·x)², W fixed; H·v as the tangent of the gradient, and as the gradient of ⟨∇f, v⟩. */
static void test_hessian_times_vector(void **state) {
  il_graph *g = ((il_fixture *)*state)->g;
  const il_value w = input(g, "w", IL_SHAPE(4, 3)), x = input(g, "x", IL_SHAPE(3, 1)),
                 v = input(g, "v", IL_SHAPE(3, 1));
  const il_value t = il_tanh(g, il_matmul(g, w, x, false, false)),
                 f = il_sum_all(g, il_mul(g, t, t));
  il_value gradient, forward, reverse;
  assert_int_equal(il_grad(g, f, 1, &x, &gradient), IL_OK);
  assert_int_equal(il_jvp(g, 1, &x, &v, 1, &gradient, &forward), IL_OK);
  assert_int_equal(il_vjp(g, 1, &gradient, &v, 1, &x, &reverse), IL_OK);
  il_output(g, "forward", forward);
  il_output(g, "reverse", reverse);
  const double wn[12] = {0.3, -0.8, 0.5, 1.1, 0.2, -0.4, -0.9, 0.7, 0.1, 0.6, -0.2, 0.9};
  const double xn[3] = {0.4, -0.3, 0.8}, vn[3] = {1.5, -0.7, 0.2};
  double a[3], b[3];
  run(g, (const double *const[]){wn, xn, vn}, (double *const[]){a, b});
  for (int i = 0; i < 3; i++) {
    double expected = 0; /* (t²)'' = 2(1−t²)(1−3t²) */
    for (int r = 0; r < 4; r++) {
      double z = 0, zv = 0;
      for (int k = 0; k < 3; k++) z += wn[3 * r + k] * xn[k], zv += wn[3 * r + k] * vn[k];
      const double h = tanh(z) * tanh(z);
      expected += 2 * (1 - h) * (1 - 3 * h) * wn[3 * r + i] * zv;
    }
    assert_near(a[i], expected);
    assert_near(b[i], expected);
  }
}

/* Support loss Σ a(w−s)²/2, query loss Σ b(w'−q)²/2: after n steps w' = s + (1−αa)ⁿ(w−s), and the
 * meta-gradient is b(w'−q)·(1−αa)ⁿ; first order leaves the last factor out. */
static void test_maml_of_a_quadratic(void **state) {
  il_graph *g = ((il_fixture *)*state)->g;
  enum { N = 2, STEPS = 3 };
  const double alpha = 0.1, an[N] = {3, 0.5}, bn[N] = {2, 7}, sn[N] = {1, -2}, qn[N] = {0.5, 4},
               wn[N] = {-1, 3};
  const il_shape shape = IL_SHAPE(N);
  const il_value w = input(g, "w", shape), a = input(g, "a", shape), b = input(g, "b", shape),
                 s = input(g, "s", shape), q = input(g, "q", shape);
  for (int first_order = 0; first_order < 2; first_order++) {
    il_value fast = w, d, e;
    for (int i = 0; i < STEPS; i++) {
      e = il_sub(g, fast, s);
      assert_int_equal(
          il_grad(g, il_scale(g, il_sum_all(g, il_mul(g, a, il_mul(g, e, e))), 0.5), 1, &fast, &d),
          IL_OK);
      if (first_order) d = il_stop_gradient(g, d);
      fast = il_sub(g, fast, il_scale(g, d, alpha));
    }
    e = il_sub(g, fast, q);
    assert_int_equal(
        il_grad(g, il_scale(g, il_sum_all(g, il_mul(g, b, il_mul(g, e, e))), 0.5), 1, &w, &d),
        IL_OK);
    il_output(g, first_order ? "first" : "second", d);
  }
  double second[N], first[N];
  run(g, (const double *const[]){wn, an, bn, sn, qn}, (double *const[]){second, first});
  for (int i = 0; i < N; i++) {
    const double shrink = pow(1 - alpha * an[i], STEPS),
                 outer = bn[i] * (sn[i] + shrink * (wn[i] - sn[i]) - qn[i]);
    assert_near(first[i], outer);
    assert_near(second[i], outer * shrink);
  }
}

/* y = z·x with z = x²: by x in total 3x², by z alone x; and one x named twice counts twice forward. */
static void test_total_derivatives(void **state) {
  il_graph *g = ((il_fixture *)*state)->g;
  const il_value x = input(g, "x", il_shape_scalar()), z = il_mul(g, x, x), y = il_mul(g, z, x),
                 one = il_scalar(g, 1);
  const il_value both[2] = {x, z}, twice[2] = {x, x}, ones[2] = {one, one};
  il_value d[4], again[2];
  assert_int_equal(il_grad(g, y, 2, both, d), IL_OK);
  assert_int_equal(il_jvp(g, 2, both, ones, 1, &y, &d[2]), IL_OK);
  assert_int_equal(il_jvp(g, 2, twice, ones, 1, &y, &d[3]), IL_OK);
  assert_int_equal(il_grad(g, y, 2, both, again), IL_OK); /* the same walk makes the same values */
  assert_true(again[0].id == d[0].id && again[1].id == d[1].id);
  static const char *const name[4] = {"by x", "by z", "tangent", "twice"};
  for (int i = 0; i < 4; i++) il_output(g, name[i], d[i]);
  const double at = 1.5;
  double r[4];
  run(g, (const double *const[]){&at}, (double *const[]){&r[0], &r[1], &r[2], &r[3]});
  assert_near(r[0], 3 * at * at);
  assert_near(r[1], at);
  assert_near(r[2], 3 * at * at + at);
  assert_near(r[3], 6 * at * at);
}

/* Two results that meet in x: their cotangents add up. */
static void test_several_results(void **state) {
  il_graph *g = ((il_fixture *)*state)->g;
  const il_value x = input(g, "x", IL_SHAPE(2)), y[3] = {il_exp(g, x), il_sin(g, x), x};
  const il_value u[3] = {input(g, "u", IL_SHAPE(2)), input(g, "v", IL_SHAPE(2)),
                         input(g, "w", IL_SHAPE(2))};
  il_value d;
  assert_int_equal(il_vjp(g, 3, y, u, 1, &x, &d), IL_OK);
  il_output(g, "d", d);
  const double xn[2] = {0.3, -1.2}, un[2] = {2, 3}, vn[2] = {-1, 0.5}, wn[2] = {0.25, 4};
  double found[2];
  run(g, (const double *const[]){xn, un, vn, wn}, (double *const[]){found});
  for (int i = 0; i < 2; i++)
    assert_near(found[i], un[i] * exp(xn[i]) + vn[i] * cos(xn[i]) + wn[i]);
}

static void assert_zeros(const il_graph *g, il_value d, il_value like) {
  double number = 1;
  assert_true(il_is_constant(g, d, &number) && number == 0);
  assert_true(il_shape_equal(il_value_shape(g, d), il_value_shape(g, like)));
}

static void test_where_gradients_end(void **state) {
  il_graph *g = ((il_fixture *)*state)->g;
  const il_value x = input(g, "x", IL_SHAPE(3)), z = input(g, "z", IL_SHAPE(2)), both[2] = {x, z};
  il_value d[2];
  const il_value stopped = il_sum_all(g, il_stop_gradient(g, il_mul(g, x, x)));
  const il_value through_index = il_sum_all(g, il_cast(g, il_argmax(g, x, 0)));
  const il_value y[2] = {stopped, through_index};
  for (int k = 0; k < 2; k++) {
    assert_int_equal(il_grad(g, y[k], 2, both, d), IL_OK);
    for (int i = 0; i < 2; i++) assert_zeros(g, d[i], both[i]);
    const il_value t = il_constant(g, 1, IL_SHAPE(3));
    assert_int_equal(il_jvp(g, 1, &x, &t, 1, &y[k], d), IL_OK);
    assert_zeros(g, d[0], y[k]);
  }
  const il_value later = il_exp(g, y[0]); /* made after y: y cannot depend on it */
  assert_int_equal(il_grad(g, y[0], 1, &later, d), IL_OK);
  assert_zeros(g, d[0], later);
}

static void assert_origin(const il_graph *g, il_value v, const char *expected) {
  char text[256];
  il_value_origin(g, v, text, sizeof text);
  assert_string_equal(text, expected);
}

static void test_origins(void **state) {
  il_graph *g = ((il_fixture *)*state)->g;
  const il_value x = input(g, "x", il_shape_scalar()), u = input(g, "u", il_shape_scalar()),
                 v = input(g, "v", il_shape_scalar());
  il_scope_push(g, "inner step 1");
  il_scope_push(g, "layer2");
  const il_value y = il_exp(g, il_mul(g, x, x));
  il_scope_pop(g);
  il_scope_pop(g);
  il_scope_push(g, "elsewhere"); /* where the derivative is asked for does not matter */
  il_value first, second, tangent;
  assert_int_equal(il_vjp(g, 1, &y, &u, 1, &x, &first), IL_OK);
  assert_int_equal(il_vjp(g, 1, &first, &v, 1, &u, &second),
                   IL_OK); /* by u: through backward values alone */
  assert_int_equal(il_jvp(g, 1, &u, &v, 1, &first, &tangent), IL_OK);
  const il_value after = il_sin(g, x); /* and the walk leaves no trace behind */
  il_scope_pop(g);
  assert_origin(g, x, "");
  assert_origin(g, (il_value){0}, "");
  assert_origin(g, after, "elsewhere");
  assert_origin(g, y, "layer2 · inner step 1");
  assert_origin(g, first, "layer2 · inner step 1 · backward");
  assert_origin(g, second, "layer2 · inner step 1 · backward · backward");
  assert_origin(g, tangent, "layer2 · inner step 1 · backward · tangent");
  char narrow[8];
  memset(narrow, 'x', sizeof narrow);
  il_value_origin(g, first, narrow, sizeof narrow);
  assert_string_equal(narrow, "layer2 ");
}

static void assert_refused(il_graph *g, il_status found, il_status expected, const char *sentence) {
  il_context *context = il_graph_context(g);
  assert_int_equal(found, expected);
  assert_string_equal(il_context_message(context), sentence);
  assert_int_equal(il_context_status(context), expected);
  il_context_clear(context);
}

static void test_refusals(void **state) {
  il_graph *g = ((il_fixture *)*state)->g;
  const il_value x = input(g, "x", IL_SHAPE(3)), y = il_mul(g, x, x), s = il_sum_all(g, y),
                 none = {0}, far = {1u << 30};
  const il_value i = il_input(g, "i", IL_SHARED, IL_INT32, IL_SHAPE(3)),
                 wide = il_constant(g, 1, IL_SHAPE(1, 3));
  const il_value c = il_constant(g, 1, IL_SHAPE(1));
  const uint32_t size = il_graph_size(g);
  il_value d = x;
  assert_refused(g, il_grad(g, y, 1, &x, &d), IL_ERROR_SHAPE,
                 "il_grad: y has shape [3], expected one element");
  assert_false(il_valid(d));
  assert_refused(g, il_grad(g, none, 1, &x, &d), IL_ERROR_ARGUMENT,
                 "il_grad: result 1 is not a value of this graph");
  assert_refused(g, il_grad(g, s, 1, &far, &d), IL_ERROR_ARGUMENT,
                 "il_grad: variable 1 is not a value of this graph");
  assert_refused(g, il_grad(g, s, 1, &i, &d), IL_ERROR_TYPE,
                 "il_grad: variable 1 has type i32, expected a real");
  assert_refused(g, il_vjp(g, 1, &y, &c, 1, &x, &d), IL_ERROR_SHAPE,
                 "il_vjp: cotangent 1 has shape [1], expected [3]");
  assert_refused(g, il_vjp(g, 1, &i, &x, 1, &x, &d), IL_ERROR_TYPE,
                 "il_vjp: result 1 has type i32, expected a real");
  assert_refused(g, il_jvp(g, 1, &x, &wide, 1, &y, &d), IL_ERROR_SHAPE,
                 "il_jvp: tangent 1 has shape [1,3], expected [3]");
  assert_refused(g, il_jvp(g, 1, &x, &none, 1, &y, &d), IL_ERROR_ARGUMENT,
                 "il_jvp: tangent 1 is not a value of this graph");
  assert_refused(g, il_jvp(g, 1, &x, &x, 1, &far, &d), IL_ERROR_ARGUMENT,
                 "il_jvp: result 1 is not a value of this graph");
  assert_int_equal(il_graph_size(g), size); /* nothing was made on the way */
  /* an earlier error stays, and gives no values */
  il_add(g, x, none);
  const il_status before = il_context_status(il_graph_context(g));
  assert_int_not_equal(before, IL_OK);
  assert_int_equal(il_grad(g, s, 1, &x, &d), before);
  assert_false(il_valid(d));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_third_derivative),
      TEST(test_hessian_times_vector),
      TEST(test_maml_of_a_quadratic),
      TEST(test_total_derivatives),
      TEST(test_several_results),
      TEST(test_where_gradients_end),
      TEST(test_origins),
      TEST(test_refusals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
