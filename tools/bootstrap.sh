#!/bin/sh
# Finds what a build, the tests or the linter need and this machine lacks, says so, and installs it with apt.
# bootstrap.sh [--check] build|test|attack|lint|docs|deb  --check: only say what is missing, and end with 1
set -eu

check=no
if [ "${1:-}" = --check ]; then
  check=yes
  shift
fi
purpose=${1:-build}
case $purpose in
build | test | attack | lint | docs | deb) ;;
*)
  echo "bootstrap: unknown purpose '$purpose', expected build, test, attack, lint, docs or deb" >&2
  exit 2
  ;;
esac

missing=
command -v cc >/dev/null 2>&1 || missing="$missing gcc"
command -v cmake >/dev/null 2>&1 || missing="$missing cmake"
if command -v cc >/dev/null 2>&1; then
  echo '#include <stdio.h>' | cc -E -x c - >/dev/null 2>&1 || missing="$missing libc6-dev"
fi

# Without pkg-config nobody knows which libraries are there; apt skips those that are.
library() {
  pkg-config --exists "$1" 2>/dev/null || missing="$missing $2"
}
command -v pkg-config >/dev/null 2>&1 || missing="$missing pkg-config"
library yaml-0.1 libyaml-dev
library jansson libjansson-dev
library libzip libzip-dev
library libpng libpng-dev
library libjpeg libjpeg-dev
library libxxhash libxxhash-dev
library cairo-png libcairo2-dev
[ "$purpose" = build ] || [ "$purpose" = deb ] || library cmocka libcmocka-dev
# Tests write data sets with it that no program of ours has written.
[ "$purpose" != test ] || command -v python3 >/dev/null 2>&1 || missing="$missing python3"
# TensorBoard comes from Python's index, where that can be reached, and the Python package is tested in a virtual environment.
[ "$purpose" != test ] || python3 -c 'import venv, ensurepip' 2>/dev/null || missing="$missing python3-venv"
# The public headers are compiled as C++, too.
if [ "$purpose" = test ]; then
  command -v g++ >/dev/null 2>&1 || missing="$missing g++"
fi
# The manual is set, and the shells' completion is tried, in each shell.
if [ "$purpose" = test ]; then
  command -v groff >/dev/null 2>&1 || missing="$missing groff-base"
  command -v zsh >/dev/null 2>&1 || missing="$missing zsh"
  command -v fish >/dev/null 2>&1 || missing="$missing fish"
fi
# The same bits on other processors are shown under emulation.
if { [ "$purpose" = test ] || [ "$purpose" = attack ]; } && [ "$(uname -m)" = x86_64 ]; then
  command -v aarch64-linux-gnu-gcc >/dev/null 2>&1 || missing="$missing gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
  command -v qemu-aarch64-static >/dev/null 2>&1 || missing="$missing qemu-user-static"
fi
if [ "$purpose" = attack ] && [ "$(uname -m)" = x86_64 ]; then
  command -v riscv64-linux-gnu-gcc >/dev/null 2>&1 || missing="$missing gcc-riscv64-linux-gnu libc6-dev-riscv64-cross"
  command -v arm-linux-gnueabihf-gcc >/dev/null 2>&1 || missing="$missing gcc-arm-linux-gnueabihf libc6-dev-armhf-cross"
fi
# Ranks are started by mpirun, whose MPI has to be the one that innerloop is built with.
if [ "$purpose" = test ]; then
  command -v mpirun >/dev/null 2>&1 || missing="$missing mpich libmpich-dev"
fi
if [ "$purpose" = deb ]; then
  command -v dpkg-buildpackage >/dev/null 2>&1 || missing="$missing dpkg-dev"
  command -v dh >/dev/null 2>&1 || missing="$missing debhelper"
  command -v lintian >/dev/null 2>&1 || missing="$missing lintian"
fi
if [ "$purpose" = attack ]; then # libFuzzer comes with clang's run-time library
  clang --version >/dev/null 2>&1 || missing="$missing clang"
  ls "$(clang --print-resource-dir 2>/dev/null)"/lib/*/libclang_rt.fuzzer* >/dev/null 2>&1 || missing="$missing libclang-rt-dev"
  command -v valgrind >/dev/null 2>&1 || missing="$missing valgrind"
  command -v cppcheck >/dev/null 2>&1 || missing="$missing cppcheck"
  command -v clang-tidy >/dev/null 2>&1 || missing="$missing clang-tidy"
  command -v python3 >/dev/null 2>&1 || missing="$missing python3"
fi
if [ "$purpose" = lint ]; then
  command -v clang-format >/dev/null 2>&1 || missing="$missing clang-format"
  command -v clang-tidy >/dev/null 2>&1 || missing="$missing clang-tidy"
  command -v doxygen >/dev/null 2>&1 || missing="$missing doxygen"
fi
# The reference needs nothing that a build does.
if [ "$purpose" = docs ]; then
  missing=
  command -v doxygen >/dev/null 2>&1 || missing=" doxygen"
  command -v python3 >/dev/null 2>&1 || missing="$missing python3"
fi

[ -n "$missing" ] || exit 0
if [ "$check" = yes ]; then
  echo "innerloop needs packages that are not installed:$missing" >&2
  echo "On Debian and Ubuntu, 'tools/bootstrap.sh $purpose' installs them." >&2
  exit 1
fi
if ! command -v apt-get >/dev/null 2>&1; then
  echo "innerloop needs these packages (Debian's names) and there is no apt-get here:$missing" >&2
  exit 1
fi

as_root=
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    echo "innerloop needs packages; as root, run: apt-get install$missing" >&2
    exit 1
  fi
  as_root="sudo env"
  echo "innerloop: installing with sudo:$missing"
else
  as_root=env
  echo "innerloop: installing:$missing"
fi
$as_root DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq update
# shellcheck disable=SC2086 # a list of words
$as_root DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq -y \
  --no-install-recommends install $missing
