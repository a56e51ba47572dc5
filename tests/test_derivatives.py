"""Values with their gradients, and what has none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphdsl
from graphdsl.language.diagnostics import UsageError
from small_model import batch, forward, load_small


@pytest.fixture
def model() -> graphdsl.Model:
    return load_small()


def test_value_and_grad(model: graphdsl.Model) -> None:
    feeds = batch()
    value, found = model.value_and_grad(feeds)
    assert set(found) == {"W", "b"}
    delta = forward(model, feeds["x"])
    delta[np.arange(5), feeds["y"]] -= 1
    np.testing.assert_allclose(found["W"], feeds["x"].T @ delta / 5, rtol=1e-10)
    np.testing.assert_allclose(found["b"], delta.mean(0), rtol=1e-10)
    assert value == pytest.approx(float(model.run(feeds)["J"]), rel=1e-14)
    _, more = model.value_and_grad(feeds, of="J", wrt=("x", "W", "z"))
    np.testing.assert_allclose(more["x"], delta @ model.params["W"].T / 5, rtol=1e-10)
    np.testing.assert_allclose(more["z"], delta / 5, rtol=1e-10)
    np.testing.assert_array_equal(more["W"], found["W"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"of": "p"}, "no scalar"),
        ({"of": "nothing"}, "no node"),
        ({"of": "k"}, "no scalar"),
        ({"of": "s"}, "only floats"),
        ({"wrt": ("y",)}, "only floats"),
        ({"wrt": ("nothing",)}, "no node"),
    ],
)
def test_what_has_no_gradient(
    model: graphdsl.Model, arguments: dict[str, Any], message: str
) -> None:
    for call in (model.value_and_grad, model.gradcheck):
        with pytest.raises(UsageError, match=message):
            call(batch(), **arguments)


def test_derivatives_of_derivatives_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphdsl.compiler.differentiate.MAX_NODES", 2000)
    lines = [f"y{i + 1} = grad(y{i}, x) * x\n" for i in range(12)]
    with pytest.raises(graphdsl.ModelError, match="2,000 nodes"):
        graphdsl.loads(f"input x\ny0 = x^3\n{''.join(lines)}output z = y12").run(x=1)
