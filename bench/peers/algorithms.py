"""The algorithms of the workloads, written once for PyTorch and JAX as arithmetic on named weights (dictionaries).

A kit is what a library has: features(p, x) and head(p, features), whose composition is the net; loss(scores, target);
grad(f, again)(p), the gradient of f at p, which is differentiated once more where `again` is true; curvature(f, p), a function
of v that gives the second derivative of f times v; held(p), p without where it came from; repeat(step, p, count);
scan(step, p, xs), the same where step takes a row of each of xs, too; value_and_grad(f); mean(features, ways); distances(a, b); root(a). Learned beside the net are "inner.lr.NAME" and "step.NAME".
"""
from workloads import SOLVER_STEPS

HEAD = ("linear1.weight", "linear1.bias")
PROXIMAL, DAMPING = 2, 1  # of iMAML, the preset's
BETA2, EPS = 0.999, 1e-8  # of Reptile's inner Adam, which has no first moment


def of_net(p):
    return {n: v for n, v in p.items() if not n.startswith(("inner.lr", "step."))}


def learned(w, p):
    """What the outer loop moves: all, or where a training's rate is learned, that alone."""
    return {n: v for n, v in p.items() if w.algorithm != "hyper" or n not in of_net(p)}


def adapting(w, p):
    """What inner steps move."""
    return {n: v for n, v in of_net(p).items()
            if w.algorithm not in ("anil", "mamlpp") or (n in HEAD if w.algorithm == "anil" else "norm" not in n)}


def at_step(p, k):
    """MAML++'s norm layers have values of their own after each step."""
    return {n: p["step." + n][k - 1] if k and "step." + n in p else v for n, v in of_net(p).items()}


def support_loss(w, kit, p, x, y, k):
    """A function of what adapts. ANIL's features do not depend on it."""
    if w.algorithm == "anil":
        features = kit.features(p, x)
        return lambda fast: kit.loss(kit.head(fast, features), y)
    still = at_step(p, k)
    return lambda fast: kit.loss(kit.scores({**still, **fast}, x), y)


def step(w, kit, p, f, fast, k):
    """Inner step k of maml, anil, meta_sgd and mamlpp."""
    g = kit.grad(f, not w.first_order)(fast)
    if w.algorithm == "meta_sgd":
        return {n: fast[n] - p["inner.lr." + n] * g[n] for n in fast}
    if w.algorithm == "mamlpp":
        return {n: fast[n] - p["inner.lr." + n][k] * g[n] for n in fast}
    return {n: fast[n] - w.inner_lr * g[n] for n in fast}


def adapt(w, kit, p, x, y):
    fast = adapting(w, p)
    if w.algorithm == "mamlpp":
        for k in range(w.steps):
            fast = step(w, kit, p, support_loss(w, kit, p, x, y, k), fast, k)
        return fast
    f = support_loss(w, kit, p, x, y, 0)
    return kit.repeat(lambda now: step(w, kit, p, f, now, 0), fast, w.steps)


def every_step_loss(w, kit, p, sx, sy, qx, qy):
    """MAML++ in its first meta-steps: the mean of the query losses after every inner step."""
    fast, total = adapting(w, p), 0
    for k in range(w.steps):
        fast = step(w, kit, p, support_loss(w, kit, p, sx, sy, k), fast, k)
        total = total + kit.loss(kit.scores({**at_step(p, k + 1), **fast}, qx), qy)
    return total / w.steps


def prototypes_loss(w, kit, p, sx, sy, qx, qy):
    """ProtoNet. Support and query set are one batch of the norm layers, as in the published program; examples are sorted by
    class."""
    features = kit.features(p, kit.joined(sx, qx))
    prototypes = kit.mean(features[:len(sx)], w.ways)
    return kit.loss(-kit.distances(features[len(sx):], prototypes), qy)


def training_loss(w, kit, p, sx, sy, qx, qy):
    """The mean of the losses that a training descends, which its rate decides; sx and sy hold a mini-batch for each step."""
    def once(state, x, y):
        fast, total = state
        value, g = kit.value_and_grad(lambda q: kit.loss(kit.scores(q, x), y))(fast)
        return {n: fast[n] - p["inner.lr"] * g[n] for n in g}, total + value

    return kit.scan(once, (kit.held(of_net(p)), 0.0), (sx, sy))[1] / w.steps


def task_loss(w, kit, p, sx, sy, qx, qy):
    """What gradient-based learners and ProtoNet differentiate."""
    if w.algorithm == "protonet":
        return prototypes_loss(w, kit, p, sx, sy, qx, qy)
    if w.algorithm == "mamlpp":
        return every_step_loss(w, kit, p, sx, sy, qx, qy)
    if w.algorithm == "hyper":
        return training_loss(w, kit, p, sx, sy, qx, qy)
    fast = adapt(w, kit, p, sx, sy)
    return kit.loss(kit.scores({**of_net(p), **fast}, qx), qy)


def reptile(w, kit, p, sx, sy, qx, qy):
    """Start minus end of Adam steps; sx and sy hold a mini-batch for each."""
    fast, second = kit.held(p), {n: 0 for n in p}
    for k in range(w.steps):
        g = kit.grad(lambda q: kit.loss(kit.scores(q, sx[k]), sy[k]), False)(fast)
        second = {n: BETA2 * second[n] + (1 - BETA2) * g[n] * g[n] for n in g}
        correction = (1 - BETA2 ** (k + 1)) ** 0.5
        fast = kit.held({n: fast[n] - w.inner_lr * g[n] / (kit.root(second[n]) / correction + EPS) for n in g})
    return {n: p[n] - fast[n] for n in p}


def dot(a, b):
    return sum((a[n] * b[n]).sum() for n in a)


def imaml(w, kit, p, sx, sy, qx, qy):
    """Steps held at their start, then (1 + H/λ)⁻¹ times the query loss's gradient by conjugate gradients."""
    def support(q):
        return kit.loss(kit.scores(q, sx), sy)

    def step(now):
        g = kit.grad(support, False)(now)
        return kit.held({n: now[n] - w.inner_lr * (g[n] + PROXIMAL * (now[n] - start[n])) for n in g})

    start = kit.held(p)
    fast = kit.repeat(step, start, w.steps)
    r = direction = kit.grad(lambda q: kit.loss(kit.scores(q, qx), qy), False)(fast)
    times = kit.curvature(support, fast)
    x, rr = {n: 0 for n in r}, dot(r, r)
    for _ in range(SOLVER_STEPS):
        h = times(direction)
        a = {n: direction[n] + h[n] / (PROXIMAL + DAMPING) for n in h}
        length = rr / dot(direction, a)
        x = {n: x[n] + length * direction[n] for n in a}
        r = {n: r[n] - length * a[n] for n in a}
        now = dot(r, r)
        direction = {n: r[n] + now / rr * direction[n] for n in a}
        rr = now
    return x


PSEUDO = {"reptile": reptile, "imaml": imaml}  # whose direction is no gradient of a loss
