# Splits that fit the data, and runs evaluated on other data, other settings and lists of episodes.
# Data sets are written by python3 without any module but its own, else this is skipped.
program=$1
given=$(cd "$(dirname "$0")/fixtures/data" && pwd)/tasks.safetensors || exit 1
python3 -c '' 2>/dev/null || { echo "skipped: no python3 here to write data sets"; exit 77; }
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
fail() { echo "failed: $*"; exit 1; }
# refused SENTENCE COMMAND…: ends with an error that says so, in one line.
refused() {
  sentence=$1
  shift
  "$@" >out.txt 2>log.txt && fail "accepted: $*: $(cat out.txt)"
  grep -qF -- "$sentence" log.txt || fail "$*: expected '$sentence', found: $(cat log.txt)"
  [ "$(wc -l <log.txt)" -eq 1 ] || fail "more than a sentence: $(cat log.txt)"
}

cat >make.py <<'PY'
"""make.py FILE seed classes examples side channels u8|f32 [classes that have 3 examples]: each class is a pattern of
7 × 7 cells, each example the pattern with some cells turned over."""
import json, random, struct, sys
path, seed, classes, examples, side, channels, kind = sys.argv[1:8]
small = [int(c) for c in sys.argv[8:]]
classes, examples, side, channels = int(classes), int(examples), int(side), int(channels)
draw, data, start = random.Random(int(seed)), bytearray(), [0]
for c in range(classes):
    cells = [draw.random() < 0.5 for _ in range(49)]
    count = 3 if c in small else examples
    for e in range(count):
        now = [b != (draw.random() < 0.08) for b in cells]
        for y in range(side):
            for x in range(side):
                v = now[y * 7 // side * 7 + x * 7 // side]
                data += (bytes([255 * v]) if kind == "u8" else struct.pack("<f", v)) * channels
    start.append(start[-1] + count)
starts = struct.pack("<%di" % len(start), *start)
names = json.dumps(["s%s/class%02d" % (seed, c) for c in range(classes)])
head = json.dumps({
    "__metadata__": {"class_names": names},
    "class_start": {"dtype": "I32", "shape": [classes + 1], "data_offsets": [0, len(starts)]},
    "examples": {"dtype": kind.upper(), "shape": [start[-1], side, side, channels],
                 "data_offsets": [len(starts), len(starts) + len(data)]}})
head += " " * (-len(head) % 8)
open(path, "wb").write(struct.pack("<Q", len(head)) + head.encode() + starts + data)
PY
python3 make.py own.st 1 40 8 14 1 u8 || fail "make.py"
python3 make.py other.st 2 12 8 14 1 u8
python3 make.py nine.st 3 9 8 14 1 u8
python3 make.py three.st 3 3 8 14 1 u8
python3 make.py rare.st 4 20 8 14 1 u8 3 11
python3 make.py large.st 2 12 8 28 3 u8
python3 make.py floats.st 2 12 8 14 1 f32

small="--set task.source=dataset --set model.filters=8 --set outer.meta_batch=6 --set task.queries=2
  --set eval.every=20 --set eval.validation_tasks=8 --set task.rotations=none"
train() { "$program" train glyphs-5w1s-maml $small "$@" >log.txt 2>&1; }

# ---- splits ----
# The start's line says how many classes train, validate and test.
divided() { # divided EXPECTED DATA SETTING…
  expected=$1 data=$2
  shift 2
  rm -rf split
  train --data "$data" --out split --set outer.steps=1 --set eval.every=0 "$@" || fail "$*: $(cat log.txt)"
  grep -qF "$expected classes" log.txt || fail "$*: expected $expected, found: $(head -n 1 log.txt)"
}
divided 24/8/8 own.st --set task.split=auto
divided 10/5/5 rare.st --set task.split=auto
divided 7/0/5 other.st --set task.split=auto
divided 24/8/8 own.st --set task.train_classes=0.6 --set task.validation_classes=0.2 --set task.test_classes=0.2
divided 24/6/10 own.st --set task.train_classes=0.6 --set task.validation_classes=6
divided 24/6/5 own.st --set task.train_classes=0.6 --set task.validation_classes=6 --set task.test_classes=5
cp split/config.yaml kept.yaml
grep -q 'train_classes: 0.6' kept.yaml || fail "a share is not echoed: $(cat kept.yaml)"
bad() {
  sentence=$1 data=$2
  shift 2
  refused "$sentence" "$program" train glyphs-5w1s-maml $small --data "$data" --out nothing "$@"
  [ ! -e nothing ] || fail "$sentence: something was written"
}
bad "task.ways: found 5, but 9 classes cannot give 5 to train and 5 to test; task.ways=4 would fit" nine.st --set task.split=auto
bad "but 3 classes cannot give 5 to train and 5 to test; there must be more classes" three.st --set task.split=auto
bad "the split asks for 300 + 20 + 0 = 320 classes, but the dataset has 9; a split of kind auto takes what there is" nine.st
bad "task.ways: found 5, but the test split has 2 classes; task.ways=2 would fit" nine.st --set task.train_classes=7 --set task.validation_classes=0
bad "task.split: found test, which leaves none of the 9 classes to train" nine.st --set task.split=test
bad "task.train_classes: found \"-1\"" nine.st --set task.train_classes=-1
bad "whole numbers or shares below 1" nine.st --set task.train_classes=2.5
# The class with the fewest examples is named; a split that leaves such classes out is taken.
for c in 00 01 02 03 04 05 06 07 08 09 10 11 12 13; do echo "train s4/class$c"; done >file.txt
for c in 14 15 16 17 18 19; do echo "test s4/class$c"; done >>file.txt
bad "task.shots and queries in training: found 2 + 2, but class 's4/class03' has only 3 examples, and 1 more class has too few; 2 + 1 would fit, or a split without such a class" \
  rare.st --set task.shots=2 --set task.split=file --set task.split_file=file.txt
bad "task.shots and queries in training: found 4 + 2, but class 's4/class03' has only 3 examples, and 1 more class has too few; 2 + 1 would fit" \
  rare.st --set task.shots=4 --set task.split=file --set task.split_file=file.txt
grep -v 'class03\|class11' file.txt >without.txt
divided 12/0/6 rare.st --set task.shots=2 --set task.split=file --set task.split_file=without.txt

# ---- other data ----
train --data own.st --set task.split=auto --set outer.steps=150 --out run || fail "training: $(cat log.txt)"
score() { "$program" eval run --tasks 40 "$@" --json 2>log.txt; }
tested() { # tested SENTENCE FILE
  grep -qF -- "$1" "$2" || fail "expected '$1', found: $(cat "$2" log.txt)"
}
score >usual.json || fail "eval: $(cat log.txt)"
tested "own.st: 8 test classes of the run's split, 5-way 1-shot, 2 queries a class\"" usual.json
head -n 1 run/eval.csv | grep -q ',tested$' || fail "eval.csv does not say what it is of: $(head -n 1 run/eval.csv)"
[ "$(grep -c "own.st: 8 test classes of the run's split, 5-way 1-shot, 2 queries a class\"$" run/eval.csv)" -eq 40 ] || fail "eval.csv: $(head run/eval.csv)"

# The run's own data keep its split, at the same path or at another; what is told goes over both.
figures() { sed 's/"tested": "[^"]*"//' "$1"; }
same() { diff <(figures "$1") <(figures "$2") >/dev/null || fail "$3"; }
score --data own.st >again.json || fail "own data: $(cat log.txt)"
cmp usual.json again.json || fail "naming the run's own data gives other figures"
mkdir elsewhere && mv own.st elsewhere/renamed.st
score --data elsewhere/renamed.st >again.json || fail "own data elsewhere: $(cat log.txt)"
tested "renamed.st: 8 test classes of the run's split" again.json
same usual.json again.json "the run's own data elsewhere give other figures"
score --data elsewhere/renamed.st --set task.split=test >all.json || fail "all classes: $(cat log.txt)"
tested "renamed.st, which the run was trained on: all 40 classes" all.json
mv elsewhere/renamed.st own.st
# Another content at the same path is no longer what was trained on: that is said.
cp own.st kept.st && python3 make.py own.st 7 40 8 14 1 u8
score >again.json || fail "changed data: $(cat log.txt)"
tested "own.st, changed since the run was trained: 8 test classes of the run's split" again.json
mv kept.st own.st

# Of other data all classes are tested, which the file of figures says; the learner knows how to learn there.
score --data other.st >other.json || fail "other data: $(cat log.txt)"
tested "other.st: all 12 classes, 5-way 1-shot, 2 queries a class\"" other.json
[ "$(grep -c 'other.st: all 12 classes' run/eval.csv)" -eq 40 ] || fail "eval.csv: $(head -n 3 run/eval.csv)"
"$program" eval run --tasks 40 --data other.st >table.txt || fail "table"
tested "other.st: all 12 classes, 5-way 1-shot, 2 queries a class" table.txt
reached=$(sed -n 's/.*"transductive", "inner_steps": 1, "accuracy": \(0\.[0-9]*\).*/\1/p' other.json)
[ "${reached:-0}" \> 0.4 ] || fail "on other data it should do far better than a fifth: $(cat other.json)"
for c in 02 04 06 08 10; do echo "test s2/class$c"; done >half.txt
score --data other.st --split-file half.txt >half.json || fail "--split-file: $(cat log.txt)"
tested "other.st: 5 test classes of the split asked for" half.json
score --data other.st --set task.split=auto >half.json || fail "task.split=auto: $(cat log.txt)"
tested "other.st: 5 test classes of the split asked for" half.json
echo "train s2/class00" >half.txt
refused "half.txt names no class to test" "$program" eval run --data other.st --split-file half.txt

# What the learner cannot take.
refused "large.st: an example is 28x28x3 bytes, but the run learned on 14x14x1 bytes; expected the same; \`innerloop data import --size 14 --grey\` makes it fit" \
  "$program" eval run --data large.st
refused "floats.st: an example is 14x14x1 floats, but the run learned on 14x14x1 bytes" "$program" eval run --data floats.st
refused "task.ways: found 5, but the test split has 3 classes; task.ways=3 would fit" "$program" eval run --data three.st
refused "found 6 + 4, but class 's2/class00' has only 8 examples, and 11 more classes have too few; 6 + 2 would fit" \
  "$program" eval run --data other.st --shots 6 --queries 4
refused "nowhere.st" "$program" eval run --data nowhere.st

# ---- other settings ----
score --shots 3 --queries 4 --inner-steps 0,2,7 >more.json || fail "settings: $(cat log.txt)"
tested "5-way 3-shot, 4 queries a class" more.json
[ "$(grep -c '"inner_steps": 7' more.json)" -eq 3 ] && [ "$(grep -c '"protocol"' more.json)" -eq 9 ] || fail "--inner-steps: $(cat more.json)"
score --set task.shots=3 --set eval.queries=4 --set eval.steps=0,2,7 >again.json || fail "--set: $(cat log.txt)"
cmp more.json again.json || fail "options and settings differ"
score --set inner.lr=0.01 --inner-steps 1 >slow.json && score --inner-steps 1 >quick.json || fail "inner.lr: $(cat log.txt)"
cmp -s slow.json quick.json && fail "inner.lr has no effect"
refused "task.ways: found 7, but the run's maml has a head for 5 classes; expected 5, or a run of an algorithm without a head" \
  "$program" eval run --ways 7
refused "inner.steps cannot be changed for an evaluation: eval.steps says" "$program" eval run --set inner.steps=3
refused "outer.lr cannot be changed for an evaluation" "$program" eval run --set outer.lr=1
refused "task.train_shots cannot be changed for an evaluation: it is of training alone" "$program" eval run --set task.train_shots=2
refused "task.split_file cannot be changed for an evaluation: task.split is" "$program" eval run --set task.split_file=half.txt
refused "inner.momentum cannot be changed for an evaluation: inner.optimizer is sgd" "$program" eval run --set inner.momentum=0.3
refused "task.test_classes cannot be changed for an evaluation: task.split is" "$program" eval run --set task.test_classes=5
refused "eval.steps: found \"3,1\"" "$program" eval run --inner-steps 3,1
"$program" eval run --steps 1 >log.txt 2>&1 && fail "--steps was accepted"

# Class means take any number of ways; a split of kind auto stays that of the run's ways.
train --data other.st --set meta.algorithm=protonet --set meta.query_statistics=running --set task.split=auto \
  --set outer.steps=5 --out means || fail "protonet: $(cat log.txt)"
"$program" eval means --tasks 10 --ways 4 >table.txt || fail "4 ways"
tested "5 test classes of the run's split, 4-way 1-shot" table.txt
"$program" eval means --tasks 10 --ways 9 --shots 2 --data nine.st >table.txt || fail "9 ways"
tested "nine.st: all 9 classes, 9-way 2-shot" table.txt
refused "task.ways: found 10, but the test split has 9 classes; task.ways=9 would fit" "$program" eval means --ways 10 --data nine.st
refused "eval.steps cannot be changed for an evaluation: the run's algorithm makes no inner steps" "$program" eval means --inner-steps 1

# Greedy adaptation takes the same options.
"$program" eval run --adapt greedy --fraction 0.5 --tasks 10 --data other.st --shots 2 --inner-steps 1,3 >table.txt 2>log.txt || fail "greedy: $(cat log.txt)"
tested "other.st: all 12 classes, 5-way 2-shot" table.txt
[ "$(grep -c '±' table.txt)" -eq 5 ] || fail "greedy: two rows of two numbers of steps: $(cat table.txt)"
refused "expected 1 to 8 ascending whole numbers" "$program" eval run --adapt greedy --inner-steps 3,1
refused "eval.steps: greedy evaluation has its own" "$program" eval run --adapt greedy --set eval.steps=1

# ---- lists of episodes, which need no split ----
"$program" data episodes run/config.yaml --data other.st --set task.split=test --count 6 --out list.txt || fail "episode list"
"$program" eval run --data other.st --tasks 6 --json >drawn.json || fail "drawn"
"$program" eval run --data other.st --episodes list.txt --json >replayed.json || fail "a list of other data"
tested "other.st: the episodes of list.txt, 5-way" replayed.json
same drawn.json replayed.json "a replayed list of other data gives other figures"
"$program" data episodes run --split train --count 3 --out trained.txt || fail "episode list"
"$program" eval run --episodes trained.txt >table.txt 2>log.txt || fail "a list of training classes: $(cat log.txt)"
tested "own.st, which the run was trained on: the episodes of trained.txt" table.txt
refused "the dataset has no class 's1/class" "$program" eval run --data other.st --episodes trained.txt
refused "is not in the test split" "$program" eval run --episodes trained.txt --set task.split=auto
# Classes that have too few examples do not matter to a list without them.
"$program" data episodes run/config.yaml --data rare.st --set task.split=file --set task.split_file=without.txt \
  --set task.shots=2 --count 2 --out rare.txt || fail "episode list"
"$program" eval run --data rare.st --shots 2 --episodes rare.txt >table.txt 2>log.txt || fail "rare classes: $(cat log.txt)"

# One task has no interval.
sed '3,$d' list.txt >one.txt
"$program" eval run --data other.st --episodes one.txt >table.txt || fail "one episode"
tested "1 test task, no interval: one task" table.txt
grep -q '±' table.txt && fail "an interval of one task: $(cat table.txt)"
"$program" eval run --data other.st --episodes one.txt --json >one.json || fail "one episode"
[ "$(grep -c '"interval": null}' one.json)" -eq 18 ] || fail "one task: $(cat one.json)"
"$program" eval run --adapt greedy --fraction 0.5 --data other.st --episodes one.txt --json >one.json || fail "one episode, greedy"
grep -q '"interval": null, .*"difference_interval": null' one.json || fail "one task, greedy: $(cat one.json)"

# ---- drawn data: other settings of the source are other data ----
"$program" train glyphs-5w1s-maml --set model.filters=4 --set outer.meta_batch=4 --set glyphs.alphabets=4 --set glyphs.classes=10 \
  --set task.train_classes=20 --set task.validation_classes=8 --set outer.steps=10 --out glyphs >log.txt 2>&1 || fail "glyphs: $(cat log.txt)"
"$program" eval glyphs --tasks 5 >table.txt || fail "eval"
tested "glyphs: 12 test classes of the run's split" table.txt
"$program" eval glyphs --tasks 5 --set glyphs.seed=9 >table.txt || fail "eval"
tested "glyphs: all 40 classes" table.txt
refused "task.data cannot be changed for an evaluation: the source of tasks reads no file" "$program" eval glyphs --set task.data=other.st
refused "other.st: an example is 14x14x1 bytes, but the run learned on 28x28x1 bytes" "$program" eval glyphs --data other.st
"$program" train sinusoid-5shot-maml --set outer.steps=20 --set eval.every=20 --set eval.queries=2 --out few >log.txt 2>&1 || fail "sinusoid"
"$program" train sinusoid-5shot-maml --set outer.steps=20 --set eval.every=20 --set eval.queries=90 --out many >log.txt 2>&1 || fail "sinusoid"
[ "$(grep -c '"validation_loss"' few/metrics.jsonl)" -eq 1 ] || fail "no validation: $(cat few/metrics.jsonl)"
diff <(grep -v validation few/metrics.jsonl) <(grep -v validation many/metrics.jsonl) >/dev/null || fail "eval.queries changed training"
cmp -s few/metrics.jsonl many/metrics.jsonl && fail "validation does not obey eval.queries"
refused "--data: found" "$program" eval few --data other.st
refused "task.ways cannot be changed for an evaluation: the tasks have no classes" "$program" eval few --ways 3
"$program" eval few --tasks 5 --queries 7 >table.txt || fail "eval"
tested "sinusoid, 5 support and 7 query examples" table.txt

# ---- tasks without classes: an automatic split knows no ways, in training and in evaluation ----
"$program" train omniglot-20w1s-maml --data "$given" --set task.source=tasks --set task.split=auto --set model.preset=mlp --set outer.steps=2 --set eval.every=0 \
  --out given >log.txt 2>&1 || fail "given tasks: $(cat log.txt)"
grep -q "36/12/12 tasks" log.txt || fail "division of 60 tasks: $(cat log.txt)"
"$program" eval given >table.txt || fail "eval"
grep -q "12 test tasks" table.txt || fail "the 12 test tasks of training: $(cat table.txt)"
echo "evaluation on other data: all as expected"
