"""JAX: one jitted meta-step with Adam. Variant "CONV-LOOP": own or patches, and map or vmap over tasks."""
import os
import pathlib

import jax
import jax.numpy as jnp

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


class Peer:
    channels_first = False

    def __init__(self, w, weights, threads, variant):
        conv, loop = variant.split("-")
        conv = nets.own_conv if conv == "own" else nets.patches_conv
        self.threads = threads
        self.p = nets.from_torch(weights)
        self.m = jax.tree.map(jnp.zeros_like, self.p)
        self.v = jax.tree.map(jnp.zeros_like, self.p)
        self.steps = 0

        def adapt(fast, x, y):
            for _ in range(w.steps):
                g = jax.grad(lambda p: nets.loss(w, nets.forward(w, conv, p, x), y))(fast)
                if w.first_order:
                    g = jax.lax.stop_gradient(g)
                fast = jax.tree.map(lambda a, b: a - w.inner_lr * b, fast, g)
            return fast

        def task_loss(p, task):
            sx, sy, qx, qy = task
            return nets.loss(w, nets.forward(w, conv, adapt(p, sx, sy), qx), qy)

        def meta_step(step, p, m, v, tasks):
            if loop == "vmap":
                each = jax.vmap(task_loss, (None, 0))
                g = jax.grad(lambda q: each(q, tasks).mean())(p)
            else:  # the gradient inside the loop: nothing of a task is kept for the next
                g = jax.lax.map(lambda task: jax.grad(task_loss)(p, task), tasks)
                g = jax.tree.map(lambda a: a.mean(0), g)
            return adam(step, p, g, m, v)

        def predict(p, tasks):
            def one(task):
                sx, sy, qx, _ = task
                return nets.forward(w, conv, adapt(p, sx, sy), qx)
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
        return {k: v / (1 - BETA1) for k, v in nets.to_torch(self.m).items()}
