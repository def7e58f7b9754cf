# What innerloop fit reads and writes: nothing is overwritten unasked, what cannot work is refused before training, what
# was trained is never lost, a run's checkpoint is a model, and pixels and reals are told apart.
program=$1
folder=$(mktemp -d) || exit 1
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder" || exit 1
fail() { echo "failed: $*"; exit 1; }

# tensors FILE HEADER BYTES…: a safetensors file, the bytes in hexadecimal.
tensors() {
  file=$1 header=$2
  shift 2
  n=${#header}
  printf "\\x$(printf %02x $((n % 256)))\\x$(printf %02x $((n / 256)))\\0\\0\\0\\0\\0\\0" >"$file"
  printf '%s' "$header" >>"$file"
  for byte in "$@"; do printf "\\x$byte"; done >>"$file"
}
# refused "text" OPTION…: says so, without training.
refused() {
  text=$1
  shift
  # shellcheck disable=SC2086 # none, or two words
  "$program" fit --model linear ${epochs---epochs 3} "$@" >out.txt 2>err.txt && fail "accepted: $*"
  grep -qF -- "$text" err.txt || fail "$*: expected \"$text\" in: $(cat err.txt)"
  grep -q Epoch out.txt && fail "$*: trained before it said: $(cat err.txt)"
}

pixels="00 00 ff 10 00 20 ff 30 00 00 ff 10 00 20 ff 30"
labels="00 01 00 01 00 01 00 01"
half="00 00 00 3f" one="00 00 80 3f" hundred="00 00 c8 42" none="00 00 00 00"
# shellcheck disable=SC2086
{
  tensors pixels.safetensors '{"x":{"dtype":"U8","shape":[8,2],"data_offsets":[0,16]},"y":{"dtype":"U8","shape":[8],"data_offsets":[16,24]}}' $pixels $labels
  tensors both.safetensors '{"test.x":{"dtype":"U8","shape":[4,2],"data_offsets":[0,8]},"test.y":{"dtype":"U8","shape":[4],"data_offsets":[8,12]},"train.x":{"dtype":"U8","shape":[8,2],"data_offsets":[12,28]},"train.y":{"dtype":"U8","shape":[8],"data_offsets":[28,36]}}' \
    00 00 ff 10 00 20 ff 30 00 01 00 01 $pixels $labels
  reals='{"x":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"y":{"dtype":"U8","shape":[2],"data_offsets":[16,18]}}'
  tensors unit.safetensors "$reals" $none $half $one $half 00 01
  tensors raw.safetensors "$reals" $none $half $hundred $half 00 01
  tensors wide.safetensors '{"x":{"dtype":"U8","shape":[2,3],"data_offsets":[0,6]},"y":{"dtype":"U8","shape":[2],"data_offsets":[6,8]}}' 00 00 00 00 00 00 00 01
  tensors targets.safetensors '{"x":{"dtype":"U8","shape":[2,2],"data_offsets":[0,4]},"y":{"dtype":"F32","shape":[2,2],"data_offsets":[4,20]}}' 00 00 00 00 $none $one $one $none
}

# Training and test data in one file are never taken together; a key chooses.
refused 'both.safetensors has several data sets, "test" and "train"; choose one by its key: both.safetensors:test' \
  --train both.safetensors
refused 'nothing stands under the key "trian"; found "test", "train"' --train both.safetensors:trian
"$program" fit --model linear --train both.safetensors:train --test both.safetensors:test >out.txt 2>&1 ||
  fail "keys: $(cat out.txt)"
grep -q "of 4)$" out.txt || fail "keys: the test set has 4 samples: $(cat out.txt)"

# Nothing is overwritten unasked.
cp model.safetensors first.safetensors
refused "model.safetensors exists; --force overwrites it" --train pixels.safetensors
cmp -s model.safetensors first.safetensors || fail "the model was overwritten"
"$program" fit --model linear --train pixels.safetensors --force >out.txt 2>&1 || fail "--force: $(cat out.txt)"
cmp -s model.safetensors first.safetensors && fail "--force wrote nothing"
echo kept >metrics.jsonl
epochs= refused "metrics.jsonl exists; --force overwrites it" --train glyphs --algorithm greedy --out greedy.safetensors
[ "$(cat metrics.jsonl)" = kept ] || fail "metrics.jsonl was overwritten"
rm -f model.safetensors

# What cannot end well is not begun.
refused "nowhere" --train pixels.safetensors --test nowhere.pt
refused "wide.safetensors: an example has shape [3]" --train pixels.safetensors --test wide.safetensors
refused "targets.safetensors has targets, but the samples to train on have labels" --train pixels.safetensors \
  --test targets.safetensors
refused "nowhere/m.pth cannot be written" --train pixels.safetensors --out nowhere/m.pth
refused "a .npy file holds one tensor" --train pixels.safetensors --out m.npy
refused "cannot be drawn" --train glyphs --meta --episodes by-class --queries 10
[ -e model.safetensors ] && fail "a refused command wrote a model"

# Pixels and reals: of one scale they are one thing, which is said; of another they are refused.
refused "raw.safetensors: found reals below 0 or above 1, but the model was trained on pixels divided by 255" \
  --train pixels.safetensors --test raw.safetensors
refused "pixels.safetensors: found pixels (u8), but the model was trained on reals below 0 or above 1" \
  --train raw.safetensors --test pixels.safetensors
"$program" fit --model linear --train pixels.safetensors --test unit.safetensors --out p.safetensors >out.txt 2>&1 ||
  fail "reals in [0, 1]: $(cat out.txt)"
grep -qF "pixels.safetensors has pixels, which are divided by 255; unit.safetensors has reals in [0, 1], taken as they are" \
  out.txt || fail "the scale is not said: $(cat out.txt)"
refused "raw.safetensors: found reals" --init p.safetensors --train raw.safetensors

# A later step that fails does not take the trained model along.
"$program" fit --algorithm greedy --model linear --train glyphs --steps 3 --metrics g.jsonl --plot nowhere/plot.png \
  --out plotless.safetensors >out.txt 2>err.txt && fail "a plot into nowhere"
grep -q "nowhere/plot.png" err.txt || fail "the plot: $(cat err.txt)"
grep -q "^saved plotless.safetensors" out.txt || fail "not said to be saved: $(cat out.txt)"
"$program" fit --model linear --train glyphs --epochs 0 --init plotless.safetensors --out again.safetensors >out.txt 2>&1 ||
  fail "the model of the failed plot: $(cat out.txt)"
# While meta-training runs, the classifier that it started from lies there already.
"$program" fit --model linear --train glyphs --epochs 1 --meta --meta-steps 100000000 --out stages.safetensors >out.txt 2>&1 &
pid=$!
while [ ! -s stages.safetensors ] && kill -0 $pid 2>/dev/null; do sleep 0.05; done
kill -KILL $pid
wait $pid 2>/dev/null
"$program" fit --model linear --train glyphs --epochs 0 --init stages.safetensors --out again.safetensors --force >out.txt 2>&1 ||
  fail "killed while meta-training: $(cat out.txt)"

# A run's checkpoint, Adam's moments and all, is a model.
"$program" train glyphs-5w1s-maml --set model.filters=4 --set outer.meta_batch=2 --set outer.steps=2 --set eval.every=0 \
  --set task.ways=20 --set task.queries=2 --set glyphs.alphabets=6 --set glyphs.classes=10 \
  --set task.train_classes=20 --set task.validation_classes=20 --set meta.query_statistics=support --out run >out.txt 2>&1 ||
  fail "training: $(cat out.txt)"
"$program" fit --model omniglot_conv --train glyphs --epochs 0 --init run/checkpoint.safetensors --out taken.safetensors \
  >out.txt 2>&1 || fail "fit --init checkpoint: $(cat out.txt)"
for name in conv1.weight linear1.bias norm1.running_mean; do
  "$program" convert --list taken.safetensors | grep -q "$name" || fail "no $name: $("$program" convert --list taken.safetensors)"
done
"$program" convert --list taken.safetensors | grep -q adam && fail "an optimizer's state in a model"
head -c 400 taken.safetensors | grep -aq '"inputs":"pixels","kind":"innerloop model 1","norm_statistics":"support"' ||
  fail "what the run was trained on is lost: $(head -c 400 taken.safetensors)"
"$program" improve glyphs --model omniglot_conv --tasks 4 --meta-steps 0 --init run/checkpoint.safetensors --json >out.txt 2>err.txt ||
  fail "improve --init checkpoint: $(cat err.txt)"
echo "files of fit: all as expected"
