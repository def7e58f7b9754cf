"""The shared library, loaded once: typed functions, errors as exceptions, memory that frees itself.

Every object has a context of its own, so that threads share none. Memory is freed by ``weakref.finalize``, whose
registry holds what an object needs (its context, its graph) until the object itself is freed: the order in which
garbage is collected does not matter.
"""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from . import _declarations as c
from .errors import ArgumentError, ComputationError, Error, FileError

_FILE = Path(__file__).with_name("libinnerloop.so")


def _load() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(str(_FILE))
    except OSError as error:
        raise ImportError(f"{_FILE}: {error}; expected the library that `pip install` puts there") from error
    for name, (result, arguments) in c.FUNCTIONS.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise ImportError(f"{_FILE}: has no {name}; expected the library of version {c.VERSION}") from None
        function.restype = result
        function.argtypes = arguments
    return library


lib: Any = _load()
_free = ctypes.CDLL(None).free
_free.restype = None
_free.argtypes = [ctypes.c_void_p]

_CLASSES: dict[int, type[Error]] = {
    c.IL_ERROR_FILE: FileError,
    c.IL_ERROR_FORMAT: FileError,
    c.IL_ERROR_MEMORY: ComputationError,
    c.IL_ERROR_MISMATCH: ComputationError,
    c.IL_ERROR_INTERRUPTED: ComputationError,
}


def encode(path: str | os.PathLike[str]) -> bytes:
    """A text or a path as the library takes it."""
    return os.fsencode(path)


def decode(text: bytes | None) -> str:
    return "" if text is None else text.decode("utf-8", "replace")


def take_text(address: int | None) -> str:
    """The text at an address that the library has allocated, which is freed."""
    if not address:
        return ""
    text = ctypes.string_at(address)
    _free(address)
    return decode(text)


class Context:
    """A context of the library, and what went wrong in it."""

    def __init__(self) -> None:
        self.address: int = lib.il_context_new() or 0
        if not self.address:
            raise MemoryError("a context of innerloop")
        owned(self, lib.il_context_free, self.address)

    def __reduce__(self) -> NoReturn:
        raise TypeError("it consists of memory of the library, which is neither pickled nor copied")

    def fail(self) -> NoReturn:
        """Raises the error that stands in the context, and clears it."""
        status = lib.il_context_status(self.address)
        sentence = decode(lib.il_context_message(self.address)) or "an error without a sentence"
        lib.il_context_clear(self.address)
        raise _CLASSES.get(status, ArgumentError)(sentence, decode(lib.il_status_name(status)))

    def check(self) -> None:
        if lib.il_context_status(self.address):
            self.fail()

    def made(self, address: int | None) -> int:
        """An address that is none after an error."""
        if not address:
            self.fail()
        return address


def _release(free: Callable[[Any], None], address: Any, *_needed: object) -> None:
    free(address)


def owned(owner: object, free: Callable[[Any], None], address: Any, *needed: object) -> weakref.finalize[Any, Any]:
    """Frees `address` when `owner` is garbage; what is `needed` lives until then."""
    made = weakref.finalize(owner, _release, free, address, *needed)
    made.atexit = False  # other threads may still compute then, and the system takes all memory back
    return made


def record(name: str) -> Any:
    """A constant record of the library, such as ``il_adam``."""
    return c.RECORDS[name].in_dll(lib, name)


def texts(items: list[str]) -> Any:
    """A list of texts that ends with NULL."""
    return (ctypes.c_char_p * (len(items) + 1))(*[item.encode() for item in items], None)


def shape_of(dimensions: tuple[int, ...]) -> Any:
    if len(dimensions) > c.IL_MAX_RANK:
        raise ArgumentError(f"a shape of {len(dimensions)} dimensions, expected at most {c.IL_MAX_RANK}")
    return c.il_shape(len(dimensions), tuple(dimensions))


def dimensions_of(shape: Any) -> tuple[int, ...]:
    return tuple(shape.dim[: shape.rank])


class Caught:
    """What a callback raised: kept until the library has come back."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def keep(self, error: BaseException) -> None:
        if self.error is None:
            self.error = error

    def raise_again(self) -> None:
        error, self.error = self.error, None
        if error is not None:
            raise error
