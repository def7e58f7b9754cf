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
  return r->first <= TOLERANCE && r->second <= TOLERANCE &&
         r->duality <= DUALITY; /* false for NaN */
}

/* Operations whose rule is a statement and not a derivative; tested one by one below. */
static bool is_stated(il_op op) {
  return op == IL_OP_INPUT || op == IL_OP_CONSTANT || il_op_averages(op) ||
         op == IL_OP_STOP_GRADIENT || op == IL_OP_LOOP; /* tests/grad/test_loop.c */
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
      if (il_context_status(context) != IL_OK)
        fail_msg("%s: %s", info->name, il_context_message(context));
      if (!r.exists) break;
      if (!agrees(&r))
        fail_msg("%s, sample %d: first %g second %g duality %g", info->name, i, r.first, r.second,
                 r.duality);
      if (r.compared == 0 && !(info->flags & IL_FLAG_CONSTANT_DERIVATIVE))
        fail_msg("%s, sample %d compared nothing", info->name, i);
      compared += r.compared;
      samples++;
    }
    if (i == 0) fail_msg("%s has no sample", info->name);
    operations++;
  }
  printf("%d operations, %d samples, %lld derivatives compared\n", operations, samples,
         (long long)compared);
  assert_int_equal(operations, IL_OP_COUNT - 1 - 6);
  assert_true(compared > 3000);
  il_context_free(context);
}

/* ---- the checker, checked: wrong rules ---- */
typedef enum il_mutation {
  SIGN,
  DOUBLED,
  SWAPPED,
  DETACHED,
  TANGENT_SIGN,
  DROPPED_0,
  DROPPED_1,
  DROPPED_2,
  MUTATIONS
} il_mutation;
static const char *const mutation_name[] = {"sign",
                                            "factor 2",
                                            "swapped inputs",
                                            "right once, then a constant",
                                            "tangent's sign",
                                            "nothing for input 0",
                                            "nothing for input 1",
                                            "nothing for input 2"};

static const il_op_info *original; /* the rule under attack; one at a time */
static il_mutation mutation;

static il_value wrong_vjp(il_graph *g, il_value node, int index, il_value cotangent) {
  if (mutation == (il_mutation)(DROPPED_0 + index)) return (il_value){0};
  const il_value v = original->vjp(g, node, mutation == SWAPPED ? 1 - index : index, cotangent);
  if (!v.id) return v;
  return mutation == SIGN       ? il_neg(g, v)
         : mutation == DOUBLED  ? il_scale(g, v, 2)
         : mutation == DETACHED ? il_stop_gradient(g, v)
                                : v;
}
static il_value wrong_jvp(il_graph *g, il_value node, int index, il_value tangent) {
  const il_value v = original->jvp(g, node, index, tangent);
  return v.id && mutation == TANGENT_SIGN ? il_neg(g, v) : v;
}

/* Operations whose second derivative is not zero; a rule right to first order only is wrong for these alone. */
static bool bends(il_op op) {
  switch ((int)op) {
  case IL_OP_MUL:
  case IL_OP_DIV:
  case IL_OP_EXP:
  case IL_OP_LOG:
  case IL_OP_SQRT:
  case IL_OP_TANH:
  case IL_OP_SIN:
  case IL_OP_COS:
  case IL_OP_SIGMOID:
  case IL_OP_POW:
  case IL_OP_MATMUL:
  case IL_OP_SOLVE:
  case IL_OP_CONV2D:
  case IL_OP_CONV2D_TRANSPOSE:
  case IL_OP_CONV2D_WEIGHT: return true;
  default: return false;
  }
}

typedef enum il_verdict { CAUGHT, EQUIVALENT, IMPOSSIBLE } il_verdict;
/* What must become of the mutant. EQUIVALENT ones change nothing that can be seen, and must pass. */
static il_verdict expected_verdict(il_op op) {
  switch (mutation) {
  case SWAPPED: /* needs two inputs of one shape, and one operation that is not their plain sum */
    if (original->arity != 2 || !il_op_elementwise(op)) return IMPOSSIBLE;
    return op == IL_OP_ADD ? EQUIVALENT : CAUGHT;
  case DETACHED: return bends(op) ? CAUGHT : EQUIVALENT;
  case DROPPED_0: /* select's condition and what scatters go by have no derivative */
    return op == IL_OP_SELECT || op == IL_OP_SCATTER_ADD || op == IL_OP_POOL_SCATTER ? EQUIVALENT
                                                                                     : CAUGHT;
  case DROPPED_1:
    if (original->arity >= 0 && original->arity < 2) return IMPOSSIBLE;
    return op == IL_OP_GATHER || op == IL_OP_POOL_GATHER ? EQUIVALENT : CAUGHT; /* the index */
  case DROPPED_2: return original->arity >= 0 && original->arity < 3 ? IMPOSSIBLE : CAUGHT;
  default: return CAUGHT;
  }
}

/* Does any sample show that the rule is wrong? */
static bool mutant_fails(il_context *context, il_op op) {
  const il_op_info *table[IL_OP_COUNT];
  memcpy(table, il_op_table, sizeof table);
  il_op_info wrong = *original;
  wrong.vjp = wrong_vjp;
  wrong.jvp = wrong_jvp;
  table[op] = &wrong;
  for (int i = 0;; i++) {
    const il_derivative_report r = derivative_check(context, table, original, i);
    if (il_context_status(context) != IL_OK)
      fail_msg("%s: %s", original->name, il_context_message(context));
    if (!r.exists) return false;
    if (!agrees(&r)) return true;
  }
}

static void test_wrong_rules_are_caught(void **state) {
  (void)state;
  il_context *context = il_context_new();
  int caught = 0, equivalent = 0;
  for (int op = 1; op < IL_OP_COUNT; op++) {
    original = il_op_table[op];
    if (is_stated((il_op)op) || original->flags & IL_FLAG_CONSTANT_DERIVATIVE) continue;
    for (int m = 0; m < MUTATIONS; m++) {
      mutation = (il_mutation)m;
      const il_verdict expected = expected_verdict((il_op)op);
      if (expected == IMPOSSIBLE) continue;
      const bool fails = mutant_fails(context, (il_op)op);
      if (fails != (expected == CAUGHT))
        fail_msg("%s with a wrong rule (%s) %s the check", original->name, mutation_name[m],
                 fails ? "fails" : "passes");
      caught += fails;
      equivalent += !fails;
    }
  }
  printf("%d wrong rules caught, %d without effect\n", caught, equivalent);
  assert_true(caught > 150);
  il_context_free(context);
}

static void test_averages_refuse(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_graph *g = il_graph_new(context, IL_FLOAT64);
  const il_value x = il_input(g, "x", IL_TASK, IL_FLOAT64, IL_SHAPE(1));
  il_value dx;
  assert_int_equal(il_grad(g, il_task_mean(g, x), 1, &x, &dx), IL_ERROR_UNSUPPORTED);
  assert_non_null(strstr(il_context_message(context), "differentiate within the task"));
  il_graph_free(g);
  il_context_free(context);
  context = il_context_new();
  g = il_graph_new(context, IL_FLOAT64);
  const il_value rows = il_input(g, "rows", IL_TASK, IL_FLOAT64, IL_SHAPE(1, 1));
  const il_value y = il_reshape(g, il_task_product(g, 1, &rows, &rows), IL_SHAPE(1));
  assert_int_equal(il_grad(g, y, 1, &rows, &dx), IL_ERROR_UNSUPPORTED);
  assert_non_null(strstr(il_context_message(context), "differentiate within the task"));
  il_graph_free(g);
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_operation),
      cmocka_unit_test(test_wrong_rules_are_caught),
      cmocka_unit_test(test_averages_refuse),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
