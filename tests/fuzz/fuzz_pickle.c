/* Pickles, in the archives that PyTorch writes: the input is data.pkl, beside storages that hold a few numbers. */
#include "fuzz/tensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static float storage[64];
  for (int i = 0; i < 64; i++) storage[i] = (float)(i % 5);
  size_t length;
  uint8_t *zip = fuzz_zip(
      6,
      (fuzz_entry[]){{"a/data.pkl", data, size},
                     {"a/byteorder", size % 7 == 3 ? "big" : "little", size % 7 == 3 ? 3 : 6},
                     {"a/data/0", storage, sizeof storage},
                     {"a/data/1", storage, 96},
                     {"a/data/2", storage, 16},
                     {"a/version", "3\n", 2}},
      &length);
  fuzz_read_tensors(fuzz_file(zip, length));
  free(zip);
  return 0;
}
