"""TorchOpt: MetaSGD with extracted and recovered states, used as its MAML example does."""
import torch
import torchopt

from nets_torch import TorchPeer, loss, tensors


class Peer(TorchPeer):
    def __init__(self, w, weights, threads, variant):
        super().__init__(w, weights, threads, variant)
        self.inner = torchopt.MetaSGD(self.net, lr=w.inner_lr)

    def each_adapted(self, tasks, second_order):
        """Yields (query_x, query_y) of each task while the net holds its adapted weights."""
        net_state = torchopt.extract_state_dict(self.net, by="reference", detach_buffers=True)
        inner_state = torchopt.extract_state_dict(self.inner, by="reference")
        for sx, sy, qx, qy in zip(*tensors(tasks)):
            for _ in range(self.w.steps):
                self.inner.step(loss(self.w, self.net(sx), sy))
                if not second_order:
                    torchopt.stop_gradient(self.net)
            yield qx, qy
            torchopt.recover_state_dict(self.net, net_state)
            torchopt.recover_state_dict(self.inner, inner_state)

    def step(self, tasks):
        w, count = self.w, len(tasks[0])
        self.adam.zero_grad()
        for qx, qy in self.each_adapted(tasks, not w.first_order):
            query = loss(w, self.net(qx), qy) / count
            if not w.first_order:
                query.backward()
                continue
            for p, g in zip(self.parameters, torch.autograd.grad(query, list(self.net.parameters()))):
                p.grad = g if p.grad is None else p.grad + g
        self.adam.step()

    def evaluate(self, tasks):
        scores = []
        for qx, _ in self.each_adapted(tasks, False):
            with torch.no_grad():
                scores.append(self.net(qx))
        return torch.stack(scores)
