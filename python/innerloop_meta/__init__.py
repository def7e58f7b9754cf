"""innerloop: a meta-learning engine. ``import innerloop_meta as il``.

Five doors, each usable alone (docs/python.md):

- scikit-learn's manner: `FewShotClassifier`, `FewShotRegressor`
- training: `train`, `Run`, `presets`, `keys`
- an algorithm of one's own: `function`, `grad`, `Net`
- PyTorch and JAX: `from_torch`, `MetaLoss`, `jax_meta_loss`, which import these when they are asked for
- trust in one's own gradient: `check`
"""

from typing import TYPE_CHECKING, Any

from . import nets as layers
from . import ops, settings
from ._declarations import VERSION
from ._team import set_threads
from ._places import write_tasks
from .algorithms import (
    Algorithm,
    anil,
    baseline,
    baselinepp,
    boil,
    cavia,
    imaml,
    maml,
    mamlpp,
    matching,
    meta_curvature,
    meta_sgd,
    metaoptnet,
    protomaml,
    protonet,
    r2d2,
    relation,
    reptile,
    simpleshot,
)
from ._check.checker import Check, ParameterCheck, check
from .config import Config, keys, presets
from .dataset import Dataset, glyphs
from .errors import ArgumentError, ComputationError, Error, FileError
from .estimators import FewShotClassifier, FewShotRegressor
from .function import Function, each, function, update
from .learner import Adapted, Learner, Report
from .nets import Layer, Net
from .ops import (
    accuracy,
    binary_cross_entropy,
    cast,
    concat,
    conv2d,
    cross_entropy,
    exp,
    log,
    matmul,
    mean,
    mean_squared_error,
    one_hot,
    relu,
    select,
    sigmoid,
    sin,
    sqrt,
    tanh,
)
from .optimizers import Optimizer, adam, momentum, sgd
from .runs import Evaluation, Page, Run
from .state import State
from .tasks import TaskBatch, Tasks, task_batch
from .training import Progress, train
from .values import Value, Values, grad, jvp, leaf, stop_gradient, task_mean, vjp

if TYPE_CHECKING:
    from ._bridges.jax import JaxMetaLoss as JaxMetaLoss, jax_meta_loss as jax_meta_loss
    from ._bridges.pytorch import MetaLoss as MetaLoss, TorchNet as TorchNet, from_torch as from_torch

_LATER = {"MetaLoss": "pytorch", "TorchNet": "pytorch", "from_torch": "pytorch", "JaxMetaLoss": "jax",
          "jax_meta_loss": "jax"}  # fmt: skip


def __getattr__(name: str) -> Any:
    """What needs PyTorch or JAX, which are imported no sooner."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    made = globals()[name] = getattr(import_module("._bridges." + _LATER[name], __name__), name)
    return made


#: of the library
__version__ = VERSION

__all__ = [
    "Adapted", "Algorithm", "ArgumentError", "Check", "ComputationError", "Config", "Dataset", "Error", "Evaluation",
    "FewShotClassifier", "FewShotRegressor", "FileError", "Function", "Layer", "Learner", "Net", "Optimizer",
    "Page", "ParameterCheck", "Progress", "Report", "Run", "State", "TaskBatch", "Tasks", "Value", "Values", "accuracy",
    "adam", "anil", "baseline", "baselinepp", "binary_cross_entropy", "boil", "cast", "cavia", "check", "concat",
    "conv2d", "cross_entropy",
    "each", "exp", "function", "glyphs", "grad", "imaml", "jvp", "keys", "layers", "leaf", "log", "maml", "mamlpp",
    "matching", "matmul", "mean", "mean_squared_error", "meta_curvature", "meta_sgd", "metaoptnet", "momentum",
    "one_hot", "ops", "presets", "protomaml", "protonet", "r2d2", "relation", "relu", "reptile", "select", "set_threads",
    "settings", "sgd", "sigmoid", "simpleshot", "sin", "sqrt", "stop_gradient", "tanh", "task_batch", "task_mean", "train",
    "update", "vjp", "write_tasks",
]  # fmt: skip
