"""Meta-learning algorithms with their settings, for `MetaLoss` and `jax_meta_loss`: the records of meta.h."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

from . import _declarations as c
from ._fields import settings_of
from ._library import lib, record
from .errors import ArgumentError

_LOOPS = {"unroll": c.IL_INNER_UNROLL, "keep": c.IL_INNER_KEEP, "remake": c.IL_INNER_REMAKE}


class Algorithm:
    """One of the functions below made it. Immutable; shared by any number of losses."""

    def __init__(self, name: str, own: dict[str, Any], *, steps: int = 0, lr: float = 0.0, first_order: bool = False,
                 adapts: str | Sequence[str] = "", l2: float = 0.0, clip: float = 0.0, optimizer: str = "sgd",
                 optimizer_settings: dict[str, Any] | None = None, loop: str = "unroll") -> None:  # fmt: skip
        self._made = name, own, {"steps": steps, "lr": lr, "first_order": first_order, "adapts": adapts, "l2": l2, "clip": clip,
                                 "optimizer": optimizer, "optimizer_settings": optimizer_settings, "loop": loop}  # fmt: skip
        self.name, self.adapts = name, [adapts] if isinstance(adapts, str) else list(adapts)
        self.record = record("il_" + name)
        self.settings = settings_of(self.record.fields, self.record.size, name, own)
        if steps < 0 or (self.record.step and steps < 1):
            raise ArgumentError(f"{name}: {steps} inner steps, expected at least 1", "IL_ERROR_CONFIG")
        self.steps, self.lr, self.first_order, self.l2, self.clip = steps, float(lr), first_order, float(l2), float(clip)
        if loop not in _LOOPS:
            raise ArgumentError(f"loop: found {loop!r}, expected one of {', '.join(_LOOPS)}", "IL_ERROR_CONFIG")
        self.loop = _LOOPS[loop]
        found = lib.il_optimizer_find(optimizer.encode())
        if not found:
            known = [lib.il_optimizer_at(i).contents.name.decode() for i in range(lib.il_optimizers())]
            raise ArgumentError(f"optimizer: found {optimizer!r}, expected one of {', '.join(known)}", "IL_ERROR_CONFIG")
        self.optimizer = found
        self.optimizer_settings = settings_of(found.contents.fields, found.contents.size, optimizer, optimizer_settings or {})

    @property
    def own_head(self) -> bool:
        """The net gives features, and any number of classes is told apart."""
        return bool(self.record.own_head)

    @property
    def of_the_net(self) -> bool:
        """What it learns beside the net has shapes that depend on the net's features."""
        return bool(self.record.all_classes) or self.name == "relation"

    def inner(self, adapts: str) -> Any:
        """The inner loop as the library takes it; it must not outlive the algorithm."""
        return c.il_inner(steps=self.steps, lr=self.lr, l2=self.l2, clip=self.clip, first_order=self.first_order, loop=self.loop,
                          optimizer=self.optimizer, settings=ctypes.addressof(self.optimizer_settings),
                          adapts=adapts.encode() or None)  # fmt: skip

    def phase(self, made: int) -> int:
        """The first meta-step whose computation is that of the one after `made` others."""
        first, next_ = 0, 0
        while self.record.until and next_ <= made:
            first, next_ = next_, self.record.until(self.settings, next_)
        return first

    def weights(self, made: int) -> list[float]:
        """Of the losses after each inner step, where the algorithm weighs them."""
        if not self.record.weigh:
            return []
        weight = (ctypes.c_double * self.steps)()
        self.record.weigh(self.settings, self.steps, made, weight)
        return list(weight)

    def __reduce__(self) -> Any:
        return _again, self._made

    def __deepcopy__(self, memo: Any) -> Algorithm:
        return self

    def __repr__(self) -> str:
        name, own, inner = self._made
        given = {**own, **{key: value for key, value in inner.items() if value not in (0, "", None, "sgd", "unroll")}}
        return f"{name}({', '.join(f'{key}={value}' for key, value in given.items())})"


def _again(name: str, own: dict[str, Any], inner: dict[str, Any]) -> Algorithm:
    return Algorithm(name, own, **inner)


def maml(steps: int = 1, lr: float = 0.01, first_order: bool = False, **inner: Any) -> Algorithm:
    """Finn, Abbeel, Levine, ICML 2017. All parameters adapt by `steps` gradient steps on the whole support set.

    Args:
        steps, lr: of the inner loop; `lr` multiplies the gradient of the mean support loss.
        first_order: the inner gradient counts as a constant (FOMAML).
        inner: of every algorithm that takes inner steps: ``adapts`` (what moves: ``"head"``, ``"!head"``, or names of
            parameters, with * for any text, ! before what does not), ``l2``, ``clip`` (longest inner gradient),
            ``optimizer`` (``"sgd"``, ``"momentum"``, ``"adam"`` …), ``optimizer_settings``, and ``loop``: ``"keep"`` or ``"remake"``
            make hundreds of steps one operation that keeps every state, or every √n-th (``"unroll"``: a copy of each step).
    """
    return Algorithm("maml", {}, steps=steps, lr=lr, first_order=first_order, **inner)


def anil(steps: int = 1, lr: float = 0.01, first_order: bool = False, **inner: Any) -> Algorithm:
    """Raghu et al., ICLR 2020: only the last linear layer adapts."""
    return Algorithm("anil", {}, steps=steps, lr=lr, first_order=first_order, **inner)


def boil(steps: int = 1, lr: float = 0.01, first_order: bool = False, **inner: Any) -> Algorithm:
    """Oh et al., ICLR 2021: all but the last linear layer adapts."""
    return Algorithm("boil", {}, steps=steps, lr=lr, first_order=first_order, **inner)


def meta_sgd(steps: int = 1, low: float = 0.005, high: float = 0.1, first_order: bool = False, **inner: Any) -> Algorithm:
    """Li et al., 2017: MAML with a learned rate for each number, which start evenly drawn from [low, high)."""
    return Algorithm("meta_sgd", {"low": low, "high": high}, steps=steps, first_order=first_order, **inner)


def mamlpp(steps: int = 5, lr: float = 0.1, first_order: bool = False, step_norm: bool = True, multi_step: int = 5000,
           epoch: int = 500, first_order_steps: int = 0, **inner: Any) -> Algorithm:  # fmt: skip
    """Antoniou, Edwards, Storkey, ICLR 2019: learned rates of each parameter and step, which start at `lr`; norm scales and
    shifts of each step (step_norm); in the first `multi_step` meta-steps the loss after every inner step, whose weights
    change every `epoch`; the first `first_order_steps` of first order."""
    own = {"steps": steps, "lr": lr, "step_norm": step_norm, "multi_step": multi_step, "first_order": first_order_steps,
           "epoch": epoch}  # fmt: skip
    return Algorithm("mamlpp", own, steps=steps, first_order=first_order, **inner)


def meta_curvature(steps: int = 1, lr: float = 0.01, first_order: bool = False, **inner: Any) -> Algorithm:
    """Park & Oliva, NeurIPS 2019: learned matrices multiply the inner gradient."""
    return Algorithm("meta_curvature", {}, steps=steps, lr=lr, first_order=first_order, **inner)


def imaml(steps: int = 5, lr: float = 0.01, proximal: float = 2.0, pull: str = "each", damping: float = 1.0,
          solver: str = "cg", solver_steps: int = 5, **inner: Any) -> Algorithm:  # fmt: skip
    """Rajeswaran et al., NeurIPS 2019: the gradient of the inner loop's minimum, which is no derivative of the steps.
    `pull`: in each step towards the start, as the paper has it, or once behind the last ("end"), as its program."""
    own = {"proximal": proximal, "pull": pull, "damping": damping, "solver": solver, "solver_steps": solver_steps}
    return Algorithm("imaml", own, steps=steps, lr=lr, **inner)


def reptile(steps: int = 5, lr: float = 0.01, carried: bool = False, square: float = 0.0001, **inner: Any) -> Algorithm:
    """Nichol, Achiam, Schulman, 2018: in place of a gradient θ − φ, and the support loss before the last step as loss. With
    `carried` the mean squares of the inner `rmsprop` start at `square` and go on from task to task."""
    return Algorithm("reptile", {"carried": carried, "square": square}, steps=steps, lr=lr, **inner)


def cavia(steps: int = 1, lr: float = 1.0, first_order: bool = False, contexts: int = 5, layer: str = "",
          **inner: Any) -> Algorithm:  # fmt: skip
    """Zintgraf et al., ICML 2019: only a context of so many numbers adapts, which the net takes in at one layer."""
    return Algorithm("cavia", {"contexts": contexts, "layer": layer}, steps=steps, lr=lr, first_order=first_order, **inner)


def protomaml(steps: int = 1, lr: float = 0.01, first_order: bool = False, **inner: Any) -> Algorithm:
    """Triantafillou et al., ICLR 2020: MAML from the prototypes' head on; the net gives features."""
    return Algorithm("protomaml", {}, steps=steps, lr=lr, first_order=first_order, **inner)


def protonet(**settings: Any) -> Algorithm:
    """Snell, Swersky, Zemel, NIPS 2017: the net gives features, of which queries are compared with class means.

    Args:
        settings: ``distance`` (``"euclidean"``, ``"cosine"``), ``scale``, ``learned`` (the scale is learned).
    """
    return Algorithm("protonet", settings)


def matching(**settings: Any) -> Algorithm:
    """Vinyals et al., NIPS 2016: attention over the features of support examples. Settings as `protonet`'s."""
    return Algorithm("matching", settings)


def r2d2(l2: float = 1.0, scale: float = 10.0) -> Algorithm:
    """Bertinetto et al., ICLR 2019: ridge regression on the net's features; weight and scale are learned from there on."""
    return Algorithm("r2d2", {"l2": l2, "scale": scale})


def relation(filters: int = 64, units: int = 8) -> Algorithm:
    """Sung et al., CVPR 2018: a second net says how much a class's feature maps and a query's belong together."""
    return Algorithm("relation", {"filters": filters, "units": units})


def baseline(classes: int, steps: int = 100, lr: float = 0.5, **inner: Any) -> Algorithm:
    """Chen et al., ICLR 2019: the net learns to tell all ``classes`` that train apart; steps fit a linear head to a task."""
    return Algorithm("baseline", {"classes": classes}, steps=steps, lr=lr, **inner)


def baselinepp(classes: int, steps: int = 100, lr: float = 0.5, scale: float = 10.0, learned: bool = False,
               **inner: Any) -> Algorithm:  # fmt: skip
    """Chen et al., ICLR 2019: `baseline` with cosines times a scale, which may be learned."""
    return Algorithm("baselinepp", {"classes": classes, "scale": scale, "learned": learned}, steps=steps, lr=lr, **inner)


def simpleshot(classes: int, centre: bool = True) -> Algorithm:
    """Wang et al., 2019: the net learns to tell all ``classes`` that train apart; a task compares with class means."""
    return Algorithm("simpleshot", {"classes": classes, "centre": centre})


def metaoptnet(l2: float = 50.0, scale: float = 10.0) -> Algorithm:
    """Lee et al., CVPR 2019, with its ridge regression; the scale is learned."""
    return Algorithm("metaoptnet", {"l2": l2, "scale": scale})
