/* Every kernel row, of every instruction set that this CPU runs, against its operation's reference loop and against
 * the other instruction sets: byte for byte within the bit class "fma", closely outside it. On sizes below, equal to
 * and above the tiles, odd sizes, strides, paddings and dilations. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <innerloop/plan.h>

#include "base/cpu.h"
#include "base/random.h"
#include "graph/graph.h"
#include "kernels/kernel.h"
#include "plan/plan.h"
#include "support/scale.h"

enum { MAX_INPUTS = 4, TASKS = 5, MAX_SETS = 4, MAX_ROWS = 64 };

typedef struct il_case {
  il_context *context;
  il_graph *g;
  uint32_t shared;            /* bit i: input i of the next case is the same for all tasks */
  int64_t compared[MAX_SETS]; /* elements, with the reference */
  int64_t between;            /* elements, with the best instruction set */
  int64_t close;       /* elements without fused multiply-add, with the best instruction set */
  int64_t transformed; /* elements of Winograd's convolutions, with the reference */
  int used[MAX_SETS][MAX_ROWS]; /* how often each row ran */
} il_case;

static void begin(il_case *c) { c->g = il_graph_new(c->context, IL_FLOAT32); }

static il_value input(il_case *c, il_shape shape) {
  char name[8];
  snprintf(name, sizeof name, "x%d", il_graph_inputs(c->g));
  const il_stage stage = c->shared >> il_graph_inputs(c->g) & 1 ? IL_SHARED : IL_TASK;
  return il_input(c->g, name, stage, IL_FLOAT32, shape);
}

/* Whether no row of the plan lacks fused multiply-adds. */
static bool count_rows(il_case *c, int set, const il_plan *plan) {
  bool fused = true;
  assert_true(plan->kernels->rows <= MAX_ROWS);
  for (int when = 0; when < IL_LISTS; when++)
    for (int64_t i = 0; i < plan->list[when].count; i++) {
      const il_kernel *kernel = plan->list[when].call[i].kernel;
      if (!kernel) continue;
      assert_string_equal(kernel->isa, plan->kernels->isa);
      fused &= !strstr(kernel->bit_class, "no-fma");
      for (int k = 0; k < plan->kernels->rows; k++)
        c->used[set][k] += kernel == plan->kernels->row[k];
    }
  return fused;
}

/* Nothing is learned from lanes when every call runs task after task. */
static bool has_lanes(const il_plan *plan) {
  const il_call_list *list = &plan->list[IL_PER_TASK];
  for (int64_t i = 0; i < list->count; i++)
    if (list->call[i].kind == IL_CALL_KERNEL && !list->call[i].each) return true;
  return false;
}

static void run(const il_plan *plan, const il_bindings *bindings) {
  void *workspace = aligned_alloc(IL_WORKSPACE_ALIGNMENT,
                                  il_aligned(il_plan_workspace(plan, bindings->tasks, 1)));
  il_team *team = il_team_new(plan->graph->context, 1);
  assert_int_equal(il_plan_run(plan, team, workspace, bindings), IL_OK);
  il_team_free(team);
  free(workspace);
}

/* Products rounded before they are summed: the difference is of the order of the sum's own rounding. */
static void assert_close(int64_t count, const float *a, const float *b) {
  float largest = 1;
  for (int64_t i = 0; i < count; i++) largest = fmaxf(largest, fabsf(b[i]));
  for (int64_t i = 0; i < count; i++)
    if (!(fabsf(a[i] - b[i]) <= 1e-5f * largest))
      fail_msg("element %lld: %.9g, expected about %.9g", (long long)i, (double)a[i], (double)b[i]);
}

/* One plan per instruction set: each beside the reference, then its result beside that of the first set. */
static void run_sets(il_case *c, il_lanes lanes, const il_bindings *bindings, int64_t bytes) {
  int sets;
  const il_kernel_set *const *set = il_kernel_sets(&sets);
  void *best = NULL;
  assert_true(sets <= MAX_SETS);
  for (int s = 0; s < sets; s++) {
    if (!il_cpu_runs(set[s]->isa)) continue;
    il_plan *plan = il_plan_build(c->g, &(il_plan_options){.isa = set[s]->isa, .lanes = lanes});
    assert_non_null(plan);
    if (lanes == IL_LANES_ALWAYS && !has_lanes(plan)) {
      il_plan_free(plan);
      break;
    }
    run(plan, bindings);
    void *found = bindings->outputs[0], *kept = malloc((size_t)bytes);
    memcpy(kept, found, (size_t)bytes); /* the check may replace what it found */
    il_plan_checked checked;
    if (!count_rows(c, s, plan)) {
      assert_int_equal(il_plan_check(plan, bindings, NULL), IL_ERROR_UNSUPPORTED);
      il_context_clear(c->context);
      if (best) {
        assert_close(bytes / (int64_t)sizeof(float), found, best);
        c->close += bytes / (int64_t)sizeof(float);
      }
    } else {
      if (best && memcmp(best, found, (size_t)bytes) != 0)
        fail_msg("%s and %s differ in: %s", set[s]->isa, set[0]->isa, il_plan_print(plan));
      if (best) c->between += bytes / 4;
      checked = (il_plan_checked){.equal = bytes / 4}; /* to a set that is equal to the reference */
      if ((test_full() || !best) && il_plan_check(plan, bindings, &checked) != IL_OK)
        fail_msg("%s: %s", set[s]->isa, il_context_message(c->context));
      assert_true(checked.equal + checked.close > 0);
      c->compared[s] += checked.equal;
      c->transformed += checked.close;
    }
    if (!best) best = kept;
    if (best != kept) free(kept);
    il_plan_free(plan);
  }
  free(best);
}

/* The value is computed for one task and for tasks in lanes; inputs include zeros of both signs. */
static void finish(il_case *c, il_value y) {
  void *in[MAX_INPUTS], *out[1];
  il_random random = il_random_start(11, c->g->size);
  il_output(c->g, "y", y);
  if (il_context_status(c->context) != IL_OK) fail_msg("%s", il_context_message(c->context));
  for (int i = 0; i < il_graph_inputs(c->g); i++) {
    const int64_t count = TASKS * il_shape_count(il_value_shape(c->g, il_graph_input(c->g, i)));
    float *x = in[i] = malloc((size_t)count * sizeof *x);
    const il_type type = il_value_type(c->g, il_graph_input(c->g, i));
    for (int64_t k = 0; k < count; k++) {
      if (type == IL_INT32) { /* indexes, some of them outside */
        ((int32_t *)in[i])[k] = (int32_t)il_random_below(&random, 9) - 2;
        continue;
      }
      if (type == IL_UINT8) { /* taps, some of them of no window */
        ((uint8_t *)in[i])[k] = (uint8_t)il_random_below(&random, 11);
        continue;
      }
      const double u = il_random_uniform01(&random);
      x[k] = u < 0.1 ? -0.0f : u < 0.2 ? 0.0f : (float)(4 * u - 2.4);
    }
  }
  const int64_t bytes =
      il_shape_count(il_value_shape(c->g, y)) * (int64_t)il_type_size(il_value_type(c->g, y));
  out[0] = calloc(TASKS, (size_t)bytes); /* a value of no single task fills the first part alone */
  run_sets(c, IL_LANES_NEVER, &(il_bindings){1, (const void *const *)in, out}, bytes);
  run_sets(c, IL_LANES_ALWAYS, &(il_bindings){TASKS, (const void *const *)in, out}, TASKS * bytes);
  for (int i = 0; i < il_graph_inputs(c->g); i++) free(in[i]);
  free(out[0]);
  il_graph_free(c->g);
}

static int64_t reach(int size, const il_window *w, int i) {
  const int room = size + w->pad_low[i] + w->pad_high[i] - w->dilation[i] * (w->kernel[i] - 1) - 1;
  return room < 0 ? 0 : room / w->stride[i] + 1;
}

static void convolutions(il_case *c, int n, int h, int width, int in, int k, il_window w) {
  const int64_t oh = reach(h, &w, 0), ow = reach(width, &w, 1);
  if (oh < 1 || ow < 1) return;
  const il_shape x = IL_SHAPE(n, h, width, in), y = IL_SHAPE(n, oh, ow, k);
  begin(c);
  finish(c, il_conv2d(c->g, input(c, x), input(c, IL_SHAPE(w.kernel[0], w.kernel[1], in, k)), w));
  begin(c);
  finish(c, il_conv2d_transpose(c->g, input(c, y),
                                input(c, IL_SHAPE(w.kernel[0], w.kernel[1], k, in)), w, h, width));
  begin(c);
  finish(c, il_conv2d_weight(c->g, input(c, x), input(c, y), w));
}

static void test_convolutions(il_case *c) {
  static const int channels[][2] = {{1, 64}, {64, 64}, {3, 5}, {7, 16}, {2, 33}, {5, 80}};
  for (size_t i = 0; i < sizeof channels / sizeof *channels; i++) {
    const int in = channels[i][0], k = channels[i][1];
    for (int n = 1; n <= 7; n += 3) {
      convolutions(c, n, 7, 7, in, k, il_window_square(3, 2, 1));
      convolutions(c, n, 4, 5, in, k, il_window_square(3, 1, 1));
    }
    convolutions(c, 2, 1, 1, in, k, il_window_square(1, 1, 0));
    convolutions(c, 1, 2, 2, in, k, il_window_square(3, 2, 1));
    il_window w = il_window_square(3, 1, 2);
    w.dilation[0] = 2;
    w.stride[1] = 3;
    w.pad_low[1] = 0;
    convolutions(c, 2, 6, 9, in, k, w);
    w = il_window_square(2, 3, 0); /* pixels that no window covers */
    convolutions(c, 2, 7, 8, in, k, w);
    w = il_window_square(7, 1,
                         3); /* more taps in a line than rows in a block, wider than the image */
    convolutions(c, 2, 3, 5, in, k, w);
  }
  convolutions(c, 1, 40, 41, 3, 20, il_window_square(3, 1, 1));
  convolutions(c, 1, 3, 33, 1, 128, il_window_square(5, 1, 2));
  il_window grouped = il_window_square(3, 1, 1);
  grouped.groups = 2;
  begin(c);
  finish(c,
         il_conv2d(c->g, input(c, IL_SHAPE(2, 5, 5, 4)), input(c, IL_SHAPE(3, 3, 2, 6)), grouped));
}

/* Winograd's: even and odd sides, runs of tiles below, equal to and above a block, channels of one and more vectors,
 * more outputs than inputs and less. */
static void test_tiles(il_case *c) {
  static const int sizes[][5] = {{1, 16, 16, 16, 16}, {2, 13, 14, 32, 16}, {3, 10, 9, 16, 48},
                                 {5, 7, 7, 64, 64},   {1, 24, 12, 64, 32}, {2, 21, 17, 32, 80},
                                 {16, 4, 4, 128, 16}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    convolutions(c, sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3], sizes[i][4],
                 il_window_square(3, 1, 1));
}

static void test_matmuls(il_case *c) {
  static const int sizes[][3] = {{1, 1, 1},    {5, 5, 64},  {5, 64, 5}, {6, 64, 16}, {7, 65, 3},
                                 {25, 40, 40}, {13, 1, 40}, {64, 5, 5}, {12, 128, 7}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (int t = 0; t < 8; t++) {
      const int m = sizes[i][0], n = sizes[i][1], k = sizes[i][2];
      const bool ta = t & 1, tb = t & 2;
      const int64_t batch = t & 4 ? 3 : 1;
      for (c->shared = 0; c->shared < 3; c->shared++) {
        begin(c);
        const il_value a = input(c, IL_SHAPE(batch, ta ? k : m, ta ? m : k)),
                       b = input(c, IL_SHAPE(batch, tb ? n : k, tb ? k : n));
        finish(c, il_matmul(c->g, a, b, ta, tb));
      }
      c->shared = 0;
    }
}

static void test_moves_and_sums(il_case *c) {
  static const int64_t shapes[][3] = {{1, 1, 1},   {3, 4, 5},   {7, 1, 33},
                                      {2, 16, 16}, {1, 130, 1}, {5, 3, 64}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    const il_shape shape = il_shape_of(3, shapes[i]);
    for (uint32_t axes = 1; axes < 8; axes++) {
      begin(c);
      finish(c, il_sum(c->g, input(c, shape), axes));
      begin(c);
      finish(c, il_max(c->g, input(c, shape), axes));
      begin(c);
      il_shape from = shape;
      for (int a = 0; a < 3; a++)
        if (axes >> a & 1) from.dim[a] = 1;
      finish(c, il_reshape(c->g, il_broadcast(c->g, input(c, from), shape),
                           IL_SHAPE(il_shape_count(shape))));
    }
    static const int turns[][3] = {{0, 2, 1}, {1, 0, 2}, {2, 1, 0}, {1, 2, 0}};
    for (int t = 0; t < 4; t++) {
      begin(c);
      finish(c, il_transpose(c->g, input(c, shape), turns[t]));
    }
  }
}

static void test_indexes(il_case *c) {
  static const int sizes[][4] = {{1, 1, 1, 1}, {7, 5, 5, 3}, {2, 6, 9, 64}, {3, 4, 4, 130}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    const il_shape x = IL_SHAPE(sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3]);
    il_window w[] = {il_window_square(1, 1, 0), il_window_square(2, 2, 0),
                     il_window_square(3, 2, 1), il_window_square(3, 1, 1)};
    for (size_t k = 0; k < sizeof w / sizeof *w; k++) {
      const il_shape y =
          IL_SHAPE(x.dim[0], reach(sizes[i][1], &w[k], 0), reach(sizes[i][2], &w[k], 1), x.dim[3]);
      if (y.dim[1] < 1 || y.dim[2] < 1) continue;
      begin(c);
      finish(c, il_max_pool(c->g, input(c, x), w[k])); /* arg-max and what it picks */
      begin(c);
      finish(c, il_average_pool(c->g, input(c, x), w[k]));
      begin(c);
      finish(c, il_average_pool_transpose(c->g, input(c, y), w[k], sizes[i][1], sizes[i][2]));
      begin(c); /* windows overlap: some pixels are added to twice, others never */
      const il_value tap = il_pool_argmax(c->g, input(c, x), w[k]);
      finish(c, il_pool_scatter(c->g, tap, input(c, y), w[k], sizes[i][1], sizes[i][2]));
      begin(c); /* taps of no window, or outside the image */
      il_value any = il_input(c->g, "tap", IL_TASK, IL_UINT8, y);
      finish(c, il_pool_gather(c->g, input(c, x), any, w[k]));
      begin(c);
      any = il_input(c->g, "tap", IL_TASK, IL_UINT8, y);
      finish(c, il_pool_scatter(c->g, any, input(c, y), w[k], sizes[i][1], sizes[i][2]));
    }
    const il_value rows = (begin(c), input(c, IL_SHAPE(x.dim[0] * x.dim[1], x.dim[3])));
    const il_value best = il_argmax(c->g, rows, 0);
    finish(c, il_gather(c->g, rows, best));
    begin(c);
    il_value at = il_input(c->g, "at", IL_TASK, IL_INT32, IL_SHAPE(11));
    finish(c, il_gather(c->g, input(c, IL_SHAPE(5, x.dim[3])), at));
    begin(c);
    at = il_input(c->g, "at", IL_TASK, IL_INT32, IL_SHAPE(11));
    finish(c, il_scatter_add(c->g, at, input(c, IL_SHAPE(11, x.dim[3])), 5));
  }
}

static void test_slices(il_case *c) {
  const il_shape x = IL_SHAPE(5, 7, 33);
  static const int64_t begins[][3] = {{0, 0, 0}, {1, 2, 3}, {4, 6, 32}, {0, 3, 0}},
                       sizes[][3] = {{5, 7, 33}, {3, 4, 17}, {1, 1, 1}, {5, 2, 33}};
  for (int i = 0; i < 4; i++) {
    begin(c);
    finish(c, il_slice(c->g, input(c, x), begins[i], il_shape_of(3, sizes[i])));
  }
  static const int64_t deep[] = {3, 1, 4, 2, 3};
  static const int turn[] = {3, 0, 4, 1, 2};
  for (uint32_t axes = 1; axes < 32; axes++) {
    begin(c);
    finish(c, il_sum(c->g, input(c, il_shape_of(5, deep)), axes));
    begin(c);
    finish(c, il_max(c->g, input(c, il_shape_of(5, deep)), axes));
  }
  begin(c);
  finish(c, il_transpose(c->g, input(c, il_shape_of(5, deep)), turn));
}

static void test_programs(il_case *c) {
  static const int64_t shapes[][2] = {{1, 1},    {5, 5},    {3, 64},   {980, 64},
                                      {1, 3000}, {2500, 1}, {40, 1100}};
  for (size_t i = 0; i < 8 * sizeof shapes / sizeof *shapes; i++) {
    const int64_t rows = shapes[i / 8][0], width = shapes[i / 8][1];
    c->shared = i % 8;
    begin(c);
    il_graph *g = c->g;
    const il_value x = input(c, IL_SHAPE(rows, width)), channel = input(c, IL_SHAPE(1, width)),
                   row = input(c, IL_SHAPE(rows, 1));
    const il_value centred = il_sub(g, x, channel), scaled = il_mul(g, il_tanh(g, centred), row);
    const il_value y = il_relu(g, il_add(g, scaled, il_sigmoid(g, il_scale(g, x, 0.5))));
    const il_value total = il_add(g, il_sum(g, y, 1), il_sum(g, il_mul(g, y, centred), 1));
    const il_value scalar = input(c, il_shape_scalar());
    finish(c, il_mul(g, il_add(g, y, total), scalar));
  }
  c->shared = 0;
}

/* Angles that are all near, some of them far, far away, and logarithms with infinities and NaN among them: tiles of one
 * kind and mixed ones, each number with the bytes that it has alone. */
static void test_angles(il_case *c) {
  static const int64_t shapes[][2] = {{1, 1}, {5, 5}, {80, 64}, {1, 3000}, {3, 1100}};
  static const double scales[] = {1, 54840, 1e5, 1e9, 1e38};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    for (size_t k = 0; k < 2 * sizeof scales / sizeof *scales; k++) {
      begin(c);
      il_graph *g = c->g;
      const il_value x = input(c, IL_SHAPE(shapes[i][0], shapes[i][1]));
      const il_value angle = il_scale(g, k & 1 ? il_log(g, x) : x, scales[k / 2]);
      finish(c, k & 2 ? il_sin(g, angle) : il_sub(g, il_sin(g, angle), il_cos(g, angle)));
    }
}

/* Nothing but arithmetic: stays in registers where rows are whole vectors, or one flat run of them. */
static void test_chains(il_case *c) {
  static const int64_t shapes[][2] = {{1, 64},   {5, 5},   {19, 16},  {11, 32}, {21, 48},
                                      {245, 64}, {7, 112}, {300, 80}, {80, 1},  {1, 1040}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    for (int flat = 0; flat < 2; flat++) {
      const il_shape shape = IL_SHAPE(shapes[i][0], shapes[i][1]);
      begin(c);
      il_graph *g = c->g;
      const il_value x = input(c, shape),
                     channel = input(c, flat ? shape : IL_SHAPE(1, shape.dim[1])),
                     row = input(c, flat ? shape : IL_SHAPE(shape.dim[0], 1)),
                     one = il_constant(g, 1, il_shape_scalar());
      const il_value centred = il_sub(g, x, channel), above = il_step(g, il_sub(g, row, centred));
      const il_value scaled = il_div(g, il_mul(g, centred, channel), il_add(g, above, one)),
                     below = il_sub(g, il_neg(g, il_mul(g, scaled, scaled)), one),
                     turned = il_div(g, row, below);
      const il_value sum = il_add(g, il_relu(g, il_mul(g, turned, row)), il_scale(g, above, 0.3));
      finish(c, flat ? sum : il_add(g, il_sum(g, sum, 1), il_sum(g, il_mul(g, sum, scaled), 1)));
    }
}

/* Programs that read scatters by a pool's indexes through their updates: images with and without pixels that no window
 * covers, whole vectors of channels and others, sums. */
static void test_spreads(il_case *c) {
  static const int sizes[][4] = {
      {2, 6, 8, 64}, {3, 5, 7, 16}, {1, 9, 11, 32}, {2, 4, 4, 80}, {2, 7, 6, 5}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (int stride = 2; stride < 4; stride++) {
      const int *s = sizes[i];
      const il_window w = il_window_square(2, stride, 0);
      const il_shape x = IL_SHAPE(s[0], s[1], s[2], s[3]),
                     y = IL_SHAPE(s[0], reach(s[1], &w, 0), reach(s[2], &w, 1), s[3]);
      begin(c);
      il_graph *g = c->g;
      const il_value image = input(c, x), tap = il_pool_argmax(g, image, w),
                     channel = input(c, IL_SHAPE(1, 1, 1, s[3]));
      il_value spread[2];
      for (int k = 0; k < 2; k++) spread[k] = il_pool_scatter(g, tap, input(c, y), w, s[1], s[2]);
      const il_value scaled = il_mul(g, il_sub(g, image, spread[0]), channel),
                     all = il_add(g, il_mul(g, scaled, spread[1]), spread[0]);
      finish(c, il_add(g, all, il_sum(g, il_mul(g, all, image), 7)));
    }
}

static void test_products(il_case *c) {
  static const int64_t sizes[][2] = {{1, 1}, {5, 7}, {6, 64}, {13, 80}, {40, 200}, {7, 16}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (int pairs = 1; pairs <= 2; pairs++) {
      begin(c);
      il_value a[2], b[2];
      for (int k = 0; k < pairs; k++) {
        a[k] = input(c, IL_SHAPE(1 + 3 * k, sizes[i][0]));
        b[k] = input(c, IL_SHAPE(1 + 3 * k, sizes[i][1]));
      }
      finish(c, il_task_product(c->g, pairs, a, b));
    }
}

static void test_rows(void **state) {
  (void)state;
  il_case c = {.context = il_context_new()};
  test_convolutions(&c);
  test_tiles(&c);
  test_matmuls(&c);
  test_moves_and_sums(&c);
  test_indexes(&c);
  test_slices(&c);
  test_programs(&c);
  test_angles(&c);
  test_chains(&c);
  test_spreads(&c);
  test_products(&c);
  int sets;
  const il_kernel_set *const *set = il_kernel_sets(&sets);
  for (int s = 0; s < sets; s++) {
    if (!il_cpu_runs(set[s]->isa)) {
      printf("%s: not on this CPU, nothing compared\n", set[s]->isa);
      continue;
    }
    printf("%s: %lld elements equal to the reference\n", set[s]->isa, (long long)c.compared[s]);
    assert_true(c.compared[s] > 100000);
    for (int k = 0; k < set[s]->rows; k++)
      if (set[s]->row[k]->type == IL_FLOAT32 && c.used[s][k] == 0)
        fail_msg("no case chose the kernel %s of %s", set[s]->row[k]->name, set[s]->isa);
  }
  printf(
      "%lld elements equal between instruction sets, %lld close (no fused multiply-add), %lld of "
      "Winograd's close to the reference\n",
      (long long)c.between, (long long)c.close, (long long)c.transformed);
  il_context_free(c.context);
}

/* An unknown instruction set is one sentence that names it and those that there are. */
static void test_unknown_set(void **state) {
  (void)state;
  il_context *context = il_context_new();
  assert_null(il_kernel_set_choose(context, "v9"));
  assert_int_equal(il_context_status(context), IL_ERROR_ARGUMENT);
  assert_non_null(strstr(il_context_message(context), "'v9'"));
  int sets;
  const il_kernel_set *const *set = il_kernel_sets(&sets);
  for (int s = 0; s < sets; s++) assert_non_null(strstr(il_context_message(context), set[s]->isa));
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows),
                                     cmocka_unit_test(test_unknown_set)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
