#!/usr/bin/env python3
"""Writes python/innerloop_meta/settings.py: the keys of a configuration as typed dictionaries, with their help.

python_settings.py [--check]    asks the library that python/innerloop_meta/libinnerloop.so, or $INNERLOOP_LIBRARY, is
"""

import ctypes
import os
import re
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "python" / "innerloop_meta" / "settings.py"
sys.path.insert(0, str(ROOT / "python" / "innerloop_meta"))
import _declarations as c  # noqa: E402

lib = ctypes.CDLL(os.environ.get("INNERLOOP_LIBRARY", str(OUT.with_name("libinnerloop.so"))))
for name in ("il_config_keys", "il_config_key_at", "il_presets", "il_preset_at"):
    getattr(lib, name).restype, getattr(lib, name).argtypes = c.FUNCTIONS[name]

TITLES = {
    "task": "What tasks are.", "model": "The net.", "meta": "The meta-learning algorithm.",
    "inner": "How a learner adapts to a task.", "outer": "How meta-parameters move.",
    "eval": "What is measured, and when.", "plan": "How a meta-step is compiled.",
    "checkpoint": "When checkpoints are written.", "log": "When lines of the metrics are written.",
}  # fmt: skip


def kind(accepts: str) -> str:
    if accepts.startswith("one of "):
        return "Literal[" + ", ".join(f'"{word}"' for word in accepts[len("one of ") :].split("|")) + "]"
    if "range of them" in accepts:
        return "Union[int, str]"
    if accepts.startswith("an integer"):
        return "int"
    if accepts.startswith("a number"):
        return "float"
    return "bool" if accepts == "true or false" else "str"


def wrapped(text: str, indent: int) -> list[str]:
    return textwrap.wrap(text, 118 - indent, initial_indent=" " * indent, subsequent_indent=" " * indent)


def text() -> str:
    groups: dict[str, list[tuple[str, str, str, str, str]]] = {}
    room = ctypes.create_string_buffer(400)
    for i in range(lib.il_config_keys()):
        row = lib.il_config_key_at(i, room, len(room))
        key, accepts = row.key.decode(), row.accepts.decode()
        group, _, name = key.rpartition(".")
        groups.setdefault(group, []).append((name, kind(accepts), row.doc.decode(), accepts, row.fallback.decode()))
    presets = [lib.il_preset_at(i).contents for i in range(lib.il_presets())]
    lines = ['"""Written by tools/python_settings.py from the tables of the library; do not edit.', "",
             "The keys of a configuration, group by group, for keyword arguments of `train`:",
             '``train("omniglot-5w1s-maml", data="omniglot.safetensors", outer={"steps": 3000})``.', '"""', "",
             "from __future__ import annotations", "", "from typing import Literal, TypedDict, Union", "",
             "Preset = Literal["]  # fmt: skip
    lines += [f'    "{p.name.decode()}",' for p in presets]
    lines += ["]", ""]
    classes = {g: "".join(w.capitalize() for w in g.split("_")) for g in groups if g}
    for group, rows in groups.items():
        if not group:
            continue
        title = TITLES.get(group, f"Settings of {group}.")
        lines += ["", f"class {classes[group]}(TypedDict, total=False):", f'    """{title}"""', ""]
        for name, of, doc, accepts, fallback in rows:
            lines.append(f"    {name}: {of}")
            said = accepts.replace("|", ", ")  # which lines can be broken at
            text = f"{doc}. {said[0].upper()}{said[1:]}; default {fallback or 'none'}."
            quoted = wrapped('"""' + text.replace("\\", "\\\\") + '"""', 4)
            lines += quoted
        lines.append("")
    lines += ["", "class Settings(TypedDict, total=False):", '    """All of them."""', ""]
    for name, of, doc, accepts, fallback in groups.get("", []):
        lines += [f"    {name}: {of}", *wrapped(f'"""{doc}. {accepts[0].upper()}{accepts[1:]}; default {fallback}."""', 4)]
    lines += [f"    {group}: {name}" for group, name in classes.items()]
    made = "\n".join(lines) + "\n"
    return re.sub(r"\n{4,}", "\n\n\n", made)


def main() -> None:
    made = text()
    if "--check" not in sys.argv[1:]:
        OUT.write_text(made)
    elif OUT.read_text() != made:
        raise SystemExit(f"{OUT} is not what the tables say: tools/python_settings.py writes it")


if __name__ == "__main__":
    main()
