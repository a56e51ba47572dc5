"""The workloads in JAX: one compiled function for the whole step, its state donated."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from contender import Contender
from workloads import BETA1, BETA2, BLOCKS, EPSILON, HEADS, LAYERS, LEARNING_RATE, Array, Workload

Params = Mapping[str, Any]
LAYER = ("g1", "b1", "Q", "O", "g2", "b2", "W1", "c1", "W2", "c2")

# The loss from parameters and a batch, all arrays of JAX.
Loss = Callable[[Params, Any, Any], Any]


def cross_entropy(z: Any, y: Any) -> Any:
    """The mean over all but the last axis."""
    return -jnp.take_along_axis(jax.nn.log_softmax(z), y[..., None], -1).mean()


def mlp_logits(p: Params, x: Any) -> Any:
    """Layers with ReLU between them."""
    layers = len(p) // 2
    for layer in range(1, layers + 1):
        x = x @ p[f"W{layer}"] + p[f"b{layer}"]
        if layer < layers:
            x = jax.nn.relu(x)
    return x


def regress(p: Params, x: Any, y: Any) -> Any:
    """A multilayer perceptron's mean squared error."""
    return ((mlp_logits(p, x) - y) ** 2).mean()


def classify(p: Params, x: Any, y: Any) -> Any:
    """A multilayer perceptron's mean cross entropy."""
    return cross_entropy(mlp_logits(p, x), y)


def deep(p: Params, x: Any, y: Any) -> Any:
    """Residual blocks."""
    for block in range(1, BLOCKS + 1):
        W, c, V, b = (p[f"o[{block}].{name}"] for name in "WcVb")
        x = x + jax.nn.sigmoid(x @ W + c) @ V + b
    return ((x - y) ** 2).mean()


def convnet(p: Params, x: Any, y: Any) -> Any:
    """Two convolutions with their pools, two dense layers."""
    for layer in ("c1", "c2"):
        x = jax.lax.conv_general_dilated(x, p[f"{layer}.W"], (1, 1), "VALID")
        x = jax.nn.relu(x + p[f"{layer}.b"][:, None, None])
        x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
    h = jax.nn.relu(x.reshape(len(x), -1) @ p["h.W"] + p["h.b"])
    return cross_entropy(h @ p["z.W"] + p["z.b"], y)


def layer_norm(x: Any, g: Any, b: Any) -> Any:
    """Each row at mean 0 and variance 1, times g plus b."""
    away = x - x.mean(-1, keepdims=True)
    return away * jax.lax.rsqrt((away**2).mean(-1, keepdims=True) + 1e-5) * g + b


def transformer(p: Params, x: Any, y: Any) -> Any:
    """Causal layers."""
    h = p["E"][x] + p["P"]
    rows, time, d = h.shape
    causal = np.tri(time, dtype=bool)
    for layer in range(1, LAYERS + 1):
        w = {name: p[f"h[{layer}].{name}"] for name in LAYER}
        qkv = layer_norm(h, w["g1"], w["b1"]) @ w["Q"]
        q, k, v = qkv.reshape(rows, time, 3, HEADS, d // HEADS).transpose(2, 0, 3, 1, 4)
        scores = q @ k.swapaxes(-1, -2) / np.sqrt(d // HEADS).astype(np.float32)
        seen = jax.nn.softmax(jnp.where(causal, scores, -jnp.inf)) @ v
        h = h + seen.swapaxes(1, 2).reshape(rows, time, d) @ w["O"]
        a = layer_norm(h, w["g2"], w["b2"])
        h = h + jax.nn.gelu(a @ w["W1"] + w["c1"]) @ w["W2"] + w["c2"]
    return cross_entropy(h @ p["U"], y)


LOSSES: dict[str, Loss] = {
    "micro": regress,
    "digits": classify,
    "wide": classify,
    "deep": deep,
    "convnet": convnet,
    "transformer": transformer,
}


def make_jax(workload: Workload) -> Contender:
    """The step as JAX's users write it, Adam over the tree of parameters."""
    x, y = jnp.asarray(workload.x), jnp.asarray(workload.y)
    compute_loss = LOSSES[workload.name]

    def advance(state: Any, x: Any, y: Any) -> Any:
        params, m, v, t = state
        loss, g = jax.value_and_grad(compute_loss)(params, x, y)
        t = t + 1
        m = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, g)
        v = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g**2, v, g)
        m_part, v_part = 1 - BETA1**t, 1 - BETA2**t
        params = jax.tree.map(
            lambda p, m, v: p - LEARNING_RATE * (m / m_part) / (jnp.sqrt(v / v_part) + EPSILON),
            params,
            m,
            v,
        )
        return (params, m, v, t), loss

    advance = jax.jit(advance, donate_argnums=0)

    def start() -> Any:
        def zeros() -> Any:
            return {n: jnp.zeros_like(p) for n, p in workload.params.items()}

        params = {n: jnp.array(p) for n, p in workload.params.items()}
        return params, zeros(), zeros(), jnp.float32(0)

    state = start()

    def step() -> float:
        nonlocal state
        state, loss = advance(state, x, y)
        return float(loss)

    def reset() -> None:
        nonlocal state
        state = start()

    def gradients() -> dict[str, Array]:
        """From Adam's first moment, which after the first step is the gradient times 1 - β₁."""
        reset()
        step()
        return {n: np.asarray(m) / (1 - BETA1) for n, m in state[1].items()}

    return Contender(
        step, lambda: {n: np.asarray(p) for n, p in state[0].items()}, gradients, reset
    )
