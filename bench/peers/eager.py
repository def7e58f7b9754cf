"""PyTorch eager: the algorithms written by hand with autograd.grad and functional calls, task after task."""
import torch

import algorithms
import nets_torch
from nets_torch import TorchPeer, tensors


class Kit(nets_torch.Kit):
    def grad(self, f, again):
        return lambda p: dict(zip(p, torch.autograd.grad(f(p), list(p.values()), create_graph=again)))

    def value_and_grad(self, f):
        def both(p):
            value = f(p)
            return value, dict(zip(p, torch.autograd.grad(value, list(p.values()), create_graph=True)))
        return both

    def curvature(self, f, p):
        values = list(p.values())
        g = torch.autograd.grad(f(p), values, create_graph=True)
        return lambda v: dict(zip(p, torch.autograd.grad(g, values, list(v.values()), retain_graph=True)))

    def held(self, p):
        return {n: v.detach().requires_grad_() for n, v in p.items()}


class Peer(TorchPeer):
    def __init__(self, w, weights, threads, variant):
        super().__init__(w, weights, threads, variant)
        self.kit = Kit(w)

    def step(self, tasks):
        w, count = self.w, len(tasks[0])
        self.outer.zero_grad()
        for task in zip(*tensors(tasks)):
            if w.algorithm not in algorithms.PSEUDO:
                (algorithms.task_loss(w, self.kit, self.p, *task) / count).backward()
                continue
            with torch.no_grad():
                for n, d in self.direction(task).items():
                    p, d = self.p[n], d / count
                    p.grad = d if p.grad is None else p.grad.add_(d)
        self.outer.step()

    @torch.enable_grad()
    def direction(self, task):
        return algorithms.PSEUDO[self.w.algorithm](self.w, self.kit, self.p, *task)

    def evaluate(self, tasks):
        scores = []
        for sx, sy, qx, _ in zip(*tensors(tasks)):
            fast = self.p
            for _ in range(self.w.steps):
                g = self.kit.grad(lambda p: self.kit.loss(self.kit.scores(p, sx), sy), False)(fast)
                fast = self.kit.held({n: fast[n] - self.w.inner_lr * g[n] for n in g})
            with torch.no_grad():
                scores.append(self.kit.scores(fast, qx))
        return torch.stack(scores)
