/* Arrays with labels: what their dimensions are taken for, labels of every sort, and the way back. */
#include "support/imports.h"

#include <math.h>

#include "data/table_file.h"
#include "import/export.h"
#include "io/tensors.h"

/* Writes the source as .npz, or as another format by its ending. */
static void write_arrays(const char *name, int count, const il_tensor *tensor, int texts,
                         const il_texts *text) {
  in_folder(source, name);
  const il_status status =
      texts ? il_npz_write_texts(context, source, count, tensor, texts, text)
            : il_tensors_write(context, source, il_file_format_of(source), count, tensor);
  assert_int_equal(status, IL_OK);
}

static il_dataset *open_out(void) {
  il_dataset *d = il_dataset_open(context, out);
  if (!d) fail_msg("%s", il_context_message(context));
  return d;
}

static void expect_shape(const il_dataset *d, il_type type, il_shape shape) {
  assert_int_equal(il_dataset_type(d), type);
  assert_true(il_shape_equal(il_dataset_shape(d), shape));
}

static float real_at(const il_dataset *d, int cls, int example, int at) {
  return ((const float *)il_dataset_example(d, cls, example))[at];
}

enum { N = 6 };
static const int64_t ints[N] = {3, 1, 3, 1, 3, 1};

static void test_shapes(void **state) {
  (void)state;
  uint8_t bytes[N * 24];
  float reals[N * 24];
  for (int i = 0; i < N * 24; i++) {
    bytes[i] = (uint8_t)i;
    reals[i] = (float)i;
  }
  const il_tensor y = {"y", IL_INT64, IL_SHAPE(N), ints};
  const struct {
    const char *file, *key;
    il_type type;
    il_shape shape;
    il_import_options options;
    il_shape expected;
    const char *note;
  } cases[] = {
      {"a.npz", "x", IL_UINT8, IL_SHAPE(N, 4, 6), {0}, IL_SHAPE(4, 6, 1), "images of 4 × 6"},
      {"a.npz", "x", IL_FLOAT32, IL_SHAPE(N, 4, 6), {0}, IL_SHAPE(4, 6), "signals of 4 steps"},
      {"a.npz", "images", IL_FLOAT32, IL_SHAPE(N, 4, 6), {0}, IL_SHAPE(4, 6, 1), "images"},
      {"a.npz",
       "x",
       IL_FLOAT32,
       IL_SHAPE(N, 4, 6),
       {.layout = IL_LAYOUT_IMAGES},
       IL_SHAPE(4, 6, 1),
       ""},
      {"a.npz",
       "x",
       IL_UINT8,
       IL_SHAPE(N, 4, 6),
       {.layout = IL_LAYOUT_SIGNALS},
       IL_SHAPE(4, 6),
       ""},
      {"a.npz",
       "x",
       IL_FLOAT32,
       IL_SHAPE(N, 24),
       {.layout = IL_LAYOUT_SIGNALS},
       IL_SHAPE(24, 1),
       ""},
      {"a.npz",
       "x",
       IL_FLOAT32,
       IL_SHAPE(N, 4, 6),
       {.channels = IL_CHANNELS_FIRST},
       IL_SHAPE(6, 4),
       ""},
      {"a.npz", "x", IL_UINT8, IL_SHAPE(N, 4, 2, 3), {0}, IL_SHAPE(4, 2, 3), ""},
      {"a.npz", "x", IL_FLOAT32, IL_SHAPE(N, 24), {0}, IL_SHAPE(24), "24 features"},
      {"a.npz", "x", IL_FLOAT32, IL_SHAPE(N), {0}, IL_SHAPE(1), "1 features"},
      {"a.pt", "x", IL_UINT8, IL_SHAPE(N, 3, 4, 2), {0}, IL_SHAPE(4, 2, 3), "images of 4 × 2"},
      {"a.pt", "x", IL_FLOAT32, IL_SHAPE(N, 3, 8), {0}, IL_SHAPE(8, 3), "signals of 8 steps, 3"},
      {"a.pt",
       "x",
       IL_FLOAT32,
       IL_SHAPE(N, 3, 8),
       {.channels = IL_CHANNELS_LAST},
       IL_SHAPE(3, 8),
       ""},
      {"a.safetensors", "x", IL_UINT8, IL_SHAPE(N, 2, 4, 3), {0}, IL_SHAPE(2, 4, 3), ""}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const il_tensor tensor[] = {
        {cases[i].key, cases[i].type, cases[i].shape,
         cases[i].type == IL_UINT8 ? (const void *)bytes : (const void *)reals},
        y};
    write_arrays(cases[i].file, 2, tensor, 0, NULL);
    imported(&cases[i].options);
    noted(cases[i].note);
    il_dataset *d = open_out();
    expect_shape(d, cases[i].type, cases[i].expected);
    assert_int_equal(il_dataset_classes(d), 2);
    assert_string_equal(il_dataset_class_name(d, 0), "1");
    il_dataset_free(d);
  }
}

/* [n,c,t] becomes [n,t,c], number by number. */
static void test_turned(void **state) {
  (void)state;
  float x[N * 6];
  for (int i = 0; i < N * 6; i++) x[i] = (float)i;
  const il_tensor tensor[] = {{"x", IL_FLOAT32, IL_SHAPE(N, 2, 3), x},
                              {"y", IL_INT64, IL_SHAPE(N), ints}};
  write_arrays("a.npz", 2, tensor, 0, NULL);
  imported(&(il_import_options){.channels = IL_CHANNELS_FIRST});
  il_dataset *d = open_out();
  const float expected[] = {6, 9, 7, 10, 8, 11}; /* row 1, the first of class 1 */
  assert_memory_equal(il_dataset_example(d, 0, 0), expected, sizeof expected);
  il_dataset_free(d);
}

static void test_types(void **state) {
  (void)state;
  const double wide[N] = {0.1, 0.2, 0.5, -1, 2, 3};
  il_tensor tensor[] = {{"x", IL_FLOAT64, IL_SHAPE(N, 1), wide},
                        {"y", IL_INT64, IL_SHAPE(N), ints}};
  write_arrays("a.npz", 2, tensor, 0, NULL);
  imported(&(il_import_options){.scale = 2});
  noted("f64 became float32, which rounded 2 of 6 numbers");
  noted("numbers from -1 to 3, float32; nets see them times 2");
  il_dataset *d = open_out();
  assert_true(real_at(d, 1, 0, 0) == 0.1f);
  assert_true(il_dataset_scale(d) == 2);
  il_dataset_free(d);
  const int16_t whole[N] = {-7, 0, 1, 2, 3, 300};
  tensor[0] = (il_tensor){"x", IL_INT16, IL_SHAPE(N, 1), whole};
  write_arrays("a.npz", 2, tensor, 0, NULL);
  imported(&(il_import_options){.scale_auto = true});
  noted("i16 became float32, exactly");
  d = open_out();
  assert_true(real_at(d, 0, 2, 0) == 300);
  il_dataset_free(d);
  const uint8_t bits[N] = {1, 0, 1, 0, 1, 1};
  tensor[0] = (il_tensor){"x", IL_BOOL, IL_SHAPE(N, 1), bits};
  write_arrays("a.npz", 2, tensor, 0, NULL);
  imported(&(il_import_options){0});
  d = open_out();
  expect_shape(d, IL_UINT8, IL_SHAPE(1));
  assert_true(il_dataset_scale(d) == 1);
  il_dataset_free(d);
}

static void test_labels(void **state) {
  (void)state;
  const float x[N] = {0, 1, 2, 3, 4, 5};
  const char *const label[N] = {"猫", "b", "猫", "été", "b", "b"};
  const il_tensor examples = {"x", IL_FLOAT32, IL_SHAPE(N, 1), x};
  write_arrays("a.npz", 1, &examples, 1, &(il_texts){"y", N, label});
  imported(&(il_import_options){0});
  il_dataset *d = open_out();
  assert_string_equal(il_dataset_class_name(d, 0), "b");
  assert_string_equal(il_dataset_class_name(d, 1), "été");
  assert_string_equal(il_dataset_class_name(d, 2), "猫");
  assert_true(real_at(d, 0, 2, 0) == 5);
  il_dataset_free(d);
  const int64_t huge[N] = {INT64_MAX, 0, INT64_MAX, INT64_MIN, 0, 0};
  il_tensor tensor[] = {examples, {"label", IL_INT64, IL_SHAPE(N), huge}};
  write_arrays("a.npz", 2, tensor, 0, NULL);
  imported(&(il_import_options){0});
  d = open_out();
  assert_int_equal(il_dataset_classes(d), 3);
  assert_string_equal(il_dataset_class_name(d, 0), "-9223372036854775808");
  assert_string_equal(il_dataset_class_name(d, 2), "9223372036854775807");
  il_dataset_free(d);
  const double whole[N] = {1, 2, 1, (double)NAN, 2, 1};
  tensor[1] = (il_tensor){"targets", IL_FLOAT64, IL_SHAPE(N, 1), whole};
  write_arrays("a.npz", 2, tensor, 0, NULL);
  imported(&(il_import_options){0});
  assert_int_equal(report.skipped, 1);
  assert_non_null(strstr(report.skips, "a.npz: row 3: the label in targets is NaN"));
}

/* Names of classes by number; one that no example has costs nothing. */
static void test_names(void **state) {
  (void)state;
  const float x[N] = {0};
  const char *const names[] = {"zero", "one", "two", "three"};
  const il_tensor tensor[] = {{"x", IL_FLOAT32, IL_SHAPE(N, 1), x},
                              {"y", IL_INT64, IL_SHAPE(N), ints}};
  write_arrays("a.npz", 2, tensor, 1, &(il_texts){"target_names", 4, names});
  imported(&(il_import_options){0});
  il_dataset *d = open_out();
  assert_int_equal(il_dataset_classes(d), 2);
  assert_string_equal(il_dataset_class_name(d, 1), "three");
  il_dataset_free(d);
  write_arrays("a.npz", 2, tensor, 1, &(il_texts){"target_names", 3, names});
  refused(&(il_import_options){0}, ": row 0: the label is 3, expected 0 to 2");
}

static void test_skipped(void **state) {
  (void)state;
  float x[N * 2] = {0};
  x[5] = NAN;
  x[8] = INFINITY;
  const il_tensor tensor[] = {{"x", IL_FLOAT32, IL_SHAPE(N, 2), x},
                              {"y", IL_INT64, IL_SHAPE(N), ints}};
  write_arrays("a.npz", 2, tensor, 0, NULL);
  imported(&(il_import_options){0});
  assert_int_equal(report.skipped, 2);
  assert_int_equal(report.examples, N - 2);
  assert_non_null(strstr(report.skips, "a.npz: row 2: number 1 of the example is NaN"));
  assert_non_null(strstr(report.skips, "a.npz: row 4: number 0 of the example is infinite"));
  refused(&(il_import_options){.strict = true}, ": row 2: number 1 of the example is NaN");
}

static void test_refused(void **state) {
  (void)state;
  const il_import_options none = {0};
  const float x[N * 4] = {0}, half[N] = {1, 2, 1.5f, 1, 2, 1};
  const int64_t same[N] = {0};
  const il_tensor examples = {"x", IL_FLOAT32, IL_SHAPE(N, 4), x};
  il_tensor tensor[] = {examples, {"y", IL_FLOAT32, IL_SHAPE(N), half}};
  write_arrays("a.npz", 2, tensor, 0, NULL);
  refused(&(il_import_options){.scale = (double)NAN}, "the scale is nan, expected a number");
  refused(&none, ": row 2: the label in y is 1.5, expected a whole number or a text");
  tensor[1] = (il_tensor){"y", IL_INT64, IL_SHAPE(N), same};
  write_arrays("a.npz", 2, tensor, 0, NULL);
  refused(&none, "has a single class, '0', expected two or more");
  refused(&(il_import_options){.scale_auto = true}, "has a single class");
  tensor[1] = (il_tensor){"y", IL_FLOAT32, IL_SHAPE(N, 4), x};
  write_arrays("a.npz", 2, tensor, 0, NULL);
  refused(&none, "the labels 'y' have the shape [6,4], expected [n]");
  tensor[1] = (il_tensor){"y", IL_INT64, IL_SHAPE(N - 1), ints};
  write_arrays("a.npz", 2, tensor, 0, NULL);
  refused(&none, "found 5 labels, expected 6 as 'x' has examples");
  tensor[1] = (il_tensor){"y_train", IL_INT64, IL_SHAPE(N), ints};
  write_arrays("a.npz", 2, tensor, 0, NULL);
  refused(&none, "--y KEY says which it is; found x [6,4] f32, y_train [6] i64");
  refused(&(il_import_options){.y = "z"}, "has no array 'z'; found x [6,4] f32");
  imported(&(il_import_options){.y = "y_train"});
  refused(&(il_import_options){.y = "y_train", .layout = IL_LAYOUT_IMAGES},
          "'x' has the shape [6,4], expected [n,h,w]");
  refused(&(il_import_options){.y = "y_train", .channels = IL_CHANNELS_FIRST},
          "in which there are no channels to turn");
  refused(&(il_import_options){.y = "y_train", .height = 8, .width = 8}, "has no use for --size");
  refused(&(il_import_options){.y = "y_train", .scale_auto = true}, "all numbers are 0");
  write_arrays("x.npy", 1, &(il_tensor){"tensor", IL_FLOAT32, IL_SHAPE(N, 4), x}, 0, NULL);
  refused(&none, "is one array without labels; --y FILE.npy names those");
  tensor[0].shape = IL_SHAPE(0, 4);
  tensor[1] = (il_tensor){"y", IL_INT64, IL_SHAPE(0), ints};
  write_arrays("a.npz", 2, tensor, 0, NULL);
  refused(&none, "there are no examples");
  /* What sources of tasks read as it is. */
  const il_tensor tasks[] = {{"support_x", IL_FLOAT32, IL_SHAPE(N, 4), x},
                             {"query_x", IL_FLOAT32, IL_SHAPE(N, 4), x}};
  write_arrays("tasks.npz", 2, tasks, 0, NULL);
  refused(&none, "has tasks as they are and needs no import");
}

static void test_npy_pair(void **state) {
  (void)state;
  const float x[N] = {0, 1, 2, 3, 4, 5};
  char labels[256];
  write_arrays("labels.npy", 1, &(il_tensor){"tensor", IL_INT64, IL_SHAPE(N), ints}, 0, NULL);
  strcpy(labels, source);
  write_arrays("x.npy", 1, &(il_tensor){"tensor", IL_FLOAT32, IL_SHAPE(N, 1), x}, 0, NULL);
  imported(&(il_import_options){.y = labels});
  il_dataset *d = open_out();
  assert_true(real_at(d, 0, 1, 0) == 3);
  il_dataset_free(d);
}

/* Batches, as a list of pairs that torch.save wrote. */
static void test_batches(void **state) {
  (void)state;
  const uint8_t x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const il_tensor tensor[] = {{"[0][0]", IL_UINT8, IL_SHAPE(2, 1, 2, 2), x},
                              {"[0][1]", IL_INT64, IL_SHAPE(2), ints},
                              {"[1][0]", IL_UINT8, IL_SHAPE(1, 1, 2, 2), x + 8},
                              {"[1][1]", IL_INT64, IL_SHAPE(1), ints}};
  write_arrays("a.pt", 4, tensor, 0, NULL);
  imported(&(il_import_options){0});
  il_dataset *d = open_out();
  expect_shape(d, IL_UINT8, IL_SHAPE(2, 2, 1));
  assert_int_equal(il_dataset_examples(d, 1), 2);
  assert_memory_equal(il_dataset_example(d, 1, 1), x + 8, 4);
  il_dataset_free(d);
}

/* ---- and back ---- */

static void expect_equal(const il_dataset *a, const il_dataset *b, bool origins) {
  assert_int_equal(il_dataset_classes(a), il_dataset_classes(b));
  expect_shape(b, il_dataset_type(a), il_dataset_shape(a));
  assert_true(il_dataset_scale(a) == il_dataset_scale(b));
  for (int c = 0; c < il_dataset_classes(a); c++) {
    assert_string_equal(il_dataset_class_name(a, c), il_dataset_class_name(b, c));
    if (origins) assert_string_equal(il_dataset_class_origin(a, c), il_dataset_class_origin(b, c));
    assert_int_equal(il_dataset_examples(a, c), il_dataset_examples(b, c));
    for (int i = 0; i < il_dataset_examples(a, c); i++)
      assert_memory_equal(il_dataset_example(a, c, i), il_dataset_example(b, c, i),
                          il_dataset_stride(a));
  }
}

/* Exports to the name and imports that. */
static void there_and_back(const il_dataset *d, const char *name, bool origins) {
  in_folder(source, name);
  if (il_dataset_export(d, source, &(il_export_options){0}) != IL_OK)
    fail_msg("%s", il_context_message(context));
  imported(&(il_import_options){0});
  il_dataset *again = open_out();
  expect_equal(d, again, origins);
  il_dataset_free(again);
}

/* Classes of 2, 3 and 1 examples. */
static il_dataset *made(il_type type, il_shape example, double scale, bool named) {
  static const char *const name[] = {"10 b/猫", "10 b/été \"x\"", "9"},
                           *const origin[] = {"u", "", "v"}, *const none[] = {"", "", ""},
                           *const flat[] = {"a", "ab", "b c"};
  const int64_t size = il_shape_count(example);
  int32_t *start = malloc(4 * sizeof *start);
  unsigned char *x = calloc(6 * (size_t)size, 4);
  assert_non_null(start);
  assert_non_null(x);
  memcpy(start, (const int32_t[]){0, 2, 5, 6}, 4 * sizeof *start);
  for (int64_t i = 0; i < 6 * size; i++)
    if (type == IL_UINT8)
      x[i] = (unsigned char)(i * 37 + i / 7);
    else
      ((float *)(void *)x)[i] = (float)sin((double)i);
  il_dataset *d = il_dataset_take(context, &(il_dataset_parts){.examples = x,
                                                               .start = start,
                                                               .classes = 3,
                                                               .type = type,
                                                               .example = example,
                                                               .scale = scale,
                                                               .name = named ? name : flat,
                                                               .origin = named ? origin : none});
  assert_non_null(d);
  return d;
}

static void test_there_and_back(void **state) {
  (void)state;
  const struct {
    il_type type;
    il_shape example;
    double scale;
  } cases[] = {{IL_UINT8, IL_SHAPE(3, 5, 1), 0},   {IL_UINT8, IL_SHAPE(3, 5, 3), 0.25},
               {IL_UINT8, IL_SHAPE(7, 2), 0},      {IL_UINT8, IL_SHAPE(4), 0},
               {IL_FLOAT32, IL_SHAPE(3, 5, 2), 0}, {IL_FLOAT32, IL_SHAPE(7, 2), 1.0 / 3},
               {IL_FLOAT32, IL_SHAPE(4), 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    il_dataset *d = made(cases[i].type, cases[i].example, cases[i].scale, true);
    there_and_back(d, "back.npz", true);
    there_and_back(d, "back.safetensors", true);
    il_dataset_free(d);
  }
}

static void test_folder(void **state) {
  (void)state;
  char path[256];
  il_dataset *grey = made(IL_UINT8, IL_SHAPE(3, 5, 1), 0, false),
             *colour = made(IL_UINT8, IL_SHAPE(3, 5, 3), 0, false),
             *reals = made(IL_FLOAT32, IL_SHAPE(3, 5, 1), 0, false),
             *groups = made(IL_UINT8, IL_SHAPE(3, 5, 1), 0, true);
  there_and_back(grey, "grey", false);
  there_and_back(colour, "colour", false);
  assert_int_equal(access(in_folder(path, "grey/ab/000002.png"), F_OK), 0);
  in_folder(path, "groups");
  assert_int_equal(il_dataset_export(groups, path, &(il_export_options){0}), IL_OK);
  assert_int_equal(access(in_folder(path, "groups/10 b/猫/000001.png"), F_OK), 0);
  /* Not twice, nothing but pictures, no names that are no folders; and nothing stays behind. */
  in_folder(path, "grey");
  assert_int_equal(il_dataset_export(colour, path, &(il_export_options){0}), IL_ERROR_FILE);
  assert_non_null(strstr(il_context_message(context), "is a folder that is not empty"));
  il_context_clear(context);
  in_folder(path, "reals");
  assert_int_equal(il_dataset_export(reals, path, &(il_export_options){0}), IL_ERROR_DATA);
  il_context_clear(context);
  const char *const bad[][2] = {
      {"a/../b", "c"}, {".a", "c"}, {"a/b/c", "d"}, {"a", "a/b"}, {"a//b", "c"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    const char *was[2] = {grey->name[0], grey->name[1]};
    memcpy(grey->name, bad[i], sizeof bad[i]);
    in_folder(path, "bad");
    grey->by_name[0] = strcmp(bad[i][0], bad[i][1]) < 0 ? 0 : 1;
    grey->by_name[1] = 1 - grey->by_name[0];
    assert_int_equal(il_dataset_export(grey, path, &(il_export_options){0}), IL_ERROR_DATA);
    assert_int_not_equal(access(path, F_OK), 0);
    il_context_clear(context);
    memcpy(grey->name, was, sizeof was);
  }
  const volatile sig_atomic_t stop = 1;
  in_folder(path, "stopped");
  assert_int_equal(il_dataset_export(colour, path, &(il_export_options){.stop = &stop}),
                   IL_ERROR_INTERRUPTED);
  assert_int_not_equal(access(path, F_OK), 0);
  snprintf(path, sizeof path, "%s/stopped.tmp-%ld", folder, (long)getpid());
  assert_int_not_equal(access(path, F_OK), 0);
  il_context_clear(context);
  il_dataset_free(grey);
  il_dataset_free(colour);
  il_dataset_free(reals);
  il_dataset_free(groups);
}

static void test_table(void **state) {
  (void)state;
  const double x[N * 2] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, y[N] = {1, 2, 3, 4, 5, 6};
  const il_tensor tensor[] = {{"x", IL_FLOAT64, IL_SHAPE(N, 2), x},
                              {"y", IL_FLOAT64, IL_SHAPE(N), y},
                              {"task", IL_INT64, IL_SHAPE(N), ints}};
  write_arrays("table.npz", 3, tensor, 0, NULL);
  imported(&(il_import_options){0});
  assert_string_equal(report.kind, "table");
  il_table *t = il_table_open(context, out);
  assert_non_null(t);
  assert_string_equal(t->task[0], "3");
  assert_true(t->x[2] == 5 && t->y[3] == 2);
  in_folder(source, "again.npz");
  assert_int_equal(il_table_export(context, t, source, &(il_export_options){0}), IL_OK);
  imported(&(il_import_options){0});
  il_table *again = il_table_open(context, out);
  assert_non_null(again);
  assert_memory_equal(t->x, again->x, N * 2 * sizeof(float));
  assert_memory_equal(t->y, again->y, N * sizeof(float));
  assert_memory_equal(t->start, again->start, 3 * sizeof(int32_t));
  assert_string_equal(again->task[0], "3");
  assert_string_equal(again->input[1], t->input[1]);
  il_table_free(again);
  il_table_free(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_shapes),  cmocka_unit_test(test_turned),
      cmocka_unit_test(test_types),   cmocka_unit_test(test_labels),
      cmocka_unit_test(test_names),   cmocka_unit_test(test_skipped),
      cmocka_unit_test(test_refused), cmocka_unit_test(test_npy_pair),
      cmocka_unit_test(test_batches), cmocka_unit_test(test_there_and_back),
      cmocka_unit_test(test_folder),  cmocka_unit_test(test_table)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
