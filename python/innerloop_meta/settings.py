"""Written by tools/python_settings.py from the tables of the library; do not edit.

The keys of a configuration, group by group, for keyword arguments of `train`:
``train("omniglot-5w1s-maml", data="omniglot.safetensors", outer={"steps": 3000})``.
"""

from __future__ import annotations

from typing import Literal, TypedDict, Union

Preset = Literal[
    "glyphs-5w1s-maml",
    "omniglot-5w1s-maml",
    "omniglot-20w1s-maml",
    "omniglot-fc-5w1s-maml",
    "omniglot-5w1s-conv4-maml",
    "omniglot-5w1s-500steps",
    "omniglot-5w1s-anil",
    "omniglot-20w1s-anil",
    "omniglot-5w1s-boil",
    "omniglot-5w1s-tnet",
    "omniglot-5w1s-meta-sgd",
    "omniglot-5w1s-protonet",
    "omniglot-20w1s-protonet",
    "omniglot-20w1s-within",
    "omniglot-5w1s-reptile",
    "glyphs-5w1s-protonet",
    "glyphs84-5w5s-maml",
    "sinusoid-5shot-maml",
    "sinusoid-10shot-maml",
    "sinusoid-10shot-cavia",
    "omniglot-5w1s-cavia",
    "omniglot-5w1s-protomaml",
    "omniglot-5w1s-maml++",
    "omniglot-20w1s-maml++",
    "omniglot-5w1s-meta-curvature",
    "omniglot-5w1s-imaml",
    "omniglot-5w1s-matching",
    "omniglot-5w1s-r2d2",
    "omniglot-5w1s-metaoptnet",
    "omniglot-5w1s-relation",
    "omniglot-5w1s-baseline",
    "omniglot-5w1s-baselinepp",
    "omniglot-5w1s-simpleshot",
    "pictures-5w1s-maml",
    "pictures-5w5s-protonet",
    "features-5w5s-maml",
    "signals-5w5s-maml",
    "regression-10shot-maml",
    "mnist1d-learn-rate",
    "mnist1d-learn-activation",
]


class Task(TypedDict, total=False):
    """What tasks are."""

    source: Literal["dataset", "omniglot", "glyphs", "sinusoid", "mnist1d", "table", "tasks"]
    """where tasks come from. One of dataset, omniglot, glyphs, sinusoid, mnist1d, table, tasks; default
    glyphs."""
    data: str
    """data set of the task.source: an imported one, a table, or a file of tasks. Text; default none."""
    ways: int
    """classes of an episode. An integer from 2 to 1000; default 5."""
    shots: int
    """support examples per class; of the task where it has no classes. An integer from 1 to 1000; default 1."""
    queries: int
    """query examples per class; of the task where it has no classes. An integer from 1 to 1000; default 1."""
    train_ways: Union[int, str]
    """classes of a training episode; 0: task.ways; of a range such as 5-20 each meta-step draws a number. An
    integer from 0 to 1000, or a range of them such as 1-5; default 0."""
    train_shots: Union[int, str]
    """support examples in training; 0: task.shots; of a range such as 1-5 each meta-step draws a number. An
    integer from 0 to 1000, or a range of them such as 1-5; default 0."""
    train_queries: int
    """query examples in training; 0: task.queries. An integer from 0 to 1000; default 0."""
    pool: int
    """training tasks (of each shape) that there are, used again and again in this order; 0: always new ones. An
    integer from 0 to 1000000000000000; default 0."""
    rotations: Literal["none", "random", "classes"]
    """quarter turns: none, one at random per class and episode, or each its own class. One of none, random,
    classes; default none."""
    rotate_test: bool
    """rotate in validation and test episodes too. True or false; default false."""
    within: Literal["split", "alphabet", "origin"]
    """whose classes an episode takes together: any of the split, those of one alphabet (names that are the same
    up to the last slash), or those of one class_origins of the data. One of split, alphabet, origin; default
    split."""
    train_within: Literal["same", "split", "alphabet", "origin"]
    """the same for training episodes; same: task.within. One of same, split, alphabet, origin; default same."""
    fused: int
    """classes of the data that make one class of an episode, whose examples come from them in turn; 2: pairs. An
    integer from 1 to 100; default 1."""
    augment: Literal["support", "query", "both"]
    """which sets of training tasks the augment.* keys change. One of support, query, both; default both."""
    split: Literal["auto", "random", "official", "alphabets", "file", "test"]
    """how classes are divided: auto fits what there is (a fifth tests), test trains none. One of auto, random,
    official, alphabets, file, test; default random."""
    split_file: str
    """file of `train|validation|test CLASS` lines, for task.split file. Text; default none."""
    train_classes: float
    """classes that train, or below 1 the share of them (split random; alphabets for split alphabets). A number
    from 0 to 1e+06; default 300."""
    validation_classes: float
    """classes (or alphabets) that validate, or their share. A number from 0 to 1e+06; default 20."""
    test_classes: float
    """classes (or alphabets) that test, or their share; 0: the rest. A number from 0 to 1e+06; default 0."""
    split_seed: int
    """seed of the random split. An integer from 0 to 9000000000000000; default 1."""
    only: str
    """classes that can be drawn, once all are divided: names or origins with * for any text, comma between, ! in
    front for all others; empty: all. Text; default none."""
    class_weights: str
    """file of `WEIGHT CLASS` lines, * in CLASS for any text: how often classes are drawn, others with 1, 0 for
    never; empty: all alike. Text; default none."""


class Model(TypedDict, total=False):
    """The net."""

    preset: Literal["mlp", "omniglot_fc", "omniglot_conv", "conv4", "conv1d", "resnet12", "relation_conv"]
    """the net (conv1d: for signals); or list model.layers in the file. One of mlp, omniglot_fc, omniglot_conv,
    conv4, conv1d, resnet12, relation_conv; default omniglot_conv."""
    filters: int
    """width of the net; 0: the preset's own. An integer from 0 to 4096; default 0."""


class Meta(TypedDict, total=False):
    """The meta-learning algorithm."""

    algorithm: Literal["maml", "anil", "boil", "meta_sgd", "protonet", "reptile", "protomaml", "cavia", "mamlpp", "meta_curvature", "imaml", "matching", "r2d2", "metaoptnet", "relation", "baseline", "baselinepp", "simpleshot", "hyper"]
    """meta-learning algorithm. One of maml, anil, boil, meta_sgd, protonet, reptile, protomaml, cavia, mamlpp,
    meta_curvature, imaml, matching, r2d2, metaoptnet, relation, baseline, baselinepp, simpleshot, hyper; default
    maml."""
    query_statistics: Literal["query", "support", "each", "running"]
    """whose norm statistics queries are scored with: the query set's own (transductive), the support set's, each
    query's own, or running ones of training. One of query, support, each, running; default query."""


class Inner(TypedDict, total=False):
    """How a learner adapts to a task."""

    steps: int
    """inner steps of a task. An integer from 0 to 1000; default 1."""
    lr: float
    """inner learning rate; multiplies the gradient of the MEAN support loss (meta_sgd, mamlpp and most of hyper
    learn their own). A number from 0 to 1e+06; default 0.4."""
    optimizer: Literal["sgd", "momentum", "adam", "adamw", "rmsprop", "adagrad"]
    """optimizer of the inner loop. One of sgd, momentum, adam, adamw, rmsprop, adagrad; default sgd."""
    batch: int
    """support examples of an inner step, by inner.order; 0: all. An integer from 0 to 65536; default 0."""
    order: Literal["random", "listed"]
    """which support examples an inner step of inner.batch takes: random ones, all before any comes again, or the
    next of those that the task lists, from its first on. One of random, listed; default random."""
    adapts: str
    """parameters that adapt: names with * for any text, or head, comma between, ! in front for all others; empty:
    as the algorithm says. Text; default none."""
    l2: float
    """adds so much of each weight to its inner gradient. A number from 0 to 1e+06; default 0."""
    learned: str
    """numbers of the inner loop that the outer loop learns, from what they are set to: lr, l2, clip and those of
    the inner optimizer, comma between. Text; default none."""
    clip: float
    """longest inner gradient, all weights together; a longer one is shortened; 0: any. A number from 0 to 1e+30;
    default 0."""
    first_order: bool
    """leave out the derivative of the inner gradient. True or false; default false."""
    loop: Literal["unroll", "keep", "remake"]
    """inner steps are copies of a step, or one operation: planning takes no longer for more steps, and memory
    grows by the weights before each of them (keep) or before every n-th (n: the root of their number), the others
    being made again (remake); changes results by rounding. One of unroll, keep, remake; default unroll."""
    momentum: float
    """share of the buffer that is kept (momentum). A number from 0 to 1; default 0.9."""
    nesterov: bool
    """look ahead along the buffer (momentum). True or false; default false."""
    beta1: float
    """decay of the first moment (adam, adamw). A number from 0 to below 1; default 0.9."""
    beta2: float
    """decay of the second moment (adam, adamw). A number from 0 to below 1; default 0.999."""
    eps: float
    """outside the root (adam, adamw, rmsprop, adagrad). A number from 1e-300 to 1; default 1.0e-8."""
    weight_decay: float
    """share of a weight, times the rate, that a step takes away (adamw). A number from 0 to 1e+06; default
    0.01."""
    alpha: float
    """decay of the mean square (rmsprop). A number from 0 to below 1; default 0.99."""
    initial: float
    """what the mean square starts at (rmsprop). A number from 0 to 1e+06; default 0."""


class Outer(TypedDict, total=False):
    """How meta-parameters move."""

    optimizer: Literal["sgd", "momentum", "adam", "adamw", "rmsprop", "adagrad"]
    """outer optimizer. One of sgd, momentum, adam, adamw, rmsprop, adagrad; default adam."""
    lr: float
    """outer learning rate. A number from 0 to 1e+06; default 0.001."""
    schedule: Literal["constant", "linear", "cosine", "step"]
    """outer.lr over the meta-steps: as it is, down to outer.lr_end, or by outer.decay now and then. One of
    constant, linear, cosine, step; default constant."""
    lr_end: float
    """where outer.schedule linear and cosine end. A number from 0 to 1e+06; default 0."""
    decay: float
    """factor of outer.schedule step. A number from 0 to 1; default 0.5."""
    decay_every: int
    """meta-steps between two factors of outer.schedule step. An integer from 1 to 1000000000000; default 2000."""
    warmup: int
    """meta-steps over which the outer rate rises to what it is; 0: none. An integer from 0 to 1000000000000;
    default 0."""
    l2: float
    """adds so much of each weight to its meta-gradient. A number from 0 to 1e+06; default 0."""
    clip: float
    """longest meta-gradient, all weights together; a longer one is shortened; 0: any. A number from 0 to 1e+30;
    default 0."""
    clip_value: float
    """largest number of a meta-gradient, either sign; 0: any. A number from 0 to 1e+30; default 0."""
    ema: float
    """decay of a moving average of all that is learned; the average then validates and is the learner that is
    kept; 0: none. A number from 0 to below 1; default 0."""
    skip_nonfinite: bool
    """leave out the update of a meta-step whose loss, gradient or update is not finite, and count it; 100 in a
    row end the run. True or false; default false."""
    meta_batch: int
    """tasks per meta-step. An integer from 1 to 65536; default 32."""
    steps: int
    """meta-steps. An integer from 1 to 1000000000000; default 1000."""
    momentum: float
    """share of the buffer that is kept (momentum). A number from 0 to 1; default 0.9."""
    nesterov: bool
    """look ahead along the buffer (momentum). True or false; default false."""
    beta1: float
    """decay of the first moment (adam, adamw). A number from 0 to below 1; default 0.9."""
    beta2: float
    """decay of the second moment (adam, adamw). A number from 0 to below 1; default 0.999."""
    eps: float
    """outside the root (adam, adamw, rmsprop, adagrad). A number from 1e-300 to 1; default 1.0e-8."""
    weight_decay: float
    """share of a weight, times the rate, that a step takes away (adamw). A number from 0 to 1e+06; default
    0.01."""
    alpha: float
    """decay of the mean square (rmsprop). A number from 0 to below 1; default 0.99."""
    initial: float
    """what the mean square starts at (rmsprop). A number from 0 to 1e+06; default 0."""


class Eval(TypedDict, total=False):
    """What is measured, and when."""

    tasks: int
    """test tasks of `innerloop eval`. An integer from 2 to 10000000; default 1000."""
    steps: str
    """numbers of inner steps after which `innerloop eval` measures, ascending, comma between. Text; default
    0,1,2,3,5,10."""
    every: int
    """meta-steps between validations; 0: never. An integer from 0 to 1000000000000; default 500."""
    patience: int
    """training ends after so many validations in a row that are no better than the best; 0: it does not. An
    integer from 0 to 1000000000; default 0."""
    validation_tasks: int
    """tasks of one validation. An integer from 2 to 1000000; default 100."""
    queries: int
    """query examples of validation and test tasks; 0: task.queries. An integer from 0 to 1000; default 0."""


class Plan(TypedDict, total=False):
    """How a meta-step is compiled."""

    factored: Literal["auto", "off"]
    """keep updates of linear layers as factors where that costs less; changes results by rounding. One of auto,
    off; default auto."""
    winograd: Literal["auto", "off"]
    """fewer multiply-adds for 3x3 convolutions of stride 1 where that is faster; changes results by rounding. One
    of auto, off; default auto."""
    lanes: Literal["choose", "never", "always"]
    """several tasks at once in the lanes of vectors, same bits; choose: for small nets. One of choose, never,
    always; default choose."""


class Checkpoint(TypedDict, total=False):
    """When checkpoints are written."""

    every: int
    """meta-steps between checkpoints. An integer from 1 to 1000000000000; default 500."""
    best: int
    """learners that validate best are kept beside the last one, as many, for `innerloop eval --ensemble`. An
    integer from 0 to 16; default 0."""


class Log(TypedDict, total=False):
    """When lines of the metrics are written."""

    every: int
    """meta-steps between lines of metrics.jsonl. An integer from 1 to 1000000000000; default 10."""


class Glyphs(TypedDict, total=False):
    """Settings of glyphs."""

    alphabets: int
    """drawn alphabets. An integer from 1 to 1000; default 20."""
    classes: int
    """characters per drawn alphabet. An integer from 1 to 1000; default 20."""
    writers: int
    """examples per character. An integer from 2 to 1000; default 20."""
    side: int
    """height and width of a drawing in pixels. An integer from 8 to 512; default 28."""
    channels: int
    """1: white on black; 3: each drawing in its own colours. An integer from 1 to 3; default 1."""
    seed: int
    """seed of the drawing. An integer from 0 to 9000000000000000; default 1."""


class Mnist1d(TypedDict, total=False):
    """Settings of mnist1d."""

    examples: int
    """signals, four of five for training; a tenth of each class. An integer from 20 to 100000; default 5000."""
    seed: int
    """seed of the drawing. An integer from 0 to 4294967295; default 42."""
    validation: int
    """training examples, the last ones, that are the query set in training and validation instead; 0: there,
    queries are examples that train. An integer from 0 to 99999; default 0."""


class Tasks(TypedDict, total=False):
    """Settings of tasks."""

    classes: int
    """classes that a net for the tasks tells apart; 0: one more than the largest label of the file. An integer
    from 0 to 65536; default 0."""


class MetaSgd(TypedDict, total=False):
    """Settings of meta_sgd."""

    low: float
    """learned inner rates start evenly drawn from here (meta_sgd). A number from -1e+06 to 1e+06; default
    0.005."""
    high: float
    """to here (meta_sgd). A number from -1e+06 to 1e+06; default 0.1."""


class Protonet(TypedDict, total=False):
    """Settings of protonet."""

    distance: Literal["euclidean", "cosine"]
    """how features are compared: by the squared distance or the cosine (protonet). One of euclidean, cosine;
    default euclidean."""
    scale: float
    """multiplies it (protonet). A number from 0 to 1e+06; default 1."""
    learned: bool
    """the scale is learned from there on (protonet). True or false; default false."""


class Reptile(TypedDict, total=False):
    """Settings of reptile."""

    carried: bool
    """mean squares of inner.optimizer rmsprop go on from task to task, as those of the published program's Adam
    (reptile). True or false; default false."""
    square: float
    """what these start at (reptile). A number from 0 to 1e+06; default 0.0001."""


class Cavia(TypedDict, total=False):
    """Settings of cavia."""

    contexts: int
    """numbers of the context (cavia). An integer from 1 to 10000; default 5."""
    layer: str
    """norm layer, or linear layer with a bias, that takes the context in (cavia); empty: the third norm layer, or
    linear1. Text; default none."""


class Mamlpp(TypedDict, total=False):
    """Settings of mamlpp."""

    steps: int
    """inner steps with rates, norm scales and shifts of their own; later ones take the last's; 0: inner.steps
    (mamlpp). An integer from 0 to 1000; default 0."""
    lr: float
    """learned inner rates start here (mamlpp). A number from -1e+06 to 1e+06; default 0.1."""
    step_norm: bool
    """norm scales and shifts that do not adapt have values for each inner step (mamlpp). True or false; default
    true."""
    multi_step: int
    """meta-steps, from the first, that learn from the loss after every inner step (mamlpp). An integer from 0 to
    1000000000000; default 5000."""
    first_order: int
    """meta-steps, from the first, of first order (mamlpp). An integer from 0 to 1000000000000; default 0."""
    epoch: int
    """meta-steps between two changes of the weights of these losses (mamlpp). An integer from 1 to 1000000000000;
    default 500."""


class Imaml(TypedDict, total=False):
    """Settings of imaml."""

    proximal: float
    """lambda: how much the inner loop is held at where it starts (imaml). A number from 1e-09 to 1e+09; default
    2."""
    pull: Literal["each", "end"]
    """when it is pulled there: in each step, as the paper has it, or once behind the last, as its program
    (imaml). One of each, end; default each."""
    damping: float
    """added to lambda where the implicit gradient is solved for (imaml). A number from 0 to 1e+09; default 1."""
    solver: Literal["cg", "neumann"]
    """of the implicit gradient: conjugate gradients or Neumann's series (imaml). One of cg, neumann; default
    cg."""
    solver_steps: int
    """its steps, each a product with the second derivative (imaml). An integer from 0 to 1000; default 5."""


class Matching(TypedDict, total=False):
    """Settings of matching."""

    distance: Literal["euclidean", "cosine"]
    """how features are compared: by the squared distance or the cosine (matching). One of euclidean, cosine;
    default cosine."""
    scale: float
    """multiplies it (matching). A number from 0 to 1e+06; default 10."""
    learned: bool
    """the scale is learned from there on (matching). True or false; default true."""


class R2d2(TypedDict, total=False):
    """Settings of r2d2."""

    l2: float
    """weight of the squared length; learned from there on (r2d2). A number from 1e-09 to 1e+09; default 1."""
    scale: float
    """of the regression's scores; learned from there on (r2d2). A number from 0 to 1e+06; default 10."""


class Metaoptnet(TypedDict, total=False):
    """Settings of metaoptnet."""

    l2: float
    """weight of the squared length (metaoptnet). A number from 1e-09 to 1e+09; default 50."""
    scale: float
    """of the regression's scores; learned from there on (metaoptnet). A number from 0 to 1e+06; default 10."""


class Relation(TypedDict, total=False):
    """Settings of relation."""

    filters: int
    """filters of either convolution that compares (relation). An integer from 1 to 4096; default 64."""
    units: int
    """units of the linear layer behind them (relation). An integer from 1 to 4096; default 8."""


class Baseline(TypedDict, total=False):
    """Settings of baseline."""

    classes: int
    """training classes that the net learns to tell apart; 0: those that there are (baseline). An integer from 0
    to 1048576; default 0."""


class Baselinepp(TypedDict, total=False):
    """Settings of baselinepp."""

    classes: int
    """training classes that the net learns to tell apart; 0: those that there are (baselinepp). An integer from 0
    to 1048576; default 0."""
    scale: float
    """multiplies the cosines (baselinepp). A number from 0 to 1e+06; default 10."""
    learned: bool
    """the scale is learned from there on (baselinepp). True or false; default false."""


class Simpleshot(TypedDict, total=False):
    """Settings of simpleshot."""

    classes: int
    """training classes that the net learns to tell apart; 0: those that there are (simpleshot). An integer from 0
    to 1048576; default 0."""
    centre: bool
    """take the mean of the training classes' features off (simpleshot). True or false; default true."""


class Hyper(TypedDict, total=False):
    """Settings of hyper."""

    rates: Literal["none", "one", "tensor", "step"]
    """inner rates that are learned: none, one of all, of each parameter, or of each inner step (hyper). One of
    none, one, tensor, step; default one."""
    lr: float
    """learned inner rates start here (hyper). A number from -1e+06 to 1e+06; default 0.1."""
    steps: int
    """inner steps with rates of their own, of hyper.rates step; later ones take the last's (hyper). An integer
    from 1 to 1000; default 5."""
    loss: Literal["steps", "query"]
    """what is made small: the mean loss that inner steps descend, or the query loss after them (hyper). One of
    steps, query; default steps."""
    last: int
    """inner steps, the last ones, that count for hyper.loss steps; 0: all (hyper). An integer from 0 to 1000;
    default 0."""
    start: Literal["same", "fresh"]
    """where inner steps start: at the same values always, or in training at values drawn for each task (hyper).
    One of same, fresh; default same."""


class Augment(TypedDict, total=False):
    """Settings of augment."""

    rotate: bool
    """quarter turns of square images, one at random per example. True or false; default false."""
    flip_horizontal: bool
    """left and right exchanged, half of the time. True or false; default false."""
    flip_vertical: bool
    """top and bottom exchanged, half of the time. True or false; default false."""
    crop: int
    """images moved by up to so many pixels either way, signals by so many steps. An integer from 0 to 1024;
    default 0."""
    degrees: float
    """images turned by up to so many degrees either way. A number from 0 to 180; default 0."""
    shift: float
    """moved by up to this share of the side, or of a signal's length. A number from 0 to 1; default 0."""
    scale: float
    """images scaled by 1 plus or minus up to this. A number from 0 to 0.99; default 0."""
    shear: float
    """images slanted along either side by up to this share of the other. A number from 0 to 0.99; default 0."""
    stretch: float
    """one side of an image longer by up to this, the other shorter, or the other way round. A number from 0 to
    0.99; default 0."""
    elastic: float
    """the points of a 5x5 grid over an image moved by up to this share of the side. A number from 0 to 1; default
    0."""
    erase: float
    """how often 2 % to 20 % of an image or signal become 0. A number from 0 to 1; default 0."""
    jitter: float
    """normal noise, as a share of the example's own standard deviation. A number from 0 to 10; default 0."""
    gain: float
    """each channel times 1 plus or minus up to this. A number from 0 to 0.99; default 0."""


class Settings(TypedDict, total=False):
    """All of them."""

    seed: int
    """seed of weights, episodes and dropout. An integer from 0 to 9000000000000000; default 1."""
    precision: Literal["float32", "float64"]
    """real numbers of the whole computation; float64 is for comparisons: its kernels are plain loops, 20 to 100
    times slower. One of float32|float64; default float32."""
    task: Task
    model: Model
    meta: Meta
    inner: Inner
    outer: Outer
    eval: Eval
    plan: Plan
    checkpoint: Checkpoint
    log: Log
    glyphs: Glyphs
    mnist1d: Mnist1d
    tasks: Tasks
    meta_sgd: MetaSgd
    protonet: Protonet
    reptile: Reptile
    cavia: Cavia
    mamlpp: Mamlpp
    imaml: Imaml
    matching: Matching
    r2d2: R2d2
    metaoptnet: Metaoptnet
    relation: Relation
    baseline: Baseline
    baselinepp: Baselinepp
    simpleshot: Simpleshot
    hyper: Hyper
    augment: Augment
