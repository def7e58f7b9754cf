"""What tests share: short runs, made once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import innerloop_meta as il
import numpy as np
import pytest

SMALL: dict[str, Any] = {
    "model": {"filters": 8},
    "glyphs": {"alphabets": 10},
    "task": {"shots": 2, "queries": 2, "train_classes": 100},
    "eval": {"every": 10, "tasks": 10, "steps": "0,1"},
}


def source() -> Path:
    """The checkout."""
    return Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="session")
def maml(tmp_path_factory: pytest.TempPathFactory) -> il.Run:
    """5-way MAML on drawn characters."""
    return il.train("glyphs-5w1s-maml", out=tmp_path_factory.mktemp("runs") / "maml", outer={"steps": 60}, progress=False,
                    **SMALL)  # fmt: skip


@pytest.fixture(scope="session")
def points(tmp_path_factory: pytest.TempPathFactory) -> il.Run:
    """ProtoNet on classes of two features: any number of classes."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(40, 1, 2)) * 3
    x = centres + random.normal(size=(40, 12, 2)) * 0.3
    return il.train("features-5w5s-maml", data=(x.reshape(-1, 2), np.repeat(np.arange(40), 12)), progress=False,
                    out=tmp_path_factory.mktemp("runs") / "points", meta={"algorithm": "protonet"}, outer={"steps": 100},
                    task={"queries": 5}, eval={"every": 0})  # fmt: skip


@pytest.fixture(scope="session")
def sines(tmp_path_factory: pytest.TempPathFactory) -> il.Run:
    """Regression by MAML."""
    return il.train("sinusoid-10shot-maml", out=tmp_path_factory.mktemp("runs") / "sines", outer={"steps": 60},
                    eval={"every": 0}, progress=False)  # fmt: skip


@pytest.fixture(scope="session")
def pictures() -> tuple[Any, Any]:
    """Five characters, 20 drawings of each, with names for labels."""
    images, labels = il.glyphs(alphabets=1, classes=5, seed=7).arrays()
    return images, np.array(["a", "b", "c", "d", "e"])[labels]
