# Training on plain samples from the command line: printed lines, equal bytes on any number of threads, stopping.
program=$1
. "$(dirname "$0")/../support/scale.sh"
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
fail() { echo "failed: $*"; exit 1; }

for threads in 1 2 3; do
  "$program" fit --train glyphs --model mlp --epochs 5 --threads $threads --out model$threads.safetensors >log$threads.txt 2>&1 ||
    fail "fit on $threads threads: $(cat log$threads.txt)"
done
cmp model1.safetensors model2.safetensors || fail "1 and 2 threads differ"
cmp model1.safetensors model3.safetensors || fail "1 and 3 threads differ"
[ "$(grep -cE '^Epoch [1-5] - Loss: [0-9]+\.[0-9]{4}$' log1.txt)" -eq 5 ] || fail "the lines of epochs: $(cat log1.txt)"
grep -qE '^Accuracy of the model on the test set: [0-9.]+ % \([0-9]+ of 100\)$' log1.txt || fail "accuracy: $(cat log1.txt)"

# The loss falls, and what was saved scores the same again.
first=$(sed -n 's/Epoch 1 - Loss: //p' log1.txt)
last=$(sed -n 's/Epoch 5 - Loss: //p' log1.txt)
awk "BEGIN { exit !($last < 0.8 * $first) }" || fail "the loss went from $first to $last"
"$program" fit --train glyphs --epochs 0 --init model1.safetensors --out again.safetensors >again.txt || fail "again"
[ "$(grep Accuracy log1.txt)" = "$(grep Accuracy again.txt)" ] || fail "saved model: $(cat log1.txt again.txt)"
cmp model1.safetensors again.safetensors || fail "reading and saving changes a model"

# Convolutions with norm, dropout, augmentation, the other loss and optimizer.
for threads in 1 2; do
  "$program" fit --train glyphs --model omniglot_conv --hidden "$(scale 8 2)" --epochs "$(scale 2 1)" --batch 30 --parts 3 --threads $threads \
    --optimizer sgd --lr 0.1 --loss binary_cross_entropy --dropout 0.2 --augment rotate,flip,crop,affine,erase \
    --out conv$threads.safetensors >log.txt 2>&1 || fail "conv: $(cat log.txt)"
done
cmp conv1.safetensors conv2.safetensors || fail "convolutions: 1 and 2 threads differ"

# Meta-learning on the same samples, within all classes and by class, makes it better; on any number of threads.
for kind in all-classes by-class; do
  for threads in 1 2; do
    "$program" fit --train glyphs --epochs "$(scale 3 1)" --meta --episodes $kind --meta-steps "$(scale 150 3)" --threads $threads \
      --out $kind$threads.safetensors >$kind$threads.txt 2>&1 || fail "--meta: $(cat $kind$threads.txt)"
  done
  cmp ${kind}1.safetensors ${kind}2.safetensors || fail "$kind: 1 and 2 threads differ"
  before=$(sed -n 's/^Accuracy.*: \([0-9.]*\) .*/\1/p' $kind$threads.txt | tail -n 2 | head -n 1)
  [ $kind = by-class ] || before=$(sed -n 's/^Accuracy of the model on the test set: \([0-9.]*\) .*/\1/p' $kind$threads.txt)
  after=$(sed -n 's/^Accuracy.*: \([0-9.]*\) .*/\1/p' $kind$threads.txt | tail -n 1)
  ! full || awk "BEGIN { exit !($after > $before + 5) }" || fail "$kind: from $before to $after: $(cat $kind$threads.txt)"
done

# Wrong use is refused in one sentence.
"$program" fit >log.txt 2>&1 && fail "no data was accepted"
grep -q -- "--train is missing" log.txt || fail "$(cat log.txt)"
"$program" fit --train glyphs --loss mse >log.txt 2>&1 && fail "--loss mse was accepted"
grep -q "expected cross_entropy or binary_cross_entropy" log.txt || fail "$(cat log.txt)"
"$program" fit --train glyphs --model linear --init model1.safetensors >log.txt 2>&1 && fail "another net was accepted"
grep -q "the file has .*; the net has linear1.weight" log.txt || fail "$(cat log.txt)"

# Ctrl-C: exit code 130, the model so far is saved whole.
"$program" fit --train glyphs --epochs 1000000 --out stopped.safetensors >stopped.txt 2>&1 &
pid=$!
while [ ! -s stopped.txt ] && kill -0 $pid 2>/dev/null; do sleep 0.05; done
kill -INT $pid 2>/dev/null || kill -TERM $pid
wait $pid
code=$?
[ $code -eq 130 ] || fail "exit code after Ctrl-C: $code: $(cat stopped.txt)"
"$program" fit --train glyphs --epochs 0 --init stopped.safetensors >log.txt 2>&1 || fail "stopped model: $(cat log.txt)"
echo "fit: all as expected"
