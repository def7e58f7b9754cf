#!/bin/sh
# The report: a page that is well-formed and needs nothing but itself, whose figures are those of eval; pictures beside it;
# tasks of every kind; several runs; what is refused. And the curve of train --plot.
program=$1
. "$(dirname "$0")/../support/scale.sh"
tasks=$(scale 40 12) fewer=$(scale 30 8)
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
fail() { echo "failed: $*"; exit 1; }
python3 -c '' 2>/dev/null || { echo "skipped: no python3 here to read pages"; exit 77; }

cat >check.py <<'PYTHON'
# check.py PAGE [EVAL.json…]: the page as XML and HTML, and its figures against those of eval.
import html.parser, json, re, sys, xml.etree.ElementTree as xml
page = open(sys.argv[1], encoding="utf-8").read()
assert page.startswith("<!DOCTYPE html>")
tree = xml.fromstring(page.split("\n", 1)[1])
void = {"meta", "link", "br", "img", "hr", "input"}
class Reader(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.seen, self.ids, self.links = [], {}, set(), []
    def start(self, tag, attributes):
        self.seen.setdefault(tag, []).append(dict(attributes))
        assert tag not in ("script", "iframe", "object", "embed", "base", "form", "video", "audio", "img"), tag
        for name, value in attributes:
            assert not name.startswith("on"), name
            if name in ("src", "href", "xlink:href", "srcset", "action", "poster", "data"):
                assert value.startswith(("data:", "#")), value
                if value.startswith("#"): self.links.append(value[1:])
            if name == "style": raise AssertionError("style attribute")
            if name == "id":
                assert value not in self.ids
                self.ids.add(value)
    def handle_starttag(self, tag, attributes):
        self.start(tag, attributes)
        if tag not in void: self.open.append(tag)
    def handle_startendtag(self, tag, attributes): self.start(tag, attributes)
    def handle_endtag(self, tag):
        if tag not in void: assert self.open.pop() == tag, tag
reader = Reader()
reader.feed(page)
reader.close()
assert not reader.open and set(reader.links) <= reader.ids
css = "".join(tree.find("head").itertext())
assert "@import" not in css and "url(" not in css
assert "prefers-color-scheme:dark" in css and "@media print" in css
assert tree.get("lang") == "en"
assert any(m.get("name") == "viewport" and "width=device-width" in m["content"] for m in reader.seen["meta"])
for svg in tree.iter("svg"):
    assert svg.get("role") == "img" and len(svg.get("aria-label")) > 10 and svg.get("viewBox")
    for mark in svg.iter():
        assert not mark.get("fill") and not mark.get("stroke"), "a colour that does not follow the theme"
        for name in ("x", "y", "width", "height", "cx", "cy", "r"):
            if mark.get(name): assert abs(float(mark.get(name))) < 1e5
for table in tree.iter("table"):
    heads = list(table.iter("th"))
    assert heads and all(h.get("scope") for h in heads)
print(len(list(tree.iter("figure"))))
cells = [c for c in tree.iter("td") if c.get("data-protocol")]
for run, path in enumerate(sys.argv[2:]):
    told = json.load(open(path))
    mine = [c for c in cells if c.get("data-run") == str(run)]
    assert len(mine) == len(told["results"]) > 0
    by = {(c.get("data-protocol"), int(c.get("data-steps"))): c for c in mine}
    for r in told["results"]:
        c = by[r["protocol"], r["inner_steps"]]
        mean = r["accuracy"] if "accuracy" in r else r["loss"]
        assert float(c.get("data-mean")) == mean and float(c.get("data-interval")) == r["interval"], (r, c.attrib)
        shown = "%.2f ±\u00a0%.2f" % (100 * mean, 100 * r["interval"]) if "accuracy" in r else "%.3f ±\u00a0%.3f" % (mean, r["interval"])
        assert c.text == shown, (c.text, shown)
    assert told["tested"] in "".join(tree.itertext())
    # What was answered, counted by class, comes to the accuracy that is printed in bold.
    classes = [t for t in tree.iter("table") if t.get("class") == "classes"]
    bold = [c for c in mine if "mine" in c.get("class").split()]
    assert len(bold) == 1
    if classes:
        right = of = 0
        for row in classes[run].find("tbody"):
            right += int(row[1].text)
            of += int(row[2].text)
        assert abs(right / of - float(bold[0].get("data-mean"))) < 1e-6, (right, of)
PYTHON
check() { python3 check.py "$@" >figures.txt || fail "the page $1"; }
# Pictures beside PAGE, whose paths begin with $2: as many as figures, each a PNG.
pictures() {
  [ "$(ls "$1"-*.png | wc -l)" = "$(cat figures.txt)" ] || fail "$1: $(ls "$1"-*.png | wc -l) pictures, $(cat figures.txt) figures"
  for picture in "$1"-*.png; do
    [ "$(head -c 8 "$picture" | tail -c 7 | head -c 3)" = PNG ] || fail "$picture is no PNG"
  done
}

# ---- drawn characters, two seeds, a folder whose name is hostile; the curve of training ----
for seed in 1 2; do
  "$program" train glyphs-5w1s-protonet --out "a<b>&'$seed" --plot --set seed=$seed --set outer.steps=6 --set eval.every=3 \
    --set eval.validation_tasks=10 --set log.every=1 --set model.filters=4 --set glyphs.alphabets=5 --set glyphs.classes=8 \
    --set glyphs.writers=12 --set task.train_classes=25 --set task.validation_classes=5 >out.txt 2>&1 || fail "train: $(cat out.txt)"
  grep -qxF "curves: a<b>&'$seed/curve.png" out.txt || fail "where the curves are: $(cat out.txt)"
  [ "$(head -c 4 "a<b>&'$seed/curve.png" | tail -c 3)" = PNG ] || fail "no curve.png"
  "$program" eval "a<b>&'$seed" --tasks $tasks --json >eval$seed.json || fail "eval"
  rm "a<b>&'$seed/eval.csv"
done
"$program" report "a<b>&'1" --tasks $tasks >out.txt || fail "report"
check "a<b>&'1/report.html" eval1.json
pictures "a<b>&'1/report"
grep -qxF "a<b>&'1/report.html: 1 run, $(cat figures.txt) pictures beside it as PNG" out.txt || fail "said: $(cat out.txt)"
[ ! -e "a<b>&'1/eval.csv" ] || fail "the report wrote eval.csv"
grep -qF "innerloop train 'a&lt;b&gt;&amp;'\\'" "a<b>&'1/report.html" || grep -qF "innerloop train &#39;a&lt;b&gt;&amp;" "a<b>&'1/report.html" ||
  fail "how to repeat it"
"$program" report "a<b>&'1" --tasks $tasks --threads 3 --out other/place/x.html >/dev/null || fail "report --out"
cmp "a<b>&'1/report.html" other/place/x.html || fail "the page depends on the number of threads"
[ "$(ls other/place/x-*.png | wc -l)" = "$(cat figures.txt)" ] || fail "pictures of x.html"

"$program" report "a<b>&'1" "a<b>&'2" --tasks $tasks --out both >out.txt || fail "report of two"
check both/report.html eval1.json eval2.json
pictures both/report
python3 - <<'PYTHON' || fail "mean and spread over seeds"
import json, xml.etree.ElementTree as xml
row = [r for r in xml.fromstring(open("both/report.html").read().split("\n", 1)[1]).iter("tr") if r.get("data-seeds")]
value = [[r["accuracy"] for r in json.load(open("eval%d.json" % s))["results"] if r["protocol"] == "running"][0] for s in (1, 2)]
assert len(row) == 1 and row[0].get("data-seeds") == "2"
assert abs(float(row[0].get("data-mean")) - sum(value) / 2) < 1e-8
assert abs(float(row[0].get("data-deviation")) - abs(value[0] - value[1]) / 2 ** 0.5) < 1e-8
PYTHON

# ---- numbers: signals and features with hostile names, regression of one input and of several ----
python3 - <<'PYTHON'
import math, random
random.seed(1)
def table(path, columns, rows):
    with open(path, "w") as out:
        out.write(",".join(columns) + "\n")
        for row in rows: out.write(",".join(str(v) for v in row) + "\n")
names = ["<script>alert(1)</script>%d", "a & 'b' %d", "Grüße 🙂 %d"]
table("signals.csv", ["class"] + ["t%d" % i for i in range(32)],
      [[names[c % 3] % c] + ["%.3f" % math.sin(t * (c + 1) / 8 + k) for t in range(32)] for c in range(12) for k in range(8)])
table("features.csv", ["class"] + ["f%d" % i for i in range(5)],
      [[names[c % 3] % c] + ["%.3f" % random.gauss(c * (i % 2), 2) for i in range(5)] for c in range(12) for k in range(8)])
table("table.csv", ["task", "u", "v", "y"],
      [["t%d" % t] + ["%.3f" % random.gauss(0, 1) for _ in range(3)] for t in range(20) for k in range(20)])
PYTHON
small="--set outer.steps=3 --set log.every=1 --set eval.every=0 --set outer.meta_batch=4"
run() { # run NAME PRESET DATA OPTIONS…
  name=$1 preset=$2 data=$3
  shift 3
  # shellcheck disable=SC2086 # words
  "$program" train "$preset" ${data:+--data "$data"} --out "$name" $small "$@" >out.txt 2>&1 || fail "train $name: $(cat out.txt)"
  "$program" eval "$name" --tasks $fewer --json >"$name.json" || fail "eval $name"
  "$program" report "$name" --tasks $fewer >out.txt || fail "report $name"
  check "$name/report.html" "$name.json"
  pictures "$name/report"
}
"$program" data import signals.csv --signals --out signals.safetensors >/dev/null 2>&1 || fail "import signals"
"$program" data import features.csv --out features.safetensors >/dev/null 2>&1 || fail "import features"
"$program" data import table.csv --out table.safetensors >/dev/null 2>&1 || fail "import table"
few="--set task.ways=2 --set task.shots=2 --set task.queries=2 --set task.split=random --set task.train_classes=3 --set task.validation_classes=0"
# shellcheck disable=SC2086
run signals signals-5w5s-maml signals.safetensors $few --set model.filters=4
grep -qF '&lt;script&gt;alert(1)&lt;/script&gt;' signals/report.html || fail "the name of a class"
grep -qF 'Grüße 🙂' signals/report.html || fail "the name of a class in UTF-8"
# shellcheck disable=SC2086
run features features-5w5s-maml features.safetensors $few --set meta.algorithm=reptile --set inner.optimizer=sgd
grep -q '<span class="soft">of</span> files: 1, classes: 12, examples: 96, skipped: 0;' features/report.html || fail "where the data come from"
run table regression-10shot-maml table.safetensors --set task.shots=5 --set task.queries=5
run sinusoid sinusoid-10shot-maml ""
grep -q "one example is 1 number<" sinusoid/report.html || fail "1 numbers"
grep -q "before adaptation" sinusoid/report.html || fail "the error before adaptation"
python3 -c '
import json, re
page = open("sinusoid/report.html").read()
steps = {r["inner_steps"]: r["loss"] for r in json.load(open("sinusoid.json"))["results"]}
fits = re.findall(r"<figcaption>Task \d+[^:]*: error (\S+) → ([^<]+)<", page)
assert len(fits) == 9 and all(float(a) >= 0 and float(b) >= 0 for a, b in fits), fits
worst, best = float(fits[3][1]), float(fits[6][1])
assert best < steps[1] < worst, (best, steps[1], worst)' || fail "fits"
"$program" report sinusoid --tasks $fewer --json >out.txt || fail "report --json"
python3 -c 'import json; r = json.load(open("out.txt")); assert r["page"] == "sinusoid/report.html" and r["pictures"] > 5' ||
  fail "--json: $(cat out.txt)"

# ---- tasks as they are, of two sizes: their labels have no names, and there is nothing to confuse ----
python3 - <<'PYTHON'
import json, random, struct
random.seed(2)
tensors, data = {}, b""
for task in range(30):
    for part, n in (("support", 2 + task % 2 * 2), ("query", 4)):
        labels = [i % 2 for i in range(n)]
        for name, kind, shape, body in (("x", "F32", [n, 3], struct.pack("<%df" % (3 * n), *[random.gauss(3 * l, 1) for l in labels for _ in range(3)])),
                                        ("y", "I32", [n], struct.pack("<%di" % n, *labels))):
            tensors["task%d.%s_%s" % (task, part, name)] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(body)]}
            data += body
header = json.dumps(tensors).encode()
open("tasks.safetensors", "wb").write(struct.pack("<Q", len(header)) + header + data)
PYTHON
"$program" train features-5w5s-maml --set task.source=tasks --data tasks.safetensors --out given $(echo "$small") --set task.split=auto >out.txt 2>&1 ||
  fail "train on tasks: $(cat out.txt)"
"$program" eval given --json >given.json || fail "eval of tasks"
"$program" report given >/dev/null || fail "report of tasks"
check given/report.html given.json
pictures given/report
grep -q "label 1" given/report.html && ! grep -q "taken for what" given/report.html || fail "labels of tasks"

# ---- a run that is not done ----
mkdir part && sed 's/steps: 3$/steps: 5/' table/config.yaml >part/config.yaml && cp table/checkpoint.safetensors table/metrics.jsonl part
"$program" report part --tasks $fewer >/dev/null || fail "report of a part"
grep -q "This page is of 3 meta-steps; the first command makes all 5\." part/report.html || fail "a part of a run"
grep -q "This page is of" table/report.html && fail "a part of a whole run"

# ---- other data, another setting: as eval ----
"$program" eval signals --tasks $fewer --set task.shots=1 --json >eval.json || fail "eval --set"
"$program" report signals --tasks $fewer --set task.shots=1 --out set.html >/dev/null || fail "report --set"
check set.html eval.json

# ---- refused, and nothing written ----
refused() { # refused CODE SENTENCE ARGUMENTS…
  code=$1 sentence=$2
  shift 2
  "$program" report "$@" >out.txt 2>err.txt
  [ $? = "$code" ] || fail "report $*: not refused with $code"
  grep -q "$sentence" err.txt || fail "report $*: $(cat err.txt)"
  [ ! -s out.txt ] || fail "report $*: printed $(cat out.txt)"
}
refused 1 "nowhere: there is no run; expected a folder that .innerloop train --out. has made" nowhere
[ ! -e nowhere ] || fail "a folder was made for a run that is not there"
refused 2 "expected the folder of a run"
refused 1 "signals measures accuracy, but table a squared error" signals table --tasks $fewer --out mixed
[ ! -e mixed ] || fail "a folder was made for runs that do not go together"
"$program" fit --train glyphs --model conv4 --epochs 1 --out model.safetensors >out.txt 2>&1 || fail "fit: $(cat out.txt)"
refused 1 "there is no run" model.safetensors
mv features.safetensors away.safetensors
rm features/report*
refused 1 "features.safetensors, the run's data: No such file or directory; --data says where they lie now" features
[ ! -e features/report.html ] || fail "a page without its data"
sed 's/features.safetensors/away.safetensors/; s|"tested": "/.*/|"tested": "|' features.json >moved.json
"$program" report features --data away.safetensors --tasks $fewer >out.txt || fail "report of data that were moved"
check features/report.html moved.json
echo "not json" >>signals/metrics.jsonl
refused 1 "signals/metrics.jsonl:[0-9]*: found no metrics" signals --tasks $fewer
echo "report: every page is well-formed and says what eval says"
