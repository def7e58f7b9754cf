"""The n-th open, read, write, sync, rename, mmap, thread or allocation fails, in every command: it says so in a sentence that names cause
and file, or the failure did not matter; never a crash, a hang, half a file or a temporary one.
  failures.py PROGRAM CALLS [COMMAND…]   INNERLOOP_FAULTS=all: every n (of allocations some); a number: so many; else a sample"""
import errno
import os
import random
import re
import subprocess
import sys

import faults

# What happens to calls of a kind. `short` must not matter.
ACTIONS = {
    "open": [errno.EMFILE, errno.EACCES, errno.EIO],
    "read": [errno.EIO, errno.EINTR, "short"],
    "write": [errno.ENOSPC, errno.EIO, errno.EINTR, "short"],
    "sync": [errno.EIO],
    "name": [errno.ENOSPC, errno.EIO, errno.EROFS],
    "map": [errno.ENOMEM],
    "thread": [errno.EAGAIN],
    "memory": [errno.ENOMEM],  # by fail_malloc.c, not with sanitizers
}
# What was found: a folder that cannot be read on, a picture and too many open files cost the data examples without an error;
# a file was taken for another kind, or for damaged; a full disk behind standard output was called an invalid argument.
FOUND = [("import-pictures", "read", errno.EIO, 2), ("import-pictures", "read", errno.EIO, 139),
         ("import-pictures", "open", errno.EMFILE, 3), ("import-zip", "open", errno.EMFILE, 4),
         ("data-export-npz", "open", errno.EACCES, 10), ("train", "write", errno.ENOSPC, 4),
         ("train", "memory", errno.ENOMEM, 3), ("train-on", "read", errno.EIO, 18)]
SLOW = ["report", "bench", "sweep", "data-episodes", "train-more", "improve", "fit-greedy", "data-export", "data-show"]
# Output that says how long something took, or what this machine is, and files that grow while a run goes on.
TIMED = ["train", "train-more", "train-on", "sweep", "bench", "info", "compare", "improve", "fit-greedy", "plan", "check", "data-export"]
GROWING = re.compile(r"curve\.png$|sweep\.(csv|json)$|metrics\.jsonl$|/m\.jsonl$|^m\.jsonl$|events\.out\.tfevents|^tmp$")
TEMPORARY = re.compile(r"\.innerloop-|\.tmp-|^tmp/.|/lock$")


class Reference:
    """What a command leaves behind when nothing fails, and how many calls it makes."""

    def __init__(self, attack, name):
        self.name, self.arguments = name, faults.COMMANDS[name]
        attack.fresh()
        told = attack.folder + "/told"
        code = attack.run(self.arguments, "--kinds", ",".join(k for k in ACTIONS if k != "memory"), "--told", told)
        if code == 77:
            print("skipped:", attack.log.strip())
            sys.exit(77)
        if code != 0:
            sys.exit(f"failed: {self.arguments}: exit code {code}: {attack.log}")
        self.files, self.shown = lasting(attack), attack.shown
        with open(told) as file:
            self.count = {kind: int(count) for kind, count in (line.split() for line in file)}
        self.count["memory"] = 0
        if attack.fail_malloc:
            attack.fresh()
            attack.run(self.arguments, preload={"COUNT_TO": told})
            with open(told) as file:
                self.count["memory"] = int(file.read())


def lasting(attack):
    return {path: data for path, data in faults.files(attack.out).items() if "tfevents" not in path}


def partly(attack, reference):
    """A file that is neither whole nor of a kind that grows; None where all are as they should be."""
    for path, data in faults.files(attack.out).items():
        if TEMPORARY.search(path):
            return f"{path} stayed"
        if GROWING.search(path) or data is None:
            continue
        if path.endswith("checkpoint.safetensors") or reference.name == "fit-meta":  # of fewer steps; before the meta-steps
            if attack.run(f"convert --list out/{path}") != 0:
                return f"{path} cannot be read"
        elif data not in (reference.files.get(path), attack.before.get(path)):
            return f"{path} is not whole"
    return None


def names(log, told, arguments):
    """Whether a sentence names the file of the call, or one that the user gave."""
    given = [told.split("\t")[-1].split(" (deleted)")[0]] + [w for w in arguments.split() if "/" in w]
    # A report has more files than the one that is named.
    return ("/out/" in told and "out/" in log) or any(os.path.basename(word) in log for word in given if os.path.basename(word))


def judge(attack, r, code, action, told):
    """What is wrong about how a command took a failure; None if nothing is."""
    log, (call, _, path) = attack.log, told.partition(" ")
    if code not in (0, 1, 2) or "Sanitizer" in log or "runtime error" in log:
        return f"exit code {code}"
    inside = path.startswith(attack.folder) or not path or path.startswith("/memfd") # else fonts, clocks, the processor
    unheard = path.endswith("/stderr")
    if action == "short" and code != 0 and inside:
        return "it mattered"
    if code == 0:
        if not inside or unheard or (call == "unlink" and path.endswith("/lock")):
            return None
        if action == errno.EACCES and "skipped" in log and "Permission denied" in log: # a picture that nobody may read
            return None
        if path.endswith("/stdout") and action not in ("short", errno.EINTR):
            return "nobody was told that the output is not complete"
        if lasting(attack) != r.files:
            return "exit code 0, but the files are others"
        if r.name not in TIMED and attack.shown != r.shown:
            return "exit code 0, but the output is another"
        return None
    wrong = partly(attack, r)
    if wrong or unheard:
        return wrong
    attack.log = log
    cause = "memory|thread .* could not be started" if action in (errno.ENOMEM, errno.EAGAIN) else re.escape(os.strerror(action))
    if not inside:  # cairo calls a font that it cannot open a lack of memory
        return None
    if path.endswith("/stdout") and "could not be written completely" in log:
        return None
    if not re.search(cause, log, re.I):
        return "the cause is not named"
    if path and call != "mmap" and not path.endswith("/stdout") and not names(log, path, r.arguments):
        return "the file is not named"
    return None


def again(attack, r):
    """After a failure the same command, or the run's continuation, gets everything done."""
    if r.name == "data-export" and lasting(attack) == r.files:
        return None  # it could not say that it was done; a folder that is there is refused then, as ever
    arguments = r.arguments + (" --resume" if r.name.startswith("train") else "")
    arguments += " --force" if r.name.startswith(("fit", "import-cached")) else ""
    if attack.run(arguments) != 0:
        return "the next one fails: " + attack.log
    found = lasting(attack)
    wrong = [path for path in found.keys() | r.files.keys() if found.get(path, 0) != r.files.get(path, 0)]
    return f"the next one leaves other files: {wrong}" if wrong else None


def one(attack, r, kind, action, n):
    attack.fresh()
    told = attack.folder + "/told"
    try:
        if kind == "memory":
            code = attack.run(r.arguments, preload={"FAIL_AT": str(n)})
            with open(told, "w") as file:
                file.write("malloc \n")
        else:
            code = attack.run(r.arguments, "--kinds", kind, "--at", n, "--do", action, "--told", told)
    except subprocess.TimeoutExpired:
        return "it hangs", "", ""
    with open(told) as file:
        what = file.readline().rstrip("\n")
    log = attack.log
    if len(what.split()) > 1 and what.split()[1].isdigit():  # threads decide how many calls there are
        return None, "", ""
    wrong = judge(attack, r, code, action, what)
    if wrong is None and code != 0 and not (r.name == "data-export" and "was written, but" in log):
        wrong = again(attack, r)
    return wrong, what, log


def main():
    program, calls, *chosen = sys.argv[1:]
    every = os.environ.get("INNERLOOP_FAULTS") == "all"
    few = 25 if os.environ.get("INNERLOOP_TEST_SCALE") == "small" else 60
    tries, failed, found, alike = faults.tries(few, 0), 0, 0, {}
    with faults.Attack(program, calls) as attack:
        commands = chosen or [c for c in faults.COMMANDS if every or tries > few or c not in SLOW]
        references = {c: Reference(attack, c) for c in commands}
        all_of = [(c, kind, action) for c in commands for kind, actions in ACTIONS.items()
                  for action in actions if references[c].count[kind]]
        seed = int(os.environ.get("INNERLOOP_SEED", "1"))
        draw = random.Random(seed)
        # Of allocations, of which some commands make tens of thousands, at most 1000 each.
        sample = [(c, k, a, n) for c, k, a in all_of for n in
                  range(1, references[c].count[k] + 1, references[c].count[k] // 1000 + 1 if k == "memory" else 1)] if every else [
            (c, k, a, draw.randint(1, references[c].count[k])) for c, k, a in draw.choices(all_of, k=tries)]
        sample = [(c, k, a, n) for c, k, a, n in FOUND if c in references and references[c].count[k]] + sample
        last = None
        for c, kind, action, n in sample:
            if every and c != last:
                print(f"{c}: after {failed} tries, {found} not as expected", flush=True)
            last = c
            wrong, what, log = one(attack, references[c], kind, action, n)
            failed += 1
            if wrong:
                found += 1
                alike[c, kind, wrong] = alike.get((c, kind, wrong), 0) + 1
            if wrong and alike[c, kind, wrong] <= 3:
                print(f"failed: {c}: {kind} {n} {action} ({what}): {wrong}: {log[-400:].strip()}", flush=True)
        print(f"failures: {failed} of calls of {len(commands)} commands (seed {seed}), {found} not as expected")
    sys.exit(found > 0)


if __name__ == "__main__":
    main()
