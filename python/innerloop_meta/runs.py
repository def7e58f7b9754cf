"""Runs in folders: their metrics, their evaluation, their report."""

from __future__ import annotations

import ctypes
import html
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _declarations as c
from ._library import Context, decode, dimensions_of, encode, lib, texts
from ._places import StrPath, file_of
from ._team import team
from .config import Config, flatten, show_settings
from .errors import ArgumentError, FileError
from .learner import Learner
from .nets import Net
from .state import State

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .settings import Settings


@dataclass(frozen=True)
class Evaluation:
    """Figures of a run on test tasks. ``pandas.DataFrame(figures.rows)``; ``figures["running", 5]`` is one mean."""

    tasks: int
    trained: int  #: meta-steps
    tested: str  #: on what
    squared_error: bool  #: the figures are that, not accuracies
    rows: list[dict[str, Any]]  #: protocol, steps, mean, interval (1.96 standard errors)

    def __getitem__(self, at: tuple[str, int]) -> float:
        """The mean of (protocol, inner steps)."""
        for row in self.rows:
            if (row["protocol"], row["steps"]) == at:
                return float(row["mean"])
        raise KeyError(at)

    def __str__(self) -> str:
        lines = [f"{self.tested}; {self.tasks} tasks, after {self.trained} meta-steps"]
        lines += [f"{r['protocol']:>14} {r['steps']:3d} inner steps  {r['mean']:.4f} ± {r['interval']:.4f}" for r in self.rows]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        cells = "".join(f"<tr><td>{r['protocol']}</td><td>{r['steps']}</td><td>{r['mean']:.4f} ± {r['interval']:.4f}</td></tr>"
                        for r in self.rows)  # fmt: skip
        figure = "mean squared error" if self.squared_error else "accuracy"
        return (f"<div>{html.escape(self.tested)}; {self.tasks} tasks, after {self.trained} meta-steps</div>"  # a caption would be narrow
                f"<table><tr><th>statistics</th><th>inner steps</th><th>{figure}</th></tr>{cells}</table>")  # fmt: skip


class Page:
    """A report as a page of HTML that needs nothing but itself, in a file and, as the value of a notebook's cell, there."""

    def __init__(self, path: str, pictures: int) -> None:
        self.path = path  #: of the page
        self.pictures = pictures  #: beside it as PNG: how many

    def __fspath__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return f"<report {self.path}>"

    def _repr_html_(self) -> str:
        """In a frame, so that the page's style and the notebook's leave each other alone. It holds the page itself."""
        page = Path(self.path).read_text(encoding="utf-8")
        return (f'<iframe srcdoc="{html.escape(page)}" sandbox title="{html.escape(self.path)}" width="100%" height="640" '
                'style="border: 1px solid #ccc"></iframe>')  # fmt: skip


class Run:
    """A run's folder: configuration, metrics, checkpoint. The command line takes it as well."""

    def __init__(self, path: StrPath) -> None:
        self.path = os.fspath(path)

    def __fspath__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return f"Run({self.path!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and other.path == self.path

    def __hash__(self) -> int:
        return hash(self.path)

    @property
    def config(self) -> Config:
        """As it was trained."""
        return Config(Path(self.path, "config.yaml"))

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """A row for each logged meta-step and each validation: ``pandas.DataFrame(run.metrics)``. Numbers, None where one is not
        finite, and lists of the rates of inner steps."""
        try:
            with open(Path(self.path, "metrics.jsonl"), encoding="utf-8") as file:
                return [json.loads(line) for line in file]
        except FileNotFoundError:
            raise FileError(f"{self.path}: there is no run: it has no metrics.jsonl", "IL_ERROR_FILE") from None

    @property
    def learner(self) -> Learner:
        """What it has learned."""
        return Learner(self.path)

    def evaluate(self, data: Any = None, *, count: int = 0, ensemble: int = 0,
                 **settings: Unpack[Settings]) -> Evaluation:  # fmt: skip
        """Measures it on test tasks.

        Args:
            data: other data than it was trained on: an imported file, a `Dataset`, (x, y) arrays, or a list of tasks.
            count: how many tasks; 0: ``eval.tasks``.
            ensemble: average the scores of so many of the best learners, which ``checkpoint.best`` keeps; 0: the last alone.
            settings: over the run's: groups task, eval, inner and the source's.
        Raises:
            ArgumentError: a setting that would have no effect, data of another shape.
            FileError: there is no run in the folder.
        """
        context, made = Context(), c.il_evaluation()
        options = _options(data, Path(self.path, "tested.safetensors"), count, flatten(settings))
        options.ensemble = ensemble
        lib.il_evaluate(context.address, encode(self.path), ctypes.byref(options), ctypes.byref(made))
        context.check()
        rows = [{"protocol": decode(r.protocol), "steps": r.steps, "mean": r.mean, "interval": r.interval}
                for r in made.row[: made.count]]  # fmt: skip
        return Evaluation(made.tasks, made.trained, decode(made.tested), made.squared_error, rows)

    def parameters(self, net: Net, precision: str = "float32") -> State:
        """What the run has learned, as parameters of `net`: for functions of door 3, or ``net.load(run.parameters(net))`` for a
        module of PyTorch. In training the net sees x·scale: ``run.learner.scale``.

        Args:
            net: the one that was trained (``train(net=…)``), or another with the same layers.
        Raises:
            ArgumentError: the run has learned other parameters.
        """
        path = str(Path(self.path, "checkpoint.safetensors"))
        state, context = net.parameters(precision=precision), Context()
        file = context.made(lib.il_tensors_open(context.address, encode(path)))
        try:
            for i, name in enumerate(net.names):
                found = lib.il_tensors_find(file, name.encode())
                if not found:
                    raise ArgumentError(f"{path}: no {name!r}, expected {', '.join(net.names)}, the net's")
                tensor, view = found.contents, state._view(name)
                shape, expected = dimensions_of(tensor.shape), _shape_in_files(view.shape)
                if shape != expected:
                    raise ArgumentError(f"{path}: {name} has shape {shape}, expected {expected}, the net's", "IL_ERROR_SHAPE")
                given = np.empty(shape, precision)
                kind = state.memory.buffers.type
                lib.il_tensor_reals(found, kind, given.ctypes.data)
                lib.il_net_from_torch(net.address, i, kind, given.ctypes.data, view.ctypes.data)
        finally:
            lib.il_tensors_close(file)
        return state

    def report(self, *others: Run | StrPath, out: StrPath | None = None, data: Any = None, count: int = 0,
               **settings: Unpack[Settings]) -> Page:  # fmt: skip
        """Evaluates it and writes the page of ``innerloop report``: what was trained on what, curves, accuracy by inner
        step, confusions, tasks with their mistakes. The last value of a notebook's cell shows it.

        Args:
            others: runs that stand beside it; those that differ in their seed alone have their mean and spread.
            out: FILE.html, or a folder for report.html; None: the run's folder, of several runs the present one.
            data, count, settings: what it is tested on, as `evaluate` takes them.
        """
        runs = [self.path, *(other.path if isinstance(other, Run) else os.fspath(other) for other in others)]
        context, made, options = Context(), c.il_report(), c.il_report_options()
        options.out = encode(out) if out is not None else None
        options.evaluate = _options(data, Path(self.path, "tested.safetensors"), count, flatten(settings))
        lib.il_report_write(context.address, len(runs), texts(runs), ctypes.byref(options), ctypes.byref(made))
        context.check()
        return Page(os.fsdecode(made.page), made.pictures)


def _shape_in_files(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Of a parameter: files have PyTorch's layouts, [out,in,kh,kw] and [out,in]."""
    return shape if len(shape) < 2 else (shape[-1], shape[-2], *shape[:-2])


def _options(data: Any, room: Path, count: int, settings: Iterable[tuple[str, str]]) -> Any:
    """An il_evaluate_options, which keeps what it points to."""
    given = [f"{key}={text}" for key, text in settings]
    options = c.il_evaluate_options()
    if data is not None:
        place = file_of(data, room)
        options.data = encode(place.path)
        if place.source == "tasks":
            given.append("task.source=tasks")
    options.settings, options.tasks, options.team = texts(given), count, team().address
    return options


# What may be changed for an evaluation: of the sources, those that have settings.
_EVALUATED = frozenset(["task", "eval", "inner", *(decode(lib.il_source_at(i).contents.name) for i in range(lib.il_sources()))])
for _call in (Run.evaluate, Run.report):
    show_settings(_call, _EVALUATED)
