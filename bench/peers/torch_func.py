"""PyTorch torch.func: vmap over the tasks of grad of grad; variant "compile" gives it to torch.compile."""
import torch
from torch.func import grad, grad_and_value, vjp, vmap

import algorithms
import nets_torch
from nets_torch import TorchPeer, tensors

LONG = 100  # inner steps beyond which tasks are taken one by one: together their graphs do not fit


class Kit(nets_torch.Kit):
    def __init__(self, w):
        super().__init__(w, nets_torch.composed_norm)

    def grad(self, f, again):
        g = grad(f)
        return g if again else lambda p: {n: v.detach() for n, v in g(p).items()}

    def value_and_grad(self, f):
        return lambda p: grad_and_value(f)(p)[::-1]

    def curvature(self, f, p):
        back = vjp(grad(f), p)[1]
        return lambda v: back(v)[0]

    def held(self, p):
        return p


class Peer(TorchPeer):
    def __init__(self, w, weights, threads, variant):
        super().__init__(w, weights, threads, variant)
        kit = Kit(w)

        fixed = {n: p.detach() for n, p in self.p.items() if n not in self.names}

        def task_loss(p, *task):
            return algorithms.task_loss(w, kit, {**fixed, **p}, *task)

        def meta_gradient(p, *tasks):
            if w.algorithm in algorithms.PSEUDO:
                direction = algorithms.PSEUDO[w.algorithm]
                return {n: d.mean(0) for n, d in vmap(lambda *task: direction(w, kit, p, *task))(*tasks).items()}
            if w.steps > LONG:
                found = [grad(task_loss)(p, *task) for task in zip(*tasks)]
                return {n: sum(g[n] for g in found) / len(found) for n in p}
            over_tasks = vmap(task_loss, in_dims=(None, 0, 0, 0, 0))
            return grad(lambda v: over_tasks(v, *tasks).mean())(p)

        def predict(p, sx, sy, qx):
            return vmap(lambda x, y, q: kit.scores(algorithms.adapt(w, kit, p, x, y), q))(sx, sy, qx)

        wrap = torch.compile if variant == "compile" else lambda f: f
        self.meta_gradient, self.predict = wrap(meta_gradient), wrap(predict)

    def step(self, tasks):
        found = self.meta_gradient({n: self.p[n].detach() for n in self.names}, *tensors(tasks))
        for n in self.names:
            self.p[n].grad = found[n]
        self.outer.step()

    def evaluate(self, tasks):
        return self.predict({n: p.detach() for n, p in self.p.items()}, *tensors(tasks)[:3])
