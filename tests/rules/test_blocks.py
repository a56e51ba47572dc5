"""Blocks, what they see and how their parameters are named; sharing; loops."""

from __future__ import annotations

import numpy as np
import pytest

import graphdsl
from rules.asking import errors, params, run, types
from rules.citations import rule

BLOCKS = "Blocks"
REPEAT = "Repeat"
X = "input x: [4, 3]\n"


@rule(BLOCKS, "A block is a function from values to values that owns its parameters.")
def test_each_call_has_its_own_parameters() -> None:
    text = f"{X}a = Dense(x, 3)\nb = Dense(x, 3)\noutput y = a + b\n"
    assert params(text) == ["a.W", "a.b", "b.W", "b.b"]
    model = graphdsl.loads(text)
    assert not np.array_equal(model.params["a.W"], model.params["b.W"])


@pytest.mark.parametrize(
    ("block", "call", "value"),
    [
        ("block f(a) {\n  return 2 * a\n}", "f(x)", 6),
        ("block f(a, n) {\n  return sum(a * ones([n]))\n}", "f(x, 4)", 12),
        ("block f(a, act) {\n  return act(-a) + 1\n}", "f(x, relu)", 1),
        ("block f(a, act) {\n  return act(a)\n}\nblock g(a) {\n  return a^2\n}", "f(x, g)", 9),
        ("block f(a, deep) {\n  return a if deep else -a\n}", "f(x, false)", -3),
    ],
)
@rule(BLOCKS, "Arguments are nodes, sizes, constants or functions;")
def test_arguments(block: str, call: str, value: float) -> None:
    assert run(f"{block}\ninput x\noutput y = {call}\n", x=3)["y"] == value


@rule(BLOCKS, "Arguments are nodes, sizes, constants or functions;")
def test_sizes_are_arguments() -> None:
    block = "block f(x, n = size(x, 0)) {\n  return sum(x) / n\n}\n"
    assert run(f"{block}dim N\ninput x: [N]\noutput y = f(x)\n", x=[1, 2, 6])["y"] == 3


@rule(BLOCKS, "they may have defaults and be given by keyword.")
def test_defaults_and_keywords() -> None:
    block = "block f(a, b = 2, c = 10 * b) {\n  return a + b + c\n}\n"
    calls = {"f(x)": 23, "f(x, 3)": 34, "f(x, c = 0)": 3, "f(c = 1, b = 1, a = x)": 3}
    for call, value in calls.items():
        assert run(f"{block}input x\noutput y = {call}\n", x=1)["y"] == value
    assert errors(f"{block}input x\noutput y = f(x, d = 1)\n") == ["E0403"]
    assert errors(f"{block}output y = f()\n") == ["E0402"]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("h = Dense(x, 4)", ["h.W", "h.b"]),
        ("h = relu(Dense(x, 4))", ["h.Dense.W", "h.Dense.b"]),
        ("h = 2 * Dense(x, 4)", ["h.Dense.W", "h.Dense.b"]),
        ("h = LayerNorm(Dense(x, 4))", ["h.Dense.W", "h.Dense.b", "h.g", "h.b"]),
    ],
)
@rule(BLOCKS, "A call that is the whole right-hand side takes the name on its left.")
def test_names_of_calls(line: str, names: list[str]) -> None:
    assert sorted(params(f"{X}{line}\noutput y = h\n")) == sorted(names)


@rule(BLOCKS, "Nested calls add the block's name, numbered by position, outermost first")
def test_nested_calls_are_numbered() -> None:
    model = graphdsl.loads(f"{X}h = relu(Dense(Dense(x, 4), 5))\noutput y = h\n")
    assert model.params["h.Dense.W"].shape == (4, 5)
    assert model.params["h.Dense_2.W"].shape == (3, 4)


@rule(BLOCKS, "numbered by position, outermost first")
def test_calls_side_by_side_are_numbered_from_the_left() -> None:
    model = graphdsl.loads(f"{X}h = sum(Dense(x, 5)) + sum(Dense(x, 6))\noutput y = h\n")
    assert model.params["h.Dense.W"].shape == (3, 5)
    assert model.params["h.Dense_2.W"].shape == (3, 6)


@rule(BLOCKS, "numbered by position")
def test_calls_of_another_block_do_not_count() -> None:
    text = f"{X}h = tanh(Dense(LayerNorm(Dense(x, 4)), 5))\noutput y = h\n"
    assert sorted(name for name in params(text) if name.endswith(".b")) == [
        "h.Dense.b",
        "h.Dense_2.b",
        "h.LayerNorm.b",
    ]


@rule(BLOCKS, "In an expression `h.W` is that parameter.")
def test_parameters_are_read_by_name() -> None:
    text = f"{X}h = Dense(x, 2)\noutput y = h\noutput n = sum(h.W^2)\n"
    model = graphdsl.loads(text, dtype="f64")
    assert model.run()["n"] == pytest.approx((model.params["h.W"] ** 2).sum())
    assert errors(f"{X}h = Dense(x, 2)\noutput y = h * sum(h.V)\n") == ["E0316"]


@rule(BLOCKS, "By convention a block that owns parameters or states is Capitalised.")
def test_capitals_are_a_convention_alone() -> None:
    text = "block layer(x) {\n  param w = 2\n  return w * x\n}\ninput x\noutput y = layer(x)\n"
    assert run(text, x=3) == {"y": 6}


@rule(BLOCKS, "A block sees its own file's constants, dims and blocks, and never its nodes;")
@rule(BLOCKS, "what it needs is handed to it.")
def test_what_a_block_sees() -> None:
    seen = (
        "const k = 3\ndim N\nblock g(x) {\n  return k * x\n}\nblock f(x) {\n  return g(x) * N\n}\n"
        "input x: [N]\n"
    )
    assert run(f"{seen}output y = f(x)\n", x=[1, 1]) == {"y": [6, 6]}
    assert errors("block f(a) {\n  return a + x\n}\ninput x\noutput y = f(x)\n") == ["E0301"]


@rule(BLOCKS, "It may call other blocks, not itself, and returns once, in its last statement.")
def test_blocks_do_not_recur() -> None:
    call = "input x\noutput y = f(x)\n"
    assert errors("block f(x) {\n  return f(x)\n}\n" + call) == ["E0404"]
    mutual = "block f(x) {\n  return g(x)\n}\nblock g(x) {\n  return f(x)\n}\n"
    assert errors(mutual + call) == ["E0404"]
    assert errors("block f(x) {\n  return x\n  y = x\n}\n" + call) == ["E0322"]
    assert errors("block f(x) {\n  y = x\n}\n" + call)


@rule(BLOCKS, "Several results are bound together:")
def test_several_results() -> None:
    block = "block two(x) {\n  return x, 2 * x\n}\ninput x\n"
    assert run(f"{block}a, b = two(x)\noutput y = 10 * a + b\n", x=1) == {"y": 12}
    assert errors(f"{block}a, b, c = two(x)\noutput y = a + b + c\n") == ["E0405"]
    assert errors(f"{block}output y = two(x)\n") == ["E0405"]


@rule(BLOCKS, "`share` gives a block one set of parameters for all its calls")
def test_sharing() -> None:
    text = f"{X}share cell = Dense(units = 3)\na = cell(cell(x))\noutput y = cell(a)\n"
    assert params(text) == ["cell.W", "cell.b"]
    assert errors("input x: [5, 3]\nshare f = Dense(units = 4)\noutput y = f(f(x))\n") == ["E0413"]


@rule(BLOCKS, "and fixes some of its arguments:")
def test_shared_arguments_are_fixed() -> None:
    block = "block f(x, k, j = 1) {\n  return x + 10 * k + 100 * j\n}\ninput x\n"
    assert run(f"{block}share g = f(k = 2)\noutput y = g(x)\noutput z = g(x, j = 2)\n", x=1) == {
        "y": 121,
        "z": 221,
    }


# --- repeat -------------------------------------------------------------------------------------

LOOP = "input x\no = x\nrepeat i in {} {{\n  {}\n}}\noutput y = o\n"


def loop(body: str, bounds: str = "1..3") -> str:
    """A file whose one loop carries o."""
    return LOOP.format(bounds, body)


@rule(REPEAT, "A loop is unrolled at compile time;")
@rule(REPEAT, "both ends are part of it.")
@rule(REPEAT, "`l` is a constant.")
@pytest.mark.parametrize(
    ("bounds", "value"), [("1..3", 6), ("2..2", 2), ("1..0", 0), ("-1..1", 0), ("k..2 * k", 9)]
)
def test_bounds(bounds: str, value: float) -> None:
    assert run("const k = 2\n" + loop("o = o + (1 if true else 2) * i", bounds), x=0)["y"] == value


@rule(REPEAT, "Inside, an outer name may be bound again: it is carried to the next turn")
@rule(REPEAT, "and after the loop it is the last value.")
def test_names_are_carried() -> None:
    assert run(loop("o = 2 * o + i"), x=1)["y"] == 2 * (2 * (2 * 1 + 1) + 2) + 3


@rule(REPEAT, "with its shape and type unchanged")
@pytest.mark.parametrize("body", ["o = stack(o, o)", "o = o > 0", "o = cast(o, f64)"])
def test_what_is_carried_keeps_its_type(body: str) -> None:
    assert errors(loop(body)) == ["E0330"]


@rule(REPEAT, "Every other name is local to the turn.")
def test_other_names_are_local() -> None:
    assert run(loop("k = i * o\n  o = o + k"), x=1)["y"] == 24
    assert errors(loop("k = i * o\n  o = o + k") + "output z = k\n") == ["E0301"]


@rule(REPEAT, "`collect` stacks the values of all turns on a new first axis.")
def test_collecting() -> None:
    text = loop("o = 2 * o\n  collect all_of_them = stack(o, o * i)") + "output a = all_of_them\n"
    assert run(text, x=1)["a"] == [[2, 2], [4, 8], [8, 24]]


@rule(REPEAT, "A turn's parameters are named after the first name that the body carries")
def test_parameters_of_turns() -> None:
    text = (
        "input x: [2, 2]\no = x\n"
        "repeat i in 1..2 {\n  h = Dense(o, 2)\n  o = o + h\n}\noutput y = o\n"
    )
    assert params(text) == ["o[1].h.W", "o[1].h.b", "o[2].h.W", "o[2].h.b"]


@rule(REPEAT, "in loops within loops `o[3].u[2].W`;")
def test_parameters_of_nested_turns() -> None:
    text = loop(
        "u = o\n  repeat j in 1..2 {\n    param W = 1\n    u = u * W\n  }\n  o = o + u", "2..3"
    )
    assert params(text) == ["o[2].u[1].W", "o[2].u[2].W", "o[3].u[1].W", "o[3].u[2].W"]
    assert run(text, x=1)["y"] == 4


@rule(REPEAT, "a second loop that carries the same name is an error.")
def test_two_loops_of_one_name() -> None:
    turn = "repeat i in 1..2 {\n  param w = 1\n  o = w * o\n}\n"
    assert errors(f"input x\no = x\n{turn}{turn}output y = o\n") == ["E0329"]


@rule(REPEAT, "Parameters declared above the loop, and shared blocks, serve all its turns.")
def test_parameters_above_the_loop() -> None:
    text = (
        "input x: [4, 3]\nparam s = 2\nshare cell = Dense(units = 3)\no = x\n"
        "repeat i in 1..3 {\n  o = s * cell(o)\n}\noutput y = o\n"
    )
    assert params(text) == ["s", "cell.W", "cell.b"]


@rule(REPEAT, "shared blocks, serve all its turns.")
def test_a_block_shared_in_a_turn_is_that_turns_own() -> None:
    text = (
        "input x: [4, 3]\no = x\nrepeat i in 1..2 {\n  share cell = Dense(units = 3)\n"
        "  o = cell(cell(o))\n}\noutput y = o\n"
    )
    names = ["o[1].cell.W", "o[1].cell.b", "o[2].cell.W", "o[2].cell.b"]
    assert params(text) == names


@rule(REPEAT, "In an expression `o[3]` is an index, never a turn.")
def test_an_index_is_no_turn() -> None:
    text = "input x: [2]\no = x\nrepeat i in 1..3 {\n  o = o + i\n}\noutput y = o[1]\n"
    assert run(text, x=[10, 20])["y"] == 26
    assert errors(text.replace("o[1]", "o[3]")) == ["E0207"]


@rule(REPEAT, "The bounds are constants, and what they come to is counted before it is built.")
def test_loops_are_counted() -> None:
    assert errors(loop("o = 2 * o", "1..1_000_000_000")) == ["E0410"]
    assert errors("dim N\ninput n: [N]\n" + loop("o = o + sum(n)", "1..N")) == ["E0328"]
    assert types(loop("o = 2 * o", "1..1000")) == {"y": "f32"}
