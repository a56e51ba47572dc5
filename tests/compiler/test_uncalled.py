"""Blocks and optimizers that nobody calls: their faults are told, and nothing of what may be
right."""

from __future__ import annotations

from importlib.resources import files

import pytest

from graphdsl.compiler.lower.program import PRELUDE
from graphdsl.driver import check
from graphdsl.language.source import Source

REST = "input x: [2, 3]\noutput y = x\n"


def told(text: str) -> list[str]:
    """The codes of what is said of a text, the order as it is said."""
    return [diagnostic.code for diagnostic in check(Source(text, "m.gdl"))]


@pytest.mark.parametrize(
    "body",
    [
        "return h.W + h.T",  # the argument may be anything
        "return size(h, -1) * h[0, 1:]",
        "u, v = h(h, h)\n  return u, v",
        "param W: [size(h, -1), 4] ~ he_normal()\n  return W.T @ h",
        "g = Dense(h, 4)\n  return g + g.W",
        "g = h\n  repeat i in 1..3 {\n    g = g + i\n    collect G = g\n  }\n  return G[0]",
        "repeat i in 1..size(h, 0) {\n    g = h\n  }\n  return h",
        "return h if h else 2 * h",
        "return h * t / total_steps",
        "state m: [3] = 0\n  update m = 0.9 * m + h\n  return h",
        "return grad(sum(h), h)",
        "share cell = LSTMCell(units = 3)\n  a, b = cell(h, h, h)\n  return a",
        "const k = 2 * size(h, 0)\n  return reshape(h, [k, -1])",
        "return [h, 1]",
    ],
)
def test_what_may_be_right_is_not_told(body: str) -> None:
    assert told(f"block f(h) {{\n  {body}\n}}\n{REST}") == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("return h + nowhere", "E0301"),
        ("return h[nowhere]", "E0301"),
        ("return Dense(h, nowhere)", "E0301"),
        ("return sum(h, axes = 0)", "E0403"),
        ("return h + x", "E0301"),
        ("return later\n  later = h", "E0301"),
        ("g = h", "E0414"),
        ("h = 2 * h\n  return h", "E0302"),
        ("return f(h)", "E0404"),
        ("param W: [3] ~ nomral()\n  return W", "E0308"),
    ],
)
def test_what_is_wrong_for_every_argument_is_told(body: str, code: str) -> None:
    assert code in told(f"block f(h) {{\n  {body}\n}}\n{REST}")


def test_a_default_is_checked() -> None:
    assert told(f"block f(h, act = rleu) {{\n  return act(h)\n}}\n{REST}") == ["E0301"]


def test_a_block_that_is_called_is_told_of_once() -> None:
    text = "block f(h) {\n  return h + nowhere\n}\ninput x\noutput y = f(x)\n"
    assert told(text) == ["E0301"]


def test_what_it_reads_counts_as_used() -> None:
    assert told(f"const k = 3\nblock f(h) {{\n  return k * h\n}}\n{REST}") == []


@pytest.mark.parametrize("name", PRELUDE)
def test_the_prelude_is_clean(name: str) -> None:
    text = (files("graphdsl") / "prelude" / name).read_text("utf-8")
    hiding = {"W0106"}  # its names are those of the prelude itself
    assert {*told(f"{text}\n{REST}")} - hiding == set()


def test_many_blocks_of_many_turns_take_no_time() -> None:
    body = "  h = x\n  repeat i in 1..15000 {\n    h = h + 1\n  }\n  return h\n"
    text = "".join(f"block turns_{n}(x) {{\n{body}}}\n" for n in range(200))
    assert told(text + REST) == []


@pytest.mark.parametrize(
    "body",
    [
        "update p = p - lr * g",
        "state m = 0\n  update m = 0.9 * m + g\n  update p = p - lr * m / (1 - 0.9^t)",
        "state c: [3] = 0\n  h = p.T @ g\n  update p = p - h[0, 1:] * size(p, -1)",
        "const k = 2\n  u = uniform([3]) * epoch / total_steps\n  update p = p - k * u",
    ],
)
def test_what_may_be_right_of_an_optimizer_is_not_told(body: str) -> None:
    assert told(f"optimizer f(lr = 1, mu) {{\n  {body}\n}}\n{REST}") == []


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ("update p = p - lr * gg", ["E0301"]),
        ("update p = p - nowhere\n  update q = elsewhere", ["E0301", "E0309", "E0301"]),
        ("state m = zer\n  update m = m\n  update p = p", ["E0301"]),
        ("state m = [1, 2]\n  update p = p - m", ["E0308"]),
        ("h = p - lr * g", ["E0411"]),
        ("p = p - lr * g\n  update p = g", ["E0302"]),
        ("update p = sum(p, axes = 0)", ["E0403"]),
    ],
)
def test_what_is_wrong_with_an_optimizer_is_told(body: str, codes: list[str]) -> None:
    assert told(f"optimizer f(lr = 1) {{\n  {body}\n}}\n{REST}") == codes


def test_an_optimizer_that_trains_is_told_of_once() -> None:
    rule = "optimizer f(lr = 1) {\n  update p = p - nowhere\n}\n"
    text = f"{rule}param w = 1\nloss J = w^2\ntrain {{ optimizer = f() }}\n"
    assert told(text) == ["E0301"]


def test_an_optimizer_that_does_not_parse_has_no_other_fault() -> None:
    rule = "optimizer f(lr = 1) {\n  update p = p - * g\n}\n"
    text = f"{rule}param w = 1\nloss J = w^2\ntrain {{ optimizer = f() }}\n"
    assert told(text) == told(rule + REST) == ["E0114"]
