"""What bench/run and bench/python_loop.py share: the peers, where programs are, how they are started."""
import datetime
import json
import os
import pathlib
import platform
import subprocess

import reference
import sides

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build-bench"
PYTHON = BUILD / "venv/bin/python"
INNERLOOP = BUILD / "build/innerloop"
METASTEP = BUILD / "build/bench/bench_metastep"
PEAK = BUILD / "build/bench/bench_peak"
LOGS = BUILD / "logs"

# name -> (package that it needs, worker, variants). A variant is another way to run the same code over
# tasks; the best counts.
PEERS = {
    "PyTorch eager": ("torch", "eager", [""]),
    "torch.func": ("torch", "torch_func", [""]),
    "torch.compile": ("torch", "torch_func", ["compile"]),
    "learn2learn": ("learn2learn", "learn2learn_", [""]),
    "higher": ("higher", "higher_", [""]),
    "TorchOpt": ("torchopt", "torchopt_", [""]),
    "parallel-metalearn": ("metalearn", "parallel_metalearn_", ["vmap", "vmap8", "sequential"]),
    "JAX": ("jax", "jax_", ["own-map", "own-vmap"]),
    "JAX hand-rewritten": ("jax", "jax_", ["patches-map", "patches-vmap"]),
}

# (peer, algorithm) -> why it has no row.
CANNOT = {
    ("learn2learn", "mamlpp"): "has an example with nets of its own, no algorithm",
    ("learn2learn", "imaml"): "has none",
    ("learn2learn", "reptile"): "its example is PyTorch's own steps",
    ("higher", "protonet"): "has no inner loop, PyTorch alone",
    ("higher", "imaml"): "has none",
    ("higher", "reptile"): "nothing is differentiated through, PyTorch alone",
    ("TorchOpt", "protonet"): "has no inner loop, PyTorch alone",
    ("TorchOpt", "meta_sgd"): "its rates are numbers",
    ("TorchOpt", "mamlpp"): "its rates are numbers",
    ("TorchOpt", "reptile"): "nothing is differentiated through, PyTorch alone",
    ("TorchOpt", "hyper"): "its rates are numbers",
    ("parallel-metalearn", "hyper"): "has no loss along the steps",
    ("parallel-metalearn", "protonet"): "normalises support and query set apart",
    ("parallel-metalearn", "meta_sgd"): "its learned rates are one per tensor",
    ("parallel-metalearn", "mamlpp"): "the learned values of its norm layers adapt",
    ("parallel-metalearn", "imaml"): "has none",
    ("parallel-metalearn", "reptile"): "its steps see the whole support set",
}


def variants(peer, w):
    """Of a peer on a workload: hundreds of steps are a scan in JAX, with or without what its derivative would keep."""
    found = PEERS[peer][2]
    if w.steps > 100 and peer.startswith("JAX"):
        return [v + s for v in found if v.endswith("-map") for s in ("-checkpoint", "-scan")]
    return found


def settings(w, data=None):
    out = list(w.settings)
    if not w.regression and w.image == (28, 28, 1):
        out += ([f"task.data={data}"] if data else
                ["task.source=glyphs", "task.train_classes=300", "task.validation_classes=20"])
    return [x for s in out for x in ("--set", s)]


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        raise sides.Failure(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout


def peak(threads):
    return json.loads(run(PEAK, threads, 0.2))["gflops"]


def reference_of(w, data=None):
    return reference.Reference(w, BUILD / "check" / w.name, settings(w, data),
                               lambda *words: run(INNERLOOP, *words))


def worker(w, ref, name, script, batch, threads, core=None, result=False, env=None):
    """A process of a peer (peers/worker.py); `script` is its file there, and a variant after a colon."""
    env = dict(os.environ, INNERLOOP_BENCH_CACHE=str(BUILD / "jax-cache"),
               TORCHINDUCTOR_CACHE_DIR=str(BUILD / "inductor-cache"), TF_CPP_MIN_LOG_LEVEL="3", **(env or {}))
    command = [PYTHON, ROOT / "bench/peers/worker.py", script, "--workload", w.name, "--weights", ref.weights,
               "--tasks", ref.tasks, "--batch", str(batch), "--threads", str(threads)]
    if result:
        command += ["--result", ref.result]
    return sides.Process(command, LOGS / f"{w.name}-{name.replace(' ', '-')}.log", core, env)


def our_side(w, data, threads, limit):
    """innerloop's own meta-steps (metastep.c), and what it said when it was ready."""
    command = [METASTEP, w.preset, *settings(w, data), "--threads", str(threads)]
    if w.evaluate:
        command += ["--evaluate", str(w.steps)]
    side = sides.Side([sides.Process(command, LOGS / f"{w.name}-innerloop.log")], [w.batch], threads, limit)
    return side, side.ready()[0]


def installed(package):
    if not PYTHON.exists():
        return "bench/setup.sh has not been run"
    done = subprocess.run([PYTHON, "-c", f"import {package}"], capture_output=True, text=True)
    return None if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def machine():
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo")
                if line.startswith("model name")), platform.machine())
    return {"cpu": cpu, "cores": len(os.sched_getaffinity(0)), "system": platform.platform(),
            "date": datetime.date.today().isoformat()}


def commit():
    return subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True,
                          text=True).stdout.strip()
