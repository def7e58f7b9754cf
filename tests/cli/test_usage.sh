# What the command line says when asked, and when asked for what cannot be: one sentence, a fitting exit code.
program=$1
folder=$(mktemp -d) || exit 1
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder" || exit 1
fail() { echo "failed: $*"; exit 1; }

# expect CODE "text in the sentence" ARGUMENT…
expect() {
  code=$1 text=$2
  shift 2
  "$program" "$@" >out.txt 2>err.txt
  got=$?
  [ $got -eq "$code" ] || fail "$*: exit code $got, expected $code: $(cat err.txt)"
  grep -qF -- "$text" err.txt || fail "$*: expected \"$text\" in: $(cat err.txt)"
  [ "$(grep -c '^innerloop' err.txt)" -ge 1 ] || fail "$*: does not name the program: $(cat err.txt)"
  [ "$(wc -l <err.txt)" -le 2 ] || fail "$*: more than a sentence: $(cat err.txt)"
}

for command in "" train eval "data import" "data info" "data show" "data episodes" data presets info check grad init plan bench convert; do
  "$program" $command --help >out.txt 2>err.txt || fail "$command --help"
  [ -s out.txt ] || fail "$command --help says nothing"
done
"$program" help config >out.txt || fail "help config"
grep -q "^task.ways$" out.txt || fail "help config does not list task.ways"
"$program" presets | grep -q "omniglot-5w1s-maml" || fail "presets"
"$program" presets --json | grep -q '"name": "glyphs-5w1s-maml"' || fail "presets --json"
"$program" info | grep -q "^innerloop [0-9]" || fail "info"
"$program" --version | grep -q "^innerloop [0-9]" || fail "--version"
"$program" plan sinusoid-5shot-maml >out.txt && [ -s out.txt ] || fail "plan"

expect 2 "did you mean train?" trian
expect 2 "did you mean import?" data inport
expect 2 "did you mean glyphs-5w1s-maml?" train glyphs-5w1s-mamll
expect 2 "did you mean task.ways?" train glyphs-5w1s-maml --set task.way=5
expect 2 "did you mean inner.lr?" train glyphs-5w1s-maml --set inner_lr=5
expect 2 "expected an integer from 2 to 1000" train glyphs-5w1s-maml --set task.ways=1
expect 2 "expected an integer" train glyphs-5w1s-maml --set task.ways=five
expect 2 "expected one of none|random|classes" train glyphs-5w1s-maml --set task.rotations=some
expect 2 "expected true or false" train glyphs-5w1s-maml --set inner.first_order=yes
expect 2 "expected key=value" train glyphs-5w1s-maml --set task.ways
expect 2 "task.ways: found 30, but the validation split has 20 classes" train glyphs-5w1s-maml --set task.ways=30
expect 2 "class 'Glyph01/character01' has only 20 examples, and 299 more classes have too few; 1 + 19 would fit" train glyphs-5w1s-maml --set task.queries=20
expect 2 "model.preset" train sinusoid-5shot-maml --set model.preset=conv4
expect 2 "task.data: missing" train omniglot-5w1s-maml
expect 1 "nowhere" train omniglot-5w1s-maml --data nowhere
expect 1 "nowhere.yaml" train nowhere.yaml
expect 1 "nowhere" eval nowhere
expect 1 "nowhere: there is no run; expected a folder that \`innerloop train --out\` has made" train --resume nowhere
expect 1 "runs/nowhere: there is no run" train --resume runs/nowhere
# Layers that do not fit.
listed() { expect 2 "$1" plan sinusoid-5shot-maml --set "model.layers=$2"; }
listed "innerloop: model.layers: layer 1 (gru): needs a signal [t,channels] and receives 1 features" "[{kind: gru, units: 4}, {kind: linear}]"
listed "innerloop: model.layers: the last layer gives 4 outputs; expected 1" "[{kind: linear, units: 4}]"
listed "innerloop: model.layers: layer 1 opens a residual block" "[{kind: residual}, {kind: linear}]"
listed "expected units or vocabulary, which an embedding has" "[{kind: embedding, kernel: 3}, {kind: linear}]"
# What a source would ignore.
for command in "train glyphs-5w1s-maml" "train sinusoid-10shot-maml" "plan mnist1d-learn-rate" "check glyphs-5w1s-maml" \
  "bench sinusoid-5shot-maml" "data episodes glyphs-5w1s-maml --out list"; do
  source=${command#* }; source=${source#episodes }; source=${source%%-*}
  expect 2 "task.data: found nowhere, but source $source draws its own tasks; expected none, or a preset for data of one's own, such as pictures-5w1s-maml" \
    $command --data nowhere
done
for setting in shots=7 queries=3 train_shots=2 train_queries=2; do
  expect 2 "task.${setting%=*}: found ${setting#*=}, but with source mnist1d the tasks have sizes of their own" plan mnist1d-learn-rate --set task.$setting
done
expect 2 "eval.queries: found 3, but with source mnist1d" plan mnist1d-learn-rate --set eval.queries=3
expect 2 "task.pool: found 4, but with source mnist1d each split is one task" plan mnist1d-learn-rate --set task.pool=4
for setting in ways=7 train_ways=7 rotations=random rotate_test=true augment=query split=auto split_file=file split_seed=2 train_classes=3 \
  validation_classes=3 test_classes=3; do
  expect 2 "task.${setting%=*}: found ${setting#*=}, but with source sinusoid" plan sinusoid-5shot-maml --set task.$setting
  expect 2 "task.${setting%=*}: found ${setting#*=}, but with source mnist1d" plan mnist1d-learn-rate --set task.$setting
done
printf 'preset: sinusoid-5shot-maml\ntask: {ways: 7}\n' >ways.yaml
expect 2 "task.ways: found 7, but with source sinusoid the tasks have no classes; expected this key to be left out" plan ways.yaml
"$program" plan sinusoid-5shot-maml --set task.ways=5 --set task.pool=4 >out.txt 2>&1 || fail "the default is refused: $(cat out.txt)"
# A run of a preset for another source says what the preset did: it goes on, and is repeated.
"$program" train glyphs-5w1s-maml --set task.source=sinusoid --set model.preset=mlp --set outer.steps=1 --set eval.every=0 --out run >out.txt 2>&1 ||
  fail "a preset with another source: $(cat out.txt)"
"$program" train --resume run --set outer.steps=2 >out.txt 2>&1 || fail "is not continued: $(cat out.txt)"
"$program" train run/config.yaml --out again >out.txt 2>&1 || fail "is not repeated: $(cat out.txt)"
"$program" train mnist1d-learn-rate --set outer.steps=1 --set inner.steps=2 --set eval.steps=2 --out whole >out.txt 2>&1 || fail "$(cat out.txt)"
expect 2 "task.shots cannot be changed for an evaluation: the tasks have sizes of their own" eval whole --shots 3
rm -r run again whole
expect 2 "--weights and --tasks" grad sinusoid-5shot-maml --out g

printf 'task:\n  wayz: 5\n' >bad.yaml
expect 2 "bad.yaml:2: unknown key \"task.wayz\"; did you mean task.ways?" train bad.yaml
printf 'task: [1\n' >bad.yaml
expect 1 "not YAML" train bad.yaml
printf 'model:\n  layers:\n    - {kind: konv}\n' >bad.yaml
expect 2 "bad.yaml:3" train bad.yaml
printf 'seed: 1\ntask: {ways: 2, ways: 3}\n' >bad.yaml
expect 2 "bad.yaml:2: found ways a second time in one map, expected every key once" train bad.yaml
printf 'model:\n  layers:\n    - {kind: relu, eps: 1, eps: 1}\n' >bad.yaml
expect 2 "bad.yaml:3: found eps a second time" train bad.yaml
printf 'preset: nothing\n' >bad.yaml
expect 2 "nothing" train bad.yaml

# Weights and gradients by name: what does not fit is named with both shapes.
"$program" init sinusoid-5shot-maml --out w.safetensors || fail "init"
"$program" init glyphs84-5w5s-maml --out w84.safetensors || fail "init"
head -c 200 w84.safetensors | grep -aq '"conv1.weight":{"dtype":"F32","shape":\[32,3,3,3\]' || fail "init: coloured images"
"$program" init sinusoid-5shot-maml --set model.filters=20 --out w20.safetensors || fail "init"
expect 2 "w.npz: expected the name of a .safetensors" init sinusoid-5shot-maml --out w.npz
expect 2 "both IN and OUT" convert w.safetensors ./w.safetensors
expect 1 "support_x" grad sinusoid-5shot-maml --weights w.safetensors --tasks w.safetensors --out g

# Damaged files.
small="--set outer.steps=2 --set eval.every=0 --set model.filters=4 --set outer.meta_batch=2 --set glyphs.alphabets=4
  --set glyphs.classes=10 --set task.train_classes=20 --set task.validation_classes=8"
"$program" train glyphs-5w1s-maml $small --out run >out.txt 2>err.txt || fail "training: $(cat err.txt)"
cp run/checkpoint.safetensors whole
head -c 1000 whole >run/checkpoint.safetensors
expect 1 "run/checkpoint.safetensors" eval run
expect 1 "run/checkpoint.safetensors" train --resume --out run
: >run/checkpoint.safetensors
expect 1 "run/checkpoint.safetensors" eval run
cp w.safetensors run/checkpoint.safetensors
expect 1 "checkpoint" eval run
cp whole run/checkpoint.safetensors
head -c 300 whole >data.safetensors
expect 1 "data.safetensors" train omniglot-5w1s-maml --data data.safetensors
expect 1 "whole" data info whole
mkdir empty
export XDG_CACHE_HOME=$folder/cache
"$program" train omniglot-5w1s-maml --data empty >out.txt 2>err.txt && fail "an empty folder was accepted"
grep -q "empty" err.txt || fail "the empty folder is not named: $(cat err.txt)"

# Places that cannot be written.
if [ -w /dev/full ]; then
  "$program" presets >/dev/full 2>err.txt && fail "a full disk went unnoticed"
  grep -q "standard output" err.txt || fail "full disk: $(cat err.txt)"
fi
touch file
expect 1 "file" train glyphs-5w1s-maml $small --out file/run
expect 1 "nowhere" init sinusoid-5shot-maml --out nowhere/w.safetensors
if [ "$(id -u)" -ne 0 ]; then
  mkdir locked && chmod a-w locked
  expect 1 "locked" train glyphs-5w1s-maml $small --out locked/run
fi
# A tiny disk: only where mounting is allowed.
mkdir disk
if mount -t tmpfs -o size=8k tmpfs disk 2>/dev/null; then
  "$program" train glyphs-5w1s-maml $small --out disk/run >out.txt 2>err.txt
  code=$?
  left=$(ls disk/run 2>/dev/null | grep -c tmp)
  umount disk
  [ $code -eq 1 ] || fail "exit code on a full disk: $code"
  grep -q "^innerloop: .*disk/run" err.txt || fail "full disk: $(cat err.txt)"
  [ "$left" -eq 0 ] || fail "a temporary file is left on the full disk"
fi
echo "usage: all as expected"
