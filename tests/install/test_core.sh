# What a user does with the installed core alone: exactly its headers are there, each compiles alone, and a program links
# the static library by pkg-config and by find_package.
# test_core.sh SOURCE BUILD WORK [LEARNER NATIVE]: the source tree, a build with INNERLOOP_CORE_ONLY, a folder that may be emptied, the
# file of a learner of glyphs, examples/05_recognise_from_memory.c as it was compiled for the processor at hand.
source=$1 build=$2 work=$3 learner=$4 native=$5
fail() { echo "failed: $*"; exit 1; }

[ -e "$build/libinnerloop.a" ] || { echo "skipped: no build of the core in $build"; exit 77; }
compiler=$(sed -n 's/^set(CMAKE_C_COMPILER "\(.*\)")$/\1/p' "$build"/CMakeFiles/*/CMakeCCompiler.cmake)
toolchain=$(sed -n 's/^CMAKE_TOOLCHAIN_FILE:[A-Z]*=//p' "$build/CMakeCache.txt")
case $compiler in
*aarch64*) run=$(command -v qemu-aarch64-static || command -v qemu-aarch64) ;;
*riscv64*) run=$(command -v qemu-riscv64-static || command -v qemu-riscv64) ;;
*arm-linux*) run=$(command -v qemu-arm-static || command -v qemu-arm) ;;
*) run= ;;
esac

rm -rf "$work" && mkdir -p "$work" || exit 1
cmake --install "$build" --prefix "$work/prefix" >"$work/log.txt" 2>&1 || fail "cmake --install: $(cat "$work/log.txt")"
prefix=$work/prefix
found=$(echo $(LC_ALL=C ls "$prefix/include/innerloop"))
[ "$found" = "base.h error.def field.h function.h grad.h graph.h learner.h meta.h nn.h optim.h plan.h shape.h values.h version.h" ] || fail "its headers are $found"
for header in "$prefix"/include/innerloop/*.h; do
  echo "#include <innerloop/${header##*/}>
int main(void) { return 0; }" | "$compiler" -std=c11 -x c -Wall -Wextra -pedantic -Werror -fsyntax-only -I "$prefix/include" - ||
    fail "${header##*/} alone"
done

pc=$(dirname "$(find "$prefix" -name innerloop.pc)")
for name in innerloop innerloop-core; do # in this build both are the core
  flags=$(PKG_CONFIG_PATH="$pc" pkg-config --static --cflags --libs $name) || fail "pkg-config $name"
  "$compiler" -DCORE_ONLY -std=c11 -static "$source/tests/install/user.c" -o "$work/user" $flags || fail "by pkg-config: $flags"
  $run "$work/user" || fail "the program by pkg-config $name"
done
# A learner in memory; without a file it says so.
"$compiler" -std=c11 -static "$source/examples/05_recognise_from_memory.c" -o "$work/recognise" $flags || fail "a learner in memory"
$run "$work/recognise" >"$work/log.txt" && fail "a learner out of nothing"
grep -q "found 0 bytes" "$work/log.txt" || fail "no learner: $(cat "$work/log.txt")"
if [ -s "$learner" ]; then
  $run "$work/recognise" "$learner" >"$work/log.txt" || fail "a learner in memory: $(cat "$work/log.txt")"
  # It says the same on every processor; only what the room takes differs.
  "$native" "$learner" | sed 's/;.*//' >"$work/expected.txt"
  sed 's/;.*//' "$work/log.txt" | diff "$work/expected.txt" - || fail "a learner in memory answers otherwise than \"$native\""
fi
cmake -S "$source/tests/install/find_package" -B "$work/find_package" -DCMAKE_TOOLCHAIN_FILE="$toolchain" \
  -DCMAKE_PREFIX_PATH="$prefix" -DUSER_SOURCE="$source/tests/install/user.c" -DCMAKE_C_FLAGS=-DCORE_ONLY \
  >"$work/log.txt" 2>&1 && cmake --build "$work/find_package" >>"$work/log.txt" 2>&1 ||
  fail "find_package: $(cat "$work/log.txt")"
for name in innerloop static core; do
  $run "$work/find_package/user-$name" || fail "the program by find_package with innerloop::$name"
done
echo "core: a user's program links it"
