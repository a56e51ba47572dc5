"""Lists of constants, slices of no rows, names of turns, uncalled blocks, circles of imports."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl.driver import check
from graphdsl.language.source import read_source
from rules.asking import errors, params, run, types
from rules.citations import rule

CONST = "Declarations › const"
TURNS = (
    "input x: [2, 3]\no = x\nrepeat i in 1..3 {\n  param W: [3, 3] = i\n  o = o @ W\n}\n"
    "output y = o\n"
)


@pytest.mark.parametrize(
    ("expr", "value"),
    [
        ("2 * [1, 2]", [2, 4]),
        ("[1, 2] + [[10], [20]]", [[11, 12], [21, 22]]),
        ("sqrt([4, 9]) / 2", [1, 1.5]),
        ("-[1, 2]^2", [-1, -4]),
    ],
)
@rule(CONST, "Lists are computed with item by item, as the tensors they stand for")
def test_lists_of_constants(expr: str, value: object) -> None:
    assert run(f"const k = {expr}\ninput x\noutput y = x * k\n", x=1)["y"] == value


@rule("Sizes", "A slice has the length that its type says:")
@rule("Sizes", "has N - 1, so that feeding no row at all is an error")
def test_a_slice_of_no_rows() -> None:
    text = "dim N\ninput x: [N]\noutput y = x[1:]\n"
    assert types(text) == {"y": "f32[N - 1]"}
    assert run(text, x=[5])["y"] == []
    with pytest.raises(graphdsl.DataError, match="E0815"):
        run(text, x=np.zeros(0))


@rule("Blocks", "So is an optimizer.")
def test_optimizers_that_nobody_names_are_checked() -> None:
    assert errors("optimizer f(lr = 1) {\n  update p = p - lr * gg\n}\ninput x\n") == ["E0301"]


@rule("Blocks", "A block that nobody calls is checked as far as its arguments do not matter:")
def test_uncalled_blocks() -> None:
    rest = "input x\noutput y = x\n"
    assert errors(f"block f(a) {{\n  return a + nowhere\n}}\n{rest}") == ["E0301"]
    assert errors(f"block f(a) {{\n  return sum(a, axes = 0)\n}}\n{rest}") == ["E0403"]
    assert errors(f"block f(a) {{\n  return a.W @ a[0]\n}}\n{rest}") == []


@rule("Repeat", "Its name is one that nothing else above it in the file has.")
def test_the_name_of_the_turns_number() -> None:
    for above in ("const i = 4", "i = x", "dim i"):
        text = f"input x: [2, 3]\n{above}\n" + TURNS.partition("\n")[2]
        assert "E0302" in errors(text)
    assert errors(TURNS.replace("output", "i = 2 * x\noutput")) == []


@rule("Repeat", 'A parameter of a turn is called `W` inside the loop, and `"o[3].W"` from outside')
def test_a_parameter_of_a_turn() -> None:
    assert params(TURNS) == ["o[1].W", "o[2].W", "o[3].W"]
    assert graphdsl.loads(TURNS).evaluate("o[2].W").tolist() == [[2] * 3] * 3
    assert run(TURNS + 'output s = l2("o[3].W")\n', x=np.zeros((2, 3)))["s"] == 81
    assert errors(TURNS + "output s = o[3].W\n") == ["E0316"]


@pytest.mark.parametrize(
    ("pattern", "value"), [("*", 126), ("o[?].W", 126), ("o[*].W", 126), ("o[2].*", 36)]
)
@rule("Gradients", "`*` stands for any text, `?` for any letter, brackets for themselves")
def test_patterns(pattern: str, value: float) -> None:
    assert run(f'{TURNS}output s = l2("{pattern}")\n', x=np.zeros((2, 3)))["s"] == value


@rule("Imports", "A file cannot import itself, be it through others.")
def test_circles(tmp_path: Path) -> None:
    block = "block {}(x) {{\n  return x\n}}\ninput x\noutput y = x\n"
    (tmp_path / "a.gdl").write_text('from "b.gdl" import B\n' + block.format("A"))
    (tmp_path / "b.gdl").write_text('from "a.gdl" import A\n' + block.format("B"))
    (tmp_path / "c.gdl").write_text('from "c.gdl" import C\n' + block.format("C"))
    for name in ("a", "c"):
        found = check(read_source(tmp_path / f"{name}.gdl"))
        assert [one.code for one in found if one.severity == "error"] == ["E0332"]
