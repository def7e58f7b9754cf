# Averaged weights (outer.ema), training that ends early (eval.patience), the best learners and their ensemble: what is kept, said, resumed and evaluated.
# test_outer.sh PROGRAM
set -u
program=$1
folder=$(mktemp -d) && cd "$folder" || exit 1
trap 'rm -rf "$folder"' EXIT
fail() { echo "failed: $*"; exit 1; }
small="--set glyphs.alphabets=4 --set glyphs.classes=10 --set glyphs.writers=8 --set glyphs.side=14
  --set task.train_classes=20 --set task.validation_classes=10 --set task.queries=2 --set model.filters=4
  --set outer.meta_batch=3 --set eval.every=2 --set eval.validation_tasks=4 --set eval.tasks=6 --set checkpoint.every=3"
train() { # folder, settings
  out=$1
  shift
  "$program" train glyphs-5w1s-maml $small "$@" --out "$out" >"$out.txt" 2>&1 || fail "$out: $(cat "$out.txt")"
}

# The average: the steps are the same, the learner that is kept is another, and it is what validates.
train plain --set outer.steps=8 --threads 1
train average --set outer.steps=8 --set outer.ema=0.9 --threads 1
steps() { grep '"loss"' "$1/metrics.jsonl"; }
[ "$(steps plain)" = "$(steps average)" ] || fail "outer.ema changes the meta-steps"
cmp -s plain/checkpoint.safetensors average/checkpoint.safetensors && fail "outer.ema keeps the same learner"
grep -q "average of the weights over meta-steps (outer.ema 0.9)" average.txt || fail "does not say so: $(cat average.txt)"
grep -q "validation accuracy of averaged weights" average.txt || fail "does not say what validates: $(cat average.txt)"
grep -q "averaged" plain.txt && fail "says so without an average: $(cat plain.txt)"
grep -aq '"ema":"0.9"' average/checkpoint.safetensors || fail "the checkpoint does not say that it is an average"
# On several threads, and resumed in between, to the same bits.
train again --set outer.steps=5 --set outer.ema=0.9 --threads 3
"$program" train --resume again --set outer.steps=8 >again.txt 2>&1 || fail "resumed: $(cat again.txt)"
cmp -s average/checkpoint.safetensors again/checkpoint.safetensors || fail "a resumed run has another average"
"$program" train --resume again --set outer.ema=0.5 >again.txt 2>&1 && fail "resumed with another average"
grep -q "outer.ema" again.txt || fail "$(cat again.txt)"
# After one meta-step: a tenth of the first weights and nine of those after it.
train first --set outer.steps=1 --set outer.lr=0 --set eval.every=0
train one --set outer.steps=1 --set eval.every=0
train mean --set outer.steps=1 --set eval.every=0 --set outer.ema=0.99
if command -v python3 >/dev/null; then
  python3 - <<'END' || fail "the average after one meta-step"
import json
import struct


def tensors(path):
    data = open(path + "/checkpoint.safetensors", "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__")
    read = {}
    for name, t in header.items():
        begin, end = (8 + size + at for at in t["data_offsets"])
        read[name] = struct.unpack("<%df" % ((end - begin) // 4), data[begin:end])
    return read


first, one, mean = (tensors(path) for path in ("first", "one", "mean"))
compared = 0
for name in first:
    if name.startswith("outer/"):
        continue
    assert mean["outer/raw." + name] == one[name], name
    for a, b, m in zip(first[name], one[name], mean[name]):
        assert abs(0.1 * a + 0.9 * b - m) <= 1e-6 * (abs(a) + abs(b)), (name, a, b, m)
        compared += a != b
assert compared > 100, compared
END
fi
"$program" eval average --json >average.json 2>average.txt || fail "eval: $(cat average.txt)"
"$program" eval plain --json >plain.json 2>plain.txt || fail "eval: $(cat plain.txt)"
cmp -s average.json plain.json && fail "evaluates what is not kept"

# Patience: with a rate of 0 no validation is better than the first, at meta-step 2.
train ended --set outer.steps=50 --set outer.lr=0 --set eval.patience=3 --set checkpoint.every=100
grep -q "ended after meta-step 8 of 50: 3 validations in a row were no better than .* after meta-step 2" ended.txt ||
  fail "does not end, or does not say so: $(cat ended.txt)"
grep -q '{"step": 8, "ended": true, "best_step": 2, "validations_since": 3}' ended/metrics.jsonl ||
  fail "$(cat ended/metrics.jsonl)"
"$program" eval ended >log.txt 2>&1 || fail "eval of an ended run: $(cat log.txt)"
grep -q "after 8 meta-steps" log.txt || fail "$(cat log.txt)"
"$program" report ended >log.txt 2>&1 || fail "a report of an ended run: $(cat log.txt)"
cp -r ended kept
"$program" train --resume ended --plot >log.txt 2>&1 || fail "resumed after its end: $(cat log.txt)"
grep -q "ended after meta-step 8" log.txt || fail "an ended run goes on: $(cat log.txt)"
cmp -s ended/checkpoint.safetensors kept/checkpoint.safetensors || fail "resuming an ended run changes it"
"$program" train --resume ended --set eval.patience=4 >log.txt 2>&1 || fail "$(cat log.txt)"
grep -q "ended after meta-step 10" log.txt || fail "more patience: $(cat log.txt)"
# Stopped and resumed in between, it ends where it would have.
train parts --set outer.steps=4 --set outer.lr=0 --set eval.patience=3
"$program" train --resume parts --set outer.steps=50 >log.txt 2>&1 || fail "$(cat log.txt)"
count() { grep -a -o '"validations":"[^"]*"' "$1/checkpoint.safetensors"; }
[ -n "$(count kept)" ] && [ "$(count parts)" = "$(count kept)" ] || fail "a resumed run counts otherwise: $(count parts), $(count kept)"
"$program" eval ended --set eval.patience=2 >log.txt 2>&1 && fail "an evaluation took eval.patience"
grep -q "of training alone" log.txt || fail "$(cat log.txt)"
# The best learners are kept, as many as asked for, and evaluated alone or together, which is said.
train best --set outer.steps=16 --set checkpoint.best=3 --set checkpoint.every=5 --threads 1
kept() { (cd "$1" && echo best-*.safetensors); }
[ "$(kept best | wc -w)" = 3 ] || fail "kept $(kept best)"
# By the figures of metrics.jsonl: the three largest, the earlier of equal ones.
expected=$(grep validation best/metrics.jsonl | sed 's/{"step": \([0-9]*\), "validation_accuracy": \([0-9.]*\).*/\2 \1/' |
  sort -k1,1gr -k2,2g | head -3 | awk '{ print "best-" $2 ".safetensors" }' | sort | xargs)
[ "$(kept best | tr ' ' '\n' | sort | xargs)" = "$expected" ] || fail "kept $(kept best), expected $expected"
train other --set outer.steps=8 --set checkpoint.best=3 --set checkpoint.every=5 --threads 3
"$program" train --resume other --set outer.steps=16 >log.txt 2>&1 || fail "$(cat log.txt)"
for kept in best/best-*; do
  cmp -s "$kept" "other/${kept#best/}" || fail "resumed, $kept is another"
done
"$program" eval best --json >last.json 2>log.txt || fail "$(cat log.txt)"
"$program" eval best --ensemble 3 --json >three.json 2>log.txt || fail "$(cat log.txt)"
grep -q "ensemble of the 3 best learners, after meta-steps [0-9]*, [0-9]* and [0-9]*\"" three.json || fail "does not say so: $(cat three.json)"
grep -q "ensemble of the 3 best" best/eval.csv || fail "eval.csv does not say so"
grep -q ensemble last.json && fail "says so of one learner"
sed 1d three.json >three.txt
sed 1d last.json >last.txt
cmp -s three.txt last.txt && fail "an ensemble has the last learner's figures"
"$program" eval best --ensemble 3 --threads 3 --json 2>/dev/null | cmp -s - three.json || fail "other figures on other threads"
# Of three equal learners the scores are those of each.
train equal --set outer.steps=6 --set outer.lr=0 --set checkpoint.best=3
"$program" eval equal --ensemble 3 --json 2>/dev/null | sed 1d >three.txt
"$program" eval equal --json 2>/dev/null | sed 1d | cmp -s - three.txt || fail "equal learners together are another"
failing() { # text, arguments
  text=$1
  shift
  "$program" "$@" >log.txt 2>&1 && fail "accepted: $*"
  grep -qF -- "$text" log.txt || fail "$*: expected \"$text\" in: $(cat log.txt)"
}
failing "has kept 3 best learners, but 4 are asked for" eval best --ensemble 4
failing "has kept no best learners" eval plain --ensemble 2
failing "takes no --adapt greedy" eval best --ensemble 2 --adapt greedy
rm "$(ls best/best-* | head -1)"
failing "best-" eval best --ensemble 3
failing "but nothing validates" train glyphs-5w1s-maml $small --set checkpoint.best=2 --set eval.every=0 --out refused
failing "but nothing validates" train glyphs-5w1s-maml $small --set eval.patience=2 --set eval.every=0 --out refused
echo "outer loop: averages, early ends, ensembles"
