# The same weights on every instruction set: native v3 and v4, and aarch64 under emulation, which is built here.
# test_isa.sh WEIGHTS SOURCE BUILD: the native program, the source tree, a folder for the build for aarch64.
weights=$1 source=$2 build=$3
[ "$(uname -m)" = x86_64 ] || { echo "skipped: compares x86-64-v3 and -v4 with aarch64"; exit 77; }
fail() { echo "failed: $*"; exit 1; }

reference=
for isa in v3 v4; do
  found=$(INNERLOOP_ISA=$isa "$weights" 1 2>&1) || {
    echo "$found" | grep -q "does not run" || fail "$isa: $found"
    echo "$isa: not on this CPU, not compared"
    continue
  }
  echo "$isa:" $found
  [ -n "$reference" ] || reference=$found
  [ "$found" = "$reference" ] || fail "$isa differs from v3: $reference"
  for threads in 2 3 7; do
    [ "$(INNERLOOP_ISA=$isa "$weights" $threads)" = "$reference" ] || fail "$isa on $threads threads differs"
  done
done
INNERLOOP_ISA=v2 "$weights" 1 >/dev/null || fail "v2 does not train"
[ -n "$reference" ] || { echo "skipped: this CPU runs neither v3 nor v4"; exit 77; }

emulator=$(command -v qemu-aarch64-static || command -v qemu-aarch64)
if [ -z "$emulator" ] || ! command -v aarch64-linux-gnu-gcc >/dev/null; then
  echo "skipped: aarch64 needs gcc-aarch64-linux-gnu and qemu-user-static; 'tools/bootstrap.sh test' installs them"
  exit 77
fi
mkdir -p "$build" || exit 1
cmake -S "$source" -B "$build" -DCMAKE_TOOLCHAIN_FILE="$source/cmake/aarch64.cmake" -DCMAKE_BUILD_TYPE=Release \
  -DINNERLOOP_CORE_ONLY=ON -DINNERLOOP_SHARED=OFF -DINNERLOOP_WERROR=ON >"$build/log.txt" 2>&1 || fail "cmake: $(cat "$build/log.txt")"
cmake --build "$build" -j2 --target weights >"$build/log.txt" 2>&1 || fail "the build: $(cat "$build/log.txt")"
found=$("$emulator" "$build/tests/weights" 1) || fail "aarch64: $found"
echo "aarch64:" $found
[ "$found" = "$reference" ] || fail "aarch64 differs from v3: $reference"
echo "isa: the same weights on all"
