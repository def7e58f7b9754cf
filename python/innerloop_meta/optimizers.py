"""Outer optimizers: how a state moves by its gradient."""

from __future__ import annotations

import ctypes
from typing import Any

from . import _declarations as c
from ._fields import settings_of
from ._library import lib, record
from .errors import ArgumentError
from .nets import values_of
from .state import State
from .values import Graph, Value, Values


COUNT = "updates"  # among the slots


class Optimizer:
    """An optimizer of a state's values, with moments of its own; an argument of functions."""

    def __init__(self, name: str, of: State, lr: float, **settings: object) -> None:
        self.name, self.lr = name, float(lr)
        self.record = record("il_" + name)
        self.settings = settings_of(self.record.fields, self.record.size, name, settings)
        self.slots = State(self._fill(of), of.precision, of.net)  # and COUNT
        self.key = (name, self.lr, bytes(self.settings), self.slots.key)

    def _fill(self, of: State) -> Any:
        entries = (c.il_entry * len(of))(*of.entries.values())

        def fill(context: int, to: Any) -> None:
            lib.il_optimizer_slots(context, ctypes.byref(self.record), len(of), entries, to)
            lib.il_entries_add(context, to, c.il_entry(COUNT.encode()))

        return fill

    @property
    def made(self) -> int:
        """Updates so far."""
        return int(self.slots[COUNT])

    def step(self, weights: Any, gradient: Any, lr: Value | float | None = None) -> None:
        """Within a function: after it, `weights` are moved by `gradient`."""
        raise ArgumentError(f"{self.name}.step: not within a function; give it to the function as an argument")

    def __repr__(self) -> str:
        return f"{self.name}(lr={self.lr}, after {self.made} updates)"


class TracedOptimizer:
    """What a function sees of an optimizer."""

    def __init__(self, graph: Graph, optimizer: Optimizer, slots: Values) -> None:
        self.graph, self.optimizer, self.made = graph, optimizer, slots[COUNT]
        self.slots = Values({name: value for name, value in slots.items() if name != COUNT}, slots.entries)
        self.used = False

    def step(self, weights: Values, gradient: Values, lr: Value | float | None = None) -> None:
        """After the function, `weights` (an argument) are moved by `gradient`, a shared value (`task_mean`)."""
        o = self.optimizer
        if self.used:
            raise ArgumentError(f"{o.name}.step: called twice in a function, expected once")
        if isinstance(lr, Value):
            rate = c.il_rate(0.0, self.graph.same(lr))
        else:
            rate = c.il_rate(o.lr if lr is None else float(lr), c.il_value(0))
        w, s, g = values_of(weights), values_of(self.slots), values_of(gradient)
        made = self.made.made if len(self.slots) else c.il_value(0)
        lib.il_optimizer_next(self.graph.address, ctypes.byref(o.record), o.settings, made, rate, ctypes.byref(w),
                              ctypes.byref(s), ctypes.byref(g))  # fmt: skip
        lib.il_next(self.graph.address, self.made.made, (self.made + 1).made)
        self.graph.context.check()
        self.used = True


def sgd(of: State, lr: float) -> Optimizer:
    """w − lr·g"""
    return Optimizer("sgd", of, lr)


def momentum(of: State, lr: float, momentum: float = 0.9, nesterov: bool = False) -> Optimizer:
    """PyTorch's form: buffer = momentum·buffer + g; w − lr·buffer"""
    return Optimizer("momentum", of, lr, momentum=momentum, nesterov=nesterov)


def adam(of: State, lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """Kingma & Ba, ICLR 2015, Algorithm 1; eps outside the root."""
    return Optimizer("adam", of, lr, beta1=beta1, beta2=beta2, eps=eps)
