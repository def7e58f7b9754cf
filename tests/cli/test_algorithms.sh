# Every algorithm does what MAML does: trains, resumes to the same bits, gives them on any number of threads and any set of
# instructions, evaluates after any number of steps under every protocol, is checked and planned, adapts to pictures and answers.
# Each has a row in docs/algorithms.md, which promises that.
# test_algorithms.sh PROGRAM
set -u
program=$1
rows=$(cd "$(dirname "$0")/../.." && pwd)/docs/algorithms.md
records=$(cd "$(dirname "$0")/../.." && pwd)/src/meta/algorithms.def
. "$(dirname "$0")/../support/scale.sh"
folder=$(mktemp -d) && cd "$folder" || exit 1
trap 'rm -rf "$folder"' EXIT
fail() { echo "failed: $*"; exit 1; }
small="--set glyphs.alphabets=4 --set glyphs.classes=10 --set glyphs.writers=8 --set glyphs.side=14
  --set task.train_classes=20 --set task.validation_classes=10 --set task.queries=2 --set model.filters=4
  --set outer.meta_batch=3 --set outer.steps=6 --set eval.every=3 --set eval.validation_tasks=4 --set eval.tasks=6
  --set checkpoint.every=2 --set inner.steps=2"
equal() { cmp -s "$1/checkpoint.safetensors" "$2/checkpoint.safetensors" || fail "$3: $1 and $2 differ"; }

# Two drawings of each of five classes, stripes in as many directions.
python3 - <<'PYTHON' || fail "pictures"
import os, struct, zlib
def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
for c in range(5):
    os.makedirs("few/c%d" % c)
    for i in range(2):
        rows = b"".join(b"\0" + bytes(255 if (x * (c + 1) + y * (5 - c) + i) % 7 < 2 else 0 for x in range(14)) for y in range(14))
        open("few/c%d/%d.png" % (c, i), "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 14, 14, 8, 0, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
PYTHON

# name, then its settings
while read -r name settings; do
  case $name in maml_* | *_each) full || continue ;; esac # settings of what is there already
  set -- $small
  for setting in $settings; do set -- "$@" --set "$setting"; done
  "$program" train glyphs-5w1s-maml "$@" --threads 1 --out "$name-1" >log.txt 2>&1 || fail "$name: $(cat log.txt)"
  grep -q "nan" log.txt && fail "$name: $(cat log.txt)"
  "$program" train glyphs-5w1s-maml "$@" --threads 3 --out "$name-3" >log.txt 2>&1 || fail "$name: $(cat log.txt)"
  "$program" train glyphs-5w1s-maml "$@" --set outer.steps=4 --threads 2 --out "$name-r" >log.txt 2>&1 || fail "$name: $(cat log.txt)"
  case $settings in
  *schedule*) ;; # a curve over other meta-steps is another run
  *)
    "$program" train --resume "$name-r" --set outer.steps=6 >log.txt 2>&1 || fail "$name resumed: $(cat log.txt)"
    equal "$name-1" "$name-r" "$name"
    ;;
  esac
  sed 's/threads.*//' "$name-1/config.yaml" | cmp -s - "$name-3/config.yaml" || fail "$name: other configurations"
  equal "$name-1" "$name-3" "$name"
  "$program" eval "$name-1" --json >eval.json 2>log.txt || fail "$name eval: $(cat log.txt)"
  for protocol in transductive support each; do
    grep -q "\"$protocol\"" eval.json || fail "$name: no figure for $protocol"
  done
  grep -q nan eval.json && fail "$name: $(cat eval.json)"
  case $settings in
  *running*) grep -q '"running"' eval.json || fail "$name: no figure with running statistics" ;;
  esac
  case $name in
  protonet* | matching* | r2d2 | metaoptnet | relation | simpleshot) grep -q '"inner_steps": 1,' eval.json && fail "$name: a step that it does not make" ;;
  *) grep -q '"inner_steps": 10,' eval.json || fail "$name: no figure after 10 steps" ;;
  esac
  full || continue # what follows reads the same code for every algorithm
  "$program" check glyphs-5w1s-maml "$@" >check.txt 2>&1 || fail "$name check: $(cat check.txt)"
  "$program" plan glyphs-5w1s-maml "$@" >plan.txt 2>&1 || fail "$name plan: $(cat plan.txt)"
  "$program" train glyphs-5w1s-maml "$@" --set outer.steps=1 --check --out "$name-c" >log.txt 2>&1 || fail "$name --check: $(cat log.txt)"
  grep -q "agree in every bit" log.txt || fail "$name --check: $(cat log.txt)"
  INNERLOOP_ISA=portable "$program" train glyphs-5w1s-maml "$@" --threads 2 --out "$name-p" >log.txt 2>&1 || fail "$name portable: $(cat log.txt)"
  equal "$name-1" "$name-p" "$name"
  "$program" adapt "$name-1" --support few --out "$name.model" >log.txt 2>&1 || fail "$name adapt: $(cat log.txt)"
  "$program" predict "$name.model" few >answers.txt 2>log.txt || fail "$name predict: $(cat log.txt)"
  [ "$(grep -cE '^few/c[0-4]/[01].png +c[0-4] +[0-9.]+ %$' answers.txt)" = 10 ] || fail "$name answered: $(cat answers.txt)"
  echo "$name: $(sed -n '1s/finite differences *//p' check.txt)"
done <<'END'
maml meta.algorithm=maml
anil meta.algorithm=anil
boil meta.algorithm=boil meta.query_statistics=support
meta_sgd meta.algorithm=meta_sgd
protonet meta.algorithm=protonet task.train_ways=8 meta.query_statistics=running
protonet_each meta.algorithm=protonet meta.query_statistics=each glyphs.side=28
reptile meta.algorithm=reptile task.train_shots=3 inner.batch=4 inner.optimizer=adam inner.beta1=0 inner.lr=0.01 outer.optimizer=sgd outer.lr=0.5
reptile_carried meta.algorithm=reptile reptile.carried=true inner.optimizer=rmsprop inner.alpha=0.999 inner.lr=0.001 outer.optimizer=sgd outer.lr=0.5
reptile_linear meta.algorithm=reptile inner.lr=0.01 outer.optimizer=sgd outer.lr=0.5 outer.schedule=linear
protomaml meta.algorithm=protomaml task.train_ways=4 inner.lr=0.05
cavia meta.algorithm=cavia inner.lr=1
mamlpp meta.algorithm=mamlpp mamlpp.steps=1 mamlpp.multi_step=3 mamlpp.epoch=1 mamlpp.first_order=2
meta_curvature meta.algorithm=meta_curvature
imaml meta.algorithm=imaml inner.lr=0.1 imaml.solver_steps=2
imaml_end meta.algorithm=imaml inner.lr=0.1 imaml.solver_steps=2 imaml.pull=end
matching meta.algorithm=matching task.train_ways=8
matching_far_each meta.algorithm=matching matching.distance=euclidean task.shots=3
r2d2 meta.algorithm=r2d2 task.train_ways=8 meta.query_statistics=support
metaoptnet meta.algorithm=metaoptnet
baseline meta.algorithm=baseline task.train_ways=8 task.rotations=classes meta.query_statistics=running
baselinepp meta.algorithm=baselinepp baselinepp.learned=true inner.batch=3 inner.optimizer=momentum glyphs.side=28
hyper meta.algorithm=hyper hyper.rates=tensor hyper.start=fresh inner.steps=3 inner.batch=4 inner.loop=keep
simpleshot meta.algorithm=simpleshot task.train_ways=8 meta.query_statistics=running
relation meta.algorithm=relation model.preset=relation_conv glyphs.side=28 task.train_ways=4
maml_outer outer.optimizer=adamw outer.clip=0.5 outer.clip_value=0.2 outer.warmup=4 outer.l2=0.01 outer.meta_batch=2
maml_rmsprop inner.optimizer=rmsprop inner.lr=0.01 inner.l2=0.1 inner.clip=1 inner.eps=0.001
maml_adam inner.optimizer=adam inner.lr=0.02 inner.eps=0.001
maml_momentum inner.optimizer=momentum inner.nesterov=true inner.lr=0.1
maml_running meta.query_statistics=running
maml_pattern inner.adapts=norm*,head
END

# Every algorithm was tried above, and promises in the table that it was.
for name in $(sed -n 's/^IL_ALGORITHM(\(.*\))$/\1/p' "$records"); do
  [ -e "$name-1" ] || fail "$name is an algorithm and not tried here"
  grep -qF "| \`$name\` | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ |" "$rows" || fail "docs/algorithms.md has no row for $name"
done
[ "$(grep -c '^| `' "$rows")" = "$(grep -c '^IL_ALGORITHM' "$records")" ] || fail "docs/algorithms.md has rows of what is no algorithm"

# What cannot be is said.
refused() { # text, settings
  text=$1
  shift
  for setting; do
    set -- "$@" --set "$setting"
    shift
  done
  "$program" train glyphs-5w1s-maml "$@" --out refused >log.txt 2>&1 && fail "accepted: $*"
  grep -qF -- "$text" log.txt || fail "$*: expected \"$text\" in: $(cat log.txt)"
  [ -e refused ] && fail "$*: left a folder"
  return 0
}
refused "none of the net's parameters" inner.adapts=conv9.weight
refused '"haed" is none of' meta.algorithm=boil 'inner.adapts=!haed'
refused "task.train_ways: found 1" meta.algorithm=protonet task.train_ways=1
refused "makes no inner steps" meta.algorithm=protonet inner.adapts=head
refused "inner.lr: found 0.2, but protonet makes no inner steps" meta.algorithm=protonet inner.lr=0.2
refused "inner.lr: found 0.2, but meta_sgd learns its inner rates" meta.algorithm=meta_sgd inner.lr=0.2
refused "inner.first_order: found true, but imaml takes no derivative through its inner steps" meta.algorithm=imaml inner.first_order=true
refused "task.split_file: found no.txt, but task.split is random" task.split_file=no.txt
refused "outer.lr_end: found 0.1, but outer.schedule is constant" outer.lr_end=0.1
refused "inner.order: found listed, but inner.batch is 0" inner.order=listed
refused "hyper.steps: found 2, but hyper.rates is one" meta.algorithm=hyper hyper.steps=2
refused "reptile.square: found 0.1, but reptile.carried is false" meta.algorithm=reptile reptile.square=0.1
refused "mamlpp.epoch: found 7, but mamlpp.multi_step is 0" meta.algorithm=mamlpp mamlpp.multi_step=0 mamlpp.epoch=7
refused '"augment" is a group of keys, found a value of its own' augment=3
refused 'outer.ema: found "1", expected a number from 0 to below 1' outer.ema=1
refused "imaml.damping: found 3, but meta.algorithm is maml; expected this key to be left out" imaml.damping=3
refused "inner.beta1: found 0.5, but inner.optimizer is sgd" inner.beta1=0.5
refused "outer.momentum: found 0.5, but outer.optimizer is adam" outer.momentum=0.5
refused "mnist1d.seed: found 3, but task.source is glyphs" mnist1d.seed=3
refused "mamlpp.steps: found rates for 5 inner steps, but inner.steps is 2" meta.algorithm=mamlpp inner.steps=2 mamlpp.steps=5
refused "inner.clip: found 1, but imaml differentiates the minimum" meta.algorithm=imaml inner.clip=1
refused "inner.steps: found 0, but mamlpp learns rates" meta.algorithm=mamlpp inner.steps=0
refused "inner.optimizer: found adamw, whose decay" meta.algorithm=imaml inner.optimizer=adamw
refused "inner.initial: found 0.5 beside reptile.carried" meta.algorithm=reptile reptile.carried=true inner.optimizer=rmsprop inner.initial=0.5
refused "inner.steps: found 0" meta.algorithm=reptile inner.steps=0
refused "reptile.carried: found inner.optimizer sgd, expected rmsprop" meta.algorithm=reptile reptile.carried=true
refused "inner.steps: found 0; expected 1 or more" meta.algorithm=cavia inner.steps=0
refused "task.train_ways: found 8 and task.ways 5" task.train_ways=8
refused "expected 1 to 16 numbers" eval.steps=3,2
refused "would never move" meta.algorithm=reptile meta.query_statistics=running
refused "cavia adapts no parameter of the net" meta.algorithm=cavia inner.adapts=head
refused 'cavia.layer: "conv1" is no norm layer' meta.algorithm=cavia cavia.layer=conv1
refused "found 7, but 300 classes train" meta.algorithm=simpleshot simpleshot.classes=7
refused "source sinusoid takes its tasks as they are" meta.algorithm=baseline task.source=sinusoid model.preset=mlp
refused "baseline adapts no parameter of the net" meta.algorithm=baseline inner.adapts=head
refused "needs classes" meta.algorithm=matching task.source=sinusoid model.preset=mlp
refused "needs classes" meta.algorithm=protonet task.source=sinusoid model.preset=mlp
"$program" train --resume reptile_linear-r --set outer.steps=6 >log.txt 2>&1 && fail "a schedule of another length"
grep -q "outer.steps 4, now it is 6" log.txt || fail "$(cat log.txt)"
"$program" train glyphs-5w1s-maml $small --set meta.algorithm=protonet --set task.train_ways=15 --set outer.steps=1 \
  --out many >log.txt 2>&1 || fail "more ways in training than there are validation classes: $(cat log.txt)"
"$program" eval nowhere >log.txt 2>&1 && fail "evaluated no run"
grep -q "nowhere: there is no run" log.txt || fail "$(cat log.txt)"
"$program" eval anil-1 --adapt greedy >log.txt 2>&1 && fail "a sparse inner loop of anil"
grep -q "does not adapt conv1.weight" log.txt || fail "$(cat log.txt)"
"$program" eval protomaml-1 --adapt greedy >log.txt 2>&1 && fail "a sparse inner loop of protomaml"
grep -q "a head that it makes for each task" log.txt || fail "$(cat log.txt)"
# What is learned for each inner step does not depend on how many are taken.
"$program" eval mamlpp-1 --inner-steps 1,4 --tasks 4 >log.txt 2>&1 || fail "mamlpp after other steps: $(cat log.txt)"
# The phases of a training: the losses after every step for so many meta-steps, then the last alone.
for until in 0 2 4; do
  "$program" train glyphs-5w1s-maml $small --set meta.algorithm=mamlpp --set mamlpp.multi_step=$until --set log.every=1 \
    --set eval.every=0 --out "mamlpp-$until" >log.txt 2>&1 || fail "mamlpp.multi_step=$until: $(cat log.txt)"
done
for steps in 1 4; do
  "$program" adapt mamlpp-0 --support few --set inner.steps=$steps --out mamlpp.$steps >log.txt 2>&1 &&
    "$program" predict mamlpp.$steps few >log.txt 2>&1 || fail "mamlpp, whose rates are those of two steps, adapts by $steps: $(cat log.txt)"
done
first() { head -"$2" "mamlpp-$1/metrics.jsonl" | sed 's/"support_loss.*//'; }
[ "$(first 0 1)" = "$(first 2 1)" ] && fail "mamlpp.multi_step has no effect on the first meta-step"
[ "$(first 2 2)" = "$(first 4 2)" ] || fail "mamlpp.multi_step has an effect before it ends"
[ "$(first 2 3)" = "$(first 4 3)" ] && fail "mamlpp.multi_step has no effect when it ends"
# Pre-training labels examples by their class among all that train: the loss of drawn weights is that of so many.
for many in 20 80; do
  case $many in 80) turned=classes ;; *) turned=random ;; esac
  "$program" train glyphs-5w1s-maml $small --set meta.algorithm=baseline --set task.train_ways=15 --set task.rotations=$turned \
    --set outer.steps=1 --set outer.lr=0 --set log.every=1 --set eval.every=0 --out "all-$many" >log.txt 2>&1 || fail "baseline: $(cat log.txt)"
  sed 's/.*"loss": \([0-9.]*\).*/\1/' "all-$many/metrics.jsonl" |
    awk -v n=$many '{ exit !($1 > log(n) - 0.35 && $1 < log(n) + 0.6) }' || fail "baseline of $many classes: $(cat "all-$many/metrics.jsonl")"
done
# A ridge regression of numbers.
"$program" train sinusoid-10shot-maml --set meta.algorithm=r2d2 --set outer.steps=300 --set outer.lr=0.003 --set eval.every=0 --set eval.tasks=50 \
  --out ridge >log.txt 2>&1 || fail "r2d2 of numbers: $(cat log.txt)"
"$program" eval ridge --json >eval.json 2>log.txt || fail "r2d2 of numbers: $(cat log.txt)"
grep -qE '"inner_steps": 0, "loss": [01]\.' eval.json || fail "r2d2 of numbers, which a constant predicts to about 4: $(cat eval.json)"
"$program" eval protonet-1 --adapt greedy >log.txt 2>&1 && fail "a sparse inner loop of protonet"
grep -q "makes no inner steps" log.txt || fail "$(cat log.txt)"
echo "algorithms: all do what maml does"
