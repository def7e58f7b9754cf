"""examples/few_shot.ipynb from its first to its last cell: as a notebook where nbclient and a kernel are there, else by Python."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import source

NOTEBOOK = source() / "examples" / "few_shot.ipynb"


def by_kernel(path: Path) -> list[str]:
    """What the cells show, as a user's notebook does."""
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    notebook = nbformat.read(path, 4)
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    return shown_in(notebook["cells"])


def shown_in(cells: list[Any]) -> list[str]:
    """The outputs of each cell of code, as text."""
    return [json.dumps([{k: v for k, v in output.items() if k in ("text", "data", "name")} for output in cell["outputs"]],
                       ensure_ascii=False) for cell in cells if cell["cell_type"] == "code"]  # fmt: skip


def by_python(path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The same without a kernel: each cell's last expression is shown."""
    names: dict[str, Any] = {}
    made = []
    for at, cell in enumerate(json.loads(path.read_text())["cells"]):
        if cell["cell_type"] != "code":
            continue
        tree = ast.parse("".join(cell["source"]))
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, f"cell {at}", "exec"), names)
        value = eval(compile(ast.Expression(last.value), f"cell {at}", "eval"), names) if last else None
        shown = value._repr_html_() if hasattr(value, "_repr_html_") else ""
        made.append(capsys.readouterr().out + shown)
    return made


def check(shown: list[str]) -> None:
    assert "860 pictures in 85 folders" in shown[1]
    assert re.search(r"<div>.*16 test classes.*after 150 meta-steps", shown[2])
    assert shown[3].count("<img") == 10 and "class 4" in shown[3]
    right = re.search(r"(\d+) of 50 are right; chance would be 10", shown[4])
    assert right and int(right.group(1)) >= 30 and shown[4].count("<img") == 50
    assert shown[4].count("#d22") == 50 - int(right.group(1)) == len(re.findall(r", is \d", shown[4]))
    assert "<iframe srcdoc=" in shown[5] and "few-shot" not in shown[0]


def test_it_runs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        import ipykernel  # noqa: F401
        import nbclient  # noqa: F401
    except ImportError:
        check(by_python(NOTEBOOK, capsys))
    else:
        check(by_kernel(NOTEBOOK))


def test_what_is_kept_in_it_is_of_these_cells() -> None:
    """The outputs in the file are those of a run from top to bottom, and it is small enough for a repository."""
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    check(shown_in(cells))
    assert NOTEBOOK.stat().st_size < 600_000 and "/root" not in NOTEBOOK.read_text()
