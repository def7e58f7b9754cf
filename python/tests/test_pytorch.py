"""Door 4: modules of PyTorch as nets, and MetaLoss beside the same algorithm written in PyTorch."""

from __future__ import annotations

import copy
import gc
import pickle
import subprocess
import sys
import threading
import weakref
from typing import Any

import innerloop_meta as il
import pytest
from conftest import NO_TORCH

torch = pytest.importorskip("torch", reason=NO_TORCH)
import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

if hasattr(torch, "func"):
    functional_call = torch.func.functional_call
else:
    from torch.nn.utils.stateless import functional_call

F64 = torch.float64


class Block(nn.Module):
    def __init__(self, a: int, b: int, **conv: Any) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(a, b, 3, **conv), nn.BatchNorm2d(b)

    def forward(self, x: Any) -> Any:
        return self.norm(self.conv(x))


class ConvNet(nn.Module):
    """Not square, so that a wrong order of axes shows; its forward is traced."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = Block(2, 5, padding=1), Block(5, 4, stride=2, padding=1, bias=False)
        self.after, self.head = nn.BatchNorm1d(4 * 2 * 3), nn.Linear(4 * 2 * 3, 4)

    def forward(self, x: Any) -> Any:
        x = F.max_pool2d(F.relu(self.one(x)), 2)
        x = self.two(x).tanh()
        return self.head(self.after(x.view(x.size(0), -1)))


def mlp() -> Any:
    return nn.Sequential(nn.Sequential(nn.Linear(3, 9), nn.Tanh()), nn.Linear(9, 8), nn.Sigmoid(), nn.Linear(8, 2))


def images(dtype: Any = F64, tasks: int = 3) -> list[Any]:
    return [torch.randn(tasks, 8, 2, 8, 12, dtype=dtype), torch.randint(0, 4, (tasks, 8)),
            torch.randn(tasks, 10, 2, 8, 12, dtype=dtype), torch.randint(0, 4, (tasks, 10))]  # fmt: skip


def numbers(dtype: Any = F64, tasks: int = 3) -> list[Any]:
    return [torch.randn(tasks, n, m, dtype=dtype) for n, m in ((6, 3), (6, 2), (7, 3), (7, 2))]


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def reference(module: Any, data: list[Any], steps: int, lr: Any, first_order: bool = False, adapts: Any = lambda name: True) -> Any:
    """Query losses of MAML in PyTorch, by autograd with create_graph, or by torch.func."""
    start = dict(module.named_parameters())
    fit = F.mse_loss if data[1].is_floating_point() else F.cross_entropy
    still = copy.deepcopy(module)  # whose statistics stay out of it
    for part in still.modules():
        if isinstance(part, (nn.BatchNorm1d, nn.BatchNorm2d)):
            part.track_running_stats, part.running_mean, part.running_var = False, None, None
            part.num_batches_tracked = None

    def query(p: Any, sx: Any, sy: Any, qx: Any, qy: Any, grad: Any) -> Any:
        for _ in range(steps):
            moving = {k: v for k, v in p.items() if adapts(k)}
            d = grad(lambda m: fit(functional_call(still, {**p, **m}, (sx,)), sy), moving)
            p = {**p, **{k: v - (lr[k] if isinstance(lr, dict) else lr) * d[k] for k, v in moving.items()}}
        return fit(functional_call(still, p, (qx,)), qy)

    # One task after the other: the second derivative of batch norm under PyTorch 2.15's vmap is another than its autograd's.
    if hasattr(torch, "func") and not first_order:
        return torch.stack([query(start, *task, lambda f, m: torch.func.grad(f)(m)) for task in zip(*data)])

    def by_autograd(f: Any, m: Any) -> Any:
        return dict(zip(m, torch.autograd.grad(f(m), list(m.values()), create_graph=not first_order)))

    return torch.stack([query(start, *task, by_autograd) for task in zip(*data)])


def gradients(module: Any) -> list[Any]:
    made = [p.grad.clone() for p in module.parameters()]
    module.zero_grad()
    return made


def close(found: Any, expected: Any, bound: float) -> None:
    largest = max(float(e.detach().abs().max()) for e in expected)
    assert largest > 0
    for a, b in zip(found, expected):
        assert a.shape == b.shape
        assert float((a - b).detach().abs().max()) <= bound * largest


class Residual(nn.Module):
    """A block with a projection, in which channels are normed and convolved in groups, and one without."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(2, 4, 3, 2, 1, groups=2), nn.GroupNorm(2, 4), nn.Tanh(), nn.Conv2d(4, 4, 3, padding=1))
        self.project, self.norm = nn.Conv2d(2, 4, 1, 2, bias=False), nn.BatchNorm2d(4)
        self.second, self.head = nn.Conv2d(4, 4, 3, padding=2, dilation=2), nn.Linear(4, 4)

    def forward(self, x: Any) -> Any:
        x = torch.tanh(self.first(x) + self.norm(self.project(x)))
        x = x + self.second(x).sigmoid()
        return self.head(F.avg_pool2d(x, 2).mean((2, 3)))


CASES = {"conv": (ConvNet, images), "mlp": (mlp, numbers)}


@pytest.mark.parametrize("first_order", [False, True])
@pytest.mark.parametrize("dtype, bound", [(torch.float64, 1e-9), (torch.float32, 1e-5)])
@pytest.mark.parametrize("name", [*CASES, "residual"])
def test_gradient_is_pytorchs(name: str, dtype: Any, bound: float, first_order: bool) -> None:
    make, draw = {**CASES, "residual": (Residual, images)}[name]
    module, data = make().to(dtype), draw(dtype)
    meta = il.MetaLoss(module, il.maml(steps=3, lr=0.1, first_order=first_order))
    loss = meta(*data)
    assert loss.shape == () and loss.dtype == dtype
    loss.backward()
    found = gradients(module)
    expected = reference(module, data, 3, 0.1, first_order)
    expected.mean().backward()
    close([loss, *meta.losses], [expected.mean(), *expected], bound)
    close(found, gradients(module), bound)


@pytest.mark.parametrize("loop", ["keep", "remake"])
def test_steps_in_one_loop_give_the_same_gradient(loop: str) -> None:
    module, data = mlp().to(F64), numbers()
    il.MetaLoss(module, il.maml(steps=12, lr=0.05, loop=loop))(*data).backward()
    found = gradients(module)
    reference(module, data, 12, 0.05).mean().backward()
    close(found, gradients(module), 1e-9)
    with pytest.raises(il.ArgumentError, match="loop: found 'while', expected one of unroll, keep, remake"):
        il.maml(loop="while")


def test_inner_loop_moves_what_is_named() -> None:
    module, data = ConvNet().to(F64), images()
    il.MetaLoss(module, il.maml(steps=2, lr=0.1, adapts=["head.*", "two.conv.weight"]))(*data).backward()
    found = gradients(module)
    reference(module, data, 2, 0.1, adapts=lambda k: k.startswith("head.") or k == "two.conv.weight").mean().backward()
    close(found, gradients(module), 1e-9)
    il.MetaLoss(module, il.anil(steps=2, lr=0.1))(*data).backward()
    found = gradients(module)
    reference(module, data, 2, 0.1, adapts=lambda k: k.startswith("head.")).mean().backward()
    close(found, gradients(module), 1e-9)


def test_learned_rates_are_parameters() -> None:
    module, data = ConvNet().to(F64), images()
    meta = il.MetaLoss(module, il.meta_sgd(steps=2, low=0.02, high=0.2), example=(2, 8, 12))
    rates = list(meta.learned.values())
    assert [tuple(r.shape) for r in rates] == [tuple(p.shape) for p in module.parameters()]
    assert all(0.02 <= float(r.detach().min()) <= float(r.detach().max()) < 0.2 for r in rates)
    meta(*data).backward()
    found = [r.grad.clone() for r in rates]
    lr = {name: r.detach().clone().requires_grad_() for (name, _), r in zip(module.named_parameters(), rates)}
    reference(module, data, 2, lr).mean().backward()
    close(found, [r.grad for r in lr.values()], 1e-9)
    assert len(list(meta.parameters())) == 2 * len(rates)


@pytest.mark.parametrize("name", CASES)
def test_training_follows(name: str) -> None:
    make, draw = CASES[name]
    ours = make().to(F64)
    theirs = copy.deepcopy(ours)
    meta = il.MetaLoss(ours, il.maml(steps=2, lr=0.05))
    runs = []
    for module, loss_of in ((ours, meta), (theirs, lambda *d: reference(theirs, list(d), 2, 0.05).mean())):
        torch.manual_seed(1)
        optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 8, 0.5)
        losses = []
        for _ in range(20):
            optimizer.zero_grad()
            loss = loss_of(*draw())
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.detach())
        runs.append(losses)
    close(runs[0], runs[1], 1e-9)
    for (key, a), b in zip(ours.named_parameters(), theirs.parameters()):
        if key != "one.conv.bias":  # a norm layer takes it out: its gradient is rounding, which Adam makes large
            assert float((a - b).detach().abs().max()) < 1e-8, key


def test_upstream_scales_and_gradients_accumulate() -> None:
    module, data = mlp().to(F64), numbers()
    meta = il.MetaLoss(module, il.maml(steps=1, lr=0.1))
    meta(*data).backward()
    once = gradients(module)
    (3 * meta(*data) + module[1].bias.sum()).backward()
    thrice = gradients(module)
    expected = [3 * d for d in once]
    expected[3] = expected[3] + 1
    close(thrice, expected, 1e-12)
    for _ in range(3):
        meta(*data).backward()
    close(gradients(module), [3 * d for d in once], 1e-12)
    loss = meta(*data)
    loss.backward(retain_graph=True)
    loss.backward(retain_graph=True)
    (2 * loss).backward(retain_graph=True)
    loss.backward()
    close(gradients(module), [5 * d for d in once], 1e-12)
    with pytest.raises(RuntimeError):
        loss.backward()  # the graph is gone, as always
    both = meta(*data) + meta(*[d.flip(0) for d in data])
    both.backward()
    close(gradients(module), [2 * d for d in once], 1e-9)
    found = torch.autograd.grad(meta(*data), list(module.parameters()))
    close(found, once, 1e-12)
    again = torch.autograd.grad(meta(*data), list(module.parameters()), create_graph=True)
    with pytest.raises(RuntimeError):
        again[0].sum().backward()  # a derivative of the meta-gradient is not given: not silently zero
    for p in module.parameters():
        assert p.grad is None or not p.grad.abs().sum()


def test_without_gradient() -> None:
    module, data = ConvNet(), images(torch.float32)
    meta = il.MetaLoss(module, il.maml(steps=1, lr=0.1))
    expected = meta(*data)
    with torch.no_grad():
        loss = meta(*data)
    assert loss.item() == expected.item() and loss.grad_fn is None
    wanted = [form.wanted for f in meta._functions.values() for form in f._forms]
    assert sorted(map(len, wanted)) == [0, 11]  # two plans, one without the gradient
    assert meta.losses.mean().item() == pytest.approx(loss.item())
    right = (meta.scores.argmax(-1) == data[3]).double().mean(1)
    assert meta.scores.shape == (3, 10, 4) and meta.accuracy.tolist() == pytest.approx(right.tolist())
    module.requires_grad_(False)
    assert meta(*data).grad_fn is None
    module.head.requires_grad_(True)
    meta(*data).backward()
    part = module.head.weight.grad.clone()
    assert module.one.conv.weight.grad is None
    module.requires_grad_(True)
    module.zero_grad()
    meta(*data).backward()
    assert torch.equal(part, module.head.weight.grad)


def test_memory_is_the_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    from innerloop_meta._bridges.meta_loss import Form

    given: list[Any] = []
    go = Form.go
    monkeypatch.setattr(Form, "go", lambda self, a, b: (given.append(a), go(self, a, b))[1])
    module, data = ConvNet(), images(torch.float32)
    meta = il.MetaLoss(module, il.maml(steps=1, lr=0.1))
    first = meta(*data).item()
    assert given[0][0] == data[0].data_ptr() and given[0][2] == data[2].data_ptr()
    assert sorted(given[0][4:]) == sorted(p.data_ptr() for p in module.parameters())
    with torch.no_grad():
        module.head.weight.mul_(2)
    assert meta(*data).item() != first
    module.head.weight = nn.Parameter(module.head.weight.detach() / 2)  # another tensor
    assert meta(*data).item() == first
    turned = [data[0].transpose(3, 4).contiguous().transpose(3, 4), *data[1:]]  # not contiguous: copied
    assert meta(*turned).item() == first


def test_statistics_stay_unless_asked_for() -> None:
    module, data = ConvNet().to(F64), images(tasks=1)
    before = {k: v.clone() for k, v in module.state_dict().items()}
    il.MetaLoss(module, il.maml(steps=1, lr=0.1))(*data).backward()
    assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())
    module.zero_grad()

    meta = il.MetaLoss(module, il.maml(steps=1, lr=0.1), statistics="running")
    meta(*data)
    sx, sy, qx, _ = (d[0] for d in data)
    twin = copy.deepcopy(module)
    twin.load_state_dict(before)
    loss = F.cross_entropy(functional_call(copy.deepcopy(twin), dict(twin.named_parameters()), (sx,)), sy)
    moved = [p - 0.1 * d for p, d in zip(twin.parameters(), torch.autograd.grad(loss, list(twin.parameters())))]
    with torch.no_grad():
        for p, value in zip(twin.parameters(), moved):
            p.copy_(value)
        twin(torch.cat([sx, qx]))
    buffers = dict(twin.named_buffers())
    for key, value in module.named_buffers():
        assert float((value - buffers[key]).abs().max()) < 1e-9, key
    moved_to = {k: v.clone() for k, v in module.named_buffers()}
    meta.eval()
    with torch.no_grad():
        first = meta(*data).item()
        module.one.norm.running_mean += 1
        assert meta(*data).item() != first  # taken in eval mode,
        module.one.norm.running_mean -= 1
    assert all(torch.allclose(v, moved_to[k]) for k, v in module.named_buffers())  # and not moved


class Dropped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(3, 50), nn.Linear(50, 2)

    def forward(self, x: Any) -> Any:
        return self.two(F.dropout(self.one(x), 0.5, self.training))


def test_dropout_is_drawn_in_train_mode() -> None:
    module = nn.Sequential(nn.Linear(3, 50), nn.ReLU(), nn.Dropout(0.5), nn.Linear(50, 2))
    meta, data = il.MetaLoss(module, il.maml(steps=1, lr=0.1)), numbers(torch.float32)
    torch.manual_seed(5)
    first = meta(*data).item()
    assert meta(*data).item() != first
    torch.manual_seed(5)
    assert meta(*data).item() == first
    meta.eval()
    assert meta(*data).item() == meta(*data).item() == pytest.approx(reference(module, data, 1, 0.1).mean().item(), rel=1e-5)
    called = il.MetaLoss(Dropped().eval(), il.maml(steps=1, lr=0.1))
    assert called(*data).item() == called(*data).item()
    called.train()  # a call of F.dropout, too
    assert called(*data).item() != called(*data).item()


def test_one_score_tells_two_classes() -> None:
    module, (sx, _, qx, _) = nn.Linear(3, 1).to(F64), numbers()
    sy, qy = torch.arange(6).expand(3, 6) % 2, torch.arange(7).expand(3, 7) % 2
    meta = il.MetaLoss(module, il.maml(steps=1, lr=0.1), loss="binary_cross_entropy")
    meta(sx, sy, qx, qy).backward()
    found, losses = gradients(module), []
    for t in range(3):
        inner = F.binary_cross_entropy_with_logits(module(sx[t])[:, 0], sy[t].to(F64))
        w, b = (p - 0.1 * d for p, d in zip(module.parameters(), torch.autograd.grad(inner, list(module.parameters()), create_graph=True)))
        losses.append(F.binary_cross_entropy_with_logits(F.linear(qx[t], w, b)[:, 0], qy[t].to(F64)))
    torch.stack(losses).mean().backward()
    close(found, gradients(module), 1e-9)


ALGORITHMS = ["maml", "anil", "boil", "meta_sgd", "mamlpp", "meta_curvature", "cavia", "protomaml", "protonet", "matching", "r2d2",
              "metaoptnet", "relation", "simpleshot", "baseline", "baselinepp"]  # fmt: skip


class Features(nn.Module):
    def __init__(self, head: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Tanh(), nn.Flatten())
        self.head = nn.Linear(4 * 2 * 3, 3) if head else nn.Identity()

    def forward(self, x: Any) -> Any:
        return self.head(self.body(x))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_algorithms_agree_with_differences(name: str) -> None:
    algorithm = getattr(il, name)(**({"classes": 7} if name in ("simpleshot", "baseline", "baselinepp") else {}))
    module = Features(not algorithm.own_head).to(F64)
    meta = il.MetaLoss(module, algorithm, example=(2, 4, 5))
    if name == "mamlpp":
        meta.made = 10**6  # where it is of one form
    y = torch.arange(3).repeat(2).expand(2, 6)
    data = [torch.randn(2, 6, 2, 4, 5, dtype=F64), y, torch.randn(2, 6, 2, 4, 5, dtype=F64), y]
    meta(*data).backward()
    assert meta.accuracy.shape == (2,)
    parameters = list(meta.parameters())
    assert len(parameters) >= len(list(module.parameters()))
    direction = [torch.randn_like(p) for p in parameters]
    slope = sum(float((p.grad * d).sum()) for p, d in zip(parameters, direction))
    values = []
    h = 1e-7 if name == "relation" else 1e-5  # whose second net has relus
    with torch.no_grad():
        for step in (h, -2 * h):
            for p, d in zip(parameters, direction):
                p.add_(d, alpha=step)
            values.append(meta(*data).item())
    assert (values[0] - values[1]) / (2 * h) == pytest.approx(slope, rel=1e-6)


def test_reptile_and_imaml_go_their_own_way() -> None:
    module, data = mlp().to(F64), numbers(tasks=1)
    il.MetaLoss(module, il.reptile(steps=3, lr=0.1))(*data).backward()
    away = gradients(module)
    twin = copy.deepcopy(module)
    for _ in range(3):
        twin.zero_grad()
        F.mse_loss(twin(data[0][0]), data[1][0]).backward()
        with torch.no_grad():
            for p in twin.parameters():
                p -= 0.1 * p.grad
    close(away, [p - q for p, q in zip(module.parameters(), twin.parameters())], 1e-9)
    # at the minimum of its inner loop, the implicit gradient is the derivative of what the loop gives
    meta = il.MetaLoss(module, il.imaml(steps=150, lr=0.2, proximal=2, damping=0, solver_steps=40))
    meta(*data).backward()
    slope, direction = 0.0, [torch.randn_like(p) for p in module.parameters()]
    for d, p in zip(direction, gradients(module)):
        slope += float((d * p).sum())
    values = []
    with torch.no_grad():
        for h in (1e-4, -2e-4):
            for p, d in zip(module.parameters(), direction):
                p.add_(d, alpha=h)
            values.append(meta(*data).item())
    assert (values[0] - values[1]) / 2e-4 == pytest.approx(slope, rel=1e-4)


def test_mamlpp_changes_with_the_steps() -> None:
    module, data = mlp().to(F64), numbers()
    meta = il.MetaLoss(module, il.mamlpp(steps=3, lr=0.1, multi_step=2, epoch=1), example=(3,))
    with torch.no_grad():
        early = meta(*data).item()
    assert meta.made == 0  # no gradient, no meta-step
    for _ in range(2):
        meta(*data).backward()
    assert meta.made == 2
    with torch.no_grad():
        late = meta(*data).item()
        meta.eval()
        assert meta(*data).item() == pytest.approx(late) and late != pytest.approx(early)


def test_threads_have_runs_of_their_own() -> None:
    module = ConvNet()
    shared = il.MetaLoss(module, il.maml(steps=1, lr=0.1))
    batches = [images(torch.float32, tasks) for tasks in (1, 2, 3, 2)]
    expected = [shared(*b).item() for b in batches]
    wrong: list[Any] = []

    def work(at: int) -> None:
        try:
            for i in range(12):  # torch.fx traces here while others compute
                meta = shared if i % 2 else il.MetaLoss(module, il.maml(steps=1, lr=0.1))
                found = torch.autograd.grad(loss := meta(*batches[at]), list(module.parameters()))
                plain = module(batches[at][0][0])
                if loss.item() != expected[at] or not all(torch.isfinite(d).all() for d in (*found, plain)):
                    wrong.append((at, i))
        except BaseException as error:  # noqa: BLE001
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
    gc.collect()
    runs = [len(form._runs) for f in shared._functions.values() for form in f._forms.values()]
    assert max(runs) == 1  # those of threads that are gone are gone


def test_garbage_in_any_order() -> None:
    module, data = mlp().to(F64), numbers()
    meta = il.MetaLoss(module, il.maml(steps=1, lr=0.1))
    loss = meta(*data)
    function = weakref.ref(next(iter(meta._functions.values())))
    gone = weakref.ref(meta)
    del meta
    net = il.from_torch(module, (3,))
    theta = net.parameters()
    del net
    gc.collect()
    loss.backward()
    expected = gradients(module)
    del loss
    gc.collect()
    assert gone() is None and function() is None
    il.MetaLoss(module, il.maml(steps=1, lr=0.1))(*data).backward()
    close(gradients(module), expected, 1e-15)
    assert len(theta) == 6


def test_copies_and_pickles() -> None:
    module, data = mlp().to(F64), numbers()
    meta = il.MetaLoss(module, il.meta_sgd(steps=1), example=(3,))
    expected = meta(*data).item()
    twin, other = copy.deepcopy(meta), pickle.loads(pickle.dumps(meta))
    with torch.no_grad():
        module[1].weight.zero_()
    assert twin(*data).item() == other(*data).item() == expected != meta(*data).item()
    meta.load_state_dict(twin.state_dict())
    assert meta(*data).item() == expected
    assert "meta_sgd(" in repr(meta)


def test_calls_are_refused_in_a_sentence() -> None:
    module, (sx, sy, qx, qy) = ConvNet(), images(torch.float32)
    meta = il.MetaLoss(module, il.maml(steps=1, lr=0.1))

    def refused(sentence: str, *data: Any, by: Any = meta) -> None:
        with pytest.raises(il.ArgumentError) as caught:
            by(*data)
        assert sentence in str(caught.value)

    meta_device = sx.to("meta")
    refused("support_x is on meta; innerloop computes on the CPU", meta_device, sy, qx, qy)
    away = il.MetaLoss(nn.Sequential(nn.Linear(3, 2, device="meta")), il.maml(steps=1, lr=0.1))
    refused("the module's parameter '0.weight' is on meta; innerloop computes on the CPU", *numbers(torch.float32), by=away)
    refused("query_x has type torch.float64, expected torch.float32, that of support_x", sx, sy, qx.double(), qy)
    refused("support_x has type torch.uint8, expected torch.float32 or torch.float64", sx.to(torch.uint8), sy, qx, qy)
    refused("the module's parameter 'one.conv.weight' has type torch.float32, expected torch.float64", sx.double(), sy, qx.double(), qy)
    refused("support_x has shape (8, 2); expected [tasks, n, channels, height, width]", sx[0, :, :, 0, 0], sy, qx, qy)
    refused("but query_x (3, 10, 2, 8, 11); expected as many tasks", sx, sy, qx[..., 1:], qy)
    refused("support_x requires a gradient, which innerloop gives of parameters alone", sx.clone().requires_grad_(), sy, qx, qy)
    refused("support_y has labels from 0 to 4, expected 0 to 3", sx, torch.full_like(sy, 4).fill_diagonal_(0), qx, qy)
    refused("query_y has labels from -1 to", sx, sy, qx, qy - 1)
    refused("query_y has shape (3, 9) for x of shape (3, 10, 2, 8, 12); expected labels [tasks, n]", sx, sy, qx, qy[:, 1:])
    refused("query_y has type torch.float32, expected whole numbers", sx, sy, qx, qy.float())
    refused("expected as many targets, or labels as whole numbers", sx, sy[..., None].float(), qx, qy[..., None].float())
    refused("after.weight of shape (24,), but what it receives asks for", sx[..., 6:], sy, qx[..., 6:], qy)
    refused("meta_sgd learns parameters beside the module's; expected example=", module, il.meta_sgd(), by=il.MetaLoss)
    refused("algorithm: found str, expected one such as il.maml", module, "maml", by=il.MetaLoss)
    refused("the module's parameters have type torch.float16", ConvNet().half(), il.maml(), by=il.MetaLoss)
    refused("ends with what was an image; expected a Linear layer at the end, for maml", Features(False), il.maml(), (2, 4, 5),
            by=il.MetaLoss)  # fmt: skip
    refused("adapts: 'haed' is none of the parameters one.conv.weight,", module, il.maml(adapts="haed"), (2, 8, 12), by=il.MetaLoss)
    refused("loss: found 'mse', expected one of cross_entropy", *(sx, sy, qx, qy), by=il.MetaLoss(module, il.maml(), loss="mse"))
    refused("statistics: found 'batch', expected one of query", *(sx, sy, qx, qy), by=il.MetaLoss(module, il.maml(), statistics="batch"))
    refused("maml: 0 inner steps, expected at least 1", 0, by=il.maml)
    with pytest.raises(il.ArgumentError, match="optimizer: found 'lion', expected one of sgd"):
        il.maml(optimizer="lion")
    with pytest.raises(TypeError, match="protonet: unknown setting 'metric', expected distance"):
        il.protonet(metric="l2")
    module.one.norm.momentum = 0.5
    refused("the norm layer 'one.norm' has momentum 0.5; expected running statistics of momentum 0.1", sx, sy, qx, qy,
            by=il.MetaLoss(module, il.maml(), statistics="running"))  # fmt: skip
    with pytest.raises(il.ArgumentError, match=r"the state dict has no 'one\.conv\.weight'"):
        il.from_torch(module, (2, 8, 12)).load_state_dict({})


def test_pytorch_is_imported_when_it_is_asked_for() -> None:
    said = "import sys, innerloop_meta as il; il.maml(); print('torch' in sys.modules or 'jax' in sys.modules, hasattr(il, 'nothing'))"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_a_module_that_becomes_another() -> None:
    """A submodule in the place of another is seen, as PyTorch sees it."""
    module, data = mlp().to(F64), numbers()
    meta = il.MetaLoss(module, il.maml(steps=1, lr=0.1))
    before = meta(*data).item()
    module[0][0] = nn.Linear(3, module[0][0].out_features).to(F64)
    after = meta(*data)
    after.backward()
    assert after.item() != before and after.item() == il.MetaLoss(module, il.maml(steps=1, lr=0.1))(*data).item()
    assert bool(module[0][0].weight.grad.any())


def test_what_is_given_otherwise_is_told() -> None:
    meta = il.MetaLoss(ConvNet(), il.maml(steps=1, lr=0.1))
    x, y = torch.rand(2, 4, 2, 8, 12), torch.arange(2).repeat(2).expand(2, 4)
    for given, sentence in (((list(x), y, x, y), "support_x is a list, expected a tensor"),
                            ((x, y.numpy(), x, y), "support_y is a ndarray, expected a tensor"),
                            ((x, y.float(), x, y.float()), "labels as whole numbers: support_y.long()"),
                            ((x[0], y[0], x[0], y[0]), "of support_x (4, 2, 8, 12) the first two axes are tasks")):  # fmt: skip
        with pytest.raises(il.ArgumentError) as caught:
            meta(*given)
        assert sentence in str(caught.value)
