# A project that adds innerloop to itself compiles its own code as it wants: none of our flags, none of our folders but
# include/. test_subdirectory.sh SOURCE WORK: the source tree, a folder that may be emptied.
source=$1 work=$2
fail() { echo "failed: $*"; exit 1; }

rm -rf "$work"
mkdir -p "$work" && echo 'int main(void) { return 0; }' >"$work/own.c" || exit 1
cmake -G "Unix Makefiles" -S "$source/tests/install/subdirectory" -B "$work/build" -DINNERLOOP_SOURCE="$source" -DUSER_SOURCE="$work/own.c" \
  >"$work/log.txt" 2>&1 || fail "cmake: $(cat "$work/log.txt")"
command=$(grep '"command".*own\.c' "$work/build/compile_commands.json") || fail "own.c is not compiled"
echo "$command"
for leaked in ' -W' ' -f' ' -m' ' -D' ' -O' ' -pthread' /src /generated; do
  case $command in *"$leaked"*) fail "the user's code is compiled with$leaked" ;; esac
done
case $command in *"-I$source/include"*) ;; *) fail "the public headers are not found" ;; esac
grep '"command".*src/base/arena\.c' "$work/build/compile_commands.json" | grep -q -e ' -O3 .*-ffp-contract=off' ||
  fail "innerloop itself is compiled without its flags"
[ ! -e "$work/build/innerloop/tests" ] || fail "our tests are part of the user's project"
cmake -LA -N "$work/build" | grep -q '^CMAKE_BUILD_TYPE:STRING=$' || fail "the user's CMAKE_BUILD_TYPE was set"
# innerloop::innerloop is the shared library where there is one.
links=$work/build/CMakeFiles/user.dir/link.txt
grep -qF libinnerloop.a "$links" || fail "the user's program links $(cat "$links"), expected libinnerloop.a"
cmake -DINNERLOOP_SHARED=ON "$work/build" >"$work/log.txt" 2>&1 || fail "cmake: $(cat "$work/log.txt")"
grep -qF libinnerloop.so "$links" || fail "the user's program links $(cat "$links"), expected libinnerloop.so"
echo "subdirectory: nothing leaks"
