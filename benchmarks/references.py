"""The workloads' losses and gradients in float64: plain NumPy that is meant to be read.

Each function takes a workload and parameters in float64, and gives the loss and its derivative by
each parameter. `REFERENCES` names them; every contender is compared with them before it is timed.
"""

from collections.abc import Callable, Mapping

import numpy as np

from workloads import BLOCKS, HEADS, LAYERS, Array, Workload

Params = Mapping[str, Array]
Gradients = dict[str, Array]

GELU_SCALE, GELU_CUBE = np.sqrt(2 / np.pi), 0.044715
NORM_EPSILON = 1e-5


def compute_mse(z: Array, y: Array) -> tuple[float, Array]:
    """The mean squared error, and its derivative by `z`."""
    error = z - y
    return float(np.mean(error**2)), 2 * error / error.size


def compute_cross_entropy(z: Array, y: Array) -> tuple[float, Array]:
    """The mean cross entropy of logits [N, classes] and labels [N], and its derivative by `z`."""
    shifted = z - z.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    wanted = (np.arange(len(z)), y)
    g = np.exp(log_p)
    g[wanted] -= 1
    return float(-log_p[wanted].mean()), g / len(z)


def differentiate_mlp(workload: Workload, p: Params) -> tuple[float, Gradients]:
    """Layers with ReLU between them."""
    layers = len(p) // 2
    activations = [workload.x.astype(np.float64)]
    z = activations[0]
    for layer in range(1, layers + 1):
        z = activations[-1] @ p[f"W{layer}"] + p[f"b{layer}"]
        activations.append(np.maximum(z, 0))
    compute_loss = compute_cross_entropy if workload.y.ndim == 1 else compute_mse
    loss, g = compute_loss(z, workload.y)

    gradients = {}
    for layer in range(layers, 0, -1):
        before = activations[layer - 1]
        gradients[f"W{layer}"] = before.T @ g
        gradients[f"b{layer}"] = g.sum(axis=0)
        g = (g @ p[f"W{layer}"].T) * (before > 0)
    return loss, gradients


def differentiate_deep(workload: Workload, p: Params) -> tuple[float, Gradients]:
    """o + sigmoid(o W + c) V + b, block after block."""
    o = workload.x.astype(np.float64)
    entries, middles = [], []
    for block in range(1, BLOCKS + 1):
        W, c, V, b = (p[f"o[{block}].{name}"] for name in "WcVb")
        s = 1 / (1 + np.exp(-(o @ W + c)))
        entries.append(o)
        middles.append(s)
        o = o + s @ V + b
    loss, g = compute_mse(o, workload.y)

    gradients = {}
    for block in range(BLOCKS, 0, -1):
        o, s = entries[block - 1], middles[block - 1]
        g_s = (g @ p[f"o[{block}].V"].T) * s * (1 - s)
        gradients[f"o[{block}].V"] = s.T @ g
        gradients[f"o[{block}].b"] = g.sum(axis=0)
        gradients[f"o[{block}].W"] = o.T @ g_s
        gradients[f"o[{block}].c"] = g_s.sum(axis=0)
        g = g + g_s @ p[f"o[{block}].W"].T
    return loss, gradients


def gather_patches(x: Array, size: int = 5) -> Array:
    """Every `size` × `size` window of x [N, C, H, W]: [N, C, H', W', size, size]."""
    return np.lib.stride_tricks.sliding_window_view(x, (size, size), (2, 3))


def convolve(x: Array, W: Array) -> Array:
    """x [N, C, H, W] under kernels [O, C, h, w], not turned round, as networks have it."""
    return np.moveaxis(np.tensordot(gather_patches(x), W, ([1, 4, 5], [1, 2, 3])), 3, 1)


def pull_convolution(g: Array, x: Array, W: Array) -> tuple[Array, Array]:
    """From the cotangent of `convolve(x, W)` to those of x and of W."""
    g_W = np.tensordot(g, gather_patches(x), ([0, 2, 3], [0, 2, 3]))
    padded = np.pad(g, ((0, 0), (0, 0), (4, 4), (4, 4)))
    return convolve(padded, W[:, :, ::-1, ::-1].swapaxes(0, 1)), g_W


def pool(x: Array) -> Array:
    """The maximum of every 2 × 2."""
    n, c, h, w = x.shape
    return np.asarray(x.reshape(n, c, h // 2, 2, w // 2, 2).max(axis=(3, 5)))


def pull_pool(g: Array, x: Array) -> Array:
    """From the cotangent of `pool(x)` to that of x. Equal maxima share it: here only zeros are
    equal, and the ReLU before lets nothing pass there."""
    n, c, h, w = x.shape
    cells = x.reshape(n, c, h // 2, 2, w // 2, 2)
    largest = cells == cells.max(axis=(3, 5), keepdims=True)
    shares = largest / largest.sum(axis=(3, 5), keepdims=True)
    return np.asarray((g[:, :, :, None, :, None] * shares).reshape(x.shape))


def differentiate_convnet(workload: Workload, p: Params) -> tuple[float, Gradients]:
    """Convolution, ReLU and pool, twice; then two dense layers."""
    x = workload.x.astype(np.float64)
    c1 = np.maximum(convolve(x, p["c1.W"]) + p["c1.b"][:, None, None], 0)
    p1 = pool(c1)
    c2 = np.maximum(convolve(p1, p["c2.W"]) + p["c2.b"][:, None, None], 0)
    p2 = pool(c2)
    flat = p2.reshape(len(x), -1)
    h = np.maximum(flat @ p["h.W"] + p["h.b"], 0)
    loss, g_z = compute_cross_entropy(h @ p["z.W"] + p["z.b"], workload.y)

    g_h = (g_z @ p["z.W"].T) * (h > 0)
    g_c2 = pull_pool((g_h @ p["h.W"].T).reshape(p2.shape), c2) * (c2 > 0)
    g_p1, g_W2 = pull_convolution(g_c2, p1, p["c2.W"])
    g_c1 = pull_pool(g_p1, c1) * (c1 > 0)
    _, g_W1 = pull_convolution(g_c1, x, p["c1.W"])
    return loss, {
        "c1.W": g_W1,
        "c1.b": g_c1.sum(axis=(0, 2, 3)),
        "c2.W": g_W2,
        "c2.b": g_c2.sum(axis=(0, 2, 3)),
        "h.W": flat.T @ g_h,
        "h.b": g_h.sum(axis=0),
        "z.W": h.T @ g_z,
        "z.b": g_z.sum(axis=0),
    }


def normalize(x: Array) -> tuple[Array, Array]:
    """Each row at mean 0 and variance 1, and what its deviations were multiplied by."""
    away = x - x.mean(axis=-1, keepdims=True)
    scale = 1 / np.sqrt((away**2).mean(axis=-1, keepdims=True) + NORM_EPSILON)
    return away * scale, scale


def pull_normalize(g: Array, n: Array, scale: Array) -> Array:
    """From the cotangent of `n`, normalised by `scale`, to that of what it was made from."""
    along = (g * n).mean(axis=-1, keepdims=True)
    return np.asarray((g - g.mean(axis=-1, keepdims=True) - n * along) * scale)


def gelu(x: Array) -> tuple[Array, Array]:
    """GELU in its form with tanh, and its derivative (Hendrycks & Gimpel, 2016)."""
    t = np.tanh(GELU_SCALE * (x + GELU_CUBE * x**3))
    slope = (1 - t**2) * GELU_SCALE * (1 + 3 * GELU_CUBE * x**2)
    return x * (1 + t) / 2, (1 + t) / 2 + x * slope / 2


def split(x: Array) -> Array:
    """[N, T, d] to [N, heads, T, d / heads]."""
    return x.reshape(*x.shape[:2], HEADS, -1).swapaxes(1, 2)


def join(x: Array) -> Array:
    """`split`, undone."""
    return x.swapaxes(1, 2).reshape(len(x), x.shape[2], -1)


def differentiate_layer(
    h: Array, p: Params, layer: int
) -> tuple[Array, Callable[[Array, Gradients], Array]]:
    """A transformer layer's value; and what takes its cotangent, notes the gradients of the
    parameters, and gives the cotangent of `h`."""
    names = ("g1", "b1", "Q", "O", "g2", "b2", "W1", "c1", "W2", "c2")
    g1, b1, Q, O, g2, b2, W1, c1, W2, c2 = (p[f"h[{layer}].{name}"] for name in names)  # noqa: E741
    n1, scale1 = normalize(h)
    a1 = n1 * g1 + b1
    q, k, v = (split(part) for part in np.split(a1 @ Q, 3, axis=-1))
    root = np.sqrt(q.shape[-1])
    scores = np.where(np.tri(h.shape[1], dtype=bool), q @ k.swapaxes(2, 3) / root, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    seen = join(weights @ v)
    middle = h + seen @ O
    n2, scale2 = normalize(middle)
    a2 = n2 * g2 + b2
    inner, slope = gelu(a2 @ W1 + c1)

    def pull(g: Array, gradients: Gradients) -> Array:
        g_inner = g @ W2.T * slope
        g_a2 = g_inner @ W1.T
        g_middle = g + pull_normalize(g_a2 * g2, n2, scale2)
        g_seen = split(g_middle @ O.T)
        g_weights = g_seen @ v.swapaxes(2, 3)
        g_scores = weights * (g_weights - (g_weights * weights).sum(axis=-1, keepdims=True)) / root
        g_parts = (g_scores @ k, g_scores.swapaxes(2, 3) @ q, weights.swapaxes(2, 3) @ g_seen)
        g_qkv = np.concatenate([join(part) for part in g_parts], axis=-1)
        g_a1 = g_qkv @ Q.T
        found = {
            "g1": (g_a1 * n1).sum(axis=(0, 1)),
            "b1": g_a1.sum(axis=(0, 1)),
            "Q": contract(a1, g_qkv),
            "O": contract(seen, g_middle),
            "g2": (g_a2 * n2).sum(axis=(0, 1)),
            "b2": g_a2.sum(axis=(0, 1)),
            "W1": contract(a2, g_inner),
            "c1": g_inner.sum(axis=(0, 1)),
            "W2": contract(inner, g),
            "c2": g.sum(axis=(0, 1)),
        }
        gradients.update({f"h[{layer}].{name}": value for name, value in found.items()})
        return g_middle + pull_normalize(g_a1 * g1, n1, scale1)

    return middle + inner @ W2 + c2, pull


def contract(a: Array, g: Array) -> Array:
    """The gradient of W in a W, from a [N, T, i] and the cotangent g [N, T, j]."""
    return np.tensordot(a, g, ([0, 1], [0, 1]))


def differentiate_transformer(workload: Workload, p: Params) -> tuple[float, Gradients]:
    """Embeddings of tokens and places, the layers, logits."""
    h = p["E"][workload.x] + p["P"]
    pulls = []
    for layer in range(1, LAYERS + 1):
        h, pull = differentiate_layer(h, p, layer)
        pulls.append(pull)
    z = h @ p["U"]
    loss, g_z = compute_cross_entropy(z.reshape(-1, z.shape[-1]), workload.y.reshape(-1))
    g_z = g_z.reshape(z.shape)
    gradients = {"U": contract(h, g_z)}
    g = g_z @ p["U"].T
    for pull in reversed(pulls):
        g = pull(g, gradients)
    gradients["P"] = g.sum(axis=0)
    gradients["E"] = np.zeros_like(p["E"])
    np.add.at(gradients["E"], workload.x, g)
    return loss, gradients


REFERENCES: dict[str, Callable[[Workload, Params], tuple[float, Gradients]]] = {
    "micro": differentiate_mlp,
    "digits": differentiate_mlp,
    "wide": differentiate_mlp,
    "deep": differentiate_deep,
    "convnet": differentiate_convnet,
    "transformer": differentiate_transformer,
}
