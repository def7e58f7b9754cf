# Episodes within one alphabet or origin (task.within), which classes are drawn (task.only) and how often
# (task.class_weights).
# test_within.sh PROGRAM
set -u
program=$1
folder=$(mktemp -d) && cd "$folder" || exit 1
trap 'rm -rf "$folder"' EXIT
fail() { echo "failed: $*"; exit 1; }
whole="--set glyphs.alphabets=6 --set glyphs.classes=7 --set glyphs.writers=4 --set glyphs.side=14
  --set task.queries=2"
small="$whole --set task.train_classes=3 --set task.validation_classes=1 --set task.split=alphabets"
of=$small
# The classes of episodes: a line each, those of an episode under each other.
classes() { # settings
  "$program" data episodes glyphs-5w1s-maml $of --count 60 "$@" --out list >log.txt 2>&1 || fail "$*: $(cat log.txt)"
  grep -v '^#' list | tr '\t' '\n' | sed 's/:.*//'
}
mixed() { sed 's:/.*::' | paste -d' ' - - - - - | awk '{ for (i = 2; i <= 5; i++) if ($i != $1) n++ } END { print n + 0 }'; }

classes >free.txt
classes --set task.within=alphabet >within.txt
[ "$(mixed <free.txt)" -gt 0 ] || fail "free episodes are of one alphabet each"
[ "$(mixed <within.txt)" = 0 ] || fail "episodes within alphabets mix them: $(head -5 within.txt)"
[ "$(sed 's:/.*::' within.txt | sort -u | wc -l)" = 2 ] || fail "some test alphabet is not drawn"
classes --split train --set task.within=alphabet --set task.train_within=split >train.txt
[ "$(mixed <train.txt)" -gt 0 ] || fail "task.train_within=split is ignored"
classes --split train --set task.train_within=alphabet >train.txt
[ "$(mixed <train.txt)" = 0 ] || fail "task.train_within=alphabet is ignored"
# Alphabets 1 to 4 are of one origin, 5 and 6 of the other.
classes --set task.within=origin --set task.split=random --set task.train_classes=10 --set task.validation_classes=6 >origin.txt
[ "$(sed 's:.*Glyph0\([0-9]\).*:\1:' origin.txt | paste -d' ' - - - - - |
  awk '{ for (i = 2; i <= 5; i++) if (($i > 4) != ($1 > 4)) n++ } END { print n + 0 }')" = 0 ] || fail "origins are mixed"

of="$whole --set task.split=test"
classes --set task.only='Glyph0*,!Glyph02/*,!*/character03' | sort -u >only.txt
[ "$(wc -l <only.txt)" = 30 ] || fail "task.only: $(cat only.txt)"
grep -q -e Glyph02 -e character03 only.txt && fail "task.only draws what it leaves out"
printf '30 Glyph01/*\n0 evaluation\n' >weights
classes --set task.class_weights=weights >weighed.txt
[ "$(grep -c Glyph01/ weighed.txt)" -gt 150 ] || fail "weights: $(sort weighed.txt | uniq -c)"
grep -q -e Glyph05 -e Glyph06 weighed.txt && fail "a weight of 0 is drawn"

# A run trained on any classes is evaluated within alphabets, and on some of its test classes.
"$program" train glyphs-5w1s-protonet $small --set task.train_ways=5 --set model.filters=4 --set outer.steps=2 --set eval.every=0 \
  --set eval.tasks=5 --out run >log.txt 2>&1 || fail "$(cat log.txt)"
"$program" eval run --set task.within=alphabet >log.txt 2>&1 || fail "$(cat log.txt)"
grep -q "14 test classes of the run's split, 5-way 1-shot within one of 2 alphabets, 2 queries a class" log.txt || fail "$(cat log.txt)"
"$program" eval run --set task.only='!*/character07' >log.txt 2>&1 || fail "$(cat log.txt)"
grep -q "12 test classes" log.txt || fail "$(cat log.txt)"
"$program" train glyphs-5w1s-protonet $small --set task.within=alphabet --set task.train_ways=6 --set task.only='!Glyph0*/character07,!Glyph01/*' \
  --set model.filters=4 --set outer.steps=2 --set eval.every=1 --set eval.validation_tasks=2 --set eval.tasks=5 --out within >log.txt 2>&1 ||
  fail "$(cat log.txt)"
grep -q "each train episode is within one of . alphabets" log.txt || fail "does not say so: $(cat log.txt)"
# Of another data set, the classes that the run left out are not left out.
"$program" eval within --set glyphs.seed=2 --ways 6 >log.txt 2>&1 || fail "$(cat log.txt)"
grep -q "all 42 classes, 6-way 1-shot within one of 6 alphabets" log.txt || fail "$(cat log.txt)"

# Pairs: two classes make one, in training and in test.
"$program" train glyphs-5w1s-protonet $small --set task.validation_classes=0 --set task.fused=2 --set task.shots=2 --set task.train_ways=5 --set model.filters=4 \
  --set outer.steps=2 --set eval.every=0 --set eval.tasks=5 --out pairs >log.txt 2>&1 || fail "$(cat log.txt)"
grep -q "2 classes of the data make one class of an episode" log.txt || fail "does not say so: $(cat log.txt)"
"$program" eval pairs >log.txt 2>&1 || fail "$(cat log.txt)"
grep -q "5-way 2-shot of 2 fused classes each, 2 queries a class" log.txt || fail "$(cat log.txt)"
"$program" eval pairs --set task.fused=1 --shots 1 >one.txt 2>&1 || fail "$(cat one.txt)"
grep -q "5-way 1-shot, 2 queries a class" one.txt || fail "$(cat one.txt)"
"$program" report pairs >log.txt 2>&1 || fail "a report of pairs: $(cat log.txt)"

refused() { # text, command
  text=$1
  shift
  "$@" >log.txt 2>&1 && fail "accepted: $*"
  grep -qF -- "$text" log.txt || fail "$*: expected \"$text\" in: $(cat log.txt)"
}
refused "task.ways: found 8 within one alphabet, but the largest of the 2 of the test split has 7 classes; task.ways=7 would fit" \
  "$program" eval run --set task.within=alphabet --ways 8
refused "task.ways: found 11, but the test split has 10 classes, each fused of task.fused others; task.ways=10 would fit" \
  "$program" eval pairs --ways 11
refused "task.fused: found 3, expected at most the 2 shots" "$program" eval pairs --set task.fused=3 --ways 2
refused "task.fused: found 2, but training episodes may have 1 shot; expected at least as many" "$program" train glyphs-5w1s-protonet \
  $small --set task.fused=2 --set task.shots=2 --set task.train_shots=1-3 --out no
refused "baseline learns to tell all training classes apart" "$program" train glyphs-5w1s-protonet $small --set task.shots=2 \
  --set task.fused=2 --set meta.algorithm=baseline --out no
refused "a list has no episodes of fused classes" "$program" data episodes glyphs-5w1s-maml $small --set task.shots=2 \
  --set task.fused=2 --out no.txt
refused "of training alone" "$program" eval run --set task.train_within=alphabet
refused "a list says which classes episodes have" "$program" eval run --episodes list --set task.within=alphabet
"$program" eval pairs --episodes list --set task.fused=1 --shots 1 >log.txt 2>&1 || fail "a list beside pairs: $(cat log.txt)"
refused "leaves none of the 14 classes of the test split" "$program" eval run --set task.only='!*'
# A run's files are found from wherever it is opened, and what they said when it began is what divides and weighs its classes.
for c in 1 2 3 4 5 6 7; do
  printf 'train Glyph01/character0%s\ntest Glyph02/character0%s\nvalidation Glyph03/character0%s\n' $c $c $c
done >three.split
"$program" train glyphs-5w1s-protonet $whole --set task.train_ways=5 --set model.filters=4 --set outer.steps=2 --set eval.every=0 \
  --set task.split=file --set task.split_file=three.split --set task.class_weights=weights --set outer.schedule=constant --out files \
  >log.txt 2>&1 || fail "$(cat log.txt)"
(cd / && "$program" eval "$OLDPWD/files" --tasks 2) >log.txt 2>&1 || fail "from elsewhere: $(cat log.txt)"
grep -q "7 test classes of the run's split" log.txt || fail "$(cat log.txt)"
cp three.split moved.split
echo '# a remark' >>three.split
"$program" eval files --tasks 2 >log.txt 2>&1 || fail "a remark divides: $(cat log.txt)"
sed -i 's/^test/-/; s/^train/test/; s/^-/train/' three.split
changed="files: classes are divided or weighed otherwise than when the run was started: task.split_file $PWD/three.split or task.class_weights $PWD/weights has changed"
refused "$changed" "$program" eval files --tasks 2
refused "${changed#files: }" "$program" train --resume files --set outer.steps=3
"$program" train --resume files --set outer.steps=3 --set task.split_file=moved.split >log.txt 2>&1 || fail "a moved file: $(cat log.txt)"
cp moved.split three.split
printf '0x20 Glyph01/*\n' >weights
refused "found '0x20 Glyph01/*', expected a weight" "$program" train --resume files --set outer.steps=4
printf '20 Glyph01/*\n0 evaluation\n' >weights
refused "divided or weighed otherwise" "$program" train --resume files --set outer.steps=4
for file in "split_file=gone --set task.split=file" "class_weights=gone --set task.split=auto"; do
  # shellcheck disable=SC2086 # settings
  refused "task.${file%%=*}: gone cannot be opened" "$program" train glyphs-5w1s-protonet $whole --set task.$file --out no
done
refused "but with source sinusoid the tasks have no classes" "$program" train sinusoid-5shot-maml --set task.within=origin --out no
echo "within: alphabets, origins, choices and weights of classes"
