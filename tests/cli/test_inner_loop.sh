#!/bin/bash
# inner.loop: the plan of a long inner loop has the calls of a short one; the meta-gradient is right; a run gives the same bytes on any
# number of threads and evaluates; --memory counts the states that are kept. Called with the path of the program.
set -euo pipefail
innerloop=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
  echo "FAILED: $*" >&2
  exit 1
}

small=(glyphs-5w1s-maml --set model.filters=4 --set glyphs.alphabets=4 --set task.train_classes=30
  --set task.validation_classes=20 --set task.queries=2 --set inner.lr=0.05)

for steps in 50 500; do
  "$innerloop" plan "${small[@]}" --set inner.loop=keep --set inner.steps=$steps >"$work/$steps"
  grep -q "loop of $steps steps, keeps the states" "$work/$steps" || fail "no loop of $steps steps"
  grep -q "loop of $steps steps, backwards" "$work/$steps" || fail "no loop backwards"
  grep -q "the step: " "$work/$steps" || fail "the step is not shown"
done
[ "$(wc -l <"$work/50")" = "$(wc -l <"$work/500")" ] || fail "a plan grows with its steps"

for loop in keep remake; do
  "$innerloop" check "${small[@]}" --set inner.loop=$loop --set inner.steps=9 >"$work/check" ||
    fail "inner.loop=$loop: $(cat "$work/check")"
  grep -q "agrees with finite differences" "$work/check" || fail "inner.loop=$loop is not checked"
  for threads in 1 3; do
    "$innerloop" train "${small[@]}" --set inner.loop=$loop --set inner.steps=9 --set outer.steps=2 \
      --set outer.meta_batch=4 --set eval.every=0 --threads $threads --out "$work/$loop$threads" >/dev/null
  done
  cmp "$work/${loop}1/checkpoint.safetensors" "$work/${loop}3/checkpoint.safetensors" ||
    fail "inner.loop=$loop: other bytes on three threads"
done
"$innerloop" eval "$work/keep1" --tasks 4 --set eval.steps=0,5,9 >"$work/eval" || fail "eval"
grep -q "9" "$work/eval" || fail "eval says nothing of 9 steps"

# Of 500 steps 500 states are kept, or 44.
long=(train "${small[@]}" --set inner.steps=500 --set outer.steps=1 --set eval.every=0 --threads 1
  --set outer.meta_batch=1)
if "$innerloop" "${long[@]}" --set inner.loop=keep --set model.filters=32 --memory 40M \
  --out "$work/large" 2>"$work/error" >/dev/null; then
  fail "states of 500 steps fit into 40 MB"
fi
grep -q "MB of memory are needed" "$work/error" || fail "$(cat "$work/error")"
"$innerloop" "${long[@]}" --set inner.loop=remake --set model.filters=32 --memory 40M \
  --out "$work/fits" >/dev/null || fail "44 states do not fit into 40 MB"

if "$innerloop" plan glyphs-5w1s-protonet --set inner.loop=keep 2>"$work/error" >/dev/null; then
  fail "a loop without steps"
fi
grep -q "inner.loop: found keep, but protonet makes no inner steps" "$work/error" || fail "$(cat "$work/error")"

# An algorithm whose steps begin when it is evaluated, on mini-batches: the same answers.
for loop in unroll keep; do
  "$innerloop" train omniglot-5w1s-baseline --set task.source=glyphs --set task.split=auto --set model.filters=8 \
    --set outer.steps=1 --set outer.meta_batch=2 --set eval.every=0 --set inner.batch=3 --set "inner.loop=$loop" \
    --threads 1 --out "$work/head-$loop" >/dev/null || fail "baseline, inner.loop=$loop"
  "$innerloop" eval "$work/head-$loop" --tasks 3 --threads 1 >/dev/null || fail "eval of baseline, inner.loop=$loop"
done
cmp "$work/head-unroll/eval.csv" "$work/head-keep/eval.csv" || fail "heads fitted in a loop answer otherwise"

# What is not finite is found within the step of the loop.
if "$innerloop" train sinusoid-5shot-maml --threads 1 --set inner.lr=100 --set inner.loop=remake --set inner.steps=50 --set outer.steps=20 \
  --detect-anomaly --out "$work/wild" >/dev/null 2>"$work/error"; then
  fail "a loop that diverges is finite"
fi
grep -q "in step 1 of 7: loop .*, in step 3 of 7: mul \[5,1\] (squared error · inner steps 1 to 49)" "$work/error" || fail "$(cat "$work/error")"
