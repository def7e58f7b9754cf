"""Using what was learned: a trained learner is shown a few examples, and then asked."""

from __future__ import annotations

import ctypes
import os
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _declarations as c
from ._fields import text_of
from ._library import Context, decode, dimensions_of, encode, lib, owned, texts
from ._team import Team, team
from .dataset import Dataset, examples_of
from .errors import ArgumentError

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Report:
    """What an adapted learner may expect of itself."""

    algorithm: str
    statistics: str  #: whose norm statistics queries are scored with
    steps: int  #: inner
    examples: int  #: of the support set
    left_out: int  #: examples that were left out once each; 0: too few
    right: int  #: of them, those that were named right
    temperature: float  #: scores are divided by it
    reject: float  #: 95 of 100 that were named right had at least this probability; 0: not known


def fit_examples(x: Any, example: tuple[int, ...], bytes_: bool) -> Array:
    """[n, example…] of the learner's type, from anything with as many numbers in a row."""
    array = x.numpy() if hasattr(x, "numpy") and hasattr(x, "detach") else np.asarray(x)
    if bytes_ and array.dtype != np.uint8:
        numbers = np.asarray(array, np.float64)
        if numbers.size and not (np.all(numbers == np.floor(numbers)) and numbers.min() >= 0 and numbers.max() <= 255):
            found = f"numbers from {numbers.min():g} to {numbers.max():g}"
            hint = ": such pictures times 255, rounded" if numbers.min() >= 0 and numbers.max() <= 1 else ""
            raise ArgumentError(f"the learner takes bytes: found {found}, expected whole numbers from 0 to 255{hint}", "IL_ERROR_TYPE")
        array = numbers.astype(np.uint8)
    made = np.ascontiguousarray(array, np.uint8) if bytes_ else examples_of(np.asarray(array, np.float32))
    numbers_of = int(np.prod(example))
    if made.ndim < 1 or (made.shape[1:] != example and int(np.prod(made.shape[1:])) != numbers_of):
        raise ArgumentError(f"an example of shape {made.shape[1:]}, but the learner takes {example}", "IL_ERROR_SHAPE")
    return made.reshape(len(made), *example)


class Learner:
    """The learner of a run's folder."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        context, made = Context(), c.il_learner_input()
        lib.il_run_input_of(context.address, encode(self.path), ctypes.byref(made))
        context.check()
        self.example = dimensions_of(made.example)  #: shape of one example
        self.bytes = made.type == c.IL_UINT8  #: examples are bytes; else float32
        self.scale = float(made.scale)  #: nets see x·scale
        self.targets = bool(made.targets)  #: it predicts numbers, and knows no classes
        self.outputs = int(made.outputs)  #: classes that its head tells apart (0: any number), or numbers it predicts

    def __reduce__(self) -> tuple[type[Learner], tuple[str]]:
        return type(self), (self.path,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Learner) and other.path == self.path

    def __hash__(self) -> int:
        return hash(self.path)

    def __repr__(self) -> str:
        return f"Learner({self.path!r})"

    def adapt(self, x: npt.ArrayLike, y: npt.ArrayLike, *, steps: int | None = None, lr: float | None = None,
              statistics: str | None = None, head: str | None = None) -> Adapted:  # fmt: skip
        """Shows it a support set.

        Args:
            x: [n, example…], or rows with as many numbers.
            y: [n] labels of any kind; or, of a learner that predicts numbers, [n] or [n, outputs] reals.
            steps, lr: of the inner loop; None: as it was trained.
            statistics: ``"support"``, ``"each"`` or ``"running"``, for norm layers; None: as it was trained.
            head: ``"means"``: features are compared with the means of the classes, of which there may be any number, in place of
                the learner's own head.
        Raises:
            ArgumentError: other shapes, or more classes than its head tells apart.
        """
        settings = [f"{key}={text_of(value)}" for key, value in (
            ("inner.steps", steps), ("inner.lr", lr), ("meta.query_statistics", statistics)) if value is not None]  # fmt: skip
        if head not in (None, "means"):
            raise ArgumentError(f"head: found {head!r}, expected 'means' or None")
        context, of = Context(), team()
        options = c.il_adapt_options()
        options.settings, options.team, options.class_means = texts(settings), of.address, head == "means"
        examples = fit_examples(x, self.example, self.bytes)
        if self.targets:
            target = np.ascontiguousarray(y, np.float32)
            if target.ndim == 1:
                target = target[:, None]
            if target.ndim != 2 or len(target) != len(examples):
                raise ArgumentError(f"{len(examples)} examples with targets of shape {target.shape}", "IL_ERROR_SHAPE")
            support = c.il_adapt_targets(len(examples), examples.ctypes.data,
                                         target.ctypes.data_as(ctypes.POINTER(ctypes.c_float)), target.shape[1])  # fmt: skip
            made = lib.il_adapted_new_targets(context.address, encode(self.path), ctypes.byref(support),
                                              ctypes.byref(options))  # fmt: skip
            return Adapted(context.made(made), context, of, None)
        labels = np.asarray(y)
        if labels.shape != (len(examples),):
            raise ArgumentError(f"{len(examples)} examples with labels of shape {labels.shape}", "IL_ERROR_SHAPE")
        classes = np.unique(labels)
        shown = [str(v) for v in classes]
        good = all(s.isprintable() and s and s[0] != " " for s in shown) and len(set(shown)) == len(shown)
        dataset = Dataset.of(examples, labels, scale=self.scale,
                             names=shown if good else [str(i) for i in range(len(shown))])  # fmt: skip
        made = lib.il_adapted_new(context.address, encode(self.path), dataset.address, ctypes.byref(options))
        try:
            return Adapted(context.made(made), context, of, classes)
        except ArgumentError as error:  # its sentences are the command line's, too
            raise ArgumentError(str(error).replace("(--head means)", '(head="means")'), error.status) from None


def _from_bytes(content: bytes, classes: Array | None) -> Adapted:
    with tempfile.TemporaryDirectory(prefix="innerloop-") as folder:
        path = Path(folder, "adapted.safetensors")
        path.write_bytes(content)
        return Adapted.open(path, classes)


class Adapted:
    """A learner that was shown a support set. One file and one pickle hold all of it; threads take turns."""

    def __init__(self, address: int, context: Context, of: Team, classes: Array | None) -> None:
        self.address, self.context = address, context
        owned(self, lib.il_adapted_free, address, context, of)
        self._lock = threading.Lock()
        count = lib.il_adapted_classes(address)
        named = np.array([decode(lib.il_adapted_class_name(address, i)) for i in range(count)])
        self.classes: Array = named if classes is None else classes  #: of a learner of classes, in order
        self.targets = count == 0  #: it predicts numbers
        self.outputs = int(lib.il_adapted_outputs(address))
        self.example = dimensions_of(lib.il_adapted_example(address))
        self.bytes = lib.il_adapted_type(address) == c.IL_UINT8

    @classmethod
    def open(cls, path: str | os.PathLike[str], classes: Array | None = None) -> Adapted:
        """One that `save` or `innerloop adapt` wrote. classes: what their names stand for; None: the names."""
        context, of = Context(), team()
        return cls(context.made(lib.il_adapted_open(context.address, encode(path), of.address)), context, of, classes)

    def save(self, path: str | os.PathLike[str]) -> None:
        """One file for `open` and `innerloop predict`; atomic; equal content gives equal bytes."""
        with self._lock:
            if lib.il_adapted_save(self.address, encode(path)):
                self.context.fail()

    def __reduce__(self) -> Any:
        with tempfile.TemporaryDirectory(prefix="innerloop-") as folder:
            path = Path(folder, "adapted.safetensors")
            self.save(path)
            return _from_bytes, (path.read_bytes(), None if self.targets else self.classes)

    @property
    def report(self) -> Report:
        """What it may expect of itself, by its support set."""
        made = c.il_adapted_report()
        lib.il_adapted_describe(self.address, ctypes.byref(made))
        return Report(decode(made.algorithm), decode(made.statistics), made.steps, made.examples, made.left_out,
                      made.right, made.temperature, made.reject)  # fmt: skip

    def answers(self, x: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """[n, classes] probabilities, or [n, outputs] predictions; each example is asked about alone."""
        examples = fit_examples(x, self.example, self.bytes)
        made = np.empty((len(examples), self.outputs), np.float32)
        with self._lock:
            if lib.il_adapted_predict(self.address, len(examples), examples.ctypes.data,
                                      made.ctypes.data_as(ctypes.POINTER(ctypes.c_float))):  # fmt: skip
                self.context.fail()
        return made

    def predict(self, x: npt.ArrayLike) -> Array:
        """[n] classes; or the predictions [n, outputs]."""
        made = self.answers(x)
        return made if self.targets else self.classes[np.argmax(made, axis=1)]

    def __repr__(self) -> str:
        what = f"{self.outputs} targets" if self.targets else f"{len(self.classes)} classes"
        return f"<learner adapted to {what} by {self.report.examples} examples>"
