#!/usr/bin/env python3
"""Writes fixtures/*.safetensors of nets with further layers, as make_fixtures.py does, whose file format and MAML it uses.

    pip install jax numpy && python3 make_layer_fixtures.py [name ...]

  norms        layer norm over whole images, grouped norm, depthwise convolution, instance norm
  task_norm    TaskNorm-I, Bronskill et al. 2020; "support": the queries' task moments are the support set's
  residual     blocks whose other branch is the input, or a 1x1 convolution and norm; grouped and dilated convolutions
  attention    signals: dilated convolution, two heads (PyTorch's in_proj and out_proj), layer norm over each step
  gru          tokens: embedding, two GRUs by PyTorch's equations (lax.scan), the first with all its steps
Not with XLA's --xla_backend_optimization_level=0, under which the loss of residual came out as NaN. Variances are biased. Parameters have PyTorch's names and layouts.
"""
import sys

import jax
import jax.numpy as jnp
import numpy as np

from make_fixtures import EPS, case, cross_entropy, image_tasks, max_pool, norm

ORDERS = ["second.query", "first.query"]


def conv2d(p, key, x, stride=1, pad=1, dilation=1, groups=1):
    def one(x, w):
        return jax.lax.conv_general_dilated(x, w, (stride,) * 2, ((pad, pad),) * 2, rhs_dilation=(dilation,) * 2,
                                            dimension_numbers=("NCHW", "OIHW", "NCHW"))

    parts = zip(jnp.split(x, groups, 1), jnp.split(p[key + ".weight"], groups, 0))
    y = jnp.concatenate([one(a, w) for a, w in parts], 1)
    bias = p.get(key + ".bias")
    return y if bias is None else y + bias.reshape(1, -1, 1, 1)


def affine(p, key, x):
    return x * p[key + ".weight"].reshape(1, -1, 1, 1) + p[key + ".bias"].reshape(1, -1, 1, 1)


def whiten(x, axes):
    return (x - x.mean(axes, keepdims=True)) / jnp.sqrt(x.var(axes, keepdims=True) + EPS)


def group_norm(p, key, x, groups):
    n, c, h, w = x.shape
    return affine(p, key, whiten(x.reshape(n, groups, c // groups, h, w), (2, 3, 4)).reshape(x.shape))


def linear(p, x):
    return x @ p["linear1.weight"].T + p["linear1.bias"]


def net_norms(p, x, given):
    x = jnp.tanh(affine(p, "layer_norm1", whiten(conv2d(p, "conv1", x, stride=2), (1, 2, 3))))
    x = jax.nn.relu(group_norm(p, "group_norm1", conv2d(p, "conv2", x), 4))
    x = jnp.tanh(affine(p, "instance_norm1", whiten(conv2d(p, "conv3", x, stride=2, groups=8), (2, 3))))
    return linear(p, x.mean((2, 3))), []


def task_norm(p, key, x, given, seen):
    mean, variance, n = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True), len(x)
    seen.append((mean, variance, n))
    if given is not None:
        mean, variance, n = given[len(seen) - 1]
    own_mean, own_variance = x.mean((2, 3), keepdims=True), x.var((2, 3), keepdims=True)
    a = jax.nn.sigmoid(p[key + ".scale"] * n + p[key + ".offset"]).reshape(())
    both = a * mean + (1 - a) * own_mean
    spread = a * (variance + (mean - both) ** 2) + (1 - a) * (own_variance + (own_mean - both) ** 2)
    return affine(p, key, (x - both) / jnp.sqrt(spread + EPS))


def net_task_norm(p, x, given):
    seen = []
    for i in ("1", "2"):
        x = jax.nn.relu(task_norm(p, "task_norm" + i, conv2d(p, "conv" + i, x, stride=2), given, seen))
    return linear(p, x.mean((2, 3))), seen


def net_residual(p, x, given):
    seen = []
    x = jax.nn.relu(norm(p, "norm1", conv2d(p, "conv1", x, stride=2), given, seen))
    x = jax.nn.relu(x + jnp.tanh(conv2d(p, "conv2", x, pad=2, dilation=2, groups=2)))
    main = norm(p, "norm2", conv2d(p, "conv3", x), given, seen)
    other = norm(p, "norm3", conv2d(p, "conv4", x, pad=0), given, seen)
    x = max_pool(jax.nn.relu(main + other))
    return linear(p, x.reshape(len(x), -1)), seen


def net_attention(p, x, given):
    """x [n,t,c]."""
    x = jax.lax.conv_general_dilated(x, p["conv1d1.weight"], (1,), ((2, 2),), rhs_dilation=(2,),
                                     dimension_numbers=("NTC", "OIT", "NTC"))
    n, t, c = x.shape
    heads = 2
    qkv = x @ p["attention1.in_proj_weight"].T + p["attention1.in_proj_bias"]
    q, k, v = (a.reshape(n, t, heads, c // heads) for a in jnp.split(qkv, 3, -1))
    weights = jax.nn.softmax(jnp.einsum("nthd,nshd->nhts", q, k) / (c // heads) ** 0.5)
    y = jnp.einsum("nhts,nshd->nthd", weights, v).reshape(n, t, c)
    x = x + y @ p["attention1.out_proj.weight"].T + p["attention1.out_proj.bias"]
    x = whiten(x, (2,)) * p["layer_norm1.weight"] + p["layer_norm1.bias"]
    return linear(p, jnp.tanh(x).mean(1)), []


def gru(p, key, x):
    """x [n,t,c]: the state after each step, [n,t,units]."""
    w, u, b, d = (p[f"{key}.{name}_l0"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))

    def step(h, x):
        xr, xz, xn = jnp.split(x @ w.T + b, 3, -1)
        hr, hz, hn = jnp.split(h @ u.T + d, 3, -1)
        r, z = jax.nn.sigmoid(xr + hr), jax.nn.sigmoid(xz + hz)
        h = (1 - z) * jnp.tanh(xn + r * hn) + z * h
        return h, h

    return jax.lax.scan(step, jnp.zeros((len(x), u.shape[1])), x.transpose(1, 0, 2))[1].transpose(1, 0, 2)


def net_gru(p, x, given):
    """x [n,t], whole numbers."""
    x = p["embedding1.weight"][x.astype(int)]
    return linear(p, gru(p, "gru2", gru(p, "gru1", x))[:, -1]), []


def drawn(rng, shapes):
    """Weights by their fan-in; norms about one and zero, the rest about zero."""
    p = {}
    for name, shape in shapes.items():
        if "norm" in name and name.endswith(".weight"):
            p[name] = rng.uniform(0.7, 1.3, shape)
        elif len(shape) > 1:
            p[name] = rng.normal(0, (2 / np.prod(shape[1:])) ** 0.5, shape)
        else:
            p[name] = rng.normal(0, 0.2, shape)
    return p


def norm_of(name, channels):
    return {name + ".weight": (channels,), name + ".bias": (channels,)}


def head(features, ways):
    return {"linear1.weight": (ways, features), "linear1.bias": (ways,)}


def images_and(shapes):
    rng = np.random.default_rng(31)
    tasks = image_tasks(rng, 2, 3, 2, 1, 10, 2)
    return drawn(rng, shapes), tasks


def norms():
    p, tasks = images_and({"conv1.weight": (8, 2, 3, 3), **norm_of("layer_norm1", 8), "conv2.weight": (8, 8, 3, 3),
                           **norm_of("group_norm1", 8), "conv3.weight": (8, 1, 3, 3),
                           **norm_of("instance_norm1", 8), **head(8, 3)})
    case("norms", p, tasks, net_norms, cross_entropy, 2, 0.2, ORDERS)


def blended():
    shapes = {}
    for i, inputs in (("1", 2), ("2", 6)):
        shapes |= {f"conv{i}.weight": (6, inputs, 3, 3), **norm_of("task_norm" + i, 6), f"task_norm{i}.scale": (1,),
                   f"task_norm{i}.offset": (1,)}
    p, tasks = images_and({**shapes, **head(6, 3)})
    case("task_norm", p, tasks, net_task_norm, cross_entropy, 2, 0.2, ORDERS + ["second.support", "first.support"])


def residual():
    p, tasks = images_and({"conv1.weight": (4, 2, 3, 3), **norm_of("norm1", 4), "conv2.weight": (4, 2, 3, 3),
                           "conv2.bias": (4,), "conv3.weight": (6, 4, 3, 3), **norm_of("norm2", 6),
                           "conv4.weight": (6, 4, 1, 1), **norm_of("norm3", 6), **head(24, 3)})
    case("residual", p, tasks, net_residual, cross_entropy, 2, 0.1, ["second.query"])


def attention():
    rng = np.random.default_rng(31)
    tasks = [a[:, :, :, 0, :] if a.ndim == 5 else a for a in image_tasks(rng, 2, 3, 2, 1, 7, 3)]
    p = drawn(rng, {"conv1d1.weight": (8, 3, 3), "attention1.in_proj_weight": (24, 8),
                    "attention1.in_proj_bias": (24,), "attention1.out_proj.weight": (8, 8),
                    "attention1.out_proj.bias": (8,), **norm_of("layer_norm1", 8), **head(8, 3)})
    case("attention", p, tasks, net_attention, cross_entropy, 2, 0.3, ORDERS)


def recurrent():
    rng = np.random.default_rng(31)
    tasks = image_tasks(rng, 2, 3, 2, 1, 1, 6)
    tasks = [np.floor(np.abs(a.reshape(*a.shape[:2], 6)) * 5) % 7 if a.ndim == 5 else a for a in tasks]
    units = {f"gru{i}.{name}_l0": shape for i, c in ((1, 4), (2, 5))
             for name, shape in (("weight_ih", (15, c)), ("weight_hh", (15, 5)), ("bias_ih", (15,)), ("bias_hh", (15,)))}
    p = drawn(rng, {"embedding1.weight": (7, 4), **units, **head(5, 3)})
    case("gru", p, tasks, net_gru, cross_entropy, 2, 0.5, ORDERS)


ALL = {"norms": norms, "task_norm": blended, "residual": residual, "attention": attention, "gru": recurrent}

if __name__ == "__main__":
    for name in sys.argv[1:] or ALL:
        ALL[name]()
