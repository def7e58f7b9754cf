# `innerloop bench`: lines of a printed plan are accepted as they stand, kernels give the plain loop's bytes,
# refusals are explained, and what is no problem is one sentence.
program=$1
. "$(dirname "$0")/../support/scale.sh"
same=$(scale 'same bytes' '') # kernels without fused multiply-adds round otherwise
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
fail() { echo "failed: $*"; cat out.txt err.txt 2>/dev/null; exit 1; }
bench() { "$program" bench --seconds 1 "$@" >out.txt 2>err.txt; }

# One line of each kind of operation, as the plan prints it.
"$program" plan glyphs-5w1s-maml --set model.preset=conv4 --set model.filters=8 >plan.txt || fail "plan"
kinds=0
for kind in conv conv_transpose conv_weight matmul sum max transpose pool_argmax pool_gather pool_scatter tile; do
  line=$(grep -m 1 "| $kind " plan.txt) || continue
  bench --problem "$line" || fail "$line"
  grep -q "^> .*$same" out.txt || fail "no kernel with the same bytes: $line"
  grep -q "^  reference.*same bytes" out.txt || fail "no plain loop: $line"
  kinds=$((kinds + 1))
done
"$program" plan sinusoid-5shot-maml >plan.txt || fail "plan in lanes"
for kind in matmul tile; do
  bench --problem "$(grep -m 1 "| $kind .*lanes" plan.txt)" || fail "$kind in lanes"
  grep -q "^> lanes/.*$same" out.txt || fail "no kernel for lanes with the same bytes: $kind"
done
[ $kinds -ge 8 ] || fail "only $kinds kinds of lines in the plan"
bench --problem "  0 reference | cast [5,28,28,1]" && fail "an operation without kernels was measured"
grep -q "has no kernel" err.txt || fail "no sentence"

bench --problem "matmul b1 m5 n6 k7 tn" --why || fail "why"
grep -q "refused: it reads the first operand by rows" out.txt || fail "no refusal"
bench --problem "matmul b1 m5 n6 k7 tn" || fail "without why"
grep -q "1 of the kernels.*--why" out.txt || fail "no hint at --why"
bench glyphs-5w1s-maml --why || fail "why of a plan"
grep -q "not matmul/rows: it reads" out.txt || fail "no refusal in a plan"
bench --problem "matmul b1 m5 n6 k7 f64" && fail "half a problem was accepted"
[ "$(wc -l <err.txt)" -eq 1 ] || fail "more than a sentence"
bench --problem "conv n1 h4 w4 c1 k1 f3" --threads 2 && fail "threads were accepted"
bench --why && fail "--why of nothing was accepted"

bench sinusoid-5shot-maml --json --threads 2 || fail "a preset"
grep -q '"threads": 2' out.txt || fail "threads"
grep -Eq '"name": "sinusoid-5shot-maml", "seconds": [0-9.e-]+, .*"steps": [0-9]+, "flops": [1-9][0-9]*, ' out.txt ||
  fail "no figures"
exit 0
