/* Omniglot: a small imitation in folders and archives, with what can be wrong in them; and, where
 * INNERLOOP_DATA names a folder with omniglot/, all of it against Pillow's pixels. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include <cmocka.h>

#include <innerloop/import.h>

#include "data/dataset.h"
#include "image/image.h"
#include "support/scale.h"

static il_context *context;
static char folder[] = "/tmp/innerloop-omniglot-XXXXXX";
static char out[128];

/* CRC-32 as in PNG and zip, so that the test needs no library for it. */
static uint32_t checksum(uint32_t crc, const uint8_t *bytes, size_t size) {
  crc = ~crc;
  for (size_t i = 0; i < size; i++) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  return ~crc;
}

static int start(void **state) {
  (void)state;
  context = il_context_new();
  if (!mkdtemp(folder)) return -1;
  snprintf(out, sizeof out, "%s/out.safetensors", folder);
  return 0;
}

static int stop(void **state) {
  (void)state;
  char command[256];
  snprintf(command, sizeof command, "rm -r %s", folder);
  il_context_free(context);
  return system(command);
}

static void below(char *path, size_t size, const char *name) {
  snprintf(path, size, "%s/%s", folder, name);
}

static void make_folder(const char *name) {
  char path[512];
  below(path, sizeof path, name);
  assert_true(mkdir(path, 0777) == 0 || errno == EEXIST);
}

/* One character of three drawings: a black square on white paper, at a place of its own. */
static void draw_character(const char *set, const char *alphabet, const char *character) {
  char name[400], path[512];
  make_folder(set);
  snprintf(name, sizeof name, "%s/%s", set, alphabet);
  make_folder(name);
  snprintf(name, sizeof name, "%s/%s/%s", set, alphabet, character);
  make_folder(name);
  uint8_t pixels[105 * 105];
  for (int k = 0; k < 3; k++) {
    memset(pixels, 255, sizeof pixels);
    for (int y = 20; y < 40; y++) memset(pixels + y * 105 + 20 + 20 * k, 0, 20);
    snprintf(name, sizeof name, "%s/%s/%s/0001_%02d.png", set, alphabet, character, k + 1);
    below(path, sizeof path, name);
    assert_int_equal(il_png_write(context, path, 105, 105, 1, pixels), IL_OK);
  }
}

static il_status import(const char *from) {
  il_import_report report;
  const il_status status =
      il_import(context, from, out, &(il_import_options){.kind = "omniglot"}, &report);
  il_import_report_free(&report);
  return status;
}

static void expect_refused(const char *sentence) {
  assert_int_not_equal(import(folder), IL_OK);
  if (!strstr(il_context_message(context), sentence))
    print_error("expected '%s', found '%s'\n", sentence, il_context_message(context));
  assert_non_null(strstr(il_context_message(context), sentence));
  assert_int_equal(access(out, F_OK), -1);
  il_context_clear(context);
}

static void check_import(void) {
  assert_int_equal(import(folder), IL_OK);
  il_dataset *d = il_dataset_open(context, out);
  assert_non_null(d);
  assert_int_equal(il_dataset_classes(d), 3);
  assert_string_equal(il_dataset_class_name(d, 0), "Alpha/character01");
  assert_string_equal(il_dataset_class_name(d, 2), "Beta/character01");
  assert_string_equal(il_dataset_class_origin(d, 0), "background");
  assert_string_equal(il_dataset_class_origin(d, 2), "evaluation");
  for (int k = 0; k < 3; k++) {
    assert_int_equal(il_dataset_examples(d, k), 3);
    const uint8_t *image = il_dataset_example(d, 1, k); /* ink is 255, paper 0 */
    assert_int_equal(image[0], 0);
    assert_true(image[8 * 28 + (int)((30 + 20 * k) * 28 / 105)] > 240);
  }
  il_dataset_free(d);
  unlink(out);
}

static void put(const char *name, const void *bytes, size_t size) {
  char path[512];
  below(path, sizeof path, name);
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  fwrite(bytes, 1, size, file);
  fclose(file);
}

static size_t get(const char *name, uint8_t *bytes, size_t room) {
  char path[512];
  below(path, sizeof path, name);
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  size_t size = fread(bytes, 1, room, file);
  fclose(file);
  return size;
}

static void test_folders(void **state) {
  (void)state;
  expect_refused("has neither a folder images_background nor an archive");
  draw_character("images_background", "Alpha", "character02");
  draw_character("images_background", "Alpha", "character01");
  expect_refused("has neither a folder images_evaluation nor an archive");
  draw_character("images_evaluation", "Beta", "character01");
  check_import();
  const char *name = "images_background/Alpha/character01/0001_01.png";
  uint8_t png[4096];
  size_t size = get(name, png, sizeof png);
  put(name, png, size / 2);
  expect_refused("0001_01.png is a damaged PNG");
  put(name, "GIF89a", 6);
  expect_refused("0001_01.png is not a PNG");
  uint8_t lie[4096]; /* a height of 4000 with a checksum that agrees */
  memcpy(lie, png, size);
  lie[22] = 4000 >> 8;
  lie[23] = 4000 & 255;
  uint32_t sum = checksum(0, lie + 12, 17);
  for (int i = 0; i < 4; i++) lie[29 + i] = (uint8_t)(sum >> (24 - 8 * i));
  put(name, lie, size);
  expect_refused("0001_01.png is a damaged PNG");
  lie[22] = 0; /* a height of 100: libpng is content with fewer rows than there are */
  lie[23] = 100;
  sum = checksum(0, lie + 12, 17);
  for (int i = 0; i < 4; i++) lie[29 + i] = (uint8_t)(sum >> (24 - 8 * i));
  put(name, lie, size);
  expect_refused("100 × 105 pixels");
  put(name, png, size);
  put("images_background/stray.png", png, size);
  expect_refused("found the image 'stray.png', expected alphabet/character/drawing.png");
  char path[512];
  below(path, sizeof path, "images_background/stray.png");
  unlink(path);
  draw_character("images_evaluation", "Alpha", "character01");
  expect_refused("'Alpha/character01' is both in");
  below(path, sizeof path, "images_evaluation/Alpha");
  char command[600];
  snprintf(command, sizeof command, "rm -r %s", path);
  assert_int_equal(system(command), 0);
  check_import();
}

static void test_archive(void **state) {
  (void)state;
  char path[512], moved[512];
  below(path, sizeof path, "images_background.zip");
  zip_t *zip = zip_open(path, ZIP_CREATE, NULL);
  assert_non_null(zip);
  static uint8_t png[6][4096];
  for (int i = 0; i < 6; i++) {
    char name[200];
    snprintf(name, sizeof name, "images_background/Alpha/character%02d/0001_%02d.png", i / 3 + 1,
             i % 3 + 1);
    size_t size = get(name, png[i], sizeof png[i]);
    assert_true(zip_file_add(zip, name, zip_source_buffer(zip, png[i], size, 0), 0) >= 0);
  }
  assert_true(zip_file_add(zip, "__MACOSX/x.png", zip_source_buffer(zip, png[0], 4, 0), 0) >= 0);
  assert_int_equal(zip_close(zip), 0);
  below(path, sizeof path, "images_background");
  below(moved, sizeof moved, "unpacked");
  assert_int_equal(rename(path, moved), 0);
  check_import();
  static uint8_t bytes[1 << 16];
  size_t size = get("images_background.zip", bytes, sizeof bytes);
  put("images_background.zip", bytes, size - 30);
  expect_refused("images_background.zip cannot be opened as a zip archive");
  uint8_t kept = bytes[120];
  bytes[120] ^= 0xff; /* within the first drawing */
  put("images_background.zip", bytes, size);
  expect_refused("0001_01.png");
  bytes[120] = kept;
  put("images_background.zip", bytes, size);
  check_import();
}

static void test_all(void **state) {
  (void)state;
  const char *data = getenv("INNERLOOP_DATA");
  if (!data) {
    print_message(
        "skipped: INNERLOOP_DATA names no folder with omniglot/, so its pixels are not compared\n");
    skip();
  }
  if (!test_full()) {
    print_message("skipped: 32,460 pictures, where the imitation tells a sanitizer as much\n");
    skip();
  }
  char source[4096];
  snprintf(source, sizeof source, "%s/omniglot", data);
  if (import(source)) print_error("%s\n", il_context_message(context));
  assert_int_equal(il_context_status(context), IL_OK);
  il_dataset *d = il_dataset_open(context, out);
  assert_non_null(d);
  assert_int_equal(il_dataset_classes(d), 1623);
  FILE *file = fopen(TEST_DATA "/import/omniglot_checksums.txt", "r");
  assert_non_null(file);
  char origin[32], alphabet[128];
  int classes, drawings, all = 0, lines = 0;
  unsigned long sum;
  unsigned crc;
  while (fscanf(file, "%31s %127s %d %d %lu %x", origin, alphabet, &classes, &drawings, &sum,
                &crc) == 6) {
    size_t length = strlen(alphabet);
    unsigned long got_sum = 0;
    uint32_t got_crc = 0;
    for (int c = 0; c < 1623; c++) {
      const char *name = il_dataset_class_name(d, c);
      if (strncmp(name, alphabet, length) || name[length] != '/') continue;
      assert_string_equal(il_dataset_class_origin(d, c), origin);
      assert_int_equal(il_dataset_examples(d, c), 20);
      classes--;
      for (int e = 0; e < 20; e++, drawings--, all++) {
        const uint8_t *image = il_dataset_example(d, c, e);
        for (int i = 0; i < 28 * 28; i++) got_sum += image[i];
        got_crc = checksum(got_crc, image, 28 * 28);
      }
    }
    assert_int_equal(classes, 0);
    assert_int_equal(drawings, 0);
    assert_int_equal(got_sum, sum);
    assert_int_equal(got_crc, crc);
    lines++;
  }
  fclose(file);
  assert_int_equal(lines, 50);
  assert_int_equal(all, 32460);
  print_message("%d images of Omniglot equal to Pillow's\n", all);
  il_dataset_free(d);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_folders), cmocka_unit_test(test_archive),
                                     cmocka_unit_test(test_all)};
  return cmocka_run_group_tests(tests, start, stop);
}
