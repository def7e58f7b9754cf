"""Operations on values. Axes and shapes never count the axis of tasks."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator, Sequence
from typing import Any

from . import _declarations as c
from ._library import lib, shape_of
from .errors import ArgumentError
from .values import Operand, Value, binary, operand


def _unary(operation: Any, a: Value) -> Value:
    return a.graph.value(operation(a.graph.address, a.made))


def exp(a: Value) -> Value:
    """eᵃ"""
    return _unary(lib.il_exp, a)


def log(a: Value) -> Value:
    """The natural logarithm."""
    return _unary(lib.il_log, a)


def sqrt(a: Value) -> Value:
    """√a"""
    return _unary(lib.il_sqrt, a)


def tanh(a: Value) -> Value:
    """The hyperbolic tangent."""
    return _unary(lib.il_tanh, a)


def sin(a: Value) -> Value:
    """sin a"""
    return _unary(lib.il_sin, a)


def cos(a: Value) -> Value:
    """cos a"""
    return _unary(lib.il_cos, a)


def abs(a: Value) -> Value:  # noqa: A001
    """|a|"""
    return _unary(lib.il_abs, a)


def sigmoid(a: Value) -> Value:
    """1/(1 + e⁻ᵃ)"""
    return _unary(lib.il_sigmoid, a)


def relu(a: Value) -> Value:
    """max(a, 0); slope 0 at 0"""
    return _unary(lib.il_relu, a)


def minimum(a: Operand, b: Operand) -> Value:
    """The smaller of each two elements."""
    return binary(lib.il_minimum, a, b)


def maximum(a: Operand, b: Operand) -> Value:
    """The larger of each two elements."""
    return binary(lib.il_maximum, a, b)


def less(a: Operand, b: Operand) -> Value:
    """a < b ? 1 : 0"""
    return binary(lib.il_less, a, b)


def equal(a: Operand, b: Operand) -> Value:
    """a == b ? 1 : 0"""
    return binary(lib.il_equal, a, b)


def select(condition: Value, a: Operand, b: Operand) -> Value:
    """condition != 0 ? a : b"""
    g = condition.graph
    return g.value(lib.il_select(g.address, condition.made, operand(g, a), operand(g, b)))


def cast(a: Value) -> Value:
    """int32 or uint8 as reals."""
    return _unary(lib.il_cast, a)


def _axes(a: Value, axis: int | Sequence[int] | None) -> int:
    rank = a.ndim
    mask = 0
    for i in range(rank) if axis is None else [axis] if isinstance(axis, int) else axis:
        if not -rank <= i < rank:
            raise ArgumentError(f"axis {i} of a value of shape {a.shape}")
        mask |= 1 << i % rank
    return mask


def _reduce(operation: Any, a: Value, axis: int | Sequence[int] | None, keepdims: bool) -> Value:
    mask = _axes(a, axis)
    made = a.graph.value(operation(a.graph.address, a.made, mask)) if mask else a
    if keepdims:
        return made
    return made.reshape(*[size for i, size in enumerate(a.shape) if not mask >> i & 1])


def sum(a: Value, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Value:  # noqa: A001
    """Over all axes, or those named."""
    return _unary(lib.il_sum_all, a) if axis is None and not keepdims else _reduce(lib.il_sum, a, axis, keepdims)


def mean(a: Value, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Value:
    """Over all axes, or those named."""
    return _unary(lib.il_mean_all, a) if axis is None and not keepdims else _reduce(lib.il_mean, a, axis, keepdims)


def max(a: Value, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Value:  # noqa: A001
    """Over all axes, or those named."""
    return _reduce(lib.il_max, a, axis, keepdims)


def argmax(a: Value, axis: int = -1) -> Value:
    """int32: the first largest element along an axis, which goes."""
    shape, at = a.shape, axis % a.ndim
    made = a.graph.value(lib.il_argmax(a.graph.address, a.made, at))
    return made.reshape(*shape[:at], *shape[at + 1 :])


def reshape(a: Value, shape: Sequence[int]) -> Value:
    """The same elements in another shape."""
    return a.reshape(*shape)


def broadcast(a: Value, shape: Sequence[int]) -> Value:
    """By numpy's rule."""
    return a.graph.value(lib.il_broadcast(a.graph.address, a.made, shape_of(tuple(shape))))


def transpose(a: Value, permutation: Sequence[int] | None = None) -> Value:
    """y's axis i is a's axis permutation[i]; without one, the axes reversed."""
    rank = a.ndim
    order = list(range(rank))[::-1] if permutation is None else [i % rank for i in permutation]
    if sorted(order) != list(range(rank)):
        raise ArgumentError(f"transpose: {permutation} is no order of {rank} axes")
    return a.graph.value(lib.il_transpose(a.graph.address, a.made, (ctypes.c_int * rank)(*order)))


def concat(values: Sequence[Value], axis: int = 0) -> Value:
    """One after the other along an axis."""
    g = values[0].graph
    items = (c.il_value * len(values))(*[g.same(v) for v in values])
    return g.value(lib.il_concat(g.address, len(values), items, axis % values[0].ndim))


def matmul(a: Value, b: Value, transpose_a: bool = False, transpose_b: bool = False) -> Value:
    """y[…, m, n] = Σ_k a[…, m, k]·b[…, k, n]; leading dimensions are equal."""
    return a.graph.value(lib.il_matmul(a.graph.address, a.made, a.graph.same(b), transpose_a, transpose_b))


def gather(a: Value, index: Value) -> Value:
    """y[i…] = a[index[i…]]; int32, clamped to the rows."""
    return a.graph.value(lib.il_gather(a.graph.address, a.made, a.graph.same(index)))


def one_hot(index: Value, classes: int) -> Value:
    """y[i…, c] = (index[i…] == c)"""
    return index.graph.value(lib.il_one_hot(index.graph.address, index.made, classes))


def _window(x: Value, kernel: tuple[int, int], stride: int, pad: int, groups: int) -> Any:
    return c.il_window(kernel, (stride, stride), (pad, pad), (pad, pad), (1, 1), groups)


def conv2d(x: Value, w: Value, stride: int = 1, pad: int = 0, groups: int = 1) -> Value:
    """x [n,h,w,c], w [kh,kw,c/groups,k] -> [n,oh,ow,k]"""
    kernel = (w.shape[0], w.shape[1]) if w.ndim == 4 else (1, 1)
    return x.graph.value(
        lib.il_conv2d(x.graph.address, x.made, x.graph.same(w), _window(x, kernel, stride, pad, groups))
    )


def max_pool(x: Value, kernel: int, stride: int | None = None, pad: int = 0) -> Value:
    """x [n,h,w,c]; the maximum over square windows."""
    window = _window(x, (kernel, kernel), kernel if stride is None else stride, pad, 1)
    return x.graph.value(lib.il_max_pool(x.graph.address, x.made, window))


def average_pool(x: Value, kernel: int, stride: int | None = None, pad: int = 0) -> Value:
    """x [n,h,w,c]; the mean over square windows, whose full size divides."""
    window = _window(x, (kernel, kernel), kernel if stride is None else stride, pad, 1)
    return x.graph.value(lib.il_average_pool(x.graph.address, x.made, window))


@contextlib.contextmanager
def scope(value: Value, name: str) -> Iterator[None]:
    """Values made within carry the name in printouts and error sentences; `value` says of which trace."""
    lib.il_scope_push(value.graph.address, name.encode())
    try:
        yield
    finally:
        lib.il_scope_pop(value.graph.address)


def mean_squared_error(prediction: Value, target: Value) -> Value:
    """The mean over examples and outputs."""
    g = prediction.graph
    return g.value(lib.il_mean_squared_error(g.address, prediction.made, g.same(target)))


def cross_entropy(scores: Value, labels: Value) -> Value:
    """The mean of −log softmax(scores)[label]; raw scores [n, classes], labels int32 [n]."""
    g = scores.graph
    return g.value(lib.il_cross_entropy(g.address, scores.made, g.same(labels)))


def binary_cross_entropy(scores: Value, y: Value) -> Value:
    """The mean of −t·log p − (1 − t)·log(1 − p), p the sigmoid of raw scores; y targets [n, outputs] or labels."""
    g = scores.graph
    return g.value(lib.il_binary_cross_entropy(g.address, scores.made, g.same(y)))


def accuracy(scores: Value, y: Value) -> Value:
    """The share of examples whose largest score is at the label."""
    g = scores.graph
    return g.value(lib.il_accuracy(g.address, scores.made, g.same(y)))
