/* Safetensors: what is read can be written, and reads back the same. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/input.h"
#include "io/io.h"

static void same(const il_safetensors *a, const il_safetensors *b) {
  FUZZ_EXPECT(il_safetensors_count(a) == il_safetensors_count(b), "%d tensors, not %d",
              il_safetensors_count(a), il_safetensors_count(b));
  for (int i = 0; i < il_safetensors_count(a); i++) {
    const il_tensor *x = il_safetensors_at(a, i), *y = il_safetensors_find(b, x->name);
    FUZZ_EXPECT(y && x->type == y->type && il_shape_equal(x->shape, y->shape), "tensor %s",
                x->name);
    const size_t size = (size_t)il_shape_count(x->shape) * il_type_size(x->type);
    FUZZ_EXPECT(!memcmp(x->data, y->data, size), "the data of %s", x->name);
  }
}

static bool read_file(il_context *context, const char *path) {
  il_safetensors *file = il_safetensors_open(context, path);
  if (!file) {
    FUZZ_EXPECT(*il_context_message(context), "a sentence");
    return false;
  }
  const int count = il_safetensors_count(file);
  il_tensor *tensor = malloc(((size_t)count + 1) * sizeof *tensor);
  for (int i = 0; tensor && i < count; i++) tensor[i] = *il_safetensors_at(file, i);
  const char *config = il_safetensors_metadata(file, "config");
  const il_pair pair = {"config", config};
  static char copy[4096];
  snprintf(copy, sizeof copy, "%s/copy.safetensors", fuzz_folder());
  FUZZ_EXPECT(il_safetensors_write(context, copy, count, tensor, config != NULL, &pair) == IL_OK,
              "%s", il_context_message(context));
  il_safetensors *again = il_safetensors_open(context, copy);
  FUZZ_EXPECT(again, "%s", il_context_message(context));
  same(file, again);
  il_safetensors_close(again);
  il_safetensors_close(file);
  free(tensor);
  return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  il_context *context = il_context_new();
  uint8_t *mended = malloc(size + 1);
  if (!context || !mended) abort();
  if (size) memcpy(mended, data, size);
  if (!read_file(context, fuzz_file(data, size)) && fuzz_mend_safetensors(mended, size)) {
    il_context_clear(context);
    read_file(context, fuzz_file(mended, size));
  }
  free(mended);
  il_context_free(context);
  return 0;
}
