# Learners of several threads over the same bytes share nothing: the service loop of the examples, with the core beside
# the kernels compiled for ThreadSanitizer, which would name what two threads touch.
# test_thread_sanitizer.sh SOURCE BUILD CC LEARNER
source=$1 build=$2 cc=$3 learner=$4
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
echo 'int main(void) { return 0; }' >"$work/try.c"
"$cc" -fsanitize=thread "$work/try.c" -o "$work/try" 2>"$work/log" && "$work/try" 2>"$work/log" ||
  { echo "skipped: $cc makes no programs that ThreadSanitizer runs in"; exit 77; }
[ -s "$learner" ] || { echo "failed: no learner in $learner"; exit 1; }
folders=$(sed -n 's/.*INCLUDE REGEX "\/src\/(\([a-z|]*\))\/".*/\1/p' "$source/CMakeLists.txt" | tr '|' ' ')
for folder in $folders; do
  [ "$folder" = kernels ] || find "$source/src/$folder" -name '*.c'
done | grep . >"$work/sources" || { echo "failed: CMakeLists.txt names no folders of the core"; exit 1; }
# Kernels touch nothing but their operands, and come from the build.
"$cc" -std=gnu17 -O0 -g1 -fsanitize=thread -ffp-contract=off -D_GNU_SOURCE -I "$source/include" -I "$source/src" \
  -I "$build/generated" "$source/examples/06_service_loop.c" $(cat "$work/sources") "$build/libinnerloop.a" \
  -o "$work/service" -lm -lpthread >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
TSAN_OPTIONS=halt_on_error=1:exitcode=66 "$work/service" "$learner" || { echo "failed: see above"; exit 1; }
