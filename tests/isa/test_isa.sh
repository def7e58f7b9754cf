# The same weights on every instruction set: native v3, v4 and portable, and other processors under emulation, for which
# the core is built here. test_isa.sh WEIGHTS SOURCE BUILD: the native program, the source tree, a folder for the builds.
# INNERLOOP_TEST_LONG=1: aarch64 as it is released, riscv64 and 32-bit arm, too, where their compilers are.
weights=$1 source=$2 build=$3
[ "$(uname -m)" = x86_64 ] || { echo "skipped: compares x86-64-v3 and -v4 with other processors"; exit 77; }
fail() { echo "failed: $*"; exit 1; }

reference=
hashes() { echo "$1" | cut -d, -f1; }
for isa in v3 v4 portable; do
  found=$(INNERLOOP_ISA=$isa "$weights" 1 2>&1) || {
    echo "$found" | grep -q "does not run\|unknown instruction set" || fail "$isa: $found"
    echo "$isa: not on this CPU or not in this build, not compared"
    continue
  }
  echo "$isa:" $found
  [ -n "$reference" ] || reference=$found
  [ "$found" = "$reference" ] || fail "$isa differs: $reference"
done
for threads in 2 3 7; do # what threads change, they change in no kernel: on the best ones only
  [ "$("$weights" $threads)" = "$reference" ] || fail "$threads threads differ"
done
found=$(INNERLOOP_ISA=v2 "$weights" 1 2>&1) || echo "$found" | grep -q "unknown instruction set" || fail "v2 does not train: $found"

found=$("$weights" 2 3 few) || fail "native: $found"
short=$(hashes "$found")
# Emulated, three meta-steps, which are compared with as many native ones, take long enough.
# emulated NAME COMPILER EMULATOR PACKAGES [OPTION...]: the core for another processor, by the toolchain file of that name.
skipped=
emulated() {
  name=$1 compiler=$2 packages=$4
  emulator=$(command -v "$3-static" || command -v "$3")
  shift 4
  if [ -z "$emulator" ] || ! command -v "$compiler" >/dev/null; then
    echo "$name: needs $packages and qemu-user-static; 'tools/bootstrap.sh attack' installs them"
    skipped="$skipped $name"
    return
  fi
  log=$build/$name/log.txt
  mkdir -p "$build/$name" || exit 1
  cmake -S "$source" -B "$build/$name" -DCMAKE_TOOLCHAIN_FILE="$source/cmake/$name.cmake" -DCMAKE_BUILD_TYPE=Release \
    -DINNERLOOP_CORE_ONLY=ON -DINNERLOOP_SHARED=OFF -DINNERLOOP_WERROR=ON "$@" >"$log" 2>&1 || fail "cmake: $(cat "$log")"
  cmake --build "$build/$name" -j2 --target weights >"$log" 2>&1 || fail "the build for $name: $(cat "$log")"
  found=$("$emulator" "$build/$name/tests/weights" 1 3 few) || fail "$name: $found"
  echo "$name:" $found
  [ "$(hashes "$found")" = "$short" ] || fail "$name differs: $short"
}
if [ -z "${INNERLOOP_TEST_LONG:-}" ]; then # bits do not depend on how much a compiler optimises, its time does
  emulated aarch64 aarch64-linux-gnu-gcc qemu-aarch64 gcc-aarch64-linux-gnu -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG=-O1
else
  emulated aarch64 aarch64-linux-gnu-gcc qemu-aarch64 gcc-aarch64-linux-gnu
  emulated riscv64 riscv64-linux-gnu-gcc qemu-riscv64 gcc-riscv64-linux-gnu -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG=-O1
  emulated armhf arm-linux-gnueabihf-gcc qemu-arm gcc-arm-linux-gnueabihf -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG=-O1
fi
[ -z "$skipped" ] || { echo "skipped: not compared:$skipped"; exit 77; }
echo "isa: the same weights on all"
