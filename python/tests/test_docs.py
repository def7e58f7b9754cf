"""What docs/python.md shows runs, block after block, with fewer steps."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import source


@pytest.mark.parametrize("page", ["python.md", "python.zh.md"])
def test_blocks_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", (source() / "docs" / page).read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == (10 if page == "python.md" else 1)
    names: dict[str, Any] = {}
    for block in blocks:
        other = next((name for name in ("torch", "jax") if f"import {name}\n" in block or name + "(" in block), None)
        if other and not importlib.util.find_spec(other):
            continue  # the tests of door 4 say so
        short = re.sub(r'"steps": \d+', '"steps": 20', block.replace("range(2000)", "range(20)"))
        short = short.replace("import innerloop_meta as il", "import innerloop_meta as il\nil.train.__kwdefaults__['progress'] = False")
        exec(compile(short, f"docs/{page}", "exec"), names)
    assert "['" in capsys.readouterr().out or names["few"].classes_.tolist() == [0, 1, 2, 3, 4]
