#!/usr/bin/env bash
# Which lines and branches of src/ the tests run: builds with counters, runs the tests (shortened as for sanitizers), prints
# both by folder and fails under 92 % of lines or 80 % of branches, and where a file with much that is not run has no reason
# in tools/coverage.txt. coverage.sh [--report]: of what ran before, without building and testing.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
jobs=${JOBS:-$(nproc)} build=build-coverage
if [ "${1:-}" != --report ]; then
  cmake --preset coverage >/dev/null && cmake --build "$build" -j"$jobs" || exit 1
  find "$build" -name '*.gcda' -delete
  (cd "$build" && ctest -j"$jobs" --output-on-failure) || echo "coverage: some tests failed, which counts for themselves"
  # What is left out of shortened tests, and nothing else runs.
  INNERLOOP_TEST_SCALE= bash tests/cli/test_ranks.sh "$PWD/$build/innerloop"
fi
exec python3 tools/coverage.py "$build"
