/* What belongs to a model besides its parameters: where norm layers take their statistics from, so that adapting and
 * predicting give what meta-training measured, and the scale of the inputs that it was trained on. */
#include <innerloop/innerloop.h>
#include <innerloop/plan.h>
#include <innerloop/train.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/scale.h"
#include "base/error.h"
#include "base/random.h"
#include "data/division.h"
#include "fit/model.h"
#include "support/meta.h"

enum { WAYS = 5, QUERIES = 6, TASKS = 4, CLASSES = 20 };

typedef struct fixture {
  il_context *context;
  il_team *team;
  il_samples *glyphs;
  il_meta_options o;
} fixture;

static void setup(fixture *f) {
  *f = (fixture){.context = il_context_new(), .o = il_meta_defaults()};
  f->team = il_team_new(f->context, 2);
  il_dataset *d = il_dataset_glyphs(f->context, &(il_glyphs){2, 10, 20, 28, 1, 1});
  int cls[CLASSES];
  for (int c = 0; c < CLASSES; c++) cls[c] = c;
  f->glyphs = il_samples_of_classes(f->context, d, CLASSES, cls);
  il_dataset_free(d);
  f->o.episodes = (il_episodes){IL_EPISODES_BY_CLASS, WAYS, 1, QUERIES, false};
  f->o.inner_steps = 3;
  f->o.inner_lr = 0.4;
  f->o.steps = test_scale(150, 3);
  f->o.lr = 0.01;
  f->o.meta_batch = 4;
  f->o.team = f->team;
}

static void teardown(fixture *f) {
  il_samples_free(f->glyphs);
  il_team_free(f->team);
  il_context_free(f->context);
}

static il_model *new_model(const fixture *f) {
  il_model_options kind = {.kind = "omniglot_conv", .hidden = 8, .seed = 3};
  return il_model_new(f->context, &kind, f->glyphs->example, WAYS);
}

/* Support and query set of one task, as il_meta_test draws it. */
static void draw(const fixture *f, il_split split, int task, il_samples **support,
                 il_samples **query) {
  il_division *d = il_division_new(f->context, f->glyphs, &f->o.episodes, f->o.seed);
  assert_non_null(d);
  int64_t example[WAYS * (1 + QUERIES)];
  int32_t label[WAYS * (1 + QUERIES)];
  void *scratch = malloc(il_division_scratch(d));
  il_division_draw(d, (uint64_t)split, (uint64_t)task, scratch, example, label);
  *support = il_samples_subset(f->context, f->glyphs, d->support, example);
  *query = il_samples_subset(f->context, f->glyphs, d->query, example + d->support);
  memcpy(il_samples_room(*support).label, label, (size_t)d->support * sizeof *label);
  memcpy(il_samples_room(*query).label, label + d->support, (size_t)d->query * sizeof *label);
  (*support)->outputs = (*query)->outputs = WAYS;
  free(scratch);
  il_division_free(d);
}

static double figure(const fixture *f, const il_model *m, int tasks) {
  double mean, interval;
  assert_int_equal(il_meta_test(f->context, m, f->glyphs, &f->o, tasks, &mean, &interval), IL_OK);
  return mean * tasks;
}

/* A saved model, opened again, adapted and asked: the accuracy of each task is the one that il_meta_test gives. */
static void test_adapting_follows_meta_training(void **state) {
  (void)state;
  static const il_query_statistics modes[] = {
      IL_QUERY_STATISTICS_QUERY, IL_QUERY_STATISTICS_SUPPORT, IL_QUERY_STATISTICS_EACH};
  char path[] = "/tmp/il_mode_XXXXXX";
  close(mkstemp(path));
  for (int k = 0; k < 3; k++) {
    fixture f;
    setup(&f);
    f.o.query_statistics = modes[k];
    il_model *made = new_model(&f);
    assert_int_equal(il_model_statistics(made), IL_QUERY_STATISTICS_RUNNING);
    assert_int_equal(il_meta_fit(f.context, made, f.glyphs, &f.o), IL_OK);
    assert_int_equal(il_model_save(made, path), IL_OK);
    il_model_free(made);
    il_model_options kind = {.kind = "omniglot_conv"};
    il_model *m = il_model_open(f.context, &kind, path, f.glyphs->example);
    assert_non_null(m);
    assert_int_equal(il_model_statistics(m), modes[k]);
    f.o.query_statistics = 0; /* the model's own */
    double before = 0, worst = 0, mean = 0;
    for (int task = 0; task < TASKS; task++) {
      il_samples *support, *query;
      draw(&f, IL_TEST, task, &support, &query);
      il_model *adapted = il_model_copy(f.context, m);
      assert_int_equal(il_adapt(f.context, adapted, support, &f.o), IL_OK);
      il_test_result r;
      assert_int_equal(il_test(f.context, adapted, query, f.o.loss, f.team, &r), IL_OK);
      double upto = figure(&f, m, task + 1);
      worst = fmax(worst, fabs(r.accuracy - (upto - before)));
      mean += r.accuracy / TASKS;
      before = upto;

      /* An adapted model, saved and opened, is the same; what else is asked matters to QUERY alone. */
      assert_int_equal(il_model_save(adapted, path), IL_OK);
      il_model *again = il_model_open(f.context, &kind, path, f.glyphs->example);
      assert_non_null(again);
      float scores[WAYS * QUERIES][WAYS], alone[WAYS];
      il_samples one = *query;
      one.count = 1;
      assert_int_equal(il_predict(f.context, again, query, f.team, scores[0]), IL_OK);
      assert_int_equal(il_predict(f.context, adapted, &one, f.team, alone), IL_OK);
      bool same = true;
      for (int c = 0; c < WAYS; c++) same = same && fabsf(scores[0][c] - alone[c]) < 1e-4f;
      assert_int_equal(same, modes[k] != IL_QUERY_STATISTICS_QUERY);
      il_model_free(again);
      il_model_free(adapted);
      il_samples_free(support);
      il_samples_free(query);
    }
    /* Sums are taken in another order, so that one query of 30 may tip over. */
    if (!(worst < 1.5 / (WAYS * QUERIES))) fail_msg("mode %d: %g apart", modes[k], worst);
    if (!(mean > test_scale(40, 0) / 100.0))
      fail_msg("mode %d: nothing was learned, accuracy %g", modes[k], mean);
    il_model_free(m);
    teardown(&f);
  }
  unlink(path);
}

/* More samples than one batch holds are asked in equal batches, and none is left out. */
static void test_many_at_once(void **state) {
  (void)state;
  fixture f;
  setup(&f);
  f.o.query_statistics = IL_QUERY_STATISTICS_QUERY;
  f.o.steps = 1;
  il_model_options kind = {.kind = "omniglot_conv", .hidden = 2, .seed = 3};
  il_model *m = il_model_new(f.context, &kind, f.glyphs->example, WAYS);
  assert_int_equal(il_meta_fit(f.context, m, f.glyphs, &f.o), IL_OK);
  enum { MANY = 2 * IL_MODEL_AT_ONCE + 1 };
  int64_t *index = malloc(MANY * sizeof *index);
  for (int i = 0; i < MANY; i++) index[i] = i % f.glyphs->count;
  il_samples *many = il_samples_subset(f.context, f.glyphs, MANY, index);
  for (int i = 0; i < MANY; i++) il_samples_room(many).label[i] %= WAYS;
  many->outputs = WAYS;
  float *scores = malloc(MANY * WAYS * sizeof *scores), *part = malloc(MANY * WAYS * sizeof *part);
  for (int i = 0; i < MANY * WAYS; i++) scores[i] = NAN;
  assert_int_equal(il_predict(f.context, m, many, f.team, scores), IL_OK);
  for (int at = 0; at < MANY; at += MANY / 3) {
    il_samples third = *many;
    third.count = MANY / 3;
    third.inputs = (const char *)many->inputs + (size_t)at * il_samples_stride(many);
    third.label = many->label + at;
    if (at + third.count > MANY) break;
    assert_int_equal(il_predict(f.context, m, &third, f.team, part + at * WAYS), IL_OK);
  }
  assert_memory_equal(scores, part, MANY * WAYS * sizeof *scores);
  free(part);
  free(scores);
  free(index);
  il_samples_free(many);
  il_model_free(m);
  teardown(&f);
}

/* One meta-step of gradient descent against the record of MAML on the same task. */
static void step_by_reference(const fixture *f, const il_model *m, double **expected) {
  il_samples *set[2];
  draw(f, IL_TRAIN, 0, &set[0], &set[1]);
  il_graph *g = il_graph_new(f->context, IL_FLOAT32);
  int n = m->parameters;
  il_value *now = calloc(2 * (size_t)n, sizeof *now), *gradient = now + n;
  const void **input = calloc((size_t)n + 4, sizeof *input);
  void **output = calloc((size_t)n, sizeof *output);
  for (int i = 0; i < n; i++) {
    now[i] = il_input(g, il_net_parameter_name(il_model_net(m), i), IL_SHARED, IL_FLOAT32,
                      il_model_value_shape(m, i));
    input[i] = m->value[i];
    output[i] = malloc((size_t)il_shape_count(il_model_value_shape(m, i)) * sizeof(float));
  }
  il_value x[2], y[2];
  for (int k = 0; k < 2; k++) {
    int64_t count = set[k]->count, *dim = f->glyphs->example.dim;
    x[k] = il_inputs_seen(g, il_input(g, k ? "query_x" : "support_x", IL_TASK, IL_UINT8,
                                      IL_SHAPE(count, dim[0], dim[1], dim[2])));
    y[k] = il_input(g, k ? "query_y" : "support_y", IL_TASK, IL_INT32, IL_SHAPE(count));
    input[n + 2 * k] = set[k]->inputs;
    input[n + 2 * k + 1] = set[k]->label;
  }
  il_task task = {.support_x = x[0], .support_y = y[0], .query_x = x[1], .query_y = y[1]};
  maml_gradient(g, il_model_net(m), (il_inner){.steps = f->o.inner_steps, .lr = f->o.inner_lr},
                f->o.loss, f->o.query_statistics, &task, now, gradient);
  for (int i = 0; i < n; i++) il_output(g, il_net_parameter_name(il_model_net(m), i), gradient[i]);
  il_function *function = il_function_new(g, NULL);
  il_run *run = function ? il_run_new(f->context, function, f->team, 1) : NULL;
  if (!run) fail_msg("%s", il_context_message(f->context));
  for (int i = 0; i < n + 4; i++) il_run_input(run, i, input[i]);
  for (int i = 0; i < n; i++) il_run_output(run, i, output[i]);
  assert_int_equal(il_run_go(run, 1), IL_OK);
  for (int i = 0; i < n; i++) {
    int64_t count = il_shape_count(il_model_value_shape(m, i));
    expected[i] = malloc((size_t)count * sizeof **expected);
    for (int64_t k = 0; k < count; k++)
      expected[i][k] = (double)m->value[i][k] - f->o.lr * (double)((float *)output[i])[k];
    free(output[i]);
  }
  il_run_free(run);
  il_function_free(function);
  free(output);
  free(input);
  free(now);
  il_samples_free(set[0]);
  il_samples_free(set[1]);
}

static void test_each_query_alone(void **state) {
  (void)state;
  static const il_query_statistics modes[] = {
      IL_QUERY_STATISTICS_QUERY, IL_QUERY_STATISTICS_SUPPORT, IL_QUERY_STATISTICS_EACH};
  il_model *made[3];
  fixture f;
  setup(&f);
  f.o.steps = f.o.meta_batch = 1;
  f.o.optimizer = &il_sgd;
  f.o.lr = 0.1;
  for (int k = 0; k < 3; k++) {
    f.o.query_statistics = modes[k];
    made[k] = new_model(&f);
    double **expected = calloc((size_t)made[k]->parameters, sizeof *expected), moved = 0;
    step_by_reference(&f, made[k], expected);
    il_model *start = il_model_copy(f.context, made[k]);
    assert_int_equal(il_meta_fit(f.context, made[k], f.glyphs, &f.o), IL_OK);
    for (int i = 0; i < made[k]->parameters; i++) {
      for (int64_t j = 0; j < il_shape_count(il_model_value_shape(made[k], i)); j++) {
        double found = (double)made[k]->value[i][j];
        moved = fmax(moved, fabs(found - (double)start->value[i][j]));
        if (!(fabs(found - expected[i][j]) < 1e-5))
          fail_msg("mode %d: %g, expected %g", modes[k], found, expected[i][j]);
      }
      free(expected[i]);
    }
    assert_true(moved > 1e-3);
    free(expected);
    il_model_free(start);
  }
  for (int k = 0; k < 2; k++)
    assert_memory_not_equal(made[k]->value[0], made[2]->value[0],
                            (size_t)il_shape_count(il_model_value_shape(made[2], 0)) * 4);
  assert_int_not_equal(il_model_set_statistics(made[0], 7), IL_OK);
  il_context_clear(f.context);
  f.o.query_statistics = IL_QUERY_STATISTICS_RUNNING;
  assert_int_not_equal(il_meta_fit(f.context, made[0], f.glyphs, &f.o), IL_OK);
  assert_non_null(strstr(il_context_message(f.context), "query_statistics 4"));
  il_context_clear(f.context);
  for (int k = 0; k < 3; k++) il_model_free(made[k]);
  teardown(&f);
}

/* ---- squared error ---- */

static void seen(void *user, const il_meta_progress *p) {
  il_meta_progress *last = user;
  *last = *p;
}

/* There is no accuracy, and the loss is not passed off as one. */
static void test_squared_error(void **state) {
  (void)state;
  enum { N = 60 };
  il_context *context = il_context_new();
  il_team *team = il_team_new(context, 2);
  il_random r = il_random_start(3, 0);
  float x[N], y[N];
  for (int i = 0; i < N; i++) {
    x[i] = (float)il_random_normal01(&r);
    y[i] = 1 / (1 + x[i] * x[i]);
  }
  il_samples s = {.count = N,
                  .example = IL_SHAPE(1),
                  .type = IL_FLOAT32,
                  .inputs = x,
                  .target = y,
                  .outputs = 1};
  il_model_options kind = {.kind = "mlp", .hidden = 16, .seed = 1};
  il_model *m = il_model_new(context, &kind, s.example, 1);
  il_meta_progress last = {.accuracy = 1};
  il_meta_options o = il_meta_defaults();
  o.episodes = (il_episodes){IL_EPISODES_ALL_CLASSES, 0, 20, 20, false};
  o.loss = IL_LOSS_MEAN_SQUARED_ERROR;
  o.steps = 20;
  o.team = team;
  o.progress = seen;
  o.user = &last;
  il_test_result worse, better;
  assert_int_equal(il_test(context, m, &s, o.loss, team, &worse), IL_OK);
  assert_int_equal(il_meta_fit(context, m, &s, &o), IL_OK);
  assert_int_equal(last.step, 20);
  assert_true(last.loss > 0 && last.loss < 1);
  assert_true(isnan(last.accuracy));
  assert_int_equal(il_adapt(context, m, &s, &o), IL_OK);
  assert_int_equal(il_test(context, m, &s, o.loss, team, &better), IL_OK);
  assert_true(better.loss < worse.loss);
  assert_true(isnan(better.accuracy));
  float scores[N];
  double sum = 0;
  assert_int_equal(il_predict(context, m, &s, team, scores), IL_OK);
  for (int i = 0; i < N; i++)
    sum += ((double)scores[i] - (double)y[i]) * ((double)scores[i] - (double)y[i]);
  assert_true(fabs(better.loss - sum / N) < 1e-9);
  il_model_free(m);
  il_team_free(team);
  il_context_free(context);
}

/* ---- scale of the inputs ---- */

static void refused(il_context *context, const char *part) {
  assert_int_not_equal(il_context_status(context), IL_OK);
  if (!strstr(il_context_message(context), part)) fail_msg("%s", il_context_message(context));
  il_context_clear(context);
}

static void test_scale_of_inputs(void **state) {
  (void)state;
  char path[] = "/tmp/il_scale_XXXXXX";
  close(mkstemp(path));
  fixture f;
  setup(&f);
  il_samples raw = *f.glyphs, unit = raw;
  int64_t n = raw.count * il_shape_count(raw.example);
  float *whole = malloc((size_t)n * sizeof *whole), *part = malloc((size_t)n * sizeof *part);
  for (int64_t i = 0; i < n; i++) {
    whole[i] = ((const uint8_t *)f.glyphs->inputs)[i];
    part[i] = whole[i] * (float)IL_PIXEL_SCALE;
  }
  raw.type = unit.type = IL_FLOAT32;
  raw.inputs = whole;
  unit.inputs = part;
  il_model_options kind = {.kind = "mlp", .hidden = 16, .seed = 3};
  il_model *m = il_model_new(f.context, &kind, raw.example, CLASSES);
  il_test_result pixels, reals;
  /* A model that was not trained takes anything. */
  assert_int_equal(il_test(f.context, m, &raw, f.o.loss, f.team, &reals), IL_OK);
  il_fit_options o = il_fit_defaults();
  o.team = f.team;
  o.epochs = 2;
  assert_int_equal(il_fit(f.context, m, f.glyphs, &o), IL_OK);
  assert_int_equal(il_test(f.context, m, f.glyphs, f.o.loss, f.team, &pixels), IL_OK);
  assert_int_equal(il_test(f.context, m, &unit, f.o.loss, f.team, &reals), IL_OK);
  assert_int_equal(pixels.correct, reals.correct);
  il_test(f.context, m, &raw, f.o.loss, f.team, &reals);
  refused(f.context, "trained on pixels divided by 255");
  assert_int_equal(il_model_save(m, path), IL_OK);
  il_model_free(m);
  m = il_model_open(f.context, &kind, path, raw.example);
  assert_non_null(m);
  assert_int_equal(il_model_trained_inputs(m), IL_MODEL_INPUTS_PIXELS);
  il_test(f.context, m, &raw, f.o.loss, f.team, &reals);
  refused(f.context, "trained on pixels divided by 255");
  il_model *headed = il_model_with_head(f.context, m, WAYS, 1);
  il_meta_fit(f.context, headed, &raw, &f.o);
  refused(f.context, "trained on pixels divided by 255");
  il_model_free(headed);
  il_model_free(m);

  m = il_model_new(f.context, &kind, raw.example, CLASSES);
  o.lr = 1e-5;
  assert_int_equal(il_fit(f.context, m, &raw, &o), IL_OK);
  assert_int_equal(il_model_trained_inputs(m), IL_MODEL_INPUTS_REALS);
  il_test(f.context, m, f.glyphs, f.o.loss, f.team, &pixels);
  refused(f.context, "found pixels (u8), but the model was trained on reals");
  il_model_free(m);
  free(part);
  free(whole);
  unlink(path);
  teardown(&f);
}

/* ---- several data sets in a file ---- */

static void test_keys_of_a_file(void **state) {
  (void)state;
  char path[] = "/tmp/il_both_XXXXXX", keyed[64];
  close(mkstemp(path));
  il_context *context = il_context_new();
  float x[6] = {0, 1, 2, 3, 4, 5};
  int64_t y[3] = {0, 1, 2};
  static const char *const names[][4] = {
      {"train[0][0]", "train[0][1]", "test[0][0]", "test[0][1]"},
      {"data.train.x", "data.train.y", "data.val_set.x", "data.val_set.y"},
      {"train.inputs", "train.labels", "other.inputs", "other.labels"}};
  static const char *const said[] = {
      "\"train\" and \"test\"", "\"data.train\" and \"data.val_set\"", "\"train\" and \"other\""};
  static const char *const key[] = {"test", "data.val_set", "train"};
  static const il_file_format format[] = {IL_FILE_TORCH, IL_FILE_NPZ, IL_FILE_SAFETENSORS};
  static const int count[] = {2, 2, 3};
  for (int k = 0; k < 3; k++) {
    il_tensor t[] = {{names[k][0], IL_FLOAT32, IL_SHAPE(3, 2), x},
                     {names[k][1], IL_INT64, IL_SHAPE(3), y},
                     {names[k][2], IL_FLOAT32, IL_SHAPE(2, 2), x},
                     {names[k][3], IL_INT64, IL_SHAPE(2), y}};
    assert_int_equal(il_tensors_write(context, path, format[k], 4, t), IL_OK);
    assert_null(il_samples_open(context, path));
    assert_non_null(strstr(il_context_message(context), "choose one by its key"));
    refused(context, said[k]);
    snprintf(keyed, sizeof keyed, "%s:%s", path, key[k]);
    il_samples *s = il_samples_open(context, keyed);
    if (!s) fail_msg("%s", il_context_message(context));
    assert_int_equal(s->count, count[k]);
    il_samples_free(s);
    snprintf(keyed, sizeof keyed, "%s:tets", path);
    assert_null(il_samples_open(context, keyed));
    refused(context, "nothing stands under the key \"tets\"; found \"");
  }
  snprintf(keyed, sizeof keyed, "%s.not:there", path);
  assert_null(il_samples_open(context, keyed));
  refused(context, ".not:there");
  unlink(path);
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_adapting_follows_meta_training),
      cmocka_unit_test(test_many_at_once),
      cmocka_unit_test(test_each_query_alone),
      cmocka_unit_test(test_squared_error),
      cmocka_unit_test(test_scale_of_inputs),
      cmocka_unit_test(test_keys_of_a_file),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
