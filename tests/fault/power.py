"""Power cuts: what a command did to files is written down call by call, and the folder is built as a disk could hold it after
any of them. What was synced is there; of the rest all, nothing, names without bytes, or a random part. Each such folder can be
read, holds the last checkpoint that was promised, and the command, run again, ends with the bytes of one never disturbed.
  power.py PROGRAM CALLS [COMMAND…]   INNERLOOP_FAULTS=all: every call and variant; a number: so many; else a sample"""
import json
import os
import random
import shutil
import struct
import sys

import faults

RESUMED = {"train": " --resume", "train-more": " --resume", "fit": " --force", "import-cached": " --force"}
CHOSEN = ["train", "train-more", "sweep", "import-pictures", "import-csv", "import-cached", "adapt", "convert-npz",
          "convert-pth", "fit", "export", "data-export"]
VARIANTS = ["all", "synced", "names", "random 1", "random 2"]
FOLDER = "folder"


class File:
    """A file's bytes as the program sees them, and as they were when it was last synced."""

    def __init__(self, data=b""):
        self.data, self.synced, self.names = bytearray(data), bytes(data), 0

    def write(self, offset, data):
        if len(self.data) < offset:
            self.data.extend(bytes(offset - len(self.data)))
        self.data[offset:offset + len(data)] = data

    def truncate(self, size):
        del self.data[size:]
        self.data.extend(bytes(size - len(self.data)))

    def after(self, variant, draw):
        if variant == "all":
            return bytes(self.data)
        if variant in ("synced", "names"):
            return self.synced
        kind, cut = draw.randrange(4), draw.randint(0, len(self.data))
        if kind == 0:
            return self.synced
        if kind == 1:
            return bytes(self.data)
        if self.data[:len(self.synced)] != self.synced:  # rewritten: nobody knows
            return bytes(self.data[:cut])
        cut = max(cut, len(self.synced))
        return bytes(self.data[:cut]) + (bytes(len(self.data) - cut) if kind == 3 else b"")


class Disk:
    def __init__(self, folder):
        self.folder, self.files = folder, {}  # by number
        self.names = {folder: FOLDER}         # as the program sees them: path → File or FOLDER
        self.kept = {folder: FOLDER}          # as the disk is known to hold them
        self.pending = []                     # (folder, change of a dict of names) not synced yet
        for at, folders, names in os.walk(folder):
            for name in folders:
                self.kept[os.path.join(at, name)] = FOLDER
            for name in names:
                path = os.path.join(at, name)
                info = os.stat(path)
                with open(path, "rb") as file:
                    made = File(file.read())
                made.names = 1
                self.files[f"{info.st_dev}:{info.st_ino}"] = self.kept[path] = made
        self.names.update(self.kept)

    def change(self, folder, what):
        what(self.names)
        self.pending.append((folder, what))

    def file(self, number):
        found = self.files.get(number)
        if found is None or found.names < 0:  # a number that a removed file had
            found = self.files[number] = File()
            found.synced = b""
        return found

    def put(self, path, file):
        old = self.names.get(path)
        if isinstance(old, File):
            old.names -= 1
            if old.names == 0:
                old.names = -1
        if isinstance(file, File):
            file.names += 1
        self.change(os.path.dirname(path), lambda names: names.__setitem__(path, file))

    def remove(self, path):
        old = self.names.get(path)
        if isinstance(old, File):
            old.names -= 1
            if old.names == 0:
                old.names = -1
        if old is not None:
            self.change(os.path.dirname(path), lambda names: names.pop(path, None))

    def rename(self, old, new):
        file = self.names.get(old)
        if isinstance(self.names.get(new), File):
            self.names[new].names = -1

        def move(names):
            if old in names:
                for path in [p for p in names if p == old or p.startswith(old + "/")]:
                    names[new + path[len(old):]] = names.pop(path)
        assert file is not None, (old, new)
        self.change(os.path.dirname(new), move)

    def sync_folder(self, folder):
        for at, what in self.pending:
            if at == folder or folder is None:
                what(self.kept)
        self.pending = [p for p in self.pending if folder is not None and p[0] != folder]

    def sync_all(self):
        for file in self.files.values():
            file.synced = bytes(file.data)
        self.sync_folder(None)

    def do(self, words, data):
        kind, rest = words[0], words[1] if len(words) > 1 else ""
        if kind == "create":
            self.created = File()
            self.put(rest, self.created)
        elif kind == "is":
            number, path = rest.split(" ", 1)
            if isinstance(self.names.get(path), File):
                self.files[number] = self.names[path]
        elif kind == "write":
            number, offset, _ = rest.split()
            self.file(number).write(int(offset), data)
        elif kind == "truncate":
            number, size = rest.split()
            self.file(number).truncate(int(size))
        elif kind == "sync":
            file = self.file(rest)
            file.synced = bytes(file.data)
        elif kind == "syncfolder":
            self.sync_folder(rest)
        elif kind == "syncall":
            self.sync_all()
        elif kind == "link":
            number, path = rest.split(" ", 1)
            self.put(path, self.file(number))
        elif kind == "rename":
            self.rename(*rest.split("\t"))
        elif kind == "mkdir":
            self.put(rest, FOLDER)
        elif kind == "unlink":
            self.remove(rest)

    def build(self, variant, draw):
        """Writes the folder as it could be found after a cut now."""
        names = dict(self.kept)
        part = {"all": len(self.pending), "names": len(self.pending), "synced": 0}.get(variant, draw.randint(0, len(self.pending)))
        for _, what in self.pending[:part]:
            what(names)
        shutil.rmtree(self.folder)
        os.mkdir(self.folder)
        for path in sorted(names):  # below a folder that is not there nothing is
            if path != self.folder and os.path.isdir(os.path.dirname(path)):
                if names[path] is FOLDER:
                    os.mkdir(path)
                else:
                    with open(path, "wb") as file:
                        file.write(names[path].after(variant, draw))


def read_log(path):
    """The calls: words and bytes."""
    with open(path, "rb") as file:
        while line := file.readline():
            words = line.decode().rstrip("\n").split(" ", 1)
            data = file.read(int(words[1].split()[2]) + 1)[:-1] if words[0] == "write" else b""
            yield words, data


def step_of(path):
    """The meta-step of a checkpoint; 0: there is none."""
    if not os.path.exists(path):
        return 0
    with open(path, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        return int(json.loads(file.read(size))["__metadata__"]["step"])


def promised(disk, folder):
    """A line of metrics.jsonl was written after the checkpoints before it: every second step here."""
    file = disk.names.get(f"{folder}/run/metrics.jsonl")
    steps = [json.loads(line)["step"] for line in bytes(file.data).split(b"\n")[:-1]] if file else []
    return (steps[-1] - 1) // 2 * 2 if steps else 0


def lasting(attack):
    return {path: data for path, data in faults.files(attack.out).items() if "tfevents" not in path}


class Run:
    """A command's calls, from a folder with older files or an empty one, and what it leaves behind."""

    def __init__(self, attack, name, old):
        self.name, self.arguments, self.log = name, faults.COMMANDS[name], f"{attack.folder}/{name}.{old}.log"
        self.old = {}
        if old:
            self.old = {path: b"old" for path, data in Run(attack, name, 0).files.items() if data is not None and "/" not in path}
            self.arguments += RESUMED.get(name, "")
        self.set_up(attack)
        code = attack.run(self.arguments, "--kinds", "open,write,sync,name", "--below", attack.out, "--log", self.log)
        if code == 77:
            print("skipped:", attack.log.strip())
            sys.exit(77)
        if code != 0:
            sys.exit(f"failed: {self.arguments}: exit code {code}: {attack.log}")
        self.files = lasting(attack)
        self.calls = list(read_log(self.log))

    def set_up(self, attack):
        attack.fresh()
        for path, data in self.old.items():
            with open(f"{attack.out}/{path}", "wb") as file:
                file.write(data)

    def cut(self, attack, at, variant, seed):
        """A cut after so many calls; what is wrong, or None."""
        draw = random.Random(f"{seed} {self.name} {at} {variant}")
        self.set_up(attack)
        disk = Disk(attack.out)
        for words, data in self.calls[:at]:
            disk.do(words, data)
        step = promised(disk, attack.out)
        disk.build(variant, draw)
        ended = at == len(self.calls)
        os.makedirs(attack.out + "/tmp", exist_ok=True)
        if self.name.startswith("train"):
            found = step_of(attack.out + "/run/checkpoint.safetensors")
            if found < step:
                return f"meta-step {step} was promised, and found {found}"
        elif self.name != "sweep":
            for path, data in self.files.items():
                target = os.path.join(attack.out, path)
                if data is None or path.endswith((".jsonl", "lock")):
                    continue
                if not os.path.exists(target):
                    if (ended or path in self.old) and not path.startswith("cache/"):  # which is made again
                        return f"{path} is lost"
                    continue
                with open(target, "rb") as file:
                    found = file.read()
                if found != data and (ended or found != self.old.get(path)):
                    return f"{path} is neither old nor whole: {len(found)} bytes of {len(data)}"
        if ended and self.name == "data-export":
            return None
        if self.name == "data-export" and os.path.isdir(attack.out + "/folder") and os.listdir(attack.out + "/folder"):
            return None  # complete, as seen above
        code = attack.run(self.arguments + ("" if self.old else RESUMED.get(self.name, "")))
        if code != 0:
            return f"it does not go on: {attack.log}"
        found = lasting(attack)
        wrong = sorted(p for p in found.keys() | self.files.keys() if found.get(p, 0) != self.files.get(p, 0))
        return f"other files than undisturbed: {wrong}" if wrong else None


def main():
    program, calls, *chosen = sys.argv[1:]
    every = os.environ.get("INNERLOOP_FAULTS") == "all"
    few = 15
    tries, seed, wrongs, made = faults.tries(few, 0), int(os.environ.get("INNERLOOP_SEED", "1")), 0, 0
    names = chosen or (CHOSEN if every or tries > few else ["train", "import-csv", "adapt", "convert-npz"])
    with faults.Attack(program, calls) as attack:
        runs = [Run(attack, name, old) for name in names for old in (0, 1) if not (old and name in ("train", "train-more", "sweep", "data-export", "import-cached"))]
        cuts = [(run, at, variant) for run in runs for at in range(len(run.calls) + 1) for variant in VARIANTS]
        if not every:
            # What was found: neither the run's folder nor metrics.jsonl was synced.
            late = [(run, len(run.calls) - 1, v) for run in runs if run.name == "train" for v in ("synced", "names")]
            cuts = late + random.Random(seed).choices(cuts, k=tries)
        last = None
        for run, at, variant in cuts:
            if every and run != last:
                print(f"{run.name}{' over old files' if run.old else ''}: after {made} cuts, {wrongs} not as expected", flush=True)
            last = run
            wrong = run.cut(attack, at, variant, seed)
            made += 1
            if wrong:
                wrongs += 1
                call = " ".join(run.calls[at - 1][0]) if at else "nothing"
                print(f"failed: {run.name}{' over old files' if run.old else ''}, cut after call {at} of {len(run.calls)} ({call}), "
                      f"{variant}, seed {seed}: {wrong}", flush=True)
        print(f"power cuts: {made} in {len(runs)} runs (seed {seed}), {wrongs} not as expected")
    sys.exit(wrongs > 0)


if __name__ == "__main__":
    main()
