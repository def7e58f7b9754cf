"""What innerloop computes from given weights and tasks, and how far a peer's answer is from it."""
import array
import json
import math
import random
import time

import tensors

AGREES = 1e-3
CANDIDATES, PATIENCE = 24, 20  # tasks, seconds
NUDGE = 2e-6  # more than rounding does in float32
STEADY = 3e-4


def _task(w, seed):
    """One task: name -> (type, shape, bytes)."""
    r, out = random.Random(seed), {}
    if w.regression:
        amplitude, phase = r.uniform(0.1, 5), r.uniform(0, math.pi)
        for name, n in (("support", w.support), ("query", w.query)):
            x = [r.uniform(-5, 5) for _ in range(n)]
            y = [amplitude * math.sin(v - phase) for v in x]
            for key, values in (("x", x), ("y", y)):
                out[f"{name}_{key}"] = ("F32", [n, 1], array.array("f", values).tobytes())
        return out
    if w.net == "tanh_mlp":
        middle = [[r.gauss(0, 1) for _ in range(w.image[0])] for _ in range(w.ways)]
        for name, per_class in (("support", w.inner_support // w.ways), ("query", w.queries)):
            labels = [c for c in range(w.ways) for _ in range(per_class)]
            values = [r.gauss(m, 1) for c in labels for m in middle[c]]
            out[name + "_x"] = ("F32", [len(labels), *w.image], array.array("f", values).tobytes())
            out[name + "_y"] = ("I32", [len(labels)], array.array("i", labels).tobytes())
        return out
    side, _, channels = w.image
    pattern = [_pattern(r, side, channels) for _ in range(w.ways)]
    for name, per_class in (("support", w.inner_support // w.ways), ("query", w.queries)):
        labels = [c for c in range(w.ways) for _ in range(per_class)]
        images = bytearray()
        for c in labels:  # each image of a class: its pattern, with noise
            noise = r.randbytes(len(pattern[c]))
            images += bytes((3 * p + n) // 4 for p, n in zip(pattern[c], noise))
        out[name + "_x"] = ("U8", [len(labels), *w.image], bytes(images))
        out[name + "_y"] = ("I32", [len(labels)], array.array("i", labels).tobytes())
    return out


def _pattern(r, side, channels):
    """Squares of two pixels, a third of them lit."""
    rows = bytearray()
    for _ in range(side // 2):
        row = b"".join(r.randbytes(channels) * 2 if r.random() < 0.3 else bytes(2 * channels)
                       for _ in range(side // 2))
        rows += row * 2
    return bytes(rows)


def _stack(tasks):
    return {key: (kind, [len(tasks), *shape], b"".join(t[key][2] for t in tasks))
            for key, (kind, shape, _) in tasks[0].items()}


def _floats(path):
    return {k.removeprefix("meta/"): array.array("d" if kind == "F64" else "f", data)
            for k, (kind, _, data) in tensors.read(path).items()}


def _distance(theirs, ours):
    """‖theirs − ours‖ / ‖ours‖ over all weights."""
    error = sum((a - b) ** 2 for k, v in ours.items() for a, b in zip(theirs[k], v))
    return math.sqrt(error / sum(b * b for v in ours.values() for b in v))


class Reference:
    """innerloop: runs a command of the program and gives its output."""

    def __init__(self, w, folder, settings, innerloop):
        self.w, self.innerloop, self.settings = w, innerloop, list(settings)
        if w.evaluate:  # adapting alone has no meta-gradient; its loss is that of first order
            self.settings += ["--set", f"inner.steps={w.steps}", "--set", "inner.first_order=true"]
        folder.mkdir(parents=True, exist_ok=True)
        self.weights, self.tasks, self.nudged, self.found, self.result = (
            folder / f for f in ("weights", "tasks", "nudged", "gradient", "peer"))
        innerloop("init", w.preset, *self.settings, "--out", self.weights)
        self._nudge()
        self._choose_tasks()
        self.loss, self.gradient = self._compute(self.weights)
        if w.algorithm == "protonet":  # one gradient of 360 pictures: what float32 leaves open is more than a nudge
            exact = self._compute(self.weights, "--float64")[1]
            self.tolerance = max(self.tolerance, 3 * _distance(self.gradient, exact))

    def _compute(self, weights, *settings):
        if self.w.algorithm == "mamlpp" and not settings:
            return self._every_step(weights)
        answer = self.innerloop("grad", self.w.preset, *self.settings, *settings, "--weights", weights, "--tasks",
                                self.tasks, "--out", self.found, "--json")
        found = _floats(self.found)
        if self.w.algorithm == "hyper":  # zeros stand for what the outer loop does not move
            found = {"inner.lr": found["inner.lr"]}
        return json.loads(answer)["loss"], found

    def _every_step(self, weights):
        """What MAML++ learns from at first: the mean of what follows from the losses after each step."""
        each = [self._compute(weights, "--set", f"inner.steps={k + 1}") for k in range(self.w.steps)]
        gradients = [g for _, g in each]
        return (sum(loss for loss, _ in each) / len(each),
                {k: [sum(v) / len(each) for v in zip(*(g[k] for g in gradients))] for k in gradients[0]})

    def _nudge(self):
        r, out = random.Random(2), {}
        for k, (kind, shape, data) in tensors.read(self.weights).items():
            values = array.array("f", [v * (1 + r.choice((-NUDGE, NUDGE)))
                                       for v in array.array("f", data)])
            out[k] = (kind, shape, values.tobytes())
        tensors.write(self.nudged, out)

    def _choose_tasks(self):
        """Two tasks, repeated. Where a change of the weights as small as rounding changes the gradient
        (a relu or a maximum on its edge, magnified by inner steps), rounding would be compared, not
        programs: such tasks are passed over. Where all are like that (millions of activations always hold
        some on an edge), peers may differ by three times what the nudge does."""
        tried, start = [], time.monotonic()
        for seed in range(CANDIDATES):
            task = _task(self.w, seed)
            tensors.write(self.tasks, _stack([task]))
            _, ours = self._compute(self.weights)
            _, nudged = self._compute(self.nudged)
            tried.append((_distance(nudged, ours), seed, task))
            if sum(t[0] < STEADY for t in tried) == 2:
                break
            if len(tried) > 2 and time.monotonic() - start > PATIENCE:
                break
        chosen = sorted(tried)[:2]
        self.nudge = max(t[0] for t in chosen)
        self.tolerance = max(AGREES, 3 * self.nudge)
        steady = [t[2] for t in chosen]
        count = (self.w.batch + 1) // 2
        tensors.write(self.tasks, _stack([steady[i % 2] for i in range(count)]))

    def difference(self):
        """Relative error of what a peer wrote."""
        theirs = _floats(self.result)
        if self.w.evaluate:
            return abs(theirs["loss"][0] - self.loss) / abs(self.loss)
        return _distance(theirs, self.gradient)
