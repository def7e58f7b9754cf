#!/usr/bin/env bash
# The long attacks: what `make test` does for seconds, for as long as it takes to find something. Runs all, or those that
# are named, and fails if one did: attack.sh [fuzz|threads|memory|faults|machines|long|analyse|coverage]…
# ATTACK_MINUTES (20): of each fuzz target. TESTING.md says how long each attack takes and what it found.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
. tools/fuzz_seeds.sh
jobs=${JOBS:-$(nproc)} minutes=${ATTACK_MINUTES:-20}
here=$PWD
failed=

need() {
  command -v "$1" >/dev/null 2>&1 || { echo "attack: needs $1 ('tools/bootstrap.sh attack' installs it)" >&2; return 1; }
}
build() { # PRESET [TARGET…]
  local preset=$1 target=
  shift
  cmake --preset "$preset" >/dev/null || return 1
  for target in "${@:-all}"; do cmake --build "build-$preset" -j"$jobs" --target "$target" || return 1; done
}

# Each target of tests/fuzz under libFuzzer, from its seeds and what earlier runs came to (build-fuzz/corpus). Inputs that
# it fails on are left in build-fuzz/found: they become seeds, beside the mend.
fuzz() {
  need clang && build fuzz || return 1
  mkdir -p build-fuzz/found
  ls tests/fuzz/fuzz_*.c | sed 's|.*/||; s|\.c$||' | xargs -P "$jobs" -I{} tools/fuzz.sh {} "$minutes"
}

# Training, evaluation, plans on several threads, and two contexts in two threads, under ThreadSanitizer.
threads() {
  build threads || return 1
  (cd build-threads && TSAN_OPTIONS=halt_on_error=1:exitcode=66 ctest --output-on-failure -j1 -R \
    '^(test_two_contexts|test_train|test_feed|test_plan|test_callers|test_variant_runs|test_fit|test_greedy|test_adapted|cli_test_train)$')
}

# What no sanitizer of ours sees, values that nobody has set: parsers, plans and training under valgrind, which knows no
# AVX-512.
memory() {
  need valgrind && cmake --preset release >/dev/null && cmake --build build -j"$jobs" || return 1
  local test status=0
  local check="valgrind -q --error-exitcode=9 --errors-for-leak-kinds=definite --leak-check=full --suppressions=tests/valgrind.txt"
  export INNERLOOP_ISA=v3 INNERLOOP_TEST_SCALE=small
  for test in test_safetensors test_csv test_torch test_torch_hostile test_config test_image_read test_import_csv \
    test_import_arrays test_dataset test_episode test_state_dict test_two_contexts test_graph test_nan; do
    echo "valgrind $test"
    $check "build/tests/$test" >"build/valgrind.log" 2>&1 || { cat build/valgrind.log; status=1; }
  done
  for test in tests/fuzz/fuzz_*.c; do
    test=$(basename "$test" .c)
    echo "valgrind $test"
    seeds_of "$test"
    $check "build/tests/$test" -rounds=50 "${seeds[@]}" >"build/valgrind.log" 2>&1 ||
      { tail -30 build/valgrind.log; status=1; }
  done
  return $status
}

# Every failure of a call, and every moment of a kill, instead of a sample.
faults() {
  cmake --preset release >/dev/null && cmake --build build -j"$jobs" || return 1
  local script status=0 all
  for script in tests/fault/test_*.sh; do
    [ "$script" != tests/fault/test_kill.sh ] && all=all || all=500 # kills at random moments have no end
    echo "$script"
    INNERLOOP_FAULTS=$all bash "$script" "$here/build/innerloop"
    case $? in 0 | 77) ;; *) status=1 ;; esac
  done
  return $status
}

# Other processors under emulation, and 1 to 4 ranks on 1 and 2 threads: the same bits.
machines() {
  cmake --preset release >/dev/null && cmake --build build -j"$jobs" || return 1
  (cd build && INNERLOOP_TEST_LONG=1 ctest --output-on-failure -j1 -R '^(isa_bits|cli_test_ranks)$')
}

# Training for hours: memory, file handles and speed stay flat.
long() {
  cmake --preset release >/dev/null && cmake --build build -j"$jobs" --target innerloop_cli || return 1
  bash tests/fault/long.sh "$here/build/innerloop" sinusoid && bash tests/fault/long.sh "$here/build/innerloop" strided
}

analyse() { tools/analyse.sh; }
coverage() { tools/coverage.sh; }

for attack in "${@:-fuzz threads memory faults machines long analyse coverage}"; do
  for one in $attack; do
    case $one in fuzz | threads | memory | faults | machines | long | analyse | coverage) ;; *)
      echo "attack: no attack '$one', expected fuzz, threads, memory, faults, machines, long, analyse or coverage" >&2
      exit 2
      ;;
    esac
    begin=$SECONDS
    echo "== $one"
    $one || failed="$failed $one"
    echo "== $one: $(((SECONDS - begin + 30) / 60)) minutes"
  done
done
[ -z "$failed" ] || { echo "attack: failed:$failed"; exit 1; }
echo "attack: nothing found"
