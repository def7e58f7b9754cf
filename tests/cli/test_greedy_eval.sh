# innerloop eval --adapt greedy: sparse adaptation beside the full one.
program=$1
. "$(dirname "$0")/../support/scale.sh"
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
fail() { echo "failed: $*"; exit 1; }

"$program" train glyphs-5w1s-maml --set model.filters=4 --set outer.meta_batch=6 --set glyphs.alphabets=4 \
  --set glyphs.classes=10 --set task.train_classes=20 --set task.validation_classes=8 --set task.queries=2 \
  --set outer.steps="$(scale 40 4)" --set eval.every=0 --set checkpoint.every=20 --out run >log.txt 2>&1 || fail "training: $(cat log.txt)"
tasks=$(scale 40 4)
greedy() { "$program" eval run --adapt greedy --tasks "$tasks" --json "$@"; }

for rule in "--score gradient" "--score fisher --granularity channel" "--score newton --per byte" \
  "--score random" "--granularity layer --per operation" "--granularity tensor --count 2"; do
  greedy $rule --fraction 1,0.5,0.1 --inner-steps 1,3 --threads 1 >one.json || fail "$rule"
  greedy $rule --fraction 1,0.5,0.1 --inner-steps 1,3 --threads 3 >three.json || fail "$rule"
  cmp one.json three.json || fail "$rule depends on threads"
  [ "$(grep -c '"inner_steps"' one.json)" -eq 8 ] || fail "$rule: a full and three sparse rows: $(cat one.json)"
done

# Everything is the full update, to the bit; the full update is that of the plain evaluation.
greedy --fraction 1 --inner-steps 1,3 >one.json || fail "fraction 1"
grep '"fraction": 1,' one.json | grep -qv '"difference": 0, "difference_interval": 0, "touched": 1,' &&
  fail "fraction 1 is not the full update: $(cat one.json)"
"$program" eval run --tasks "$tasks" --json >plain.json || fail "plain evaluation"
mean=$(sed -n 's/.*"fraction": "full", "inner_steps": 3, "accuracy": \([0-9.]*\),.*/\1/p' one.json)
grep -q "\"transductive\", \"inner_steps\": 3, \"accuracy\": $mean," plain.json ||
  fail "the full update gives $mean, the plain evaluation: $(cat plain.json)"

# A budget holds for every task.
greedy --budget 4k --inner-steps 1 >budget.json || fail "--budget 4k"
most=$(sed -n 's/.*"fraction": 1,.*"most_bytes": \([0-9]*\),.*/\1/p' budget.json)
[ "$most" -gt 0 ] && [ "$most" -le 4096 ] || fail "a budget of 4,096 bytes, but $most are needed"
"$program" eval run --adapt greedy --tasks "$(scale 10 2)" --budget 4k >table.txt || fail "table"
grep -q "touched %" table.txt || fail "no table: $(cat table.txt)"

# A fraction in which no unit fits is a row that says so; where none fits, that is the error.
greedy --granularity layer --fraction 0.5,0.001 --inner-steps 1 >left.json || fail "one fraction that fits"
grep -q '"fraction": 0.001, "left_out": "no layer fits: fraction 0.001 allows' left.json || fail "no such row: $(cat left.json)"
[ "$(grep -c '"inner_steps"' left.json)" -eq 2 ] || fail "figures of a row in which nothing fits: $(cat left.json)"
greedy --granularity layer --fraction 0.001 >log.txt 2>&1 && fail "nothing fits, and all is well"
grep -q "no layer fits" log.txt || fail "what does not fit is not said: $(cat log.txt)"

if full; then # only figures of many tasks tell
  # The run's plan.* keys hold here too: other kernels, so other bits, which a wild inner rate makes visible.
  "$program" train glyphs-5w1s-maml --set model.preset=conv4 --set model.filters=16 --set outer.steps=2 --set eval.every=0 \
    --set inner.lr=20 --set outer.meta_batch=2 --set checkpoint.every=2 --set plan.winograd=off --out direct >log.txt 2>&1 ||
    fail "training: $(cat log.txt)"
  cp -r direct winograd
  sed -i 's/winograd: off/winograd: auto/' winograd/config.yaml
  cmp -s direct/config.yaml winograd/config.yaml && fail "no plan.winograd in config.yaml"
  for run in direct winograd; do
    "$program" eval $run --adapt greedy --tasks 30 --fraction 0.5 --inner-steps 10 --json >$run.json || fail "$run"
  done
  cmp -s direct.json winograd.json && fail "plan.winograd does not reach the greedy evaluation"
fi

# What cannot be is refused in one sentence.
refused() {
  "$program" eval run "$@" >log.txt 2>&1 && fail "accepted: $*"
  [ $? -eq 2 ] || fail "exit code for: $*"
  grep -q -- "$expect" log.txt || fail "no hint at $expect: $(cat log.txt)"
}
expect="needs --adapt greedy" refused --fraction 0.1
expect="--fraction" refused --adapt greedy --fraction 0
expect="scalar, channel, tensor or layer" refused --adapt greedy --granularity block
expect="64k" refused --adapt greedy --budget -3
expect="full or greedy" refused --adapt sparse
expect="ascending" refused --adapt greedy --inner-steps 3,1
echo "greedy evaluation: all as expected"
