"""The hand-written steps give what plain NumPy gives in float64."""

import numpy as np
import pytest

from handwritten import ALIGNMENT, HANDWRITTEN, make_flat
from workloads import WORKLOADS, reference_gradients, reference_steps, verify_steps


@pytest.mark.parametrize("name", WORKLOADS)
def test_steps_match_the_reference(name: str) -> None:
    workload = WORKLOADS[name]()
    by_hand = HANDWRITTEN[name](workload)
    losses = [by_hand.step(workload.x, workload.y) for _ in range(20)]
    verify_steps(workload, losses, by_hand.params)


@pytest.mark.parametrize("name", WORKLOADS)
def test_reset_goes_back_to_the_start(name: str) -> None:
    workload = WORKLOADS[name]()
    by_hand = HANDWRITTEN[name](workload)
    first = [by_hand.step(workload.x, workload.y) for _ in range(3)]
    by_hand.reset()
    assert [by_hand.step(workload.x, workload.y) for _ in range(3)] == first


@pytest.mark.parametrize("name", WORKLOADS)
def test_products_leave_the_parameters_alone(name: str) -> None:
    workload = WORKLOADS[name]()
    by_hand = HANDWRITTEN[name](workload)
    by_hand.products(workload.x)
    for parameter, value in workload.params.items():
        np.testing.assert_array_equal(by_hand.params[parameter], value)


@pytest.mark.parametrize("name", WORKLOADS)
def test_reference_gradients_match_finite_differences(name: str) -> None:
    workload = WORKLOADS[name]()
    params = {n: p.astype(np.float64) for n, p in workload.params.items()}
    _, gradients = reference_gradients(workload, params)
    rng = np.random.default_rng(1)
    for parameter, value in params.items():
        direction = rng.standard_normal(value.shape)
        ahead, _ = reference_gradients(workload, params | {parameter: value + 1e-6 * direction})
        behind, _ = reference_gradients(workload, params | {parameter: value - 1e-6 * direction})
        expected = float(np.sum(gradients[parameter] * direction))
        assert (ahead - behind) / 2e-6 == pytest.approx(expected, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("name", WORKLOADS)
def test_verify_steps_sees_a_wrong_loss_and_a_wrong_parameter(name: str) -> None:
    workload = WORKLOADS[name]()
    losses, params = reference_steps(workload, 3)
    verify_steps(workload, losses, params)
    with pytest.raises(ValueError, match="losses are off"):
        verify_steps(workload, [losses[0], losses[1], losses[2] * 1.001], params)
    with pytest.raises(ValueError, match="b1 is off"):
        verify_steps(workload, losses, params | {"b1": workload.params["b1"]})
    with pytest.raises(ValueError, match="losses are off by nan"):
        verify_steps(workload, [*losses[:2], float("nan")], params)


def test_flat_views_are_aligned_and_apart() -> None:
    flat = make_flat(WORKLOADS["digits"]().params)
    for views in (flat.params, flat.gradients):
        for view in views.values():
            assert view.ctypes.data % ALIGNMENT == 0
    flat.params["b3"].fill(7)
    assert np.count_nonzero(flat.p == 7) == 10
