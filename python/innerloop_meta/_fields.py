"""Settings that a table of the library describes (field.h), from keyword arguments."""

from __future__ import annotations

import ctypes
from typing import Any

from ._library import Context, lib


def text_of(value: object) -> str:
    """A value as configurations write it."""
    if hasattr(value, "tolist"):  # numpy's
        value = value.tolist()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(text_of(item) for item in value)
    return repr(value) if isinstance(value, float) else str(value)


def settings_of(fields: Any, size: int, name: str, given: dict[str, Any]) -> Any:
    """The struct of `size` bytes with defaults and what was given; texts are kept by it."""
    context, made = Context(), ctypes.create_string_buffer(size + 1)
    if not fields:
        fields = None
    else:
        lib.il_fields_default(fields, made)
    kept: list[bytes] = []
    for key, value in given.items():
        row = lib.il_field_find(fields, key.encode()) if fields else None
        if not row:
            known: list[str] = []
            while fields and fields[len(known)].name:
                known.append(fields[len(known)].name.decode())
            raise TypeError(f"{name}: unknown setting {key!r}, expected {', '.join(known) or 'none'}")
        kept.append(text_of(value).encode())
        if lib.il_field_set(context.address, b"", f"{name}.".encode(), row, kept[-1], made):
            context.fail()
    made._kept = kept  # type: ignore[attr-defined]
    return made
