/* The graph: what a task computes, as immutable values with static shapes.
 *
 * A graph computes in one real type (float32 or float64, chosen when it is made).
 * Every builder interns: building the same expression twice gives the same value.
 * Builders are sticky: an invalid operand gives the invalid value {0}, and the first
 * error, with the called function, the argument and both shapes, stays in the context.
 *
 * Stages: a value that depends on a task input exists once per task; one that depends on
 * shared inputs alone exists once. il_task_mean leads from tasks back to shared values.
 */
#ifndef INNERLOOP_GRAPH_H
#define INNERLOOP_GRAPH_H

#include "shape.h"

#ifdef __cplusplus
extern "C" {
#endif

/* When a value is known: before the tasks, in each of them, after their mean. */
typedef enum il_stage {
  IL_SHARED = 1, /* once for all tasks */
  IL_TASK = 2,   /* one for each task */
} il_stage;

/* Values and how they follow from one another. */
typedef struct il_graph il_graph;
/* A value of a graph; {0} is none. */
typedef struct il_value {
  uint32_t id; /* 0: invalid */
} il_value;

/* real: IL_FLOAT32 or IL_FLOAT64. NULL after an error. */
IL_API il_graph *il_graph_new(il_context *context, il_type real);
/* Accepts NULL. Plans of it must be freed before. */
IL_API void il_graph_free(il_graph *graph);
/* The context that it was made from. */
IL_API il_context *il_graph_context(const il_graph *graph);
/* The type of its real numbers. */
IL_API il_type il_graph_real(const il_graph *graph);
/* How many nodes were made; ids run from 1 to this. */
IL_API uint32_t il_graph_size(const il_graph *graph);

/* The type of a value's elements. */
IL_API il_type il_value_type(const il_graph *graph, il_value value);
/* The shape of a value. */
IL_API il_shape il_value_shape(const il_graph *graph, il_value value);
/* When a value is known. */
IL_API il_stage il_value_stage(const il_graph *graph, il_value value);
static inline bool il_valid(il_value value) { return value.id != 0; }

/* Inputs and outputs have names, unique within the graph, and keep their order of creation. */
IL_API il_value il_input(il_graph *graph, const char *name, il_stage stage, il_type type,
                         il_shape shape);
/* Names a value as an output, which a plan computes. */
IL_API void il_output(il_graph *graph, const char *name, il_value value);
/* How many inputs there are. */
IL_API int il_graph_inputs(const il_graph *graph);
/* How many outputs there are. */
IL_API int il_graph_outputs(const il_graph *graph);
/* The index-th input, in the order in which they were made. */
IL_API il_value il_graph_input(const il_graph *graph, int index);
/* The value of the index-th output. */
IL_API il_value il_graph_output(const il_graph *graph, int index);
/* Its name; the graph's. */
IL_API const char *il_graph_input_name(const il_graph *graph, int index);
/* Its name; the graph's. */
IL_API const char *il_graph_output_name(const il_graph *graph, int index);

/* Values made between push and pop carry the name: "conv2", "inner step 1". Nested names are
 * joined. Shown by every printout; without influence on what is computed. */
IL_API void il_scope_push(il_graph *graph, const char *name);
/* Ends the scope that was pushed last. */
IL_API void il_scope_pop(il_graph *graph);

/* ---- elementwise; operands broadcast as in numpy; reals only (the rows stand in src/op/elementwise.def) ---- */
/* a + b */
IL_API il_value il_add(il_graph *g, il_value a, il_value b);
/* a − b */
IL_API il_value il_sub(il_graph *g, il_value a, il_value b);
/* a·b */
IL_API il_value il_mul(il_graph *g, il_value a, il_value b);
/* a / b */
IL_API il_value il_div(il_graph *g, il_value a, il_value b);
/* −a */
IL_API il_value il_neg(il_graph *g, il_value a);
/* min(a, b) */
IL_API il_value il_minimum(il_graph *g, il_value a, il_value b);
/* max(a, b) */
IL_API il_value il_maximum(il_graph *g, il_value a, il_value b);
/* eᵃ */
IL_API il_value il_exp(il_graph *g, il_value a);
/* The natural logarithm of a. */
IL_API il_value il_log(il_graph *g, il_value a);
/* √a */
IL_API il_value il_sqrt(il_graph *g, il_value a);
/* tanh a */
IL_API il_value il_tanh(il_graph *g, il_value a);
/* sin a */
IL_API il_value il_sin(il_graph *g, il_value a);
/* cos a */
IL_API il_value il_cos(il_graph *g, il_value a);
/* The absolute value of a. */
IL_API il_value il_abs(il_graph *g, il_value a);
/* 1 / (1 + e⁻ᵃ) */
IL_API il_value il_sigmoid(il_graph *g, il_value a);
IL_API il_value il_relu(il_graph *g, il_value a);              /* max(a, 0); slope 0 at 0 */
IL_API il_value il_step(il_graph *g, il_value a);              /* a > 0 ? 1 : 0 */
IL_API il_value il_less(il_graph *g, il_value a, il_value b);  /* a < b ? 1 : 0 */
IL_API il_value il_equal(il_graph *g, il_value a, il_value b); /* a == b ? 1 : 0 */
IL_API il_value il_select(il_graph *g, il_value c, il_value a, il_value b); /* c != 0 ? a : b */
IL_API il_value il_pow(il_graph *g, il_value a, il_value b);                /* a > 0 */
/* a·factor, a + term; shorthands that make the constant. */
IL_API il_value il_scale(il_graph *g, il_value a, double factor);
/* a + term */
IL_API il_value il_shift(il_graph *g, il_value a, double term);

/* ---- structured operations ---- */
/* A real tensor filled with one number. */
IL_API il_value il_constant(il_graph *g, double number, il_shape shape);
/* A constant of shape []. */
IL_API il_value il_scalar(il_graph *g, double number);
/* y = (real) a, from int32 or uint8. */
IL_API il_value il_cast(il_graph *g, il_value a);
/* y = the int32 nearest to a, for rows by number (il_gather); 0 of NaN. Derivative zero. */
IL_API il_value il_index(il_graph *g, il_value a);
/* Numpy's rule: missing leading dimensions and dimensions of 1 are repeated. */
IL_API il_value il_broadcast(il_graph *g, il_value a, il_shape shape);
/* axes: bit i set = axis i is reduced; it stays, with size 1. */
IL_API il_value il_sum(il_graph *g, il_value a, uint32_t axes);
/* The mean over axes, given as for il_sum. */
IL_API il_value il_mean(il_graph *g, il_value a, uint32_t axes);
/* The maximum over axes, given as for il_sum. */
IL_API il_value il_max(il_graph *g, il_value a, uint32_t axes);
/* Every axis; the result is a scalar (rank 0). */
IL_API il_value il_sum_all(il_graph *g, il_value a);
/* The mean of all elements, of shape []. */
IL_API il_value il_mean_all(il_graph *g, il_value a);
/* int32 index of the first largest element along axis, which stays with size 1. */
IL_API il_value il_argmax(il_graph *g, il_value a, int axis);
/* The same elements in the same order, in another shape of as many. */
IL_API il_value il_reshape(il_graph *g, il_value a, il_shape shape);
/* y's axis i is a's axis permutation[i]. */
IL_API il_value il_transpose(il_graph *g, il_value a, const int *permutation);
/* y[i...] = a[begin + i...]; size is the result's shape. */
IL_API il_value il_slice(il_graph *g, il_value a, const int64_t *begin, il_shape size);
/* Zeros around: low[i] before and high[i] after, along each axis. */
IL_API il_value il_pad(il_graph *g, il_value a, const int64_t *low, const int64_t *high);
/* The values one behind the other along an axis; other dimensions are equal. */
IL_API il_value il_concat(il_graph *g, int count, const il_value *values, int axis);
/* y[i..., r...] = a[index[i...], r...]; a [rows, r...]. An index outside is clamped to [0, rows). */
IL_API il_value il_gather(il_graph *g, il_value a, il_value index);
/* y [rows, r...] zero, then y[index[i...], r...] += updates[i..., r...], i ascending. */
IL_API il_value il_scatter_add(il_graph *g, il_value index, il_value updates, int64_t rows);
/* y[i..., c] = (index[i...] == c). */
IL_API il_value il_one_hot(il_graph *g, il_value index, int64_t classes);
/* y[b..., m, n] = Σ_k a[b..., m, k]·b[b..., k, n]; with transpose_a, a is stored [b..., k, m];
 * with transpose_b, b is stored [b..., n, k]. Equal leading dimensions (rank 2: none). */
IL_API il_value il_matmul(il_graph *g, il_value a, il_value b, bool transpose_a, bool transpose_b);
/* y [n,m] with a·y = b; a [n,n], b [n,m]. Gaussian elimination, rows exchanged for the largest pivot; a singular a gives
 * what dividing by its pivot 0 gives. */
IL_API il_value il_solve(il_graph *g, il_value a, il_value b);

/* Geometry of a convolution or pool over the two middle axes of [n, h, w, c]. */
/* y[n,oh,ow,o] = Σ_{kh,kw,i} x[n, oh·stride+kh·dilation−pad, ow·…, i]·w[kh,kw,i,o]
 * x [n,h,w,c], w [kh,kw,c/groups,k]; order of the sum: taps, then channels, ascending; positions
 * outside the image are left out of the sum. */
IL_API il_value il_conv2d(il_graph *g, il_value x, il_value w, il_window window);
/* The linear companion by input (transposed convolution): for y [n,oh,ow,k] and weights with
 * channels exchanged, wt [kh,kw,k/groups,c] grouped over k, gives x-shaped [n,h,w,c].
 * il_conv2d_transpose(y, exchange(w)) is the derivative of il_conv2d by x. */
IL_API il_value il_conv2d_transpose(il_graph *g, il_value y, il_value wt, il_window window,
                                    int64_t height, int64_t width);
/* The linear companion by weights: dw[kh,kw,i,o] = Σ_{n,oh,ow} x[n,…,i]·y[n,oh,ow,o],
 * pixels ascending. window.kernel gives kh, kw. */
IL_API il_value il_conv2d_weight(il_graph *g, il_value x, il_value y, il_window window);
/* Which tap of each window holds its first maximum, [n,oh,ow,c]: row of the window times its width plus column, from
 * 0; uint8, of windows with more than 256 taps int32. */
IL_API il_value il_pool_argmax(il_graph *g, il_value x, il_window window);
/* y[n,oh,ow,c] = x at the given tap of each window; 0 where the window has no such tap within the image. x [n,h,w,c],
 * tap as il_pool_argmax gives it. */
IL_API il_value il_pool_gather(il_graph *g, il_value x, il_value tap, il_window window);
/* Its linear companion: x [n,height,width,c] zero, then y [n,oh,ow,c] added at each window's tap, windows ascending. */
IL_API il_value il_pool_scatter(il_graph *g, il_value tap, il_value y, il_window window,
                                int64_t height, int64_t width);
/* Maximum over windows: il_pool_gather at il_pool_argmax. */
IL_API il_value il_max_pool(il_graph *g, il_value x, il_window window);
/* Mean over windows, divided by the full window size (as PyTorch's count_include_pad). */
IL_API il_value il_average_pool(il_graph *g, il_value x, il_window window);
/* Its linear companion: spreads y [n,oh,ow,c] back to [n,height,width,c]. */
IL_API il_value il_average_pool_transpose(il_graph *g, il_value y, il_window window, int64_t height,
                                          int64_t width);
/* Element i is a pure function of (key, stream, i): key is int32 [2], usually a task input.
 * Uniform in [0, 1), or standard normal. Derivative zero. */
IL_API il_value il_random_uniform(il_graph *g, il_value key, int64_t stream, il_shape shape);
/* As il_random_uniform, from N(0, 1). */
IL_API il_value il_random_normal(il_graph *g, il_value key, int64_t stream, il_shape shape);
/* y = a, with derivative zero. */
IL_API il_value il_stop_gradient(il_graph *g, il_value a);
/* y = a, with derivative 1: a value of its own, by which to differentiate. What is made of y reaches a through y
 * alone: no simplification looks through it, and two leaves of one value are different values, so that
 * il_grad by y counts the uses of y and nothing else. Wrap a computed value or a constant before it is used;
 * il_graph_without_leaves (plan.h) takes the leaves out again before the graph is planned. */
IL_API il_value il_leaf(il_graph *g, il_value a);
/* y = (1/tasks)·Σ_task a: from a task value to a shared one; the sum is a fixed binary tree over the
 * task index (neighbours first). Not differentiable: differentiate within the task, then average. */
IL_API il_value il_task_mean(il_graph *g, il_value a);
/* y[m,n] = (1/tasks)·Σ_task Σ_pair Σ_row a[row,m]·b[row,n]: the mean of sums of outer products, such as a
 * meta-gradient, without forming one task's part. a[i] [rows_i, m] and b[i] [rows_i, n], all per task. The sum is
 * one chain: tasks, then pairs, then rows ascending; divided once. Not differentiable, as il_task_mean. */
IL_API il_value il_task_product(il_graph *g, int pairs, const il_value *a, const il_value *b);

/* ---- loops: a step that is repeated, made once ----
 *   il_loop *l = il_loop_open(g, 100, 1, &h0, &h);
 *   next = il_tanh(g, il_add(g, il_matmul(g, h, w, false, false), il_loop_row(l, x)));
 *   il_loop_close(l, &next, &last, 0, NULL, NULL);
 * is for k in 0 … 99: h = tanh(h·w + x[k]). What the step reads beside state and rows (w) are the loop's constants.
 * Derivatives of any order are loops again; plans do not grow with the steps. Loops may stand in one another. Between open
 * and close nothing is evaluated: the graph's own builders make the step, of which nothing may be an output or be read
 * behind the loop but what il_loop_close gives. */
typedef struct il_loop il_loop; /* the graph's; not used after il_loop_close */
/* A loop of `steps`, at least 1. state [states] receives the state before a step, which is first [states], reals, before step
 * 0; at least one. After an error they are invalid; NULL, which the others take, without memory. */
IL_API il_loop *il_loop_open(il_graph *g, int steps, int states, const il_value *first,
                             il_value *state);
/* Row k of the value, [steps, r…]: [r…]. */
IL_API il_value il_loop_row(il_loop *l, il_value source);
/* k, from 0, as a real of shape []. */
IL_API il_value il_loop_step(const il_loop *l);
/* next [states]: the state after the step, in the shapes of the state before it; last receives the state after all steps.
 * made [count]: reals [r…] of each step, of which stacked receives [steps, r…]; count 0: none. After an error they are
 * invalid. */
IL_API void il_loop_close(il_loop *l, const il_value *next, il_value *last, int count,
                          const il_value *made, il_value *stacked);

/* ---- text ---- */
/* Text, loops and all, that il_graph_parse reads back into an equal graph; malloc'ed, caller frees; NULL on error. */
IL_API char *il_graph_dump(const il_graph *graph);
/* The graph that il_graph_dump has printed, with loops at most 32 deep in each other. NULL after an error. */
IL_API il_graph *il_graph_parse(il_context *context, const char *text);
/* Graphviz; malloc'ed, caller frees. */
IL_API char *il_graph_dot(const il_graph *graph);

/* ---- what a graph means ---- */
/* inputs[i] / outputs[i] in the order of the graph's inputs / outputs, dense row-major in their type;
 * a task input or output holds all tasks one after the other: [tasks, shape...]. */
typedef struct il_bindings {
  int tasks;                 /* of this run */
  const void *const *inputs; /* by input */
  void *const *outputs;      /* by output */
} il_bindings;
/* Plain interpreter: slow, obvious, the definition of the results of any plan. */
IL_API il_status il_reference_run(const il_graph *graph, const il_bindings *bindings);

#ifdef __cplusplus
}
#endif
#endif
