/* First and second derivatives of EVERY operation, generated from the table of operations, and the checker
 * itself: a wrong rule injected into any of them must be caught. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/derivative.h"

static const double TOLERANCE = 1e-6, DUALITY = 1e-12;

static bool agrees(const il_derivative_report *r) {
  return r->first <= TOLERANCE && r->second <= TOLERANCE && r->duality <= DUALITY; /* false for NaN */
}

/* Operations whose rule is a statement and not a derivative; tested one by one below. */
static bool is_stated(il_op op) {
  return op == IL_OP_INPUT || op == IL_OP_CONSTANT || op == IL_OP_TASK_MEAN || op == IL_OP_STOP_GRADIENT;
}

static void test_every_operation(void **state) {
  (void)state;
  il_context *context = il_context_new();
  int64_t compared = 0;
  int operations = 0, samples = 0;
  for (int op = 1; op < IL_OP_COUNT; op++) {
    const il_op_info *info = il_op_table[op];
    if (is_stated((il_op)op)) continue;
    int i = 0;
    for (;; i++) {
      const il_derivative_report r = derivative_check(context, il_op_table, info, i);
      if (il_context_status(context) != IL_OK) fail_msg("%s: %s", info->name, il_context_message(context));
      if (!r.exists) break;
      if (!agrees(&r)) fail_msg("%s, sample %d: first %g second %g duality %g", info->name, i, r.first, r.second, r.duality);
      if (r.compared == 0 && !(info->flags & IL_FLAG_CONSTANT_DERIVATIVE)) fail_msg("%s, sample %d compared nothing", info->name, i);
      compared += r.compared;
      samples++;
    }
    if (i == 0) fail_msg("%s has no sample", info->name);
    operations++;
  }
  printf("%d operations, %d samples, %lld derivatives compared\n", operations, samples, (long long)compared);
  assert_int_equal(operations, IL_OP_COUNT - 1 - 4);
  assert_true(compared > 3000);
  il_context_free(context);
}

/* ---- the checker, checked: wrong rules ---- */
typedef enum il_mutation { SIGN, DOUBLED, DROPPED, SWAPPED, TANGENT_SIGN, MUTATIONS } il_mutation;
static const char *const mutation_name[] = {"sign", "factor 2", "dropped term", "swapped inputs", "tangent's sign"};

static const il_op_info *original; /* the rule under attack; one at a time */
static il_mutation mutation;

static il_value wrong_vjp(il_graph *g, il_value node, int index, il_value cotangent) {
  if (mutation == DROPPED && index == 0) return (il_value){0};
  const int asked = mutation == SWAPPED ? 1 - index : index;
  const il_value v = original->vjp(g, node, asked, cotangent);
  if (!v.id) return v;
  return mutation == SIGN ? il_neg(g, v) : mutation == DOUBLED ? il_scale(g, v, 2) : v;
}
static il_value wrong_jvp(il_graph *g, il_value node, int index, il_value tangent) {
  const il_value v = original->jvp(g, node, index, tangent);
  return v.id && mutation == TANGENT_SIGN ? il_neg(g, v) : v;
}

/* Swapping is possible where both inputs have one shape, and changes nothing for a symmetric sum. */
static bool swap_matters(const il_op_info *info) {
  return info->arity == 2 && il_op_elementwise(il_op_by_name(info->name, strlen(info->name))) && strcmp(info->name, "add") != 0;
}

static void test_wrong_rules_are_caught(void **state) {
  (void)state;
  il_context *context = il_context_new();
  int caught = 0;
  for (int op = 1; op < IL_OP_COUNT; op++) {
    original = il_op_table[op];
    if (is_stated((il_op)op) || original->flags & IL_FLAG_CONSTANT_DERIVATIVE) continue;
    for (int m = 0; m < MUTATIONS; m++) {
      mutation = (il_mutation)m;
      if (mutation == SWAPPED && !swap_matters(original)) continue;
      if (mutation == DROPPED && !(original->flags & IL_FLAG_LINEAR0) && original->arity != 2 && original->arity != 1) continue;
      const il_op_info *table[IL_OP_COUNT];
      memcpy(table, il_op_table, sizeof table);
      il_op_info wrong = *original;
      wrong.vjp = mutation == TANGENT_SIGN ? original->vjp : wrong_vjp;
      wrong.jvp = wrong_jvp;
      table[op] = &wrong;
      bool found = false;
      /* select and one-sided inputs differentiate only by input 1 and 2; scatter_add by input 1 */
      for (int i = 0; !found; i++) {
        const il_derivative_report r = derivative_check(context, table, original, i);
        if (il_context_status(context) != IL_OK) fail_msg("%s: %s", original->name, il_context_message(context));
        if (!r.exists) break;
        found = !agrees(&r);
      }
      const bool equivalent = mutation == DROPPED && (op == IL_OP_SELECT || op == IL_OP_SCATTER_ADD); /* input 0 has none */
      if (!found && !equivalent) fail_msg("%s with a wrong rule (%s) passes the check", original->name, mutation_name[m]);
      caught += found;
    }
  }
  printf("%d wrong rules caught\n", caught);
  assert_true(caught > 80);
  il_context_free(context);
}

static void test_task_mean_refuses(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_graph *g = il_graph_new(context, IL_FLOAT64);
  const il_value x = il_input(g, "x", IL_TASK, IL_FLOAT64, IL_SHAPE(1));
  il_value dx;
  assert_int_equal(il_grad(g, il_task_mean(g, x), 1, &x, &dx), IL_ERROR_UNSUPPORTED);
  assert_non_null(strstr(il_context_message(context), "differentiate within the task"));
  il_graph_free(g);
  il_context_free(context);
}

/* d³/dx³ tanh = −2(1−t²)(1−3t²). */
static void test_third_derivative(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_graph *g = il_graph_new(context, IL_FLOAT64);
  const il_value x = il_input(g, "x", IL_SHARED, IL_FLOAT64, il_shape_scalar());
  il_value y = il_tanh(g, x);
  for (int i = 0; i < 3; i++) assert_int_equal(il_grad(g, y, 1, &x, &y), IL_OK);
  il_output(g, "y", y);
  const double at = 0.7, t = tanh(at);
  double found;
  const il_bindings bindings = {1, (const void *const[]){&at}, (void *const[]){&found}};
  assert_int_equal(il_reference_run(g, &bindings), IL_OK);
  assert_true(fabs(found - -2 * (1 - t * t) * (1 - 3 * t * t)) < 1e-12);
  il_graph_free(g);
  il_context_free(context);
}

static void test_unreached_stopped_and_refused(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_graph *g = il_graph_new(context, IL_FLOAT64);
  const il_value x = il_input(g, "x", IL_SHARED, IL_FLOAT64, IL_SHAPE(3)), z = il_input(g, "z", IL_SHARED, IL_FLOAT64, IL_SHAPE(2));
  const il_value both[2] = {x, z};
  il_value d[2];
  double number;
  assert_int_equal(il_grad(g, il_sum_all(g, il_stop_gradient(g, il_mul(g, x, x))), 2, both, d), IL_OK);
  for (int i = 0; i < 2; i++) assert_true(il_is_constant(g, d[i], &number) && number == 0);
  assert_int_equal(il_grad(g, x, 1, &x, d), IL_ERROR_SHAPE);
  assert_non_null(strstr(il_context_message(context), "[3]"));
  il_graph_free(g);
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_operation),      cmocka_unit_test(test_wrong_rules_are_caught),
      cmocka_unit_test(test_task_mean_refuses),    cmocka_unit_test(test_third_derivative),
      cmocka_unit_test(test_unreached_stopped_and_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
