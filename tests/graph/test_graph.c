/* Graph construction: interning, broadcasting, folding, stages, sticky errors, text that reads back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <innerloop/grad.h>

#include "graph/graph.h"

static il_context *context;
static il_graph *g;

static int setup(void **state) {
  (void)state;
  context = il_context_new();
  g = il_graph_new(context, IL_FLOAT32);
  return g ? 0 : -1;
}

static int teardown(void **state) {
  (void)state;
  il_graph_free(g);
  il_context_free(context);
  return 0;
}

static il_value real(const char *name, il_shape shape) {
  return il_input(g, name, IL_SHARED, IL_FLOAT32, shape);
}

static void assert_fine(void) {
  if (il_graph_check(g) != IL_OK || il_context_status(context) != IL_OK)
    fail_msg("%s", il_context_message(context));
}

static void assert_message(const char *message) {
  assert_string_equal(il_context_message(context), message);
}

static void assert_shape(il_value v, il_shape shape) {
  char found[96], expected[96];
  assert_string_equal(il_shape_text(il_value_shape(g, v), found), il_shape_text(shape, expected));
}

#define assert_same(a, b) assert_int_equal((a).id, (b).id)

static void equal_expressions_are_one_value(void **state) {
  (void)state;
  il_value a = real("a", IL_SHAPE(2, 3)), b = real("b", IL_SHAPE(2, 3));
  assert_true(il_valid(a) && a.id != b.id);
  assert_same(il_add(g, a, b), il_add(g, b, a));
  assert_true(il_sub(g, a, b).id != il_sub(g, b, a).id);
  assert_same(il_exp(g, il_mul(g, a, b)), il_exp(g, il_mul(g, b, a)));
  assert_same(il_constant(g, 0.1, IL_SHAPE(2)), il_constant(g, (double)0.1f, IL_SHAPE(2)));
  assert_same(il_sum(g, a, 1), il_sum(g, a, 1));
  assert_true(il_sum(g, a, 1).id != il_sum(g, a, 2).id);
  assert_fine();
}

static void operands_broadcast_as_in_numpy(void **state) {
  (void)state;
  il_value a = real("a", IL_SHAPE(5, 1, 3)), b = real("b", IL_SHAPE(4, 1));
  assert_shape(il_add(g, a, b), IL_SHAPE(5, 4, 3));
  assert_shape(il_mul(g, real("s", il_shape_scalar()), b), IL_SHAPE(4, 1));
  assert_shape(il_broadcast(g, b, IL_SHAPE(2, 4, 6)), IL_SHAPE(2, 4, 6));
  assert_shape(il_select(g, a, b, real("c", IL_SHAPE(3))), IL_SHAPE(5, 4, 3));
  assert_fine();
  assert_false(il_valid(il_add(g, real("x", IL_SHAPE(5, 3)), real("y", IL_SHAPE(4)))));
  assert_message("il_add: shapes [5,3] and [4] do not broadcast");
}

static void algebra_is_folded(void **state) {
  (void)state;
  il_value a = real("a", IL_SHAPE(3)), b = real("b", IL_SHAPE(3));
  il_value zero = il_constant(g, 0, IL_SHAPE(3)), one = il_constant(g, 1, IL_SHAPE(3));
  assert_same(il_shift(g, a, 0), a);
  assert_same(il_add(g, il_scalar(g, 0), a), a);
  assert_same(il_sub(g, a, zero), a);
  assert_same(il_sub(g, zero, a), il_neg(g, a));
  assert_same(il_scale(g, a, 1), a);
  assert_same(il_scale(g, a, 0), zero);
  assert_same(il_scale(g, a, -1), il_neg(g, a));
  assert_same(il_div(g, a, one), a);
  assert_same(il_div(g, zero, a), zero);
  assert_same(il_neg(g, il_neg(g, a)), a);
  assert_same(il_neg(g, il_sub(g, a, b)), il_sub(g, b, a));
  assert_same(il_add(g, a, il_neg(g, b)), il_sub(g, a, b));
  assert_same(il_sub(g, a, il_neg(g, b)), il_add(g, a, b));
  assert_same(il_mul(g, b, il_div(g, one, a)), il_div(g, b, a));
  assert_same(il_select(g, one, a, b), a);
  assert_same(il_select(g, zero, a, b), b);
  assert_same(il_pow(g, a, one), a);
  assert_same(il_add(g, one, il_scale(g, one, 2)), il_constant(g, 3, IL_SHAPE(3)));
  assert_same(il_mul(g, il_scalar(g, 1), a), a);
  /* the result keeps the common shape, even when a smaller operand is what is left */
  assert_shape(il_mul(g, real("s", IL_SHAPE(1)), il_constant(g, 1, IL_SHAPE(3))), IL_SHAPE(3));
  assert_fine();
}

/* What is the same along the summed axes leaves the sum; what is centred along them vanishes. */
static void sums_are_folded(void **state) {
  (void)state;
  const uint32_t rows = 1, columns = 2;
  il_value x = real("x", IL_SHAPE(4, 3)), y = real("y", IL_SHAPE(4, 3));
  il_value c = real("c", IL_SHAPE(1, 3)), r = real("r", IL_SHAPE(4, 1));
  il_value centred = il_sub(g, x, il_mean(g, x, rows)), zero = il_constant(g, 0, IL_SHAPE(1, 3));
  il_value sum = il_sum(g, x, rows);
  assert_same(il_sum(g, centred, rows), zero);
  assert_same(il_sum(g, il_mul(g, il_add(g, centred, centred), c), rows), zero);
  assert_same(il_sum(g, il_mul(g, x, c), rows), il_mul(g, sum, c));
  assert_same(il_sum(g, il_div(g, x, c), rows), il_div(g, sum, c));
  assert_same(il_sum(g, il_scale(g, x, 3), rows), il_scale(g, sum, 3));
  assert_same(il_sum(g, il_neg(g, x), rows), il_neg(g, sum));
  assert_same(il_sum(g, il_add(g, x, c), rows), il_add(g, sum, il_scale(g, c, 4)));
  assert_same(il_sum(g, il_sub(g, y, centred), rows), il_sum(g, y, rows));
  assert_same(il_sum(g, il_broadcast(g, r, IL_SHAPE(4, 3)), columns), il_scale(g, r, 3));
  /* and what is not the same, or centred along other axes, or by another mean, stays */
  assert_false(il_is_constant(g, il_sum(g, centred, columns), &(double){0}));
  assert_false(il_is_constant(g, il_sum(g, il_sub(g, y, il_mean(g, x, rows)), rows), &(double){0}));
  assert_true(il_sum(g, il_mul(g, x, r), rows).id != il_mul(g, sum, r).id);
  assert_false(il_is_constant(g, il_sum(g, il_mul(g, centred, y), rows), &(double){0}));
  assert_fine();
}

/* Work on what goes through a max pool happens on the pooled side. */
static void pools_are_folded(void **state) {
  (void)state;
  const il_shape shape = IL_SHAPE(2, 4, 4, 3);
  const il_window window = il_window_square(2, 2, 0);
  const uint32_t image = 1 | 2 | 4;
  il_value x = real("x", shape), y = real("y", shape), c = real("c", IL_SHAPE(3));
  il_value u = real("u", IL_SHAPE(2, 2, 2, 3));
  il_value tap = il_pool_argmax(g, x, window);
  il_value picked = il_pool_gather(g, x, tap, window);
  il_value spread = il_pool_scatter(g, tap, u, window, 4, 4);
  assert_same(il_pool_gather(g, il_mul(g, x, c), tap, window), il_mul(g, picked, c));
  assert_same(il_pool_gather(g, il_relu(g, il_shift(g, x, 1)), tap, window),
              il_relu(g, il_shift(g, picked, 1)));
  assert_same(il_sum(g, spread, image), il_sum(g, u, image));
  assert_same(il_sum(g, il_mul(g, spread, x), image), il_sum(g, il_mul(g, u, picked), image));
  assert_same(il_sum(g, il_add(g, spread, y), image),
              il_add(g, il_sum(g, u, image), il_sum(g, y, image)));
  /* not over other axes, not from two images, not where a window may lie in the padding */
  assert_true(il_sum(g, spread, 1).id != il_sum(g, u, 1).id);
  assert_int_equal(il_node_of(g, il_pool_gather(g, il_mul(g, x, y), tap, window))->op,
                   IL_OP_POOL_GATHER);
  const il_window padded = il_window_square(3, 2, 1);
  tap = il_pool_argmax(g, x, padded);
  assert_int_equal(il_node_of(g, il_pool_gather(g, il_mul(g, x, c), tap, padded))->op,
                   IL_OP_POOL_GATHER);
  /* not by taps that somebody gave: they may name nothing */
  tap = il_input(g, "tap", IL_SHARED, IL_UINT8, IL_SHAPE(2, 2, 2, 3));
  assert_int_equal(il_node_of(g, il_pool_gather(g, il_mul(g, x, c), tap, window))->op,
                   IL_OP_POOL_GATHER);
  assert_fine();
}

static void stages_follow_from_operands(void **state) {
  (void)state;
  il_value w = real("w", IL_SHAPE(3));
  il_value x = il_input(g, "x", IL_TASK, IL_FLOAT32, IL_SHAPE(3));
  il_value y = il_mul(g, w, x), m = il_task_mean(g, y);
  assert_int_equal(il_value_stage(g, il_exp(g, w)), IL_SHARED);
  assert_int_equal(il_value_stage(g, y), IL_TASK);
  assert_int_equal(il_value_stage(g, m), IL_SHARED);
  assert_int_equal(il_node_of(g, il_add(g, m, w))->when, IL_AFTER);
  assert_same(il_task_mean(g, w), w);
  assert_fine();
  assert_false(il_valid(il_add(g, m, x)));
  assert_int_equal(il_context_status(context), IL_ERROR_STAGE);
}

static void errors_are_sticky(void **state) {
  (void)state;
  il_value a = real("a", IL_SHAPE(2));
  assert_false(il_valid(il_add(g, a, (il_value){0})));
  assert_message("il_add: operand 2 is not a value");
  assert_false(il_valid(il_mul(g, a, (il_value){99})));
  assert_message("il_add: operand 2 is not a value");
  il_context_clear(context);
  assert_false(il_valid(il_mul(g, a, (il_value){99})));
  assert_message("il_mul: operand 2 is value 99, but the graph has only 1 values");
  il_context_clear(context);
  assert_false(il_valid(real("a", IL_SHAPE(1))));
  assert_message("il_input: there is already one named \"a\"");
  il_context_clear(context);
  il_value image = real("image", IL_SHAPE(1, 4, 4, 2)),
           pooled = real("pooled", IL_SHAPE(1, 2, 2, 2));
  const il_window window = il_window_square(2, 2, 0), large = il_window_square(17, 1, 0);
  assert_false(il_valid(il_pool_gather(g, image, pooled, window)));
  assert_message("il_pool_gather: taps [1,2,2,2] of type f32, expected [1,2,2,2] of type u8");
  il_context_clear(context);
  il_value tap = il_input(g, "tap", IL_SHARED, IL_UINT8, IL_SHAPE(1, 2, 1, 2));
  assert_false(il_valid(il_pool_scatter(g, tap, pooled, window, 4, 4)));
  assert_message("il_pool_scatter: taps [1,2,1,2] of type u8, expected [1,2,2,2] of type u8");
  il_context_clear(context);
  assert_int_equal(il_value_type(g, il_pool_argmax(g, real("wide", IL_SHAPE(1, 17, 17, 2)), large)),
                   IL_INT32);
  assert_false(il_valid(real("z", IL_SHAPE(3, 0))));
  assert_int_equal(il_context_status(context), IL_ERROR_SHAPE);
  il_context_clear(context);
  assert_false(il_valid(il_constant(g, 1, IL_SHAPE(1, 1, 1, 1, 1, 1, 1, 1, 1))));
  assert_int_equal(il_context_status(context), IL_ERROR_SHAPE);
  il_context_clear(context);
  assert_false(il_valid(il_constant(g, 1, IL_SHAPE(1 << 30, 1 << 30, 1 << 30))));
  assert_int_equal(il_context_status(context), IL_ERROR_SHAPE);
  il_context_clear(context);
  il_scope_pop(g);
  assert_int_equal(il_context_status(context), IL_ERROR_ARGUMENT);
}

static void build_everything(void) {
  il_value x = il_input(g, "x \"quoted\" \\ \n", IL_TASK, IL_UINT8, IL_SHAPE(2, 8, 8, 4));
  il_value labels = il_input(g, "labels", IL_TASK, IL_INT32, IL_SHAPE(2));
  il_value key = il_input(g, "key", IL_TASK, IL_INT32, IL_SHAPE(2));
  il_value w = real("w", IL_SHAPE(3, 3, 4, 6)), v = real("v", IL_SHAPE(96, 5));
  il_scope_push(g, "inner step 1");
  il_scope_push(g, "conv2");
  il_value image = il_scale(g, il_cast(g, x), 1 / 255.0);
  il_value y = il_conv2d(g, image, w, il_window_square(3, 1, 1));
  assert_shape(y, IL_SHAPE(2, 8, 8, 6));
  il_scope_pop(g);
  g->origin = y.id;
  g->direction = IL_REVERSE;
  il_conv2d_weight(g, image, y, il_window_square(3, 1, 1));
  il_value wt = il_transpose(g, w, (int[]){0, 1, 3, 2});
  il_conv2d_transpose(g, y, wt, il_window_square(3, 1, 1), 8, 8);
  g->origin = 0;
  g->direction = IL_FORWARD;
  il_scope_pop(g);
  il_value p = il_max_pool(g, il_relu(g, y), il_window_square(2, 2, 0));
  il_value q = il_average_pool(g, y, il_window_square(2, 2, 0));
  il_average_pool_transpose(g, q, il_window_square(2, 2, 0), 8, 8);
  il_value tap = il_pool_argmax(g, y, il_window_square(2, 2, 0));
  assert_shape(il_pool_scatter(g, tap, q, il_window_square(2, 2, 0), 8, 8), IL_SHAPE(2, 8, 8, 6));
  assert_shape(p, IL_SHAPE(2, 4, 4, 6));
  il_value flat = il_reshape(g, p, IL_SHAPE(2, 96));
  flat = il_mul(g, flat, il_random_uniform(g, key, 3, IL_SHAPE(2, 96)));
  flat = il_add(g, flat, il_random_normal(g, key, 4, IL_SHAPE(2, 96)));
  il_value scores = il_matmul(g, flat, v, false, false);
  il_matmul(g, scores, v, false, true);
  il_value top = il_argmax(g, scores, 1);
  assert_shape(top, IL_SHAPE(2, 1));
  il_value hot = il_one_hot(g, labels, 5);
  il_value stopped = il_stop_gradient(g, il_max(g, scores, 2));
  il_value e = il_exp(g, il_sub(g, scores, stopped));
  il_value loss = il_mean_all(g, il_mul(g, hot, il_log(g, il_sum(g, e, 2))));
  il_value part = il_slice(g, scores, (int64_t[]){0, 1}, IL_SHAPE(2, 3));
  part = il_pad(g, part, (int64_t[]){0, 1}, (int64_t[]){1, 1});
  assert_shape(part, IL_SHAPE(3, 5));
  il_value both = il_concat(g, 2, (il_value[]){part, scores}, 0);
  assert_shape(both, IL_SHAPE(5, 5));
  il_value rows = il_gather(g, both, labels);
  assert_shape(rows, IL_SHAPE(2, 5));
  assert_shape(il_scatter_add(g, labels, rows, 7), IL_SHAPE(7, 5));
  il_output(g, "loss", il_task_mean(g, loss));
  il_output(g, "scores", il_shift(g, il_pow(g, e, il_scalar(g, 1.7)), 1e-30));
  il_output(g, "rows", rows);
}

/* The graph's text, and what reads back from it, which has the same. */
static char *text_and_back(il_graph **read) {
  assert_fine();
  char *text = il_graph_dump(g);
  assert_non_null(text);
  *read = il_graph_parse(context, text);
  if (!*read) fail_msg("%s", il_context_message(context));
  assert_int_equal(il_graph_check(*read), IL_OK);
  assert_int_equal(il_graph_size(*read), il_graph_size(g));
  char *again = il_graph_dump(*read);
  assert_string_equal(text, again);
  free(again);
  return text;
}

static void text_reads_back(void **state) {
  (void)state;
  il_graph *read;
  build_everything();
  char *text = text_and_back(&read);
  assert_non_null(strstr(text, "# \"conv2 · inner step 1\""));
  char *dot = il_graph_dot(g);
  assert_non_null(dot);
  assert_memory_equal(dot, "digraph", 7);
  free(dot);
  free(text);
  il_graph_free(read);
}

static void refuse(const char *text, const char *part) {
  il_context_clear(context);
  assert_null(il_graph_parse(context, text));
  if (!strstr(il_context_message(context), part))
    fail_msg("\"%s\" lacks \"%s\"", il_context_message(context), part);
}

static void read_well(const char *text) {
  il_context_clear(context);
  il_graph *read = il_graph_parse(context, text);
  if (!read) fail_msg("%s", il_context_message(context));
  il_graph_free(read);
}

#define IN "%1 = input() {index=0} name=\"a\" stage=shared : f32[2]\n"

static void bad_text_is_refused(void **state) {
  (void)state;
  refuse("", "line 1");
  refuse("graph i32\n", "i32");
  refuse("graph f32\nrubbish", "line 2");
  refuse("graph f32\n" IN "%2 = nonsense(%1) : f32[2]\n", "line 3: the name of an operation");
  refuse("graph f32\n" IN "%2 = neg(%2) : f32[2]\n", "value %2 is not defined above");
  refuse("graph f32\n" IN "%1 = neg(%1) : f32[2]\n", "ascend");
  refuse("graph f32\n" IN "%2 = neg(%1) : f32[3]\n", "line 3");
  refuse("graph f32\n" IN "%2 = neg(%1) : f64[2]\n", "line 3");
  refuse("graph f32\n" IN "%2 = neg(%1, %1) : f32[2]\n", "2 operands, expected 1");
  refuse("graph f32\n" IN "%2 = neg(%4294967296) : f32[2]\n", "%number");
  refuse("graph f32\n%1 = constant() {number=} : f32[]\n", "number");
  refuse("graph f32\n%1 = constant() {number=1} : f32[99999999,9999999999]\n",
         sizeof(size_t) > 4 ? "2^40" : "2^26");
  refuse("graph f32\n%1 = constant() {number=1} : f32[1,1,1,1,1,1,1,1,1]\n", "8 dimensions");
  refuse("graph f32\n%1 = input() {index=1} name=\"a\" stage=shared : f32[2]\n",
         "index 1, expected 0");
  refuse("graph f32\n" IN "output \"a", "quotes");
  /* Shapes that builders take from operands: of a transposed convolution, a kernel, the image of a pool. */
#define IMAGE "%1 = input() {index=0} name=\"a\" stage=shared : f32[1,4,4,3]\n"
#define WEIGHTS "%2 = input() {index=1} name=\"w\" stage=shared : f32[1,1,3,3]\n"
#define WINDOW(kernel)                                                                             \
  "{kernel=[" kernel "] stride=[1,1] pad_low=[0,0] pad_high=[0,0] dilation=[1,1] groups=1}"
#define CONV(op, kernel, result)                                                                   \
  "graph f32\n" IMAGE WEIGHTS "%3 = " op "(%1, %2) " WINDOW(kernel) " : f32[" result "]\n"
  read_well(CONV("conv2d", "1,1", "1,4,4,3"));
  read_well(CONV("conv2d_transpose", "1,1", "1,4,4,3"));
  refuse(CONV("conv2d", "1,2", "1,4,3,3"), "weights of the kernel's size");
  refuse(CONV("conv2d_transpose", "2,1", "1,5,4,3"), "weights of the kernel's size");
  refuse(CONV("conv2d_transpose", "1,1", "1,4,4,5"), "the weights' last dimension");
  refuse(CONV("conv2d_transpose", "1,1", "2,4,4,3"), "the first operand's images");
  read_well("graph f32\n" IMAGE
            "%2 = average_pool_transpose(%1) " WINDOW("2,2") " : f32[1,5,5,3]\n");
  refuse("graph f32\n" IMAGE "%2 = average_pool_transpose(%1) " WINDOW("2,2") " : f32[1,5,5,4]\n",
         "as many images and channels");
  refuse("graph f32\n" IN "output \"a\" %1\noutput \"a\" %1\n", "already");
}

/* Every prefix and every changed byte either reads or is refused with a sentence; never worse. */
static void survive_damage(size_t every) {
  char *text = il_graph_dump(g);
  size_t length = strlen(text);
  static const char replacements[] = "0%-9,]}\"\n\xff";
  for (size_t i = 0; i < length; i += every) {
    for (size_t r = 0; r < sizeof replacements; r += 1 + i % 3) {
      char kept = text[i];
      text[i] = replacements[r];
      il_context_clear(context);
      il_graph *read = il_graph_parse(context, text);
      if (read) {
        assert_int_equal(il_graph_check(read), IL_OK);
        il_graph_free(read);
      } else {
        assert_true(il_context_status(context) != IL_OK);
      }
      text[i] = kept;
    }
  }
  free(text);
}

static void damaged_text_is_survived(void **state) {
  (void)state;
  build_everything();
  survive_damage(1);
}

/* h = tanh(h·w + x[k]) for k in 0 … 3 and a loop within each step, with the gradient by w and the gradient of its norm. */
static void build_loops(void) {
  const il_value w = il_input(g, "w", IL_SHARED, IL_FLOAT32, IL_SHAPE(2, 2)),
                 h = il_input(g, "h", IL_TASK, IL_FLOAT32, IL_SHAPE(1, 2)),
                 x = il_input(g, "x", IL_TASK, IL_FLOAT32, IL_SHAPE(4, 1, 2)),
                 y = il_input(g, "y", IL_TASK, IL_INT32, IL_SHAPE(4, 1));
  il_value now, inner, last, made;
  il_loop *l = il_loop_open(g, 4, 1, &h, &now), *within = il_loop_open(g, 3, 1, &now, &inner);
  il_value next = il_tanh(g, il_matmul(g, inner, w, false, false));
  il_loop_close(within, &next, &last, 0, NULL, NULL);
  next = il_add(g, last, il_loop_row(l, x));
  const il_value loss = il_sum_all(g, il_mul(g, next, il_one_hot(g, il_loop_row(l, y), 2)));
  il_loop_close(l, &next, &last, 1, &loss, &made);
  il_value gradient, second;
  il_grad(g, il_sum_all(g, made), 1, &w, &gradient);
  il_grad(g, il_sum_all(g, il_mul(g, gradient, gradient)), 1, &w, &second);
  il_output(g, "last", last);
  il_output(g, "second", il_task_mean(g, second));
}

/* Loops in loops, and their derivatives: the same text, and the same numbers. */
static void loops_read_back(void **state) {
  (void)state;
  il_graph *read;
  build_loops();
  char *text = text_and_back(&read);
  float w[4] = {0.5f, -0.3f, 0.8f, 0.1f}, h[4] = {0.1f, 0.2f, -0.4f, 0.3f}, x[16],
        out[2][8] = {{0}};
  int32_t y[8] = {0, 1, 1, 0, 1, 0, 0, 0};
  for (int i = 0; i < 16; i++) x[i] = (float)(i % 5) * 0.25f - 0.5f;
  for (int i = 0; i < 2; i++)
    assert_int_equal(il_reference_run(i ? read : g, &(il_bindings){2, (const void *[]){w, h, x, y},
                                                                   (void *[]){out[i], out[i] + 4}}),
                     IL_OK);
  assert_memory_equal(out[0], out[1], sizeof *out);
  assert_true(out[0][7] != 0);
  free(text);
  il_graph_free(read);
}

/* A step's counts and its graph are not believed. */
static void bad_steps_are_refused(void **state) {
  (void)state;
#define STEP(counts, inner) "graph f32\nbody " counts "\ngraph f32\n" inner "end\n"
#define STATE "%1 = input() {index=0} name=\"s\" stage=task : f32[2]\n"
#define NUMBER "%2 = input() {index=1} name=\"k\" stage=task : f32[]\n"
#define NEXT "output \"n\" %1\n"
  read_well(STEP("states=1 pieces=[] constants=0 made=0", STATE NUMBER NEXT));
  refuse(STEP("states=1 pieces=[1] constants=0 made=0", STATE NUMBER NEXT),
         "its inputs are not as");
  refuse(STEP("states=1 pieces=[0] constants=0 made=0", STATE NUMBER NEXT), "has no pieces");
  refuse(STEP("states=0 pieces=[1] constants=0 made=0", STATE NUMBER NEXT), "has no state");
  refuse(STEP("states=1 pieces=[] constants=0 made=1", STATE NUMBER NEXT), "its outputs are not");
  refuse(STEP("states=1 pieces=[] constants=0 made=0", STATE NUMBER "output \"n\" %2\n"),
         "differs from the state in shape");
  refuse(STEP("states=2 pieces=[] constants=0 made=0", ""), "its inputs are not as");
  refuse(STEP("states=999999999999 pieces=[] constants=0 made=0", ""),
         "line 2: \"states=\" and a number");
  refuse("graph f64\nbody states=1 pieces=[] constants=0 made=0\ngraph f32\n" STATE NUMBER NEXT
         "end\n",
         "another type");
  refuse("graph f32\nbody states=1 pieces=[] constants=0 made=0\ngraph f32\n" STATE NUMBER NEXT,
         "\"end\" expected");
  refuse(STEP("states=1 pieces=[] constants=0 made=0",
              "%1 = input() {index=0} name=\"s\" stage=shared : f32[2]\n" NUMBER NEXT),
         "wrong stage");
  char deep[40 * 60] = "";
  for (int i = 0; i < 40; i++)
    strcat(deep, "graph f32\nbody states=1 pieces=[] constants=0 made=0\n");
  refuse(deep, "at most 32 deep");
}

static void damaged_steps_are_survived(void **state) {
  (void)state;
  build_loops();
  survive_damage(17);
}

static void large_graphs_build(void **state) {
  (void)state;
  il_value a = real("a", IL_SHAPE(3)), b = real("b", IL_SHAPE(3));
  for (int i = 0; i < 20000; i++) {
    il_value next = il_sub(g, il_mul(g, a, b), a);
    a = b;
    b = next;
  }
  assert_int_equal(il_graph_size(g), 40002);
  assert_fine();
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
      TEST(equal_expressions_are_one_value),
      TEST(operands_broadcast_as_in_numpy),
      TEST(algebra_is_folded),
      TEST(sums_are_folded),
      TEST(pools_are_folded),
      TEST(stages_follow_from_operands),
      TEST(errors_are_sticky),
      TEST(text_reads_back),
      TEST(bad_text_is_refused),
      TEST(damaged_text_is_survived),
      TEST(loops_read_back),
      TEST(bad_steps_are_refused),
      TEST(damaged_steps_are_survived),
      TEST(large_graphs_build),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
