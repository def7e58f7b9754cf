# The comparison: six rows of equal budget, the same on any number of threads, and a picture.
program=$1
. "$(dirname "$0")/../support/scale.sh"
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
fail() { echo "failed: $*"; exit 1; }

steps=$(scale 60 6)
for threads in $(scale "1 2" 1); do
  "$program" compare glyphs --seeds 2 --steps "$steps" --json --threads $threads --out plot$threads.png >log$threads.txt 2>&1 ||
    fail "compare: $(cat log$threads.txt)"
  sed 's/, "seconds".*//' log$threads.txt >figures$threads.txt
done
! full || cmp figures1.txt figures2.txt || fail "1 and 2 threads differ"
for row in plain augmented "dropout 0.1" "dropout 0.2" "dropout 0.5" meta-learned; do
  grep -q "\"row\": \"$row\".*\"examples\": $((32 * steps))" figures1.txt || fail "$row: $(cat figures1.txt)"
done
[ "$(sort -u figures1.txt | sed 's/.*"accuracy": \([^,]*\),.*/\1/' | sort -u | wc -l)" -gt 3 ] ||
  fail "the rows are the same: $(cat figures1.txt)"
[ "$(head -c 8 plot1.png | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ] || fail "no PNG"

# A net without a hidden layer has no place for dropout, and says so.
"$program" compare glyphs --seeds 1 --steps 5 --model linear --out plot3.png >table.txt 2>&1 || fail "$(cat table.txt)"
[ "$(grep -c 'left out: the net has no hidden layer' table.txt)" -eq 3 ] || fail "dropout of linear: $(cat table.txt)"
grep -qE '^plain +[0-9.]+ ± ' table.txt || fail "table: $(cat table.txt)"
echo "compare: all as expected"
