"""Sizes that are symbols, and the types that operands meet in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl.cli import main
from rules.asking import errors, run, types
from rules.citations import rule

SIZES = "Sizes"
TYPES = "Element types"


@pytest.mark.parametrize(
    ("sizes", "shown"),
    [
        ("k", "f32[6]"),
        ("N", "f32[N]"),
        ("N * T, k / 2", "f32[N*T, 3]"),
        ("N + 1", "f32[N+1]"),
        ("k^2", "f32[36]"),
    ],
)
@rule(SIZES, "A size is a constant, a symbol of a `dim`, or an expression of these.")
def test_sizes(sizes: str, shown: str) -> None:
    text = f"const k = 6\ndim N, T\ninput n: [N, T]\ninput x: [{sizes}]\noutput y = x\n"
    assert types(text)["y"].replace(" + ", "+") == shown


@rule(SIZES, "A symbol is at least 0 and never broadcasts as 1.")
def test_symbols() -> None:
    assert run("dim N\ninput x: [N]\noutput y = sum(x)\n", x=[])["y"] == 0
    assert errors("dim N\ninput x: [N]\ninput y: [3]\noutput z = x + y\n") == ["E0201"]
    assert errors("dim N, M\ninput x: [N]\ninput y: [M]\noutput z = x + y\n") == ["E0201"]


@rule(SIZES, "`/` between sizes must divide exactly.")
def test_sizes_divide_exactly() -> None:
    assert errors("const d = 5\ninput x: [d / 2]\noutput y = x\n") == ["E0307"]
    assert errors("dim N\ninput x: [N / 2]\noutput y = x\n") == ["E0307"]
    assert not errors("dim N\ninput n: [N]\ninput x: [4 * N / 2]\noutput y = x * sum(n)\n")


@rule(SIZES, "Sizes are compared as polynomials in the symbols")
def test_sizes_are_polynomials() -> None:
    head = "dim N\ninput x: [(N + 1) * 2]\n"
    assert not errors(f"{head}input y: [2 * N + 2]\noutput z = x + y\n")
    assert errors(f"{head}input y: [2 * N + 3]\noutput z = x + y\n") == ["E0201"]


@rule(SIZES, "the size of a slice such as `x[::2]` or `x[:3]` of N rows equals itself alone.")
def test_sizes_of_slices() -> None:
    head = "dim N\ninput x: [N]\n"
    assert not errors(f"{head}output y = x[::2] + x[::2]\noutput z = x[:3] * x[:3]\n")
    assert errors(f"{head}output y = x[:3] + ones([3])\n") == ["E0201"]
    assert run(f"{head}output y = x[::2]\noutput z = x[:3]\n", x=[1, 2]) == {"y": [1], "z": [1, 2]}


@rule(SIZES, "is a size wherever a size is wanted, and an i64 scalar as a value;")
@rule(SIZES, "a symbol is a number in the same way.")
def test_sizes_are_values() -> None:
    text = "dim N\ninput x: [N, 3]\noutput a = size(x, -1)\noutput b = N\noutput c = sum(x) / N\n"
    assert types(text) == {"a": "i64", "b": "i64", "c": "f32"}
    assert run(text, x=np.ones((4, 3))) == {"a": 3, "b": 4, "c": 3}
    assert run("input x: [6]\noutput y = zeros([size(x, 0) / 3])\n", x=np.ones(6)) == {"y": [0, 0]}


@rule(SIZES, "One size of a `reshape` may be -1, and is worked out from the others.")
def test_reshape() -> None:
    head = "dim N\ninput x: [N, 6]\n"
    assert types(f"{head}output y = reshape(x, [-1, 2, 3])\n") == {"y": "f32[N, 2, 3]"}
    assert errors(f"{head}output y = reshape(x, [-1, -1])\n") == ["E0206"]


@pytest.mark.parametrize("type", ["f32", "f64", "i32", "i64", "bool"])
@rule(TYPES, "The types are `f32 f64 i32 i64 bool`;")
def test_element_types(type: str) -> None:
    assert types(f"input x: {type}\noutput y = x\n") == {"y": type}
    assert errors("input x: f16\noutput y = x\n") == ["E0306"]


@rule(TYPES, '`float` is the model\'s own, f32 unless `--dtype f64` or `dtype="f64"` says')
def test_the_models_float(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "input x\ninput k: i64\noutput y = x\noutput z = cast(k, float)\n"
    assert types(text) == {"y": "f32", "z": "f32"}
    found = graphdsl.loads(text, dtype="f64").outputs
    assert {name: str(type) for name, type in found.items()} == {"y": "f64", "z": "f64"}
    (tmp_path / "m.gdl").write_text("input x\noutput y = x / 3\n")
    assert main(["run", str(tmp_path / "m.gdl"), "x=1", "--dtype", "f64"]) == 0
    assert capsys.readouterr().out == "y = 0.333333333333333\n"


HEAD = "const k = 2\ninput f: f32\ninput d: f64\ninput i: i32\ninput n: i64\ninput b: bool\n"


@pytest.mark.parametrize(
    ("expression", "type"),
    [
        *(
            pytest.param(*case, marks=rule(TYPES, "a literal or a constant, takes the type of the"))
            for case in [
                ("2 * f", "f32"),
                ("k * d", "f64"),
                ("k * i", "i32"),
                ("n + 1", "i64"),
                ("0.5 * d", "f64"),
                ("pi * f", "f32"),
                ("0.5 * i", "f32"),
                ("maximum(f, 0)", "f32"),
                ("where(b, d, 1)", "f64"),
            ]
        ),
        *(
            pytest.param(
                *case, marks=rule(TYPES, "truth values take the type of a number beside them")
            )
            for case in [
                ("b + n", "i64"),
                ("b * f", "f32"),
                ("b * d", "f64"),
                ("b + i", "i32"),
                ("b + b", "i64"),
            ]
        ),
        *(
            pytest.param(*case, marks=rule(TYPES, "i32 becomes i64, and integers become floats"))
            for case in [
                ("i + n", "i64"),
                ("i + i", "i32"),
                ("n + f", "f32"),
                ("i * d", "f64"),
                ("n / n", "f32"),
                ("n^2", "f32"),
                ("mean(n)", "f32"),
                ("mean(b)", "f32"),
                ("-i", "i32"),
            ]
        ),
        *(
            pytest.param(*case, marks=rule(TYPES, "`cast(x, f64)` says that the change is meant."))
            for case in [("cast(f, f64) + d", "f64"), ("f + cast(d, f32)", "f32")]
        ),
    ],
)
@rule(TYPES, "Where operands meet,")
def test_types_of_results(expression: str, type: str) -> None:
    assert types(f"{HEAD}output y = {expression}\n") == {"y": type}


@pytest.mark.parametrize("expression", ["f + d", "d * f", "where(b, f, d)", "stack(f, d)"])
@rule(TYPES, "f32 beside f64 is an error")
def test_precisions_do_not_mix(expression: str) -> None:
    assert errors(f"{HEAD}output y = {expression}\n") == ["E0203"]
