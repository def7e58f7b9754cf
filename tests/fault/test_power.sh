# Power cuts after any call that changes files; see power.py. INNERLOOP_FAULTS=all: after every one.
# Called with the path of the program, and with names of commands (faults.py) where only those are attacked.
program=$1
shift
calls=$(dirname "$program")/tests/calls
command -v python3 >/dev/null || { echo "skipped: there is no python3"; exit 77; }
[ -x "$calls" ] || { echo "skipped: $calls is not built"; exit 77; }
PYTHONDONTWRITEBYTECODE=1 exec python3 "$(dirname "$0")/power.py" "$program" "$calls" "$@"
