#!/usr/bin/env python3
"""Replaces the marked sections of docs/performance.md by the tables of a results file: MAML's workloads (W1 …), and those that
are called by an algorithm's name. A section of which the file has no workload stays.

    bench/table.py [RESULTS.json [DOCUMENT.md]]
"""
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SECTIONS = [("<!-- benchmark: made by bench/table.py -->", "<!-- end of benchmark -->", True),
            ("<!-- algorithms: made by bench/table.py -->", "<!-- end of algorithms -->", False)]


def short(number):
    return f"{number:.3g}" if number < 100 else f"{number:,.0f}"


def size(kib):
    return f"{kib / 1024:,.0f} MiB"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def machine_share(workloads):
    rows = []
    for name, w in workloads.items():
        ours = w["innerloop"]
        floor = w["operations"] / w["peak_gflops"] * 1e-6
        lean = [p["memory_kib"] for p in w["peers"].values() if p["status"] == "timed"]
        rows.append([f"{name}: {w['title']}", f"{w['operations'] * 1e-9:.3g}", short(floor),
                     short(ours["ms"]), f"{100 * floor / ours['ms']:.0f} %",
                     f"{ours['two_threads_gain']:.2f}", size(ours["memory_kib"]),
                     size(min(lean)) if lean else "–"])
    return table(["workload", "GFLOP", "floor, ms", "innerloop, ms", "share", "two threads over one",
                  "memory", "leanest peer"], rows)


def cell(peer):
    if peer is None:
        return "–"
    if peer["status"] != "timed":
        return peer["status"].split(":")[0]
    return f"{short(peer['ratio'])}× ({short(peer['ms'])} ms, {peer['best']})"


def against(workloads):
    names = list(dict.fromkeys(p for w in workloads.values() for p in w["peers"]))
    return table(["peer"] + list(workloads),
                 [[n] + [cell(w["peers"].get(n)) for w in workloads.values()] for n in names])


def alone(peer, ours):
    """In one process, of 1 or 2 threads: from the choice of the best setting, before the turns."""
    if peer is None or peer["status"] != "timed":
        return "–"
    found = [(v["ms"], k) for k, v in peer["settings"].items() if not k.startswith("2p") and "ms" in v]
    if not found:
        return "–"
    ms, setting = min(found)
    return f"{short(ms / ours['ms'])}× ({short(ms)} ms, {setting})"


def in_one_process(workloads):
    names = list(dict.fromkeys(p for w in workloads.values() for p in w["peers"]))
    return table(["peer"] + list(workloads),
                 [[n] + [alone(w["peers"].get(n), w["innerloop"]) for w in workloads.values()] for n in names])


def columns(make, workloads):
    """A table of W1 … W8, and one of the other workloads."""
    parts = [{n: w for n, w in workloads.items() if (n[0] == "W") == numbered} for numbered in (True, False)]
    return [make(part) for part in parts if part]


def compiling(workloads):
    """The first meta-step of compiled peers is mostly compiling; from a cache it is short."""
    rows = []
    for name, w in workloads.items():
        row = [name, short(w["innerloop"]["build_ms"]) + " ms"]
        for peer in ("JAX", "JAX hand-rewritten", "torch.compile"):
            settings = w["peers"].get(peer, {}).get("settings", {})
            first = [s["first_step_seconds"] for s in settings.values()]
            row.append(short(max(first)) + " s" if first else "–")
        rows.append(row)
    return table(["workload", "innerloop: data, graph, plan", "JAX", "JAX hand-rewritten",
                  "torch.compile"], rows)


def section(results):
    m = results["machine"]
    done = {n: w for n, w in results["workloads"].items() if "innerloop" in w}
    peaks = [w["peak_gflops"] for w in done.values()]
    commits = {}
    for n, w in done.items():
        commits.setdefault(w["commit"], []).append(n)
    commits = "; ".join(f"commit {c}" + (f" ({', '.join(n)})" if len(commits) > 1 else "")
                        for c, n in commits.items())
    parts = [
        f"{m['cpu']}, {m['cores']} cores, {m['date']}, {commits}; measured peak of all cores "
        f"{min(peaks):.0f}–{max(peaks):.0f} GFLOP/s. The floor is the real operations at that peak; what is "
        "compared, and how, stands in [bench/README.md](../bench/README.md).",
        machine_share(done),
        "How many times as long a peer takes as innerloop, median of alternating turns; in brackets its "
        "time and its best setting (1 or 2 threads, or two pinned processes: 2p):",
        *columns(against, done),
        "The same in one process, as these libraries are run where nobody shards the meta-batch by hand (shorter "
        "measurements, from the choice among 1 and 2 threads):",
        *columns(in_one_process, done),
        "Before the first meta-step (peers: first step with compiling, read from their caches where they "
        "keep one and had run before):",
        compiling(done)]
    loose = [f"{n} {w['tolerance']:.0e}" for n, w in done.items() if w["tolerance"] > 1e-3]
    if loose:
        parts.append("Meta-gradients agree within 1e-3, except where float32 does not determine them so far "
                     f"(bench/reference.py): {', '.join(loose)}.")
    start = results["start_up"].get("first_step_ms")
    if start and "W3" in done:
        parts.append(f"From process start to the end of the first meta-step and its checkpoint, W3 with an "
                     f"imported dataset: {start:.0f} ms.")
    reasons = [f"- {n}, {peer}: {p['status'].removeprefix('–: ')}" for n, w in done.items()
               for peer, p in w["peers"].items() if p["status"] != "timed"]
    reasons += [f"- {n}: {w['status']}" for n, w in results["workloads"].items() if n not in done]
    if reasons:
        parts.append("Not timed:\n\n" + "\n".join(reasons))
    return "\n\n".join(parts)


def replace(document, begin, end, text):
    """Puts a text between two lines of a document."""
    old = document.read_text()
    before, found, rest = old.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"{document}: the lines {begin} and {end} are missing")
    document.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def main():
    given = sys.argv[1:]
    results = json.loads(pathlib.Path(given[0] if given else ROOT / "build-bench/results.json").read_text())
    document = pathlib.Path(given[1]) if len(given) > 1 else ROOT / "docs/performance.md"
    for begin, end, maml in SECTIONS:
        own = {n: w for n, w in results["workloads"].items() if (n[0] == "W" and n[1].isdigit()) == maml}
        if own:
            replace(document, begin, end, section({**results, "workloads": own}))


if __name__ == "__main__":
    main()
