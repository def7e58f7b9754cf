/* Figures: words from anywhere stay words in SVG, are shortened where there is no room, and what PNG shows is what was
 * drawn; charts put points where the numbers say. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "image/image.h"
#include "plot/figure.h"
#include "plot/xml_text.h"

static void escaped(const char *text, const char *expected) {
  char *written = NULL;
  size_t size;
  FILE *out = open_memstream(&written, &size);
  il_xml_text(out, text);
  fclose(out);
  assert_string_equal(written, expected);
  free(written);
}

static void test_escaping(void **state) {
  (void)state;
  escaped("plain, Grüße 🙂", "plain, Grüße 🙂");
  escaped("<a href='x' b=\"y\">&amp;", "&lt;a href=&#39;x&#39; b=&quot;y&quot;&gt;&amp;amp;");
  escaped("a\x01\x1b\x7fz", "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
  escaped("\xff\xc3(\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  escaped("\xc2\x85|\xef\xbf\xbf|\xef\xbf\xbd", "\xef\xbf\xbd|\xef\xbf\xbd|\xef\xbf\xbd");
  escaped("cut \xf0\x9f\x99", "cut \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

static char *svg_of(il_figure *f, const char *words) {
  char *svg = NULL;
  size_t size;
  FILE *out = open_memstream(&svg, &size);
  assert_int_equal(il_figure_svg(f, out, words), IL_OK);
  fclose(out);
  return svg;
}

static void test_words(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_figure *f = il_figure_new(context, 200, "title");
  il_figure_height(f, 50);
  const char *name = "Grüße/character with a long name 07";
  const double whole = il_figure_text(f, IL_PAINT_INK, 12, false, 0, 0, 0, 10, name);
  const double end = il_figure_text(f, IL_PAINT_INK, 12, false, 0, 80, 0, 20, name);
  const double beginning = il_figure_text(f, IL_PAINT_INK, 12, false, 1, 80, 100, 30, name);
  assert_true(whole > 80 && end <= 80 && beginning <= 80 && end > 40 && beginning > 40);
  assert_true(il_figure_text(f, IL_PAINT_INK, 12, false, 0, 1, 0, 40, "ü") < whole);
  assert_true(il_figure_text(f, IL_PAINT_INK, 12, false, 1, 1, 0, 40, "üüüüüü") < whole);
  il_figure_text(f, IL_PAINT_INK, 12, false, 0, 0, 0, 10, "wrong \xff\x02 bytes");
  char *svg = svg_of(f, "what <it> shows");
  assert_non_null(strstr(svg, "aria-label=\"what &lt;it&gt; shows\""));
  assert_non_null(strstr(svg, ">Grüße/character with a long name 07<"));
  assert_non_null(strstr(svg, ">Grü"));
  assert_non_null(strstr(svg, "…<"));
  assert_non_null(strstr(svg, ">…"));
  assert_non_null(strstr(svg, "name 07</text>"));
  assert_non_null(strstr(svg, ">wrong ?? bytes<"));
  free(svg);
  il_figure_free(f);
  il_context_free(context);
}

static uint8_t *png_of(il_context *context, il_figure *f, int *height, int *width) {
  char path[] = "/tmp/il_figure_XXXXXX";
  close(mkstemp(path));
  assert_int_equal(il_figure_png(f, path), IL_OK);
  FILE *file = fopen(path, "rb");
  static char bytes[1 << 18];
  const size_t size = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  unlink(path);
  uint8_t *pixels;
  assert_int_equal(il_png_decode_grey(context, path, bytes, size, height, width, &pixels), IL_OK);
  return pixels;
}

/* Twice as large, below a title of 40, with a margin of 12. */
static void test_png(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_figure *f = il_figure_new(context, 100, "");
  il_figure_height(f, 60);
  il_figure_box(f, IL_PAINT_INK, 1, 10, 10, 20, 10);
  const uint8_t picture[4] = {0, 255, 255, 0};
  il_figure_picture(f, 50, 20, 20, 20, 2, 2, 1, picture);
  int height, width;
  uint8_t *p = png_of(context, f, &height, &width);
  assert_int_equal(width, 2 * 124);
  assert_int_equal(height, 2 * 112);
#define AT(x, y) p[2 * ((y) + 40) * width + 2 * ((x) + 12)]
  assert_true(AT(20, 15) < 60 && AT(20, 25) == 255 && AT(5, 15) == 255);
  assert_true(AT(55, 25) == 0 && AT(65, 25) == 255 && AT(65, 35) == 0 && AT(55, 35) == 255);
#undef AT
  free(p);
  char *svg = svg_of(f, "a box and a picture");
  assert_non_null(strstr(svg, "<rect class=\"f1\" x=\"10\" y=\"10\" width=\"20\" height=\"10\"/>"));
  assert_non_null(strstr(svg, "href=\"data:image/png;base64,iVBORw0KGgo"));
  free(svg);
  il_figure_free(f);
  il_context_free(context);
}

/* The y of the circles of a chart, in order. */
static int dots_of(const char *svg, double *x, double *y, int most) {
  int count = 0;
  for (const char *at = svg; count < most && (at = strstr(at, "<circle")); at++)
    if (sscanf(strstr(at, "cx="), "cx=\"%lf\" cy=\"%lf\"", &x[count], &y[count]) == 2) count++;
  return count;
}

static void test_chart(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_figure *f = il_figure_new(context, 440, "chart");
  const double x[] = {0, 1, 2, 10}, y[] = {0.1, 0.5, (double)NAN, 0.9},
               interval[] = {0.05, (double)NAN, 0.1, 0.3};
  const il_chart_series one = {
      .count = 4, .x = x, .y = y, .interval = interval, .dots = true, .line = true};
  const il_chart chart = {.x_axis = "x",
                          .y_axis = "share in %",
                          .percent = true,
                          .points_only = true,
                          .count = 1,
                          .series = &one};
  il_figure_height(f, il_chart_draw(f, 0, &chart));
  char *svg = svg_of(f, "a chart");
  double cx[8], cy[8];
  assert_int_equal(dots_of(svg, cx, cy, 8), 3); /* what is no number is left out */
  assert_true(fabs((cx[1] - cx[0]) * 10 - (cx[2] - cx[0])) < 0.2);
  assert_true(fabs((cy[0] - cy[1]) - (cy[1] - cy[2])) < 0.05 && cy[0] > cy[2]);
  assert_non_null(strstr(svg, ">100<")); /* no share above all of them */
  assert_null(strstr(svg, ">120<"));
  assert_null(strstr(svg, "nan"));
  assert_null(strstr(svg, "inf"));
  free(svg);
  il_figure_free(f);

  /* All right from the first: an axis of shares that there are. */
  f = il_figure_new(context, 440, "always the same");
  const double all[] = {1, 1, 1}, at[] = {20, 20, 20};
  const il_chart_series same = {.count = 3, .x = at, .y = all, .line = true};
  il_figure_height(
      f,
      il_chart_draw(
          f, 0,
          &(il_chart){.x_axis = "x", .y_axis = "y", .percent = true, .count = 1, .series = &same}));
  svg = svg_of(f, "a flat chart");
  assert_non_null(strstr(svg, ">95<"));
  assert_non_null(strstr(svg, ">100<"));
  assert_null(strstr(svg, ">100."));
  assert_non_null(strstr(svg, ">20<"));
  assert_null(strstr(svg, ">20."));
  free(svg);
  il_figure_free(f);

  f = il_figure_new(context, 440, "nothing to see");
  const il_chart_series none = {.count = 1, .x = x, .y = &y[2], .line = true};
  il_figure_height(
      f, il_chart_draw(
             f, 0,
             &(il_chart){
                 .x_axis = "x", .y_axis = "y", .logarithmic = true, .count = 1, .series = &none}));
  svg = svg_of(f, "an empty chart");
  assert_null(strstr(svg, "nan"));
  assert_null(strstr(svg, "inf"));
  free(svg);
  il_figure_free(f);
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_escaping), cmocka_unit_test(test_words),
                                     cmocka_unit_test(test_png), cmocka_unit_test(test_chart)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
