"""What tests share: short runs, made once."""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder
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


class Beside:
    """Finds PyTorch and JAX, and what they need, in the packages of another environment; what there is here stays."""

    def __init__(self, site: Path) -> None:
        self.site = [str(site)]

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if path is not None or name.partition(".")[0] in ("numpy", "sklearn", "pandas", "tqdm", "innerloop_meta"):
            return None
        return PathFinder.find_spec(name, self.site)


def _beside() -> None:
    """$INNERLOOP_TORCH is a virtual environment with PyTorch or JAX; else they are there for the Python that runs, or not."""
    given = os.environ.get("INNERLOOP_TORCH")
    for site in Path(given).glob("lib/python3*/site-packages") if given else ():
        sys.meta_path.append(Beside(site))  # type: ignore[arg-type]


_beside()
NO_TORCH = "there is no PyTorch: install Debian's python3-torch, or let INNERLOOP_TORCH name a virtual environment that has it"
NO_JAX = "there is no JAX: INNERLOOP_TORCH names a virtual environment that has it"


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


def torch_beside_numpy() -> Any:
    """PyTorch, if it takes this numpy's arrays: Debian's was built for numpy 1."""
    torch = pytest.importorskip("torch", reason=NO_TORCH)
    try:
        torch.zeros(1).numpy()
    except RuntimeError:
        pytest.skip(f"PyTorch {torch.__version__} takes no arrays of numpy {np.__version__}", allow_module_level=True)
    return torch
