"""PyTorch: nets out of modules, and losses of meta-batches whose ``backward()`` gives the exact meta-gradient.

Imported when it is asked for: ``il.from_torch``, ``il.MetaLoss``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from .._library import lib
from ..algorithms import Algorithm
from ..errors import ArgumentError
from ..nets import Net, linear
from ..state import State
from ..values import Value
from .meta_loss import Entry, Form, MetaFunction, Shape, transposed
from .torch_layers import Layers

_DTYPES = {torch.float32: "float32", torch.float64: "float64"}


def _example(example: Any) -> tuple[int, ...]:
    """Shape of one x, from that, or from a batch."""
    if isinstance(example, torch.Tensor):
        return tuple(example.shape[1:])
    return (example,) if isinstance(example, int) else tuple(example)


def _check_tensor(what: str, t: torch.Tensor, dtype: torch.dtype, of: str = "that of the module's parameters") -> None:
    if t.device.type != "cpu":
        raise ArgumentError(f"{what} is on {t.device}; innerloop computes on the CPU, expected a tensor there")
    if t.layout != torch.strided:
        raise ArgumentError(f"{what} has layout {t.layout}, expected a dense tensor")
    if t.dtype != dtype:
        raise ArgumentError(f"{what} has type {t.dtype}, expected {dtype}, {of}", "IL_ERROR_TYPE")


class TorchNet(Net):
    """The net that a module is, usable as any `Net`: its parameters have the engine's names and layouts, x [n,h,w,c]."""

    def __init__(self, module: nn.Module, example: tuple[int, ...]) -> None:
        made = Layers(module, example)
        super().__init__(made.layers, example if made.begins_steps else (*example[1:], example[0]), 0)
        #: x lies as the engine has it, [t, c]
        self.steps_first = made.begins_steps
        self.module, self.torch_example, self.norms = module, example, made.norms
        #: the module's names, in the order of ``names``
        self.torch_names = made.parameters
        self.outputs, self.turned = made.shape[0], made.turned
        self.dropout = any(layer.kind == "dropout" for layer in made.layers)
        self._places = [_place(module, name) for name in made.parameters]
        self._tree = [(owner, name, part) for owner in module.modules() for name, part in owner._modules.items()]

    def __reduce__(self) -> Any:
        return type(self), (self.module, self.torch_example)

    def current(self) -> bool:
        """Whether the module still consists of the submodules that were looked at."""
        return all(owner._modules.get(name) is part for owner, name, part in self._tree)

    def tensors(self) -> list[nn.Parameter]:
        """The module's parameters as they are now, in the order of ``names``."""
        return [owner._parameters[name] for owner, name in self._places]

    def running(self) -> list[torch.Tensor]:
        """Mean and variance of each norm layer, which the module keeps."""
        made: list[torch.Tensor] = []
        for path in self.norms:
            norm = self.module.get_submodule(path)
            made += [norm.running_mean, norm.running_var]
        return made

    def check_running(self) -> None:
        """Whether the module keeps them as innerloop moves them."""
        for path in self.norms:
            norm = self.module.get_submodule(path) if path else None
            if norm is None or norm.running_mean is None or norm.momentum != 0.1:
                said = "keeps none" if norm is None or norm.running_mean is None else f"has momentum {norm.momentum}"
                raise ArgumentError(f"statistics 'running': the norm layer {path!r} {said}; expected running statistics of momentum 0.1")

    def _precision(self) -> str:
        tensors = self.tensors()
        first = tensors[0].dtype if tensors else torch.get_default_dtype()
        if first not in _DTYPES:
            raise ArgumentError(f"the module's parameter {self.torch_names[0]!r} has type {first}, expected torch.float32 or "
                                "torch.float64", "IL_ERROR_TYPE")  # fmt: skip
        for name, t in zip(self.torch_names, tensors):
            _check_tensor(f"the module's parameter {name!r}", t, first)
        return _DTYPES[first]

    def parameters(self, seed: int | None = None, precision: str | None = None) -> State:
        """The module's weights as a `State`; with a seed drawn anew. precision: the module's, when none is given."""
        state = super().parameters(seed or 0, precision or self._precision())
        return state if seed is not None else self.load_state_dict(self.module.state_dict(), state)

    def load_state_dict(self, state_dict: Mapping[str, Any], state: State | None = None) -> State:
        """Weights of a state dict of the module in a `State` (a new one, when none is given)."""
        if state is None:
            state = super().parameters(0, self._precision())
        for i, name in enumerate(self.torch_names):
            if name not in state_dict:
                raise ArgumentError(f"the state dict has no {name!r}; expected {', '.join(self.torch_names)}")
            given = state_dict[name].detach().to("cpu", getattr(torch, state.precision)).contiguous()
            expected = Entry(state.entries[self.names[i]], self, True).shape
            if tuple(given.shape) != expected:
                raise ArgumentError(f"{name}: found shape {tuple(given.shape)}, expected {expected}", "IL_ERROR_SHAPE")
            view = state._view(self.names[i])
            lib.il_net_from_torch(self.address, i, _kind(state), given.data_ptr(), view.ctypes.data)
        return state

    def state_dict(self, state: State) -> dict[str, torch.Tensor]:
        """A `State` as ``module.load_state_dict`` takes it; statistics of norm layers are the module's."""
        made = {name: tensor.detach().clone() for name, tensor in self.module.state_dict().items()}
        for i, name in enumerate(self.torch_names):
            view = state._view(self.names[i])
            shape = Entry(state.entries[self.names[i]], self, True).shape
            out = torch.empty(shape, dtype=getattr(torch, state.precision))
            lib.il_net_to_torch(self.address, i, _kind(state), view.ctypes.data, out.data_ptr())
            made[name] = out.to(made[name].dtype)
        return made

    def load(self, state: State) -> None:
        """Writes a `State` into the module."""
        self.module.load_state_dict(self.state_dict(state))

    def __call__(self, parameters: Any, x: Value) -> Value:
        """Scores [n, outputs] of x [n,h,w,c], in the module's order; norm layers take the statistics of x."""
        y = super().__call__(parameters, x)
        if self.turned is None:
            return y
        channels, pixels = self.turned
        return transposed(y.graph, y.reshape(y.shape[0], pixels, channels), 0, 2, 1).reshape(*y.shape)


def _kind(state: State) -> int:
    return int(state.memory.buffers.type)


def _place(module: nn.Module, name: str) -> tuple[nn.Module, str]:
    path, _, last = name.rpartition(".")
    return module.get_submodule(path), last


def from_torch(module: nn.Module, example: Any) -> TorchNet:
    """The net that a module is, with its weights: ``net.parameters()``.

    The module is a Sequential, or has a forward that torch.fx traces to a chain of layers that innerloop knows.

    Args:
        example: shape of one x as PyTorch has it, (c, h, w), (c, t) or (features,), (t, c) of a GRU, (t,) of an Embedding; or a batch
            of them.
    Raises:
        ArgumentError: names the submodule that is not known, and what is.
    """
    return TorchNet(module, _example(example))


class _Apply(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, loss: MetaLoss, form: Form, data: list[torch.Tensor], *tensors: torch.Tensor) -> Any:
        made, gradients = loss._go(form, data, tensors)
        ctx.wanted = form.shape.wanted
        ctx.save_for_backward(*gradients)
        return made

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: torch.Tensor) -> Any:
        gradients = iter(ctx.saved_tensors)
        scale = upstream.item()  # 1 where loss.backward() is called
        made = [None if not w else next(gradients) if scale == 1 else next(gradients) * upstream for w in ctx.wanted]
        return None, None, None, *made


class MetaLoss(nn.Module):
    """The mean query loss of a batch of tasks; ``backward()`` gives the exact meta-gradient, through all inner steps.

    ``loss = meta(support_x, support_y, query_x, query_y)``: each with a leading axis of tasks, x [tasks, n, c, h, w] (or
    [tasks, n, features]), y whole numbers [tasks, n] or targets [tasks, n, outputs]. Loss and gradient are computed together,
    when the loss is asked for, and where no gradient is needed (``torch.no_grad()``), the loss alone. Dropout is on in train
    mode. Norm layers take statistics as `statistics` says, in both modes; the module's running ones neither count nor move,
    unless ``statistics="running"``. In eval mode the loss is the query loss after all inner steps, also of algorithms that
    are trained by another (``reptile``, ``mamlpp``).

    After a call ``losses`` [tasks], ``accuracy`` [tasks] (not of squared errors) and ``scores`` [tasks, n, outputs] are those
    of its tasks, without derivatives.

    Args:
        module: see `from_torch`; or what that gave. Its parameters are read where they lie, and its ``.grad`` filled.
        algorithm: ``il.maml(steps=5, lr=0.01)`` …; for those with heads of their own (``protonet`` …) the module gives features.
        example: shape of one x. The first call says it, when none is given; but ``meta_sgd`` and others that learn parameters
            of their own, for each of the module's, ask for it: these are parameters of this module, in ``learned``.
        loss: ``"cross_entropy"`` (of labels), ``"mean_squared_error"`` (of targets) or ``"binary_cross_entropy"``.
        statistics: of norm layers where queries are scored: ``"query"``, ``"support"``, ``"each"`` example's own, or
            ``"running"``: in train mode those of support and query set together, which move the module's buffers, and in
            eval mode these. Inner steps always take those of the support set.
        ways: classes of a task, for heads of their own; one more than the largest label, when none is given.
        seed: of first values of ``learned``.
    """

    def __init__(self, module: nn.Module | TorchNet, algorithm: Algorithm, example: Any = None, *, loss: str | None = None,
                 statistics: str = "query", ways: int | None = None, seed: int = 1) -> None:  # fmt: skip
        super().__init__()
        if not isinstance(algorithm, Algorithm):
            raise ArgumentError(f"algorithm: found {type(algorithm).__name__}, expected one such as il.maml(steps=5, lr=0.01)")
        if isinstance(module, TorchNet):
            module, example = module.module, module.torch_example
        self.module: nn.Module = module
        self.algorithm, self._loss, self.statistics, self.ways = algorithm, loss, statistics, ways
        self._functions: dict[Any, MetaFunction] = {}
        self.learned = nn.ParameterDict()
        #: meta-steps that were trained so far, for algorithms that change with them (mamlpp)
        self.made = 0
        self.losses: torch.Tensor | None = None
        self.accuracy: torch.Tensor | None = None
        self.scores: torch.Tensor | None = None
        first = next(iter(module.parameters()), None)
        dtype = torch.get_default_dtype() if first is None else first.dtype
        if dtype not in _DTYPES:
            raise ArgumentError(f"the module's parameters have type {dtype}, expected torch.float32 or torch.float64", "IL_ERROR_TYPE")
        if example is not None:
            f = self._function(_example(example), dtype)
        elif not algorithm.record.declare:
            return
        elif algorithm.own_head and not algorithm.of_the_net:  # what these learn is the same for any net
            f = MetaFunction(Net([linear(1)], 1, 0), algorithm, torch=True, precision=_DTYPES[dtype])
        else:
            raise ArgumentError(f"{algorithm.name} learns parameters beside the module's; expected example=, the shape of one x")
        for entry in f.learned:
            value = torch.empty(entry.shape, dtype=dtype)
            f.initial(entry, seed, value.data_ptr())
            self.learned[entry.name.replace(".", "_")] = nn.Parameter(value)

    def _function(self, example: tuple[int, ...], dtype: torch.dtype) -> MetaFunction:
        mode = example, dtype, self.module.training  # a forward may be another in eval mode
        made = self._functions.get(mode)
        if made is not None and isinstance(made.net, TorchNet) and not made.net.current():
            self._functions, made = {}, None  # of another module by now
        if made is None:
            net = TorchNet(self.module, example)
            if net.turned and not self.algorithm.own_head:
                raise ArgumentError(f"the module ({type(self.module).__name__}) ends with what was an image; expected a Linear layer at "
                                    f"the end, for {self.algorithm.name}", "IL_ERROR_UNSUPPORTED")  # fmt: skip
            made = MetaFunction(net, self.algorithm, torch=True, precision=_DTYPES[dtype], loss=self._loss,
                                statistics=self.statistics, names=net.torch_names)  # fmt: skip
            if made.carry:
                net.check_running()
            self._functions[mode] = made
        return made

    def forward(self, support_x: torch.Tensor, support_y: torch.Tensor, query_x: torch.Tensor,
                query_y: torch.Tensor) -> torch.Tensor:  # fmt: skip
        """The loss, a scalar."""
        for name, x in (("support_x", support_x), ("query_x", query_x), ("support_y", support_y), ("query_y", query_y)):
            if not isinstance(x, torch.Tensor):
                raise ArgumentError(f"{name} is a {type(x).__name__}, expected a tensor", "IL_ERROR_TYPE")
        for name, x in (("support_x", support_x), ("query_x", query_x)):
            if x.dtype not in _DTYPES:
                raise ArgumentError(f"{name} has type {x.dtype}, expected torch.float32 or torch.float64", "IL_ERROR_TYPE")
            if x.ndim < 3 or x.ndim > 5 or not x.numel():
                raise ArgumentError(f"{name} has shape {tuple(x.shape)}; expected [tasks, n, channels, height, width], [tasks, n, "
                                    "channels, time] or [tasks, n, features], none of them 0", "IL_ERROR_SHAPE")  # fmt: skip
        dtype, shape = support_x.dtype, support_x.shape
        try:
            f = self._function(tuple(shape[2:]), dtype)
        except ArgumentError as error:
            raise ArgumentError(f"{error}; of support_x {tuple(shape)} the first two axes are tasks and their examples, so that an "
                                f"example has shape {tuple(shape[2:])}", error.status) from None  # fmt: skip
        net = f.net
        assert isinstance(net, TorchNet)
        if query_x.shape[2:] != shape[2:] or len(query_x) != len(support_x):
            raise ArgumentError(f"support_x has shape {tuple(shape)}, but query_x {tuple(query_x.shape)}; expected as many tasks, and "
                                "examples of the same shape", "IL_ERROR_SHAPE")  # fmt: skip
        tensors = [*net.tensors(), *self.learned.values()]
        for i, t in enumerate(tensors):
            if t.dtype != dtype or t.device.type != "cpu":
                name = net.torch_names[i] if i < len(net.torch_names) else f.learned[i - len(net.torch_names)].name
                _check_tensor(f"the module's parameter {name!r}", t, dtype, "that of support_x")
        data = [self._x("support_x", support_x, dtype), support_y, self._x("query_x", query_x, dtype), query_y]
        if net.layers[0].kind == "embedding":
            self._words("support_x", support_x, net.layers[0].vocabulary)
            self._words("query_x", query_x, net.layers[0].vocabulary)
        targets = support_y.is_floating_point()
        ways = net.outputs if not self.algorithm.own_head else 1 if targets else self.ways or int(support_y.max()) + 1
        data[1] = self._y("support_y", support_y, support_x, targets, ways, dtype)
        data[3] = self._y("query_y", query_y, query_x, targets, ways, dtype)
        training = self.module.training
        wanted = tuple(t.requires_grad for t in tensors) if torch.is_grad_enabled() else ()
        key = net.dropout and training
        phase = self.algorithm.phase(self.made) if training else 0
        form = f.form(Shape(shape[0], shape[1], query_x.shape[1], ways, data[1].shape[2] if targets else 0,
                            wanted if any(wanted) else (), training, key, phase))  # fmt: skip
        if key:
            data.append(torch.randint(-(2**31), 2**31 - 1, (shape[0], 2)).to(torch.int32))
        if training and self.algorithm.record.weigh:
            data.append(torch.tensor(self.algorithm.weights(self.made), dtype=dtype))
        if any(wanted):
            loss: torch.Tensor = _Apply.apply(self, form, data, *tensors)
            self.made += training
            return loss
        return self._go(form, data, tensors)[0]

    def _go(self, form: Form, data: list[torch.Tensor], tensors: Any) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Runs; the loss, and the gradients that are wanted."""
        read = [*data, *(t if t.is_contiguous() else t.detach().contiguous() for t in tensors)]
        buffers: list[torch.Tensor] = []
        net = form.of.net
        assert isinstance(net, TorchNet)
        if form.of.carry:
            buffers = net.running()
            read += [b.contiguous() for b in buffers]
        dtype = data[0].dtype
        made = [torch.empty(shape, dtype=dtype) for shape in form.shapes]
        form.go([t.data_ptr() for t in read], [t.data_ptr() for t in made])
        named = dict(zip(form.outputs, made))
        # Not by setattr, which looks for parameters first: a call on a small net takes but some 100 microseconds.
        self.__dict__.update(losses=named["losses"], accuracy=named.get("accuracy"), scores=named.get("scores"))
        if form.of.carry and form.shape.training:
            with torch.no_grad():
                for buffer, entry in zip(buffers, form.of.carry):
                    buffer.copy_(named["next " + entry.name])
                for path in net.norms:
                    self.module.get_submodule(path).num_batches_tracked += 1
        count = sum(form.shape.wanted)
        at = len(made) - count - (len(buffers) if form.shape.training else 0)
        return made[0], made[at : at + count]

    @staticmethod
    def _x(name: str, x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        _check_tensor(name, x, dtype, "that of support_x")
        if x.requires_grad:
            raise ArgumentError(f"{name} requires a gradient, which innerloop gives of parameters alone; expected {name}.detach()")
        return x.contiguous()

    @staticmethod
    def _words(name: str, x: torch.Tensor, vocabulary: int) -> None:
        wrong = x[(x != x.floor()) | (x < 0) | (x >= vocabulary)]
        if wrong.numel():
            raise ArgumentError(f"{name} has {wrong[0].item():g}; expected whole numbers from 0 to {vocabulary - 1}, which the module's "
                                "Embedding takes", "IL_ERROR_DATA")  # fmt: skip

    def _y(self, name: str, y: torch.Tensor, x: torch.Tensor, targets: bool, ways: int, dtype: torch.dtype) -> torch.Tensor:
        if targets:
            y = y.unsqueeze(-1) if y.ndim == 2 else y
            _check_tensor(name, y, dtype, "that of support_x")
            if y.requires_grad:
                raise ArgumentError(f"{name} requires a gradient, which innerloop gives of parameters alone; expected {name}.detach()")
            if y.ndim != 3 or y.shape[:2] != x.shape[:2]:
                raise ArgumentError(f"{name} has shape {tuple(y.shape)} for x of shape {tuple(x.shape)}; expected targets "
                                    "[tasks, n, outputs]", "IL_ERROR_SHAPE")  # fmt: skip
            if not self.algorithm.own_head and y.shape[2] != ways:
                raise ArgumentError(f"{name} has reals, {y.shape[2]} for each example, and the module gives {ways} numbers; expected as "
                                    f"many targets, or labels as whole numbers: {name}.long()", "IL_ERROR_SHAPE")  # fmt: skip
            return y.contiguous()
        if y.is_floating_point() or y.is_complex() or y.dtype == torch.bool:
            raise ArgumentError(f"{name} has type {y.dtype}, expected whole numbers, as support_y", "IL_ERROR_TYPE")
        _check_tensor(name, y, y.dtype)
        if y.shape != x.shape[:2]:
            raise ArgumentError(f"{name} has shape {tuple(y.shape)} for x of shape {tuple(x.shape)}; expected labels [tasks, n]",
                                "IL_ERROR_SHAPE")  # fmt: skip
        low, high = int(y.min()), int(y.max())
        most = 1 if ways == 1 and self._loss == "binary_cross_entropy" else ways - 1  # one score tells 0 from 1
        if low < 0 or high > most:
            raise ArgumentError(f"{name} has labels from {low} to {high}, expected 0 to {most}", "IL_ERROR_DATA")
        return y.to(torch.int32).contiguous()

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        state["_functions"] = {}  # compiled anew when they are needed
        return state

    def extra_repr(self) -> str:
        """What printing the module shows of it."""
        return f"{self.algorithm}, statistics={self.statistics!r}"
