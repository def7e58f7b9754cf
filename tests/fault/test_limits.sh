# --memory refuses before work what would not fit, with the figures, and what it lets through stays below it.
program=$1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
export LC_ALL=C
fail() { echo "failed: $*"; exit 1; }
says() { # code, words, command
  local code=$1 words=$2
  shift 2
  timeout 60 "$program" "$@" >log.txt 2>&1
  local found=$?
  [ $found -eq "$code" ] || fail "$*: exit code $found, expected $code: $(tail -n 3 log.txt)"
  grep -q -e "$words" log.txt || fail "$*: expected '$words': $(tail -n 3 log.txt)"
}
run="train glyphs-5w1s-maml --set outer.steps=1 --set eval.every=0"
# The figure, the largest part, and what would fit.
says 1 "MB of memory are needed, the limit is 12.0 MB: [0-9.]* for the workspace of the plan (16 tasks on 8 threads), [0-9.]* for what is there already" \
  $run --threads 8 --memory 12M --out a
[ -e a ] && fail "a run was begun"
grep -q "thread would fit\|threads would fit\|tasks at once would fit" log.txt || fail "nothing is suggested: $(cat log.txt)"
needs=$(sed -n 's/.*innerloop: \([0-9]*\)\.[0-9]* MB of memory are needed.*/\1/p' log.txt)
[ "$needs" -gt 12 ] || fail "the figure is $needs"
# What is suggested does fit.
fewer=$(sed -n 's/.*; \([0-9]*\) threads* would fit.*/\1/p' log.txt)
[ -z "$fewer" ] || says 0 "" $run --threads "$fewer" --memory 12M --out b
tasks=$(sed -n 's/.* \([0-9]*\) tasks at once would fit.*/\1/p' log.txt)
[ -n "$tasks$fewer" ] || fail "no number of threads or tasks: $(cat log.txt)"
# With room enough the run is the same.
says 0 "" $run --threads 2 --memory 2G --out c
says 0 "" $run --threads 2 --out d
cmp c/checkpoint.safetensors d/checkpoint.safetensors || fail "a limit changes the run"
# Whatever makes a plan or reads samples.
says 1 "limit is 1.0 MB" eval c --tasks 10 --memory 1M
says 1 "limit is 1.0 MB" report c --tasks 10 --memory 1M
says 1 "limit is 0.1 MB" check sinusoid-5shot-maml --memory 100k
says 1 "limit is 3.0 MB" fit --train glyphs --epochs 1 --memory 3M
says 1 "limit is 3.0 MB" compare glyphs --seeds 1 --steps 1 --memory 3M
says 1 "limit is 0.1 MB" sweep sinusoid-5shot-maml --set outer.steps=1 --memory 100k --out s
# A large net: refused before its weights are touched.
cat >large.yaml <<'YAML'
preset: sinusoid-5shot-maml
model: {layers: [{kind: linear, units: 15000}, {kind: relu}, {kind: linear, units: 15000}, {kind: relu}, {kind: linear}]}
YAML
says 1 "out of memory while making .*: it needs [0-9.]* MB in all, the limit is 500.0 MB" train large.yaml --memory 500M --out e
# How it is written.
says 2 'memory: found "12Q", expected a number of bytes such as 500M or 2G' train glyphs-5w1s-maml --memory 12Q
says 2 'memory: found "0"' train glyphs-5w1s-maml --memory 0
says 2 'memory: found "99999999999T"' train glyphs-5w1s-maml --memory 99999999999T
says 2 'memory: found "-1"' train glyphs-5w1s-maml --memory=-1
echo "limits: all as expected"
