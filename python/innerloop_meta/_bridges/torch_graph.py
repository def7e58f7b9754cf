"""What a forward of an nn.Module computes, as torch.fx traces it: a chain of nodes, and sums of branches that begin at one tensor."""

from __future__ import annotations

import threading
from typing import Any, NoReturn

import torch
import torch.fx
from torch import nn

from ..errors import ArgumentError

KNOWN = ("Linear, Conv2d, Conv1d, BatchNorm1d, BatchNorm2d, GroupNorm, InstanceNorm, LayerNorm, ReLU, Tanh, Sigmoid, MaxPool1d, "
         "MaxPool2d, AvgPool1d, AvgPool2d, Embedding, GRU, an average over the whole image (AdaptiveAvgPool2d(1), mean), Flatten, Dropout, Identity "
         "and sums of two branches")  # fmt: skip
LEAVES = (nn.Linear, nn.Conv2d, nn.Conv1d, nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm, nn.InstanceNorm1d, nn.InstanceNorm2d,
          nn.LayerNorm, nn.ReLU, nn.Tanh, nn.Sigmoid, nn.MaxPool1d, nn.MaxPool2d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d,
          nn.AvgPool1d, nn.AvgPool2d, nn.Embedding, nn.GRU, nn.Flatten, nn.Dropout, nn.Identity)  # fmt: skip
TAKEN = "expected y, h = gru(x), and of these y (all steps), y[:, -1] or h[-1] (the last)"
_tracing = threading.Lock()


class Tracer(torch.fx.Tracer):
    """Remembers for each node which submodule's forward made it. torch.fx puts itself in the place of all modules' calls and
    attributes, those of other threads too, which get what they would have had."""

    def __init__(self) -> None:
        super().__init__()
        self.inside: list[str] = [""]
        self.of: dict[Any, str] = {}
        self.thread = threading.get_ident()

    def is_leaf_module(self, m: Any, name: str) -> bool:
        if isinstance(m, LEAVES):
            return any(type(m).forward is kind.forward for kind in LEAVES)
        return bool(super().is_leaf_module(m, name))

    def call_module(self, m: Any, forward: Any, args: Any, kwargs: Any) -> Any:
        if threading.get_ident() != self.thread:
            return forward(*args, **kwargs)
        path = self.path_of_module(m)
        self.inside.append(path)
        if args and isinstance(args[0], tuple):
            raise ValueError(f"it receives the two results of a GRU; {TAKEN}")
        made = super().call_module(m, forward, args, kwargs)
        if isinstance(m, nn.GRU) and self.is_leaf_module(m, path):
            made = made[0], made[1]  # proxies are not unpacked by all versions
        self.inside.pop()  # not after an error: it says where
        return made

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: Any) -> Any:
        if threading.get_ident() != self.thread:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)

    def create_node(self, *args: Any, **kwargs: Any) -> Any:
        node = super().create_node(*args, **kwargs)
        self.of[node] = self.inside[-1]
        return node


def named(root: Any, path: str) -> str:
    kind = type(root.get_submodule(path) if path else root).__name__
    return f"the submodule {path!r} ({kind})" if path else f"the module ({kind})"


class Forward:
    """The nodes of a module's forward: which are tensors, where branches part and meet."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self._where = ""
        self._input: Any = None
        self._result: Any = None
        self._defaults: dict[Any, Any] = {}  # arguments of the forward that have them
        self._kinds: dict[Any, bool] = {}
        self._parted: dict[Any, Any] = {}
        self._tracer = Tracer()
        try:
            with _tracing:
                graph = self._tracer.trace(root)
        except Exception as error:
            raise ArgumentError(f"{named(root, self._tracer.inside[-1])} is none that torch.fx can follow: {error}; expected a "
                                f"forward that is a chain of {KNOWN}", "IL_ERROR_UNSUPPORTED") from error  # fmt: skip
        self._read(graph)

    def _refuse(self, why: str) -> NoReturn:
        raise ArgumentError(f"{self._where} {why}", "IL_ERROR_UNSUPPORTED")

    def _unknown(self, what: str) -> NoReturn:
        self._refuse(f"{what}, which innerloop does not know; expected {KNOWN}")

    def _read(self, graph: Any) -> None:
        for node in graph.nodes:
            self._at(node)
            if node.op == "placeholder":
                if self._input is None:
                    self._input = node
                elif node.args:
                    self._defaults[node] = node.args[0]
                else:
                    self._refuse(f"takes the argument {node.name!r} beside x; expected a forward of x alone")
            elif node.op == "output":
                self._result = node.args[0]
                if not isinstance(self._result, torch.fx.Node) or not self._is_tensor(self._result):
                    self._refuse("returns something else than its last layer's output; expected that alone")
            self._is_tensor(node)  # remembered in order, so that none asks many others

    def _at(self, node: Any) -> None:
        self._where = named(self.root, node.target if node.op == "call_module" else self._tracer.of.get(node, ""))

    @staticmethod
    def _name(node: Any) -> str:
        return str(node.target if node.op == "call_method" else getattr(node.target, "__name__", node.target)).lstrip("_")

    def _is_tensor(self, node: Any) -> bool:
        """Whether a node depends on x, and is no size of it."""
        known = self._kinds.get(node)
        if known is None:
            if node.op in ("placeholder", "get_attr"):
                known = node is self._input
            else:
                name = self._name(node)
                at = node.args[1] if len(node.args) > 1 else None
                asks = name in ("size", "dim", "len") or name == "getattr" and at in ("shape", "ndim")
                known = not (asks and node.op != "call_module") and any(self._is_tensor(n) for n in node.all_input_nodes)
            self._kinds[node] = known
        return known

    def _from(self, node: Any) -> list[Any]:
        """The tensors that a node computes with, which come from x."""
        return [n for n in node.all_input_nodes if self._is_tensor(n)]

    def _above(self, node: Any) -> Any:
        """What a node is computed from; where two branches meet, the tensor that they part at."""
        if node not in self._parted:
            self._parted[node] = self._look_above(node)
        return self._parted[node]

    def _look_above(self, node: Any) -> Any:
        sources = self._from(node)
        if len(sources) == 1 and not self._is_sum(node):
            return sources[0]
        self._at(node)
        if not self._is_sum(node):
            self._refuse(f"uses what an earlier layer gave once more ({node.name}); expected a chain of layers, or sums of two branches, "
                         "such as residual connections")  # fmt: skip
        one, other = self._operands(node)
        above = {other}
        while other is not self._input:
            other = self._above(other)
            above.add(other)
        while one not in above:
            one = self._above(one)
        return one

    def _is_sum(self, node: Any) -> bool:
        """Of two tensors."""
        if node.op == "call_module" or self._name(node) not in ("add", "add_", "iadd"):
            return False
        return len(node.args) == 2 and not node.kwargs and all(isinstance(a, torch.fx.Node) and self._is_tensor(a) for a in node.args)

    def _operands(self, node: Any) -> tuple[Any, Any]:
        one, other = node.args
        if one is other:
            self._at(node)
            self._refuse(f"adds a tensor to itself ({node.name}); expected two branches")
        return one, other

    def _steps(self, node: Any, begin: Any) -> list[Any]:
        """From begin to node: nodes in order, and for a sum of branches (the sum, one branch, the other)."""
        made: list[Any] = []
        while node is not begin:
            above = self._above(node)
            if self._is_sum(node):
                one, other = self._operands(node)
                made.append((node, self._steps(one, above), self._steps(other, above)))
            else:
                made.append(node)
            node = above
        return made[::-1]

    def _in_place(self, node: Any) -> bool:
        if node.op == "call_module":
            return bool(getattr(self.root.get_submodule(node.target), "inplace", False))
        return self._name(node) in ("relu_", "tanh_", "sigmoid_") or bool(node.kwargs.get("inplace", False))

    def _alone(self, source: Any, node: Any) -> None:
        """What is changed in place must have no other reader."""
        if any(user is not node and self._is_tensor(user) for user in source.users):
            self._refuse(f"changes in place what another branch reads ({node.name}); expected inplace=False")
