"""parallel-metalearn: its MAML, which takes tasks from an iterator and makes the whole meta-step itself. Variants are its
backends: "vmap" over all tasks, "vmap8" over eight at a time (its chunk_size), "sequential"."""
from metalearn.algorithms import MAML
from metalearn.inner_optimizers import InnerSGD
from metalearn.loss import CategoricalAccuracy, CrossEntropy
from metalearn.loss.base import BaseLoss
from metalearn.model_wrappers import MAML_Model
from metalearn.nn_models.basic_layers.BatchNormalization import BatchNorm
from torch import nn
from torch.nn import functional as F

from nets_torch import TorchPeer, tensors

CHUNKS = {"vmap": 80, "vmap8": 8, "sequential": 80}


class Part(nn.Module):
    """A part of the net for the wrapper, which gives it words (training, num_step) that PyTorch's layers do not take."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x, **_):
        return self.net(x)


def with_its_norms(net):
    """The net with norm layers that vmap can take. Its ModelTranslator is to replace them, and cannot in version 0.5.6: it
    gives them learn_gamma and learn_beta, words that they do not know. So they are put in as its own nets have them."""
    for name, norm in list(net.named_children()):
        if isinstance(norm, (nn.BatchNorm1d, nn.BatchNorm2d)):
            made = BatchNorm(norm.num_features, eps=norm.eps, track_running_stats=False)
            made.load_state_dict(norm.state_dict())
            setattr(net, name, made)
    return net


class SquaredError(BaseLoss):
    """It has no loss for regression, and a class to derive one from."""

    def forward(self, out_dict, targets, model_states=None, **_):
        loss = F.mse_loss(out_dict["logits"], targets["labels"])
        return loss, loss.detach()


class Peer(TorchPeer):
    def __init__(self, w, weights, threads, variant):
        super().__init__(w, weights, threads, variant)
        net = with_its_norms(self.net)
        model = MAML_Model(Part(net[:-1]), Part(net[-1]), fast_weights_names="ANIL" if w.algorithm == "anil" else None)
        self.use_parameters(list(model.parameters()))
        # Its evaluation under vmap differentiates like a training step unless inner steps are of first order.
        inner = InnerSGD(model.get_fast_weights(), first_order=w.first_order or w.evaluate,
                         inner_lr=w.inner_lr, max_inner_steps=w.steps, learn_lr=False)
        loss = SquaredError() if w.regression else CrossEntropy(metric_fn=CategoricalAccuracy())
        self.maml = MAML(model=model, optimizer=self.outer, inner_optimizer=inner, support_loss_fn=loss,
                         inner_steps=w.steps, backend=variant.rstrip("8"), chunk_size=CHUNKS[variant])

    def run(self, tasks, training):
        sx, sy, qx, qy = tensors(tasks)
        return self.maml.step(iter([(sx, {"labels": sy}, qx, {"labels": qy})]), training=training)

    def step(self, tasks):
        return self.run(tasks, True)[0]

    def evaluate(self, tasks):
        """The query loss: it does not give scores out."""
        return self.run(tasks, False)[0]
