# A classifier made better: the same figures on any number of threads; without meta-training nothing changes.
# Nothing here depends on how good the adapted figures are, and test tasks are most of the time: four are enough.
program=$1
. "$(dirname "$0")/../support/scale.sh"
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
fail() { echo "failed: $*"; exit 1; }
improve() { "$program" improve glyphs --hidden "$(scale 8 2)" --tasks "$(scale 4 2)" --json "$@" 2>log.txt; }
figure() { sed -n "s/.*\"$1\": \([0-9.e-]*\).*/\1/p" "$2"; }

for threads in $(scale "1 2" 2); do
  improve --epochs 2 --meta-steps 10 --threads $threads --out meta$threads.safetensors >out$threads.json ||
    fail "improve: $(cat log.txt)"
  sed 's/, "seconds".*//' out$threads.json >figures$threads.txt
done
! full || cmp figures1.txt figures2.txt || fail "1 and 2 threads differ"
! full || cmp meta1.safetensors meta2.safetensors || fail "1 and 2 threads save different models"
[ "$(grep -o '"shots"' figures2.txt | wc -l)" -eq 4 ] || fail "four adapted figures expected: $(cat figures2.txt)"

# A classifier from a file is tested on the same examples; under its own last layer, unchanged weights score as before.
"$program" fit --train glyphs --model omniglot_conv --hidden "$(scale 8 2)" --epochs "$(scale 10 1)" --out elsewhere.safetensors >log.txt 2>&1 ||
  fail "fit: $(cat log.txt)"
improve --init elsewhere.safetensors --meta-steps 0 >out.json || fail "improve --init: $(cat log.txt)"
[ "$(figure classes out.json)" = 20 ] || fail "the file has 20 classes: $(cat out.json)"
awk "BEGIN { d = $(figure original out.json) - $(figure original_old_head out.json); exit !(d < 0.1 && d > -0.1) }" ||
  fail "weights without meta-training score otherwise: $(cat out.json)"
[ "$(figure original_new_head out.json)" != 0 ] || fail "new last layer: $(cat out.json)"

# The stages say on standard error how far they are; what the data lack is said before any of them.
improve --epochs 2 --meta-steps 10 >/dev/null || fail "improve: $(cat log.txt)"
for line in "training the classifier: 0 of 2 epochs" "meta-training from its weights: 0 of 10 meta-steps" \
  "adapting to unseen classes: 0 of 84 settings" "training a new last layer for the original classes: 0 of 40 epochs"; do
  grep -qx "$line" log.txt || fail "no line '$line': $(cat log.txt)"
done
improve --ways 30 >/dev/null && fail "30-way tasks of 40 unseen classes"
grep -q "80 background classes (20 or more examples each) and 40 others .* 30-way tasks need .* 60 others, 30 to validate" log.txt ||
  fail "what is missing is not said: $(cat log.txt)"
grep -q "training the classifier" log.txt && fail "work before the data were looked at: $(cat log.txt)"

improve --init nowhere.pth >/dev/null && fail "a missing file was accepted"
grep -q "nowhere.pth" log.txt || fail "the missing file is not named: $(cat log.txt)"
echo "improve: all as expected"
