#!/usr/bin/env bash
# What analysers say of src/ without running it: cppcheck and clang-tidy, or those that are named. Warnings are failures; one
# that is wrong is answered where it stands, with its reason. analyse.sh [cppcheck|tidy|gcc]…
# gcc -fanalyzer is for reading, and fails: like clang's analyzer (.clang-tidy) it cannot know that il_fail never returns IL_OK,
# and sees values that a function has not set because it failed.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
jobs=${JOBS:-$(nproc)} failed=
cmake --preset release >/dev/null || exit 2

gcc_analyzer() {
  git ls-files 'src/*.c' | xargs -P "$jobs" -n 8 sh -c '
    for f; do
      case $f in src/kernels/*) continue ;; esac
      gcc -std=gnu17 -O1 -fanalyzer -Werror -D_GNU_SOURCE -Iinclude -Isrc -Ibuild/generated $(pkg-config --cflags cairo-png jansson libzip) \
        -c "$f" -o /dev/null || failed=1
    done
    exit ${failed:-0}' sh
}
cppcheck_all() {
  cppcheck --quiet -j "$jobs" --std=c11 --enable=warning,portability,performance --inline-suppr --error-exitcode=1 \
    --suppressions-list=tools/cppcheck.txt -D_GNU_SOURCE -Iinclude -Isrc src
}
tidy() { git ls-files 'src/*.c' | xargs -P "$jobs" -n 4 clang-tidy --quiet -p build 2>/dev/null; }

for one in "${@:-cppcheck tidy}"; do
  for tool in $one; do
    case $tool in
    gcc) gcc_analyzer ;;
    cppcheck) cppcheck_all ;;
    tidy) tidy ;;
    *) echo "analyse: no analyser '$tool', expected gcc, cppcheck or tidy" >&2 && exit 2 ;;
    esac && echo "$tool: nothing to say" || failed="$failed $tool"
  done
done
[ -z "$failed" ] || { echo "analyse:$failed found something"; exit 1; }
