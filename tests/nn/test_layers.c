/* Norms of single examples, TaskNorm, residual blocks, attention, grouped and dilated convolutions: derivatives of first and
 * second order against differences, plans against the interpreter on bytes, what their definitions say, and refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <innerloop/grad.h>
#include <innerloop/nn.h>
#include <innerloop/plan.h>

enum { EXAMPLES = 3, OUTPUTS = 2, MOST = 32, TASKS = 3 };
static il_context *context;

static int setup(void **state) {
  (void)state;
  context = il_context_new();
  return context ? 0 : -1;
}
static int teardown(void **state) {
  (void)state;
  il_context_free(context);
  return 0;
}

static void assert_fine(void) {
  if (il_context_status(context) != IL_OK) fail_msg("%s", il_context_message(context));
}

#define CONV(filters, kernel_, stride_, pad_, ...)                                                 \
  {                                                                                                \
    .kind = IL_LAYER_CONV, .units = filters, .kernel = kernel_, .stride = stride_, .pad = pad_,    \
    __VA_ARGS__                                                                                    \
  }
#define OWN(k, ...)                                                                                \
  { .kind = IL_LAYER_##k, .eps = 1e-3, .affine = true, __VA_ARGS__ }
#define KIND(k)                                                                                    \
  { .kind = IL_LAYER_##k }
#define LINEAR                                                                                     \
  { .kind = IL_LAYER_LINEAR, .bias = true }

/* Every new kind, smooth, so that differences tell derivatives. */
static const il_layer on_images[] = {CONV(4, 3, 2, 1),
                                     OWN(TASK_NORM),
                                     KIND(TANH),
                                     KIND(RESIDUAL),
                                     CONV(4, 3, 1, 1, .groups = 4, .bias = true),
                                     OWN(LAYER_NORM),
                                     KIND(TANH),
                                     KIND(RESIDUAL),
                                     CONV(4, 3, 1, 2, .groups = 2, .dilation = 2),
                                     KIND(ADD),
                                     OWN(GROUP_NORM, .groups = 2),
                                     KIND(SHORTCUT),
                                     CONV(4, 1, 1, 0),
                                     KIND(ADD),
                                     OWN(INSTANCE_NORM),
                                     KIND(SIGMOID),
                                     KIND(FLATTEN),
                                     LINEAR};
static const il_layer on_signals[] = {
    {.kind = IL_LAYER_CONV1D, .units = 4, .kernel = 3, .stride = 1, .pad = 2, .dilation = 2},
    KIND(RESIDUAL),
    {.kind = IL_LAYER_ATTENTION, .heads = 2, .bias = true},
    KIND(ADD),
    {.kind = IL_LAYER_LAYER_NORM, .eps = 1e-3},
    {.kind = IL_LAYER_CONV1D,
     .units = 8,
     .kernel = 3,
     .stride = 2,
     .pad = 1,
     .groups = 4,
     .bias = true},
    OWN(GROUP_NORM, .groups = 4),
    KIND(TANH),
    {.kind = IL_LAYER_ATTENTION},
    KIND(MEAN_POOL),
    OWN(LAYER_NORM),
    LINEAR};
static const il_layer on_steps[] = {
    {.kind = IL_LAYER_GRU, .units = 3, .sequence = true},
    KIND(RESIDUAL),
    {.kind = IL_LAYER_GRU, .units = 3, .bias = true, .sequence = true},
    KIND(ADD),
    {.kind = IL_LAYER_GRU, .units = 4, .bias = true},
    LINEAR};
static const il_layer on_tokens[] = {
    {.kind = IL_LAYER_EMBEDDING, .units = 3, .vocabulary = 2},
    {.kind = IL_LAYER_CONV1D, .units = 4, .kernel = 3, .stride = 1, .pad = 1, .bias = true},
    {.kind = IL_LAYER_GRU, .units = 4, .bias = true, .sequence = true},
    OWN(LAYER_NORM),
    KIND(FLATTEN),
    LINEAR};
static const struct {
  int layers;
  const il_layer *layer;
  il_shape example;
} nets[] = {{sizeof on_images / sizeof *on_images, on_images, {.rank = 3, .dim = {6, 5, 2}}},
            {sizeof on_signals / sizeof *on_signals, on_signals, {.rank = 2, .dim = {5, 3}}},
            {sizeof on_steps / sizeof *on_steps, on_steps, {.rank = 2, .dim = {4, 2}}},
            {sizeof on_tokens / sizeof *on_tokens, on_tokens, {.rank = 1, .dim = {6}}}};
enum { NETS = sizeof nets / sizeof *nets };

/* A net in a graph: outputs are a loss, a number made of its gradient, and the gradients of both in one list each. */
typedef struct applied {
  il_net *net;
  il_graph *g;
  int inputs;
  il_value p[MOST];
  void *in[MOST];
  int64_t size[MOST]; /* numbers of an input, for all tasks */
  double *out[4];
} applied;

static void add_input(applied *a, const char *name, il_stage stage, il_shape shape) {
  const int i = a->inputs++;
  a->size[i] = il_shape_count(shape) * (stage == IL_TASK ? TASKS : 1);
  const size_t size = il_type_size(il_graph_real(a->g));
  a->in[i] = malloc((size_t)a->size[i] * size);
  for (int64_t k = 0; k < a->size[i]; k++) {
    const double x = sin(1.7 * (double)(k + 1) * (double)(i + 1)) + 0.3 * cos((double)k);
    if (size == 8)
      ((double *)a->in[i])[k] = 0.6 * x;
    else
      ((float *)a->in[i])[k] = (float)(0.6 * x);
  }
  a->p[i] = il_input(a->g, name, stage, il_graph_real(a->g), shape);
}

static il_value listed(il_graph *g, int count, const il_value *values) {
  il_value flat[MOST];
  for (int i = 0; i < count; i++)
    flat[i] = il_reshape(g, values[i], IL_SHAPE(il_shape_count(il_value_shape(g, values[i]))));
  return il_concat(g, count, flat, 0);
}

static applied apply_to(int which, il_type real, il_stage stage) {
  applied a = {.net = il_net_new(context, nets[which].layers, nets[which].layer,
                                 nets[which].example, OUTPUTS),
               .g = il_graph_new(context, real)};
  assert_fine();
  il_graph *g = a.g;
  const int parameters = il_net_parameters(a.net);
  assert_true(parameters < MOST - 1);
  for (int i = 0; i < parameters; i++)
    add_input(&a, il_net_parameter_name(a.net, i), IL_SHARED, il_net_parameter_shape(a.net, i));
  il_shape x = {.rank = nets[which].example.rank + 1, .dim = {EXAMPLES}};
  memcpy(x.dim + 1, nets[which].example.dim, (size_t)(x.rank - 1) * sizeof *x.dim);
  add_input(&a, "x", stage, x);
  il_value first[MOST], second[MOST], none = {0};
  const il_value y =
      il_net_apply(a.net, g, a.p, a.p[parameters], IL_STATISTICS_BATCH, NULL, none, 0);
  const il_value loss = il_sum_all(g, il_mul(g, y, il_tanh(g, y)));
  il_grad(g, loss, a.inputs, a.p, first); /* by x too */
  il_value product = il_scalar(g, 0);
  for (int i = 0; i < a.inputs; i++)
    product = il_add(g, product,
                     il_scale(g, il_sum_all(g, il_mul(g, first[i], first[i])), 0.1 + 0.05 * i));
  il_grad(g, product, a.inputs, a.p, second);
  il_output(g, "loss", il_reshape(g, loss, IL_SHAPE(1)));
  il_output(g, "product", il_reshape(g, product, IL_SHAPE(1)));
  il_output(g, "first", listed(g, a.inputs, first));
  il_output(g, "second", listed(g, a.inputs, second));
  assert_fine();
  for (int i = 0; i < 4; i++)
    a.out[i] = calloc((size_t)il_shape_count(il_value_shape(g, il_graph_output(g, i))) * TASKS, 8);
  return a;
}

static void finish(applied *a) {
  for (int i = 0; i < a->inputs; i++) free(a->in[i]);
  for (int i = 0; i < 4; i++) free(a->out[i]);
  il_graph_free(a->g);
  il_net_free(a->net);
}

static void interpret(applied *a, int tasks) {
  const il_bindings b = {tasks, (const void *const *)a->in, (void *const *)a->out};
  assert_int_equal(il_reference_run(a->g, &b), IL_OK);
  assert_fine();
}

static void derivatives_agree_with_differences(void **state) {
  (void)state;
  for (int which = 0; which < NETS; which++) {
    applied a = apply_to(which, IL_FLOAT64, IL_SHARED);
    interpret(&a, 1);
    int64_t total = 0, at = 0;
    for (int i = 0; i < a.inputs; i++) total += a.size[i];
    double *expected[2], worst[2] = {0, 0}, size[2] = {0, 0};
    for (int order = 0; order < 2; order++) {
      expected[order] = malloc((size_t)total * 8);
      memcpy(expected[order], a.out[2 + order], (size_t)total * 8);
    }
    const double h = 1e-5;
    for (int i = 0; i < a.inputs; i++)
      for (int64_t k = 0; k < a.size[i]; k++, at++) {
        double *x = (double *)a.in[i] + k, kept = *x, difference[2] = {0, 0};
        for (int sign = -1; sign <= 1; sign += 2) {
          *x = kept + sign * h;
          interpret(&a, 1);
          for (int order = 0; order < 2; order++)
            difference[order] += sign * *a.out[order] / (2 * h);
        }
        *x = kept;
        for (int order = 0; order < 2; order++) {
          const double error = fabs(difference[order] - expected[order][at]);
          worst[order] = error <= worst[order] ? worst[order] : error; /* NaN counts */
          size[order] = fmax(size[order], fabs(expected[order][at]));
        }
      }
    assert_true(total > 200);
    for (int order = 0; order < 2; order++) {
      if (!(size[order] > 0.1 && worst[order] < 1e-6 * (1 + size[order])))
        fail_msg("net %d, order %d: error %g of %g", which, order + 1, worst[order], size[order]);
      free(expected[order]);
    }
    finish(&a);
  }
}

static void plans_give_the_interpreters_bytes(void **state) {
  (void)state;
  static const il_lanes lanes[] = {IL_LANES_NEVER, IL_LANES_ALWAYS};
  for (int which = 0; which < NETS; which++)
    for (int l = 0; l < 2; l++) {
      applied a = apply_to(which, l ? IL_FLOAT64 : IL_FLOAT32, IL_TASK);
      interpret(&a, TASKS);
      const il_plan_options options = {.lanes = lanes[l]};
      il_plan *plan = il_plan_build(a.g, &options);
      assert_fine();
      for (int threads = 1; threads <= 5; threads += 2) {
        void *found[4];
        size_t bytes[4];
        for (int i = 0; i < 4; i++) {
          const il_value v = il_graph_output(a.g, i);
          bytes[i] = (size_t)il_shape_count(il_value_shape(a.g, v)) * TASKS *
                     il_type_size(il_graph_real(a.g));
          found[i] = malloc(bytes[i]);
        }
        il_team *team = il_team_new(context, threads);
        const size_t room = il_plan_workspace(plan, TASKS, threads);
        void *workspace = aligned_alloc(IL_WORKSPACE_ALIGNMENT, (room + 63) / 64 * 64);
        memset(workspace, 0xff, room);
        const il_bindings b = {TASKS, (const void *const *)a.in, found};
        assert_int_equal(il_plan_run(plan, team, workspace, &b), IL_OK);
        for (int i = 0; i < 4; i++) {
          assert_memory_equal(found[i], a.out[i], bytes[i]);
          free(found[i]);
        }
        free(workspace);
        il_team_free(team);
      }
      il_plan_free(plan);
      finish(&a);
    }
}

/* What a layer on x [2,…] gives beside y, both in double: their largest difference. */
static double apart(il_graph *g, il_value a, il_value b, int inputs, void **in) {
  const il_value far = il_max(g, il_abs(g, il_sub(g, a, b)), (1u << il_value_shape(g, a).rank) - 1);
  double found = NAN;
  il_output(g, "apart", il_reshape(g, far, IL_SHAPE(1)));
  assert_fine();
  (void)inputs;
  const il_bindings bindings = {1, (const void *const *)in, (void *const[]){&found}};
  assert_int_equal(il_reference_run(g, &bindings), IL_OK);
  return found;
}

/* The operation with groups is defined by a loop; a layer's is made of others. */
static void grouped_convolutions_are_what_il_conv2d_says(void **state) {
  (void)state;
  static const struct {
    int channels, units, groups, kernel, stride, pad, dilation;
  } rows[] = {{4, 4, 4, 3, 1, 1, 1}, {4, 8, 4, 3, 2, 1, 1}, {6, 6, 3, 3, 1, 2, 2},
              {4, 4, 4, 3, 3, 0, 2}, {6, 4, 2, 2, 2, 1, 1}, {3, 3, 3, 1, 2, 0, 1},
              {2, 6, 2, 3, 2, 4, 3}, {3, 3, 3, 2, 4, 0, 1}};
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    const il_layer layer = {.kind = IL_LAYER_CONV,
                            .units = rows[r].units,
                            .groups = rows[r].groups,
                            .kernel = rows[r].kernel,
                            .stride = rows[r].stride,
                            .pad = rows[r].pad,
                            .dilation = rows[r].dilation};
    applied a = {.net = il_net_new(context, 1, &layer, IL_SHAPE(7, 9, rows[r].channels), 0),
                 .g = il_graph_new(context, IL_FLOAT64)};
    assert_fine();
    il_graph *g = a.g;
    assert_true(il_net_parameter_shape(a.net, 0).dim[2] == rows[r].channels / rows[r].groups);
    add_input(&a, "w", IL_SHARED, il_net_parameter_shape(a.net, 0));
    add_input(&a, "x", IL_SHARED, IL_SHAPE(2, 7, 9, rows[r].channels));
    il_window window = il_window_square(rows[r].kernel, rows[r].stride, rows[r].pad);
    window.dilation[0] = window.dilation[1] = rows[r].dilation;
    window.groups = rows[r].groups;
    il_value y = il_conv2d(g, a.p[1], a.p[0], window), none = {0};
    y = il_reshape(g, y, IL_SHAPE(2, il_shape_count(il_value_shape(g, y)) / 2));
    const il_value found = il_net_apply(a.net, g, a.p, a.p[1], IL_STATISTICS_BATCH, NULL, none, 0);
    assert_true(apart(g, found, y, a.inputs, a.in) < 1e-12);
    finish(&a);
  }
}

/* What is left of each image by itself has mean 0 and variance 1 over what the norm is of. */
static void norms_take_each_example_by_itself(void **state) {
  (void)state;
  static const struct {
    il_layer layer;
    uint32_t axes; /* of [2,12,3,2]: places, groups, channels of a group */
  } rows[] = {{{.kind = IL_LAYER_LAYER_NORM, .eps = 1e-12}, 2 | 4 | 8},
              {{.kind = IL_LAYER_GROUP_NORM, .eps = 1e-12, .groups = 3}, 2 | 8},
              {{.kind = IL_LAYER_INSTANCE_NORM, .eps = 1e-12}, 2}};
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
    for (int what = 0; what < 2; what++) {
      applied a = {.net = il_net_new(context, 1, &rows[r].layer, IL_SHAPE(4, 3, 6), 0),
                   .g = il_graph_new(context, IL_FLOAT64)};
      assert_fine();
      il_graph *g = a.g;
      assert_int_equal(il_net_parameters(a.net), 0);
      add_input(&a, "x", IL_SHARED, IL_SHAPE(2, 4, 3, 6));
      il_value y =
          il_net_apply(a.net, g, NULL, a.p[0], IL_STATISTICS_BATCH, NULL, (il_value){0}, 0);
      y = il_reshape(g, y, IL_SHAPE(2, 12, 3, 2));
      const il_value moment = il_mean(g, what ? il_mul(g, y, y) : y, rows[r].axes);
      const il_value expected = il_constant(g, what, il_value_shape(g, moment));
      assert_true(apart(g, moment, expected, a.inputs, a.in) < 1e-9);
      finish(&a);
    }
}

/* With a large offset TaskNorm is norm, with a large negative one instance norm; each example alone it is that always. */
static void task_norm_lies_between_norm_and_instance_norm(void **state) {
  (void)state;
  static const struct {
    double offset;
    il_statistics statistics;
    il_layer_kind same;
  } rows[] = {{60, IL_STATISTICS_BATCH, IL_LAYER_NORM},
              {-60, IL_STATISTICS_BATCH, IL_LAYER_INSTANCE_NORM},
              {60, IL_STATISTICS_EACH, IL_LAYER_INSTANCE_NORM},
              {0, IL_STATISTICS_BATCH, IL_LAYER_TASK_NORM}};
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    const il_shape example = IL_SHAPE(4, 3, 2);
    const il_layer layer = OWN(TASK_NORM),
                   other = {.kind = rows[r].same, .eps = 1e-3, .affine = true};
    applied a = {.net = il_net_new(context, 1, &layer, example, 0),
                 .g = il_graph_new(context, IL_FLOAT64)};
    il_net *net = il_net_new(context, 1, &other, example, 0);
    assert_fine();
    il_graph *g = a.g;
    assert_string_equal(il_net_parameter_name(a.net, 3), "task_norm1.offset");
    for (int i = 0; i < 4; i++)
      add_input(&a, il_net_parameter_name(a.net, i), IL_SHARED, il_net_parameter_shape(a.net, i));
    add_input(&a, "x", IL_SHARED, IL_SHAPE(3, 4, 3, 2));
    const il_value none = {0};
    ((double *)a.in[2])[0] = 0; /* scale */
    ((double *)a.in[3])[0] = rows[r].offset;
    const il_value y = il_net_apply(a.net, g, a.p, a.p[4], rows[r].statistics, NULL, none, 0);
    il_value z = il_net_apply(net, g, a.p, a.p[4], IL_STATISTICS_BATCH, NULL, none, 0);
    if (rows[r].same == IL_LAYER_TASK_NORM) { /* a is one half: moments of the mixture, by hand */
      const il_value x = a.p[4], mean = il_mean(g, x, 7), own = il_mean(g, x, 6);
      const il_value of_batch = il_mean(g, il_mul(g, x, x), 7),
                     of_own = il_mean(g, il_mul(g, x, x), 6);
      const il_value m = il_scale(g, il_add(g, mean, own), 0.5);
      const il_value v = il_sub(g, il_scale(g, il_add(g, of_batch, of_own), 0.5), il_mul(g, m, m));
      const il_value white = il_div(g, il_sub(g, x, m), il_sqrt(g, il_shift(g, v, 1e-3)));
      z = il_add(g, il_mul(g, white, a.p[0]), a.p[1]);
      z = il_reshape(g, z, il_value_shape(g, y));
    }
    assert_true(apart(g, y, z, a.inputs, a.in) < 1e-9);
    il_net_free(net);
    finish(&a);
  }
}

static void first_values_are_pytorchs(void **state) {
  (void)state;
  const il_layer layer[] = {OWN(TASK_NORM), {.kind = IL_LAYER_ATTENTION, .bias = true}, LINEAR};
  il_net *net = il_net_new(context, 3, layer, IL_SHAPE(5, 16), OUTPUTS);
  assert_fine();
  static const double most[] = {1, 0, 0, 0, 0.30618621784789724, 0, 0.25, 0}; /* √(6/64), 1/√16 */
  for (int i = 0; i < 8; i++) {
    const int64_t count = il_shape_count(il_net_parameter_shape(net, i));
    double w[16 * 48], back[16 * 48], torch[16 * 48], largest = 0;
    il_net_initialize(net, i, 3, IL_FLOAT64, w);
    for (int64_t k = 0; k < count; k++) largest = fmax(largest, fabs(w[k]));
    assert_true(largest <= most[i] && largest >= 0.97 * most[i]);
    il_net_to_torch(net, i, IL_FLOAT64, w, torch);
    il_net_from_torch(net, i, IL_FLOAT64, torch, back);
    assert_memory_equal(w, back, (size_t)count * sizeof *w);
    if (i == 4) assert_true(torch[40 * 16 + 3] == w[3 * 48 + 40]); /* [3c,c] there, [c,3c] here */
  }
  il_net_free(net);
}

/* The published backbone has 12,424,320 numbers without its head. */
static void resnet12_is_the_published_one(void **state) {
  (void)state;
  il_net *net = il_net_preset(context, "resnet12", IL_SHAPE(84, 84, 3), 0, 0);
  assert_fine();
  int64_t numbers = 0;
  for (int i = 0; i < il_net_parameters(net); i++)
    numbers += il_shape_count(il_net_parameter_shape(net, i));
  assert_int_equal(numbers, 12424320);
  il_net_free(net);
}

static void refuses(int layers, const il_layer *layer, il_shape example, const char *sentence) {
  assert_null(il_net_new(context, layers, layer, example, OUTPUTS));
  assert_string_equal(il_context_message(context), sentence);
  il_context_clear(context);
}

static void refusals_say_what_fits(void **state) {
  (void)state;
  const il_shape image = IL_SHAPE(7, 7, 4), features = IL_SHAPE(8);
  const il_layer residual = KIND(RESIDUAL), shortcut = KIND(SHORTCUT), add = KIND(ADD);
  const il_layer conv = CONV(6, 3, 1, 1), linear = LINEAR, flatten = KIND(FLATTEN);
  const il_layer groups = CONV(6, 3, 1, 1, .groups = 4), far = CONV(4, 3, 1, 1, .dilation = 5);
  const il_layer own = OWN(GROUP_NORM, .groups = 3), instance = OWN(INSTANCE_NORM);
  const il_layer pairs = OWN(GROUP_NORM, .groups = 2),
                 heads = {.kind = IL_LAYER_ATTENTION, .heads = 3};
  refuses(4, (il_layer[]){residual, conv, add, linear}, image,
          "il_net_new: layer 3 (add): one branch gives a 7x7x6 image, the other a 7x7x4 image; "
          "expected the same");
  refuses(2, (il_layer[]){residual, linear}, image,
          "il_net_new: layer 1 opens a residual block; expected an add that closes it");
  refuses(2, (il_layer[]){add, linear}, image,
          "il_net_new: layer 1 (add): no residual block is open; expected a residual before it");
  refuses(4, (il_layer[]){residual, shortcut, shortcut, linear}, image,
          "il_net_new: layer 3 (shortcut): a second shortcut in the residual block of layer 1");
  refuses(2, (il_layer[]){groups, linear}, image,
          "il_net_new: layer 1 (conv): groups 4; expected a divisor of its 4 channels and of its 6 "
          "units");
  refuses(2, (il_layer[]){far, linear}, image,
          "il_net_new: layer 1 (conv): stride 1, kernel 3 and dilation 5 leave nothing of a 7x7 "
          "image");
  refuses(2, (il_layer[]){own, linear}, image,
          "il_net_new: layer 1 (group_norm): groups 3; expected a divisor of its 4 channels");
  refuses(3, (il_layer[]){flatten, pairs, linear}, image,
          "il_net_new: layer 2 (group_norm): receives 196 features of a flattened image or signal; "
          "expected it before the flatten");
  refuses(
      2, (il_layer[]){instance, linear}, features,
      "il_net_new: layer 1 (instance_norm): needs an image [h,w,c] or a signal [t,channels] and "
      "receives 8 features");
  refuses(2, (il_layer[]){heads, linear}, image,
          "il_net_new: layer 1 (attention): heads 3; expected a divisor of its 4 channels");
  il_layer deep[36];
  for (int i = 0; i < 17; i++) deep[i] = residual;
  refuses(17, deep, image,
          "il_net_new: layer 17 (residual): more than 16 residual blocks in one another");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(derivatives_agree_with_differences, setup, teardown),
      cmocka_unit_test_setup_teardown(plans_give_the_interpreters_bytes, setup, teardown),
      cmocka_unit_test_setup_teardown(grouped_convolutions_are_what_il_conv2d_says, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(norms_take_each_example_by_itself, setup, teardown),
      cmocka_unit_test_setup_teardown(task_norm_lies_between_norm_and_instance_norm, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(first_values_are_pytorchs, setup, teardown),
      cmocka_unit_test_setup_teardown(resnet12_is_the_published_one, setup, teardown),
      cmocka_unit_test_setup_teardown(refusals_say_what_fits, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
