#!/bin/bash
# plan.factored: wide linear layers are factored, others keep their plans, and a run's weights are the
# same bytes on any number of threads. Called with the path of the program.
set -euo pipefail
innerloop=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
  echo "FAILED: $*" >&2
  exit 1
}

wide=(glyphs-5w1s-maml --set model.preset=omniglot_fc --set model.filters=0 --set task.queries=1)
"$innerloop" plan "${wide[@]}" >"$work/auto"
"$innerloop" plan "${wide[@]}" --set plan.factored=off >"$work/off"
[ "$(grep -c task_product "$work/auto")" = 4 ] || fail "expected four factored layers"
! grep -q task_product "$work/off" || fail "plan.factored=off still factors"

# plans PRESET STEPS: with and without factored updates.
plans() {
  "$innerloop" plan $1 --set inner.steps=$2 >"$work/auto"
  "$innerloop" plan $1 --set inner.steps=$2 --set plan.factored=off >"$work/off"
}
for preset in glyphs-5w1s-maml "sinusoid-10shot-maml --set task.shots=30 --set task.queries=30"; do
  for steps in 1 5; do
    plans "$preset" $steps
    cmp -s "$work/auto" "$work/off" || fail "$preset with $steps inner steps changed its plan"
  done
done
# A small net keeps its tasks in lanes.
for preset in sinusoid-5shot-maml sinusoid-10shot-maml; do
  plans $preset 1
  ! cmp -s "$work/auto" "$work/off" || fail "$preset is not factored"
  grep -q "tasks at once in lanes" "$work/auto" || fail "$preset, factored, left its lanes"
done

for threads in 1 2 3 7; do
  "$innerloop" train "${wide[@]}" --set outer.steps=3 --set eval.every=0 --threads $threads \
    --out "$work/$threads" >/dev/null
  cmp "$work/1/checkpoint.safetensors" "$work/$threads/checkpoint.safetensors" ||
    fail "the weights depend on the number of threads"
done
"$innerloop" train "${wide[@]}" --set outer.steps=1 --set eval.every=0 --check --out "$work/check" >"$work/text"
grep -q "agree in every bit" "$work/text" || fail "the plan and the interpreter differ"
