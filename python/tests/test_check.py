"""il.check on plain functions of numpy arrays, with faults planted: what numbers alone tell. Needs nothing but numpy."""

from __future__ import annotations

from typing import Any

import innerloop_meta as il
import numpy as np
import pytest

LR, TASKS, SHOTS = 0.3, 4, 7


def tasks(seed: int = 0, real: Any = np.float64) -> Any:
    random = np.random.default_rng(seed)
    sizes = (SHOTS, 3), (SHOTS, 2), (5, 3), (5, 2)
    return tuple(random.normal(size=(TASKS, *size)).astype(real) for size in sizes)


def parameters(seed: int = 0, real: Any = np.float64) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    return {"w": random.normal(size=(3, 2)).astype(real), "b": np.zeros(2, real)}


def loss(p: Any, x: Any, y: Any) -> Any:
    """Mean squared error of tanh(x·w + b)."""
    return float(((np.tanh(x @ p["w"] + p["b"]) - y) ** 2).mean())


def gradient(p: Any, x: Any, y: Any) -> Any:
    t = np.tanh(x @ p["w"] + p["b"])
    d = 2 * (t - y) * (1 - t * t) / t.size
    return {"w": x.T @ d, "b": d.sum(0)}


def maml(p: Any, batch: Any, order: int = 2, lr: float = LR, scale: float = 1.0, wrong: str = "") -> Any:
    """(loss, gradient) of one inner step; the second derivative along the query's gradient by differences."""
    total, sums = 0.0, {name: np.zeros(value.shape) for name, value in p.items()}
    for sx, sy, qx, qy in zip(*batch):
        inner = gradient(p, sx, sy)
        phi = {name: p[name] - lr * inner[name] for name in p}
        total += loss(phi, qx, qy) / TASKS
        d = gradient(phi, qx, qy)
        if order == 2:
            up, down = (gradient({n: p[n] + h * d[n] for n in p}, sx, sy) for h in (1e-5, -1e-5))
            d = {n: d[n] - lr * (up[n] - down[n]) / 2e-5 for n in p}
        for name in p:
            sums[name] += scale * d[name] / TASKS * (2 if name == wrong else 1)
    return total, sums


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_right_gradient_agrees(seed: int, real: Any) -> None:
    given = parameters(seed, real)
    report = il.check(maml, given, tasks(seed, real), seed=seed)
    assert report.ok and report.verdict == "agrees" and report.precision == "float64", report
    assert report.error < 1e-6 and report.directions == 3 and report.loss == pytest.approx(maml(given, tasks(seed))[0], rel=1e-4)
    assert given["w"].dtype == real and (given["w"] == parameters(seed, real)["w"]).all()


def test_figures_of_a_known_loss() -> None:
    report = il.check(maml, parameters(), tasks(), loss=loss, inner_lr=LR)
    assert report.ok and 0.01 < report.first_order < 1, report
    assert "First order would be off by" in str(report)
    report = il.check(lambda p, t: maml(p, t, lr=1e-9), parameters(), tasks(), loss=loss, inner_lr=1e-9)
    assert report.ok and "cannot tell them apart" in str(report), report


def test_first_order_is_named_where_the_loss_is_known() -> None:
    def first(p: Any, t: Any) -> Any:
        return maml(p, t, order=1)

    report = il.check(first, parameters(), tasks(), loss=loss, inner_lr=LR)
    assert report.verdict == "second order is missing" and not report.ok, report
    assert report.error == pytest.approx(report.first_order, rel=0.01)
    assert il.check(first, parameters(), tasks()).verdict == "wrong"


def test_missing_inner_step_is_named() -> None:
    def at_start(p: Any, t: Any) -> Any:
        return maml(p, t)[0], {n: np.mean([gradient(p, *task[2:])[n] for task in zip(*t)], 0) for n in p}

    assert il.check(at_start, parameters(), tasks(), loss=loss, inner_lr=LR).verdict == "inner step detached"
    report = il.check(lambda p, t: maml(p, t, lr=0.0), parameters(), tasks(), loss=loss, inner_lr=LR)
    assert report.verdict == "another loss" and "without any inner step" in str(report), report


def test_zero() -> None:
    report = il.check(lambda p, t: maml(p, t, scale=0), parameters(), tasks())
    assert report.verdict == "zero", report


@pytest.mark.parametrize(("scale", "verdict", "word"), [
    (TASKS, "loss summed", "over the tasks"), (5, "loss summed", "5 examples of a task"), (1 / TASKS, "scaled", "number of tasks"),
    (-1, "scaled", "sign"), (1.37, "scaled", "1.37"),
])  # fmt: skip
def test_scaled(scale: float, verdict: str, word: str) -> None:
    report = il.check(lambda p, t: maml(p, t, scale=scale), parameters(), tasks())
    assert report.verdict == verdict and report.factor == pytest.approx(scale) and word in str(report), report


def test_loss_and_gradient_summed_alike() -> None:
    def summed(p: Any, t: Any) -> Any:
        total, sums = maml(p, t, scale=TASKS)
        return TASKS * total, sums

    assert il.check(summed, parameters(), tasks()).ok  # it is the derivative of what f returns
    report = il.check(summed, parameters(), tasks(), loss=loss, inner_lr=LR)
    assert report.verdict == "loss summed" and report.factor == TASKS, report
    long = il.check(lambda p, t: maml(p, t, lr=LR * SHOTS), parameters(), tasks(), loss=loss, inner_lr=LR)
    assert long.verdict == "loss summed" and "support loss" in str(long), long


def test_one_wrong_parameter_is_named() -> None:
    report = il.check(lambda p, t: maml(p, t, wrong="b"), parameters(), tasks())
    assert report.verdict == "wrong" and report.wrong() == ["b"], report
    row = {p.name: p for p in report.parameters}["b"]
    assert row.verdict == "scaled" and row.factor == pytest.approx(2) and row.shape == (2,)
    assert "<table>" in report._repr_html_() and "Wrong in b" in str(report)


def test_random_numbers_are_named() -> None:
    def noisy(p: Any, t: Any, random: Any = np.random) -> Any:
        keep = random.uniform(size=t[0].shape) < 0.8  # dropout of inputs
        return maml(p, (t[0] * keep, *t[1:]))

    assert il.check(noisy, parameters(), tasks()).faults == ["random from call to call"]
    own = np.random.default_rng(3)
    report = il.check(lambda p, t: noisy(p, t, own), parameters(), tasks())
    assert report.faults == ["random from call to call"], report
    report = il.check(lambda p, t: (noisy(p, t)[0], maml(p, t)[1]), parameters(), tasks())
    assert report.faults[0] == "random from call to call" and len(report.faults) == 2, report


def test_state_is_named_and_put_back() -> None:
    kept = {"mean": np.zeros(3)}

    def f(p: Any, t: Any) -> Any:
        kept["mean"] *= 0.9
        kept["mean"] += 0.1 * t[0].mean((0, 1))
        return maml(p, (t[0] - kept["mean"], *t[1:]))

    report = il.check(f, parameters(), tasks())
    assert report.faults == ["state changes between calls"] and "mean" in report.sentences[0], report
    assert (kept["mean"] == 0).all()
    shift = 0.0

    def g(p: Any, t: Any) -> Any:
        nonlocal shift
        shift += 0.1
        return maml(p, (t[0] - shift, *t[1:]))

    report = il.check(g, parameters(), tasks())
    assert report.faults == ["state changes between calls"] and "shift" in report.sentences[0], report
    assert shift == 0
    count = iter(range(10000))
    report = il.check(lambda p, t: (maml(p, t)[0] + next(count), maml(p, t)[1]), parameters(), tasks())
    assert report.faults == ["differs from call to call"], report


def test_statistics_cut_off_show_in_a_shift_before_them() -> None:
    """A bias before a normalisation does nothing; a gradient that says it does has constants for statistics."""
    x = np.random.default_rng(0).normal(size=(20, 3))

    def f(p: Any) -> Any:
        u = x @ p["w"] + p["b"]
        centred = u - u.mean(0)
        d = 4 * centred**3 / u.size  # right: d - d.mean(0)
        return float((centred**4).mean()), {"w": x.T @ d, "b": d.sum(0)}

    report = il.check(f, parameters())
    assert report.verdict == "batch statistics detached", report
    assert {p.name: p.verdict for p in report.parameters}["b"] == "should be zero"


@pytest.mark.parametrize("seed", range(3))
def test_kinks_and_jumps_raise_no_alarm(seed: int) -> None:
    """relu, also at exactly zero: biases of zero and inputs of zeros."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(400, 3)) * (np.arange(400) % 4 > 0)[:, None]

    def f(p: Any) -> Any:
        u = x @ p["w"] + p["b"]
        on = u > 0
        return float((u * on).mean()), {"w": x.T @ (on / u.size), "b": on.sum(0) / u.size}

    report = il.check(f, parameters(seed), seed=seed)
    assert report.ok and "kink" in str(report), report


def test_nothing_to_compare() -> None:
    flat = il.check(lambda p: (1.0, {n: np.zeros(v.shape) for n, v in p.items()}), parameters())
    assert flat.verdict == "flat" and not flat.ok, flat
    still = il.check(lambda p, t: (maml(parameters(), t)[0], maml(p, t)[1]), parameters(), tasks())
    assert still.verdict == "does not move with the parameters", still
    bad = il.check(lambda p, t: (maml(p, t)[0], {"w": np.full((3, 2), np.nan), "b": np.zeros(2)}), parameters(), tasks())
    assert bad.verdict == "not finite" and "w" in str(bad), bad
    rough = il.check(lambda p: (float(np.sin(1e9 * p["w"]).sum()), {"w": np.ones((3, 2)), "b": np.zeros(2)}), parameters())
    assert rough.verdict == "undecided", rough


def test_one_number() -> None:
    assert il.check(lambda p: (p**2, 2 * p), 3.0).ok
    assert il.check(lambda p: (p**2, 6 * p), 3.0).factor == pytest.approx(3)
    assert il.check(lambda p: (p**3, 6 * p), 3.0).verdict == "wrong"


def test_ways_to_return_a_gradient() -> None:
    flat = [*parameters().values()]

    def by_list(p: Any, t: Any) -> Any:
        total, sums = maml(dict(zip("wb", p)), t)
        return total, [sums["w"], sums["b"]]

    assert il.check(by_list, flat, tasks()).ok
    assert il.check(lambda p, t: (maml(p, t)[0], np.concatenate([g.ravel() for g in maml(p, t)[1].values()])), parameters(), tasks()).ok
    assert il.check(lambda p, t: maml(p, t)[1], parameters(), tasks(), meta_loss=lambda p, t: maml(p, t)[0]).ok
    nested = {"layers": [parameters()], "none": None, "count": np.arange(3)}

    def deep(p: Any, t: Any) -> Any:
        total, sums = maml(p["layers"][0], t)
        return total, {"layers": [sums]}

    report = il.check(lambda p, t: (deep(p, t)[0], {"layers": [{**deep(p, t)[1]["layers"][0], "b": np.ones(2)}]}), nested, tasks())
    assert il.check(deep, nested, tasks()).ok
    assert report.wrong() == ["layers.0.b"], report


@pytest.mark.parametrize("order", [1, 2])
def test_functions_of_the_engine(order: int) -> None:
    """An algorithm of one's own (door 3) is checked like any other."""
    net = il.Net([il.layers.linear(8), il.layers.norm(), il.layers.relu(), il.layers.linear()], example=3, outputs=2)
    theta = net.parameters(seed=1, precision="float64")

    @il.function(precision="float64")
    def step(theta: Any, task: Any) -> Any:
        inner = il.grad(il.mean_squared_error(net(theta, task.support_x), task.support_y), theta)
        phi = theta - LR * (il.stop_gradient(inner) if order == 1 else inner)
        query = il.mean_squared_error(net(phi, task.query_x), task.query_y)
        return il.task_mean(query), dict(il.task_mean(il.grad(query, theta)))

    report = il.check(step, theta, il.task_batch(*tasks()))
    assert report.ok == (order == 2), report
    assert report.precision == "float64"


def test_errors() -> None:
    with pytest.raises(il.ArgumentError, match="expected .loss, gradient."):
        il.check(lambda p: 1.0, parameters())
    with pytest.raises(il.ArgumentError, match="found 3 numbers for the parameter w, expected 6"):
        il.check(lambda p: (1.0, {"w": np.zeros(3), "b": np.zeros(2)}), parameters())
    with pytest.raises(il.ArgumentError, match="no array of floating numbers"):
        il.check(lambda p: (1.0, []), {"steps": 3})
    with pytest.raises(il.ArgumentError, match="loss and inner_lr"):
        il.check(maml, parameters(), tasks(), loss=loss)
    with pytest.raises(il.ArgumentError, match="support_x, support_y"):
        il.check(lambda p, t: maml(p, tasks()), parameters(), tasks()[:3], loss=loss, inner_lr=LR)
    with pytest.raises(il.ArgumentError, match="adapted: found head"):
        il.check(maml, parameters(), tasks(), loss=loss, inner_lr=LR, adapted=["head"])

    def broken(p: Any, t: Any) -> Any:
        raise LookupError("the user's own")

    with pytest.raises(LookupError, match="the user's own"):
        il.check(broken, parameters(), tasks())
