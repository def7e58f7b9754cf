"""Commands are killed at random moments and inside of writes, on 1 to 5 threads, and run again on others: the bytes of one that
was never disturbed come out, destinations are old or whole at any time, and nothing else stays.
  kills.py PROGRAM CALLS [COMMAND…]   INNERLOOP_FAULTS: all (500 kills), or how many; INNERLOOP_SEED: another seed"""
import os
import random
import signal
import subprocess
import sys
import time

import faults

KINDS = "open,write,sync,name"
# How often each is taken, and how the same command goes on.
CHOSEN = {"train": (6, " --resume"), "train-more": (2, " --resume"), "sweep": (2, ""), "import-pictures": (3, ""),
          "import-zip": (1, ""), "import-csv": (1, ""), "import-cached": (2, " --force"), "adapt": (3, ""),
          "convert-pth": (2, ""), "convert-npz": (1, ""), "fit": (2, " --force"), "export": (2, ""), "data-export": (2, ""),
          "data-export-npz": (1, ""), "fit-greedy": (1, " --force")}
# What was found, by calls that give names: the file between its temporary name and its own, the folder of an export and the
# support set of `adapt` stayed.
FOUND = [("import-csv", 2), ("data-export", 12), ("adapt", 1)]


def threads(arguments, count):
    """The same command on another number of threads, where it takes one."""
    return arguments.replace("--threads 2", f"--threads {count}")


def kill_in_call(attack, arguments, draw, calls):
    """Before a call that changes files, or in the middle of a write; says where."""
    n, how = draw.randint(1, calls), draw.choice(["kill", "half"])
    attack.run(arguments, "--kinds", KINDS, "--below", attack.out, "--at", n, "--do", how)
    return f"{how} at call {n}"


def kill_at_time(attack, arguments, draw, seconds):
    after = draw.uniform(0, seconds)
    with subprocess.Popen([attack.program] + arguments.split(), cwd=attack.folder, env=attack.environment,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
    return f"after {after:.3f} s"


def kill_where_found(attack, u, n):
    attack.fresh()
    attack.run(u.arguments, "--kinds", "name", "--at", n, "--do", "kill")
    if attack.run(u.arguments + u.more) != 0:
        return f"it does not go on: {attack.log}"
    return None if lasting(attack) == u.files else f"it leaves other files: {sorted(lasting(attack))}"


class Undisturbed:
    def __init__(self, attack, name):
        self.name, self.more = name, CHOSEN[name][1]
        self.arguments = faults.COMMANDS[name]
        attack.fresh()
        told, began = attack.folder + "/told", time.monotonic()
        code = attack.run(self.arguments, "--kinds", KINDS, "--below", attack.out, "--told", told)
        self.seconds = time.monotonic() - began
        if code == 77:
            print("skipped:", attack.log.strip())
            sys.exit(77)
        if code != 0:
            sys.exit(f"failed: {self.arguments}: exit code {code}: {attack.log}")
        with open(told) as file:
            self.calls = sum(int(line.split()[1]) for line in file)
        self.files = lasting(attack)


def lasting(attack):
    return {path: data for path, data in faults.files(attack.out).items() if "tfevents" not in path}


def half_made(attack, u, old):
    """A destination that is neither as it was nor whole."""
    for path, data in faults.files(attack.out).items():
        if path.startswith("tmp/") or ".innerloop-" in path or ".tmp-" in path or data is None:
            continue
        if path.endswith(("metrics.jsonl", "m.jsonl", "lock")) or "tfevents" in path:
            continue
        if u.name.startswith(("train", "sweep")):
            if path.endswith(".safetensors") and attack.run(f"convert --list out/{path}") != 0:
                return f"{path} cannot be read: {attack.log}"
        elif data not in (u.files.get(path), old.get(path)):
            return f"{path} is neither old nor whole"
    return None


def kill(attack, u, draw):
    """One to three kills of a command, then the command to its end: where they were, and what is wrong."""
    attack.fresh()
    old, where = {}, []
    for path, data in u.files.items():  # half of them over an older file
        if data is not None and "/" not in path and draw.random() < 0.5:
            old[path] = b"old"
            with open(attack.out + "/" + path, "wb") as file:
                file.write(b"old")
    if old and u.more == " --force":
        first = u.arguments + " --force"
    else:
        first = u.arguments
    for k in range(draw.randint(1, 3)):
        count = draw.randint(1, 5)
        arguments = threads(first if k == 0 else u.arguments + u.more, count)
        where.append(f"{count} threads, " + (kill_in_call(attack, arguments, draw, u.calls) if draw.random() < 0.7 else
                                             kill_at_time(attack, arguments, draw, u.seconds)))
        wrong = half_made(attack, u, old)
        if wrong:
            return where, wrong
        if u.name == "data-export" and lasting(attack) == u.files:  # complete: it would be refused
            return where, None
    last = threads(u.arguments + u.more, draw.randint(1, 5))
    code = attack.run(last)
    if code != 0:
        return where, f"it does not go on: {attack.log}"
    found = lasting(attack)
    wrong = sorted(path for path in found.keys() | u.files.keys() if found.get(path, 0) != u.files.get(path, 0))
    return where, f"other files than undisturbed: {wrong}" if wrong else None


def main():
    program, calls, *chosen = sys.argv[1:]
    seed = int(os.environ.get("INNERLOOP_SEED", "1"))
    most, killed, found = faults.tries(20, 500), 0, 0
    names = chosen or list(CHOSEN)
    counts = [CHOSEN[name][0] for name in names]
    undisturbed = {}
    with faults.Attack(program, calls) as attack:
        for name, n in FOUND:
            if name in names:
                undisturbed[name] = undisturbed.get(name) or Undisturbed(attack, name)
                wrong = kill_where_found(attack, undisturbed[name], n)
                killed += 1
                if wrong:
                    found += 1
                    print(f"failed: {name}, killed before call {n} that gives a name: {wrong}", flush=True)
        for i in range(1000000):
            if killed >= most:
                break
            draw = random.Random(seed * 1000000 + i)
            name = draw.choices(names, counts)[0]
            if name not in undisturbed:
                undisturbed[name] = Undisturbed(attack, name)
            where, wrong = kill(attack, undisturbed[name], draw)
            killed += len(where)
            if wrong:
                found += 1
                print(f"failed: {name}, try {i} of seed {seed} ({'; '.join(where)}): {wrong}", flush=True)
    print(f"kills: {killed} (seed {seed}), {found} not as expected")
    sys.exit(found > 0)


if __name__ == "__main__":
    main()
