"""Layers out of an nn.Module: what the nodes of its forward are, in the order of the net's."""

from __future__ import annotations

import math
import operator
from typing import Any

import torch
import torch.fx
from torch import nn

from .. import nets
from ..errors import ArgumentError
from .torch_graph import KNOWN, LEAVES, TAKEN, Forward, named

# What takes a signal [n, t, c]; calls that turn it or pick of it among them.
_OF_STEPS = ("Embedding", "GRU", "ReLU", "Tanh", "Sigmoid", "Dropout", "Identity", "Flatten", "LayerNorm", "relu", "tanh", "sigmoid",
             "dropout", "flatten", "view", "reshape", "contiguous", "clone", "getitem", "transpose", "permute", "mean", "add",
             "iadd")  # fmt: skip
_BATCH = object()  # how many examples there are, while a forward is followed


class Layers(Forward):
    """What a module comes to: layers, what their parameters and statistics are called in it, and the shape that comes out.

    Args:
        example: shape of one x, as PyTorch has it: (c, h, w), (c, t) or (features,); (t, c) where a GRU is the first to see it.
    """

    def __init__(self, module: Any, example: tuple[int, ...]) -> None:
        self.layers: list[nets.Layer] = []
        self.parameters: list[str] = []  # in the order of the net's
        self.turned: tuple[int, int] | None = None  # (channels, pixels) of what was flattened since the last linear layer
        self.steps_first = False  # a signal is [n, t, c] now, as a GRU and an Embedding have it
        self.begins_steps = False  # and so was the example
        self._ours = False  # the net knows of it: its flatten goes by steps
        self._pair = ""  # what a GRU's two results come to: "both", or "state" [1, n, units]
        self.norms: list[str] = []  # submodules, or "" where a call has no statistics
        self.shape: tuple[int, ...] = tuple(int(n) for n in example)
        if not 1 <= len(self.shape) <= 3 or min(self.shape) < 1:
            raise ArgumentError(f"an example of shape {self.shape}; expected (channels, height, width), (channels, time) or "
                                "(features,), without the batch", "IL_ERROR_SHAPE")  # fmt: skip
        self._all = _all_parameters(module)
        super().__init__(module)
        self._shapes: dict[Any, tuple[int, ...]] = {self._input: self.shape}  # of the tensors that were reached
        self._emit(self._steps(self._result, self._input))
        if self._pair:
            self._refuse(f"gives a state [1, n, units]; {TAKEN}")
        if not self.layers:
            raise ArgumentError(f"{named(module, '')} has no layer; expected a chain of {KNOWN}", "IL_ERROR_UNSUPPORTED")
        if len(self.shape) > 1:
            raise ArgumentError(f"{named(module, '')} gives {self.shape} for each example; expected features: a Flatten at its end",
                                "IL_ERROR_UNSUPPORTED")  # fmt: skip
        taken = [self._all[name] for name in self.parameters]
        missed = [name for name, p in module.named_parameters() if not any(p is other for other in taken)]
        if missed:
            raise ArgumentError(f"the parameter {missed[0]!r} takes no part in the forward as innerloop knows it; expected a "
                                f"chain of {KNOWN}", "IL_ERROR_UNSUPPORTED")  # fmt: skip

    def _emit(self, steps: list[Any]) -> None:
        for step in steps:
            if isinstance(step, tuple):
                self._block(*step)
                continue
            self._at(step)
            (source,) = self._from(step)
            self._check_steps(step)
            if self._in_place(step):
                self._alone(source, step)
            if step.op == "call_module":
                self._module(self.root.get_submodule(step.target), step.target)
            else:
                self._call(self._name(step), [self._value(a) for a in step.args[1:]], {k: self._value(a) for k, a in step.kwargs.items()})
            self._shapes[step] = self.shape

    def _block(self, node: Any, one: list[Any], other: list[Any]) -> None:
        if self._name(node) in ("add_", "iadd"):
            self._at(node)
            self._alone(node.args[0], node)
        if not one:  # the block's input plus a branch
            one, other = other, one
        shape, turned, steps = self.shape, self.turned, (self.steps_first, self._ours)
        self.layers.append(nets.residual())
        self._emit(one)
        if other:
            main = self.shape, self.turned, self.steps_first
            ours = self._ours
            self.shape, self.turned = shape, turned
            self.steps_first, self._ours = steps
            self.layers.append(nets.shortcut())
            self._emit(other)
        else:
            main, ours = (shape, turned, steps[0]), self._ours
        self._at(node)
        if (self.shape, self.turned, self.steps_first) != main:
            self._refuse(f"adds tensors of shape {main[0]} and {self.shape} for each example; expected the same")
        self.layers.append(nets.add())
        self._ours = ours  # as the net's add: its main branch says
        self._shapes[node] = self.shape

    # ---- sequences ----
    def _check_steps(self, step: Any) -> None:
        """Whether what comes next takes what a GRU or an Embedding gives."""
        module = step.op == "call_module"
        kind, name = type(self.root.get_submodule(step.target)).__name__ if module else "", "" if module else self._name(step).rstrip("_")
        if self._pair and not (name == "getitem" or self._pair == "state" and name == "squeeze"):
            self._refuse(f"receives a state [1, n, units]; {TAKEN}")
        if self.steps_first and len(self.shape) == 2 and kind not in _OF_STEPS and name not in _OF_STEPS:
            self._refuse(f"receives a signal [n, t, c] of {self.shape}; expected transpose(1, 2) before what takes [n, c, t]")

    def _embedding(self, m: Any, p: str) -> None:
        if self.layers or len(self.shape) != 1:
            self._refuse(f"receives {self.shape} of other layers; expected it to be the first, of whole numbers [n, t]"
                         if self.layers else f"receives examples of shape {self.shape}; expected whole numbers (t,)")  # fmt: skip
        if m.padding_idx is not None or m.max_norm is not None or m.scale_grad_by_freq:
            self._refuse("has padding_idx, max_norm or scale_grad_by_freq; expected none of them")
        self._tensor(p + "weight", (m.num_embeddings, m.embedding_dim))
        self.layers.append(nets.embedding(m.num_embeddings, m.embedding_dim))
        self.shape, self.steps_first, self._ours = (self.shape[0], m.embedding_dim), True, True

    def _gru(self, m: Any, p: str) -> None:
        if not m.batch_first or m.num_layers != 1 or m.bidirectional:
            self._refuse(f"has batch_first={m.batch_first}, num_layers={m.num_layers}, bidirectional={m.bidirectional}; expected True, 1 "
                         "and False")  # fmt: skip
        if len(self.shape) != 2:
            self._refuse(f"is recurrent over a signal, but receives {self.shape}; expected (t, c)")
        if not self.steps_first and not self.layers and self.shape[1] == m.input_size:
            self.steps_first = self.begins_steps = True
        if not self.steps_first:
            self._refuse(f"receives a signal [n, c, t] of {self.shape}; expected transpose(1, 2) before it")
        names = ["weight_ih_l0", "weight_hh_l0"] + (["bias_ih_l0", "bias_hh_l0"] if m.bias else [])
        rows = 3 * m.hidden_size
        for name, shape in zip(names, ((rows, self.shape[1]), (rows, m.hidden_size), (rows,), (rows,))):
            self._tensor(p + name, shape)
        self.layers.append(nets.gru(m.hidden_size, m.bias, sequence=True))
        self.shape, self._ours, self._pair = (self.shape[0], m.hidden_size), True, "both"

    def _last_step(self) -> None:
        """Of all states of a GRU, the last."""
        self.layers[-1] = nets.gru(self.layers[-1].units, self.layers[-1].bias)
        self.shape, self.steps_first = self.shape[-1:], False

    def _item(self, index: Any) -> None:
        gru = bool(self.layers) and self.layers[-1].kind == "gru" and self.layers[-1].sequence
        if self._pair == "both" and index in (0, 1):
            self._pair = "state" if index == 1 else ""
            if index == 1:
                self._last_step()
        elif self._pair == "state" and index in (0, -1):
            self._pair = ""
        elif gru and not self._pair and isinstance(index, tuple) and index[:2] == (slice(None), -1) and index[2:] in ((), (slice(None),)):
            self._last_step()
        else:
            self._unknown("calls getitem")

    def _turn(self, axes: list[Any]) -> None:
        """[n, c, t] as [n, t, c], or back."""
        if len(self.shape) != 2 or [a % 3 if isinstance(a, int) else a for a in axes] not in ([1, 2], [2, 1], [0, 2, 1]):
            self._refuse(f"exchanges axes of [n, {', '.join(map(str, self.shape))}]; expected those of a signal, 1 and 2")
        self.shape, self.steps_first = self.shape[::-1], not self.steps_first

    # ---- what is no tensor ----
    def _value(self, a: Any) -> Any:
        """Of an argument: numbers and sizes as such, parameters as their node."""
        if isinstance(a, (tuple, list)):
            return type(a)(self._value(item) for item in a)
        if not isinstance(a, torch.fx.Node) or a.op == "get_attr" or self._is_tensor(a):
            return a
        if a in self._defaults:
            return self._defaults[a]
        sources = self._from(a)
        if sources:
            if sources[0] not in self._shapes:
                self._refuse(f"takes a size of another branch ({a.name}); expected sizes of what it is computed from")
            return self._size(self._name(a), [self._value(b) for b in a.args[1:]], {k: self._value(b) for k, b in a.kwargs.items()},
                              (_BATCH, *self._shapes[sources[0]]))  # fmt: skip
        return self._number(a)

    def _number(self, node: Any) -> Any:
        """What a node is that has no tensor in it: sizes and sums of them."""
        args = [self._value(a) for a in node.args]
        try:
            if node.op == "call_function" and node.target in (operator.getitem, operator.mul, operator.floordiv, operator.add,
                                                              operator.sub, math.prod):  # fmt: skip
                return node.target(*args)
        except TypeError:
            pass  # with _BATCH in it
        return self._unknown(f"computes {node.name}")

    @staticmethod
    def _size(name: str, args: list[Any], kwargs: dict[str, Any], whole: tuple[Any, ...]) -> Any:
        """What a call asks of the shape."""
        at: Any = args[0] if args else kwargs.get("dim")
        if name == "getattr" and at == "shape" or name == "size" and at is None:
            return whole
        if name == "size":
            return whole[at]
        if name == "getattr" and at == "ndim" or name == "dim":
            return len(whole)
        return _BATCH

    # ---- modules ----
    def _module(self, m: Any, path: str) -> None:
        kind = type(m).__name__
        if not isinstance(m, LEAVES):
            self._unknown(f"is a {kind}")
        p = f"{path}." if path else ""
        if isinstance(m, nn.Linear):
            self._linear(p + "weight", p + "bias" if m.bias is not None else None)
        elif isinstance(m, (nn.Conv1d, nn.Conv2d)):
            self._conv(p + "weight", p + "bias" if m.bias is not None else None, m.stride, m.padding, m.dilation, m.groups,
                       m.padding_mode)  # fmt: skip
        elif isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            if not m.affine:
                self._refuse("has affine=False; expected a norm with a weight and a bias")
            self._norm(p + "weight", p + "bias", m.eps, path)
        elif isinstance(m, (nn.GroupNorm, nn.InstanceNorm1d, nn.InstanceNorm2d, nn.LayerNorm)):
            self._own_norm(m, p)
        elif isinstance(m, (nn.MaxPool1d, nn.MaxPool2d)):
            if m.return_indices:
                self._refuse("returns indices; expected return_indices=False")
            self._max_pool(m.kernel_size, m.stride, m.padding, m.dilation, m.ceil_mode)
        elif isinstance(m, (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d)):
            self._adaptive(m.output_size)
        elif isinstance(m, (nn.AvgPool1d, nn.AvgPool2d)):
            self._average(m.kernel_size, m.stride, m.padding, m.ceil_mode, m.count_include_pad, getattr(m, "divisor_override", None))
        elif isinstance(m, nn.Embedding):
            self._embedding(m, p)
        elif isinstance(m, nn.GRU):
            self._gru(m, p)
        elif isinstance(m, nn.Flatten):
            self._flatten(m.start_dim, m.end_dim)
        elif isinstance(m, nn.Dropout):
            self._dropout(m.p)
        elif not isinstance(m, nn.Identity):
            self.layers.append({nn.ReLU: nets.relu, nn.Tanh: nets.tanh, nn.Sigmoid: nets.sigmoid}[
                next(k for k in (nn.ReLU, nn.Tanh, nn.Sigmoid) if isinstance(m, k))]())  # fmt: skip

    # ---- functions and methods: those of torch, of torch.nn.functional and of tensors have the same names ----
    def _call(self, name: str, args: list[Any], kwargs: dict[str, Any]) -> None:
        name = name.lstrip("_")

        def given(*names: str, **defaults: Any) -> list[Any]:
            of = dict(zip((*names, *defaults), args))
            of.update(kwargs)
            return [of.get(n, defaults.get(n)) for n in (*names, *defaults)]

        if name in ("relu", "relu_", "tanh", "tanh_", "sigmoid", "sigmoid_"):
            self.layers.append(getattr(nets, name.rstrip("_"))())
        elif name in ("contiguous", "clone") and not args or name in ("long", "int") and not args and not self.layers:
            pass
        elif name == "getitem":
            self._item(args[0])
        elif name == "transpose":
            self._turn(given("dim0", "dim1"))
        elif name == "permute":
            self._turn(list(args[0]) if len(args) == 1 and isinstance(args[0], (tuple, list)) else args)
        elif name == "flatten":
            self._flatten(*given(start_dim=0, end_dim=-1))
        elif name in ("view", "reshape"):
            to = args[0] if len(args) == 1 and isinstance(args[0], (tuple, list)) else args
            self._reshape(list(to or kwargs.get("shape", ())))
        elif name == "squeeze" and self._pair == "state" and given("dim") == [0]:
            self._pair = ""
        elif name == "squeeze":
            if len(self.shape) > 1 and math.prod(self.shape[1:]) != 1:
                self._unknown("calls squeeze on what is larger than a pixel")
            self._to_features()
        elif name == "mean":
            axes, keep = given("dim", keepdim=False)
            self._mean([axes] if isinstance(axes, int) else list(axes or ()), bool(keep))
        elif name in ("max_pool1d", "max_pool2d"):
            k, s, p, d, ceil, indices = given("kernel_size", stride=None, padding=0, dilation=1, ceil_mode=False,
                                              return_indices=False)  # fmt: skip
            if indices:
                self._refuse("asks a pool for indices; expected return_indices=False")
            self._max_pool(k, s, p, d, ceil)
        elif name in ("adaptive_avg_pool1d", "adaptive_avg_pool2d"):
            self._adaptive(given("output_size")[0])
        elif name in ("avg_pool1d", "avg_pool2d"):
            self._average(*given("kernel_size", stride=None, padding=0, ceil_mode=False, count_include_pad=True,
                                 divisor_override=None))  # fmt: skip
        elif name == "dropout":
            rate, training = given(p=0.5, training=True)
            if training:
                self._dropout(rate)
        elif name == "linear":
            w, b = given("weight", bias=None)
            self._linear(w.target, None if b is None else b.target)
        elif name in ("conv1d", "conv2d"):
            w, b, s, p, d, groups = given("weight", bias=None, stride=1, padding=0, dilation=1, groups=1)
            self._conv(w.target, None if b is None else b.target, s, p, d, groups, "zeros")
        elif name == "batch_norm":
            _, _, w, b, training, _, eps = given("running_mean", "running_var", weight=None, bias=None, training=False,
                                                 momentum=0.1, eps=1e-5)  # fmt: skip
            if w is None or b is None or not training:
                self._refuse("calls batch_norm without weight and bias, or with training=False; expected all three")
            self._norm(w.target, b.target, eps, "")
        else:
            self._unknown(f"calls {name}")

    # ---- layers ----
    def _tensor(self, name: str, shape: tuple[int, ...]) -> None:
        parameter = self._of(name)
        if tuple(parameter.shape) != shape:
            self._refuse(f"has {name} of shape {tuple(parameter.shape)}, but what it receives asks for {shape}")
        if name in self.parameters or any(parameter is self._all[other] for other in self.parameters):
            self._refuse(f"uses {name!r} a second time; expected that each parameter belongs to one layer")
        self.parameters.append(name)

    def _of(self, name: str) -> Any:
        if name not in self._all:
            self._refuse(f"takes {name!r}, which is none of its parameters")
        if isinstance(self._all[name], nn.parameter.UninitializedParameter):
            self._refuse(f"has {name!r} whose shape is not known yet; call the module once with a batch of examples, as lazy ones ask for")
        return self._all[name]

    def _square(self, value: Any, what: str, default: int | None = None) -> int:
        items = [default if value is None else value] if not isinstance(value, (tuple, list)) else list(value)
        if len(set(items)) != 1 or not isinstance(items[0], int):
            self._refuse(f"has {what} {value}; expected the same number for height and width")
        return int(items[0])

    def _image(self, what: str) -> None:
        if len(self.shape) < 2:
            self._refuse(f"{what} what has no height and width; it receives {self.shape}")

    def _linear(self, weight: str, bias: str | None) -> None:
        if len(self.shape) != 1:
            self._refuse(f"is linear over the last axis of {self.shape}; expected a Flatten before it")
        units = int(self._of(weight).shape[0])
        self._tensor(weight, (units, self.shape[0]))
        if bias:
            self._tensor(bias, (units,))
        self.layers.append(nets.linear(units, bias=bias is not None))
        self.shape, self.turned = (units,), None

    def _window(self, kernel: int, stride: int, pad: int) -> None:
        sides = [(n + 2 * pad - kernel) // stride + 1 for n in self.shape[1:]]
        if min(sides) < 1:
            self._refuse(f"leaves nothing of {self.shape} with kernel {kernel} and stride {stride}")
        self.shape = (self.shape[0], *sides)

    def _conv(self, weight: str, bias: str | None, stride: Any, padding: Any, dilation: Any, groups: int, mode: str) -> None:
        w = self._of(weight)
        if len(self.shape) != w.ndim - 1:
            self._refuse(f"is a convolution over {w.ndim - 2} axes, but receives {self.shape}")
        kernel, step = self._square(tuple(w.shape[2:]), "a kernel of"), self._square(stride, "stride")
        if mode != "zeros":
            self._refuse(f"has padding_mode {mode!r}; expected 'zeros'")
        if self.shape[0] % groups:
            self._refuse(f"has groups {groups} over {self.shape[0]} channels; expected a divisor of them")
        apart = self._square(dilation, "dilation")
        if padding == "same" and kernel % 2 == 0:
            self._refuse(f"has padding 'same' with a kernel of {kernel}; expected an odd one")
        pad = {"same": apart * (kernel // 2), "valid": 0}[padding] if isinstance(padding, str) else self._square(padding, "padding")
        units = int(w.shape[0])
        self._tensor(weight, (units, self.shape[0] // groups, *w.shape[2:]))
        if bias:
            self._tensor(bias, (units,))
        make = nets.conv if w.ndim == 4 else nets.conv1d
        self.layers.append(make(units, kernel, step, pad, bias=bias is not None, groups=groups, dilation=apart))
        self._window(apart * (kernel - 1) + 1, step, pad)
        self.shape, self._ours = (units, *self.shape[1:]), False

    def _norm(self, weight: str, bias: str, eps: float, path: str) -> None:
        self._tensor(weight, (self.shape[0],))
        self._tensor(bias, (self.shape[0],))
        self.layers.append(nets.norm(eps))
        self.norms.append(path)

    def _own_norm(self, m: Any, p: str) -> None:
        """A norm of each example by itself."""
        affine = m.weight is not None
        if affine and m.bias is None:
            self._refuse("has no bias; expected one beside its weight")
        channels = self.shape[0]
        if isinstance(m, nn.LayerNorm) and self.steps_first and tuple(m.normalized_shape) == self.shape[1:]:
            layer, channels = nets.layer_norm(m.eps, affine), self.shape[1]
        elif isinstance(m, nn.LayerNorm):
            if tuple(m.normalized_shape) != self.shape or affine and len(self.shape) > 1:
                self._refuse(f"norms {tuple(m.normalized_shape)} of {self.shape}; expected features, or elementwise_affine=False over all of "
                             "an image")  # fmt: skip
            if len(self.shape) == 2:
                self._refuse(f"norms the channels and steps of a signal {self.shape} together; expected an image or features")
            layer = nets.layer_norm(m.eps, affine)
        elif isinstance(m, nn.GroupNorm):
            if self.shape[0] != m.num_channels:
                self._refuse(f"is of {m.num_channels} channels, but receives {self.shape}")
            layer = nets.group_norm(m.num_groups, m.eps, affine)
        else:
            if m.track_running_stats:
                self._refuse("has track_running_stats=True; expected False, a norm of each example by itself")
            layer = nets.instance_norm(m.eps, affine)
        if affine:
            self._tensor(p + "weight", (channels,))
            self._tensor(p + "bias", (channels,))
        self.layers.append(layer)

    def _pool(self, make: Any, kernel: Any, stride: Any, padding: Any, ceil: bool) -> None:
        k, p = self._square(kernel, "a kernel of"), self._square(padding, "padding")
        s = self._square(kernel if stride is None else stride, "stride")
        if ceil and any((n + 2 * p - k) % s for n in self.shape[1:]):
            self._refuse(f"has ceil_mode=True over {self.shape}, which kernel {k} and stride {s} do not divide; expected False")
        self.layers.append(make(k, s, p))
        self._window(k, s, p)

    def _max_pool(self, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool) -> None:
        self._image("pools")
        if self._square(dilation, "dilation") != 1:
            self._refuse(f"has dilation {dilation}; expected 1")
        self._pool(nets.max_pool, kernel, stride, padding, ceil)

    def _adaptive(self, size: Any) -> None:
        self._image("averages")
        sides = self.shape[1:]
        to = list(size) if isinstance(size, (tuple, list)) else [size] * len(sides)
        to = [n if n is not None else side for n, side in zip(to, sides)]  # None: as it is
        if all(n == 1 for n in to):
            self._mean_pool()
            return
        windows = {side // n if n and side % n == 0 else 0 for n, side in zip(to, sides)}
        if len(windows) != 1 or 0 in windows:
            self._refuse(f"averages {sides} to {size}; expected 1, the mean over the whole image, or what divides all sides by the same "
                         "number")  # fmt: skip
        k = windows.pop()
        self._pool(nets.avg_pool, k, k, 0, False)

    def _average(self, kernel: Any, stride: Any, padding: Any, ceil: bool, count_pad: bool, divisor: int | None) -> None:
        self._image("averages")
        sides = list(kernel) if isinstance(kernel, (tuple, list)) else [kernel] * (len(self.shape) - 1)
        padded = any(padding) if isinstance(padding, (tuple, list)) else padding
        if divisor is not None or padded and not count_pad:
            self._refuse(f"divides by divisor_override={divisor}, count_include_pad={count_pad}; expected the size of the window, "
                         "padding included")  # fmt: skip
        if tuple(sides) == self.shape[1:] and not padded:
            self._mean_pool()
        else:
            self._pool(nets.avg_pool, kernel, stride, padding, ceil)

    def _mean(self, axes: list[int], keep: bool) -> None:
        rank = len(self.shape) + 1
        if self.steps_first and rank == 3 and [a % rank for a in axes] == [1] and not keep:
            self.layers.append(nets.mean_pool())
            self.shape, self.steps_first = self.shape[1:], False
            return
        if self.steps_first or rank < 3 or sorted(a % rank for a in axes) != list(range(2, rank)):
            self._refuse(f"takes the mean over the axes {axes} of [n, {', '.join(map(str, self.shape))}]; expected those of the "
                         "image, after the channels")  # fmt: skip
        self._mean_pool()
        if not keep:
            self.shape = self.shape[:1]

    def _mean_pool(self) -> None:
        self.layers.append(nets.mean_pool())
        self.shape = (self.shape[0], *[1] * (len(self.shape) - 1))

    def _flatten(self, start: int, end: int) -> None:
        rank = len(self.shape) + 1
        if start % rank != 1 or end % rank != rank - 1:
            self._refuse(f"flattens the axes {start} to {end}; expected 1 to -1, all but that of the examples")
        self._to_features()

    def _reshape(self, to: list[Any]) -> None:
        count = math.prod(self.shape)
        whole = len(to) == 2 and (
            to[0] is _BATCH and to[1] in (-1, count) or to[0] == -1 and to[1] == count
        )
        if whole:
            self._to_features()
        elif not (to and to[0] is _BATCH and tuple(to[1:]) == self.shape):
            said = ", ".join("n" if n is _BATCH else str(n) for n in to)
            self._refuse(f"reshapes to [{said}]; expected [n, {count}], all but the axis of examples in one")

    def _to_features(self) -> None:
        if len(self.shape) > 1:
            if len(self.shape) == 2 and self.steps_first != self._ours:
                self._refuse(f"flattens a signal of {self.shape} in another order than {'a GRU' if self._ours else 'a convolution'} has; "
                             "expected no transpose between the two")  # fmt: skip
            if not self.layers or self.layers[-1].kind != "mean_pool":
                self.layers.append(nets.flatten())
            pixels = 1 if self.steps_first else math.prod(self.shape[1:])
            self.turned = (self.shape[0], pixels) if self.shape[0] > 1 and pixels > 1 else None
            self.shape, self.steps_first = (math.prod(self.shape),), False

    def _dropout(self, rate: float) -> None:
        if not 0 <= rate < 1:
            self._refuse(f"drops {rate} of all; expected less than 1")
        if rate:
            self.layers.append(nets.dropout(rate))


def _all_parameters(root: Any) -> dict[str, Any]:
    """By every name that a parameter has."""
    made: dict[str, Any] = {}
    for path, module in root.named_modules(remove_duplicate=False):
        for name, parameter in module._parameters.items():
            if parameter is not None:
                made[f"{path}.{name}" if path else name] = parameter
    return made
