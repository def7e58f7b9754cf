/* Datasets and splits: glyphs are a function of their seed, files come back, damaged ones are refused,
 * no class is ever in two splits. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/dataset.h"

static il_context *context;
static il_dataset *glyphs;
static char path[] = "/tmp/innerloop-dataset-XXXXXX";

static int start(void **state) {
  (void)state;
  context = il_context_new();
  glyphs = il_dataset_glyphs(context, &(il_glyphs){10, 4, 3, 28, 1, 7});
  close(mkstemp(path));
  return glyphs ? 0 : -1;
}

static int stop(void **state) {
  (void)state;
  il_dataset_free(glyphs);
  il_context_free(context);
  return unlink(path);
}

static void expect_error(il_status status, const char *sentence) {
  if (!strstr(il_context_message(context), sentence))
    print_error("expected '%s', found '%s'\n", sentence, il_context_message(context));
  assert_int_equal(il_context_status(context), status);
  assert_non_null(strstr(il_context_message(context), sentence));
  il_context_clear(context);
}

static void test_glyphs(void **state) {
  (void)state;
  il_dataset *same = il_dataset_glyphs(context, &(il_glyphs){10, 4, 3, 28, 1, 7}),
             *other = il_dataset_glyphs(context, &(il_glyphs){10, 4, 3, 28, 1, 8});
  size_t bytes = 10 * 4 * 3 * 28 * 28;
  assert_memory_equal(same->examples, glyphs->examples, bytes);
  assert_memory_not_equal(other->examples, glyphs->examples, bytes);
  assert_int_equal(il_dataset_classes(glyphs), 40);
  assert_string_equal(il_dataset_class_name(glyphs, 5), "Glyph02/character02");
  assert_string_equal(il_dataset_class_origin(glyphs, 23), "background");
  assert_string_equal(il_dataset_class_origin(glyphs, 24), "evaluation");
  for (int c = 0; c < 40; c++) {
    assert_int_equal(il_dataset_examples(glyphs, c), 3);
    assert_int_equal(il_dataset_find(glyphs, il_dataset_class_name(glyphs, c)), c);
    for (int e = 0; e < 3; e++) {
      int dark = 0;
      const uint8_t *image = il_dataset_example(glyphs, c, e);
      for (int i = 0; i < 28 * 28; i++) dark += image[i] > 128;
      assert_in_range(dark, 8, 400);
    }
  }
  assert_int_equal(il_dataset_find(glyphs, "Glyph02/character99"), -1);
  il_dataset_free(same);
  il_dataset_free(other);
  assert_null(il_dataset_glyphs(context, &(il_glyphs){0, 4, 3, 28, 1, 7}));
  expect_error(IL_ERROR_ARGUMENT, "0 alphabets");
}

/* A coloured drawing has two colours and what lies between them, and fills the larger picture. */
static void test_glyphs_in_colour(void **state) {
  (void)state;
  enum { SIDE = 84 };
  il_dataset *d = il_dataset_glyphs(context, &(il_glyphs){2, 3, 2, SIDE, 3, 7});
  assert_non_null(d);
  assert_true(il_shape_equal(il_dataset_shape(d), IL_SHAPE(SIDE, SIDE, 3)));
  for (int c = 0; c < 6; c++) {
    const uint8_t *image = il_dataset_example(d, c, 1), *corner = image;
    int inked = 0, reach = 0;
    for (int i = 0; i < SIDE * SIDE; i++) {
      int far = 0;
      for (int k = 0; k < 3; k++) far += abs(image[3 * i + k] - corner[k]);
      inked += far > 100;
      if (far > 100 && i / SIDE > reach) reach = i / SIDE;
    }
    assert_in_range(inked, 72, 3600);
    assert_in_range(reach, SIDE / 2, SIDE - 1);
  }
  il_dataset_free(d);
  assert_null(il_dataset_glyphs(context, &(il_glyphs){2, 3, 2, SIDE, 2, 7}));
  expect_error(IL_ERROR_ARGUMENT, "2 channels");
}

static void test_file(void **state) {
  (void)state;
  assert_int_equal(il_dataset_write(glyphs, path), IL_OK);
  il_dataset *d = il_dataset_open(context, path);
  assert_non_null(d);
  assert_true(il_shape_equal(il_dataset_shape(d), IL_SHAPE(28, 28, 1)));
  assert_int_equal(il_dataset_type(d), IL_UINT8);
  assert_true(il_dataset_scale(d) == 1.0 / 255);
  assert_int_equal(il_dataset_classes(d), 40);
  for (int c = 0; c < 40; c++) {
    assert_string_equal(il_dataset_class_name(d, c), il_dataset_class_name(glyphs, c));
    assert_string_equal(il_dataset_class_origin(d, c), il_dataset_class_origin(glyphs, c));
    assert_memory_equal(il_dataset_example(d, c, 2), il_dataset_example(glyphs, c, 2), 28 * 28);
  }
  il_dataset_free(d);
}

static void refuse(int count, const int32_t *class_start, il_type images, const char *names,
                   const char *origins, const char *sentence) {
  uint8_t data[32] = {0};
  il_tensor tensor[] = {{"class_start", IL_INT32, {1, {count}}, class_start},
                        {"images", images, {4, {4, 1, 2, 1}}, data}};
  il_pair pair[] = {{"class_names", names}, {"class_origins", origins}};
  assert_int_equal(il_safetensors_write(context, path, 2, tensor, 2, pair), IL_OK);
  il_dataset *d = il_dataset_open(context, path);
  if (!*sentence) {
    assert_non_null(d);
    il_dataset_free(d);
    return;
  }
  assert_null(d);
  expect_error(IL_ERROR_FORMAT, sentence);
}

/* What another program writes: floats of any shape, with a scale, without names. */
static void test_floats(void **state) {
  (void)state;
  const int32_t start[] = {0, 1, 3};
  const float x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  il_tensor tensor[] = {{"class_start", IL_INT32, IL_SHAPE(3), start},
                        {"examples", IL_FLOAT32, IL_SHAPE(3, 2, 2), x}};
  il_pair scale = {"scale", "0.5"};
  assert_int_equal(il_safetensors_write(context, path, 2, tensor, 1, &scale), IL_OK);
  il_dataset *d = il_dataset_open(context, path);
  assert_non_null(d);
  assert_true(il_shape_equal(il_dataset_shape(d), IL_SHAPE(2, 2)));
  assert_int_equal(il_dataset_type(d), IL_FLOAT32);
  assert_true(il_dataset_scale(d) == 0.5);
  assert_string_equal(il_dataset_class_name(d, 1), "1");
  assert_string_equal(il_dataset_class_origin(d, 1), "");
  assert_memory_equal(il_dataset_example(d, 1, 1), x + 8, 4 * sizeof *x);
  /* Samples hold what nets see; tasks leave the scale to the net's input. */
  il_samples *s = il_samples_of_classes(context, d, 2, (int[2]){0, 1});
  assert_non_null(s);
  assert_true(((const float *)s->inputs)[11] == 6);
  il_samples_free(s);
  il_dataset_free(d);
  scale.value = "fast";
  assert_int_equal(il_safetensors_write(context, path, 2, tensor, 1, &scale), IL_OK);
  assert_null(il_dataset_open(context, path));
  expect_error(IL_ERROR_FORMAT, "'scale' is \"fast\", expected a number other than 0");
}

static void test_refused(void **state) {
  (void)state;
  const int32_t good[] = {0, 1, 4}, first[] = {1, 2, 4}, empty[] = {0, 0, 4}, late[] = {0, 9, 4},
                end[] = {0, 1, 3};
  const char *names = "[\"a/b\",\"a/c\"]", *none = "[\"\",\"\"]";
  refuse(3, good, IL_UINT8, names, none, "");
  refuse(3, first, IL_UINT8, names, none, "begins with 1");
  refuse(3, empty, IL_UINT8, names, none, "from 0 to 0 at class 0");
  refuse(3, late, IL_UINT8, names, none, "from 9 to 4 at class 1");
  refuse(3, end, IL_UINT8, names, none, "ends with 3, expected the 4");
  refuse(1, good, IL_UINT8, names, none, "'class_start'");
  refuse(3, good, IL_INT8, names, none, "'images' has type i8 and 4 dimensions");
  refuse(3, good, IL_UINT8, "[\"a\"]", none, "'class_names' is no JSON list of 2");
  refuse(3, good, IL_UINT8, "[\"a\",", none, "'class_names' is no JSON list of 2");
  refuse(3, good, IL_UINT8, "[\"a\",3]", none, "item 1");
  refuse(3, good, IL_UINT8, "[\"a\",\"a\"]", none, "two classes are named 'a'");
  refuse(3, good, IL_UINT8, "[\"a\",\"b\\n\"]", none, "name of class 1");
  refuse(3, good, IL_UINT8, "[\"a\",\"\"]", none, "name of class 1");
  refuse(3, good, IL_UINT8, names, "[]", "'class_origins'");
  assert_null(il_dataset_open(context, "/nonexistent/data"));
  expect_error(IL_ERROR_FILE, "/nonexistent/data cannot be opened");
}

/* How often each class is in a split, over all three. */
static il_splits *split(il_split_options options, int train, int validation, int test) {
  il_splits *s = il_splits_new(context, glyphs, &options);
  if (!s) print_error("%s\n", il_context_message(context));
  assert_non_null(s);
  assert_int_equal(il_splits_count(s, IL_TRAIN), train);
  assert_int_equal(il_splits_count(s, IL_VALIDATION), validation);
  assert_int_equal(il_splits_count(s, IL_TEST), test);
  int seen[40] = {0};
  for (int k = 0; k < 3; k++)
    for (int i = 0; i < il_splits_count(s, (il_split)k); i++)
      assert_int_equal(seen[il_splits_class(s, (il_split)k, i)]++, 0);
  return s;
}

static void test_splits(void **state) {
  (void)state;
  il_splits *a =
      split((il_split_options){.kind = "random", .train = 20, .validation = 5}, 20, 5, 15);
  il_splits *b = split(
      (il_split_options){.kind = "random", .train = 20, .validation = 5, .seed = 1}, 20, 5, 15);
  int equal = 0;
  for (int i = 0; i < 20; i++)
    equal += il_splits_class(a, IL_TRAIN, i) == il_splits_class(b, IL_TRAIN, i);
  assert_in_range(equal, 0, 19);
  il_splits_free(a);
  il_splits_free(b);
  il_splits_free(split(
      (il_split_options){.kind = "random", .train = 20, .validation = 5, .test = 3}, 20, 5, 3));
  a = split((il_split_options){.kind = "official", .validation = 4}, 20, 4, 16);
  for (int i = 0; i < 16; i++)
    assert_string_equal(il_dataset_class_origin(glyphs, il_splits_class(a, IL_TEST, i)),
                        "evaluation");
  il_splits_free(a);
  a = split((il_split_options){.kind = "alphabets", .train = 6, .validation = 1, .seed = 3}, 24, 4,
            12);
  for (int i = 0; i < 24; i += 4) /* whole alphabets */
    for (int j = 1; j < 4; j++)
      assert_int_equal(il_splits_class(a, IL_TRAIN, i) / 4,
                       il_splits_class(a, IL_TRAIN, i + j) / 4);
  il_splits_free(a);
  /* Shares of classes, beside counts and alone; what sums to 1 leaves nothing over. */
  il_splits_free(
      split((il_split_options){.kind = "random", .train = 0.6, .validation = 0.2}, 24, 8, 8));
  il_splits_free(
      split((il_split_options){.kind = "random", .train = 0.33, .validation = 0.33, .test = 0.34},
            13, 13, 14));
  il_splits_free(
      split((il_split_options){.kind = "random", .train = 30, .validation = 0.1}, 30, 4, 6));
  il_splits_free(
      split((il_split_options){.kind = "alphabets", .train = 0.5, .validation = 2}, 20, 8, 12));
  /* A share gives the classes that its count gives. */
  a = split((il_split_options){.kind = "random", .train = 0.5, .validation = 5, .seed = 9}, 20, 5,
            15);
  b = split((il_split_options){.kind = "random", .train = 20, .validation = 5, .seed = 9}, 20, 5,
            15);
  for (int i = 0; i < 15; i++)
    assert_int_equal(il_splits_class(a, IL_TEST, i), il_splits_class(b, IL_TEST, i));
  il_splits_free(a);
  il_splits_free(b);
  il_splits_free(split((il_split_options){.kind = "auto"}, 24, 8, 8));
  il_splits_free(
      split((il_split_options){.kind = "auto", .least_train = 20, .least_test = 10}, 20, 10, 10));
  il_splits_free(
      split((il_split_options){.kind = "auto", .least_train = 21, .least_test = 10}, 30, 0, 10));
  il_splits_free(
      split((il_split_options){.kind = "auto", .least_train = 5, .least_test = 35}, 5, 0, 35));
  il_splits_free(split((il_split_options){.kind = "test"}, 0, 0, 40));
  il_splits_free(
      split((il_split_options){.kind = "random", .validation = 3, .tests_only = true}, 0, 3, 37));
  static const struct {
    il_split_options options;
    const char *sentence;
  } bad[] = {
      {{.kind = "auto", .least_train = 6, .least_test = 35},
       "the dataset has 40 classes, which cannot give 6 to train and 35 to test"},
      {{.kind = "random", .train = 1.5}, "a split of 1.5, 0 and 0 classes: expected"},
      {{.kind = "random", .train = 0.001}, "leaves train without any"},
      {{.kind = "random", .train = 0.5, .test = 0.01}, "leaves test without any"},
      {{.kind = "random", .train = 0.7, .validation = 0.4}, "asks for 0.7 + 0.4 + 0 = 44 classes"},
      {{.kind = "random", .train = 39, .validation = 2},
       "39 + 2 + 0 = 41 classes, but the dataset has 40"},
      {{.kind = "random", .train = INT32_MAX, .validation = INT32_MAX}, "but the dataset has 40"},
      {{.kind = "random"}, "something to train"},
      {{.kind = "random", .train = 1, .test = -1}, "no negative number"},
      {{.kind = "alphabets", .train = 11}, "11 alphabets, but the dataset has 10"},
      {{.kind = "official", .validation = 24}, "24 classes of validation from the 24"},
      {{.kind = "officious"}, "'officious' is no kind of split"},
      {{.kind = "file"}, "needs the file's path"},
      {{.kind = "file", .path = "/nonexistent"}, "/nonexistent cannot be opened"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_null(il_splits_new(context, glyphs, &bad[i].options));
    expect_error(il_context_status(context), bad[i].sentence);
  }
}

static void put(const char *text) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static void test_split_file(void **state) {
  (void)state;
  il_split_options options = {.kind = "file", .path = path};
  put("# classes\ntest Glyph01/character01\n\ntrain Glyph03/character04\r\ntrain "
      "Glyph03/character01");
  il_splits *s = split(options, 2, 0, 1);
  assert_int_equal(il_splits_class(s, IL_TRAIN, 0), 8);
  assert_int_equal(il_splits_class(s, IL_TRAIN, 1), 11);
  il_splits_free(s);
  static const char *const bad[][2] = {
      {"train Glyph01/character01\ntest Glyph01/character01\n",
       ":2: class 'Glyph01/character01' is already in line 1"},
      {"train Glyph01/character01\ntest Greek/a\n", ":2: the dataset has no class 'Greek/a'"},
      {"train\n", ":1: found 'train'"},
      {"tests Glyph01/character01\n", ":1: found 'tests'"},
      {"test Glyph01/character01\n", "names no class to train on"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    put(bad[i][0]);
    assert_null(il_splits_new(context, glyphs, &options));
    expect_error(il_context_status(context), bad[i][1]);
  }
  /* Where nothing is trained, a file names what is tested. */
  options.tests_only = true;
  put("test Glyph01/character01\n");
  il_splits_free(split(options, 0, 0, 1));
  put("train Glyph01/character01\n");
  assert_null(il_splits_new(context, glyphs, &options));
  expect_error(IL_ERROR_DATA, "names no class to test");
}

/* A dataset is known again wherever it lies; another one is not, whatever its names and counts. */
static void test_fingerprint(void **state) {
  (void)state;
  assert_int_equal(il_dataset_write(glyphs, path), IL_OK);
  il_dataset *file = il_dataset_open(context, path),
             *other = il_dataset_glyphs(context, &(il_glyphs){10, 4, 3, 28, 1, 8});
  assert_true(il_dataset_fingerprint(file) == il_dataset_fingerprint(glyphs));
  assert_true(il_dataset_fingerprint(other) != il_dataset_fingerprint(glyphs));
  il_dataset_free(file);
  il_dataset_free(other);
}

static void test_from_memory(void **state) {
  (void)state;
  float x[5 * 3] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};
  int32_t first[] = {0, 2, 5};
  const char *names[] = {"猫", "dog"};
  il_dataset_arrays a = {.classes = 2,
                         .start = first,
                         .type = IL_FLOAT32,
                         .example = IL_SHAPE(3),
                         .examples = x,
                         .scale = 0.5,
                         .name = names};
  il_dataset *d = il_dataset_new(context, &a);
  if (!d) fail_msg("%s", il_context_message(context));
  x[6] = 99; /* it has a copy */
  assert_int_equal(il_dataset_write(d, path), IL_OK);
  il_dataset *read = il_dataset_open(context, path);
  const il_dataset *both[] = {d, read};
  for (int i = 0; i < 2; i++) {
    assert_int_equal(il_dataset_classes(both[i]), 2);
    assert_int_equal(il_dataset_examples(both[i], 1), 3);
    assert_true(((const float *)il_dataset_example(both[i], 1, 0))[0] == 6);
    assert_true(il_dataset_scale(both[i]) == 0.5);
    assert_string_equal(il_dataset_class_name(both[i], 0), "猫");
  }
  il_dataset_free(read);
  il_dataset_free(d);
  a.name = NULL;
  a.scale = 0;
  d = il_dataset_new(context, &a);
  assert_string_equal(il_dataset_class_name(d, 1), "1");
  assert_string_equal(il_dataset_class_origin(d, 1), "");
  assert_true(il_dataset_scale(d) == 1);
  il_dataset_free(d);
  first[1] = 0;
  assert_null(il_dataset_new(context, &a));
  expect_error(IL_ERROR_DATA, "class 0 has no example, expected at least 1");
  first[1] = 2;
  x[7] = (float)NAN;
  assert_null(il_dataset_new(context, &a));
  expect_error(IL_ERROR_DATA, "example 2 has the number nan, expected finite ones");
  x[7] = 0;
  names[0] = names[1];
  a.name = names;
  assert_null(il_dataset_new(context, &a));
  expect_error(IL_ERROR_FORMAT, "two classes are named 'dog'");
  a.type = IL_INT64;
  assert_null(il_dataset_new(context, &a));
  expect_error(IL_ERROR_TYPE, "examples of type i64, expected u8 or f32");
  a.type = IL_FLOAT32;
  a.example = IL_SHAPE(1 << 20, 1 << 20, 1 << 20); /* more than a number of bytes can say */
  assert_null(il_dataset_new(context, &a));
  expect_error(IL_ERROR_SHAPE, "an example has 3 dimensions");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_glyphs),     cmocka_unit_test(test_glyphs_in_colour),
      cmocka_unit_test(test_file),       cmocka_unit_test(test_floats),
      cmocka_unit_test(test_refused),    cmocka_unit_test(test_splits),
      cmocka_unit_test(test_split_file), cmocka_unit_test(test_fingerprint),
      cmocka_unit_test(test_from_memory)};
  return cmocka_run_group_tests(tests, start, stop);
}
