"""Trust in one's own gradient: a meta-gradient of one's own code against finite differences, and the fault by its name."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import ArgumentError
from . import trees
from .calling import Caller, surroundings
from .engine import Engine
from .reference import Reference
from .repairs import Finding, Mender
from .slopes import DOUBLE, SINGLE, Judgement, Scales, Slope, judge, measure, sizes_of
from .trees import Vector

_POINTS = 4  # the one given, then others near it


@dataclass(frozen=True)
class ParameterCheck:
    """One parameter: what the gradient says of it."""

    name: str
    shape: tuple[int, ...]
    verdict: str  #: "agrees", "zero", "scaled", "wrong", "should be zero", "undecided"
    given: float  #: the gradient along a random direction,
    true: float  #: and the slope of the loss along it
    factor: float  #: given / true, fitted over the directions


@dataclass
class Check:
    """What `check` found. ``print(report)`` says it; ``report.ok``, ``report.verdict`` and ``report.parameters`` are for code.

    verdict: ``"agrees"``, or the gravest fault: ``"zero"``, ``"inner step detached"``, ``"second order is missing"``,
    ``"optimizer in the inner loop"``, ``"batch statistics detached"``, ``"running statistics"``, ``"loss summed"``,
    ``"scaled"``, ``"state changes between calls"``, ``"random from call to call"``, ``"differs from call to call"``,
    ``"does not move with the parameters"``, ``"flat"``, ``"not finite"``, ``"another loss"``, ``"task loss's gradient wrong"``,
    ``"differs from the engine"``, ``"wrong"``, ``"undecided"``.
    """

    verdict: str = "undecided"
    faults: list[str] = field(default_factory=list)  #: all of them, verdict first
    sentences: list[str] = field(default_factory=list)
    parameters: list[ParameterCheck] = field(default_factory=list)
    loss: float = math.nan  #: at the parameters given
    error: float = math.nan  #: the largest relative one of a slope
    factor: float = 1.0  #: of the scaled: gradient / derivative
    first_order: float = math.nan  #: how far a first-order gradient is off, relative; NaN: not known
    engine: float = math.nan  #: how far the engine's gradient is from f's, relative; NaN: not compared
    directions: int = 0  #: that were compared
    calls: int = 0  #: of f
    precision: str = "float64"

    @property
    def ok(self) -> bool:
        """No fault was found."""
        return self.verdict == "agrees"

    def wrong(self) -> list[str]:
        """Names of the parameters whose gradient is wrong."""
        return [p.name for p in self.parameters if p.verdict not in ("agrees", "undecided")]

    def _add(self, fault: str, *sentences: str) -> None:
        if fault not in self.faults:
            self.faults.append(fault)
        self.sentences.extend(sentences)

    def _rows(self) -> list[tuple[str, str, str, str, str]]:
        return [(p.name, "x".join(map(str, p.shape)) or "1", p.verdict, f"{p.given:.6g}", f"{p.true:.6g}") for p in self.parameters]

    def __str__(self) -> str:
        lines = [f"{'ok' if self.ok else 'FAULT'}: {', '.join(self.faults) or self.verdict}"]
        lines += [f"  {sentence}" for sentence in self.sentences]
        if self.parameters:
            table = [("parameter", "shape", "gradient", "given", "finite difference"), *self._rows()]
            widths = [max(len(row[i]) for row in table) for i in range(5)]
            lines += ["  " + "  ".join(text.ljust(w) for text, w in zip(row, widths)).rstrip() for row in table]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = f"<p><b>{'ok' if self.ok else 'fault'}: {html.escape(', '.join(self.faults) or self.verdict)}</b></p>"
        body = "".join(f"<p>{html.escape(s)}</p>" for s in self.sentences)
        rows = "".join("<tr>" + "".join(f"<td>{html.escape(t)}</td>" for t in row) + "</tr>" for row in self._rows())
        names = "<tr><th>parameter<th>shape<th>gradient<th>given<th>finite difference</tr>"
        return head + body + (f"<table>{names}{rows}</table>" if rows else "")


def check(f: Callable[..., Any], parameters: Any, tasks: Any = None, *, meta_loss: Callable[..., Any] | None = None,
          loss: Callable[..., Any] | None = None, inner_lr: float | None = None, steps: int = 1,
          adapted: Sequence[str] | None = None, engine: Any = None, statistics: str | None = None, directions: int = 3,
          seed: int = 0) -> Check:  # fmt: skip
    """Is the meta-gradient that f computes the derivative of its meta-loss? If not: which fault, where, in which parameters.

    f is called some dozens of times near `parameters`, in double where it can be (float64 tasks and parameters, JAX with
    64 bits), else in its own precision with wide tolerances. Everything it can reach (modules, buffers, arrays that it
    closes over, generators of random numbers) is put back before each call and at the end.

    Args:
        f: ``f(parameters, tasks)``, or ``f(parameters)`` without tasks. It returns ``(loss, gradient)``, the gradient like the
            parameters, by name, in their order or as one vector (as ``jax.value_and_grad`` does); or the loss alone:
            of PyTorch either ``backward`` was called in f and gradients are read from ``.grad``, or the check calls it;
            of JAX the check differentiates f.
        parameters: numpy, PyTorch or JAX arrays, nested in dicts, lists and tuples; an ``nn.Module``; a `State`.
        tasks: handed to f as it is, but for real arrays in it, which become float64.
        meta_loss: where f returns the gradient alone: ``meta_loss(parameters, tasks)``, the number that it is of.
        loss: of one task, ``loss(parameters, x, y)``, a mean over examples. With it and `inner_lr` the check computes the
            meta-loss itself, and what first order would give; tasks are then ``(support_x, support_y, query_x, query_y)``
            with a leading axis of tasks, or a list of such for each task. Of numpy it may return ``(loss, gradient)``.
        inner_lr, steps: of the inner steps of gradient descent by `loss`.
        adapted: names of the parameters that inner steps move; None: all.
        engine: ``il.MetaLoss(module, algorithm)`` of the same net, algorithm and loss, whose loss and gradient are compared too.
        statistics: ``"batch"``: say so where batch norm takes stored statistics. None: only where f mixes both.
        directions: random directions that are compared first.
        seed: of the directions.
    Returns:
        A `Check`; ``ok`` and ``verdict`` are for assertions in one's tests.
    Raises:
        ArgumentError: f returns what is no loss or gradient; with what was found. Exceptions of f pass through.
    """
    if statistics not in (None, "batch"):
        raise ArgumentError(f"statistics: found {statistics!r}, expected 'batch' or None")
    if directions < 1 or steps < 0:
        raise ArgumentError(f"found {directions} directions and {steps} steps, expected at least 1 and 0")
    if (loss is None) != (inner_lr is None):
        raise ArgumentError("loss and inner_lr: found one of them, expected both or neither")
    known = None if loss is None else (loss, float(inner_lr or 0.0), steps, adapted)
    try:
        return _checked(f, parameters, tasks, meta_loss, known, engine, statistics, directions, seed, DOUBLE)
    except ArgumentError:
        raise
    except Exception as error:  # its own constants may be of single precision, or its code
        report = _checked(f, parameters, tasks, meta_loss, known, engine, statistics, directions, seed, SINGLE)
        said = (str(error).splitlines() or [""])[0][:120]
        report.sentences.append(f"In double f raises {type(error).__name__}: {said}")
        return report


def _checked(f: Callable[..., Any], parameters: Any, tasks: Any, meta_loss: Callable[..., Any] | None, known: Any,
             engine: Any, statistics: str | None, directions: int, seed: int, scales: Scales) -> Check:  # fmt: skip
    with surroundings(scales is DOUBLE):
        caller = Caller(f, parameters, tasks, meta_loss, scales is DOUBLE, known and known[0])
        try:
            if caller.single():  # it computes in float32 whatever it is given
                scales = SINGLE
            return _Checker(caller, tasks, known, engine, statistics, directions, seed, scales).go()
        finally:
            caller.close()


class _Checker:
    def __init__(self, caller: Caller, tasks: Any, known: Any, engine: Any, statistics: str | None, directions: int,
                 seed: int, scales: Scales) -> None:  # fmt: skip
        self.caller, self.known, self.engine, self.statistics = caller, known, engine, statistics
        self.wanted, self.s = directions, scales
        self.random = np.random.default_rng(seed)
        self.counts = task_counts(tasks)
        self.report = Check(precision="float64" if scales is DOUBLE else "float32")
        self.point: Vector = caller.point
        self.given: Vector = caller.point
        self.base = math.nan

    def go(self) -> Check:
        r = self.report
        if self._is_function() and self._is_finite():
            slopes = self._slopes()
            if slopes:
                self._judged(slopes)
        r.calls = self.caller.calls
        if self.caller.moved:
            r.sentences.append("f moves the parameters that it is given in place.")
        r.verdict = r.faults[0] if r.faults else "agrees"
        return r

    # Is f a function at all?

    def _is_function(self) -> bool:
        c, r = self.caller, self.report
        close = 1e-10 if self.s is DOUBLE else 1e-5

        def same(a: tuple[float, Vector], b: tuple[float, Vector]) -> bool:
            size = max(float(np.abs(a[1]).max(initial=0)), 1e-300)
            return bool(abs(a[0] - b[0]) <= close * max(abs(a[0]), 1e-300) and np.abs(a[1] - b[1]).max(initial=0) <= 1e3 * close * size
                        or not np.isfinite(a[0] + b[0] + a[1].sum() + b[1].sum()))  # fmt: skip

        first = c.once(c.point)
        r.loss = first[0]
        second = c.once(c.point)
        if same(first, second):
            return True
        changed = c.held.changed(but=c.own)

        def settled(randomness: bool, state: bool) -> bool:
            made = []
            for _ in range(2):
                c.held.reset(randomness, state, c.own)
                made.append(c.once(c.point))
            return same(*made)

        by = f"called twice with the same parameters, f's loss is {first[0]:.9g} and {second[0]:.9g}"
        if settled(True, False):
            r._add("random from call to call", f"Random numbers (dropout, noise, tasks) are drawn anew in each call: {by}. "
                   "What follows holds them fixed.")  # fmt: skip
        elif settled(False, True):
            r._add("state changes between calls", f"Each call changes {', '.join(changed) or 'what f keeps'}, which the next one reads "
                   f"(buffers updated in place, such as running statistics): {by}. What follows puts it back before each call.")  # fmt: skip
        elif settled(True, True):
            r._add("state changes between calls", f"Each call changes {', '.join(changed) or 'what f keeps'} and draws random numbers: "
                   f"{by}. What follows holds both fixed.")  # fmt: skip
            r._add("random from call to call")
        else:
            r._add("differs from call to call", f"By nothing that can be held fixed from outside (a generator of its own, such as a key of "
                   f"JAX that f renews, or a counter): {by}. No derivative can be compared; make f a function of its arguments.")  # fmt: skip
            return False
        return True

    def _is_finite(self) -> bool:
        loss, gradient = self.caller(self.caller.point)
        bad = [name for name, part in zip(self.caller.names, self._split(gradient)) if not np.isfinite(part).all()]
        if bad or not math.isfinite(loss):
            what = f"the gradient of {', '.join(bad)}" if math.isfinite(loss) else f"the loss ({loss})"
            self.report._add("not finite", f"NaN or infinity in {what}.")
        return not self.report.faults or self.report.faults[-1] != "not finite"

    # Slopes along directions

    def _split(self, v: Vector) -> list[Vector]:
        return np.split(v, np.cumsum(self.caller.sizes)[:-1])

    def _draw(self, only: int = -1) -> Vector:
        """A random direction; of one parameter."""
        d = self.random.normal(size=self.point.size) * sizes_of(self.caller.point, self.caller.sizes)
        if only >= 0:
            kept = np.zeros_like(d)
            at = sum(self.caller.sizes[:only])
            kept[at : at + self.caller.sizes[only]] = d[at : at + self.caller.sizes[only]]
            d = kept
        return d

    def _slope(self, d: Vector, floor: float = 0.0) -> Slope:
        typical = math.sqrt(sum(float(g @ g) * float(x @ x) / g.size for g, x in zip(self._split(self.given), self._split(d)) if g.size))
        return measure(lambda p: self.caller(p)[0], self.point, self.base, d, float(self.given @ d), max(typical, floor), self.s)

    def _slopes(self) -> list[Slope]:
        """Along `wanted` directions at the point given; where the loss has kinks there, at one near it."""
        for attempt in range(_POINTS):
            if attempt:
                self.point = self.caller.point + 10.0 ** (attempt - 3) * self._draw()
            self.base, self.given = self.caller(self.point)
            made: list[Slope] = []
            for _ in range(3 * self.wanted):
                slope = self._slope(self._draw())
                if slope.usable(self.s) or self._tiny(slope):
                    made.append(slope)
                if len(made) == self.wanted:
                    break
            if len(made) == self.wanted:
                if attempt:
                    self.report.sentences.append("The loss has a kink or a jump at the parameters given (a relu or a maximum switches "
                                                 "there); compared at a point near it.")  # fmt: skip
                return made
        self.report._add("undecided", "Finite differences of several steps do not agree with each other: the loss is rough or noisy near "
                         "the parameters given (float32, many kinks, or not differentiable).")  # fmt: skip
        return []

    def _tiny(self, slope: Slope) -> bool:
        """Nothing but rounding: the loss does not move, and the gradient does not say that it should."""
        noise = 100 * self.s.rounding * max(abs(self.base), 1e-300) / min(self.s.steps)
        return not slope.kink and slope.error <= noise and abs(slope.true) <= noise

    def _judged(self, slopes: list[Slope]) -> None:
        r = self.report
        r.directions = len(slopes)
        j = judge(slopes, self.s)
        if j.kind == "scaled" and self.caller.point.size <= len(slopes):  # few numbers: any factor fits at one point
            j = self._again(j)
        r.error, r.factor = j.error, j.factor
        mender = Mender(self.caller, lambda: self.caller(self.point), lambda made: self._right(made, slopes))
        reference = self._reference(slopes)
        engine = Engine(self.caller, self.engine, self.point) if self.engine is not None else None
        if engine is not None:
            self._beside(engine, slopes)
        if j.kind == "agrees":
            r.sentences.append(f"The gradient is the derivative of f's loss: it agrees with finite differences in {r.precision} along "
                               f"{len(slopes)} random directions of all {len(self.caller.names)} parameters (relative error {j.error:.1e}).")  # fmt: skip
            self._norms(mender, reference)
            if reference is not None:
                reference.same_loss(r, self.base, self.counts)
            if engine is not None:
                self._same(engine)
            if not math.isnan(r.first_order) and r.first_order < 10 * self.s.tolerance:
                r.sentences.append("First order would give the same here: the check cannot tell them apart (inner_lr is small, or no step is made).")
            elif not math.isnan(r.first_order):
                r.sentences.append(f"First order would be off by {100 * r.first_order:.3g} %.")
        elif j.kind == "flat":
            r._add("flat", "Neither the loss nor the gradient says that anything moves: nothing can be compared at these parameters.")
        elif j.kind == "unmoved":
            r._add("does not move with the parameters", "The loss that f returns does not change with the parameters that it is given, but its "
                   "gradient is not zero: f computes with others (of a module or array that it closes over).")  # fmt: skip
        elif j.kind == "undecided":
            r._add("undecided", f"The gradient is off by {100 * j.error:.3g} % of a typical slope, which finite differences in {r.precision} "
                   "do not tell from rounding and kinks: let f compute in double.")  # fmt: skip
        elif j.kind == "scaled":
            self._scaled(j)
        else:
            self._wrong(j, slopes, mender, reference, engine)

    def _beside(self, engine: Engine, slopes: list[Slope]) -> None:
        """Figures of the engine's gradients."""
        self.report.engine = _off(self.given, engine.gradient)
        if engine.first is not None and math.isnan(self.report.first_order):
            self.report.first_order = judge(slopes, self.s, [float(engine.first @ s.direction) for s in slopes]).error

    def _same(self, engine: Engine) -> None:
        r, close = self.report, 1e-7 if self.s is DOUBLE else 1e-3
        if abs(engine.loss - self.base) > close * max(abs(engine.loss), abs(self.base)):
            r._add("another loss", f"f's loss is {self.base:.9g}, the engine's {engine.loss:.9g}: other statistics, inner steps, or a sum.")
        elif r.engine > self.s.tolerance:
            r._add("differs from the engine", f"f's loss is the engine's, its gradient is off by {100 * r.engine:.3g} %.")
        else:
            r.sentences.append(f"The engine's loss and gradient are the same (relative error {r.engine:.1e}).")

    def _again(self, j: Judgement) -> Judgement:
        point, given, base = self.point, self.given, self.base
        self.point = point + 0.1 * self._draw()
        self.base, self.given = self.caller(self.point)
        other = judge([self._slope(self._draw()) for _ in range(2)], self.s)
        self.point, self.given, self.base = point, given, base
        same = other.kind == "scaled" and abs(other.factor - j.factor) <= 1e-3 * abs(j.factor)
        return j if same else Judgement("wrong", j.factor, j.error)

    def _right(self, made: tuple[float, Vector], slopes: list[Slope]) -> bool:
        """Whether another gradient, at the same loss, is the derivative (or a multiple)."""
        loss, gradient = made
        if abs(loss - self.base) > 1e-6 * max(abs(self.base), 1e-300) and self.s is DOUBLE:
            return False
        verdict = judge(slopes, self.s, [float(gradient @ s.direction) for s in slopes])
        return verdict.kind == "agrees" or verdict.kind == "scaled" and len(slopes) < self.caller.point.size

    def _scaled(self, j: Judgement) -> None:
        r = self.report
        means = [name for name, n in self.counts.items() if n > 1 and abs(j.factor - n) <= 1e-3 * n]
        parts = [name for name, n in self.counts.items() if n > 1 and abs(j.factor * n - 1) <= 1e-3]
        said = f"The gradient is {j.factor:.6g} times the derivative of the loss that f returns"
        if means:
            r._add("loss summed", f"{said}: it is summed, the loss averaged, over the {' or '.join(means)}.")
        elif parts:
            r._add("scaled", f"{said}: it is divided once too often by the number of {' or '.join(parts)}.")
        elif abs(j.factor + 1) < 1e-3:
            r._add("scaled", f"{said}: its sign is turned.")
        else:
            r._add("scaled", f"{said}, in all directions alike.")

    def _wrong(self, j: Judgement, slopes: list[Slope], mender: Mender, reference: Reference | None,
               engine: Engine | None) -> None:  # fmt: skip
        r = self.report
        zero = j.kind == "zero"
        if not zero:
            r.parameters = [self._parameter(i) for i in range(len(self.caller.names))]
        found = reference.own_gradient() if reference is not None else None
        found = found or mender.explain(zero)
        if found is None and reference is not None:
            found = reference.explain(slopes)
        if found is None and engine is not None and engine.first is not None and _off(self.given, engine.first) < self.s.tolerance:
            found = Finding("second order is missing", ["The gradient is what the engine computes in first order."])
        if found is not None:
            r._add(found.verdict, *found.sentences)
        elif zero:
            r._add("zero", "The gradient is zero, but the loss moves with the parameters: what f returns is cut off from them.")
        elif any(p.verdict == "should be zero" for p in r.parameters):
            names = [p.name for p in r.parameters if p.verdict == "should be zero"]
            r._add("batch statistics detached", f"The loss does not move with {', '.join(names)}, as before a batch norm, which takes every shift "
                   "away; the gradient says it does: the statistics are constants to it.")  # fmt: skip
        else:
            r._add("wrong", "The gradient is not the derivative of the loss that f returns.")
            cut = [p.name for p in r.parameters if p.verdict == "zero"]
            if cut:
                r.sentences.append(f"No gradient reaches {', '.join(cut)}.")
            if mender.suspicions():
                r.sentences.append(f"f cuts off derivatives at {', '.join(mender.suspicions())}.")
            if reference is None:
                r.sentences.append("With loss= and inner_lr= the check also says what first order would give.")
        wrong = r.wrong()
        if wrong and len(wrong) < len(self.caller.names):
            r.sentences.append(f"Wrong in {', '.join(wrong)}; right in the other {len(self.caller.names) - len(wrong)}.")
        elif not zero:
            r.sentences.append(f"It is off by {100 * j.error:.3g} % of a typical slope.")
        if zero and self.caller.graphless:
            r.sentences.append("The loss has no graph (requires_grad is False).")

    def _parameter(self, i: int) -> ParameterCheck:
        floor = 1e-6 * math.sqrt(sum(float(g @ g) for g in self._split(self.given))) * float(np.abs(self._draw(i)).max())
        slopes = []
        for _ in range(6):
            slope = self._slope(self._draw(i), floor)
            if slope.usable(self.s) or self._tiny(slope):
                slopes.append(slope)
            if len(slopes) == 2:
                break
        name, shape = self.caller.names[i], self.caller.shapes[i]
        if not slopes:
            return ParameterCheck(name, shape, "undecided", math.nan, math.nan, math.nan)
        j = judge(slopes, self.s)
        words = {"flat": "agrees", "unmoved": "should be zero"}
        if self.caller.sizes[i] == 1:  # of one number any gradient is a multiple
            words["scaled"] = "wrong"
        return ParameterCheck(name, shape, words.get(j.kind, j.kind), slopes[0].given, slopes[0].true, j.factor)

    def _norms(self, mender: Mender, reference: Reference | None) -> None:
        """Batch norm by stored statistics is a function too: whether it was meant only the caller knows."""
        if self.caller.kind != "torch":
            return
        mender.watched()
        stored, mixed = mender.stored()
        if not stored:
            return
        said = f"Batch norm takes stored (running) statistics at {', '.join(stored)}"
        if self.statistics == "batch" or mixed:
            self.report._add("running statistics", f"{said}{', and those of the batch in other calls' if mixed else ''}; expected those of the "
                             "batch: call train(), or pass training=True.")  # fmt: skip
        elif reference is None:
            self.report.sentences.append(f"{said}, which are constants; statistics='batch' makes this a fault.")

    def _reference(self, slopes: list[Slope]) -> Reference | None:
        if self.known is None:
            return None
        loss, lr, steps, adapted = self.known
        made = Reference(self.caller, loss, lr, steps, adapted, self.point, self.s)
        self.report.first_order = made.first_order_error(slopes)
        return made


def _off(a: Vector, b: Vector) -> float:
    """Relative distance."""
    return float(np.linalg.norm(a - b) / max(float(np.linalg.norm(b)), 1e-300))


def task_counts(tasks: Any) -> dict[str, int]:
    """How many there are of what a loss may be summed over: tasks, examples of a task, both."""
    made: dict[str, int] = {}
    if hasattr(tasks, "support_x"):
        tasks = (tasks.support_x, tasks.support_y, tasks.query_x, tasks.query_y)
    items = list(tasks.values()) if isinstance(tasks, Mapping) else tasks
    if not isinstance(items, (list, tuple)) or not items:
        return made
    if trees.is_array(items[0]):
        shapes = [trees.shape(x) for x in items if trees.is_array(x)]
        lengths = {s[0] for s in shapes if s}
        count = lengths.pop() if len(lengths) == 1 else 0
        inner = [s[1] for s in shapes if len(s) > 1]
    else:
        count = len(items)
        first = list(items[0].values()) if isinstance(items[0], Mapping) else items[0]
        shapes = [trees.shape(x) for x in first if trees.is_array(x)] if isinstance(first, (list, tuple)) else []
        inner = [s[0] for s in shapes if s]
    if count:
        made["tasks"] = count
    for n in dict.fromkeys(reversed(inner)):
        made[f"{n} examples of a task"] = n
        made[f"{n} examples of all tasks"] = n * count
    return made
