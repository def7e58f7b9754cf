"""The nets and losses of the workloads in PyTorch: as modules, and as functions of a list of weights."""
from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn

BETA1 = 0.9  # of torch.optim.Adam; its first moment after one step is (1 − BETA1) times the gradient


def module(w):
    """nn.Sequential whose weights have innerloop's names; norm layers without running statistics."""
    if w.net == "mlp":
        return nn.Sequential(OrderedDict(
            linear1=nn.Linear(1, w.filters), relu1=nn.ReLU(),
            linear2=nn.Linear(w.filters, w.filters), relu2=nn.ReLU(),
            linear3=nn.Linear(w.filters, 1)))
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
    parts["linear1"] = nn.Linear(channels * (1 if strided else side * side), w.outputs)
    return nn.Sequential(parts)


def loaded(w, weights):
    net = module(w)
    net.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()})
    return net


def fused_norm(x, gamma, beta):
    return F.batch_norm(x, None, None, gamma, beta, training=True)


def composed_norm(x, gamma, beta):
    """The same by its definition. Under vmap PyTorch differentiates batch_norm twice with errors up to 4e-3."""
    axes = [0, 2, 3][:x.ndim - 1]
    shape = (1, -1, 1, 1)[:x.ndim]
    variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
    return (x - mean) * torch.rsqrt(variance + 1e-5) * gamma.view(shape) + beta.view(shape)


def forward(w, p, x, norm=fused_norm):
    """p: list of weights in the order of the module's parameters."""
    if w.net == "mlp":
        x = F.relu(F.linear(x, p[0], p[1]))
        x = F.relu(F.linear(x, p[2], p[3]))
        return F.linear(x, p[4], p[5])
    if w.net == "omniglot_fc":
        x = x.flatten(1)
    count = 4 if w.net == "example_conv" else 3  # of a layer; these have a bias
    for i in range(0, len(p) - 2, count):
        weight, *bias, gamma, beta = p[i:i + count]
        if w.net == "omniglot_fc":
            x = F.linear(x, weight)
        else:
            x = F.conv2d(x, weight, *bias, stride=2 if w.net == "omniglot_conv" else 1, padding=w.pad)
        x = F.relu(norm(x, gamma, beta))
        if w.net in ("conv4", "example_conv"):
            x = F.max_pool2d(x, 2)
    x = x.mean((2, 3)) if w.net == "omniglot_conv" else x.flatten(1)
    return F.linear(x, p[-2], p[-1])


def loss(w, scores, target):
    return F.mse_loss(scores, target) if w.regression else F.cross_entropy(scores, target)


def tensors(tasks):
    out = [torch.from_numpy(t) for t in tasks]
    return [t.long() if t.dtype == torch.int32 else t for t in out]


class TorchPeer:
    """What the peers in PyTorch share: threads, weights, the outer Adam, the check."""
    channels_first = True

    def __init__(self, w, weights, threads, variant):
        self.threads = 0
        self.use(threads)
        self.w = w
        self.net = loaded(w, weights)
        self.names = [name for name, _ in self.net.named_parameters()]
        self.use_parameters(list(self.net.parameters()))

    def use_parameters(self, parameters):
        """Those that the outer Adam moves, in the order of the names."""
        self.parameters = parameters
        self.adam = torch.optim.Adam(parameters, lr=1e-3, fused=True)

    def use(self, threads):
        if threads != self.threads:
            torch.set_num_threads(threads)
        self.threads = threads

    def wait(self):
        pass

    def gradient(self):
        return {name: (self.adam.state[p]["exp_avg"] / (1 - BETA1)).numpy()
                for name, p in zip(self.names, self.parameters)}
