"""TorchOpt: MetaSGD with extracted and recovered states, used as its MAML example does, and for iMAML a root that is
differentiated implicitly."""
import torch
import torchopt

import algorithms
from nets_torch import TorchPeer, loss, tensors


class Peer(TorchPeer):
    def __init__(self, w, weights, threads, variant):
        super().__init__(w, weights, threads, variant)
        if w.algorithm == "imaml":
            self.solve = self.root()
        else:
            self.adapts = self.net[-1] if w.algorithm == "anil" else self.net
            self.inner = torchopt.MetaSGD(self.adapts, lr=w.inner_lr)

    def each_adapted(self, tasks, second_order):
        """Yields (query_x, query_y) of each task while the net holds its adapted weights."""
        net_state = torchopt.extract_state_dict(self.adapts, by="reference", detach_buffers=True)
        inner_state = torchopt.extract_state_dict(self.inner, by="reference")
        for sx, sy, qx, qy in zip(*tensors(tasks)):
            if self.w.algorithm == "anil":
                sx, qx = self.net[:-1](sx), self.net[:-1](qx)
            for _ in range(self.w.steps):
                self.inner.step(loss(self.w, self.adapts(sx), sy))
                if not second_order:
                    torchopt.stop_gradient(self.net)
            yield qx, qy
            torchopt.recover_state_dict(self.adapts, net_state)
            torchopt.recover_state_dict(self.inner, inner_state)

    def root(self):
        """Where the support loss and the pull towards the start balance, after the steps of the inner loop. Damping belongs
        to the system that is solved alone."""
        w, names = self.w, self.names

        def away(fast, start, x, y, pull):
            fast, start = dict(zip(names, fast)), dict(zip(names, start))
            support = torch.func.functional_call(self.net, fast, (x,))
            distance = sum(((fast[n] - start[n]) ** 2).sum() for n in names)
            return loss(w, support, y) + pull / 2 * distance

        def balance(fast, start, x, y):
            return torch.func.grad(away)(fast, start, x, y, algorithms.PROXIMAL + algorithms.DAMPING)

        @torchopt.diff.implicit.custom_root(
            balance, argnums=1,
            solve=torchopt.linear_solve.solve_cg(maxiter=algorithms.SOLVER_STEPS, rtol=0, atol=0))
        def solve(fast, start, x, y):
            with torch.enable_grad():
                for _ in range(w.steps):
                    fast = [p.detach().requires_grad_() for p in fast]
                    g = torch.autograd.grad(away(fast, [p.detach() for p in start], x, y, algorithms.PROXIMAL), fast)
                    fast = [(p - w.inner_lr * d).detach() for p, d in zip(fast, g)]
            return tuple(fast)
        return solve

    def implicit_step(self, tasks):
        start = tuple(self.parameters)
        for sx, sy, qx, qy in zip(*tensors(tasks)):
            fast = self.solve(tuple(p.detach() for p in start), start, sx, sy)
            scores = torch.func.functional_call(self.net, dict(zip(self.names, fast)), (qx,))
            (loss(self.w, scores, qy) / len(tasks[0])).backward()

    def step(self, tasks):
        w, count = self.w, len(tasks[0])
        self.outer.zero_grad()
        if w.algorithm == "imaml":
            self.implicit_step(tasks)
            self.outer.step()
            return
        for qx, qy in self.each_adapted(tasks, not w.first_order):
            query = loss(w, self.adapts(qx), qy) / count
            if not w.first_order:
                query.backward()
                continue
            for p, g in zip(self.parameters, torch.autograd.grad(query, list(self.net.parameters()))):
                p.grad = g if p.grad is None else p.grad + g
        self.outer.step()

    def evaluate(self, tasks):
        scores = []
        for qx, _ in self.each_adapted(tasks, False):
            with torch.no_grad():
                scores.append(self.net(qx))
        return torch.stack(scores)
