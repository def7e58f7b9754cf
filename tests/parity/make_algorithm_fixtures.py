#!/usr/bin/env python3
"""Writes fixtures/*.safetensors of algorithms beside MAML with plain SGD, computed by JAX in float64.

    pip install jax numpy && python3 make_algorithm_fixtures.py [name ...]

Like make_fixtures.py, whose nets it uses: channels first, PyTorch's names and layouts, no code shared
with innerloop. Every file is one algorithm on one net:

  anil, boil                   net_conv   the last linear layer adapts; all but the last linear layer adapt
  momentum, nesterov           net_mlp    MAML; buffer = momentum·buffer + g, then w -= inner_lr·buffer or,
                                          Nesterov, w -= inner_lr·(g + momentum·buffer); no dampening
  adam, adam_beta1_0           net_mlp    MAML; PyTorch's Adam: bias correction with t = 1, 2, ..., eps outside
                                          the root, moments zero at the start of every task
  learned_momentum, ..._adamw, ..._rmsprop   net_mlp   MAML; rate, weight decay, clipping and the optimizer's numbers are
                                          meta-parameters: inner.lr and inner.l2 as they are,
                                          inner.clip.log and the like their logarithm, inner.momentum.logit and the like their logit
  meta_sgd_1step, ..._2steps   net_conv   w -= alpha∘g with learned alpha (some below zero)
  protonet                     net_conv without its last linear layer
  reptile_sgd, reptile_adam    net_conv   theta - phi after steps on mini-batches of the support set

In each mlp file some units are dead for a task: weights whose inner gradient is exactly 0 in every step.
There the root of the second moment has the derivative 0, so their meta-gradient is finite.

Tensors of a file (float64; labels and order int32):
  parameter.<name>             every meta-parameter; Meta-SGD's alphas are called inner.lr.<parameter>
  support_x, support_y         [tasks, n, h, w, c] or [tasks, n, inputs]; [tasks, n] or [tasks, n, outputs].
  query_x, query_y             Labels of protonet and reptile are not sorted. Reptile has no query set.
  order                        Reptile alone, [tasks, steps, batch]: the support examples of each mini-batch
  norm<i>.running_mean, norm<i>.running_var   protonet alone: the moments of its variant "running"
  <variant>.loss               [1], the mean over the tasks of the mean query loss
  <variant>.gradient.<name>    its gradient by every meta-parameter
Variants:
  second.query, first.query    derivatives through the inner gradients or not; the query set is normalised by
  second.support, ...          its own moments, or by the support set's under the adapted weights (which are
                               differentiated in first order too). The mlp has no norm layer.
  query, support, each, joint, running   protonet: the query set is normalised by its own moments; by the
                               support set's; every support and query example by its own alone; support and
                               query set as one batch; both by the given running moments. In "query" and
                               "support" the support set is normalised by its own.
  pseudo                       Reptile: loss is that of the whole support set under phi, with its own
                               moments; gradient is theta - phi, mean over the tasks. A mini-batch is
                               normalised by its own moments.
Variances are biased, the norm layers' eps is 1e-5. Metadata, as text: inner_steps, inner_lr ("learned" for
Meta-SGD), optimizer, adapts, and where they are meant momentum, nesterov, beta1, beta2, eps, ways, batch.

What is checked each time a file is written, or it is not written:
  - every gradient of every variant by central differences, along one random direction per meta-parameter;
    in first order those of the loss with the inner gradients held at their values;
  - the mlp files have dead weights, not the same for all tasks, and no other inner gradient is so small
    that float32 could not tell its sign;
  - Reptile's inner gradients by central differences at each iterate, and theta - phi from them once more
    by the update rule written in NumPy; Adam's first step, which is but the sign of the gradient, and the
    roots after it are far enough from 0 for float32 to agree.
"""
import os
import sys

os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")  # compiling is what takes time

import jax
import jax.numpy as jnp
import numpy as np

from make_fixtures import (as_channels_first, conv_parameters, cross_entropy, features_conv, given_tensors,
                           image_tasks, mlp_parameters, net_conv, net_mlp, sinusoid_tasks, squared_error, write)

HEAD = ("linear1.weight", "linear1.bias")
RATE = "inner.lr."
SMALLEST_GRADIENT = 5e-4
MLP_SEED = 681  # of 3000, the one whose smallest inner gradient that is not 0 is largest
REPTILE_SEED = 39  # likewise of 81, for Adam's roots
SMALLEST_ROOT = 3e-5


# ---- inner optimizers: (rate, weight, gradient, slots, t from 1) -> weight, slots; slots start at zero ----

def sgd(rate, w, g, slots, t):
    return w - rate * g, slots


def momentum(mu, nesterov):
    def update(rate, w, g, slots, t):
        buffer = mu * slots[0] + g
        return w - rate * (g + mu * buffer if nesterov else buffer), (buffer, slots[1])
    return update


def safe_root(v):
    positive = v > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, v, 1)), 0)


def adam(beta1, beta2, eps):
    def update(rate, w, g, slots, t):
        m = beta1 * slots[0] + (1 - beta1) * g
        v = beta2 * slots[1] + (1 - beta2) * g * g
        root = safe_root(v) / (1 - beta2**t) ** 0.5
        return w - rate / (1 - beta1**t) * m / (root + eps), (m, v)
    return update


def number(p, name):
    """A learned number of the inner loop, 0 where there is none."""
    if name + ".logit" in p:
        return 1 / (1 + jnp.exp(-p[name + ".logit"]))
    return jnp.exp(p[name + ".log"]) if name + ".log" in p else p.get(name, 0.0)


def changed(p, fast, g):
    """The gradient after learned weight decay and clipping; all entries together are as long as they may be."""
    if "inner.l2" in p:
        g = {k: v + p["inner.l2"] * fast[k] for k, v in g.items()}
    if "inner.clip.log" in p:
        length = safe_root(sum((v**2).sum() for v in g.values()))
        g = {k: v * jnp.minimum(1, number(p, "inner.clip") / length) for k, v in g.items()}
    return g


def learned_momentum(p):
    return momentum(number(p, "inner.momentum"), True)


def learned_adamw(p):
    inner, share = adam(*(number(p, "inner." + k) for k in ("beta1", "beta2", "eps"))), number(p, "inner.weight_decay")

    def update(rate, w, g, slots, t):
        return inner(rate, w - rate * share * w, g, slots, t)
    return update


def learned_rmsprop(p):
    alpha, eps, initial = (number(p, "inner." + k) for k in ("alpha", "eps", "initial"))

    def update(rate, w, g, slots, t):
        square = alpha * slots[0] + (1 - alpha) * g * g
        return w - rate * g / (safe_root(square + initial * alpha**t) + eps), (square, slots[1])
    return update


LEARNED = {learned_momentum, learned_adamw, learned_rmsprop}


def adapt(p, steps, lr, optimizer, adapts, support_loss, first, given):
    """support_loss(w, step). given: the inner gradients of each step to take, or None. Returns the adapted
    weights, with those that do not adapt, and the inner gradients. lr None: the learned rates of p, of each weight or of all.
    optimizer: as above, or a function of p that gives one."""
    fast = {k: v for k, v in p.items() if adapts(k) and not k.startswith("inner.")}
    if optimizer in LEARNED:
        optimizer = optimizer(p)
    slots = {k: (jnp.zeros_like(v), jnp.zeros_like(v)) for k, v in fast.items()}
    gradients = []
    for step in range(steps):
        if given is None:
            g = jax.grad(lambda w: support_loss({**p, **w}, step))(fast)
        else:
            g = given[step]
        if first:
            g = jax.lax.stop_gradient(g)
        gradients.append(g)
        g = changed(p, fast, g)
        for k in fast:
            rate = lr if lr is not None else p[RATE + k] if RATE + k in p else p["inner.lr"]
            fast[k], slots[k] = optimizer(rate, fast[k], g[k], slots[k], step + 1)
    return {**p, **fast}, gradients


# ---- checks ----

def directions(p, seed=1):
    rng = np.random.default_rng(seed)
    for k, v in p.items():
        d = rng.normal(size=v.shape)
        yield k, d / np.linalg.norm(d)


def check_gradient(what, loss, p, gradient, h=1e-6):
    """loss(p) is a number; every tensor of the gradient along a direction of its own."""
    for k, d in directions(p):
        found = float(np.sum(np.asarray(gradient[k]) * d))
        expected = (float(loss({**p, k: p[k] + h * d})) - float(loss({**p, k: p[k] - h * d}))) / (2 * h)
        if not abs(found - expected) <= 2e-8 + 1e-6 * abs(expected):
            raise SystemExit(f"{what}: the gradient by {k} is {found}, by differences {expected}")


def check_dead_weights(name, gradients):
    """gradients: for each step those of [tasks, ...]."""
    rows = np.stack([np.concatenate([np.asarray(v).reshape(len(v), -1) for v in g.values()], 1)
                     for g in gradients])
    dead = (rows == 0).all(0)
    smallest = np.abs(rows[rows != 0]).min()
    print(f"  {name}: dead weights of each task {dead.sum(1)}, of every task {dead.all(0).sum()}, "
          f"smallest other inner gradient {smallest:.1e}")
    if not (dead.any() and (dead.any(0) & ~dead.all(0)).any() and smallest > SMALLEST_GRADIENT):
        raise SystemExit(f"{name}: choose another seed")


# ---- files ----

def record(tensors, name, variant, mean_loss, p, first=False):
    """mean_loss(p, given) -> mean loss, inner gradients; given as in adapt, with an axis of tasks."""
    p = {k: jnp.array(v) for k, v in p.items()}
    (value, inner), gradient = jax.jit(jax.value_and_grad(lambda w: mean_loss(w, None), has_aux=True))(p)
    held = inner if first else None
    check_gradient(f"{name}, {variant}", jax.jit(lambda w: mean_loss(w, held)[0]), p, gradient)
    tensors[variant + ".loss"] = np.array([float(value)])
    for k in p:
        tensors[f"{variant}.gradient.{k}"] = np.asarray(gradient[k])
    print(f"  {name}, {variant}: loss {float(value):.6f}, checked", flush=True)
    return inner


def gradient_case(name, p, tasks, net, loss, steps, lr, variants, metadata, optimizer=sgd,
                  adapts=lambda k: True):
    tensors, arrays = given_tensors(p, tasks), as_channels_first(tasks)
    for variant in variants:
        order, statistics = variant.split(".")

        def task_loss(w, given, sx, sy, qx, qy):
            fast, inner = adapt(w, steps, lr, optimizer, adapts, lambda v, _: loss(net(v, sx, None)[0], sy),
                                order == "first", given)
            moments = net(fast, sx, None)[1] if statistics == "support" else None
            return loss(net(fast, qx, moments)[0], qy), inner

        def mean_loss(w, given):
            over = (None, None if given is None else 0, 0, 0, 0, 0)
            losses, inner = jax.vmap(task_loss, over)(w, given, *arrays)
            return losses.mean(), inner

        inner = record(tensors, name, variant, mean_loss, p, order == "first")
    if net is net_mlp:
        check_dead_weights(name, inner)
    write(name, tensors, {"inner_steps": steps, "inner_lr": "learned" if lr is None else lr, **metadata})


def anil_and_boil(names):
    for name, adapts, said in (("anil", lambda k: k in HEAD, "linear1.*"),
                               ("boil", lambda k: k not in HEAD, "all but linear1.*")):
        rng = np.random.default_rng(11)
        if name in names:
            gradient_case(name, conv_parameters(rng, 8, 1, 8, 5), image_tasks(rng, 3, 5, 1, 2, 14, 1), net_conv,
                          cross_entropy, 2, 0.1,
                          ["second.query", "first.query", "second.support", "first.support"],
                          {"optimizer": "sgd", "adapts": said}, adapts=adapts)


def inner_optimizers(names):
    moments = {"beta2": 0.999, "eps": 1e-8}
    cases = (
        ("momentum", 0.02, momentum(0.9, False), {"optimizer": "sgd", "momentum": 0.9, "nesterov": 0}),
        ("nesterov", 0.02, momentum(0.9, True), {"optimizer": "sgd", "momentum": 0.9, "nesterov": 1}),
        ("adam", 0.05, adam(0.9, 0.999, 1e-8), {"optimizer": "adam", "beta1": 0.9, **moments}),
        ("adam_beta1_0", 0.05, adam(0.0, 0.999, 1e-8), {"optimizer": "adam", "beta1": 0, **moments}))
    for name, lr, optimizer, metadata in cases:
        rng = np.random.default_rng(MLP_SEED)
        if name in names:
            gradient_case(name, mlp_parameters(rng, 10), sinusoid_tasks(rng, 3), net_mlp, squared_error, 3, lr,
                          ["second.query", "first.query"], {**metadata, "adapts": "all"}, optimizer)


def logit(x):
    return np.array(np.log(x / (1 - x)))


def learned_numbers(names):
    cases = (("learned_momentum", learned_momentum, {"inner.momentum.logit": logit(0.8), "inner.lr": np.array(0.02),
                                                     "inner.l2": np.array(0.03), "inner.clip.log": np.array(np.log(3.0))}),
             ("learned_adamw", learned_adamw,
              {"inner.lr": np.array(0.05), "inner.beta1.logit": logit(0.7), "inner.beta2.logit": logit(0.95),
               "inner.eps.logit": logit(1e-3), "inner.weight_decay.log": np.array(np.log(0.1))}),
             ("learned_rmsprop", learned_rmsprop,
              {"inner.lr": np.array(0.02), "inner.alpha.logit": logit(0.6), "inner.eps.logit": logit(1e-3),
               "inner.initial.log": np.array(np.log(0.5))}))
    for name, optimizer, numbers in cases:
        rng = np.random.default_rng(MLP_SEED)
        if name in names:
            words = [k.split(".")[1] for k in numbers]  # clip: where it starts, as what is learned stands in its place
            gradient_case(name, {**mlp_parameters(rng, 10), **numbers}, sinusoid_tasks(rng, 3), net_mlp, squared_error, 3,
                          None, ["second.query", "first.query"], {"adapts": "all", "learned": ",".join(words), "clip": 1 if "clip" in words else 0}, optimizer)


def meta_sgd(names):
    for name, steps in (("meta_sgd_1step", 1), ("meta_sgd_2steps", 2)):
        rng = np.random.default_rng(13)
        if name in names:
            p = conv_parameters(rng, 8, 1, 8, 5)
            p.update({RATE + k: rng.uniform(-0.05, 0.4, v.shape) for k, v in p.items()})
            gradient_case(name, p, image_tasks(rng, 3, 5, 1, 2, 14, 1), net_conv, cross_entropy, steps, None,
                          ["second.query", "first.query", "second.support", "first.support"],
                          {"optimizer": "sgd", "adapts": "all"})


def shuffled(rng, tasks):
    """The examples of each set of each task in an order of its own."""
    out = []
    for x, y in (tasks[:2], tasks[2:]):
        at = np.stack([rng.permutation(y.shape[1]) for _ in y])
        out += [np.stack([a[i] for a, i in zip(t, at)]) for t in (x, y)]
    return out


def protonet(names):
    name, ways = "protonet", 5
    if name not in names:
        return
    rng = np.random.default_rng(17)
    p = {k: v for k, v in conv_parameters(rng, 8, 1, 8, ways).items() if k not in HEAD}
    for i in "12":
        p[f"norm{i}.weight"] *= 3  # so that prototypes are apart
    tasks = shuffled(rng, image_tasks(rng, 3, ways, 2, 2, 14, 1))
    tasks[2] = 0.2 + 1.5 * tasks[2]  # so that the moments of support and query set are
    running = [(rng.normal(0, 0.3, 8), rng.uniform(0.3, 1.5, 8)) for _ in range(2)]

    def features(w, sx, qx, statistics):
        if statistics == "joint":
            both = features_conv(w, jnp.concatenate([sx, qx]), None)[0]
            return both[: len(sx)], both[len(sx):]
        if statistics == "each":
            one = jax.vmap(lambda x: features_conv(w, x[None], None)[0][0])
            return one(sx), one(qx)
        if statistics == "running":
            return features_conv(w, sx, running)[0], features_conv(w, qx, running)[0]
        support, seen = features_conv(w, sx, None)
        return support, features_conv(w, qx, seen if statistics == "support" else None)[0]

    def task_loss(w, statistics, sx, sy, qx, qy):
        support, query = features(w, sx, qx, statistics)
        prototypes = jnp.stack([jnp.where((sy == c)[:, None], support, 0).sum(0) / (sy == c).sum()
                                for c in range(ways)])
        return cross_entropy(-((query[:, None] - prototypes[None]) ** 2).sum(2), qy)

    tensors, arrays = given_tensors(p, tasks), as_channels_first(tasks)
    for i, (mean, variance) in enumerate(running, 1):
        tensors[f"norm{i}.running_mean"], tensors[f"norm{i}.running_var"] = mean, variance
    for variant in ("query", "support", "each", "joint", "running"):
        record(tensors, name, variant,
               lambda w, _: (jax.vmap(lambda *t: task_loss(w, variant, *t))(*arrays).mean(), None), p)
    write(name, tensors, {"inner_steps": 0, "inner_lr": 0, "ways": ways, "adapts": "none"})


def reptile_again(name, p, task, order, lr, metadata, support_loss):
    """phi of one task in NumPy, its gradients checked by central differences at each iterate."""
    gradient = jax.jit(jax.grad(support_loss))
    loss = jax.jit(support_loss)
    v = {k: np.zeros_like(w) for k, w in p.items()}
    for t, batch in enumerate(order, 1):
        x, y = (a[batch] for a in task)
        g = {k: np.asarray(w) for k, w in gradient(p, x, y).items()}
        check_gradient(f"{name}, step {t}", lambda w: loss(w, x, y), p, g)
        for k in p:
            step = g[k]
            if metadata["optimizer"] == "adam":
                v[k] += (1 - metadata["beta2"]) * (g[k] ** 2 - v[k])
                step = g[k] / (np.sqrt(v[k] / (1 - metadata["beta2"] ** t)) + metadata["eps"])
            p = {**p, k: p[k] - lr * step}
    return p


def check_roots(name, metadata, gradients):
    squares = [sum(np.asarray(g[k]) ** 2 for g in gradients[:t]) / t
               for t in range(1, len(gradients) + 1) for k in gradients[0]]
    smallest = min(np.sqrt(v[v > 0].min()) for v in squares)
    print(f"  {name}: smallest root mean square of the inner gradients so far {smallest:.1e}", flush=True)
    if metadata["optimizer"] == "adam" and not smallest > SMALLEST_ROOT:
        raise SystemExit(f"{name}: choose another seed")


def reptile(names):
    steps, batch = 5, 6
    cases = (("reptile_sgd", 0.1, sgd, {"optimizer": "sgd"}),
             ("reptile_adam", 0.02, adam(0.0, 0.999, 1e-8),
              {"optimizer": "adam", "beta1": 0, "beta2": 0.999, "eps": 1e-8}))
    for name, lr, optimizer, metadata in cases:
        if name not in names:
            continue
        rng = np.random.default_rng(REPTILE_SEED)
        p = conv_parameters(rng, 8, 1, 8, 5)
        tasks = shuffled(rng, image_tasks(rng, 3, 5, 3, 1, 14, 1))[:2]
        count = tasks[1].shape[1]
        order = np.array([[rng.permutation(count)[:batch] for _ in range(steps)] for _ in range(3)], np.int32)
        arrays = as_channels_first(tasks)

        def support_loss(w, x, y):
            return cross_entropy(net_conv(w, x, None)[0], y)

        def pseudo(x, y, at):
            phi, inner = adapt(p, steps, lr, optimizer, lambda k: True,
                               lambda w, s: support_loss(w, x[at[s]], y[at[s]]), True, None)
            return support_loss(phi, x, y), {k: p[k] - phi[k] for k in p}, inner

        losses, away, inner = jax.jit(jax.vmap(pseudo))(*arrays, order)
        check_roots(name, metadata, inner)
        for i in range(3):
            phi = reptile_again(name, p, [a[i] for a in arrays], order[i], lr, metadata, support_loss)
            for k in p:
                if not np.abs(p[k] - phi[k] - away[k][i]).max() <= 1e-10:
                    raise SystemExit(f"{name}: task {i}, {k}: theta - phi differs when made again")
        tensors = {**given_tensors(p, tasks), "order": order, "pseudo.loss": np.array([float(losses.mean())])}
        for k in p:
            tensors[f"pseudo.gradient.{k}"] = np.asarray(away[k].mean(0))
        write(name, tensors,
              {"inner_steps": steps, "inner_lr": lr, "batch": batch, "adapts": "all", **metadata})


ALL = ("anil", "boil", "momentum", "nesterov", "adam", "adam_beta1_0", "learned_momentum", "learned_adamw",
       "learned_rmsprop", "meta_sgd_1step", "meta_sgd_2steps", "protonet", "reptile_sgd", "reptile_adam")


def main():
    names = sys.argv[1:] or ALL
    for name in names:
        if name not in ALL:
            raise SystemExit(f"no fixture is called {name}; there are {', '.join(ALL)}")
    for make in (anil_and_boil, inner_optimizers, learned_numbers, meta_sgd, protonet, reptile):
        make(names)


if __name__ == "__main__":
    main()
