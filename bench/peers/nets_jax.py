"""The nets and losses of the workloads in JAX, channels last, with either of two convolutions."""
import jax
import jax.numpy as jnp
import numpy as np

EPS = 1e-5


def from_torch(weights):
    """PyTorch's layouts -> [kh, kw, in, out] and [in, out]; those of steps have them first."""
    return {k: jnp.asarray(v.transpose(2, 3, 1, 0) if v.ndim == 4 else v.T if turned(k, v) else v)
            for k, v in weights.items()}


def turned(name, v):
    return v.ndim == 2 and not name.startswith("step.")


def to_torch(weights):
    out = {}
    for k, v in weights.items():
        v = np.asarray(v)
        out[k] = v.transpose(3, 2, 0, 1) if v.ndim == 4 else v.T if turned(k, v) else v
    return out


def own_conv(x, w, stride):
    return jax.lax.conv_general_dilated(x, w, (stride, stride), ((1, 1), (1, 1)),
                                        dimension_numbers=("NHWC", "HWIO", "NHWC"))


def patches_conv(x, w, stride):
    """The convolution written by hand: nine shifted copies side by side, times one matrix."""
    n, height, width, c = x.shape
    oh, ow = (height - 1) // stride + 1, (width - 1) // stride + 1
    x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    patches = jnp.concatenate(
        [x[:, i:i + (oh - 1) * stride + 1:stride, j:j + (ow - 1) * stride + 1:stride]
         for i in range(3) for j in range(3)], -1)
    return (patches.reshape(n * oh * ow, 9 * c) @ w.reshape(9 * c, -1)).reshape(n, oh, ow, -1)


def norm(x, gamma, beta):
    axes = tuple(range(x.ndim - 1))
    mean = x.mean(axes)
    centred = x - mean
    variance = (centred * centred).mean(axes)
    return centred * (jax.lax.rsqrt(variance + EPS) * gamma) + beta


def max_pool(x):
    """A maximum's gradient goes to the first of equal numbers, as in PyTorch. That of jnp.max goes to all that equal the
    maximum, which XLA may compute again with another rounding: then it is wrong (relative error 0.4 on W5)."""
    n, h, w, c = x.shape
    x = x[:, :h // 2 * 2, :w // 2 * 2].reshape(n, h // 2, 2, w // 2, 2, c)
    first, *others = (x[:, :, i, :, j] for i in range(2) for j in range(2))
    for other in others:
        first = jnp.where(other > first, other, first)
    return first


def features(w, conv, p, x):
    """All but the last linear layer."""
    if w.net == "mlp":
        for i in (1, 2):
            x = jax.nn.relu(x @ p[f"linear{i}.weight"] + p[f"linear{i}.bias"])
        return x
    if w.net == "tanh_mlp":
        return jnp.tanh(x @ p["linear1.weight"] + p["linear1.bias"])
    if w.net == "omniglot_fc":
        x = x.reshape(len(x), -1)
    for i in range(1, 5):
        if w.net == "omniglot_fc":
            x = x @ p[f"linear{i}.weight"]
        else:
            x = conv(x, p[f"conv{i}.weight"], 2 if w.net == "omniglot_conv" else 1)
        x = jax.nn.relu(norm(x, p[f"norm{i}.weight"], p[f"norm{i}.bias"]))
        if w.net == "conv4":
            x = max_pool(x)
    if w.net == "omniglot_conv":
        x = x.mean((1, 2))
    elif w.net == "conv4":
        x = x.transpose(0, 3, 1, 2).reshape(len(x), -1)  # the head's rows are in PyTorch's order
    return x


def head(w, p, x):
    name = {"mlp": "linear3", "tanh_mlp": "linear2", "omniglot_fc": "linear5"}.get(w.net, "linear1")
    return x @ p[name + ".weight"] + p[name + ".bias"]


def loss(w, scores, target):
    if w.regression:
        return jnp.mean((scores - target) ** 2)
    return -jnp.take_along_axis(jax.nn.log_softmax(scores), target[:, None], -1).mean()
