"""il.check on PyTorch: right meta-gradients agree, and each of the well-known silent faults is named."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import innerloop_meta as il
import pytest
from conftest import torch_beside_numpy

torch: Any = torch_beside_numpy()
F = torch.nn.functional
try:
    from torch.func import functional_call  # 2.0
except ImportError:
    from torch.nn.utils.stateless import functional_call

LR = 0.4


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def tasks(seed: int = 0, count: int = 2, side: int = 6, real: Any = torch.float32) -> Any:
    """Images of 3 classes: support of 2 each, query of 3 each."""
    made = torch.Generator().manual_seed(seed)
    centres = torch.randn(count, 3, 1, 1, side, side, generator=made)
    sx = (centres + 0.3 * torch.randn(count, 3, 2, 1, side, side, generator=made)).reshape(count, 6, 1, side, side)
    qx = (centres + 0.3 * torch.randn(count, 3, 3, 1, side, side, generator=made)).reshape(count, 9, 1, side, side)
    sy, qy = torch.arange(3).repeat_interleave(2).expand(count, 6), torch.arange(3).repeat_interleave(3).expand(count, 9)
    return sx.to(real), sy.contiguous(), qx.to(real), qy.contiguous()


def conv(seed: int = 0, norm: bool = True, dropout: float = 0.0, momentum: float = 0.1) -> Any:
    torch.manual_seed(seed)
    layers = [torch.nn.Conv2d(1, 4, 3, padding=1)]
    layers += [torch.nn.BatchNorm2d(4, momentum=momentum)] if norm else []
    layers += [torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
    layers += [torch.nn.Dropout(dropout)] if dropout else []
    return torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(36, 3))


def maml(net: Any, lr: float = LR, steps: int = 1, create_graph: bool = True, detach: bool = False, summed: bool = False) -> Any:
    """MAML as it is written by hand; f(parameters by name, tasks) -> (loss, gradient)."""

    def f(parameters: Any, batch: Any) -> Any:
        total, gradient = 0.0, {name: torch.zeros_like(p) for name, p in parameters.items()}
        count = len(batch[0])
        for sx, sy, qx, qy in zip(*batch):
            phi = dict(parameters)
            for _ in range(steps):
                inner = F.cross_entropy(functional_call(net, phi, (sx,)), sy)
                d = torch.autograd.grad(inner, list(phi.values()), create_graph=create_graph)
                phi = {name: p - lr * g for (name, p), g in zip(phi.items(), d)}
                if detach:
                    phi = {name: p.detach().requires_grad_() for name, p in phi.items()}
            query = F.cross_entropy(functional_call(net, phi, (qx,)), qy)
            d = torch.autograd.grad(query, list(parameters.values()), allow_unused=True)
            for name, g in zip(parameters, d):
                gradient[name] += 0 if g is None else g if summed else g / count
            total += query.item() / count
        return torch.tensor(total), gradient

    return f


def loss_of(net: Any) -> Any:
    return lambda parameters, x, y: F.cross_entropy(functional_call(net, parameters, (x,)), y)


def named(net: Any) -> Any:
    return dict(net.named_parameters())


@pytest.mark.parametrize("seed", range(8 if os.environ.get("INNERLOOP_EXHAUSTIVE") else 1))
@pytest.mark.parametrize(("real", "norm"), [(torch.float32, True), (torch.float64, True), (torch.float32, False)])
def test_right_maml_agrees(seed: int, real: Any, norm: bool) -> None:
    net = conv(seed, norm).to(real)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    report = il.check(maml(net, steps=2), named(net), tasks(seed, real=real))
    assert report.ok and report.precision == "float64", report
    assert report.error < 1e-5
    for name, value in net.state_dict().items():  # nothing is left behind
        assert value.dtype == before[name].dtype and torch.equal(value, before[name]), name


def test_module_whose_script_calls_backward_agrees() -> None:
    net = conv()

    def step(model: Any, batch: Any) -> Any:
        total = 0
        for sx, sy, qx, qy in zip(*batch):
            phi = named(model)
            d = torch.autograd.grad(F.cross_entropy(model(sx), sy), list(phi.values()), create_graph=True)
            phi = {name: p - LR * g for (name, p), g in zip(phi.items(), d)}
            total = total + F.cross_entropy(functional_call(model, phi, (qx,)), qy) / len(batch[0])
        total.backward()
        return total

    report = il.check(step, net, tasks(), loss=lambda model, x, y: F.cross_entropy(model(x), y), inner_lr=LR)
    assert report.ok, report
    assert report.first_order > 1e-3
    assert all(p.grad is None for p in net.parameters())


def test_a_whole_training_step_agrees_and_leaves_nothing_behind() -> None:
    net = conv(norm=False)
    outer = torch.optim.Adam(net.parameters(), lr=0.1)

    def step(model: Any, batch: Any) -> Any:
        outer.zero_grad()
        loss, gradient = maml(model)(named(model), batch)
        for p, g in zip(model.parameters(), gradient.values()):
            p.grad = g
        outer.step()
        return loss

    before = [p.detach().clone() for p in net.parameters()]
    report = il.check(step, net, tasks())
    assert report.ok and "in place" in str(report), report
    assert all(torch.equal(p, q) for p, q in zip(net.parameters(), before))
    assert not outer.state_dict()["state"]


def test_loss_alone_and_head_alone_agree() -> None:
    net = conv(norm=False)

    def anil(parameters: Any, batch: Any) -> Any:  # the head alone adapts; the check calls backward
        total = 0
        for sx, sy, qx, qy in zip(*batch):
            head = {name: p for name, p in parameters.items() if name.startswith("4.")}
            inner = F.cross_entropy(functional_call(net, parameters, (sx,)), sy)
            d = torch.autograd.grad(inner, list(head.values()), create_graph=True)
            phi = {**parameters, **{name: p - LR * g for (name, p), g in zip(head.items(), d)}}
            total = total + F.cross_entropy(functional_call(net, phi, (qx,)), qy)
        return total / len(batch[0])

    report = il.check(anil, named(net), tasks(), loss=loss_of(net), inner_lr=LR, adapted=["4.weight", "4.bias"])
    assert report.ok, report


def test_prototypes_agree() -> None:
    net = conv()

    def protonet(model: Any, batch: Any) -> Any:
        total = 0
        for sx, sy, qx, qy in zip(*batch):
            means = torch.stack([model(sx)[sy == k].mean(0) for k in range(3)])
            total = total + F.cross_entropy(-((model(qx)[:, None] - means) ** 2).sum(-1), qy)
        return total / len(batch[0])

    assert il.check(protonet, net, tasks()).ok


def test_detached_inner_step() -> None:
    net = conv()
    report = il.check(maml(net, detach=True), named(net), tasks())
    assert report.verdict == "inner step detached", report
    assert "test_check_torch.py:" in str(report) and "detach" in str(report)

    def cut(parameters: Any, batch: Any) -> Any:
        sx, sy, qx, qy = (part[0] for part in batch)
        d = torch.autograd.grad(F.cross_entropy(functional_call(net, parameters, (sx,)), sy), list(parameters.values()))
        with torch.no_grad():
            phi = {name: p - LR * g for (name, p), g in zip(parameters.items(), d)}
        return F.cross_entropy(functional_call(net, phi, (qx,)), qy)

    report = il.check(cut, named(net), tasks())
    assert report.verdict == "inner step detached", report
    assert "no_grad" in str(report)


def test_gradient_at_the_adapted_parameters() -> None:
    net = conv()

    def first_order(parameters: Any, batch: Any) -> Any:
        total, gradient = 0.0, [torch.zeros_like(p) for p in parameters.values()]
        for sx, sy, qx, qy in zip(*batch):
            d = torch.autograd.grad(F.cross_entropy(functional_call(net, parameters, (sx,)), sy), list(parameters.values()))
            phi = {name: (p - LR * g).detach().requires_grad_() for (name, p), g in zip(parameters.items(), d)}
            query = F.cross_entropy(functional_call(net, phi, (qx,)), qy)
            for sum_, g in zip(gradient, torch.autograd.grad(query, list(phi.values()))):
                sum_ += g / len(batch[0])
            total += query.item() / len(batch[0])
        return total, gradient

    report = il.check(first_order, named(net), tasks())
    assert report.verdict == "second order is missing", report
    report = il.check(first_order, named(net), tasks(), loss=loss_of(net), inner_lr=LR)
    assert report.verdict == "second order is missing", report


@pytest.mark.parametrize(("known", "steps"), [(False, 2), (True, 1)])
def test_missing_create_graph(known: bool, steps: int) -> None:
    net = conv()
    more = {"loss": loss_of(net), "inner_lr": LR, "steps": steps} if known else {}
    report = il.check(maml(net, create_graph=False, steps=steps), named(net), tasks(), **more)
    assert report.verdict == "second order is missing", report
    assert "0.weight" in report.wrong() and report.error > 1e-3
    assert "create_graph" in str(report)
    line = next(i for i, text in enumerate(Path(__file__).read_text().splitlines(), 1) if "create_graph=create_graph)" in text)
    assert f"test_check_torch.py:{line}" in str(report)


@pytest.mark.parametrize("copied", [False, True])
def test_optimizer_in_the_inner_loop(copied: bool) -> None:
    net = conv()

    def f(model: Any, batch: Any) -> Any:
        total = 0
        for sx, sy, qx, qy in zip(*batch):
            fast = copy.deepcopy(model)
            optimizer = torch.optim.SGD(fast.parameters(), lr=LR)
            optimizer.zero_grad()
            F.cross_entropy(fast(sx), sy).backward()
            optimizer.step()
            optimizer.zero_grad()
            query = F.cross_entropy(fast(qx), qy) / len(batch[0])
            if copied:
                query.backward()
                for p, q in zip(model.parameters(), fast.parameters()):
                    p.grad = q.grad.clone() if p.grad is None else p.grad + q.grad
            total = total + query
        return total

    report = il.check(f, net, tasks())
    assert report.verdict == "optimizer in the inner loop", report
    assert "optim" in str(report)


def test_buffers_updated_in_place() -> None:
    net = conv()

    def f(model: Any, batch: Any) -> Any:
        total = 0
        for sx, sy, qx, qy in zip(*batch):
            model.train()
            phi = named(model)
            d = torch.autograd.grad(F.cross_entropy(model(sx), sy), list(phi.values()), create_graph=True)
            model.eval()  # the query by what the support left in the buffers
            phi = {name: p - LR * g for (name, p), g in zip(phi.items(), d)}
            total = total + F.cross_entropy(functional_call(model, phi, (qx,)), qy) / len(batch[0])
        return total

    report = il.check(f, net, tasks())
    assert report.verdict == "state changes between calls", report
    assert "1.running_mean" in str(report)
    assert "num_batches_tracked" not in str(report)


def test_dropout_redrawn() -> None:
    net = conv(dropout=0.3)
    report = il.check(maml(net), named(net), tasks())
    assert report.faults == ["random from call to call"], report
    assert not report.ok
    own = torch.Generator().manual_seed(5)  # of the user's, which no global seed reaches
    plain = conv()

    def noisy(parameters: Any, batch: Any) -> Any:
        x = batch[0] + 0.1 * torch.randn(batch[0].shape, generator=own)
        return maml(plain)(parameters, (x, *batch[1:]))

    assert il.check(noisy, named(plain), tasks()).verdict == "random from call to call"
    plain.eval()
    assert il.check(maml(conv(dropout=0.3).eval()), named(net), tasks()).ok


def test_loss_summed() -> None:
    net = conv()
    report = il.check(maml(net, summed=True), named(net), tasks(count=4))
    assert report.verdict == "loss summed" and report.factor == 4 and "tasks" in str(report), report

    def both(parameters: Any, batch: Any) -> Any:  # consistent, so that only the task's loss shows it
        loss, gradient = maml(net)(parameters, batch)
        return 2 * loss, {name: 2 * g for name, g in gradient.items()}

    assert il.check(both, named(net), tasks()).ok
    report = il.check(both, named(net), tasks(), loss=loss_of(net), inner_lr=LR)
    assert report.verdict == "loss summed" and report.factor == 2, report
    report = il.check(maml(net, lr=6 * LR), named(net), tasks(), loss=loss_of(net), inner_lr=LR)
    assert report.verdict == "loss summed" and "support loss" in str(report), report


def test_stored_statistics() -> None:
    net = conv().eval()
    report = il.check(maml(net), named(net), tasks())
    assert report.ok and "statistics" in str(report), report
    report = il.check(maml(net), named(net), tasks(), statistics="batch")
    assert report.verdict == "running statistics", report
    trained = conv()
    report = il.check(maml(net), named(net), tasks(), loss=loss_of(trained), inner_lr=LR)
    assert report.verdict == "running statistics", report


class DetachedNorm(torch.nn.Module):  # type: ignore[misc]
    """Batch norm of one's own whose statistics are cut off."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, x: Any) -> Any:
        if self.how == "no_grad":
            with torch.no_grad():
                mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), keepdim=True, unbiased=False)
        elif self.how == "detach":
            mean = x.mean((0, 2, 3), keepdim=True).detach()
            var = x.var((0, 2, 3), keepdim=True, unbiased=False).detach()
        else:
            mean, var = x.data.mean((0, 2, 3)), x.data.var((0, 2, 3), unbiased=False)
            return F.batch_norm(x, mean, var, training=False)
        return (x - mean) / torch.sqrt(var + 1e-5)


@pytest.mark.parametrize(("how", "known"), [("no_grad", False), ("detach", False), ("detach", True), ("stored", False)])
def test_batch_statistics_detached(how: str, known: bool) -> None:
    net = conv()
    net[1] = DetachedNorm(how)
    more = {"loss": loss_of(net), "inner_lr": LR} if known else {}
    report = il.check(maml(net), named(net), tasks(), **more)
    assert report.verdict == "batch statistics detached", report
    assert "0.weight" in report.wrong()


def test_running_statistics_of_the_same_batch() -> None:
    """Updated with momentum 1 and then read: the numbers are the batch's, the derivative is not."""
    net = conv(momentum=1.0)

    def f(parameters: Any, batch: Any) -> Any:
        sx, sy, _, _ = (part[0] for part in batch)
        net.train()
        with torch.no_grad():
            functional_call(net, parameters, (sx,))
        net.eval()
        return F.cross_entropy(functional_call(net, parameters, (sx,)), sy)

    report = il.check(f, named(net), tasks())
    assert report.verdict == "batch statistics detached", report


def test_closed_over_module_does_not_move() -> None:
    net, other = conv(), conv()

    def f(parameters: Any, batch: Any) -> Any:
        loss = F.cross_entropy(other(batch[2][0]), batch[3][0])
        return loss.detach(), torch.autograd.grad(loss, list(other.parameters()))

    assert il.check(f, named(net), tasks()).verdict == "does not move with the parameters"
    assert il.check(f, list(other.parameters()), tasks()).ok  # f's own, moved in place


def test_kink_at_the_point() -> None:
    """relu at exactly zero, as with biases of zero and blank pictures."""

    def f(p: Any, x: Any) -> Any:
        return torch.relu(x * p["w"] + p["b"]).sum()

    x = torch.tensor([0.0, 0.0, 1.0, -2.0])
    report = il.check(f, {"w": torch.tensor([0.7]), "b": torch.zeros(1)}, x)
    assert report.ok and "kink" in str(report), report


def test_single_precision_constants() -> None:
    net = conv(norm=False)

    def g(parameters: Any, batch: Any) -> Any:
        wide = torch.cat([p.float().reshape(-1) for p in parameters.values()])
        return torch.tanh(wide).pow(2).sum()

    report = il.check(g, named(net), tasks())
    assert report.ok and report.precision == "float32", report


@pytest.mark.skipif(not hasattr(il, "MetaLoss"), reason="the package has no MetaLoss")
def test_beside_the_engine() -> None:
    net = conv()
    engine = il.MetaLoss(net, il.maml(steps=2, lr=LR))
    report = il.check(maml(net, steps=2), named(net), tasks(), engine=engine)
    assert report.ok and report.engine < 1e-7 and report.first_order > 1e-3, report
    report = il.check(maml(net, steps=2, lr=2 * LR), named(net), tasks(), engine=engine)
    assert report.verdict == "another loss" and "engine" in str(report), report
    report = il.check(maml(net, steps=2, create_graph=False), named(net), tasks(), engine=engine)
    assert report.verdict == "second order is missing" and report.engine > 1e-3, report
    assert next(net.parameters()).dtype == torch.float32
