"""The workloads in PyTorch: a training step in eager mode, or with its loss compiled."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.nn import functional

from contender import Contender
from workloads import (
    BETA1,
    BETA2,
    BLOCKS,
    EPSILON,
    HEADS,
    LAYERS,
    LEARNING_RATE,
    Array,
    Workload,
)

Params = Mapping[str, Any]
LAYER = ("g1", "b1", "Q", "O", "g2", "b2", "W1", "c1", "W2", "c2")

# The loss from parameters and a batch, all tensors.
Loss = Callable[[Params, Any, Any], Any]


def mlp_logits(p: Params, x: Any) -> Any:
    """Layers with ReLU between them."""
    layers = len(p) // 2
    for layer in range(1, layers + 1):
        x = torch.addmm(p[f"b{layer}"], x, p[f"W{layer}"])
        if layer < layers:
            x = torch.relu(x)
    return x


def regress(p: Params, x: Any, y: Any) -> Any:
    """A multilayer perceptron's mean squared error."""
    return functional.mse_loss(mlp_logits(p, x), y)


def classify(p: Params, x: Any, y: Any) -> Any:
    """A multilayer perceptron's mean cross entropy."""
    return functional.cross_entropy(mlp_logits(p, x), y)


def deep(p: Params, x: Any, y: Any) -> Any:
    """Residual blocks."""
    for block in range(1, BLOCKS + 1):
        W, c, V, b = (p[f"o[{block}].{name}"] for name in "WcVb")
        x = x + torch.addmm(b, torch.sigmoid(torch.addmm(c, x, W)), V)
    return functional.mse_loss(x, y)


def convnet(p: Params, x: Any, y: Any) -> Any:
    """Two convolutions with their pools, two dense layers."""
    for layer in ("c1", "c2"):
        x = functional.relu(functional.conv2d(x, p[f"{layer}.W"], p[f"{layer}.b"]))
        x = functional.max_pool2d(x, 2)
    h = torch.relu(torch.addmm(p["h.b"], x.flatten(1), p["h.W"]))
    return functional.cross_entropy(torch.addmm(p["z.b"], h, p["z.W"]), y)


def transformer(p: Params, x: Any, y: Any) -> Any:
    """Causal layers, by PyTorch's own attention."""
    h = p["E"][x] + p["P"]
    rows, time, d = h.shape
    for layer in range(1, LAYERS + 1):
        w = {name: p[f"h[{layer}].{name}"] for name in LAYER}
        a = functional.layer_norm(h, (d,), w["g1"], w["b1"])
        parts = (a @ w["Q"]).reshape(rows, time, 3, HEADS, d // HEADS).permute(2, 0, 3, 1, 4)
        q, k, v = parts
        seen = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        h = h + seen.transpose(1, 2).reshape(rows, time, d) @ w["O"]
        a = functional.layer_norm(h, (d,), w["g2"], w["b2"])
        h = h + functional.gelu(a @ w["W1"] + w["c1"], approximate="tanh") @ w["W2"] + w["c2"]
    z = h @ p["U"]
    return functional.cross_entropy(z.reshape(-1, z.shape[-1]), y.reshape(-1))


LOSSES: dict[str, Loss] = {
    "micro": regress,
    "digits": classify,
    "wide": classify,
    "deep": deep,
    "convnet": convnet,
    "transformer": transformer,
}


def make_torch(workload: Workload, *, compiled: bool = False) -> Contender:
    """The step as PyTorch's users write it, with its fused Adam."""
    x, y = torch.tensor(workload.x), torch.tensor(workload.y)
    params = {n: torch.tensor(p, requires_grad=True) for n, p in workload.params.items()}
    betas = (BETA1, BETA2)
    optimizer = torch.optim.Adam(list(params.values()), LEARNING_RATE, betas, EPSILON, fused=True)
    compute_loss = LOSSES[workload.name]
    if compiled:
        compute_loss = torch.compile(compute_loss)

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = compute_loss(params, x, y)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    def reset() -> None:
        with torch.no_grad():
            for name, value in workload.params.items():
                params[name].copy_(torch.tensor(value))
        for state in optimizer.state.values():
            for value in state.values():
                value.zero_()

    def gradients() -> dict[str, Array]:
        reset()
        step()
        return {name: p.grad.numpy() for name, p in params.items()}

    return Contender(
        step, lambda: {n: p.detach().numpy() for n, p in params.items()}, gradients, reset
    )
