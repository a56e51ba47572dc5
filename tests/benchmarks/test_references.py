"""The float64 references are right, and a contender that is not is seen."""

import numpy as np
import pytest

from verify import reference_gradients, reference_steps, verify_gradients, verify_steps, widen
from workloads import WORKLOADS, Workload


def list_checked(workload: Workload) -> list[str]:
    """Every parameter, but for blocks that are alike: of the deep workload's the first, one between
    and the last, of the transformer's the first, behind which the other one lies."""
    if workload.name == "deep":
        return [n for n in workload.params if n.startswith(("o[1].", "o[25].", "o[50]."))]
    return [n for n in workload.params if not n.startswith("h[2].")]


@pytest.mark.parametrize("name", WORKLOADS)
def test_gradients_match_finite_differences(name: str) -> None:
    workload = WORKLOADS[name]()
    params = widen(workload.params)
    _, gradients = reference_gradients(workload, params)
    assert list(gradients) == list(params)
    rng = np.random.default_rng(1)
    for parameter in list_checked(workload):
        value = params[parameter]
        # along the gradient mostly, where a difference says most, and not along it alone
        noise = rng.standard_normal(value.shape)
        g = gradients[parameter]
        direction = g / np.linalg.norm(g) + 0.1 * noise / np.linalg.norm(noise)
        ahead, _ = reference_gradients(workload, params | {parameter: value + 1e-6 * direction})
        behind, _ = reference_gradients(workload, params | {parameter: value - 1e-6 * direction})
        expected = float(np.sum(g * direction))
        assert (ahead - behind) / 2e-6 == pytest.approx(expected, rel=1e-5, abs=1e-8), parameter


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_wrong_loss_and_a_wrong_parameter_are_seen(name: str) -> None:
    workload = WORKLOADS[name]()
    losses, params = reference_steps(workload, 2)
    last = list(workload.params)[-1]
    verify_steps(workload, losses, params)
    with pytest.raises(ValueError, match="losses are off"):
        verify_steps(workload, [losses[0], losses[1] * 1.001], params)
    with pytest.raises(ValueError, match="is off by 1"):
        verify_steps(workload, losses, params | {last: workload.params[last]})
    with pytest.raises(ValueError, match="losses are off by nan"):
        verify_steps(workload, [losses[0], float("nan")], params)


@pytest.mark.parametrize(
    "name", ["micro", "convnet", pytest.param("transformer", marks=pytest.mark.nightly)]
)
def test_a_wrong_gradient_is_seen(name: str) -> None:
    workload = WORKLOADS[name]()
    _, gradients = reference_gradients(workload, widen(workload.params))
    verify_gradients(workload, gradients)
    for parameter, g in gradients.items():
        with pytest.raises(ValueError, match="the gradient of"):
            verify_gradients(workload, gradients | {parameter: 1.001 * g})
