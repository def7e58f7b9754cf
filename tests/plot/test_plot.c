/* Pictures of results: read back, the dots stand where the numbers say. */
#include <innerloop/study.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "image/image.h"
#include "plot/plot.h"

/* The mean column of the dark pixels in a row of the plotting area. */
static int dot(const uint8_t *pixels, int width, int y) {
  double sum = 0, count = 0;
  for (int x = 180; x < width; x++)
    if (pixels[y * width + x] < 128) {
      sum += x;
      count++;
    }
  return (int)(sum / count);
}

static void test_dots(void **state) {
  (void)state;
  char path[] = "/tmp/il_plot_XXXXXX";
  close(mkstemp(path));
  il_context *context = il_context_new();
  double value[] = {0.2, 0.6};
  il_plot_row row[] = {
      {"low", 0.25, 0.05, 2, value}, {"middle", 0.5, 0, 0, NULL}, {"high", 0.75, 0.05, 0, NULL}};
  assert_int_equal(il_plot_intervals(context, path, "Title", "axis", 3, row), IL_OK);
  FILE *file = fopen(path, "rb");
  static char bytes[1 << 18];
  size_t size = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  int height, width;
  uint8_t *pixels;
  assert_int_equal(il_png_decode_grey(context, path, bytes, size, &height, &width, &pixels), IL_OK);
  int at[3];
  for (int i = 0; i < 3; i++) at[i] = dot(pixels, width, 64 + 46 * i + 23 - 4); /* above the bars */
  assert_true(at[0] < at[1] && at[1] < at[2]);
  assert_true(abs(at[2] - at[1] - (at[1] - at[0])) <= 3);
  free(pixels);
  assert_int_equal(il_plot_intervals(context, "/nowhere/plot.png", "Title", "axis", 3, row),
                   IL_ERROR_FILE);
  assert_non_null(strstr(il_context_message(context), "/nowhere/plot.png"));
  unlink(path);
  il_context_free(context);
}

/* The mean row of the dark pixels in a column of the first panel. */
static double height_at(const uint8_t *pixels, int width, int x) {
  double sum = 0, count = 0;
  for (int y = 110; y < 364; y++)
    if (pixels[y * width + x] < 190) { /* darker than the grid */
      sum += y;
      count++;
    }
  return sum / count;
}

/* Powers of ten are a straight line on a logarithmic axis and lie at the bottom of a linear one; gaps are left out. */
static void test_lines(void **state) {
  (void)state;
  char path[] = "/tmp/il_plot_XXXXXX";
  close(mkstemp(path));
  il_context *context = il_context_new();
  static const double powers[] = {1, 10, 100, 1000, 10000};
  const double *value[] = {powers};
  il_plot_line line = {"powers", 5};
  double middle[2], first[2], last[2];
  for (int logarithmic = 0; logarithmic < 2; logarithmic++) {
    il_plot_panel panel[] = {{"value", logarithmic, value}, {"again", !logarithmic, value}};
    assert_int_equal(il_plot_lines(context, path, "Title", "step", 1, &line, 2, panel), IL_OK);
    FILE *file = fopen(path, "rb");
    static char bytes[1 << 18];
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    int height, width;
    uint8_t *pixels;
    assert_int_equal(il_png_decode_grey(context, path, bytes, size, &height, &width, &pixels),
                     IL_OK);
    /* The panel runs from 92 to 496 for steps 0 to 5. */
    first[logarithmic] = height_at(pixels, width, 92 + 404 / 5 + 1);
    middle[logarithmic] = height_at(pixels, width, 92 + 404 * 3 / 5);
    last[logarithmic] = height_at(pixels, width, 92 + 404 - 2);
    free(pixels);
  }
  for (int k = 0; k < 2; k++) assert_true(first[k] > last[k] + 100);
  assert_true(fabs(middle[1] - (first[1] + last[1]) / 2) < 4);
  assert_true(middle[0] > first[0] - 8);
  unlink(path);
  il_context_free(context);
}

static void test_interval(void **state) {
  (void)state;
  double mean, half, value[] = {1, 2, 3, 6};
  il_interval(4, value, &mean, &half);
  assert_true(fabs(mean - 3) < 1e-12);
  assert_true(fabs(half - 3.182 * sqrt(14.0 / 3 / 4)) < 1e-12);
  il_interval(1, value, &mean, &half);
  assert_true(mean == 1 && half == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_dots), cmocka_unit_test(test_lines),
                                     cmocka_unit_test(test_interval)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
