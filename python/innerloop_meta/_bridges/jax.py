"""JAX: losses of meta-batches with the engine's exact meta-gradient, under ``jax.jit`` and ``jax.grad``.

Imported when it is asked for: ``il.jax_meta_loss``. The engine is called by ``jax.pure_callback``: ``jax.ffi`` calls functions of
a library that was compiled with XLA's own headers, and innerloop links nothing of JAX. A callback is given the arrays of
the CPU where they lie.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from .. import _team as _team_module
from .._team import Team
from ..algorithms import Algorithm
from ..errors import ArgumentError
from ..nets import Net
from .meta_loss import Form, MetaFunction, Shape

_lock = threading.RLock()
_teams: dict[int, Team] = {}  # one, of as many threads as were asked for


def _team() -> Team:
    """JAX calls back from any of its threads: all of them compute on one team, one after the other."""
    if _team_module._threads not in _teams:
        _teams.clear()
        _teams[_team_module._threads] = Team(_team_module._threads)
    return _teams[_team_module._threads]


_PRECISIONS = ("float32", "float64")


def _path(path: Any) -> str:
    return ".".join(str(getattr(part, "key", getattr(part, "name", getattr(part, "idx", part)))) for part in path)


class JaxMetaLoss:
    """``f(parameters, support_x, support_y, query_x, query_y)``: the mean query loss of a batch of tasks, a scalar.

    ``jax.grad(f)`` and ``jax.value_and_grad(f)`` give the exact meta-gradient, by parameters alone; with the loss it is one run
    of the engine. x [tasks, n, h, w, c] (or [tasks, n, t, c], [tasks, n, features]), y whole numbers [tasks, n] or targets
    [tasks, n, outputs].
    """

    def __init__(self, net: Net, algorithm: Algorithm, loss: str | None, statistics: str, ways: int | None, names: Any) -> None:
        if not isinstance(net, Net) or not isinstance(algorithm, Algorithm):
            raise ArgumentError(f"found {type(net).__name__} and {type(algorithm).__name__}, expected a net and an algorithm, such as "
                                "il.Net(…) and il.maml(steps=5, lr=0.01)")  # fmt: skip
        if statistics == "running":
            raise ArgumentError("statistics: found 'running', which moves with training; expected 'query', 'support' or 'each'")
        if algorithm.record.weigh:
            raise ArgumentError(f"{algorithm.name} changes with the meta-steps, which a function without state cannot count")
        if not net.outputs and not algorithm.own_head:
            raise ArgumentError(f"the net gives features, but {algorithm.name} takes scores; expected a net with outputs")
        self.net, self.algorithm, self.ways = net, algorithm, ways
        self._of = {precision: MetaFunction(net, algorithm, torch=False, precision=precision, loss=loss, statistics=statistics)
                    for precision in _PRECISIONS}  # fmt: skip
        self.entries = self._of["float32"].entries
        known = [entry.name for entry in self.entries]
        self._order: list[int] | None = None  # of the entries, among the leaves of `names`
        self._structure: Any = None
        if names is not None:
            leaves, self._structure = jax.tree_util.tree_flatten(names)
            if sorted(leaves) != sorted(known):
                raise ArgumentError(f"names: found {', '.join(map(str, leaves))}; expected each of {', '.join(known)} once")
            self._order = [leaves.index(name) for name in known]
        self._call = jax.custom_vjp(self._value)
        self._call.defvjp(self._forward, self._backward, symbolic_zeros=True)

    def init(self, seed: int = 1, dtype: Any = "float32") -> Any:
        """First parameters, a pure function of the seed: by name, or as `names` has them."""
        precision = np.dtype(dtype).name
        if precision not in _PRECISIONS:
            raise ArgumentError(f"dtype: found {precision}, expected float32 or float64")
        f, made = self._of[precision], []
        for entry in f.entries:
            value = np.empty(entry.shape, precision)
            f.initial(entry, seed, value.ctypes.data)
            made.append(jnp.asarray(value))
        if self._order is None:
            return {entry.name: value for entry, value in zip(f.entries, made)}
        placed = [made[0]] * len(made)
        for value, at in zip(made, self._order):
            placed[at] = value
        return jax.tree_util.tree_unflatten(self._structure, placed)

    # ---- what parameters are called ----
    def _leaves(self, parameters: Any) -> list[Any]:
        """In the order of the entries."""
        if self._order is not None:
            leaves, structure = jax.tree_util.tree_flatten(parameters)
            if structure != self._structure:
                raise ArgumentError(f"parameters: found {structure}, expected {self._structure}, as names")
            return [leaves[at] for at in self._order]
        if isinstance(parameters, Mapping) and not isinstance(parameters, dict):
            parameters = dict(parameters)
        by_name = {_path(path): leaf for path, leaf in jax.tree_util.tree_flatten_with_path(parameters)[0]}
        known = [entry.name for entry in self.entries]
        if sorted(by_name) != sorted(known):
            raise ArgumentError(f"parameters: found {', '.join(by_name) or 'none'}; expected {', '.join(known)}, by these names, in "
                                "dicts, or names=, a tree of parameters' shape that holds them")  # fmt: skip
        return [by_name[name] for name in known]

    def __call__(self, parameters: Any, support_x: Any, support_y: Any, query_x: Any, query_y: Any) -> Any:
        """The loss, a scalar of the parameters' type."""
        leaves = [jnp.asarray(leaf) for leaf in self._leaves(parameters)]
        data = [jnp.asarray(a) for a in (support_x, support_y, query_x, query_y)]
        dtype = leaves[0].dtype if leaves else data[0].dtype
        self._check(leaves, data, dtype)
        targets = jnp.issubdtype(data[1].dtype, jnp.floating)
        for i in (1, 3):
            data[i] = (data[i][..., None] if data[i].ndim == 2 else data[i]) if targets else data[i].astype(jnp.int32)
        return self._call(tuple(leaves), tuple(data))

    def _check(self, leaves: list[Any], data: list[Any], dtype: Any) -> None:
        for entry, leaf in zip(self.entries, leaves):
            if leaf.dtype.name not in _PRECISIONS or leaf.dtype != dtype:
                raise ArgumentError(f"{entry.name} has type {leaf.dtype}, expected float32 or float64, the same in all", "IL_ERROR_TYPE")
            if leaf.shape != entry.shape:
                raise ArgumentError(f"{entry.name} has shape {leaf.shape}, expected {entry.shape}", "IL_ERROR_SHAPE")
        x, example = data[0], self.net.example
        for name, part in (("support_x", x), ("query_x", data[2])):
            if part.dtype != dtype:
                raise ArgumentError(f"{name} has type {part.dtype}, expected {dtype}, that of the parameters", "IL_ERROR_TYPE")
            if part.shape[2:] != example or part.ndim != len(example) + 2 or part.shape[0] != x.shape[0] or 0 in part.shape:
                raise ArgumentError(f"{name} has shape {part.shape}; expected [tasks, n, {', '.join(map(str, example))}], as many tasks "
                                    "in both sets, none of them 0", "IL_ERROR_SHAPE")  # fmt: skip
        targets = jnp.issubdtype(data[1].dtype, jnp.floating)
        for name, y, part in (("support_y", data[1], x), ("query_y", data[3], data[2])):
            whole = jnp.issubdtype(y.dtype, jnp.integer)
            if not (y.dtype == dtype if targets else whole):
                raise ArgumentError(f"{name} has type {y.dtype}, expected whole numbers, or targets of type {dtype}", "IL_ERROR_TYPE")
            if y.shape[:2] != part.shape[:2] or y.ndim not in ((2, 3) if targets else (2,)):
                raise ArgumentError(f"{name} has shape {y.shape} for x of shape {part.shape}; expected labels [tasks, n], or targets "
                                    "[tasks, n, outputs]", "IL_ERROR_SHAPE")  # fmt: skip

    # ---- what JAX calls ----
    def _labels(self, support: Any, query: Any) -> int:
        """Classes of a task, after a look at all labels."""
        own = self.algorithm.own_head
        ways = self.ways or int(support.max()) + 1 if own else self.net.outputs
        low, high = min(int(support.min()), int(query.min())), max(int(support.max()), int(query.max()))
        most = 1 if ways == 1 and self._of["float32"].loss == "binary_cross_entropy" else ways - 1  # one score tells 0 from 1
        if low < 0 or high > most:
            raise ArgumentError(f"labels from {low} to {high}, expected 0 to {most}", "IL_ERROR_DATA")
        return ways

    def _run(self, wanted: bool, leaves: Any, data: Any) -> list[Any]:
        """On the host: the loss, then the gradients if they are wanted."""
        read = [np.ascontiguousarray(a) for a in (*data, *leaves)]
        x, y = read[0], read[1]
        targets = y.shape[2] if y.dtype.kind == "f" else 0
        ways = self._labels(y, read[3]) if not targets else 1 if self.algorithm.own_head else self.net.outputs
        form: Form = self._of[x.dtype.name].form(Shape(
            x.shape[0], x.shape[1], read[2].shape[1], ways, targets, (True,) * len(self.entries) if wanted else (), True))  # fmt: skip
        made = [np.empty(shape, x.dtype) for shape in form.shapes]
        with _lock:
            form.go([a.ctypes.data for a in read], [a.ctypes.data for a in made], _team())
        return [made[0], *made[len(made) - len(self.entries) :]] if wanted else [made[0]]

    def _callback(self, wanted: bool, leaves: Any, data: Any) -> list[Any]:
        dtype = data[0].dtype
        shapes = [jax.ShapeDtypeStruct((), dtype)]
        if wanted:
            shapes += [jax.ShapeDtypeStruct(entry.shape, dtype) for entry in self.entries]
        made: list[Any] = jax.pure_callback(lambda *a: self._run(wanted, *a), shapes, leaves, data, vmap_method="sequential")
        return made

    def _value(self, leaves: Any, data: Any) -> Any:
        return self._callback(False, leaves, data)[0]

    def _forward(self, leaves: Any, data: Any) -> Any:
        if any(a.perturbed for a in data if jnp.issubdtype(a.value.dtype, jnp.floating)):
            raise ArgumentError("a derivative by the tasks was asked for; innerloop gives it by parameters alone")
        loss, *gradients = self._callback(True, tuple(a.value for a in leaves), tuple(a.value for a in data))
        return loss, (gradients, len(data))

    def _backward(self, kept: Any, upstream: Any) -> Any:
        gradients, data = kept
        if isinstance(upstream, SymbolicZero):
            return None, (None,) * data
        return tuple(g * upstream for g in gradients), (None,) * data

    def __repr__(self) -> str:
        return f"<loss of {self.algorithm} over {self.net!r}>"


def jax_meta_loss(net: Net, algorithm: Algorithm, *, loss: str | None = None, statistics: str = "query", ways: int | None = None,
                  names: Any = None) -> JaxMetaLoss:  # fmt: skip
    """The mean query loss of a batch of tasks as a function of JAX, with the exact meta-gradient.

    Parameters are a dict by the net's names (``f.init(seed)``), or nested ones; layouts are JAX's: conv [h,w,in,out], linear
    [in,out]. What an algorithm learns beside them (``meta_sgd`` …) is among them.

    Args:
        net: ``il.Net(…)``; without its last linear layer (outputs 0) for algorithms with heads of their own.
        algorithm: ``il.maml(steps=5, lr=0.01)`` …
        loss, ways: as of `MetaLoss`.
        statistics: of norm layers where queries are scored: ``"query"``, ``"support"``, or ``"each"`` example's own.
        names: a tree of the parameters' structure whose leaves are the net's names for them, such as
            ``{"params": {"Dense_0": {"kernel": "linear1.weight", "bias": "linear1.bias"}}}``.
    """
    return JaxMetaLoss(net, algorithm, loss, statistics, ways, names)
