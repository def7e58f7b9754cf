"""il.check on JAX: right meta-gradients agree, planted faults are named, with and without jit."""

from __future__ import annotations

import os
from typing import Any

import innerloop_meta as il
import numpy as np
import pytest

jax: Any = pytest.importorskip("jax", reason="there is no JAX")
jnp = jax.numpy
LR = 0.4


def tasks(seed: int = 0, count: int = 3) -> Any:
    """3 classes of 6 features: support of 2 each, query of 3 each."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(count, 3, 1, 6))
    sx = (centres + 0.3 * random.normal(size=(count, 3, 2, 6))).reshape(count, 6, 6)
    qx = (centres + 0.3 * random.normal(size=(count, 3, 3, 6))).reshape(count, 9, 6)
    sy, qy = np.tile(np.repeat(np.arange(3), 2), (count, 1)), np.tile(np.repeat(np.arange(3), 3), (count, 1))
    return tuple(jnp.asarray(a, jnp.float32 if a.dtype.kind == "f" else jnp.int32) for a in (sx, sy, qx, qy))


def parameters(seed: int = 0) -> Any:
    random = np.random.default_rng(seed)
    made = {"hidden": {"w": random.normal(size=(6, 8)) / 2, "b": np.zeros(8)}, "norm": {"scale": np.ones(8)},
            "head": {"w": random.normal(size=(8, 3)) / 3, "b": np.zeros(3)}}  # fmt: skip
    return jax.tree_util.tree_map(lambda a: jnp.asarray(a, jnp.float32), made)


def loss(p: Any, x: Any, y: Any, cut: Any = lambda s: s, norm: bool = True) -> Any:
    u = x @ p["hidden"]["w"] + p["hidden"]["b"]
    if norm:
        mean, var = cut(u.mean(0)), cut(u.var(0))
        u = (u - mean) / jnp.sqrt(var + 1e-5) * p["norm"]["scale"]
    scores = jnp.maximum(u, 0) @ p["head"]["w"] + p["head"]["b"]
    return -jax.nn.log_softmax(scores)[jnp.arange(len(y)), y].mean()


def meta_loss(p: Any, batch: Any, inner: Any = lambda d: d, outer: Any = lambda phi: phi, steps: int = 1, cut: Any = lambda s: s,
              summed: bool = False) -> Any:  # fmt: skip
    def one(sx: Any, sy: Any, qx: Any, qy: Any) -> Any:
        phi = p
        for _ in range(steps):
            d = inner(jax.grad(loss)(phi, sx, sy, cut))
            phi = outer(jax.tree_util.tree_map(lambda w, g: w - LR * g, phi, d))
        return loss(phi, qx, qy, cut)

    losses = jax.vmap(one)(*batch)
    return losses.sum() if summed else losses.mean()


@pytest.mark.parametrize("seed", range(8 if os.environ.get("INNERLOOP_EXHAUSTIVE") else 1))
def test_right_maml_agrees(seed: int) -> None:
    f = jax.jit(jax.value_and_grad(lambda p, t: meta_loss(p, t, steps=2)))
    report = il.check(f, parameters(seed), tasks(seed), loss=loss, inner_lr=LR, steps=2)
    assert report.ok and report.precision == "float64" and report.first_order > 1e-3, report
    assert jnp.ones(1).dtype == jnp.float32  # 64 bits are off again


def test_loss_alone_is_differentiated() -> None:
    assert il.check(jax.jit(meta_loss), parameters(), tasks()).ok


@pytest.mark.parametrize("known", [False, True])
def test_second_order_stopped(known: bool) -> None:
    f = jax.jit(jax.value_and_grad(lambda p, t: meta_loss(p, t, inner=lambda d: jax.tree_util.tree_map(jax.lax.stop_gradient, d))))
    report = il.check(f, parameters(), tasks(), **({"loss": loss, "inner_lr": LR} if known else {}))
    assert report.verdict == "second order is missing", report
    assert "test_check_jax.py:" in str(report) and "hidden.w" in report.wrong(), report


def test_inner_step_detached() -> None:
    f = jax.jit(jax.value_and_grad(lambda p, t: meta_loss(p, t, outer=jax.lax.stop_gradient)))
    report = il.check(f, parameters(), tasks())
    assert report.verdict == "inner step detached", report


def test_batch_statistics_detached() -> None:
    f = jax.jit(jax.value_and_grad(lambda p, t: meta_loss(p, t, cut=jax.lax.stop_gradient)))
    report = il.check(f, parameters(), tasks())
    assert report.verdict == "batch statistics detached", report

    def cut_loss(p: Any, x: Any, y: Any) -> Any:
        return loss(p, x, y, jax.lax.stop_gradient)

    report = il.check(f, parameters(), tasks(), loss=cut_loss, inner_lr=LR)
    assert report.verdict == "batch statistics detached" and "hidden" in str(report), report


def test_loss_summed() -> None:
    @jax.jit
    def f(p: Any, t: Any) -> Any:
        return meta_loss(p, t), jax.grad(lambda p: meta_loss(p, t, summed=True))(p)

    report = il.check(f, parameters(), tasks(count=4))
    assert report.verdict == "loss summed" and report.factor == 4, report


def test_dropout_redrawn() -> None:
    state = {"key": jax.random.PRNGKey(0)}
    compiled = jax.jit(jax.value_and_grad(lambda p, t, key: meta_loss(p, (t[0] * jax.random.bernoulli(key, 0.8, t[0].shape), *t[1:]))))

    def noisy(p: Any, t: Any) -> Any:
        state["key"], key = jax.random.split(state["key"])
        return compiled(p, t, key)

    report = il.check(noisy, parameters(), tasks())
    assert report.faults == ["state changes between calls"] and "state.key" in str(report), report
    report = il.check(lambda p, t: compiled(p, t, jax.random.PRNGKey(np.random.randint(1 << 30))), parameters(), tasks())
    assert report.faults == ["random from call to call"], report


def test_other_statistics() -> None:
    f = jax.jit(jax.value_and_grad(lambda p, t: meta_loss(p, t, cut=lambda s: jnp.full_like(s, 0.5))))
    report = il.check(f, parameters(), tasks(), loss=loss, inner_lr=LR)
    assert report.verdict == "another loss" and "statistics" in str(report), report
