/* Nets for signals [t,channels]: equal to nets for images one pixel high, derivatives of first and second order against
 * differences, layouts, norm statistics, dropout, and what is refused. */
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

#include "graph/graph.h"
#include "nn/net.h"

enum { STEPS = 9, CHANNELS = 3, EXAMPLES = 4, OUTPUTS = 2, FILTERS = 4, MOST = 16 };
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

static void refuses(int layers, const il_layer *layer, il_shape example, const char *sentence) {
  assert_null(il_net_new(context, layers, layer, example, OUTPUTS));
  assert_string_equal(il_context_message(context), sentence);
  il_context_clear(context);
}

/* A net with its inputs in a graph in double: parameters, then x, then what else a test adds. */
typedef struct applied {
  il_net *net;
  il_graph *g;
  il_value p[MOST], x;
  double *in[MOST + 4];
  int inputs;
  double *out[4];
  int outputs;
} applied;

static il_value add_input(applied *a, const char *name, il_shape shape, uint64_t seed) {
  const int64_t count = il_shape_count(shape);
  double *data = malloc((size_t)count * sizeof *data);
  for (int64_t i = 0; i < count; i++)
    data[i] = sin(1.7 * (double)(i + 1) * (double)(seed + 1)) + 0.1 * cos((double)i);
  a->in[a->inputs++] = data;
  return il_input(a->g, name, IL_SHARED, IL_FLOAT64, shape);
}

static double *add_output(applied *a, const char *name, il_value v) {
  il_output(a->g, name, v);
  assert_fine();
  double *data =
      calloc((size_t)il_shape_count(il_value_shape(a->g, v)), sizeof *a->out[a->outputs]);
  a->out[a->outputs++] = data;
  return data;
}

static applied apply_to(il_net *net, il_shape x) {
  applied a = {.net = net, .g = il_graph_new(context, IL_FLOAT64)};
  assert_fine();
  for (int i = 0; i < il_net_parameters(net); i++) {
    a.p[i] =
        add_input(&a, il_net_parameter_name(net, i), il_net_parameter_shape(net, i), (uint64_t)i);
    il_net_initialize(net, i, 7, IL_FLOAT64, a.in[i]);
  }
  a.x = add_input(&a, "x", x, 50);
  return a;
}

static void run(applied *a) {
  il_bindings bindings = {1, (const void *const *)a->in, (void *const *)a->out};
  assert_int_equal(il_reference_run(a->g, &bindings), IL_OK);
  assert_fine();
}

static void finish(applied *a) {
  for (int i = 0; i < a->inputs; i++) free(a->in[i]);
  for (int i = 0; i < a->outputs; i++) free(a->out[i]);
  il_graph_free(a->g);
  il_net_free(a->net);
}

static il_value scores_of(applied *a, il_statistics statistics) {
  return il_net_apply(a->net, a->g, a->p, a->x, statistics, NULL, (il_value){0}, 0);
}

#define NORM                                                                                       \
  { .kind = IL_LAYER_NORM, .eps = 1e-5, .init = IL_INIT_UNIFORM, .init_scale = 1 }
#define TANH                                                                                       \
  { .kind = IL_LAYER_TANH }
#define POOL                                                                                       \
  { .kind = IL_LAYER_MAX_POOL, .kernel = 2, .stride = 2 }
#define LINEAR                                                                                     \
  { .kind = IL_LAYER_LINEAR, .bias = true }
#define CONV(kind_, stride_)                                                                       \
  { .kind = kind_, .units = FILTERS, .kernel = 3, .stride = stride_, .pad = 1, .bias = true }

/* Images one pixel high see the middle row of a 3×3 filter and zeros. */
static void equals_a_net_on_images_one_pixel_high(void **state) {
  (void)state;
  for (int pooled = 0; pooled < 2; pooled++) {
    il_layer layer[2][7] = {{CONV(IL_LAYER_CONV1D, 2), NORM, TANH, CONV(IL_LAYER_CONV1D, 1), TANH},
                            {CONV(IL_LAYER_CONV, 2), NORM, TANH, CONV(IL_LAYER_CONV, 1), TANH}};
    for (int k = 0; k < 2; k++) {
      layer[k][5] = (il_layer){.kind = pooled ? IL_LAYER_MEAN_POOL : IL_LAYER_FLATTEN};
      layer[k][6] = (il_layer)LINEAR;
    }
    applied signal = apply_to(il_net_new(context, 7, layer[0], IL_SHAPE(STEPS, CHANNELS), OUTPUTS),
                              IL_SHAPE(EXAMPLES, STEPS, CHANNELS));
    applied image =
        apply_to(il_net_new(context, 7, layer[1], IL_SHAPE(1, STEPS, CHANNELS), OUTPUTS),
                 IL_SHAPE(EXAMPLES, 1, STEPS, CHANNELS));
    assert_int_equal(il_net_parameters(signal.net), il_net_parameters(image.net));
    for (int i = 0; i < il_net_parameters(signal.net); i++) {
      const il_shape s = il_net_parameter_shape(signal.net, i);
      const size_t count = (size_t)il_shape_count(s);
      if (s.rank == 3) { /* [k,in,out] is the middle of [k,k,in,out] */
        assert_int_equal(il_net_parameter_shape(image.net, i).rank, 4);
        memcpy(image.in[i] + count, signal.in[i], count * sizeof(double));
      } else {
        memcpy(image.in[i], signal.in[i], count * sizeof(double));
      }
    }
    applied *both[] = {&signal, &image};
    double *score[2], *slope[2];
    for (int k = 0; k < 2; k++) {
      il_value y = scores_of(both[k], IL_STATISTICS_BATCH), d;
      score[k] = add_output(both[k], "scores", y);
      il_grad(both[k]->g, il_sum_all(both[k]->g, il_mul(both[k]->g, y, y)), 1, &both[k]->x, &d);
      slope[k] = add_output(both[k], "slope", d);
      run(both[k]);
    }
    for (int i = 0; i < EXAMPLES * OUTPUTS; i++)
      assert_true(fabs(score[0][i] - score[1][i]) < 1e-12);
    double size = 0;
    for (int i = 0; i < EXAMPLES * STEPS * CHANNELS; i++) {
      assert_true(fabs(slope[0][i] - slope[1][i]) < 1e-12);
      size = fmax(size, fabs(slope[0][i]));
    }
    assert_true(size > 1e-3);
    finish(&signal);
    finish(&image);
  }
}

/* What layers behind a flatten and pools give: all kinds that signals pass. */
static const il_layer every_kind[] = {
    CONV(IL_LAYER_CONV1D, 1),
    NORM,
    TANH,
    POOL,
    {.kind = IL_LAYER_AVG_POOL, .kernel = 3, .stride = 1, .pad = 1},
    CONV(IL_LAYER_CONV1D, 2),
    NORM,
    {.kind = IL_LAYER_SIGMOID},
    {.kind = IL_LAYER_FLATTEN},
    NORM,
    LINEAR};
enum { EVERY_KIND = sizeof every_kind / sizeof *every_kind };

/* The gradient of the loss, and the gradient of its product with fixed weights (a product with second derivatives),
 * against central differences of the loss and of that product. */
static void derivatives_agree_with_differences(void **state) {
  (void)state;
  applied a =
      apply_to(il_net_new(context, EVERY_KIND, every_kind, IL_SHAPE(STEPS, CHANNELS), OUTPUTS),
               IL_SHAPE(EXAMPLES, STEPS, CHANNELS));
  il_graph *g = a.g;
  const int parameters = il_net_parameters(a.net);
  il_value y = scores_of(&a, IL_STATISTICS_BATCH), first[MOST], second[MOST], flat[MOST];
  il_value loss = il_sum_all(g, il_mul(g, y, il_tanh(g, y)));
  il_grad(g, loss, parameters, a.p, first);
  il_value product = il_scalar(g, 0);
  for (int i = 0; i < parameters; i++) {
    il_value weights = il_constant(g, 0.3 + 0.2 * i, il_value_shape(g, first[i]));
    product = il_add(g, product, il_sum_all(g, il_mul(g, il_mul(g, first[i], first[i]), weights)));
  }
  il_grad(g, product, parameters, a.p, second);
  const il_value number[] = {loss, product};
  const il_value *const gradient[] = {first, second};
  double *found[2], *value[2];
  int64_t total = 0;
  for (int i = 0; i < parameters; i++) total += il_shape_count(il_value_shape(g, a.p[i]));
  for (int order = 0; order < 2; order++) {
    for (int i = 0; i < parameters; i++)
      flat[i] = il_reshape(g, gradient[order][i],
                           IL_SHAPE(il_shape_count(il_value_shape(g, gradient[order][i]))));
    found[order] = add_output(&a, order ? "second" : "first", il_concat(g, parameters, flat, 0));
    value[order] =
        add_output(&a, order ? "product" : "loss", il_reshape(g, number[order], IL_SHAPE(1)));
  }
  run(&a);
  double *expected[2], size[2] = {0, 0}, worst[2] = {0, 0};
  for (int order = 0; order < 2; order++) {
    expected[order] = malloc((size_t)total * sizeof(double));
    memcpy(expected[order], found[order], (size_t)total * sizeof(double));
  }
  const double h = 1e-5;
  int64_t at = 0;
  for (int i = 0; i < parameters; i++)
    for (int64_t k = 0; k < il_shape_count(il_value_shape(g, a.p[i])); k++, at++) {
      const double kept = a.in[i][k];
      double difference[2] = {0, 0};
      for (int sign = -1; sign <= 1; sign += 2) {
        a.in[i][k] = kept + sign * h;
        run(&a);
        for (int order = 0; order < 2; order++) difference[order] += sign * *value[order] / (2 * h);
      }
      a.in[i][k] = kept;
      for (int order = 0; order < 2; order++) {
        const double error = fabs(difference[order] - expected[order][at]);
        worst[order] = error <= worst[order] ? worst[order] : error; /* NaN counts */
        size[order] = fmax(size[order], fabs(expected[order][at]));
      }
    }
  assert_int_equal(at, total);
  assert_true(total > 130);
  for (int order = 0; order < 2; order++) {
    assert_true(size[order] > 0.1);
    assert_true(worst[order] < 1e-7 * (1 + size[order]));
    free(expected[order]);
  }
  finish(&a);
}

/* A batch whose examples are normed each by itself gives what each gives alone, and other scores than the batch's. */
static void norm_takes_each_signal_by_itself(void **state) {
  (void)state;
  const il_layer layer[] = {CONV(IL_LAYER_CONV1D, 1),     NORM,  TANH, POOL,
                            {.kind = IL_LAYER_MEAN_POOL}, LINEAR};
  applied a = apply_to(il_net_new(context, 6, layer, IL_SHAPE(STEPS, CHANNELS), OUTPUTS),
                       IL_SHAPE(EXAMPLES, STEPS, CHANNELS));
  double *each = add_output(&a, "each", scores_of(&a, IL_STATISTICS_EACH));
  double *batch = add_output(&a, "batch", scores_of(&a, IL_STATISTICS_BATCH));
  il_moments moments = {0};
  il_net_apply(a.net, a.g, a.p, a.x, IL_STATISTICS_BATCH, &moments, (il_value){0}, 0);
  double *given = add_output(
      &a, "given",
      il_net_apply(a.net, a.g, a.p, a.x, IL_STATISTICS_GIVEN, &moments, (il_value){0}, 0));
  run(&a);
  double apart = 0;
  for (int i = 0; i < EXAMPLES * OUTPUTS; i++) {
    apart = fmax(apart, fabs(each[i] - batch[i]));
    assert_true(fabs(given[i] - batch[i]) < 1e-12);
  }
  assert_true(apart > 1e-3);
  for (int n = 0; n < EXAMPLES; n++) {
    applied one = apply_to(il_net_copy(a.net), IL_SHAPE(1, STEPS, CHANNELS));
    for (int i = 0; i < il_net_parameters(a.net); i++)
      memcpy(one.in[i], a.in[i],
             (size_t)il_shape_count(il_net_parameter_shape(a.net, i)) * sizeof(double));
    memcpy(one.in[one.inputs - 1], a.in[a.inputs - 1] + (size_t)n * STEPS * CHANNELS,
           (size_t)(STEPS * CHANNELS) * sizeof(double));
    double *alone = add_output(&one, "scores", scores_of(&one, IL_STATISTICS_BATCH));
    run(&one);
    for (int i = 0; i < OUTPUTS; i++) assert_true(fabs(alone[i] - each[n * OUTPUTS + i]) < 1e-12);
    finish(&one);
  }
  finish(&a);
}

static void dropout_zeroes_its_share_of_a_signal(void **state) {
  (void)state;
  const il_layer layer[] = {{.kind = IL_LAYER_DROPOUT, .rate = 0.25}, {.kind = IL_LAYER_FLATTEN}};
  il_net *net = il_net_new(context, 2, layer, IL_SHAPE(500, CHANNELS), 500 * CHANNELS);
  assert_fine();
  il_graph *g = il_graph_new(context, IL_FLOAT64);
  il_value x = il_constant(g, 1, IL_SHAPE(2, 500, CHANNELS));
  il_value key = il_input(g, "key", IL_SHARED, IL_INT32, IL_SHAPE(2));
  il_output(g, "y", il_net_apply(net, g, NULL, x, IL_STATISTICS_BATCH, NULL, key, 0));
  const int32_t k[] = {1, 2};
  static double y[2 * 500 * CHANNELS];
  const void *in[] = {k};
  void *out[] = {y};
  assert_int_equal(il_reference_run(g, &(il_bindings){1, in, out}), IL_OK);
  int zeros = 0;
  for (int i = 0; i < 2 * 500 * CHANNELS; i++) {
    zeros += y[i] == 0;
    assert_true(y[i] == 0 || fabs(y[i] - 4. / 3) < 1e-12);
  }
  assert_true(abs(zeros - 750) < 100);
  il_graph_free(g);
  il_net_free(net);
}

/* Conv1d's [out,in,k] and a linear layer behind nn.Flatten of [n,c,t]. */
static void torch_layout_goes_there_and_back(void **state) {
  (void)state;
  const il_layer layer[] = {{.kind = IL_LAYER_CONV1D, .units = 4, .kernel = 3, .stride = 1},
                            {.kind = IL_LAYER_FLATTEN},
                            {.kind = IL_LAYER_LINEAR}};
  il_net *net = il_net_new(context, 3, layer, IL_SHAPE(5, 2), OUTPUTS);
  assert_fine();
  assert_true(il_shape_equal(il_net_parameter_shape(net, 0), IL_SHAPE(3, 2, 4)));
  float torch[24], engine[24], back[24];
  for (int i = 0; i < 24; i++) torch[i] = (float)i;
  for (int i = 0; i < 2; i++) {
    il_net_from_torch(net, i, IL_FLOAT32, torch, engine);
    il_net_to_torch(net, i, IL_FLOAT32, engine, back);
    assert_memory_equal(torch, back, sizeof torch);
    if (i == 0) /* out o, in c, tap k */
      for (int k = 0; k < 3; k++)
        for (int c = 0; c < 2; c++)
          for (int o = 0; o < 4; o++)
            assert_true(engine[(k * 2 + c) * 4 + o] == torch[(o * 2 + c) * 3 + k]);
    else /* output o, step t of 3, channel c of 4 */
      for (int t = 0; t < 3; t++)
        for (int c = 0; c < 4; c++)
          for (int o = 0; o < 2; o++)
            assert_true(engine[(t * 4 + c) * 2 + o] == torch[o * 12 + c * 3 + t]);
  }
  il_net_free(net);
}

static void the_preset_takes_signals_of_any_length(void **state) {
  (void)state;
  static const int lengths[] = {1, 2, 7, 29, 361};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    applied a = apply_to(il_net_preset(context, "conv1d", IL_SHAPE(lengths[i], 12), 9, 8),
                         IL_SHAPE(3, lengths[i], 12));
    assert_string_equal(il_net_parameter_name(a.net, 0), "conv1d1.weight");
    assert_true(il_shape_equal(il_net_parameter_shape(a.net, 0), IL_SHAPE(5, 12, 8)));
    double *score = add_output(&a, "scores", scores_of(&a, IL_STATISTICS_BATCH));
    run(&a);
    for (int k = 0; k < 27; k++) assert_true(isfinite(score[k]));
    finish(&a);
  }
}

static void refusals_say_what_fits(void **state) {
  (void)state;
  const il_layer conv = CONV(IL_LAYER_CONV, 1), conv1d = CONV(IL_LAYER_CONV1D, 1), linear = LINEAR;
  const il_layer wide = {.kind = IL_LAYER_CONV1D, .units = 1, .kernel = 8, .stride = 1};
  const il_layer mean = {.kind = IL_LAYER_MEAN_POOL};
  const il_shape signal = IL_SHAPE(7, 2), image = IL_SHAPE(7, 7, 1);
  refuses(2, (il_layer[]){conv, linear}, signal,
          "il_net_new: layer 1 (conv): needs an image [h,w,c] and receives a signal of 7 steps and "
          "2 channels");
  refuses(2, (il_layer[]){conv1d, linear}, image,
          "il_net_new: layer 1 (conv1d): needs a signal [t,channels] and receives a 7x7x1 image");
  refuses(2, (il_layer[]){linear, conv1d}, signal,
          "il_net_new: layer 2 (conv1d): needs a signal [t,channels] and receives 2 features");
  refuses(2, (il_layer[]){linear, mean}, signal,
          "il_net_new: layer 2 (mean_pool): needs an image [h,w,c] or a signal [t,channels] and "
          "receives 2 features");
  refuses(2, (il_layer[]){wide, linear}, signal,
          "il_net_new: layer 1 (conv1d): stride 1 and kernel 8 leave nothing of a signal of 7 "
          "steps");
  refuses(
      1, &conv1d, signal,
      "il_net_new: the last layer gives a signal of 7 steps and 4 channels; expected 2 outputs");
  assert_null(il_net_preset(context, "conv4", signal, OUTPUTS, 0));
  assert_string_equal(
      il_context_message(context),
      "il_net_preset: conv4 does not fit the examples (layer 1 (conv): needs an "
      "image [h,w,c] and receives a signal of 7 steps and 2 channels); expected mlp, "
      "omniglot_fc or conv1d");
  il_context_clear(context);
  assert_null(il_net_preset(context, "conv1d", IL_SHAPE(28, 28, 1), OUTPUTS, 0));
  assert_non_null(
      strstr(il_context_message(context),
             "expected mlp, omniglot_fc, omniglot_conv, conv4, resnet12 or relation_conv"));
  il_context_clear(context);
  assert_null(il_net_preset(context, "conv4", IL_SHAPE(8, 8, 1), OUTPUTS, 0)); /* four halvings */
  assert_non_null(
      strstr(il_context_message(context), "expected mlp, omniglot_fc or omniglot_conv"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(equals_a_net_on_images_one_pixel_high, setup, teardown),
      cmocka_unit_test_setup_teardown(derivatives_agree_with_differences, setup, teardown),
      cmocka_unit_test_setup_teardown(norm_takes_each_signal_by_itself, setup, teardown),
      cmocka_unit_test_setup_teardown(dropout_zeroes_its_share_of_a_signal, setup, teardown),
      cmocka_unit_test_setup_teardown(torch_layout_goes_there_and_back, setup, teardown),
      cmocka_unit_test_setup_teardown(the_preset_takes_signals_of_any_length, setup, teardown),
      cmocka_unit_test_setup_teardown(refusals_say_what_fits, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
