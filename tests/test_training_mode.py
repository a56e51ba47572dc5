"""`training = True` where nothing is trained: what a step would compute, drawn as at step 0."""

from __future__ import annotations

import numpy as np
import pytest

import graphdsl

TEXT = """
dim N
input x: [N]
param w = 2
state seen = 0
update seen = seen + sum(x)
h = w * x * dropout_mask(x, rate = 0.5) if training else w * x
output y = h
loss J = mean(h^2)
"""
X = np.arange(1, 65, dtype=np.float32)


@pytest.fixture
def model() -> graphdsl.Model:
    """A model that drops values in training, and counts what it has seen."""
    return graphdsl.loads(TEXT, seed=3)


def test_false_is_what_holds_unless_told_otherwise(model: graphdsl.Model) -> None:
    assert model.run(x=X)["y"].tolist() == (2 * X).tolist()
    assert model.evaluate("h", x=X).tolist() == (2 * X).tolist()
    assert model.value_and_grad(x=X)[0] == pytest.approx(np.mean((2 * X) ** 2))


def test_training_drops_and_updates_nothing(model: graphdsl.Model) -> None:
    found = model.run(x=X, training=True)
    kept = found["y"] != 0
    assert 10 < kept.sum() < 54
    assert found["y"][kept].tolist() == (4 * X[kept]).tolist()
    assert found["J"] == pytest.approx(np.mean(found["y"] ** 2))
    assert model.states["seen"] == 0
    assert model.params["w"] == 2


def test_every_way_in_draws_the_same(model: graphdsl.Model) -> None:
    y = model.run(x=X, training=True)["y"]
    assert model.run(x=X, training=True)["y"].tolist() == y.tolist()
    assert model.evaluate("h", x=X, training=True).tolist() == y.tolist()
    loss, grads = model.value_and_grad(x=X, training=True)
    assert loss == pytest.approx(np.mean(y**2))
    assert grads["w"] == pytest.approx(np.mean(y**2))  # of w² · mean(…) at w = 2
    assert graphdsl.loads(TEXT, seed=4).run(x=X, training=True)["y"].tolist() != y.tolist()


def test_gradients_agree_in_both_modes(model: graphdsl.Model) -> None:
    for training in (False, True):
        rows = model.gradcheck(x=X, training=training)
        assert max(row.relative for row in rows) < 1e-6


def test_what_can_be_computed_is_that_of_the_mode() -> None:
    model = graphdsl.loads("input a\ninput b\noutput y = a if training else b\n")
    assert model.run(a=1, training=True)["y"] == 1
    assert model.run(b=2)["y"] == 2
    with pytest.raises(graphdsl.UsageError, match="nothing to compute"):
        model.run(a=1)
    with pytest.raises(graphdsl.UsageError, match="nothing to compute"):
        model.run(b=2, training=True)


def test_a_node_of_one_mode_is_found_in_that_mode() -> None:
    turns = "const n = 3 if training else 2\nrepeat i in 1..n {\n  o = 2 * o\n}\n"
    model = graphdsl.loads(f"input x\no = x\n{turns}loss J = o\n")
    assert model.evaluate("o[3]", x=3, training=True) == 24
    assert model.value_and_grad(x=3, of="o[3]", wrt=["x"], training=True)[1]["x"] == 8
    with pytest.raises(graphdsl.UsageError, match="no node"):
        model.evaluate("o[3]", x=3)
    with pytest.raises(graphdsl.UsageError, match="no node"):
        model.value_and_grad(x=3, of="o[3]")


@pytest.mark.parametrize("call", ["run", "value_and_grad", "gradcheck"])
def test_an_input_called_training_is_fed_in_front(call: str) -> None:
    model = graphdsl.loads("input training\nloss J = training^2\n")
    with pytest.raises(graphdsl.UsageError, match="fed by a mapping in front"):
        getattr(model, call)(training=3.0)
    assert model.run({"training": 3.0})["J"] == 9
