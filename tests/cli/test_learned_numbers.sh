# Numbers of the inner loop that the outer loop learns: they start where they are set, move, are in the checkpoint, resume to the same
# bytes, are what an evaluation and an adaptation take; what cannot be learned is refused.
set -eu
program=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
fail() { echo "FAILED: $*"; exit 1; }
small="glyphs-5w1s-maml --set model.filters=4 --set inner.steps=3 --set outer.meta_batch=4 --set eval.every=0 --set eval.tasks=20 --set log.every=1"
numbers="--set inner.optimizer=momentum --set inner.momentum=0.8 --set inner.l2=0.02 --set inner.clip=0.2 --set inner.lr=0.1"
learned="--set inner.learned=momentum,lr,l2,clip"
train() { # name, settings
  name=$1
  shift
  # shellcheck disable=SC2086 # lists of settings
  "$program" train $small $numbers "$@" --out "$name" >log.txt 2>&1 || fail "$name: $(cat log.txt)"
}
refused() { # sentence, command
  sentence=$1
  shift
  "$@" >out.txt 2>err.txt && fail "accepted: $*"
  grep -qF "$sentence" err.txt || fail "not '$sentence': $(cat err.txt)"
}
value() { sed -n "$2 s/.*\"$3\": \([^,}]*\).*/\1/p" "$1/metrics.jsonl"; }

# shellcheck disable=SC2086
train whole $learned --set outer.steps=6 --threads 1
for name in inner.lr inner.l2 inner.momentum.logit inner.clip.log; do
  [ -n "$(value whole 6 $name)" ] || fail "$name is not in the metrics: $(cat whole/metrics.jsonl)"
  [ "$(value whole 1 $name)" != "$(value whole 6 $name)" ] || fail "$name does not move"
done
awk "BEGIN { x = $(value whole 1 inner.momentum.logit); y = $(value whole 1 inner.clip.log);
  exit !(x > 1.3 && x < 1.5 && y > -1.7 && y < -1.5) }" || fail "they start elsewhere: $(head -n 1 whole/metrics.jsonl)"

# A decay of weights draws what stands for itself to 0, and no logit: that would be momentum towards a half.
# shellcheck disable=SC2086
train decayed $learned --set outer.steps=6 --set outer.optimizer=adamw --set outer.weight_decay=100 --threads 1
awk "BEGIN { exit !($(value decayed 6 inner.momentum.logit) > 1.3 && $(value decayed 6 inner.l2) < 0.015) }" ||
  fail "decay: $(tail -n 1 decayed/metrics.jsonl)"

# Stopped and resumed on other threads.
# shellcheck disable=SC2086
train part $learned --set outer.steps=3 --threads 2
"$program" train --resume part --set outer.steps=6 --threads 1 >log.txt 2>&1 || fail "$(cat log.txt)"
cmp whole/checkpoint.safetensors part/checkpoint.safetensors || fail "resumed it is another run"

# They are what adapts: with a learned rate of 0 in the checkpoint, three steps answer as none.
if command -v python3 >/dev/null; then
  cp -r whole still
  python3 - still/checkpoint.safetensors <<'PYTHON'
import json, struct, sys
with open(sys.argv[1], "r+b") as file:
    n = struct.unpack("<Q", file.read(8))[0]
    begin, end = json.loads(file.read(n))["meta/inner.lr"]["data_offsets"]
    file.seek(8 + n + begin)
    file.write(bytes(end - begin))
PYTHON
  for name in whole still; do
    "$program" eval $name --set eval.steps=0,3 >$name.txt 2>log.txt || fail "$(cat log.txt)"
    after() { awk -v steps=$1 '$1 == steps { print $2, $3, $4 }' $name.txt; }
    [ "$(after 0)" = "$(after 3)" ] && same=true || same=false
    [ $name-$same = whole-false ] || [ $name-$same = still-true ] || fail "$name: $(cat $name.txt)"
  done
fi
# shellcheck disable=SC2086
"$program" check $small $numbers $learned >check.txt 2>&1 || fail "$(cat check.txt)"
# shellcheck disable=SC2086
"$program" check $small --set inner.loop=keep --set inner.optimizer=adamw --set inner.lr=0.05 --set inner.eps=1e-3 \
  --set inner.learned=beta1,beta2,eps,weight_decay >check.txt 2>&1 || fail "$(cat check.txt)"
refused "inner.momentum cannot be changed for an evaluation: maml has learned it" "$program" eval whole --set inner.momentum=0.5
"$program" data export glyphs --out all >log.txt 2>&1 || fail "$(cat log.txt)"
mkdir few
for c in 1 2 3 4 5; do
  mkdir few/$c
  cp all/Glyph01/character0$c/00000[12].png few/$c
done
"$program" adapt whole --support few --set inner.steps=2 --out adapted >log.txt 2>&1 || fail "adapt: $(cat log.txt)"
refused "inner.lr cannot be changed: maml has learned it" "$program" adapt whole --support few --set inner.lr=0.5 --out again
"$program" adapt whole --support few --head means --out means >log.txt 2>&1 || fail "class means: $(cat log.txt)"

# What cannot be learned.
# shellcheck disable=SC2086
for setting in "inner.learned=beta1|found \"beta1\", expected some of lr, l2, clip, momentum, comma between" \
  "inner.learned=nesterov|found \"nesterov\", expected some of" "inner.learned=!lr|found \"!lr\"" \
  "inner.learned=lr,lr|found lr twice" "inner.learned=momentum --set inner.momentum=0|inner.momentum: found 0, but one that is learned" \
  "inner.learned=clip --set inner.clip=0|inner.clip: found 0, but one that is learned starts above 0" \
  "inner.learned=lr --set meta.algorithm=meta_sgd|or with meta_sgd, which learns it" \
  "inner.learned=lr --set meta.algorithm=reptile|but reptile learns nothing through inner steps" \
  "inner.learned=lr --set meta.algorithm=imaml|but imaml learns nothing through inner steps"; do
  refused "${setting#*|}" "$program" train $small $numbers --set ${setting%%|*} --set outer.steps=1 --out no
  [ ! -e no ] || fail "a refused run left a folder"
done
echo "learned numbers: as expected"
