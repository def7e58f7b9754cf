/* PNG and resizing: our pictures come back, damaged ones are refused, and Lanczos is Pillow's to the bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "image/image.h"
#include "io/io.h"

static size_t compare(il_context *context, il_safetensors *file, const char *in_name,
                      const char *out_name) {
  const il_tensor *in = il_safetensors_find(file, in_name),
                  *out = il_safetensors_find(file, out_name);
  assert_non_null(in);
  assert_non_null(out);
  size_t in_size = (size_t)(in->shape.dim[1] * in->shape.dim[2]);
  size_t out_size = (size_t)(out->shape.dim[1] * out->shape.dim[2]);
  uint8_t *got = malloc(out_size);
  for (size_t i = 0; i < (size_t)in->shape.dim[0]; i++) {
    assert_int_equal(il_resize_lanczos(context, 1, (int)in->shape.dim[1], (int)in->shape.dim[2],
                                       (const uint8_t *)in->data + i * in_size,
                                       (int)out->shape.dim[1], (int)out->shape.dim[2], got),
                     IL_OK);
    assert_memory_equal(got, (const uint8_t *)out->data + i * out_size, out_size);
  }
  free(got);
  return (size_t)in->shape.dim[0] * out_size;
}

static void test_lanczos(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_safetensors *file =
      il_safetensors_open(context, TEST_DATA "/image/fixtures/lanczos.safetensors");
  assert_non_null(file);
  size_t pixels = compare(context, file, "in105", "out105_28");
  pixels += compare(context, file, "in_odd", "out_odd_down");
  pixels += compare(context, file, "in_odd", "out_odd_up");
  pixels += compare(context, file, "in_odd", "out_odd_keep");
  assert_int_equal(pixels, 13 * 28 * 28 + 17 * 20 + 64 * 90 + 30 * 37);
  print_message("%zu pixels equal to Pillow's\n", pixels);
  il_safetensors_close(file);
  uint8_t pixel;
  assert_int_equal(il_resize_lanczos(context, 1, 1, 1, &pixel, 0, 1, &pixel), IL_ERROR_ARGUMENT);
  il_context_free(context);
}

static void test_png(void **state) {
  (void)state;
  il_context *context = il_context_new();
  char path[] = "/tmp/innerloop-image-XXXXXX";
  close(mkstemp(path));
  uint8_t pixels[35];
  for (int i = 0; i < 35; i++) pixels[i] = (uint8_t)(i * 37);
  assert_int_equal(il_png_write(context, path, 5, 7, 1, pixels), IL_OK);
  assert_int_equal(il_png_write(context, path, 0, 7, 1, pixels), IL_ERROR_ARGUMENT);
  il_context_clear(context);
  uint8_t bytes[4096];
  FILE *file = fopen(path, "rb");
  size_t size = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  unlink(path);
  int height, width;
  uint8_t *got;
  assert_int_equal(il_png_decode_grey(context, "five", bytes, size, &height, &width, &got), IL_OK);
  assert_int_equal(height, 5);
  assert_int_equal(width, 7);
  assert_memory_equal(got, pixels, 35);
  free(got);
  /* The last 12 bytes are the end chunk and the 4 before it a checksum: pixels are complete without them. */
  for (size_t cut = 0; cut + 16 < size; cut++) {
    assert_int_equal(il_png_decode_grey(context, "cut", bytes, cut, &height, &width, &got),
                     IL_ERROR_FORMAT);
    assert_null(got);
    assert_non_null(strstr(il_context_message(context), "cut is "));
    il_context_clear(context);
  }
  for (size_t i = 0; i < size; i++) {
    bytes[i] ^= 0x55;
    if (il_png_decode_grey(context, "flipped", bytes, size, &height, &width, &got) == IL_OK)
      free(got);
    il_context_clear(context);
    bytes[i] ^= 0x55;
  }
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_lanczos), cmocka_unit_test(test_png)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
