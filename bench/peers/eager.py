"""PyTorch eager: MAML written by hand with autograd.grad and functional calls, task after task."""
import torch

from nets_torch import TorchPeer, forward, loss, tensors


class Peer(TorchPeer):
    def adapt(self, x, y, second_order):
        w, fast = self.w, self.parameters
        for _ in range(w.steps):
            gradient = torch.autograd.grad(loss(w, forward(w, fast, x), y), fast,
                                           create_graph=second_order)
            fast = [p - w.inner_lr * g for p, g in zip(fast, gradient)]
        return fast

    def step(self, tasks):
        self.adam.zero_grad()
        count = len(tasks[0])
        for sx, sy, qx, qy in zip(*tensors(tasks)):
            fast = self.adapt(sx, sy, not self.w.first_order)
            (loss(self.w, forward(self.w, fast, qx), qy) / count).backward()
        self.adam.step()

    def evaluate(self, tasks):
        scores = []
        for sx, sy, qx, _ in zip(*tensors(tasks)):
            fast = self.parameters
            for _ in range(self.w.steps):
                gradient = torch.autograd.grad(loss(self.w, forward(self.w, fast, sx), sy), fast)
                fast = [(p - self.w.inner_lr * g).detach().requires_grad_()
                        for p, g in zip(fast, gradient)]
            with torch.no_grad():
                scores.append(forward(self.w, fast, qx))
        return torch.stack(scores)
