#!/usr/bin/env python3
"""Training loops in Python before and after: scripts of PyTorch with the line of the meta-loss changed to innerloop's
MetaLoss, and MAML by hand in Python beside the C program; see bench/README.md.

    bench/python_loop.py [WORKLOAD...] [--quick] [--peers NAME,NAME] [--write]
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

import sides
import table
import workloads
from common import BUILD, LOGS, PEERS, PYTHON, ROOT, commit, installed, machine, our_side, reference_of, worker

LINES = [n for n in PEERS if n != "torch.compile" and not n.startswith("JAX")]
CHOSEN = ["W1", "W2", "W3", "example"]
SITE = BUILD / "python"  # the package, put together there
FIGURES, PAGE = BUILD / "python_loop.json", ROOT / "docs/performance.md"
BEGIN, END = "<!-- loops: made by bench/python_loop.py -->", "<!-- end of loops -->"
HAND = {"each step called": [], "`repeat`": ["repeat"]}


def put_package_together():
    """Links to the package's files and to the library as built here."""
    subprocess.run(["sh", ROOT / "tests/python/together.sh", ROOT, BUILD / "build/libinnerloop.so", SITE], check=True)
    return {"PYTHONPATH": str(SITE), "PYTHONDONTWRITEBYTECODE": "1"}


class Loop:
    """A training script on a workload, in a process of its own, that makes meta-steps on request. Its first one is
    on the tasks whose gradient is known, and is compared."""

    def __init__(self, w, ref, name, script, env, options):
        self.process = worker(w, ref, name, script, w.batch, options.threads, result=True, env=env)
        self.side = sides.Side([self.process], [w.batch], options.threads, options.limit)
        try:
            self.side.ready()
            self.error = ref.difference()
            if not self.error < ref.tolerance:
                raise sides.Failure(f"differs: relative error {self.error:.1e}")
        except sides.Failure:
            self.stop()
            raise

    def stop(self):
        self.process.stop()


def fastest(w, ref, name, env, options):
    """The loop of a peer in its fastest variant; (seconds, variant, loop)."""
    _, script, variants = PEERS[name]
    best, reasons = None, []
    for variant in variants:
        try:
            loop = Loop(w, ref, name, f"{script}:{variant}", env, options)
        except sides.Failure as failure:
            reasons.append(f"{variant} {failure}".strip())
            continue
        seconds = sides.alone(loop.side, options.seconds)
        if best and best[0] <= seconds:
            loop.stop()
            continue
        if best:
            best[2].stop()
        best = seconds, variant, loop
    if not best:
        raise sides.Failure("; ".join(reasons))
    return best


def against_lines(w, env, missing, options):
    """The script with each peer's line beside the script with innerloop's."""
    ref = reference_of(w)
    ours = Loop(w, ref, "MetaLoss", "innerloop_", env, options)
    try:
        return beside_ours(w, ref, ours, env, missing, options)
    finally:
        ours.stop()


def beside_ours(w, ref, ours, env, missing, options):
    our_seconds = sides.alone(ours.side, options.seconds)
    r = {"title": w.title, "error": ours.error, "peers": {}}
    times = []
    program, _ = our_side(w, None, options.threads, options.limit)
    beside = sides.alternate(ours.side, program, options.pairs, options.seconds, our_seconds,
                             sides.alone(program, options.seconds))
    program.stop()
    times.append(beside["innerloop_ms"])
    r["program"] = {"ms": beside["ms"], "ratio": 1 / beside["ratio"]}
    print(f"{w.name}: {w.title}\n  MetaLoss {beside['innerloop_ms']:.4g} ms, {1 / beside['ratio']:.2f} times the "
          f"program's {beside['ms']:.4g} ms, {1 / beside['processor_ratio']:.2f} of processor time; gradient within {ours.error:.1e}", flush=True)
    for name in options.peers:
        reason = missing[PEERS[name][0]]
        try:
            if reason:
                raise sides.Failure(f"not installed: {reason}")
            seconds, variant, loop = fastest(w, ref, name, env, options)
        except sides.Failure as failure:
            r["peers"][name] = {"status": str(failure)}
            print(f"  {name}: not timed: {failure}", flush=True)
            continue
        try:
            p = sides.alternate(ours.side, loop.side, options.pairs, options.seconds, our_seconds, seconds)
        finally:
            loop.stop()
        p.update(status="timed", variant=variant, error=loop.error)
        r["peers"][name] = p
        times.append(p["innerloop_ms"])
        print(f"  {name} {variant}: {p['ratio']:.2f} times as long ({min(p['ratios'])} to {max(p['ratios'])}), "
              f"{p['processor_ratio']:.2f} times the processor time, {p['ms']:.4g} ms, gradient within {p['error']:.1e}", flush=True)
    r["ms"] = statistics.median(times)
    return r


class ByHand:
    """MAML by hand: meta-steps on request, and the loss of the last one."""

    def __init__(self, name, command, env, limit):
        self.name, self.limit, self.losses, self.processor = name, limit, [], 0
        self.process = sides.Process(command, LOGS / f"by-hand-{name.strip('`').split()[0]}.log", env=env)
        self.process.answer(limit)

    def seconds(self, steps):
        self.process.ask(str(steps))
        answer = self.process.answer(self.limit)
        self.losses.append(answer["loss"])
        self.processor = answer["processor"] / steps
        return answer["seconds"] / steps


def by_hand(env, options):
    """Python against the C program: the same turns, so that every turn must end with the same loss to the bit."""
    r, env = {}, dict(os.environ, **env)
    for name, words in HAND.items():
        c = ByHand("C", [BUILD / "build/bench/bench_maml_by_hand", str(options.threads)], env, options.limit)
        python = ByHand(name, [PYTHON, ROOT / "bench/maml_by_hand.py", str(options.threads), *words], env, options.limit)
        seconds = max(c.seconds(500), python.seconds(500))
        r[name] = sides.alternate(c, python, 3 * options.pairs, options.seconds, seconds, seconds)
        for side in (c, python):
            side.process.stop()
        r[name]["equal"] = c.losses == python.losses
        p = r[name]
        print(f"MAML by hand, {name}: {p['ratio']:.3f} times the C program ({min(p['ratios'])} to {max(p['ratios'])}), "
              f"{p['processor_ratio']:.3f} times the processor time, {1e3 * p['ms']:.1f} µs against {1e3 * p['innerloop_ms']:.1f}, losses "
              f"{'equal to the bit' if p['equal'] else 'DIFFER'}", flush=True)
    return r


def cell(peer):
    if peer["status"] != "timed":
        return peer["status"].split(":")[0]
    return f"{table.short(peer['ratio'])}× ({table.short(peer['ms'])} ms)"


def lines_section(done):
    names = list(dict.fromkeys(n for w in done.values() for n in w["peers"]))
    rows = [["MetaLoss"] + [f"{table.short(w['ms'])} ms" for w in done.values()]]
    rows += [[n] + [cell(w["peers"][n]) if n in w["peers"] else "–" for w in done.values()] for n in names]
    rows += [["*MetaLoss over `innerloop train`'s own step*"] + [f"{w['program']['ratio']:.2f}" for w in done.values()]]
    errors = [p["error"] for w in done.values() for p in [w, *w["peers"].values()] if "error" in p]
    parts = ["How many times as long a meta-step of the script takes with another line than MetaLoss, median of alternating "
             f"turns ({'; '.join(f'{n}: ' + w['title'] for n, w in done.items())}):",
             table.table(["line"] + list(done), rows), f"Meta-gradients agree within {max(errors):.1e}."]
    reasons = [f"- {n}, {peer}: {p['status']}" for n, w in done.items()
               for peer, p in w["peers"].items() if p["status"] != "timed"]
    return parts + (["Not timed:\n\n" + "\n".join(reasons)] if reasons else [])


def hand_section(found):
    rows = [[n, f"{1e3 * p['ms']:.1f} µs", f"{1e3 * p['innerloop_ms']:.1f} µs", f"{p['ratio']:.3f}", f"{p['processor_ratio']:.3f}",
             "equal to the bit" if p["equal"] else "differ"] for n, p in found.items()]
    return ["MAML by hand, a meta-step on 25 tasks by the loop of [python.md](python.md) and by "
            "[the C program](../examples/01_maml_sinusoid.c):",
            table.table(["Python", "its meta-step", "C's meta-step", "ratio", "of processor time", "losses"], rows)]


def section(results):
    m = results["machine"]
    parts = [f"{m['cpu']}, {m['cores']} cores, {m['date']}, commit {results['commit']}, {results['threads']} threads on each side; "
             f"load of the machine when the measurement began: {results['load']:.1f}."]
    if results["workloads"]:
        parts += lines_section(results["workloads"])
    if results["by_hand"]:
        parts += hand_section(results["by_hand"])
    return "\n\n".join(parts)


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("workload", nargs="*", help=f"of the benchmark's, or hand; none: {' '.join(CHOSEN)} hand")
    ap.add_argument("--quick", action="store_true", help="fewer and shorter turns")
    ap.add_argument("--threads", type=int, default=2, help="of each side")
    ap.add_argument("--peers", help="only these, separated by commas")
    ap.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    options = ap.parse_args()
    options.peers = options.peers.split(",") if options.peers else LINES
    for name in options.peers:
        if name not in LINES:
            raise SystemExit(f'unknown peer "{name}"; expected {", ".join(LINES)}')
    options.pairs, options.seconds = (3, 0.2) if options.quick else (5, 0.4)
    options.limit = 120
    names = options.workload or CHOSEN + ["hand"]
    chosen = [workloads.find(n) for n in names if n != "hand"]
    LOGS.mkdir(parents=True, exist_ok=True)
    env = put_package_together()
    missing = {p: installed(p) for p in {PEERS[n][0] for n in options.peers}} if chosen else {}
    results = {"machine": machine(), "commit": commit(), "load": os.getloadavg()[0], "threads": options.threads,
               "by_hand": {}, "workloads": {}}
    failed = []
    if "hand" in names:
        try:
            results["by_hand"] = by_hand(env, options)
        except sides.Failure as failure:
            failed.append(f"by hand: {failure}")
            print(failed[-1], flush=True)
    for w in chosen:
        try:
            results["workloads"][w.name] = against_lines(w, env, missing, options)
        except sides.Failure as failure:
            failed.append(f"{w.name}: {failure}")
            print(failed[-1], flush=True)
    FIGURES.write_text(json.dumps(results, indent=1) + "\n")
    print("\n" + section(results))
    if options.write:
        table.replace(PAGE, BEGIN, END, section(results))
    return 1 if failed or not all(p["equal"] for p in results["by_hand"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
