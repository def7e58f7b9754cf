"""Where f cuts the graph of its derivative: watched while it runs, and mended one by one until the gradient agrees.

What mends the gradient names the fault, and its line: create_graph that is not set, a detached inner step, an optimizer
that moves weights in place, statistics that are constants to the derivative.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .trees import is_tensor, loaded, shape

Site = tuple[str, str, int]  # kind, file, line
_BETWEEN = ("overrides.py", "grad_mode.py", "tree_util.py", "tree.py", "traceback_util.py")  # of a package, between user and cut
_OWN = os.path.dirname(os.path.dirname(__file__))  # the package


@dataclass
class Log:
    """What was seen, and what is to be mended: kinds, or single sites."""

    mend: frozenset[Any] = frozenset()
    sites: dict[Site, set[tuple[int, ...]]] = field(default_factory=dict)  #: with the shapes of what is cut off there

    def see(self, kind: str, at: tuple[str, int], *shapes: tuple[int, ...]) -> bool:
        """Notes it; whether it is to be mended."""
        site = (kind, *at)
        self.sites.setdefault(site, set()).update(shapes)
        return kind in self.mend or site in self.mend


def place(of: str, direct: bool = False) -> tuple[str, int] | None:
    """File and line of the user's that called; direct: None where the package `of` called for itself."""
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(_OWN) and name != __file__:  # the check's own calls
            return None
        inside = name.startswith(of) or "contextlib" in name
        if not inside and name != __file__:
            return name, frame.f_lineno
        if direct and inside and "contextlib" not in name and not name.endswith(_BETWEEN):
            return None
        if frame.f_back is None:
            return None
        frame = frame.f_back
    return None


def _watching(torch: Any, log: Log, parameters: list[Any]) -> Any:
    """A mode that sees each function of PyTorch that the user's code calls."""
    here = os.path.dirname(torch.__file__)
    overrides = __import__("torch.overrides", fromlist=["TorchFunctionMode"])
    norm, grad, tensor = torch.nn.functional.batch_norm, torch.autograd.grad, torch.Tensor
    data, copies = tensor.data.__get__, (tensor.__deepcopy__, torch.nn.Parameter.__deepcopy__)
    numbers = (tensor.item, tensor.numpy, tensor.tolist, torch.tensor)

    class Watch(overrides.TorchFunctionMode):  # type: ignore[misc, name-defined]
        off: list[tuple[str, int]] = []

        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = dict(kwargs or {})
            if func is grad or func is tensor.backward:
                at, place_of_flag = place(here), 4 if func is grad else 3
                set_already = kwargs.get("create_graph") or len(args) > place_of_flag and args[place_of_flag]
                if at and not set_already and log.see("graph", at):
                    args, kwargs["create_graph"] = args[:place_of_flag], True
                if func is grad and at:
                    by = kwargs.get("inputs", args[1] if len(args) > 1 else ())
                    several = [by] if is_tensor(by) else list(by)
                    own = {id(p) for p in parameters}
                    if [shape(x) for x in several] == [shape(p) for p in parameters] and not any(id(x) in own for x in several):
                        if log.see("at", at):  # by the parameters, not by what became of them
                            args, kwargs = (args[0], parameters, *args[2:]), {k: v for k, v in kwargs.items() if k != "inputs"}
            elif func is tensor.detach or func is tensor.detach_ or func == data:
                at = place(here, direct=True)
                if at and args[0].is_floating_point() and log.see("detach", at, shape(args[0])):
                    return args[0] if func is not tensor.detach else args[0].view_as(args[0])
            elif func is norm:
                at = place(here)
                training = kwargs.get("training", args[5] if len(args) > 5 else False)
                if at and log.see("batch" if training else "stored", at, shape(args[0])) and not training:
                    rest = dict(zip(("running_mean", "running_var", "weight", "bias", "training", "momentum", "eps"), args[1:]))
                    rest.update(kwargs)
                    rest.update(running_mean=None, running_var=None, training=True)
                    return func(args[0], **rest)
            elif func in copies or func in numbers:
                at = place(here, direct=func in numbers)
                if at and is_tensor(args[0]):
                    log.see("copy" if func in copies else "number", at, shape(args[0]))
            made = func(*args, **kwargs)
            if self.off and is_tensor(made) and not torch.is_grad_enabled():
                log.sites[("no_grad", *self.off[-1])].add(shape(made))
            return made

    return Watch()


@contextlib.contextmanager
def _watch_torch(torch: Any, log: Log, parameters: list[Any]) -> Iterator[None]:
    here = os.path.dirname(torch.__file__)
    mode = _watching(torch, log, parameters)
    enter, leave = torch.no_grad.__enter__, torch.no_grad.__exit__

    def entered(self: Any) -> None:
        at = place(here, direct=True)
        mended = at is not None and log.see("no_grad", at)
        enter(self)
        if mended:
            torch.set_grad_enabled(True)
        self._watched = at
        if at is not None:
            mode.off.append(at)

    def left(self: Any, *args: Any) -> None:
        if getattr(self, "_watched", None) is not None and mode.off:
            mode.off.pop()
        leave(self, *args)

    with contextlib.ExitStack() as stack:
        torch.no_grad.__enter__, torch.no_grad.__exit__ = entered, left
        stack.callback(setattr, torch.no_grad, "__enter__", enter)
        stack.callback(setattr, torch.no_grad, "__exit__", leave)
        for cls in list(vars(torch.optim).values()):
            if isinstance(cls, type) and issubclass(cls, torch.optim.Optimizer) and "step" in vars(cls):
                step = vars(cls)["step"]
                setattr(cls, "step", _stepping(step, here, log, {id(p) for p in parameters}))
                stack.callback(setattr, cls, "step", step)
        stack.enter_context(mode)
        yield


def _stepping(step: Any, here: str, log: Log, parameters: set[int]) -> Any:
    def stepped(self: Any, *args: Any, **kwargs: Any) -> Any:
        at = place(here)
        outer = any(id(p) in parameters for group in self.param_groups for p in group["params"])
        if at and not outer:
            log.see("optimizer", at)
        return step(self, *args, **kwargs)

    stepped.hooked = True  # type: ignore[attr-defined]
    return stepped


@contextlib.contextmanager
def _watch_jax(jax: Any, log: Log, caller: Any) -> Iterator[None]:
    """f is traced anew as a whole: what was traced before does not show its cuts."""
    f = caller.f
    here = os.path.dirname(jax.__file__)
    stop = jax.lax.stop_gradient

    def stopped(x: Any) -> Any:
        at = place(here, direct=True)
        if at is None:
            return stop(x)
        return x if log.see("detach", at, *[tuple(leaf.shape) for leaf in jax.tree_util.tree_leaves(x)]) else stop(x)

    with contextlib.ExitStack() as stack:
        spaces = [vars(module) for module in list(sys.modules.values()) if getattr(module, "__dict__", None)]
        for space in [getattr(_innermost(f), "__globals__", {}), *spaces]:  # `from jax.lax import stop_gradient`
            for name in [n for n, v in list(space.items()) if v is stop] if not str(space.get("__name__")).startswith("jax._") else []:
                space[name] = stopped
                stack.callback(space.__setitem__, name, stop)
        jax.clear_caches()
        stack.callback(jax.clear_caches)
        stack.callback(setattr, caller, "f", f)
        if hasattr(f, "lower"):  # compiled: a new function is, too
            caller.f = jax.jit(lambda *args: f(*args))
        yield


def _innermost(f: Any) -> Any:
    while hasattr(f, "__wrapped__"):
        f = f.__wrapped__
    return f


@dataclass(frozen=True)
class Finding:
    """The fault's name, and what to say."""

    verdict: str
    sentences: list[str]


_WORDS = {
    "graph": "torch.autograd.grad or backward without create_graph=True",
    "detach": "detach, .data or stop_gradient",
    "no_grad": "torch.no_grad",
    "optimizer": "an optimizer's step",
    "at": "a gradient by adapted parameters",
    "stored": "batch norm by stored statistics",
    "copy": "a deep copy of parameters",
    "number": "a tensor made into plain numbers",
}


def _where(site: Site) -> str:
    return f"{os.path.basename(site[1])}:{site[2]}"


class Mender:
    """Runs f with its cuts mended. ``run(log)`` gives what `right` judges."""

    def __init__(self, caller: Any, run: Callable[[], Any], right: Callable[[Any], bool]) -> None:
        self.caller, self.run, self.right = caller, run, right
        self.log = Log()

    def watched(self, mend: frozenset[Any] = frozenset()) -> Any:
        """f's result, or None where it fails when mended."""
        log = Log(mend)
        torch, jax = loaded("torch"), loaded("jax")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if self.caller.kind == "torch":
                    with _watch_torch(torch, log, self.caller.tensors):
                        made = self.run()
                elif self.caller.kind == "jax":
                    with _watch_jax(jax, log, self.caller):
                        made = self.run()
                else:
                    return None
        except Exception:  # whatever f raises when it is mended, it is not what ails it
            made = None
        if not mend:
            self.log = log
        return made

    def mends(self, *what: Any) -> bool:
        made = self.watched(frozenset(what))
        return made is not None and self.right(made)

    def explain(self, zero: bool) -> Finding | None:
        """zero: no gradient reaches the parameters. None: nothing was seen that could be the fault."""
        self.watched()
        sites = self.log.sites
        kinds = [k for k in ("graph", "detach", "no_grad", "stored") if any(site[0] == k for site in sites)]
        for n in (1, 2, 3):
            for group in itertools.combinations(kinds, n):
                if self.mends(*group):
                    return self._named(group, zero)
        if any(site[0] == "at" for site in sites) and self.mends("at", "graph", "detach", "no_grad"):
            lines = ", ".join(_where(s) for s in sites if s[0] == "at")
            return Finding("second order is missing", [
                f"The gradient is taken by the adapted parameters ({lines}), which is first order; by the parameters that f was "
                "given, through the inner step, it agrees."])  # fmt: skip
        return self._suspected(zero)

    def _named(self, group: tuple[str, ...], zero: bool) -> Finding:
        sites = [site for site in self.log.sites if site[0] in group]
        if len(group) == 1:
            single = [site for site in sites if self.mends(site)]
            sites = single[:1] or sites
        shapes = set[tuple[int, ...]]().union(*(self.log.sites[site] for site in sites))
        lines = ", ".join(_where(site) for site in sites)
        words = " and ".join(_WORDS[kind] for kind in group)
        if group == ("graph",):
            return Finding("second order is missing", [
                f"The inner gradient at {lines} keeps no graph; with create_graph=True there, the gradient agrees."])  # fmt: skip
        if zero:
            return Finding("inner step detached", [
                f"{words} at {lines} cuts what the inner step makes off from the parameters: without it, the gradient agrees."])  # fmt: skip
        large = [s for s in self.caller.shapes if len(s) > 1] or self.caller.shapes
        if group == ("stored",) or not shapes & set(large):
            return Finding("batch statistics detached", [
                f"The statistics of a batch are constants to the derivative at {lines} ({words}); with the derivative through "
                "them, the gradient agrees."])  # fmt: skip
        return Finding("second order is missing", [
            f"What the inner step takes is a constant to the derivative at {lines} ({words}); without that, the gradient agrees."])  # fmt: skip

    def _suspected(self, zero: bool) -> Finding | None:
        sites = self.log.sites
        large = [s for s in self.caller.shapes if len(s) > 1] or self.caller.shapes
        steps = [site for site in sites if site[0] == "optimizer"]
        if steps:
            how = "no gradient reaches the parameters" if zero else "the gradient is first order at best"
            return Finding("optimizer in the inner loop", [
                f"An optimizer of torch.optim moves weights in place at {_where(steps[0])}, which no derivative goes through: {how}. "
                "Write the step out: w - lr * g."])  # fmt: skip
        cuts = [s for s in sites if s[0] in ("detach", "no_grad", "copy", "number") and sites[s] & set(large)]
        if zero and cuts:
            return Finding("inner step detached", [
                "No gradient reaches the parameters; f cuts values of their shapes off at "
                + ", ".join(f"{_where(s)} ({_WORDS[s[0]]})" for s in cuts) + "."])  # fmt: skip
        return None

    def suspicions(self) -> list[str]:
        """Where f cuts the graph at all."""
        return [f"{_where(s)} ({_WORDS[s[0]]})" for s in self.log.sites if s[0] in _WORDS and s[0] != "at"]

    def stored(self) -> tuple[list[str], bool]:
        """Where batch norm takes stored statistics, and whether elsewhere it takes the batch's."""
        found = sorted({_where(s) for s in self.log.sites if s[0] == "stored"})
        return found, any(s[0] == "batch" for s in self.log.sites)
