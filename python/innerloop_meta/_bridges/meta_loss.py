"""Loss and meta-gradient of a batch of tasks as one compiled function over memory of the caller's: what `MetaLoss` and
`jax_meta_loss` are made of. Addresses go in, addresses come out; who owns the memory is of no concern here.

Parameters, gradients and examples may lie as PyTorch has them (``torch``: [c,h,w], [out,in,kh,kw]); the graph then turns
them itself, parameters and gradients once for all tasks.
"""

from __future__ import annotations

import ctypes
import fnmatch
import math
import threading
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .. import _declarations as c
from .._library import Context, decode, dimensions_of, lib, owned, shape_of, take_text
from .._team import Team, owner, team
from ..algorithms import Algorithm
from ..errors import ArgumentError
from ..nets import Net
from ..state import PRECISIONS
from ..values import Graph, Value, task_mean

LOSSES = ("cross_entropy", "mean_squared_error", "binary_cross_entropy")
STATISTICS = ("query", "support", "each", "running")
_FORMS = 32  # shapes of batches that are kept compiled


def transposed(g: Graph, value: Value, *axes: int) -> Value:
    return g.value(lib.il_transpose(g.address, value.made, (ctypes.c_int * len(axes))(*axes)))


class Entry:
    """A parameter, or what an algorithm learns beside them: its layout in the engine, and outside of it."""

    def __init__(self, row: Any, net: Net, torch: bool) -> None:
        self.row, self.name = c.il_entry.from_buffer_copy(row), decode(row.name)
        self.inside: tuple[int, ...] = dimensions_of(row.shape)
        turns = torch and bool(row.net) and not self.name.startswith("embedding")  # whose table lies the same in both
        self.pixels = lib.il_net_parameter_pixels(net.address, row.parameter) if turns else 1
        self.turns = turns and (self.pixels > 1 or len(self.inside) > 1)
        rank, s = len(self.inside), self.inside
        self.shape = (s[3], s[2], s[0], s[1]) if rank == 4 else s[::-1]
        if not self.turns:
            self.shape = s

    def to_engine(self, g: Graph, v: Value) -> Value:
        s, p = self.inside, self.pixels
        if not self.turns:
            return v
        if len(s) == 4:
            return transposed(g, v, 2, 3, 1, 0)
        if len(s) == 3:
            return transposed(g, v, 2, 1, 0)
        if p > 1 and len(s) == 2:  # [out, c·pixels]
            return transposed(g, v.reshape(s[1], s[0] // p, p), 2, 1, 0).reshape(*s)
        if p > 1:
            return transposed(g, v.reshape(s[0] // p, p), 1, 0).reshape(*s)
        return transposed(g, v, 1, 0)

    def from_engine(self, g: Graph, v: Value) -> Value:
        s, p = self.inside, self.pixels
        if not self.turns:
            return v
        if len(s) == 4:
            return transposed(g, v, 3, 2, 0, 1)
        if len(s) == 3:
            return transposed(g, v, 2, 1, 0)
        if p > 1 and len(s) == 2:
            return transposed(g, v.reshape(p, s[0] // p, s[1]), 2, 1, 0).reshape(*self.shape)
        if p > 1:
            return transposed(g, v.reshape(p, s[0] // p), 1, 0).reshape(*self.shape)
        return transposed(g, v, 1, 0)


@dataclass(frozen=True)
class Shape:
    """What a function is compiled for."""

    tasks: int
    support: int
    query: int
    ways: int
    targets: int  # numbers of an example; 0: labels
    wanted: tuple[bool, ...]  # which gradients; empty: none
    training: bool
    dropout: bool = False  # int32 [tasks, 2] keys are given
    phase: int = 0  # of the algorithm


class MetaFunction:
    """A net under an algorithm. names: what the parameters are called outside, for `Algorithm.adapts`."""

    def __init__(self, net: Net, algorithm: Algorithm, *, torch: bool, precision: str, loss: str | None = None,
                 statistics: str = "query", names: Sequence[str] | None = None, factored: bool = True) -> None:  # fmt: skip
        if loss is not None and loss not in LOSSES:
            raise ArgumentError(f"loss: found {loss!r}, expected one of {', '.join(LOSSES)}")
        if statistics not in STATISTICS:
            raise ArgumentError(f"statistics: found {statistics!r}, expected one of {', '.join(STATISTICS)}")
        if precision not in PRECISIONS:
            raise ArgumentError(f"precision: found {precision!r}, expected 'float32' or 'float64'")
        self.net, self.algorithm, self.torch, self.precision = net, algorithm, torch, precision
        self.loss, self.statistics, self.factored = loss, statistics, factored
        self.context = Context()
        self.adapts = self._adapts(names or net.names)
        inner = algorithm.inner(self.adapts)
        self.entries = self._entries(lambda to: lib.il_meta_entries(
            self.context.address, net.address, ctypes.byref(algorithm.record), ctypes.byref(inner), algorithm.settings, to))  # fmt: skip
        self.carry = self._entries(lambda to: lib.il_carry_entries(self.context.address, net.address, to)) if (
            statistics == "running") else []  # fmt: skip
        self.learned = self.entries[len(net.names) :]  # beside the net's parameters
        self._forms: OrderedDict[Shape, Form] = OrderedDict()
        self._lock = threading.Lock()

    def _entries(self, fill: Any) -> list[Entry]:
        rows = c.il_entries()
        try:
            fill(ctypes.byref(rows))
            self.context.check()
            return [Entry(rows.entry[i], self.net, self.torch) for i in range(rows.count)]
        finally:
            lib.il_entries_free(ctypes.byref(rows))

    def _adapts(self, names: Sequence[str]) -> str:
        """The algorithm's patterns over outside names, as the library takes them."""
        made: list[str] = []
        for element in self.algorithm.adapts:
            for one in element.split(","):
                sign, bare = ("!", one[1:]) if one.startswith("!") else ("", one)
                if bare in ("head", ""):
                    made += [one] if bare else []
                    continue
                pattern = bare.replace("[", "[[]").replace("?", "[?]")  # only * means any text
                found = [self.net.names[i] for i, name in enumerate(names) if fnmatch.fnmatchcase(name, pattern)]
                if not found:
                    raise ArgumentError(f"adapts: {bare!r} is none of the parameters {', '.join(names)}; expected such names, "
                                        "with * for any text, or head", "IL_ERROR_CONFIG")  # fmt: skip
                made += [sign + name for name in found]
        return ",".join(made)

    def initial(self, entry: Entry, seed: int, memory: int) -> None:
        """Writes an entry's first value, as it lies outside."""
        count = math.prod(entry.inside)
        size = 4 if self.precision == "float32" else 8
        inside = ctypes.create_string_buffer(max(count, 1) * size)
        kind = PRECISIONS[self.precision]
        lib.il_entry_initialize(ctypes.byref(entry.row), seed, kind, inside)
        if entry.turns:
            lib.il_net_to_torch(self.net.address, entry.row.parameter, kind, inside, memory)
        else:
            ctypes.memmove(memory, inside, count * size)

    def form(self, shape: Shape) -> Form:
        """Compiled for such batches."""
        made = self._forms.get(shape)
        if made is None:
            with self._lock:
                made = self._forms.get(shape)
                if made is None:
                    made = self._forms[shape] = Form(self, shape)
                    if len(self._forms) > _FORMS:
                        self._forms.popitem(last=False)
        return made


class _Run:
    def __init__(self, form: Form, of: Team) -> None:
        self.context = Context()
        self.address: int = self.context.made(lib.il_run_new(self.context.address, form.address, of.address, form.shape.tasks))
        owned(self, lib.il_run_free, self.address, self.context, form.function, of)


class _Owned:
    """A compiled function, which runs need."""

    def __init__(self, context: Context, graph: Graph, options: Any) -> None:
        self.address: int = context.made(lib.il_function_new(graph.give_away(), ctypes.byref(options)))
        owned(self, lib.il_function_free, self.address, context)


class Form:
    """The function for batches of one shape.

    Inputs, in this order: support_x, support_y, query_x, query_y, dropout keys and step weights where there are any, the
    entries, the carry values. Outputs: ``outputs`` says their names in their order (loss, losses, accuracy, scores where
    they are there, the gradients that are wanted, next carry values), ``shapes`` their shapes.
    """

    def __init__(self, of: MetaFunction, shape: Shape) -> None:
        self.of, self.shape = of, shape
        g = self._graph = Graph(of.precision)
        self._inputs: list[str] = []
        self.outputs: list[str] = []
        self.shapes: list[tuple[int, ...]] = []
        b, out = c.il_build(), c.il_outcome()
        self._build(g, b, out)
        self._results(g, b, out)
        options = c.il_function_options()
        options.factored, options.plan.tasks = of.factored, shape.tasks
        self.function = _Owned(g.context, g, options)
        self.address = self.function.address
        self._in = [lib.il_function_input(self.address, name.encode()) for name in self._inputs]
        self._out = [lib.il_function_output(self.address, name.encode()) for name in self.outputs]
        self._runs: dict[int, _Run] = {}
        del self._graph

    def _input(self, name: str, stage: int, kind: int, shape: tuple[int, ...]) -> Value:
        self._inputs.append(name)
        g = self._graph
        return g.value(lib.il_input(g.address, name.encode(), stage, kind, shape_of(shape)))

    def _examples(self, g: Graph, name: str, count: int) -> Any:
        """Examples as the net takes them."""
        example = self.of.net.example
        turns = self.of.torch and not getattr(self.of.net, "steps_first", False)
        outside = (example[-1], *example[:-1]) if turns else example
        x = self._input(name, c.IL_TASK, g.real, (count, *outside))
        if turns and len(example) > 1:
            if example[-1] == 1:  # the same numbers in the same order
                return x.reshape(count, *example).made
            x = transposed(g, x, 0, *range(2, len(example) + 1), 1)
        return x.made

    def _labels(self, g: Graph, name: str, count: int) -> Any:
        s = self.shape
        if s.targets:
            return self._input(name, c.IL_TASK, g.real, (count, s.targets)).made
        return self._input(name, c.IL_TASK, c.IL_INT32, (count,)).made

    def _values(self, g: Graph, to: Any, entries: list[Entry], prefix: str) -> None:
        for entry in entries:
            v = entry.to_engine(g, self._input(prefix + entry.name, c.IL_SHARED, g.real, entry.shape))
            if entry.turns:  # by which is differentiated, whatever becomes of the turn
                v = g.value(lib.il_leaf(g.address, v.made))
            lib.il_values_put(g.address, ctypes.byref(to), entry.row, v.made)

    def _build(self, g: Graph, b: Any, out: Any) -> None:
        of, s = self.of, self.shape
        algorithm = of.algorithm
        b.g, b.net, b.algorithm = g.address, of.net.address, ctypes.pointer(algorithm.record)
        b.settings, b.inner = ctypes.addressof(algorithm.settings), algorithm.inner(of.adapts)
        loss = of.loss or ("mean_squared_error" if s.targets else "cross_entropy")
        b.loss = getattr(c, "IL_LOSS_" + loss.upper())
        b.statistics = getattr(c, "IL_QUERY_STATISTICS_" + of.statistics.upper())
        b.training, b.ways, b.made = s.training, s.ways, s.phase
        b.task.support_x = self._examples(g, "support_x", s.support)
        b.task.support_y = self._labels(g, "support_y", s.support)
        b.task.query_x = self._examples(g, "query_x", s.query)
        b.task.query_y = self._labels(g, "query_y", s.query)
        if s.dropout:
            b.task.dropout_key = self._input("key", c.IL_TASK, c.IL_INT32, (2,)).made
        if algorithm.record.weigh and s.training:
            b.step_weights = self._input("weights", c.IL_SHARED, g.real, (algorithm.steps,)).made
        self._values(g, b.meta, of.entries, "meta ")
        self._values(g, b.carry, of.carry, "carry ")
        g.context.check()
        if s.training:
            lib.il_build_outcome(ctypes.byref(b), ctypes.byref(out))
        elif lib.il_build_check(ctypes.byref(b)):  # the query loss, also of what is trained by another
            lib.il_query_objective(ctypes.byref(b), ctypes.byref(out))
        g.context.check()

    def _output(self, name: str, value: Value) -> None:
        g = self._graph
        lib.il_output(g.address, name.encode(), value.made)
        g.context.check()
        self.outputs.append(name)
        self.shapes.append((self.shape.tasks, *value.shape) if value.per_task else value.shape)

    def _results(self, g: Graph, b: Any, out: Any) -> None:
        def value(made: Any) -> Value:
            return g.value(c.il_value(made.id))

        of = self.of
        self._output("loss", task_mean(value(out.loss)))
        self._output("losses", value(out.loss))
        if out.accuracy.id:
            self._output("accuracy", value(out.accuracy))
        if out.scores.id:
            self._output("scores", value(out.scores))
        for i, entry in enumerate(of.entries):
            if i < len(self.shape.wanted) and self.shape.wanted[i]:
                at = lib.il_values_find(ctypes.byref(out.gradient), entry.name.encode())
                d = task_mean(value(out.gradient.at[at] if at >= 0 else c.il_value(0)))
                self._output("gradient " + entry.name, entry.from_engine(g, d))
        if of.carry and self.shape.training:
            moved = lib.il_carry_next(ctypes.byref(b), ctypes.byref(out))
            g.context.check()
            for i, entry in enumerate(of.carry):
                self._output("next " + entry.name, entry.from_engine(g, value(moved.at[i])))

    def _run(self, shared: Team | None) -> _Run:
        of = shared or team()
        run = self._runs.get(id(of))
        if run is None:
            run = self._runs[id(of)] = _Run(self, of)
            if shared:
                return run  # which keeps the team
            weakref.finalize(owner(), self._runs.pop, id(of), None).atexit = False
        return run

    def go(self, inputs: Sequence[int], outputs: Sequence[int], of: Team | None = None) -> None:
        """Computes on a team (the calling thread's own, when none is given); addresses in the order of inputs and `outputs`."""
        run = self._run(of)
        address = run.address
        for place, memory in zip(self._in, inputs):
            _set_input(address, place, memory)
        for place, memory in zip(self._out, outputs):
            _set_output(address, place, memory)
        if _go(address, self.shape.tasks):
            run.context.fail()

    def plan(self) -> str:
        """The compiled plan as text."""
        return take_text(lib.il_plan_print(lib.il_function_plan(self.address)))


_set_input, _set_output, _go = lib.il_run_input, lib.il_run_output, lib.il_run_go
