/* Tables of text: what RFC 4180 allows, and the line of everything that it does not; arrays of texts beside them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "io/csv.h"
#include "io/tensors.h"

static il_context *context;
static char path[] = "/tmp/innerloop-csv-XXXXXX";

static void write_text(const char *text, size_t size) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(text, 1, size, file), size);
  fclose(file);
}

static il_csv *open_text(const char *text) {
  write_text(text, strlen(text));
  il_csv *csv = il_csv_open(context, path);
  assert_non_null(csv);
  return csv;
}

/* The next record is these fields, which end with NULL, and begins at the line. */
static void expect(il_csv *csv, int64_t line, ...) {
  const char *const *field;
  va_list expected;
  va_start(expected, line);
  const int fields = il_csv_next(csv, &field);
  assert_true(fields > 0);
  assert_int_equal(il_csv_line(csv), line);
  for (int i = 0; i < fields; i++) {
    const char *text = va_arg(expected, const char *);
    assert_non_null(text);
    assert_string_equal(field[i], text);
  }
  assert_null(va_arg(expected, const char *));
  va_end(expected);
}

static void expect_end(il_csv *csv) {
  const char *const *field;
  assert_int_equal(il_csv_next(csv, &field), 0);
  il_csv_close(csv);
}

static void test_plain(void **state) {
  (void)state;
  il_csv *csv = open_text("\xef\xbb\xbf"
                          "a,b,c\r\n1,,3\r\n\r\n \"x\n");
  expect(csv, 1, "a", "b", "c", NULL);
  expect(csv, 2, "1", "", "3", NULL);
  il_csv_rewind(csv);
  expect(csv, 1, "a", "b", "c", NULL);
  il_csv_close(csv);
  csv = open_text("one");
  expect(csv, 1, "one", NULL);
  expect_end(csv);
  csv = open_text("");
  expect_end(csv);
}

static void test_quotes(void **state) {
  (void)state;
  il_csv *csv = open_text("\"a, \"\"b\"\"\",\"two\nlines\",\"\"\nc,d,e\n");
  expect(csv, 1, "a, \"b\"", "two\nlines", "", NULL);
  expect(csv, 3, "c", "d", "e", NULL);
  expect_end(csv);
}

static void test_separators(void **state) {
  (void)state;
  il_csv *csv = open_text("a;b;\"c,d\"\n1,5;2;3\n");
  assert_int_equal(il_csv_separator(csv), ';');
  expect(csv, 1, "a", "b", "c,d", NULL);
  expect(csv, 2, "1,5", "2", "3", NULL);
  expect_end(csv);
  csv = open_text("a\tb, c\n1\t2\n");
  assert_int_equal(il_csv_separator(csv), '\t');
  expect(csv, 1, "a", "b, c", NULL);
  expect(csv, 2, "1", "2", NULL);
  expect_end(csv);
}

/* Reads to the error and looks for the words in it. */
static void refuse(const char *text, size_t size, const char *words) {
  write_text(text, size);
  il_csv *csv = il_csv_open(context, path);
  const char *const *field;
  int fields;
  assert_non_null(csv);
  while ((fields = il_csv_next(csv, &field)) > 0) continue;
  assert_int_equal(fields, -1);
  if (!strstr(il_context_message(context), words))
    fail_msg("found \"%s\", expected \"%s\"", il_context_message(context), words);
  il_csv_close(csv);
  il_context_clear(context);
}
#define REFUSE(text, words) refuse(text, sizeof(text) - 1, words)

static void test_refused(void **state) {
  (void)state;
  REFUSE("a,b\n1,2\n3\n", ":3: found 1 fields, expected 2");
  REFUSE("a,b\n1,2,3\n", ":2: found 3 fields, expected 2");
  REFUSE("a,\"b\n1,2\n", ":1: a quote opens here and is never closed");
  REFUSE("a,b\"c\"\n", ":1: found a quote in the middle of a field");
  REFUSE("a\n\"b\"c\n", ":2: found text behind a closing quote");
  REFUSE("a\n\xff\n", ":2: found bytes that are no text, expected UTF-8");
  REFUSE("a\nb\0c\n", ":2: found bytes that are no text");
  REFUSE("a,b\r1,2\r", ":1: found a carriage return within a line");
}

/* Every cut of a file is read to an end or an error, whatever it cuts. */
static void test_cuts(void **state) {
  (void)state;
  static const char text[] = "\xef\xbb\xbf"
                             "a,\"b\"\"\xc3\xa9\",c\r\n\"1\n2\",,3\r\n\n4,5,6";
  for (size_t size = 0; size < sizeof text; size++) {
    write_text(text, size);
    il_csv *csv = il_csv_open(context, path);
    const char *const *field;
    int records = 0;
    assert_non_null(csv);
    while (il_csv_next(csv, &field) > 0) records++;
    assert_true(records <= 3);
    il_csv_close(csv);
    il_context_clear(context);
  }
}

static void test_utf8(void **state) {
  (void)state;
  static const char *const bad[] = {"\x80",
                                    "\xc0\xaf",
                                    "\xc3",
                                    "\xe0\x80\x80",
                                    "\xed\xa0\x80",
                                    "\xf4\x90\x80\x80",
                                    "\xf8\x88\x80\x80\x80"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_false(il_utf8(bad[i], strlen(bad[i])));
  int counted = 0;
  for (uint32_t point = 1; point <= 0x110000; point += point < 0x900 ? 1 : 97) {
    char text[5] = "";
    const size_t size = il_utf8_put(point, text);
    if (!size) continue;
    const char *at = text;
    assert_true(il_utf8(text, size));
    assert_int_equal(il_utf8_next(&at), point);
    assert_int_equal(at - text, size);
    counted++;
  }
  assert_true(counted > 10000);
}

static void expect_names(const il_tensors *file, const char *name) {
  static const char *const names[] = {"été", "猫", "", "a longer name", "😀"};
  const il_texts *texts = il_tensors_texts_find(file, name);
  assert_non_null(texts);
  assert_int_equal(texts->count, 5);
  for (int i = 0; i < 5; i++) assert_string_equal(texts->text[i], names[i]);
}

/* What numpy wrote, in both byte orders and as bytes; and what we write ourselves. */
static void test_numpy_texts(void **state) {
  (void)state;
  il_tensors *file = il_tensors_open(context, TEST_DATA "/io/fixtures/numpy/texts.npz");
  assert_non_null(file);
  assert_int_equal(il_tensors_count(file), 1);
  assert_int_equal(il_tensors_texts(file), 4);
  assert_int_equal(il_tensors_left_out(file), 4);
  expect_names(file, "little");
  expect_names(file, "big");
  expect_names(file, "bytes");
  assert_string_equal(il_tensors_texts_find(file, "square")->text[3], "d");
  assert_null(il_tensors_texts_find(file, "x"));
  const il_texts *little = il_tensors_texts_find(file, "little");
  assert_int_equal(il_npz_write_texts(context, path, 1, il_tensors_at(file, 0), 1, little), IL_OK);
  il_tensors *again = il_tensors_open(context, path);
  assert_non_null(again);
  expect_names(again, "little");
  assert_int_equal(il_tensors_count(again), 1);
  il_tensors_close(again);
  il_tensors_close(file);
  file = il_tensors_open(context, TEST_DATA "/io/fixtures/numpy/texts.npy");
  assert_non_null(file);
  expect_names(file, "tensor");
  il_tensors_close(file);
}

/* The header says more, or other texts, than there are. */
static void test_hostile_texts(void **state) {
  (void)state;
  static const struct {
    const char *descr, *shape;
    unsigned char data[8];
    const char *words;
  } files[] = {{"<U1", "(2,)",
                "\x00\xd8\x00\x00"
                "a\0\0\0",
                "element 0 of the array tensor is no text"},
               {"<U1", "(2,)", "a\0\0\0\xff\xff\xff\xff", "element 1"},
               {"<U2", "(1,)",
                "\0\0\0\0"
                "a\0\0",
                "element 0"},
               {"|S4", "(2,)", "abc\0\xff\0\0", "element 1"},
               {"<U1", "(3,)", "", "expected 3 elements of 4"},
               {"<U1", "(4611686018427387904,)", "", "expected"},
               {"<U0", "(2,)", "", "has the type '<U0'"},
               {"<U99999999999999999999", "(1,)", "", "has the type"},
               {"<U1", "(1, 2)", "a\0\0\0b\0\0", NULL}};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char header[128], bytes[160];
    const int length =
        snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n",
                 files[i].descr, files[i].shape);
    memcpy(bytes, "\x93NUMPY\x01\x00", 8);
    bytes[8] = (char)length;
    bytes[9] = 0;
    memcpy(bytes + 10, header, (size_t)length);
    memcpy(bytes + 10 + length, files[i].data, 8);
    write_text(bytes, 18 + (size_t)length);
    il_tensors *file = il_tensors_open(context, path);
    if (files[i].words) {
      assert_null(file);
      if (!strstr(il_context_message(context), files[i].words))
        fail_msg("found \"%s\", expected \"%s\"", il_context_message(context), files[i].words);
    } else {
      assert_non_null(file);
      assert_int_equal(il_tensors_texts_at(file, 0)->count, 2);
    }
    il_tensors_close(file);
    il_context_clear(context);
  }
}

static int set_up(void **state) {
  (void)state;
  context = il_context_new();
  const int fd = mkstemp(path);
  if (fd >= 0) close(fd);
  return context && fd >= 0 ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  unlink(path);
  il_context_free(context);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_plain),       cmocka_unit_test(test_quotes),
      cmocka_unit_test(test_separators),  cmocka_unit_test(test_refused),
      cmocka_unit_test(test_cuts),        cmocka_unit_test(test_utf8),
      cmocka_unit_test(test_numpy_texts), cmocka_unit_test(test_hostile_texts)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
