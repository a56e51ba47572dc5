"""Any graph as text: one line a node, the same bytes every time."""

from __future__ import annotations

from graphdsl.driver import compile_source
from graphdsl.graph.dump import LONGEST, dump
from graphdsl.language.source import Source


def dumped(text: str) -> str:
    return dump(compile_source(Source(text)).graph())


def test_a_line_for_each_node_and_what_is_wanted() -> None:
    text = "dim N\ninput x: [N, 4]\nparam w: [4] = 0\nz = x @ w\nloss J = mean(z[1:]^2)\n"
    assert dumped(text) == (
        "# forward\n"
        "0 x: input() f32[N, 4]\n"
        "1 w: param() f32[4]\n"
        "2 z: matmul(0, 1) f32[N]\n"
        "3 index(2, items=[1:]) f32[N - 1]\n"
        "4 number(value=2) i64\n"
        "5 power(3, 4) f32[N - 1]\n"
        "6 J: mean(5) f32\n"
        "# wanted\n"
        "loss J = 6\n"
    )


def test_attributes_are_shown_where_they_are_not_the_default() -> None:
    text = "input x: [2, 3]\noutput y = sum(x, axis = 0, keepdims = true)\n"
    assert "y: sum(0, axis=0, keepdims=true) f32[1, 3]" in dumped(text)


def test_large_constants_are_cut() -> None:
    text = f"output y = {list(range(5000))}\n"
    longest = max(map(len, dumped(text).splitlines()))
    assert longest < LONGEST + 60
    assert "…" in dumped(text)


def test_updates_are_shown() -> None:
    text = "state m: [2] = 0\nupdate m = m + 1\n"
    assert dumped(text).endswith("# wanted\n0 <- 3\n")


def test_an_empty_graph() -> None:
    assert dumped("const k = 1\n") == "\n"
