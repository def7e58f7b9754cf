"""Meta-training as a whole: settings, data of every kind, progress, what interrupts it."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _declarations as c
from ._library import Caught, decode, encode, lib
from ._places import Place, StrPath, file_of, is_stream
from ._source import TaskSource
from ._team import team
from .config import Config, flatten, show_settings
from .errors import ArgumentError
from .nets import Layer, Net
from .runs import Run

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .settings import Preset, Settings

@dataclass(frozen=True)
class Progress:
    """How far a training is."""

    kind: str  #: "start", "step", "validation", "checkpoint", or "ended" before the last meta-step
    step: int
    steps: int
    loss: float  #: of a meta-step
    accuracy: float  #: of a meta-step; NaN: there is none
    value: float  #: of a validation: accuracy, or mean squared error
    interval: float  #: of a validation: 1.96 standard errors
    message: str  #: of the start, and of an early end


_KINDS = {c.IL_PROGRESS_START: "start", c.IL_PROGRESS_STEP: "step", c.IL_PROGRESS_VALIDATION: "validation",
          c.IL_PROGRESS_CHECKPOINT: "checkpoint", c.IL_PROGRESS_ENDED: "ended"}  # fmt: skip


class _Interrupt:
    """While the library trains in the main thread, Ctrl-C stops it after the meta-step at hand."""

    def __init__(self) -> None:
        self.stop, self.pressed = ctypes.c_int(0), False
        self._before: Any = None

    def __enter__(self) -> _Interrupt:
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self._press)
        return self

    def _press(self, *_: object) -> None:
        self.stop.value, self.pressed = 1, True

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)


def _bar() -> Callable[[Progress], None] | None:
    """tqdm's bar, in a terminal or a notebook; None: it is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a notebook without ipywidgets: the bar is text there, which is no reason to warn
            from tqdm.auto import tqdm
    except ImportError:
        return None
    bar: Any = None
    shown: dict[str, str] = {}
    then = 0.0

    def show(p: Progress) -> None:
        nonlocal bar, then
        if bar is None:
            bar = tqdm(total=p.steps, initial=p.step, unit="step")
        if p.kind == "step":
            now, last = time.monotonic(), p.step == p.steps
            if now - then < 0.1 and not last:
                return
            then = now
            shown["loss"] = f"{p.loss:.3f}"
            if p.accuracy == p.accuracy:
                shown["accuracy"] = f"{p.accuracy:.3f}"
        elif p.kind == "validation":
            shown["validation"] = f"{p.value:.3f} ± {p.interval:.3f}"
        bar.set_postfix(shown, refresh=False)
        bar.update(p.step - bar.n)
        if p.kind == "ended":
            bar.write(p.message)
        if p.kind == "ended" or (p.step == p.steps and p.kind == "checkpoint"):
            bar.close()

    return show


def _callback(report: Callable[[Progress], None], caught: Caught, stop: Any) -> Any:
    """Also without anything to report: being called lets Python see to signals."""

    def call(_user: Any, at: Any) -> None:
        try:
            p = at.contents
            if p.kind in _KINDS:
                report(Progress(_KINDS[p.kind], p.step, p.steps, p.loss, p.accuracy, p.value, p.interval, decode(p.message)))
        except BaseException as error:  # noqa: BLE001  # raised again when the library has come back
            caught.keep(error)
            stop.value = 1

    types: dict[str, Any] = {name: kind for name, kind, *_ in c.il_train_options._fields_}
    return types["progress"](call)


def _place_for(config: Any, out: StrPath | None) -> Path:
    if out is not None:
        return Path(out)
    if isinstance(config, Config):
        raise ArgumentError("train: out is missing; a configuration of one's own has no name for its folder")
    return Path("runs", Path(os.fspath(config)).stem)


def _use(config: Config, place: Place, given: set[str]) -> None:
    """What a file of data means for a configuration."""
    now = config["task.source"]
    reads = lib.il_source_find(now.encode()).contents.needs_data
    fits = reads and place.source in ("", now if now == "tasks" else "dataset") and not (place.source and now == "table")
    source = now if fits else place.source or "dataset"
    if source != now and "task.source" not in given:
        config.set({"task.source": source})
        if "task.split" not in given:
            config.set({"task.split": "auto"})
    config.set({"task.data": place.path})


def train(config: Preset | Config | StrPath, *, net: Net | Sequence[Layer] | None = None, data: Any = None,
          validation: Iterable[Any] | None = None, out: StrPath | None = None, resume: bool = False, overwrite: bool = False,
          progress: bool | Callable[[Progress], None] = True, check: bool = False, detect_anomaly: bool = False,
          **settings: Unpack[Settings]) -> Run:  # fmt: skip
    """Meta-trains, and gives the run.

    Args:
        config: a preset (`presets`), a YAML file, or a `Config`.
        net: in place of the configuration's: a `Net` of door 3, or what `from_torch` gave, or a list of ``il.layers``. Its
            layers are taken, for the examples of the data; weights are drawn anew. `Run.parameters` gives what they became.
        data: what tasks come from, in place of what the configuration says: a path (an imported file, or a folder,
            archive, arrays or table to import); a `Dataset`; (x, y) arrays; a map-style dataset such as one of
            torch.utils.data; a list of tasks (support_x, support_y, query_x, query_y); or an iterable of such tasks,
            whose item k is training task k. Other data than files are kept in the run's folder.
        validation: tasks that validate, beside a list or an iterable of tasks.
        out: folder of the run; None: runs/PRESET.
        resume: continue from the folder's checkpoint. An iterable begins again: its first tasks are left out.
        overwrite: delete a run that is there.
        progress: a bar (of tqdm, where it is installed), or a function that is called with `Progress`.
        check: first compare a meta-step with the reference interpreter, bit by bit.
        detect_anomaly: at the first number of data, loss or update that is not finite, raise with the operation or input in
            which it arises.
        settings: over the configuration, group by group: ``outer={"steps": 3000}``. `keys` lists all.
    Raises:
        ArgumentError: a key, value or data that cannot be.
        KeyboardInterrupt: after Ctrl-C, when a checkpoint is written: ``resume=True`` continues from it.
    """
    if not isinstance(config, (Config, str, os.PathLike)):
        raise ArgumentError(f"train: found {type(config).__name__} as the configuration, expected a preset, a YAML file or a Config; "
                            "tasks are given by data=")  # fmt: skip
    folder = _place_for(config, out)
    if not resume and not overwrite and Path(folder, "checkpoint.safetensors").exists():
        raise ArgumentError(f"{folder} already holds a run: resume=True continues it, overwrite=True deletes it, out= names another "
                            "folder", "IL_ERROR_CONFIG")  # fmt: skip
    made = config.copy() if isinstance(config, Config) else Config(config)
    made.set(settings)
    given = {key for key, _ in flatten(settings)}
    if net is not None:
        both = sorted(key for key in given if key.startswith("model."))
        if both:
            raise ArgumentError(f"net: found {both[0]} beside it, expected one of them", "IL_ERROR_CONFIG")
        made.set_net(net)
    if overwrite and not resume and Path(folder, "checkpoint.safetensors").exists():
        shutil.rmtree(folder)
    return _train(made, folder, data, validation, resume, progress, check, given, detect_anomaly)


def _train(config: Config, folder: Path, data: Any, validation: Iterable[Any] | None, resume: bool,
           progress: bool | Callable[[Progress], None], check: bool, given: set[str], detect_anomaly: bool) -> Run:  # fmt: skip
    caught, of, source = Caught(), team(), None
    options = c.il_train_options()
    if is_stream(data):
        batch, steps = int(config["outer.meta_batch"]), int(config["outer.steps"])
        config.set({"task.source": "tasks"})
        source = TaskSource(data, list(validation or []), int(config["task.ways"]), caught, batch * steps, batch if check else 0)
        options.source = ctypes.pointer(source.record)
        if not validation:
            config.set({"eval.every": 0})
    elif data is not None:
        place = file_of(data, Path(folder, "data.safetensors"), "train", list(validation) if validation else None)
        _use(config, place, given)
        if not place.validated:
            config.set({"eval.every": 0})
    shown = progress if callable(progress) else _bar() if progress else None

    def report(p: Progress) -> None:
        if source is not None and p.kind == "start":
            source.begin(p.step * int(config["outer.meta_batch"]))
        if shown is not None:
            shown(p)

    with _Interrupt() as interrupt:
        callback = _callback(report, caught, interrupt.stop)
        options.out, options.team, options.resume, options.check = encode(folder), of.address, resume, check
        options.detect_anomaly = detect_anomaly
        options.progress, options.stop = callback, ctypes.pointer(interrupt.stop)
        status = lib.il_train(config.context.address, config.address, ctypes.byref(options))
    if caught.error is not None:
        lib.il_context_clear(config.context.address)
        caught.raise_again()
    if status == c.IL_ERROR_INTERRUPTED and interrupt.pressed:
        sentence = decode(lib.il_context_message(config.context.address)).partition(";")[0]
        lib.il_context_clear(config.context.address)
        raise KeyboardInterrupt(f"{sentence}; il.train(…, out={str(folder)!r}, resume=True) continues")
    if status:
        config.context.fail()
    return Run(folder)


show_settings(train)
