/* Episodes: a pure function of (seed, split, index); nothing drawn twice; rotations as numpy.rot90; lists
 * replay the same episodes; what the classes cannot give is refused. Sinusoids are what they say. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/episode.h"

enum { WAYS = 5, SHOTS = 1, QUERIES = 3, N = WAYS * (SHOTS + QUERIES), WORDS = 2 * WAYS + N };

static il_context *context;
static il_dataset *glyphs;
static il_splits *splits;
static char path[] = "/tmp/innerloop-episode-XXXXXX";

static int start(void **state) {
  (void)state;
  context = il_context_new();
  glyphs = il_dataset_glyphs(context, &(il_glyphs){6, 4, 5, 28, 1, 7});
  splits = il_splits_new(context, glyphs,
                         &(il_split_options){.kind = "random", .train = 14, .validation = 5});
  close(mkstemp(path));
  return splits ? 0 : -1;
}

static int stop(void **state) {
  (void)state;
  il_splits_free(splits);
  il_dataset_free(glyphs);
  il_context_free(context);
  return unlink(path);
}

static void expect_error(const char *sentence) {
  if (!strstr(il_context_message(context), sentence))
    print_error("expected '%s', found '%s'\n", sentence, il_context_message(context));
  assert_int_not_equal(il_context_status(context), IL_OK);
  assert_non_null(strstr(il_context_message(context), sentence));
  il_context_clear(context);
}

static il_sampler *sampler(il_rotations rotations, bool rotate_test, uint64_t seed) {
  il_sampler *s = il_sampler_new(context, glyphs, splits,
                                 &(il_episode_options){.ways = WAYS,
                                                       .shots = SHOTS,
                                                       .queries = QUERIES,
                                                       .rotations = rotations,
                                                       .rotate_test = rotate_test,
                                                       .seed = seed});
  assert_non_null(s);
  assert_int_equal(il_sampler_episode_size(s), WORDS * sizeof(int));
  return s;
}

static void check(const il_episode *e, il_split split, il_rotations rotations) {
  assert_int_equal(e->ways, WAYS);
  for (int w = 0; w < WAYS; w++) {
    bool in_split = false;
    for (int i = 0; i < il_splits_count(splits, split); i++)
      in_split |= il_splits_class(splits, split, i) == e->cls[w];
    assert_true(in_split);
    assert_in_range(e->rotation[w], 0, rotations == IL_ROTATIONS_NONE ? 0 : 3);
    for (int v = 0; v < w; v++)
      assert_true(e->cls[v] != e->cls[w] ||
                  (rotations == IL_ROTATIONS_CLASSES && e->rotation[v] != e->rotation[w]));
    const int *example = e->example + w * (SHOTS + QUERIES);
    for (int i = 0; i < SHOTS + QUERIES; i++) {
      assert_in_range(example[i], 0, 4);
      for (int j = 0; j < i; j++) assert_int_not_equal(example[j], example[i]);
    }
  }
}

static void test_draw(void **state) {
  (void)state;
  int shared_base = 0, rotated = 0, cls_seen[24] = {0};
  for (int rotations = 0; rotations < 3; rotations++) {
    il_sampler *a = sampler((il_rotations)rotations, false, 3),
               *b = sampler((il_rotations)rotations, false, 4);
    int first[WORDS], again[WORDS], other[WORDS], differs = 0;
    il_episode e;
    for (int split = 0; split < 3; split++)
      for (uint64_t i = 0; i < 300; i++) {
        il_sampler_draw(a, (il_split)split, i, first, &e);
        check(&e, (il_split)split, split == IL_TRAIN ? (il_rotations)rotations : IL_ROTATIONS_NONE);
        for (int w = 0; w < WAYS; w++) {
          rotated += e.rotation[w] != 0;
          cls_seen[e.cls[w]]++;
          for (int v = 0; v < w; v++) shared_base += e.cls[v] == e.cls[w];
        }
        il_sampler_draw(a, (il_split)split, i + 1, other, &e);
        il_sampler_draw(a, (il_split)split, i, again, &e);
        assert_memory_equal(first, again, sizeof first);
        differs += memcmp(first, other, sizeof first) != 0;
        il_sampler_draw(b, (il_split)split, i, other, &e);
        differs += memcmp(first, other, sizeof first) != 0;
      }
    assert_true(differs > 1750);
    il_sampler_free(a);
    il_sampler_free(b);
  }
  assert_true(shared_base > 10);
  assert_in_range(rotated, 1900, 2600); /* about 3/4 of the 2 × 1500 rotated classes */
  for (int c = 0; c < 24; c++) assert_true(cls_seen[c] > 200);
}

static void test_fill(void **state) {
  (void)state;
  il_sampler *s = sampler(IL_ROTATIONS_CLASSES, true, 3);
  static uint8_t support[WAYS * SHOTS][28 * 28], query[WAYS * QUERIES][28 * 28];
  int32_t support_y[WAYS * SHOTS], query_y[WAYS * QUERIES];
  int memory[WORDS], turns_seen[4] = {0};
  for (uint64_t index = 0; index < 20; index++) {
    il_episode e;
    il_sampler_draw(s, IL_TEST, index, memory, &e);
    il_sampler_fill(s, &e, support[0], support_y, query[0], query_y);
    for (int w = 0; w < WAYS; w++)
      for (int k = 0; k < SHOTS + QUERIES; k++) {
        const uint8_t *in =
            il_dataset_example(glyphs, e.cls[w], e.example[w * (SHOTS + QUERIES) + k]);
        const uint8_t *out = k < SHOTS ? support[w * SHOTS + k] : query[w * QUERIES + k - SHOTS];
        assert_int_equal(k < SHOTS ? support_y[w * SHOTS + k] : query_y[w * QUERIES + k - SHOTS],
                         w);
        turns_seen[e.rotation[w]]++;
        for (int i = 0; i < 28; i++)
          for (int j = 0; j < 28; j++) {
            int y = i, x = j; /* one quarter turn: out[i][j] = in[j][27 - i] */
            for (int t = 0; t < e.rotation[w]; t++) {
              int kept = y;
              y = x;
              x = 27 - kept;
            }
            assert_int_equal(out[i * 28 + j], in[y * 28 + x]);
          }
      }
  }
  for (int t = 0; t < 4; t++) assert_true(turns_seen[t] > 0);
  il_sampler_free(s);
}

static void test_refused(void **state) {
  (void)state;
  static const struct {
    il_episode_options options;
    const char *sentence;
  } bad[] = {{{.ways = 15, .shots = 1, .queries = 1},
              "15 ways cannot be drawn from the train split: it has 14"},
             {{.ways = 6, .shots = 1, .queries = 1}, "validation split: it has 5"},
             {{.ways = 5, .shots = 1, .queries = 5}, "it has 5 examples"},
             {{.ways = 5, .shots = INT32_MAX, .queries = INT32_MAX}, "expected at least"},
             {{.ways = 0, .shots = 1, .queries = 1}, "0 ways"},
             {{.ways = 2, .shots = 0, .queries = 1}, "0 shots"},
             {{.ways = 2, .shots = 1, .queries = 1, .rotations = (il_rotations)3},
              "no kind of rotations"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_null(il_sampler_new(context, glyphs, splits, &bad[i].options));
    expect_error(bad[i].sentence);
  }
}

static void test_list(void **state) {
  (void)state;
  il_sampler *a = sampler(IL_ROTATIONS_RANDOM, true, 3), *b = sampler(IL_ROTATIONS_NONE, false, 99);
  assert_int_equal(il_sampler_write_list(context, a, IL_TEST, 40, path), IL_OK);
  uint64_t count = 0;
  assert_int_equal(il_sampler_read_list(b, IL_TEST, path, &count), IL_OK);
  assert_int_equal(count, 40);
  int x[WORDS], y[WORDS];
  il_episode e;
  for (uint64_t i = 0; i < 40; i++) {
    il_sampler_draw(a, IL_TEST, i, x, &e);
    il_sampler_draw(b, IL_TEST, i, y, &e);
    assert_memory_equal(x, y, sizeof x);
  }
  assert_int_not_equal(il_sampler_read_list(b, IL_TRAIN, path, &count),
                       IL_OK); /* classes of another split */
  expect_error("is not in the train split");
  il_sampler_free(a);
  il_sampler_free(b);
}

static void put(const char *format, const char *a, const char *b) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs("# comment\n", file);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  fprintf(file, format, a, b);
#pragma GCC diagnostic pop
  fclose(file);
}

static void test_bad_lists(void **state) {
  (void)state;
  il_sampler *s = il_sampler_new(context, glyphs, splits,
                                 &(il_episode_options){.ways = 2, .shots = 1, .queries = 2});
  const char *a = il_dataset_class_name(glyphs, il_splits_class(splits, IL_TEST, 0));
  const char *b = il_dataset_class_name(glyphs, il_splits_class(splits, IL_TEST, 1));
  uint64_t count;
  put("%s:0:1|2,3\t%s:1:0|1,4\n", a, b);
  assert_int_equal(il_sampler_read_list(s, IL_TEST, path, &count), IL_OK);
  static const char *const bad[][2] = {
      {"%s:0:1|2,3\n", ":2: the episode has 1 classes, expected 2"},
      {"%s:0:1|2,3\t%s:1:0|1,4\t\n", ":2: the episode has 3 classes"},
      {"%s:0:1|2,3\t%s:1:0|1,5\n", "class 2 of the episode has no such examples"},
      {"%s:0:1|2,3\t%s:1:0|1,-4\n", "no such examples"},
      {"%s:0:1|2,3\t%s:1:0|1,04\n", "no such examples"},
      {"%s:0:1|2,3\t%s:1:0|1,99999999999999999999\n", "no such examples"},
      {"%s:0:1|2,3\t%s:1:0,1|4\n", "no such examples"},
      {"%s:0:1|2,3\t%s:1:0|1,4,2\n", "no such examples"},
      {"%s:0:1|2,3\t%s:1:0|1,1\n", "names an example twice"},
      {"%s:0:1|2,3\t%s:4:0|1,4\n", "no rotation of 0 to 3"},
      {"%s:0:1|2,3\t%s\n", "is not 'name:rotation"},
      {"%s:0:1|2,3\t%sx:0:0|1,4\n", "has no class"},
      {"%1$s:0:1|2,3\t%1$s:0:0|1,4\n", "class 2 of the episode is there twice"},
      {"", "has no episode"},
      {"\n", ":2: class 1"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    put(bad[i][0], a, b);
    assert_int_not_equal(il_sampler_read_list(s, IL_TEST, path, &count), IL_OK);
    expect_error(bad[i][1]);
  }
  il_sampler_free(s);
}

static void test_sinusoid(void **state) {
  (void)state;
  float x[10], y[10], qx[20], qy[20], x2[10], y2[10];
  double largest = 0;
  for (uint64_t i = 0; i < 500; i++) {
    il_sinusoid_draw(5, IL_TRAIN, i, 10, 20, x, y, qx, qy);
    il_sinusoid_draw(5, IL_TRAIN, i, 10, 20, x2, y2, qx, qy);
    assert_memory_equal(x, x2, sizeof x);
    assert_memory_equal(y, y2, sizeof y);
    /* Two points give A·cos(phase) and A·sin(phase); all others must lie on that curve. */
    double s0 = sin((double)x[0]), c0 = cos((double)x[0]), s1 = sin((double)x[1]),
           c1 = cos((double)x[1]);
    double determinant = -s0 * c1 + c0 * s1;
    if (fabs(determinant) < 0.1) continue;
    double p = (-(double)y[0] * c1 + c0 * (double)y[1]) / determinant;
    double q = (s0 * (double)y[1] - s1 * (double)y[0]) / determinant;
    for (int k = 0; k < 20; k++) {
      assert_true(qx[k] >= -5.0f && qx[k] <= 5.0f);
      assert_true(fabs(p * sin((double)qx[k]) - q * cos((double)qx[k]) - (double)qy[k]) < 1e-4);
    }
    double amplitude = hypot(p, q), phase = atan2(q, p);
    assert_true(amplitude > 0.0999 && amplitude < 5.0001 && phase > -1e-3 && phase < M_PI + 1e-3);
    largest = fmax(largest, amplitude);
  }
  assert_true(largest > 4.5);
  il_sinusoid_draw(5, IL_TEST, 0, 10, 20, x, y, qx, qy);
  il_sinusoid_draw(5, IL_TRAIN, 0, 10, 20, x2, y2, qx, qy);
  assert_memory_not_equal(x, x2, sizeof x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_draw),      cmocka_unit_test(test_fill),
      cmocka_unit_test(test_refused),   cmocka_unit_test(test_list),
      cmocka_unit_test(test_bad_lists), cmocka_unit_test(test_sinusoid)};
  return cmocka_run_group_tests(tests, start, stop);
}
