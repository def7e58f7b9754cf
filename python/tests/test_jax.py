"""Door 4 from JAX: the loss and its derivative beside the same algorithm in JAX."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from conftest import NO_JAX

pytest.importorskip("jax", reason=NO_JAX)

# In a process of its own: float64 is a setting of the whole process.
BEGIN = """
import os
os.environ["XLA_FLAGS"] = "--xla_backend_optimization_level=0"  # compiled sooner
import conftest
import jax, jax.numpy as jnp, numpy as np, innerloop_meta as il
jax.config.update("jax_enable_x64", True)
net = il.Net([il.layers.conv(4), il.layers.norm(), il.layers.relu(), il.layers.max_pool(), il.layers.linear()], (8, 6, 2), 3)
random = np.random.default_rng(0)

def tasks(dtype="float64"):
    made = [random.normal(size=(4, n, 8, 6, 2)).astype(dtype) for n in (6, 5)]
    return [made[0], random.integers(0, 3, (4, 6)), made[1], random.integers(0, 3, (4, 5))]

def apply(p, x):
    y = jax.lax.conv_general_dilated(x, p["conv1.weight"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    y = y + p["conv1.bias"]
    mean, variance = y.mean((0, 1, 2)), y.var((0, 1, 2))
    y = (y - mean) / jnp.sqrt(variance + 1e-5) * p["norm1.weight"] + p["norm1.bias"]
    y = jax.lax.reduce_window(jax.nn.relu(y), -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return y.reshape(len(y), -1) @ p["linear1.weight"] + p["linear1.bias"]

def loss_of(p, x, y):
    return -jnp.take_along_axis(jax.nn.log_softmax(apply(p, x)), y[:, None], 1).mean()

def reference(p, *data):
    def task(sx, sy, qx, qy):
        phi = p
        for _ in range(2):
            phi = jax.tree_util.tree_map(lambda a, d: a - 0.1 * d, phi, jax.grad(loss_of)(phi, sx, sy))
        return loss_of(phi, qx, qy)
    return jax.vmap(task)(*map(jnp.asarray, data)).mean()

reference = jax.jit(jax.value_and_grad(reference))

def close(a, b, bound):
    largest = max(float(abs(x).max()) for x in jax.tree_util.tree_leaves(b))
    for x, y in zip(jax.tree_util.tree_leaves(a), jax.tree_util.tree_leaves(b)):
        assert x.shape == y.shape and x.dtype == y.dtype
        assert float(abs(x - y).max()) <= bound * largest

def refused(sentence, f, *args):
    try:
        f(*args)
    except Exception as error:
        assert sentence in str(error), error
    else:
        raise AssertionError("was taken: " + sentence)
"""


def run(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", BEGIN + textwrap.dedent(code)], capture_output=True, text=True,
                          cwd=Path(__file__).parent)
    assert done.returncode == 0, done.stderr[-3000:]


def test_gradient_is_jaxs_own() -> None:
    run("""
    f = il.jax_meta_loss(net, il.maml(steps=2, lr=0.1))
    for dtype, bound in (("float64", 1e-9), ("float32", 1e-5)):
        p, data = f.init(3, dtype), tasks(dtype)
        expected, gradient = reference(p, *data)
        for g in (jax.value_and_grad(f), jax.jit(jax.value_and_grad(f))):
            found, d = g(p, *data)
            close(found, expected, bound)
            close(d, gradient, bound)
        close(jax.jit(f)(p, *data), expected, bound)
        scaled = {name: 3 * d for name, d in gradient.items()}
        scaled["linear1.bias"] += 2 * p["linear1.bias"]
        close(jax.grad(lambda p: 3 * f(p, *data) + (p["linear1.bias"] ** 2).sum())(p), scaled, bound)

    # a loop of training, whole under jit
    p, batches = f.init(3, "float64"), [tasks() for _ in range(5)]
    def train(g, p):
        for data in batches:
            p = jax.tree_util.tree_map(lambda a, d: a - 0.5 * d, p, g(p, *data)[1])
        return p
    close(train(jax.jit(jax.value_and_grad(f)), p), train(reference, p), 1e-9)
    stacked = jax.tree_util.tree_map(lambda a: jnp.stack([a, 2 * a]), p)
    found = jax.vmap(lambda p: f(p, *batches[0]))(stacked)
    assert found.shape == (2,) and float(found[0]) == float(f(p, *batches[0])) != float(found[1])
    """)


def test_parameters_are_trees() -> None:
    run("""
    f = il.jax_meta_loss(net, il.maml(steps=2, lr=0.1))
    p, data = f.init(3, "float64"), tasks()
    expected = jax.grad(f)(p, *data)
    nested = {layer: {part: p[layer + "." + part] for part in ("weight", "bias")} for layer in ("conv1", "norm1", "linear1")}
    d = jax.grad(f)(nested, *data)
    close(d["conv1"]["weight"], expected["conv1.weight"], 0)
    names = {"params": {"Dense_0": ["linear1.weight", "linear1.bias"], "Conv_0": ("conv1.weight", "conv1.bias"),
                        "Norm": {"scale": "norm1.weight", "bias": "norm1.bias"}}}
    flax = il.jax_meta_loss(net, il.maml(steps=2, lr=0.1), names=names)
    tree = flax.init(3, "float64")
    close(tree["params"]["Conv_0"][0], p["conv1.weight"], 0)
    close(jax.jit(jax.grad(flax))(tree, *data)["params"]["Dense_0"][1], expected["linear1.bias"], 0)
    state = net.parameters(seed=3, precision="float64")
    assert float(f(state, *data)) == float(f(p, *data))

    rates = il.jax_meta_loss(net, il.meta_sgd(steps=1))
    p = rates.init(1, "float64")
    assert p["inner.lr.conv1.weight"].shape == (3, 3, 2, 4)
    slope = jax.grad(rates)(p, *data)["inner.lr.linear1.bias"][1]
    h = 1e-6
    there, back = ({**p, "inner.lr.linear1.bias": p["inner.lr.linear1.bias"].at[1].add(s)} for s in (h, -h))
    assert abs((rates(there, *data) - rates(back, *data)) / (2 * h) - slope) < 1e-6 * abs(slope) + 1e-10

    features = il.Net([il.layers.conv(4), il.layers.relu()], (8, 6, 2), 0)
    proto = il.jax_meta_loss(features, il.protonet())
    x = np.concatenate([data[0]] * 2, 1)
    y = np.tile(np.arange(3), (4, 4))
    value, d = jax.value_and_grad(proto)(proto.init(1, "float64"), x, y, x, y)
    assert np.isfinite(value) and float(abs(d["conv1.weight"]).max()) > 0
    """)


def test_refusals_are_sentences() -> None:
    run("""
    f = il.jax_meta_loss(net, il.maml(steps=1, lr=0.1))
    p, data = f.init(1, "float64"), tasks()
    refused("parameters: found conv1.weight; expected conv1.weight, conv1.bias,", f, {"conv1.weight": 1.0}, *data)
    refused("linear1.bias has shape (2,), expected (3,)", f, {**p, "linear1.bias": np.zeros(2)}, *data)
    refused("linear1.bias has type float32, expected float32 or float64, the same in all", f,
            {**p, "linear1.bias": np.zeros(3, "float32")}, *data)
    refused("support_x has type float32, expected float64, that of the parameters", f, p, *tasks("float32"))
    refused("query_x has shape (4, 5, 8, 5, 2); expected [tasks, n, 8, 6, 2]", f, p, *data[:2], data[2][:, :, :, 1:], data[3])
    refused("query_y has shape (4, 4) for x of shape (4, 5, 8, 6, 2)", f, p, *data[:3], data[3][:, 1:])
    refused("query_y has type float64, expected whole numbers", f, p, *data[:3], data[3] * 0.5)
    refused("labels from 0 to 3, expected 0 to 2", f, p, data[0], data[1] + 1, *data[2:])
    refused("a derivative by the tasks was asked for", jax.grad(f, 1), p, *data)
    refused("names: found a; expected each of conv1.weight,", lambda: il.jax_meta_loss(net, il.maml(), names=["a"]))
    refused("statistics: found 'running', which moves with training", lambda: il.jax_meta_loss(net, il.maml(), statistics="running"))
    refused("mamlpp changes with the meta-steps", lambda: il.jax_meta_loss(net, il.mamlpp()))
    refused("found str and Algorithm, expected a net and an algorithm", lambda: il.jax_meta_loss("mlp", il.maml()))
    refused("gives features, but maml takes scores", lambda: il.jax_meta_loss(il.Net([il.layers.conv(4)], (8, 6, 2), 0), il.maml()))
    """)
