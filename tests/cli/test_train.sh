# Training from the command line: any number of threads, stopped and resumed, gives equal bytes.
program=$1
. "$(dirname "$0")/../support/scale.sh"
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
fail() { echo "failed: $*"; exit 1; }

small="--set model.filters=4 --set outer.meta_batch=6 --set glyphs.alphabets=4 --set glyphs.classes=10
  --set task.train_classes=20 --set task.validation_classes=8 --set task.queries=2 --set outer.steps=40
  --set eval.every=20 --set eval.validation_tasks=8 --set checkpoint.every=20"
train() { "$program" train glyphs-5w1s-maml $small "$@" >log.txt 2>&1; }

for threads in $(scale "1 2 3" "1 3"); do
  train --out "threads$threads" --threads $threads || fail "training on $threads threads: $(cat log.txt)"
done
! full || cmp threads1/checkpoint.safetensors threads2/checkpoint.safetensors || fail "1 and 2 threads differ"
cmp threads1/checkpoint.safetensors threads3/checkpoint.safetensors || fail "1 and 3 threads differ"
cmp threads1/metrics.jsonl threads3/metrics.jsonl || fail "metrics of 1 and 3 threads differ"
# Sanitized, the other trainings are on kernels that do not fuse multiply-adds, which the interpreter does.
INNERLOOP_ISA=$(scale "${INNERLOOP_ISA:-}" '') train --out checked --check || fail "--check: $(cat log.txt)"
grep -q "agree in every bit" log.txt || fail "--check says nothing"
! full || cmp threads1/checkpoint.safetensors checked/checkpoint.safetensors || fail "--check changes the result"

# Again into the same folder is refused; a changed key is refused by name; the end can move.
train --out threads1 && fail "an existing run was overwritten"
grep -q -- "--resume" log.txt || fail "no hint at --resume: $(cat log.txt)"
"$program" train --resume --out threads1 --set outer.lr=0.1 >log.txt 2>&1 && fail "another outer.lr was accepted"
grep -q "outer.lr" log.txt || fail "the changed key is not named: $(cat log.txt)"

# A run goes on when its folder is given, and a folder without --resume is explained.
train --out twice --set outer.steps=20 || fail "first half"
"$program" train --resume twice --set outer.steps=40 >log.txt 2>&1 || fail "--resume RUN: $(cat log.txt)"
cmp twice/checkpoint.safetensors threads1/checkpoint.safetensors || fail "--resume RUN gives another run"
"$program" train twice >log.txt 2>&1 && fail "a folder was taken for a configuration"
grep -q -- "a run is continued with --resume twice" log.txt || fail "no hint at --resume: $(cat log.txt)"
"$program" train --resume twice --out elsewhere >log.txt 2>&1 && fail "two folders were accepted"
grep -q "found --out elsewhere as well" log.txt || fail "two folders: $(cat log.txt)"

# Stopped in the middle by a signal, then resumed, equals never stopped.
"$program" train glyphs-5w1s-maml $small --set outer.steps=4000000 --out long >log.txt 2>&1 &
pid=$!
while [ ! -s long/metrics.jsonl ] && kill -0 $pid 2>/dev/null; do sleep 0.05; done
kill -INT $pid 2>/dev/null || kill -TERM $pid
wait $pid
code=$?
# A shell starts background jobs with SIGINT ignored only for itself: the program installs its own handler.
[ $code -eq 130 ] || fail "exit code of an interrupted run: $code: $(cat log.txt)"
grep -q "innerloop train --resume long" log.txt || fail "no hint how to resume: $(cat log.txt)"
done_steps=$(sed -n 's/.*stopped after \([0-9]*\) of.*/\1/p' log.txt)
total=$((done_steps + 30))
"$program" train --resume --out long --set outer.steps=$total >log.txt 2>&1 || fail "resuming: $(cat log.txt)"
train --out straight --set outer.steps=$total || fail "training: $(cat log.txt)"
cmp long/checkpoint.safetensors straight/checkpoint.safetensors || fail "resumed and straight runs differ"

# Killed hard (no chance to write anything), then resumed, equals never stopped.
"$program" train glyphs-5w1s-maml $small --set outer.steps=4000000 --out dead >log.txt 2>&1 &
pid=$!
while [ ! -s dead/checkpoint.safetensors ] && kill -0 $pid 2>/dev/null; do sleep 0.05; done
sleep 0.2
kill -KILL $pid
wait $pid 2>/dev/null
last=$(sed -n 's/.*"step": *\([0-9]*\).*/\1/p' dead/metrics.jsonl | tail -n 1)
total=$((last + 60))
"$program" train --resume --out dead --set outer.steps=$total >log.txt 2>&1 || fail "after a kill: $(cat log.txt)"
rm -rf straight
train --out straight --set outer.steps=$total || fail "training: $(cat log.txt)"
cmp dead/checkpoint.safetensors straight/checkpoint.safetensors || fail "killed and straight runs differ"

# Lines that a killed run wrote after its last checkpoint are cut off.
train --out killed --set outer.steps=20 || fail "first half"
echo '{"step": 25, "loss": 1}' >>killed/metrics.jsonl
printf '{"step": 26, "lo' >>killed/metrics.jsonl
"$program" train --resume --out killed --set outer.steps=40 >log.txt 2>&1 || fail "second half: $(cat log.txt)"
cmp killed/checkpoint.safetensors threads1/checkpoint.safetensors || fail "20 + 20 steps differ from 40"
cmp killed/metrics.jsonl threads1/metrics.jsonl || fail "metrics of 20 + 20 steps differ from 40"
cmp killed/config.yaml threads1/config.yaml || fail "configurations differ"

# The echoed configuration repeats the run.
"$program" train threads1/config.yaml --out again >log.txt 2>&1 || fail "config.yaml: $(cat log.txt)"
cmp again/checkpoint.safetensors threads1/checkpoint.safetensors || fail "config.yaml gives another run"

# Evaluation: 18 figures, the same on any number of threads, and per task.
"$program" eval threads1 --tasks 40 --threads 1 --json >one.json || fail "eval"
"$program" eval threads1 --tasks 40 --threads 2 --json >two.json || fail "eval"
cmp one.json two.json || fail "evaluation depends on threads"
[ "$(grep -c '"protocol"' one.json)" -eq 18 ] || fail "18 figures expected: $(cat one.json)"
[ "$(wc -l <threads1/eval.csv)" -eq 41 ] || fail "a line per task expected"
"$program" eval threads1 --tasks 40 >table.txt || fail "eval"
grep -q "transductive" table.txt || fail "no table: $(cat table.txt)"
"$program" data episodes threads1/config.yaml --count 40 --out list.txt || fail "episode list"
"$program" eval threads1 --episodes list.txt --json >three.json || fail "replay"
diff <(tail -n +2 one.json) <(tail -n +2 three.json) || fail "a replayed list gives other figures"

# A figure has one name everywhere: in the record, in the lines of train --json and in those of eval --json.
train --out spoken --json || fail "train --json: $(cat log.txt)"
grep -qE '^\{"step": 40, "loss": [0-9.]+, "accuracy": [0-9.]+, "rate": ' log.txt || fail "train --json: $(cat log.txt)"
grep -qE '^\{"step": 40, "tasks": 8, "validation_accuracy": [0-9.]+, "interval": [0-9.]+\}' log.txt || fail "$(cat log.txt)"
grep -qE '^\{"step": 40, "validation_accuracy": [0-9.]+, "interval": [0-9.]+\}' spoken/metrics.jsonl ||
  fail "metrics.jsonl: $(cat spoken/metrics.jsonl)"
grep -qE '^\{"step": 40, "tasks": 40, "tested": "glyphs: 12 test classes of the run.s split, 5-way 1-shot, 2 queries a class", "results": \[' one.json || fail "eval --json: $(cat one.json)"
grep -qE '"inner_steps": 1, "accuracy": [0-9.]+, "interval": [0-9.]+\}' one.json || fail "eval --json: $(cat one.json)"

# Regression.
"$program" train sinusoid-5shot-maml --set outer.steps=200 --set eval.every=0 --out sine >log.txt 2>&1 ||
  fail "sinusoid: $(cat log.txt)"
"$program" eval sine --tasks 50 --json >sine.json || fail "eval of regression"
[ "$(grep -cE '"inner_steps": [0-9]+, "loss": [0-9.]+, "interval"' sine.json)" -eq 6 ] || fail "6 figures expected: $(cat sine.json)"

# Layers listed in a file, dropout, double precision, plain gradient descent.
cat >own.yaml <<'YAML'
preset: glyphs-5w1s-maml
glyphs: {alphabets: 4, classes: 10}
task: {train_classes: 20, validation_classes: 8}
model:
  layers:
    - {kind: conv, units: 4, kernel: 3, stride: 2, pad: 1, bias: false}
    - {kind: norm}
    - {kind: relu}
    - {kind: max_pool}
    - {kind: flatten}
    - {kind: dropout, rate: 0.2}
    - {kind: linear}
outer: {optimizer: sgd, lr: 0.01, steps: 3, meta_batch: 3}
precision: float64
YAML
for threads in 1 2; do
  "$program" train own.yaml --out own$threads --threads $threads >log.txt 2>&1 || fail "own layers: $(cat log.txt)"
done
cmp own1/checkpoint.safetensors own2/checkpoint.safetensors || fail "own layers depend on threads"
"$program" train own1/config.yaml --out own3 >log.txt 2>&1 || fail "own layers again: $(cat log.txt)"
cmp own1/checkpoint.safetensors own3/checkpoint.safetensors || fail "echoed layers give another run"
"$program" eval own1 --tasks 10 >log.txt 2>&1 || fail "eval of own layers: $(cat log.txt)"
echo "training: all as expected"
