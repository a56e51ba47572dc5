"""The hand-written steps give what plain NumPy gives in float64."""

import numpy as np
import pytest

from handwritten import ALIGNMENT, HANDWRITTEN, HANDWRITTEN_PAIRS, make_flat
from verify import verify_gradients, verify_steps
from workloads import WORKLOADS

ALL = [
    *(pytest.param(name, make, id=name) for name, make in HANDWRITTEN.items()),
    *(pytest.param(name, make, id=f"{name}-pair") for name, make in HANDWRITTEN_PAIRS.items()),
]
# Float32 stays near float64 for long where steps are smooth and small.
STEPS = {"micro": 20, "digits": 20}


def test_each_workload_is_written_by_hand() -> None:
    assert list(HANDWRITTEN) == list(WORKLOADS)


@pytest.mark.parametrize(("name", "make"), ALL)
def test_steps_and_gradients_match_the_reference(name, make) -> None:
    workload = WORKLOADS[name]()
    by_hand = make(workload)
    losses = [by_hand.step(workload.x, workload.y)]
    verify_gradients(workload, by_hand.moments)
    losses += [by_hand.step(workload.x, workload.y) for _ in range(STEPS.get(name, 4) - 1)]
    verify_steps(workload, losses, by_hand.params)


@pytest.mark.parametrize(("name", "make"), ALL)
def test_reset_goes_back_to_the_start(name, make) -> None:
    workload = WORKLOADS[name]()
    by_hand = make(workload)
    first = [by_hand.step(workload.x, workload.y) for _ in range(3)]
    by_hand.reset()
    assert [by_hand.step(workload.x, workload.y) for _ in range(3)] == first


@pytest.mark.parametrize(("name", "make"), ALL)
def test_another_batch_counts(name, make) -> None:
    workload = WORKLOADS[name]()
    by_hand = make(workload)
    first = by_hand.step(workload.x, workload.y)
    by_hand.reset()
    turned = by_hand.step(workload.x, np.roll(workload.y, 1, axis=0))
    assert turned != first
    by_hand.reset()
    # the same rows in another order, which no mean sees
    moved = by_hand.step(np.roll(workload.x, 1, axis=0), np.roll(workload.y, 1, axis=0))
    assert moved == pytest.approx(first, rel=1e-5)


@pytest.mark.parametrize(("name", "make"), ALL)
def test_products_leave_the_parameters_alone(name, make) -> None:
    workload = WORKLOADS[name]()
    by_hand = make(workload)
    by_hand.products(workload.x)
    for parameter, value in workload.params.items():
        np.testing.assert_array_equal(by_hand.params[parameter], value)


def test_flat_views_are_aligned_and_apart() -> None:
    flat = make_flat(WORKLOADS["digits"]().params)
    for views in (flat.params, flat.gradients, flat.moments):
        for view in views.values():
            assert view.ctypes.data % ALIGNMENT == 0
    flat.params["b3"].fill(7)
    assert np.count_nonzero(flat.p == 7) == 10
