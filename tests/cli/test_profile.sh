# What `innerloop train` says about time and memory: the profile's shares cover the whole plan, taking it
# changes no result, and the parts of the memory add up to what is announced before the first meta-step.
set -eu
innerloop=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
fail() { echo "FAILED: $1"; cat out; exit 1; }

run() { # name, further options
  name=$1
  shift
  "$innerloop" train glyphs-5w1s-maml --threads 3 --out "$name" --set outer.steps=4 --set eval.every=2 \
    --set eval.validation_tasks=4 --set glyphs.alphabets=2 --set task.train_classes=20 --set task.validation_classes=8 "$@" >out
}

run plain
grep -q '^profile' out && fail "a profile that nobody asked for"
head -2 out | grep -q '^memory: ' || fail "the memory is not in the first two lines"
grep '^memory: ' out | sed 's/[^0-9. ]//g' | awk '{
  sum = 0
  for (i = 2; i <= NF; i++) sum += $i
  if (NF != 8 || sum < $1 - 0.5 || sum > $1 + 0.5) exit 1
}' || fail "the parts of the memory do not add up"

run timed --profile
cmp plain/checkpoint.safetensors timed/checkpoint.safetensors || fail "profiling changed the checkpoint"
grep -q '^profile of 4 runs of the plan' out || fail "no profile"
# The lines up to the first empty one: at most 25 steps and the rest, together all of the time.
sed -n '/^ *share/,/^$/p' out | awk '$2 == "%" { lines++; share += $1 }
  END { exit !(lines == 26 && share > 98 && share < 102) }' || fail "the shares of the steps"
sed -n '/^by kernel/,/^$/p' out | awk '$2 == "%" { share += $1 } END { exit !(share > 98 && share < 102) }' ||
  fail "the shares of the kernels"
sed -n '/^the whole loop: 4 meta-steps/,$p' out | awk '$2 == "%" { lines++; share += $1 }
  END { exit !(lines == 5 && share > 98 && share < 102) }' || fail "the shares of the loop"

"$innerloop" train glyphs-5w1s-maml --json --profile --out json --set outer.steps=1 --set eval.every=0 \
  --set glyphs.alphabets=2 --set task.train_classes=20 --set task.validation_classes=8 >out 2>profile
grep -q '^profile of 1 runs' profile || fail "no profile beside JSON"
grep -vq '^{' out && fail "JSON is mixed with other lines"
exit 0
