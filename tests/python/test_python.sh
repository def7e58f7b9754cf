#!/bin/sh
# The Python package, as built here: test_python.sh SOURCE BUILD LIBRARY. Puts the package together in BUILD/python, makes a
# virtual environment there and runs pytest on python/tests.
set -eu
source=$1 build=$2 library=$3
skip() {
  echo "python: $1; the tests of the package are left out"
  exit 77
}
command -v python3 >/dev/null 2>&1 || skip "there is no python3"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' || skip "python3 is older than 3.9"
python3 -c 'import venv, ensurepip' 2>/dev/null || skip "python3 has no venv (Debian: python3-venv)"

room=$build/python venv=$build/python/venv
wanted="numpy pytest pycparser mypy typing_extensions"
more="scikit-learn tqdm pandas"
mkdir -p "$room"
if [ "$(cat "$venv/complete" 2>/dev/null)" != "$wanted $more" ]; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  # shellcheck disable=SC2086 # lists of words
  timeout 300 "$venv/bin/pip" install -q --disable-pip-version-check $wanted >"$room/pip.log" 2>&1 ||
    skip "the index cannot be reached ($(tail -n 1 "$room/pip.log"))"
  # shellcheck disable=SC2086
  if timeout 300 "$venv/bin/pip" install -q --disable-pip-version-check $more >>"$room/pip.log" 2>&1; then
    echo "$wanted $more" >"$venv/complete"
  fi # without them, the tests that need them are left out, and tried again next time
fi

rm -rf "$room/site"
mkdir -p "$room/site/innerloop_meta"
ln -s "$source"/python/innerloop_meta/*.py "$source/python/innerloop_meta/py.typed" "$room/site/innerloop_meta/"
ln -s "$library" "$room/site/innerloop_meta/libinnerloop.so"
cd "$room"
PYTHONPATH=$room/site PYTHONDONTWRITEBYTECODE=1 INNERLOOP_LIBRARY=$library INNERLOOP_MYPY_CACHE=$room/mypy \
  exec "$venv/bin/python" -m pytest -q -p no:cacheprovider --rootdir "$source" "$source/python/tests"
