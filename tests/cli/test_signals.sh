#!/bin/bash
# Signals [t,channels] and nets from files on the command line: train and eval on a data set of signals; fit, compare and
# improve with layers from YAML; what does not fit is refused in one sentence.
program=$1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
fail() { echo "failed: $*"; exit 1; }
python3 -c '' 2>/dev/null || exit 77

# 40 classes of 20 noisy waves of 19 steps in 3 channels: a data set, and the same as plain arrays.
python3 - <<'END' || fail "python3"
import json, math, random, struct
random.seed(1)

def write(path, tensors, metadata=None):
    head, blob = {"__metadata__": metadata} if metadata else {}, b""
    for name, (kind, shape, data) in sorted(tensors.items()):
        head[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(blob), len(blob) + len(data)]}
        blob += data
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + blob)

CLASSES, EACH, STEPS, CHANNELS = 40, 20, 19, 3
x, turned = [], []
for c in range(CLASSES):
    for e in range(EACH):
        phase = random.random()
        signal = [[math.sin(0.1 * (1 + c) * t + phase + k) + 0.1 * random.gauss(0, 1) for k in range(CHANNELS)]
                  for t in range(STEPS)]
        x += [v for step in signal for v in step]
        turned += [signal[t][k] for k in range(CHANNELS) for t in range(STEPS)]
examples = ("F32", [CLASSES * EACH, STEPS, CHANNELS], struct.pack(f"<{len(x)}f", *x))
torch = ("F32", [CLASSES * EACH, CHANNELS, STEPS], struct.pack(f"<{len(x)}f", *turned))
labels = ("I32", [CLASSES * EACH], struct.pack(f"<{CLASSES * EACH}i", *(c for c in range(CLASSES) for e in range(EACH))))
start = ("I32", [CLASSES + 1], struct.pack(f"<{CLASSES + 1}i", *(c * EACH for c in range(CLASSES + 1))))
origins = json.dumps(["background" if c < 20 else "evaluation" for c in range(CLASSES)])
write("signals.safetensors", {"examples": examples, "class_start": start}, {"class_origins": origins})
write("arrays.safetensors", {"x": examples, "y": labels})
write("torch.safetensors", {"x": torch, "y": labels})
END
"$program" convert torch.safetensors torch.pt >/dev/null || fail "convert"

cat >task.yaml <<'END'
task: {source: dataset, ways: 3, shots: 2, queries: 3, train_classes: 20, validation_classes: 8}
model: {preset: conv1d, filters: 16}
outer: {steps: 60, meta_batch: 8}
eval: {every: 0, tasks: 60, steps: 5}
END
"$program" train task.yaml --data signals.safetensors --out run >log.txt 2>&1 || fail "train: $(cat log.txt)"
"$program" eval run --json >eval.txt 2>log.txt || fail "eval: $(cat log.txt)"
accuracy=$(grep -o '"accuracy": [0-9.]*' eval.txt | head -1 | cut -d' ' -f2)
awk "BEGIN { exit !($accuracy > 0.6) }" || fail "unseen signals of 3 classes: $accuracy"
"$program" convert --list run/checkpoint.safetensors | grep -qF '[16, 3, 5]  conv1d1.weight' ||
  fail "the checkpoint has no nn.Conv1d: $("$program" convert --list run/checkpoint.safetensors)"
"$program" train task.yaml --data signals.safetensors --resume --out run --set outer.steps=61 >log.txt 2>&1 ||
  fail "resume: $(cat log.txt)"
"$program" train task.yaml --data signals.safetensors --set model.preset=conv4 --out other >log.txt 2>&1 && fail "conv4"
grep -q "model.preset: conv4 does not fit the examples (.*receives a signal of 19 steps and 3 channels); expected mlp, omniglot_fc or conv1d" log.txt ||
  fail "conv4: $(cat log.txt)"

# Layers from a file, and what they learned as a start, whatever the file of signals.
cat >net.yaml <<'END'
model:
  layers:
    - {kind: conv1d, units: 8, kernel: 5, stride: 2, pad: 2}
    - {kind: norm}
    - {kind: relu}
    - {kind: max_pool}
    - {kind: flatten}
    - {kind: linear}
END
for data in arrays.safetensors torch.pt signals.safetensors; do
  "$program" fit --train $data --net net.yaml --epochs 8 --lr 0.01 --out $data.fit >$data.txt 2>&1 || fail "fit $data: $(cat $data.txt)"
done
cmp arrays.safetensors.fit torch.pt.fit || fail "[n,t,channels] and PyTorch's [n,channels,t] differ"
accuracy=$(sed -n 's/^Accuracy.*: \([0-9.]*\) .*/\1/p' torch.pt.txt)
awk "BEGIN { exit !($accuracy > 20) }" || fail "fit: $(cat torch.pt.txt)" # 2.5 by chance
"$program" convert torch.pt.fit net.pth >/dev/null || fail "convert"
"$program" fit --train torch.pt --net net.yaml --init net.pth --epochs 0 --out again.safetensors >again.txt 2>&1 || fail "init: $(cat again.txt)"
[ "$(grep Accuracy again.txt)" = "$(grep Accuracy torch.pt.txt)" ] || fail "from a state dict: $(cat again.txt torch.pt.txt)"
"$program" fit --train torch.pt --model conv1d --hidden 8 --epochs 1 --out preset.safetensors >log.txt 2>&1 || fail "--model conv1d: $(cat log.txt)"

"$program" compare arrays.safetensors --net net.yaml --seeds 1 --steps 20 --out plot.png >log.txt 2>&1 || fail "compare: $(cat log.txt)"
grep -q "^augmented *left out: the samples are no images" log.txt || fail "compare: $(cat log.txt)"
grep -qE '^meta-learned +[0-9.]+ ± ' log.txt || fail "compare: $(cat log.txt)"
"$program" improve signals.safetensors --net net.yaml --no-rotate --epochs 2 --meta-steps 5 --tasks 4 --json >improved.json 2>log.txt ||
  fail "improve: $(cat log.txt)"
grep -q '"classes": 20' improved.json || fail "improve: $(cat improved.json)"

# Features as well.
cat >features.yaml <<'END'
model: {layers: [{kind: norm}, {kind: linear, units: 9}, {kind: tanh}, {kind: norm}, {kind: linear}]}
END
"$program" fit --train glyphs --net features.yaml --epochs 0 --out glyphs.safetensors >log.txt 2>&1 || fail "features: $(cat log.txt)"

# One sentence for what does not fit.
refused() {
  local expected=$1
  shift
  "$program" "$@" >log.txt 2>&1 && fail "accepted: $*"
  grep -q "$expected" log.txt && [ "$(wc -l <log.txt)" = 1 ] || fail "$*: $(cat log.txt)"
}
for command in "fit --out o.safetensors --train" "compare --out o.png" "improve --out o.safetensors"; do
  data=arrays.safetensors
  [ "${command%% *}" = improve ] && data=signals.safetensors
  refused "task.yaml: found no model.layers" $command $data --net task.yaml
  refused "net.yaml and --model both say what the net is" $command $data --net net.yaml --model mlp
  refused "nowhere.yaml cannot be opened: No such file" $command $data --net nowhere.yaml
  echo 'model: {layers: [{kind: relu, eps: 1}, {kind: linear}]}' >slip.yaml
  refused 'slip.yaml:1: found "eps" in layer 1 (relu), expected none: a relu has no fields' $command $data --net slip.yaml
done
refused "an example has shape \[19,3\].*expected square images, or --no-rotate" improve signals.safetensors --net net.yaml
refused "needs a signal \[t,channels\] and receives a 28x28x1 image" fit --train glyphs --net net.yaml --out o.safetensors
refused "does not fit the net.*the net has conv1d1.weight" fit --train torch.pt --net net.yaml --init run/checkpoint.safetensors --out o.safetensors
[ ! -e o.safetensors ] && [ ! -e o.png ] || fail "something was written"
echo "signals: all as expected"
