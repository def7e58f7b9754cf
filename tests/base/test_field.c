/* Fields: defaults, texts and back, what is refused, whatever the locale. */
#include <innerloop/field.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef enum colour { RED = 1, GREEN = 2 } colour;
typedef struct paint {
  int64_t seed;
  int layers;
  double shine;
  bool wet;
  colour colour;
  const char *name;
  int coats[2];
} paint;

static const il_field fields[] = {
    IL_FIELD(paint, seed, IL_FIELD_INT64, "9000000000", 0, 9e15, NULL, "a seed"),
    IL_FIELD(paint, layers, IL_FIELD_INT32, "2", 1, 3e9, NULL, "coats"),
    IL_FIELD(paint, shine, IL_FIELD_DOUBLE, "0.1", 0, 1, NULL, "gloss"),
    IL_FIELD(paint, wet, IL_FIELD_BOOL, "true", 0, 0, NULL, "fresh"),
    IL_FIELD(paint, colour, IL_FIELD_ENUM, "green", RED, 0, "red|green", "hue"),
    IL_FIELD(paint, name, IL_FIELD_TEXT, "", 0, 0, NULL, "label"),
    IL_FIELD(paint, coats, IL_FIELD_RANGE, "2-9", 0, 1000, NULL, "of each wall"),
    {0}};

static void test_defaults_and_texts(void **state) {
  (void)state;
  paint p;
  memset(&p, 0xee, sizeof p);
  il_fields_default(fields, &p);
  assert_true(p.seed == 9000000000 && p.layers == 2 && p.shine == 0.1 && p.wet);
  assert_int_equal(p.colour, GREEN);
  assert_string_equal(p.name, "");
  for (const il_field *f = fields; f->name; f++) {
    char text[IL_FIELD_TEXT_SIZE];
    const int length = il_field_print(f, &p, text, sizeof text);
    assert_int_equal(length, strlen(text));
    assert_string_equal(text, f->fallback);
  }
  assert_ptr_equal(il_field_find(fields, "wet"), &fields[3]);
  assert_null(il_field_find(fields, "we"));
  assert_null(il_field_find(NULL, "wet"));
}

static void test_ranges(void **state) {
  (void)state;
  const il_field *f = il_field_find(fields, "coats");
  static const struct {
    const char *text;
    int low, high;
  } good[] = {{"0", 0, 0}, {"7", 7, 7}, {"1-5", 1, 5}, {"3-3", 3, 3}, {"999-1000", 999, 1000}};
  static const char *const bad[] = {"",     "-",      "1-",    "-5",         "5-1",
                                    "0-5",  "1-1001", "1-5-9", "1 5",        " 1",
                                    "1-5 ", "1--5",   "1..5",  "1-x",        "+1",
                                    "1001", "1,5",    "1-5x",  "4294967297", "1-4294967297"};
  paint p;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    assert_true(il_field_read(f, good[i].text, &p));
    assert_int_equal(p.coats[0], good[i].low);
    assert_int_equal(p.coats[1], good[i].high);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (il_field_read(f, bad[i], &p)) fail_msg("accepted: \"%s\"", bad[i]);
  assert_int_equal(p.coats[0], 999);
  char text[IL_FIELD_TEXT_SIZE];
  il_field_accepts(f, text, sizeof text);
  assert_string_equal(text, "an integer from 0 to 1000, or a range of them such as 1-5");
}

static void test_every_double_reads_back(void **state) {
  (void)state;
  const double numbers[] = {1.0 / 3, 1e-300, 0.1 + 0.2, 1, 4.9e-324, 0.999999999};
  char text[IL_FIELD_TEXT_SIZE];
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    paint p = {.shine = numbers[i]}, q = {0};
    il_field_print(&fields[2], &p, text, sizeof text);
    assert_true(numbers[i] < 1e-320 || il_field_read(&fields[2], text, &q));
    assert_true(numbers[i] < 1e-320 || p.shine == q.shine);
  }
}

static void test_refused(void **state) {
  (void)state;
  static const char *const wrong[][3] = {
      {"seed", "-1", "integer from 0 to 9000000000000000"},
      {"seed", "1.5", "integer"},
      {"seed", "99999999999999999999", "integer"},
      {"layers", "0", "integer from 1 to"},
      {"layers", "2999999999", "integer"}, /* in the range, but no int */
      {"layers", "", "integer"},
      {"shine", "nan", "number from 0 to 1"},
      {"shine", "0.5x", "number"},
      {"wet", "yes", "true or false"},
      {"colour", "blue", "one of red|green"},
      {"colour", "red|green", "one of"},
  };
  il_context *context = il_context_new();
  paint p, before;
  memset(&p, 0, sizeof p);
  il_fields_default(fields, &p);
  memcpy(&before, &p, sizeof p);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const il_field *f = il_field_find(fields, wrong[i][0]);
    assert_int_equal(il_field_set(context, "a.yaml:3: ", "paint.", f, wrong[i][1], &p),
                     IL_ERROR_CONFIG);
    char start[64];
    snprintf(start, sizeof start, "a.yaml:3: paint.%s: found \"%s\"", wrong[i][0], wrong[i][1]);
    const char *message = il_context_message(context);
    if (strncmp(message, start, strlen(start)) || !strstr(message, wrong[i][2]))
      fail_msg("%s", message);
    il_context_clear(context);
    assert_memory_equal(&p, &before, sizeof p);
  }
  il_context_free(context);
}

static void test_locale(void **state) {
  (void)state;
  if (!setlocale(LC_NUMERIC, "de_DE.UTF-8")) skip();
  paint p = {0};
  char text[IL_FIELD_TEXT_SIZE];
  assert_true(il_field_read(&fields[2], "0.25", &p));
  il_field_print(&fields[2], &p, text, sizeof text);
  setlocale(LC_NUMERIC, "C");
  assert_true(p.shine == 0.25);
  assert_string_equal(text, "0.25");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_defaults_and_texts),
      cmocka_unit_test(test_ranges),
      cmocka_unit_test(test_every_double_reads_back),
      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_locale),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
