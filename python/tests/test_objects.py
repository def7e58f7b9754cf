"""Objects of the library under Python's rules: garbage in any order, forks, threads, and no memory that is lost."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import resource
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

import innerloop_meta as il
import numpy as np
import pytest


def step_of(seed: int = 1) -> Any:
    """A function with all that it needs, and one call of it."""
    net = il.Net("mlp", example=1, outputs=1)
    theta = net.parameters(seed=seed)
    adam = il.adam(theta)
    tasks = il.Tasks("sinusoid", shots=5, queries=5)

    @il.function
    def step(theta: Any, adam: Any, task: Any) -> Any:
        loss = il.mean_squared_error(net(theta, task.support_x), task.support_y)
        adam.step(theta, il.task_mean(il.grad(loss, theta)))
        return il.task_mean(loss)

    return {"net": net, "theta": theta, "adam": adam, "tasks": tasks, "step": step, "batch": tasks.draw("train", 0, 8)}


def test_garbage_in_any_order() -> None:
    names = ["net", "theta", "adam", "tasks", "step", "batch"]
    for turn in range(len(names)):
        made = step_of()
        made["step"](made["theta"], made["adam"], made["batch"])
        for name in names[turn:] + names[:turn]:
            del made[name]
        gc.collect()
    cycle = step_of()
    cycle["step"](cycle["theta"], cycle["adam"], cycle["batch"])
    cycle["self"] = cycle  # all of it is garbage at once, in an order that nobody knows
    gone = weakref.ref(cycle["theta"])
    del cycle
    gc.collect()
    assert gone() is None


def test_a_program_that_ends_in_the_middle() -> None:
    code = """
import threading, innerloop_meta as il, numpy as np
f = il.function(lambda x: il.ops.sum(x * x))
def forever():
    while True: f(np.ones(1000, np.float32))
threading.Thread(target=forever, daemon=True).start()
f2 = il.function(lambda x: 2 * x); print(f2(np.ones(2)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == "" and done.stdout == "[2. 2.]\n"


def test_forked_processes_go_on(maml: il.Run, pictures: Any) -> None:
    images, labels = pictures
    few = il.FewShotClassifier(maml).fit(images[::5], labels[::5])
    made = step_of()
    expected = few.predict_proba(images)
    f = il.function(lambda x: il.ops.sum(x * x))
    assert f(np.ones(3)) == 3
    for _ in range(2):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                import signal

                signal.alarm(60)  # a child that hangs
                good = (few.predict_proba(images) == expected).all() and f(np.full(3, 2.0)) == 12
                made["step"](made["theta"], made["adam"], made["batch"])
                code = 0 if good else 2
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
    assert f(np.ones(4)) == 4


def test_threads_have_their_own_and_share_by_turns(maml: il.Run, pictures: Any) -> None:
    images, labels = pictures
    few = il.FewShotClassifier(maml).fit(images[::5], labels[::5])
    expected = few.predict_proba(images)
    shared = il.function(lambda x: il.ops.sum(x * x))
    wrong: list[Any] = []

    def work(seed: int) -> None:
        try:
            own = step_of(seed)
            alone = step_of(seed)
            for _ in range(20):
                a, b = (m["step"](m["theta"], m["adam"], m["batch"]) for m in (own, alone))
                if a != b or shared(np.full(5, float(seed))) != 5 * seed * seed:
                    wrong.append((seed, a, b))
            if (few.predict_proba(images) != expected).any():
                wrong.append(seed)
            with pytest.raises(il.ArgumentError, match=f"{seed}"):  # errors of one are not another's
                il.Config(outer={f"steps{seed}": 1})
        except BaseException as error:  # noqa: BLE001
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_threads_that_have_ended_leave_no_workers() -> None:
    f = il.function(lambda x: il.ops.sum(x))

    def work() -> None:
        f(np.ones(3))

    il.set_threads(3)
    try:
        counts = []
        for _ in range(6):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            gc.collect()
            counts.append(len(os.listdir("/proc/self/task")))
    finally:
        il.set_threads(0)
    assert counts[-1] <= counts[1]


def test_nothing_is_lost(tmp_path: Path) -> None:
    """Objects of some megabytes each, made and dropped: the process stays as large as it was."""

    def turn() -> None:
        made = step_of()
        made["step"](made["theta"], made["adam"], made["batch"])
        il.Dataset.of(np.zeros((400, 1000), np.float32), np.arange(400) % 4).save(tmp_path / "d.safetensors")
        il.Dataset.open(tmp_path / "d.safetensors").examples(1)
        with pytest.raises(il.ArgumentError):
            il.Net("mlpp", 1, 1)
        f = il.function(lambda x: 2 * x)
        with pytest.raises(il.ArgumentError):
            f("no array" * 100 and np.array(["text"]))
        f(np.ones(100000, np.float32))

    for _ in range(5):
        turn()
    gc.collect()
    before = resident()
    for _ in range(40):
        turn()
    gc.collect()
    assert resident() - before < 12 << 20  # one object of each turn that is kept would be 60 MB


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def test_threads_share_a_function() -> None:
    """Each with arguments of its own, called over and over, while others do the same."""
    import threading

    @il.function
    def f(x: Any, w: Any) -> Any:
        return il.ops.sum(il.tanh(x @ w)), x * 2

    wrong: list[Any] = []

    def work(seed: int) -> None:
        random = np.random.default_rng(seed)
        x, w, number = random.normal(size=(4, 3)).astype("f"), random.normal(size=(3, 2)).astype("f"), np.zeros((), "f")
        try:
            for i in range(300):
                x[0, 0] = number[...] = i  # in place: read where it lies
                total, double = f(x, w)
                if abs(total - np.tanh(x @ w).sum()) > 1e-4 or (double != 2 * x).any() or shifted(number, x)[0, 0] != 2 * i:
                    wrong.append((seed, i))
        except BaseException as error:  # noqa: BLE001
            wrong.append(error)

    shifted = il.function(lambda a, x: x + a)
    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_copies_and_pickles() -> None:
    """An object is copied with what it stands for, or refuses in a sentence; never by its address."""
    net = il.Net([il.layers.conv(4), il.layers.avg_pool(), il.layers.linear()], (8, 8, 1), 3)
    theta, config = net.parameters(seed=3), il.Config("glyphs-5w1s-maml", outer={"steps": 7})
    for copied in (copy.deepcopy(net), copy.copy(net)):
        assert copied.address != net.address and copied.layers == net.layers
    for made in (copy.deepcopy(theta), copy.copy(theta)):
        assert made is not theta and all((made[name] == theta[name]).all() for name in theta)
    said = "import pickle, sys; n, c = pickle.load(sys.stdin.buffer); print(float(n.parameters(seed=3)['conv1.weight'].sum()), c['outer.steps'])"
    done = subprocess.run([sys.executable, "-c", said], input=pickle.dumps((net, config)), capture_output=True)
    assert done.stdout.decode() == f"{float(theta['conv1.weight'].sum())} 7\n", done.stderr
    for alone in (il.Tasks("sinusoid"), il.Dataset.of(np.zeros((4, 2)), np.arange(4) % 2), il.adam(theta)):
        with pytest.raises((TypeError, ValueError), match="pickled"):
            pickle.dumps(alone)
