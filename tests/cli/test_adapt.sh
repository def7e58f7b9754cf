#!/usr/bin/env bash
# Adapting and predicting from the command line: a folder of pictures, what is said, in which forms answers come.
program=$1
. "$(dirname "$0")/../support/scale.sh"
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
fail() { echo "failed: $*"; exit 1; }
python3 -c '' 2>/dev/null || { echo "skipped: no python3 here to draw pictures"; exit 77; }

"$program" train glyphs-5w1s-protonet --out run --set outer.steps=60 --set model.filters=8 --set eval.every=0 \
  >out.txt 2>&1 || fail "train: $(cat out.txt)"
# Pictures of four classes, four to be shown and eight to be asked about; "white": the same, dark on bright.
"$program" data export glyphs --out all.safetensors >/dev/null || fail "export"
cat >pictures.py <<PYTHON
import json, os, struct, zlib
data = open("all.safetensors", "rb").read()
n = struct.unpack("<Q", data[:8])[0]
x = json.loads(data[8:8 + n])["x"]
begin, bytes_of = 8 + n + x["data_offsets"][0], 28 * 28
def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
for cls in range(4):
    for i in range(12):
        at = begin + ((360 + cls) * 20 + i) * bytes_of
        for white in (0, 1):
            rows = b"".join(b"\0" + bytes(255 - v if white else v for v in data[at + 28 * r:at + 28 * (r + 1)]) for r in range(28))
            folder = "%s%s/sort %d" % ("white/" if white else "", "few" if i < 4 else "many", cls + 1)
            os.makedirs(folder, exist_ok=True)
            open("%s/%02d.png" % (folder, i), "wb").write(b"\x89PNG\r\n\x1a\n" +
                chunk(b"IHDR", struct.pack(">IIBBBBB", 28, 28, 8, 0, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
PYTHON
python3 pictures.py || fail "pictures"

"$program" adapt run --support few --out model >out.txt 2>err.txt || fail "adapt: $(cat err.txt)"
grep -q "trained on tasks of 20 classes of 1; innerloop eval run --ways 4 --shots 4 says how well it does$" err.txt || fail "unlike: $(cat err.txt)"
grep -q "^model: 4 classes, 16 examples, as the learner's 28×28 grey$" out.txt || fail "adapt said: $(cat out.txt)"
grep -q "^protonet; queries one at a time, norm statistics: running$" out.txt || fail "how: $(cat out.txt)"
grep -q "^left out once each: 1[0-6] of 16 named right" out.txt || fail "left out: $(cat out.txt)"
[ "$(wc -l <out.txt)" = 4 ] || fail "more words than expected: $(cat out.txt)"
"$program" adapt run --support few --out again --json >out.txt || fail "adapt --json"
cmp model again || fail "two adaptations differ"
"$program" adapt model --support few --out none 2>err.txt && fail "an adapted learner was adapted"
grep -q "^innerloop: model: is adapted already; expected the run that it came from" err.txt || fail "adapted twice: $(cat err.txt)"
"$program" predict run few 2>err.txt && fail "a run answered"
grep -q "^innerloop: run: found a folder, expected a file that .innerloop adapt RUN" err.txt || fail "predict a run: $(cat err.txt)"
python3 -c 'import json,sys; j = json.load(open("out.txt")); assert j["examples"] == 16 and j["classes"][0] == "sort 1"' ||
  fail "adapt --json: $(cat out.txt)"

# The learner alone in a file is as good as the run.
"$program" export run --out learner.safetensors >out.txt 2>&1 || fail "export: $(cat out.txt)"
grep -qE "^learner.safetensors: [0-9]+ bytes; placed in memory .il_learner_place. it takes [1-9][0-9]+ bytes" out.txt || fail "export said: $(cat out.txt)"
"$program" convert --list learner.safetensors >out.txt && grep -q conv1.weight out.txt && ! grep -q outer/ out.txt || fail "exported: $(cat out.txt)"
"$program" export learner.safetensors --out copy --json | python3 -c 'import json,sys; j = json.load(sys.stdin); assert j["room"] > j["bytes"] > 1000' ||
  fail "export --json"
cmp learner.safetensors copy || fail "exported twice"
"$program" adapt learner.safetensors --support few --out again >out.txt 2>&1 && cmp model again || fail "adapt a learner: $(cat out.txt)"
"$program" export nowhere --out copy 2>out.txt && fail "exported nothing"
grep -q "nowhere: there is no run" out.txt || fail "nothing to export: $(cat out.txt)"

# Right far more often than by chance; a folder, single pictures and standard input give the same answers.
"$program" predict model many --csv >all.csv || fail "predict a folder"
right=$(sed 1d all.csv | awk -F'"' '{ split($2, part, "/"); right += part[2] == $4 } END { print right + 0 }')
[ "$(wc -l <all.csv)" = 33 ] && [ "$right" -ge 20 ] || fail "$right of 32 right: $(head -3 all.csv)"
picture="many/sort 3/$(ls 'many/sort 3' | head -1)"
"$program" predict model "$picture" --csv --threads 1 | sed 1d >one.csv
grep -qxF "$(cat one.csv)" all.csv || fail "alone: $(cat one.csv)"
"$program" predict model - --csv <"$picture" | sed "1d; s|\"-\"|\"$picture\"|" | cmp - one.csv || fail "standard input"
"$program" predict model many --json --top 9 >out.txt || fail "--json"
python3 -c '
import json
answers = json.load(open("out.txt"))
assert len(answers) == 32
for a in answers:
    p = [c["probability"] for c in a["classes"]]
    assert len(p) == 4 and abs(sum(p) - 1) < 1e-5 and p == sorted(p, reverse=True) and not a["rejected"]
' || fail "--json: $(head -3 out.txt)"

# The other way round: black on white is seen, said, and remembered for queries.
"$program" adapt run --support white/few --out inverted >out.txt 2>err.txt || fail "adapt to inverted: $(cat err.txt)"
grep -q "grey, inverted$" out.txt || fail "inversion unsaid: $(cat out.txt)"
"$program" predict inverted white/many --csv | sed 's|white/||' | cmp - all.csv || fail "inverted answers differ"
"$program" adapt run --support white/few --out other --invert no >out.txt 2>&1 || fail "--invert no"
grep -q "grey, inverted$" out.txt && fail "--invert no was not obeyed"
grep -q "look inverted.*--invert yes turns them" out.txt || fail "no warning of inverted pictures: $(cat out.txt)"

# None of these; what cannot be read is named, the others are answered, and the exit code says it.
"$program" predict model many --reject=0.999999 | grep -q "none of these; nearest" || fail "--reject=P"
"$program" predict model many --reject >out.txt 2>err.txt || fail "--reject: $(cat err.txt)"
grep -q "95 of 100 right answers on the support set were surer" err.txt || fail "source of the threshold: $(cat err.txt)"
echo words >many/words.png
"$program" predict model many >out.txt 2>err.txt && fail "an unreadable picture did not fail"
[ "$(wc -l <out.txt)" = 32 ] && grep -q "^innerloop: many/words.png: " err.txt || fail "unreadable: $(cat err.txt)"
"$program" predict run/checkpoint.safetensors "$picture" 2>err.txt && fail "a checkpoint answered"
grep -q "which \`innerloop adapt\` writes" err.txt || fail "checkpoint: $(cat err.txt)"
"$program" adapt run --support few/"sort 1" --out none 2>err.txt && fail "one class"
[ -e none ] && fail "something was written"
"$program" train glyphs-5w1s-maml --out five --set outer.steps=2 --set eval.every=0 >/dev/null 2>&1
"$program" adapt five --support few --out none 2>err.txt && fail "4 classes for a head of 5"
grep -q "found 4 classes, but the learner's head tells 5 apart" err.txt || fail "head: $(cat err.txt)"
[ -e none ] && fail "something was written"
grep -q -- "--head means" err.txt || fail "no way out: $(cat err.txt)"

# Class means stand in for a head of another number of classes; a support set unlike the training tasks is said.
"$program" train glyphs-5w1s-maml --out learned --set outer.steps="$(scale 400 20)" --set model.filters=8 --set eval.every=0 >/dev/null 2>&1
"$program" adapt learned --support few --out means --head means >out.txt 2>err.txt || fail "--head means: $(cat err.txt)"
grep -q "^class means of the trained net's features" out.txt || fail "--head means said: $(cat out.txt)"
grep -q "has 4 classes of 4 examples, the learner was trained on tasks of 5 classes of 1$" err.txt || fail "unlike: $(cat err.txt)"
"$program" predict means many --csv 2>/dev/null >out.txt
right=$(sed 1d out.txt | awk -F'"' '{ split($2, part, "/"); right += part[2] == $4 } END { print right + 0 }')
[ "$(wc -l <out.txt)" = 33 ] && [ "$right" -ge "$(scale 18 0)" ] || fail "$right of 32 right by class means"

# The support set and queries as arrays of every kind, and on standard input; a zip of pictures.
rm many/words.png
"$program" data import few --out few.data >/dev/null 2>&1 && "$program" data export few.data --out few.npz >/dev/null || fail "few.npz"
"$program" data import many --out many.data >/dev/null 2>&1 && "$program" data export many.data --out many.npz >/dev/null || fail "many.npz"
"$program" convert few.npz few.pt >/dev/null && "$program" convert few.npz few.safetensors >/dev/null || fail "convert"
for file in few.npz few.data; do
  "$program" adapt run --support $file --out again >/dev/null 2>err.txt || fail "adapt to $file: $(cat err.txt)"
  cmp model again || fail "$file gives another model"
done
for file in few.pt few.safetensors; do
  "$program" adapt run --support $file --out arrays >/dev/null 2>err.txt || fail "adapt to $file: $(cat err.txt)"
done
"$program" predict model many.npz --csv >rows.csv || fail "predict arrays"
cut -d, -f2- all.csv | cmp - <(cut -d, -f2- rows.csv) || fail "arrays are answered otherwise than pictures"
"$program" predict model - --csv <many.npz | sed 's/"-:/"many.npz:/' | cmp - rows.csv || fail "arrays on standard input"
"$program" convert many.npz many.safetensors >/dev/null && sed -i 's/\[32,28,28,1\]/[32,1,28,28]/' many.safetensors
grep -q '32,1,28,28' many.safetensors || fail "no channels first: $(head -c 300 many.safetensors)"
"$program" predict model many.safetensors --csv | sed 's/"many.safetensors:/"many.npz:/' | cmp - rows.csv || fail "channels first"
# Grey pictures and arrays of them, for a learner of colour ones: the same answers.
"$program" train glyphs-5w1s-maml --set task.ways=4 --set glyphs.channels=3 --set glyphs.alphabets=4 --set glyphs.classes=10 --set task.train_classes=20 \
  --set task.validation_classes=10 --set model.filters=4 --set outer.steps=1 --set eval.every=0 --out colour >log.txt 2>&1 || fail "$(cat log.txt)"
"$program" adapt colour --support few.npz --out coloured >log.txt 2>err.txt || fail "adapt to grey arrays: $(cat err.txt)"
grep -q "too few" err.txt && fail "a support set is called too small: $(cat err.txt)"
"$program" predict coloured many --csv >pictures.csv && "$program" predict coloured many.npz --csv >rows.csv 2>err.txt || fail "grey arrays: $(cat err.txt)"
cut -d, -f2- pictures.csv | cmp - <(cut -d, -f2- rows.csv) || fail "grey arrays are answered otherwise than grey pictures"
"$program" adapt colour --support few.npz --set inner.lr=1e6 --set inner.steps=50 --out none >log.txt 2>err.txt && fail "adapted to what is not finite"
grep -q "not finite: numbers of the support set" err.txt || fail "not finite: $(cat err.txt)"
[ -e none ] && fail "a model that is not finite was written"
"$program" adapt colour --support few.npz --set meta.query_statistics=running --out none >log.txt 2>err.txt && fail "statistics that were not kept"
grep -q "found running, but the run kept no running statistics" err.txt || fail "running: $(cat err.txt)"
python3 -m zipfile -c many.zip many/* && "$program" predict model many.zip --csv | sed 's|many.zip/|many/|' | cmp - all.csv || fail "a zip of pictures"

# Another version's file, and one with a number that is none.
python3 - <<'PYTHON'
import json, struct
data = open("model", "rb").read()
n = struct.unpack("<Q", data[:8])[0]
def write(name, head, body):
    text = json.dumps(head).encode()
    open(name, "wb").write(struct.pack("<Q", len(text)) + text + body)
for key, value in (("format", "innerloop adapted learner 2"), ("algorithm", "protonet 99")):
    head = json.loads(data[8:8 + n])
    head["__metadata__"][key] = value
    write("other." + key, head, data[8 + n:])
head, body = json.loads(data[8:8 + n]), bytearray(data[8 + n:])
at = head["conv1.weight"]["data_offsets"][0]
body[at:at + 4] = struct.pack("<f", float("nan"))
write("nan", head, bytes(body))
PYTHON
for file in other.format other.algorithm; do
  "$program" predict $file many 2>err.txt && fail "$file answered"
  grep -q "another version of innerloop wrote it" err.txt || fail "$file: $(cat err.txt)"
done
"$program" predict nan many 2>err.txt && fail "nan answered"
grep -q "'conv1.weight' has nan, expected finite numbers" err.txt || fail "nan: $(cat err.txt)"

# Signals: shown as rows of a table, asked about in a file of arrays.
awk 'BEGIN { for (c = 1; c <= 9; c++) for (k = 0; k < 12; k++) { printf "wave %d", c
  for (t = 0; t < 40; t++) printf ",%.4f", sin(c * t / 8 + k); print "" } }' >waves.csv
"$program" data import waves.csv --signals --y 1 --out waves >/dev/null 2>&1 || fail "import of signals"
"$program" train signals-5w5s-maml --data waves --set task.ways=3 --set model.filters=8 --set outer.steps=40 --set eval.every=0 \
  --out hears >/dev/null 2>&1 || fail "train on signals"
grep "^wave [159]" waves.csv | awk -F, 'n[$1]++ < 5' >few.csv
grep "^wave [159]" waves.csv | awk -F, 'n[$1]++ >= 5' >many.csv
"$program" adapt hears --support few.csv --out heard >out.txt 2>err.txt || fail "adapt to signals: $(cat err.txt)"
grep -q "^ask it: innerloop predict heard FILE$" out.txt || fail "adapt to signals said: $(cat out.txt)"
"$program" data import many.csv --signals --y 1 --out many.data >/dev/null 2>&1 && "$program" data export many.data --out many.npz >/dev/null ||
  fail "queries of signals"
"$program" predict heard many.npz --csv >out.txt || fail "predict signals"
right=$(sed 1d out.txt | awk -F'"' '{ split($2, part, ":"); right += $4 == "wave " (1 + 4 * int(part[2] / 7)) } END { print right + 0 }')
[ "$(wc -l <out.txt)" = 22 ] && [ "$right" -ge 14 ] || fail "$right of 21 signals right: $(cat out.txt)"

# The same as a table without labels; a row that has no number is named, the others are answered.
cut -d, -f2- many.csv >table.csv
"$program" predict heard table.csv --csv | cut -d, -f2- | cmp - <(sed 's/^[^,]*,//' out.txt) || fail "a table is answered otherwise"
(cat table.csv; sed -n '1s/^[^,]*/nan/p' table.csv) >broken.csv
"$program" predict heard - <broken.csv >out.txt 2>err.txt && fail "a row without a number did not fail"
[ "$(wc -l <out.txt)" = 21 ] && grep -q "innerloop: -: line 22 has" err.txt || fail "row: $(cat err.txt)"

"$program" train sinusoid-5shot-maml --out curves --set outer.steps=2 --set eval.every=0 >/dev/null 2>&1
# Inner steps that are too long end nowhere: said, not printed as a number that is none.
"$program" eval curves --tasks 3 --set inner.lr=1e6 --set eval.steps=0,9 >out.txt 2>&1 || fail "steps too long: $(cat out.txt)"
grep -q "^ *9 *diverged$" out.txt || fail "steps too long: $(cat out.txt)"
"$program" adapt curves --support few --out none 2>err.txt && fail "a regression was shown classes"
grep -q "curves: the run learned to predict numbers" err.txt || fail "regression: $(cat err.txt)"
echo "adapt and predict: fine"
