/* safetensors: what is written is read back, equal content is equal bytes, and no damaged file is accepted
 * or crashes: every cut, every flipped header byte, and each lie a header can tell. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include <dirent.h>

#include "io/io.h"

static char folder[] = "/tmp/innerloop-safetensors-XXXXXX";
static char path[128];

static int make_folder(void **state) {
  (void)state;
  if (!mkdtemp(folder)) return -1;
  snprintf(path, sizeof path, "%s/file.safetensors", folder);
  return 0;
}

static int remove_folder(void **state) {
  (void)state;
  unlink(path);
  return rmdir(folder); /* fails, and with it the group, if a temporary file was left */
}

static void put(const char *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  fclose(file);
}

static char *get(size_t *size) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  char *bytes = malloc(1 << 16);
  *size = fread(bytes, 1, 1 << 16, file);
  fclose(file);
  return bytes;
}

static const float weights[6] = {1, 2, 3, 4, 5, -0.0f};
static const uint8_t pixels[3] = {7, 8, 255};
static const double moments[2] = {0.5, 1e300};
static const int32_t labels[1] = {-4};

static void write_sample(il_context *context) {
  il_tensor tensor[] = {{"pixels", IL_UINT8, {1, {3}}, pixels},
                        {"weights", IL_FLOAT32, {2, {2, 3}}, weights},
                        {"moments", IL_FLOAT64, {1, {2}}, moments},
                        {"label \"ä\"", IL_INT32, {0, {0}}, labels},
                        {"nothing", IL_FLOAT32, {2, {0, 5}}, weights}};
  il_pair pair[] = {{"kind", "sample"}, {"text", "{\"a\": [1]}"}};
  assert_int_equal(il_safetensors_write(context, path, 5, tensor, 2, pair), IL_OK);
}

static void test_round_trip(void **state) {
  (void)state;
  il_context *context = il_context_new();
  write_sample(context);
  size_t size, again;
  char *first = get(&size);
  write_sample(context);
  char *second = get(&again);
  assert_int_equal(size, again);
  assert_memory_equal(first, second, size);
  assert_int_equal((first[0] + 256 * first[1] + 8) % 64, 0);
  free(first);
  free(second);
  il_safetensors *file = il_safetensors_open(context, path);
  assert_non_null(file);
  assert_int_equal(il_safetensors_count(file), 5);
  const il_tensor *t = il_safetensors_find(file, "weights");
  assert_int_equal(t->type, IL_FLOAT32);
  assert_int_equal(t->shape.rank, 2);
  assert_int_equal(t->shape.dim[1], 3);
  assert_int_equal((uintptr_t)t->data % 4, 0); /* although three bytes lie before it */
  assert_memory_equal(t->data, weights, sizeof weights);
  t = il_safetensors_find(file, "moments");
  assert_int_equal((uintptr_t)t->data % 8, 0);
  assert_memory_equal(t->data, moments, sizeof moments);
  assert_memory_equal(il_safetensors_find(file, "label \"ä\"")->data, labels, 4);
  assert_memory_equal(il_safetensors_find(file, "pixels")->data, pixels, 3);
  assert_null(il_safetensors_find(file, "bias"));
  assert_string_equal(il_safetensors_metadata(file, "text"), "{\"a\": [1]}");
  assert_null(il_safetensors_metadata(file, "other"));
  il_safetensors_close(file);
  il_context_free(context);
}

static void expect_refused(const char *bytes, size_t size, const char *sentence) {
  il_context *context = il_context_new();
  put(bytes, size);
  il_safetensors *file = il_safetensors_open(context, path);
  if (file) print_error("accepted: %s\n", sentence);
  assert_null(file);
  assert_int_equal(il_context_status(context), IL_ERROR_FORMAT);
  const char *message = il_context_message(context);
  if (!strstr(message, sentence) || !strstr(message, path))
    print_error("%s: %s\n", sentence, message);
  assert_non_null(strstr(message, path));
  assert_non_null(strstr(message, sentence));
  il_context_free(context);
}

static void test_every_cut(void **state) {
  (void)state;
  il_context *context = il_context_new();
  write_sample(context);
  size_t size;
  char *bytes = get(&size);
  for (size_t cut = 0; cut < size; cut++) expect_refused(bytes, cut, "");
  il_context_free(context);
  free(bytes);
}

/* A flipped byte may leave a valid header (a name, a space); whatever is accepted must be readable. */
static void test_flipped_header(void **state) {
  (void)state;
  il_context *context = il_context_new();
  write_sample(context);
  size_t size, refused = 0;
  char *bytes = get(&size);
  size_t header = 8 + (size_t)(uint8_t)bytes[0] + 256 * (size_t)(uint8_t)bytes[1];
  assert_in_range(header, 64, size);
  static const char masks[] = {1, 2, 4, 8, 16, 32, 64, (char)128, (char)255};
  for (size_t i = 0; i < header; i++)
    for (size_t m = 0; m < sizeof masks; m++) {
      bytes[i] ^= masks[m];
      put(bytes, size);
      il_safetensors *file = il_safetensors_open(context, path);
      refused += !file;
      unsigned sum = 0;
      for (int t = 0; file && t < il_safetensors_count(file); t++) {
        const il_tensor *tensor = il_safetensors_at(file, t);
        size_t count = (size_t)il_shape_count(tensor->shape) * il_type_size(tensor->type);
        for (size_t b = 0; b < count; b++) sum += ((const uint8_t *)tensor->data)[b];
      }
      assert_true(sum < 1u << 30);
      assert_true(!file || il_context_status(context) == IL_OK);
      il_safetensors_close(file);
      il_context_clear(context);
      bytes[i] ^= masks[m];
    }
  assert_true(refused > header);
  il_context_free(context);
  free(bytes);
}

static void lie(const char *json, size_t data, const char *sentence) {
  char bytes[2048] = {0};
  size_t length = strlen(json);
  for (int i = 0; i < 8; i++) bytes[i] = (char)((uint64_t)length >> (8 * i));
  memcpy(bytes + 8, json, length);
  expect_refused(bytes, 8 + length + data, sentence);
}

static void test_lies(void **state) {
  (void)state;
#define TENSOR(name, dtype, shape, offsets)                                                        \
  "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"
  expect_refused("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10, "header of 18446744073709551615 bytes");
  expect_refused("\x03\0\0\0\0\0\0\0{}", 10, "header of 3 bytes");
  expect_refused("PK\3\4\0\0\x08\x08", 8, "but a zip archive, as PyTorch's torch.save");
  expect_refused("\x89PNG\r\n\x1a\n", 8, "but a PNG picture");
  expect_refused("a,b,c\n1,2,3\n", 12, "but a text");
  lie("[]", 0, "not a JSON object");
  lie("{\"a\":", 0, "not the JSON");
  lie("{\"a\":3}", 0, "'a' is not an object");
  lie("{\"__metadata__\":{\"a\":3}}", 0, "metadata value 'a'");
  lie("{\"__metadata__\":[]}", 0, "__metadata__");
  lie("{" TENSOR("a", "F32", "[1]", "[0,4]") "," TENSOR("a", "F32", "[1]", "[4,8]") "}", 8,
      "duplicate");
  lie("{" TENSOR("a", "F32", "[2]", "[0,8]") "," TENSOR("b", "F32", "[1]", "[4,8]") "}", 8,
      "'b' begins at byte 4, expected 8");
  lie("{" TENSOR("a", "F32", "[1]", "[4,8]") "}", 8, "'a' begins at byte 4, expected 0");
  lie("{" TENSOR("a", "F32", "[1]", "[0,4]") "}", 8, "8 bytes of data, expected the 4");
  lie("{" TENSOR("a", "F32", "[3]", "[0,12]") "}", 8, "'a' lies at bytes 0 to 12");
  lie("{" TENSOR("a", "F32", "[3]", "[8,0]") "}", 8, "'a' lies at bytes 8 to 0");
  lie("{" TENSOR("a", "F32", "[3]", "[-4,8]") "}", 8, "'a' lies at bytes -4 to 8");
  lie("{" TENSOR("a", "F32", "[3]", "[0,8]") "}", 8, "'a' has 8 bytes of data, expected 12");
  lie("{" TENSOR("a", "F32", "[4611686018427387905]", "[0,4]") "}", 4, "more than 2^63 bytes");
  lie("{" TENSOR("a", "U8", "[4294967296,4294967296,16]", "[0,0]") "}", 0, "more than 2^63 bytes");
  lie("{" TENSOR("a", "U8", "[99999999999999999999]", "[0,0]") "}", 0, "not the JSON");
  lie("{" TENSOR("a", "U8", "[1,1,1,1,1,1,1,1,1]", "[0,1]") "}", 1,
      "9 dimensions, expected at most 8");
  lie("{" TENSOR("a", "U8", "[-1]", "[0,1]") "}", 1, "dimension 0");
  lie("{" TENSOR("a", "U8", "[1.0]", "[0,1]") "}", 1, "dimension 0");
  lie("{" TENSOR("a", "U8", "3", "[0,1]") "}", 1, "no shape");
  lie("{" TENSOR("a", "F8_E4M3", "[1]", "[0,1]") "}", 1, "dtype 'F8_E4M3', expected F32");
  lie("{" TENSOR("a", "U8", "[1]", "[0]") "}", 1, "data_offsets");
  lie("{" TENSOR("a", "U8", "[1]", "{}") "}", 1, "data_offsets");
  lie("{\"a\":{\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "no dtype");
#undef TENSOR
}

static void test_refused_writing(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_tensor twice[] = {{"a", IL_UINT8, {1, {3}}, pixels}, {"a", IL_UINT8, {1, {3}}, pixels}};
  assert_int_equal(il_safetensors_write(context, path, 2, twice, 0, NULL), IL_ERROR_ARGUMENT);
  il_context_clear(context);
  assert_int_equal(il_safetensors_write(context, "/nonexistent/a/b", 1, twice, 0, NULL),
                   IL_ERROR_FILE);
  il_context_clear(context);
  assert_int_equal(il_safetensors_write(context, folder, 1, twice, 0, NULL), IL_ERROR_FILE);
  il_context_clear(context);
  assert_null(il_safetensors_open(context, "/nonexistent"));
  assert_int_equal(il_context_status(context), IL_ERROR_FILE);
  il_context_free(context);
}

/* The disk is "full" in the middle of the data: the old file stays, nothing else is left. */
static void test_full_disk(void **state) {
  (void)state;
  il_context *context = il_context_new();
  write_sample(context);
  size_t size, after;
  char *before = get(&size);
  signal(SIGXFSZ, SIG_IGN);
  struct rlimit old, small = {1000, 1000};
  getrlimit(RLIMIT_FSIZE, &old);
  small.rlim_max = old.rlim_max;
  setrlimit(RLIMIT_FSIZE, &small);
  static float much[4096];
  il_tensor tensor = {"much", IL_FLOAT32, {1, {4096}}, much};
  il_status status = il_safetensors_write(context, path, 1, &tensor, 0, NULL);
  setrlimit(RLIMIT_FSIZE, &old);
  assert_int_equal(status, IL_ERROR_FILE);
  assert_non_null(strstr(il_context_message(context), "left as it was: File too large"));
  char *kept = get(&after);
  assert_int_equal(size, after);
  assert_memory_equal(before, kept, size);
  DIR *open_folder = opendir(folder);
  int files = 0;
  while (readdir(open_folder)) files++;
  closedir(open_folder);
  assert_int_equal(files, 3); /* ".", "..", the file */
  free(before);
  free(kept);
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_round_trip),      cmocka_unit_test(test_every_cut),
      cmocka_unit_test(test_flipped_header),  cmocka_unit_test(test_lies),
      cmocka_unit_test(test_refused_writing), cmocka_unit_test(test_full_disk)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
