# Kills at random moments and inside of writes; see kills.py. INNERLOOP_FAULTS=500: so many.
# Called with the path of the program, and with names of commands (faults.py) where only those are attacked.
program=$1
shift
calls=$(dirname "$program")/tests/calls
command -v python3 >/dev/null || { echo "skipped: there is no python3"; exit 77; }
[ -x "$calls" ] || { echo "skipped: $calls is not built"; exit 77; }
PYTHONDONTWRITEBYTECODE=1 exec python3 "$(dirname "$0")/kills.py" "$program" "$calls" "$@"
