#!/bin/sh
# Installs the peers into build-bench/venv at the versions of requirements.txt, and learn2learn from its
# source: its wheel does not build on a current Python, because the C files in it are too old.
# 7 GB on disk: the package index has PyTorch with its GPU libraries only. A peer that cannot be installed
# is named, and left out of the benchmark.
set -e
here=$(cd "$(dirname "$0")" && pwd)
build=$here/../build-bench
python=$build/venv/bin/python
version=0.2.0 # of learn2learn

[ -x "$python" ] || python3 -m venv "$build/venv"
if ! cmp -s "$here/requirements.txt" "$build/installed.txt"; then
  if "$python" -m pip install -q -r "$here/requirements.txt"; then
    cp "$here/requirements.txt" "$build/installed.txt"
  else
    echo "not all peers can be installed together; trying one by one" >&2
    grep -v '^#' "$here/requirements.txt" | while read -r one; do
      "$python" -m pip install -q "$one" || echo "not installed: $one" >&2
    done
  fi
fi

packages=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["platlib"])')
if [ ! -e "$packages/learn2learn" ]; then
  sources=$build/learn2learn
  rm -rf "$sources"
  mkdir -p "$sources"
  if "$python" -m pip download -q --no-deps --no-binary :all: --no-build-isolation -d "$sources" \
    "learn2learn==$version" && tar -xf "$sources/learn2learn-$version.tar.gz" -C "$sources" &&
    (cd "$sources/learn2learn-$version" && "$python" setup.py -q build_ext --inplace >build.log 2>&1); then
    cp -r "$sources/learn2learn-$version/learn2learn" "$packages/"
  else
    echo "not installed: learn2learn $version" >&2
  fi
fi
