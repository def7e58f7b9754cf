"""Tasks out of an iterable, as a source of the library: item k is training task k, whenever it is asked for."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from . import _declarations as c
from ._library import Caught, lib
from .errors import ArgumentError
from .tasks import TaskBatch, task_batch

NAMES = ("support_x", "support_y", "query_x", "query_y")


def parts_of(task: Any) -> tuple[Any, Any, Any, Any]:
    """(support_x, support_y, query_x, query_y) of a task: such a tuple, a dict of these names, or an object with them."""
    if isinstance(task, Mapping):
        found = tuple(task.get(name) for name in NAMES)
    elif isinstance(task, (tuple, list)):
        found = tuple(task)
    else:
        found = tuple(getattr(task, name, None) for name in NAMES)
    parts = [p for p in found if p is not None]
    if len(found) != 4 or len(parts) != 4:
        raise ArgumentError(f"a task of type {type(task).__name__}; expected (support_x, support_y, query_x, query_y)")
    a, b, c_, d = (p.numpy() if hasattr(p, "detach") else np.asarray(p) for p in parts)
    return a, b, c_, d


def one(task: Any) -> TaskBatch:
    """A batch of one task."""
    return task_batch(*(part[None] for part in parts_of(task)))


class TaskSource:
    """An `il_source` that draws from an iterable, in the order of its items. Callbacks hold Python's lock while they
    draw; the library computes without it."""

    def __init__(self, train: Iterable[Any], validation: list[Any], ways: int, caught: Caught, needed: int, first: int = 0) -> None:
        """`needed` tasks are drawn; the first `first` once more, for a check before training."""
        self._first: dict[int, TaskBatch] = {}
        self._kept_first, self._seen = first, set[int]()
        self._items: Iterator[Any] = iter(train)
        self._waiting: dict[int, TaskBatch] = {}
        self._pulled, self._begin, self._needed = 0, 0, needed
        self._lock = threading.Lock()
        self._caught = caught
        self._validation = [one(task) for task in validation]
        task = self._pull()
        if task is None:
            raise ArgumentError("data: an iterable without tasks", "IL_ERROR_DATA")
        self.shape = task.shape
        if not self.shape.targets:
            self.shape.ways = self.shape.outputs = ways
        self.shape.shots = max(self.shape.support // self.shape.ways, 1)
        self.shape.queries = max(self.shape.query // self.shape.ways, 1)
        self._keep(0, task)
        self._check(task, "task 0")
        for at, task in enumerate(self._validation):
            self._check(task, f"validation task {at}")
        types: dict[str, Any] = {name: kind for name, kind, *_ in c.il_source._fields_}
        self._kept = [
            types["open"](lambda context, settings, options: 1),
            types["describe"](self._describe),
            types["draw"](self._draw),
            types["variants"](lambda data, split: int(split == c.IL_TRAIN or (split == c.IL_VALIDATION and bool(self._validation)))),
            types["count"](lambda data, split: len(self._validation) if split == c.IL_VALIDATION else -1),
        ]  # fmt: skip
        self.record = c.il_source(name=b"python", doc=b"tasks out of an iterable")
        self.record.open, self.record.describe, self.record.draw, self.record.variants, self.record.count = self._kept

    def _pull(self) -> TaskBatch | None:
        try:
            task = one(next(self._items))
        except StopIteration:
            return None
        self._pulled += 1
        return task

    def _check(self, task: TaskBatch, what: str) -> None:
        first, other = self.shape, task.shape
        alike = all(getattr(first, name) == getattr(other, name) for name in ("support", "query", "x", "targets"))
        if not alike or tuple(first.example.dim) != tuple(other.example.dim) or (
            first.targets and first.outputs != other.outputs
        ):
            raise ArgumentError(f"{what} is shaped otherwise than the first one; expected tasks of one shape, for "
                                "an iterable: a list may have several", "IL_ERROR_SHAPE")  # fmt: skip
        if not first.targets:
            for y in (task.support_y, task.query_y):
                if y.size and (y.min() < 0 or y.max() >= first.outputs):
                    raise ArgumentError(f"{what} has labels from {y.min()} to {y.max()}, expected 0 to {first.outputs - 1}: "
                                        "task.ways says how many classes a task has", "IL_ERROR_DATA")  # fmt: skip

    def _describe(self, data: Any, split: int, variant: int, to: Any) -> None:
        ctypes.memmove(to, ctypes.byref(self.shape), ctypes.sizeof(c.il_task_shape))

    def _task(self, split: int, index: int) -> TaskBatch | None:
        if split != c.IL_TRAIN:
            return self._validation[index % len(self._validation)]
        if index >= self._needed:
            return None  # drawn ahead of a meta-step that is never made
        once_more = index < self._kept_first and index not in self._seen
        while index not in (self._first if once_more else self._waiting):
            if index < self._pulled:
                raise ArgumentError(f"data: task {index} of an iterable is asked for once more; expected a list", "IL_ERROR_DATA")
            at, task = self._pulled, self._pull()
            if task is None:
                raise ArgumentError(f"data: the iterable ended after {at} tasks, but training takes {self._needed}", "IL_ERROR_DATA")
            self._check(task, f"task {at}")
            self._keep(at, task)
        if once_more:
            self._seen.add(index)
            return self._first.pop(index)
        return self._waiting.pop(index)

    def _keep(self, at: int, task: TaskBatch) -> None:
        if at >= self._begin:
            self._waiting[at] = task
        if at < self._kept_first:
            self._first[at] = task

    def begin(self, at: int) -> None:
        """Leaves out the first tasks, which an earlier part of the run was trained on."""
        self._begin = at
        if at:
            self._waiting.clear()

    def _draw(self, data: Any, task_id: Any, scratch: Any, memory: Any) -> int:
        try:
            with self._lock:
                task = self._task(task_id.split, task_id.index)
            if task is not None:
                to = memory.contents
                for place, array in zip((to.x[0], to.y[0], to.x[1], to.y[1]), task.arrays):
                    ctypes.memmove(place, array.ctypes.data, array.nbytes)
            else:
                self._blank(memory.contents)
            return int(c.IL_OK)
        except BaseException as error:  # noqa: BLE001  # raised again when the library has come back
            self._caught.keep(error)
            return int(c.IL_ERROR_DATA)

    def _blank(self, to: Any) -> None:
        s = self.shape
        example = int(np.prod(tuple(s.example.dim)[: s.example.rank])) * lib.il_type_size(s.x)
        for i, n in enumerate((s.support, s.query)):
            ctypes.memset(to.x[i], 0, n * example)
            ctypes.memset(to.y[i], 0, n * 4 * (s.outputs if s.targets else 1))
