/* Nets: names, shapes, sentences of errors, initialisation, layouts, norm statistics, losses, Adam. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <innerloop/meta.h>

#include "graph/graph.h"
#include "support/meta.h"

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

static void assert_refused(int layers, const il_layer *layer, il_shape example,
                           const char *sentence) {
  assert_null(il_net_new(context, layers, layer, example, 5));
  assert_string_equal(il_context_message(context), sentence);
  il_context_clear(context);
}

/* Runs a graph of shared values: inputs in order, one output. */
static void run(il_graph *g, const void *const *inputs, void *output) {
  assert_fine();
  il_bindings bindings = {1, inputs, &output};
  il_status status = il_reference_run(g, &bindings);
  assert_fine();
  assert_int_equal(status, IL_OK);
}

static void presets_name_their_parameters(void **state) {
  (void)state;
  static const struct {
    const char *net;
    il_shape example;
    int parameters;
    const char *list;
  } rows[] = {
      {"mlp",
       {1, {1}},
       6,
       "linear1.weight[1,40] linear1.bias[40] linear2.weight[40,40] linear2.bias[40] "
       "linear3.weight[40,5] linear3.bias[5] "},
      {"omniglot_conv",
       {3, {28, 28, 1}},
       14,
       "conv1.weight[3,3,1,64] norm1.weight[64] norm1.bias[64] conv2.weight[3,3,64,64] "
       "norm2.weight[64] "
       "norm2.bias[64] conv3.weight[3,3,64,64] norm3.weight[64] norm3.bias[64] "
       "conv4.weight[3,3,64,64] "
       "norm4.weight[64] norm4.bias[64] linear1.weight[64,5] linear1.bias[5] "},
      {"omniglot_fc",
       {3, {28, 28, 1}},
       14,
       "linear1.weight[784,256] norm1.weight[256] norm1.bias[256] linear2.weight[256,128] "
       "norm2.weight[128] norm2.bias[128] linear3.weight[128,64] norm3.weight[64] norm3.bias[64] "
       "linear4.weight[64,64] norm4.weight[64] norm4.bias[64] linear5.weight[64,5] "
       "linear5.bias[5] "},
  };
  for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
    il_net *net = il_net_preset(context, rows[r].net, rows[r].example, 5, 0);
    assert_fine();
    assert_int_equal(il_net_parameters(net), rows[r].parameters);
    char list[1024] = "", shape[96];
    for (int i = 0; i < il_net_parameters(net); i++) {
      strcat(list, il_net_parameter_name(net, i));
      strcat(list, il_shape_text(il_net_parameter_shape(net, i), shape));
      strcat(list, " ");
    }
    assert_string_equal(list, rows[r].list);
    il_net_free(net);
  }
  il_net *net = il_net_preset(context, "conv4", IL_SHAPE(28, 28, 1), 20, 8);
  assert_fine();
  assert_true(il_shape_equal(il_net_parameter_shape(net, 12), IL_SHAPE(8, 20)));
  il_net_free(net);
  assert_null(il_net_preset(context, "resnet", IL_SHAPE(28, 28, 1), 5, 0));
  assert_string_equal(
      il_context_message(context),
      "il_net_preset: unknown net \"resnet\"; expected mlp, omniglot_fc, omniglot_conv, "
      "conv4, conv1d, resnet12 or relation_conv");
}

static void errors_name_the_layer(void **state) {
  (void)state;
  il_layer conv = {.kind = IL_LAYER_CONV, .units = 4, .kernel = 3, .stride = 2};
  il_layer linear = {.kind = IL_LAYER_LINEAR, .bias = true};
  il_layer dropout = {.kind = IL_LAYER_DROPOUT, .rate = 1};
  il_layer norm = {.kind = IL_LAYER_NORM};
  il_layer pool = {.kind = IL_LAYER_MAX_POOL, .kernel = 2, .stride = 0};
  il_shape image = IL_SHAPE(7, 7, 1);
  assert_refused(4, (il_layer[]){conv, conv, conv, linear}, image,
                 "il_net_new: layer 3 (conv): stride 2 and kernel 3 leave nothing of a 1x1 image");
  assert_refused(2, (il_layer[]){linear, conv}, image,
                 "il_net_new: layer 2 (conv): needs an image [h,w,c] and receives 5 features");
  assert_refused(1, &dropout, image,
                 "il_net_new: layer 1 (dropout): rate 1; expected 0 <= rate < 1");
  assert_refused(1, &norm, image, "il_net_new: layer 1 (norm): eps 0; expected more than 0");
  assert_refused(1, &pool, image,
                 "il_net_new: layer 1 (max_pool): kernel 2, stride 0, pad 0; expected "
                 "kernel and stride >= 1, pad >= 0");
  assert_refused(1, &conv, image,
                 "il_net_new: the last layer gives a 3x3x4 image; expected 5 outputs");
  linear.units = 3;
  assert_refused(1, &linear, image, "il_net_new: the last layer gives 3 outputs; expected 5");
}

static void initial_values_follow_their_scheme(void **state) {
  (void)state;
  il_layer layer[] = {
      {.kind = IL_LAYER_CONV, .units = 50, .kernel = 3, .stride = 1, .bias = true},
      {.kind = IL_LAYER_NORM, .eps = 1e-5, .init = IL_INIT_UNIFORM, .init_scale = 1},
      {.kind = IL_LAYER_LINEAR, .init = IL_INIT_TRUNCATED_NORMAL, .init_scale = 0.01, .bias = true},
  };
  il_net *net = il_net_new(context, 3, layer, IL_SHAPE(8, 8, 4), 5);
  assert_fine();
  static double a[9000], b[9000];
  static float rounded[9000];
  il_net_initialize(net, 0, 3, IL_FLOAT64, a);
  il_net_initialize(net, 0, 3, IL_FLOAT64, b);
  il_net_initialize(net, 0, 3, IL_FLOAT32, rounded);
  assert_memory_equal(a, b, 1800 * sizeof *a);
  double square = 0, bound = 1 / sqrt(36.0);
  for (int i = 0; i < 1800; i++) {
    assert_true(fabs(a[i]) <= bound && rounded[i] == (float)a[i]);
    square += a[i] * a[i] / 1800;
  }
  assert_true(fabs(square / (bound * bound / 3) - 1) < 0.1);
  il_net_initialize(net, 0, 4, IL_FLOAT64, b);
  assert_memory_not_equal(a, b, 1800 * sizeof *a);
  il_net_initialize(net, 2, 3, IL_FLOAT64, a); /* norm1.weight */
  for (int i = 0; i < 50; i++) assert_true(a[i] >= 0 && a[i] < 1);
  il_net_initialize(net, 4, 3, IL_FLOAT64, a); /* linear1.weight */
  for (int i = 0; i < 9000; i++) assert_true(fabs(a[i]) <= 0.02);
  il_net_initialize(net, 5, 3, IL_FLOAT64, a);
  for (int i = 0; i < 5; i++) assert_true(a[i] == 0);
  il_net_free(net);
}

static void torch_layout_goes_there_and_back(void **state) {
  (void)state;
  il_layer layer[] = {
      {.kind = IL_LAYER_CONV, .units = 3, .kernel = 2, .stride = 1},
      {.kind = IL_LAYER_FLATTEN},
      {.kind = IL_LAYER_NORM, .eps = 1e-5},
      {.kind = IL_LAYER_LINEAR},
  };
  il_net *net = il_net_new(context, 4, layer, IL_SHAPE(3, 3, 2), 5);
  assert_fine();
  float torch[60], engine[60], back[60];
  for (int i = 0; i < 60; i++) torch[i] = (float)i;
  for (int i = 0; i < il_net_parameters(net); i++) {
    il_net_from_torch(net, i, IL_FLOAT32, torch, engine);
    il_net_to_torch(net, i, IL_FLOAT32, engine, back);
    assert_memory_equal(torch, back, (size_t)il_shape_count(il_net_parameter_shape(net, i)) * 4);
  }
  il_net_from_torch(net, 0, IL_FLOAT32, torch, engine); /* [3,2,2,2] -> [2,2,2,3] */
  assert_true(engine[0] == 0 && engine[1] == 8 && engine[3] == 4 && engine[6] == 1);
  il_net_from_torch(net, 1, IL_FLOAT32, torch, engine); /* 4 pixels × 3 channels */
  assert_true(engine[0] == 0 && engine[1] == 4 && engine[3] == 1);
  il_net_from_torch(net, 3, IL_FLOAT32, torch, engine); /* [5,12] -> [12,5], rows as above */
  assert_true(engine[1] == 12 && engine[5] == 4 && engine[15] == 1);
  il_net_free(net);
}

static void norm_uses_the_statistics_asked_for(void **state) {
  (void)state;
  il_layer layer[] = {{.kind = IL_LAYER_NORM, .eps = 1e-12}, {.kind = IL_LAYER_MEAN_POOL}};
  il_net *net = il_net_new(context, 2, layer, IL_SHAPE(1, 2, 1), 1);
  assert_fine();
  double x[] = {0, 4, 8, 12}, gamma = 2, beta = 1, y[2];
  const void *inputs[] = {x, &gamma, &beta};
  /* Batch: mean 6, variance 20. Each: every example has its own mean in the middle. Given: the batch's
   * moments under one more pass. */
  const double expected[3][2] = {
      {1 - 8 / sqrt(20.0), 1 + 8 / sqrt(20.0)}, {1 - 8 / sqrt(20.0), 1 + 8 / sqrt(20.0)}, {1, 1}};
  for (int s = IL_STATISTICS_BATCH; s <= IL_STATISTICS_EACH; s++) {
    il_graph *g = il_graph_new(context, IL_FLOAT64);
    il_value in = il_input(g, "x", IL_SHARED, IL_FLOAT64, IL_SHAPE(2, 1, 2, 1));
    il_value p[] = {il_input(g, "gamma", IL_SHARED, IL_FLOAT64, IL_SHAPE(1)),
                    il_input(g, "beta", IL_SHARED, IL_FLOAT64, IL_SHAPE(1))};
    il_moments moments = {0};
    if (s == IL_STATISTICS_GIVEN)
      il_net_apply(net, g, p, in, IL_STATISTICS_BATCH, &moments, (il_value){0}, 0);
    il_output(g, "y", il_net_apply(net, g, p, in, (il_statistics)s, &moments, (il_value){0}, 0));
    run(g, inputs, y);
    for (int i = 0; i < 2; i++) assert_true(fabs(y[i] - expected[s - 1][i]) < 1e-9);
    il_graph_free(g);
  }
  il_net_free(net);
}

/* A net may take relu after the pool that follows it: values and derivatives are those of the order written,
 * also where a whole window is negative. */
static void relu_and_max_pool_may_change_places(void **state) {
  (void)state;
  const il_shape shape = IL_SHAPE(2, 4, 6, 3);
  const il_layer layers[] = {{.kind = IL_LAYER_RELU},
                             {.kind = IL_LAYER_MAX_POOL, .kernel = 2, .stride = 2},
                             {.kind = IL_LAYER_FLATTEN}};
  il_net *net = il_net_new(context, 3, layers, IL_SHAPE(4, 6, 3), 18);
  assert_fine();
  float x[144], found[144], expected[144];
  for (int i = 0; i < 144; i++) x[i] = (float)((i * 37 % 29) - 20) / 10; /* most are negative */
  const void *inputs[] = {x};
  for (int derivative = 0; derivative < 2; derivative++) {
    for (int written = 0; written < 2; written++) {
      il_graph *g = il_graph_new(context, IL_FLOAT32);
      il_value in = il_input(g, "x", IL_SHARED, IL_FLOAT32, shape);
      il_value y =
          written ? il_max_pool(g, il_relu(g, in), il_window_square(2, 2, 0))
                  : il_net_apply(net, g, NULL, in, IL_STATISTICS_BATCH, NULL, (il_value){0}, 0);
      il_value d;
      if (derivative) {
        il_grad(g, il_sum_all(g, il_mul(g, y, y)), 1, &in, &d);
        y = d;
      }
      il_output(g, "y", y);
      run(g, inputs, written ? expected : found);
      il_graph_free(g);
    }
    for (int i = 0; i < (derivative ? 144 : 36); i++)
      assert_true(found[i] == expected[i]); /* zeros may differ in sign */
  }
  il_net_free(net);
}

/* Windows that overlap, reach over the edge and leave a rest, against plain loops: the mean divides by the whole window. The
 * gradient is that of Σ y³, and for the second order that of Σ (∂Σy³/∂x)². */
static void avg_pool_is_the_mean_of_windows(void **state) {
  (void)state;
  enum { H = 5, W = 4, C = 2, OH = 3, OW = 2, K = 3 };
  const il_layer layers[] = {{.kind = IL_LAYER_AVG_POOL, .kernel = K, .stride = 2, .pad = 1},
                             {.kind = IL_LAYER_FLATTEN}};
  il_net *net = il_net_new(context, 2, layers, IL_SHAPE(H, W, C), OH * OW * C);
  assert_fine();
  il_graph *g = il_graph_new(context, IL_FLOAT64);
  il_value x = il_input(g, "x", IL_SHARED, IL_FLOAT64, IL_SHAPE(1, H, W, C)), d, dd;
  il_value y = il_net_apply(net, g, NULL, x, IL_STATISTICS_BATCH, NULL, (il_value){0}, 0);
  il_grad(g, il_sum_all(g, il_mul(g, y, il_mul(g, y, y))), 1, &x, &d);
  il_grad(g, il_sum_all(g, il_mul(g, d, d)), 1, &x, &dd);
  const il_value all[] = {il_reshape(g, y, IL_SHAPE(OH * OW * C)),
                          il_reshape(g, d, IL_SHAPE(H * W * C)),
                          il_reshape(g, dd, IL_SHAPE(H * W * C))};
  il_output(g, "all", il_concat(g, 3, all, 0));
  double in[H][W][C], out[OH * OW * C + 2 * H * W * C];
  for (int i = 0; i < H * W * C; i++) (&in[0][0][0])[i] = sin(1.3 * i) + 0.2;
  run(g, (const void *[]){in}, out);
  /* mean[o][i]: what pixel i counts in window o. */
  double mean[OH * OW][H * W] = {{0}};
  for (int o = 0; o < OH * OW; o++)
    for (int i = 0; i < H * W; i++) {
      const int dy = i / W - (2 * (o / OW) - 1), dx = i % W - (2 * (o % OW) - 1);
      if (dy >= 0 && dy < K && dx >= 0 && dx < K) mean[o][i] = 1. / (K * K);
    }
  for (int c = 0; c < C; c++) {
    double pooled[OH * OW] = {0}, first[H * W] = {0}, second[H * W] = {0};
    for (int o = 0; o < OH * OW; o++)
      for (int i = 0; i < H * W; i++) pooled[o] += mean[o][i] * in[i / W][i % W][c];
    for (int o = 0; o < OH * OW; o++)
      for (int i = 0; i < H * W; i++) first[i] += 3 * pooled[o] * pooled[o] * mean[o][i];
    for (int o = 0; o < OH * OW; o++)
      for (int i = 0; i < H * W; i++)
        for (int j = 0; j < H * W; j++)
          second[i] += 2 * first[j] * 6 * pooled[o] * mean[o][j] * mean[o][i];
    for (int o = 0; o < OH * OW; o++) assert_true(fabs(out[o * C + c] - pooled[o]) < 1e-12);
    for (int i = 0; i < H * W; i++) {
      assert_true(fabs(out[OH * OW * C + i * C + c] - first[i]) < 1e-12);
      assert_true(fabs(out[OH * OW * C + H * W * C + i * C + c] - second[i]) < 1e-12);
    }
  }
  il_graph_free(g);
  il_net_free(net);
}

static void losses_are_means(void **state) {
  (void)state;
  il_graph *g = il_graph_new(context, IL_FLOAT64);
  il_value scores = il_input(g, "scores", IL_SHARED, IL_FLOAT64, IL_SHAPE(2, 3));
  il_value labels = il_input(g, "labels", IL_SHARED, IL_INT32, IL_SHAPE(2));
  il_value parts[] = {il_cross_entropy(g, scores, labels), il_accuracy(g, scores, labels),
                      il_mean_squared_error(g, scores, il_scale(g, scores, 2))};
  for (int i = 0; i < 3; i++) parts[i] = il_reshape(g, parts[i], IL_SHAPE(1));
  il_output(g, "all", il_concat(g, 3, parts, 0));
  double s[] = {1000, 999, 0, 0, 1, 0}, out[3];
  int32_t l[] = {0, 0};
  run(g, (const void *[]){s, l}, out);
  double cross = (log(1 + exp(-1.0)) + log(2 + exp(1.0))) / 2;
  assert_true(fabs(out[0] - cross) < 1e-12);
  assert_true(out[1] == 0.5);
  assert_true(fabs(out[2] - (1e6 + 999. * 999 + 1) / 6) < 1e-6);
  assert_false(il_valid(il_mean_squared_error(g, scores, labels)));
  assert_string_equal(
      il_context_message(context),
      "il_mean_squared_error: prediction [2,3] and target [2]; expected equal shapes");
  il_graph_free(g);
}

static void dropout_keeps_the_mean(void **state) {
  (void)state;
  il_layer layer[] = {{.kind = IL_LAYER_DROPOUT, .rate = 0.25}};
  il_net *net = il_net_new(context, 1, layer, IL_SHAPE(1000), 1000);
  assert_fine();
  il_graph *g = il_graph_new(context, IL_FLOAT64);
  il_value x = il_constant(g, 1, IL_SHAPE(10, 1000));
  il_value key = il_input(g, "key", IL_SHARED, IL_INT32, IL_SHAPE(2));
  assert_int_equal(il_net_apply(net, g, NULL, x, IL_STATISTICS_BATCH, NULL, (il_value){0}, 0).id,
                   x.id);
  il_value one = il_net_apply(net, g, NULL, x, IL_STATISTICS_BATCH, NULL, key, 0);
  il_value two = il_net_apply(net, g, NULL, x, IL_STATISTICS_BATCH, NULL, key, 1);
  assert_int_not_equal(one.id, two.id);
  il_output(g, "mean", il_mean_all(g, one));
  int32_t k[] = {1, 2};
  double mean;
  run(g, (const void *[]){k}, &mean);
  assert_true(fabs(mean - 1) < 0.03);
  il_graph_free(g);
  il_net_free(net);
}

static void adam_follows_the_paper(void **state) {
  (void)state;
  il_graph *g = il_graph_new(context, IL_FLOAT32);
  il_value in[5];
  static const char *const names[] = {"step", "w", "g", "m", "v"};
  for (int i = 0; i < 5; i++)
    in[i] = il_input(g, names[i], IL_SHARED, IL_FLOAT32, il_shape_scalar());
  il_value next[3];
  adam_update(g, 1e-3, in[0], in[1], in[2], in[3], in[4],
              (il_value *[]){&next[0], &next[1], &next[2]});
  for (int i = 0; i < 3; i++) next[i] = il_reshape(g, next[i], IL_SHAPE(1));
  il_output(g, "next", il_concat(g, 3, next, 0));
  float step = 0, state32[3] = {0, 0, 0}, gradient = 0.37f;
  double w = 0, m = 0, v = 0;
  for (int t = 1; t <= 50; t++, step++) {
    float out[3];
    gradient = (float)sin(t);
    run(g, (const void *[]){&step, &state32[0], &gradient, &state32[1], &state32[2]}, out);
    memcpy(state32, out, sizeof out);
    m = 0.9 * m + 0.1 * (double)gradient;
    v = 0.999 * v + 0.001 * (double)gradient * (double)gradient;
    w -= 1e-3 * (m / (1 - pow(0.9, t))) / (sqrt(v / (1 - pow(0.999, t))) + 1e-8);
    assert_true(fabs((double)out[0] - w) < 2e-9 * t);
  }
  il_graph_free(g);
}

static void errors_stay_in_the_context(void **state) {
  (void)state;
  il_net *net = il_net_preset(context, "omniglot_conv", IL_SHAPE(14, 14, 1), 5, 4);
  assert_fine();
  il_graph *g = il_graph_new(context, IL_FLOAT32);
  il_value p[14], gradient[14];
  for (int i = 0; i < 14; i++)
    p[i] = il_input(g, il_net_parameter_name(net, i), IL_SHARED, IL_FLOAT32,
                    il_net_parameter_shape(net, i));
  il_value y = il_input(g, "y", IL_TASK, IL_INT32, IL_SHAPE(5));
  il_value x = il_input(g, "x", IL_TASK, IL_FLOAT32, IL_SHAPE(5, 14, 14, 3));
  il_task task = {.support_x = x, .support_y = y, .query_x = x, .query_y = y};
  const il_outcome result =
      maml_gradient(g, net, (il_inner){.steps = 2, .lr = 0.4}, IL_LOSS_CROSS_ENTROPY,
                    IL_QUERY_STATISTICS_SUPPORT, &task, p, gradient);
  assert_int_equal(il_context_status(context), IL_ERROR_SHAPE);
  assert_string_equal(il_context_message(context),
                      "il_net_apply: x has shape [5,14,14,3]; expected a "
                      "batch of examples of shape [14,14,1]");
  assert_false(il_valid(result.loss));
  il_graph_free(g);
  il_net_free(net);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(presets_name_their_parameters, setup, teardown),
      cmocka_unit_test_setup_teardown(errors_name_the_layer, setup, teardown),
      cmocka_unit_test_setup_teardown(initial_values_follow_their_scheme, setup, teardown),
      cmocka_unit_test_setup_teardown(torch_layout_goes_there_and_back, setup, teardown),
      cmocka_unit_test_setup_teardown(norm_uses_the_statistics_asked_for, setup, teardown),
      cmocka_unit_test_setup_teardown(relu_and_max_pool_may_change_places, setup, teardown),
      cmocka_unit_test_setup_teardown(avg_pool_is_the_mean_of_windows, setup, teardown),
      cmocka_unit_test_setup_teardown(losses_are_means, setup, teardown),
      cmocka_unit_test_setup_teardown(dropout_keeps_the_mean, setup, teardown),
      cmocka_unit_test_setup_teardown(adam_follows_the_paper, setup, teardown),
      cmocka_unit_test_setup_teardown(errors_stay_in_the_context, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
