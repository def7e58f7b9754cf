"""What a function of the user's keeps between its calls: found, watched, put back before each call, and put back at the end."""

from __future__ import annotations

import contextlib
import copy
import functools
import random
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .trees import is_array, is_jax, is_module, is_tensor, loaded

_MOST = 5000  # objects that are looked at
_LONGEST = 256  # items of a list or dict
_LARGEST = 1 << 24  # numbers of an array: more are data, which nobody updates


def _label(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)


def _names(f: types.FunctionType) -> list[str]:
    """Globals that a function reads, and those within it."""
    codes, names = [f.__code__], set[str]()
    while codes:
        code = codes.pop()
        names.update(code.co_names)
        codes.extend(c for c in code.co_consts if isinstance(c, types.CodeType))
    return sorted(names & f.__globals__.keys())


def _parts(x: Any, path: str) -> Iterator[tuple[str, Any]]:
    """What an object refers to that its calls could read."""
    if isinstance(x, functools.partial):
        yield from ((path, x.func), (path, x.args), (path, x.keywords))
    elif isinstance(x, types.MethodType):
        yield from ((path, x.__func__), (path, x.__self__))
    elif isinstance(x, types.FunctionType):
        for name, cell in zip(x.__code__.co_freevars, x.__closure__ or ()):
            try:
                yield name, cell.cell_contents
            except ValueError:  # an empty cell
                pass
        for name in _names(x):
            yield name, x.__globals__[name]
        yield path, x.__defaults__ or ()
        yield path, getattr(x, "__wrapped__", None)
    elif is_module(x):
        yield from ((_label(path, name), item) for name, item in x.named_parameters())
        yield from ((_label(path, name), item) for name, item in x.named_buffers())
        for module in x.modules():  # their own generators and the like
            yield from ((path, item) for item in vars(module).values() if not is_array(item) and not isinstance(item, dict))
    elif isinstance(x, dict):
        yield from ((_label(path, key), item) for key, item in list(x.items())[:_LONGEST])
    elif isinstance(x, (list, tuple)):
        yield from ((_label(path, i), item) for i, item in enumerate(x[:_LONGEST]))
    elif hasattr(x, "__wrapped__"):  # jax.jit, functools.wraps
        yield path, x.__wrapped__
    elif hasattr(x, "__dict__") and not isinstance(x, (type, types.ModuleType)):
        yield from ((_label(path, key), item) for key, item in vars(x).items())


def _library(x: Any) -> bool:
    module = getattr(x, "__module__", None) if isinstance(x, (types.FunctionType, type)) else type(x).__module__
    return str(module).split(".")[0] in ("torch", "jax", "jaxlib", "numpy", "innerloop_meta", "builtins", "scipy")


class Held:
    """Tensors, arrays, containers of arrays and random generators that f can reach.

    ``changed()`` names those that are not as they were.
    """

    def __init__(self, *roots: Any) -> None:
        self.tensors: dict[int, tuple[str, Any, Any, Any, Any]] = {}  # name, tensor, its data, numbers, gradient at first
        self.arrays: dict[int, tuple[str, Any, Any]] = {}
        self.containers: dict[int, tuple[str, Any, Any]] = {}
        self.generators: dict[int, tuple[Any, Any]] = {}
        self.bindings: list[tuple[str, Callable[[], Any], Callable[[Any], None], Any]] = []  # names that f may bind anew
        self.optimizers: list[tuple[Any, Any]] = []
        seen: dict[int, Any] = {}  # kept, so that no number of an object is met twice
        queue: list[tuple[str, Any]] = [("", root) for root in roots]
        while queue and len(seen) < _MOST:
            path, x = queue.pop(0)
            if id(x) in seen or isinstance(x, (str, bytes, int, float, types.ModuleType, type)) or x is None:
                continue
            seen[id(x)] = x
            self._keep(path, x)
            self._bind(path, x)
            if isinstance(x, (dict, list, tuple, functools.partial, types.MethodType)) or is_module(x) or hasattr(x, "__wrapped__"):
                queue.extend(_parts(x, path))
            elif not is_array(x) and not _library(x):
                queue.extend(_parts(x, path))
        self.base: dict[int, Any] = {}
        self.mark()

    def _keep(self, path: str, x: Any) -> None:
        torch = loaded("torch")
        if is_tensor(x):
            if x.numel() <= _LARGEST:
                self.tensors[id(x)] = (path, x, x.data, x.detach().clone(), x.grad if x.is_leaf else None)
        elif isinstance(x, np.ndarray) and x.flags.writeable and x.size <= _LARGEST:
            self.arrays[id(x)] = (path, x, x.copy())
        elif isinstance(x, dict) and any(is_array(item) for item in x.values()):
            self.containers[id(x)] = (path, x, dict(x))
        elif isinstance(x, list) and any(is_array(item) for item in x):
            self.containers[id(x)] = (path, x, list(x))
        elif isinstance(x, (np.random.Generator, np.random.RandomState, random.Random)) or (
            torch is not None and isinstance(x, torch.Generator)
        ):
            self.generators[id(x)] = (x, _state(x))

        elif torch is not None and isinstance(x, torch.optim.Optimizer):
            self.optimizers.append((x, copy.deepcopy(x.state_dict())))

    def _bind(self, path: str, x: Any) -> None:
        if isinstance(x, types.FunctionType):
            for name, cell in zip(x.__code__.co_freevars, x.__closure__ or ()):
                with contextlib.suppress(ValueError):  # an empty cell
                    if is_array(cell.cell_contents):
                        self.bindings.append((name, functools.partial(getattr, cell, "cell_contents"),
                                              functools.partial(setattr, cell, "cell_contents"), cell.cell_contents))  # fmt: skip
            space, names = x.__globals__, _names(x)
        elif isinstance(x, type) or _library(x) or not isinstance(getattr(x, "__dict__", None), dict):
            return
        else:
            space, names = vars(x), list(vars(x))
        for name in names:
            if is_array(space[name]):
                self.bindings.append((_label("" if space is not getattr(x, "__dict__", None) else path, name),
                                      functools.partial(space.get, name), functools.partial(space.__setitem__, name), space[name]))  # fmt: skip

    def double(self, but: set[int]) -> None:
        """Tensors of float32 that f can reach become double, until `restore`; `but` those that are parameters."""
        for key, (_, tensor, *_) in self.tensors.items():
            if key not in but and tensor.is_floating_point() and tensor.grad_fn is None:
                tensor.grad = None
                tensor.data = tensor.data.double()
        self.mark()

    def mark(self) -> None:
        """What there is now is what `reset` puts back."""
        self.base = {key: tensor.detach().clone() for key, (_, tensor, *_) in self.tensors.items()}

    def reset(self, randomness: bool = True, state: bool = True, but: frozenset[int] = frozenset()) -> None:
        torch = loaded("torch")
        if randomness:
            random.seed(0)
            np.random.seed(0)
            if torch is not None:
                torch.manual_seed(0)
            for generator, at in self.generators.values():
                _set_state(generator, at)
        if state:
            for key, (_, tensor, *_) in self.tensors.items():
                if key not in but and tensor.grad_fn is None:
                    tensor.data.copy_(self.base[key])
            self._put_back()

    def _put_back(self) -> None:
        for _, array, first in self.arrays.values():
            array[...] = first
        for _, container, first in self.containers.values():
            container.clear()
            container.update(first) if isinstance(container, dict) else container.extend(first)
        for _, get, put, first in self.bindings:
            if get() is not first:
                put(first)

    def changed(self, but: frozenset[int] = frozenset()) -> list[str]:
        found = []
        for key, (path, tensor, *_) in self.tensors.items():
            if key not in but and not bool((tensor.detach() == self.base[key]).all()):
                found.append(path)
        found += [path for path, array, first in self.arrays.values() if not np.array_equal(array, first)]
        for path, container, first in self.containers.values():
            now, then = (container, first) if isinstance(container, dict) else (dict(enumerate(container)), dict(enumerate(first)))
            found += [_label(path, key) for key in now if key not in then or (is_jax(now[key]) or not is_array(now[key]))
                      and now[key] is not then[key] or isinstance(now[key], (float, int)) and now[key] != then[key]]  # fmt: skip
        found += [path for path, get, _, first in self.bindings if get() is not first]
        return list(dict.fromkeys(name for name in found if name and not name.endswith("num_batches_tracked")))

    def restore(self) -> None:
        """All as it was before the check."""
        for _, tensor, data, first, grad in self.tensors.values():
            if tensor.grad_fn is None:
                if tensor.is_leaf:
                    tensor.grad = None
                tensor.data = data.copy_(first)
                if tensor.is_leaf:
                    tensor.grad = grad
        self._put_back()
        for generator, at in self.generators.values():
            _set_state(generator, at)
        for optimizer, at in self.optimizers:
            optimizer.load_state_dict(at)


def _state(x: Any) -> Any:
    if isinstance(x, np.random.Generator):
        return x.bit_generator.state
    if isinstance(x, np.random.RandomState):
        return x.get_state()
    return x.getstate() if isinstance(x, random.Random) else x.get_state().clone()


def _set_state(x: Any, at: Any) -> None:
    if isinstance(x, np.random.Generator):
        x.bit_generator.state = at
    elif isinstance(x, random.Random):
        x.setstate(at)
    else:
        x.set_state(at)
