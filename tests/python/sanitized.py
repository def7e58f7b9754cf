"""What test_sanitized.sh runs on a sanitized library: two threads, forks, callbacks and generators that raise, Ctrl-C, garbage
in any order; then what has leaked, before and after a leak on purpose, and an end with objects that live on."""

from __future__ import annotations

import ctypes
import gc
import os
import random
import signal
import sys
import tempfile
import threading
from typing import Any

import innerloop_meta as il
import numpy as np

room = tempfile.mkdtemp(prefix="innerloop-")
il.set_threads(2)


def made(seed: int = 1) -> dict[str, Any]:
    """A function with all that it needs, called once in each of its ways."""
    net = il.Net("mlp", example=1, outputs=1)
    theta, tasks = net.parameters(seed=seed), il.Tasks("sinusoid", shots=3, queries=3)
    adam = il.adam(theta)

    @il.function
    def step(theta: Any, adam: Any, task: Any) -> Any:
        loss = il.mean_squared_error(net(theta, task.support_x), task.support_y)
        adam.step(theta, il.task_mean(il.grad(loss, theta)))
        return il.task_mean(loss), loss

    batch = tasks.draw("train", 0, 2)
    step(theta, adam, batch)
    step(theta, adam, tasks.draw("train", 2, 2, out=batch))
    step.repeat(2, theta, adam, batch)
    return {"net": net, "theta": theta, "adam": adam, "tasks": tasks, "step": step, "batch": batch}


def lines(count: int) -> Any:
    for k in range(count):
        x = np.linspace(-1, 1, 8, dtype=np.float32)[:, None] + k
        yield x[:4], x[:4], x[4:], x[4:]
    raise ZeroDivisionError("of a generator")


def train(name: str, **more: Any) -> il.Run:
    return il.train("sinusoid-5shot-maml", out=f"{room}/{name}", overwrite=True, eval={"every": 0}, model={"preset": "mlp"},
                    **{"progress": False, "outer": {"steps": 3, "meta_batch": 2}, **more})  # fmt: skip


def raises(kind: type[BaseException], call: Any) -> None:
    try:
        call()
    except kind:
        return
    raise AssertionError(f"expected {kind.__name__}")


def body() -> None:
    # Garbage in any order.
    order = random.Random(0)
    for _ in range(4):
        parts = made()
        names = list(parts)
        order.shuffle(names)
        for name in names:
            del parts[name]
        gc.collect()
    # Errors: of shapes, of settings, within a trace.
    f = il.function(lambda a, b: a @ b)
    raises(il.ArgumentError, lambda: f(np.ones((2, 3)), np.ones((2, 3))))
    raises(ZeroDivisionError, lambda: il.function(lambda a: a / (1 // 0))(np.ones(2)))
    raises(il.ArgumentError, lambda: il.Config(outer={"stps": 1}))
    raises(il.ArgumentError, lambda: il.Net("mlpp", 1, 1))
    # Generators and callbacks that raise; a stop by a signal.
    raises(ZeroDivisionError, lambda: train("generator", data=lines(3)))

    def told(p: il.Progress) -> None:
        if p.step == 2:
            raise KeyError("of a callback")

    raises(KeyError, lambda: train("callback", progress=told))

    def pressed(p: il.Progress) -> None:
        if p.kind == "step" and p.step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    raises(KeyboardInterrupt, lambda: train("pressed", progress=pressed, outer={"steps": 50, "meta_batch": 2}))
    # Learners.
    run = train("run")
    few = il.FewShotRegressor(run, steps=1).fit([[0.0], [1.0]], [0.0, 1.0])
    expected = few.predict([[0.5]])
    data = il.Dataset.of(np.arange(80, dtype=np.float32).reshape(20, 4), np.arange(20) % 4)
    data.save(f"{room}/data.safetensors")
    assert len(il.Dataset.open(f"{room}/data.safetensors").examples(2)) == 5
    # Two threads with their own objects, and one that they share.
    wrong: list[Any] = []

    def work(seed: int) -> None:
        try:
            made(seed)
            if (few.predict([[0.5]]) != expected).any():
                wrong.append(seed)
        except BaseException as error:  # noqa: BLE001
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == [], wrong
    # A fork, after computing.
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(120)
            code = 0 if (few.predict([[0.5]]) == expected).all() and made() else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


body()
il._team._local.__dict__.clear()
gc.collect()
try:
    look = ctypes.CDLL(None).__lsan_do_recoverable_leak_check
except AttributeError:
    print("without the sanitizer: no leaks were looked for")
else:
    look()
    print("a leak on purpose", file=sys.stderr, flush=True)
    il._library.lib.il_context_new()
    look()
kept = made()  # lives to the interpreter's end
threading.Thread(target=lambda: [kept["step"](kept["theta"], kept["adam"], kept["batch"]) for _ in range(10**9)], daemon=True).start()
print("the end", flush=True)
