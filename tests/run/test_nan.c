/* NaN passes through every operation, as IEEE 754 and PyTorch have it: through the interpreter, kernels of every instruction
 * set, fused or not, lanes, both precisions, folds of constants, and into derivatives. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <innerloop/grad.h>
#include <innerloop/nn.h>
#include <innerloop/plan.h>

#include "kernels/kernel.h"

enum { N = 37, OUTPUTS = 64, TASKS = 3 };

typedef struct fixture {
  il_context *context;
  il_graph *g;
  il_value x, y; /* x holds a NaN at 5, y none; both positive elsewhere */
  bool passes[OUTPUTS];
  int outputs;
} fixture;

/* passes: the output must have a NaN, else it must have none. */
static void add(fixture *f, il_value v, bool passes) {
  char name[16];
  snprintf(name, sizeof name, "o%d", f->outputs);
  if (!il_valid(v)) fail_msg("%s: %s", name, il_context_message(f->context));
  f->passes[f->outputs++] = passes;
  il_output(f->g, name, v);
}

static fixture build(il_context *context, il_type real) {
  fixture f = {.context = context, .g = il_graph_new(context, real)};
  il_graph *g = f.g;
  f.x = il_input(g, "x", IL_TASK, real, IL_SHAPE(1, 1, N, 1));
  f.y = il_input(g, "y", IL_TASK, real, IL_SHAPE(1, 1, N, 1));
  const il_value x = f.x, y = f.y;
  const il_value unary[] = {il_neg(g, x),
                            il_exp(g, x),
                            il_log(g, x),
                            il_sqrt(g, x),
                            il_tanh(g, x),
                            il_sin(g, x),
                            il_cos(g, x),
                            il_abs(g, x),
                            il_sigmoid(g, x),
                            il_relu(g, x),
                            il_relu(g, il_neg(g, x))};
  for (size_t i = 0; i < sizeof unary / sizeof *unary; i++) add(&f, unary[i], true);
  const il_value binary[] = {il_add(g, x, y),     il_sub(g, y, x),     il_mul(g, x, y),
                             il_div(g, y, x),     il_maximum(g, x, y), il_maximum(g, y, x),
                             il_minimum(g, x, y), il_minimum(g, y, x), il_pow(g, x, y),
                             il_pow(g, y, x)};
  for (size_t i = 0; i < sizeof binary / sizeof *binary; i++) add(&f, binary[i], true);
  /* What compares, chooses or counts. */
  add(&f, il_less(g, x, y), false);
  add(&f, il_equal(g, x, x), false);
  add(&f, il_step(g, x), false);
  add(&f, il_select(g, x, y, y), false);
  add(&f, il_select(g, y, x, y), true);
  add(&f, il_sum(g, x, 4), true);
  add(&f, il_max(g, x, 4), true);
  add(&f, il_max(g, x, 1), true);
  add(&f, il_max(g, il_neg(g, x), 4), true);
  const il_window window = {.kernel = {1, 3}, .stride = {1, 2}, .dilation = {1, 1}, .groups = 1};
  add(&f, il_max_pool(g, x, window), true);
  add(&f, il_max_pool(g, il_neg(g, x), window), true);
  add(&f, il_average_pool(g, x, window), true);
  /* Fused: the middle of a chain alone must not swallow it either. */
  add(&f, il_scale(g, il_relu(g, il_shift(g, il_mul(g, x, y), -1)), 2), true);
  const il_value scores = il_reshape(g, x, IL_SHAPE(1, N));
  const il_value label = il_argmax(g, il_reshape(g, y, IL_SHAPE(1, N)), 1);
  add(&f, il_cross_entropy(g, scores, il_reshape(g, label, IL_SHAPE(1))), true);
  add(&f, il_binary_cross_entropy(g, scores, il_reshape(g, y, IL_SHAPE(1, N))), true);
  add(&f, il_sub(g, il_cast(g, il_argmax(g, scores, 1)), il_scalar(g, 5)), false); /* at the NaN */
  /* Of a constant, while the graph is built. */
  const il_value nan = il_scalar(g, (double)NAN);
  add(&f, il_relu(g, nan), true);
  add(&f, il_maximum(g, nan, il_scalar(g, 1)), true);
  add(&f, il_maximum(g, il_scalar(g, 1), nan), true);
  /* Derivatives. */
  const il_value loss = il_mean_all(g, il_mul(g, il_relu(g, il_mul(g, x, y)), y));
  il_value d;
  il_grad(g, loss, 1, &y, &d);
  add(&f, d, true);
  const il_value pooled = il_max_pool(g, il_mul(g, x, y), window);
  il_grad(g, il_mean_all(g, il_mul(g, pooled, pooled)), 1, &y, &d);
  add(&f, d, true);
  return f;
}

typedef struct memory {
  void *in[2], *out[OUTPUTS];
  size_t bytes[OUTPUTS];
  il_bindings bindings;
} memory;

static void set_number(il_type real, void *to, int64_t at, double number) {
  if (real == IL_FLOAT32)
    ((float *)to)[at] = (float)number;
  else
    ((double *)to)[at] = number;
}

static memory room(const fixture *f, il_type real) {
  memory m = {0};
  for (int i = 0; i < 2; i++) {
    m.in[i] = malloc(N * TASKS * sizeof(double));
    for (int64_t k = 0; k < N * TASKS; k++)
      set_number(real, m.in[i], k, i == 0 && k % N == 5 ? (double)NAN : 0.25 + (double)(k % 7) / 8);
  }
  for (int i = 0; i < f->outputs; i++) {
    m.bytes[i] = (size_t)il_shape_count(il_value_shape(f->g, il_graph_output(f->g, i))) * TASKS *
                 il_type_size(real);
    m.out[i] = malloc(m.bytes[i]);
    memset(m.out[i], 0, m.bytes[i]);
  }
  return m;
}

static void release(memory *m, int outputs) {
  for (int i = 0; i < 2; i++) free(m->in[i]);
  for (int i = 0; i < outputs; i++) free(m->out[i]);
}

static int64_t nans(il_type real, const void *x, size_t bytes) {
  int64_t count = 0;
  for (size_t i = 0; i < bytes / il_type_size(real); i++)
    count += real == IL_FLOAT32 ? isnan(((const float *)x)[i]) : isnan(((const double *)x)[i]);
  return count;
}

static void check_outputs(const fixture *f, il_type real, const memory *m, const char *who) {
  for (int i = 0; i < f->outputs; i++) {
    const int64_t found = nans(real, m->out[i], m->bytes[i]);
    if ((found > 0) != f->passes[i])
      fail_msg("%s, %s: output %d has %lld NaN, expected %s", who, il_type_name(real), i,
               (long long)found, f->passes[i] ? "some" : "none");
  }
}

static void test_nan(void **state) {
  (void)state;
  for (int precision = 0; precision < 2; precision++) {
    const il_type real = precision ? IL_FLOAT64 : IL_FLOAT32;
    il_context *context = il_context_new();
    fixture f = build(context, real);
    memory expected = room(&f, real);
    expected.bindings =
        (il_bindings){TASKS, (const void *const *)expected.in, (void *const *)expected.out};
    assert_int_equal(il_reference_run(f.g, &expected.bindings), IL_OK);
    check_outputs(&f, real, &expected, "the interpreter");
    int sets, compared = 0;
    const il_kernel_set *const *set = il_kernel_sets(&sets);
    il_team *team = il_team_new(context, 1);
    for (int s = 0; s < sets; s++)
      for (int how = 0; how < 4; how++) {
        const il_plan_options options = {.isa = set[s]->isa,
                                         .no_fusion = how & 1,
                                         .lanes = how & 2 ? IL_LANES_ALWAYS : IL_LANES_NEVER};
        il_plan *plan = il_plan_build(f.g, &options);
        if (!plan) {
          il_context_clear(context);
          continue; /* a set that this CPU does not run */
        }
        memory m = room(&f, real);
        m.bindings = (il_bindings){TASKS, (const void *const *)m.in, (void *const *)m.out};
        const size_t bytes = il_plan_workspace(plan, TASKS, 1);
        void *workspace = aligned_alloc(IL_WORKSPACE_ALIGNMENT, (bytes + 63) / 64 * 64 + 64);
        assert_int_equal(il_plan_run(plan, team, workspace, &m.bindings), IL_OK);
        check_outputs(&f, real, &m, set[s]->isa);
        compared++;
        free(workspace);
        release(&m, f.outputs);
        il_plan_free(plan);
      }
    assert_true(compared >= 4);
    il_team_free(team);
    release(&expected, f.outputs);
    il_graph_free(f.g);
    il_context_free(context);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_nan)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
