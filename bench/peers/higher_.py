"""higher: innerloop_ctx with a differentiable SGD, used as its documentation shows. Learned rates override the optimizer's;
MAML++'s norm layers are given as the weights of a call."""
import higher
import torch

import algorithms
from nets_torch import TorchPeer, loss, tensors


class Peer(TorchPeer):
    def __init__(self, w, weights, threads, variant):
        super().__init__(w, weights, threads, variant)
        self.own = [n for n, _ in self.net.named_parameters()]  # the net's, in the order of higher's lists
        self.moved = list(algorithms.adapting(w, self.p))
        adapting = self.net[-1] if w.algorithm == "anil" else self.net
        parameters = [p for n, p in self.p.items() if n in self.moved]
        self.adapts, self.body = adapting, self.net[:-1]
        self.inner = torch.optim.SGD([{"params": [p]} for p in parameters] if self.rates else parameters, lr=w.inner_lr)

    def context(self, second_order):
        return higher.innerloop_ctx(self.adapts, self.inner, copy_initial_weights=False,
                                    track_higher_grads=second_order)

    def override(self, k):
        """The learned rates of inner step k, one for each of the optimizer's groups."""
        if not self.rates:
            return None
        if self.w.algorithm == "hyper":
            return {"lr": [self.rates["inner.lr"]] * len(self.moved)}
        rates = [self.rates["inner.lr." + n] for n in self.moved]
        return {"lr": [r[k] for r in rates] if self.w.algorithm == "mamlpp" else rates}

    def scores(self, net, x, k):
        if self.w.algorithm != "mamlpp":
            return net(x)
        p = {**dict(zip(self.own, net.parameters())), **{n: self.p["step." + n][k - 1] for n in self.own
                                                        if k and "step." + n in self.p}}
        return net(x, params=[p[n] for n in self.own])

    def query_loss(self, net, inner, sx, sy, qx, qy):
        w, total = self.w, 0
        if w.algorithm == "hyper":
            for x, y in zip(sx, sy):
                value = loss(w, net(x), y)
                inner.step(value, override=self.override(0))
                total = total + value / w.steps
            return total
        for k in range(w.steps):
            inner.step(loss(w, self.scores(net, sx, k), sy), override=self.override(k))
            if w.algorithm == "mamlpp":
                total = total + loss(w, self.scores(net, qx, k + 1), qy) / w.steps
        return total if w.algorithm == "mamlpp" else loss(w, net(qx), qy)

    def step(self, tasks):
        w, count = self.w, len(tasks[0])
        self.outer.zero_grad()
        for sx, sy, qx, qy in zip(*tensors(tasks)):
            if w.algorithm == "anil":
                sx, qx = self.body(sx), self.body(qx)
            with self.context(not w.first_order) as (net, inner):
                query = self.query_loss(net, inner, sx, sy, qx, qy) / count
                if not w.first_order:
                    query.backward()
                    continue
                # Untracked steps do not lead back to the weights: the gradient is taken where they ended.
                for p, g in zip(self.parameters, torch.autograd.grad(query, list(net.parameters()))):
                    p.grad = g if p.grad is None else p.grad + g
        self.outer.step()

    def evaluate(self, tasks):
        scores = []
        for sx, sy, qx, _ in zip(*tensors(tasks)):
            with self.context(False) as (net, inner):
                for _ in range(self.w.steps):
                    inner.step(loss(self.w, net(sx), sy))
                with torch.no_grad():
                    scores.append(net(qx))
        return torch.stack(scores)
