/* numpy's arrays, alone and as the one array of a .npz. */
#include "fuzz/tensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!fuzz_read_tensors(fuzz_file(data, size))) return 0;
  static const int32_t labels[] = {0, 1, 0, 1};
  static uint8_t header[128] = "\x93NUMPY\1\0\x76\0{'descr': '<i4', 'fortran_order': False, "
                               "'shape': (4,), }";
  memcpy(header + 112, labels, sizeof labels);
  header[8] = 112 - 10;
  memset(header + 10 + strlen((char *)header + 10), ' ', 1);
  for (int i = 10; i < 112; i++)
    if (!header[i]) header[i] = ' ';
  header[111] = '\n';
  size_t length;
  uint8_t *zip =
      fuzz_zip(2, (fuzz_entry[]){{"x.npy", data, size}, {"y.npy", header, 128}}, &length);
  FUZZ_EXPECT(fuzz_read_tensors(fuzz_file(zip, length)), "an array that was read alone");
  free(zip);
  return 0;
}
