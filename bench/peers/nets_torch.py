"""The nets and losses of the workloads in PyTorch: as modules, and as functions of a list of weights."""
from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn

import algorithms

BETA1 = 0.9  # of torch.optim.Adam; its first moment after one step is (1 − BETA1) times the gradient


def module(w):
    """nn.Sequential whose weights have innerloop's names; norm layers without running statistics."""
    if w.net == "mlp":
        return nn.Sequential(OrderedDict(
            linear1=nn.Linear(1, w.filters), relu1=nn.ReLU(),
            linear2=nn.Linear(w.filters, w.filters), relu2=nn.ReLU(),
            linear3=nn.Linear(w.filters, 1)))
    if w.net == "tanh_mlp":
        return nn.Sequential(OrderedDict(linear1=nn.Linear(*w.image, w.filters), tanh1=nn.Tanh(),
                                         linear2=nn.Linear(w.filters, w.outputs)))
    side, _, channels = w.image
    parts = OrderedDict()
    if w.net == "omniglot_fc":
        parts["flatten"] = nn.Flatten()
        widths = [side * side * channels, 256, 128, 64, 64]
        for i, (a, b) in enumerate(zip(widths, widths[1:]), 1):
            parts[f"linear{i}"] = nn.Linear(a, b, bias=False)
            parts[f"norm{i}"] = nn.BatchNorm1d(b, track_running_stats=False)
            parts[f"relu{i}"] = nn.ReLU()
        parts["linear5"] = nn.Linear(64, w.outputs)
        return nn.Sequential(parts)
    strided, example = w.net == "omniglot_conv", w.net == "example_conv"
    for i in range(1, 4 if example else 5):
        parts[f"conv{i}"] = nn.Conv2d(channels, w.filters, 3, 2 if strided else 1, w.pad, bias=example)
        parts[f"norm{i}"] = nn.BatchNorm2d(w.filters, track_running_stats=False)
        parts[f"relu{i}"] = nn.ReLU()
        channels = w.filters
        if not strided:
            parts[f"pool{i}"] = nn.MaxPool2d(2)
            side = (side + 2 * w.pad - 2) // 2
    if strided:
        parts["mean"] = nn.AdaptiveAvgPool2d(1)
    parts["flatten"] = nn.Flatten()
    if w.algorithm == "protonet":
        return nn.Sequential(parts)  # of features
    parts["linear1"] = nn.Linear(channels * (1 if strided else side * side), w.outputs)
    return nn.Sequential(parts)


def loaded(w, weights):
    net = module(w)
    net.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items() if k in net.state_dict()})
    return net


def fused_norm(x, gamma, beta):
    return F.batch_norm(x, None, None, gamma, beta, training=True)


def composed_norm(x, gamma, beta):
    """The same by its definition. Under vmap PyTorch differentiates batch_norm twice with errors up to 4e-3."""
    axes = [0, 2, 3][:x.ndim - 1]
    shape = (1, -1, 1, 1)[:x.ndim]
    variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
    return (x - mean) * torch.rsqrt(variance + 1e-5) * gamma.view(shape) + beta.view(shape)


def features(w, p, x, norm=fused_norm):
    """All but the last linear layer. p: weights by their names in the module."""
    if w.net == "mlp":
        x = F.relu(F.linear(x, p["linear1.weight"], p["linear1.bias"]))
        return F.relu(F.linear(x, p["linear2.weight"], p["linear2.bias"]))
    if w.net == "tanh_mlp":
        return torch.tanh(F.linear(x, p["linear1.weight"], p["linear1.bias"]))
    if w.net == "omniglot_fc":
        x = x.flatten(1)
    for i in range(1, 4 if w.net == "example_conv" else 5):
        if w.net == "omniglot_fc":
            x = F.linear(x, p[f"linear{i}.weight"])
        else:
            x = F.conv2d(x, p[f"conv{i}.weight"], p.get(f"conv{i}.bias"),
                         stride=2 if w.net == "omniglot_conv" else 1, padding=w.pad)
        x = F.relu(norm(x, p[f"norm{i}.weight"], p[f"norm{i}.bias"]))
        if w.net in ("conv4", "example_conv"):
            x = F.max_pool2d(x, 2)
    return x.mean((2, 3)) if w.net == "omniglot_conv" else x.flatten(1)


def head(w, p, x):
    name = {"mlp": "linear3", "tanh_mlp": "linear2", "omniglot_fc": "linear5"}.get(w.net, "linear1")
    return F.linear(x, p[name + ".weight"], p[name + ".bias"])


def loss(w, scores, target):
    return F.mse_loss(scores, target) if w.regression else F.cross_entropy(scores, target)


def tensors(tasks):
    out = [torch.from_numpy(t) for t in tasks]
    return [t.long() if t.dtype == torch.int32 else t for t in out]


class Kit:
    """PyTorch for algorithms.py, but for derivatives."""

    def __init__(self, w, norm=fused_norm):
        self.w, self.norm = w, norm

    def features(self, p, x):
        return features(self.w, p, x, self.norm)

    def head(self, p, x):
        return head(self.w, p, x)

    def scores(self, p, x):
        return self.head(p, self.features(p, x))

    def loss(self, scores, target):
        return loss(self.w, scores, target)

    def repeat(self, step, p, count):
        for _ in range(count):
            p = step(p)
        return p

    def scan(self, step, p, xs):
        for x in zip(*xs):
            p = step(p, *x)
        return p

    def joined(self, a, b):
        return torch.cat((a, b))

    def mean(self, x, ways):
        return x.unflatten(0, (ways, -1)).mean(1)

    def distances(self, a, b):
        return ((a[:, None] - b) ** 2).sum(2)

    root = staticmethod(torch.sqrt)


class TorchPeer:
    """What the peers in PyTorch share: threads, weights, the outer optimizer, the check."""
    channels_first = True

    def __init__(self, w, weights, threads, variant):
        self.threads = 0
        self.use(threads)
        self.w = w
        self.net = loaded(w, weights)
        own = dict(self.net.named_parameters())
        self.rates = {k: nn.Parameter(torch.from_numpy(v)) for k, v in weights.items() if k not in own}
        self.p = {**own, **self.rates}
        learned = algorithms.learned(w, self.p)
        self.names = list(learned)
        self.use_parameters(list(learned.values()))

    def use_parameters(self, parameters):
        """Those that the outer optimizer moves, in the order of the names."""
        self.parameters = parameters
        self.outer = (torch.optim.SGD(parameters, lr=self.w.outer_lr) if self.w.outer == "sgd" else
                      torch.optim.Adam(parameters, lr=self.w.outer_lr, fused=True))

    def use(self, threads):
        if threads != self.threads:
            torch.set_num_threads(threads)
        self.threads = threads

    def wait(self):
        pass

    def gradient(self):
        if self.w.outer == "sgd":
            return {name: p.grad.numpy() for name, p in zip(self.names, self.parameters)}
        return {name: (self.outer.state[p]["exp_avg"] / (1 - BETA1)).numpy()
                for name, p in zip(self.names, self.parameters)}
