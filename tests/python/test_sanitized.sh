#!/bin/sh
# The Python package on a sanitized library: test_sanitized.sh SOURCE BUILD LIBRARY PYTHON. LIBRARY is that of a build with
# INNERLOOP_SANITIZE and INNERLOOP_PYTHON, PYTHON one that has numpy. BUILD holds what is put together.
set -eu
source=$1 room=$2/python-sanitized library=$3 python=$4
command -v "$python" >/dev/null && "$python" -c 'import numpy' 2>/dev/null ||
  { echo "python: $python has no numpy; the sanitized tests of the package are left out"; exit 77; }
rm -rf "$room"
mkdir -p "$room"
sh "$source/tests/python/together.sh" "$source" "$library" "$room/site"
PYTHONPATH=$room/site PYTHONDONTWRITEBYTECODE=1 PYTHONMALLOC=malloc \
  LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)" \
  ASAN_OPTIONS=detect_leaks=1:leak_check_at_exit=0:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 \
  LSAN_OPTIONS=report_objects=0:max_leaks=0 \
  timeout 500 "$python" "$source/tests/python/sanitized.py" >"$room/said.txt" 2>"$room/errors.txt" ||
  { cat "$room/said.txt" "$room/errors.txt"; exit 1; }
: >"$room/before.txt"
: >"$room/after.txt"
[ "$(cat "$room/said.txt")" = "the end" ] || { cat "$room/said.txt" "$room/errors.txt"; exit 1; }
# Of what has leaked, that which a function of ours has allocated: Python itself keeps some things to its end.
ours() { awk -v RS= '/(Direct|Indirect) leak/ && / in il_/' "$1"; }
awk -v room="$room" '/^a leak on purpose$/ { then = 1; next } { print >(room (then ? "/after.txt" : "/before.txt")) }' \
  "$room/errors.txt"
ours "$room/before.txt" >"$room/leaks.txt"
[ ! -s "$room/leaks.txt" ] || { cat "$room/leaks.txt"; exit 1; }
ours "$room/after.txt" | grep -q ' in il_context_new' || { echo "failed: a leak on purpose is not found"; exit 1; }
! grep -q 'runtime error:' "$room/errors.txt" || { cat "$room/errors.txt"; exit 1; }
echo "python: no leak, no error of the sanitizers"
