# innerloop fit --algorithm greedy: the four steps on labelled samples, their record, and the sparse rows.
program=$1
. "$(dirname "$0")/../support/scale.sh"
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
fail() { echo "failed: $*"; exit 1; }
steps=$(scale 6 3)
greedy() { "$program" fit --algorithm greedy --model linear --train glyphs --steps $steps --force "$@"; }

# Every distribution runs, lowers the held-out loss, and gives the same bytes on 1 and 3 threads.
kinds=(laplace "swag --walk-steps 10 --walk-lr 0.02" "sgld --burn-in 20 --walk-steps 5" "ensemble --spread 0.02 --batch 32")
full || kinds=(laplace "ensemble --spread 0.02 --batch 32 --draws 2 --walk-steps 2")
for kind in "${kinds[@]}"; do
  greedy --candidates $kind --threads 1 --out one.safetensors --metrics one.jsonl >one.txt || fail "$kind"
  greedy --candidates $kind --threads 3 --out three.safetensors --metrics three.jsonl >three.txt || fail "$kind"
  cmp one.safetensors three.safetensors || fail "$kind depends on threads"
  cmp one.jsonl three.jsonl || fail "the record of $kind depends on threads"
  [ "$(wc -l <one.jsonl)" -eq $steps ] || fail "a line per step expected: $(cat one.jsonl)"
  for key in '"log_p": ' '"log_q": ' '"variance": ' '"gradient": ' '"linear1.weight": {' '"touched": '; do
    [ "$(grep -c "$key" one.jsonl)" -eq $steps ] || fail "$kind: no $key in the record"
  done
  first=$(sed -n '1s/.*"fraction": 1, "loss": \([0-9.]*\),.*/\1/p' one.jsonl)
  last=$(sed -n $steps's/.*"fraction": 1, "loss": \([0-9.]*\),.*/\1/p' one.jsonl)
  awk "BEGIN { exit !($last < $first) }" || fail "$kind: held-out loss from $first to $last"
done
grep -q "^Step $steps - Loss: " one.txt || fail "no line per step: $(cat one.txt)"
grep -q 'test accuracy' one.txt || fail "no table: $(cat one.txt)"

# One row per fraction; each touches at most its share in a step and keeps its budget.
greedy --fraction 1,0.1,0.01 --metrics three.jsonl >table.txt || fail "several fractions"
[ "$(grep -c '→' table.txt)" -eq 3 ] || fail "three rows expected: $(cat table.txt)"
[ "$(wc -l <three.jsonl)" -eq $((3 * steps)) ] || fail "a line per fraction and step expected"
greedy --fraction 0.02 --keep-choice --plot kept.png --metrics kept.jsonl >kept.txt || fail "--keep-choice"
[ "$(sed -n '1s/.*"touched": \([0-9]*\),.*/\1/p' kept.jsonl)" = "$(sed -n $steps's/.*"touched": \([0-9]*\),.*/\1/p' kept.jsonl)" ] ||
  fail "--keep-choice touched others later: $(cut -c 1-300 kept.jsonl)"
head -c 4 kept.png | grep -q PNG || fail "no picture"
all=$(sed -n '1s/.*"scalars": \([0-9]*\),.*/\1/p' three.jsonl)
few=$(sed -n $((steps + 1))'s/.*"scalars": \([0-9]*\),.*/\1/p' three.jsonl)
[ "$few" -eq $((all / 10)) ] || fail "a tenth of $all parameters, but $few were updated"
greedy --budget 512k --score fisher --granularity channel --metrics budget.jsonl >/dev/null || fail "--budget"
sed 's/.*"bytes": \([0-9]*\),.*/\1/' budget.jsonl | while read -r bytes; do
  [ "$bytes" -gt 0 ] && [ "$bytes" -le 524288 ] || fail "$bytes bytes of 524,288"
done || exit 1

# Of several fractions the one with the lowest held-out loss is saved, wherever it stands in the list, and named.
greedy --out everything.safetensors >/dev/null || fail "one fraction"
for list in 1,0.01 0.01,1; do
  greedy --fraction $list --out kept.safetensors >table.txt 2>log.txt || fail "--fraction $list"
  grep -q '^lowest held-out loss: fraction 1 (.*kept' table.txt || fail "what is saved is not said: $(cat table.txt)"
  cmp everything.safetensors kept.safetensors || fail "--fraction $list saves another fraction's model"
done

# A fraction in which no unit fits is left out and says what the smallest needs; where none fits, that is the error.
greedy --granularity channel --fraction 0.001,0.2 >table.txt 2>log.txt || fail "one fraction that fits"
grep -qF '   0.001  left out: no channel fits: fraction 0.001 allows 15 of 15700 parameters, the smallest channel has 785 (fraction 0.05)' table.txt ||
  fail "no row for what does not fit: $(cat table.txt)"
[ "$(grep -c '→' table.txt)" -eq 1 ] || fail "one row with figures expected: $(cat table.txt)"
greedy --granularity channel --fraction 0.05 >/dev/null 2>&1 || fail "what the sentence advises does not fit"
rm -f nothing.safetensors
greedy --granularity layer --fraction 0.5 --budget 1k --out nothing.safetensors >log.txt 2>&1 && fail "nothing fits, and all is well"
grep -q "no layer fits: fraction 0.5 allows 7850 .* has 15700 (fraction 1); the budget allows 1024 bytes, the cheapest layer needs" log.txt ||
  fail "what does not fit is not said: $(cat log.txt)"
[ ! -f nothing.safetensors ] || fail "a model is saved although nothing was updated"

burn=$(scale 300 60)
# Candidates that walk for long say how far they are, and stop when asked to.
greedy --candidates sgld --burn-in $burn --steps 2 >/dev/null 2>log.txt || fail "sgld"
grep -q '^step 1 of 2, candidates: [0-9]* of '$((burn + 140))' steps' log.txt || fail "a silent chain: $(cat log.txt)"

# A net with norm layers keeps its running statistics: a trained one stays good.
"$program" fit --model omniglot_conv --hidden 4 --train glyphs --epochs 2 --lr 0.01 --out conv.safetensors >plain.txt ||
  fail "training"
"$program" fit --algorithm greedy --model omniglot_conv --hidden 4 --init conv.safetensors --train glyphs --steps 2 \
  --candidates ensemble --draws 2 --spread 0.001 --walk-steps 2 --fraction 0.1 --metrics conv.jsonl --out better.safetensors >conv.txt ||
  fail "a net with norm layers"
before=$(sed -n 's/.*test set: \([0-9.]*\) .*/\1/p' plain.txt)
after=$(awk '/→/ { print $NF }' conv.txt)
awk "BEGIN { exit !($after > $before - 10) }" || fail "accuracy fell from $before to $after"

refused() {
  "$program" fit --train glyphs --force "$@" >log.txt 2>&1 && fail "accepted: $*"
  grep -q -- "$expect" log.txt || fail "no hint at $expect: $(cat log.txt)"
}
expect="needs --algorithm greedy" refused --candidates swag
expect="laplace, swag, sgld or ensemble" refused --algorithm greedy --candidates bagging
expect="an even number" refused --algorithm greedy --draws 3
expect="--epochs: belongs to plain training" refused --algorithm greedy --epochs 3
expect="--augment: belongs to plain training" refused --algorithm greedy --augment crop
expect="--batch: laplace" refused --algorithm greedy --batch 8
expect="plain or greedy" refused --algorithm annealing
echo "greedy fit: all as expected"
