# Arrays, tables and tasks from the command line: import, info, show, export and back.
program=$1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
export XDG_CACHE_HOME=$folder/cache
fail() { echo "failed: $*"; exit 1; }
is_png() { [ "$(head -c 4 "$1" | tail -c 3)" = PNG ] || fail "$1 is no PNG"; }

# A table of text: said what it is, imported, described, drawn, exported, and the same again.
i=0
while [ $i -lt 24 ]; do
  echo "$((i % 7)).5,$((i * i % 11)),$((i % 3)),$([ $((i % 2)) = 0 ] && echo left || echo right)"
  i=$((i + 1))
done >rows
(echo "a,b,c,side"; cat rows) >sides.csv
"$program" data info sides.csv >out.txt || fail "info of a table"
grep -q "not imported yet: a table of text" out.txt || fail "what it is: $(cat out.txt)"
grep -q "column 'side': texts" out.txt || fail "columns: $(cat out.txt)"
grep -q "innerloop data import sides.csv --out" out.txt || fail "how to import: $(cat out.txt)"
"$program" data import sides.csv --out sides.safetensors >out.txt 2>err.txt || fail "import: $(cat err.txt)"
[ "$(cat out.txt)" = "sides.safetensors: 2 classes, 24 examples of 3 features" ] || fail "result: $(cat out.txt)"
grep -q "classes: column 'side', the only one that is no numbers" err.txt || fail "notes: $(cat err.txt)"
"$program" data import sides.csv --out again.safetensors >out.txt 2>err.txt || fail "second import"
cmp sides.safetensors again.safetensors || fail "two imports differ"
"$program" data info sides.safetensors >out.txt || fail "info"
grep -q "^examples   24, 12 of each class" out.txt || fail "examples: $(cat out.txt)"
grep -q "^from       sides.csv" out.txt || fail "from: $(cat out.txt)"
grep -q "^of         files 1, classes 2, examples 24, skipped 0$" out.txt || fail "of: $(cat out.txt)"
"$program" data info sides.safetensors --json >out.json || fail "info --json"
grep -q '"examples_of_a_class": \[12, 12\].*"shape": \[3\]' out.json || fail "json: $(cat out.json)"
"$program" data show sides.safetensors --out sides.png || fail "show features"
is_png sides.png
for form in npz safetensors; do
  "$program" data export sides.safetensors --out "back.$form" >out.txt || fail "export to $form"
  "$program" data import "back.$form" --out back.imported >out.txt 2>err.txt || fail "back from $form: $(cat err.txt)"
  "$program" data export back.imported --out "twice.$form" --to "$form" >out.txt || fail "export again"
  cmp "back.$form" "twice.$form" || fail "$form differs the second time"
done
"$program" data import sides.csv --out images.safetensors --images >out.txt 2>err.txt && fail "--images of a table"
grep -q "sides.csv is imported as 'csv' .*, which has no use for --images" err.txt || fail "--images: $(cat err.txt)"
[ -e images.safetensors ] && fail "something was written"
"$program" data import sides.csv --out signals.safetensors --signals >out.txt 2>err.txt || fail "--signals: $(cat err.txt)"
[ "$(cat out.txt)" = "signals.safetensors: 2 classes, 24 signals of 3 steps, 1 channel" ] || fail "signals: $(cat out.txt)"

# One's own data train by --data alone.
"$program" train glyphs-5w1s-maml --set task.source=dataset --data sides.csv --set task.ways=2 --set task.train_classes=2 \
  --set model.preset=mlp --out run >out.txt 2>&1 && fail "a split without test classes"
[ -e cache/innerloop ] || fail "--data does not import: $(cat out.txt)"

# Regression.
{
  echo "x,y1,y2,task"
  i=0
  while [ $i -lt 30 ]; do
    echo "$i,$((i * (1 + i % 3))),$((i - 5)),task $((i % 3))"
    i=$((i + 1))
  done
} >rates.csv
"$program" data import rates.csv --out rates.safetensors >out.txt 2>err.txt || fail "table as it is: $(cat err.txt)"
grep -q "which --standardize gives" err.txt || fail "nobody says that such columns train badly: $(cat err.txt)"
"$program" data import rates.csv --out rates.safetensors --standardize >out.txt 2>err.txt || fail "table: $(cat err.txt)"
grep -q "which --standardize gives" err.txt && fail "standardized columns are called far from 1"
[ "$(cat out.txt)" = "rates.safetensors: 3 tasks, 30 rows" ] || fail "result of a table: $(cat out.txt)"
"$program" data info rates.safetensors >out.txt || fail "info of a table"
grep -q "^rows       30, 10 of each task" out.txt || fail "rows: $(cat out.txt)"
grep -q "^output     y2: .*before standardizing mean 9.5" out.txt || fail "outputs: $(cat out.txt)"
# A data set of another kind than the source takes is called by its kind.
other_kind() { # SOURCE FILE WORDS
  "$program" train glyphs-5w1s-maml --set task.source="$1" --data "$2" --out other >out.txt 2>err.txt && fail "$1 takes $2"
  grep -q "^innerloop: .*$2 $3" err.txt || fail "$2 for $1: $(cat err.txt)"
}
other_kind dataset rates.safetensors "is a table for regression, expected a dataset of classes; task.source=table takes tables"
other_kind table sides.safetensors "is a dataset of classes, expected a table for regression; task.source=dataset takes datasets"
"$program" data show rates.safetensors --out rates.png || fail "show a table"
is_png rates.png
"$program" data export rates.safetensors --out rates.npz >out.txt || fail "export of a table"
"$program" data info rates.npz | grep -q "not imported yet: regression" || fail "info of an exported table"
"$program" data import rates.npz --out rates2.safetensors >out.txt 2>err.txt || fail "table again: $(cat err.txt)"
"$program" train regression-10shot-maml --data rates.npz --set task.shots=3 --set task.queries=2 --set outer.steps=1 \
  --out tablerun >out.txt 2>&1 || fail "--data of a table of arrays: $(cat out.txt)"
"$program" data import rates.npz --out std.safetensors --standardize >out.txt 2>&1 || fail "--standardize: $(cat out.txt)"
"$program" data export rates2.safetensors --out rates2.npz >out.txt || fail "export again"
cmp rates.npz rates2.npz || fail "the table differs the second time"
"$program" data import rates.safetensors --out no.safetensors >out.txt 2>err.txt && fail "imported twice"
grep -q "was imported already and needs no import: train with task.source=table" err.txt || fail "twice: $(cat err.txt)"

# Data that the source of a preset cannot take: said by its name and before anything is imported.
rm -r cache
misfit() { # PRESET DATA WORDS
  "$program" train "$1" --data "$2" --out misfit >out.txt 2>err.txt && fail "$1 trains on $2"
  [ "$(cat err.txt)" = "innerloop: task.source: found $3" ] || fail "$1 on $2: $(cat err.txt)"
  [ -e cache ] || [ -e misfit ] && fail "$1 on $2 left something"
}
misfit features-5w5s-maml rates.csv \
  "dataset, but rates.csv has a table of regression tasks; expected task.source=table or a preset with it"
misfit features-5w5s-maml rates.npz \
  "dataset, but rates.npz has a table of regression tasks; expected task.source=table or a preset with it"
misfit regression-10shot-maml sides.csv \
  "table, but sides.csv has examples of classes; expected task.source=dataset or a preset with it"

# A run on a table: the same table elsewhere keeps its split, of another one all tasks are tested, and what would have no
# effect is refused; so is going on with other rows.
table() { # TASKS FACTOR
  echo "x,y,task"
  i=0
  while [ $i -lt $(($1 * 10)) ]; do
    echo "$((i % 10)),$((i * i % $2)),t$((i / 10))"
    i=$((i + 1))
  done
}
for of in "12 7" "4 5"; do
  table $of >table.csv && "$program" data import table.csv --out "t${of% *}.st" >out.txt 2>&1 || fail "tasks $of: $(cat out.txt)"
done
cp t12.st own.st
set -- regression-10shot-maml --data own.st --set task.split=random --set task.train_classes=6 --set task.shots=3 \
  --set task.validation_classes=0 --set task.queries=2 --set eval.tasks=6 --set checkpoint.every=1 --out trun
"$program" train "$@" --set outer.steps=2 >out.txt 2>&1 || fail "train on a table: $(cat out.txt)"
"$program" eval trun --json >here.json || fail "eval of a table"
mv own.st moved.st
"$program" eval trun --json --data moved.st >there.json || fail "a table that was moved"
sed 's/own.st/moved.st/' here.json | sed 's/"tested": "[^"]*"//' >a && sed 's/"tested": "[^"]*"//' there.json >b
cmp a b || fail "a table elsewhere is divided otherwise: $(cat here.json there.json)"
"$program" eval trun --data t4.st >out.txt 2>err.txt || fail "another table: $(cat err.txt)"
"$program" eval trun --data t4.st --set task.split=auto >out.txt 2>err.txt || fail "a split of a table: $(cat err.txt)"
"$program" train regression-10shot-maml --data t4.st --set task.shots=3 --set task.queries=2 --set outer.steps=1 \
  --set eval.tasks=4 --out few >out.txt 2>&1 || fail "few tasks: $(cat out.txt)"
"$program" eval few >out.txt 2>err.txt || fail "eval of few tasks: $(cat err.txt)"
table 12 11 >table.csv && "$program" data import table.csv --out own.st >out.txt 2>&1 || fail "other rows"
"$program" eval trun >out.txt || fail "eval of changed rows"
grep -q "own.st, changed since the run was trained" out.txt || fail "changed rows: $(cat out.txt)"
"$program" train --resume trun >out.txt 2>err.txt && fail "a run goes on with other rows"
grep -q "own.st has changed since the run was started; resume with the same data" err.txt || fail "resume: $(cat err.txt)"
"$program" train "$@" --set augment.jitter=0.1 --out no >out.txt 2>err.txt && fail "a table is augmented"
grep -q "^innerloop: augment: source table takes its tasks as they are" err.txt || fail "augmentation: $(cat err.txt)"

# What is imported is not written over its source.
cp sides.csv itself.csv
"$program" data import itself.csv --out ./itself.csv >out.txt 2>err.txt && fail "an import over its source"
[ "$(cat err.txt)" = "innerloop: ./itself.csv is the source itself, expected another file to write" ] || fail "$(cat err.txt)"
cmp sides.csv itself.csv || fail "the source has changed"

# Nor does anybody wait at a pipe.
mkfifo pipe.csv
for command in "data import pipe.csv --out no.st" "data info pipe.csv" "train features-5w5s-maml --data pipe.csv --out no"; do
  timeout 10 "$program" $command >out.txt 2>err.txt && fail "$command reads a pipe"
  grep -q "^innerloop: .*pipe.csv.* regular file" err.txt || fail "$command: $(cat err.txt)"
done

# A table of text is fitted too.
"$program" fit --train sides.csv --epochs 1 --out fitted.safetensors >out.txt 2>err.txt || fail "fit of a table: $(cat err.txt)"

# Pictures: a sheet, a folder, and the same pictures again.
"$program" data show glyphs --out sheet.png --classes 3 || fail "show pictures"
is_png sheet.png
"$program" data export glyphs --out drawn >out.txt || fail "export of pictures: $(cat out.txt)"
[ "$(find drawn -name '*.png' | wc -l)" = 8000 ] || fail "8000 files"
rm -r drawn/Glyph0[3-9] drawn/Glyph1? drawn/Glyph20
"$program" data import drawn --out drawn.safetensors >out.txt 2>err.txt || fail "import of a folder: $(cat err.txt)"
"$program" data export drawn.safetensors --out drawn2 >out.txt || fail "export again"
diff -r drawn drawn2 || fail "the folders differ"
"$program" data export drawn.safetensors --out drawn >out.txt 2>err.txt && fail "a full folder is overwritten"
grep -q "drawn is a folder that is not empty, expected a new one" err.txt || fail "full folder: $(cat err.txt)"

# Bad input: one sentence, nothing written.
refuse() { # WORDS FILE
  "$program" data import "$2" --out no.safetensors >out.txt 2>err.txt && fail "$2 is imported"
  grep -q "^innerloop: $1" err.txt || fail "$2: $(cat err.txt)"
  [ "$(wc -l <err.txt)" = 1 ] || fail "more than a sentence: $(cat err.txt)"
  [ -z "$(find . -name 'no.safetensors*')" ] || fail "$2 left something"
}
printf 'a,b,l\n1,2,u\n2,3\n' >bad.csv
refuse "bad.csv:3: found 2 fields, expected 3" bad.csv
printf 'a,b,l\n' >bad.csv
refuse "bad.csv has only a header line" bad.csv
: >bad.csv
refuse "bad.csv is empty" bad.csv
printf 'a,b,l\n1,x,u\n2,y,v\n' >bad.csv
refuse "bad.csv:2: column 'b' holds \"x\", expected a number" bad.csv
head -c 300 back.npz >cut.npz
refuse "cut.npz" cut.npz
printf '1,0.5\n2,1.5\n' >bad.csv
refuse "bad.csv:1: the label in column 2 is 0.5, expected a whole number or a text; --y says where labels stand" bad.csv
printf 'a,b,l\n1,NaN,u\n2,3,v\n3,4,v\n4,5,u\n' >holes.csv
"$program" data import holes.csv --out holes.safetensors >out.txt 2>err.txt || fail "holes: $(cat err.txt)"
grep -q "; 1 skipped" out.txt || fail "count: $(cat out.txt)"
grep -q "^skipped holes.csv:2: column 'b' is no number (NaN)" err.txt || fail "which: $(cat err.txt)"
"$program" data import holes.csv --out strict.safetensors --strict >out.txt 2>err.txt && fail "--strict imports"
[ -e strict.safetensors ] && fail "--strict writes"
exit 0
