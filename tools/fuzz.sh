#!/usr/bin/env bash
# One fuzz target for some minutes: fuzz.sh NAME [MINUTES], of a build of the preset fuzz. Its last lines say how many
# executions there were; ends with 1 where one failed, whose input is in build-fuzz/found.
# FUZZ_RUNS: no more executions than that.
cd "$(dirname "$0")/.." || exit 2
name=$1 minutes=${2:-20}
corpus=build-fuzz/corpus/$name log=build-fuzz/$name.log
. tools/fuzz_seeds.sh
seeds_of "$name"
mkdir -p "$corpus" build-fuzz/found
export LSAN_OPTIONS=suppressions=$PWD/tests/leaks.txt:print_suppressions=0
# Memory: innerloop's own limit is 256 MiB for a small file. A program of -fork=1 goes on after a finding; here the first one ends it.
nice -n "${NICE:-19}" "build-fuzz/tests/$name" "$corpus" "${seeds[@]}" -max_total_time=$((minutes * 60)) -runs="${FUZZ_RUNS:--1}" -max_len=16384 \
  -timeout=30 -rss_limit_mb=2048 -malloc_limit_mb=1024 -print_final_stats=1 \
  -artifact_prefix="build-fuzz/found/$name-" >"$log" 2>&1
status=$?
echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1) executions, $(grep -c . < <(ls "$corpus")) inputs kept$(
  [ $status -eq 0 ] || echo ", FAILED, see $log")"
exit $status
