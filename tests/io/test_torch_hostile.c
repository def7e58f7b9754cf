/* Damaged and hostile PyTorch and numpy files: refused by a sentence; nothing runs, crashes or takes much memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/tensors.h"

static char folder[] = "/tmp/innerloop-hostile-XXXXXX";
static char path[128], mark[128];

static int make_folder(void **state) {
  (void)state;
  if (!mkdtemp(folder)) return -1;
  snprintf(path, sizeof path, "%s/file", folder);
  snprintf(mark, sizeof mark, "%s/mark", folder);
  return 0;
}

static int remove_folder(void **state) {
  (void)state;
  unlink(path);
  return rmdir(folder); /* fails, and with it the group, if anything else was written */
}

static const char *fixture(const char *name) {
  static char found[512];
  snprintf(found, sizeof found, "%s/io/fixtures/torch/%s", TEST_DATA, name);
  return found;
}

static unsigned char *slurp(const char *name, size_t *size) {
  FILE *file = fopen(name, "rb");
  assert_non_null(file);
  unsigned char *bytes = malloc(1 << 20);
  *size = fread(bytes, 1, 1 << 20, file);
  fclose(file);
  return bytes;
}

static void spill(const void *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  fclose(file);
}

/* The file at path is refused with a sentence that has these words. */
static void expect(const char *sentence) {
  il_context *context = il_context_new();
  il_tensors *file = il_tensors_open(context, path);
  if (file) print_error("accepted, expected: %s\n", sentence);
  assert_null(file);
  if (!strstr(il_context_message(context), sentence))
    print_error("found    %s\nexpected %s\n", il_context_message(context), sentence);
  assert_non_null(strstr(il_context_message(context), sentence));
  assert_non_null(strstr(il_context_message(context), path));
  il_context_free(context);
}

/* An archive as torch.save makes it, of this pickle and one storage of 16 bytes. */
static void archive(const void *pickle, size_t size, const char *order) {
  static const float storage[4] = {1, 2, 3, 4};
  il_context *context = il_context_new();
  il_zip_entry entry[] = {{"a/data.pkl", 1, {{pickle, size}}},
                          {"a/byteorder", 1, {{order, strlen(order)}}},
                          {"a/data/0", 1, {{storage, sizeof storage}}},
                          {"a/version", 1, {{"3\n", 2}}}};
  assert_int_equal(il_zip_write(context, path, 4, entry), IL_OK);
  il_context_free(context);
}

static void refused(const void *pickle, size_t size, const char *sentence) {
  archive(pickle, size, "little");
  expect(sentence);
}
/* A pickle in the text of a C string, without its NUL. */
#define REFUSED(pickle, sentence) refused(pickle, sizeof(pickle) - 1, sentence)

#define STORAGE(class, elements)                                                                   \
  "(X\x07\0\0\0storagectorch\n" class "\nX\1\0\0\0"                                                \
                                      "0X\3\0\0\0cpu" elements "tQ"
#define TENSOR(elements, offset, sizes, strides)                                                   \
  "\x80\2ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE("FloatStorage", elements) offset            \
      "(" sizes "t(" strides "t\x89)tR."

static void test_calls(void **state) {
  (void)state;
  char system[512];
  int size = snprintf(system, sizeof system, "\x80%ccos\nsystem\n(X%c%c%c%ctouch %stR.", 2,
                      (int)strlen(mark) + 6, 0, 0, 0, mark);
  refused(system, (size_t)size, "asks for os.system, which is no tensor");
  spill(system, (size_t)size); /* the same as a stream */
  expect("asks for os.system");
  assert_int_not_equal(access(mark, F_OK), 0);
  REFUSED("\x80\4\x8c\5posix\x8c\6system\x93\x8c\2id\x85R.", "asks for posix.system");
  REFUSED("\x80\2c__builtin__\neval\n(X\1\0\0\0"
          "1tR.",
          "asks for __builtin__.eval");
  REFUSED("\x80\2ctorch\nload\n.", "asks for torch.load");
  REFUSED("\x80\2ctorch._utils\n_rebuild_tensor_v2\n.x", "1 bytes behind the pickle");
  REFUSED("\x80\2(ios\nsystem\n.", "opcode 0x69"); /* INST */
  REFUSED("\x80\2ccollections\nOrderedDict\n(K\1K\2tR.", "something else than a list of pairs");
  REFUSED("\x80\2K\1)R.", "calls what is no global");
  REFUSED("\x80\2ctorch.nn.parameter\nParameter\n)\x81}b.", "an object other than a TensorDataset");
  REFUSED("\x80\2ctorch.utils.data.dataset\nTensorDataset\n)\x81.", "an object other than");
  REFUSED("\x80\1N.", "protocol 1, expected 2 to 5");
}

static void test_machine(void **state) {
  (void)state;
  REFUSED("", "ends within a value");
  REFUSED("\x80\2", "ends within a value");
  REFUSED("\x80\2.", "a value is missing");
  REFUSED("\x80\2NN.", "more than one value");
  REFUSED("\x80\2(N.", "more than one value");
  REFUSED("\x80\2t.", "a mark is missing");
  REFUSED("\x80\2\x86.", "a value is missing");
  REFUSED("\x80\2a.", "a value is missing");
  REFUSED("\x80\2Na.", "a value is missing");
  REFUSED("\x80\2NNs.", "a value is missing");
  REFUSED("\x80\2NNa.", "appends to what is no list");
  REFUSED("\x80\2]NNs.", "sets a key of what is no dict");
  REFUSED("\x80\2}(Nu.", "a key without a value");
  REFUSED("\x80\2(Nd.", "a key without a value");
  REFUSED("\x80\2h\0.", "never remembered");
  REFUSED("\x80\2Nr\xff\xff\xff\x7f.", "memo's number is larger than the pickle");
  REFUSED("\x80\2X\xff\xff\xff\x7f"
          "a.",
          "ends within a value");
  REFUSED("\x80\2\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", "ends within a value");
  REFUSED("\x80\2\x8b\xff\xff\xff\xff.", "ends within a value");
  REFUSED("\x80\2NNb.", "gives attributes to what is no object");
  REFUSED("\x80\2N\x93.", "a value is missing");
  REFUSED("\x80\2\x8a\x09\1\1\1\1\1\1\1\1\1.", "more than 64 bits");
  REFUSED("\x80\2NQ.", "description of a storage");
  REFUSED("\x80\2}(NK\1u.", "neither texts nor whole numbers");
  REFUSED("\x80\2}(X\1\0\0\0aK\1X\1\0\0\0aK\2u.", "two tensors that lie at \"a\"");
  REFUSED("\x80\2}(X\3\0\0\0a\0bK\1u.", "holds a NUL");
}

static void test_views(void **state) {
  (void)state;
  archive(TENSOR("K\4", "K\1", "K\3", "K\1"), sizeof TENSOR("K\4", "K\1", "K\3", "K\1") - 1,
          "little");
  il_context *context = il_context_new();
  il_tensors *file = il_tensors_open(context, path);
  assert_non_null(file); /* the pattern is right: what follows is refused for its numbers */
  static const float expected[] = {2, 3, 4};
  assert_memory_equal(il_tensors_at(file, 0)->data, expected, sizeof expected);
  il_tensors_close(file);
  il_context_free(context);
  REFUSED(TENSOR("K\4", "K\2", "K\3", "K\1"), "reaches beyond its storage");
  REFUSED(TENSOR("K\4", "J\xff\xff\xff\xff", "K\3", "K\1"), "reaches beyond its storage");
  REFUSED(TENSOR("K\4", "K\0", "K\2K\2", "K\3K\1"), "reaches beyond its storage");
  REFUSED(TENSOR("K\4", "K\3", "K\2", "J\xff\xff\xff\xff"), "negative stride");
  REFUSED(TENSOR("K\4", "K\0", "J\xff\xff\xff\xff", "K\1"), "negative dimension");
  REFUSED(TENSOR("K\4", "K\0", "K\3K\3", "K\1"), "not as many whole numbers");
  REFUSED(TENSOR("K\4", "K\0", "N", "K\1"), "not as many whole numbers");
  REFUSED(TENSOR("K\4", "K\0", "K\1K\1K\1K\1K\1K\1K\1K\1K\1", "K\1K\1K\1K\1K\1K\1K\1K\1K\1"),
          "more than 8 dimensions");
  REFUSED(TENSOR("K\5", "K\0", "K\3", "K\1"), "has 16 bytes, expected 20");
  REFUSED(TENSOR("J\xff\xff\xff\xff", "K\0", "K\3", "K\1"), "without a number of elements");
  REFUSED(TENSOR("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", "K\0", "K\1", "K\1"),
          "more bytes than the file can hold");
  /* Huge claims over one element, by strides of 0: 2^62 elements, then 2^30. */
  REFUSED(TENSOR("K\4", "K\0", "J\0\0\0\x40J\0\0\0\x40K\4", "K\0K\0K\0"), "more than 2^62 bytes");
  REFUSED(TENSOR("K\4", "K\0", "J\0\0\0\x40", "K\0"), "more memory than");
  REFUSED(TENSOR("K\4", "K\0", "J\0\0\0\x40K\0", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\0") "x",
          "behind the pickle");
  REFUSED(TENSOR("K\4", "K\0", "K\3K\3", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\1"),
          "reaches beyond its storage");
  REFUSED("\x80\2" STORAGE("FloatStorage", "K\4") ".", "is a storage, expected a tensor");
  REFUSED("\x80\2" STORAGE("ComplexFloatStorage", "K\4") ".", "torch.view_as_real(x)");
  archive(TENSOR("K\4", "K\0", "K\3", "K\1"), sizeof TENSOR("K\4", "K\0", "K\3", "K\1") - 1,
          "middle");
  expect("neither little nor big");
}

static void test_nesting(void **state) {
  (void)state;
  enum { LEVELS = 100000 };
  char *pickle = malloc(2 + 2 * LEVELS + 1);
  memcpy(pickle, "\x80\2", 2);
  memset(pickle + 2, ']', LEVELS);
  memset(pickle + 2 + LEVELS, 'a', LEVELS - 1);
  pickle[2 + 2 * LEVELS - 1] = '.';
  refused(pickle, 2 + 2 * LEVELS, "nested more than 64 levels deep");
  free(pickle);
  REFUSED("\x80\2]q\0h\0a.", "nested more than 64 levels deep"); /* a list that holds itself */
  /* Ten levels of a list of ten times the list below: 10^10 numbers in 300 bytes. */
  char bomb[1024];
  size_t at = 0;
  memcpy(bomb, "\x80\2(Nlq\0", 7);
  at = 7;
  for (int level = 0; level < 10; level++) {
    bomb[at++] = ']';
    bomb[at++] = '(';
    for (int i = 0; i < 10; i++) {
      bomb[at++] = 'h';
      bomb[at++] = (char)level;
    }
    bomb[at++] = 'e';
    bomb[at++] = 'q';
    bomb[at++] = (char)(level + 1);
  }
  /* Every level stays on the stack below the next: collect them. */
  memmove(bomb + 3, bomb + 2, at - 2);
  bomb[2] = '(';
  at++;
  bomb[at++] = 'l';
  bomb[at++] = '.';
  refused(bomb, at, "repetitions of shared values");
}

static void test_archives(void **state) {
  (void)state;
  il_context *context = il_context_new();
  il_zip_entry program[] = {{"a/data.pkl", 1, {{"\x80\2N.", 4}}},
                            {"a/constants.pkl", 1, {{"", 0}}}};
  assert_int_equal(il_zip_write(context, path, 2, program), IL_OK);
  expect("is a TorchScript program");
  il_zip_entry other[] = {{"a/b.txt", 1, {{"text", 4}}}};
  assert_int_equal(il_zip_write(context, path, 1, other), IL_OK);
  expect("neither PyTorch's data.pkl in it nor");
  il_zip_entry missing[] = {
      {"a/data.pkl",
       1,
       {{TENSOR("K\4", "K\0", "K\3", "K\1"), sizeof TENSOR("K\4", "K\0", "K\3", "K\1") - 1}}}};
  assert_int_equal(il_zip_write(context, path, 1, missing), IL_OK);
  expect("storage a/data/0 is missing");
  il_context_free(context);
  spill("", 0);
  expect("none of the files that are read here");
  spill("PK\3\4", 4);
  expect("no whole zip archive");
  spill("\x80\2K\1.", 5);
  expect("a pickle that torch.save did not write");
}

static void npy(const char *header, size_t data, const char *sentence) {
  char bytes[1024] = "\x93NUMPY\1";
  size_t length = strlen(header);
  bytes[8] = (char)(length & 255);
  bytes[9] = (char)(length >> 8);
  memcpy(bytes + 10, header, length);
  spill(bytes, 10 + length + data);
  expect(sentence);
}

static void test_npy(void **state) {
  (void)state;
  npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 8, "pickled Python objects");
  npy("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", 8, "type '<c8'");
  npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", 8, "has records");
  npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 8, "8 bytes behind its header");
  npy("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 9), }", 8,
      "8 bytes");
  npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", 8, "2^63");
  npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 8, "no list of whole numbers");
  npy("{'descr': '<f4', 'fortran_order': False}", 8, "without descr, fortran_order or shape");
  npy("{'descr': '<f4', 'fortran_order': Maybe, 'shape': (2,)}", 8, "no dict of");
  npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,2)}", 8, "8 dimensions");
  npy("", 0, "does not begin as format 1.0 to 3.0");
  spill("\x93NUMPY\1\0\xff\xff{}", 12);
  expect("ends within its header");
}

/* Unsigned numbers come as the signed type that holds them. */
static void test_npy_unsigned(void **state) {
  (void)state;
  static const struct {
    const char *header;
    unsigned char number[8];
    int size;
    il_type type;
    int64_t value; /* -1: refused */
  } all[] = {{"{'descr': '<u2', 'fortran_order': False, 'shape': (1,), }",
              {0xff, 0xff},
              2,
              IL_INT32,
              65535},
             {"{'descr': '>u2', 'fortran_order': False, 'shape': (1,), }",
              {0x80, 0x01},
              2,
              IL_INT32,
              32769},
             {"{'descr': '<u4', 'fortran_order': False, 'shape': (1,), }",
              {0xfe, 0xff, 0xff, 0xff},
              4,
              IL_INT64,
              4294967294},
             {"{'descr': '<u8', 'fortran_order': False, 'shape': (1,), }", {7}, 8, IL_INT64, 7},
             {"{'descr': '<u8', 'fortran_order': False, 'shape': (1,), }",
              {0, 0, 0, 0, 0, 0, 0, 0x80},
              8,
              IL_INT64,
              -1}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    char bytes[256] = "\x93NUMPY\1";
    size_t length = strlen(all[i].header);
    bytes[8] = (char)length;
    memcpy(bytes + 10, all[i].header, length);
    memcpy(bytes + 10 + length, all[i].number, sizeof all[i].number);
    spill(bytes, 10 + length + (size_t)all[i].size);
    if (all[i].value < 0) {
      expect("has 9223372036854775808 at 0, expected numbers below 2^63");
      continue;
    }
    il_context *context = il_context_new();
    il_tensors *file = il_tensors_open(context, path);
    if (!file) fail_msg("%s", il_context_message(context));
    const il_tensor *t = il_tensors_at(file, 0);
    assert_int_equal(t->type, all[i].type);
    assert_true((t->type == IL_INT32 ? *(const int32_t *)t->data : *(const int64_t *)t->data) ==
                all[i].value);
    il_tensors_close(file);
    il_context_free(context);
  }
}

/* Every cut is refused; every flipped byte is refused or gives a file that can be looked at. */
static void damage(const char *name) {
  size_t size;
  unsigned char *bytes = slurp(fixture(name), &size);
  il_context *context = il_context_new();
  for (size_t cut = 0; cut < size; cut++) {
    spill(bytes, cut);
    il_tensors *file = il_tensors_open(context, path);
    if (file) print_error("%s cut at byte %zu was accepted\n", name, cut);
    assert_null(file);
    il_context_clear(context);
  }
  unsigned sum = 0; /* reads every element: the sanitizers watch */
  for (size_t i = 0; i < size; i++)
    for (int how = 0; how < 3; how++) {
      unsigned char kept = bytes[i];
      bytes[i] = how == 0 ? kept ^ 1 : how == 1 ? kept ^ 0x80 : 0xff;
      spill(bytes, size);
      bytes[i] = kept;
      il_tensors *file = il_tensors_open(context, path);
      il_context_clear(context);
      for (int k = 0; file && k < il_tensors_count(file); k++) {
        const il_tensor *t = il_tensors_at(file, k);
        size_t data = (size_t)il_shape_count(t->shape) * il_type_size(t->type);
        for (size_t b = 0; b < data; b++) sum += ((const unsigned char *)t->data)[b];
      }
      il_tensors_close(file);
    }
  print_message("%s: elements of damaged files add up to %u\n", name, sum);
  il_context_free(context);
  free(bytes);
}

static void test_damage(void **state) {
  (void)state;
  damage("torch-1.13/bare.pth");
  damage("torch-1.13/data_batches_stream.txt");
  damage("torch-2.15/data_dict.txt");
}

/* Other things that PyTorch pickles, each with the way to save instead. */
static void test_advice(void **state) {
  (void)state;
  static const struct {
    const char *name, *global, *advice;
  } cases[] = {
      {"torch-1.13/module.pth", "torch.nn.modules.linear.Linear",
       "torch.save(model.state_dict(), …)"},
      {"torch-2.15/module.pth", "torch.nn.modules.linear.Linear",
       "torch.save(model.state_dict(), …)"},
      {"torch-1.13/sparse.pth", "torch._utils._rebuild_sparse_tensor", "x.to_dense()"},
      {"torch-2.15/sparse.pth", "torch._utils._rebuild_sparse_tensor", "x.to_dense()"},
      {"torch-2.15/complex.pth", "torch.ComplexFloatStorage", "torch.view_as_real(x)"},
      {"torch-1.13/array.pth", "numpy.core.multiarray._reconstruct", "torch.from_numpy(array)"},
      {"torch-2.15/array.pth", "numpy._core.multiarray._reconstruct", "torch.from_numpy(array)"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    size_t size;
    unsigned char *bytes = slurp(fixture(cases[i].name), &size);
    spill(bytes, size);
    free(bytes);
    expect(cases[i].global);
    expect(cases[i].advice);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_calls),        cmocka_unit_test(test_machine),
      cmocka_unit_test(test_views),        cmocka_unit_test(test_nesting),
      cmocka_unit_test(test_archives),     cmocka_unit_test(test_npy),
      cmocka_unit_test(test_npy_unsigned), cmocka_unit_test(test_damage),
      cmocka_unit_test(test_advice)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
