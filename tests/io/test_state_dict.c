/* Nets that PyTorch trained and saved: loaded into ours, they give PyTorch's scores; files that do not fit are refused
 * with both sides; samples that PyTorch saved are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fit/model.h"
#include "io/state_dict.h"

static const char *const versions[] = {"torch-1.13", "torch-2.15"};
enum { VERSIONS = 2, OUTPUTS = 5, IMAGES = 2 };

static const char *fixture(int version, const char *name) {
  static char found[1024];
  snprintf(found, sizeof found, "%s/io/fixtures/torch/%s/%s", TEST_DATA, versions[version], name);
  return found;
}

/* PyTorch's [n,c,h,w] pixels as the samples' [n,h,w,c]. */
static void turn(const il_tensor *images, uint8_t *out) {
  const int64_t *d = images->shape.dim;
  const uint8_t *in = images->data;
  for (int64_t n = 0; n < d[0]; n++)
    for (int64_t c = 0; c < d[1]; c++)
      for (int64_t p = 0; p < d[2] * d[3]; p++) out[(n * d[2] * d[3] + p) * d[1] + c] = *in++;
}

/* The largest difference from PyTorch's scores in evaluation mode, running statistics and all. */
static double distance(il_context *context, il_team *team, const char *kind, const char *weights,
                       const char *expected) {
  il_tensors *file = il_tensors_open(context, expected);
  assert_non_null(file);
  const il_tensor *images = il_tensors_find(file, "images");
  const float *scores = il_tensors_find(file, "scores")->data;
  int64_t side = images->shape.dim[2];
  uint8_t *pixels = malloc((size_t)il_shape_count(images->shape));
  turn(images, pixels);
  int32_t label[IMAGES] = {0};
  il_samples samples = {.count = IMAGES,
                        .example = IL_SHAPE(side, side, 3),
                        .type = IL_UINT8,
                        .inputs = pixels,
                        .label = label,
                        .outputs = OUTPUTS};
  il_model_options options = {.kind = kind};
  il_model *m = il_model_open(context, &options, weights, samples.example);
  if (!m) fail_msg("%s", il_context_message(context));
  float got[IMAGES * OUTPUTS];
  assert_int_equal(il_predict(context, m, &samples, team, got), IL_OK);
  double worst = 0, spread = 0;
  for (int i = 0; i < IMAGES * OUTPUTS; i++) {
    worst = fmax(worst, fabs((double)(got[i] - scores[i])));
    spread = fmax(spread, fabs((double)(scores[i] - scores[0])));
  }
  assert_true(spread > 0.1); /* scores that say something */
  il_model_free(m);
  il_tensors_close(file);
  free(pixels);
  return worst;
}

static void test_scores(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_team *team = il_team_new(context, 2);
  for (int v = 0; v < VERSIONS; v++)
    for (int net = 0; net < 2; net++) {
      char weights[64], expected[64];
      const char *name = net ? "flat" : "conv4";
      snprintf(expected, sizeof expected, "%s_scores.pth", name);
      snprintf(weights, sizeof weights, "%s.pth", name);
      char *path = strdup(fixture(v, weights));
      double worst =
          distance(context, team, net ? "omniglot_fc" : "conv4", path, fixture(v, expected));
      print_message("%s, %s: scores differ by at most %.1e\n", versions[v], name, worst);
      assert_true(worst < 1e-5);
      free(path);
    }
  il_team_free(team);
  il_context_free(context);
}

/* The same state dict by way of the other formats, whose tensors may be sorted by name. */
static void test_formats(void **state) {
  (void)state;
  static const struct {
    const char *ending, *name;
    il_file_format format;
  } ways[] = {{"npz", "npz", IL_FILE_NPZ},
              {"safetensors", "safetensors", IL_FILE_SAFETENSORS},
              {"pt", "PyTorch zip", IL_FILE_TORCH}};
  char folder[] = "/tmp/innerloop-state-XXXXXX", path[128];
  assert_non_null(mkdtemp(folder));
  il_context *context = il_context_new();
  il_team *team = il_team_new(context, 1);
  il_tensors *file = il_tensors_open(context, fixture(1, "conv4.pth"));
  assert_non_null(file);
  int count = il_tensors_count(file);
  for (int sorted = 0; sorted < 2; sorted++)
    for (int i = 0; i < 3; i++) {
      il_tensor tensor[64];
      for (int k = 0; k < count; k++) tensor[k] = *il_tensors_at(file, k);
      for (int a = 1; sorted && a < count; a++)
        for (int b = a; b > 0 && strcmp(tensor[b - 1].name, tensor[b].name) > 0; b--) {
          il_tensor kept = tensor[b];
          tensor[b] = tensor[b - 1];
          tensor[b - 1] = kept;
        }
      snprintf(path, sizeof path, "%s/w.%s", folder, ways[i].ending);
      assert_int_equal(il_tensors_write(context, path, ways[i].format, count, tensor), IL_OK);
      assert_true(distance(context, team, "conv4", path, fixture(1, "conv4_scores.pth")) < 1e-5);
      /* A model saved again is the same state dict. */
      il_model_options options = {.kind = "conv4"};
      il_model *m = il_model_open(context, &options, path, IL_SHAPE(32, 32, 3));
      assert_int_equal(il_model_save(m, path), IL_OK);
      il_model_free(m);
      il_tensors *saved = il_tensors_open(context, path);
      assert_string_equal(il_tensors_format(saved), ways[i].name);
      const il_tensor *weight = il_tensors_find(saved, "features.4.weight");
      assert_memory_equal(weight->data, il_tensors_find(file, "features.4.weight")->data, 576);
      il_tensors_close(saved);
      unlink(path);
    }
  il_tensors_close(file);
  il_team_free(team);
  il_context_free(context);
  rmdir(folder);
}

static void expect(il_context *context, const char *part) {
  if (!strstr(il_context_message(context), part)) fail_msg("%s", il_context_message(context));
}

static void test_mismatch(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_model_options options = {.kind = "mlp"};
  assert_null(il_model_open(context, &options, fixture(1, "flat.pth"), IL_SHAPE(8, 8, 3)));
  expect(context, "the file has 1.weight [8, 192], 2.weight [8]");
  expect(context, "; the net has linear1.weight [8, 192], linear1.bias [8], linear2.weight [5, 8]");
  il_context_clear(context);
  options.kind = "conv4";
  assert_null(il_model_open(context, &options, fixture(1, "conv4.pth"), IL_SHAPE(28, 28, 3)));
  expect(context,
         "apart from 8 layers that do: the file has classifier.weight [5, 16], classifier.bias "
         "[5]; the net has linear1.weight [5, 4], linear1.bias [5]");
  il_context_clear(context);
  assert_null(il_model_open(context, &options, fixture(1, "module.pth"), IL_SHAPE(28, 28, 3)));
  expect(context, "torch.nn.modules.linear.Linear");
  il_context_free(context);
}

/* One layer of a kind and shape stands for another only by its place; a name decides. */
static void test_match(void **state) {
  (void)state;
  float data[4] = {0};
  il_state_value value[] = {{"linear1.weight", {2, {2, 2}}, false},
                            {"linear2.weight", {2, {2, 2}}, false}};
  il_tensor by_name[] = {{"linear2.weight", IL_FLOAT32, {2, {2, 2}}, data},
                         {"linear1.weight", IL_FLOAT32, {2, {2, 2}}, data}};
  il_tensor sorted[] = {{"l.10.weight", IL_FLOAT16, {2, {2, 2}}, data},
                        {"l.9.weight", IL_BFLOAT16, {2, {2, 2}}, data}};
  int found[2];
  assert_true(il_state_match(2, value, 2, by_name, false, found));
  assert_int_equal(found[0], 1);
  assert_true(il_state_match(2, value, 2, sorted, false, found));
  assert_int_equal(found[0], 0);
  assert_true(il_state_sorted(2, sorted));
  assert_false(il_state_sorted(2, by_name));
  assert_true(il_state_match(2, value, 2, sorted, true, found));
  assert_int_equal(found[0], 1);
  assert_false(il_state_match(2, value, 1, sorted, false, found));
  sorted[0].type = IL_INT64;
  assert_false(il_state_match(2, value, 2, sorted, false, found));
}

static void test_samples(void **state) {
  (void)state;
  il_context *context = il_context_new();
  for (int v = 0; v < VERSIONS; v++) {
    il_samples *s = il_samples_open(context, fixture(v, "data_batches.txt"));
    if (!s) fail_msg("%s", il_context_message(context));
    assert_int_equal(s->count, 10);
    assert_int_equal(s->outputs, 3);
    assert_int_equal(s->label[5], 2);
    assert_true(((const float *)s->inputs)[29] == 29.0f / 8);
    il_samples_free(s);
  }
  uint8_t pixel[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 255, 11};
  float target[] = {0.25f, 1};
  char path[] = "/tmp/innerloop-samples-XXXXXX";
  close(mkstemp(path));
  il_tensor tensor[] = {{"x", IL_UINT8, {4, {2, 3, 1, 2}}, pixel},
                        {"y", IL_FLOAT32, {1, {2}}, target}};
  assert_int_equal(il_tensors_write(context, path, IL_FILE_TORCH, 2, tensor), IL_OK);
  il_samples *s = il_samples_open(context, path);
  if (!s) fail_msg("%s", il_context_message(context));
  static const uint8_t turned[] = {0, 2, 4, 1, 3, 5, 6, 8, 255, 7, 9, 11};
  assert_true(il_shape_equal(s->example, IL_SHAPE(1, 2, 3)));
  assert_int_equal(s->type, IL_UINT8);
  assert_memory_equal(s->inputs, turned, 12);
  assert_int_equal(s->outputs, 1);
  assert_memory_equal(s->target, target, sizeof target);
  il_samples_free(s);
  unlink(path);
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_scores), cmocka_unit_test(test_formats),
                                     cmocka_unit_test(test_mismatch), cmocka_unit_test(test_match),
                                     cmocka_unit_test(test_samples)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
