"""Values: what a function computes, written with operators while it is traced."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, Union, overload

from . import _declarations as c
from ._library import Context, dimensions_of, lib, owned, shape_of
from .errors import ArgumentError

Number = Union[int, float]
_DTYPES = {c.IL_FLOAT32: "float32", c.IL_FLOAT64: "float64", c.IL_INT32: "int32", c.IL_UINT8: "uint8"}
_NO_VALUE = c.il_value(0)


class Graph:
    """What one trace builds. Errors of builders are raised where they happen."""

    def __init__(self, precision: str) -> None:
        kinds = {"float32": c.IL_FLOAT32, "float64": c.IL_FLOAT64}
        if precision not in kinds:
            raise ArgumentError(f"precision: found {precision!r}, expected 'float32' or 'float64'")
        self.real: int = kinds[precision]
        self.context = Context()
        self.address: int = self.context.made(lib.il_graph_new(self.context.address, self.real))
        self._free = owned(self, lib.il_graph_free, self.address, self.context)

    def give_away(self) -> int:
        """The address, for a function of the library that takes the graph over."""
        self._free.detach()
        return self.address

    def value(self, made: Any) -> Value:
        if not made.id:
            self.context.fail()
        return Value(self, made)

    def constant(self, number: Number) -> Value:
        return self.value(lib.il_scalar(self.address, float(number)))

    def same(self, value: Value) -> Any:
        """The value as the library takes it; one of another trace is refused."""
        if value.graph is not self:
            raise ArgumentError("a value of another trace; expected one that this function has made or was given")
        return value.made


class Value:
    """A tensor of a function that is being traced: it has a shape and a dtype, and no numbers yet."""

    __slots__ = ("graph", "made")
    __array_ufunc__ = None  # numpy's numbers and arrays leave operators to us

    def __init__(self, graph: Graph, made: Any) -> None:
        self.graph = graph
        self.made = made

    @property
    def shape(self) -> tuple[int, ...]:
        """Without the axis of tasks."""
        return dimensions_of(lib.il_value_shape(self.graph.address, self.made))

    @property
    def ndim(self) -> int:
        """Dimensions, without the axis of tasks."""
        return len(self.shape)

    @property
    def dtype(self) -> str:
        """``"float32"``, ``"float64"``, ``"int32"`` or ``"uint8"``."""
        return _DTYPES[lib.il_value_type(self.graph.address, self.made)]

    @property
    def per_task(self) -> bool:
        """Whether it exists once per task; else it is shared by all."""
        return bool(lib.il_value_stage(self.graph.address, self.made) == c.IL_TASK)

    def __repr__(self) -> str:
        return f"<{'per-task' if self.per_task else 'shared'} {self.dtype} value of shape {self.shape}>"

    def __bool__(self) -> bool:
        raise ArgumentError("a value has no truth: it has no numbers while a function is traced; il.select chooses")

    def __float__(self) -> float:
        raise ArgumentError("a value is no number yet: it has none while a function is traced; what the function returns has")

    __int__ = __index__ = __float__

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise ArgumentError("a value is no array: it has no numbers while a function is traced")

    def __len__(self) -> int:
        shape = self.shape
        if not shape:
            raise TypeError("a value without dimensions has no length")
        return shape[0]

    def __iter__(self) -> Iterator[Value]:
        return (self[i] for i in range(len(self)))

    # ---- operators ----
    def __add__(self, other: Operand) -> Value:
        if isinstance(other, (int, float)):
            return self.graph.value(lib.il_shift(self.graph.address, self.made, other))
        return binary(lib.il_add, self, other)

    __radd__ = __add__

    def __sub__(self, other: Operand) -> Value:
        if isinstance(other, (int, float)):
            return self.graph.value(lib.il_shift(self.graph.address, self.made, -other))
        return binary(lib.il_sub, self, other)

    def __rsub__(self, other: Operand) -> Value:
        return binary(lib.il_sub, other, self)

    def __mul__(self, other: Operand) -> Value:
        if isinstance(other, (int, float)):
            return self.graph.value(lib.il_scale(self.graph.address, self.made, other))
        return binary(lib.il_mul, self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Operand) -> Value:
        return binary(lib.il_div, self, other)

    def __rtruediv__(self, other: Operand) -> Value:
        return binary(lib.il_div, other, self)

    def __pow__(self, other: Operand) -> Value:
        if other == 2:
            return binary(lib.il_mul, self, self)
        return binary(lib.il_pow, self, other)

    def __matmul__(self, other: Value) -> Value:
        return self.graph.value(lib.il_matmul(self.graph.address, self.made, self.graph.same(other), False, False))

    def __neg__(self) -> Value:
        return self.graph.value(lib.il_neg(self.graph.address, self.made))

    def __gt__(self, other: Operand) -> Value:
        return binary(lib.il_less, other, self)

    def __lt__(self, other: Operand) -> Value:
        return binary(lib.il_less, self, other)

    def __getitem__(self, key: Any) -> Value:
        """Whole numbers and slices of step 1, as numpy's."""
        keys = key if isinstance(key, tuple) else (key,)
        shape = self.shape
        if Ellipsis in keys:
            at = keys.index(Ellipsis)
            keys = keys[:at] + (slice(None),) * (len(shape) - len(keys) + 1) + keys[at + 1 :]
        if len(keys) > len(shape):
            raise ArgumentError(f"{len(keys)} indices into a value of shape {shape}")
        begin, size, kept = [], [], []
        for i, dimension in enumerate(shape):
            one = keys[i] if i < len(keys) else slice(None)
            if isinstance(one, slice):
                start, stop, step = one.indices(dimension)
                if step != 1:
                    raise ArgumentError(f"axis {i}: a slice of step {step}, expected 1")
                kept.append(max(stop - start, 0))
            elif isinstance(one, int) and -dimension <= one < dimension:
                start, stop = one % dimension, one % dimension + 1
            else:
                raise ArgumentError(f"axis {i}: found {one!r}, expected a slice, or a number within {dimension}")
            begin.append(start)
            size.append(max(stop - start, 0))
        made = lib.il_slice(self.graph.address, self.made, (ctypes.c_int64 * len(begin))(*begin), shape_of(tuple(size)))
        return self.graph.value(lib.il_reshape(self.graph.address, self.graph.value(made).made, shape_of(tuple(kept))))

    def reshape(self, *shape: int) -> Value:
        """The same numbers in order, in another shape of as many."""
        return self.graph.value(lib.il_reshape(self.graph.address, self.made, shape_of(shape)))

    def sum(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Value:
        """Over all axes, or those named."""
        from . import ops

        return ops.sum(self, axis, keepdims)

    def mean(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Value:
        """Over all axes, or those named."""
        from . import ops

        return ops.mean(self, axis, keepdims)

    def max(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Value:
        """Over all axes, or those named."""
        from . import ops

        return ops.max(self, axis, keepdims)


Operand = Union[Value, int, float]


def binary(operation: Callable[..., Any], a: Operand, b: Operand) -> Value:
    """An operation on two operands, of which one may be a number."""
    graph = a.graph if isinstance(a, Value) else b.graph  # type: ignore[union-attr]
    return graph.value(operation(graph.address, operand(graph, a), operand(graph, b)))


def operand(graph: Graph, a: Operand) -> Any:
    if isinstance(a, Value):
        return graph.same(a)
    try:
        return graph.constant(float(a)).made
    except (TypeError, ValueError):
        raise ArgumentError(
            f"an operand of type {type(a).__name__}; expected a value or a number: arrays are arguments of the function"
        ) from None


class Values(Mapping[str, Value]):
    """Values by name, such as the parameters of a net; operators work on all of them, name by name."""

    __array_ufunc__ = None

    def __init__(self, items: Mapping[str, Value], entries: Mapping[str, Any] | None = None) -> None:
        self._items = dict(items)
        self.entries = dict(entries or {})  # il_entry, where there is one

    def __getitem__(self, name: str) -> Value:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return "Values(" + ", ".join(f"{name} {value.shape}" for name, value in self._items.items()) + ")"

    def map(self, f: Callable[..., Value], *others: Values) -> Values:
        """f of the values of each name."""
        for other in others:
            if list(other) != list(self):
                raise ArgumentError(f"values named {list(other)}, expected {list(self)}")
        made = {name: f(value, *(other[name] for other in others)) for name, value in self._items.items()}
        return Values(made, self.entries)

    def _with(self, other: Values | Operand, f: Callable[[Any, Any], Value]) -> Values:
        if isinstance(other, Values):
            return self.map(f, other)
        return self.map(lambda value: f(value, other))

    def __add__(self, other: Values | Operand) -> Values:
        return self._with(other, lambda a, b: a + b)

    __radd__ = __add__

    def __sub__(self, other: Values | Operand) -> Values:
        return self._with(other, lambda a, b: a - b)

    def __mul__(self, other: Values | Operand) -> Values:
        return self._with(other, lambda a, b: a * b)

    __rmul__ = __mul__

    def __truediv__(self, other: Values | Operand) -> Values:
        return self._with(other, lambda a, b: a / b)

    def __neg__(self) -> Values:
        return self.map(lambda a: -a)


_Tree = TypeVar("_Tree", Value, Values)


def _leaves(x: Any) -> list[Value]:
    if isinstance(x, Value):
        return [x]
    if isinstance(x, Values):
        return list(x.values())
    if isinstance(x, (tuple, list)):
        return [leaf for item in x for leaf in _leaves(item)]
    raise ArgumentError(f"found {type(x).__name__}, expected a value, values by name, or a tuple of them")


def _like(x: Any, made: Iterator[Value]) -> Any:
    if isinstance(x, Value):
        return next(made)
    if isinstance(x, Values):
        return x.map(lambda _: next(made))
    return tuple(_like(item, made) for item in x)


def _array(values: list[Any]) -> Any:
    return (c.il_value * len(values))(*values)


def _check_same(graph: Graph, values: list[Value]) -> Any:
    return _array([graph.same(value) for value in values])


@overload
def grad(y: Value, x: Value) -> Value: ...
@overload
def grad(y: Value, x: Values) -> Values: ...
@overload
def grad(y: Value, x: tuple[Any, ...] | list[Any]) -> tuple[Any, ...]: ...
def grad(y: Value, x: Any) -> Any:
    """∂y/∂x, shaped as x; y has one element. The result is made of ordinary values: differentiate it again.

    x is an argument, a value of `leaf`, or any other computed one, of which every use counts. One that
    simplification has looked through is refused: wrap it by `leaf` before it is used.
    """
    leaves, graph = _leaves(x), y.graph
    made = _array([_NO_VALUE] * len(leaves))
    if lib.il_grad(graph.address, y.made, len(leaves), _check_same(graph, leaves), made):
        graph.context.fail()
    return _like(x, iter([Value(graph, c.il_value(v.id)) for v in made]))


def vjp(y: Any, x: Any, cotangent: Any) -> Any:
    """Σ (∂y/∂x)ᵀ·cotangent, shaped as x; cotangents are shaped as y."""
    ys, xs, given = _leaves(y), _leaves(x), _leaves(cotangent)
    if len(given) != len(ys):
        raise ArgumentError(f"vjp: {len(given)} cotangents, expected {len(ys)}")
    graph = ys[0].graph
    made = _array([_NO_VALUE] * len(xs))
    if lib.il_vjp(graph.address, len(ys), _check_same(graph, ys), _check_same(graph, given), len(xs),
                  _check_same(graph, xs), made):  # fmt: skip
        graph.context.fail()
    return _like(x, iter([Value(graph, c.il_value(v.id)) for v in made]))


def jvp(y: Any, x: Any, tangent: Any) -> Any:
    """Σ (∂y/∂x)·tangent, shaped as y; tangents are shaped as x. Forward mode, also over `grad`."""
    ys, xs, given = _leaves(y), _leaves(x), _leaves(tangent)
    if len(given) != len(xs):
        raise ArgumentError(f"jvp: {len(given)} tangents, expected {len(xs)}")
    graph = ys[0].graph
    made = _array([_NO_VALUE] * len(ys))
    if lib.il_jvp(graph.address, len(xs), _check_same(graph, xs), _check_same(graph, given), len(ys),
                  _check_same(graph, ys), made):  # fmt: skip
        graph.context.fail()
    return _like(y, iter([Value(graph, c.il_value(v.id)) for v in made]))


def each_of(x: _Tree, f: Callable[[Value], Value]) -> _Tree:
    """f of a value, or of every value by name."""
    return x.map(f) if isinstance(x, Values) else f(x)


def leaf(x: _Tree) -> _Tree:
    """y = x, as a value of its own by which to differentiate, such as weights after an inner step."""
    return each_of(x, lambda v: v.graph.value(lib.il_leaf(v.graph.address, v.made)))


def stop_gradient(x: _Tree) -> _Tree:
    """y = x, with derivative zero."""
    return each_of(x, lambda v: v.graph.value(lib.il_stop_gradient(v.graph.address, v.made)))


def task_mean(x: _Tree) -> _Tree:
    """The mean over the tasks, from per-task values to shared ones; a shared value is its own mean."""

    def mean(v: Value) -> Value:
        return v.graph.value(lib.il_task_mean(v.graph.address, v.made)) if v.per_task else v

    return each_of(x, mean)
