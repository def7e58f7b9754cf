"""What the attacks of this folder share: small inputs, a command line for each command, and running them under `calls`."""
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

TRAIN = ("train sinusoid-5shot-maml --set eval.every=4 --set eval.validation_tasks=2 --set checkpoint.every=2"
         " --set log.every=1 --set outer.meta_batch=2 --set outer.steps=8 --out out/run")
NET = "--model linear --epochs 1"
# Every command and action that there is, with what it reads in `in` and writes in `out`.
COMMANDS = {
    "train": TRAIN + " --threads 2",
    "train-more": TRAIN + " --threads 2 --tensorboard --plot --check --profile",
    "train-on": "train --resume out/run --set outer.steps=6 --threads 2",  # of a copy of in/run
    "import-pictures": "data import in/pictures --out out/set.safetensors --skipped out/skipped.txt",
    "import-zip": "data import in/pictures.zip --out out/set.safetensors",
    "import-csv": "data import in/table.csv --y label --out out/set.safetensors",
    "import-arrays": "data import in/samples.npz --out out/set.safetensors",
    "import-cached": "fit --train in/pictures --out out/model.safetensors " + NET,
    "fit": "fit --train in/samples.npz --out out/model.safetensors --threads 2 " + NET,
    "fit-meta": "fit --meta --meta-steps 2 --meta-batch 2 --shots 1 --queries 1 --inner-steps 1 --train in/samples.npz"
                " --out out/model.npz --threads 2 " + NET,
    "fit-greedy": "fit --algorithm greedy --steps 3 --train in/samples.npz --out out/model.pth --metrics out/m.jsonl"
                  " --plot out/m.png --model linear",
    "improve": "improve in/many.safetensors --epochs 1 --hidden 4 --tasks 2 --ways 2 --meta-steps 2 --queries 1"
               " --meta-batch 2 --model mlp --no-rotate --out out/model.safetensors",
    "compare": "compare in/samples.npz --seeds 1 --steps 2 --model linear --out out/compare.png --threads 2",
    "sweep": "sweep sinusoid-5shot-maml --seeds 1,2 --set eval.every=0 --set outer.steps=2 --set outer.meta_batch=2"
             " --set eval.tasks=2 --threads 2 --out out/sweep",
    "eval": "eval in/run --tasks 2 --threads 2",
    "report": "report in/run --tasks 2 --out out/page.html",
    "adapt": "adapt in/run --support in/support --out out/adapted.safetensors --threads 2",
    "adapt-cut": "adapt in/learner.safetensors --support in/support --out out/adapted.safetensors",
    "predict": "predict in/adapted.safetensors in/support --csv",
    "export": "export in/run --out out/learner.safetensors",
    "data-export": "data export in/set.safetensors --out out/folder",
    "data-export-npz": "data export in/set.safetensors --out out/set.npz",
    "data-info": "data info in/set.safetensors",
    "data-show": "data show in/set.safetensors --out out/show.png",
    "data-episodes": "data episodes glyphs-5w1s-maml --count 3 --out out/list.txt",
    "convert-npz": "convert in/weights.safetensors out/weights.npz",
    "convert-pth": "convert in/weights.npz out/weights.pth",
    "convert-back": "convert in/weights.pth out/weights.safetensors",
    "convert-list": "convert --list in/weights.pth",
    "presets": "presets",
    "check": "check in/own.yaml --threads 2",
    "plan": "plan in/own.yaml",
    "bench": "bench in/own.yaml --seconds 1 --threads 2",
    "init": "init sinusoid-5shot-maml --out out/weights.safetensors",
    "grad": "grad sinusoid-5shot-maml --weights in/weights.safetensors --tasks in/tasks.npz --out out/gradient.safetensors",
    "info": "info",
    "help": "help config",
}


def png(path, shade):
    rows = b"".join(b"\0" + bytes((shade + 9 * x * y) % 256 for x in range(8)) for y in range(8))
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0))
                   + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def tensors(path, **arrays):
    """A safetensors file of (dtype, shape, bytes)."""
    import json
    header, at = {}, 0
    for name, (dtype, shape, data) in arrays.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(a[2] for a in arrays.values()))


class Attack:
    """A folder with inputs in `in`, where commands of one program run and leave their outputs in `out`."""

    def __init__(self, program, calls):
        self.program, self.calls = os.path.abspath(program), os.path.abspath(calls)
        self.fail_malloc = os.path.join(os.path.dirname(self.calls), "fail_malloc.so")
        if not os.path.exists(self.fail_malloc):
            self.fail_malloc = None
        self.folder = os.path.realpath(tempfile.mkdtemp(prefix="innerloop-fault-"))
        self.out, self.log = self.folder + "/out", ""
        self.environment = dict(os.environ, LC_ALL="C", HOME=self.folder, TMPDIR=self.out + "/tmp",
                                XDG_CACHE_HOME=self.out + "/cache")
        self.environment.pop("LANGUAGE", None)
        self.fresh()
        self.prepare()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def fresh(self):
        """Empties `out`."""
        shutil.rmtree(self.out, ignore_errors=True)
        os.makedirs(self.out + "/tmp")
        self.before = {}  # what was there when the command began

    def run(self, arguments, *options, preload=None, timeout=60):
        """Runs innerloop with these arguments, under `calls` where there are options for it, with fail_malloc.so where there are
        variables for that; its exit code, and its words in `shown` and `log`."""
        if "--resume out/run" in arguments and not os.path.exists(self.out + "/run"):
            shutil.copytree(self.folder + "/in/run", self.out + "/run", ignore=shutil.ignore_patterns("eval.*"))  # of `eval`
            self.before = files(self.out)
        command = [self.program] + arguments.split()
        environment = dict(self.environment, LD_PRELOAD=self.fail_malloc, **preload) if preload else self.environment
        if options:
            command = [self.calls, *[str(o) for o in options], "--"] + command
        with open(self.folder + "/stdout", "wb") as out, open(self.folder + "/stderr", "wb") as err:
            code = subprocess.run(command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=out,
                                  stderr=err, timeout=timeout).returncode
        with open(self.folder + "/stdout", "rb") as out, open(self.folder + "/stderr", errors="replace") as err:
            self.shown, self.log = out.read(), err.read()
        return code

    def must(self, arguments):
        if self.run(arguments) != 0:
            sys.exit(f"failed: innerloop {arguments}: {self.log}")

    def prepare(self):
        inside = self.folder + "/in"
        for k in range(15):
            os.makedirs(f"{inside}/pictures/c{k}")
            for i in range(4):
                png(f"{inside}/pictures/c{k}/{i}.png", 15 * k + 3 * i)
        for k in range(5):
            os.makedirs(f"{inside}/support/c{k}")
            shutil.copy(f"{inside}/pictures/c{k}/0.png", f"{inside}/support/c{k}/0.png")
        shutil.make_archive(inside + "/pictures", "zip", inside + "/pictures")
        with open(inside + "/table.csv", "w") as file:
            file.write("a,b,label\n" + "".join(f"{i}.5,{i * i},{'xyz'[i % 3]}\n" for i in range(12)))
        with open(inside + "/own.yaml", "w") as file:
            file.write("preset: sinusoid-5shot-maml\nmodel: {layers: [{kind: linear, units: 8}, {kind: relu}, {kind: linear}]}\n"
                       "outer: {steps: 1, meta_batch: 2}\neval: {every: 0}\n")
        numbers = struct.pack("<144f", *[i % 7 / 8 for i in range(144)])
        tensors(inside + "/samples.safetensors", x=("F32", [72, 2], numbers),
                y=("I32", [72], struct.pack("<72i", *[i % 3 for i in range(72)])))
        ten = ("F32", [1, 10, 1], numbers[:40])
        tensors(inside + "/tasks.safetensors", query_x=ten, query_y=ten, support_x=ten, support_y=ten)
        tensors(inside + "/many-samples.safetensors", x=("F32", [120, 3], struct.pack("<360f", *[i % 11 for i in range(360)])),
                y=("I32", [120], struct.pack("<120i", *[i % 12 for i in range(120)])))
        self.must("data import in/many-samples.safetensors --out in/many.safetensors")
        self.must("convert in/samples.safetensors in/samples.npz")
        self.must("convert in/tasks.safetensors in/tasks.npz")
        self.must("init sinusoid-5shot-maml --out in/weights.safetensors")
        self.must("convert in/weights.safetensors in/weights.npz")
        self.must("convert in/weights.npz in/weights.pth")
        self.must("data import in/pictures --out in/set.safetensors")
        self.must("train pictures-5w1s-maml --data in/set.safetensors --set task.queries=1"
                  " --set model.filters=4 --set outer.meta_batch=2 --set outer.steps=1 --set outer.schedule=constant --set eval.every=0"
                  " --set eval.tasks=2 --set eval.queries=1 --out in/run")
        self.must("export in/run --out in/learner.safetensors")
        self.must("adapt in/run --support in/support --out in/adapted.safetensors")


def files(folder):
    """Relative paths of all files and folders below, with their bytes (None: a folder)."""
    found = {}
    for at, folders, names in os.walk(folder):
        for name in folders:
            found[os.path.relpath(os.path.join(at, name), folder)] = None
        for name in names:
            if name.endswith(".source"):  # the cache's note of a moment: times and inodes
                continue
            with open(os.path.join(at, name), "rb") as file:
                found[os.path.relpath(os.path.join(at, name), folder)] = file.read()
    return found


def tries(few, many):
    """How many tries: a few, `many` in the long tier (INNERLOOP_FAULTS=all), or that variable's number."""
    value = os.environ.get("INNERLOOP_FAULTS", "")
    return many if value == "all" else int(value) if value.isdigit() and int(value) > 0 else few
