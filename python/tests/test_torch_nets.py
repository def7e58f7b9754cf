"""Door 4: modules of PyTorch as nets: what they compute, their state dicts, and what is refused."""

from __future__ import annotations

import copy
from typing import Any

import innerloop_meta as il
import numpy as np
import pytest
from conftest import NO_TORCH

torch = pytest.importorskip("torch", reason=NO_TORCH)
import torch.nn.functional as F  # noqa: E402
from test_pytorch import F64, ConvNet, mlp, numbers  # noqa: E402
from torch import nn  # noqa: E402


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


class Signals(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.pool = nn.Conv1d(3, 4, 5, stride=2, padding="valid"), nn.BatchNorm1d(4), nn.MaxPool1d(2)
        self.out = nn.Linear(4, 3)

    def forward(self, x: Any) -> Any:
        return self.out(self.pool(self.norm(self.conv(x)).relu()).mean(dim=-1))


class Called(nn.Module):
    """Layers as calls with parameters of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.filters, self.scale, self.shift = (nn.Parameter(torch.randn(*s)) for s in ((4, 2, 3, 3), (4,), (4,)))
        self.matrix = nn.Parameter(torch.randn(3, 16))

    def forward(self, x: Any) -> Any:
        x = F.conv2d(x, self.filters, stride=2, padding=1)
        x = torch.tanh(F.batch_norm(x, None, None, self.scale, self.shift, training=True, eps=1e-3))
        n = x.shape[0]
        return F.linear(x.reshape(n, 16).contiguous(), self.matrix)


class Activated(nn.Module):
    def __init__(self, f: Any, features: int | None = 3) -> None:
        super().__init__()
        self.f, self.linear = f, nn.Identity() if features is None else nn.Linear(features, 2)

    def forward(self, x: Any) -> Any:
        return self.f(self.linear(x))


class Block(nn.Module):
    """Of a ResNet: two branches of which the second is the input, or a projection of it; the sum in place, or not."""

    def __init__(self, channels: int, filters: int, stride: int = 1, in_place: bool = False) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(channels, filters, 3, stride, 1, bias=False), nn.BatchNorm2d(filters), nn.ReLU(inplace=True),
                                  nn.Conv2d(filters, filters, 3, padding=1), nn.BatchNorm2d(filters))  # fmt: skip
        self.project = nn.Conv2d(channels, filters, 1, stride) if stride > 1 or channels != filters else nn.Identity()
        self.in_place = in_place

    def forward(self, x: Any) -> Any:
        y = self.body(x)
        if self.in_place:
            y += self.project(x)
        else:
            y = self.project(x) + y
        return F.relu(y, inplace=True)


class Nested(nn.Module):
    """A block within a block's branch, features, and a size of what the block was given."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.out = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 2)

    def forward(self, x: Any) -> Any:
        inner = torch.tanh(self.a(x))
        inner = torch.add(inner, self.b(inner))
        return self.out((x + self.c(inner)).view(x.size(0), -1))


NETS = {
    "traced": (ConvNet, (2, 8, 12)),
    "sequential": (mlp, (3,)),
    "signals": (Signals, (3, 21)),
    "called": (Called, (2, 4, 4)),
    "flattened": (lambda: nn.Sequential(nn.Conv2d(2, 3, 2), nn.Flatten(), nn.BatchNorm1d(3 * 3 * 4)), (2, 4, 5)),
    "averaged": (lambda: nn.Sequential(nn.Conv2d(2, 3, 3, padding="same"), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Identity(),
                                       nn.Linear(3, 2, bias=False)), (2, 4, 5)),
    "pools": (lambda: nn.Sequential(nn.Conv2d(2, 3, 3), Activated(lambda x: F.avg_pool2d(x, 2, 1), None), nn.AvgPool2d(3, 1, padding=1),
                                    nn.AdaptiveAvgPool2d((3, 2)), nn.Flatten(), nn.Linear(18, 2)), (2, 9, 7)),
    "pooled signals": (lambda: nn.Sequential(nn.AvgPool1d(4, 2), nn.Conv1d(3, 4, 3), nn.AdaptiveAvgPool1d(2), nn.Flatten()), (3, 14)),
    "residual": (lambda: nn.Sequential(nn.Conv2d(2, 3, 3), Block(3, 3), Block(3, 4, 2, in_place=True), Block(4, 4), nn.AdaptiveAvgPool2d(1),
                                       nn.Flatten(), nn.Linear(4, 2)), (2, 9, 7)),
    "nested": (Nested, (3,)),
    "groups": (lambda: nn.Sequential(nn.Conv2d(2, 6, 3, padding=2, dilation=2, groups=2), nn.GroupNorm(3, 6), nn.Conv2d(6, 4, 2, bias=False),
                                     nn.InstanceNorm2d(4, affine=True), nn.Tanh(), nn.Flatten(), nn.Linear(4 * 3 * 5, 5), nn.LayerNorm(5)),
               (2, 4, 6)),
    "separable": (lambda: nn.Sequential(nn.Conv1d(3, 3, 3, groups=3, dilation=2), nn.GroupNorm(1, 3, affine=False), nn.Conv1d(3, 4, 1),
                                        nn.InstanceNorm1d(4), nn.Flatten()), (3, 12)),
    "pixels": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(40, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 2)), (2, 4, 5)),
}  # fmt: skip


@pytest.mark.parametrize("name", NETS)
def test_nets_are_the_modules(name: str) -> None:
    make, example = NETS[name]
    module = make().to(F64)
    net, x = il.from_torch(module, example), torch.randn(6, *example, dtype=F64)
    before = {k: v.clone() for k, v in module.state_dict().items()}
    theta = net.parameters()
    assert theta.precision == "float64"
    scores = il.function(precision="float64")(lambda theta, x: net(theta, x))
    inside = np.array(x.movedim(1, -1).tolist())
    with torch.no_grad():
        expected = copy.deepcopy(module)(x)
    assert np.abs(scores(theta, inside) - np.array(expected.tolist())).max() < 1e-12
    assert repr(il.from_torch(module, x)) == repr(net)  # a batch says the shape as well

    drawn = net.parameters(seed=7)
    net.load(drawn)
    assert module.state_dict().keys() == before.keys()
    with torch.no_grad():
        expected = copy.deepcopy(module)(x)
    assert np.abs(scores(drawn, inside) - np.array(expected.tolist())).max() < 1e-12
    again = net.parameters()
    assert all(np.array_equal(again[k], drawn[k]) for k in drawn)
    first = net.load_state_dict(before)
    assert all(np.array_equal(first[k], theta[k]) for k in theta)
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict(theta).items())


def test_a_net_of_pytorch_in_an_algorithm_of_ones_own() -> None:
    module, data = mlp().to(F64), numbers()
    net = il.from_torch(module, (3,))

    @il.function(precision="float64")
    def step(theta: Any, sx: Any, sy: Any, qx: Any, qy: Any) -> Any:
        phi = theta - 0.1 * il.grad(il.mean_squared_error(net(theta, sx), sy), theta)
        query = il.mean_squared_error(net(phi, qx), qy)
        return il.task_mean(query), il.task_mean(il.grad(query, theta))["linear1.weight"]

    loss, gradient = step(net.parameters(), *(il.each(np.array(d.tolist())) for d in data))
    expected = il.MetaLoss(net, il.maml(steps=1, lr=0.1))(*data)
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    assert np.abs(gradient.T - np.array(module[0][0].weight.grad.tolist())).max() < 1e-12


def test_a_module_is_trained_and_gets_its_weights_back(tmp_path: Any) -> None:
    module = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.AvgPool2d(4), nn.Flatten(), nn.Linear(196, 5))
    net = il.from_torch(module, (1, 28, 28))
    run = il.train("glyphs-5w1s-maml", net=net, out=tmp_path / "run", outer={"steps": 2}, eval={"every": 0}, progress=False)
    net.load(run.parameters(net))
    stored = il.Learner(run)
    images = il.glyphs(alphabets=1, classes=5, seed=7).arrays()[0][::20]
    scores = il.function(lambda theta, x: net(theta, x))(run.parameters(net), images * np.float32(stored.scale))
    with torch.no_grad():
        expected = module(torch.tensor((images * np.float32(stored.scale)).tolist()).movedim(-1, 1))
    assert np.abs(scores - np.array(expected.tolist())).max() < 1e-4


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 2)

    def forward(self, x: Any) -> Any:
        return self.inner(x) if x.sum() > 0 else x


class Combined(nn.Module):
    """Of two tensors: a linear layer's, and another's of it."""

    def __init__(self, f: Any) -> None:
        super().__init__()
        self.f, self.a, self.b = f, nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x: Any) -> Any:
        a = self.a(x)
        return self.f(a, self.b(a))


class Unused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.used, self.spare = nn.Linear(3, 2), nn.Linear(3, 2)

    def forward(self, x: Any) -> Any:
        return self.used(x)


def shared() -> Any:
    one = nn.Linear(3, 3)
    return nn.Sequential(one, nn.ReLU(), one)




def stack(*layers: Any) -> Any:
    return nn.Sequential(nn.Sequential(*layers), nn.Flatten(), nn.LazyLinear(2))


REFUSED: list[tuple[Any, tuple[int, ...], str]] = [
    (lambda: nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.GELU(), nn.Linear(4, 2))), (3,),
     "the submodule '1.0' (GELU) is a GELU, which innerloop does not know; expected Linear, Conv2d,"),
    (lambda: Activated(F.silu), (3,), "the module (Activated) calls silu, which innerloop does not know"),
    (lambda: nn.Sequential(Activated(lambda x: x * 2)), (3,), "the submodule '0' (Activated) calls mul, which"),
    (lambda: Combined(lambda a, b: a * b), (3,), "the module (Combined) uses what an earlier layer gave once more (mul); expected a chain"),
    (lambda: Combined(lambda a, b: a + a), (3,), "adds a tensor to itself (add); expected two branches"),
    (lambda: Combined(lambda a, b: a + F.relu(a, inplace=True)), (3,), "changes in place what another branch reads (relu); expected"),
    (lambda: Combined(lambda a, b: a.add_(b)), (3,), "changes in place what another branch reads (add_); expected"),
    (lambda: Combined(lambda a, b: a + b[:, :2]), (3,), "calls getitem, which innerloop does not know"),
    (lambda: nn.Sequential(nn.Conv2d(2, 4, 3), Block(4, 4), nn.InstanceNorm2d(4, track_running_stats=True), nn.Flatten()), (2, 8, 8),
     "the submodule '2' (InstanceNorm2d) has track_running_stats=True"),
    (lambda: stack(nn.LayerNorm([2, 8, 8])), (2, 8, 8), "norms (2, 8, 8) of (2, 8, 8); expected features"),
    (lambda: nn.Sequential(Branches()), (3,), "the submodule '0' (Branches) is none that torch.fx can follow:"),
    (Unused, (3,), "the parameter 'spare.weight' takes no part in the forward"),
    (shared, (3,), "the submodule '0' (Linear) uses '0.weight' a second time"),
    (lambda: stack(nn.Conv2d(2, 4, (3, 1))), (2, 8, 8), "the submodule '0.0' (Conv2d) has a kernel of (3, 1); expected the same"),
    (lambda: stack(nn.Conv2d(2, 4, 3, padding=1, padding_mode="reflect")), (2, 8, 8), "padding_mode 'reflect'"),
    (lambda: stack(nn.Conv2d(3, 4, 3)), (2, 8, 8), "has 0.0.weight of shape (4, 3, 3, 3), but what it receives asks for (4, 2, 3, 3)"),
    (lambda: stack(nn.Conv2d(2, 4, 9)), (2, 8, 8), "leaves nothing of (2, 8, 8) with kernel 9 and stride 1"),
    (lambda: stack(nn.BatchNorm2d(2, affine=False)), (2, 8, 8), "the submodule '0.0' (BatchNorm2d) has affine=False"),
    (lambda: stack(nn.MaxPool2d(3, ceil_mode=True)), (2, 8, 8), "has ceil_mode=True over (2, 8, 8), which kernel 3"),
    (lambda: stack(nn.AdaptiveAvgPool2d(3)), (2, 8, 8), "averages (8, 8) to 3; expected 1, the mean over the whole image, or what divides"),
    (lambda: stack(nn.AdaptiveAvgPool2d((2, 4))), (2, 8, 8), "averages (8, 8) to (2, 4); expected 1"),
    (lambda: stack(nn.AvgPool2d((2, 1))), (2, 8, 8), "has a kernel of (2, 1); expected the same number"),
    (lambda: stack(nn.AvgPool2d(2, divisor_override=3)), (2, 8, 8), "divides by divisor_override=3"),
    (lambda: stack(nn.AvgPool2d(3, padding=1, count_include_pad=False)), (2, 8, 8), "count_include_pad=False; expected the size"),
    (lambda: stack(nn.ReLU()), (2, 8, 8), "has '2.weight' whose shape is not known yet; call the module once with a batch"),
    (lambda: nn.Sequential(nn.Flatten(2)), (2, 8, 8), "flattens the axes 2 to -1; expected 1 to -1"),
    (lambda: nn.Sequential(nn.Linear(8, 2)), (2, 8, 8), "is linear over the last axis of (2, 8, 8); expected a Flatten before it"),
    (lambda: nn.Sequential(nn.Conv2d(2, 3, 3)), (2, 8, 8), "gives (3, 6, 6) for each example; expected features: a Flatten at its end"),
    (lambda: nn.Identity(), (3,), "the module (Identity) has no layer"),
    (mlp, (3, 0), "an example of shape (3, 0); expected (channels, height, width)"),
]  # fmt: skip


@pytest.mark.parametrize("at", range(len(REFUSED)))
def test_modules_are_refused_in_a_sentence(at: int) -> None:
    make, example, sentence = REFUSED[at]
    with pytest.raises(il.ArgumentError) as caught:
        il.from_torch(make(), example)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


class Words(nn.Module):
    """Tokens through an Embedding, GRUs and what stands between them."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way, self.table = way, nn.Embedding(7, 4)
        self.conv, self.norm = nn.Conv1d(4, 4, 3, padding=1), nn.LayerNorm(4)
        self.first, self.gru = nn.GRU(4, 4, batch_first=True), nn.GRU(4, 5, batch_first=True, bias=False)
        self.head = nn.Linear(30 if way == "flat" else 5, 3)

    def forward(self, x: Any) -> Any:
        x = self.table(x.long())
        x = self.conv(x.transpose(1, 2)).relu().permute(0, 2, 1)
        y, _ = self.first(self.norm(x))
        y, h = self.gru(y + x)
        made = {"state": lambda: h[-1], "squeezed": lambda: h.squeeze(0), "last": lambda: y[:, -1], "mean": lambda: y.mean(dim=1),
                "flat": lambda: y.flatten(1)}[self.way]()  # fmt: skip
        return self.head(made)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gru, self.head = nn.GRU(3, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        return self.head(self.gru(x)[1][0])


def scores(module: Any, x: Any) -> Any:
    """Of il.from_torch's net."""
    net = il.from_torch(module, x)
    f = il.function(precision="float64")(lambda p, x: net(p, x))
    given = x.numpy() if net.steps_first or x.ndim < 3 else np.ascontiguousarray(np.moveaxis(x.numpy(), 1, -1))
    return np.asarray(f(net.parameters(), given))


@pytest.mark.parametrize("way", ["state", "squeezed", "last", "mean", "flat"])
def test_tokens_and_grus_are_the_modules(way: str) -> None:
    module = Words(way).double()
    x = torch.randint(0, 7, (5, 6)).double()
    found = scores(module, x)
    np.testing.assert_allclose(found, module(x).detach().numpy(), rtol=0, atol=1e-12)


def test_a_gru_that_comes_first_takes_steps_first() -> None:
    module = Recurrent().double()
    x = torch.randn(4, 6, 3, dtype=torch.float64)
    np.testing.assert_allclose(scores(module, x), module(x).detach().numpy(), rtol=0, atol=1e-12)


def test_meta_gradients_through_a_gru_are_autograds() -> None:
    module = Recurrent().double()
    x, y = torch.randn(1, 4, 6, 3, dtype=torch.float64), torch.tensor([[0, 1, 0, 1]])
    meta = il.MetaLoss(module, il.maml(steps=1, lr=0.3))
    meta(x, y, x, y).backward()
    found = [p.grad.clone() for p in module.parameters()]
    names, weights = zip(*module.named_parameters())

    def forward(p: Any) -> Any:  # nn.GRU's own has no second derivative on every build: its equations
        h, q = torch.zeros(4, 4, dtype=torch.float64), dict(zip(names, p))
        for t in range(6):
            a = (x[0, :, t] @ q["gru.weight_ih_l0"].T + q["gru.bias_ih_l0"]).chunk(3, 1)
            b = (h @ q["gru.weight_hh_l0"].T + q["gru.bias_hh_l0"]).chunk(3, 1)
            r, z = torch.sigmoid(a[0] + b[0]), torch.sigmoid(a[1] + b[1])
            h = (1 - z) * torch.tanh(a[2] + r * b[2]) + z * h
        return F.cross_entropy(h @ q["head.weight"].T + q["head.bias"], y[0])

    moved = [w - 0.3 * g for w, g in zip(weights, torch.autograd.grad(forward(weights), weights, create_graph=True))]
    for expected, got in zip(torch.autograd.grad(forward(moved), weights), found):
        assert float((expected - got).abs().max()) < 1e-12


def test_what_of_sequences_is_refused() -> None:
    def refused(module: Any, example: Any, *words: str) -> None:
        with pytest.raises(il.ArgumentError) as error:
            il.from_torch(module, example)
        assert all(word in str(error.value) for word in words), str(error.value)

    module = Recurrent()
    module.gru = nn.GRU(3, 4)
    refused(module, (6, 3), "batch_first=False", "expected True, 1 and False")
    refused(nn.Sequential(nn.GRU(3, 4, batch_first=True)), (6, 3), "returns something else than its last layer's output")
    refused(nn.Sequential(nn.GRU(3, 4, batch_first=True), nn.Flatten()), (6, 3), "two results of a GRU", "y[:, -1]")
    refused(nn.Sequential(nn.Embedding(5, 3), nn.Conv1d(3, 4, 3)), (6,), "expected transpose(1, 2)")
    refused(nn.Sequential(nn.Embedding(5, 3, padding_idx=0), nn.Flatten()), (6,), "padding_idx")
    meta = il.MetaLoss(nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(18, 2)), il.maml(steps=1, lr=0.1))
    x, y = torch.full((1, 2, 6), 5.0), torch.tensor([[0, 1]])
    with pytest.raises(il.ArgumentError, match="support_x has 5; expected whole numbers from 0 to 4"):
        meta(x, y, x, y)
