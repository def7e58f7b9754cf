# tools/results.py: what a run reached, out of its folder, beside a published figure; the figures are those that `eval` prints.
set -eu
program=$1
here=$(cd "$(dirname "$0")/../.." && pwd)
command -v python3 >/dev/null || { echo "skipped: there is no python3"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
fail() { echo "FAILED: $*"; exit 1; }
results() { python3 "$here/tools/results.py" --program "$program" --records records.json --published published.json --page page.md "$@"; }

cat >published.json <<'JSON'
[{"what": "ours", "preset": "glyphs-5w1s-maml", "tested": "5-way 1-shot", "inner_steps": 2, "published": "99", "source": "nobody", "asked": "98"},
 {"what": "few", "preset": "glyphs-5w1s-maml", "tested": "5-way 1-shot, 3 queries", "inner_steps": 1, "published": "97", "source": "nobody"},
 {"what": "none", "preset": "omniglot-5w1s-maml", "tested": "5-way 1-shot", "inner_steps": 1, "published": "96", "source": "nobody"}]
JSON
printf 'before\n<!-- runs: made by tools/results.py -->\nold\n<!-- end of runs -->\nbehind\n' >page.md
small="--set model.filters=4 --set outer.steps=3 --set eval.every=0 --set eval.tasks=7 --set inner.lr=0.3 --set seed=5"
layers='model.layers=[{kind: conv, units: 3, kernel: 3, stride: 2, pad: 1}, {kind: relu}, {kind: linear}]'
# shellcheck disable=SC2086 # settings
"$program" train glyphs-5w1s-maml $small --out run >log.txt 2>&1 || fail "$(cat log.txt)"
results run 2>err.txt && fail "a run without evaluation was taken"
grep -q "run: has no eval.csv" err.txt || fail "$(cat err.txt)"
[ ! -e records.json ] || fail "records of nothing"
"$program" eval run >five.txt 2>&1 && results run --note alone
"$program" eval run --queries 3 --tasks 9 >few.txt 2>&1 && results run
# shellcheck disable=SC2086
"$program" train glyphs-5w1s-maml ${small#*=4} --set "$layers" --out other >log.txt 2>&1 || fail "$(cat log.txt)"
"$program" eval other >other.txt 2>&1 && results other

seen() { awk -v steps="$1" '$1 == steps { print $2, $3, $4; exit }' "$2"; } # the transductive figure
row="| 3 | \`inner.lr=0.3\` \`model.filters=4\` | 5 | 0 min, alone |"
grep -qF "$row 7 | $(seen 2 five.txt) |" page.md || fail "no row '$row 7 | $(seen 2 five.txt)': $(cat page.md)"
grep -qF "$row 9 | $(seen 1 few.txt) |" page.md || fail "no row of three queries: $(cat page.md)"
grep -qF "kind: linear, units: 0" page.md && grep -qF "| 5 | 0 min | 7 | $(seen 2 other.txt) |" page.md || fail "no row of the other net: $(cat page.md)"
grep -qF '| **none**, after 1 inner step: 96 (nobody) | not run |' page.md || fail "nothing says that one is missing: $(cat page.md)"
grep -qF '**ours**, after 2 inner steps: 99 (nobody); asked 98' page.md || fail "$(cat page.md)"
[ "$(head -n 1 page.md)" = before ] && [ "$(tail -n 1 page.md)" = behind ] && ! grep -q old page.md || fail "the page around it"
[ "$(grep -c preset records.json)" = 2 ] || fail "not two records: $(cat records.json)"
# What is another thing than what was published, or older than what was trained.
"$program" eval run --set inner.lr=0.01 >slow.txt 2>&1 && results run
grep -qF '`inner.lr=0.3` `model.filters=4` `inner.lr=0.01`' page.md && [ "$(grep -cF "| 5 | 0 min, alone |" page.md)" = 4 ] ||
  fail "an evaluation at another rate: $(cat page.md)"
"$program" eval run --set glyphs.seed=9 >log.txt 2>&1 && results run
[ "$(grep -cF "| 5 | 0 min, alone |" page.md)" = 4 ] || fail "other data count as the run's own: $(cat page.md)"
"$program" train --resume run --set outer.steps=4 >log.txt 2>&1 || fail "$(cat log.txt)"
touch -d '1 minute' run/checkpoint.safetensors
results run 2>err.txt && fail "an evaluation of earlier weights was taken"
grep -q "run: was trained after its last evaluation" err.txt || fail "$(cat err.txt)"
cp page.md again.md
results && cmp page.md again.md || fail "made anew it is another page"
echo "results: as evaluated"
