"""Whether a contender computes what it should: its losses, its gradients and its parameters, beside
the references in float64."""

from collections.abc import Mapping

import numpy as np

from references import REFERENCES
from workloads import BETA1, BETA2, EPSILON, LEARNING_RATE, Array, Workload

TOLERANCE = 1e-4


def reference_gradients(
    workload: Workload, params: Mapping[str, Array]
) -> tuple[float, dict[str, Array]]:
    """The loss at `params` and its derivative by each of them, in their order."""
    loss, gradients = REFERENCES[workload.name](workload, params)
    return loss, {name: gradients[name] for name in params}


def widen(params: Mapping[str, Array]) -> dict[str, Array]:
    """Parameters in float64."""
    return {name: value.astype(np.float64) for name, value in params.items()}


def reference_steps(workload: Workload, steps: int) -> tuple[list[float], dict[str, Array]]:
    """The losses before each of `steps` Adam steps, and the parameters after the last one."""
    params = widen(workload.params)
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


def verify_gradients(
    workload: Workload, gradients: Mapping[str, Array], *, tolerance: float = TOLERANCE
) -> None:
    """Raise `ValueError` unless the gradients at the first parameters are right, each to
    `tolerance` relative to its length."""
    _, expected_gradients = reference_gradients(workload, widen(workload.params))
    for name, expected in expected_gradients.items():
        off = float(np.linalg.norm(gradients[name] - expected) / np.linalg.norm(expected))
        if not off <= tolerance:
            raise ValueError(
                f"{workload.name}: the gradient of {name} is off by {off:.1e}, "
                f"at most {tolerance:.0e}"
            )


def verify_steps(
    workload: Workload,
    losses: list[float],
    params: Mapping[str, Array],
    *,
    tolerance: float = TOLERANCE,
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
