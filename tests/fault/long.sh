# A long training: memory, file handles and speed stay flat, and what it wrote opens quickly afterwards. Not in `make test`.
#   bash tests/fault/long.sh PROGRAM [sinusoid|strided] [META-STEPS]
# sinusoid: 500,000 meta-steps of sinusoid-5shot-maml; strided: 10,000 of glyphs-5w1s-maml, the strided net. One thread. Prints a
# table; exit code 1 where a figure is not flat.
program=$(realpath "$1") || exit 1
case ${2:-sinusoid} in
sinusoid) preset=sinusoid-5shot-maml steps=${3:-500000} ;;
strided) preset=glyphs-5w1s-maml steps=${3:-10000} ;;
*) echo "found $2, expected sinusoid or strided"; exit 2 ;;
esac
folder=$(mktemp -d) || exit 1
pid=
trap '[ -z "$pid" ] || kill -KILL $pid 2>/dev/null; rm -rf "$folder"' EXIT
cd "$folder" || exit 1
export LC_ALL=C
fail() { echo "failed: $*"; exit 1; }
points=20
every=$((steps / points))
[ $every -gt 0 ] || fail "found $steps meta-steps, expected at least $points"

"$program" train $preset --threads 1 --set outer.steps=$steps --set eval.every=$every --set eval.validation_tasks=20 \
  --set checkpoint.every=500 --set log.every=10 --set eval.tasks=100 --out run >log.txt 2>&1 &
pid=$!
ticks=$(getconf CLK_TCK)
cpu() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' /proc/$pid/stat 2>/dev/null; }
rss=() handles=() speed=()
printf '%10s %14s %10s %8s %14s\n' meta-steps 'steps/CPU-s' 'RSS KiB' handles 'metrics bytes'
at=0 before=0
# What is taken while it starts counts as the first point's.
for point in $(seq $((points - 1))); do
  while [ $at -lt $((point * every)) ]; do
    sleep 0.5
    kill -0 $pid 2>/dev/null || break 2
    last=$(tail -n 1 run/metrics.jsonl 2>/dev/null)
    [[ $last =~ ^\{\"step\":\ ([0-9]+) ]] && now=${BASH_REMATCH[1]} || now=$at
    [ "$now" -ge $((point * every)) ] || continue
    used=$(cpu)
    [ -n "$used" ] || break 2
    speed+=($(((now - at) * ticks / (used - before + 1))))
    at=$now before=$used
    rss+=($(awk '/^VmRSS/ { print $2 }' /proc/$pid/status))
    # A checkpoint that is being written has some more, for a moment.
    handles+=($(for look in 1 2 3; do ls /proc/$pid/fd | wc -l; sleep 0.2; done | sort -n | head -n 1))
    printf '%10d %14d %10d %8d %14d\n' $at ${speed[-1]} ${rss[-1]} ${handles[-1]} $(stat -c %s run/metrics.jsonl)
  done
done
wait $pid
code=$?
pid=
[ $code -eq 0 ] || fail "training ended with $code: $(tail -n 3 log.txt)"
[ ${#rss[@]} -ge 5 ] || fail "only ${#rss[@]} points were seen; take more meta-steps"

# How long the files of such a run take to open.
took() { # name, most milliseconds, command
  local name=$1 most=$2 from to
  shift 2
  from=$(date +%s%N)
  "$@" >out.txt 2>&1 || fail "$name: $(tail -n 3 out.txt)"
  to=$(date +%s%N)
  printf '%-28s %6d ms\n' "$name" $(((to - from) / 1000000))
  [ $(((to - from) / 1000000)) -le "$most" ] || fail "$name takes longer than $most ms"
}
printf 'metrics.jsonl: %d lines; files in the folder: %s\n' $(wc -l <run/metrics.jsonl) "$(ls run | tr '\n' ' ')"
took 'train --resume of what is done' 10000 "$program" train --resume run --threads 1
took 'eval, 2 tasks' 20000 "$program" eval run --tasks 2 --threads 1
took 'report' 20000 "$program" report run --threads 1 --tasks 2
took 'convert --list' 2000 "$program" convert --list run/checkpoint.safetensors

last=$((${#rss[@]} - 1))
[ ${rss[last]} -le $((rss[1] + rss[1] / 50 + 512)) ] || fail "memory grew from ${rss[1]} to ${rss[last]} KiB"
for i in "${!handles[@]}"; do [ ${handles[i]} -le $((handles[0] + 1)) ] || fail "handles grew: ${handles[*]}"; done
# Halves are compared: a busy machine has bad minutes.
half=$((last / 2)) early=0 late=0
for i in "${!speed[@]}"; do
  [ "$i" -eq 0 ] && continue
  if [ "$i" -le $half ]; then early=$((early + speed[i])) early_n=$((early_n + 1)); else late=$((late + speed[i])) late_n=$((late_n + 1)); fi
done
[ $((late / late_n * 100)) -ge $((early / early_n * 70)) ] || fail "it became slower: $((early / early_n)), then $((late / late_n)) meta-steps a CPU-second"
echo "long: $steps meta-steps of $preset, flat"
