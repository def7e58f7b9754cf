# Tasks in lanes: the same bytes as one task at a time, for any number of tasks and threads, any net.
program=$1
. "$(dirname "$0")/../support/scale.sh"
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
fail() { echo "failed: $*"; exit 1; }

# The tensors of a safetensors file, without its header: that one tells the configuration.
tensors() { tail -c +$((9 + $(od -An -t u8 -N 8 "$1"))) "$1"; }

# compare NAME TASKS "THREADS…" SETTINGS…
compare() {
  name=$1 tasks=$2 counts=$3
  shift 3
  set -- "$@" --set outer.meta_batch="$tasks" --set outer.steps="$(scale 20 5)" --set eval.every="$(scale 20 5)" \
    --set eval.validation_tasks=11 --set log.every=1
  "$program" train "$@" --set plan.lanes=never --threads 1 --out never >log.txt 2>&1 || fail "$name: $(cat log.txt)"
  tensors never/checkpoint.safetensors >never/tensors
  [ -s never/tensors ] || fail "$name: no tensors"
  for threads in $counts; do
    "$program" train "$@" --set plan.lanes=always --threads "$threads" --out lanes >log.txt 2>&1 ||
      fail "$name, lanes: $(cat log.txt)"
    tensors lanes/checkpoint.safetensors >lanes/tensors
    for file in tensors metrics.jsonl; do
      cmp never/$file lanes/$file || fail "$name, $tasks tasks, $threads threads: lanes change $file"
    done
    rm -rf lanes
  done
  rm -rf never
}

for tasks in $(scale "1 7 8 9 25" "1 9"); do compare "sinusoid" $tasks "$(scale "1 2 3 7" 3)" sinusoid-10shot-maml; done
compare "sinusoid, 5 inner steps" 25 "$(scale "1 2 3 7" 2)" sinusoid-10shot-maml --set inner.steps=5
compare "sinusoid, odd width" 25 "2 7" sinusoid-10shot-maml --set model.filters=33 --set task.shots=7

cat >net.yaml <<'END'
glyphs: {side: 9, alphabets: 4, classes: 10}
task: {source: glyphs, ways: 3, shots: 2, queries: 3, train_classes: 20, validation_classes: 10}
model:
  layers:
    - {kind: flatten}
    - {kind: linear, units: 13}
    - {kind: norm}
    - {kind: relu}
    - {kind: linear, units: 7}
    - {kind: tanh}
    - {kind: dropout, rate: 0.2}
    - {kind: linear, units: 3}
END
compare "cross-entropy and norm" 9 "1 3" net.yaml --set inner.steps=2
compare "convolutions" 9 "2" glyphs-5w1s-maml --set model.filters=4 --set glyphs.alphabets=4 \
  --set glyphs.classes=10 --set task.train_classes=20 --set task.validation_classes=8

# Small nets use lanes unasked, and the plan says so; convolutions do not, and it says why.
"$program" plan sinusoid-10shot-maml | grep -q "tasks at once in lanes" || fail "sinusoids do not use lanes"
"$program" plan glyphs-5w1s-maml | grep -q "one task at a time: " || fail "convolutions use lanes"
"$program" plan sinusoid-10shot-maml --set plan.lanes=never | grep -q "one task at a time" || fail "never is ignored"
