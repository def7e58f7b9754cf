"""The workloads of the benchmark, and the operations that each needs: what a reader could count by hand."""
from dataclasses import dataclass, field
import pathlib

SOLVER_STEPS = 5  # of iMAML's conjugate gradients, the preset's


@dataclass(frozen=True)
class Workload:
    name: str
    title: str
    preset: str
    net: str  # mlp, tanh_mlp, omniglot_fc, omniglot_conv, conv4, example_conv
    ways: int
    shots: int
    queries: int
    batch: int  # tasks of a meta-step
    steps: int  # inner steps
    inner_lr: float
    image: tuple = (28, 28, 1)
    filters: int = 64
    first_order: bool = False
    evaluate: bool = False  # adapt and predict; no outer update
    algorithm: str = "maml"  # maml, anil, meta_sgd, mamlpp, imaml, reptile, protonet, hyper
    inner_batch: int = 0  # examples of an inner step; 0: the support set
    outer: str = "adam"  # or sgd
    outer_lr: float = 1e-3
    settings: tuple = field(default=())  # of innerloop, beyond the preset's

    @property
    def regression(self):
        return self.net == "mlp"

    @property
    def support(self):
        return self.ways * self.shots

    @property
    def query(self):
        return self.ways * self.queries

    @property
    def inner_support(self):
        """Examples of an inner step."""
        return self.inner_batch or self.support

    @property
    def pad(self):
        return 0 if self.net == "example_conv" else 1

    @property
    def outputs(self):
        return 1 if self.regression else self.ways


def _sinusoid(name, steps):
    return Workload(name, f"sinusoid, 10 shots, 1-40-40-1, {steps} inner step{'s' * (steps > 1)}",
                    "sinusoid-10shot-maml", "mlp", 1, 10, 10, 25, steps, 0.01, (1,), 40,
                    settings=(f"inner.steps={steps}",))


def _steps(name, steps, batch):
    return Workload(name, f"W3's net, {steps} inner steps, meta-batch {batch}", "omniglot-5w1s-500steps",
                    "omniglot_conv", 5, 1, 1, batch, steps, 0.02,
                    settings=(f"inner.steps={steps}", f"outer.meta_batch={batch}", "outer.clip=0"))


WORKLOADS = [
    _sinusoid("W1", 1),
    _sinusoid("W1x5", 5),
    Workload("W2", "28², 5-way 1-shot, fully connected", "omniglot-fc-5w1s-maml", "omniglot_fc",
             5, 1, 1, 32, 1, 0.4),
    Workload("W3", "28², 5-way 1-shot, strided conv", "omniglot-5w1s-maml", "omniglot_conv",
             5, 1, 1, 32, 1, 0.4),
    Workload("W4", "28², 20-way 1-shot, strided conv, 5 inner steps", "omniglot-20w1s-maml",
             "omniglot_conv", 20, 1, 1, 16, 5, 0.4),
    Workload("W5", "28², 5-way 1-shot, 15 queries, max-pool conv, 5 inner steps",
             "omniglot-5w1s-conv4-maml", "conv4", 5, 1, 15, 8, 5, 0.4),
    Workload("W6", "84²×3, 5-way 5-shot, 15 queries, max-pool conv of 32, 5 inner steps",
             "glyphs84-5w5s-maml", "conv4", 5, 5, 15, 4, 5, 0.01, (84, 84, 3), 32),
    Workload("W7", "W3, first order", "omniglot-5w1s-maml", "omniglot_conv", 5, 1, 1, 32, 1, 0.4,
             first_order=True, settings=("inner.first_order=true",)),
    Workload("W8", "evaluation: W3's net, adapt 10 steps and predict", "omniglot-5w1s-maml",
             "omniglot_conv", 5, 1, 1, 32, 10, 0.4, evaluate=True),
    Workload("ProtoNet", "28², 60-way 1-shot, 5 queries, max-pool conv, a training step", "omniglot-5w1s-protonet",
             "conv4", 60, 1, 5, 4, 0, 0, algorithm="protonet"),
    Workload("Meta-SGD", "W4, Meta-SGD", "omniglot-20w1s-maml", "omniglot_conv", 20, 1, 1, 16, 5, 0,
             algorithm="meta_sgd", settings=("meta.algorithm=meta_sgd",)),
    Workload("MAML++", "W4, MAML++ while it learns from the loss after every step", "omniglot-20w1s-maml",
             "omniglot_conv", 20, 1, 1, 16, 5, 0, algorithm="mamlpp", settings=("meta.algorithm=mamlpp",)),
    Workload("ANIL", "W3's net, ANIL, 5 inner steps", "omniglot-5w1s-anil", "omniglot_conv", 5, 1, 1, 32, 5, 0.4,
             algorithm="anil"),
    Workload("iMAML", "W3's net, iMAML, 16 inner steps, 5 of conjugate gradients", "omniglot-5w1s-imaml",
             "omniglot_conv", 5, 1, 1, 32, 16, 0.1, algorithm="imaml",
             settings=("model.preset=omniglot_conv", "imaml.damping=1", "imaml.pull=each")),
    Workload("Reptile", "28², 5-way 10-shot, Reptile, strided conv, 5 inner Adam steps of 10 pictures",
             "omniglot-5w1s-reptile", "omniglot_conv", 5, 10, 1, 5, 5, 0.001, algorithm="reptile", inner_batch=10,
             outer="sgd", outer_lr=1, settings=("model.preset=omniglot_conv", "inner.optimizer=adam", "inner.beta1=0",
                                                "reptile.carried=false")),
    _steps("500-steps", 500, 4),
    Workload("MNIST-1D", "MNIST-1D, learning the rate of 200 SGD steps on 50 signals each, 40-50-10 with tanh",
             "mnist1d-learn-rate", "tanh_mlp", 10, 400, 1, 1, 200, 0, (40,), 50, algorithm="hyper", inner_batch=50,
             outer="sgd", outer_lr=0.3),
]

# For bench/python_loop.py: the net, inner steps and rates of the MAML example that PyTorch publishes, at fewer examples and
# tasks than its 5 shots and 32 tasks, by its own options (--k-spt 1 --task-num 8), so that a meta-step does not take 10 s.
EXAMPLE = Workload("example", "PyTorch's maml_omniglot example, 5-way 1-shot, 15 queries, 5 inner steps, 8 tasks",
                   str(pathlib.Path(__file__).with_name("maml_omniglot_example.yaml")), "example_conv",
                   5, 1, 15, 8, 5, 0.1)

# For bench/long_loop.py: one task after more and more inner steps.
LOOPS = [_steps(f"loop-{n}", n, 1) for n in (5, 50, 500)]


def find(name):
    for w in WORKLOADS + [EXAMPLE] + LOOPS:
        if w.name == name:
            return w
    raise SystemExit(f'unknown workload "{name}"; expected {", ".join(w.name for w in WORKLOADS)}')


def layers(w):
    """The layers with weights, as ("conv", in, out, side of the input, stride, padding) or ("linear", in, out)."""
    if w.net == "mlp":
        return [("linear", 1, w.filters), ("linear", w.filters, w.filters), ("linear", w.filters, 1)]
    if w.net == "tanh_mlp":
        return [("linear", w.image[0], w.filters), ("linear", w.filters, w.outputs)]
    side, _, channels = w.image
    if w.net == "omniglot_fc":
        widths = [side * side * channels, 256, 128, 64, 64, w.outputs]
        return [("linear", a, b) for a, b in zip(widths, widths[1:])]
    out, stride = [], 2 if w.net == "omniglot_conv" else 1
    for _ in range(3 if w.net == "example_conv" else 4):
        out.append(("conv", channels, w.filters, side, stride, w.pad))
        side, channels = (side + 1) // 2 if stride == 2 else (side + 2 * w.pad - 2) // 2, w.filters
    if w.algorithm == "protonet":
        return out
    return out + [("linear", channels * (1 if stride == 2 else side * side), w.outputs)]


def forward_multiply_adds(layer):
    """Of one example. Taps of a 3×3 window that fall on padding are not counted."""
    if layer[0] == "linear":
        return layer[1] * layer[2]
    _, c, k, side, stride, pad = layer
    taps = sum(0 <= o * stride + t - pad < side
               for o in range((side + 2 * pad - 3) // stride + 1) for t in range(3))
    return taps * taps * c * k


def passes(w, i, head):
    """Forward passes of layer i that a task's arithmetic amounts to, summed over its examples.

    Per example: forward 1, gradients by input and by weights 2; differentiating an inner step adds forward, forward again
    and both gradients of each: 6, and so does a product with the second derivative. The first layer needs no gradient
    by its input, which leaves 2 of each. ANIL's body is passed once, MAML++ scores its queries after every step, Reptile
    and a learned rate never, and iMAML goes back through no step: at its end it needs the support gradient but for that
    of the weights, and products with its derivative.
    """
    once, again = (2, 2) if i == 0 else (3, 6)
    inner = w.inner_support * w.steps
    if w.evaluate:
        return inner * once + w.query
    if w.algorithm == "protonet" or w.algorithm == "anil" and not head:
        return (w.support + w.query) * once
    if w.algorithm == "reptile":
        return inner * once
    if w.algorithm == "imaml":
        return (inner + w.query) * once + w.support * (once - 1 + SOLVER_STEPS * again)
    queries = w.query * {"mamlpp": w.steps, "hyper": 0}.get(w.algorithm, 1)
    return inner * (once + again * (not w.first_order)) + queries * once


def operations(w):
    """Floating-point operations of a meta-step that the mathematics needs; a multiply-add counts two."""
    all_layers = layers(w)
    return 2 * w.batch * sum(forward_multiply_adds(layer) * passes(w, i, i + 1 == len(all_layers))
                             for i, layer in enumerate(all_layers))
