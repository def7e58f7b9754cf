"""Datasets: classes of examples of one shape, from arrays, files, folders, or datasets of PyTorch."""

from __future__ import annotations

import ctypes
import os
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _declarations as c
from ._library import Context, decode, dimensions_of, encode, lib, owned, shape_of
from .errors import ArgumentError

Array = npt.NDArray[Any]


def examples_of(x: Any) -> Array:
    """Bytes stay bytes, all other numbers become float32."""
    try:
        array = x.numpy() if hasattr(x, "numpy") and hasattr(x, "detach") else np.asarray(x)
    except ValueError:
        raise ArgumentError("examples of several shapes; expected one array [n, example…], or as many examples of one shape",
                            "IL_ERROR_SHAPE") from None  # fmt: skip
    if array.dtype.kind not in "fiub":
        raise ArgumentError(f"examples of type {array.dtype}, expected numbers", "IL_ERROR_TYPE")
    return np.ascontiguousarray(array, np.uint8 if array.dtype == np.uint8 else np.float32)


class Dataset:
    """Classes of examples of one shape: images [h,w,c], signals [t,channels] or [features]; bytes or float32."""

    def __init__(self, address: int, context: Context, path: str | None = None) -> None:
        self.address, self.context, self.path = address, context, path
        owned(self, lib.il_dataset_free, address, context)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Dataset:
        """A file that was imported or saved."""
        context = Context()
        return cls(context.made(lib.il_dataset_open(context.address, encode(path))), context, os.fspath(path))

    @classmethod
    def of(cls, x: npt.ArrayLike, y: npt.ArrayLike, *, scale: float = 0.0, names: Sequence[str] | None = None) -> Dataset:
        """Examples [n, example…] with labels [n] of any kind.

        Args:
            x: uint8, or numbers that become float32. [n,h,w] of bytes are grey images.
            y: classes, in the order of their sorted values.
            scale: nets see x·scale; 0: 1/255 for bytes, else 1.
            names: of the classes in that order; None: their values as text.
        Raises:
            ArgumentError: numbers that are not finite, names that occur twice.
        """
        examples, labels = examples_of(x), np.asarray(y)
        if examples.ndim == 3 and examples.dtype == np.uint8:
            examples = examples[..., None]
        if labels.shape != examples.shape[:1] or not len(labels):
            raise ArgumentError(f"{len(examples)} examples with labels of shape {labels.shape}, expected one for each, "
                                "at least one", "IL_ERROR_SHAPE")  # fmt: skip
        classes, of = np.unique(labels, return_inverse=True)
        order = np.argsort(of, kind="stable")
        start = np.concatenate([[0], np.cumsum(np.bincount(of))]).astype(np.int32)
        listed = [str(v) for v in classes] if names is None else [str(n) for n in names]
        if len(listed) != len(classes):
            raise ArgumentError(f"{len(listed)} names for {len(classes)} classes")
        if len(set(listed)) != len(listed):
            raise ArgumentError(f"two classes are named {max(listed, key=listed.count)!r}, expected names that differ")
        if examples.ndim == 4 and examples.shape[1] in (1, 3) and examples.shape[3] > 4:
            warnings.warn(f"images of shape {examples.shape[1:]} are taken as [h,w,c]; of [c,h,w], give np.moveaxis(x, 1, -1)",
                          stacklevel=2)  # fmt: skip
        sorted_ = np.ascontiguousarray(examples[order])
        arrays = c.il_dataset_arrays()
        arrays.classes = len(classes)
        arrays.start = start.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        arrays.type = c.IL_UINT8 if sorted_.dtype == np.uint8 else c.IL_FLOAT32
        arrays.example, arrays.examples, arrays.scale = shape_of(sorted_.shape[1:]), sorted_.ctypes.data, scale
        arrays.name = (ctypes.c_char_p * len(listed))(*[n.encode() for n in listed])
        context = Context()
        return cls(context.made(lib.il_dataset_new(context.address, ctypes.byref(arrays))), context)

    @classmethod
    def of_pairs(cls, pairs: Any) -> Dataset:
        """A map-style dataset, such as one of torch.utils.data: ``pairs[i]`` is (x, label). Images of three dimensions
        out of PyTorch are [c,h,w], and become [h,w,c]."""
        xs, ys = [], []
        for i in range(len(pairs)):
            pair = pairs[i]
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise ArgumentError(f"item {i} of the data is of type {type(pair).__name__}, expected (x, label); arrays are "
                                    "given as (x, y)", "IL_ERROR_DATA")  # fmt: skip
            x, y = pair
            array = examples_of(x)
            if array.ndim == 3 and hasattr(x, "detach"):
                array = np.moveaxis(array, 0, -1)
            xs.append(array)
            ys.append(y.item() if hasattr(y, "item") else y)
        shapes = {x.shape for x in xs}
        if not xs:
            raise ArgumentError("data without examples, expected at least one", "IL_ERROR_DATA")
        if len(shapes) != 1:
            raise ArgumentError(f"examples of shapes {sorted(shapes)[:3]}, expected one shape", "IL_ERROR_SHAPE")
        return cls.of(np.stack(xs), np.asarray(ys))

    @classmethod
    def load(cls, source: str | os.PathLike[str], out: str | os.PathLike[str], *, size: tuple[int, int] | None = None,
             grey: bool = False, invert: bool = False) -> Dataset:  # fmt: skip
        """Imports a folder of pictures (one folder per class), an archive, arrays or a table into the file `out`.

        Args:
            size: (height, width) of all pictures; None: see `innerloop data import`.
            grey, invert: pictures of one channel; 255 − pixel.
        """
        context = Context()
        options = c.il_import_options()
        options.grey, options.invert = grey, invert
        if size is not None:
            options.height, options.width = size
        report = c.il_import_report()
        lib.il_import(context.address, encode(source), encode(out), ctypes.byref(options), ctypes.byref(report))
        lib.il_import_report_free(ctypes.byref(report))
        context.check()
        return cls.open(out)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a file that `open` and the command line take; atomic."""
        if lib.il_dataset_write(self.address, encode(path)):
            self.context.fail()

    @property
    def shape(self) -> tuple[int, ...]:
        """Of every example."""
        return dimensions_of(lib.il_dataset_shape(self.address))

    @property
    def scale(self) -> float:
        """Nets see x·scale."""
        return float(lib.il_dataset_scale(self.address))

    @property
    def classes(self) -> list[str]:
        """Names."""
        return [decode(lib.il_dataset_class_name(self.address, i)) for i in range(lib.il_dataset_classes(self.address))]

    def __len__(self) -> int:
        return sum(lib.il_dataset_examples(self.address, i) for i in range(lib.il_dataset_classes(self.address)))

    def examples(self, cls: int) -> Array:
        """A copy of the examples of a class: [n, example…]."""
        if not 0 <= cls < lib.il_dataset_classes(self.address):
            raise IndexError(f"class {cls} of {lib.il_dataset_classes(self.address)}")
        kind = np.uint8 if lib.il_dataset_type(self.address) == c.IL_UINT8 else np.float32
        shape = (lib.il_dataset_examples(self.address, cls), *self.shape)
        size = int(np.prod(shape)) * np.dtype(kind).itemsize
        flat = ctypes.string_at(lib.il_dataset_example(self.address, cls, 0), size)
        made: Array = np.frombuffer(flat, np.dtype(kind)).reshape(shape).copy()
        return made

    def arrays(self) -> tuple[Array, npt.NDArray[np.int32]]:
        """All examples and their labels 0 … classes − 1."""
        parts = [self.examples(i) for i in range(lib.il_dataset_classes(self.address))]
        return np.concatenate(parts), np.repeat(np.arange(len(parts), dtype=np.int32), [len(p) for p in parts])

    def __repr__(self) -> str:
        return f"<dataset of {len(self.classes)} classes, {len(self)} examples of shape {self.shape}>"


def glyphs(alphabets: int = 20, classes: int = 20, writers: int = 20, side: int = 28, channels: int = 1,
           seed: int = 1) -> Dataset:  # fmt: skip
    """The built-in drawn alphabets: a pure function of the arguments."""
    context = Context()
    made = c.il_glyphs(alphabets, classes, writers, side, channels, seed)
    return Dataset(context.made(lib.il_dataset_glyphs(context.address, ctypes.byref(made))), context)
