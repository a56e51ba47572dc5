"""The timed problems: a fixed batch, first parameters, and what a step must give, in float64.

Nothing here is fast. Every contender is compared with `reference_steps` before it is timed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

LEARNING_RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8


@dataclass(frozen=True, slots=True)
class Workload:
    """A multilayer perceptron with ReLU between its layers, trained by Adam on one batch.

    `widths` are the sizes from input to output; `params` holds float32 weights `W1`, `W2`, … of
    shape [in, out] and biases `b1`, `b2`, ….
    """

    name: str
    loss: Literal["mse", "cross_entropy"]
    widths: tuple[int, ...]
    x: Array
    y: Array
    params: Mapping[str, Array]

    @property
    def layers(self) -> int:
        """The number of weight matrices."""
        return len(self.widths) - 1


def micro() -> Workload:
    """2-16-1 on 32 rows, mean squared error."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((32, 2)), rng.standard_normal((32, 1))
    return make_workload("micro", "mse", (2, 16, 1), x, y.astype(np.float32), rng)


def digits() -> Workload:
    """64-128-64-10 on 64 rows, cross entropy."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((64, 64)), rng.integers(0, 10, 64)
    return make_workload("digits", "cross_entropy", (64, 128, 64, 10), x, y, rng)


WORKLOADS = {"micro": micro, "digits": digits}


def make_workload(
    name: str,
    loss: Literal["mse", "cross_entropy"],
    widths: tuple[int, ...],
    x: Array,
    y: Array,
    rng: np.random.Generator,
) -> Workload:
    """A workload with He-normal weights and small biases."""
    params = {}
    for layer, (fan_in, fan_out) in enumerate(pairwise(widths), start=1):
        weights = rng.standard_normal((fan_in, fan_out)) * np.sqrt(2 / fan_in)
        params[f"W{layer}"] = weights.astype(np.float32)
        params[f"b{layer}"] = (0.01 * rng.standard_normal(fan_out)).astype(np.float32)
    return Workload(name, loss, widths, x.astype(np.float32), y, params)


def reference_steps(workload: Workload, steps: int) -> tuple[list[float], dict[str, Array]]:
    """The losses before each of `steps` Adam steps, and the parameters after the last one."""
    params = {name: value.astype(np.float64) for name, value in workload.params.items()}
    m = {name: np.zeros_like(value) for name, value in params.items()}
    v = {name: np.zeros_like(value) for name, value in params.items()}
    losses = []
    for t in range(1, steps + 1):
        loss, gradients = reference_gradients(workload, params)
        losses.append(loss)
        for name, g in gradients.items():
            m[name] = BETA1 * m[name] + (1 - BETA1) * g
            v[name] = BETA2 * v[name] + (1 - BETA2) * g**2
            m_hat, v_hat = m[name] / (1 - BETA1**t), v[name] / (1 - BETA2**t)
            params[name] = params[name] - LEARNING_RATE * m_hat / (np.sqrt(v_hat) + EPSILON)
    return losses, params


def reference_gradients(
    workload: Workload, params: Mapping[str, Array]
) -> tuple[float, dict[str, Array]]:
    """The loss at `params` and its derivative by each of them."""
    activations = [workload.x.astype(np.float64)]
    z = activations[0]
    for layer in range(1, workload.layers + 1):
        z = activations[-1] @ params[f"W{layer}"] + params[f"b{layer}"]
        activations.append(np.maximum(z, 0))

    rows = len(z)
    if workload.loss == "mse":
        error = z - workload.y
        loss, cotangent = float(np.mean(error**2)), 2 * error / error.size
    else:
        shifted = z - z.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        wanted = (np.arange(rows), workload.y)
        loss, cotangent = float(-log_p[wanted].mean()), np.exp(log_p)
        cotangent[wanted] -= 1
        cotangent /= rows

    gradients = {}
    for layer in range(workload.layers, 0, -1):
        before = activations[layer - 1]
        gradients[f"W{layer}"] = before.T @ cotangent
        gradients[f"b{layer}"] = cotangent.sum(axis=0)
        cotangent = (cotangent @ params[f"W{layer}"].T) * (before > 0)
    return loss, gradients


def verify_steps(
    workload: Workload,
    losses: list[float],
    params: Mapping[str, Array],
    *,
    tolerance: float = 1e-4,
) -> None:
    """Raise `ValueError` unless the losses and parameters after `len(losses)` steps are right.

    A loss may be off by `tolerance`, relatively. A parameter may be off by a hundred times that,
    relative to the way it has moved: Adam's first steps turn rounding near 0 into whole steps.
    """
    expected_losses, expected_params = reference_steps(workload, len(losses))
    off = float(np.max(np.abs(np.divide(losses, expected_losses) - 1)))
    if not off <= tolerance:
        raise ValueError(f"{workload.name}: losses are off by {off:.1e}, at most {tolerance:.0e}")
    for name, expected in expected_params.items():
        moved = np.linalg.norm(expected - workload.params[name])
        off = float(np.linalg.norm(params[name] - expected) / moved)
        if not off <= 100 * tolerance:
            raise ValueError(
                f"{workload.name}: {name} is off by {off:.1e} of the way it should have moved, "
                f"at most {100 * tolerance:.0e}"
            )
