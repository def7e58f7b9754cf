"""innerloop from PyTorch: the script keeps its module, Adam and backward(), and the line of the loss is MetaLoss."""
import innerloop_meta as il

from nets_torch import TorchPeer, tensors


class Peer(TorchPeer):
    def __init__(self, w, weights, threads, variant):
        super().__init__(w, weights, threads, variant)
        il.set_threads(threads)
        self.meta_loss = il.MetaLoss(self.net, il.maml(steps=w.steps, lr=w.inner_lr, first_order=w.first_order))

    def step(self, tasks):
        self.outer.zero_grad()
        self.meta_loss(*tensors(tasks)).backward()
        self.outer.step()
