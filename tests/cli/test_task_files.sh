# Files of tasks as they are (docs/files.md, "Tasks"): described, drawn, trained on and evaluated, for each kind of example.
program=$1
command -v python3 >/dev/null || { echo "skipped: there is no python3, which writes the files"; exit 77; }
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
fail() { echo "failed: $*"; exit 1; }

# Of each kind: stacked where all tasks have equal sizes, one by one and divided by the file where they have not.
python3 - <<'PYTHON'
import json, random, struct
draw = random.Random(7)

def save(path, tensors):
    header, body = {}, b""
    for name, (kind, shape, values) in tensors.items():
        code = {"F32": "f", "I32": "i", "U8": "B"}[kind]
        data = struct.pack("<%d%s" % (len(values), code), *values)
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + body)

def size(shape):
    count = 1
    for n in shape:
        count *= n
    return count

def examples(kind, shape):
    return (kind, shape, [draw.randrange(256) if kind == "U8" else draw.gauss(0, 1) for _ in range(size(shape))])

def stacked(path, kind, example, outputs=0):
    tensors = {}
    for part, n in ("support", 4), ("query", 6):
        tensors[part + "_x"] = examples(kind, [12, n] + example)
        tensors[part + "_y"] = examples("F32", [12, n, outputs]) if outputs else ("I32", [12, n], [i % 2 for i in range(12 * n)])
    save(path, tensors)

stacked("pictures.safetensors", "U8", [6, 5, 1])
stacked("colours.safetensors", "F32", [4, 4, 3])
stacked("signals.safetensors", "F32", [9, 2])
stacked("features.safetensors", "F32", [3])
stacked("curves.safetensors", "F32", [1], 1)
stacked("surfaces.safetensors", "F32", [2], 2)
tensors = {}
for split, tasks in ("train", 5), ("validation", 1), ("test", 2):
    for t in range(tasks):
        for part, n in ("support", 2 + t % 3), ("query", 4):
            tensors["%s.task%d.%s_x" % (split, t, part)] = examples("F32", [n, 3])
            tensors["%s.task%d.%s_y" % (split, t, part)] = ("I32", [n], [i % 2 for i in range(n)])
save("uneven.safetensors", tensors)
PYTHON

# KIND EXAMPLES WHAT: what is said of a file of 12 tasks.
described() {
  "$program" data info "$1.safetensors" >out.txt 2>err.txt || fail "info $1: $(cat err.txt)"
  for line in "tasks  *12 as they are, for $3" "support  *4 to 4 of a task" "query  *6 to 6 of a task" "examples  *$2"; do
    grep -q "^$line" out.txt || fail "info $1 does not say '$line': $(cat out.txt)"
  done
  "$program" data info "$1.safetensors" --json >out.json || fail "info $1 --json"
  python3 - "$3" <<'PYTHON' || fail "info $1 --json: $(cat out.json)"
import json, sys
found = json.load(open("out.json"))
assert found["kind"] == "tasks" and found["tasks"] == 12 and found["support"] == [4, 4] and found["query"] == [6, 6], found
assert ("outputs" if sys.argv[1] == "regression" else "ways") in found, found
PYTHON
  "$program" data show "$1.safetensors" --out "$1.png" >out.txt 2>err.txt || fail "show $1: $(cat err.txt)"
  [ "$(head -c 4 "$1.png" | tail -c 3)" = PNG ] || fail "$1.png is no PNG"
}
described pictures "images of 6 × 5 pixels, 1 channel" classification
described colours "images of 4 × 4 pixels, 3 channels" classification
described signals "signals of 9 steps in time, 2 channels" classification
described features "3 features" classification
described curves "1 feature" regression
described surfaces "2 features" regression

"$program" data info uneven.safetensors >out.txt || fail "info of a divided file"
for line in "tasks  *8 as they are" "split  *train: 5" "split  *validation: 1" "split  *test: 2" "support  *2 to 4 of a task"; do
  grep -q "^$line" out.txt || fail "a divided file: not '$line': $(cat out.txt)"
done
"$program" data show uneven.safetensors --classes 3 --out uneven.png >out.txt || fail "show of a divided file"

# Trained on and evaluated: each test task once.
"$program" train features-5w5s-maml --data uneven.safetensors --set task.source=tasks --set outer.steps=2 --set outer.meta_batch=2 \
  --out run >out.txt 2>err.txt || fail "train: $(cat err.txt)"
"$program" eval run >out.txt 2>err.txt || fail "eval: $(cat err.txt)"
grep -q "2 test tasks" out.txt || fail "eval of two tasks: $(cat out.txt)"
echo "task files: passed"
