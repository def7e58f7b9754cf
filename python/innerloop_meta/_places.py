"""What data of any kind becomes: a file that a source of tasks reads."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

from . import _declarations as c
from ._library import Context, decode, encode, lib
from ._source import NAMES, one
from .dataset import Dataset
from .errors import ArgumentError

StrPath = Union[str, "os.PathLike[str]"]


@dataclass
class Place:
    """A file that a source reads."""

    path: str
    source: str
    validated: bool = True


def is_task(item: Any) -> bool:
    if isinstance(item, Mapping):
        return all(name in item for name in NAMES)
    return (isinstance(item, (tuple, list)) and len(item) == 4) or all(hasattr(item, name) for name in NAMES)


def write_tasks(path: StrPath, splits: Mapping[str, Iterable[Any]]) -> None:
    """Tasks into a file for `task.source` tasks, under "train", "validation" and "test"."""
    context, kept, tensors = Context(), [], []
    kinds = {"float32": c.IL_FLOAT32, "int32": c.IL_INT32, "uint8": c.IL_UINT8}
    for split, items in splits.items():
        for at, item in enumerate(items):
            for name, array in zip(NAMES, one(item).arrays):
                tensor = c.il_tensor(f"{split}.{at}.{name}".encode(), kinds[str(array.dtype)])
                tensor.shape.rank, tensor.data = array.ndim - 1, array.ctypes.data
                for i, size in enumerate(array.shape[1:]):
                    tensor.shape.dim[i] = size
                tensors.append(tensor)
                kept.append(array)
    rows = (c.il_tensor * len(tensors))(*tensors)
    if lib.il_tensors_write(context.address, encode(path), c.IL_FILE_SAFETENSORS, len(tensors), rows):
        context.fail()


def file_of(data: Any, room: Path, split: str = "test", validation: list[Any] | None = None) -> Place:
    """A file with the data; `room` is where it is written if it is none yet."""
    if isinstance(data, (str, os.PathLike)):
        kind = lib.il_import_kind_of(encode(data))
        if kind is None:
            return Place(os.path.abspath(data), "")
        room.parent.mkdir(parents=True, exist_ok=True)
        Dataset.load(data, room) if decode(kind) != "table" else _import(data, room)
        return Place(str(room.absolute()), "")
    room.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(data, (list, tuple)) and data and is_task(data[0]):
        write_tasks(room, {split: data, **({"validation": validation} if validation else {})})
        return Place(str(room.absolute()), "tasks", bool(validation))
    if isinstance(data, Dataset):
        dataset = data
    elif isinstance(data, (tuple, list)) and len(data) == 2:
        dataset = Dataset.of(*data)
    elif hasattr(data, "__getitem__") and hasattr(data, "__len__") and not isinstance(data, Mapping):
        dataset = Dataset.of_pairs(data)
    else:
        hint = ": data=f() of a generator f" if callable(data) else ": (data['x'], data['y'])" if isinstance(data, Mapping) else ""
        raise ArgumentError(f"data of type {type(data).__name__}; expected a path, a Dataset, (x, y), a map-style dataset, "
                            f"or tasks{hint}", "IL_ERROR_DATA")  # fmt: skip
    if dataset.path is not None:
        return Place(os.path.abspath(dataset.path), "dataset")
    dataset.save(room)
    return Place(str(room.absolute()), "dataset")


def _import(source: StrPath, out: Path) -> None:
    context, options, report = Context(), c.il_import_options(), c.il_import_report()
    lib.il_import(context.address, encode(source), encode(out), ctypes.byref(options), ctypes.byref(report))
    lib.il_import_report_free(ctypes.byref(report))
    context.check()


def is_stream(data: Any) -> bool:
    """Tasks that come one after the other, and may never end."""
    return not isinstance(data, (str, os.PathLike, Dataset, Mapping)) and (
        hasattr(data, "__next__") or (hasattr(data, "__iter__") and not hasattr(data, "__getitem__"))
    )
