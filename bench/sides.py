"""The two sides of a comparison as processes that wait for work, and how they are timed against each other."""
import json
import os
import select
import statistics
import subprocess
import time

SETTLE = 0.03  # seconds between turns: threads of the other side stop spinning


class Failure(Exception):
    pass


class Process:
    """A worker: answers lines on its standard input with one line of JSON each."""

    def __init__(self, command, log, core=None, env=None):
        """core: pinned to it from the start, for libraries that count cores when they are loaded."""
        pin = (lambda: os.sched_setaffinity(0, {core})) if core is not None else None
        self.log = log
        with open(log, "ab") as errors:
            self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                          stderr=errors, preexec_fn=pin, env=env)
        self.text = b""

    def answer(self, limit):
        end = time.monotonic() + limit
        while True:
            line, found, rest = self.text.partition(b"\n")
            if found:
                self.text = rest
                if line.startswith(b"{"):
                    return json.loads(line)
                continue  # a library's own message
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.child.stdout], [], [], left)[0]:
                raise Failure(f"no answer within {limit:.0f} s")
            more = os.read(self.child.stdout.fileno(), 65536)
            if not more:
                raise Failure(f"ended: {self.last_words()}")
            self.text += more

    def last_words(self):
        lines = open(self.log, errors="replace").read().strip().splitlines()
        return lines[-1] if lines else f"exit code {self.child.wait()}"

    def ask(self, line):
        self.child.stdin.write(line.encode() + b"\n")
        self.child.stdin.flush()

    def stop(self):
        self.child.kill()
        self.child.wait()


class Side:
    """Processes that share a meta-batch: one, or two pinned ones with half of the tasks each."""

    def __init__(self, processes, batches, threads, limit):
        self.processes, self.batches, self.threads, self.limit = processes, batches, threads, limit
        self.memory, self.processor = 0, 0

    def ready(self):
        return [p.answer(self.limit) for p in self.processes]

    def seconds(self, steps):
        """Seconds of one meta-step; the slower process counts."""
        cores = sorted(os.sched_getaffinity(0))
        for i, (p, batch) in enumerate(zip(self.processes, self.batches)):
            os.sched_setaffinity(p.child.pid, cores if self.threads > 1 else {cores[i]})
            p.ask(f"{steps} {batch} {self.threads}")
        answers = [p.answer(self.limit * steps) for p in self.processes]
        self.memory = sum(a["memory"] for a in answers)
        self.processor = sum(a.get("processor", 0) for a in answers) / steps  # seconds of all threads
        return max(a["seconds"] for a in answers) / steps

    def stop(self):
        for p in self.processes:
            p.stop()


def alone(side, seconds):
    """Seconds of a meta-step in a turn that lasts about `seconds`: a first figure, to choose among settings. Compilers
    compile once more at the second step, or for another number of tasks: that does not count."""
    once = min(side.seconds(1) for _ in range(3))
    while once < seconds / 4:
        steps = min(50, max(2, int(seconds / 2 / once)))
        again = side.seconds(steps)
        if steps * again > seconds / 4 or steps == 50:
            return again
        once = again
    return once


def alternate(a, b, pairs, seconds, of_a, of_b):
    """A B A B …, after figures of each alone: medians of both, and of the ratios b/a of neighbours."""
    count_a, count_b = (max(1, round(seconds / once)) for once in (of_a, of_b))
    times_a, times_b, processor = [], [], []
    for _ in range(pairs):
        time.sleep(SETTLE)
        times_a.append(a.seconds(count_a))
        time.sleep(SETTLE)
        times_b.append(b.seconds(count_b))
        if a.processor and b.processor:
            processor.append(b.processor / a.processor)
    ratios = [y / x for x, y in zip(times_a, times_b)]
    found = {"innerloop_ms": 1e3 * statistics.median(times_a),
             "ms": 1e3 * statistics.median(times_b), "ratio": statistics.median(ratios),
             "ratios": [round(r, 3) for r in ratios]}
    if processor:  # what says more than the clock where other programs take turns on the cores
        found["processor_ratio"] = statistics.median(processor)
    return found
