/* Derivatives by COMPUTED values, in front of every operation: the same as by an input in their place, or refused;
 * by leaves never refused. And the algorithms that need them. */
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

#include "graph/graph.h"
#include "graph/sample.h"

enum { MOST = 64, REALS = 16 };

/* A float64 graph with room for its inputs and outputs. */
typedef struct il_room {
  il_context *context;
  il_graph *g;
  void *in[MOST], *out[MOST];
} il_room;

static il_room open_room(void) {
  il_room r = {.context = il_context_new()};
  r.g = il_graph_new(r.context, IL_FLOAT64);
  return r;
}

static void close_room(il_room *r) {
  for (int i = 0; i < MOST; i++) {
    free(r->in[i]);
    free(r->out[i]);
  }
  il_graph_free(r->g);
  il_context_free(r->context);
}

static int64_t count_of(const il_graph *g, il_value v) {
  return il_shape_count(il_value_shape(g, v));
}

static void *allocate_input(il_room *r, il_value v) {
  for (int i = 0; i < il_graph_inputs(r->g); i++)
    if (il_graph_input(r->g, i).id == v.id)
      return r->in[i] = calloc((size_t)count_of(r->g, v), sizeof(double));
  return NULL;
}

/* A shared input with made-up numbers in [-1, 1], or with those given. */
static il_value input(il_room *r, il_shape shape, const double *numbers) {
  char name[16];
  snprintf(name, sizeof name, "in%d", il_graph_inputs(r->g));
  const il_value v = il_input(r->g, name, IL_SHARED, IL_FLOAT64, shape);
  double *at = allocate_input(r, v);
  const int64_t n = il_shape_count(shape);
  for (int64_t k = 0; k < n; k++)
    at[k] = numbers ? numbers[k] : sin(1 + 1.7 * (double)k + 0.9 * il_graph_inputs(r->g));
  return v;
}

static const double *output(il_room *r, il_value v) {
  const int i = il_graph_outputs(r->g);
  char name[16];
  if (i >= MOST) fail_msg("too many outputs");
  snprintf(name, sizeof name, "out%d", i);
  il_output(r->g, name, v);
  return r->out[i] = calloc((size_t)count_of(r->g, v), sizeof(double));
}

static void run(il_room *r) {
  const il_bindings bindings = {1, (const void *const *)r->in, r->out};
  if (il_context_status(r->context) != IL_OK || il_reference_run(r->g, &bindings) != IL_OK)
    fail_msg("%s", il_context_message(r->context));
}

/* ---- every operation ---- */
typedef enum il_maker {
  NEGATED,
  INVERTED,
  DIFFERENCE,
  RESHAPED,
  TURNED,
  SPREAD,
  CENTRED,
  RELU,
  MAKERS
} il_maker;

/* u = the value that makes v = made(u) what `wanted` says, if there is one. */
static il_value computed(il_room *r, il_maker maker, il_shape shape, const double *wanted) {
  il_graph *g = r->g;
  const int64_t n = il_shape_count(shape);
  double *u = malloc((size_t)n * sizeof *u);
  int turn[IL_MAX_RANK];
  il_shape from = shape;
  for (int64_t k = 0; k < n; k++)
    u[k] = maker == NEGATED      ? -wanted[k]
           : maker == INVERTED   ? 1 / wanted[k]
           : maker == DIFFERENCE ? 3 - wanted[k]
                                 : wanted[k];
  if (maker == RESHAPED) from = IL_SHAPE(n);
  for (int i = 0; i < shape.rank && maker == TURNED; i++) {
    turn[i] = shape.rank - 1 - i;
    from.dim[i] = shape.dim[turn[i]];
  }
  for (int i = 0; i + 1 < shape.rank && maker == SPREAD; i++) from.dim[i] = 1;
  const il_value x = input(r, from, u);
  free(u);
  switch (maker) {
  case NEGATED: return il_neg(g, x);
  case INVERTED: return il_div(g, il_constant(g, 1, shape), x);
  case DIFFERENCE: return il_sub(g, il_constant(g, 3, shape), x);
  case RESHAPED: return il_reshape(g, x, shape);
  case TURNED: return il_transpose(g, x, turn);
  case SPREAD: return il_broadcast(g, x, shape);
  case CENTRED:
    return il_sub(g, x, il_mean(g, x, shape.rank > 1 ? (1u << (shape.rank - 1)) - 1 : 1));
  default: return il_relu(g, x);
  }
}

/* The sample `like` made again with v in place of its real inputs; v is an input with numbers from `at` (one after
 * the other) where that is given, else computed from values of the sample's inputs. */
static il_status differentiate(const il_room *like, il_value y, il_maker maker, bool leaf,
                               const double *at, il_room *r, int *reals, const double **value,
                               const double **reverse, const double **second,
                               const double **forward) {
  il_graph *g = r->g;
  il_value *now = calloc((size_t)y.id + 1, sizeof *now), v[REALS], operand[REALS];
  *reals = 0;
  for (uint32_t id = 1; id <= y.id; id++) {
    const il_node *node = like->g->nodes[id];
    if (node->op != IL_OP_INPUT) {
      for (int i = 0; i < node->inputs; i++) operand[i] = now[node->input[i].id];
      now[id] = il_node_make(g, "sample", node->op, node->inputs, operand, node->attr, node->shape);
      continue;
    }
    const void *data = like->in[((const il_attr_input *)node->attr)->index];
    if (node->type != IL_FLOAT64) {
      char name[16];
      snprintf(name, sizeof name, "i%u", id);
      now[id] = il_input(g, name, IL_SHARED, node->type, node->shape);
      memcpy(allocate_input(r, now[id]), data, il_node_bytes(node));
      continue;
    }
    now[id] = at ? input(r, node->shape, at) : computed(r, maker, node->shape, data);
    if (at) at += il_shape_count(node->shape);
    if (leaf) now[id] = il_leaf(g, now[id]);
    v[(*reals)++] = now[id];
  }
  /* Results that later folds see too: the plain sum and the negative. */
  const il_value result = now[y.id], weight = input(r, il_value_shape(g, result), NULL);
  free(now);
  const il_value loss =
      il_add(g, il_sum_all(g, result), il_sum_all(g, il_mul(g, il_neg(g, result), weight)));
  il_value d[REALS], e[REALS], tangent[REALS], dy = {0};
  for (int i = 0; i < *reals; i++) tangent[i] = input(r, il_value_shape(g, v[i]), NULL);
  il_grad(g, loss, *reals, v, d);
  il_value sum = loss;
  for (int i = 0; i < *reals; i++) sum = il_add(g, sum, il_sum_all(g, il_mul(g, d[i], tangent[i])));
  il_grad(g, sum, *reals, v, e);
  il_jvp(g, *reals, v, tangent, 1, &result, &dy);
  for (int i = 0; i < *reals && il_context_status(r->context) == IL_OK; i++) {
    value[i] = output(r, v[i]);
    reverse[i] = output(r, d[i]);
    second[i] = output(r, e[i]);
  }
  if (il_context_status(r->context) == IL_OK) *forward = output(r, dy);
  return il_context_status(r->context);
}

static int compare(const double *a, const double *b, int64_t n, const char *what) {
  int compared = 0;
  for (int64_t k = 0; k < n; k++) {
    if (!isfinite(b[k])) continue; /* a logarithm of less than 0, the inverse of equal rows */
    if (!(fabs(a[k] - b[k]) <= 1e-9 * fmax(1, fabs(b[k]))))
      fail_msg("%s: found %.17g, by an input %.17g", what, a[k], b[k]);
    compared++;
  }
  return compared;
}

/* How many numbers were compared; -1: refused. */
static int check(const il_room *like, il_value y, il_maker maker, bool leaf, const char *name) {
  il_room r = open_room(), plain = open_room();
  const double *value[2][REALS], *reverse[2][REALS], *second[2][REALS], *forward[2];
  int reals, compared = -1;
  if (differentiate(like, y, maker, leaf, NULL, &r, &reals, value[0], reverse[0], second[0],
                    &forward[0]) == IL_OK) {
    run(&r);
    double at[4096];
    int64_t n = 0;
    for (int i = 0; i < reals; i++) {
      const int64_t count = count_of(r.g, il_graph_output(r.g, 3 * i));
      memcpy(at + n, value[0][i], (size_t)count * sizeof *at);
      n += count;
    }
    assert_int_equal(differentiate(like, y, maker, false, at, &plain, &reals, value[1], reverse[1],
                                   second[1], &forward[1]),
                     IL_OK);
    run(&plain);
    char what[96];
    snprintf(what, sizeof what, "%s, v made as %d, leaf %d", name, (int)maker, leaf);
    compared = compare(forward[0], forward[1], il_shape_count(like->g->nodes[y.id]->shape), what);
    for (int i = 0; i < reals; i++) {
      const int64_t count = count_of(r.g, il_graph_output(r.g, 3 * i));
      compared += compare(reverse[0][i], reverse[1][i], count, what);
      compared += compare(second[0][i], second[1][i], count, what);
    }
  } else if (!strstr(il_context_message(r.context), "wrap it with il_leaf")) {
    fail_msg("%s: %s", name, il_context_message(r.context));
  }
  close_room(&r);
  close_room(&plain);
  return compared;
}

static void test_every_operation(void **state) {
  (void)state;
  int refused = 0, right = 0, numbers = 0, leaves = 0;
  for (int op = 1; op < IL_OP_COUNT; op++)
    for (int i = 0; il_op_table[op]->sample; i++) {
      il_room like = open_room();
      const il_value y = il_op_table[op]->sample(like.g, i);
      if (!y.id || il_graph_check(like.g) != IL_OK) {
        close_room(&like);
        break;
      }
      bool differentiable = il_value_type(like.g, y) == IL_FLOAT64, reals = false;
      for (int k = 0; k < il_graph_inputs(like.g); k++) {
        allocate_input(&like, il_graph_input(like.g, k));
        reals = reals || il_value_type(like.g, il_graph_input(like.g, k)) == IL_FLOAT64;
      }
      il_op_sample_fill(like.g, 3, like.in);
      for (int maker = 0; maker < MAKERS && differentiable && reals; maker++) {
        const int found = check(&like, y, (il_maker)maker, false, il_op_table[op]->name);
        refused += found < 0;
        right += found >= 0;
        const int by_leaf = check(&like, y, (il_maker)maker, true, il_op_table[op]->name);
        if (by_leaf < 0) fail_msg("%s: a leaf is refused", il_op_table[op]->name);
        numbers += by_leaf;
        leaves++;
      }
      close_room(&like);
    }
  printf("%d by leaves, %d numbers; by plain computed values %d right, %d refused\n", leaves,
         numbers, right, refused);
  assert_true(leaves > 800 && numbers > 10000 && right > 300 && refused > 50);
}

/* ---- small cases ---- */
static void refused(il_room *r, il_status status, const char *words) {
  assert_int_equal(status, IL_ERROR_ARGUMENT);
  if (!strstr(il_context_message(r->context), words))
    fail_msg("found \"%s\"", il_context_message(r->context));
  close_room(r);
}

static void test_looked_through(void **state) {
  (void)state;
  for (int mode = 0; mode < 3; mode++) {
    il_room r = open_room();
    const il_value a = input(&r, IL_SHAPE(3), NULL), b = input(&r, IL_SHAPE(3), NULL);
    const il_value v = il_neg(r.g, a), y = il_sum_all(r.g, il_add(r.g, b, v));
    il_value d, one = il_scalar(r.g, 1);
    const il_status status = mode == 0   ? il_grad(r.g, y, 1, &v, &d)
                             : mode == 1 ? il_vjp(r.g, 1, &y, &one, 1, &v, &d)
                                         : il_jvp(r.g, 1, &v, &b, 1, &y, &d);
    refused(&r, status, "variable 1 (value %3, neg) was looked through");
  }
  il_room r = open_room();
  const il_value a = input(&r, IL_SHAPE(3), NULL), b = input(&r, IL_SHAPE(3), NULL);
  const il_value v = il_leaf(r.g, il_neg(r.g, a)), y = il_sum_all(r.g, il_add(r.g, b, v));
  il_value d[2], dy;
  il_grad(r.g, y, 2, (il_value[]){v, a}, d);
  il_jvp(r.g, 1, &v, &b, 1, &y, &dy);
  const double *dv = output(&r, d[0]), *da = output(&r, d[1]), *forward = output(&r, dy);
  run(&r);
  for (int k = 0; k < 3; k++) {
    assert_true(dv[k] == 1);
    assert_true(da[k] == -1);
  }
  const double *t = r.in[1];
  assert_true(fabs(*forward - (t[0] + t[1] + t[2])) < 1e-15);
  close_room(&r);
}

/* What a fold made of one value, a later fold may hide again. */
static void test_looked_through_twice(void **state) {
  (void)state;
  il_room r = open_room();
  const il_value a = input(&r, IL_SHAPE(4, 3), NULL), b = input(&r, IL_SHAPE(4, 3), NULL);
  const il_value mean = il_mean(r.g, a, 1);
  const il_value none = il_sum(r.g, il_sub(r.g, a, mean), 1); /* a constant: zero */
  const il_value y = il_sum_all(r.g, il_add(r.g, b, il_broadcast(r.g, none, IL_SHAPE(4, 3))));
  il_value d;
  refused(&r, il_grad(r.g, y, 1, &mean, &d), "looked through");
  r = open_room();
  const il_value x = input(&r, IL_SHAPE(3), NULL), z = input(&r, IL_SHAPE(3), NULL);
  const il_value v = il_neg(r.g, x), difference = il_add(r.g, z, v); /* z − x */
  refused(&r, il_grad(r.g, il_sum_all(r.g, il_neg(r.g, difference)), 1, &v, &d), "looked through");
  /* Somebody else's fold does not matter. */
  r = open_room();
  const il_value p = input(&r, IL_SHAPE(3), NULL), q = il_neg(r.g, p);
  il_add(r.g, p, q);
  assert_int_equal(il_grad(r.g, il_sum_all(r.g, il_mul(r.g, q, q)), 1, &q, &d), IL_OK);
  const double *dq = output(&r, d);
  run(&r);
  for (int k = 0; k < 3; k++) assert_true(dq[k] == -2 * ((double *)r.in[0])[k]);
  close_room(&r);
}

static void test_constants(void **state) {
  (void)state;
  il_room r = open_room();
  const il_value x = input(&r, IL_SHAPE(3), NULL), c = il_constant(r.g, 2, IL_SHAPE(3));
  il_value d, dy;
  refused(&r, il_grad(r.g, il_sum_all(r.g, il_mul(r.g, x, c)), 1, &c, &d), "is the constant 2");
  /* The same number elsewhere does not count, and zero is not simplified away. */
  for (int number = 0; number < 3; number++) {
    r = open_room();
    const il_value u = input(&r, IL_SHAPE(3), NULL), k = il_constant(r.g, number, IL_SHAPE(3));
    const il_value v = il_leaf(r.g, k), w = il_leaf(r.g, k);
    const il_value y = il_sum_all(
        r.g, il_add(r.g, il_mul(r.g, il_mul(r.g, u, v), w), il_add(r.g, il_mul(r.g, k, u), v)));
    il_grad(r.g, y, 1, &v, &d);
    il_jvp(r.g, 1, &v, &u, 1, &y, &dy);
    const double *dv = output(&r, d), *forward = output(&r, dy);
    run(&r);
    double sum = 0;
    for (int i = 0; i < 3; i++) {
      const double at = ((double *)r.in[0])[i];
      assert_true(fabs(dv[i] - (at * number + 1)) < 1e-14);
      sum += (at * number + 1) * at;
    }
    assert_true(fabs(*forward - sum) < 1e-14);
    close_room(&r);
  }
}

/* ---- algorithms ---- */
typedef il_value il_task_loss(il_room *r, il_value parameter, bool leaf, il_value *adapted);

/* The derivative of a loss after adaptation by its parameter, against central differences; adapted receives what
 * the inner steps made. */
static double meta_error(il_task_loss *build, il_shape shape, double *moved) {
  il_room r = open_room();
  const il_value w = input(&r, shape, NULL);
  il_value adapted, d;
  const il_value loss = build(&r, w, true, &adapted);
  il_grad(r.g, loss, 1, &w, &d);
  const double *at = output(&r, loss), *dw = output(&r, d), *steps = output(&r, adapted);
  run(&r);
  const int64_t n = il_shape_count(shape);
  double found[64], worst = 0;
  memcpy(found, dw, (size_t)n * sizeof *found);
  *moved = 0;
  for (int64_t k = 0; k < count_of(r.g, adapted); k++) *moved = fmax(*moved, fabs(steps[k]));
  for (int64_t k = 0; k < n; k++) {
    double *x = (double *)r.in[0] + k, was = *x, h = 1e-5;
    *x = was + h;
    run(&r);
    const double up = *at;
    *x = was - h;
    run(&r);
    const double slope = (up - *at) / (2 * h);
    *x = was;
    const double error = fabs(slope - found[k]);
    worst = error <= worst ? worst : error;
    assert_false(isnan(error));
  }
  close_room(&r);
  return worst;
}

static il_value square(il_graph *g, il_value x) { return il_mul(g, x, x); }

/* The context starts at zero, a constant; adaptation moves nothing else. */
static il_value cavia(il_room *r, il_value w, bool leaf, il_value *context) {
  il_graph *g = r->g;
  const il_value x = input(r, IL_SHAPE(5, 2), NULL), target = input(r, IL_SHAPE(5, 1), NULL);
  *context = il_constant(g, 0, IL_SHAPE(1, 3));
  for (int k = 0;; k++) {
    if (leaf) *context = il_leaf(g, *context);
    const il_value all =
        il_concat(g, 2, (il_value[]){x, il_broadcast(g, *context, IL_SHAPE(5, 3))}, 1);
    const il_value y = il_tanh(g, il_matmul(g, all, w, false, false));
    const il_value loss = il_mean_all(g, square(g, il_sub(g, y, target)));
    if (k == 2) return loss;
    il_value d = {0};
    if (il_grad(g, loss, 1, context, &d) != IL_OK) return d;
    *context = il_sub(g, *context, il_scale(g, d, 0.5));
  }
}

static void test_cavia(void **state) {
  (void)state;
  double moved;
  const double error = meta_error(cavia, IL_SHAPE(5, 1), &moved);
  assert_true(error < 1e-8);
  assert_true(moved > 0.01);
  il_room r = open_room();
  il_value context;
  cavia(&r, input(&r, IL_SHAPE(5, 1), NULL), false, &context);
  refused(&r, il_context_status(r.context), "is the constant 0");
}

/* The head starts at 2c, −|c|² of the prototypes; the inner step moves the head, not what it was made of. */
static il_value head_loss(il_graph *g, il_value features, il_value w, il_value b, il_value labels) {
  const il_value scores = il_add(g, il_matmul(g, features, w, false, true), b);
  return il_mean_all(g, square(g, il_sub(g, il_tanh(g, scores), labels)));
}
static il_value head[2]; /* at the start */
static il_value protomaml(il_room *r, il_value net, bool leaf, il_value *bias) {
  il_graph *g = r->g;
  static const double pick[] = {.5, 0, .5, 0, 0, .5, 0, .5}, label[] = {1, 0, 0, 1, 1, 0, 0, 1};
  const il_value x = input(r, IL_SHAPE(4, 3), NULL), means = input(r, IL_SHAPE(2, 4), pick);
  const il_value labels = input(r, IL_SHAPE(4, 2), label);
  const il_value features = il_tanh(g, il_matmul(g, x, net, false, false));
  const il_value c = il_matmul(g, means, features, false, false);
  il_value v[2] = {il_scale(g, c, 2),
                   il_neg(g, il_reshape(g, il_sum(g, square(g, c), 2), IL_SHAPE(1, 2)))},
           d[2];
  for (int i = 0; i < 2; i++) head[i] = v[i] = leaf ? il_leaf(g, v[i]) : v[i];
  const il_value first = head_loss(g, features, v[0], v[1], labels);
  if (il_grad(g, first, 2, v, d) != IL_OK) return first;
  for (int i = 0; i < 2; i++) v[i] = il_sub(g, v[i], il_scale(g, d[i], 0.5));
  *bias = d[1];
  return head_loss(g, features, v[0], v[1], labels);
}

static void test_protomaml(void **state) {
  (void)state;
  double moved;
  assert_true(meta_error(protomaml, IL_SHAPE(3, 2), &moved) < 1e-8);
  assert_true(moved > 0.001);
  /* The first step's gradient is that by inputs with the numbers of the prototypes. */
  for (int leaf = 0; leaf < 2; leaf++) {
    il_room r = open_room();
    const il_value net = input(&r, IL_SHAPE(3, 2), NULL);
    il_value bias, d;
    protomaml(&r, net, leaf, &bias);
    const double *by_value = output(&r, bias);
    const double *w_at = output(&r, head[0]), *b_at = output(&r, head[1]);
    run(&r);
    const il_value w = input(&r, IL_SHAPE(2, 2), w_at), b = input(&r, IL_SHAPE(1, 2), b_at);
    const il_value x = il_graph_input(r.g, 1), labels = il_graph_input(r.g, 3);
    const il_value features = il_tanh(r.g, il_matmul(r.g, x, net, false, false));
    il_grad(r.g, head_loss(r.g, features, w, b, labels), 1, &b, &d);
    const double *by_input = output(&r, d);
    run(&r);
    assert_int_equal(compare(by_value, by_input, 2, "first step"), 2);
    close_room(&r);
  }
}

/* A proximal term λ/2·|φ − θ|² with φ = θ at the start: its Hessian by φ is λ, and vanishes without a leaf. */
static void test_proximal(void **state) {
  (void)state;
  for (int leaf = 0; leaf < 2; leaf++) {
    il_room r = open_room();
    il_graph *g = r.g;
    const il_value theta = input(&r, IL_SHAPE(3), NULL), t = input(&r, IL_SHAPE(3), NULL);
    const il_value phi = leaf ? il_leaf(g, theta) : theta;
    const il_value far = il_sub(g, phi, theta);
    const il_value loss = il_add(g, il_sum_all(g, il_mul(g, square(g, phi), phi)),
                                 il_scale(g, il_sum_all(g, square(g, far)), 5));
    il_value d, forward, reverse;
    il_grad(g, loss, 1, &phi, &d);
    il_jvp(g, 1, &phi, &t, 1, &d, &forward);
    il_vjp(g, 1, &d, &t, 1, &phi, &reverse);
    const double *f = output(&r, forward), *b = output(&r, reverse);
    run(&r);
    for (int k = 0; k < 3; k++) {
      const double at = ((double *)r.in[0])[k], by = ((double *)r.in[1])[k];
      const double expected = (6 * at + (leaf ? 10 : 0)) * by;
      assert_true(fabs(f[k] - expected) < 1e-12);
      assert_true(fabs(b[k] - expected) < 1e-12);
    }
    close_room(&r);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_operation),
      cmocka_unit_test(test_looked_through),
      cmocka_unit_test(test_looked_through_twice),
      cmocka_unit_test(test_constants),
      cmocka_unit_test(test_cavia),
      cmocka_unit_test(test_protomaml),
      cmocka_unit_test(test_proximal),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
