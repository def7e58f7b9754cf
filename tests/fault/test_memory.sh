# No memory for the n-th allocation, for a sample of all n: a sentence that says so, or it did not matter; never a crash.
# INNERLOOP_FAULTS=all takes every n.
program=$1
library=$(dirname "$program")/tests/fail_malloc.so
if [ ! -e "$library" ]; then
  echo "skipped: $library is not built (a build with sanitizers has another allocator)"
  exit 77
fi
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
fail() { echo "failed: $*"; exit 1; }

"$program" init sinusoid-5shot-maml --out weights.safetensors >/dev/null || fail "init"
cat >own.yaml <<'YAML'
preset: sinusoid-5shot-maml
model: {layers: [{kind: linear, units: 8}, {kind: relu}, {kind: linear}]}
outer: {steps: 1, meta_batch: 2}
eval: {every: 0}
YAML
most=20 # of each command
[ "$INNERLOOP_FAULTS" = all ] && most=1000000000
failures=0
attack() {
  COUNT_TO=$folder/count LD_PRELOAD=$library "$program" "$@" >log.txt 2>&1 || fail "$*: $(cat log.txt)"
  local all n step
  all=$(cat count)
  [ "$all" -gt 10 ] || fail "$*: only $all allocations were counted"
  step=$((all / most + 1))
  for n in $(seq 1 $step "$all"); do
    rm -rf run
    # A shell that says "Segmentation fault" shall say it into the log.
    { FAIL_AT=$n LD_PRELOAD=$library timeout 60 "$program" "$@" >/dev/null 2>log.txt; } 2>/dev/null
    code=$?
    failures=$((failures + 1))
    [ $code -le 2 ] || fail "$*: allocation $n: exit code $code: $(cat log.txt)"
    [ $code -eq 0 ] || grep -qi "memory" log.txt || fail "$*: allocation $n: blames something else: $(cat log.txt)"
    [ -z "$(find . -name '.innerloop-tmp-*')" ] || fail "$*: allocation $n: a temporary file stayed"
  done
}
attack plan own.yaml
attack train own.yaml --threads 2 --out run
attack convert weights.safetensors out.npz
attack convert out.npz out.pth
attack convert --list out.pth
attack data episodes glyphs-5w1s-maml --count 3 --out list.txt
attack check own.yaml --threads 1

# The last allocations of a run with curves draw them: what is drawn is all of them, or the sentence comes.
drawn=(train own.yaml --threads 1 --plot --set log.every=1 --set outer.steps=4 --out run)
rm -rf run
COUNT_TO=$folder/count LD_PRELOAD=$library "$program" "${drawn[@]}" >log.txt 2>&1 || fail "curves: $(cat log.txt)"
cp run/curve.png whole.png
all=$(cat count)
for n in $(seq $((all - 60)) "$all"); do
  rm -rf run
  FAIL_AT=$n LD_PRELOAD=$library "$program" "${drawn[@]}" >/dev/null 2>log.txt || continue
  cmp -s run/curve.png whole.png || fail "curves: allocation $n: other curves, and nobody was told"
done
echo "memory: $failures failures, all as expected"
