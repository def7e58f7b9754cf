# Training tasks of different numbers of classes (task.train_ways=3-6) and from a fixed pool (task.pool).
# test_episodes.sh PROGRAM
set -u
program=$1
folder=$(mktemp -d) && cd "$folder" || exit 1
trap 'rm -rf "$folder"' EXIT
fail() { echo "failed: $*"; exit 1; }
small="--set glyphs.alphabets=4 --set glyphs.classes=10 --set glyphs.writers=8 --set glyphs.side=14
  --set task.train_classes=20 --set task.validation_classes=10 --set task.queries=2 --set model.filters=4
  --set outer.meta_batch=3 --set outer.steps=8 --set eval.every=4 --set eval.validation_tasks=4 --set eval.tasks=6
  --set checkpoint.every=3 --set log.every=1"
train() { # folder, settings
  out=$1
  shift
  "$program" train glyphs-5w1s-maml $small "$@" --out "$out" >"$out.txt" 2>&1 || fail "$out: $(cat "$out.txt")"
}
losses() { sed -n 's/.*"loss": \([0-9.]*\).*/\1/p' "$1/metrics.jsonl"; }
different() { losses "$1" | sort -u | wc -l; }

# With a rate of 0 the loss of a meta-step is that of its tasks: six of them are two meta-steps that alternate.
train always --set outer.lr=0
train pool --set outer.lr=0 --set task.pool=6 --threads 3
[ "$(different always)" = 8 ] || fail "new tasks have equal losses: $(losses always)"
[ "$(different pool)" = 2 ] || fail "a pool of 6 gives other tasks than 6: $(losses pool)"
[ "$(losses pool | head -2)" = "$(losses always | head -2)" ] || fail "a pool's tasks are not the first ones"
[ "$(losses pool | sed -n 8p)" = "$(losses pool | sed -n 2p)" ] || fail "a pool is not used in order: $(losses pool)"
grep -q "6 fixed tasks train" pool.txt || fail "does not say so: $(cat pool.txt)"
grep -q "fixed tasks" always.txt && fail "says so without a pool"
# Examples are augmented alike each time, and a pool may be no multiple of the tasks of a meta-step.
train augmented --set outer.lr=0 --set task.pool=3 --set augment.degrees=20 --set augment.jitter=0.2
[ "$(different augmented)" = 1 ] || fail "a pool's tasks are augmented anew: $(losses augmented)"
train four --set outer.lr=0 --set task.pool=4
[ "$(different four)" = 4 ] || fail "a pool of 4 in threes: $(losses four)"

# Other numbers of classes: the loss of drawn weights is about that of guessing among 3 to 6.
ways="--set meta.algorithm=protonet --set task.train_ways=3-6"
train range $ways --threads 1
grep -q "protonet on glyphs, 3- to 6-way, 1 shots (5-way in test)" range.txt || fail "$(cat range.txt)"
train parts $ways --set outer.steps=4 --threads 3
"$program" train --resume parts --set outer.steps=8 >parts.txt 2>&1 || fail "$(cat parts.txt)"
cmp -s range/checkpoint.safetensors parts/checkpoint.safetensors || fail "resumed on other threads, other bits"
"$program" eval range >eval.txt 2>&1 || fail "$(cat eval.txt)"
grep -q "5-way 1-shot" eval.txt || fail "$(cat eval.txt)"
train both $ways --set task.train_shots=1-3
grep -q "3- to 6-way, 1 to 3 shots" both.txt || fail "$(cat both.txt)"
refused() { # text, settings
  text=$1
  shift
  "$program" train glyphs-5w1s-maml $small "$@" --out refused >log.txt 2>&1 && fail "accepted: $*"
  grep -qF -- "$text" log.txt || fail "$*: expected \"$text\" in: $(cat log.txt)"
}
refused "found 5-6 and task.ways 5, but maml trains a head for one number" --set task.train_ways=5-6
refused "or a range of them such as 1-5" --set meta.algorithm=protonet --set task.train_ways=0-6
refused "found 1" --set meta.algorithm=protonet --set task.train_ways=1-6
refused "found a range of 16 numbers of classes, of 5 numbers of shots each" --set meta.algorithm=protonet \
  --set task.train_ways=5-20 --set task.train_shots=1-5
refused "found 30" --set meta.algorithm=protonet --set task.train_ways=5-30
"$program" eval range --set task.pool=3 >log.txt 2>&1 && fail "an evaluation took task.pool"
grep -q "of training alone" log.txt || fail "$(cat log.txt)"
echo "episodes: pools and numbers of classes"
