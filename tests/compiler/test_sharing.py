"""Common subexpressions: what computes the same bits is computed once, however it is written."""

from __future__ import annotations

import numpy as np
import pytest

from compiler.test_rewrite import HEAD, compiled, graph_of, values
from graphdsl.compiler.rewrite import rewrite
from graphdsl.driver import Purpose
from graphdsl.graph.dump import dump

ALIKE = [
    ("x * z", "z * x"),
    ("x + z", "z + x"),
    ("x > 0 and z > 0", "z > 0 and x > 0"),
    ("x > 0 or z > 0", "z > 0 or x > 0"),
    ("sum(x, axis = 1)", "sum(x, axis = -1)"),
    ("sum(x, axis = 1)", "sum(x, axis = [1])"),
    ("mean(exp(x))", "mean(exp(x), axis = [-1, 0])"),
    ("max(x, axis = 0)", "max(x, axis = -2)"),
    ("argmax(x)", "argmax(x, axis = 1)"),
    ("softmax(x)", "softmax(x, axis = 1)"),
    ("cumsum(x)", "cumsum(x, axis = 1)"),
    ("concat(x, z, axis = 1)", "concat(x, z, axis = -1)"),
    ("stack(x, z)", "stack(x, z, axis = -3)"),
    ("gather(u, i, axis = 2)", "gather(u, i, axis = -2)"),
]


@pytest.mark.parametrize(("first", "second"), ALIKE)
def test_what_is_written_in_two_ways_is_computed_once(first: str, second: str) -> None:
    once, both = (rewrite(graph_of(f"stack({first}, {b})")) for b in (first, second))
    assert dump(both) == dump(once)


APART = [
    ("x[:, :2]", "z[:, :2]", "stack({0}, {1}, axis = -1)", "stack({0}, {1}, axis = 1)"),
    ("x", "z", "{0} - {1}", "{1} - {0}"),
    ("x", "z", "sum({0}, axis = 0)", "sum({0}, axis = 0) * 2 - sum({1}, axis = -2)"),
    ("u[0, 0, :, :3]", "z", "sum({0}, axis = 0)", "sum({0}, axis = 1)"),
    ("u[0, 0, :, :3]", "z", "cumsum({0}, axis = -2)", "cumsum({0}, axis = -1)"),
    ("u[0, 0, :2, 0]", "[1, 1]", "put_along({0}, {1}, 2)", "put_along({0}, {1}, 2, axis = 1)"),
]


@pytest.mark.parametrize(("a", "b", "first", "second"), APART)
def test_what_looks_alike_stays_apart(a: str, b: str, first: str, second: str) -> None:
    """Results of one type, on the same operands, that differ."""
    compilation = compiled(f"{HEAD}output y = stack({first}, {second})\n".format(a, b))
    graph, _ = compilation.swept(Purpose(("y",)))
    found, wanted = (values(compilation, g)["y"] for g in (rewrite(graph), graph))
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    assert not np.allclose(wanted[0], wanted[1])
