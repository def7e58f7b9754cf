/* Pictures in folders and archives: what becomes which class, in which order, and every way in which a file cannot be
 * imported: said by name, counted, or refused. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include <cmocka.h>

#include <innerloop/import.h>

#include "data/dataset.h"
#include "support/pictures.h"

static il_context *context;
static char root[] = "/tmp/innerloop-pictures-XXXXXX";
static char in[64], out[64], archive[64];
static il_import_report report;

static int run_shell(const char *command) {
  char line[512];
  snprintf(line, sizeof line, "cd %s && %s", root, command);
  return system(line);
}

static int start(void **state) {
  (void)state;
  context = il_context_new();
  if (!mkdtemp(root)) return -1;
  snprintf(in, sizeof in, "%s/in", root);
  snprintf(out, sizeof out, "%s/out.safetensors", root);
  snprintf(archive, sizeof archive, "%s/in.zip", root);
  return 0;
}

static int stop(void **state) {
  (void)state;
  il_context_free(context);
  return run_shell("rm -r \"$PWD\"");
}

static int empty(void **state) {
  (void)state;
  return run_shell("rm -rf in in.zip out.safetensors && mkdir in");
}

static int clean(void **state) {
  (void)state;
  il_import_report_free(&report);
  return 0;
}

static void put(const char *name, const void *bytes, size_t size) {
  char path[512];
  int at = snprintf(path, sizeof path, "%s/", in);
  snprintf(path + at, sizeof path - (size_t)at, "%s", name);
  for (char *slash = path + at; (slash = strchr(slash, '/')); slash++) {
    *slash = 0;
    assert_true(mkdir(path, 0777) == 0 || errno == EEXIST);
    *slash = '/';
  }
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  fclose(file);
}

static void put_text(const char *name, const char *text) { put(name, text, strlen(text)); }

/* A grey picture all of one value. */
static void put_grey(const char *name, int height, int width, int value) {
  uint8_t *pixels = malloc((size_t)height * (size_t)width);
  memset(pixels, value, (size_t)height * (size_t)width);
  encoded e = make_png(height, width, PNG_COLOR_TYPE_GRAY, 8, 0, pixels, (size_t)width, NULL);
  put(name, e.bytes, e.size);
  free(e.bytes);
  free(pixels);
}

static void put_jpeg(const char *name, int side, int channels, int value) {
  uint8_t *pixels = malloc((size_t)side * (size_t)side * 4);
  memset(pixels, value, (size_t)side * (size_t)side * 4);
  encoded e = make_jpeg(side, side, channels, false, 0, pixels);
  put(name, e.bytes, e.size);
  free(e.bytes);
  free(pixels);
}

static il_dataset *import(const char *source, il_import_options o) {
  il_import_report_free(&report);
  const il_status status = il_import(context, source, out, &o, &report);
  if (status) print_error("%s\n", il_context_message(context));
  assert_int_equal(status, IL_OK);
  il_dataset *d = il_dataset_open(context, out);
  assert_non_null(d);
  assert_int_equal(report.classes, il_dataset_classes(d));
  return d;
}

static void expect_text(const char *text, const char *part) {
  if (!strstr(text, part)) print_error("expected '%s' in '%s'\n", part, text);
  assert_non_null(strstr(text, part));
}

static int files_here(void) {
  DIR *open = opendir(root);
  int count = 0;
  for (struct dirent *e; (e = readdir(open));) count += e->d_name[0] != '.';
  closedir(open);
  return count;
}

static void expect_refused(const char *source, il_import_options o, const char *sentence) {
  il_import_report_free(&report);
  const int before = files_here();
  assert_int_not_equal(il_import(context, source, out, &o, &report), IL_OK);
  expect_text(il_context_message(context), sentence);
  il_context_clear(context);
  assert_int_equal(files_here(), before);
}

static void expect_classes(const il_dataset *d, int count, const char *const *names) {
  assert_int_equal(il_dataset_classes(d), count);
  for (int c = 0; c < count; c++) assert_string_equal(il_dataset_class_name(d, c), names[c]);
}

static uint8_t pixel(const il_dataset *d, int cls, int example, int index) {
  return ((const uint8_t *)il_dataset_example(d, cls, example))[index];
}

static size_t read_out(char *bytes, size_t room) {
  FILE *file = fopen(out, "rb");
  const size_t size = fread(bytes, 1, room, file);
  fclose(file);
  return size;
}

static void test_folders(void **state) {
  (void)state;
  put_grey("b/2.png", 9, 13, 20);
  put_grey("b/10.png", 9, 13, 10);
  put_grey("日本/x.png", 9, 13, 30);
  put_grey("日本/y.PNG", 9, 13, 40);
  put_grey("b c/no ending", 9, 13, 50);
  put_jpeg("b c/wrong.png", 16, 1, 60); /* content decides, not the ending */
  put_text("b/.DS_Store", "x");
  put_text("b/Thumbs.db", "x");
  put_text("__MACOSX/b/2.png", "x");
  il_dataset *d = import(in, (il_import_options){.height = 9, .width = 13});
  expect_classes(d, 3, (const char *const[]){"b", "b c", "日本"});
  assert_string_equal(report.kind, "pictures");
  assert_int_equal(report.examples, 6);
  assert_int_equal(report.skipped, 0);
  assert_string_equal(report.skips, "");
  const il_shape shape = il_dataset_shape(d);
  assert_int_equal(shape.dim[0], 9);
  assert_int_equal(shape.dim[1], 13);
  assert_int_equal(shape.dim[2], 1);
  assert_int_equal(pixel(d, 0, 0, 5), 10); /* "10.png" < "2.png" */
  assert_int_equal(pixel(d, 0, 1, 5), 20);
  assert_int_equal(pixel(d, 1, 1, 5), 60);
  assert_int_equal(pixel(d, 2, 1, 5), 40);
  il_dataset_free(d);
  static char first[1 << 14], second[1 << 14];
  const size_t size = read_out(first, sizeof first);
  il_dataset_free(import(in, (il_import_options){.height = 9, .width = 13}));
  assert_int_equal(read_out(second, sizeof second), size);
  assert_memory_equal(first, second, size);
  expect_text(first + 8, "\"made_from\":\"in\"");
  expect_text(first + 8, "\"made_with\":\"kind=pictures size=9x13\"");
  expect_text(first + 8, "\\\"files\\\": 6, \\\"classes\\\": 3, \\\"examples\\\": 6");
}

static void test_groups(void **state) {
  (void)state;
  put_grey("all/Greek/alpha/1.png", 8, 8, 1);
  put_grey("all/Greek/beta/1.png", 8, 8, 2);
  put_grey("all/Latin/a/1.png", 8, 8, 3);
  put_grey("all/Greek/beside.png", 8, 8, 4);
  put_grey("all/Greek/alpha/deep/1.png", 8, 8, 5);
  put_text("README.txt", "about");
  il_dataset *d = import(in, (il_import_options){0});
  expect_classes(d, 3, (const char *const[]){"Greek/alpha", "Greek/beta", "Latin/a"});
  assert_int_equal(pixel(d, 2, 0, 0), 3);
  il_dataset_free(d);
  assert_int_equal(report.skipped, 3);
  expect_text(report.skips, "README.txt: lies in no class's folder\n");
  expect_text(report.skips, "all/Greek/beside.png: lies beside the folders of classes");
  expect_text(report.skips, "all/Greek/alpha/deep/1.png: lies deeper than group/class/picture\n");
  expect_text(report.notes, "3 classes have one picture only");
}

/* Sizes, colours and what is asked for. */
static void test_sizes(void **state) {
  (void)state;
  put_grey("a/1.png", 60, 100, 100);
  put_grey("b/1.png", 60, 100, 200);
  il_dataset *d = import(in, (il_import_options){0});
  assert_int_equal(il_dataset_shape(d).dim[0], 60); /* all of one size keep it */
  assert_int_equal(il_dataset_shape(d).dim[1], 100);
  assert_null(strstr(report.notes, "pixels"));
  il_dataset_free(d);
  put_jpeg("b/2.jpg", 480, 3, 50);
  put_jpeg("b/3.jpg", 1, 3, 50);
  d = import(in, (il_import_options){0});
  assert_int_equal(il_dataset_shape(d).dim[0], 84);
  assert_int_equal(il_dataset_shape(d).dim[1], 84);
  assert_int_equal(il_dataset_shape(d).dim[2], 3); /* one has colours */
  assert_int_equal(pixel(d, 0, 0, 84 * 84 * 3 - 1), 100);
  expect_text(report.notes,
              "pictures of 3 sizes, 1 × 1 to 480 × 480 pixels (height × width): of each "
              "the centre becomes 84 × 84 (--size HxW)\n");
  il_dataset_free(d);
  d = import(in, (il_import_options){.height = 20, .width = 30, .grey = true, .invert = true});
  assert_int_equal(il_dataset_shape(d).dim[0], 20);
  assert_int_equal(il_dataset_shape(d).dim[1], 30);
  assert_int_equal(il_dataset_shape(d).dim[2], 1);
  assert_int_equal(pixel(d, 0, 0, 0), 155);
  il_dataset_free(d);
  run_shell("rm in/a/1.png in/b/*");
  put_grey("a/1.png", 129, 129, 1);
  put_grey("b/1.png", 129, 129, 1);
  il_dataset_free(import(in, (il_import_options){0}));
  expect_text(report.notes, "pictures of 129 × 129 pixels: all become 84 × 84");
  expect_refused(in, (il_import_options){.height = 1025, .width = 3}, "expected 1 to 1024");
  expect_refused(in, (il_import_options){.scale = 2}, "has no use for --scale");
  expect_refused(in, (il_import_options){.kind = "sounds"}, "\"sounds\" is no kind of data");
}

static void test_skips(void **state) {
  (void)state;
  put_grey("a/1.png", 8, 8, 1);
  put_grey("a/2.png", 8, 8, 2);
  put_jpeg("b/1.jpg", 32, 3, 3);
  const uint8_t deep[8] = {0};
  encoded e = make_png(2, 2, PNG_COLOR_TYPE_GRAY, 16, 0, deep, 4, NULL);
  put("b/deep.png", e.bytes, e.size);
  put("b/cut.png", e.bytes, e.size - 20);
  free(e.bytes);
  uint8_t pixels[64 * 64] = {0};
  e = make_jpeg(64, 64, 1, false, 0, pixels);
  put("b/cut.jpg", e.bytes, e.size - 10);
  free(e.bytes);
  put_text("b/text.png", "not a picture");
  put_text("lost/a.gif", "GIF89a");
  put_text("lost/empty.png", "");
  put_grey("n\xff\n/1.png", 8, 8, 1);
  put_grey("B/1.png", 8, 8, 9);
  il_dataset *d = import(in, (il_import_options){0});
  expect_classes(d, 3, (const char *const[]){"B", "a", "b"});
  assert_int_equal(il_dataset_examples(d, 2), 2);
  il_dataset_free(d);
  assert_int_equal(report.skipped, 6);
  expect_text(report.skips, "b/cut.png: a PNG that ends too early");
  expect_text(report.skips, "b/cut.jpg: a JPEG that ends too early, after");
  expect_text(report.skips, "b/text.png: no PNG or JPEG: begins with \"not a pi\"\n");
  expect_text(report.skips, "lost/a.gif: is a GIF");
  expect_text(report.skips, "lost/empty.png: is empty");
  expect_text(report.skips, "n\\xff\\x0a/1.png: the name of its folder is not UTF-8");
  expect_text(report.notes, "1 picture of 16 bits a channel became 8 bits\n");
  expect_text(report.notes, "1 folder became no class, as nothing in it could be imported: 'lost'");
  expect_text(report.notes, "'B' and 'b' differ in case alone");
  unlink(out);
  expect_refused(in, (il_import_options){.strict = true}, "(strict: nothing is skipped)");
  assert_int_equal(access(out, F_OK), -1);
}

static void test_links(void **state) {
  (void)state;
  put_grey("a/1.png", 8, 8, 1);
  put_grey("b/1.png", 8, 8, 2);
  assert_int_equal(run_shell("cp in/a/1.png other.png; cd in/b && ln -s ../a/1.png same.png && "
                             "ln -s ../../other.png out.png && ln -s .. up && ln -s c1 c2 && "
                             "ln -s c2 c1 && ln -s gone nowhere.png && mkfifo pipe"),
                   0);
  il_dataset *d = import(in, (il_import_options){0});
  assert_int_equal(il_dataset_examples(d, 1), 2);
  assert_int_equal(pixel(d, 1, 1, 0), 1);
  il_dataset_free(d);
  assert_int_equal(report.skipped, 6);
  expect_text(report.skips, "b/out.png: a link that leads out of the folder\n");
  expect_text(report.skips, "b/up: a link to a folder, which is not followed\n");
  expect_text(report.skips, "b/c1: a link that leads in a circle\n");
  expect_text(report.skips, "b/nowhere.png: a link that leads nowhere\n");
  expect_text(report.skips, "b/pipe: is no regular file\n");
  run_shell("rm other.png");
}

static void test_nothing(void **state) {
  (void)state;
  const il_import_options usual = {0};
  expect_refused(in, usual,
                 "in has no files; expected a folder of PNG or JPEG files for each of at "
                 "least two classes: SOURCE/class/picture.png");
  put_grey("1.png", 8, 8, 1);
  expect_refused(in, usual,
                 "none of its 1 files can be imported (1.png: lies in no class's folder)");
  put_grey("only/1.png", 8, 8, 1);
  put_text("more/notes.txt", "words");
  expect_refused(in, usual, "has pictures of one class only, 'only'; expected");
  put_grey("more/1.png", 8, 8, 1);
  il_dataset_free(import(in, usual));
  const volatile sig_atomic_t asked = 1;
  expect_refused(in, (il_import_options){.stop = &asked}, "stopped before the import was complete");
}

/* ---- archives ---- */

static void zip_all(int count, const char *const *names, const encoded *content) {
  unlink(archive);
  zip_t *zip = zip_open(archive, ZIP_CREATE, NULL);
  assert_non_null(zip);
  for (int i = 0; i < count; i++)
    assert_true(zip_file_add(zip, names[i],
                             zip_source_buffer(zip, content[i].bytes, content[i].size, 0),
                             ZIP_FL_ENC_GUESS) >= 0);
  assert_int_equal(zip_close(zip), 0);
}

static void test_archive(void **state) {
  (void)state;
  uint8_t pixels[2][64];
  encoded e[6];
  for (int i = 0; i < 2; i++) {
    for (int k = 0; k < 64; k++) pixels[i][k] = (uint8_t)(i + 3 * k);
    e[i] = make_png(8, 8, PNG_COLOR_TYPE_GRAY, 8, 0, pixels[i], 8, NULL);
  }
  const char *const names[] = {"data/ä/1.png", "data/b/1.png", "__MACOSX/data/b/._1.png",
                               "data/b/.hidden", "data/LICENSE"};
  e[2] = e[3] = e[4] = e[1];
  zip_all(5, names, e);
  il_dataset *d = import(archive, (il_import_options){0});
  expect_classes(d, 2, (const char *const[]){"b", "ä"});
  assert_memory_equal(il_dataset_example(d, 0, 0), pixels[1], 64);
  assert_memory_equal(il_dataset_example(d, 1, 0), pixels[0], 64);
  il_dataset_free(d);
  assert_int_equal(report.skipped, 1);
  expect_text(report.skips, "data/LICENSE: lies in no class's folder");
  static uint8_t bytes[1 << 14];
  FILE *file = fopen(archive, "rb");
  const size_t size = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  for (size_t cut = 4; cut < size; cut++) {
    assert_int_equal(truncate(archive, (off_t)(size - cut + 3)), 0);
    expect_refused(archive, (il_import_options){0}, archive);
  }
  bytes[60] ^= 0xff; /* within the first picture: its checksum is another */
  file = fopen(archive, "wb");
  fwrite(bytes, 1, size, file);
  fclose(file);
  expect_refused(archive, (il_import_options){.strict = true}, "data/LICENSE: lies in no");
  expect_refused(archive, (il_import_options){0}, "one class only, 'b'");
  expect_text(report.skips, "data/ä/1.png: ");
  free(e[0].bytes);
  free(e[1].bytes);
}

static void test_kinds(void **state) {
  (void)state;
  assert_string_equal(il_import_kind_of(in), "pictures");
  put_grey("a/1.png", 8, 8, 1);
  put_grey("b/1.png", 8, 8, 1);
  il_dataset_free(import(in, (il_import_options){0}));
  assert_null(il_import_kind_of(out)); /* imported already */
  const encoded x = {(uint8_t *)(uintptr_t) "x", 1};
  zip_all(1, (const char *const[]){"x.npy"}, &x);
  const char *kind = il_import_kind_of(archive);
  assert_true(!kind || strcmp(kind, "pictures") != 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, empty, clean)
  const struct CMUnitTest tests[] = {TEST(test_folders), TEST(test_groups), TEST(test_sizes),
                                     TEST(test_skips),   TEST(test_links),  TEST(test_nothing),
                                     TEST(test_archive), TEST(test_kinds)};
  return cmocka_run_group_tests(tests, start, stop);
}
