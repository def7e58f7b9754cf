"""innerloop: a meta-learning engine. ``import innerloop_meta as il``.

Four doors, each usable alone (docs/python.md):

- scikit-learn's manner: `FewShotClassifier`, `FewShotRegressor`
- training: `train`, `Run`, `presets`, `keys`
- an algorithm of one's own: `function`, `grad`, `Net`
- trust in one's own gradient: `check`
"""

from . import nets as layers
from . import ops, settings
from ._declarations import VERSION
from ._team import set_threads
from .check import Check, ParameterCheck, check
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
from .state import State
from .tasks import TaskBatch, Tasks, task_batch
from .training import Evaluation, Progress, Run, train, write_tasks
from .values import Value, Values, grad, jvp, leaf, stop_gradient, task_mean, vjp

#: of the library
__version__ = VERSION

__all__ = [
    "Adapted", "ArgumentError", "Check", "ComputationError", "Config", "Dataset", "Error", "Evaluation", "FewShotClassifier",
    "FewShotRegressor", "FileError", "Function", "Layer", "Learner", "Net", "Optimizer", "ParameterCheck", "Progress", "Report", "Run",
    "State", "TaskBatch", "Tasks", "Value", "Values", "accuracy", "adam", "binary_cross_entropy", "cast", "check", "concat",
    "conv2d", "cross_entropy", "each", "exp", "function", "glyphs", "grad", "jvp", "keys", "layers", "leaf", "log",
    "matmul", "mean", "mean_squared_error", "momentum", "one_hot", "ops", "presets", "relu", "select", "set_threads",
    "settings", "sgd", "sigmoid", "sin", "sqrt", "stop_gradient", "tanh", "task_batch", "task_mean", "train", "update",
    "vjp", "write_tasks",
]  # fmt: skip
