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
  timeout 300 "$venv/bin/pip" install -q --no-compile --disable-pip-version-check $wanted >"$room/pip.log" 2>&1 ||
    skip "the index cannot be reached ($(tail -n 1 "$room/pip.log"))"
  # shellcheck disable=SC2086
  if timeout 300 "$venv/bin/pip" install -q --no-compile --disable-pip-version-check $more >>"$room/pip.log" 2>&1; then
    echo "$wanted $more" >"$venv/complete"
  fi # without them, the tests that need them are left out, and tried again next time
fi

sh "$source/tests/python/together.sh" "$source" "$library" "$room/site"
cd "$room"
export INNERLOOP_LIBRARY="$library" INNERLOOP_MYPY_CACHE="$room/mypy"
tests=$source/python/tests
tried() { # PYTHON FOLDERS…: pytest, which says of each test that is left out why
  python=$1 path=$2
  shift 2
  PYTHONPATH=$path "$python" -m pytest -q -rs -p no:cacheprovider --rootdir "$source" "$@"
}

# PyTorch is too large for a virtual environment of the tests. Where a python3 of the system has it (Debian: python3-torch), its
# tests run there, with that python3's numpy; pytest is put beside. INNERLOOP_TORCH names an environment in place of it.
torch=
if [ -z "${INNERLOOP_TORCH:-}" ]; then
  for python in python3 /usr/bin/python3; do
    if "$python" -c 'import torch; torch.zeros(1).numpy()' >/dev/null 2>&1; then
      torch=$python
      break
    fi
  done
fi
if [ -n "$torch" ] && ! [ -e "$room/beside/complete" ]; then
  rm -rf "$room/beside"
  timeout 300 "$venv/bin/pip" --python "$torch" install -q --disable-pip-version-check --root-user-action ignore \
    --target "$room/beside" pytest >>"$room/pip.log" 2>&1 && : >"$room/beside/complete" || torch=
fi
status=0
if [ -z "$torch" ]; then
  tried "$venv/bin/python" "$room/site" "$tests" || status=1
else
  tried "$venv/bin/python" "$room/site" -k 'not torch' --ignore-glob "$tests/*torch*" "$tests" || status=1
  echo "python: PyTorch in $torch:"
  tried "$torch" "$room/site:$room/beside" -k torch "$tests"/test_*torch*.py "$tests/test_docs.py" "$tests/test_training.py" || status=1
fi
exit $status
