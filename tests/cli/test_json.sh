# What --json prints is JSON, and says what the text says.
program=$1
command -v python3 >/dev/null || { echo "skipped: there is no python3, which reads it"; exit 77; }
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
fail() { echo "failed: $*"; exit 1; }
# says EXPRESSION COMMAND…: true of `it`, what the command prints.
says() {
  local what=$1
  shift
  "$program" "$@" >out.json 2>err.txt || fail "$*: $(cat err.txt)"
  python3 -c 'import json, sys; it = json.load(open("out.json")); sys.exit(not eval(sys.argv[1]))' "$what" ||
    fail "$*: not $what: $(cat out.json)"
}
chosen=$("$program" info | sed -n 's/^.*  *\(v[234]\|portable\|aarch64\)  *bit class.*chosen$/\1/p')
says "it['instructions'] == '$chosen' and any(k['instructions'] == '$chosen' and k['runs_here'] for k in it['kernels'])" info --json
says "len(it) == $("$program" presets | grep -c '^    Source: ') and all(p['name'] and p['source'] and p['settings'] for p in it)" \
  presets --json
says "it['threads'] == 1 and it['steps'][0]['name'] == 'sinusoid-5shot-maml' and it['steps'][0]['seconds'] > 0" \
  bench sinusoid-5shot-maml --seconds 1 --threads 1 --json
for problem in "matmul b1 m5 n6 k7 tn" "task_product m784 n256 k5"; do
  says "it['problem'] == '$problem' and sum(k.get('chosen', False) for k in it['kernels']) == 1 and all(k.get('right', True) for k in it['kernels'])" \
    bench --problem "$problem" --seconds 1 --json
done
says "any('refused' in k for k in it['kernels'])" bench --problem "matmul b1 m5 n6 k7 tn" --seconds 1 --json
# What has diverged is null, which every reader of JSON takes; a report leaves it out.
"$program" train sinusoid-5shot-maml --set outer.steps=2 --set inner.lr=100 --set inner.steps=40 --set outer.skip_nonfinite=true \
  --set eval.every=1 --set eval.validation_tasks=5 --set eval.tasks=5 --threads 1 --out wild >out.txt 2>err.txt || fail "wild: $(cat err.txt)"
grep -q "validation: diverged (5 tasks)" out.txt || fail "wild: $(cat out.txt)"
python3 -c 'import json
rows = [json.loads(line) for line in open("wild/metrics.jsonl")]
assert any("validation_loss" in row and row["validation_loss"] is None for row in rows), rows' || fail "metrics: $(cat wild/metrics.jsonl)"
says "any(r['loss'] is None for r in it['results']) and any(r['loss'] is not None for r in it['results'])" eval wild --json
"$program" report wild >out.txt 2>err.txt || fail "report of what diverged: $(cat err.txt)"
"$program" bench sinusoid-5shot-maml --seconds 1 --threads 1 >out.txt || fail "bench as text"
grep -q "^sinusoid-5shot-maml  *[0-9]" out.txt || fail "bench as text: $(cat out.txt)"
echo "json: passed"
