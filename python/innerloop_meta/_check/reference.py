"""The meta-loss from the user's own loss of one task: what it is, and what other gradients than the true one would say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ArgumentError
from . import trees
from .repairs import Finding
from .slopes import DOUBLE, Scales, Slope, judge, measure, sizes_of
from .trees import Vector, loaded

if TYPE_CHECKING:
    from .calling import Caller
    from .checker import Check

_DIFFERENCES = 4000  # parameters at most whose inner gradient is taken by finite differences


def task_list(tasks: Any) -> list[tuple[Any, Any, Any, Any]]:
    """(support_x, support_y, query_x, query_y) of each task."""
    if hasattr(tasks, "support_x"):
        tasks = (tasks.support_x, tasks.support_y, tasks.query_x, tasks.query_y)
    if isinstance(tasks, Mapping):
        tasks = tuple(tasks.values())
    if isinstance(tasks, (list, tuple)) and len(tasks) == 4 and all(trees.is_array(x) for x in tasks):
        return [(tasks[0][i], tasks[1][i], tasks[2][i], tasks[3][i]) for i in range(len(tasks[0]))]
    if isinstance(tasks, (list, tuple)) and tasks and not any(trees.is_array(t) for t in tasks):
        made = [tuple(t.values()) if isinstance(t, Mapping) else tuple(t) for t in tasks]
        if all(len(t) == 4 for t in made):
            return made
    raise ArgumentError("tasks: expected (support_x, support_y, query_x, query_y) with a leading axis of tasks, or a list of such, "
                        "for loss= to be of use")  # fmt: skip


class Reference:
    """Gradient descent by `loss` on support sets, and the mean query loss, at any point."""

    def __init__(self, caller: Caller, loss: Callable[..., Any], lr: float, steps: int, adapted: Sequence[str] | None,
                 point: Vector, scales: Scales) -> None:  # fmt: skip
        self.caller, self.loss, self.lr, self.steps, self.point, self.s = caller, loss, lr, steps, point, scales
        self.jitted: dict[bool, Callable[..., Any]] = {}
        if not caller.more:
            raise ArgumentError("loss: found no tasks, expected those that it is to be computed of")
        self.tasks = task_list(caller.more[0])
        unknown = [name for name in adapted or () if name not in caller.names]
        if unknown:
            raise ArgumentError(f"adapted: found {unknown[0]}, expected some of {', '.join(caller.names)}")
        self.moved: Vector = np.concatenate([np.full(n, 1.0 if adapted is None or name in adapted else 0.0)
                                             for name, n in zip(caller.names, caller.sizes)])  # fmt: skip
        self.adapted_points = [self._adapt(point, t, lr) for t in self.tasks]
        self.value = self._meta(self.adapted_points)

    def _loss(self, point: Vector, x: Any, y: Any, gradient: bool) -> tuple[float, Vector | None]:
        """The loss of one task at a point and, by the user's framework, its gradient."""
        c = self.caller
        c.held.reset(but=c.own)
        if c.kind == "jax":
            made = self._compiled(gradient)(c.arguments(point), x, y)
            return (float(made[0]), c._vector(made[1])) if gradient else (float(made), None)
        c.require = c.kind == "torch"
        made = self.loss(c.arguments(point), x, y)
        if isinstance(made, tuple):
            return float(made[0]), c._vector(made[1])
        found: Vector | None = None
        if gradient and c.kind == "torch":
            d = loaded("torch").autograd.grad(made, c.tensors, allow_unused=True)
            found = trees.gradient_vector(tuple(d), c.names, c.sizes)
        return float(trees.to_vector(made)[0]), found

    def _compiled(self, gradient: bool) -> Callable[..., Any]:
        """The loss in JAX, or with its gradient; compiled, for it is called often."""
        if gradient not in self.jitted:
            jax = loaded("jax")
            self.jitted[gradient] = jax.jit(jax.value_and_grad(self.loss) if gradient else self.loss)
        return self.jitted[gradient]

    def _gradient(self, point: Vector, x: Any, y: Any) -> Vector:
        _, found = self._loss(point, x, y, gradient=True)
        if found is not None:
            return found
        if point.size > _DIFFERENCES:
            raise ArgumentError(f"loss: returned a number alone for {point.size} parameters; expected (loss, gradient) of numpy arrays")
        h = (1e-5 if self.s is DOUBLE else 1e-2) * sizes_of(point, self.caller.sizes)
        made = np.zeros_like(point)
        for i in np.flatnonzero(self.moved):
            step = np.zeros_like(point)
            step[i] = h[i]
            up, down = self._loss(point + step, x, y, False)[0], self._loss(point - step, x, y, False)[0]
            made[i] = (up - down) / (2 * h[i])
        return made

    def _adapt(self, point: Vector, task: tuple[Any, Any, Any, Any], lr: float) -> Vector:
        for _ in range(self.steps):
            point = point - lr * self.moved * self._gradient(point, task[0], task[1])
        return point

    def _meta(self, points: list[Vector]) -> float:
        return float(np.mean([self._loss(p, t[2], t[3], False)[0] for p, t in zip(points, self.tasks)]))

    def meta_loss(self, point: Vector, lr: float | None = None) -> float:
        """The mean query loss after the inner steps."""
        return self._meta([self._adapt(point, t, self.lr if lr is None else lr) for t in self.tasks])

    def _along(self, slopes: list[Slope], loss: Callable[[Vector], float], at: Vector) -> list[float]:
        """Slopes of another loss, along the same directions."""
        base = loss(at)
        return [measure(loss, at, base, s.direction, s.given, s.scale, self.s).true for s in slopes]

    def _first_order(self, slopes: list[Slope]) -> list[float]:
        """Adapted points do not move with the parameters, but are where the gradient is taken."""
        still = np.zeros_like(self.point)
        return self._along(slopes, lambda d: self._meta([p + d for p in self.adapted_points]), still)

    def first_order_error(self, slopes: list[Slope]) -> float:
        """How far first order is off, relative to a typical slope."""
        self.first = self._first_order(slopes)
        return judge(slopes, self.s, self.first).error

    def same_loss(self, report: Check, base: float, counts: Mapping[str, int]) -> None:
        """Is f's loss the one that `loss` and the inner step make? A right derivative of another loss is a fault too."""
        close = 1e-8 if self.s is DOUBLE else 1e-3

        def same(value: float, factor: float = 1.0) -> bool:
            return abs(base - factor * value) <= close * max(abs(base), abs(value))

        if same(self.value):
            report.sentences.append("f's loss is the mean query loss after the inner steps of loss=.")
            return
        for name, n in counts.items():
            if n > 1 and same(self.value, n):
                report.factor = float(n)
                report._add("loss summed", f"f's loss and gradient are {n} times those of the mean query loss: summed, not averaged, "
                            f"over the {name}.")  # fmt: skip
                return
        support = len(self.tasks[0][0])
        if support > 1 and same(self.meta_loss(self.point, self.lr * support)):
            report._add("loss summed", f"f's inner steps are {support} times as long as inner_lr says: the support loss is summed, not "
                        f"averaged, over its {support} examples.")  # fmt: skip
        elif same(self.meta_loss(self.point, 0.0)):
            report._add("another loss", "f's loss is the query loss without any inner step.")
        elif "running statistics" not in report.faults:
            stored = self._stored()
            if stored:
                report._add("running statistics", f"f's loss is {base:.9g}, that of loss= and the inner steps {self.value:.9g}: f takes "
                            f"stored statistics in batch norm ({stored}), loss those of the batch.")  # fmt: skip
            else:
                report._add("another loss", f"f's loss is {base:.9g}, that of loss= and the inner steps {self.value:.9g}: other "
                            "statistics, step size, number of steps, or data.")  # fmt: skip

    def _stored(self) -> str:
        from .repairs import Mender

        mender = Mender(self.caller, lambda: self.caller(self.point), lambda made: False)
        mender.watched()
        mine = Mender(self.caller, lambda: self._meta(self.adapted_points), lambda made: False)
        mine.watched()
        return "" if mine.stored()[0] else ", ".join(mender.stored()[0])

    def own_gradient(self) -> Finding | None:
        """The gradient of the task's loss itself, by which inner steps go, against finite differences."""
        c, task = self.caller, self.tasks[0]
        if c.kind == "numpy":
            return None
        given = self._gradient(self.point, task[0], task[1])
        base = self._loss(self.point, task[0], task[1], False)[0]

        def slope(direction: Vector, typical: float) -> Slope:
            return measure(lambda p: self._loss(p, task[0], task[1], False)[0], self.point, base, direction,
                           float(given @ direction), typical, self.s)  # fmt: skip

        random = np.random.default_rng(1)
        sizes = sizes_of(self.point, c.sizes)
        typical = float(np.sqrt((given * sizes) @ (given * sizes)))
        slopes = [slope(random.normal(size=sizes.size) * sizes, typical) for _ in range(4)]
        slopes = [s for s in slopes if s.usable(self.s)]
        if not slopes or all(s.agrees(self.s) for s in slopes):
            return None
        # A batch norm takes the size of the weights before it away: the loss does not move along them.
        still = []
        edges = np.cumsum([0, *c.sizes])
        for name, shape, start, stop in zip(c.names, c.shapes, edges, edges[1:]):
            along = np.zeros_like(self.point)
            along[start:stop] = self.point[start:stop] if len(shape) > 1 else sizes[start:stop]
            s = slope(along, 0.0)
            if abs(s.true) <= 1e-2 * abs(s.given) and abs(s.given) > 1e-3 * typical * self.s.tolerance:
                still.append(name)
        if still:
            return Finding("batch statistics detached", [
                f"The gradient of loss= itself is wrong: the loss does not move along {', '.join(still)}, whose size a batch norm takes "
                "away, but its gradient says it does: the statistics of the batch are constants to it."])  # fmt: skip
        return Finding("task loss's gradient wrong", ["The gradient of loss= itself is not its derivative; inner steps go by it."])

    def explain(self, slopes: list[Slope]) -> Finding | None:
        """Which other gradient f's is."""

        def like(values: list[float]) -> bool:
            other = [Slope(s.direction, s.given, v, s.error, max(abs(v), s.scale)) for s, v in zip(slopes, values)]
            kind = judge(other, self.s).kind
            return kind == "agrees" or kind == "scaled" and len(slopes) < self.point.size

        if like(self.first):
            return Finding("second order is missing", [
                "The gradient is that of the query loss by the adapted parameters: first order. The derivative through the inner "
                "steps is missing."])  # fmt: skip
        if like(self._along(slopes, lambda p: self._meta([p] * len(self.tasks)), self.point)):
            return Finding("inner step detached", ["The gradient is that of the query loss at the parameters given, without the inner steps."])
        return None
