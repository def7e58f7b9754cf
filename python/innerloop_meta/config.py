"""Configurations: every key has a type, a default and a range, which the library knows."""

from __future__ import annotations

import ctypes
import inspect
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from . import _declarations as c
from ._fields import text_of
from ._library import Context, decode, encode, lib, owned, take_text
from .errors import ArgumentError
from .nets import Layer, Net
from .settings import Settings


def flatten(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """("outer.steps", "3000") of {"outer": {"steps": 3000}} and of {"outer.steps": 3000}."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            for name, text in flatten(value):
                yield f"{key}.{name}", text
        elif value is not None:
            yield key, text_of(value)


class Config(Mapping[str, str]):
    """A configuration: a preset's or a file's, with settings over it. Keys such as ``"outer.steps"``, values as text."""

    def __init__(self, base: str | os.PathLike[str] | None = None, **settings: Any) -> None:
        self.context = Context()
        made = (lib.il_config_new(self.context.address) if base is None
                else lib.il_config_load(self.context.address, encode(base)))  # fmt: skip
        self.address: int = self.context.made(made)
        owned(self, lib.il_config_free, self.address, self.context)
        self.set(settings)

    def copy(self) -> Config:
        """Another one of the same values."""
        return _owning(lambda context: lib.il_config_copy(context.address, self.address))

    def __reduce__(self) -> Any:
        return _parsed, (str(self),)

    def set(self, settings: Mapping[str, Any]) -> None:
        """Raises ArgumentError for an unknown key, which names the nearest, and for a value that it does not accept."""
        for key, value in settings.items():
            plain = "." not in key and value is not None and not isinstance(value, Mapping)
            if plain and any(row["key"].startswith(f"{key}.") for row in keys()):
                raise ArgumentError(f"{key}: found {value!r}, expected settings of this group, such as {{\"name\": value}}; il.keys() "
                                    "lists them", "IL_ERROR_CONFIG")  # fmt: skip
        for key, text in flatten(settings):
            if lib.il_config_set(self.address, f"{key}={text}".encode()):
                self.context.fail()

    def set_net(self, net: Net | Sequence[Layer]) -> None:
        """Lists the layers of a net (model.layers), in place of one by name: those of a `Net`, or a list of `layers`.

        Raises:
            ArgumentError: a layer that cannot be listed.
        """
        layers = net.layers if isinstance(net, Net) else tuple(net)
        for layer in layers:
            if not isinstance(layer, Layer):
                raise ArgumentError(f"net: found {type(layer).__name__}, expected a Net, or layers such as il.layers.conv(16)")
        rows = (c.il_layer * len(layers))(*[layer._made() for layer in layers])
        if lib.il_config_set_layers(self.address, len(layers), rows):
            self.context.fail()

    def __getitem__(self, key: str) -> str:
        text = lib.il_config_get(self.address, key.encode())
        if text is None:
            raise KeyError(key)
        return decode(text)

    def __iter__(self) -> Iterator[str]:
        return (row["key"] for row in keys())

    def __len__(self) -> int:
        return int(lib.il_config_keys())

    def __str__(self) -> str:
        return take_text(lib.il_config_dump(self.address))


def _owning(make: Callable[[Context], Any]) -> Config:
    made = Config.__new__(Config)
    made.context = Context()
    made.address = made.context.made(make(made.context))
    owned(made, lib.il_config_free, made.address, made.context)
    return made


def _parsed(text: str) -> Config:
    return _owning(lambda context: lib.il_config_parse(context.address, b"configuration", text.encode()))


def show_settings(call: Any, groups: frozenset[str] | None = None) -> None:
    """Gives a function that takes ``**settings`` a signature with every group, for help and completion at run time."""
    plain = inspect.signature(call)
    own = [p for p in plain.parameters.values() if p.kind is not p.VAR_KEYWORD]
    shown = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=None)
             for name, kind in Settings.__annotations__.items() if groups is None or name in groups]  # fmt: skip
    call.__signature__ = plain.replace(parameters=[*own, *shown])


def keys() -> list[dict[str, str]]:
    """Every key with its default, what it accepts and what it is; fit for pandas."""
    room = ctypes.create_string_buffer(c.IL_FIELD_TEXT_SIZE + 200)
    rows = []
    for i in range(lib.il_config_keys()):
        row = lib.il_config_key_at(i, room, len(room))
        rows.append({"key": decode(row.key), "default": decode(row.fallback), "accepts": decode(row.accepts),
                     "doc": decode(row.doc)})  # fmt: skip
    return rows


def presets() -> list[dict[str, str]]:
    """Every preset with what it is and where its protocol comes from; fit for pandas."""
    rows = [lib.il_preset_at(i).contents for i in range(lib.il_presets())]
    return [{"name": decode(r.name), "note": decode(r.note), "source": decode(r.source)} for r in rows]
