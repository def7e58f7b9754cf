#!/usr/bin/env python3
"""Memory and time of one task after 5, 50 and 500 inner steps: innerloop's loop and its copies of a step beside JAX's
lax.scan, with and without jax.checkpoint; see bench/README.md.

    bench/long_loop.py [STEPS...] [--quick] [--write]
"""
import argparse
import dataclasses
import json
import os
import re
import sys

import sides
import table
import workloads
from common import BUILD, INNERLOOP, LOGS, ROOT, commit, machine, our_side, reference_of, run, settings, worker

FIGURES, PAGE = BUILD / "long_loop.json", ROOT / "docs/performance.md"
BEGIN, END = "<!-- long loops: made by bench/long_loop.py -->", "<!-- end of long loops -->"
OURS = ("keep", "remake", "unroll")
THEIRS = {"JAX, lax.scan and jax.checkpoint": "own-map-checkpoint", "JAX, lax.scan": "own-map-scan",
          "JAX hand-rewritten, lax.scan and jax.checkpoint": "patches-map-checkpoint",
          "JAX hand-rewritten, lax.scan": "patches-map-scan"}


def looped(w, kind):
    return dataclasses.replace(w, settings=w.settings + (f"inner.loop={kind}",))


def planned(w):
    """Bytes of the plan of a task, and of one kept state, 0 where steps are written out."""
    text = run(INNERLOOP, "plan", w.preset, *settings(w))
    task, scratch = (int(re.search(what + r" (\d+) B", text).group(1)) for what in ("task arena", "scratch"))
    state = re.search(r"state (\d+) B", text)
    return task + scratch, int(state.group(1)) if state else 0


def available():
    """Bytes that may be used without harm to others."""
    return next(int(line.split()[1]) << 9 for line in open("/proc/meminfo") if line.startswith("MemAvailable"))


def ours(w, kind, options):
    """(side, figures) of innerloop."""
    w = looped(w, kind)
    side, ready = our_side(w, None, 1, options.limit)
    plan, state = planned(w)
    return side, {"plan": plan, "state": state, "build_ms": 1e3 * ready["build_seconds"]}


def theirs(w, ref, name, options):
    """(side, figures) of JAX, whose gradient has been compared."""
    process = worker(w, ref, name, f"jax_:{THEIRS[name]}", 1, 1, 0, True)
    side = sides.Side([process], [1], 1, options.limit)
    try:
        first = side.ready()[0]["first_step_seconds"]
        error = ref.difference()
        if not error < ref.tolerance:
            raise sides.Failure(f"differs: relative error {error:.1e}")
    except sides.Failure:
        side.stop()
        raise
    return side, {"build_ms": 1e3 * first, "error": error}


def against(w, base, of_base, start, options):
    """One kind in turns with keep."""
    side, found = start()
    try:
        seconds = sides.alone(side, options.seconds)
        found.update(sides.alternate(base, side, options.pairs, options.seconds, of_base, seconds))
        found["memory"] = side.memory
    finally:
        side.stop()
    return found


def measure(w, known, options):
    """All kinds at one number of steps. known: peak memory of kinds at fewer steps, to see what would not fit."""
    ref = reference_of(looped(w, "keep"))
    base, figures = ours(w, "keep", options)
    of_base = sides.alone(base, options.seconds)
    found = {"innerloop, keep": figures}
    starts = {f"innerloop, {kind}": lambda kind=kind: ours(w, kind, options) for kind in OURS[1:]}
    starts.update({name: lambda name=name: theirs(w, ref, name, options) for name in THEIRS})
    times = []
    for name, start in starts.items():
        needs = expected(known.get(name, {}), w.steps)
        try:
            if needs > available():
                raise sides.Failure(f"would need {needs / 2**30:.0f} GiB")
            found[name] = against(w, base, of_base, start, options)
            times.append(found[name]["innerloop_ms"])
        except sides.Failure as failure:
            found[name] = {"status": str(failure)}
        known.setdefault(name, {})[w.steps] = found[name].get("memory")
        say(w, name, found[name])
    figures.update(ms=sorted(times)[len(times) // 2] if times else 1e3 * of_base, memory=base.memory)
    base.stop()
    say(w, "innerloop, keep", figures)
    return found


def expected(memory, steps):
    """Bytes, by a line through what fewer steps took."""
    known = sorted((n, kib) for n, kib in memory.items() if kib)
    if len(known) < 2:
        return 0
    (a, x), (b, y) = known[-2:]
    return 1024 * (y + (y - x) / (b - a) * (steps - b))


def say(w, name, f):
    if "status" in f:
        print(f"{w.steps} steps, {name}: not timed: {f['status']}", flush=True)
        return
    ratio = f", {f['ratio']:.2f} times as long as keep" if "ratio" in f else ""
    print(f"{w.steps} steps, {name}: {f['ms']:.4g} ms, {f['ms'] / w.steps:.3g} a step{ratio}, "
          f"{f['memory'] / 1024:.0f} MiB, made in {f['build_ms']:.3g} ms", flush=True)


def row(steps, name, f):
    if "status" in f:
        return [steps, name, "–", "–", "–", "–", f["status"]]
    plan = "–"
    if "plan" in f:
        kept = int(steps) * f["state"] if name.endswith("keep") else 0
        plan = f"{(f['plan'] - kept) / 1e6:.3g} MB" + (f" + {kept / 1e6:.3g} of weights" if kept else "")
    return [steps, name, f"{table.short(f['ms'] / int(steps))} ms", f"{f.get('ratio', 1):.2f}", plan,
            table.size(f["memory"]), f"{table.short(f['build_ms'])} ms"]


def section(results):
    m = results["machine"]
    rows = [row(steps, name, f) for steps, found in results["steps"].items() for name, f in found.items()]
    return "\n\n".join([
        f"{m['cpu']}, {m['date']}, commit {results['commit']}, one thread, one task; load of the machine when the measurement "
        f"began: {results['load']:.1f}. Ratios are medians of alternating turns with `keep`; meta-gradients agree.",
        table.table(["inner steps", "how", "time of a step", "of keep's", "arena and scratch of a task",
                     "peak of the process", "made in (JAX: first meta-step)"], rows)])


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("steps", nargs="*", type=int, help="5, 50, 500; none: all")
    ap.add_argument("--quick", action="store_true", help="fewer and shorter turns")
    ap.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    options = ap.parse_args()
    options.pairs, options.seconds = (3, 0.2) if options.quick else (5, 0.5)
    options.limit = 600
    chosen = [w for w in workloads.LOOPS if w.steps in options.steps or not options.steps]
    if not chosen:
        ap.error("expected 5, 50 or 500")
    LOGS.mkdir(parents=True, exist_ok=True)
    results = {"machine": machine(), "commit": commit(), "load": os.getloadavg()[0], "steps": {}}
    known = {}
    for w in chosen:
        results["steps"][str(w.steps)] = measure(w, known, options)
        FIGURES.write_text(json.dumps(results, indent=1) + "\n")
    print("\n" + section(results))
    if options.write:
        table.replace(PAGE, BEGIN, END, section(results))


if __name__ == "__main__":
    sys.exit(main())
