"""What docs/language.md says of the reverse sweep as text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from graphdsl.cli import main
from graphdsl.loading import load, loads
from rules.citations import rule

L6 = Path(__file__).parents[2] / "examples" / "lecture" / "l6.gdl"


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["show", str(L6), "--stage", "reverse"]) == 0
    return capsys.readouterr().out


@rule("Gradients", "What a reverse sweep computes can be read")
def test_the_sweep_is_a_file(shown: str) -> None:
    assert set(loads(shown).inputs) > {"x", "t"}


@rule("Gradients", "Parameters, states and random numbers are its inputs")
def test_what_is_stored_is_fed_and_lines_say_where_they_come_from(shown: str) -> None:
    made = loads(shown)
    assert not made.params
    assert {"W1", "b1", "W2", "b2", "W3", "b3"} < set(made.inputs)
    assert re.search(r"# line \d+: s2 = o1 @ W2.T \+ b2\n.*d_b2 = .*# a \+ b: g and g", shown)


@rule("Gradients", "Fed with the same values it gives the same gradients.")
def test_the_gradients_are_the_model_s(shown: str) -> None:
    model, feeds = load(L6), {"x": [[0.5], [3.0]], "t": [[1.0], [2.0]]}
    found = loads(shown).run({**feeds, **{name: v.copy() for name, v in model.params.items()}})
    for name, gradient in model.value_and_grad(feeds)[1].items():
        assert found[f"d_{name}"] == pytest.approx(gradient, rel=1e-6)


@rule("Gradients", "Of the line `o2 = relu(s2)` it makes:")
def test_the_line_is_as_shown(shown: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "language.md").read_text("utf-8")
    excerpt = re.search(r"```text\n(# line \d+: o2 = relu.*?)```", page, re.S)
    assert excerpt is not None
    assert excerpt[1] in shown
