"""What goes wrong: three classes of exceptions, which carry the sentences of the library."""

from __future__ import annotations


class Error(Exception):
    """Any error of the library. ``status`` is its name there, such as ``"IL_ERROR_SHAPE"``."""

    def __init__(self, sentence: str, status: str = "IL_ERROR_ARGUMENT") -> None:
        super().__init__(sentence)
        self.status = status

    def __reduce__(self) -> tuple[type[Error], tuple[str, str]]:
        return type(self), (str(self), self.status)


class ArgumentError(Error, ValueError):
    """What was asked for does not fit: arguments, shapes, types, configurations, data."""


class FileError(Error, OSError):
    """A file or folder that cannot be read or written, or whose content is not what its format prescribes."""

    def __str__(self) -> str:
        return str(self.args[0])


class ComputationError(Error, RuntimeError):
    """Nothing was wrong with what was asked for: memory ran out, or two results that must agree differ."""
