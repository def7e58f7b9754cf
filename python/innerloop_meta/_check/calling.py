"""The user's function at any point: parameters set, what it keeps put back, loss and gradient read from what it returns."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..state import State
from . import trees
from .held import Held
from .trees import Vector, loaded


@contextlib.contextmanager
def surroundings(double: bool) -> Iterator[None]:
    """Random generators as they were afterwards; in double, JAX has 64 bits and PyTorch makes tensors of 64."""
    torch, jax = loaded("torch"), loaded("jax")
    numbers, own = np.random.get_state(), random.getstate()
    with contextlib.ExitStack() as stack:
        stack.callback(np.random.set_state, numbers)
        stack.callback(random.setstate, own)
        if torch is not None:
            stack.callback(torch.set_rng_state, torch.get_rng_state())
            stack.callback(torch.set_default_dtype, torch.get_default_dtype())
            if double:
                torch.set_default_dtype(torch.float64)
        if jax is not None and double:
            if hasattr(jax, "enable_x64"):
                stack.enter_context(jax.enable_x64(True))
            else:
                import importlib

                stack.enter_context(importlib.import_module("jax.experimental").enable_x64())
        yield


class Caller:
    """f(parameters, tasks) as a function of one vector in double: (loss, gradient).

    Tensors of PyTorch are the caller's own, moved in place, so that f may read them from a module that it closes over
    (`close` puts all back); arrays are made anew. also: what else is called, and keeps something.
    """

    def __init__(self, f: Callable[..., Any], parameters: Any, tasks: Any, meta_loss: Callable[..., Any] | None,
                 double: bool, also: Any = None) -> None:  # fmt: skip
        self.f, self.parameters, self.meta_loss, self.double = f, parameters, meta_loss, double
        self.state = parameters.copy() if isinstance(parameters, State) else None
        self.leaves = [] if self.state is not None else list(trees.leaves(parameters))
        frozen = [trees.is_tensor(leaf) and not leaf.requires_grad for _, leaf in self.leaves]
        alone = all(frozen)  # plain tensors: f says itself what it differentiates by
        self.learned = [trees.is_real(leaf) and (alone or not still) for (_, leaf), still in zip(self.leaves, frozen)]
        if self.state is not None:
            pairs: list[tuple[str, Any]] = list(self.state.items())
        else:
            pairs = [pair for pair, yes in zip(self.leaves, self.learned) if yes]
        if not pairs:
            raise ArgumentError("parameters: found no array of floating numbers, expected those that f differentiates by")
        self.names = [name for name, _ in pairs]
        self.shapes = [trees.shape(leaf) for _, leaf in pairs]
        self.sizes = [int(np.prod(s, dtype=np.int64)) for s in self.shapes]
        self.point: Vector = np.concatenate([trees.to_vector(leaf) for _, leaf in pairs])
        self.tensors = [leaf for _, leaf in pairs if trees.is_tensor(leaf)]
        self.own = frozenset(id(t) for t in self.tensors)
        if any(trees.is_tensor(leaf) for _, leaf in pairs):
            self.kind = "torch"
        else:
            self.kind = "jax" if any(trees.is_jax(leaf) for _, leaf in pairs) else "numpy"
        self.calls, self.graphless, self.moved = 0, False, False
        self.require = False
        self.short = self.state is not None and self.state.precision == "float32"  # what f computes in
        self.needed = [bool(t.requires_grad) for t in self.tensors]
        self.held = Held(f, parameters, meta_loss, tasks, also)
        try:
            if double:
                for tensor in self.tensors:
                    if tensor.is_leaf:
                        tensor.grad = None
                    tensor.data = tensor.data.double()
                self.held.double(but=set())
            tasks = trees.doubled(tasks) if double else tasks
            self.more = () if tasks is None else (tasks,)  # what f takes beside the parameters
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self.held.restore()
        for tensor, needed in zip(self.tensors, self.needed):
            if tensor.is_leaf:
                tensor.requires_grad_(needed)

    def arguments(self, point: Vector) -> Any:
        """The parameters at a point, as f is given them."""
        parts = np.split(point, np.cumsum(self.sizes)[:-1])
        if self.state is not None:
            for name, part, shape in zip(self.names, parts, self.shapes):
                self.state[name] = part.reshape(shape)
            return self.state
        new: list[Any] = []
        at = 0
        for (_, leaf), yes in zip(self.leaves, self.learned):
            if not yes:
                new.append(leaf)
                continue
            numbers = parts[at].reshape(self.shapes[at])
            at += 1
            if trees.is_tensor(leaf):
                torch = loaded("torch")
                leaf.data.copy_(torch.from_numpy(np.array(numbers)))
                if leaf.is_leaf:
                    leaf.grad = None
                    if self.require:
                        leaf.requires_grad_(True)
                new.append(leaf)
            elif trees.is_jax(leaf):
                new.append(loaded("jax").numpy.asarray(numbers, np.float64 if self.double else leaf.dtype))
            elif isinstance(leaf, float):
                new.append(float(numbers))
            else:
                new.append(np.array(numbers, np.float64 if self.double else np.asarray(leaf).dtype))
        return trees.rebuild(self.parameters, iter(new))

    def __call__(self, point: Vector, hold: bool = True) -> tuple[float, Vector]:
        """hold: random generators and all that f keeps are put back first, so that equal points give equal numbers."""
        if hold:
            self.held.reset(but=self.own)
        return self.once(point)

    def single(self) -> bool:
        """Whether f computes in single precision, whatever it is given."""
        self.once(self.point)
        return self.short

    def once(self, point: Vector) -> tuple[float, Vector]:
        self.calls += 1
        arguments = self.arguments(point)
        made = self.f(arguments, *self.more)
        loss, gradient = self._read(made, arguments)
        if self.meta_loss is not None:
            loss = self.meta_loss(self.arguments(point), *self.more)
        if getattr(loss, "dtype", None) is not None and str(loss.dtype).endswith(("float32", "float16")):
            self.short = True
        number = trees.to_vector(loss)
        if number.size != 1:
            raise ArgumentError(f"f's loss: found {number.size} numbers, expected one", "IL_ERROR_SHAPE")
        now = [trees.to_vector(tensor) for tensor in self.tensors]
        if now:
            self.moved = self.moved or not np.array_equal(np.concatenate(now), self._rounded(point))
        return float(number[0]), gradient

    def _rounded(self, point: Vector) -> Vector:
        parts = zip(np.split(point, np.cumsum(self.sizes)[:-1]), self.tensors)
        return np.concatenate([part.astype(str(t.dtype).split(".")[-1]).astype(np.float64) for part, t in parts])

    def _read(self, made: Any, arguments: Any) -> tuple[Any, Vector]:
        """(loss, gradient) of what f returned: both, the loss alone, or the gradient alone where meta_loss is given."""
        if self.meta_loss is not None:
            pair = isinstance(made, tuple) and len(made) == 2 and self._scalar(made[0]) and len(self.names) != 2
            return None, self._vector(made[1] if pair else made)
        if isinstance(made, (tuple, list)) and len(made) >= 2:
            loss = made[0][0] if isinstance(made[0], tuple) and len(made[0]) else made[0]  # (loss, more), gradient
            if self._scalar(loss):
                return loss, self._vector(made[1])
        if self._scalar(made):
            return self._differentiate(made, arguments)
        raise ArgumentError(
            f"f returned {type(made).__name__}; expected (loss, gradient), the loss alone (PyTorch, JAX), or the gradient "
            "alone with meta_loss=, a function of (parameters, tasks)", "IL_ERROR_TYPE")  # fmt: skip

    @staticmethod
    def _scalar(x: Any) -> bool:
        return trees.is_array(x) and int(np.prod(trees.shape(x), dtype=np.int64)) == 1

    def _vector(self, gradient: Any) -> Vector:
        if self.state is None and len(self.names) < len(self.leaves) and isinstance(gradient, (list, tuple, Mapping)):
            found = list(trees.leaves(gradient))
            if len(found) == len(self.leaves):  # frozen ones have an entry too
                gradient = {name: g for (name, _), (_, g), yes in zip(self.leaves, found, self.learned) if yes}
        return trees.gradient_vector(gradient, self.names, self.sizes)

    def _differentiate(self, loss: Any, arguments: Any) -> tuple[Any, Vector]:
        if self.kind == "torch":
            torch = loaded("torch")
            if any(t.is_leaf and t.grad is not None for t in self.tensors):  # f called backward
                found = [t.grad for t in self.tensors]
            elif trees.is_tensor(loss) and loss.requires_grad:
                found = list(torch.autograd.grad(loss, self.tensors, allow_unused=True))
            elif not any(t.requires_grad for t in self.tensors) and not self.require:
                self.require = True
                return self._differentiate(self.f(self.arguments(self._now()), *self.more), arguments)
            else:
                self.graphless = True
                found = [None] * len(self.tensors)
            return loss, trees.gradient_vector(tuple(found), self.names, self.sizes)
        if self.kind == "jax":
            return loss, self._vector(loaded("jax").grad(self.f)(arguments, *self.more))
        raise ArgumentError("f returned its loss alone; of numpy arrays expected (loss, gradient)", "IL_ERROR_TYPE")

    def _now(self) -> Vector:
        return np.concatenate([trees.to_vector(t) for t in self.tensors])
