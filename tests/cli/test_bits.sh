# The same checkpoint bytes after 20 meta-steps on 1, 2, 3 and 7 threads and on v3 and v4, for sinusoid regression and for
# 5-way Omniglot (drawn characters where INNERLOOP_DATA names no Omniglot).
program=$1
. "$(dirname "$0")/../support/scale.sh"
[ "$(uname -m)" = x86_64 ] || { echo "skipped: compares x86-64-v3 and -v4"; exit 77; }
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
export XDG_CACHE_HOME=$folder/cache
fail() { echo "failed: $*"; exit 1; }

"$program" info | grep -q "^ *portable" || { echo "skipped: not built for all instruction sets"; exit 77; }
"$program" info | grep "^instructions\|^ " | grep "v2" | grep -q "no-fma" || fail "info does not say that v2 differs"
INNERLOOP_ISA=v9 "$program" train sinusoid-5shot-maml --out wrong >log.txt 2>&1 && fail "v9 was accepted"
grep -q "INNERLOOP_ISA: unknown instruction set 'v9'; this build has v4, v3, v2, portable" log.txt || fail "v9: $(cat log.txt)"

sets=
for isa in v3 v4; do
  if INNERLOOP_ISA=$isa "$program" info >log.txt 2>&1; then sets="$sets $isa"; else echo "$isa: not on this CPU"; fi
done
[ -n "$sets" ] || exit 77

# compare NAME PRESET [OPTION...]
compare() {
  name=$1 preset=$2 first= count=0
  shift 2
  for isa in $sets; do
    for threads in $(scale "1 2 3 7" 3); do
      run=$name-$isa-$threads
      INNERLOOP_ISA=$isa "$program" train "$preset" "$@" --set outer.steps="$(scale 20 2)" --set eval.every=0 --threads $threads \
        --out "$run" >log.txt 2>&1 || fail "$run: $(cat log.txt)"
      [ -n "$first" ] || first=$run
      cmp "$first/checkpoint.safetensors" "$run/checkpoint.safetensors" || fail "$first and $run differ"
      count=$((count + 1))
    done
  done
  echo "$name: $count equal checkpoints"
}
compare sinusoid sinusoid-10shot-maml
if full && [ -d "$INNERLOOP_DATA/omniglot" ]; then
  compare omniglot omniglot-5w1s-maml --data "$INNERLOOP_DATA/omniglot" --set outer.meta_batch=8
else
  compare glyphs glyphs-5w1s-maml --set outer.meta_batch=8
fi
INNERLOOP_ISA=v2 "$program" train sinusoid-5shot-maml --set outer.steps=20 --set eval.every=0 --out two >log.txt 2>&1 ||
  fail "v2: $(cat log.txt)"
