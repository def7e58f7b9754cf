/* PyTorch's and numpy's files: fixtures that PyTorch wrote come out bit for bit, what we write comes back, and data
 * sets are found in every usual structure. Hostile files: test_torch_hostile.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/tensors.h"

static const char *const versions[] = {"torch-1.13", "torch-2.15"};
enum { VERSIONS = 2 };
static char folder[] = "/tmp/innerloop-torch-XXXXXX";
static char path[128];

static int make_folder(void **state) {
  (void)state;
  return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
  (void)state;
  return rmdir(folder); /* fails, and with it the group, if a temporary file was left */
}

static const char *in_folder(const char *name) {
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static const char *fixture(int version, const char *name) {
  static char found[512];
  snprintf(found, sizeof found, "%s/io/fixtures/torch/%s/%s", TEST_DATA, versions[version], name);
  return found;
}

static unsigned char *slurp(const char *name, size_t *size) {
  FILE *file = fopen(name, "rb");
  assert_non_null(file);
  unsigned char *bytes = malloc(1 << 20);
  *size = fread(bytes, 1, 1 << 20, file);
  fclose(file);
  return bytes;
}

/* ---- what PyTorch wrote ---- */

static void check_value(const il_tensors *file, const char *name, const char *type,
                        const char *shape, const char *hex) {
  const il_tensor *t = il_tensors_find(file, name);
  if (!t) print_error("%s is missing\n", name);
  assert_non_null(t);
  assert_string_equal(il_type_name(t->type), type);
  int rank = 0;
  for (const char *at = shape; *shape != '-' && at; rank++) {
    assert_int_equal(t->shape.dim[rank], atoi(at));
    at = strchr(at, ',');
    if (at) at++;
  }
  assert_int_equal(t->shape.rank, rank);
  size_t size = (size_t)il_shape_count(t->shape) * il_type_size(t->type);
  assert_int_equal(strcmp(hex, "-") ? strlen(hex) : 0, 2 * size);
  for (size_t i = 0; i < size; i++) {
    unsigned byte;
    sscanf(hex + 2 * i, "%2x", &byte);
    if (byte != ((const unsigned char *)t->data)[i]) print_error("%s differs\n", name);
    assert_int_equal(byte, ((const unsigned char *)t->data)[i]);
  }
  if (size) assert_int_equal((uintptr_t)t->data % il_type_size(t->type), 0);
}

static void check_values(const char *name) {
  il_context *context = il_context_new();
  il_tensors *file = il_tensors_open(context, name);
  if (!file) print_error("%s\n", il_context_message(context));
  assert_non_null(file);
  FILE *expected = fopen(TEST_DATA "/io/fixtures/torch/values.txt", "r");
  assert_non_null(expected);
  char key[64], type[16], shape[64], hex[1024];
  int count = 0;
  for (; fscanf(expected, "%63s %15s %63s %1023s", key, type, shape, hex) == 4; count++)
    check_value(file, key, type, shape, hex);
  fclose(expected);
  assert_int_equal(count, 17);
  assert_int_equal(il_tensors_count(file), count);
  il_tensors_close(file);
  il_context_free(context);
}

static void test_values(void **state) {
  (void)state;
  static const char *const names[] = {"values_zip.pth",       "values_stream.pth",
                                      "values_protocol3.pth", "values_protocol4.pth",
                                      "values_protocol5.pth", "values_big.pth"};
  for (int v = 0; v < VERSIONS; v++)
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) check_values(fixture(v, names[i]));
}

static void test_round_trips(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_tensors *file = il_tensors_open(context, fixture(1, "values_zip.pth"));
  assert_non_null(file);
  int count = il_tensors_count(file);
  const il_tensor *first = il_tensors_at(file, 0);
  assert_int_equal(il_tensors_write(context, in_folder("a.pth"), IL_FILE_TORCH, count, first),
                   IL_OK);
  check_values(path);
  size_t size, again;
  unsigned char *before = slurp(path, &size);
  assert_int_equal(
      il_tensors_write(context, in_folder("a.safetensors"), IL_FILE_SAFETENSORS, count, first),
      IL_OK);
  check_values(path);
  il_tensors *other = il_tensors_open(context, path);
  unlink(path);
  assert_string_equal(il_tensors_format(other), "safetensors");
  assert_int_equal(
      il_tensors_write(context, in_folder("a.pth"), IL_FILE_TORCH, count, il_tensors_at(other, 0)),
      IL_OK);
  il_tensors_close(other);
  unsigned char *after = slurp(path, &again);
  unlink(path);
  assert_int_equal(size, again); /* equal content, equal bytes */
  assert_memory_equal(before, after, size);
  free(before);
  free(after);

  /* numpy has every type but bf16, which is refused and leaves nothing behind. */
  assert_int_equal(il_tensors_write(context, in_folder("a.npz"), IL_FILE_NPZ, count, first),
                   IL_ERROR_UNSUPPORTED);
  assert_non_null(strstr(il_context_message(context), "\"all.bf16\" has type bf16"));
  il_context_clear(context);
  il_tensor kept[32];
  int n = 0;
  for (int i = 0; i < count; i++)
    if (il_tensors_at(file, i)->type != IL_BFLOAT16) kept[n++] = *il_tensors_at(file, i);
  assert_int_equal(il_tensors_write(context, in_folder("a.npz"), IL_FILE_NPZ, n, kept), IL_OK);
  other = il_tensors_open(context, path);
  assert_non_null(other);
  unlink(path);
  assert_string_equal(il_tensors_format(other), "npz");
  assert_int_equal(il_tensors_count(other), n);
  for (int i = 0; i < n; i++) {
    const il_tensor *t = il_tensors_at(other, i);
    assert_string_equal(t->name, kept[i].name);
    assert_int_equal(t->type, kept[i].type);
    assert_true(il_shape_equal(t->shape, kept[i].shape));
    assert_memory_equal(t->data, kept[i].data,
                        (size_t)il_shape_count(t->shape) * il_type_size(t->type));
  }
  il_tensors_close(other);
  assert_int_equal(il_tensors_write(context, in_folder("a.npy"), IL_FILE_NPY, 1, kept), IL_OK);
  other = il_tensors_open(context, path);
  unlink(path);
  assert_memory_equal(il_tensors_find(other, "tensor")->data, kept[0].data, 96);
  il_tensors_close(other);
  il_tensors_close(file);
  il_context_free(context);
}

/* Lists stay lists: what leads to a tensor is its name, there and back. */
static void test_structure(void **state) {
  (void)state;
  static const char *const names[] = {"[0].x", "[0].y", "[1][0]", "[1][1].a[0]", "[1][1].b.c"};
  static const char *const flat[] = {"a[1]", "a", "[0]", "x.[1]", "b..c"};
  il_context *context = il_context_new();
  float number = 1;
  for (int round = 0; round < 2; round++) {
    const char *const *name = round ? flat : names;
    il_tensor tensor[5];
    for (int i = 0; i < 5; i++) tensor[i] = (il_tensor){name[i], IL_FLOAT32, {0}, &number};
    assert_int_equal(il_tensors_write(context, in_folder("s.pth"), IL_FILE_TORCH, 5, tensor),
                     IL_OK);
    il_tensors *file = il_tensors_open(context, path);
    unlink(path);
    assert_non_null(file);
    for (int i = 0; i < 5; i++) assert_string_equal(il_tensors_at(file, i)->name, name[i]);
    il_tensors_close(file);
  }
  il_context_free(context);
}

static void test_checkpoint(void **state) {
  (void)state;
  il_context *context = il_context_new();
  for (int v = 0; v < VERSIONS; v++) {
    il_tensors *file = il_tensors_open(context, fixture(v, "checkpoint.pth"));
    assert_non_null(file);
    assert_int_equal(*(const int64_t *)il_tensors_find(file, "epoch")->data, 7);
    assert_true(*(const double *)il_tensors_find(file, "loss")->data == 0.25);
    assert_int_equal(il_tensors_find(file, "model.weight")->shape.dim[0], 3);
    assert_int_equal(il_tensors_find(file, "optimizer.state.0.exp_avg")->shape.dim[1], 2);
    const il_tensor *betas = il_tensors_find(file, "optimizer.param_groups[0].betas");
    assert_int_equal(betas->type, IL_FLOAT64);
    assert_true(((const double *)betas->data)[1] == 0.999);
    assert_null(il_tensors_find(file, "name"));
    assert_true(il_tensors_left_out(file) > 0);
    il_tensors_close(file);
  }
  il_context_free(context);
}

/* ---- data sets ---- */

static void test_labelled(void **state) {
  (void)state;
  static const char *const names[] = {
      "data_batches.txt", "data_batches_stream.txt", "data_dict.txt",     "data_lists.txt",
      "data_dicts.txt",   "data_tensors.txt",        "data_examples.txt", "data_labels.txt"};
  il_context *context = il_context_new();
  for (int v = 0; v < VERSIONS; v++)
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
      il_type real = i % 2 ? IL_FLOAT64 : IL_FLOAT32;
      il_labelled *d = il_labelled_read(context, fixture(v, names[i]), real);
      if (!d) print_error("%s: %s\n", names[i], il_context_message(context));
      assert_non_null(d);
      assert_int_equal(d->count, 10);
      assert_true(il_shape_equal(d->example, IL_SHAPE(3)));
      assert_int_equal(d->target.rank, 0);
      assert_int_equal(d->stored, IL_FLOAT32);
      assert_int_equal(d->largest, 2);
      for (int k = 0; k < 30; k++)
        assert_true((real == IL_FLOAT64 ? ((double *)d->inputs)[k]
                                        : (double)((float *)d->inputs)[k]) == k / 8.0);
      for (int k = 0; k < 10; k++) assert_int_equal(d->labels[k], k % 3);
      il_labelled_free(d);
    }
  assert_null(il_labelled_read(context, fixture(0, "bare.pth"), IL_FLOAT32));
  assert_non_null(strstr(il_context_message(context), "has no data set"));
  il_context_clear(context);
  il_context_free(context);
}

static void expect_labelled(il_context *context, int count, const il_tensor *tensor,
                            const char *sentence) {
  assert_int_equal(il_tensors_write(context, in_folder("d.npz"), IL_FILE_NPZ, count, tensor),
                   IL_OK);
  assert_null(il_labelled_read(context, path, IL_FLOAT32));
  unlink(path);
  if (!strstr(il_context_message(context), sentence))
    print_error("found: %s\n", il_context_message(context));
  assert_non_null(strstr(il_context_message(context), sentence));
  il_context_clear(context);
}

static void test_labelled_refused(void **state) {
  (void)state;
  il_context *context = il_context_new();
  float x[12] = {0};
  int64_t y[4] = {0, 1, -1, 2};
  expect_labelled(context, 2,
                  (il_tensor[]){{"x", IL_FLOAT32, {2, {4, 3}}, x}, {"y", IL_INT64, {1, {3}}, y}},
                  "\"x\" has 4 examples, but \"y\" has 3 targets");
  expect_labelled(context, 2,
                  (il_tensor[]){{"x", IL_FLOAT32, {2, {4, 3}}, x}, {"y", IL_INT64, {1, {4}}, y}},
                  "in \"y\", label 2 is -1");
  expect_labelled(context, 1, (il_tensor[]){{"x", IL_FLOAT32, {2, {4, 3}}, x}},
                  "\"x\" belongs to no pair");
  expect_labelled(context, 4,
                  (il_tensor[]){{"[0][0]", IL_FLOAT32, {2, {2, 3}}, x},
                                {"[0][1]", IL_INT64, {1, {2}}, y},
                                {"[1][0]", IL_FLOAT32, {2, {2, 2}}, x},
                                {"[1][1]", IL_INT64, {1, {2}}, y}},
                  "\"[1][0]\" has examples of shape [2], expected [3] as in \"[0][0]\"");
  expect_labelled(context, 2,
                  (il_tensor[]){{"x", IL_FLOAT32, {2, {0, 3}}, x}, {"y", IL_INT64, {1, {0}}, y}},
                  "has no examples");
  /* Images come in PyTorch's order of axes and are turned on request. */
  uint8_t pixel[8] = {0, 1, 2, 3, 4, 5, 6, 7};
  il_tensor image[] = {{"images", IL_UINT8, {4, {1, 2, 2, 2}}, pixel},
                       {"labels", IL_BOOL, {1, {1}}, pixel}};
  assert_int_equal(il_tensors_write(context, in_folder("d.npz"), IL_FILE_NPZ, 2, image), IL_OK);
  il_labelled *d = il_labelled_read(context, path, IL_FLOAT32);
  unlink(path);
  assert_non_null(d);
  assert_int_equal(il_labelled_channels_last(context, d), IL_OK);
  static const float turned[] = {0, 4, 1, 5, 2, 6, 3, 7};
  assert_memory_equal(d->inputs, turned, sizeof turned);
  il_labelled_free(d);
  il_context_free(context);
}

static void test_reals(void **state) {
  (void)state;
  static const uint16_t half[] = {0x3c00, 0xc000, 0x0001, 0x7bff, 0x8400};
  static const float expected[] = {1, -2, 5.9604644775390625e-8f, 65504, -6.103515625e-5f};
  float got[5];
  il_tensor tensor = {"h", IL_FLOAT16, {1, {5}}, half};
  il_tensor_reals(&tensor, IL_FLOAT32, got);
  assert_memory_equal(got, expected, sizeof expected);
  static const uint16_t upper[] = {0x3f80, 0xc000, 0x7f80};
  double wide[3];
  tensor = (il_tensor){"b", IL_BFLOAT16, {1, {3}}, upper};
  il_tensor_reals(&tensor, IL_FLOAT64, wide);
  assert_true(wide[0] == 1 && wide[1] == -2 && wide[2] > 1e300);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_values),    cmocka_unit_test(test_round_trips),
      cmocka_unit_test(test_structure), cmocka_unit_test(test_checkpoint),
      cmocka_unit_test(test_labelled),  cmocka_unit_test(test_labelled_refused),
      cmocka_unit_test(test_reals)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
