"""Every value and cotangent of a model: they are what the model computes, by other ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphdsl
from graphdsl.language.diagnostics import DataError, UsageError
from graphdsl.model import Model
from graphdsl.views.observed import Observed, find_target, observe
from views.test_reverse import FILES, modes, read_batch

TREE = Path(__file__).parents[2]
TRAINED = [path for path in FILES if "loss " in path.read_text("utf-8")]


def observed(path: Path, training: bool = False) -> tuple[Model, dict[str, Any], Observed]:
    model = graphdsl.load(path, dtype="f64")
    feeds = read_batch(model, path)
    target = find_target(model.compilation.graph(training), None)
    return model, feeds, observe(model.session, feeds, of=target, training=training)


@pytest.mark.parametrize("path", TRAINED, ids=lambda path: path.stem)
def test_gradients_are_the_models(path: Path) -> None:
    for training in modes(graphdsl.load(path)):
        verify_gradients(path, training)


def verify_gradients(path: Path, training: bool) -> None:
    """Raise unless the observed gradients are those of the model."""
    model, feeds, found = observed(path, training)
    value, gradients = model.value_and_grad(feeds, of=found.of, training=training)
    names = found.graph.names
    np.testing.assert_allclose(found.values[names[found.of or ""]], value, rtol=1e-9)
    assert gradients
    for name, gradient in gradients.items():
        cotangent = found.cotangents.get(names[name], np.zeros_like(gradient))
        scale = max(1.0, float(np.abs(gradient).max(initial=0)))
        np.testing.assert_allclose(cotangent, gradient, rtol=1e-7, atol=1e-9 * scale)


@pytest.mark.parametrize("path", TRAINED, ids=lambda path: path.stem)
def test_parts_add_up(path: Path) -> None:
    _, _, found = observed(path)
    sums = {id: np.zeros_like(value) for id, value in found.cotangents.items()}
    for one in found.pulled:
        assert found.graph.nodes[one.consumer].operands[one.position] == one.operand
        sums[one.operand] += found.parts[one.part]
    target = found.graph.names[found.of or ""]
    sums[target] += 1
    assert len(sums) > 3
    for id, total in sums.items():
        np.testing.assert_allclose(total, found.cotangents[id], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["l6", "l7", "l12"])
def test_values_are_the_models(name: str) -> None:
    path = TREE / "examples" / "lecture" / f"{name}.gdl"
    model = graphdsl.load(path, dtype="f64")
    feeds = read_batch(model, path)
    found = observe(model.session, feeds)
    assert not found.cotangents
    for node, id in found.graph.names.items():
        np.testing.assert_array_equal(found.values[id], model.evaluate(node, feeds))


def test_only_what_is_fed_is_computed() -> None:
    model = graphdsl.load(TREE / "examples" / "lecture" / "l6.gdl")
    found = observe(model.session, {"x": [[0.5], [3.0]]})
    names = found.graph.names
    assert names["y"] in found.values
    assert names["J"] not in found.values
    assert found.sizes == {"N": 2}
    with pytest.raises(DataError, match="not fed: t"):
        observe(model.session, {"x": [[0.5], [3.0]]}, of="J")


def test_a_size_needs_its_input() -> None:
    model = graphdsl.loads("dim N\ninput x: [N]\noutput y = 2.0 * size(x, 0)\noutput z = 1.5\n")
    assert model.session.graph.names["y"] not in observe(model.session, {}).values
    with pytest.raises(DataError, match="not fed: x"):
        observe(model.session, {}, of="y")
    assert (
        observe(model.session, {"x": [1, 2, 3]}, of="y").values[model.session.graph.names["y"]] == 6
    )


def test_nothing_of_the_session_is_handed_out_or_changed() -> None:
    model = graphdsl.loads(
        "param W: [2] = 3\nstate m: [2] = 1\nupdate m = m + 1\nloss J = sum(W * m)\n"
    )
    found = observe(model.session, {}, of="J")
    for array in found.values.values():
        array += 10
    for array in found.cotangents.values():
        array += 10
    assert model.params["W"].tolist() == [3, 3]
    assert model.states["m"].tolist() == [1, 1]
    assert found.graph.names["m"] not in found.cotangents  # gradients stop at states


def test_random_values_are_those_of_a_first_step() -> None:
    text = "input x: [50]\nmask = dropout_mask(x)\noutput y = sum(x * mask)\n"
    model = graphdsl.loads(text, seed=7)
    x = np.ones(50)
    found = observe(model.session, {"x": x}, of="y", training=True)
    mask = model.evaluate("mask", x=x, training=True)
    np.testing.assert_array_equal(found.values[found.graph.names["mask"]], mask)
    np.testing.assert_array_equal(found.cotangents[found.graph.names["x"]], mask)


def test_a_scalar_that_depends_on_nothing() -> None:
    model = graphdsl.loads("input x\noutput y = 2 * 3.5\n")
    found = observe(model.session, {"x": 1}, of="y")
    assert {id: float(g) for id, g in found.cotangents.items()} == {found.graph.names["y"]: 1.0}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("input x: [2]\noutput y = x\n", "no result that is one float"),
        ("input x\noutput y = x\noutput z = 2 * x\n", "several scalars: y, z"),
    ],
)
def test_a_target_has_to_be_clear(text: str, said: str) -> None:
    model = graphdsl.loads(text)
    with pytest.raises(UsageError, match=said):
        find_target(model.session.graph, None)


@pytest.mark.parametrize(
    ("of", "said"), [("s", "no scalar"), ("n", "only floats"), ("q", "no node")]
)
def test_other_targets_are_refused(of: str, said: str) -> None:
    model = graphdsl.loads("input x: [2]\ns = x + 1\nn = argmax(x)\noutput y = sum(s)\n")
    with pytest.raises(UsageError, match=said):
        observe(model.session, {"x": [1, 2]}, of=of)
