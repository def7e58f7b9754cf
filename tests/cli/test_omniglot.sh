# Omniglot from the archives to an evaluation. Needs INNERLOOP_DATA, a folder that contains omniglot/.
program=$1
. "$(dirname "$0")/../support/scale.sh"
[ -d "$INNERLOOP_DATA/omniglot" ] || exit 77
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
export XDG_CACHE_HOME=$folder/cache
fail() { echo "failed: $*"; exit 1; }

few="--set model.filters=8 --set outer.meta_batch=4 --set eval.validation_tasks=10"
"$program" train omniglot-5w1s-maml --data "$INNERLOOP_DATA/omniglot" $few --set outer.steps=4 --out run >log.txt 2>&1 ||
  fail "training: $(cat log.txt)"
grep -q "importing" log.txt || fail "the import is not mentioned"
grep -q "1100/100/423 classes" log.txt || fail "the split: $(cat log.txt)"
"$program" train omniglot-20w1s-maml --data "$INNERLOOP_DATA/omniglot" $few --set inner.steps=2 \
  --set outer.steps=2 --set task.rotations=classes --set task.split=official --set task.validation_classes=100 \
  --out twenty >log.txt 2>&1 || fail "20-way: $(cat log.txt)"
grep -q "importing" log.txt && fail "imported twice"
grep -q "864/100/659 classes" log.txt || fail "the official split: $(cat log.txt)"
"$program" eval run --tasks "$(scale 20 4)" >log.txt 2>&1 || fail "evaluation: $(cat log.txt)"

"$program" data import "$INNERLOOP_DATA/omniglot" --out own.safetensors >log.txt 2>&1 || fail "import: $(cat log.txt)"
grep -q "1623 classes" log.txt || fail "classes: $(cat log.txt)"
cmp own.safetensors cache/innerloop/*.safetensors || fail "two imports differ"
"$program" data info own.safetensors | grep -q "evaluation: 659 classes" || fail "data info"
"$program" data show own.safetensors --out sheet.png --classes 3 || fail "data show"
[ -s sheet.png ] || fail "no picture"
"$program" eval run --tasks "$(scale 20 4)" --data own.safetensors >log.txt 2>&1 || fail "evaluation elsewhere: $(cat log.txt)"
echo "omniglot: all as expected"
