#!/bin/bash
# Residual blocks, norms of single examples, TaskNorm, attention, grouped and dilated convolutions on the command line: train,
# eval, resume, adapt; what does not fit a task or a model is refused in one sentence.
program=$1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
fail() { echo "failed: $*"; exit 1; }

cat >net.yaml <<'END_OF_NET'
task: {source: glyphs, ways: 3, shots: 1, queries: 2}
model:
  layers:
    - {kind: conv, units: 8, stride: 2, pad: 1, bias: false}
    - {kind: task_norm}
    - {kind: relu}
    - {kind: residual}
    - {kind: conv, units: 8, pad: 2, dilation: 2, groups: 8}
    - {kind: group_norm, groups: 4}
    - {kind: relu}
    - {kind: conv, units: 16, stride: 2, pad: 1, groups: 2}
    - {kind: shortcut}
    - {kind: conv, units: 16, kernel: 1, stride: 2, bias: false}
    - {kind: instance_norm, affine: false}
    - {kind: add}
    - {kind: max_pool}
    - {kind: attention, heads: 4}
    - {kind: layer_norm}
    - {kind: mean_pool}
    - {kind: linear}
meta: {query_statistics: support}
inner: {steps: 1, lr: 0.1}
outer: {steps: 6, meta_batch: 2}
eval: {every: 0, tasks: 10, steps: 1}
checkpoint: {every: 3}
END_OF_NET
"$program" train net.yaml --out whole >log.txt 2>&1 || fail "train: $(cat log.txt)"
"$program" train net.yaml --set outer.steps=3 --threads 1 --out halves >log.txt 2>&1 || fail "train: $(cat log.txt)"
"$program" train net.yaml --resume --out halves --threads 2 >log.txt 2>&1 || fail "resume: $(cat log.txt)"
cmp whole/checkpoint.safetensors halves/checkpoint.safetensors || fail "a resumed run has other weights"
"$program" eval whole --json >eval.txt 2>log.txt || fail "eval: $(cat log.txt)"
"$program" convert --list whole/checkpoint.safetensors >list.txt || fail "convert"
for tensor in '[8, 1, 3, 3]  conv2.weight' '[1]  task_norm1.scale' '[48, 16]  attention1.in_proj_weight' \
  '[16, 16]  attention1.out_proj.weight' '[16]  layer_norm1.bias'; do
  grep -qF "$tensor" list.txt || fail "no $tensor: $(cat list.txt)"
done
"$program" check whole >log.txt 2>&1 || fail "check: $(cat log.txt)"

refused() { # SENTENCE ARGUMENT...
  local sentence=$1
  shift
  "$program" "$@" >log.txt 2>&1 && fail "$* was not refused"
  grep -qF -- "$sentence" log.txt || fail "$*: $(cat log.txt)"
}
refused 'task_norm blends moments of a task, never running ones' train net.yaml --set meta.query_statistics=running --out r
sed '/task_norm/d; /kind: add/d' net.yaml >open.yaml
refused 'opens a residual block; expected an add that closes it' train open.yaml --out r
exit 0
