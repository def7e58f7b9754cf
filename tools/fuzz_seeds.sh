# shellcheck shell=bash
# seeds_of TARGET: sets `seeds` to the folders that a fuzz target begins from, none where it has none. Sourced from the root.
seeds_of() {
  seeds=(tests/fuzz/seeds/"${1#fuzz_}")
  [ "$1" != fuzz_tensors ] || seeds=(tests/io/fixtures/torch/torch-1.13 tests/io/fixtures/torch/torch-2.15 tests/io/fixtures/numpy)
  [ -d "${seeds[0]}" ] || seeds=()
}
