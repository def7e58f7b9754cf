/* Configurations, the meta-gradient of tasks in a file against an independent implementation, and what is
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <innerloop/train.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config_tasks.h"
#include "data/batch.h"
#include "io/io.h"
#include "train/patience.h"

enum { MOST = 32 };
static char folder[64];

static int make_folder(void **state) {
  (void)state;
  strcpy(folder, "/tmp/innerloop-train-XXXXXX");
  return mkdtemp(folder) ? 0 : -1;
}
static int remove_folder(void **state) {
  (void)state;
  static const char *const names[] = {"weights", "tasks", "gradient", "short"};
  char path[128];
  for (int i = 0; i < 4; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, names[i]);
    unlink(path);
  }
  return rmdir(folder);
}

static void every_key_reads_back(void **state) {
  (void)state;
  il_context *context = il_context_new();
  for (int i = 0; i < il_presets(); i++) {
    il_config *config = il_config_load(context, il_preset_at(i)->name);
    assert_non_null(config);
    char *text = il_config_dump(config);
    il_config *again = il_config_parse(context, "echo", text);
    assert_non_null(again);
    char *second = il_config_dump(again);
    assert_string_equal(text, second);
    for (int k = 0; k < il_config_keys(); k++) {
      char accepts[256];
      il_config_key key = il_config_key_at(k, accepts, sizeof accepts);
      assert_string_equal(il_config_get(config, key.key), il_config_get(again, key.key));
    }
    free(second);
    free(text);
    il_config_free(again);
    il_config_free(config);
  }
  assert_int_equal(il_context_status(context), IL_OK);
  il_context_free(context);
}

static void strange_text_reads_back(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_config *config = il_config_new(context);
  assert_int_equal(il_config_set(config, "task.data=a \"b\" \\ c: {d}\t#e\xc3\xa9"), IL_OK);
  char *text = il_config_dump(config);
  il_config *again = il_config_parse(context, "echo", text);
  assert_non_null(again);
  assert_string_equal(il_config_get(again, "task.data"), "a \"b\" \\ c: {d}\t#e\xc3\xa9");
  free(text);
  il_config_free(again);
  il_config_free(config);
  il_context_free(context);
}

static void wrong_values_are_named(void **state) {
  (void)state;
  static const char *const wrong[][2] = {
      {"task.ways=1", "task.ways"},
      {"task.ways=", "task.ways"},
      {"task.ways=5x", "task.ways"},
      {"task.ways=99999999999999999999", "task.ways"},
      {"task.train_shots=5-1", "a range of them such as 1-5"},
      {"inner.lr=nan", "inner.lr"},
      {"inner.lr=-1", "inner.lr"},
      {"inner.lr=1e999", "inner.lr"},
      {"outer.optimizer=ada", "outer.optimizer"},
      {"inner.first_order=1", "first_order"},
      {"precision=float", "precision"},
      {"sead=1", "did you mean seed?"},
      {"=1", "key=value"},
      {"zzzzzzzzzzzz=1", "unknown key"},
  };
  il_context *context = il_context_new();
  il_config *config = il_config_new(context);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    assert_int_equal(il_config_set(config, wrong[i][0]), IL_ERROR_CONFIG);
    if (!strstr(il_context_message(context), wrong[i][1]))
      fail_msg("%s: %s", wrong[i][0], il_context_message(context));
    il_context_clear(context);
  }
  assert_string_equal(il_config_get(config, "task.ways"), "5");
  il_config_free(config);
  il_context_free(context);
}

static void hostile_yaml_is_refused(void **state) {
  (void)state;
  static const char *const texts[] = {"[]",
                                      "task",
                                      "task: [1, 2]",
                                      "task: {ways: {deep: 1}}",
                                      "? [a]\n: 1",
                                      "model: {layers: [conv]}",
                                      "model: {layers: [{}]}",
                                      "model: {layers: [{kind: conv, kernel: -1}]}",
                                      "model: {layers: [{kind: conv, kernel: 2.5}]}",
                                      "model: {layers: [{kind: dropout, rate: 1}]}",
                                      "model: {layers: [{kind: conv, colour: 1}]}",
                                      "task: &a\n  ways: *a",
                                      "\"a\\0b\": 1",
                                      "preset: [x]",
                                      "\xff\xfe\xff"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    il_context *context = il_context_new();
    il_config *config = il_config_parse(context, "text", texts[i]);
    if (config) fail_msg("accepted: %s", texts[i]);
    assert_int_not_equal(il_context_status(context), IL_OK);
    assert_non_null(strstr(il_context_message(context), "text"));
    il_context_free(context);
  }
}

/* ---- meta-gradient of a file, against the fixtures of tests/parity ---- */
typedef struct fixture {
  il_context *context;
  il_config *config;
  il_team *team;
  il_safetensors *file;
  char weights[128], tasks[128], gradient[128];
} fixture;

static void write_some(il_context *context, const char *path, const il_safetensors *file,
                       const char *prefix) {
  il_tensor tensor[MOST];
  int count = 0;
  for (int i = 0; i < il_safetensors_count(file); i++) {
    il_tensor t = *il_safetensors_at(file, i);
    if (strncmp(t.name, prefix, strlen(prefix))) continue;
    t.name += strlen(prefix);
    tensor[count++] = t;
  }
  assert_int_equal(il_safetensors_write(context, path, count, tensor, 0, NULL), IL_OK);
}

static void write_tasks(il_context *context, const char *path, const il_safetensors *file) {
  static const char *const names[] = {"support_x", "support_y", "query_x", "query_y"};
  il_tensor tensor[4];
  for (int i = 0; i < 4; i++) tensor[i] = *il_safetensors_find(file, names[i]);
  assert_int_equal(il_safetensors_write(context, path, 4, tensor, 0, NULL), IL_OK);
}

static const char mlp_config[] =
    "{task: {source: sinusoid}, model: {preset: mlp}, inner: {steps: 5, lr: 0.01}}";
static const char conv_config[] = "inner: {steps: 1, lr: 0.4}\n"
                                  "model:\n  layers:\n"
                                  "  - {kind: conv, units: 8, stride: 2, pad: 1, bias: false}\n  - "
                                  "{kind: norm}\n  - {kind: relu}\n"
                                  "  - {kind: conv, units: 8, stride: 2, pad: 1, bias: false}\n  - "
                                  "{kind: norm}\n  - {kind: relu}\n"
                                  "  - {kind: mean_pool}\n  - {kind: linear}\n";

static fixture open_fixture(const char *name, const char *config) {
  fixture f = {.context = il_context_new()};
  char path[256];
  snprintf(path, sizeof path, "%s/parity/fixtures/%s.safetensors", TEST_DATA, name);
  f.file = il_safetensors_open(f.context, path);
  f.config = il_config_parse(f.context, "fixture", config);
  f.team = il_team_new(f.context, 2);
  assert_int_equal(il_context_status(f.context), IL_OK);
  snprintf(f.weights, sizeof f.weights, "%s/weights", folder);
  snprintf(f.tasks, sizeof f.tasks, "%s/tasks", folder);
  snprintf(f.gradient, sizeof f.gradient, "%s/gradient", folder);
  write_some(f.context, f.weights, f.file, "parameter.");
  write_tasks(f.context, f.tasks, f.file);
  return f;
}

static void close_fixture(fixture *f) {
  il_safetensors_close(f->file);
  il_team_free(f->team);
  il_config_free(f->config);
  il_context_free(f->context);
}

static double number_at(const il_tensor *t, int64_t i) {
  return t->type == IL_FLOAT64 ? ((const double *)t->data)[i] : (double)((const float *)t->data)[i];
}

static void agrees(const fixture *f, const char *variant, il_type real, double tolerance) {
  double loss = 0;
  char name[128];
  il_config_set(f->config, real == IL_FLOAT64 ? "precision=float64" : "precision=float32");
  il_status status =
      il_gradient_of_file(f->context, f->config, f->weights, f->tasks, f->gradient, f->team, &loss);
  if (status != IL_OK) fail_msg("%s", il_context_message(f->context));
  snprintf(name, sizeof name, "%s.loss", variant);
  double expected_loss = number_at(il_safetensors_find(f->file, name), 0);
  assert_true(fabs(loss - expected_loss) <= tolerance * fabs(expected_loss));
  il_safetensors *got = il_safetensors_open(f->context, f->gradient);
  assert_non_null(got);
  assert_true(il_safetensors_count(got) > 0);
  for (int i = 0; i < il_safetensors_count(got); i++) {
    const il_tensor *a = il_safetensors_at(got, i);
    assert_int_equal(a->type, real);
    snprintf(name, sizeof name, "%s.gradient.%s", variant, a->name);
    const il_tensor *b = il_safetensors_find(f->file, name);
    assert_non_null(b);
    assert_true(il_shape_equal(a->shape, b->shape));
    double difference = 0, size = 0;
    for (int64_t j = 0; j < il_shape_count(a->shape); j++) {
      difference += pow(number_at(a, j) - number_at(b, j), 2);
      size += pow(number_at(b, j), 2);
    }
    if (sqrt(difference) > tolerance * sqrt(size))
      fail_msg("%s: relative error %g", name, sqrt(difference / size));
  }
  il_safetensors_close(got);
}

static void file_gradients_agree(void **state) {
  (void)state;
  fixture f = open_fixture("mlp", mlp_config);
  agrees(&f, "second.query", IL_FLOAT64, 1e-10);
  agrees(&f, "second.query", IL_FLOAT32, 1e-3);
  il_config_set(f.config, "inner.first_order=true");
  agrees(&f, "first.query", IL_FLOAT64, 1e-10);
  close_fixture(&f);
  f = open_fixture("conv", conv_config);
  agrees(&f, "second.query", IL_FLOAT64, 1e-10);
  il_config_set(f.config, "meta.query_statistics=support");
  agrees(&f, "second.support", IL_FLOAT64, 1e-10);
  agrees(&f, "second.support", IL_FLOAT32, 1e-3);
  close_fixture(&f);
}

static void refused(fixture *f, const char *text) {
  double loss;
  assert_int_not_equal(
      il_gradient_of_file(f->context, f->config, f->weights, f->tasks, f->gradient, f->team, &loss),
      IL_OK);
  if (!strstr(il_context_message(f->context), text))
    fail_msg("expected \"%s\" in: %s", text, il_context_message(f->context));
  il_context_clear(f->context);
}

static void files_that_do_not_fit_are_named(void **state) {
  (void)state;
  fixture f = open_fixture("conv", conv_config);
  il_config_set(f.config, "task.ways=4");
  refused(&f, "label 4, expected 0 to 3");
  il_config_set(f.config, "task.ways=6");
  refused(&f, "linear1.bias [5]; the net has linear1.weight [6, 8]");
  il_config_set(f.config, "task.ways=5");

  il_tensor tensor[MOST];
  int count = 0;
  il_safetensors *whole = il_safetensors_open(f.context, f.weights);
  for (; count < il_safetensors_count(whole); count++)
    tensor[count] = *il_safetensors_at(whole, count);
  snprintf(f.weights, sizeof f.weights, "%s/short", folder);
  il_safetensors_write(f.context, f.weights, count - 1, tensor, 0, NULL);
  refused(
      &f,
      "the file has linear1.weight [5, 8]; the net has linear1.weight [5, 8], linear1.bias [5]");
  tensor[count] = tensor[0];
  tensor[count].name = "other";
  il_safetensors_write(f.context, f.weights, count + 1, tensor, 0, NULL);
  refused(&f, "the file has other [");
  il_safetensors_close(whole);
  close_fixture(&f);
}

/* PyTorch's labels are i64, and what it saves is no safetensors. */
static void tasks_come_in_any_format(void **state) {
  (void)state;
  fixture f = open_fixture("conv", conv_config);
  agrees(&f, "second.query", IL_FLOAT64, 1e-10);
  il_safetensors *whole = il_safetensors_open(f.context, f.tasks);
  il_tensor tensor[4];
  int64_t *label[4] = {0};
  for (int i = 0; i < 4; i++) {
    tensor[i] = *il_safetensors_at(whole, i);
    if (tensor[i].type != IL_INT32) continue;
    const int64_t count = il_shape_count(tensor[i].shape);
    label[i] = malloc((size_t)count * sizeof(int64_t));
    for (int64_t j = 0; j < count; j++) label[i][j] = ((const int32_t *)tensor[i].data)[j];
    tensor[i].type = IL_INT64;
    tensor[i].data = label[i];
  }
  for (int format = IL_FILE_TORCH; format <= IL_FILE_SAFETENSORS; format++) {
    if (format == IL_FILE_NPY) continue;
    snprintf(f.tasks, sizeof f.tasks, "%s/tasks.%d", folder, format);
    assert_int_equal(il_tensors_write(f.context, f.tasks, (il_file_format)format, 4, tensor),
                     IL_OK);
    agrees(&f, "second.query", IL_FLOAT64, 1e-10);
    agrees(&f, "second.query", IL_FLOAT32, 1e-3);
    remove(f.tasks);
  }
  for (int i = 0; i < 4; i++)
    if (label[i]) label[i][1] = (int64_t)1 << 32;
  il_tensors_write(f.context, f.tasks, IL_FILE_NPZ, 4, tensor);
  refused(&f, "has label -1, expected 0 to 4");
  remove(f.tasks);
  for (int i = 0; i < 4; i++) free(label[i]);
  il_safetensors_close(whole);
  close_fixture(&f);
}

static void check_sees_first_order(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_config *config = il_config_load(context, "sinusoid-5shot-maml");
  il_team *team = il_team_new(context, 2);
  il_meta_check check;
  assert_int_equal(il_check_meta_gradient(context, config, team, &check), IL_OK);
  assert_true(check.agrees);
  assert_true(check.worst < 1e-6);
  assert_true(check.second_share > 1e-4);
  /* Without inner steps both are the plain gradient. */
  il_config_set(config, "inner.steps=0");
  assert_int_equal(il_check_meta_gradient(context, config, team, &check), IL_OK);
  assert_true(check.second_share < 1e-12);
  il_team_free(team);
  il_config_free(config);
  il_context_free(context);
}

/* Signals of a data set, by the preset and by listed layers of every kind that they pass. */
static void check_of_signals(void **state) {
  (void)state;
  enum { CLASSES = 9, EACH = 5, STEPS = 11, CHANNELS = 3 };
  static float x[CLASSES * EACH * STEPS * CHANNELS];
  int32_t start[CLASSES + 1];
  for (int i = 0; i < CLASSES * EACH * STEPS * CHANNELS; i++)
    x[i] = (float)(sin(0.37 * i * (1 + i / (EACH * STEPS * CHANNELS))) + 0.3 * cos(1.9 * i));
  for (int c = 0; c <= CLASSES; c++) start[c] = c * EACH;
  const il_tensor tensor[] = {
      {"class_start", IL_INT32, IL_SHAPE(CLASSES + 1), start},
      {"examples", IL_FLOAT32, IL_SHAPE(CLASSES * EACH, STEPS, CHANNELS), x}};
  char path[128], setting[160];
  snprintf(path, sizeof path, "%s/tasks", folder);
  snprintf(setting, sizeof setting, "task.data=%s", path);
  static const char *const models[] = {
      "{preset: conv1d, filters: 8}",
      "{layers: [{kind: conv1d, units: 6, pad: 1}, {kind: norm}, {kind: relu}, {kind: max_pool},"
      " {kind: conv1d, units: 6, stride: 2, bias: false}, {kind: norm}, {kind: tanh},"
      " {kind: flatten}, {kind: linear}]}"};
  il_context *context = il_context_new();
  il_team *team = il_team_new(context, 2);
  assert_int_equal(il_safetensors_write(context, path, 2, tensor, 0, NULL), IL_OK);
  for (int i = 0; i < 2; i++) {
    char text[512];
    snprintf(text, sizeof text,
             "task: {source: dataset, ways: 3, shots: 2, queries: 2, train_classes: 3,"
             " validation_classes: 3}\ninner: {steps: 2}\nmodel: %s\n",
             models[i]);
    il_config *config = il_config_parse(context, "signals", text);
    assert_non_null(config);
    assert_int_equal(il_config_set(config, setting), IL_OK);
    il_meta_check check;
    if (il_check_meta_gradient(context, config, team, &check) != IL_OK)
      fail_msg("%s", il_context_message(context));
    assert_true(check.agrees && check.norm > 1e-3);
    assert_true(check.second_share > 1e-3);
    il_config_free(config);
  }
  unlink(path);
  il_team_free(team);
  il_context_free(context);
}

/* ---- plan.* decides here as it does in training ---- */

static il_config *drawn_images(il_context *context, const char *model) {
  static const char *const settings[] = {"glyphs.alphabets=2", "glyphs.classes=12",
                                         "task.train_classes=10", "task.validation_classes=6",
                                         "task.queries=2"};
  il_config *config = il_config_load(context, "glyphs-5w1s-maml");
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
    assert_int_equal(il_config_set(config, settings[i]), IL_OK);
  assert_int_equal(il_config_set(config, model), IL_OK);
  assert_int_equal(il_config_set(config, "model.filters=16"), IL_OK);
  return config;
}

static void write_drawn_tasks(il_context *context, const il_config *config, il_team *team,
                              const char *path) {
  static const char *const names[] = {"support_x", "support_y", "query_x", "query_y"};
  il_tasks *from = il_config_tasks(context, config);
  il_batch batch;
  il_batch_init(&batch, from, IL_TRAIN, 0, IL_FLOAT32, (il_task_needs){0}, 2, 2);
  il_batch_draw(&batch, team, IL_TRAIN, 0, 2);
  il_tensor tensor[4];
  for (int i = 0; i < 4; i++) {
    const int rows = i < 2 ? batch.shape.support : batch.shape.query;
    tensor[i] =
        (il_tensor){names[i], i % 2 ? IL_INT32 : IL_UINT8,
                    i % 2 ? IL_SHAPE(2, rows) : IL_SHAPE(2, rows, 28, 28, 1), batch.input[i]};
  }
  assert_int_equal(il_safetensors_write(context, path, 4, tensor, 0, NULL), IL_OK);
  il_batch_free(&batch);
  il_tasks_free(from);
}

static void plan_keys_are_obeyed(void **state) {
  (void)state;
  static const char *const cases[][2] = {{"model.preset=omniglot_fc", "plan.factored=off"},
                                         {"model.preset=conv4", "plan.winograd=off"}};
  il_context *context = il_context_new();
  il_team *team = il_team_new(context, 2);
  char weights[128], tasks[128], gradient[128];
  snprintf(weights, sizeof weights, "%s/weights", folder);
  snprintf(tasks, sizeof tasks, "%s/tasks", folder);
  snprintf(gradient, sizeof gradient, "%s/gradient", folder);
  for (int i = 0; i < 2; i++) {
    il_config *config = drawn_images(context, cases[i][0]);
    if (i == 0) il_config_set(config, "model.filters=0");
    assert_int_equal(il_write_initial(context, config, weights), IL_OK);
    write_drawn_tasks(context, config, team, tasks);
    il_meta_check check[2];
    double loss[2];
    char *bytes[2];
    size_t size[2];
    for (int k = 0; k < 2; k++) {
      if (k) il_config_set(config, cases[i][1]);
      assert_int_equal(
          il_gradient_of_file(context, config, weights, tasks, gradient, team, &loss[k]), IL_OK);
      FILE *file = fopen(gradient, "rb");
      bytes[k] = malloc(1 << 22);
      size[k] = fread(bytes[k], 1, 1 << 22, file);
      fclose(file);
      if (i == 0) /* Winograd's products are float32's alone */
        assert_int_equal(il_check_meta_gradient(context, config, team, &check[k]), IL_OK);
    }
    assert_true(fabs(loss[0] - loss[1]) < 1e-4);
    assert_int_equal(size[0], size[1]);
    assert_memory_not_equal(bytes[0], bytes[1], size[0]); /* other rounding */
    assert_true(i || (check[0].norm != check[1].norm &&
                      fabs(check[0].norm - check[1].norm) < 1e-9 * check[0].norm));
    free(bytes[0]);
    free(bytes[1]);
    il_config_free(config);
  }
  assert_int_equal(il_context_status(context), IL_OK);
  il_team_free(team);
  il_context_free(context);
}

/* 20 of 70 right, added up in two orders: the later one is no better, and no earlier one is thrown away for it. */
static void rounding_is_no_progress(void **state) {
  (void)state;
  il_patience p = {0};
  il_patience_take(&p, 4, 0.285714291, false);
  il_patience_take(&p, 9, 0.285714293, false);
  assert_int_equal(p.best_step, 4);
  assert_int_equal(p.since, 1);
  il_patience_take(&p, 10, 0.3, false);
  assert_int_equal(p.best_step, 10);
  il_patience_keep(&p, 2, 4, 0.27500000596, false);
  il_patience_keep(&p, 2, 9, 0.27500000782, false);
  assert_int_equal(p.kept_step[0], 4);
  assert_int_equal(p.kept_step[1], 9);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rounding_is_no_progress),
      cmocka_unit_test(every_key_reads_back),
      cmocka_unit_test(strange_text_reads_back),
      cmocka_unit_test(wrong_values_are_named),
      cmocka_unit_test(hostile_yaml_is_refused),
      cmocka_unit_test(file_gradients_agree),
      cmocka_unit_test(files_that_do_not_fit_are_named),
      cmocka_unit_test(tasks_come_in_any_format),
      cmocka_unit_test(check_sees_first_order),
      cmocka_unit_test(check_of_signals),
      cmocka_unit_test(plan_keys_are_obeyed),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
