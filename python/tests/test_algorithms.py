"""Every algorithm from Python: trained, evaluated, adapted to new classes and asked (docs/algorithms.md)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import innerloop_meta as il
import numpy as np
import pytest
from conftest import source

NAMES = re.findall(r"^IL_ALGORITHM\((\w+)\)$", (source() / "src/meta/algorithms.def").read_text(), re.MULTILINE)
# What an algorithm asks for beside its name.
TASKS: dict[str, dict[str, Any]] = {name: {"train_ways": 8} for name in ("protonet", "matching", "r2d2", "baseline", "baselinepp", "simpleshot")}  # fmt: skip
RATED = {"maml", "anil", "boil", "reptile", "protomaml", "cavia", "meta_curvature", "imaml", "baseline", "baselinepp"}  # which take it
NETS: dict[str, dict[str, Any]] = {"relation": {"preset": "relation_conv"}}


@pytest.mark.parametrize("name", NAMES)
def test_every_algorithm_trains_evaluates_and_adapts(name: str, tmp_path: Path, pictures: Any) -> None:
    run = il.train("glyphs-5w1s-maml", out=tmp_path / "run", progress=False, meta={"algorithm": name},
                   model={"filters": 4, **NETS.get(name, {})}, inner={"steps": 2, **({"lr": 0.05} if name in RATED else {})},
                   glyphs={"alphabets": 4, "classes": 10, "writers": 8},
                   task={"train_classes": 20, "validation_classes": 10, "queries": 2, **TASKS.get(name, {})},
                   outer={"steps": 4, "meta_batch": 3}, eval={"every": 0})  # fmt: skip
    made = run.evaluate(count=6)
    assert made.tasks == 6 and made.trained == 4 and made.rows
    assert all(0 <= row["mean"] <= 1 for row in made.rows), made.rows
    images, labels = pictures
    few = il.FewShotClassifier(run).fit(images[::5], labels[::5])
    proba = few.predict_proba(images[1::5])
    assert proba.shape == (20, 5) and np.isfinite(proba).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-6)
