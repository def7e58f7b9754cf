#!/bin/sh
# Adapting and predicting from the command line: a folder of pictures, what is said, in which forms answers come.
program=$1
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
grep -q "^model: 4 classes, 16 examples, as the learner's 28×28 grey$" out.txt || fail "adapt said: $(cat out.txt)"
grep -q "^protonet; queries one at a time, norm statistics: running$" out.txt || fail "how: $(cat out.txt)"
grep -q "^left out once each: 1[0-6] of 16 named right" out.txt || fail "left out: $(cat out.txt)"
[ "$(wc -l <out.txt)" = 4 ] || fail "more words than expected: $(cat out.txt)"
"$program" adapt run --support few --out again --json >out.txt || fail "adapt --json"
cmp model again || fail "two adaptations differ"
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
grep -q "inverted" out.txt && fail "--invert no was not obeyed"

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

"$program" train sinusoid-5shot-maml --out curves --set outer.steps=2 --set eval.every=0 >/dev/null 2>&1
"$program" adapt curves --support few --out none 2>err.txt && fail "a regression was shown classes"
grep -q "curves: the run learned to predict numbers" err.txt || fail "regression: $(cat err.txt)"
echo "adapt and predict: fine"
