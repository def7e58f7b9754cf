"""State: named memory that functions read and move on, such as parameters and the moments of an optimizer."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _declarations as c
from ._library import Context, decode, dimensions_of, lib, owned
from .errors import ArgumentError

Array = npt.NDArray[Any]
_serials = itertools.count()
PRECISIONS = {"float32": c.IL_FLOAT32, "float64": c.IL_FLOAT64}


class _Memory:
    """Entries and their buffers."""

    def __init__(self, fill: Callable[[int, Any], object], precision: str) -> None:
        if precision not in PRECISIONS:
            raise ArgumentError(f"precision: found {precision!r}, expected 'float32' or 'float64'")
        self.context = Context()
        self.entries = c.il_entries()
        self.buffers = c.il_buffers()
        owned(self, lib.il_entries_free, ctypes.pointer(self.entries))
        owned(self, lib.il_buffers_free, ctypes.pointer(self.buffers), self.entries)
        fill(self.context.address, ctypes.byref(self.entries))
        self.context.check()
        lib.il_buffers_init(self.context.address, ctypes.byref(self.buffers), self.entries.count, self.entries.entry,
                            PRECISIONS[precision], True)  # fmt: skip
        self.context.check()


class State(Mapping[str, Array]):
    """Arrays by name. A function that is called with it may say what they are next (`Optimizer.step`, `update`).

    ``state[name]`` is a copy of what it holds now, ``state[name] = array`` replaces it.
    """

    def __init__(self, fill: Callable[[int, Any], object], precision: str = "float32", net: object = None) -> None:
        self.memory = _Memory(fill, precision)
        self.net = net  # entries point to it
        self.precision = precision
        self.serial = next(_serials)
        self.entries: dict[str, Any] = {}
        for i in range(self.memory.entries.count):
            entry = self.memory.entries.entry[i]
            self.entries[decode(entry.name)] = entry
        self.key = (precision, *((name, dimensions_of(e.shape), e.flags) for name, e in self.entries.items()))

    __eq__ = object.__eq__  # one is not another, whatever numbers they hold
    __hash__ = object.__hash__

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def _view(self, name: str) -> Array:
        if name not in self.entries:
            raise KeyError(name)
        buffers = ctypes.byref(self.memory.buffers)
        address = lib.il_buffers_at(buffers, lib.il_buffers_find(buffers, name.encode()))
        kind = ctypes.c_float if self.precision == "float32" else ctypes.c_double
        shape = dimensions_of(self.entries[name].shape)
        flat = (kind * int(np.prod(shape, dtype=np.int64))).from_address(address)
        view: Array = np.frombuffer(flat, dtype=np.dtype(self.precision)).reshape(shape)  # type: ignore[call-overload]
        return view

    def __getitem__(self, name: str) -> Array:
        made: Array = self._view(name).copy()
        return made

    def __setitem__(self, name: str, array: npt.ArrayLike) -> None:
        view, given = self._view(name), np.asarray(array)
        if given.shape != view.shape:
            raise ArgumentError(f"{name}: found shape {given.shape}, expected {view.shape}", "IL_ERROR_SHAPE")
        view[...] = given

    def initialize(self, seed: int) -> None:
        """The first values: a pure function of seed and name."""
        lib.il_buffers_initialize(ctypes.byref(self.memory.buffers), seed)

    def copy(self) -> State:
        """Another one with the same numbers."""
        made = self._another()
        for name in self:
            made[name] = self._view(name)
        return made

    def _another(self) -> State:
        def fill(context: int, entries: Any) -> None:
            for entry in self.entries.values():
                lib.il_entries_add(context, entries, entry)

        return State(fill, self.precision, self.net)

    def __copy__(self) -> State:
        return self.copy()

    def __deepcopy__(self, memo: object) -> State:
        return self.copy()

    def __getstate__(self) -> None:
        raise TypeError("a state is not pickled; pickle its arrays: dict(state)")

    def __repr__(self) -> str:
        return "State(" + ", ".join(f"{n} {dimensions_of(e.shape)}" for n, e in self.entries.items()) + ")"
