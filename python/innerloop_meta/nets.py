"""Nets: layers as data, applied to values."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import _declarations as c
from ._library import Context, decode, lib, owned, shape_of
from .errors import ArgumentError
from .state import State
from .values import Value, Values

_INITS = {name: getattr(c, "IL_INIT_" + name.upper()) for name in (
    "default", "xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal", "normal", "truncated_normal",
    "zero", "uniform", "one")}  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """One layer; made by the functions below."""

    kind: str
    units: int = 0
    kernel: int = 0
    stride: int = 1
    pad: int = 0
    bias: bool = False
    eps: float = 1e-5
    rate: float = 0.0
    init: str = "default"
    init_scale: float = 0.0
    groups: int = 0
    dilation: int = 0
    heads: int = 0
    affine: bool = False
    vocabulary: int = 0
    sequence: bool = False

    def _made(self) -> Any:
        if self.init not in _INITS:
            raise ArgumentError(f"init: found {self.init!r}, expected one of {', '.join(_INITS)}")
        return c.il_layer(getattr(c, "IL_LAYER_" + self.kind.upper()), self.units, self.kernel, self.stride, self.pad,
                          self.bias, self.eps, self.rate, _INITS[self.init], self.init_scale, self.groups, self.dilation,
                          self.heads, self.affine, self.vocabulary, self.sequence)  # fmt: skip


def _of(row: Any, last: bool, outputs: int) -> Layer:
    """A layer as the library keeps it; units of the last linear one are 0 again, where they are the outputs."""
    kinds = {getattr(c, name): name[len("IL_LAYER_"):].lower() for name in dir(c) if name.startswith("IL_LAYER_")}
    inits = {value: name for name, value in _INITS.items()}
    given = {name: getattr(row, name) for name, *_ in row._fields_ if name not in ("kind", "init")}
    if last and kinds[row.kind] == "linear" and row.units == outputs:
        given["units"] = 0
    return Layer(kinds[row.kind], **given, init=inits[row.init])


def linear(units: int = 0, bias: bool = True, init: str = "default", init_scale: float = 0.0) -> Layer:
    """y = x·W + b; flattens first. units 0: the net's outputs."""
    return Layer("linear", units, bias=bias, init=init, init_scale=init_scale)


def conv(units: int, kernel: int = 3, stride: int = 1, pad: int = 1, bias: bool = True, init: str = "default",
         init_scale: float = 0.0, groups: int = 1, dilation: int = 1) -> Layer:  # fmt: skip
    """A convolution of images [h,w,c] to `units` filters."""
    return Layer("conv", units, kernel, stride, pad, bias, init=init, init_scale=init_scale, groups=groups, dilation=dilation)


def conv1d(units: int, kernel: int = 3, stride: int = 1, pad: int = 1, bias: bool = True, init: str = "default",
           init_scale: float = 0.0, groups: int = 1, dilation: int = 1) -> Layer:  # fmt: skip
    """A convolution of signals [t,channels] along time."""
    return Layer("conv1d", units, kernel, stride, pad, bias, init=init, init_scale=init_scale, groups=groups, dilation=dilation)


def norm(eps: float = 1e-5) -> Layer:
    """Batch norm: (x − mean)/√(var + eps)·γ + β"""
    return Layer("norm", eps=eps)


def layer_norm(eps: float = 1e-5, affine: bool = True) -> Layer:
    """Each example by itself: over all of an image or of the features, over the channels of each step of a signal."""
    return Layer("layer_norm", eps=eps, affine=affine)


def instance_norm(eps: float = 1e-5, affine: bool = True) -> Layer:
    """Each channel of each example by itself."""
    return Layer("instance_norm", eps=eps, affine=affine)


def group_norm(groups: int, eps: float = 1e-5, affine: bool = True) -> Layer:
    """`groups` of neighbouring channels, each group of each example by itself."""
    return Layer("group_norm", eps=eps, groups=groups, affine=affine)


def task_norm(eps: float = 1e-5) -> Layer:
    """TaskNorm-I: moments of the batch or the support set, blended with each example's own."""
    return Layer("task_norm", eps=eps)


def residual() -> Layer:
    """Opens a residual block, which `add` closes: its input is added to what the layers between give."""
    return Layer("residual")


def shortcut() -> Layer:
    """In a residual block: the layers from here to `add` take the block's input."""
    return Layer("shortcut")


def add() -> Layer:
    """Closes a residual block: the sum of its two branches."""
    return Layer("add")


def attention(heads: int = 1, bias: bool = True) -> Layer:
    """Scaled dot-product attention among the steps of a signal or the pixels of an image, as PyTorch's MultiheadAttention."""
    return Layer("attention", bias=bias, heads=heads)


def embedding(vocabulary: int, units: int) -> Layer:
    """The first layer, of whole numbers from 0 to below `vocabulary`, [t] or [t,1]: each is a row of a table, as PyTorch's Embedding;
    gives a signal [t,units]."""
    return Layer("embedding", units, vocabulary=vocabulary)


def gru(units: int, bias: bool = True, sequence: bool = False) -> Layer:
    """A recurrent layer over a signal [t,channels], as PyTorch's GRU of one layer: its last state, or with `sequence` all of them."""
    return Layer("gru", units, bias=bias, sequence=sequence)


def max_pool(kernel: int = 2, stride: int | None = None, pad: int = 0) -> Layer:
    """Of an image; of a signal, along time."""
    return Layer("max_pool", kernel=kernel, stride=kernel if stride is None else stride, pad=pad)


def avg_pool(kernel: int = 2, stride: int | None = None, pad: int = 0) -> Layer:
    """The mean over windows of an image, or of a signal along time; padding counts as zeros."""
    return Layer("avg_pool", kernel=kernel, stride=kernel if stride is None else stride, pad=pad)


def activation(units: int = 100, rate: float = 0.0) -> Layer:
    """A learned function of one number, elu(x) + 0.2 f(x): f has one input, `units` tanh units and one output. `rate`: noise in
    training, the same for all examples."""
    return Layer("activation", units=units, rate=rate)


def relu() -> Layer:
    """max(x, 0)"""
    return Layer("relu")


def tanh() -> Layer:
    """The hyperbolic tangent."""
    return Layer("tanh")


def sigmoid() -> Layer:
    """1/(1 + e⁻ˣ)"""
    return Layer("sigmoid")


def mean_pool() -> Layer:
    """Over the whole image or signal."""
    return Layer("mean_pool")


def flatten() -> Layer:
    """[h,w,c] -> [features]"""
    return Layer("flatten")


def dropout(rate: float) -> Layer:
    """Inverted dropout; only where a meta-step trains."""
    return Layer("dropout", rate=rate)


class Net:
    """A net: ``net(parameters, x)`` are its scores, ``net.parameters(seed)`` its drawn parameters.

    Args:
        layers: a preset (``"mlp"``, ``"omniglot_fc"``, ``"omniglot_conv"``, ``"conv4"``, ``"conv1d"``, ``"resnet12"``) or layers,
            of which the last linear one may have 0 units: as many as outputs.
        example: shape of one x: [h,w,c], [t,channels], or the number of features.
        outputs: numbers that come out; 0: a net without its last linear layer.
        filters: width of a preset; 0: its own.
    Raises:
        ArgumentError: a layer that does not fit, by its name.
    """

    def __init__(self, layers: str | Sequence[Layer], example: int | tuple[int, ...], outputs: int,
                 filters: int = 0) -> None:  # fmt: skip
        self.context = Context()
        self.example = (example,) if isinstance(example, int) else tuple(example)
        self.outputs = outputs
        shape = shape_of(self.example)
        if isinstance(layers, str):
            made = lib.il_net_preset(self.context.address, layers.encode(), shape, outputs, filters)
        else:
            rows = (c.il_layer * len(layers))(*[layer._made() for layer in layers])
            made = lib.il_net_new(self.context.address, len(layers), rows, shape, outputs)
        self.address: int = self.context.made(made)
        owned(self, lib.il_net_free, self.address, self.context)
        found = range(lib.il_net_layers(self.address))
        #: as they were given; of a preset as it has them, with 0 units of the last linear one
        self.layers: tuple[Layer, ...] = tuple(layers) if not isinstance(layers, str) else tuple(
            _of(lib.il_net_layer(self.address, i).contents, i == found[-1], outputs) for i in found)  # fmt: skip
        count = lib.il_net_parameters(self.address)
        self.names = [decode(lib.il_net_parameter_name(self.address, i)) for i in range(count)]

    def parameters(self, seed: int = 1, precision: str = "float32") -> State:
        """Parameters, drawn as a pure function of seed, in the engine's layout: conv [kh,kw,in,out], linear [in,out]."""
        state = State(lambda context, entries: lib.il_net_entries(context, self.address, entries), precision, self)
        state.initialize(seed)
        return state

    def __reduce__(self) -> Any:
        return type(self), (self.layers, self.example, self.outputs)

    def __call__(self, parameters: Values, x: Value) -> Value:
        """Scores [n, outputs] of x [n, example…]; norm layers take the statistics of x."""
        if not isinstance(x, Value):
            raise ArgumentError(f"a net is given a {type(x).__name__}, expected a value: nets are applied within an il.function, whose "
                                "arguments are values there", "IL_ERROR_TYPE")  # fmt: skip
        missing = [name for name in self.names if name not in parameters]
        if missing:
            raise ArgumentError(f"the net's parameter {missing[0]} is missing; found {', '.join(parameters) or 'none'}")
        graph = x.graph
        at = (c.il_value * len(self.names))(*[graph.same(parameters[name]) for name in self.names])
        return graph.value(
            lib.il_net_apply(self.address, graph.address, at, x.made, c.IL_STATISTICS_BATCH, None, c.il_value(0), 0)
        )

    def __repr__(self) -> str:
        return f"<net of {lib.il_net_layers(self.address)} layers with {', '.join(self.names)}>"


def values_of(values: Values) -> Any:
    """Values by name as the library takes them; the arrays are kept by the struct."""
    count = len(values)
    entries, at = (c.il_entry * count)(), (c.il_value * count)()
    for i, (name, value) in enumerate(values.items()):
        if name in values.entries:
            ctypes.memmove(ctypes.byref(entries, i * ctypes.sizeof(c.il_entry)), ctypes.byref(values.entries[name]),
                           ctypes.sizeof(c.il_entry))  # fmt: skip
        entries[i].name = name.encode()
        entries[i].shape = shape_of(value.shape)
        at[i] = value.made
    return c.il_values(count, count, entries, at)
