"""learn2learn: its MAML and MetaSGD wrappers and its classifier of prototypes, used as its own examples use them."""
import learn2learn
import torch

from nets_torch import TorchPeer, loss, tensors


class Peer(TorchPeer):
    def __init__(self, w, weights, threads, variant):
        super().__init__(w, weights, threads, variant)
        if w.algorithm == "protonet":
            self.classifier = learn2learn.nn.PrototypicalClassifier()
        elif w.algorithm == "meta_sgd":
            self.maml = learn2learn.algorithms.MetaSGD(self.net, lrs=list(self.rates.values()))
        elif w.algorithm == "hyper":
            self.maml = learn2learn.algorithms.MAML(self.net, lr=self.rates["inner.lr"])
        else:
            adapts = self.net[-1] if w.algorithm == "anil" else self.net
            self.maml = learn2learn.algorithms.MAML(adapts, lr=w.inner_lr, first_order=w.first_order or w.evaluate)

    def adapted(self, x, y):
        learner = self.maml.clone()
        for _ in range(self.w.steps):
            learner.adapt(loss(self.w, learner(x), y))
        return learner

    def training_loss(self, xs, ys):
        learner, total = self.maml.clone(), 0
        for x, y in zip(xs, ys):
            value = loss(self.w, learner(x), y)
            learner.adapt(value)
            total = total + value
        return total / self.w.steps

    def query_loss(self, sx, sy, qx, qy):
        if self.w.algorithm == "protonet":
            features = self.net(torch.cat((sx, qx)))
            self.classifier.fit_(features[:len(sx)], sy)
            return loss(self.w, self.classifier(features[len(sx):]), qy)
        if self.w.algorithm == "hyper":
            return self.training_loss(sx, sy)
        if self.w.algorithm == "anil":
            sx, qx = self.net[:-1](sx), self.net[:-1](qx)
        return loss(self.w, self.adapted(sx, sy)(qx), qy)

    def step(self, tasks):
        self.outer.zero_grad()
        for task in zip(*tensors(tasks)):
            self.query_loss(*task).backward()
        for p in self.parameters:
            p.grad.mul_(1.0 / len(tasks[0]))
        self.outer.step()

    def evaluate(self, tasks):
        scores = []
        for sx, sy, qx, _ in zip(*tensors(tasks)):
            learner = self.adapted(sx, sy)
            with torch.no_grad():
                scores.append(learner(qx))
        return torch.stack(scores)
