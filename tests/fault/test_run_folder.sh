# A run's folder belongs to one training at a time; a kill leaves neither a lock nor temporary files.
program=$1
folder=$(mktemp -d) || exit 1
pid=
trap '[ -z "$pid" ] || kill -KILL $pid 2>/dev/null; rm -rf "$folder"' EXIT
cd "$folder" || exit 1
fail() { echo "failed: $*"; exit 1; }

some="train sinusoid-5shot-maml --set eval.every=0 --set checkpoint.every=1 --set log.every=1 --threads 1"
train() { timeout 20 "$program" $some "$@"; }
wait_for() { # until the file is there and not empty
  for _ in $(seq 400); do
    [ -s "$1" ] && return
    sleep 0.02
  done
  fail "$1 did not appear: $(cat log.txt)"
}

# Two trainings in one folder: the second says who the first is, the first does not notice.
"$program" $some --set outer.steps=4000000 --out run >log.txt 2>&1 &
pid=$!
wait_for run/checkpoint.safetensors
train --set outer.steps=4000000 --resume --out run >second.txt 2>&1 && fail "two trainings in one folder"
grep -q "run: process $pid on .* trains in this folder" second.txt || fail "the holder is not named: $(cat second.txt)"
[ "$(wc -l <second.txt)" -eq 1 ] || fail "more than a sentence: $(cat second.txt)"

# A killed run holds nothing; whatever it was writing is gone when the next one begins.
for i in 1 2 3 4 5; do
  kill -KILL $pid || fail "the first training ended: $(cat log.txt)"
  wait $pid 2>/dev/null
  touch run/.innerloop-tmp-1-0 # where the file system cannot make files without a name, this stays
  step=$(sed -n 's/.*"step": *\([0-9]*\),.*/\1/p' run/metrics.jsonl | tail -n 1)
  "$program" $some --set outer.steps=4000000 --resume --out run >log.txt 2>&1 &
  pid=$!
  for _ in $(seq 400); do
    grep -q "continuing from" log.txt && break
    kill -0 $pid || fail "a killed run cannot be resumed: $(cat log.txt)"
    sleep 0.02
  done
  sleep 0.0$i
done
kill -TERM $pid
wait $pid
pid=
[ "$(ls -A run | tr '\n' ' ')" = "checkpoint.safetensors config.yaml metrics.jsonl " ] || fail "left: $(ls -A run)"
[ "$step" -gt 0 ] || fail "nothing was trained"
grep -vqE '^\{"step": [0-9]+, "loss": [0-9.e+-]+.*\}$' run/metrics.jsonl && fail "metrics: $(cat run/metrics.jsonl)"

# No folder at all.
train --set outer.steps=1 --out "" >log.txt 2>&1 && fail "a folder without a name was taken"
grep -q "a folder has an empty name" log.txt || fail "--out '': $(cat log.txt)"

# A name that leaves no room for the checkpoint's is refused before the first step, one of the longest length works.
long=$(printf 'x%.0s' $(seq 255))
train --set outer.steps=1 --out "$long" >log.txt 2>&1 || fail "a name of 255 bytes: $(cat log.txt)"
deep=$PWD
while [ ${#deep} -lt 3850 ]; do deep=$deep/${long:0:200}; done
deep=$deep/$(printf 'y%.0s' $(seq $((4080 - ${#deep} - 1))))
(
  at=$PWD
  cd / || exit 1
  rest=${deep#"$at"/}
  cd "$at" || exit 1
  while [ "$rest" ]; do
    mkdir -p "${rest%%/*}" && cd "${rest%%/*}" || exit 1
    case $rest in */*) rest=${rest#*/} ;; *) rest= ;; esac
  done
)
train --set outer.steps=4000000 --set checkpoint.every=1000000 --out "$deep" >log.txt 2>&1 && fail "a path without room"
grep -q "checkpoint.safetensors: cannot be written: File name too long" log.txt || fail "no room: $(cut -c 1-300 log.txt)"
grep -q "meta-step 1" log.txt && fail "found after the first step"
# A folder of a stranger: its links lead to no file that is written or cut.
echo precious >precious.txt
"$program" train sinusoid-5shot-maml --set outer.steps=1 --set eval.every=0 --out stranger >log.txt 2>&1 || fail "train: $(cat log.txt)"
ln -s ../precious.txt stranger/lock
"$program" train --resume stranger --set outer.steps=2 >log.txt 2>&1 && fail "a lock that leads elsewhere"
grep -q "stranger/lock: expected a file that is nowhere else" log.txt || fail "a lock that leads elsewhere: $(cat log.txt)"
rm stranger/lock
ln precious.txt stranger/lock
"$program" train --resume stranger --set outer.steps=2 >log.txt 2>&1 && fail "a lock with another name"
rm stranger/lock stranger/metrics.jsonl
ln -s ../precious.txt stranger/metrics.jsonl
"$program" train --resume stranger --set outer.steps=2 >log.txt 2>&1 && fail "metrics that lead elsewhere"
grep -q "stranger/metrics.jsonl: found no metrics" log.txt || fail "metrics that lead elsewhere: $(cat log.txt)"
[ "$(cat precious.txt)" = precious ] || fail "a file outside of the folder was written: $(cat precious.txt)"

# Metrics of which the disk held only the length when the power was cut, before the first checkpoint: zeros.
rm stranger/metrics.jsonl
head -c 200 /dev/zero >stranger/metrics.jsonl
"$program" train --resume stranger --set outer.steps=2 >log.txt 2>&1 || fail "metrics of zeros: $(cat log.txt)"
grep -qE '^\{"step": 2, "loss": [^\}]*\}$' stranger/metrics.jsonl && ! tr '\0' 0 <stranger/metrics.jsonl | grep -q '^00' ||
  fail "metrics of zeros: $(od -c stranger/metrics.jsonl | head -n 3)"

"$program" init sinusoid-5shot-maml --out "" >log.txt 2>&1 && fail "no name"
grep -q "a file to write has an empty name" log.txt || fail "no name: $(cat log.txt)"
echo "a run's folder: all as expected"
