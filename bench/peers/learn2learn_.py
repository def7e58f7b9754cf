"""learn2learn: its MAML wrapper, used as its own examples use it."""
import learn2learn
import torch

from nets_torch import TorchPeer, loss, tensors


class Peer(TorchPeer):
    def __init__(self, w, weights, threads, variant):
        super().__init__(w, weights, threads, variant)
        self.maml = learn2learn.algorithms.MAML(self.net, lr=w.inner_lr,
                                                first_order=w.first_order or w.evaluate)

    def adapted(self, x, y):
        learner = self.maml.clone()
        for _ in range(self.w.steps):
            learner.adapt(loss(self.w, learner(x), y))
        return learner

    def step(self, tasks):
        self.adam.zero_grad()
        for sx, sy, qx, qy in zip(*tensors(tasks)):
            loss(self.w, self.adapted(sx, sy)(qx), qy).backward()
        for p in self.parameters:
            p.grad.mul_(1.0 / len(tasks[0]))
        self.adam.step()

    def evaluate(self, tasks):
        scores = []
        for sx, sy, qx, _ in zip(*tensors(tasks)):
            learner = self.adapted(sx, sy)
            with torch.no_grad():
                scores.append(learner(qx))
        return torch.stack(scores)
