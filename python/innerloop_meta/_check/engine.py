"""The engine's meta-gradient of the same net, algorithm and tasks, beside that of f."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ArgumentError
from . import trees
from .trees import Vector, loaded

if TYPE_CHECKING:
    from .calling import Caller


class Engine:
    """Loss and gradient at a point by `MetaLoss`; ``first`` is what first order would give, None where there is no such."""

    def __init__(self, caller: Caller, meta_loss: Any, point: Vector) -> None:
        torch = loaded("torch")
        if type(meta_loss).__name__ != "MetaLoss":
            raise ArgumentError(f"engine: found {type(meta_loss).__name__}, expected il.MetaLoss of the module that f computes with")
        tasks = caller.more[0] if caller.more else None
        if not isinstance(tasks, (list, tuple)) or len(tasks) != 4 or not all(trees.is_tensor(t) for t in tasks):
            raise ArgumentError("tasks: expected tensors (support_x, support_y, query_x, query_y) with a leading axis of tasks, for the "
                                "engine to compute the same")  # fmt: skip
        self.tasks = tasks
        with torch.no_grad():
            self.net = copy.deepcopy(meta_loss.module).double()
        self.of = meta_loss
        self.net.requires_grad_(True)
        own = dict(self.net.named_parameters())
        if all(name in own for name in caller.names):
            self.parameters = [own[name] for name in caller.names]
        elif [tuple(p.shape) for p in own.values()] == caller.shapes:  # a list in the module's order
            self.parameters = list(own.values())
        else:
            raise ArgumentError(f"engine: its parameters are {', '.join(own)}; f's are {', '.join(caller.names)}, expected the same")
        with torch.no_grad():
            for p, part in zip(self.parameters, np.split(point, np.cumsum(caller.sizes)[:-1])):
                p.copy_(torch.from_numpy(part.copy()).reshape(p.shape))
        self.loss, self.gradient = self._go(meta_loss.algorithm)
        name, settings, inner = meta_loss.algorithm._made
        self.first: Vector | None = None
        if inner.get("steps") and not inner.get("first_order"):
            self.first = self._go(type(meta_loss.algorithm)(name, settings, **{**inner, "first_order": True}))[1]

    def _go(self, algorithm: Any) -> tuple[float, Vector]:
        for p in self.net.parameters():
            p.grad = None
        of = self.of
        meta_loss = type(of)(self.net, algorithm, self.tasks[0].shape[2:], loss=of._loss, statistics=of.statistics, ways=of.ways)
        loss = meta_loss.train(of.training)(*[t.double() if t.is_floating_point() else t for t in self.tasks])
        loss.backward()
        parts = [np.zeros(p.numel()) if p.grad is None else trees.to_vector(p.grad) for p in self.parameters]
        return float(loss.detach()), np.concatenate(parts)
