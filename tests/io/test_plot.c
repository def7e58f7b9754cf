/* Pictures of results: read back, the dots stand where the numbers say. */
#include <innerloop/compare.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/io.h"
#include "io/plot.h"

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
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_dots), cmocka_unit_test(test_interval)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
