/* Supervised training: against gradient descent by hand, losses and accuracy by their definitions, running
 * statistics, any number of threads, and how files of parameters are matched with a net. */
#include <innerloop/innerloop.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/random.h"
#include "data/samples.h"
#include "nn/net.h"
#include "fit/model.h"

enum { N = 50, FEATURES = 3, CLASSES = 4 };

typedef struct data {
  float x[N * FEATURES];
  int32_t y[N];
  float t[N * 2];
  il_samples labels, targets;
} data;

static void make_data(data *d) {
  il_random r = il_random_start(3, 0);
  for (int i = 0; i < N; i++) {
    d->y[i] = (int32_t)il_random_below(&r, CLASSES);
    for (int k = 0; k < FEATURES; k++)
      d->x[i * FEATURES + k] = (float)(il_random_normal01(&r) + (d->y[i] == k ? 2 : 0));
    d->t[2 * i] = d->x[i * FEATURES] > 0.5f;
    d->t[2 * i + 1] = d->x[i * FEATURES + 1] + d->x[i * FEATURES + 2] > 1;
  }
  d->labels = (il_samples){.count = N,
                           .example = IL_SHAPE(FEATURES),
                           .type = IL_FLOAT32,
                           .inputs = d->x,
                           .label = d->y,
                           .outputs = CLASSES};
  d->targets = d->labels;
  d->targets.label = NULL;
  d->targets.target = d->t;
  d->targets.outputs = 2;
}

/* One step of gradient descent on softmax regression over all samples, in double. */
static void step_by_hand(const data *d, double lr, double *w, double *b) {
  double gw[FEATURES * CLASSES] = {0}, gb[CLASSES] = {0};
  for (int i = 0; i < N; i++) {
    double p[CLASSES], sum = 0;
    for (int c = 0; c < CLASSES; c++) {
      p[c] = b[c];
      for (int k = 0; k < FEATURES; k++)
        p[c] += (double)d->x[i * FEATURES + k] * w[k * CLASSES + c];
      sum += p[c] = exp(p[c]);
    }
    for (int c = 0; c < CLASSES; c++) {
      double g = (p[c] / sum - (d->y[i] == c)) / N;
      gb[c] += g;
      for (int k = 0; k < FEATURES; k++) gw[k * CLASSES + c] += (double)d->x[i * FEATURES + k] * g;
    }
  }
  for (int i = 0; i < FEATURES * CLASSES; i++) w[i] -= lr * gw[i];
  for (int c = 0; c < CLASSES; c++) b[c] -= lr * gb[c];
}

static void test_gradient_descent_by_hand(void **state) {
  (void)state;
  data d;
  make_data(&d);
  il_context *context = il_context_new();
  il_team *team = il_team_new(context, 2);
  il_model_options kind = {.kind = "linear", .seed = 1};
  il_model *m = il_model_new(context, &kind, d.labels.example, CLASSES);
  double w[FEATURES * CLASSES], b[CLASSES];
  for (int i = 0; i < FEATURES * CLASSES; i++) w[i] = (double)il_model_parameter(m, 0)[i];
  for (int i = 0; i < CLASSES; i++) b[i] = (double)il_model_parameter(m, 1)[i];
  il_fit_options o = il_fit_defaults();
  o.epochs = 20;
  o.batch = N;
  o.lr = 0.5;
  o.optimizer = &il_sgd;
  o.team = team;
  assert_int_equal(il_fit(context, m, &d.labels, &o), IL_OK);
  for (int s = 0; s < 20; s++) step_by_hand(&d, 0.5, w, b);
  for (int i = 0; i < FEATURES * CLASSES; i++)
    assert_true(fabs((double)il_model_parameter(m, 0)[i] - w[i]) < 1e-5);
  for (int i = 0; i < CLASSES; i++)
    assert_true(fabs((double)il_model_parameter(m, 1)[i] - b[i]) < 1e-5);
  il_model_free(m);
  il_team_free(team);
  il_context_free(context);
}

/* The last mini-batch is smaller, parts differ in number, threads differ: the bits do not. */
static void test_threads(void **state) {
  (void)state;
  data d;
  make_data(&d);
  float kept[64 * 8] = {0};
  for (int threads = 1; threads <= 3; threads++) {
    il_context *context = il_context_new();
    il_team *team = il_team_new(context, threads);
    il_model_options kind = {.kind = "mlp", .hidden = 8, .dropout = 0.2, .seed = 5};
    il_model *m = il_model_new(context, &kind, d.targets.example, 2);
    il_fit_options o = il_fit_defaults();
    o.epochs = 3;
    o.batch = 16;
    o.loss = IL_LOSS_BINARY_CROSS_ENTROPY;
    o.team = team;
    assert_int_equal(il_fit(context, m, &d.targets, &o), IL_OK);
    size_t size = FEATURES * 8 * sizeof(float);
    if (threads == 1) memcpy(kept, il_model_parameter(m, 0), size);
    assert_memory_equal(kept, il_model_parameter(m, 0), size);
    il_model_free(m);
    il_team_free(team);
    il_context_free(context);
  }
}

/* The prediction may not change with the targets, and the accuracy is that of the scores alone. */
static void test_no_target_in_the_prediction(void **state) {
  (void)state;
  data d, lie;
  make_data(&d);
  make_data(&lie);
  il_context *context = il_context_new();
  il_team *team = il_team_new(context, 1);
  il_model_options kind = {.kind = "mlp", .hidden = 8, .seed = 5};
  il_model *m = il_model_new(context, &kind, d.targets.example, 2);
  float honest[2 * N], lied[2 * N];
  for (int i = 0; i < 2 * N; i++) lie.t[i] = 1 - d.t[i];
  assert_int_equal(il_predict(context, m, &d.targets, team, honest), IL_OK);
  assert_int_equal(il_predict(context, m, &lie.targets, team, lied), IL_OK);
  assert_memory_equal(honest, lied, sizeof honest);
  il_test_result right, wrong;
  assert_int_equal(il_test(context, m, &d.targets, IL_LOSS_BINARY_CROSS_ENTROPY, team, &right),
                   IL_OK);
  assert_int_equal(il_test(context, m, &lie.targets, IL_LOSS_BINARY_CROSS_ENTROPY, team, &wrong),
                   IL_OK);
  int64_t by_hand = 0;
  for (int i = 0; i < 2 * N; i++) by_hand += (honest[i] > 0) == (d.t[i] > 0.5f);
  assert_int_equal(right.correct, by_hand);
  assert_int_equal(right.total, 2 * N);
  /* Mixed with the targets, both would be the same; here what is right under one is wrong under the other. */
  assert_int_equal(right.correct + wrong.correct, 2 * N);
  il_model_free(m);
  il_team_free(team);
  il_context_free(context);
}

static void test_scores(void **state) {
  (void)state;
  float scores[] = {2, 1, 0, /* */ 0, 3, 3};
  int32_t label[] = {0, 2};
  il_samples s = {.count = 2, .example = IL_SHAPE(1), .label = label, .outputs = 3};
  il_test_result r;
  il_test_scores(&s, IL_LOSS_CROSS_ENTROPY, scores, &r);
  assert_int_equal(r.correct, 1); /* the first of equal scores counts */
  double expected = (log(1 + exp(-1) + exp(-2)) + log(2 + exp(-3))) / 2;
  assert_true(fabs(r.loss - expected) < 1e-12);
  float p[] = {1, -2, 0.5f, 0}, target[] = {1, 0, 0, 1};
  il_samples t = {.count = 2, .example = IL_SHAPE(1), .target = target, .outputs = 2};
  il_test_scores(&t, IL_LOSS_BINARY_CROSS_ENTROPY, p, &r);
  assert_int_equal(r.correct, 2);
  assert_int_equal(r.total, 4);
  expected = 0;
  for (int i = 0; i < 4; i++) {
    double sigmoid = 1 / (1 + exp(-(double)p[i]));
    expected -= target[i] > 0 ? log(sigmoid) : log(1 - sigmoid);
  }
  assert_true(fabs(r.loss - expected / 4) < 1e-12);
}

/* With a learning rate of 0, running statistics come nearer to those of the data. */
static void test_running_statistics(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_team *team = il_team_new(context, 2);
  il_random r = il_random_start(1, 1);
  float x[6 * 16 * 16];
  int32_t y[6] = {0, 1, 0, 1, 0, 1};
  for (size_t i = 0; i < sizeof x / sizeof *x; i++) x[i] = (float)il_random_normal01(&r);
  il_samples s = {6, IL_SHAPE(16, 16, 1), IL_FLOAT32, x, y, NULL, 2};
  il_model_options kind = {.kind = "omniglot_conv", .hidden = 2, .seed = 5};
  il_model *m = il_model_new(context, &kind, s.example, 2);
  il_fit_options o = il_fit_defaults();
  o.epochs = 1;
  o.batch = 6;
  o.lr = 0;
  o.team = team;
  assert_int_equal(il_fit(context, m, &s, &o), IL_OK);
  /* The first convolution by hand: 3×3, stride 2, pad 1, weights [kh,kw,1,2]. */
  const float *w = m->value[0];
  for (int k = 0; k < 2; k++) {
    double sum = 0, squares = 0;
    int n = 6 * 8 * 8;
    for (int i = 0; i < 6; i++)
      for (int oy = 0; oy < 8; oy++)
        for (int ox = 0; ox < 8; ox++) {
          double v = 0;
          for (int ky = 0; ky < 3; ky++)
            for (int kx = 0; kx < 3; kx++) {
              int iy = 2 * oy + ky - 1, ix = 2 * ox + kx - 1;
              if (iy >= 0 && ix >= 0 && iy < 16 && ix < 16)
                v += (double)x[(i * 16 + iy) * 16 + ix] * (double)w[(ky * 3 + kx) * 2 + k];
            }
          sum += v;
          squares += v * v;
        }
    double mean = sum / n, variance = (squares - n * mean * mean) / (n - 1);
    assert_true(fabs((double)m->value[m->parameters][k] - 0.1 * mean) < 1e-6);
    assert_true(fabs((double)m->value[m->parameters + 1][k] - (0.9 + 0.1 * variance)) < 1e-5);
  }
  il_model_free(m);
  il_team_free(team);
  il_context_free(context);
}

/* Two steps of adaptation are two steps of gradient descent on the mean loss, and learning to adapt makes adapted
 * models better, for labels and for targets. */
static void test_meta(void **state) {
  (void)state;
  data d;
  make_data(&d);
  il_context *context = il_context_new();
  il_team *team = il_team_new(context, 2);
  il_meta_options o = il_meta_defaults();
  o.team = team;
  o.inner_steps = 2;
  o.inner_lr = 0.5;
  il_model_options kind = {.kind = "linear", .seed = 1};
  il_model *m = il_model_new(context, &kind, d.labels.example, CLASSES);
  double w[FEATURES * CLASSES], b[CLASSES];
  for (int i = 0; i < FEATURES * CLASSES; i++) w[i] = (double)il_model_parameter(m, 0)[i];
  for (int i = 0; i < CLASSES; i++) b[i] = (double)il_model_parameter(m, 1)[i];
  assert_int_equal(il_adapt(context, m, &d.labels, &o), IL_OK);
  for (int s = 0; s < 2; s++) step_by_hand(&d, 0.5, w, b);
  for (int i = 0; i < FEATURES * CLASSES; i++)
    assert_true(fabs((double)il_model_parameter(m, 0)[i] - w[i]) < 1e-5);
  il_model_free(m);

  kind.kind = "mlp";
  double before, after, interval;
  o.episodes = (il_episodes){IL_EPISODES_BY_CLASS, 2, 2, 3, false};
  o.steps = 60;
  m = il_model_new(context, &kind, d.labels.example, 2);
  assert_int_equal(il_meta_test(context, m, &d.labels, &o, 100, &before, &interval), IL_OK);
  assert_int_equal(il_meta_fit(context, m, &d.labels, &o), IL_OK);
  assert_int_equal(il_meta_test(context, m, &d.labels, &o, 100, &after, &interval), IL_OK);
  assert_true(after > before);
  assert_true(interval > 0 && interval < 0.1);
  il_model_free(m);

  o.episodes = (il_episodes){IL_EPISODES_ALL_CLASSES, 0, 20, 20, false};
  o.loss = IL_LOSS_BINARY_CROSS_ENTROPY;
  m = il_model_new(context, &kind, d.targets.example, 2);
  il_test_result worse, better;
  il_model *plain = il_model_copy(context, m);
  assert_int_equal(il_adapt(context, plain, &d.targets, &o), IL_OK);
  assert_int_equal(il_test(context, plain, &d.targets, o.loss, team, &worse), IL_OK);
  assert_int_equal(il_meta_fit(context, m, &d.targets, &o), IL_OK);
  assert_int_equal(il_adapt(context, m, &d.targets, &o), IL_OK);
  assert_int_equal(il_test(context, m, &d.targets, o.loss, team, &better), IL_OK);
  assert_true(better.loss < worse.loss);
  assert_true(better.accuracy > worse.accuracy);
  il_model_free(plain);
  il_model_free(m);
  il_team_free(team);
  il_context_free(context);
}

static void refused(il_context *context, const char *part) {
  assert_int_not_equal(il_context_status(context), IL_OK);
  if (!strstr(il_context_message(context), part)) fail_msg("%s", il_context_message(context));
  il_context_clear(context);
}

static void write_tensors(const char *path, int count, const il_tensor *tensor) {
  il_context *context = il_context_new();
  assert_int_equal(il_safetensors_write(context, path, count, tensor, 0, NULL), IL_OK);
  il_context_free(context);
}

/* A state dict of nn.Sequential gives its names and sizes; weights are turned. */
static void test_state_dict(void **state) {
  (void)state;
  char path[] = "/tmp/il_fit_XXXXXX";
  close(mkstemp(path));
  il_context *context = il_context_new();
  float w1[5 * 3], b1[5], w2[2 * 5], b2[2] = {7, 8};
  for (int i = 0; i < 15; i++) w1[i] = (float)i;
  for (int i = 0; i < 10; i++) w2[i] = (float)(100 + i);
  for (int i = 0; i < 5; i++) b1[i] = (float)(50 + i);
  il_tensor t[] = {{"layers.2.bias", IL_FLOAT32, IL_SHAPE(2), b2}, /* not in the order of layers */
                   {"layers.2.weight", IL_FLOAT32, IL_SHAPE(2, 5), w2},
                   {"layers.0.bias", IL_FLOAT32, IL_SHAPE(5), b1},
                   {"layers.0.weight", IL_FLOAT32, IL_SHAPE(5, 3), w1}};
  write_tensors(path, 4, t);
  il_model_options kind = {.kind = "mlp", .hidden = 99};
  il_model *m = il_model_open(context, &kind, path, (il_shape){0});
  assert_non_null(m);
  assert_true(il_shape_equal(il_net_parameter_shape(m->net, 0), IL_SHAPE(3, 5)));
  assert_true(il_model_parameter(m, 0)[1] == 3); /* [in 0][out 1] is w1[1][0] */
  assert_true(il_model_parameter(m, 3)[1] == 8);
  assert_int_equal(il_model_save(m, path), IL_OK);
  il_safetensors *file = il_safetensors_open(context, path);
  const il_tensor *saved = il_safetensors_find(file, "layers.0.weight");
  assert_non_null(saved);
  assert_memory_equal(saved->data, w1, sizeof w1);
  il_safetensors_close(file);
  il_model_free(m);

  kind.kind = "linear";
  assert_null(il_model_open(context, &kind, path, (il_shape){0}));
  assert_non_null(strstr(il_context_message(context), "layers.0.weight [5, 3]"));
  refused(context, "linear1.weight [2, 3]");

  float matrix[10 * 2];
  for (int i = 0; i < 20; i++) matrix[i] = (float)i;
  write_tensors(path, 1, &(il_tensor){"tensor", IL_FLOAT32, IL_SHAPE(10, 2), matrix});
  m = il_model_open(context, &kind, path, (il_shape){0});
  assert_non_null(m);
  assert_true(il_shape_equal(m->net->example, IL_SHAPE(10)));
  assert_memory_equal(il_model_parameter(m, 0), matrix, sizeof matrix);
  il_model_free(m);
  unlink(path);
  il_context_free(context);
}

static void test_refusals(void **state) {
  (void)state;
  data d;
  make_data(&d);
  il_context *context = il_context_new();
  il_team *team = il_team_new(context, 1);
  il_model_options kind = {.kind = "mlp", .seed = 5};
  il_fit_options o = il_fit_defaults();
  o.team = team;
  assert_null(il_model_new(context, &(il_model_options){.kind = "cnn"}, IL_SHAPE(3), 2));
  refused(context, "\"cnn\"");
  il_model *m = il_model_new(context, &kind, IL_SHAPE(3), 2);
  il_fit(context, m, &d.targets, &o);
  refused(context, "binary_cross_entropy");
  il_fit(context, m, &d.labels, &o);
  refused(context, "found 4 classes or targets, but the net has 2 outputs");
  d.x[7] = NAN;
  o.loss = IL_LOSS_BINARY_CROSS_ENTROPY;
  il_fit(context, m, &d.targets, &o);
  refused(context, "input 1 of example 2");
  d.x[7] = 0;
  volatile sig_atomic_t stop = 1;
  o.stop = &stop;
  assert_int_equal(il_fit(context, m, &d.targets, &o), IL_ERROR_INTERRUPTED);
  refused(context, "stopped in epoch 1 of 5");
  il_model_free(m);
  il_team_free(team);
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_gradient_descent_by_hand),
      cmocka_unit_test(test_threads),
      cmocka_unit_test(test_no_target_in_the_prediction),
      cmocka_unit_test(test_scores),
      cmocka_unit_test(test_running_statistics),
      cmocka_unit_test(test_meta),
      cmocka_unit_test(test_state_dict),
      cmocka_unit_test(test_refusals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
