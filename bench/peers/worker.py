"""One process of one peer: meta-steps on request.

    worker.py PEER --workload W3 --weights FILE --tasks FILE --batch 16 --threads 1 [--result FILE]

First makes one meta-step on the tasks of the file. With --result it writes what that step found: the
meta-gradient, read from the outer optimizer (so it is the timed code that is checked), or for an
evaluation the query loss after adapting. Prints "ready" with the seconds of that first step, then answers
each line "N TASKS THREADS" of standard input with one JSON line about N meta-steps of TASKS tasks.
"""
import argparse
import importlib
import json
import os
import pathlib
import sys
import time

ap = argparse.ArgumentParser()
ap.add_argument("peer")
ap.add_argument("--workload", required=True)
ap.add_argument("--weights", required=True)
ap.add_argument("--tasks", required=True)
ap.add_argument("--batch", type=int, required=True)
ap.add_argument("--threads", type=int, required=True)
ap.add_argument("--result")
options = ap.parse_args()
# Before numpy, PyTorch or JAX is imported: their thread pools read this once.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = str(options.threads)
if options.threads == 1:
    os.environ["XLA_FLAGS"] = ("--xla_cpu_multi_thread_eigen=false "
                               "intra_op_parallelism_threads=1")

import numpy as np  # noqa: E402

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent))
import tensors  # noqa: E402
import workloads  # noqa: E402

KINDS = {"F32": np.float32, "I32": np.int32, "U8": np.uint8}
CLASSES, EXAMPLES = 300, 20


def arrays(path):
    """What is learned beside the net is called "meta/NAME" in a file."""
    return {name.removeprefix("meta/"): np.frombuffer(data, KINDS[kind]).reshape(shape).copy()
            for name, (kind, shape, data) in tensors.read(path).items()}


class Episodes:
    """Draws batches of tasks from a stored array of images (random bytes: pixels do not change the work),
    or sinusoids from their parameters."""

    def __init__(self, workload, channels_first):
        self.w = workload
        self.random = np.random.default_rng(1)
        self.first = channels_first
        self.signals = self.draw_signals() if workload.net == "tanh_mlp" else None
        if not workload.regression and not self.signals:
            shape = (CLASSES, EXAMPLES) + workload.image
            images = self.random.integers(0, 256, shape, np.uint8)
            self.images = self.layout(images)
        self.labels = [np.repeat(np.arange(workload.ways, dtype=np.int32), n)
                       for n in (workload.shots, workload.queries)]

    def layout(self, images):
        return np.ascontiguousarray(np.moveaxis(images, -1, -3)) if self.first else images

    def sinusoids(self, tasks):
        r, n = self.random, self.w.shots + self.w.queries
        amplitude = r.uniform(0.1, 5, (tasks, 1, 1)).astype(np.float32)
        phase = r.uniform(0, np.pi, (tasks, 1, 1)).astype(np.float32)
        x = r.uniform(-5, 5, (tasks, n, 1)).astype(np.float32)
        y = amplitude * np.sin(x - phase)
        k = self.w.shots
        return x[:, :k], y[:, :k], x[:, k:], y[:, k:]

    def draw_signals(self):
        """One training set, the same in all meta-steps, in mini-batches in its order, begun anew at its end."""
        w = self.w
        x = self.random.standard_normal((w.support, *w.image), np.float32)
        y = self.random.integers(0, w.ways, w.support, np.int32)
        rows = np.arange(w.steps * w.inner_batch).reshape(w.steps, -1) % w.support
        return x[rows], y[rows], x[:w.query], y[:w.query]

    def draw(self, tasks):
        """(support_x, support_y, query_x, query_y), each [tasks, examples, …]."""
        w = self.w
        if w.regression:
            return self.sinusoids(tasks)
        if self.signals:
            return [np.repeat(a[None], tasks, 0) for a in self.signals]
        n = w.shots + w.queries
        classes = self.random.random((tasks, CLASSES)).argpartition(w.ways)[:, :w.ways]
        examples = self.random.random((tasks, w.ways, EXAMPLES)).argpartition(n - 1)[:, :, :n]
        x = self.images[classes[:, :, None], examples].astype(np.float32) * np.float32(1 / 255)
        image = x.shape[3:]
        support = x[:, :, :w.shots].reshape((tasks, w.support) + image)
        query = x[:, :, w.shots:].reshape((tasks, w.query) + image)
        labels = np.tile(self.labels[0], (tasks, 1))
        if w.inner_batch:
            support, labels = self.mini_batches(support, labels)
        return support, labels, query, np.tile(self.labels[1], (tasks, 1))

    def mini_batches(self, x, y):
        """[tasks, steps, examples, …]: the support set in an order of its own, once through it."""
        order = self.random.random(y.shape).argsort(1)
        shape = (len(y), self.w.steps, self.w.inner_batch)
        return [np.take_along_axis(a, order.reshape(order.shape + (1,) * (a.ndim - 2)), 1).reshape(shape + a.shape[2:])
                for a in (x, y)]

    def given(self, path):
        w, t, out = self.w, arrays(path), []
        for key in ("support_x", "support_y", "query_x", "query_y"):
            a = t[key][:options.batch]
            if a.dtype == np.uint8:
                a = self.layout(a).astype(np.float32) * np.float32(1 / 255)
            if w.inner_batch and key.startswith("support"):  # each step on all examples of the file
                a = np.repeat(a[:, None], w.steps, 1)
            out.append(a)
        return tuple(out)


def peak_resident():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1])


def query_loss(scores, labels):
    scores = scores - scores.max(-1, keepdims=True)
    log = scores - np.log(np.exp(scores).sum(-1, keepdims=True))
    return -np.take_along_axis(log, labels[..., None], -1).mean()


def say(**facts):
    print(json.dumps(facts), flush=True)


def main():
    w = workloads.find(options.workload)
    name, _, variant = options.peer.partition(":")
    sys.path.insert(0, str(here))
    module = importlib.import_module(name)
    peer = module.Peer(w, arrays(options.weights), options.threads, variant)
    episodes = Episodes(w, peer.channels_first)
    tasks = episodes.given(options.tasks)
    start = time.perf_counter()
    scores = peer.evaluate(tasks) if w.evaluate else peer.step(tasks)
    peer.wait()
    first = time.perf_counter() - start
    if options.result:
        found = peer.gradient() if not w.evaluate else {"loss": np.array(
            [scores if isinstance(scores, float) else query_loss(np.asarray(scores), tasks[3])])}
        tensors.write(options.result, {k: ("F32", v.shape, v.astype(np.float32).tobytes())
                                       for k, v in found.items()})
    say(ready=True, first_step_seconds=first, memory=peak_resident())
    run = peer.evaluate if w.evaluate else peer.step
    for line in sys.stdin:
        steps, batch, threads = map(int, line.split())
        peer.use(threads)
        start, used = time.perf_counter(), time.process_time()
        for _ in range(steps):
            run(episodes.draw(batch))
        peer.wait()
        say(seconds=time.perf_counter() - start, processor=time.process_time() - used, memory=peak_resident())


main()
