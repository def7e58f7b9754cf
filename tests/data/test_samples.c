/* Samples and their augmented copies: divided without overlap, read back, each variation on a known picture. */
#include <innerloop/innerloop.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/division.h"

static void test_hold_out(void **state) {
  (void)state;
  enum { N = 60 };
  float x[N];
  int32_t y[N];
  for (int i = 0; i < N; i++) {
    x[i] = (float)i;
    y[i] = i % 3;
  }
  il_context *context = il_context_new();
  il_samples s = {N, IL_SHAPE(1), IL_FLOAT32, x, y, NULL, 3}, *kept, *held;
  assert_int_equal(il_samples_hold_out(context, &s, 0.25, 7, &kept, &held), IL_OK);
  assert_int_equal(held->count, 15);
  assert_int_equal(kept->count, 45);
  int seen[N] = {0}, of_class[3] = {0};
  for (int64_t i = 0; i < kept->count; i++) seen[(int)((const float *)kept->inputs)[i]]++;
  for (int64_t i = 0; i < held->count; i++) {
    int at = (int)((const float *)held->inputs)[i];
    seen[at]++;
    assert_int_equal(held->label[i], at % 3);
    of_class[held->label[i]]++;
  }
  for (int i = 0; i < N; i++) assert_int_equal(seen[i], 1);
  for (int c = 0; c < 3; c++) assert_int_equal(of_class[c], 5);
  il_samples_free(kept);
  il_samples_free(held);
  il_context_free(context);
}

static void test_files(void **state) {
  (void)state;
  char path[] = "/tmp/il_samples_XXXXXX";
  close(mkstemp(path));
  il_context *context = il_context_new();
  il_dataset *d = il_dataset_glyphs(context, &(il_glyphs){1, 3, 2, 28, 1, 1});
  int cls[] = {2, 0};
  il_samples *s = il_samples_of_classes(context, d, 2, cls);
  assert_int_equal(s->count, 4);
  assert_int_equal(s->label[3], 1);
  assert_memory_equal(s->inputs, il_dataset_example(d, 2, 0), 28 * 28);
  assert_int_equal(il_samples_write(context, s, path), IL_OK);
  il_samples *back = il_samples_open(context, path);
  assert_non_null(back);
  assert_int_equal(back->outputs, 2);
  assert_true(il_shape_equal(back->example, s->example));
  assert_memory_equal(back->inputs, s->inputs, 4 * 28 * 28);
  assert_memory_equal(back->label, s->label, 4 * sizeof *s->label);
  il_samples_free(back);
  int32_t negative[] = {0, 1, -1, 0};
  il_samples bad = *s;
  bad.label = negative;
  assert_int_equal(il_samples_write(context, &bad, path), IL_OK);
  assert_null(il_samples_open(context, path));
  assert_non_null(strstr(il_context_message(context), "label 2 is -1"));
  il_samples_free(s);
  il_dataset_free(d);
  unlink(path);
  il_context_free(context);
}

/* [n,2,5] are grey images of 2 x 5 pixels, or signals: of 2 steps and 5 channels out of an .npz, of 5 steps and 2
 * channels out of PyTorch. A file of samples says which it has. */
static void test_signals(void **state) {
  (void)state;
  char path[64], folder[] = "/tmp/il_signals_XXXXXX";
  assert_non_null(mkdtemp(folder));
  il_context *context = il_context_new();
  float x[20];
  const int32_t y[2] = {0, 1};
  for (int i = 0; i < 20; i++) x[i] = (float)i;
  const il_tensor tensor[] = {{"x", IL_FLOAT32, IL_SHAPE(2, 2, 5), x},
                              {"y", IL_INT32, IL_SHAPE(2), y}};
  for (int torch = 0; torch < 2; torch++) {
    snprintf(path, sizeof path, "%s/s.%s", folder, torch ? "pt" : "npz");
    assert_int_equal(
        il_tensors_write(context, path, torch ? IL_FILE_TORCH : IL_FILE_NPZ, 2, tensor), IL_OK);
    il_samples *grey = il_samples_open(context, path), *s = il_samples_open_signals(context, path);
    assert_true(grey && s);
    assert_true(il_shape_equal(grey->example, IL_SHAPE(2, 5, 1)));
    assert_memory_equal(grey->inputs, x, sizeof x);
    assert_true(il_shape_equal(s->example, torch ? IL_SHAPE(5, 2) : IL_SHAPE(2, 5)));
    const float *in = s->inputs;
    assert_true(in[1] == (torch ? 5 : 1) && in[9] == 9 && in[11] == (torch ? 15 : 11));
    il_samples_free(grey);
    if (torch) { /* written as samples, signals stay such whoever opens them */
      unlink(path);
      snprintf(path, sizeof path, "%s/s.safetensors", folder);
      assert_int_equal(il_samples_write(context, s, path), IL_OK);
      il_samples *back = il_samples_open(context, path);
      assert_non_null(back);
      assert_true(il_shape_equal(back->example, s->example));
      assert_memory_equal(back->inputs, s->inputs, sizeof x);
      il_samples_free(back);
    }
    il_samples_free(s);
    unlink(path);
  }
  const il_tensor flat[] = {{"x", IL_FLOAT32, IL_SHAPE(2, 10), x}, tensor[1]};
  snprintf(path, sizeof path, "%s/s.npz", folder);
  assert_int_equal(il_tensors_write(context, path, IL_FILE_NPZ, 2, flat), IL_OK);
  il_samples *one = il_samples_open_signals(context, path);
  assert_non_null(one);
  assert_true(il_shape_equal(one->example, IL_SHAPE(10, 1)));
  il_samples_free(one);
  unlink(path);
  rmdir(folder);
  il_context_free(context);
}

/* ---- tasks ---- */

enum { EXAMPLES = 37, CLASSES = 4 };
static void uneven(int32_t *y) { /* class 1 has none */
  for (int i = 0; i < EXAMPLES; i++) y[i] = i % 3 == 0 ? 0 : i % 3 + 1;
}

/* Support and query set never share an example, labels follow the classes, and every class gets every place. */
static void test_by_class(void **state) {
  (void)state;
  int32_t y[EXAMPLES], label[12];
  float x[EXAMPLES] = {0};
  int64_t example[12], again[12];
  uneven(y);
  il_context *context = il_context_new();
  il_samples s = {EXAMPLES, IL_SHAPE(1), IL_FLOAT32, x, y, NULL, CLASSES};
  il_episodes e = {IL_EPISODES_BY_CLASS, 2, 2, 4, false};
  il_division *d = il_division_new(context, &s, &e, 9);
  assert_non_null(d);
  assert_int_equal(d->support, 4);
  assert_int_equal(d->query, 8);
  void *scratch = malloc(il_division_scratch(d));
  int placed[CLASSES][2] = {{0}}, drawn[EXAMPLES] = {0};
  for (uint64_t t = 0; t < 500; t++) {
    il_division_draw(d, 0, t, scratch, example, label);
    il_division_draw(d, 0, t, scratch, again, NULL);
    assert_memory_equal(example, again, sizeof example);
    int of_way[2] = {y[example[0]], y[example[2]]};
    assert_int_not_equal(of_way[0], of_way[1]);
    for (int i = 0; i < 12; i++) {
      int way = i < 4 ? i / 2 : (i - 4) / 4;
      assert_int_equal(label[i], way);
      assert_int_equal(y[example[i]], of_way[way]);
      for (int k = 0; k < i; k++) assert_true(example[k] != example[i]);
      drawn[example[i]]++;
    }
    placed[of_way[0]][0]++;
    placed[of_way[1]][1]++;
  }
  for (int c = 0; c < CLASSES; c++)
    for (int w = 0; w < 2; w++) assert_true(c == 1 ? placed[c][w] == 0 : placed[c][w] > 120);
  for (int i = 0; i < EXAMPLES; i++) assert_true(drawn[i] > 80);
  free(scratch);
  il_division_free(d);
  e.queries = 11;
  assert_null(il_division_new(context, &s, &e, 9));
  assert_non_null(strstr(il_context_message(context), "class 2: it has 12 examples"));
  il_context_free(context);
}

/* Turned: all images of a class of a task by the same quarter turns, which differ from task to task. */
static void test_turns(void **state) {
  (void)state;
  static uint8_t x[4 * 9], turned[9];
  int32_t y[4] = {0, 0, 1, 1};
  for (int i = 0; i < 9; i++) x[i] = (uint8_t)i;
  il_context *context = il_context_new();
  il_samples s = {4, IL_SHAPE(3, 3, 1), IL_UINT8, x, y, NULL, 2};
  il_episodes e = {IL_EPISODES_BY_CLASS, 2, 1, 1, true};
  il_division *d = il_division_new(context, &s, &e, 9);
  int seen[4] = {0};
  for (uint64_t t = 0; t < 200; t++) {
    int turns = il_division_turns(d, 0, t, 1);
    assert_in_range(turns, 0, 3);
    assert_int_equal(il_division_turns(d, 0, t, 1), turns);
    seen[turns]++;
  }
  for (int k = 0; k < 4; k++) assert_in_range(seen[k], 25, 75);
  il_image_turn(x, 3, 1, 1, turned); /* the right column 2, 5, 8 becomes the top row */
  const uint8_t expected[] = {2, 5, 8, 1, 4, 7, 0, 3, 6};
  assert_memory_equal(turned, expected, 9);
  il_division_free(d);
  s.example = IL_SHAPE(9);
  assert_null(il_division_new(context, &s, &e, 9));
  assert_non_null(strstr(il_context_message(context), "square images"));
  il_context_free(context);
}

/* Every turn is one quarter turn more, whatever a pixel is: grey and coloured bytes, grey and coloured floats. */
static void test_turns_of_pixels(void **state) {
  (void)state;
  enum { SIDE = 5, LARGEST = 12 };
  const size_t sizes[] = {1, 2, 3, 4, LARGEST};
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
    const size_t pixel = sizes[k], row = SIDE * pixel;
    char image[SIDE * SIDE * LARGEST], expected[sizeof image], turned[sizeof image];
    for (size_t i = 0; i < sizeof image; i++) image[i] = (char)(i * 7);
    memcpy(expected, image, sizeof image);
    for (int turns = 0; turns < 4; turns++) {
      memset(turned, 0, sizeof turned);
      il_image_turn(image, SIDE, pixel, turns, turned);
      assert_memory_equal(turned, expected, SIDE * row);
      char before[sizeof image];
      memcpy(before, expected, sizeof image);
      for (size_t y = 0; y < SIDE; y++) /* the column at the right becomes the row at the top */
        for (size_t x = 0; x < SIDE; x++)
          memcpy(expected + y * row + x * pixel, before + x * row + (SIDE - 1 - y) * pixel, pixel);
    }
    assert_memory_equal(expected, image, SIDE * row);
  }
}

static void test_all_classes(void **state) {
  (void)state;
  float x[EXAMPLES] = {0}, target[EXAMPLES * 2] = {0};
  int64_t example[EXAMPLES];
  il_context *context = il_context_new();
  il_samples s = {EXAMPLES, IL_SHAPE(1), IL_FLOAT32, x, NULL, target, 2};
  il_episodes e = {IL_EPISODES_ALL_CLASSES, 0, 18, 19, false}; /* two halves of everything */
  il_division *d = il_division_new(context, &s, &e, 9);
  assert_non_null(d);
  void *scratch = malloc(il_division_scratch(d));
  int in_support[EXAMPLES] = {0};
  for (uint64_t t = 0; t < 200; t++) {
    int seen[EXAMPLES] = {0};
    il_division_draw(d, 0, t, scratch, example, NULL);
    for (int i = 0; i < EXAMPLES; i++) seen[example[i]]++;
    for (int i = 0; i < EXAMPLES; i++) assert_int_equal(seen[i], 1);
    for (int i = 0; i < 18; i++) in_support[example[i]]++;
  }
  for (int i = 0; i < EXAMPLES; i++) assert_in_range(in_support[i], 60, 140);
  free(scratch);
  il_division_free(d);
  e.kind = IL_EPISODES_BY_CLASS;
  e.ways = 2;
  assert_null(il_division_new(context, &s, &e, 9));
  assert_non_null(strstr(il_context_message(context), "need labels"));
  il_context_free(context);
}

/* ---- augmentation on a picture whose every pixel is known ---- */

enum { SIDE = 5, PIXELS = SIDE * SIDE };
static const il_shape shape = {3, {SIDE, SIDE, 1}};

static void picture(uint8_t *p) {
  for (int i = 0; i < PIXELS; i++) p[i] = (uint8_t)(10 + i);
}

/* How often, over 400 draws, the copy is one of the expected ones; every draw must be one of them. */
static void only_these(const il_augment *a, int count, uint8_t expected[][PIXELS]) {
  uint8_t in[PIXELS], out[PIXELS], again[PIXELS];
  int seen[64] = {0};
  picture(in);
  for (uint64_t i = 0; i < 400; i++) {
    il_augment_apply(a, 1, 2, i, IL_UINT8, shape, in, out);
    il_augment_apply(a, 1, 2, i, IL_UINT8, shape, in, again);
    assert_memory_equal(out, again, PIXELS);
    int k = 0;
    while (k < count && memcmp(out, expected[k], PIXELS)) k++;
    assert_true(k < count);
    seen[k]++;
  }
  for (int k = 0; k < count; k++) assert_true(seen[k] > 100 / count);
}

static void test_rotate(void **state) {
  (void)state;
  uint8_t expected[4][PIXELS];
  picture(expected[0]);
  for (int turn = 1; turn < 4; turn++) /* counter-clockwise: the right column becomes the top row */
    for (int y = 0; y < SIDE; y++)
      for (int x = 0; x < SIDE; x++)
        expected[turn][y * SIDE + x] = expected[turn - 1][x * SIDE + SIDE - 1 - y];
  only_these(&(il_augment){.rotate = true}, 4, expected);
}

static void test_flips(void **state) {
  (void)state;
  uint8_t expected[4][PIXELS];
  picture(expected[0]);
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < SIDE; x++) {
      expected[1][y * SIDE + x] = expected[0][y * SIDE + SIDE - 1 - x];
      expected[2][y * SIDE + x] = expected[0][(SIDE - 1 - y) * SIDE + x];
      expected[3][y * SIDE + x] = expected[0][(SIDE - 1 - y) * SIDE + SIDE - 1 - x];
    }
  only_these(&(il_augment){.flip_horizontal = true, .flip_vertical = true}, 4, expected);
  only_these(&(il_augment){.flip_horizontal = true}, 2, expected);
}

static void test_crop(void **state) {
  (void)state;
  uint8_t expected[25][PIXELS], in[PIXELS];
  picture(in);
  for (int k = 0; k < 25; k++)
    for (int y = 0; y < SIDE; y++)
      for (int x = 0; x < SIDE; x++) {
        int sy = y + k / 5 - 2, sx = x + k % 5 - 2;
        bool inside = sy >= 0 && sx >= 0 && sy < SIDE && sx < SIDE;
        expected[k][y * SIDE + x] = inside ? in[sy * SIDE + sx] : 0;
      }
  only_these(&(il_augment){.crop = 2}, 25, expected);
}

static void test_affine(void **state) {
  (void)state;
  uint8_t in[PIXELS] = {0}, out[PIXELS];
  in[2 * SIDE + 2] = 200; /* the centre stays where it is while nothing is shifted */
  for (uint64_t i = 0; i < 50; i++) {
    il_augment turned = {.degrees = 90}, grown = {.scale = 0.5}, moved = {.shift = 0.2};
    il_augment_apply(&turned, 1, 0, i, IL_UINT8, shape, in, out);
    assert_int_equal(out[2 * SIDE + 2], 200);
    il_augment_apply(&grown, 1, 0, i, IL_UINT8, shape, in, out);
    assert_int_equal(out[2 * SIDE + 2], 200);
    il_augment_apply(&moved, 1, 0, i, IL_UINT8, shape, in, out);
    int sum = 0;
    for (int k = 0; k < PIXELS; k++) sum += out[k];
    assert_in_range(sum, 198, 202); /* by up to one pixel: shared among four */
    assert_int_equal(out[0], 0);
  }
  /* A point turned by up to 180 degrees keeps its distance from the centre. */
  float point[21 * 21] = {0}, turned_point[21 * 21];
  point[10 * 21 + 16] = 1;
  bool up = false, left = false;
  for (uint64_t i = 0; i < 50; i++) {
    il_augment_apply(&(il_augment){.degrees = 180}, 1, 0, i, IL_FLOAT32, IL_SHAPE(21, 21, 1), point,
                     turned_point);
    double sum = 0, y = 0, x = 0;
    for (int k = 0; k < 21 * 21; k++) {
      sum += (double)turned_point[k];
      y += (double)turned_point[k] * (k / 21 - 10);
      x += (double)turned_point[k] * (k % 21 - 10);
    }
    double radius = sqrt(y * y + x * x) / sum;
    assert_true(radius > 5.7 && radius < 6.3);
    up |= y / sum < -4;
    left |= x / sum < -4;
  }
  assert_true(up && left);
}

/* Where the pixels of an augmented picture come from: those of one whose pixels say where they stand are read off exactly,
 * as bilinear weights give back what is linear. */
enum { WIDE = 41 };
static void sources(const il_augment *a, uint64_t example, double from[2][WIDE][WIDE]) {
  for (int axis = 0; axis < 2; axis++) {
    float in[WIDE][WIDE], out[WIDE][WIDE];
    for (int y = 0; y < WIDE; y++)
      for (int x = 0; x < WIDE; x++) in[y][x] = (float)((axis ? x : y) + 100);
    il_augment_apply(a, 1, 0, example, IL_FLOAT32, IL_SHAPE(WIDE, WIDE, 1), in, out);
    for (int y = 0; y < WIDE; y++)
      for (int x = 0; x < WIDE; x++) from[axis][y][x] = (double)out[y][x] - 100;
  }
}

static void test_shear_stretch_elastic(void **state) {
  (void)state;
  enum { C = WIDE / 2, STEP = 5 };
  static double at[2][WIDE][WIDE];
  bool slanted[2] = {false, false}, longer = false, shorter = false, bent = false;
  for (uint64_t i = 0; i < 50; i++) {
    sources(&(il_augment){.shear = 0.3}, i, at);
    assert_true(fabs(at[0][C][C] - C) < 1e-4 && fabs(at[1][C][C] - C) < 1e-4);
    for (int axis = 0; axis < 2; axis++) { /* y of the source by x of the picture, and x by y */
      const double other = axis ? at[1][C + STEP][C] - C : at[0][C][C + STEP] - C;
      assert_true(fabs(other) <= 0.3 * STEP / sqrt(1 - 0.09) + 1e-4);
      slanted[axis] |= fabs(other) > 0.15 * STEP;
    }
    sources(&(il_augment){.stretch = 0.3}, i, at);
    const double by_y = (at[0][C + STEP][C] - C) / STEP, by_x = (at[1][C][C + STEP] - C) / STEP;
    assert_true(fabs(by_y * by_x - 1) < 1e-4);
    assert_true(by_x >= 1 / 1.3 - 1e-4 && by_x <= 1.3 + 1e-4);
    assert_true(fabs(at[0][C][C + STEP] - C) < 1e-4 && fabs(at[1][C + STEP][C] - C) < 1e-4);
    longer |= by_x > 1.1;
    shorter |= by_x < 0.9;
    sources(&(il_augment){.elastic = 0.05}, i, at);
    const double most = 0.05 * WIDE;
    for (int y = STEP; y < WIDE - STEP; y++)
      for (int x = STEP; x < WIDE - STEP; x++)
        for (int axis = 0; axis < 2; axis++) {
          const double d = at[axis][y][x] - (axis ? x : y);
          assert_true(fabs(d) <= most + 1e-4);
          /* smooth: from one point of the grid to the next, a quarter of the side, by twice `most` */
          const double next = at[axis][y][x + 1] - (axis ? x + 1 : y);
          assert_true(fabs(next - d) <= 2 * most / (0.25 * WIDE) + 1e-4);
        }
    const double left = at[1][C][STEP] - STEP, right = at[1][C][WIDE - STEP] - (WIDE - STEP);
    bent |= fabs(left - right) > 0.5 * most; /* otherwise here than there */
  }
  assert_true(slanted[0] && slanted[1] && longer && shorter && bent);
}

static void test_erase(void **state) {
  (void)state;
  enum { BIG = 20 };
  uint8_t in[BIG * BIG * 3], out[BIG * BIG * 3];
  memset(in, 9, sizeof in);
  int untouched = 0;
  for (uint64_t i = 0; i < 400; i++) {
    il_augment_apply(&(il_augment){.erase = 0.5}, 1, 0, i, IL_UINT8, IL_SHAPE(BIG, BIG, 3), in,
                     out);
    int top = BIG, bottom = -1, left = BIG, right = -1, erased = 0;
    for (int y = 0; y < BIG; y++)
      for (int x = 0; x < BIG; x++) {
        const uint8_t *p = out + (y * BIG + x) * 3;
        assert_true((p[0] == 9 || p[0] == 0) && p[1] == p[0] && p[2] == p[0]);
        if (p[0]) continue;
        erased++;
        top = y < top ? y : top;
        bottom = y > bottom ? y : bottom;
        left = x < left ? x : left;
        right = x > right ? x : right;
      }
    untouched += erased == 0;
    if (!erased) continue;
    assert_int_equal(erased, (bottom - top + 1) * (right - left + 1)); /* one full rectangle */
    assert_in_range(erased, 4, 110);
  }
  assert_in_range(untouched, 160, 240);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_hold_out),        cmocka_unit_test(test_files),
      cmocka_unit_test(test_signals),         cmocka_unit_test(test_by_class),
      cmocka_unit_test(test_all_classes),     cmocka_unit_test(test_turns),
      cmocka_unit_test(test_turns_of_pixels), cmocka_unit_test(test_rotate),
      cmocka_unit_test(test_flips),           cmocka_unit_test(test_crop),
      cmocka_unit_test(test_affine),          cmocka_unit_test(test_shear_stretch_elastic),
      cmocka_unit_test(test_erase),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
