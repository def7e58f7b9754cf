"""Nested parameters of numpy, PyTorch or JAX as named leaves, and one vector in double for all of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError

Vector = npt.NDArray[np.float64]


def loaded(name: str) -> Any:
    """A package, if the caller's program has imported it."""
    return sys.modules.get(name)


def is_tensor(x: object) -> bool:
    torch = loaded("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def is_module(x: object) -> bool:
    torch = loaded("torch")
    return torch is not None and isinstance(x, torch.nn.Module)


def is_jax(x: object) -> bool:
    jax = loaded("jax")
    return jax is not None and isinstance(x, jax.Array)


def is_array(x: object) -> bool:
    return isinstance(x, (np.ndarray, np.generic, float, int)) or is_tensor(x) or is_jax(x)


def is_real(x: Any) -> bool:
    """A leaf that can be learned: of floating numbers."""
    if is_tensor(x):
        return bool(x.is_floating_point())
    if is_jax(x):
        return bool(loaded("jax").numpy.issubdtype(x.dtype, np.floating))
    return is_array(x) and np.asarray(x).dtype.kind == "f"


def to_vector(x: Any) -> Vector:
    """The numbers of a leaf, flat and in double: [n]."""
    if is_tensor(x):
        x = x.detach().cpu().double().numpy()
    made: Vector = np.array(x, np.float64).reshape(-1)
    return made


def shape(x: Any) -> tuple[int, ...]:
    return tuple(int(n) for n in np.shape(x)) if not is_tensor(x) else tuple(x.shape)


def _join(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Name and leaf, in the order of the tree; a module's are its parameters, None has none."""
    if tree is None:
        return
    if is_module(tree):
        for name, leaf in tree.named_parameters():
            yield _join(path, name), leaf
    elif isinstance(tree, Mapping):
        for name, item in tree.items():
            yield from leaves(item, _join(path, name))
    elif isinstance(tree, (list, tuple)):
        names = getattr(tree, "_fields", range(len(tree)))
        for name, item in zip(names, tree):
            yield from leaves(item, _join(path, name))
    elif not is_array(tree) and loaded("jax"):
        tree_util = loaded("jax").tree_util
        for keys, leaf in tree_util.tree_flatten_with_path(tree)[0]:
            yield _join(path, ".".join(str(getattr(k, "name", getattr(k, "key", getattr(k, "idx", k)))) for k in keys)), leaf
    else:
        yield path or "parameters", tree


def rebuild(tree: Any, new: Iterator[Any]) -> Any:
    """The same tree with other leaves, taken in the order of `leaves`. A module stays as it is."""
    if tree is None:
        return None
    if is_module(tree):
        for _ in tree.parameters():
            next(new)
        return tree
    if isinstance(tree, Mapping):
        items = {key: rebuild(item, new) for key, item in tree.items()}
        return items if type(tree) is dict else type(tree)(items)  # type: ignore[call-arg]
    if isinstance(tree, (list, tuple)):
        made = [rebuild(item, new) for item in tree]
        return type(tree)(*made) if hasattr(tree, "_fields") else type(tree)(made)
    if not is_array(tree) and loaded("jax"):
        tree_util = loaded("jax").tree_util
        flat, structure = tree_util.tree_flatten(tree)
        return tree_util.tree_unflatten(structure, [next(new) for _ in flat])
    return next(new)


def doubled(tree: Any) -> Any:
    """Data with its real arrays in double; what is no container or array stays as it is."""
    if is_tensor(tree):
        return tree.double() if tree.is_floating_point() and tree.grad_fn is None else tree
    if is_jax(tree):
        return tree.astype(np.float64) if is_real(tree) else tree
    if isinstance(tree, np.ndarray):
        return tree.astype(np.float64) if tree.dtype.kind == "f" else tree
    if type(tree) is dict:
        return {key: doubled(item) for key, item in tree.items()}
    if isinstance(tree, (list, tuple)):
        made = [doubled(item) for item in tree]
        return type(tree)(*made) if hasattr(tree, "_fields") else type(tree)(made)
    return tree


def gradient_vector(gradient: Any, names: list[str], sizes: list[int]) -> Vector:
    """A gradient as f returned it, laid out as the parameters are: by name, else in their order, or one flat vector.

    Raises:
        ArgumentError: it has other leaves than the parameters, with both.
    """
    if is_array(gradient) and (len(names) > 1 or shape(gradient) == (sum(sizes),)):
        flat = to_vector(gradient)
        if flat.size == sum(sizes):
            return flat
    found = dict(leaves(gradient))
    missing = isinstance(gradient, (list, tuple)) and any(item is None for item in gradient)
    if missing and len(gradient) == len(names):  # as torch.autograd.grad(allow_unused=True) says zero
        found = dict(zip(names, gradient))
    elif isinstance(gradient, Mapping) and all(name in names for name in found):
        found = {name: found.get(name) for name in names}  # a None has no leaf
    elif len(found) == len(names):
        found = dict(zip(names, found.values()))
    parts = []
    for name, size in zip(names, sizes):
        part = np.zeros(size) if name in found and found[name] is None else to_vector(found.get(name, ()))
        if part.size != size:
            raise ArgumentError(f"the gradient f returns: found {part.size} numbers for the parameter {name}, expected {size}; "
                                f"it has {', '.join(found) or 'no leaves'}", "IL_ERROR_SHAPE")  # fmt: skip
        parts.append(part)
    made: Vector = np.concatenate(parts)
    return made
