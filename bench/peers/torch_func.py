"""PyTorch torch.func: vmap over the tasks of grad of grad; variant "compile" gives it to torch.compile."""
import torch
from torch.func import grad, vmap

import nets_torch
from nets_torch import TorchPeer, loss, tensors


class Peer(TorchPeer):
    def __init__(self, w, weights, threads, variant):
        super().__init__(w, weights, threads, variant)

        def forward(w, p, x):
            return nets_torch.forward(w, p, x, nets_torch.composed_norm)

        def adapt(fast, x, y):
            for _ in range(w.steps):
                g = grad(lambda p: loss(w, forward(w, p, x), y))(fast)
                if w.first_order:
                    g = [t.detach() for t in g]
                fast = [p - w.inner_lr * t for p, t in zip(fast, g)]
            return fast

        def task_loss(p, sx, sy, qx, qy):
            return loss(w, forward(w, adapt(p, sx, sy), qx), qy)

        def meta_gradient(p, sx, sy, qx, qy):
            over_tasks = vmap(task_loss, in_dims=(None, 0, 0, 0, 0))
            return grad(lambda v: over_tasks(v, sx, sy, qx, qy).mean())(p)

        def predict(p, sx, sy, qx):
            return vmap(lambda x, y, q: forward(w, adapt(p, x, y), q))(sx, sy, qx)

        wrap = torch.compile if variant == "compile" else lambda f: f
        self.meta_gradient, self.predict = wrap(meta_gradient), wrap(predict)

    def step(self, tasks):
        weights = [p.detach() for p in self.parameters]
        for p, g in zip(self.parameters, self.meta_gradient(weights, *tensors(tasks))):
            p.grad = g
        self.adam.step()

    def evaluate(self, tasks):
        return self.predict([p.detach() for p in self.parameters], *tensors(tasks)[:3])
