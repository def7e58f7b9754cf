# What strangers' folders and broken files get: a sentence or a sensible answer, nothing half written.
program=$1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
fail() { echo "failed: $*"; exit 1; }
python3 -c '' 2>/dev/null || { echo "skipped: no python3 here to draw pictures"; exit 77; }
jpeg=/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8ybqmx5moq6T/wAALCAAIAAgBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAAP/EABgQAAIDAAAAAAAAAAAAAAAAAAAGRILC/9oACAEBAAA/ADnDvk//2Q==

"$program" train glyphs-5w1s-protonet --out run --set outer.steps=3 --set model.filters=4 --set eval.every=0 >out.txt 2>&1 ||
  fail "train: $(cat out.txt)"
cat >pictures.py <<'PYTHON'
import base64, os, struct, sys, zlib
def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
def png(width, height, depth, kind, rows, more=b""):
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + more + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
def drawn(k, i):
    return png(8, 8, 8, 0, b"".join(b"\0" + bytes((16 * k * x + 20 * y + i) % 256 for x in range(8)) for y in range(8)))
def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, "wb").write(data)
names = ["plain", "two words", "emoji \U0001f600", "a\"quote, comma", "-dash"]
for k, name in enumerate(names):
    for i in range(3):
        write("good/%s/%d.png" % (name, i), drawn(k, i))
# Answers whatever stands in the files, or says what it is.
for i in range(3):
    write("odd/a/%d.png" % i, drawn(1, i))
    write("odd/b/%d.png" % i, drawn(2, i))
write("odd/a/jpeg.png", base64.b64decode(sys.argv[1]))
write("odd/a/png.jpg", drawn(1, 9))
write("odd/a/one.png", png(1, 1, 8, 0, b"\0\xc8"))
write("odd/a/deep.png", png(8, 8, 16, 0, (b"\0" + bytes(range(16))) * 8))
write("odd/b/palette.png", png(8, 8, 1, 3, b"\0\xa5" * 8, chunk(b"PLTE", b"\0\0\0\xff\xff\xff")))
write("odd/b/large.png", png(10000, 10000, 1, 0, (b"\0" + b"\x0f" * 1250) * 10000))
write("odd/b/gif.png", b"GIF89a" + bytes(40))
write("odd/b/cut.png", drawn(2, 1)[:90])
write("odd/b/none.png", b"")
write("odd/c/words.png", b"no picture")
write("odd/new\nline/0.png", drawn(3, 0))
write("odd/new\nline/1.png", drawn(3, 1))
os.makedirs("odd/nothing")
write("lonely/a/0.png", drawn(1, 0))
write("lonely/b/0.png", b"no picture")
os.makedirs("bare/a")
os.makedirs("bare/b")
PYTHON
python3 pictures.py $jpeg || fail "pictures"

"$program" adapt run --support odd --out model >out.txt 2>err.txt || fail "odd pictures: $(cat err.txt)"
grep -q "^model: 2 classes, 12 examples" out.txt || fail "odd pictures: $(cat out.txt err.txt)"
expect() { grep -qF -- "$1" err.txt || fail "unsaid: $1 in $(cat err.txt)"; }
expect "skipped b/gif.png: is a GIF, expected PNG or JPEG"
expect "skipped b/cut.png: a PNG that ends too early"
expect "skipped b/none.png: is empty"
expect "skipped c/words.png: no PNG or JPEG: begins with \"no pictu\""
expect "skipped nothing: is an empty folder"
expect 'skipped new\x0aline/0.png: the name of its folder'
expect "1 picture of 16 bits a channel became 8 bits"
expect "'c'"

# One line an answer, whatever names are; JSON stays JSON.
"$program" predict model odd >out.txt 2>err.txt && fail "unreadable pictures did not fail"
[ "$(wc -l <out.txt)" = 14 ] || fail "answers: $(cat out.txt)"
grep -qF 'odd/new\x0aline/0.png  ' out.txt || fail "control characters: $(cat out.txt)"
cp good/plain/0.png "$(printf 'not\377utf8.png')"
"$program" predict model not* --json >out.json || fail "a name that is no text"
python3 -c 'import json; assert len(json.load(open("out.json"))) == 1' || fail "JSON: $(cat out.json)"
"$program" adapt run --support good --out named >/dev/null 2>err.txt || fail "names: $(cat err.txt)"
"$program" predict named good --csv --top 5 >out.csv && python3 - <<'PYTHON' || fail "names of classes: $(head -2 out.csv)"
import csv
rows = list(csv.DictReader(open("out.csv", encoding="utf-8")))
assert len(rows) == 15
for row in rows:
    assert {row["class_%d" % k] for k in range(1, 6)} == {"plain", "two words", "emoji \U0001f600", 'a"quote, comma', "-dash"}, row
PYTHON

# Refused by one sentence, and nothing is written.
refused() { # WORDS SUPPORT
  "$program" adapt run --support "$2" --out nothing >out.txt 2>err.txt && fail "$2 was taken"
  [ "$(grep -c '^innerloop: ' err.txt)" = 1 ] && grep -qF "$1" err.txt || fail "$2: $(cat err.txt)"
  [ -z "$(ls | grep nothing)" ] || fail "$2: $(ls)"
}
refused "one class only, 'a'" lonely
refused "none of its 2 files can be imported (a: is an empty folder)" bare
refused "none cannot be opened: No such file" none
"$program" predict model bare 2>err.txt && fail "a folder without files"
grep -q "^innerloop: bare: has no files$" err.txt || fail "no files: $(cat err.txt)"

# A learner cut anywhere: one sentence, no answer.
cuts() { # FILE COPY COMMAND…
  local file=$1 copy=$2 size at
  shift 2
  size=$(stat -c %s "$file")
  for ((at = 0; at < size; at += 1000)); do
    head -c $at "$file" >"$copy"
    "$@" >out.txt 2>err.txt
    [ $? -eq 1 ] && [ "$(wc -l <err.txt)" = 1 ] && grep -q "^innerloop: $copy" err.txt && [ ! -s out.txt ] ||
      fail "$file cut at $at: $(head -c 2000 err.txt)"
  done
  [ "$size" -gt 8000 ] || fail "$file has only $size bytes"
}
cuts model cut.model "$program" predict cut.model good/plain/0.png --threads 1
cp -r run cut
cuts run/checkpoint.safetensors cut/checkpoint.safetensors "$program" adapt cut --support good --out nothing --threads 1
[ ! -e nothing ] || fail "something was written"

# Headers that lie.
python3 - <<'PYTHON'
import json, struct
data = open("model", "rb").read()
n = struct.unpack("<Q", data[:8])[0]
def write(name, change, body=data[8 + n:]):
    head = json.loads(data[8:8 + n])
    change(head)
    text = json.dumps(head).encode()
    open("lie." + name, "wb").write(struct.pack("<Q", len(text)) + text + body)
open("lie.length", "wb").write(struct.pack("<Q", 2**63) + data[8:])
open("lie.depth", "wb").write(struct.pack("<Q", 100000) + b"[" * 100000)
write("size", lambda h: h["support/x"].update(shape=[12, 2**40, 2**40, 1]))
write("rank", lambda h: h["support/x"].update(shape=[12, 784]))
write("names", lambda h: h["__metadata__"].update(class_names='["one"]'))
write("scale", lambda h: h["__metadata__"].update(scale="nan"))
write("config", lambda h: h["__metadata__"].update(config="task: {ways: 1000000}"))
write("newer", lambda h: h["__metadata__"].update(format="innerloop adapted learner 2"))
PYTHON
for file in lie.*; do
  "$program" predict "$file" good/plain/0.png >out.txt 2>err.txt
  code=$?
  [ $code -eq 1 ] || [ $code -eq 2 ] || fail "$file: exit code $code: $(head -c 2000 err.txt)"
  [ "$(wc -l <err.txt)" = 1 ] && grep -q "^innerloop: " err.txt && [ ! -s out.txt ] || fail "$file: $(head -c 2000 err.txt)"
done
echo "bad input: fine"
