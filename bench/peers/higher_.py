"""higher: innerloop_ctx with a differentiable SGD, used as its documentation shows."""
import higher
import torch

from nets_torch import TorchPeer, loss, tensors


class Peer(TorchPeer):
    def __init__(self, w, weights, threads, variant):
        super().__init__(w, weights, threads, variant)
        self.inner = torch.optim.SGD(self.parameters, lr=w.inner_lr)

    def context(self, second_order):
        return higher.innerloop_ctx(self.net, self.inner, copy_initial_weights=False,
                                    track_higher_grads=second_order)

    def step(self, tasks):
        w, count = self.w, len(tasks[0])
        self.adam.zero_grad()
        for sx, sy, qx, qy in zip(*tensors(tasks)):
            with self.context(not w.first_order) as (net, inner):
                for _ in range(w.steps):
                    inner.step(loss(w, net(sx), sy))
                query = loss(w, net(qx), qy) / count
                if not w.first_order:
                    query.backward()
                    continue
                # Untracked steps do not lead back to the weights: the gradient is taken where they ended.
                for p, g in zip(self.parameters, torch.autograd.grad(query, list(net.parameters()))):
                    p.grad = g if p.grad is None else p.grad + g
        self.adam.step()

    def evaluate(self, tasks):
        scores = []
        for sx, sy, qx, _ in zip(*tensors(tasks)):
            with self.context(False) as (net, inner):
                for _ in range(self.w.steps):
                    inner.step(loss(self.w, net(sx), sy))
                with torch.no_grad():
                    scores.append(net(qx))
        return torch.stack(scores)
