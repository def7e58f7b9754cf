#!/usr/bin/env python3
"""What runs reached, out of their folders, beside published figures: docs/results.json and the tables of docs/results.md.

    innerloop train omniglot-5w1s-maml --data DATA --set seed=2 --out second && innerloop eval second
    tools/results.py second                 # takes the run and its last evaluation in, and writes the tables anew
    tools/results.py --note "beside other work" third
    tools/results.py                        # the tables alone

Of a run: the preset that it differs least from, what differs, meta-steps, the time from its configuration to its last checkpoint,
and of each evaluation (eval.csv, one for each kind of task that is asked) tasks, means and 95 % intervals. Published figures
with their sources, and what is to be reached, stand in docs/published.json by hand.
"""
import argparse
import csv
import datetime
import json
import math
import pathlib
import re
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
RECORDS, PUBLISHED, PAGE = (ROOT / "docs" / name for name in ("results.json", "published.json", "results.md"))
BEGIN, END = "<!-- runs: made by tools/results.py -->", "<!-- end of runs -->"
# What neither decides what is learned nor is a part of the protocol, or stands in columns of its own.
ASIDE = re.compile(r"task\.data|seed|log\..*|checkpoint\..*|eval\..*|plan\..*")
STATISTICS = "transductive", "support", "running", "each", "query"  # query: of a net without norm layers, that is any of them


def configuration(text):
    """Keys and values of a config.yaml as innerloop prints it, a key a line; layers as text."""
    keys, room = {}, ""
    for line in text.splitlines():
        if line.startswith("    - "):
            keys["model.layers"] = keys.get("model.layers", "") + line.strip(" -")
            continue
        key, _, value = line.strip().partition(":")
        value = value.strip().strip('"')
        if not line.startswith(" "):
            room = "" if value else key + "."
        if value or line.rstrip().endswith('""'):
            keys[(room if line.startswith(" ") else "") + key] = value
    return keys


GROUPS = ("task", "model", "meta", "inner", "outer", "eval", "seed", "precision", "plan", "checkpoint", "log", "augment")


def is_read(run, key):
    """Not a key of an algorithm or a source that the run did not choose."""
    return key.split(".")[0] in (*GROUPS, run["meta.algorithm"], run["task.source"])


def preset_of(run, program):
    """(name, what differs from it) of the preset that the configuration differs least from."""
    found = None
    for preset in json.loads(subprocess.check_output([program, "presets", "--json"])):
        keys = configuration(preset["config"])
        differs = [f"{key}={value}" for key, value in run.items()
                   if not ASIDE.fullmatch(key) and is_read(run, key) and value != keys.get(key, "")]
        if found is None or len(differs) < len(found[1]):
            found = preset["name"], differs
    return found


def evaluation(path):
    """What the run's last evaluation asked, and {statistics: {inner steps: [mean, interval]}} in %, or errors as they are."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or not rows[0].get("tested"):
        raise SystemExit(f"{path}: says nothing of tasks; expected what `innerloop eval` writes")
    data, _, tested = rows[0]["tested"].rpartition(": ")
    tested = f"{pathlib.Path(data).name}: {tested}" if data else tested  # wherever the file lay
    classes = "-way" in tested
    figures = {}
    for column in rows[0]:
        name, _, steps = column.rpartition("_")
        if not steps.isdigit() or name not in STATISTICS:
            continue
        values = [float(row[column]) * (100 if classes else 1) for row in rows]
        mean = sum(values) / len(values)
        variance = sum((v - mean) ** 2 for v in values) / max(1, len(values) - 1)
        pair = [round(mean, 4), round(1.96 * math.sqrt(variance / len(values)), 4)] if math.isfinite(mean) else None
        figures.setdefault(name, {})[steps] = pair  # None: diverged
    return tested, {"tasks": len(rows), "figures": figures}


def meta_step_of(path):
    """Of a checkpoint, after which meta-step it was written."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    return int(header["__metadata__"]["step"])


def record_of(folder, options):
    keys = configuration((folder / "config.yaml").read_text())
    preset, differs = preset_of(keys, options.program)
    checkpoint, began = folder / "checkpoint.safetensors", (folder / "config.yaml").stat().st_mtime
    ended = checkpoint.stat().st_mtime
    if (folder / "eval.csv").stat().st_mtime < ended:
        raise SystemExit(f"{folder}: was trained after its last evaluation; expected `innerloop eval {folder}` once more")
    tested, figures = evaluation(folder / "eval.csv")
    return {"preset": preset, "settings": sorted(differs), "seed": int(keys["seed"]), "meta_steps": meta_step_of(checkpoint),
            "seconds": round(ended - began) if options.seconds is None else options.seconds,
            "date": datetime.date.fromtimestamp(ended).isoformat(), "note": options.note.replace("|", "/"),
            "tested": {tested: figures}}


def take_in(records, new):
    """Another evaluation of a run that is known joins it."""
    for old in records:
        if all(old[key] == new[key] for key in ("preset", "settings", "seed", "meta_steps")):
            new["tested"] = dict(old["tested"], **new["tested"])
            new["note"] = new["note"] or old["note"]
            old.update(new)
            return
    records.append(new)


# ---- the tables ----
def figure(pair):
    return "" if pair is None else "{:.2f} ± {:.2f}".format(*pair) if pair[0] >= 1 else "{:.3f} ± {:.3f}".format(*pair)


def concerns(target, record, tested):
    """Whether an evaluation is of what the published figure is of: tasks of such a shape, of classes that the run kept apart."""
    presets = target["preset"] if isinstance(target["preset"], list) else [target["preset"]]
    shape = re.search(r"(?<![\w-])" + re.escape(target["tested"]) + r"(?![\w-])", tested)
    apart = "classes" not in tested or "of the run's split" in tested
    return (record["preset"] in presets and shape and apart and
            all(setting in record["settings"] for setting in target.get("settings", [])) and
            not any(setting in record["settings"] for setting in target.get("without", [])))


def rows_of(records, target):
    for record in records:
        for tested, found in record["tested"].items():
            if not concerns(target, record, tested):
                continue
            at = {name: steps.get(str(target["inner_steps"])) for name, steps in found["figures"].items()}
            others = [s for s in record["settings"] if s not in target.get("settings", []) and not s.startswith("outer.steps=")]
            others += tested.split("; ")[1:]  # of the evaluation: an ensemble, other inner steps
            minutes = record["seconds"] / 60
            time = f"{minutes:.0f} min" + (f", {record['note']}" if record["note"] else "")
            yield ["", f"{record['meta_steps']:,}", " ".join(f"`{s}`" for s in others), str(record["seed"]), time,
                   f"{found['tasks']:,}"] + [
                       figure(at.get(name, at.get("query"))) for name in ("transductive", "support", "running")]


def tables(records, targets):
    head = ["what, published, asked", "meta-steps", "settings", "seed", "training took", "tasks", "transductive",
            "support statistics", "running statistics"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for target in targets:
        rows = list(rows_of(records, target))
        asked = f"; asked {target['asked']}" if "asked" in target else ""
        steps = target["inner_steps"]
        title = f"**{target['what']}**" + (f", after {steps} inner step{'s' * (steps > 1)}" if steps else "")
        lines.append(f"| {title}: {target['published']} ({target['source']}){asked} |" +
                     (" |" * 8 if rows else " not run |" + " |" * 7))
        lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="*", type=pathlib.Path, help="folders of evaluated runs")
    parser.add_argument("--note", default="", help="what else is to be known of them, such as what the machine did besides")
    parser.add_argument("--seconds", type=int, help="what the training took, of a run that was resumed, or copied")
    parser.add_argument("--program", default=str(ROOT / "build/innerloop"), help="innerloop")
    parser.add_argument("--records", type=pathlib.Path, default=RECORDS, help="what is known of runs")
    parser.add_argument("--published", type=pathlib.Path, default=PUBLISHED, help="published figures")
    parser.add_argument("--page", type=pathlib.Path, default=PAGE, help="the document with the tables")
    options = parser.parse_args()
    records = json.loads(options.records.read_text()) if options.records.exists() else []
    for folder in options.run:
        for name in ("config.yaml", "checkpoint.safetensors", "eval.csv"):
            if not (folder / name).exists():
                parser.error(f"{folder}: has no {name}, expected the folder of a run that `innerloop eval` evaluated")
        take_in(records, record_of(folder, options))
    for path in (options.page, options.published):
        if not path.exists():
            parser.error(f"{path}: is not there")
    page = options.page.read_text()
    if BEGIN not in page or END not in page:
        parser.error(f"{options.page}: has no lines '{BEGIN}' and '{END}'")
    if options.run:
        options.records.write_text("[\n" + ",\n".join(" " + json.dumps(r, ensure_ascii=False) for r in records) + "\n]\n")
    before, rest = page.split(BEGIN, 1)
    made = tables(records, json.loads(options.published.read_text()))
    options.page.write_text(f"{before}{BEGIN}\n{made}\n{END}{rest.split(END, 1)[1]}")


if __name__ == "__main__":
    sys.exit(main())
