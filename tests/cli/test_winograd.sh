#!/bin/bash
# plan.winograd: convolutions of stride 1 take fewer products, those of stride 2 keep their plan; a run's weights are the
# same bytes on any number of threads and close to those of direct convolutions. Called with the path of the program.
set -euo pipefail
innerloop=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
  echo "FAILED: $*" >&2
  exit 1
}

pooled=(glyphs-5w1s-maml --set model.preset=conv4 --set model.filters=16 --set task.queries=2 --set inner.steps=2
  --set outer.meta_batch=4)
"$innerloop" plan "${pooled[@]}" >"$work/auto"
"$innerloop" plan "${pooled[@]}" --set plan.winograd=off >"$work/off"
for op in conv2d conv2d_transpose conv2d_weight; do
  grep -q "$op/winograd" "$work/auto" || fail "no $op by Winograd"
done
! grep -q /winograd "$work/off" || fail "plan.winograd=off still transforms"
"$innerloop" plan omniglot-5w1s-maml >"$work/strided"
! grep -q /winograd "$work/strided" || fail "a convolution of stride 2 is transformed"

train() { # folder, options
  local folder=$1
  shift
  "$innerloop" train "${pooled[@]}" --set outer.steps=3 --set eval.every=0 --out "$work/$folder" "$@" >"$work/text"
  grep "meta-step 3/3" "$work/text" | sed 's/.*loss *\([0-9.]*\).*/\1/' >"$work/$folder.loss"
}
for threads in 1 2 3; do
  train $threads --threads $threads
  cmp "$work/1/checkpoint.safetensors" "$work/$threads/checkpoint.safetensors" ||
    fail "the weights depend on the number of threads"
done
train direct --set plan.winograd=off
! cmp -s "$work/1/checkpoint.safetensors" "$work/direct/checkpoint.safetensors" ||
  fail "plan.winograd=off changes nothing"
awk -v a="$(cat "$work/1.loss")" -v b="$(cat "$work/direct.loss")" \
  'BEGIN { d = a - b; exit !(a > 0 && b > 0 && d < 0.002 && d > -0.002) }' ||
  fail "losses $(cat "$work/1.loss") and $(cat "$work/direct.loss") are apart"

train checked --check
grep -q "agree in every bit" "$work/text" || fail "the plan and the interpreter differ"
grep -q "to rounding" "$work/text" || fail "it is not said that convolutions are compared to rounding"
