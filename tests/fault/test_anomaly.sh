# What is not finite: --detect-anomaly says where it arises, outer.skip_nonfinite leaves such meta-steps out, the same on any number
# of threads and whether the run was stopped or not.
program=$1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
export LC_ALL=C
fail() { echo "failed: $*"; exit 1; }

# 20 classes of 12 examples of 4 features; then one number is exchanged.
awk 'BEGIN { for (c = 0; c < 20; c++) for (i = 0; i < 12; i++)
  printf "k%02d,%.3f,%.3f,%.3f,%.3f\n", c, c % 7 + 0.01 * i, c % 3, c % 5 - 0.02 * i, 0.1 * i }' >good.csv
"$program" data import good.csv --y 1 --out good.safetensors >log.txt 2>&1 || fail "import: $(cat log.txt)"
for c in $(seq 0 19); do printf '%s k%02d\n' "$([ "$c" -lt 14 ] && echo train || echo test)" "$c"; done >split.txt
offset() { # file, tensor: where its first number stands
  local header at
  header=$(od -An -t u8 -N 8 "$1" | tr -d ' ')
  at=$(dd if="$1" bs=1 skip=8 count="$header" 2>/dev/null | grep -ao "\"$2\":{[^}]*}" | sed 's/.*"data_offsets":\[\([0-9]*\),.*/\1/')
  [ -n "$at" ] || fail "$2 is not in $1"
  echo $((8 + header + at))
}
exchange() { # file, bytes: a number of the second class
  cp good.safetensors "$1"
  printf "$2" | dd of="$1" bs=1 seek=$(($(offset good.safetensors examples) + 20 * 16)) conv=notrunc 2>/dev/null
}
exchange nan.safetensors '\0\0\xc0\x7f'
exchange large.safetensors '\xca\xf2\x49\x71' # 1e30
train() { # data, out, more
  local data=$1 out=$2
  shift 2
  timeout 60 "$program" train pictures-5w1s-maml --set task.source=dataset --data "$data" --set model.preset=mlp --set task.split=file \
    --set task.split_file=split.txt --set outer.steps=40 --set outer.schedule=constant --set outer.meta_batch=2 --set inner.lr=0.1 --set eval.every=0 --set task.queries=5 \
    --set log.every=1 --set checkpoint.every=5 --out "$out" "$@" >log.txt 2>&1
}
says() { # words
  grep -q -e "$1" log.txt || fail "expected '$1': $(tail -n 2 log.txt)"
}

# In the data, before anything is computed of it.
train nan.safetensors a --detect-anomaly && fail "NaN in the data"
says "task [01] of meta-step [0-9]*: came with the data: \(support\|query\)_x \[[0-9]*,4\], number [0-9]* is nan; the loss is"
train nan.safetensors b && fail "NaN in the data, nobody asked where"
says "the loss of meta-step [0-9]* is -\?nan.*--detect-anomaly says where it arises"
# In an operation, by its name, its place in the net and what it computed of what.
train large.safetensors c --detect-anomaly && fail "an overflow"
says "meta-step [0-9]*: not finite first in [a-z0-9_]* \[[0-9,]*\] (.*), number [0-9]*.* is -\?inf"
timeout 60 "$program" train sinusoid-5shot-maml --set outer.optimizer=sgd --set outer.lr=1e6 --set inner.lr=10 --set eval.every=0 --out d \
  --detect-anomaly >log.txt 2>&1 && fail "a run that goes away"
says "task [0-9]* of meta-step [0-9]*: not finite first in matmul \[[0-9,]*\] (linear[0-9].*), number [0-9]* is -\?inf, made of finite numbers from"
# In weights that a checkpoint brings.
train good.safetensors e --set outer.steps=1 || fail "a good run: $(cat log.txt)"
printf '\0\0\x80\x7f' | dd of=e/checkpoint.safetensors bs=1 seek=$(offset e/checkpoint.safetensors linear1.bias) conv=notrunc 2>/dev/null
train good.safetensors e --resume --detect-anomaly && fail "weights that are infinite"
says "meta-step 2: came with the weights: linear1.bias \[[0-9]*\], number 0 is inf"
# A run that stays finite is the same with and without.
train good.safetensors f --threads 1 || fail "$(cat log.txt)"
train good.safetensors g --threads 2 --detect-anomaly || fail "a good run: $(cat log.txt)"
cmp f/checkpoint.safetensors g/checkpoint.safetensors || fail "looking changes the run"
grep -q skipped f/metrics.jsonl && fail "something was skipped of a good run"

# Left out and counted: on 1 and 2 threads, and stopped in between.
skip="--set outer.skip_nonfinite=true"
train nan.safetensors h --threads 1 $skip || fail "not skipped: $(cat log.txt)"
says "[0-9]* meta-steps were left out: their loss or update was not finite"
left=$(sed -n 's/\([0-9]*\) meta-steps were left out.*/\1/p' log.txt)
[ "$left" -gt 0 ] && [ "$left" -lt 40 ] || fail "$left of 40 meta-steps were left out"
[ "$(grep -c '"loss"' h/metrics.jsonl)" -eq $((40 - left)) ] || fail "metrics: $(cat h/metrics.jsonl)"
[ "$(wc -l <h/metrics.jsonl)" -eq 40 ] || fail "a line is missing"
tail -n 1 h/metrics.jsonl | grep -q "\"skipped\": $left}" || fail "the last line: $(tail -n 1 h/metrics.jsonl)"
grep -qi nan h/metrics.jsonl && fail "metrics that are no JSON"
train nan.safetensors i --threads 2 $skip --set outer.steps=23 || fail "$(cat log.txt)"
train nan.safetensors i --threads 2 $skip --resume || fail "$(cat log.txt)"
says "^$left meta-steps were left out"
cmp h/checkpoint.safetensors i/checkpoint.safetensors || fail "skipping depends on threads or stops"
timeout 60 "$program" report h --tasks 2 >log.txt 2>&1 || fail "a report of it: $(cat log.txt)"
train nan.safetensors j --threads 1 $skip --json || fail "$(cat log.txt)"
says "\"skipped\": $left"
# A run that broke is continued with it.
train nan.safetensors b $skip --resume || fail "it cannot be turned on later: $(cat log.txt)"
# Nothing but such meta-steps is a run that does nothing.
timeout 60 "$program" train sinusoid-5shot-maml --set outer.optimizer=sgd --set outer.lr=1e6 --set inner.lr=10 --set eval.every=0 $skip \
  --set outer.steps=100000 --out k >log.txt 2>&1 && fail "it went on"
says "100 meta-steps in a row were not finite"
echo "what is not finite: found, or left out"
