#!/bin/bash
# Tokens on the command line: data import, train (embedding and GRU, an inner loop that is one), resume, eval, export, adapt, predict;
# numbers that are no tokens are refused in one sentence wherever they come from.
program=$1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
fail() { echo "failed: $*"; exit 1; }

# Class k: tokens that go on by k, modulo 12, from anywhere; now and then another.
awk 'function h(n) { n = sin(n) * 1000; return n - int(n) < 0 ? n - int(n) + 1 : n - int(n) }
BEGIN { print "class,a,b,c,d,e,f,g"
  for (i = 0; i < 240; i++) { k = i % 12; x = int(12 * h(i + 1)); printf "step%d", k
    for (t = 0; t < 7; t++) { printf ",%d", h(9 * i + t + 500) < 0.05 ? int(12 * h(i * t)) : x; x = (x + k) % 12 }
    print "" } }' >words.csv
"$program" data import words.csv --y class --out words.safetensors >log.txt 2>&1 || fail "import: $(cat log.txt)"
cat >net.yaml <<'END_OF_NET'
task: {source: dataset, data: words.safetensors, ways: 3, shots: 3, queries: 3, split: random, train_classes: 6, validation_classes: 3}
model:
  layers:
    - {kind: embedding, vocabulary: 12, units: 6}
    - {kind: gru, units: 8, sequence: true}
    - {kind: gru, units: 8}
    - {kind: linear}
inner: {steps: 2, lr: 0.5, loop: keep}
outer: {steps: 6, meta_batch: 2, lr: 0.01}
eval: {every: 0, tasks: 8, steps: "0,2"}
checkpoint: {every: 3}
END_OF_NET
"$program" train net.yaml --out whole >log.txt 2>&1 || fail "train: $(cat log.txt)"
"$program" train net.yaml --set outer.steps=3 --threads 1 --out halves >log.txt 2>&1 || fail "train: $(cat log.txt)"
"$program" train net.yaml --resume --out halves --threads 2 >log.txt 2>&1 || fail "resume: $(cat log.txt)"
cmp whole/checkpoint.safetensors halves/checkpoint.safetensors || fail "a resumed run has other weights"
"$program" convert --list whole/checkpoint.safetensors >list.txt || fail "convert"
for tensor in '[12, 6]  embedding1.weight' '[24, 6]  gru1.weight_ih_l0' '[24, 8]  gru2.weight_hh_l0' '[24]  gru2.bias_hh_l0'; do
  grep -qF "$tensor" list.txt || fail "no $tensor: $(cat list.txt)"
done
"$program" eval whole >eval.txt 2>&1 || fail "eval: $(cat eval.txt)"
"$program" check whole >log.txt 2>&1 || fail "check: $(cat log.txt)"
grep -E '^step(0|4|9),' words.csv | head -9 | sed '1i class,a,b,c,d,e,f,g' >shown.csv
"$program" adapt whole --support shown.csv --out three.safetensors >log.txt 2>&1 || fail "adapt: $(cat log.txt)"
"$program" export whole --out learner.safetensors >log.txt 2>&1 || fail "export: $(cat log.txt)"
"$program" adapt learner.safetensors --support shown.csv --out again.safetensors >log.txt 2>&1 || fail "adapt: $(cat log.txt)"
cmp three.safetensors again.safetensors || fail "an exported learner adapts otherwise"
grep -E '^step4,' words.csv | tail -2 | cut -d, -f2- | sed '1i a,b,c,d,e,f,g' >asked.csv
"$program" predict three.safetensors asked.csv >answers.txt 2>log.txt || fail "predict: $(cat log.txt)"
grep -q step4 answers.txt || fail "predict: $(cat answers.txt)"

refused() { # SENTENCE ARGUMENT...
  local sentence=$1
  shift
  "$program" "$@" >log.txt 2>&1 && fail "$* was not refused"
  grep -qF -- "$sentence" log.txt || fail "$*: $(cat log.txt)"
}
sed 's/vocabulary: 12/vocabulary: 8/' net.yaml >few.yaml
refused 'expected whole numbers from 0 to 7, which the net'"'"'s embedding takes' train few.yaml --out r
sed '2s/,[0-9]*$/,2.5/' asked.csv >half.csv
refused 'half.csv: line 2 has 2.5; expected whole numbers from 0 to 11, which the net'"'"'s embedding takes' predict three.safetensors half.csv
[ "$(grep -c '^half.csv:3' log.txt)" = 1 ] || fail "the other row has no answer: $(cat log.txt)"
sed 1d half.csv >bare.csv # without names of columns
refused 'bare.csv: line 1 has 2.5; expected whole numbers from 0 to 11' predict three.safetensors bare.csv
sed '2s/,[0-9]*$/,-1/' shown.csv >below.csv
refused 'has -1; expected whole numbers from 0 to 11' adapt whole --support below.csv --out r.safetensors
refused 'augment.jitter: found 0.5, expected 0: the net'"'"'s embedding takes whole numbers' train net.yaml --set augment.jitter=0.5 --out r
# What a sparse update of such layers costs is known.
cat >small.yaml <<'END_OF_NET'
model: {layers: [{kind: embedding, vocabulary: 12, units: 4}, {kind: gru, units: 6}, {kind: activation, units: 4}, {kind: linear}]}
END_OF_NET
"$program" fit --net small.yaml --train words.csv --algorithm greedy --steps 2 --budget 4k --out greedy.safetensors >log.txt 2>&1 || fail "greedy: $(cat log.txt)"
awk '$1 == "1" && $2 == "2" && $4 > 0 && $4 <= 4096 && $5 > 0 { found = 1 } END { exit !found }' log.txt || fail "a budget of 4 KB: $(cat log.txt)"
# A file of tasks is read as they are: a token that is none would be another one's gradient.
"$program" init net.yaml --out weights >log.txt 2>&1 || fail "init: $(cat log.txt)"
python3 - "$(sed -n 's/^ *ways: //p' whole/config.yaml)" <<'PYTHON' || fail "tasks"
import json, struct, sys
for name, token in ("right", 11.0), ("beyond", 12.0), ("half", 2.5):
    ways, n, width = int(sys.argv[1]), 2 * int(sys.argv[1]), 7
    x = struct.pack("<%df" % (n * width), *([token] + [1.0] * (n * width - 1)))
    y = struct.pack("<%di" % n, *(i % ways for i in range(n)))
    parts, body = {}, b""
    for key, kind, shape, data in (("support_x", "F32", [1, n, width], x), ("support_y", "I32", [1, n], y), ("query_x", "F32", [1, n, width], x), ("query_y", "I32", [1, n], y)):
        parts[key] = {"dtype": kind, "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    head = json.dumps(parts).encode()
    head += b" " * (-len(head) % 8)
    open(name + ".tasks", "wb").write(struct.pack("<Q", len(head)) + head + body)
PYTHON
"$program" grad net.yaml --weights weights --tasks right.tasks --out gradient >log.txt 2>&1 || fail "grad: $(cat log.txt)"
refused '"support_x" has 12; expected whole numbers from 0 to 11' grad net.yaml --weights weights --tasks beyond.tasks --out none
refused '"support_x" has 2.5; expected whole numbers from 0 to 11' grad net.yaml --weights weights --tasks half.tasks --out none
[ -e none ] && fail "a gradient of no token was written"
exit 0
