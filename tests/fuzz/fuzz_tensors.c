/* Whole files of tensors as they lie on a disk: archives of PyTorch and numpy, PyTorch's streams. */
#include "fuzz/tensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_read_tensors(fuzz_file(data, size));
  return 0;
}
