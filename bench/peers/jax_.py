"""JAX: one jitted meta-step with Adam. Variant "CONV-LOOP[-STEPS]": own or patches, map or vmap over tasks, and inner steps
written out, or by lax.scan: "scan", or "checkpoint" where the inside of a step is computed again for the derivative."""
import os
import pathlib

import jax
import jax.numpy as jnp

import algorithms
import nets_jax as nets

BETA1, BETA2, LR, EPS = 0.9, 0.999, 1e-3, 1e-8
cache = os.environ.get("INNERLOOP_BENCH_CACHE")
if cache:
    pathlib.Path(cache).mkdir(exist_ok=True)
    jax.config.update("jax_compilation_cache_dir", cache)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)


def adam(step, p, g, m, v):
    m = jax.tree.map(lambda a, b: BETA1 * a + (1 - BETA1) * b, m, g)
    v = jax.tree.map(lambda a, b: BETA2 * a + (1 - BETA2) * b * b, v, g)
    rate = LR / (1 - BETA1 ** step)
    scale = 1 / (1 - BETA2 ** step)
    p = jax.tree.map(lambda a, b, c: a - rate * b / (jnp.sqrt(c * scale) + EPS), p, m, v)
    return p, m, v


class Kit:
    """JAX for algorithms.py."""

    def __init__(self, w, conv, steps):
        self.w, self.conv, self.steps = w, conv, steps

    def features(self, p, x):
        return nets.features(self.w, self.conv, p, x)

    def head(self, p, x):
        return nets.head(self.w, p, x)

    def scores(self, p, x):
        return self.head(p, self.features(p, x))

    def loss(self, scores, target):
        return nets.loss(self.w, scores, target)

    def grad(self, f, again):
        return jax.grad(f) if again else lambda p: jax.lax.stop_gradient(jax.grad(f)(p))

    def curvature(self, f, p):
        return jax.linearize(jax.grad(f), p)[1]

    def held(self, p):
        return p

    def repeat(self, step, p, count):
        if self.steps:
            once = jax.checkpoint(step) if self.steps == "checkpoint" else step
            return jax.lax.scan(lambda now, _: (once(now), None), p, None, count)[0]
        for _ in range(count):
            p = step(p)
        return p

    def scan(self, step, p, xs):
        once = jax.checkpoint(step) if self.steps == "checkpoint" else step
        return jax.lax.scan(lambda now, x: (once(now, *x), None), p, xs)[0]

    value_and_grad = staticmethod(jax.value_and_grad)

    def joined(self, a, b):
        return jnp.concatenate((a, b))

    def mean(self, x, ways):
        return x.reshape(ways, -1, x.shape[1]).mean(1)

    def distances(self, a, b):
        return ((a[:, None] - b) ** 2).sum(2)

    root = staticmethod(jnp.sqrt)


class Peer:
    channels_first = False

    def __init__(self, w, weights, threads, variant):
        conv, loop, steps = (variant.split("-") + [None])[:3]
        kit = Kit(w, nets.own_conv if conv == "own" else nets.patches_conv, steps)
        self.w, self.threads = w, threads
        start = nets.from_torch(weights)
        self.p = algorithms.learned(w, start)
        fixed = {n: v for n, v in start.items() if n not in self.p}
        self.m = jax.tree.map(jnp.zeros_like, self.p)
        self.v = jax.tree.map(jnp.zeros_like, self.p)
        self.steps = 0

        def task_loss(p, task):
            return algorithms.task_loss(w, kit, {**fixed, **p}, *task)

        def direction(p, task):
            if w.algorithm in algorithms.PSEUDO:
                return algorithms.PSEUDO[w.algorithm](w, kit, p, *task)
            return jax.grad(task_loss)(p, task)

        def meta_gradient(p, tasks):
            if loop == "map":  # the gradient inside the loop: nothing of a task is kept for the next
                each = jax.lax.map(lambda task: direction(p, task), tasks)
            elif w.algorithm in algorithms.PSEUDO:
                each = jax.vmap(direction, (None, 0))(p, tasks)
            else:
                return jax.grad(lambda q: jax.vmap(task_loss, (None, 0))(q, tasks).mean())(p)
            return jax.tree.map(lambda a: a.mean(0), each)

        def meta_step(step, p, m, v, tasks):
            g = meta_gradient(p, tasks)
            if w.outer == "sgd":
                return jax.tree.map(lambda a, b: a - w.outer_lr * b, p, g), g, v
            return adam(step, p, g, m, v)

        def predict(p, tasks):
            def one(task):
                sx, sy, qx, _ = task
                return kit.scores(algorithms.adapt(w, kit, p, sx, sy), qx)
            return jax.vmap(one)(tasks) if loop == "vmap" else jax.lax.map(one, tasks)

        self.meta_step = jax.jit(meta_step, donate_argnums=(1, 2, 3))
        self.predict = jax.jit(predict)
        self.last = None

    def use(self, threads):
        assert threads == self.threads  # XLA's pool is made once

    def step(self, tasks):
        self.steps += 1
        self.p, self.m, self.v = self.meta_step(float(self.steps), self.p, self.m, self.v, tasks)
        self.last = self.p

    def evaluate(self, tasks):
        self.last = self.predict(self.p, tasks)
        return self.last

    def wait(self):
        jax.block_until_ready(self.last)

    def gradient(self):
        found = nets.to_torch(self.m)
        return found if self.w.outer == "sgd" else {k: v / (1 - BETA1) for k, v in found.items()}
