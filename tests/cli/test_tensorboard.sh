# Event files: what training says reaches TensorBoard, once, whatever interrupted it, and changes no result. Read by a strict
# reader of our own always, and by TensorBoard itself where python3 has it or can install it within a minute and a half.
program=$1
reader=$(cd "$(dirname "$0")" && pwd)/tensorboard_reader.py
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
fail() { echo "failed: $*"; exit 1; }
command -v python3 >/dev/null || { echo "skipped: no python3 here to read event files with"; exit 77; }
small=(--set outer.steps=60 --set checkpoint.every=20 --set eval.every=20
  --set eval.validation_tasks=10 --set log.every=5 --set glyphs.classes=60 --set task.train_classes=30
  --set task.validation_classes=10 --set outer.meta_batch=4 --set model.filters=8)
train() { "$program" train glyphs-5w1s-maml "${small[@]}" "$@"; }

train --out plain >/dev/null || fail "train"
train --out shown --tensorboard >out.txt || fail "train --tensorboard"
grep -qF 'tensorboard --logdir shown' out.txt || fail "it does not say how to look: $(cat out.txt)"
for file in checkpoint.safetensors metrics.jsonl config.yaml; do cmp plain/$file shown/$file || fail "--tensorboard changes $file"; done

# As a run is left that was killed at meta-step 35, 15 behind its checkpoint, within a record: points come twice.
train --set outer.steps=20 --out early >/dev/null || fail "train"
train --set outer.steps=35 --out broken --tensorboard >/dev/null || fail "train"
cp early/checkpoint.safetensors early/config.yaml broken
events=$(echo broken/*tfevents*)
head -c 20 "$events" >>"$events"
"$program" train --resume broken --set outer.steps=60 --tensorboard >/dev/null || fail "resume"
cmp plain/metrics.jsonl broken/metrics.jsonl || fail "the resumed run is another"
[ "$(echo broken/*tfevents* | wc -w)" -eq 2 ] || fail "event files: $(ls broken)"
"$program" train --resume broken --tensorboard >/dev/null || fail "resume of a finished run"
[ "$(echo broken/*tfevents* | wc -w)" -eq 2 ] || fail "a finished run got an event file"

cat >check.py <<'END'
import json, re, sys
shown, broken = (json.load(open(sys.argv[1] + name)) for name in ("-shown.json", "-broken.json"))
metrics = [json.loads(line) for line in open("plain/metrics.jsonl")]
def points(run, tag): return [[step, round(value, 5)] for step, value in run["scalars"][tag]]
def logged(key): return [[m["step"], round(m[key], 5)] for m in metrics if key in m]
for run in (shown, broken):
    assert len(logged("loss")) == 12 and len(logged("validation_accuracy")) == 3
    assert points(run, "loss/train") == logged("loss"), (points(run, "loss/train"), logged("loss"))
    assert points(run, "loss/support") == logged("support_loss")
    assert points(run, "accuracy/train") == logged("accuracy")
    assert points(run, "accuracy/validation") == logged("validation_accuracy")
    assert points(run, "interval/validation") == logged("interval")
    rates = points(run, "rate/outer_lr")
    assert [r[0] for r in rates] == list(range(5, 61, 5)) and all(r[1] == 0.003 for r in rates)
    assert all(rate > 0 for _, rate in run["scalars"]["rate/steps_per_second"])
    assert len(run["histograms"]) > 4, run["histograms"].keys()
    for tag, seen in run["histograms"].items():
        assert [h[0] for h in seen] == [20, 40, 60] and all(h[1] > 0 and h[2] <= h[3] for h in seen), (tag, seen)
    texts = run["texts"]["config"]
    assert [t[0] for t in texts] == ([1] if run is shown else [1, 21])
    assert re.sub("^    ", "", texts[-1][1], flags=re.M) == open("plain/config.yaml").read()
assert {t: h for t, h in shown["histograms"].items()} == {t: h for t, h in broken["histograms"].items()}
END
read_by() { # HOW PYTHON
  for run in shown broken; do "$2" "$reader" "$1" $run >"$1-$run.json" || fail "$1 cannot read $run"; done
  python3 check.py "$1" || fail "what $1 reads"
}
read_by own python3

# A sweep's runs are shown side by side.
"$program" sweep sinusoid-5shot-maml --set outer.steps=10 --set eval.every=0 --set eval.tasks=10 --seeds 1,2 --tensorboard \
  --out sweep >/dev/null 2>&1 || fail "sweep"
for seed in 1 2; do
  python3 "$reader" own sweep/seed=$seed >sweep.json && grep -q loss/train sweep.json || fail "sweep: seed $seed"
done

# TensorBoard itself, in the user's cache. Nothing is installed for a sanitized build, whose files are the same.
board=python3
if ! python3 -c 'import tensorboard' 2>/dev/null; then
  cache=${INNERLOOP_TENSORBOARD:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/innerloop/tensorboard}
  board=$cache/bin/python
  if ! "$board" -c 'import tensorboard' 2>/dev/null && [ "${INNERLOOP_TEST_SCALE:-}" != small ]; then
    timeout 30 python3 -m venv "$cache" >/dev/null 2>&1 &&
      timeout 90 "$board" -m pip --retries 0 --timeout 5 -q install --no-compile 'tensorboard>=2.14,<3' >/dev/null 2>&1
  fi
fi
if "$board" -c 'import tensorboard' 2>/dev/null; then
  read_by tensorboard "$board" 2>err.txt || fail "TensorBoard: $(tail -3 err.txt)"
  for run in shown broken; do
    python3 - own-$run.json tensorboard-$run.json <<'END' || fail "TensorBoard sees other points than we do"
import json, sys
a, b = (json.load(open(name)) for name in sys.argv[1:])
assert a == b, (a, b)
END
  done
  echo "tensorboard: all as expected, read by TensorBoard too"
else
  echo "tensorboard: all as expected by our own reader; TensorBoard is not here and cannot be installed with pip"
fi
