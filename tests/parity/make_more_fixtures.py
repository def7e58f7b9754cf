#!/usr/bin/env python3
"""Writes fixtures/*.safetensors of further algorithms, as make_algorithm_fixtures.py does, whose checks and file format
it uses.

    pip install jax numpy && python3 make_more_fixtures.py [name ...]

  protomaml      net_conv without its last linear layer; the head starts at 2c and -|c|^2 of the support features' means,
                 as a function of the meta-parameters that is differentiated in first order too. In "support" and "query"
                 the support set is normalised by its own moments when means are taken. Labels are not sorted.
  mamlpp         net_conv, 3 inner steps; inner.lr.<parameter> [2] are the rates of each step, step.<norm parameter> [2, 8]
                 the norm parameters after one and two steps; a third step takes the second's. Norm parameters do not
                 adapt. step_weights [3] weigh the query losses after each step; in "last" that after the last counts alone.
  meta_curvature net_conv; curvature.out/in/taps.<weight> are what the matrices differ from the identity by, curvature.
                 <other> likewise factors; the inner gradient is multiplied along outputs, inputs and taps
  imaml_cg       net_conv, all adapts; lambda 2, damping 0.5, three conjugate gradient steps; "pseudo": gradient as the
                 paper has it, loss that of the queries
  imaml_neumann  net_conv, of which conv2, norm2 and linear1 adapt; three terms of Neumann's series. The others'
                 gradient: direct part - d(support gradient . solution)/lambda
  imaml_end      as imaml_cg, but the inner steps descend the support loss alone and one on lambda/2 |phi - theta|^2 follows
  matching, r2d2, metaoptnet, protonet_cosine   net_conv without its last linear layer. Labels are not sorted.
  relation       net_conv that ends in its maps of 4x4 pixels, whose pairs (a class's sum, a query) are joined along the
                 channels; relation.conv1.support and .query [3,3,c,filters] are the two halves of the first convolution.
                 In "query" the second net's norms are those of all pairs, in "support" those of each query's pairs
  baseline, baselinepp   net_conv without its last linear layer; classifier.weight [8, 7] tells seven classes apart, and the
                 loss is that of support and query set together, by their labels
  adamw, rmsprop, adagrad   net_mlp, MAML with these inside, as PyTorch has them
  clipped        net_mlp, MAML with sgd; 0.1*w is added to the inner gradient, which is then shortened to length 2
  hyper_tensor   linear 10, elu(x) + 0.2 f(x) with f a net 1-6-1 with tanh, linear 1. Four steps of RMSProp whose mean square
                 starts at 1, on mini-batches by `order`, with a rate inner.lr.<parameter> for each; the loss is the mean of
                 what the last two steps descend
  hyper_step     the same net, four steps of sgd on the whole support set, inner.lr [3] with a rate for each step, the last of
                 them twice; the loss is that of the queries. The linear layers adapt in both
  cavia_input    net_mlp with 3 context numbers beside its input; context.linear1.bias [contexts, units] are their weights
  cavia_film     net_conv with h*(1 + c.V) + c.U behind its first norm layer; context.norm1.weight is V, context.norm1.bias U
"""
import sys

import jax
import jax.numpy as jnp
import numpy as np

from make_algorithm_fixtures import (HEAD, MLP_SEED, RATE, adam, adapt, gradient_case, record, safe_root, sgd,
                                     shuffled)
from make_fixtures import (as_channels_first, conv, conv_parameters, cross_entropy, features_conv, given_tensors,
                           image_tasks, mlp_parameters, net_mlp, norm, sinusoid_tasks, squared_error, write)

ORDERS = ("second.query", "first.query")
ORDERS_AND_STATISTICS = ORDERS + ("second.support", "first.support")


def case(name, p, tasks, variants, metadata, task_loss):
    """task_loss(p, first, statistics, given, sx, sy, qx, qy) -> loss, inner gradients."""
    tensors, arrays = given_tensors(p, tasks), as_channels_first(tasks)
    for variant in variants:
        order, statistics = variant.split(".")

        def mean_loss(w, given):
            over = (None, None if given is None else 0, 0, 0, 0, 0)
            losses, inner = jax.vmap(lambda w, given, *t: task_loss(w, order == "first", statistics, given, *t),
                                     over)(w, given, *arrays)
            return losses.mean(), inner

        record(tensors, name, variant, mean_loss, p, order == "first")
    write(name, tensors, metadata)


def without_head(p):
    return {k: v for k, v in p.items() if k not in HEAD}


def class_means(f, y, ways):
    return jnp.stack([jnp.where((y == c)[:, None], f, 0).sum(0) / (y == c).sum() for c in range(ways)])


def protomaml(name):
    rng = np.random.default_rng(19)
    steps, lr, ways = 2, 0.05, 5
    p = without_head(conv_parameters(rng, 8, 1, 8, ways))
    tasks = shuffled(rng, image_tasks(rng, 3, ways, 2, 2, 14, 1))

    def task_loss(w, first, statistics, given, sx, sy, qx, qy):
        c = class_means(features_conv(w, sx, None)[0], sy, ways)
        start = {**w, "head.weight": 2 * c, "head.bias": -(c * c).sum(1)}

        def scores(v, x, moments):
            f, seen = features_conv(v, x, moments)
            return f @ v["head.weight"].T + v["head.bias"], seen

        fast, inner = adapt(start, steps, lr, sgd, lambda k: True,
                            lambda v, _: cross_entropy(scores(v, sx, None)[0], sy), first, given)
        moments = scores(fast, sx, None)[1] if statistics == "support" else None
        return cross_entropy(scores(fast, qx, moments)[0], qy), inner

    case(name, p, tasks, ORDERS_AND_STATISTICS, {"inner_steps": steps, "inner_lr": lr, "ways": ways}, task_loss)


def cavia_case(name, p, tasks, net, loss, steps, lr, contexts, variants):
    """net(p, context, x, moments) -> scores, moments."""
    def task_loss(w, first, statistics, given, sx, sy, qx, qy):
        fast, inner = adapt({"context": jnp.zeros(contexts)}, steps, lr, sgd, lambda k: True,
                            lambda v, _: loss(net(w, v["context"], sx, None)[0], sy), first, given)
        moments = net(w, fast["context"], sx, None)[1] if statistics == "support" else None
        return loss(net(w, fast["context"], qx, moments)[0], qy), inner

    case(name, p, tasks, variants, {"inner_steps": steps, "inner_lr": lr, "contexts": contexts}, task_loss)


def cavia_input(name):
    rng = np.random.default_rng(MLP_SEED)
    contexts = 3
    p = mlp_parameters(rng, 10)
    p["context.linear1.bias"] = rng.uniform(-1, 1, (contexts, 10))

    def net(w, context, x, moments):
        whole = jnp.concatenate([w["linear1.weight"], w["context.linear1.bias"].T], 1)
        both = jnp.concatenate([x, jnp.broadcast_to(context, (len(x), contexts))], 1)
        return net_mlp({**w, "linear1.weight": whole}, both, None)

    cavia_case(name, p, sinusoid_tasks(rng, 3), net, squared_error, 2, 0.3, contexts, ORDERS)


def cavia_film(name):
    rng = np.random.default_rng(23)
    contexts = 3
    p = conv_parameters(rng, 8, 1, 8, 5)
    for k in ("bias", "weight"):
        p["context.norm1." + k] = rng.uniform(-0.6, 0.6, (contexts, 8))

    def net(w, context, x, moments):
        seen = []
        for i in ("1", "2"):
            x = norm(w, "norm" + i, conv(x, w[f"conv{i}.weight"], 2), moments, seen)
            if i == "1":
                scale, shift = context @ w["context.norm1.weight"], context @ w["context.norm1.bias"]
                x = x * (1 + scale)[:, None, None] + shift[:, None, None]
            x = jax.nn.relu(x)
        return x.mean((2, 3)) @ w["linear1.weight"].T + w["linear1.bias"], seen

    cavia_case(name, p, image_tasks(rng, 3, 5, 1, 2, 14, 1), net, cross_entropy, 2, 0.5, contexts, ORDERS_AND_STATISTICS)


def mamlpp(name):
    rng = np.random.default_rng(29)
    steps, own = 3, 2
    p = conv_parameters(rng, 8, 1, 8, 5)
    norms = [k for k in p if k.startswith("norm")]
    net_parameters = list(p)
    for k in net_parameters:
        if k in norms:
            p["step." + k] = p[k] + rng.normal(0, 0.2, (own, len(p[k])))
        else:
            p[RATE + k] = rng.uniform(0.05, 0.4, own)
    tasks = image_tasks(rng, 3, 5, 1, 2, 14, 1)
    weights = np.array([0.5, 0.2, 0.3])

    def at(w, fast, k):
        now = {n: w["step." + n][min(k, own) - 1] if k else w[n] for n in norms}
        return {**w, **fast, **now}

    def task_loss(w, variant, sx, sy, qx, qy):
        fast = {k: w[k] for k in net_parameters if k not in norms}
        total = 0
        for k in range(steps):
            g = jax.grad(lambda f: cross_entropy(features_head(at(w, f, k), sx, None)[0], sy))(fast)
            if variant == "first.query":
                g = jax.lax.stop_gradient(g)
            fast = {n: fast[n] - w[RATE + n][min(k, own - 1)] * g[n] for n in fast}
            share = weights[k] if variant != "last.query" else float(k == steps - 1)
            total += share * cross_entropy(features_head(at(w, fast, k + 1), qx, None)[0], qy)
        return total

    tensors, arrays = given_tensors(p, tasks), as_channels_first(tasks)
    tensors["step_weights"] = weights
    for variant in ("second.query", "last.query"):
        record(tensors, name, variant,
               lambda w, _: (jax.vmap(lambda *t: task_loss(w, variant, *t))(*arrays).mean(), None), p)
    write(name, tensors, {"inner_steps": steps, "inner_lr": 0})


def features_head(w, x, moments):
    f, seen = features_conv(w, x, moments)
    return f @ w["linear1.weight"].T + w["linear1.bias"], seen


def meta_curvature(name):
    rng = np.random.default_rng(31)
    steps, lr = 2, 0.1
    p = conv_parameters(rng, 8, 1, 8, 5)
    net_parameters = list(p)
    for k in net_parameters:
        s = p[k].shape
        if len(s) == 1:
            p["curvature." + k] = rng.normal(0, 0.2, s)
            continue
        p["curvature.out." + k] = rng.normal(0, 0.2, (s[0], s[0]))
        p["curvature.in." + k] = rng.normal(0, 0.2, (s[1], s[1]))
        if len(s) == 4:
            p["curvature.taps." + k] = rng.normal(0, 0.2, (9, 9))

    def curved(w, k, g):
        eye = jnp.eye
        if g.ndim == 1:
            return g * (1 + w["curvature." + k])
        out = eye(g.shape[0]) + w["curvature.out." + k]
        into = eye(g.shape[1]) + w["curvature.in." + k]
        if g.ndim == 2:
            return jnp.einsum("ab,cd,bd->ac", out, into, g)
        taps = eye(9) + w["curvature.taps." + k]
        flat = g.reshape(*g.shape[:2], 9)
        return jnp.einsum("ab,cd,ef,bdf->ace", out, into, taps, flat).reshape(g.shape)

    def task_loss(w, first, statistics, given, sx, sy, qx, qy):
        fast = {k: w[k] for k in net_parameters}
        inner = []
        for step in range(steps):
            g = given[step] if given is not None else jax.grad(
                lambda v: cross_entropy(features_head(v, sx, None)[0], sy))(fast)
            if first:
                g = jax.lax.stop_gradient(g)
            inner.append(g)
            fast = {k: fast[k] - lr * curved(w, k, g[k]) for k in fast}
        moments = features_head(fast, sx, None)[1] if statistics == "support" else None
        return cross_entropy(features_head(fast, qx, moments)[0], qy), inner

    case(name, p, image_tasks(rng, 3, 5, 1, 2, 14, 1), ("second.query", "first.support"),
         {"inner_steps": steps, "inner_lr": lr}, task_loss)


def tree(f, *trees):
    return {k: f(*(t[k] for t in trees)) for k in trees[0]}


def dot(a, b):
    return sum(jnp.vdot(a[k], b[k]) for k in a)


def imaml(name, solver, adapts, said, pull="each"):
    rng = np.random.default_rng(37)
    steps, lr, lam, damping, solver_steps = 3, 0.1, 2.0, 0.5, 3
    p = {k: jnp.array(v) for k, v in conv_parameters(rng, 8, 1, 8, 5).items()}
    tasks = image_tasks(rng, 3, 5, 1, 2, 14, 1)

    def one(sx, sy, qx, qy):
        def support(w, rest):
            return cross_entropy(features_head({**rest, **w}, sx, None)[0], sy)

        def query(w, rest):
            return cross_entropy(features_head({**rest, **w}, qx, None)[0], qy)

        theta = {k: v for k, v in p.items() if adapts(k)}
        rest = {k: v for k, v in p.items() if not adapts(k)}
        phi = theta
        for _ in range(steps):
            g = jax.grad(support)(phi, rest)
            phi = tree(lambda w, t, d: w - lr * (d + lam * (w - t) * (pull == "each")), phi, theta, g)
        if pull == "end":
            phi = tree(lambda w, t: w - lr * lam * (w - t), phi, theta)
        v, direct = jax.grad(query, (0, 1))(phi, rest)

        def hvp(q):
            return tree(lambda h: h / (lam + damping), jax.jvp(lambda w: jax.grad(support)(w, rest), (phi,), (q,))[1])

        if solver == "neumann":
            x = term = v
            for _ in range(solver_steps):
                term = tree(jnp.negative, hvp(term))
                x = tree(jnp.add, x, term)
        else:
            x, r = tree(jnp.zeros_like, v), v
            q = r
            for _ in range(solver_steps):
                aq = tree(jnp.add, q, hvp(q))
                length = dot(r, r) / dot(q, aq)
                x = tree(lambda a, b: a + length * b, x, q)
                new = tree(lambda a, b: a - length * b, r, aq)
                q = tree(lambda a, b: a + dot(new, new) / dot(r, r) * b, new, q)
                r = new
        through = jax.grad(lambda rest: dot(jax.grad(support)(phi, rest), x))(rest) if rest else {}
        return query(phi, rest), {**x, **{k: direct[k] - through[k] / (lam + damping) for k in rest}}

    losses, gradient = jax.jit(jax.vmap(one))(*as_channels_first(tasks))
    tensors = {**given_tensors(p, tasks), "pseudo.loss": np.array([float(losses.mean())])}
    for k in p:
        tensors[f"pseudo.gradient.{k}"] = np.asarray(gradient[k].mean(0))
    print(f"  {name}: loss {float(losses.mean()):.6f}", flush=True)
    write(name, {k: np.asarray(v) for k, v in tensors.items()},
          {"inner_steps": steps, "inner_lr": lr, "lambda": lam, "damping": damping, "solver_steps": solver_steps,
           "inner_adapts": said})


def imaml_cg(name):
    imaml(name, "cg", lambda k: True, "*")


def imaml_neumann(name):
    imaml(name, "neumann", lambda k: "conv1" not in k and "norm1" not in k, "conv2*,norm2*,linear1*")


def imaml_end(name):
    imaml(name, "cg", lambda k: True, "*", "end")


def head_case(name, seed, more, score, shots=2):
    """score(p, support features, labels, query features) -> scores."""
    rng = np.random.default_rng(seed)
    p = without_head(conv_parameters(rng, 8, 1, 8, 5))
    p.update(more)
    tasks = shuffled(rng, image_tasks(rng, 3, 5, shots, 2, 14, 1))

    def task_loss(w, first, statistics, given, sx, sy, qx, qy):
        support, seen = features_conv(w, sx, None)
        query = features_conv(w, qx, seen if statistics == "support" else None)[0]
        return cross_entropy(score(w, support, sy, query), qy), jnp.zeros(())

    case(name, p, tasks, ("second.query", "second.support"), {"inner_steps": 0, "inner_lr": 0, "ways": 5}, task_loss)


def cosines(a, b):
    return (a / jnp.linalg.norm(a, axis=1)[:, None]) @ (b / jnp.linalg.norm(b, axis=1)[:, None]).T


def matching(name):
    def score(w, s, y, q):
        attention = jax.nn.softmax(w["scale"] * cosines(q, s))
        return jnp.log(attention @ jax.nn.one_hot(y, 5, dtype=attention.dtype))
    head_case(name, 41, {"scale": np.array(7.0)}, score)


def protonet_cosine(name):
    head_case(name, 43, {"scale": np.array(5.0)}, lambda w, s, y, q: w["scale"] * cosines(q, class_means(s, y, 5)))


def r2d2(name):
    def score(w, s, y, q):
        x, z = (jnp.concatenate([f, jnp.ones((len(f), 1))], 1) for f in (s, q))
        system = x.T @ x + jnp.exp(w["ridge.log_lambda"]) * jnp.eye(9)
        return z @ jnp.linalg.inv(system) @ (x.T @ jax.nn.one_hot(y, 5)) * w["ridge.scale"]
    head_case(name, 47, {"ridge.log_lambda": np.array(-0.7), "ridge.scale": np.array(4.0)}, score, shots=1)


def metaoptnet(name):
    def score(w, s, y, q):
        dual = jnp.linalg.inv(s @ s.T + 0.5 * jnp.eye(len(s))) @ jax.nn.one_hot(y, 5)
        return w["ridge.scale"] * (q @ s.T @ dual)
    head_case(name, 53, {"ridge.scale": np.array(3.0)}, score)


def pretrain_case(name, seed, more, score):
    """score(p, features) -> scores of seven classes, of support and query set."""
    rng = np.random.default_rng(seed)
    p = without_head(conv_parameters(rng, 8, 1, 8, 5))
    p["classifier.weight"] = rng.normal(0, 0.4, (8, 7))
    p.update(more(rng))
    tasks = shuffled(rng, image_tasks(rng, 3, 5, 1, 2, 14, 1))

    def task_loss(w, first, statistics, given, sx, sy, qx, qy):
        support, seen = features_conv(w, sx, None)
        query = features_conv(w, qx, seen if statistics == "support" else None)[0]
        scores = score(w, jnp.concatenate([support, query]))
        return cross_entropy(scores, jnp.concatenate([sy, qy])), jnp.zeros(())

    case(name, p, tasks, ("second.query", "second.support"), {"inner_steps": 0, "inner_lr": 0, "ways": 5}, task_loss)


def baseline(name):
    pretrain_case(name, 61, lambda rng: {"classifier.bias": rng.normal(0, 0.2, 7)},
                  lambda w, f: f @ w["classifier.weight"] + w["classifier.bias"])


def baselinepp(name):
    pretrain_case(name, 67, lambda rng: {"scale": np.array(6.0)},
                  lambda w, f: w["scale"] * cosines(f, w["classifier.weight"].T))


def maps_conv(p, x, given):
    seen = []
    for i in ("1", "2"):
        x = jax.nn.relu(norm(p, "norm" + i, conv(x, p[f"conv{i}.weight"], 2), given, seen))
    return x, seen


def largest_of_four(x):
    """max_pool, whose derivative does not go by equality of numbers that a compiler may round in two ways."""
    return jnp.maximum(jnp.maximum(x[:, :, ::2, ::2], x[:, :, ::2, 1::2]),
                       jnp.maximum(x[:, :, 1::2, ::2], x[:, :, 1::2, 1::2]))


def relation(name):
    rng = np.random.default_rng(59)
    ways, filters, units = 5, 6, 4
    p = without_head(conv_parameters(rng, 8, 1, 8, ways))
    own = {"conv1.support": (3, 3, 8, filters), "conv1.query": (3, 3, 8, filters), "norm1.weight": (filters,),
           "norm1.bias": (filters,), "conv2.weight": (3, 3, filters, filters), "norm2.weight": (filters,),
           "norm2.bias": (filters,), "linear1.weight": (filters, units), "linear1.bias": (units,),
           "linear2.weight": (units, 1), "linear2.bias": (1,)}
    for k, shape in own.items():
        p["relation." + k] = rng.normal(0, 0.4, shape) + (1.0 if k.endswith("weight") and len(shape) == 1 else 0.1)
    tasks = shuffled(rng, image_tasks(rng, 3, ways, 2, 2, 14, 1))

    def pair_norm(w, key, x, queries, each):
        rows = x.reshape(queries, ways, *x.shape[1:])
        axes = (1, 3, 4) if each else (0, 1, 3, 4)
        rows = (rows - rows.mean(axes, keepdims=True)) / jnp.sqrt(rows.var(axes, keepdims=True) + 1e-5)
        shape = (1, 1, -1, 1, 1)
        rows = rows * w[f"relation.{key}.weight"].reshape(shape) + w[f"relation.{key}.bias"].reshape(shape)
        return rows.reshape(x.shape)

    def task_loss(w, first, statistics, given, sx, sy, qx, qy):
        support, seen = maps_conv(w, sx, None)
        each = statistics == "support"
        query = maps_conv(w, qx, seen if each else None)[0]
        sums = jnp.stack([jnp.where((sy == c)[:, None, None, None], support, 0).sum(0) for c in range(ways)])
        n = len(query)
        pairs = jnp.concatenate([jnp.tile(sums, (n, 1, 1, 1)), jnp.repeat(query, ways, 0)], 1)
        halves = [w["relation.conv1." + half].transpose(3, 2, 0, 1) for half in ("support", "query")]
        x = conv(pairs, jnp.concatenate(halves, 1), 1)
        x = largest_of_four(jax.nn.relu(pair_norm(w, "norm1", x, n, each)))
        x = conv(x, w["relation.conv2.weight"].transpose(3, 2, 0, 1), 1)
        x = largest_of_four(jax.nn.relu(pair_norm(w, "norm2", x, n, each))).reshape(n * ways, -1)
        x = jax.nn.relu(x @ w["relation.linear1.weight"] + w["relation.linear1.bias"])
        relations = jax.nn.sigmoid(x @ w["relation.linear2.weight"] + w["relation.linear2.bias"]).reshape(n, ways)
        return squared_error(relations, jax.nn.one_hot(qy, ways)), jnp.zeros(())

    case(name, p, tasks, ("second.query", "second.support"), {"inner_steps": 0, "inner_lr": 0, "ways": ways}, task_loss)


def adamw(decay):
    step = adam(0.9, 0.999, 1e-8)

    def update(rate, w, g, slots, t):
        return step(rate, w - rate * decay * w, g, slots, t)
    return update


def rmsprop(alpha):
    def update(rate, w, g, slots, t):
        v = alpha * slots[0] + (1 - alpha) * g * g
        return w - rate * g / (safe_root(v) + 1e-8), (v, slots[1])
    return update


def adagrad(rate, w, g, slots, t):
    v = slots[0] + g * g
    return w - rate * g / (safe_root(v) + 1e-8), (v, slots[1])


def optimizer_case(name):
    optimizer = {"adamw": adamw(0.1), "rmsprop": rmsprop(0.9), "adagrad": adagrad}[name]
    rng = np.random.default_rng(MLP_SEED)
    gradient_case(name, mlp_parameters(rng, 10), sinusoid_tasks(rng, 3), net_mlp, squared_error, 3, 0.05,
                  ["second.query"], {"optimizer": name}, optimizer)


def clipped(name):
    rng = np.random.default_rng(MLP_SEED)
    steps, lr, l2, most = 2, 0.02, 0.1, 2.0

    def task_loss(w, first, statistics, given, sx, sy, qx, qy):
        fast = w
        for _ in range(steps):
            g = jax.grad(lambda v: squared_error(net_mlp(v, sx, None)[0], sy))(fast)
            g = {k: g[k] + l2 * fast[k] for k in g}
            length = jnp.sqrt(sum((v * v).sum() for v in g.values()))
            fast = {k: fast[k] - lr * g[k] * jnp.minimum(1, most / length) for k in g}
        return squared_error(net_mlp(fast, qx, None)[0], qy), jnp.zeros(())

    case(name, mlp_parameters(rng, 10), sinusoid_tasks(rng, 3), ("second.query",),
         {"inner_steps": steps, "inner_lr": lr, "l2": l2, "clip": most}, task_loss)


def net_learned(p, x):
    h = x @ p["linear1.weight"].T + p["linear1.bias"]
    f = jnp.tanh(h[..., None] * p["activation1.hidden.weight"][:, 0] + p["activation1.hidden.bias"])
    f = f @ p["activation1.out.weight"][0] + p["activation1.out.bias"][0]
    h = jnp.where(h > 0, h, jnp.expm1(jnp.minimum(h, 0))) + 0.2 * f
    return h @ p["linear2.weight"].T + p["linear2.bias"]


def hyper(name):
    rng = np.random.default_rng(41)
    steps, tasks = 4, sinusoid_tasks(rng, 3)
    shapes = {"linear1.weight": (10, 1), "linear1.bias": (10,), "activation1.hidden.weight": (6, 1),
              "activation1.hidden.bias": (6,), "activation1.out.weight": (1, 6), "activation1.out.bias": (1,),
              "linear2.weight": (1, 10), "linear2.bias": (1,)}
    p = {k: rng.normal(0, 0.5, s) for k, s in shapes.items()}
    moving = [k for k in shapes if k.startswith("linear")]
    of_tensors = name == "hyper_tensor"
    if of_tensors:
        p.update({RATE + k: rng.uniform(0.01, 0.05, ()) for k in moving})
    else:
        p["inner.lr"] = rng.uniform(0.01, 0.03, (3,))
    order = np.stack([[rng.permutation(10)[:5] for _ in range(steps)] for _ in range(3)]).astype(np.int32)

    def task_loss(w, sx, sy, qx, qy, order):
        fast, square, losses = {k: w[k] for k in moving}, {k: jnp.ones(shapes[k]) for k in moving}, []
        for step in range(steps):
            x, y = (sx[order[step]], sy[order[step]]) if of_tensors else (sx, sy)
            value, g = jax.value_and_grad(lambda v: squared_error(net_learned({**w, **v}, x), y))(fast)
            losses.append(value)
            for k in moving:
                if of_tensors:
                    square[k] = 0.4 * square[k] + 0.6 * g[k]**2
                    fast[k] = fast[k] - w[RATE + k] * g[k] / (jnp.sqrt(square[k]) + 1e-8)
                else:
                    fast[k] = fast[k] - w["inner.lr"][min(step, 2)] * g[k]
        return (losses[2] + losses[3]) / 2 if of_tensors else squared_error(net_learned({**w, **fast}, qx), qy)

    def mean_loss(w, given):
        return jax.vmap(task_loss, (None, 0, 0, 0, 0, 0))(w, *tasks, order).mean(), None

    tensors = given_tensors(p, tasks)
    if of_tensors:
        tensors["order"] = order
    record(tensors, name, "second.query", mean_loss, p)
    write(name, tensors, {"inner_steps": steps, "inner_lr": 0})


ALL = {f.__name__: f for f in (protomaml, cavia_input, cavia_film, mamlpp, meta_curvature, imaml_cg, imaml_neumann, imaml_end,
                               matching, protonet_cosine, r2d2, metaoptnet, relation, baseline, baselinepp, clipped)}
ALL.update({name: hyper for name in ("hyper_tensor", "hyper_step")})
ALL.update({name: optimizer_case for name in ("adamw", "rmsprop", "adagrad")})


def main():
    names = sys.argv[1:] or list(ALL)
    for name in names:
        if name not in ALL:
            raise SystemExit(f"no fixture is called {name}; there are {', '.join(ALL)}")
        ALL[name](name)


if __name__ == "__main__":
    main()
