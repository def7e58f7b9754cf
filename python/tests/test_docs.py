"""What docs/python.md shows runs, block after block, with fewer steps, and prints what it says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import innerloop_meta as il
import numpy as np
import pytest
from conftest import NO_TORCH, source


def first(names: dict[str, Any], printed: str) -> None:
    answers, score = re.fullmatch(r"\[(\d \d \d)\] (\S+)\n", printed).groups()  # type: ignore[union-attr]
    assert set(answers.split()) <= set("01234") and 0.3 < float(score) <= 1
    assert il.Run("runs/first").config["outer.steps"] == "20"


def estimators(names: dict[str, Any], printed: str) -> None:
    assert re.fullmatch(r"\[\S+\s+\S+\s*\]\n", printed) and names["few"].adapted_.report.examples == 20
    assert Path("mine.safetensors").stat().st_size > 1000


def metrics(names: dict[str, Any], printed: str) -> None:
    assert "'step': 20" in printed and "100 tasks, after 20 meta-steps" in printed


def generator(names: dict[str, Any], printed: str) -> None:
    line = names["line"].predict([[-1.0], [0.0], [1.0]])
    assert line.shape == (3,) and line[2] > line[0]
    assert il.Run("runs/lines").config["task.source"] == "tasks"


def by_hand(names: dict[str, Any], printed: str) -> None:
    assert names["query"].dtype == np.float32 and names["adam"].made == 20 and 0.1 < names["query"] < 10


def repeated(names: dict[str, Any], printed: str) -> None:
    assert names["queries"].shape == (200,) and names["adam"].made == 220
    assert names["queries"][-50:].mean() < names["queries"][:50].mean()  # it learns


def report(names: dict[str, Any], printed: str) -> None:
    assert Path("runs/proto/report.html").exists() and "proto" in Path("both.html").read_text()


#: What a block is known by, and what is then true.
TOLD = {"il.glyphs(alphabets=1": first, "cross_val_score(few": estimators, "run.evaluate(count=100)": metrics,
        "def lines()": generator, "def meta_step(": by_hand, "meta_step.repeat(": repeated, ".report(": report}  # fmt: skip


def blocks_of(page: str) -> list[tuple[str, str]]:
    """Each with what it needs beside scikit-learn: "torch", "jax" or nothing."""
    blocks = re.findall(r"^```python\n(.*?)^```", (source() / "docs" / page).read_text(), re.DOTALL | re.MULTILINE)
    return [(block, next((name for name in ("torch", "jax") if f"import {name}\n" in block or name + "(" in block), "")) for block in blocks]


def test_blocks_of_torch_run() -> None:
    pytest.importorskip("torch", reason=NO_TORCH)
    names: dict[str, Any] = {"il": il, "np": np}
    blocks = [block for block, needs in blocks_of("python.md") if needs == "torch"]
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), names)
    assert blocks and all(p.grad is not None and bool(p.grad.any()) for p in names["module"].parameters())


@pytest.mark.parametrize("page", ["python.md", "python.zh.md"])
def test_blocks_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(il.train.__kwdefaults__, "progress", False)
    names: dict[str, Any] = {}
    aside: dict[str, Any] = {}  # what blocks of JAX name, such as a loss of their own
    told = set()
    for block, other in blocks_of(page):
        if other == "torch" or other and not importlib.util.find_spec(other):
            continue  # the tests of door 4 say so
        short = re.sub(r'"steps": \d+', '"steps": 20', block.replace("range(2000)", "range(20)"))
        for name in names if other else ():
            aside.setdefault(name, names[name])
        exec(compile(short, f"docs/{page}", "exec"), aside if other else names)
        printed = capsys.readouterr().out
        for text in (text for text in TOLD if text in block):
            TOLD[text](names, printed)
            told.add(text)
    assert told == (set(TOLD) if page == "python.md" else {"il.glyphs(alphabets=1"})
