"""Functions: traced once for arguments of a kind, compiled, and run at the engine's speed."""

from __future__ import annotations

import ctypes
import functools
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from . import _declarations as c
from . import _team
from ._library import Context, dimensions_of, lib, owned, shape_of, take_text
from ._team import Team, owner, team
from .errors import ArgumentError
from .optimizers import Optimizer, TracedOptimizer
from .state import State
from .tasks import TaskBatch, Tasks
from .values import Graph, Value, Values

Array = npt.NDArray[Any]
_SUPPORT = ("support_x", "support_y", "query_x", "query_y")


class Each:
    """An argument that every task has its own part of."""

    __slots__ = ("array",)

    def __init__(self, array: Any) -> None:
        self.array = _as_array(array)
        if not self.array.ndim:
            raise ArgumentError("each: an array without axes, expected one of tasks in front", "IL_ERROR_SHAPE")


def each(array: Any) -> Each:
    """Marks an argument whose leading axis is the tasks. Within the function it is one task's part."""
    return Each(array)


def _as_array(x: Any) -> Array:
    if not isinstance(x, np.ndarray) and hasattr(x, "__dlpack__"):
        return np.from_dlpack(x)
    return np.asarray(x)


def _input_kind(array: Array, real: str) -> str:
    if array.dtype == np.uint8:
        return "uint8"
    if array.dtype.kind in "iu":
        return "int32"
    if array.dtype.kind in "fb":
        return real
    raise ArgumentError(f"an array of type {array.dtype}, expected numbers", "IL_ERROR_TYPE")


def _convert(array: Array, kind: str) -> Array:
    if kind == "int32" and array.dtype != np.int32 and array.size:
        low, high = int(array.min()), int(array.max())
        if low < -(2**31) or high >= 2**31:
            raise ArgumentError(f"whole numbers from {low} to {high}; indices and labels are int32", "IL_ERROR_TYPE")
    return np.asarray(array, kind, order="C")  # contiguous; one number stays without axes


class _Leaf:
    """One argument, or part of one: what it looks like, and how it is given to a run."""

    def __init__(self, kind: str, value: Any) -> None:
        self.kind, self.value = kind, value


def _flatten(x: Any, real: str, leaves: list[_Leaf], key: list[Any]) -> None:
    if isinstance(x, State):
        leaves.append(_Leaf("state", x))
        key.append(("state", x.key))
    elif isinstance(x, Optimizer):
        leaves.append(_Leaf("optimizer", x))
        key.append(("optimizer", x.key))
    elif isinstance(x, TaskBatch):
        leaves.append(_Leaf("batch", x))
        key.append(("batch", bytes(x.shape)))
    elif isinstance(x, Each):
        leaves.append(_Leaf("each", x.array))
        key.append(("each", _input_kind(x.array, real), x.array.shape[1:]))
    elif isinstance(x, (tuple, list)):
        key.append((type(x), len(x)))
        for item in x:
            _flatten(item, real, leaves, key)
    elif isinstance(x, Mapping):
        key.append((dict, tuple(x)))
        for item in x.values():
            _flatten(item, real, leaves, key)
    elif x is None or isinstance(x, (str, bool)):
        key.append(("constant", x))
    elif isinstance(x, (int, float, np.floating, np.integer)):
        leaves.append(_Leaf("number", float(x)))
        key.append("number")
    elif isinstance(x, np.ndarray) or hasattr(x, "__dlpack__"):
        array = _as_array(x)
        leaves.append(_Leaf("array", array))
        key.append(("array", _input_kind(array, real), array.shape))
    else:
        raise ArgumentError(
            f"an argument of type {type(x).__name__}; expected arrays, numbers, states, optimizers, batches of tasks, "
            "or tuples and dicts of them", "IL_ERROR_TYPE")  # fmt: skip


class _Trace:
    """Calls the user's function once with values in place of arguments."""

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...], real: str) -> None:
        self.graph, self.real = Graph(real), real
        self.inputs: list[list[str]] = []  # of each leaf
        self.optimizers: list[TracedOptimizer] = []
        self.outputs: list[tuple[str, bool, tuple[int, ...], str]] = []  # name, per task, shape, dtype
        values = [self._input(arg) for arg in args]
        self.structure = self._output(f(*values))
        if not self.outputs and not self._moves():
            raise ArgumentError("the function returns no value and moves no state")

    def _moves(self) -> bool:
        g = self.graph.address
        return any(lib.il_graph_output_name(g, i).startswith(b"next.") for i in range(lib.il_graph_outputs(g)))

    def _made(self, name: str, stage: int, kind: str, shape: tuple[int, ...]) -> Value:
        types = {"float32": c.IL_FLOAT32, "float64": c.IL_FLOAT64, "int32": c.IL_INT32, "uint8": c.IL_UINT8}
        return self.graph.value(lib.il_input(self.graph.address, name.encode(), stage, types[kind], shape_of(shape)))

    def _state(self, state: State, prefix: str) -> Values:
        if state.precision != self.real:
            raise ArgumentError(f"a state of {state.precision} in a function of {self.real}", "IL_ERROR_TYPE")
        return Values({name: self._made(prefix + name, c.IL_SHARED, self.real, dimensions_of(entry.shape))
                       for name, entry in state.entries.items()}, state.entries)  # fmt: skip

    def _input(self, x: Any) -> Any:
        if isinstance(x, (tuple, list)):
            return type(x)(self._input(item) for item in x)
        if isinstance(x, Mapping) and not isinstance(x, State):
            return {key: self._input(item) for key, item in x.items()}
        if x is None or isinstance(x, (str, bool)):
            return x
        at = len(self.inputs)
        name = f"{at}."
        self.inputs.append([name])
        if isinstance(x, State):
            return self._state(x, name)
        if isinstance(x, Optimizer):
            traced = TracedOptimizer(self.graph, x, self._state(x.slots, name))
            self.optimizers.append(traced)
            return traced
        if isinstance(x, TaskBatch):
            return self._batch(x, at)
        if isinstance(x, Each):
            return self._made(name, c.IL_TASK, _input_kind(x.array, self.real), x.array.shape[1:])
        if isinstance(x, (int, float, np.floating, np.integer)):
            return self._made(name, c.IL_SHARED, self.real, ())
        array = _as_array(x)
        return self._made(name, c.IL_SHARED, _input_kind(array, self.real), array.shape)

    def _batch(self, batch: TaskBatch, at: int) -> TaskBatch:
        if any(names == list(_SUPPORT) for names in self.inputs):
            raise ArgumentError("two batches of tasks; expected one, and others marked by il.each")
        task = c.il_task()
        lib.il_task_inputs(self.graph.address, ctypes.byref(batch.shape), c.il_task_needs(), ctypes.byref(task))
        self.graph.context.check()
        self.inputs[at] = list(_SUPPORT)
        return TaskBatch(*(Value(self.graph, c.il_value(getattr(task, name).id)) for name in _SUPPORT))

    def _output(self, y: Any) -> Any:
        if isinstance(y, (tuple, list)):
            return tuple(self._output(item) for item in y)
        if isinstance(y, Mapping):
            return {key: self._output(item) for key, item in y.items()}
        if y is None:
            return None
        if isinstance(y, (int, float)):
            y = self.graph.constant(y)
        if not isinstance(y, Value):
            raise ArgumentError(f"the function returns {type(y).__name__}, expected values, or tuples and dicts of them")
        name = f"out.{len(self.outputs)}"
        lib.il_output(self.graph.address, name.encode(), self.graph.same(y))
        self.graph.context.check()
        self.outputs.append((name, y.per_task, y.shape, y.dtype))
        return len(self.outputs) - 1


class _Compiled:
    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...], real: str, factored: bool) -> None:
        trace = _Trace(f, args, real)
        self.real = real
        self.context = trace.graph.context
        options = c.il_function_options()
        options.factored = factored
        self.address: int = self.context.made(
            lib.il_function_new(trace.graph.give_away(), ctypes.byref(options))
        )
        owned(self, lib.il_function_free, self.address, self.context)
        self.inputs = trace.inputs
        self.places = [[lib.il_function_input(self.address, n.encode()) for n in names] for names in trace.inputs]
        self.outputs = [
            (lib.il_function_output(self.address, name.encode()), per_task, shape, dtype)
            for name, per_task, shape, dtype in trace.outputs
        ]
        self.structure = trace.structure


class _Run:
    """A compiled function with memory to run in, bound to states."""

    def __init__(self, compiled: _Compiled, leaves: list[_Leaf], tasks: int, of: Team) -> None:
        self.compiled, self.tasks, self.team = compiled, tasks, of
        self.context = Context()
        self.address: int = self.context.made(
            lib.il_run_new(self.context.address, compiled.address, of.address, tasks)
        )
        # Buffers that it is bound to go with their states; a run without them is not run again.
        owned(self, lib.il_run_free, self.address, self.context, compiled, of)
        for leaf, names in zip(leaves, compiled.inputs):
            if leaf.kind in ("state", "optimizer"):
                state = leaf.value if leaf.kind == "state" else leaf.value.slots
                buffers = ctypes.byref(state.memory.buffers)
                if lib.il_run_buffers(self.address, buffers, names[0].encode()):
                    self.context.fail()
        # Results of one number have a cell; other results have memory of their own each time.
        self.cells: list[Any] = []
        for place, per_task, shape, dtype in compiled.outputs:
            number = not per_task and shape == () and dtype == compiled.real
            self.cells.append(np.zeros(1, dtype) if number else None)
        self.bind_cells()
        only = compiled.structure == 0 and len(self.cells) == 1
        self.only: Any = self.cells[0] if only else None  # the function's one number

    def bind_cells(self) -> None:
        for (place, *_), cell in zip(self.compiled.outputs, self.cells):
            if cell is not None:
                lib.il_run_output(self.address, place, cell.ctypes.data)

    def room(self, runs: int) -> tuple[list[Array], Any]:
        """Arrays for the results of so many runs, and what the library is told of them."""
        outputs = self.compiled.outputs
        made = [np.empty((runs, self.tasks, *shape) if per_task else (runs, *shape), dtype) for _, per_task, shape, dtype in outputs]
        results = c.il_results(len(outputs))
        results.place = (ctypes.c_int * len(outputs))(*[place for place, *_ in outputs])
        results.memory = (ctypes.c_void_p * len(outputs))(*[array.ctypes.data for array in made])
        results.bytes = (ctypes.c_size_t * len(outputs))(*[array[0].nbytes for array in made])
        return made, results

    def bind(self, leaves: list[_Leaf]) -> tuple[list[Any], bool]:
        """Gives the run what it reads; the arrays, and whether all are the caller's own memory."""
        kept: list[Any] = []
        own = True
        for leaf, places in zip(leaves, self.compiled.places):
            if leaf.kind == "number":
                lib.il_run_set(self.address, places[0], leaf.value)
            elif leaf.kind not in ("state", "optimizer"):
                arrays = leaf.value.arrays if leaf.kind == "batch" else (leaf.value,)
                for array, place in zip(arrays, places):
                    made = _convert(array, _input_kind(array, self.compiled.real))
                    own = own and made is array
                    kept.append(made)
                    lib.il_run_input(self.address, place, made.ctypes.data)
        return kept, own

    def results(self) -> list[Any]:
        """New memory for results that have no cell."""
        out: list[Any] = []
        for (place, per_task, shape, dtype), cell in zip(self.compiled.outputs, self.cells):
            if cell is None:
                array: Array = np.empty((self.tasks, *shape) if per_task else shape, dtype)
                lib.il_run_output(self.address, place, array.ctypes.data)
                out.append(array)
            else:
                out.append(None)
        return out

    def read(self, out: list[Any]) -> list[Any]:
        return [cell[0] if cell is not None else made for made, cell in zip(out, self.cells)]


class _Bound:
    """A run with what it reads."""

    __slots__ = ("run", "args", "kept", "batch", "go", "draw_and_go")

    def __init__(self, run: _Run, args: tuple[Any, ...], leaves: list[_Leaf], kept: list[Any]) -> None:
        self.run, self.args, self.kept = run, args, kept
        self.batch: TaskBatch | None = None  # a drawn one
        self.go = self.draw_and_go = self._call()
        for leaf in leaves:
            if leaf.kind == "batch" and leaf.value.source is not None:
                self.batch = leaf.value
                self.draw_and_go = self._call(*leaf.value.source)

    def calling(self) -> Callable[[tuple[Any, ...]], Any]:
        """A function that makes this call once more, or gives _ANEW where it is asked for another one. A meta-step may take but
        some microseconds, and finds what Python needs no longer in the cache: little is looked at, and the library is called
        once. It takes no lock: each thread has runs of its own."""
        run, last, batch, go, draw_and_go, fail = self.run, self.args, self.batch, self.go, self.draw_and_go, self.fail
        count, cell, structure = len(last), run.only, run.compiled.structure
        thread, threads, ident, settings = _ident(), _team._threads, _ident, _team

        def call(args: tuple[Any, ...]) -> Any:
            if ident() != thread or settings._threads != threads or len(args) != count:
                return _ANEW
            for given, same in zip(args, last):
                if given is not same:
                    return _ANEW
            out = run.results() if cell is None else None
            if batch is not None and batch._waiting:
                status = draw_and_go()
                batch._waiting = status != 0
            else:
                status = go()
            if status:
                fail()
            return cell[0] if out is None else _build(structure, run.read(out))

        return call

    def _call(self, tasks: Tasks | None = None, task_id: Any = None, memory: Any = None) -> Callable[[], int]:
        call = c.il_tasks_call(tasks.address if tasks else None, ctypes.pointer(task_id) if task_id else None, memory,
                               self.run.address, self.run.tasks)  # fmt: skip
        self.kept.append(call)
        return functools.partial(_go, ctypes.addressof(call))

    def fail(self) -> None:
        """Raises what stands in the context of the tasks or of the run."""
        if self.batch is not None:
            self.batch.source[0].context.check()
        self.run.context.fail()


# By address: ctypes takes less time over that than over a pointer to a record.
_go: Any = lib["il_tasks_call_go"]
_go.restype, _go.argtypes = ctypes.c_int, [ctypes.c_void_p]
_ident = threading.get_ident
_ANEW = object()  #: a call's arguments are not those of the last one


def _not_again(_args: tuple[Any, ...]) -> Any:
    return _ANEW


def _stays(x: Any) -> bool:
    """Whether an argument that is the same object again is the same memory again."""
    if isinstance(x, tuple):
        return all(_stays(item) for item in x)
    return isinstance(x, (State, Optimizer, TaskBatch, Each, np.ndarray, np.generic, int, float, str)) or x is None


def _build(structure: Any, made: list[Any]) -> Any:
    if isinstance(structure, int):
        return made[structure]
    if isinstance(structure, tuple):
        return tuple(_build(item, made) for item in structure)
    if isinstance(structure, dict):
        return {key: _build(item, made) for key, item in structure.items()}
    return None


class Function:
    """A function of values, called with arrays: see `function`."""

    def __init__(self, f: Callable[..., Any], precision: str, factored: bool) -> None:
        functools.update_wrapper(self, f)
        self.f, self.precision, self.factored = f, precision, factored
        self._compiled: dict[Any, _Compiled] = {}
        self._runs: dict[Any, _Run] = {}
        self._again: Callable[[tuple[Any, ...]], Any] = _not_again  # the last call, if it may be repeated as it is
        self._lock = threading.RLock()

    def __call__(self, *args: Any) -> Any:
        """Traces and compiles where the kinds and shapes of the arguments are new; then runs."""
        made = self._again(args)
        return self._anew(args) if made is _ANEW else made

    def _anew(self, args: tuple[Any, ...]) -> Any:
        if any(isinstance(arg, (Value, Values)) for arg in args):
            return self.f(*args)  # within another function's trace it is a part of that one
        with self._lock:
            bound, call = self._bind(args)
            return call(args)

    def repeat(self, runs: int, *args: Any) -> Any:
        """As many calls, each on the tasks that follow those of the one before, without coming back to Python in between.

        One of `args` is a batch of `Tasks.draw`, which says where to begin, and holds the last tasks afterwards: the next
        ones follow. Results have a leading axis of runs. For runs that take but some microseconds::

            batch = tasks.draw("train", 0, 25)
            losses = meta_step.repeat(2000, theta, adam, batch)
        """
        batches = [a for a in args if isinstance(a, TaskBatch) and a.source is not None]
        if len(batches) != 1 or runs < 1:
            raise ArgumentError(f"repeat: {runs} runs with {len(batches)} drawn batches, expected at least 1 with one")
        batch, first = batches[0], batches[0].source[1].index
        with self._lock:
            bound, _ = self._bind(args)
            run = bound.run
            made, results = run.room(runs)
            done = 0
            try:
                while done < runs:  # in pieces, so that Python sees to signals
                    piece = min(64, runs - done)
                    if lib.il_tasks_go(batch.source[0].address, batch.source[1], len(batch), batch.source[2], run.address,
                                       piece, ctypes.byref(results)):  # fmt: skip
                        bound.fail()
                    done += piece
                    batch.source[1].index = first + done * len(batch)
                    for i, array in enumerate(made):
                        results.memory[i] = array.ctypes.data + done * results.bytes[i]
            finally:
                run.bind_cells()
            return _build(run.compiled.structure, made)

    def _bind(self, args: tuple[Any, ...]) -> tuple[_Bound, Callable[[tuple[Any, ...]], Any]]:
        self._again = _not_again
        leaves: list[_Leaf] = []
        run = self._prepare(args, leaves)
        kept, own = run.bind(leaves)
        bound = _Bound(run, args, leaves, kept)
        call = bound.calling()
        if own and _stays(args):
            self._again = call
        return bound, call

    def _prepare(self, args: tuple[Any, ...], leaves: list[_Leaf]) -> _Run:
        key: list[Any] = []
        for arg in args:
            _flatten(arg, self.precision, leaves, key)
        signature = tuple(key)
        compiled = self._compiled.get(signature)
        if compiled is None:
            compiled = self._compiled[signature] = _Compiled(self.f, args, self.precision, self.factored)
        sizes = {len(leaf.value) for leaf in leaves if leaf.kind in ("batch", "each")}
        if len(sizes) > 1 or 0 in sizes:
            raise ArgumentError(f"arguments of {sorted(sizes)} tasks, expected as many in all, at least 1", "IL_ERROR_SHAPE")
        tasks, of = sizes.pop() if sizes else 1, team()
        states = [leaf.value if leaf.kind == "state" else leaf.value.slots for leaf in leaves
                  if leaf.kind in ("state", "optimizer")]  # fmt: skip
        serials = tuple(state.serial for state in states)
        if len(set(serials)) < len(serials):
            raise ArgumentError("a state is given twice, expected each once")
        place = (signature, serials, tasks, id(of))
        run = self._runs.get(place)
        if run is None:
            run = self._runs[place] = _Run(compiled, leaves, tasks, of)
            for gone in (*states, owner()):
                weakref.finalize(gone, self._runs.pop, place, None).atexit = False
        return run

    def plan(self, *args: Any) -> str:
        """The compiled plan for such arguments, as text."""
        with self._lock:
            run = self._prepare(args, [])
            return take_text(lib.il_plan_print(lib.il_function_plan(run.compiled.address)))


@overload
def function(f: Callable[..., Any]) -> Function: ...
@overload
def function(*, precision: str = ..., factored: bool = ...) -> Callable[[Callable[..., Any]], Function]: ...
def function(f: Callable[..., Any] | None = None, *, precision: str = "float32", factored: bool = False) -> Any:
    """Compiles a function of values; a decorator.

    Called with arrays and numbers (shared by all tasks), `State` and optimizers, a batch of tasks or ``il.each(array)``
    (one part per task), it gives arrays: per-task values with a leading axis of tasks. It is traced once for each kind
    and shape of arguments. Arrays that are contiguous float32 (precision), int32 or uint8 are read where they lie;
    whatever has ``__dlpack__``, such as a tensor of PyTorch on the CPU, is taken without a copy.

    Args:
        precision: ``"float32"`` or ``"float64"``, of all reals.
        factored: keep updates of linear layers as factors where that costs less; changes results by rounding.
    """
    if f is None:
        return lambda g: Function(g, precision, factored)
    return Function(f, precision, factored)


def update(state: Values, new: Values) -> None:
    """Within a function: after it, `state` (an argument) holds `new`, name by name; shared values."""
    for name, value in state.items():
        g = value.graph
        lib.il_next(g.address, value.made, g.same(new[name]))
        g.context.check()
