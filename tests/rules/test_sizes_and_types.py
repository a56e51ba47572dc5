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
                ("maximum(f, 0)", "f32"),
                ("where(b, d, 1)", "f64"),
            ]
        ),
        *(
            pytest.param(*case, marks=rule(TYPES, "unless it is a fraction beside integers"))
            for case in [
                ("0.5 * i", "f32"),
                ("clip(n, 0.5, 2)", "f32"),
                ("where(b, inf, n)", "f32"),
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


FITTING = "input i: i32[3]\ninput b: bool[3]\noutput y = i\n"
LARGE = "3_000_000_000"  # beyond i32


@pytest.mark.parametrize(
    ("line", "number", "code"),
    [
        ("u = i * {}", LARGE, "E0203"),
        ("u = clip(i, 0, {})", LARGE, "E0203"),
        ("u = where(b, {}, i)", LARGE, "E0203"),
        ("u = full({}, [2], dtype = i32)", LARGE, "E0203"),
        ("u = full({}, [2], dtype = bool)", "2", "E0203"),
        ("u = arange(3, start = {}, dtype = i32)", LARGE, "E0203"),
        ("u = arange(3, start = {}, dtype = i32)", "2_147_483_646", "E0203"),
        ("u = arange(3, start = {})", "9_223_372_036_854_775_806", "E0203"),
        ("u = pad(i, before = 1, value = {})", LARGE, "E0203"),
        ("u = pad(b, before = 1, value = {})", "2", "E0203"),
        ("u = cast({}, i32)", LARGE, "E0203"),
        ("u = cast([1, {}], i32)", LARGE, "E0203"),
        ("u = cast({}, i64)", "inf", "E0203"),
        ("param p: i32 = {} with frozen = true", LARGE, "E0308"),
        ("state s: i32 = 0\nupdate s = {}", LARGE, "E0215"),
    ],
)
@rule(TYPES, "A number beyond the range of an integer type is an error")
def test_a_number_fits_its_type(line: str, number: str, code: str) -> None:
    assert errors(f"{FITTING}{line.format(number)}\n") == [code]
    assert errors(f"{FITTING}{line.format(1)}\n") == []


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("u = full(1.5, [2], dtype = i64)", "E0203"),
        ("u = arange(3, start = 0.5)", "E0203"),
        ("u = arange(3, step = 0.5)", "E0203"),
        ("dim N\ninput n: [N]\nu = arange(N, step = 0.5) + n", "E0203"),
        ("u = pad(i, before = 1, value = 0.5)", "E0203"),
        ("param p: i64 = 0.5 with frozen = true", "E0308"),
        ("state s: i64 = 0\nupdate s = 0.5", "E0215"),
    ],
)
@rule(TYPES, "So is a fraction where the type is given before;")
def test_a_fraction_is_no_integer(line: str, code: str) -> None:
    assert errors(f"{FITTING}{line}\n") == [code]
    assert errors(f"{FITTING}{line.replace('.5', '')}\n") == []


@rule(TYPES, "`cast` cuts it off.")
def test_cast_cuts_fractions_off() -> None:
    text = "output a = cast(2.5, i32)\noutput b = cast([-2.5, 2.5], i64)\n"
    assert run(text) == {"a": 2, "b": [-2, 2]}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("full(1e60, [1])", np.inf),
        ("full(16_777_217, [1])", 16_777_216),
        ("x - 1e60", -np.inf),
        ("[1e60] + x", np.inf),
        ("where(x > 1, x, 1e60)", np.inf),
        ("pad(x, before = 1, value = 1e60)[:1]", np.inf),
        ("cast(1e60, f32)", np.inf),
        ("p", -np.inf),
    ],
)
@rule(TYPES, "A float takes the nearest number that it has, and beyond its range an infinity.")
def test_floats_take_the_nearest_number(expression: str, value: float) -> None:
    text = f"input x: [1]\nparam p: [1] = -1e60\noutput y = {expression}\n"
    assert graphdsl.loads(text).run(x=[1.0])["y"].item() == value


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("param p: i64[2] = full(1, [2]) with frozen = true", "E0308"),
        ("param p: i32[2] = arange(2) with frozen = true", "E0308"),
        ("param p: bool[2] = arange(2) with frozen = true", "E0308"),
        ("param p: i32[2] = cast(arange(2), i32) with frozen = true", None),
        ("param p: i64[2] = arange(2, dtype = i32) with frozen = true", None),
        ("param p: f32[2] = full(1, [2], dtype = f64)", None),
        ("param p: f32[2] = arange(2)", None),
        ("state s: i64 = 0\nupdate s = s + 0.5", "E0215"),
        ("state s: i64 = 0\nupdate s = cast(s + 0.5, i64)", None),
        ("state s: i32 = 0\nupdate s = sum(b)", "E0215"),
        ("state s: i64 = 0\nupdate s = s + i[0]", None),
        ("state s: f32 = 0\nupdate s = s + i[0]", None),
    ],
)
@rule(
    TYPES, "What is computed becomes an initial value or an update as long as no value can change"
)
def test_what_is_computed_keeps_its_value(line: str, code: str | None) -> None:
    assert errors(f"{FITTING}{line}\n") == ([code] if code else [])


@rule(TYPES, "What `~` draws for integers loses its fractions.")
def test_draws_of_integers() -> None:
    text = "param p: i64[50] ~ uniform(-2, 2) with frozen = true\noutput y = p\n"
    assert set(run(text)["y"]) == {-1, 0, 1}
