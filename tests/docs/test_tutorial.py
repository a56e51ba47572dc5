"""Every step of the tutorial is a file that checks without a warning, runs and learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl.driver import check
from graphdsl.language.parser import parse
from graphdsl.language.printer import format_program
from graphdsl.language.source import read_source

TREE = Path(__file__).parents[2]
STEPS = sorted((TREE / "docs" / "tutorial").glob("*.gdl"))
PAGE = (TREE / "docs" / "tutorial.md").read_text("utf-8")
TRAINED = [path for path in STEPS if "\ntrain {" in path.read_text("utf-8")]


def test_there_are_ten() -> None:
    assert [path.stem[:2] for path in STEPS] == [f"{n:02}" for n in range(1, 11)]
    for path in STEPS:
        assert f"<!-- generated: tutorial {path.stem} -->" in PAGE


@pytest.mark.parametrize("path", STEPS, ids=lambda path: path.stem)
def test_step_is_right_and_formatted(path: Path) -> None:
    source = read_source(path)
    assert not check(source)
    assert format_program(parse(source)) == source.text


@pytest.mark.parametrize("path", TRAINED, ids=lambda path: path.stem)
def test_step_learns(path: Path) -> None:
    model = graphdsl.load(path)
    digits = "digits.npz" in path.read_text("utf-8")
    data = TREE / "examples" / "digits.npz" if digits else None
    history = model.fit(data, epochs=3)
    losses = history.column("train.J")
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


def test_the_hand_made_gradient_is_right() -> None:
    model = graphdsl.load(TREE / "docs" / "tutorial" / "03_gradient.gdl", dtype="f64")
    found = model.run(x=2, z=3)
    assert found["by_hand"] == pytest.approx(found["by_grad"], rel=1e-14)
