/* Models of listed layers: a Sequential of nn.Conv1d, BatchNorm1d, ReLU, MaxPool1d, Flatten and Linear as PyTorch saves
 * it gives the scores of PyTorch's formulas, written out here in PyTorch's order of dimensions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fit/model.h"

enum { N = 5, IN = 3, T = 11, OUT = 4, K = 5, STRIDE = 2, PAD = 2, T1 = 6, T2 = 3, CLASSES = 6 };
static const il_layer layers[] = {{.kind = IL_LAYER_CONV1D,
                                   .units = OUT,
                                   .kernel = K,
                                   .stride = STRIDE,
                                   .pad = PAD,
                                   .bias = true},
                                  {.kind = IL_LAYER_NORM, .eps = 1e-5, .init = IL_INIT_ONE},
                                  {.kind = IL_LAYER_RELU},
                                  {.kind = IL_LAYER_MAX_POOL, .kernel = 2, .stride = 2},
                                  {.kind = IL_LAYER_FLATTEN},
                                  {.kind = IL_LAYER_LINEAR, .bias = true}};
enum { LAYERS = sizeof layers / sizeof *layers };

/* As torch.nn has them. */
static float x[N][IN][T], w[OUT][IN][K], b[OUT], gamma_[OUT], beta[OUT], mean[OUT], variance[OUT],
    head[CLASSES][OUT * T2], head_bias[CLASSES];
static const int32_t y[N] = {0, 1, 2, 3, CLASSES - 1};

static void fill(float *at, size_t count, double seed) {
  for (size_t i = 0; i < count; i++) at[i] = (float)sin(seed * (double)(i + 1) + seed * seed);
}

static void scores_of_torch(float scores[N][CLASSES]) {
  for (int n = 0; n < N; n++) {
    double h[OUT][T1], flat[OUT * T2];
    for (int o = 0; o < OUT; o++)
      for (int t = 0; t < T1; t++) {
        double sum = (double)b[o];
        for (int c = 0; c < IN; c++)
          for (int k = 0; k < K; k++) {
            const int at = t * STRIDE + k - PAD;
            if (at >= 0 && at < T) sum += (double)w[o][c][k] * (double)x[n][c][at];
          }
        sum = (sum - (double)mean[o]) / sqrt((double)variance[o] + 1e-5) * (double)gamma_[o] +
              (double)beta[o];
        h[o][t] = sum > 0 ? sum : 0;
      }
    for (int o = 0; o < OUT; o++)
      for (int t = 0; t < T2; t++) flat[o * T2 + t] = fmax(h[o][2 * t], h[o][2 * t + 1]);
    for (int k = 0; k < CLASSES; k++) {
      double sum = (double)head_bias[k];
      for (int i = 0; i < OUT * T2; i++) sum += (double)head[k][i] * flat[i];
      scores[n][k] = (float)sum;
    }
  }
}

static void a_sequential_for_signals_gives_its_scores(void **state) {
  (void)state;
  char folder[] = "/tmp/innerloop-listed-XXXXXX", weights[64], data[64], again[64];
  assert_non_null(mkdtemp(folder));
  snprintf(weights, sizeof weights, "%s/net.pth", folder);
  snprintf(again, sizeof again, "%s/again.pth", folder);
  snprintf(data, sizeof data, "%s/data.pt", folder);
  fill(&x[0][0][0], sizeof x / sizeof(float), 1.3);
  fill(&w[0][0][0], sizeof w / sizeof(float), 2.1);
  fill(&head[0][0], sizeof head / sizeof(float), 0.7);
  fill(b, OUT, 3.3);
  fill(gamma_, OUT, 4.7);
  fill(beta, OUT, 5.9);
  fill(mean, OUT, 6.1);
  fill(head_bias, CLASSES, 8.3);
  for (int o = 0; o < OUT; o++) variance[o] = 0.5f + (float)o;
  const int64_t seen = 40;
  const il_tensor net[] = {{"0.weight", IL_FLOAT32, IL_SHAPE(OUT, IN, K), w},
                           {"0.bias", IL_FLOAT32, IL_SHAPE(OUT), b},
                           {"1.weight", IL_FLOAT32, IL_SHAPE(OUT), gamma_},
                           {"1.bias", IL_FLOAT32, IL_SHAPE(OUT), beta},
                           {"1.running_mean", IL_FLOAT32, IL_SHAPE(OUT), mean},
                           {"1.running_var", IL_FLOAT32, IL_SHAPE(OUT), variance},
                           {"1.num_batches_tracked", IL_INT64, il_shape_scalar(), &seen},
                           {"5.weight", IL_FLOAT32, IL_SHAPE(CLASSES, OUT * T2), head},
                           {"5.bias", IL_FLOAT32, IL_SHAPE(CLASSES), head_bias}};
  const il_tensor samples[] = {{"x", IL_FLOAT32, IL_SHAPE(N, IN, T), x},
                               {"y", IL_INT32, IL_SHAPE(N), y}};
  il_context *context = il_context_new();
  il_team *team = il_team_new(context, 2);
  assert_int_equal(il_tensors_write(context, weights, IL_FILE_TORCH, 9, net), IL_OK);
  assert_int_equal(il_tensors_write(context, data, IL_FILE_TORCH, 2, samples), IL_OK);
  il_samples *s = il_samples_open_signals(context, data);
  const il_model_options options = {.layers = LAYERS, .layer = layers};
  assert_true(il_model_of_signals(&options));
  il_model *m = s ? il_model_open(context, &options, weights, s->example) : NULL;
  if (!m) fail_msg("%s", il_context_message(context));
  float expected[N][CLASSES], found[N][CLASSES];
  scores_of_torch(expected);
  assert_int_equal(il_predict(context, m, s, team, &found[0][0]), IL_OK);
  double spread = 0;
  for (int i = 0; i < N * CLASSES; i++) {
    const double e = (double)(&expected[0][0])[i], f = (double)(&found[0][0])[i];
    assert_true(fabs(e - f) < 1e-5);
    spread = fmax(spread, fabs(e - (double)expected[0][0]));
  }
  assert_true(spread > 0.1);
  /* Saved again it is the same state dict. */
  assert_int_equal(il_model_save(m, again), IL_OK);
  il_tensors *back = il_tensors_open(context, again);
  assert_non_null(back);
  for (int i = 0; i < 9; i++) {
    if (i == 6) continue;
    const il_tensor *t = il_tensors_find(back, net[i].name);
    assert_non_null(t);
    assert_true(il_shape_equal(t->shape, net[i].shape));
    assert_memory_equal(t->data, net[i].data,
                        (size_t)il_shape_count(t->shape) * il_type_size(t->type));
  }
  il_tensors_close(back);
  il_model_free(m);
  /* Another net is refused with both sides. */
  il_layer other[LAYERS];
  memcpy(other, layers, sizeof layers);
  other[0].kernel = 3;
  other[0].pad = 1;
  assert_null(il_model_open(context, &(il_model_options){.layers = LAYERS, .layer = other}, weights,
                            s->example));
  assert_non_null(strstr(il_context_message(context), "the file has 0.weight [4, 3, 5]"));
  assert_non_null(strstr(il_context_message(context), "the net has conv1d1.weight [4, 3, 3]"));
  il_context_clear(context);
  assert_null(il_model_new(context, &(il_model_options){.layers = 3, .layer = layers}, s->example,
                           CLASSES));
  assert_string_equal(il_context_message(context),
                      "a model of 3 layers, of which none is linear; expected one that gives the "
                      "outputs");
  il_samples_free(s);
  unlink(weights);
  unlink(again);
  unlink(data);
  rmdir(folder);
  il_team_free(team);
  il_context_free(context);
}

/* A norm behind the last linear layer is as wide as the outputs: another head has another one. */
static void another_head_may_be_wider_than_a_norm_behind_it(void **state) {
  (void)state;
  const il_layer normed[] = {{.kind = IL_LAYER_NORM, .eps = 1e-5},
                             {.kind = IL_LAYER_LINEAR, .bias = true},
                             {.kind = IL_LAYER_NORM, .eps = 1e-5}};
  il_context *context = il_context_new();
  il_model *m =
      il_model_new(context, &(il_model_options){.layers = 3, .layer = normed}, IL_SHAPE(4), 40);
  assert_non_null(m);
  m->value[m->parameters][3] = 7; /* running mean of the first norm */
  il_model *narrow = il_model_with_head(context, m, 2, 1);
  assert_non_null(narrow);
  assert_true(narrow->value[narrow->parameters][3] == 7);
  assert_int_equal(il_shape_count(il_model_value_shape(narrow, narrow->parameters + 2)), 2);
  il_model_free(narrow);
  il_model_free(m);
  il_context_free(context);
}

/* A model has no support set whose moments TaskNorm could take; residual blocks and groups it has, and reads what it wrote. */
static void residual_blocks_come_back_and_task_norm_is_refused(void **state) {
  (void)state;
  const il_layer blocks[] = {
      {.kind = IL_LAYER_RESIDUAL},
      {.kind = IL_LAYER_CONV1D, .units = 4, .kernel = 3, .stride = 1, .pad = 1, .groups = 2},
      {.kind = IL_LAYER_GROUP_NORM, .eps = 1e-5, .groups = 2, .affine = true},
      {.kind = IL_LAYER_ADD},
      {.kind = IL_LAYER_ATTENTION, .heads = 2, .bias = true},
      {.kind = IL_LAYER_LINEAR, .bias = true}};
  const il_layer blended[] = {{.kind = IL_LAYER_TASK_NORM, .eps = 1e-5},
                              {.kind = IL_LAYER_LINEAR, .bias = true}};
  char path[] = "/tmp/il_blocks_XXXXXX";
  il_context *context = il_context_new();
  const il_shape example = IL_SHAPE(6, 4);
  il_model *m =
      il_model_new(context, &(il_model_options){.layers = 6, .layer = blocks}, example, 3);
  if (!m) fail_msg("%s", il_context_message(context));
  il_model_draw(m, 5);
  close(mkstemp(path));
  if (il_model_save(m, path) != IL_OK) fail_msg("%s", il_context_message(context));
  il_model *back =
      il_model_open(context, &(il_model_options){.layers = 6, .layer = blocks}, path, example);
  if (!back) fail_msg("%s", il_context_message(context));
  assert_int_equal(back->parameters, 9);
  for (int i = 0; i < m->parameters; i++)
    assert_memory_equal(m->value[i], back->value[i],
                        (size_t)il_shape_count(il_model_value_shape(m, i)) * sizeof(float));
  unlink(path);
  il_model_free(back);
  il_model_free(m);
  assert_null(
      il_model_new(context, &(il_model_options){.layers = 2, .layer = blended}, example, 3));
  assert_string_equal(il_context_message(context),
                      "a model with task_norm, which takes the moments of a task's support set; "
                      "expected another norm, or `innerloop train`");
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_sequential_for_signals_gives_its_scores),
      cmocka_unit_test(another_head_may_be_wider_than_a_norm_behind_it),
      cmocka_unit_test(residual_blocks_come_back_and_task_norm_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
