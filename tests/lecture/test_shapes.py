"""L7: derivatives in denominator layout have the shapes the file says, and chain in that order."""

from __future__ import annotations

import numpy as np
import pytest

from lecture.files import Array, load

RANDOM = np.random.default_rng(0)
FED = {
    "s": np.array(1.5),
    "x": RANDOM.normal(size=3),
    "X": RANDOM.normal(size=(2, 2)),
    "T": RANDOM.normal(size=(1, 2, 2)),
}
SHAPES = {
    "du_dx": (3, 2),
    "dy_du": (2, 4),
    "dy_dx": (3, 4),
    "dU_dX": (2, 2, 2, 3),
    "dY_dU": (2, 3, 2, 3),
    "dY_dX": (2, 2, 2, 3),
}


@pytest.fixture(scope="module")
def found() -> dict[str, Array]:
    return load("l7").run(FED)


def differences(of: str, wrt: str) -> Array:
    """∂of/∂wrt by central differences, the indices of `wrt` first."""
    model, x, h = load("l7"), FED[wrt], 1e-6
    rows = []
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = h
        ends = [model.evaluate(of, {**FED, wrt: x + sign * step}) for sign in (1, -1)]
        rows.append((ends[0] - ends[1]) / (2 * h))
    return np.reshape(rows, (*x.shape, *np.shape(rows[0])))


@pytest.mark.parametrize("name", FED)
def test_the_derivative_of_a_scalar_has_the_shape_of_its_argument(
    found: dict[str, Array], name: str
) -> None:
    gradient = found[f"dJ_d{name}"]
    assert gradient.shape == FED[name].shape
    np.testing.assert_allclose(gradient, differences("J", name), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", SHAPES)
def test_a_derivative_has_the_indices_of_its_argument_first(
    found: dict[str, Array], name: str
) -> None:
    assert found[name].shape == SHAPES[name]


@pytest.mark.parametrize(("of", "wrt"), [("u", "x"), ("y", "x"), ("U", "X"), ("Y", "X")])
def test_derivatives_are_right(found: dict[str, Array], of: str, wrt: str) -> None:
    np.testing.assert_allclose(found[f"d{of}_d{wrt}"], differences(of, wrt), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", ["vectors_differ", "matrices_differ"])
def test_the_chain_rule_holds_in_this_order(found: dict[str, Array], name: str) -> None:
    np.testing.assert_allclose(found[name], 0, atol=1e-14)


def test_the_chain_rule_holds_of_nothing_less(found: dict[str, Array]) -> None:
    """Neither factor is so plain that any order would do."""
    assert abs(found["dy_dx"]).max() > 0.1
    assert abs(found["dy_dx"] - found["du_dx"] @ found["dy_du"][::-1]).max() > 0.1
