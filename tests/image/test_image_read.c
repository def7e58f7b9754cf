/* Reading pictures: every kind of PNG and JPEG gives the pixels that were put in, what is damaged a reason, at every byte
 * at which a file can end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image/image_read.h"
#include "support/pictures.h"

static il_context *context;

static int start(void **state) {
  (void)state;
  context = il_context_new();
  return !context;
}

static int stop(void **state) {
  (void)state;
  il_context_free(context);
  return 0;
}

typedef struct memory {
  const uint8_t *bytes;
  size_t left;
} memory;

static int64_t read_memory(void *user, void *to, size_t size) {
  memory *m = user;
  if (size > m->left) size = m->left;
  memcpy(to, m->bytes, size);
  m->bytes += size;
  m->left -= size;
  return (int64_t)size;
}

static char reason[IL_PICTURE_REASON];

static il_status read_part(encoded from, size_t size, int height, int width, int channels,
                           uint8_t *out) {
  memory m = {from.bytes, size};
  il_bytes bytes = {.read = read_memory, .user = &m};
  il_status status = il_picture_read(context, &bytes, height, width, channels, out, reason);
  assert_int_equal(il_context_status(context), IL_OK);
  if (status) assert_true(strlen(reason) > 5);
  return status;
}

static il_picture describe(encoded from) {
  memory m = {from.bytes, from.size};
  il_bytes bytes = {.read = read_memory, .user = &m};
  il_picture picture;
  assert_int_equal(il_picture_describe(context, &bytes, &picture, reason), IL_OK);
  return picture;
}

/* Reads, compares within `off`, and frees. */
static void expect(encoded from, int height, int width, int channels, const uint8_t *pixels,
                   int off) {
  uint8_t out[4096];
  assert_true((size_t)(height * width * channels) <= sizeof out);
  if (read_part(from, from.size, height, width, channels, out)) print_error("%s\n", reason);
  assert_int_equal(read_part(from, from.size, height, width, channels, out), IL_OK);
  for (int i = 0; i < height * width * channels; i++)
    if (abs(out[i] - pixels[i]) > off) {
      print_error("number %d is %d, expected %d\n", i, out[i], pixels[i]);
      fail();
    }
  free(from.bytes);
}

static void test_png(void **state) {
  (void)state;
  const uint8_t grey[] = {0, 50, 100, 150, 200, 250}; /* [2,3] */
  for (int interlace = 0; interlace < 2; interlace++) {
    encoded e = make_png(2, 3, PNG_COLOR_TYPE_GRAY, 8, interlace, grey, 3, NULL);
    const il_picture about = describe(e);
    assert_int_equal(about.height, 2);
    assert_int_equal(about.width, 3);
    assert_true(about.grey);
    assert_int_equal(about.bits, 8);
    expect(e, 2, 3, 1, grey, 0);
  }
  const uint8_t tripled[] = {0, 0, 0, 50, 50, 50, 100, 100, 100, 150, 150, 150};
  expect(make_png(1, 4, PNG_COLOR_TYPE_GRAY, 8, 0, grey, 4, NULL), 1, 4, 3, tripled, 0);
  const uint8_t rgb[] = {255, 0, 0, 0, 255, 0, 0, 0, 255}, luminance[] = {76, 150, 29};
  encoded e = make_png(1, 3, PNG_COLOR_TYPE_RGB, 8, 0, rgb, 9, NULL);
  assert_false(describe(e).grey);
  expect(e, 1, 3, 3, rgb, 0);
  expect(make_png(1, 3, PNG_COLOR_TYPE_RGB, 8, 0, rgb, 9, NULL), 1, 3, 1, luminance, 0);
  /* transparent pixels show white */
  const uint8_t rgba[] = {10, 20, 30, 255, 10, 20, 30, 0, 0, 100, 200, 51};
  const uint8_t over_white[] = {10, 20, 30, 255, 255, 255, 204, 224, 244};
  expect(make_png(1, 3, PNG_COLOR_TYPE_RGB_ALPHA, 8, 1, rgba, 12, NULL), 1, 3, 3, over_white, 0);
  const uint8_t grey_alpha[] = {10, 255, 10, 0}, grey_over_white[] = {10, 255};
  e = make_png(1, 2, PNG_COLOR_TYPE_GRAY_ALPHA, 8, 0, grey_alpha, 4, NULL);
  assert_true(describe(e).grey);
  expect(e, 1, 2, 1, grey_over_white, 0);
  const uint8_t deep[] = {0, 0, 0x80, 0x80, 0xff, 0xff}, shallow[] = {0, 128, 255};
  e = make_png(1, 3, PNG_COLOR_TYPE_GRAY, 16, 0, deep, 6, NULL);
  assert_int_equal(describe(e).bits, 16);
  expect(e, 1, 3, 1, shallow, 0);
  const uint8_t bits[] = {0xa0}, black_white[] = {255, 0, 255, 0};
  expect(make_png(1, 4, PNG_COLOR_TYPE_GRAY, 1, 0, bits, 1, NULL), 1, 4, 1, black_white, 0);
  const png_color colours[] = {{1, 2, 3}, {40, 50, 60}, {7, 8, 9}, {0, 0, 0}},
                  greys[] = {{1, 1, 1}, {9, 9, 9}, {7, 7, 7}, {0, 0, 0}};
  const uint8_t indexes[] = {1, 0}, looked_up[] = {40, 50, 60, 1, 2, 3}, looked_grey[] = {9, 1};
  e = make_png(1, 2, PNG_COLOR_TYPE_PALETTE, 8, 0, indexes, 2, colours);
  assert_false(describe(e).grey);
  expect(e, 1, 2, 3, looked_up, 0);
  e = make_png(1, 2, PNG_COLOR_TYPE_PALETTE, 8, 0, indexes, 2, greys);
  assert_true(describe(e).grey);
  expect(e, 1, 2, 1, looked_grey, 0);
}

/* Blocks of 16 × 16 of one colour each survive compression. */
enum { SIDE = 32 };
static void blocks(uint8_t *pixels, int channels, const uint8_t colour[4][4]) {
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < SIDE; x++)
      memcpy(pixels + (y * SIDE + x) * channels, colour[y / 16 * 2 + x / 16], (size_t)channels);
}

static void test_jpeg(void **state) {
  (void)state;
  uint8_t pixels[SIDE * SIDE * 4], want[SIDE * SIDE * 4];
  const uint8_t rgb[4][4] = {{200, 30, 30}, {30, 200, 30}, {30, 30, 200}, {240, 240, 240}};
  for (int progressive = 0; progressive < 2; progressive++) {
    blocks(pixels, 3, rgb);
    encoded e = make_jpeg(SIDE, SIDE, 3, progressive, 0, pixels);
    assert_false(describe(e).grey);
    expect(e, SIDE, SIDE, 3, pixels, 6);
    const uint8_t grey[4][4] = {{200}, {30}, {120}, {240}};
    blocks(pixels, 1, grey);
    e = make_jpeg(SIDE, SIDE, 1, progressive, 0, pixels);
    assert_true(describe(e).grey);
    expect(e, SIDE, SIDE, 1, pixels, 3);
  }
  /* libjpeg writes the marker of Adobe, with which ink is inverted: colour · light / 255 */
  const uint8_t cmyk[4][4] = {
      {255, 255, 255, 255}, {255, 0, 0, 255}, {255, 255, 255, 0}, {100, 200, 255, 128}};
  const uint8_t as_rgb[4][4] = {{255, 255, 255}, {255, 0, 0}, {0, 0, 0}, {50, 100, 128}};
  blocks(pixels, 4, cmyk);
  blocks(want, 3, as_rgb);
  expect(make_jpeg(SIDE, SIDE, 4, false, 0, pixels), SIDE, SIDE, 3, want, 6);
}

static void test_orientation(void **state) {
  (void)state;
  /* The quadrants a b / c d as they are stored, and as they are seen for EXIF's 1 to 8. */
  static const char *const seen[] = {"abcd", "badc", "dcba", "cdab",
                                     "acbd", "cadb", "dbca", "bdac"};
  uint8_t pixels[SIDE * SIDE], want[SIDE * SIDE];
  const uint8_t grey[4][4] = {{10}, {90}, {170}, {250}};
  blocks(pixels, 1, grey);
  for (int o = 1; o <= 8; o++) {
    uint8_t turned[4][4];
    for (int q = 0; q < 4; q++) turned[q][0] = grey[seen[o - 1][q] - 'a'][0];
    blocks(want, 1, (const uint8_t(*)[4])turned);
    expect(make_jpeg(SIDE, SIDE, 1, false, o, pixels), SIDE, SIDE, 1, want, 4);
  }
  uint8_t wide[16 * 48] = {0};
  encoded e = make_jpeg(16, 48, 1, false, 6, wide);
  const il_picture about = describe(e);
  assert_int_equal(about.height, 48);
  assert_int_equal(about.width, 16);
  expect(e, 48, 16, 1, wide, 0);
}

static void test_crop(void **state) {
  (void)state;
  /* 20 × 60: only the middle 20 columns are white */
  static uint8_t pixels[20 * 60], white[10 * 10];
  for (int i = 0; i < 20 * 60; i++) pixels[i] = i % 60 / 20 == 1 ? 255 : 0;
  memset(white, 255, sizeof white);
  expect(make_png(20, 60, PNG_COLOR_TYPE_GRAY, 8, 0, pixels, 60, NULL), 10, 10, 1, white, 0);
  static uint8_t tall[60 * 20];
  for (int i = 0; i < 60 * 20; i++) tall[i] = i / 20 / 20 == 1 ? 255 : 0;
  expect(make_png(60, 20, PNG_COLOR_TYPE_GRAY, 8, 0, tall, 20, NULL), 10, 10, 1, white, 0);
  /* 1 × 1 fills all; a JPEG of 480 is decoded at a quarter */
  const uint8_t one = 77;
  memset(white, 77, sizeof white);
  expect(make_png(1, 1, PNG_COLOR_TYPE_GRAY, 8, 0, &one, 1, NULL), 10, 10, 1, white, 0);
  static uint8_t large[480 * 480];
  uint8_t halves[10 * 10];
  for (int i = 0; i < 480 * 480; i++) large[i] = i % 480 < 240 ? 200 : 20;
  for (int i = 0; i < 100; i++) halves[i] = i % 10 < 5 ? 200 : 20;
  encoded e = make_jpeg(480, 480, 1, false, 0, large);
  expect(e, 10, 10, 1, halves, 12); /* Lanczos rings beside the edge */
}

/* 12000 × 6000 of 1 bit: 36 million pixels of the crop become means of 2 × 2 first. */
static void test_large(void **state) {
  (void)state;
  const int height = 12000, width = 6000;
  uint8_t *rows = malloc((size_t)height * 750);
  assert_non_null(rows);
  for (int y = 0; y < height; y++) memset(rows + (size_t)y * 750, y < 6000 ? 0xff : 0xaa, 750);
  encoded e = make_png(height, width, PNG_COLOR_TYPE_GRAY, 1, 0, rows, 750, NULL);
  free(rows);
  uint8_t out[4];
  assert_int_equal(read_part(e, e.size, 2, 2, 1, out), IL_OK);
  free(e.bytes);
  assert_true(out[0] > 240 && out[1] > 240);
  assert_true(abs(out[2] - 128) < 14 && abs(out[3] - 128) < 14);
}

static void expect_reason(encoded e, const char *words) {
  uint8_t out[4];
  assert_int_equal(read_part(e, e.size, 2, 2, 1, out), IL_ERROR_FORMAT);
  if (!strstr(reason, words)) print_error("expected '%s', found '%s'\n", words, reason);
  assert_non_null(strstr(reason, words));
}

static void test_refused(void **state) {
  (void)state;
#define TEXT(text) ((encoded){(uint8_t *)(uintptr_t)(text), sizeof(text) - 1})
  expect_reason(TEXT(""), "is empty");
  expect_reason(TEXT("GIF89a"), "is a GIF, expected PNG or JPEG");
  expect_reason(TEXT("RIFF\1\2\3\4WEBPVP8"), "is a WebP");
  expect_reason(TEXT("BM12345"), "is a BMP");
  expect_reason(TEXT("II*\0abc"), "is a TIFF");
  expect_reason(TEXT("hello\n\xff"), "no PNG or JPEG: begins with \"hello\\x0a\\xff\"");
#undef TEXT
  static const uint8_t black[20001];
  encoded e = make_png(1, 20001, PNG_COLOR_TYPE_GRAY, 8, 0, black, 20001, NULL);
  expect_reason(e, "has 1 × 20001 pixels, expected at most 20000");
  free(e.bytes);
  uint8_t pixels[64 * 64];
  for (int i = 0; i < 64 * 64; i++) pixels[i] = (uint8_t)(i * 2654435761u >> 24);
  e = make_jpeg(64, 64, 1, true, 0, pixels);
  uint8_t sof = 0; /* a progressive one that claims 20000 × 20000 would need 763 MiB */
  for (size_t i = 0; i + 8 < e.size && !sof; i++)
    if (e.bytes[i] == 0xff && e.bytes[i + 1] == 0xc2) {
      sof = 1;
      for (int k = 0; k < 2; k++) {
        e.bytes[i + 5 + 2 * (size_t)k] = 20000 >> 8;
        e.bytes[i + 6 + 2 * (size_t)k] = 20000 & 255;
      }
    }
  assert_true(sof);
  expect_reason(e, "a progressive JPEG of 20000 × 20000 pixels needs 762 MiB");
  free(e.bytes);
  e = make_jpeg(64, 64, 1, false, 0, pixels);
  for (size_t i = e.size / 2; i < e.size / 2 + 40; i++) e.bytes[i] = 0; /* within the data */
  e.bytes[e.size / 2] = 0xff;
  e.bytes[e.size / 2 + 1] = 0xd9; /* ends there */
  expect_reason(e, "a damaged JPEG");
  free(e.bytes);
}

/* What ends too early has a reason, wherever it ends. */
static void expect_every_cut(encoded e) {
  uint8_t out[16 * 16 * 3];
  for (size_t size = 0; size < e.size; size++)
    assert_int_equal(read_part(e, size, 16, 16, 3, out), IL_ERROR_FORMAT);
  assert_int_equal(read_part(e, e.size, 16, 16, 3, out), IL_OK);
  /* and what is changed ends, with pixels or with a reason */
  for (size_t i = 0; i < e.size; i++) {
    e.bytes[i] ^= 0x55;
    read_part(e, e.size, 16, 16, 3, out);
    e.bytes[i] ^= 0x55;
  }
  free(e.bytes);
}

static void test_every_cut(void **state) {
  (void)state;
  uint8_t pixels[20 * 20 * 3];
  for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * 2654435761u >> 24);
  expect_every_cut(make_png(20, 20, PNG_COLOR_TYPE_RGB, 8, 0, pixels, 60, NULL));
  expect_every_cut(make_png(20, 20, PNG_COLOR_TYPE_RGB, 8, 1, pixels, 60, NULL));
  expect_every_cut(make_jpeg(20, 20, 3, false, 6, pixels));
  expect_every_cut(make_jpeg(20, 20, 3, true, 0, pixels));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_png),         cmocka_unit_test(test_jpeg),
      cmocka_unit_test(test_orientation), cmocka_unit_test(test_crop),
      cmocka_unit_test(test_large),       cmocka_unit_test(test_refused),
      cmocka_unit_test(test_every_cut)};
  return cmocka_run_group_tests(tests, start, stop);
}
