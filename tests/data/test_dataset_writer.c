/* The streaming writer: what is read back, room for the longest header, vanishing classes, where it says what it was made
 * of, equal bytes, and nothing left behind by what is not finished. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <innerloop/version.h>

#include "data/dataset_writer.h"

static il_context *context;
static char folder[] = "/tmp/innerloop-writer-XXXXXX";
static char path[64];

static int start(void **state) {
  (void)state;
  context = il_context_new();
  if (!mkdtemp(folder)) return -1;
  snprintf(path, sizeof path, "%s/out.safetensors", folder);
  return 0;
}

static int stop(void **state) {
  (void)state;
  il_context_free(context);
  return rmdir(folder); /* fails where anything was left behind */
}

static int files(void) {
  DIR *open = opendir(folder);
  int count = 0;
  for (struct dirent *e; (e = readdir(open));) count += e->d_name[0] != '.';
  closedir(open);
  return count;
}

static const char *const names[] = {"b", "\"ä\"/零", "empty", "z"};

static il_dataset_writer *begin(void) {
  il_dataset_writer *w = il_dataset_writer_new(context, path,
                                               &(il_dataset_recipe){.classes = 4,
                                                                    .name = names,
                                                                    .type = IL_UINT8,
                                                                    .example = IL_SHAPE(3),
                                                                    .made_from = "/some/where/",
                                                                    .made_with = "grey"});
  if (!w) print_error("%s\n", il_context_message(context));
  assert_non_null(w);
  return w;
}

static void write_one(void) {
  il_dataset_writer *w = begin();
  for (int c = 0; c < 4; c++)
    for (int e = 0; e < c + 1 && c != 2; e++) {
      const uint8_t x[3] = {(uint8_t)c, (uint8_t)e, 7};
      il_dataset_writer_hash(w, x, 3);
      assert_int_equal(il_dataset_writer_add(w, c, x), IL_OK);
    }
  assert_int_equal(il_dataset_writer_classes(w), 3);
  assert_int_equal(il_dataset_writer_examples(w), 7);
  assert_int_equal(il_dataset_writer_commit(w, 7, 2), IL_OK);
}

static void test_round(void **state) {
  (void)state;
  write_one();
  il_dataset *d = il_dataset_open(context, path);
  if (!d) print_error("%s\n", il_context_message(context));
  assert_non_null(d);
  assert_int_equal(il_dataset_classes(d), 3);
  const int kept[] = {0, 1, 3};
  for (int c = 0; c < 3; c++) {
    assert_string_equal(il_dataset_class_name(d, c), names[kept[c]]);
    assert_int_equal(il_dataset_examples(d, c), kept[c] + 1);
    for (int e = 0; e <= kept[c]; e++) {
      const uint8_t *x = il_dataset_example(d, c, e);
      assert_int_equal(x[0], kept[c]);
      assert_int_equal(x[1], e);
      assert_int_equal(x[2], 7);
    }
  }
  assert_int_equal((uintptr_t)il_dataset_example(d, 0, 0) % 64, 0);
  il_dataset_free(d);
  il_safetensors *file = il_safetensors_open(context, path);
  assert_string_equal(il_safetensors_metadata(file, "made_by"), "innerloop " INNERLOOP_VERSION);
  assert_string_equal(il_safetensors_metadata(file, "made_from"), "where");
  assert_string_equal(il_safetensors_metadata(file, "made_with"), "grey");
  assert_string_equal(il_safetensors_metadata(file, "made_of"),
                      "{\"files\": 7, \"classes\": 3, \"examples\": 7, \"skipped\": 2}");
  /* what xxh128sum prints of these 21 bytes */
  assert_string_equal(il_safetensors_metadata(file, "made_of_hash"),
                      "xxh3-128:49bddec4ba5ccd05e3676641e07aa9c4");
  il_safetensors_close(file);
}

static void test_same_bytes(void **state) {
  (void)state;
  static char first[1 << 16], second[1 << 16];
  size_t size[2];
  for (int i = 0; i < 2; i++) {
    write_one();
    FILE *f = fopen(path, "rb");
    size[i] = fread(i ? second : first, 1, sizeof first, f);
    fclose(f);
  }
  assert_true(size[0] > 100);
  assert_int_equal(size[0], size[1]);
  assert_memory_equal(first, second, size[0]);
}

static void test_unfinished(void **state) {
  (void)state;
  write_one();
  il_dataset_writer *w = begin();
  assert_int_equal(il_dataset_writer_add(w, 3, "abc"), IL_OK);
  assert_int_not_equal(il_dataset_writer_add(w, 1, "abc"), IL_OK);
  il_context_clear(context);
  il_dataset_writer_abort(w);
  assert_int_equal(files(), 1); /* what was there before */
  w = begin();
  assert_int_not_equal(il_dataset_writer_commit(w, 0, 0), IL_OK);
  assert_non_null(strstr(il_context_message(context), "without an example"));
  il_context_clear(context);
  assert_int_equal(files(), 1);
  unlink(path);
}

static void test_bad_names(void **state) {
  (void)state;
  static const char *const bad[][2] = {{"a", "a"}, {"a", ""}, {"a", "\n"}, {"a", "\xff"}};
  static const char *const why[] = {"two classes are named 'a'", "is empty", "control characters",
                                    "UTF-8"};
  for (int i = 0; i < 4; i++) {
    assert_null(il_dataset_writer_new(
        context, path,
        &(il_dataset_recipe){
            .classes = 2, .name = bad[i], .type = IL_UINT8, .example = IL_SHAPE(1)}));
    assert_non_null(strstr(il_context_message(context), why[i]));
    il_context_clear(context);
    assert_int_equal(files(), 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_round), cmocka_unit_test(test_same_bytes),
      cmocka_unit_test(test_unfinished), cmocka_unit_test(test_bad_names)};
  return cmocka_run_group_tests(tests, start, stop);
}
