"""Sources of tasks, and tasks in memory: support and query sets, many at once."""

from __future__ import annotations

import ctypes
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _declarations as c
from ._fields import settings_of
from ._library import Context, decode, dimensions_of, encode, lib, owned, shape_of
from .errors import ArgumentError

Array = npt.NDArray[Any]
SPLITS = {"train": c.IL_TRAIN, "validation": c.IL_VALIDATION, "test": c.IL_TEST}


class TaskBatch:
    """Tasks of one shape, as arrays with a leading axis of tasks; within a function one task, as values.

    support_x [tasks, n, example…], support_y [tasks, n] int32 labels or [tasks, n, outputs] targets; query_x and
    query_y alike. Within a function x is real and scaled as nets see it (bytes: divided by 255).
    """

    __slots__ = ("_arrays", "shape", "source", "_by", "_waiting", "__weakref__")

    def __init__(self, support_x: Any, support_y: Any, query_x: Any, query_y: Any, shape: Any = None) -> None:
        self._arrays = (support_x, support_y, query_x, query_y)
        self.shape = shape  # il_task_shape
        self.source: Any = None  # of a drawn one: its Tasks, il_task_id and il_task_memory
        self._by: Any = None  # what it was drawn by
        self._waiting = False  # what source says is to be drawn yet

    @property
    def support_x(self) -> Any:
        """What is shown."""
        return self.arrays[0]

    @property
    def support_y(self) -> Any:
        """Its labels or targets."""
        return self.arrays[1]

    @property
    def query_x(self) -> Any:
        """What is asked."""
        return self.arrays[2]

    @property
    def query_y(self) -> Any:
        """The labels or targets of what is asked."""
        return self.arrays[3]

    @property
    def arrays(self) -> tuple[Any, Any, Any, Any]:
        """The four, in that order."""
        if self._waiting:
            tasks, task_id, memory = self.source
            if _draw(tasks.address, task_id, len(self), memory):
                tasks.context.fail()
            self._waiting = False
        return self._arrays

    def __len__(self) -> int:
        return len(self._arrays[0])

    def __repr__(self) -> str:
        parts = ("support_x", "support_y", "query_x", "query_y")
        return "TaskBatch(" + ", ".join(f"{n} {a.shape}" for n, a in zip(parts, self._arrays)) + ")"


def task_batch(support_x: npt.ArrayLike, support_y: npt.ArrayLike, query_x: npt.ArrayLike, query_y: npt.ArrayLike,
               scale: float | None = None) -> TaskBatch:  # fmt: skip
    """Tasks from arrays of one's own, with a leading axis of tasks.

    x: floats, or bytes (uint8), whose scale is 1/255 when none is given. y: whole numbers [tasks, n] are labels, reals
    [tasks, n] or [tasks, n, outputs] targets.
    """
    xs, ys = [np.asarray(support_x), np.asarray(query_x)], [np.asarray(support_y), np.asarray(query_y)]
    bytes_ = xs[0].dtype == np.uint8
    targets = ys[0].dtype.kind == "f"
    xs = [np.ascontiguousarray(x, np.uint8 if bytes_ else np.float32) for x in xs]
    for y in ys:
        if y.dtype.kind not in "iufb":
            raise ArgumentError(f"labels of type {y.dtype}, such as {y.flat[0] if y.size else y!r}; expected whole numbers from 0, which "
                                "count the classes of a task: np.unique(y, return_inverse=True)[1]", "IL_ERROR_TYPE")  # fmt: skip
    ys = [np.ascontiguousarray(y, np.float32 if targets else np.int32) for y in ys]
    if targets:
        ys = [y[..., None] if y.ndim == 2 else y for y in ys]
    example = xs[0].shape[2:]
    for x, y, name in ((xs[0], ys[0], "support"), (xs[1], ys[1], "query")):
        if x.ndim < 3 or x.shape[2:] != example or len(x) != len(xs[0]) or y.shape[:2] != x.shape[:2] or (
            y.ndim != (3 if targets else 2)
        ):
            raise ArgumentError(
                f"{name}: x of shape {x.shape} and y of shape {y.shape}; expected [tasks, n, example…] and [tasks, n] "
                f"labels or [tasks, n, outputs] targets, alike in both sets", "IL_ERROR_SHAPE")  # fmt: skip
    shape = c.il_task_shape()
    shape.ways = 1 if targets else max(int(y.max(initial=0)) for y in ys) + 1
    shape.outputs = ys[0].shape[2] if targets else shape.ways
    shape.support, shape.query = xs[0].shape[1], xs[1].shape[1]
    shape.example = shape_of(example)
    shape.x = c.IL_UINT8 if bytes_ else c.IL_FLOAT32
    shape.targets = targets
    shape.loss = c.IL_LOSS_MEAN_SQUARED_ERROR if targets else c.IL_LOSS_CROSS_ENTROPY
    shape.scale = (1 / 255 if bytes_ else 1.0) if scale is None else scale
    return TaskBatch(xs[0], ys[0], xs[1], ys[1], shape)


class Tasks:
    """A source of tasks, of which any may be drawn: a pure function of seed, split and index.

    Args:
        source: ``"sinusoid"``, ``"glyphs"``, ``"omniglot"``, ``"dataset"``, ``"table"`` or ``"tasks"``.
        ways, shots, queries: classes of a task; support and query examples of each (of a task without classes).
        data: an imported file, where the source reads one.
        split: how classes are divided (``task.split`` of a configuration).
        settings: the source's own, such as ``side=20`` of glyphs.
    """

    def __init__(self, source: str, *, ways: int = 5, shots: int = 1, queries: int = 1, seed: int = 1,
                 data: str | os.PathLike[str] | None = None, split: str = "auto", **settings: object) -> None:  # fmt: skip
        self.context = Context()
        record = lib.il_source_find(source.encode())
        if not record:
            names = [decode(lib.il_source_at(i).contents.name) for i in range(lib.il_sources())]
            raise ArgumentError(f"source: found {source!r}, expected one of {', '.join(names)}", "IL_ERROR_CONFIG")
        made = settings_of(record.contents.fields, record.contents.size, source, settings)
        options = c.il_source_options()
        options.ways, options.shots, options.queries, options.seed = ways, shots, queries, seed
        options.rotations, options.split.kind, options.split.seed = c.IL_ROTATIONS_NONE, split.encode(), 1
        options.data = encode(data) if data is not None else None
        self.address: int = self.context.made(
            lib.il_tasks_open(self.context.address, record, made, ctypes.byref(options))
        )
        owned(self, lib.il_tasks_free, self.address, self.context, options, made)

    def draw(self, split: str = "train", first: int = 0, count: int = 1, *, variant: int = 0,
             out: TaskBatch | None = None) -> TaskBatch:  # fmt: skip
        """Tasks `first` … `first + count − 1` of a split.

        Args:
            split: ``"train"``, ``"validation"`` or ``"test"``.
            variant: which of the split's shapes, where it has several.
            out: a batch of as many tasks that was drawn before. Its arrays are overwritten when they are next looked at or
                computed with: a function then draws and computes in one go.
        Raises:
            ArgumentError: a split without such tasks, or another `out`.
        """
        by = (self.address, split, variant, count)
        if out is not None and out._by == by:
            out.source[1].index = first
            out._waiting = True
            return out
        if split not in SPLITS:
            raise ArgumentError(f"split: found {split!r}, expected train, validation or test")
        if not 0 <= variant < lib.il_tasks_variants(self.address, SPLITS[split]):
            raise ArgumentError(f"the {split} split has no tasks of shape {variant}", "IL_ERROR_DATA")
        if count < 1:
            raise ArgumentError(f"draw: {count} tasks, expected at least 1")
        if out is not None:
            raise ArgumentError("draw: out is no batch that was drawn from this source, split and number of tasks")
        batch, memory = self._room(lib.il_tasks_shape(self.address, SPLITS[split], variant).contents, count)
        task_id = c.il_task_id(SPLITS[split], variant, first)
        if _draw(self.address, task_id, count, memory):
            self.context.fail()
        batch.source, batch._by = (self, task_id, memory), by
        return batch

    @staticmethod
    def _room(shape: Any, count: int) -> tuple[TaskBatch, Any]:
        example = dimensions_of(shape.example)
        x = np.uint8 if shape.x == c.IL_UINT8 else np.float32
        arrays = []
        for n in (shape.support, shape.query):
            arrays.append(np.empty((count, n, *example), x))
            arrays.append(np.empty((count, n, shape.outputs), np.float32) if shape.targets
                          else np.empty((count, n), np.int32))  # fmt: skip
        own = c.il_task_shape.from_buffer_copy(shape)
        batch = TaskBatch(arrays[0], arrays[1], arrays[2], arrays[3], own)
        memory = c.il_task_memory()
        memory.x[0], memory.y[0], memory.x[1], memory.y[1] = (a.ctypes.data for a in arrays)
        return batch, ctypes.pointer(memory)


_draw = lib.il_tasks_draw
