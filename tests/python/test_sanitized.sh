#!/bin/sh
# The Python package on a sanitized library: test_sanitized.sh SOURCE BUILD LIBRARY PYTHON. LIBRARY is that of a build with
# INNERLOOP_SANITIZE and INNERLOOP_PYTHON, PYTHON one that has numpy. BUILD holds what is put together.
set -eu
source=$1 room=$2/python-sanitized library=$3 python=$4
command -v "$python" >/dev/null && "$python" -c 'import numpy' 2>/dev/null ||
  { echo "python: $python has no numpy; the sanitized tests of the package are left out"; exit 77; }
rm -rf "$room"
mkdir -p "$room/innerloop_meta"
ln -s "$source"/python/innerloop_meta/*.py "$room/innerloop_meta/"
ln -s "$library" "$room/innerloop_meta/libinnerloop.so"
# Python's own memory is not looked at: what it keeps to its end it has allocated without a frame of ours.
printf 'leak:_PyObject_\nleak:PyMem_\nleak:_PyMem_\nleak:PyThread_\nleak:_multiarray_umath\nleak:libstdc++\n' >"$room/leaks.txt"
PYTHONPATH=$room PYTHONDONTWRITEBYTECODE=1 PYTHONMALLOC=malloc \
  LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)" \
  ASAN_OPTIONS=detect_leaks=1:leak_check_at_exit=0:allocator_may_return_null=1:handle_segv=1 \
  LSAN_OPTIONS="suppressions=$room/leaks.txt:print_suppressions=0" UBSAN_OPTIONS=print_stacktrace=1 \
  timeout 500 "$python" "$source/tests/python/sanitized.py" >"$room/said.txt" 2>&1 || { cat "$room/said.txt"; exit 1; }
cat "$room/said.txt"
[ "$(cat "$room/said.txt")" = "$(printf 'no leaks\nthe end')" ]
