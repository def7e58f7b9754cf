# Options of `data import` that say what cannot be seen: which array or column is what, where channels are, whether a table has
# a head; and what an adapted learner answers to arrays that are not its own.
program=$1
command -v python3 >/dev/null || { echo "skipped: there is no python3, which writes arrays"; exit 77; }
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
export XDG_CACHE_HOME=$folder/cache
fail() { echo "failed: $*"; exit 1; }
import() { # SRC OPTION…: makes data.safetensors
  "$program" data import "$@" --out data.safetensors >out.txt 2>err.txt || fail "import $*: $(cat err.txt)"
}
refused() { # SENTENCE SRC OPTION…
  local sentence=$1
  shift
  "$program" data import "$@" --out no.safetensors >out.txt 2>err.txt && fail "import $* was accepted"
  grep -qF "$sentence" err.txt && [ "$(wc -l <err.txt)" -eq 1 ] || fail "import $*: $(cat err.txt)"
  [ ! -e no.safetensors ] || fail "import $* left a file"
}
is() { # WORDS of `data info`
  "$program" data info data.safetensors >out.txt || fail "info"
  grep -q "$1" out.txt || fail "not '$1': $(cat out.txt)"
}

# numpy's files, without numpy: NAME.npz of arrays name:dtype:shape, whose numbers count up (labels: by thirds; texts: a).
cat >arrays.py <<'PYTHON'
import struct, sys, zipfile

with zipfile.ZipFile(sys.argv[1], "w") as out:
    for word in sys.argv[2:]:
        name, kind, shape = word.split(":")
        shape = tuple(int(n) for n in shape.split(","))
        count = 1
        for n in shape:
            count *= n
        values = [i % (12 if count > 100 else 3) for i in range(count)] if kind == "i4" else [i % 251 for i in range(count)]
        head = "{'descr': '%s', 'fortran_order': False, 'shape': %r, }" % ({"i4": "<i4", "u1": "|u1", "f4": "<f4", "U1": "<U1"}[kind], shape)
        head += " " * (-(len(head) + 11) % 64) + "\n"
        out.writestr(name + ".npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() +
                     ("a".encode("utf-32-le") * count if kind == "U1" else
                      struct.pack("<%d%s" % (count, {"i4": "i", "u1": "B", "f4": "f"}[kind]), *values)))
PYTHON
python3 arrays.py named.npz pixels:u1:30,8,6,3 kinds:i4:30 spare:f4:7 || fail "arrays"
import named.npz --x pixels --y kinds
is "shape  *images of 8 × 6 pixels, 3 channels"
import named.npz --x pixels --y kinds --kind arrays --channels last
is "shape  *images of 8 × 6 pixels, 3 channels"
python3 arrays.py first.npz x:u1:30,3,8,6 y:i4:30 || fail "arrays"
import first.npz --channels first
is "shape  *images of 8 × 6 pixels, 3 channels"
python3 arrays.py rates.npz x:f4:30,2 y:f4:30,1 task:i4:30 || fail "arrays"
import rates.npz --task task
is "tasks  *3"
refused "named.npz" named.npz --x missing --y kinds
refused "'no'" rates.npz --task no
refused "which have no header line" rates.npz --header no
"$program" data import named.npz --kind paintings --out no.safetensors 2>err.txt && fail "an unknown kind"
grep -q 'found "paintings", expected omniglot, table, csv, arrays or pictures' err.txt || fail "kind: $(cat err.txt)"

printf '%s\n' 1,2,a 3,4,b 5,6,a 7,8,b >bare.csv
import bare.csv --header no
is "examples  *4, 2 of each class"
(echo 9,9,a; cat bare.csv) >head.csv
import head.csv --header yes
is "examples  *4, 2 of each class"
import bare.csv --kind csv --header no --y 3
is "shape  *2 features"

# Asked about arrays that are not what it knows.
for name in flat wide; do
  python3 arrays.py $name.npz x:f4:120,$([ $name = flat ] && echo 4 || echo 7) y:i4:120 || fail "arrays"
done
python3 arrays.py few.npz x:f4:60,4 y:i4:60 || fail "arrays"
python3 arrays.py two.npz a:f4:6,4 b:f4:6,4 || fail "arrays"
"$program" train features-5w5s-maml --data flat.npz --set task.ways=3 --set task.split=auto --set task.shots=2 --set task.queries=2 \
  --set outer.steps=1 --set eval.tasks=2 --out run >out.txt 2>err.txt || fail "train: $(cat err.txt)"
"$program" adapt run --support few.npz --out model >out.txt 2>err.txt || fail "adapt: $(cat err.txt)"
"$program" predict model few.npz >out.txt 2>err.txt || fail "predict: $(cat err.txt)"
asked() { # SENTENCE FILE
  "$program" predict model "$2" >out.txt 2>err.txt && fail "$2 was answered: $(cat out.txt)"
  grep -qF "$1" err.txt || fail "predict $2: $(cat err.txt)"
}
asked "'x' is f32 [120,7]; the learner takes reals [n,4]" wide.npz
asked "two.npz" two.npz
# Files in which nothing stands.
: >empty.csv
printf '\n\n' >blank.csv
echo a,b,c,d >head.csv
python3 arrays.py none.npz x:f4:0,4 || fail "arrays"
for file in empty.csv blank.csv head.csv none.npz; do
  asked "innerloop: $file: has no examples" $file
  [ "$(wc -l <err.txt)" = 1 ] && [ ! -s out.txt ] || fail "$file: $(cat out.txt err.txt)"
done
"$program" predict model - --json </dev/null >out.txt 2>err.txt && fail "an empty input was answered: $(cat out.txt)"
grep -q "innerloop: -: has no examples" err.txt || fail "an empty input: $(cat err.txt)"

# Origins of classes: one for each, or none.
python3 arrays.py short.npz x:f4:120,4 y:i4:120 class_origins:U1:7 || fail "arrays"
refused "short.npz: class_origins has 7 texts, expected 12, one for each class" short.npz
python3 arrays.py short.npz x:f4:120,4 y:i4:120 class_origins:U1:12 class_names:U1:13 || fail "arrays"
refused "short.npz: class_origins has 12 texts, expected 13, one for each class" short.npz
python3 arrays.py twice.npz x:f4:30,4 y:i4:30 class_names:U1:3 || fail "arrays"
refused "twice.npz: class_names: two classes are named 'a'" twice.npz
within="--set task.ways=3 --set task.split=auto --set task.shots=2 --set task.queries=2 --set outer.steps=1 --set eval.every=0"
for key in within train_within; do
  "$program" train features-5w5s-maml --data flat.npz $within --set task.$key=origin --out origin >out.txt 2>err.txt
  [ $? -eq 2 ] && grep -q "task.$key: found origin, but .*safetensors has no class_origins; expected data that say them" err.txt ||
    fail "origins that are not there: $(cat out.txt err.txt)"
done
python3 arrays.py born.npz x:f4:120,4 y:i4:120 class_origins:U1:12 || fail "arrays"
"$program" train features-5w5s-maml --data born.npz $within --set task.within=origin --out origin >out.txt 2>err.txt || fail "origins: $(cat err.txt)"
grep -q "each train episode is within one of 1 origin$" out.txt || fail "origins are not said: $(cat out.txt)"
echo "import options: passed"
