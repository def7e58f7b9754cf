# Sourced by scripts that take long with sanitizers. `full`: is this a build whose figures count? `scale FULL SMALL` prints
# the one of both that this build does (INNERLOOP_TEST_SCALE, TESTING.md).
full() { [ "${INNERLOOP_TEST_SCALE:-full}" = full ]; }
scale() { if full; then echo "$1"; else echo "$2"; fi; }
