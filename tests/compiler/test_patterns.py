"""Patterns of qualified names: `*` and `?` alone have a meaning of their own."""

from __future__ import annotations

import pytest

import graphdsl
from graphdsl.compiler.lower.patterns import matches

TURNS = """
input x: [2, 3]
o = x
repeat i in 1..3 {
  param W: [3, 3] = i
  o = o @ W
}
output y = l2("PATTERN") + 0 * sum(o)
"""


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [
        ("h.W", "*.W", True),
        ("h.W", "h.?", True),
        ("h.w", "*.W", False),
        ("o[3].W", "o[3].W", True),
        ("o[31].W", "o[3].W", False),
        ("o3.W", "o[3].W", False),
        ("o[12].W", "o[*].W", True),
        ("o[3].u[2].W", "o[3].*", True),
        ("a]", "a]", True),
        ("a[", "a[", True),
    ],
)
def test_brackets_stand_for_themselves(name: str, pattern: str, expected: bool) -> None:
    assert matches(name, pattern) is expected


@pytest.mark.parametrize(("pattern", "sum"), [("o[2].W", 4 * 9), ("o[*].W", (1 + 4 + 9) * 9)])
def test_l2_names_the_parameters_of_a_turn(pattern: str, sum: float) -> None:
    model = graphdsl.loads(TURNS.replace("PATTERN", pattern))
    assert model.run(x=[[0, 0, 0]] * 2)["y"] == sum


def test_a_parameter_of_a_turn_is_named_from_outside() -> None:
    model = graphdsl.loads(TURNS.replace("PATTERN", "*"))
    assert model.params["o[2].W"].shape == (3, 3)
    assert model.evaluate("o[2].W")[0, 0] == 2
    _, gradients = model.value_and_grad(of="y", wrt=("o[3].W",), x=[[0, 0, 0]] * 2)
    assert gradients["o[3].W"].tolist() == [[6] * 3] * 3
