/* What learners in memory refuse: calls that make no sense, rooms that are too small, files that are damaged or lie. */
#include "support/learners.h"

static int set_up_one(void **state) {
  if (set_up(state) != 0) return -1;
  train("glyphs-5w1s-maml", "maml", (const char *const[]){"inner.steps=2", NULL});
  return 0;
}

static void refused(const il_learner *l, il_status status, const char *word) {
  if (il_learner_status(l) != status || !strstr(il_learner_message(l), word))
    fail_msg("found %s \"%s\", expected \"%s\" in it", il_status_name(il_learner_status(l)),
             il_learner_message(l), word);
}

static void test_calls(void **state) {
  (void)state;
  size_t size;
  float scores[ASKED * MOST];
  draw_all(WAYS);
  char *bytes = exported("maml", &size);
  placed p = place(bytes, size, NULL);
  assert_int_equal(il_learner_predict(p.l, 1, asked_x, scores), IL_ERROR_ARGUMENT);
  refused(p.l, IL_ERROR_ARGUMENT, "adapted to nothing");
  il_learner_adapt(p.l, SUPPORT - 1, support_x, support_y);
  refused(p.l, IL_ERROR_ARGUMENT, "placed for 10");
  il_learner_adapt(p.l, SUPPORT, support_x, NULL);
  refused(p.l, IL_ERROR_ARGUMENT, "y is NULL");
  int32_t y[SUPPORT];
  memcpy(y, support_y, sizeof y);
  y[3] = WAYS;
  il_learner_adapt(p.l, SUPPORT, support_x, y);
  refused(p.l, IL_ERROR_ARGUMENT, "example 3 is of class 5, expected 0 to 4");
  y[3] = -1;
  il_learner_adapt(p.l, SUPPORT, support_x, y);
  refused(p.l, IL_ERROR_ARGUMENT, "class -1");
  for (int i = 0; i < SUPPORT; i++) y[i] = i % 4;
  il_learner_adapt(p.l, SUPPORT, support_x, y);
  refused(p.l, IL_ERROR_ARGUMENT, "class 4 has no example");
  assert_int_equal(il_learner_predict(p.l, 1, asked_x, scores), IL_ERROR_ARGUMENT);
  adapt_and_ask(p.l, SUPPORT, scores); /* none of these is for good */
  assert_int_equal(il_learner_predict(p.l, 0, NULL, NULL), IL_OK);
  leave(&p);
  /* For other tasks than it was trained on. */
  p = place(bytes, size, &(il_learner_options){.examples = 5});
  for (int i = 0; i < WAYS; i++) y[i] = WAYS - 1 - i;
  must(p.l, il_learner_adapt(p.l, WAYS, support_x, y));
  must(p.l, il_learner_predict(p.l, 1, asked_x, scores));
  leave(&p);
  p = place(bytes, size, &(il_learner_options){.ways = 7, .examples = 14});
  refused(p.l, IL_ERROR_ARGUMENT, "has a head for 5");
  assert_int_equal(il_learner_adapt(p.l, 14, support_x, support_y), IL_ERROR_ARGUMENT);
  refused(p.l, IL_ERROR_ARGUMENT, "has a head for 5"); /* that is for good */
  leave(&p);
  p = place(bytes, size, &(il_learner_options){.answers_only = true});
  refused(p.l, IL_ERROR_ARGUMENT, "answers_only");
  leave(&p);
  assert_int_equal(il_learner_room(bytes, size, &(il_learner_options){.examples = 3}), 0);
  /* No learner at all. */
  assert_null(il_learner_place(bytes, size, scores, 64));
  assert_int_equal(il_learner_adapt(NULL, 1, asked_x, support_y), IL_ERROR_MEMORY);
  assert_int_equal(il_learner_predict(NULL, 1, asked_x, scores), IL_ERROR_MEMORY);
  assert_true(strstr(il_learner_message(NULL), "too small") != NULL);
  il_learner_info info;
  assert_false(il_learner_describe(NULL, &info));
  free(bytes);
}

static void test_rooms(void **state) {
  (void)state;
  size_t size;
  char *bytes = exported("maml", &size);
  const size_t room = il_learner_room(bytes, size, NULL);
  assert_true(room > size);
  assert_int_equal(il_learner_room(bytes, size, NULL), room);
  char *memory = malloc(room);
  for (size_t less = 0; less < room - 4096; less += room / 60 + 1) {
    const il_learner *l = il_learner_place(bytes, size, memory, less);
    assert_int_equal(il_learner_status(l), IL_ERROR_MEMORY);
    assert_true(strstr(il_learner_message(l), "too small") != NULL);
  }
  char said[80];
  snprintf(said, sizeof said, "the room of %zu bytes is too small", room / 2);
  refused(il_learner_place(bytes, size, memory + 1, room / 2), IL_ERROR_MEMORY, said);
  const il_learner *l = il_learner_place(bytes, size, memory, room);
  assert_int_equal(il_learner_status(l), IL_OK);
  assert_true(il_learner_used(l) <= room);
  free(memory);
  free(bytes);
}

/* The same file with `from` made `to`, of equal length. */
static void changed(const char *bytes, size_t size, const char *from, const char *to,
                    il_status status, const char *word) {
  assert_int_equal(strlen(from), strlen(to));
  char *copy = malloc(size);
  memcpy(copy, bytes, size);
  char *at = memmem(copy, size, from, strlen(from));
  if (!at) fail_msg("the file has no \"%s\"", from);
  memcpy(at, to, strlen(to));
  placed p = place(copy, size, NULL);
  if (il_learner_status(p.l) != status || !strstr(il_learner_message(p.l), word))
    fail_msg("%s: found %s \"%s\", expected \"%s\" in it", to,
             il_status_name(il_learner_status(p.l)), il_learner_message(p.l), word);
  leave(&p);
  free(copy);
}

static void test_damaged(void **state) {
  (void)state;
  size_t size;
  char *bytes = exported("maml", &size), *memory = malloc(1 << 22);
  for (size_t cut = 0; cut < size; cut += 1 + cut / 40) {
    char *part = malloc(cut + 1); /* the sanitizer sees reads beyond its end */
    memcpy(part, bytes, cut);
    const il_learner *l = il_learner_place(part, cut, memory, 1 << 22);
    assert_int_equal(il_learner_status(l), IL_ERROR_FORMAT);
    free(part);
  }
  changed(bytes, size, "inner.steps 2", "inner.stepz 2", IL_ERROR_FORMAT, "\"inner.stepz\"");
  changed(bytes, size, "meta.revision 1", "meta.revision 7", IL_ERROR_FORMAT, "revision 7");
  changed(bytes, size, "meta.algorithm maml", "meta.algorithm nope", IL_ERROR_FORMAT, "\"nope\"");
  changed(bytes, size, "units=8", "units=9", IL_ERROR_DATA, "conv1.weight");
  changed(bytes, size, "example u8 28 28 1", "example u8 28 28 0", IL_ERROR_FORMAT,
          "\"u8 28 28 0\"");
  changed(bytes, size, "example u8 28 28 1", "example u8 99999 1", IL_ERROR_SHAPE, "image");
  changed(bytes, size, "ways 5", "ways 0", IL_ERROR_CONFIG, "ways");
  changed(bytes, size, "layer relu", "layer rely", IL_ERROR_CONFIG, "rely");
  changed(bytes, size, "\"learner\"", "\"leerner\"", IL_ERROR_FORMAT, "\"learner\"");
  changed(bytes, size, "conv1.weight\"", "conv9.weight\"", IL_ERROR_DATA, "conv1.weight");
  changed(bytes, size, "\"F32\"", "\"I32\"", IL_ERROR_DATA, "expected F32");
  changed(bytes, size, "\"F32\"", "\"F99\"", IL_ERROR_FORMAT, "dtype");
  changed(bytes, size, "data_offsets\":[0,", "data_offsets\":[9,", IL_ERROR_FORMAT, "data_offsets");
  /* Whatever else stands there: an answer or a sentence. */
  uint64_t header = 0;
  memcpy(&header, bytes, sizeof header);
  unsigned drawn = 1;
  for (int turn = 0; turn < 400; turn++) {
    char *copy = malloc(size);
    memcpy(copy, bytes, size);
    for (int i = 0; i <= turn % 3; i++) {
      drawn = drawn * 1664525u + 1013904223u;
      static const char with[] = "0189-{}[]\",:\\nu x";
      copy[8 + (drawn >> 8) % header] =
          turn % 5 ? with[(drawn >> 3) % (sizeof with - 1)] : (char)(drawn >> 4);
    }
    il_learner *l = il_learner_place(copy, size, memory, 1 << 22);
    assert_non_null(l);
    assert_true((il_learner_status(l) == IL_OK) == (*il_learner_message(l) == 0));
    free(copy);
  }
  free(memory);
  free(bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_calls), cmocka_unit_test(test_rooms),
                                     cmocka_unit_test(test_damaged)};
  return cmocka_run_group_tests(tests, set_up_one, tear_down);
}
