/* Episodes within one alphabet or origin; which classes are left and how often they are drawn; patterns of names. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/pattern.h"
#include "data/episode.h"
#include "data/split.h"

enum { CLASSES = 10, EXAMPLES = 3, EPISODES = 4000 };

/* Alphabets of 4, 3, 2 and 1 classes; origins of 6 and 4, across alphabets. */
static const char *const names[CLASSES] = {"a/0", "b/0", "a/1", "c/0", "b/1",
                                           "a/2", "b/2", "c/1", "a/3", "lone"};
static const char *const origins[CLASSES] = {"land", "sea",  "land", "sea",  "land",
                                             "land", "land", "sea",  "land", "sea"};

static il_context *context;
static il_dataset *dataset;
static char path[] = "/tmp/innerloop-groups-XXXXXX";

static int start(void **state) {
  (void)state;
  static float numbers[CLASSES * EXAMPLES];
  int32_t first[CLASSES + 1];
  for (int c = 0; c <= CLASSES; c++) first[c] = c * EXAMPLES;
  context = il_context_new();
  dataset = il_dataset_new(context, &(il_dataset_arrays){.classes = CLASSES,
                                                         .start = first,
                                                         .type = IL_FLOAT32,
                                                         .example = IL_SHAPE(1),
                                                         .examples = numbers,
                                                         .name = names,
                                                         .origin = origins});
  close(mkstemp(path));
  return dataset ? 0 : -1;
}

static int stop(void **state) {
  (void)state;
  il_dataset_free(dataset);
  il_context_free(context);
  return unlink(path);
}

static void expect_error(const char *sentence) {
  if (!strstr(il_context_message(context), sentence))
    print_error("expected '%s', found '%s'\n", sentence, il_context_message(context));
  assert_non_null(strstr(il_context_message(context), sentence));
  il_context_clear(context);
}

static il_splits *divide(const char *only, const char *weights) {
  return il_splits_new(
      context, dataset,
      &(il_split_options){.kind = "test", .tests_only = true, .only = only, .weights = weights});
}

/* How often each class is in an episode; none has the same class twice. */
static void count(const il_splits *splits, il_within within, int ways, int times[CLASSES]) {
  il_sampler *s = il_sampler_new(
      context, dataset, splits,
      &(il_episode_options){.ways = ways, .shots = 1, .queries = 1, .seed = 4, .within = within});
  assert_non_null(s);
  int *memory = malloc(il_sampler_episode_size(s));
  memset(times, 0, CLASSES * sizeof *times);
  for (uint64_t i = 0; i < EPISODES; i++) {
    il_episode e;
    il_sampler_draw(s, IL_TEST, i, memory, &e);
    for (int w = 0; w < ways; w++) {
      times[e.cls[w]]++;
      for (int v = 0; v < w; v++) assert_int_not_equal(e.cls[v], e.cls[w]);
      const char *one = names[e.cls[0]], *other = names[e.cls[w]];
      if (within == IL_WITHIN_ALPHABET) assert_int_equal(*one, *other);
      if (within == IL_WITHIN_ORIGIN) assert_string_equal(origins[e.cls[0]], origins[e.cls[w]]);
    }
  }
  free(memory);
  il_sampler_free(s);
}

/* Six standard deviations. */
static void expect_share(int times, int draws, double share) {
  const double spread = 6 * sqrt(share * (1 - share) / draws);
  if (fabs((double)times / draws - share) > spread) print_error("%d of %d\n", times, draws);
  assert_true(fabs((double)times / draws - share) <= spread);
}

/* Alphabets of enough classes are drawn evenly, however many more they have; the others never. */
static void test_within(void **state) {
  (void)state;
  int times[CLASSES];
  il_splits *splits = divide(NULL, NULL);
  count(splits, IL_WITHIN_ALPHABET, 2, times);
  for (int c = 0; c < CLASSES - 1; c++) {
    const int size = *names[c] == 'a' ? 4 : *names[c] == 'b' ? 3 : 2;
    expect_share(times[c], EPISODES, 2.0 / 3 / size);
  }
  assert_int_equal(times[CLASSES - 1], 0);
  count(splits, IL_WITHIN_ALPHABET, 4, times);
  for (int c = 0; c < CLASSES; c++) assert_int_equal(times[c], *names[c] == 'a' ? EPISODES : 0);
  count(splits, IL_WITHIN_ORIGIN, 4, times);
  for (int c = 0; c < CLASSES; c++)
    expect_share(times[c], EPISODES, *origins[c] == 's' ? 0.5 : 0.5 * 4 / 6);
  assert_null(il_sampler_new(
      context, dataset, splits,
      &(il_episode_options){.ways = 5, .shots = 1, .queries = 1, .within = IL_WITHIN_ALPHABET}));
  expect_error("within an alphabet of the test split: the largest has 4 classes");
  il_splits_free(splits);
}

/* A quarter turn of an alphabet is an alphabet of its own. */
static void test_turned(void **state) {
  (void)state;
  il_dataset *glyphs = il_dataset_glyphs(context, &(il_glyphs){3, 4, 3, 8, 1, 7});
  il_splits *all =
      il_splits_new(context, glyphs, &(il_split_options){.kind = "test", .tests_only = true});
  il_sampler *s = il_sampler_new(context, glyphs, all,
                                 &(il_episode_options){.ways = 4,
                                                       .shots = 1,
                                                       .queries = 1,
                                                       .rotations = IL_ROTATIONS_CLASSES,
                                                       .rotate_test = true,
                                                       .within = IL_WITHIN_ALPHABET});
  assert_non_null(s);
  int *memory = malloc(il_sampler_episode_size(s)), turns[4] = {0};
  for (uint64_t i = 0; i < 200; i++) {
    il_episode e;
    il_sampler_draw(s, IL_TEST, i, memory, &e);
    turns[e.rotation[0]]++;
    for (int w = 1; w < 4; w++) {
      assert_int_equal(e.rotation[w], e.rotation[0]);
      assert_int_equal(e.cls[w] / 4, e.cls[0] / 4);
    }
  }
  for (int t = 0; t < 4; t++) assert_true(turns[t] > 20);
  free(memory);
  il_sampler_free(s);
  il_splits_free(all);
  il_dataset_free(glyphs);
}

/* Pairs: 4 ways are 8 classes, shots and queries of a way are of its two in turn, none is there twice. */
static void test_fused(void **state) {
  (void)state;
  enum { WAYS = 4, SHOTS = 3, QUERIES = 2, N = SHOTS + QUERIES };
  float number[CLASSES * EXAMPLES], x[2][WAYS * SHOTS];
  int32_t first[CLASSES + 1], y[2][WAYS * SHOTS];
  for (int c = 0; c <= CLASSES; c++) first[c] = c * EXAMPLES;
  for (int i = 0; i < CLASSES * EXAMPLES; i++) number[i] = (float)i;
  il_dataset *d = il_dataset_new(context, &(il_dataset_arrays){.classes = CLASSES,
                                                               .start = first,
                                                               .type = IL_FLOAT32,
                                                               .example = IL_SHAPE(1),
                                                               .examples = number});
  il_splits *all =
      il_splits_new(context, d, &(il_split_options){.kind = "test", .tests_only = true});
  il_episode_options options = {.ways = WAYS, .shots = SHOTS, .queries = QUERIES, .fused = 2};
  il_sampler *s = il_sampler_new(context, d, all, &options);
  assert_non_null(s);
  int *memory = malloc(il_sampler_episode_size(s));
  for (uint64_t i = 0; i < 200; i++) {
    il_episode e;
    bool seen[CLASSES * EXAMPLES] = {false};
    il_sampler_draw(s, IL_TEST, i, memory, &e);
    assert_int_equal(e.fused, 2);
    for (int c = 0; c < 2 * WAYS; c++)
      for (int b = 0; b < c; b++) assert_int_not_equal(e.cls[b], e.cls[c]);
    il_sampler_fill(s, &e, x[0], y[0], x[1], y[1]);
    for (int set = 0; set < 2; set++)
      for (int k = 0; k < WAYS * (set ? QUERIES : SHOTS); k++) {
        const int way = k / (set ? QUERIES : SHOTS), at = (int)x[set][k];
        assert_int_equal(y[set][k], way);
        assert_int_equal(at / EXAMPLES, e.cls[2 * way + k % (set ? QUERIES : SHOTS) % 2]);
        assert_false(seen[at]);
        seen[at] = true;
      }
  }
  assert_int_equal(il_sampler_write_list(context, s, IL_TEST, 1, path), IL_ERROR_ARGUMENT);
  expect_error("a list has no episodes of fused classes");
  free(memory);
  il_sampler_free(s);
  options.ways = 6;
  assert_null(il_sampler_new(context, d, all, &options));
  expect_error("episodes of 12 ways cannot be drawn from the test split");
  options = (il_episode_options){.ways = 2, .shots = 1, .queries = 1, .fused = 2};
  assert_null(il_sampler_new(context, d, all, &options));
  expect_error("task.fused: found 2, expected at most the 1 shot of an episode");
  il_splits_free(all);
  il_dataset_free(d);
}

static void expect_classes(const char *only, int classes, const char *first) {
  il_splits *splits = divide(only, NULL);
  assert_non_null(splits);
  assert_int_equal(il_splits_count(splits, IL_TEST), classes);
  assert_string_equal(names[il_splits_class(splits, IL_TEST, 0)], first);
  il_splits_free(splits);
}

static void test_only(void **state) {
  (void)state;
  expect_classes("", CLASSES, "a/0");
  expect_classes("b/*", 3, "b/0");
  expect_classes("sea", 4, "b/0");
  expect_classes("c/1,lone", 2, "c/1");
  expect_classes("!a/*", 6, "b/0");
  expect_classes("land,!a/*", 2, "b/1");
  assert_null(divide("d/*", NULL));
  expect_error("task.only: \"d/*\" is the name or the origin of none of the 10 classes");
  assert_null(divide("!*", NULL));
  expect_error("task.only: !* leaves none of the 10 classes of the test split");
  /* Who is left out moves nobody to another side. */
  const il_split_options halves = {.kind = "random", .train = 5};
  il_split_options some = halves;
  some.only = "a/*,b/*";
  il_splits *all = il_splits_new(context, dataset, &halves),
            *left = il_splits_new(context, dataset, &some);
  for (int s = IL_TRAIN; s <= IL_TEST; s++)
    for (int i = 0, at = 0; i < il_splits_count(all, (il_split)s); i++) {
      const int cls = il_splits_class(all, (il_split)s, i);
      if (names[cls][0] == 'a' || names[cls][0] == 'b')
        assert_int_equal(il_splits_class(left, (il_split)s, at++), cls);
    }
  il_splits_free(all);
  il_splits_free(left);
}

static void put(const char *text) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static void test_weights(void **state) {
  (void)state;
  put("# heavy\n4 a/*\n\n0 c/*\n2 a/1\n");
  int times[CLASSES];
  il_splits *splits = divide(NULL, path);
  assert_non_null(splits);
  assert_int_equal(il_splits_count(splits, IL_TEST), 8);
  /* All weigh 3·4 + 2 + 3 + 1 = 18. */
  count(splits, IL_WITHIN_ANY, 1, times);
  expect_share(times[0], EPISODES, 4.0 / 18);
  expect_share(times[2], EPISODES, 2.0 / 18);
  expect_share(times[1], EPISODES, 1.0 / 18);
  /* An alphabet weighs as its classes do in the mean: 3.5 to 1. */
  count(splits, IL_WITHIN_ALPHABET, 2, times);
  expect_share((times[0] + times[2] + times[5] + times[8]) / 2, EPISODES, 3.5 / 4.5);
  /* Without replacement: the second way goes by the weights that are left. */
  put("0 a/*\n0 b/*\n3 c/0\n");
  il_splits_free(splits);
  splits = divide(NULL, path);
  count(splits, IL_WITHIN_ANY, 2, times);
  expect_share(times[3], EPISODES, 3.0 / 5 + 2 * (1.0 / 5) * (3.0 / 4));
  il_splits_free(splits);
  static const char *const bad[][2] = {
      {"a/0\n", ":1: found 'a/0', expected a weight from 0 to 1e30"},
      {"1 a/0\n-1 a/0\n", ":2: found '-1 a/0'"},
      {"1e31 a/0\n", ":1: found"},
      {"nan a/0\n", ":1: found"},
      {"2 \n", ":1: found"},
      {"2 d/0\n", ":1: the dataset has no class 'd/0'"},
      {"0 *\n", "leaves none of the 10 classes of the test split"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    put(bad[i][0]);
    assert_null(divide(NULL, path));
    expect_error(bad[i][1]);
  }
  assert_null(divide(NULL, "/nowhere/weights"));
  expect_error("/nowhere/weights");
}

static void test_patterns(void **state) {
  (void)state;
  static const struct {
    const char *pattern, *name;
    bool matches;
  } cases[] = {{"", "", true},          {"", "a", false},       {"a", "a", true},
               {"a", "ab", false},      {"*", "", true},        {"*", "ab", true},
               {"a*", "b", false},      {"*b", "aab", true},    {"a*b*c", "aXbbYc", true},
               {"a*b*c", "acb", false}, {"**x", "yx", true},    {"x**", "x", true},
               {"*ab", "aab", true},    {"*aab*", "aaab", true}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const il_pattern p = {cases[i].pattern, strlen(cases[i].pattern), false};
    assert_int_equal(il_pattern_matches(&p, cases[i].name), cases[i].matches);
  }
  /* Would take longer than the universe is old where every * is tried in every place. */
  char name[2001] = "", stars[201] = "";
  memset(name, 'a', 2000);
  for (int i = 0; i < 99; i++) memcpy(stars + 2 * i, "*a", 2);
  memcpy(stars + 198, "*b", 2);
  assert_false(il_pattern_matches(&(il_pattern){stars, 200, false}, name));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_within),  cmocka_unit_test(test_turned),
      cmocka_unit_test(test_fused),   cmocka_unit_test(test_only),
      cmocka_unit_test(test_weights), cmocka_unit_test(test_patterns)};
  return cmocka_run_group_tests(tests, start, stop);
}
