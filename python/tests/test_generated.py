"""What is written from the headers and the tables says what they say now; our own code is typed."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import innerloop_meta._declarations as declarations
import pytest
from conftest import source


def script(name: str) -> str:
    done = subprocess.run([sys.executable, source() / "tools" / name, "--check"], capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stderr or done.stdout


@pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc")
def test_declarations_are_the_headers() -> None:
    pytest.importorskip("pycparser")
    assert script("python_declarations.py") == ""


@pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc")
def test_structs_have_the_compilers_sizes(tmp_path: Path) -> None:
    lines = ["#include <innerloop/innerloop.h>"]
    count = 0
    for name, kind in vars(declarations).items():
        if isinstance(kind, type) and issubclass(kind, ctypes.Structure) and kind is not ctypes.Structure:
            lines.append(f'_Static_assert(sizeof(struct {name}) == {ctypes.sizeof(kind)}, "{name}");')
            for field, *_ in kind._fields_:
                at = getattr(kind, field).offset
                lines.append(f'_Static_assert(offsetof(struct {name}, {field}) == {at}, "{name}.{field}");')
                count += 1
    (tmp_path / "sizes.c").write_text("\n".join(lines))
    done = subprocess.run(["gcc", "-I", source() / "include", "-fsyntax-only", tmp_path / "sizes.c"], capture_output=True, text=True)
    assert done.stderr == ""
    assert count > 300


def test_settings_are_the_tables() -> None:
    assert script("python_settings.py") == ""


def test_types() -> None:
    pytest.importorskip("mypy")
    package = source() / "python" / "innerloop_meta"
    done = subprocess.run([sys.executable, "-m", "mypy", "--config-file", source() / "pyproject.toml", "--cache-dir",
                           os.environ.get("INNERLOOP_MYPY_CACHE", os.devnull), package], capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stdout
