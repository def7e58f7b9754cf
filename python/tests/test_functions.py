"""Functions of values: the numbers of the C examples, derivatives, arguments, errors at the user's line."""

from __future__ import annotations

import shutil
import signal
import subprocess
import traceback
from pathlib import Path
from typing import Any

import innerloop_meta as il
import innerloop_meta._library as library
import numpy as np
import pytest
from conftest import source

STEPS = 60


def maml() -> list[float]:
    """The MAML by hand of docs/python.md: its query losses."""
    net = il.Net("mlp", example=1, outputs=1)
    theta = net.parameters(seed=1)
    adam = il.adam(theta, lr=1e-3)
    tasks = il.Tasks("sinusoid", shots=10, queries=10)

    def loss(w: il.Values, x: il.Value, y: il.Value) -> il.Value:
        return il.mean_squared_error(net(w, x), y)

    @il.function
    def meta_step(theta: Any, adam: Any, task: Any) -> il.Value:
        phi = theta - 0.01 * il.grad(loss(theta, task.support_x, task.support_y), theta)
        query = loss(phi, task.query_x, task.query_y)
        adam.step(theta, il.task_mean(il.grad(query, theta)))
        return il.task_mean(query)

    batch, losses = None, []
    for s in range(STEPS):
        batch = tasks.draw("train", 25 * s, 25, out=batch)
        losses.append(float(meta_step(theta, adam, batch)))
    assert adam.made == STEPS
    return losses


@pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc")
def test_maml_is_the_c_example_to_the_bit(tmp_path: Path) -> None:
    text = (source() / "examples" / "01_maml_sinusoid.c").read_text()
    for old, new in (("META_STEPS = 2000", f"META_STEPS = {STEPS}"), ("% 200 == 0", "% 1 == 0"), ("%.3f", "%a"), ("now < 2", "now < 9")):
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "maml.c").write_text(text)
    for name in ("libinnerloop.so", "libinnerloop.so.0.1"):  # whatever it calls itself
        (tmp_path / name).symlink_to(library._FILE.resolve())
    subprocess.run(["gcc", "-O2", "-I", source() / "include", tmp_path / "maml.c", tmp_path / "libinnerloop.so", "-lm", "-o",
                    tmp_path / "maml"], check=True)  # fmt: skip
    printed = subprocess.run([tmp_path / "maml"], check=True, capture_output=True, text=True,
                             env={"LD_LIBRARY_PATH": str(tmp_path)}).stdout  # fmt: skip
    theirs = [float.fromhex(line.split()[-1]) for line in printed.splitlines()]
    assert len(theirs) == STEPS
    assert maml() == theirs


def test_repeated_calls_are_the_same_calls() -> None:
    net = il.Net("mlp", example=1, outputs=1)
    tasks = il.Tasks("sinusoid", shots=5, queries=5)

    @il.function
    def step(theta: Any, adam: Any, task: Any) -> Any:
        loss = il.mean_squared_error(net(theta, task.support_x), task.support_y)
        adam.step(theta, il.task_mean(il.grad(loss, theta)))
        return il.task_mean(loss), loss

    one, many = net.parameters(seed=2), net.parameters(seed=2)
    adam, other = il.adam(one), il.adam(many)
    batch, expected = None, []
    for s in range(150):
        batch = tasks.draw("train", 4 * s, 4, out=batch)
        expected.append(step(one, adam, batch))
    batch = tasks.draw("train", 0, 4)
    means, losses = (np.concatenate(parts) for parts in zip(step.repeat(100, many, other, batch), step.repeat(50, many, other, batch)))
    assert means.tolist() == [m for m, _ in expected] and other.made == 150
    np.testing.assert_array_equal(losses, np.stack([each for _, each in expected]))
    for name in one:
        np.testing.assert_array_equal(one[name], many[name])
    assert step(many, other, batch)[1].shape == (4,)  # results have memory of their own again
    with pytest.raises(il.ArgumentError, match="with 0 drawn batches"):
        step.repeat(3, many, other, il.task_batch(*batch.arrays))


def test_operators_are_numpys() -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(size=(3, 4)), random.normal(size=(4,))
    w = random.normal(size=(4, 2))

    def both(np_: Any, a: Any, b: Any, w: Any) -> Any:
        return (a + b, a - b, a * b, a / b, -a, 2 * a - 1, 1 - a, 3 / a, a @ w, a[1], a[:, 1:3], a[..., -1], a**2,
                np_.exp(a), np_.sin(a), np_.tanh(a), np_.sum(a, axis=0), np_.sum(a), np_.max(a, axis=1),
                np_.mean(a, axis=(0, 1), keepdims=True), np_.transpose(a), a.reshape(2, 6), np_.minimum(a, b))  # fmt: skip

    f = il.function(precision="float64")(lambda a, b, w: both(il.ops, a, b, w))
    made, expected = f(a, b, w), both(np, a, b, w)
    assert len(made) == len(expected) == 23
    for ours, theirs in zip(made, expected):
        assert np.shape(ours) == np.shape(theirs)
        np.testing.assert_allclose(ours, theirs, rtol=1e-13)


def test_derivatives_of_any_order_and_both_modes() -> None:
    @il.function(precision="float64")
    def f(x: il.Value, v: il.Value) -> Any:
        y = il.ops.sum(il.sin(x) * x)
        g = il.grad(y, x)
        hv = il.jvp(g, x, v)  # forward over reverse
        return g, hv, il.grad(il.ops.sum(g * v), x), il.vjp(g, x, v)

    x, v = np.array([0.3, -1.2, 2.0]), np.array([1.0, 0.5, -2.0])
    g, hv, vh, vjp = f(x, v)
    np.testing.assert_allclose(g, np.cos(x) * x + np.sin(x), rtol=1e-13)
    for second in (hv, vh, vjp):
        np.testing.assert_allclose(second, (2 * np.cos(x) - np.sin(x) * x) * v, rtol=1e-13)


def test_several_inner_steps_by_leaves() -> None:
    @il.function(precision="float64")
    def f(w: il.Value) -> Any:
        phi = w
        for _ in range(3):
            phi = il.leaf(phi)
            phi = phi - 0.1 * il.grad(phi * phi * phi, phi)
        return phi, il.grad(phi, w)

    def phi(w: float) -> float:
        for _ in range(3):
            w = w - 0.1 * 3 * w * w
        return w

    value, slope = f(0.7)
    assert value == pytest.approx(phi(0.7), rel=1e-13)
    assert slope == pytest.approx((phi(0.7 + 1e-6) - phi(0.7 - 1e-6)) / 2e-6, rel=1e-8)


def test_arguments_and_results() -> None:
    traced = 0

    @il.function
    def f(x: Any, pair: Any, named: Any, word: str) -> Any:
        nonlocal traced
        traced += 1
        assert word == "word" and pair[1].dtype == "int32"
        return {"each": x * named["k"], "mean": il.task_mean(il.mean(x)), "rows": il.ops.gather(pair[0], pair[1]), "none": None}

    x = np.arange(6, dtype=np.float32).reshape(3, 2)  # three tasks
    table = np.eye(4, dtype=np.float64)  # becomes float32
    for k in (2, 3.0):
        made = f(il.each(x), (table, np.array([3, 0])), {"k": k}, "word")
        assert made["each"].dtype == np.float32
        np.testing.assert_array_equal(made["each"], x * np.float32(k))
        assert made["mean"] == x.mean() and made["none"] is None
        np.testing.assert_array_equal(made["rows"], table[[3, 0]])
    assert traced == 1
    f(il.each(x[:2]), (table, np.array([3, 0])), {"k": 1}, "word")  # fewer tasks: the same plan
    assert traced == 1
    f(il.each(x), (table, np.array([3])), {"k": 1}, "word")
    assert traced == 2
    assert "reduce" in f.plan(il.each(x), (table, np.array([3])), {"k": 1}, "word") or "sum" in f.plan(
        il.each(x), (table, np.array([3])), {"k": 1}, "word")  # fmt: skip


def test_memory_is_read_where_it_lies() -> None:
    f = il.function(lambda x: 2 * x)
    x = np.ones(3, np.float32)
    first = f(x)
    x[1] = 5
    np.testing.assert_array_equal(f(x), [2, 10, 2])
    np.testing.assert_array_equal(first, [2, 2, 2])  # results have memory of their own

    class Foreign:
        """A tensor of another library on the CPU."""

        def __dlpack__(self, **_: Any) -> Any:
            return x.__dlpack__()

        def __dlpack_device__(self) -> Any:
            return x.__dlpack_device__()

    np.testing.assert_array_equal(f(Foreign()), [2, 10, 2])
    assert np.shares_memory(np.from_dlpack(first), first)


def test_states_move_on() -> None:
    net = il.Net([il.layers.linear(3), il.layers.relu(), il.layers.linear()], example=2, outputs=1)
    theta = net.parameters(seed=3)
    again = net.parameters(seed=3)
    np.testing.assert_array_equal(theta["linear1.weight"], again["linear1.weight"])

    @il.function
    def halve(theta: il.Values) -> None:
        il.update(theta, theta * 0.5)

    before = dict(theta)
    halve(theta)
    halve(theta)
    halve(again)  # another state through the same plan
    for name, array in before.items():
        np.testing.assert_array_equal(theta[name], array / 4)
        np.testing.assert_array_equal(again[name], array / 2)
    theta["linear1.bias"] = np.ones(3)
    assert theta.copy()["linear1.bias"].tolist() == [1, 1, 1]
    with pytest.raises(il.ArgumentError, match=r"linear1.bias: found shape \(2,\), expected \(3,\)"):
        theta["linear1.bias"] = np.ones(2)
    with pytest.raises(il.ArgumentError, match="given twice"):
        il.function(lambda a, b: il.mean(a["linear1.bias"] + b["linear1.bias"]))(theta, theta)


def test_errors_show_the_users_line() -> None:
    def model(x: il.Value, w: il.Value) -> il.Value:
        h = x @ w  # the line
        return il.relu(h)

    f = il.function(model)
    with pytest.raises(il.ArgumentError, match="il_matmul") as caught:
        f(np.ones((2, 3)), np.ones((4, 5)))
    assert caught.value.status == "IL_ERROR_SHAPE"
    assert isinstance(caught.value, ValueError)
    assert any("# the line" in (frame.line or "") for frame in traceback.extract_tb(caught.value.__traceback__))
    assert "3" in str(caught.value) and "4" in str(caught.value)
    f(np.ones((2, 4)), np.ones((4, 5)))  # and nothing of it stays


def test_what_cannot_be_is_named() -> None:
    x = np.ones(3, np.float32)
    for f, sentence in (
        (lambda v: None, "returns no value"),
        (lambda v: v + np.ones(3), "arrays are arguments of the function"),
        (lambda v: v if v > 0 else -v, "a value has no truth"),
        (lambda v: "text", "returns str"),
        (lambda v: il.grad(v, v), "il_grad"),
        (lambda v: v[7], "within 3"),
        (lambda v: il.ops.sum(v, axis=2), "axis 2"),
    ):
        with pytest.raises(il.ArgumentError, match=sentence):
            il.function(f)(x)
    with pytest.raises(il.ArgumentError, match="whole numbers from 0 to 4294967296"):
        il.function(lambda v: il.cast(v))(np.array([0, 2**32]))
    with pytest.raises(il.ArgumentError, match="arguments of \\[2, 3\\] tasks"):
        il.function(lambda a, b: a + b)(il.each(np.ones((2, 1))), il.each(np.ones((3, 1))))
    with pytest.raises(il.ArgumentError, match="expected 'float32' or 'float64'"):
        il.function(precision="half")(lambda v: v)(x)
    with pytest.raises(il.ArgumentError, match="layer"):
        il.Net([il.layers.conv(4)], example=3, outputs=2)
    with pytest.raises(TypeError, match="momentum: unknown setting 'beta'|unexpected keyword"):
        il.momentum(il.Net("mlp", 1, 1).parameters(), 0.1, beta=1)  # type: ignore[call-arg]


def test_tasks_of_ones_own_are_those_of_a_source() -> None:
    tasks = il.Tasks("glyphs", ways=3, shots=2, queries=4, alphabets=4, side=20)
    batch = tasks.draw("test", 5, 2)
    assert batch.support_x.shape == (2, 6, 20, 20, 1) and batch.query_y.shape == (2, 12)
    np.testing.assert_array_equal(tasks.draw("test", 6, 1).query_x[0], batch.query_x[1])
    mine = il.task_batch(*batch.arrays)
    f = il.function(lambda t: (t.support_x, t.query_y))
    for ours, theirs in zip(f(mine), f(batch)):
        np.testing.assert_array_equal(ours, theirs)
    assert f(batch)[0].max() <= 1  # scaled as nets see it
    with pytest.raises(TypeError, match="glyphs: unknown setting 'sides', expected alphabets"):
        il.Tasks("glyphs", sides=20)
    with pytest.raises(il.ArgumentError, match="expected one of dataset"):
        il.Tasks("glyph")


def test_what_changes_within_an_argument_is_seen() -> None:
    """The same object again is looked at anew where it may hold other memory."""
    f = il.function(lambda pair: pair[0] + pair[1])
    pair = [np.ones(2, np.float32), np.ones(2, np.float32)]
    assert f(pair).tolist() == [2, 2]
    pair[0] = np.full(2, 5, np.float32)
    assert f(pair).tolist() == [6, 6]

    class Tensor:
        """As torch's, whose memory may be exchanged: tensor.data = another."""

        def __init__(self, array: Any) -> None:
            self.data = array

        def __dlpack__(self, **options: Any) -> Any:
            return self.data.__dlpack__(**options)

        def __dlpack_device__(self) -> Any:
            return self.data.__dlpack_device__()

    twice, tensor = il.function(lambda x: 2 * x), Tensor(np.ones(2, np.float32))
    assert twice(tensor).tolist() == [2, 2]
    tensor.data = np.full(2, 5, np.float32)
    assert twice(tensor).tolist() == [10, 10]


def test_a_batch_is_drawn_when_it_is_looked_at() -> None:
    tasks = il.Tasks("sinusoid", shots=3, queries=2)
    total = il.function(lambda task: (il.ops.sum(task.support_x), il.ops.sum(task.query_y)))
    mean = il.function(lambda task: il.task_mean(il.ops.sum(task.support_x)))
    batch = tasks.draw("train", 0, 2)
    for first in (6, 2, 2, 8):
        fresh = tasks.draw("train", first, 2)
        again = tasks.draw("train", first, 2, out=batch)
        assert again is batch and len(batch) == 2
        if first == 6:
            np.testing.assert_array_equal(batch.support_x, fresh.support_x)
        x, y = total(batch)  # draws, or finds what is drawn
        np.testing.assert_allclose(x, fresh.support_x.sum(axis=(1, 2)), rtol=1e-5)
        np.testing.assert_allclose(y, fresh.query_y.sum(axis=(1, 2)), rtol=1e-5)
        assert mean(batch) == pytest.approx(float(fresh.support_x.sum()) / 2, rel=1e-5)
        for ours, theirs in zip(batch.arrays, fresh.arrays):
            np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(il.ArgumentError, match="out is no batch"):
        tasks.draw("train", 0, 3, out=batch)


def test_repeat_that_is_interrupted_leaves_the_function_whole() -> None:
    tasks = il.Tasks("sinusoid", shots=3, queries=2)
    mean = il.function(lambda task: il.task_mean(il.ops.sum(task.support_x)))
    batch = tasks.draw("train", 0, 2)
    expected = mean(batch)

    class Enough(Exception):
        pass

    def ring(*_: object) -> None:
        raise Enough

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(Enough):
            mean.repeat(10**7, batch)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    batch = tasks.draw("train", 0, 2, out=batch)
    assert mean(batch) == expected  # the number goes where it is read, and not into what repeat has made


def test_blocks_of_layers_come_to_nets() -> None:
    y = il.layers
    image = il.Net([y.conv(8, groups=2, dilation=2, pad=2), y.task_norm(), y.residual(), y.conv(8, groups=8), y.group_norm(4), y.relu(),
                    y.conv(6), y.shortcut(), y.conv(6, kernel=1, pad=0), y.instance_norm(affine=False), y.add(), y.layer_norm(),
                    y.linear()], (6, 6, 2), 3)  # fmt: skip
    assert [n for n in image.names if "norm" in n] == [
        "task_norm1.weight", "task_norm1.bias", "task_norm1.scale", "task_norm1.offset", "group_norm1.weight",
        "group_norm1.bias", "layer_norm1.weight", "layer_norm1.bias"]  # fmt: skip
    assert image.parameters(1)["conv2.weight"].shape == (3, 3, 1, 8)
    signal = il.Net([y.attention(heads=2), y.mean_pool(), y.linear()], (5, 4), 3)
    assert signal.names[:4] == ["attention1.in_proj_weight", "attention1.in_proj_bias", "attention1.out_proj.weight",
                                "attention1.out_proj.bias"]  # fmt: skip
    with pytest.raises(il.ArgumentError, match="expected an add that closes it"):
        il.Net([y.residual(), y.linear()], 4, 2)
    assert len(il.Net("resnet12", (28, 28, 1), 5, filters=4).names) == 4 * 12 + 2


def test_values_have_numpys_methods_and_functions_are_parts_of_others() -> None:
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    found = il.function(lambda a: (a.sum(), a.mean(axis=0), a.max(axis=1, keepdims=True), a.sum([0, 1])))(x)
    for value, expected in zip(found, (x.sum(), x.mean(axis=0), x.max(axis=1, keepdims=True), x.sum())):
        assert value.shape == expected.shape and np.allclose(value, expected)
    square = il.function(lambda a: (a * a).sum())
    assert square(x) == (x * x).sum()
    assert np.array_equal(il.function(lambda a: il.grad(square(a), a))(x), 2 * x)
    net = il.Net("mlp", 4, 2)
    with pytest.raises(il.ArgumentError, match="a net is given a ndarray, expected a value: nets are applied within an il.function"):
        net(net.parameters(), x)
    with pytest.raises(il.ArgumentError, match="a value is no number yet"):
        il.function(lambda a: a * float(a.sum()))(x)
