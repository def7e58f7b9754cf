#!/usr/bin/env python3
"""Writes fixtures/*.safetensors: meta-gradients of small MAML problems, computed by JAX in float64.

An independent implementation, channels first as in PyTorch, that shares no code with innerloop.
    pip install jax numpy && python3 make_fixtures.py
A file holds the parameters (PyTorch's names and layouts), the data of every task (images as
[task, n, h, w, c]), and for each variant "second.query", "first.query", "second.support", ... the mean
query loss and the mean meta-gradient over the tasks.
"""
import json
import pathlib
import struct

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)
EPS = 1e-5
FOLDER = pathlib.Path(__file__).parent / "fixtures"


def write(name, tensors, metadata):
    kinds = {np.dtype("float64"): "F64", np.dtype("int32"): "I32"}
    header, data = {"__metadata__": {k: str(v) for k, v in metadata.items()}}, b""
    for key, value in tensors.items():
        value = np.ascontiguousarray(value)
        end = len(data) + value.nbytes
        header[key] = {"dtype": kinds[value.dtype], "shape": list(value.shape),
                       "data_offsets": [len(data), end]}
        data += value.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)


def conv(x, w, stride):
    return jax.lax.conv_general_dilated(x, w, (stride, stride), ((1, 1), (1, 1)),
                                        dimension_numbers=("NCHW", "OIHW", "NCHW"))


def norm(p, key, x, given, seen):
    """given: list of (mean, variance) to use, or None; seen: receives those of x."""
    axes = tuple(a for a in range(x.ndim) if a != 1)
    mean, variance = jnp.mean(x, axes), jnp.var(x, axes)
    seen.append((mean, variance))
    if given is not None:
        mean, variance = given[len(seen) - 1]
    shape = (1, -1) + (1,) * (x.ndim - 2)
    x = (x - mean.reshape(shape)) / jnp.sqrt(variance.reshape(shape) + EPS)
    return x * p[key + ".weight"].reshape(shape) + p[key + ".bias"].reshape(shape)


def max_pool(x):
    n, c, h, w = x.shape
    x = x[:, :, : h // 2 * 2, : w // 2 * 2].reshape(n, c, h // 2, 2, w // 2, 2)
    return x.max((3, 5))


def net_mlp(p, x, given):
    x = jax.nn.relu(x @ p["linear1.weight"].T + p["linear1.bias"])
    x = jax.nn.relu(x @ p["linear2.weight"].T + p["linear2.bias"])
    return x @ p["linear3.weight"].T + p["linear3.bias"], []


def features_conv(p, x, given):
    seen = []
    for i in ("1", "2"):
        x = conv(x, p[f"conv{i}.weight"], 2)
        x = jax.nn.relu(norm(p, "norm" + i, x, given, seen))
    return x.mean((2, 3)), seen


def net_conv(p, x, given):
    x, seen = features_conv(p, x, given)
    return x @ p["linear1.weight"].T + p["linear1.bias"], seen


def net_pool(p, x, given):
    seen = []
    for i in ("1", "2"):
        x = conv(x, p[f"conv{i}.weight"], 1)
        x = max_pool(jax.nn.relu(norm(p, "norm" + i, x, given, seen)))
    return x.reshape(x.shape[0], -1) @ p["linear1.weight"].T + p["linear1.bias"], seen


def squared_error(y, target):
    return jnp.mean((y - target) ** 2)


def cross_entropy(y, labels):
    return -jnp.mean(jax.nn.log_softmax(y)[jnp.arange(len(labels)), labels])


def task_loss(p, task, net, loss, steps, lr, first, statistics):
    sx, sy, qx, qy = task
    fast = p
    for _ in range(steps):
        g = jax.grad(lambda w: loss(net(w, sx, None)[0], sy))(fast)
        if first:
            g = jax.lax.stop_gradient(g)
        fast = {k: fast[k] - lr * g[k] for k in fast}
    given = net(fast, sx, None)[1] if statistics == "support" else None
    return loss(net(fast, qx, given)[0], qy)


def given_tensors(p, tasks):
    keys = ("support_x", "support_y", "query_x", "query_y")
    return {**{"parameter." + k: v for k, v in p.items()}, **dict(zip(keys, tasks))}


def as_channels_first(tasks):
    return [t if t.ndim < 5 else t.transpose(0, 1, 4, 2, 3) for t in tasks]


def case(name, p, tasks, net, loss, steps, lr, variants):
    """tasks: (support_x, support_y, query_x, query_y), images channels last."""
    tensors, channels_first = given_tensors(p, tasks), as_channels_first(tasks)
    for variant in variants:
        order, statistics = variant.split(".")

        def mean_loss(w):
            losses = [task_loss(w, [t[i] for t in channels_first], net, loss, steps, lr,
                                order == "first", statistics) for i in range(len(tasks[0]))]
            return sum(losses) / len(losses)

        value, gradient = jax.jit(jax.value_and_grad(mean_loss))({k: jnp.array(v) for k, v in p.items()})
        tensors[variant + ".loss"] = np.array([float(value)])
        for k in p:
            tensors[f"{variant}.gradient.{k}"] = np.asarray(gradient[k])
    write(name, tensors, {"inner_steps": steps, "inner_lr": lr})


def conv_parameters(rng, filters, channels, features, ways):
    p, inputs = {}, channels
    for i in ("1", "2"):
        p[f"conv{i}.weight"] = rng.normal(0, (2 / (9 * inputs)) ** 0.5, (filters, inputs, 3, 3))
        p[f"norm{i}.weight"] = rng.uniform(0.7, 1.3, filters)
        p[f"norm{i}.bias"] = rng.normal(0, 0.2, filters)
        inputs = filters
    p["linear1.weight"] = rng.normal(0, 1 / features**0.5, (ways, features))
    p["linear1.bias"] = rng.normal(0, 0.1, ways)
    return p


def image_tasks(rng, tasks, ways, shots, queries, size, channels):
    prototypes = rng.uniform(0, 1, (tasks, ways, size, size, channels))
    out = []
    for n in (shots, queries):
        x = np.repeat(prototypes, n, 1) + rng.normal(0, 0.3, (tasks, ways * n, size, size, channels))
        y = np.tile(np.repeat(np.arange(ways), n), (tasks, 1)).astype(np.int32)
        out += [x, y]
    return out


def mlp_parameters(rng, units):
    p = {}
    for i, (o, n) in enumerate(((units, 1), (units, units), (1, units)), 1):
        p[f"linear{i}.weight"] = rng.normal(0, 1 / n**0.5, (o, n))
        p[f"linear{i}.bias"] = rng.normal(0, 0.5, o)
    return p


def sinusoid_tasks(rng, tasks):
    amplitude, phase = rng.uniform(0.1, 5, (tasks, 1, 1)), rng.uniform(0, np.pi, (tasks, 1, 1))
    x = rng.uniform(-5, 5, (tasks, 20, 1))
    y = amplitude * np.sin(x - phase)
    return [x[:, :10], y[:, :10], x[:, 10:], y[:, 10:]]


def main():
    rng = np.random.default_rng(7)
    case("mlp", mlp_parameters(rng, 40), sinusoid_tasks(rng, 4), net_mlp, squared_error, 5, 0.01,
         ["second.query", "first.query"])
    case("conv", conv_parameters(rng, 8, 1, 8, 5), image_tasks(rng, 3, 5, 1, 2, 14, 1), net_conv,
         cross_entropy, 1, 0.4,
         ["second.query", "first.query", "second.support", "first.support"])
    case("pool", conv_parameters(rng, 8, 2, 72, 3), image_tasks(rng, 2, 3, 2, 2, 14, 2), net_pool,
         cross_entropy, 2, 0.1, ["second.query", "first.query", "second.support"])


if __name__ == "__main__":
    main()
