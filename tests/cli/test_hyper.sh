# Learning through a training: the published learning of a rate on MNIST-1D, in fewer meta-steps, and that of an activation on
# few signals. What is learned stands in the metrics, moves the right way, and everything else stays as it was drawn.
set -eu
program=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
fail() { echo "FAILED: $*"; exit 1; }
last() { sed -n "$ s/.*\"$2\": \([^,}]*\).*/\1/p" "$1/metrics.jsonl"; }
first() { sed -n "1 s/.*\"$2\": \([^,}]*\).*/\1/p" "$1/metrics.jsonl"; }
run() { # name, preset, settings
  name=$1
  shift
  "$program" train "$@" --out "$name" >log.txt 2>&1 || fail "$name: $(cat log.txt)"
}

# A large rate falls and a small one rises; the loss is that of the published program (1.808 after its fourth step, 1.722).
run high mnist1d-learn-rate --set outer.steps=4
run low mnist1d-learn-rate --set outer.steps=4 --set hyper.lr=0.15
awk "BEGIN { exit !($(last high inner.lr) < 1.35 && $(last low inner.lr) > 0.4 && $(last low inner.lr) < 0.6) }" ||
  fail "rates $(last high inner.lr) and $(last low inner.lr)"
awk "BEGIN { exit !($(last high loss) > 1.77 && $(last high loss) < 1.84 && $(last low loss) > 1.69 && $(last low loss) < 1.75) }" ||
  fail "losses $(last high loss) and $(last low loss)"

# Rates of each step are a list.
run steps mnist1d-learn-rate --set outer.steps=1 --set hyper.rates=step --set hyper.steps=3
grep -q '"inner.lr": \[[0-9.]*, [0-9.]*, [0-9.]*\]}$' steps/metrics.jsonl || fail "no rates of steps: $(cat steps/metrics.jsonl)"

# Batches in the order of the list: another seed of the run has other weights, but another order only where it is drawn.
"$program" eval high --json >eval.json 2>log.txt || fail "$(cat log.txt)"
grep -q '"inner_steps": 200' eval.json || fail "no figure after 200 steps"
grep -q '"interval": 0[,}]' eval.json || fail "the order of the batches differs between tasks: $(cat eval.json)"

# An activation: only its parameters move, and in training alone there is noise.
few="--set mnist1d.examples=200 --set inner.steps=6 --set inner.batch=20 --set hyper.last=4 --set outer.steps=30"
layers='model.layers=[{kind: linear, units: 12}, {kind: activation, units: 8, rate: 0.1}, {kind: linear}]'
# shellcheck disable=SC2086 # a list
run learned mnist1d-learn-activation $few --set "$layers" --set checkpoint.every=15
awk "BEGIN { exit !($(last learned loss) < $(first learned loss)) }" || fail "the loss does not fall"
# shellcheck disable=SC2086
run again mnist1d-learn-activation $few --set "$layers" --set inner.loop=unroll --set outer.steps=1
[ "$(first again loss | cut -c1-6)" = "$(first learned loss | cut -c1-6)" ] || fail "written out, the loss is another"
# shellcheck disable=SC2086
"$program" check mnist1d-learn-activation $few --set "$layers" >check.txt 2>&1 || fail "$(cat check.txt)"
"$program" export learned --out learner.safetensors >log.txt 2>&1 || fail "$(cat log.txt)"

# The signals themselves, class by class.
"$program" data export mnist1d --out signals.safetensors >log.txt 2>&1 || fail "$(cat log.txt)"
"$program" data info mnist1d >log.txt 2>&1 && grep -q "examples   5000, 500 of each class" log.txt || fail "$(cat log.txt)"

# Refused in one sentence each.
refused() { # sentence, settings
  sentence=$1
  shift
  "$program" train mnist1d-learn-rate --set outer.steps=1 --out no "$@" >log.txt 2>&1 && fail "taken: $*"
  grep -q "$sentence" log.txt || fail "$*: $(cat log.txt)"
}
refused "found nothing to learn" --set hyper.rates=none
refused "expected a list such as" --set "model.layers=mlp"
refused "model.layers:1: found .* expected" --set "model.layers=[{kind: activated}]"
refused "a number of the inner loop is learned by the losses of the steps after its own" --set inner.steps=1
refused "hyper.steps: found rates for 5 inner steps, but .* about the first 2" --set inner.steps=3 --set hyper.rates=step
run each mnist1d-learn-rate --set inner.steps=3 --set hyper.rates=step --set hyper.steps=2 --set outer.steps=20
"$program" eval each --tasks 2 >log.txt 2>&1 || fail "rates of steps: $(cat log.txt)"
refused "hyper learns from inner steps" --set inner.steps=0 --set inner.batch=0
refused "hyper.last: found 3, but hyper.loss query has one loss" --set hyper.loss=query --set hyper.last=3
refused "model.layers:1: found no layer in model.layers" --set "model.layers=[]"
refused "model.filters: found beside model.layers" --set model.filters=16 --set "model.layers=[{kind: linear}]"
echo "hyper: all as expected"
