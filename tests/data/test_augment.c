/* Augmentation of signals, of plain numbers, and of the sets of training tasks. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <innerloop/data.h>

enum { STEPS = 50, CHANNELS = 2, DRAWS = 400 };

/* Channel 0 counts the steps from 1, channel 1 is 100 more. */
static void ramp(float x[STEPS][CHANNELS]) {
  for (int t = 0; t < STEPS; t++)
    for (int c = 0; c < CHANNELS; c++) x[t][c] = (float)(1 + t + 100 * c);
}

static void test_shift(void **state) {
  (void)state;
  float in[STEPS][CHANNELS], out[STEPS][CHANNELS];
  ramp(in);
  const il_augment both[] = {{.shift = 0.1}, {.crop = 5}};
  for (int a = 0; a < 2; a++) {
    bool seen[11] = {false};
    for (uint64_t i = 0; i < DRAWS; i++) {
      il_augment_apply(&both[a], 1, 0, i, IL_FLOAT32, IL_SHAPE(STEPS, CHANNELS), in, out);
      const int by = (int)(in[20][0] - out[20][0]);
      assert_in_range(by + 5, 0, 10);
      seen[by + 5] = true;
      for (int t = 0; t < STEPS; t++) { /* held at its ends, channels together */
        int from = t - by < 0 ? 0 : t - by >= STEPS ? STEPS - 1 : t - by;
        assert_true(out[t][0] == in[from][0] && out[t][1] == in[from][1]);
      }
    }
    for (int k = 0; k < 11; k++) assert_true(seen[k]);
  }
}

static void test_erase(void **state) {
  (void)state;
  float in[STEPS][CHANNELS], out[STEPS][CHANNELS];
  ramp(in);
  int untouched = 0;
  for (uint64_t i = 0; i < DRAWS; i++) {
    il_augment_apply(&(il_augment){.erase = 0.5}, 1, 0, i, IL_FLOAT32, IL_SHAPE(STEPS, CHANNELS),
                     in, out);
    int first = -1, last = -1, erased = 0;
    for (int t = 0; t < STEPS; t++) {
      assert_true((out[t][0] == 0) == (out[t][1] == 0));
      if (out[t][0] != 0) continue;
      if (first < 0) first = t;
      last = t;
      erased++;
    }
    untouched += erased == 0;
    if (erased) assert_int_equal(erased, last - first + 1);
    assert_in_range(erased, 0, STEPS / 5);
  }
  assert_in_range(untouched, DRAWS / 3, 2 * DRAWS / 3);
}

/* Over many draws, noise has mean 0 and the asked share of the signal's deviation; gain stays in its range. */
static void test_noise(void **state) {
  (void)state;
  float in[STEPS][CHANNELS], out[STEPS][CHANNELS];
  ramp(in);
  double sum = 0, squares = 0, all = 0, mean = 0;
  for (int k = 0; k < STEPS * CHANNELS; k++) mean += (double)(&in[0][0])[k] / (STEPS * CHANNELS);
  for (int k = 0; k < STEPS * CHANNELS; k++)
    all += pow((double)(&in[0][0])[k] - mean, 2) / (STEPS * CHANNELS);
  for (uint64_t i = 0; i < DRAWS; i++) {
    il_augment_apply(&(il_augment){.jitter = 0.1}, 1, 0, i, IL_FLOAT32, IL_SHAPE(STEPS, CHANNELS),
                     in, out);
    for (int k = 0; k < STEPS * CHANNELS; k++) {
      const double d = (double)(&out[0][0])[k] - (double)(&in[0][0])[k];
      sum += d;
      squares += d * d;
    }
  }
  const double n = (double)DRAWS * STEPS * CHANNELS, deviation = sqrt(squares / n);
  assert_true(fabs(deviation / (0.1 * sqrt(all)) - 1) < 0.02);
  assert_true(fabs(sum / n) < 4 * deviation / sqrt(n));
  bool apart = false;
  for (uint64_t i = 0; i < DRAWS; i++) {
    il_augment_apply(&(il_augment){.gain = 0.2}, 1, 0, i, IL_FLOAT32, IL_SHAPE(STEPS, CHANNELS), in,
                     out);
    double gain[CHANNELS];
    for (int c = 0; c < CHANNELS; c++) {
      gain[c] = (double)out[0][c] / (double)in[0][c];
      assert_true(gain[c] >= 0.8 - 1e-6 && gain[c] <= 1.2 + 1e-6);
      for (int t = 0; t < STEPS; t++)
        assert_true(fabs((double)out[t][c] / (double)in[t][c] - gain[c]) < 1e-5);
    }
    apart |= fabs(gain[0] - gain[1]) > 0.1;
  }
  assert_true(apart);
  /* Bytes stay bytes. */
  uint8_t white[4][4], grey[4][4];
  memset(white, 255, sizeof white);
  white[0][0] = 0;
  il_augment_apply(&(il_augment){.jitter = 1, .gain = 0.5}, 1, 0, 3, IL_UINT8, IL_SHAPE(4, 4, 1),
                   white, grey);
  assert_memory_not_equal(white, grey, sizeof white);
}

static void test_check(void **state) {
  (void)state;
  il_context *context = il_context_new();
  assert_int_equal(il_augment_check(context,
                                    &(il_augment){.shift = 0.1, .jitter = 0.1, .erase = 0.1},
                                    IL_SHAPE(STEPS, CHANNELS)),
                   IL_OK);
  assert_int_equal(
      il_augment_check(context, &(il_augment){.jitter = 0.1, .gain = 0.1}, IL_SHAPE(4)), IL_OK);
  const struct {
    il_augment augment;
    il_shape shape;
    const char *sentence;
  } bad[] = {{{.rotate = true}, IL_SHAPE(STEPS, CHANNELS), "an example is a signal"},
             {{.shift = 0.1}, IL_SHAPE(4), "needs images or signals"},
             {{.elastic = 0.1}, IL_SHAPE(STEPS, CHANNELS), "an example is a signal"},
             {{.shear = 1}, IL_SHAPE(9, 9, 1), "shear 1"},
             {{.gain = 1}, IL_SHAPE(4), "gain 1"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_int_equal(il_augment_check(context, &bad[i].augment, bad[i].shape), IL_ERROR_CONFIG);
    assert_non_null(strstr(il_context_message(context), bad[i].sentence));
    il_context_clear(context);
  }
  il_context_free(context);
}

/* Only training tasks, only the sets that were asked for, and the same each time. */
static void test_sets_of_tasks(void **state) {
  (void)state;
  enum { SUPPORT = 3, QUERY = 6, IMAGE = 28 * 28 };
  static uint8_t plain[2][QUERY * IMAGE], changed[2][QUERY * IMAGE], again[2][QUERY * IMAGE];
  il_context *context = il_context_new();
  const il_glyphs glyphs = {4, 5, 4, 28, 1, 1};
  il_source_options o = {.ways = 3,
                         .shots = 1,
                         .queries = 2,
                         .split = {.kind = "random", .train = 10, .seed = 1},
                         .seed = 5};
  const il_source *source = il_source_find("glyphs");
  il_tasks *without = il_tasks_open(context, source, &glyphs, &o);
  for (int set = 0; set < 2; set++) {
    o.augment = (il_augment){.degrees = 15, .jitter = 0.1};
    o.augment_set[set] = true;
    o.augment_set[1 - set] = false;
    il_tasks *with = il_tasks_open(context, source, &glyphs, &o);
    assert_non_null(with);
    for (int split = IL_TRAIN; split <= IL_TEST; split += 2)
      for (uint64_t i = 0; i < 5; i++) {
        int32_t y[2][QUERY];
        const il_task_id id = {(il_split)split, 0, i};
        il_tasks_draw(without, id, 1, &(il_task_memory){{plain[0], plain[1]}, {y[0], y[1]}});
        il_tasks_draw(with, id, 1, &(il_task_memory){{changed[0], changed[1]}, {y[0], y[1]}});
        il_tasks_draw(with, id, 1, &(il_task_memory){{again[0], again[1]}, {y[0], y[1]}});
        for (int k = 0; k < 2; k++) {
          const size_t bytes = (size_t)(k ? QUERY : SUPPORT) * IMAGE;
          assert_memory_equal(changed[k], again[k], bytes);
          if (split == IL_TRAIN && k == set)
            assert_memory_not_equal(plain[k], changed[k], bytes);
          else
            assert_memory_equal(plain[k], changed[k], bytes);
        }
      }
    il_tasks_free(with);
  }
  il_tasks_free(without);
  assert_int_equal(il_context_status(context), IL_OK);
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_shift),         cmocka_unit_test(test_erase),
      cmocka_unit_test(test_noise),         cmocka_unit_test(test_check),
      cmocka_unit_test(test_sets_of_tasks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
