"""Finite differences along directions, robust against kinks and jumps; and what they say of a gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .trees import Vector


@dataclass(frozen=True)
class Scales:
    """Steps and tolerances of one precision."""

    steps: tuple[float, ...]  #: relative to the size of each parameter, the best two first
    rounding: float  #: relative error of one loss
    tolerance: float  #: relative error of a slope that agrees
    usable: float  #: of a finite difference that says something


DOUBLE = Scales((1e-5, 1e-6, 1e-4, 1e-7, 1e-8), 1e-15, 1e-5, 1e-5)
SINGLE = Scales((1e-2, 3e-3, 3e-2, 1e-3, 1e-1), 1e-7, 5e-2, 5e-2)


@dataclass
class Slope:
    """Along one direction: what the gradient says, what the loss does, and how well that is known."""

    direction: Vector
    given: float
    true: float
    error: float  #: of ``true``
    scale: float  #: what a slope along such a direction is like
    kink: bool = False  #: at the point itself

    def usable(self, s: Scales) -> bool:
        return not self.kink and self.error <= s.usable * self.scale

    def agrees(self, s: Scales, given: float | None = None) -> bool:
        a = self.given if given is None else given
        return abs(a - self.true) <= s.tolerance * self.scale + 3 * self.error


def sizes_of(point: Vector, sizes: list[int]) -> Vector:
    """[n] by how much each number may be moved: the root mean square of its parameter."""
    parts = np.split(point, np.cumsum(sizes)[:-1])
    made: Vector = np.concatenate([np.full(p.size, max(float(np.sqrt(np.mean(p * p))) if p.size else 0.0, 1e-2)) for p in parts])
    return made


def measure(loss: Callable[[Vector], float], point: Vector, base: float, direction: Vector, given: float, typical: float,
            s: Scales) -> Slope:  # fmt: skip
    """The slope of `loss` at `point`: central differences of several steps, of which two next to each other agree.

    base: the loss there. typical: size of a slope along such a direction, as the gradient has it.
    """
    found: dict[float, tuple[float, float]] = {}
    best: tuple[float, float, float, float] | None = None  # error, slope, two steps
    for step in s.steps:
        up, down = loss(point + step * direction), loss(point - step * direction)
        found[step] = (up, down)
        steps = sorted(found, reverse=True)
        for large, small in zip(steps, steps[1:]):
            (u, d), (v, e) = found[large], found[small]
            coarse, fine = (u - d) / (2 * large), (v - e) / (2 * small)
            noise = s.rounding * max(abs(base), abs(v), 1e-300) / small
            ratio = (large / small) ** 2
            error = abs(coarse - fine) + noise
            if best is None or error < best[0]:
                best = (error, (ratio * fine - coarse) / (ratio - 1), large, small)
        if best is not None and best[0] <= 0.1 * s.usable * max(abs(best[1]), typical):
            break
    assert best is not None
    error, true, large, small = best
    bends = [abs((found[h][0] - base) - (base - found[h][1])) / h for h in (large, small)]  # of a smooth loss, in proportion to h
    noise = 10 * s.rounding * max(abs(base), 1e-300) / small
    scale = max(abs(true), abs(given), typical)
    kink = s is DOUBLE and not (bends[1] <= s.usable * scale + noise or bends[1] <= 0.5 * bends[0])
    if not np.isfinite(true):
        error = np.inf
    return Slope(direction, given, true, error, scale, kink)


@dataclass(frozen=True)
class Judgement:
    """kind: ``"agrees"``, ``"flat"``, ``"zero"``, ``"unmoved"``, ``"scaled"``, ``"wrong"``, ``"undecided"``; factor: of the scaled."""

    kind: str
    factor: float
    error: float  #: the largest, relative


def judge(slopes: list[Slope], s: Scales, given: list[float] | None = None) -> Judgement:
    """What usable slopes say of a gradient; given: other slopes than those of f's own."""
    a = np.array([x.given for x in slopes] if given is None else given)
    b = np.array([x.true for x in slopes])
    noise = np.array([x.error for x in slopes])
    size = max(float(np.abs(a).max()), float(np.abs(b).max()), 1e-300)
    scale = np.array([x.scale for x in slopes])
    error = float((np.abs(a - b) / np.maximum(scale, 1e-300)).max())
    still = bool((np.abs(b) <= 3 * noise).all()) and float(np.abs(b).max()) <= 1e3 * s.usable * size or not b.any()
    if still and float(np.abs(a).max()) <= 3 * float(noise.max()):
        return Judgement("flat", 1.0, error)
    if all(x.agrees(s, float(v)) for x, v in zip(slopes, a)):
        return Judgement("agrees", 1.0, error)
    if s is not DOUBLE and error < 4 * s.tolerance:  # neither
        return Judgement("undecided", 1.0, error)
    if float(np.abs(a).max()) <= 1e-3 * s.tolerance * size:
        return Judgement("zero", 0.0, error)
    if still:
        return Judgement("unmoved", 0.0, error)
    factor = float(a @ b / (b @ b))
    rest = np.abs(a - factor * b)
    if len(a) > 1 and bool((rest <= 3 * s.tolerance * np.maximum(scale, abs(factor) * np.abs(b)) + 3 * abs(factor) * noise).all()):
        near = float(round(factor)) if abs(factor) >= 1 else 1 / round(1 / factor) if factor else 0.0
        return Judgement("scaled", near if abs(near - factor) <= 1e-3 * abs(factor) else factor, error)
    return Judgement("wrong", factor, error)
