# A sweep: the same bits as single runs, whatever interrupts it; nothing is trained twice; all is checked before any work.
program=$1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
fail() { echo "failed: $*"; exit 1; }
small=(--set outer.steps=60 --set checkpoint.every=10 --set eval.every=30 --set eval.tasks=20
  --set eval.validation_tasks=10 --threads 2)
sweep() { "$program" sweep sinusoid-5shot-maml "${small[@]}" --out "sw eep" "$@"; }

# Refused before anything is made, whichever combination it is.
refused() {
  local expected=$1
  shift
  sweep "$@" >out.txt 2>err.txt
  [ $? -eq 2 ] || fail "$*: not refused"
  grep -qF -- "$expected" err.txt || fail "$*: $(cat err.txt)"
  [ ! -e "sw eep" ] || fail "$*: something was made before it was refused"
}
refused 'did you mean inner.lr?' --grid inner.lrr=1,2
refused 'inner.lr: found "fast", expected a number' --grid inner.lr=0.01,fast
refused '"0.01" and "0.010" would train the same run twice' --grid inner.lr=0.01,0.010
refused '"10" and "20" would train the same run twice' --grid eval.tasks=10,20
refused 'found 7 twice' --seeds 7,3,7
refused 'expected --seeds' --grid seed=1,2
refused 'expected KEY=VALUE' --grid inner.lr
refused 'protonet.scale: found 3, but meta.algorithm is maml' --set protonet.scale=3 --grid inner.lr=0.01,0.001
refused '"10" and "20" would train the same run twice' --grid eval.every=10,20
refused 'model.preset' --grid model.preset=mlp,conv4

# What would run; then a kill without warning in the middle, and an end asked for: the same command goes on.
sweep --grid inner.lr=0.01,0.001 --seeds 1,2 --dry-run >out.txt || fail "--dry-run"
grep -q '^4 runs, 4 of them left to do$' out.txt || fail "--dry-run: $(cat out.txt)"
[ ! -e "sw eep" ] || fail "--dry-run has made something"
# What one combination reads is fine, and validations that may end a run make another one.
sweep --grid meta.algorithm=maml,reptile --set reptile.square=0.1 --set reptile.carried=true --set inner.optimizer=rmsprop --dry-run \
  >out.txt 2>err.txt || fail "a key of one of two algorithms: $(cat err.txt)"
sweep --grid eval.patience=1,2 --dry-run >out.txt 2>err.txt || fail "other patience: $(cat err.txt)"
# shellcheck disable=SC2016
interrupted() { # SIGNAL FILE: sent when the file is there
  "$program" sweep sinusoid-5shot-maml "${small[@]}" --out "sw eep" --grid inner.lr=0.01,0.001 --seeds 1,2 >out.txt 2>err.txt &
  local process=$! tries=0
  until [ -e "$2" ]; do
    sleep 0.01
    tries=$((tries + 1))
    [ $tries -lt 6000 ] || fail "no $2: $(cat err.txt)"
  done
  kill -"$1" $process 2>/dev/null
  wait $process
}
interrupted KILL "sw eep/inner.lr=0.01,seed=1/checkpoint.safetensors"
interrupted INT "sw eep/inner.lr=0.01,seed=2/checkpoint.safetensors"
[ $? -eq 130 ] || fail "SIGINT: $(cat out.txt err.txt)"
grep -q 'the same command continues' err.txt || fail "SIGINT: $(cat err.txt)"
sweep --grid inner.lr=0.01,0.001 --seeds 1,2 >table.txt 2>err.txt || fail "sweep: $(cat err.txt)"
grep -qE '^0\.001 +2 +[0-9.]+ ± [0-9.]+ +[0-9.]+ +1 +20 +query$' table.txt || fail "table: $(cat table.txt)"
"$program" train sinusoid-5shot-maml "${small[@]}" --set seed=2 --set inner.lr=0.001 --out one >/dev/null || fail "train"
"$program" eval one --json >one.json || fail "eval"
"$program" train sinusoid-5shot-maml "${small[@]}" --set seed=1 --set inner.lr=0.01 --out two >/dev/null || fail "train"
for file in checkpoint.safetensors config.yaml metrics.jsonl; do
  cmp one/$file "sw eep/inner.lr=0.001,seed=2/$file" || fail "not as a single run"
  cmp two/$file "sw eep/inner.lr=0.01,seed=1/$file" || fail "the killed run is not as a single run"
done
cmp one/eval.csv "sw eep/inner.lr=0.001,seed=2/eval.csv" || fail "not as a single evaluation"

# The figures are those of the runs, and nothing is done again.
stat -c '%n %i %y' "sw eep"/*/* >before.txt
sweep --grid inner.lr=0.01,0.001 --seeds 1,2 --json >again.json 2>err.txt || fail "again: $(cat err.txt)"
stat -c '%n %i %y' "sw eep"/*/* | cmp before.txt - || fail "something was done twice"
[ ! -s err.txt ] || fail "again: $(cat err.txt)"
cmp again.json "sw eep/sweep.json" || fail "sweep.json is another table"
python3 - <<'END' || fail "figures"
import csv, json, statistics
table = json.load(open("again.json"))
rows = list(csv.DictReader(open("sw eep/sweep.csv")))
one = [r for r in json.load(open("one.json"))["results"] if r["inner_steps"] == 1][0]
point = table["points"][1]
assert point["settings"] == {"inner.lr": "0.001"} and len(point["runs"]) == 2, point
assert point["runs"][1]["loss"] == one["loss"] and point["runs"][1]["interval"] == one["interval"], (point, one)
losses = [r["loss"] for r in point["runs"]]
assert abs(point["loss"] - statistics.mean(losses)) < 1e-8 * point["loss"], point
assert abs(point["spread"] - statistics.stdev(losses)) < 1e-6 * point["spread"], point
assert len(rows) == 2 and rows[1]["inner.lr"] == "0.001", rows
assert float(rows[1]["loss"]) == point["loss"] and float(rows[1]["spread"]) == point["spread"], rows
END

# The folder of a sweep is no run, and a report takes all that lie in it.
"$program" eval "sw eep" 2>err.txt && fail "a sweep was evaluated"
grep -q "there is no run; .*: those of this sweep lie in it" err.txt || fail "eval of a sweep: $(cat err.txt)"
"$program" report "sw eep"/*/ --tasks 5 --out all.html >out.txt 2>err.txt || fail "report of a sweep: $(cat err.txt)"
grep -q "^all.html: 4 runs" out.txt || fail "report of a sweep: $(cat out.txt)"

# Another configuration in the same folder is refused by the key; other test tasks are evaluated anew, without training.
sweep --grid inner.lr=0.01,0.001 --seeds 1,2 --set outer.lr=0.5 2>err.txt && fail "another outer.lr was taken"
grep -q 'outer.lr' err.txt || fail "another outer.lr: $(cat err.txt)"
sum=$(cksum <"sw eep/inner.lr=0.01,seed=1/checkpoint.safetensors")
sweep --grid inner.lr=0.01,0.001 --seeds 1,2 --set eval.tasks=30 2>err.txt | grep -qE '^0\.01 .* 30  query' || fail "30 tasks"
[ "$sum" = "$(cksum <"sw eep/inner.lr=0.01,seed=1/checkpoint.safetensors")" ] || fail "an evaluation changed the run"

# A run that fails on the way is noted, and the others go on.
"$program" sweep sinusoid-5shot-maml "${small[@]}" --out failing --grid inner.lr=100000,0.01 --set outer.lr=1000 \
  --grid inner.steps=5,0 >table.txt 2>err.txt
[ $? -eq 1 ] || fail "a failing run: $(cat table.txt err.txt)"
grep -q 'runs failed; the first: inner.lr=100000,inner.steps=5,seed=1: the loss of meta-step' err.txt || fail "failing: $(cat err.txt)"
grep -qE '^100000 +5 +0 +- .*\(1 failed\)' table.txt || fail "failing: $(cat table.txt)"
grep -qE '^0\.01 +0 +1 ' table.txt || fail "the others: $(cat table.txt)"
echo "sweep: all as expected"
