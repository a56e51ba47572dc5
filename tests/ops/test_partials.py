"""The derivatives that elementwise ops declare as text are those that their VJPs compute."""

from __future__ import annotations

import string
from typing import Any

import numpy as np
import pytest

import graphdsl
from graphdsl.graph.op import OPS, Op
from ops.harness import apply, vjp
from ops.test_elementwise import ELEMENTWISE, sample

DIFFERENTIABLE = [op for op in ELEMENTWISE if op.vjp]
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "leaky_relu": [{"slope": 0.2}],
    "elu": [{"alpha": 1.5}],
    "gelu": [{"exact": True}],
}
"""Attributes besides the defaults."""
CASES = [(op, given) for op in DIFFERENTIABLE for given in ({}, *VARIANTS.get(op.name, ()))]


@pytest.mark.parametrize("op", ELEMENTWISE, ids=lambda op: op.name)
def test_there_is_a_partial_for_each_rule(op: Op) -> None:
    rules = op.vjp if isinstance(op.vjp, tuple) else ()
    assert [bool(text) for text in op.partials] == [rule is not None for rule in rules]
    known = {*op.operands, "y", *op.attributes}
    for text in op.partials:
        assert {name for _, name, _, _ in string.Formatter().parse(text) if name} <= known


def test_only_elementwise_ops_have_partials() -> None:
    assert all(op.elementwise for op in OPS.values() if op.partials)


def test_every_attribute_is_tried() -> None:
    assert {op.name for op in DIFFERENTIABLE if op.attributes} == set(VARIANTS)


@pytest.mark.parametrize(("op", "given"), CASES, ids=lambda case: getattr(case, "name", None))
def test_partials_are_what_the_rules_compute(op: Op, given: dict[str, Any]) -> None:
    rng = np.random.default_rng(3)
    operands = sample(op, np.float64, ((200,),))
    y = apply(op, *operands, **given)
    g = rng.standard_normal(200)
    for position, text in enumerate(op.partials):
        if text:
            found = g * evaluate(op, text, operands, y, given)
            expected = vjp(op, position, g, *operands, **given)
            np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)


def evaluate(
    op: Op, text: str, operands: list[Any], y: Any, attributes: dict[str, Any]
) -> np.ndarray[Any, Any]:
    """The text as a model of its own, at the operands."""
    fed = {**dict(zip(op.operands, operands, strict=True)), "y": y}
    values = {name: attributes.get(name, spec.default) for name, spec in op.attributes.items()}
    spelled = {name: str(value).lower() for name, value in values.items()}
    written = text.format(**{name: f"v_{name}" for name in fed}, **spelled)
    inputs = [
        f"input v_{name}: {'bool' if value.dtype == bool else 'f64'}[200]"
        for name, value in fed.items()
    ]
    model = graphdsl.loads(
        "\n".join([*inputs, f"output d = zeros([200]) + ({written})"]), dtype="f64"
    )
    return model.run({f"v_{name}": value for name, value in fed.items()})["d"]
