"""Rewriting keeps every value, and a second time changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from compiler.models import programs
from compiler.reference import interpret
from graphdsl.compiler.rewrite import rewrite
from graphdsl.compiler.rewrite.passes import PASSES, decompose, prune, share
from graphdsl.compiler.rewrite.simplify import simplify
from graphdsl.driver import Compilation, Purpose, compile_source
from graphdsl.graph.dump import dump
from graphdsl.graph.graph import Graph
from graphdsl.graph.types import DType
from graphdsl.language.source import Source

HEAD = "dim N\ninput x: [N, 3]\ninput z: [N, 3]\ninput i: i64[3]\ninput s\n"


def compiled(text: str) -> Compilation:
    return compile_source(Source(text), float=DType.f64)


def graph_of(expression: str) -> Graph:
    return compiled(f"{HEAD}output y = {expression}\n").swept(Purpose(("y",)))[0]


def ops_of(graph: Graph) -> list[str]:
    skipped = ("input", "number", "constant")
    return sorted(n.op.name for n in prune(graph).nodes if n.op.name not in skipped)


def values(compilation: Compilation, graph: Graph, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    feeds, stored = {}, {}
    for id in compilation.graph().inputs:
        node = compilation.graph().nodes[id]
        shape = [4 if not isinstance(size, int) else size for size in node.type.shape]
        whole = node.type.dtype.is_integer
        feeds[node.name or ""] = (
            random.integers(0, 3, shape) if whole else random.normal(size=shape)
        )
    for variable in (*compilation.graph().params, *compilation.graph().states):
        shape = compilation.graph().nodes[variable.node].type.shape
        stored[variable.name] = random.normal(size=shape)
    found = interpret(graph, compilation.layout, {"N": 4}, feeds, stored)
    named = {r.name: found[r.node] for r in graph.results}
    return named | {f"∂{k}": found[g] for k, (_, g) in enumerate(graph.gradients)}


@pytest.mark.parametrize(
    ("expression", "ops"),
    [
        ("x + 0", []),
        ("0 + x", []),
        ("x * 1", []),
        ("x / 1", []),
        ("x - 0", []),
        ("x^1", []),
        ("-(-x)", []),
        ("x.T.T", []),
        ("identity(x)", []),
        ("cast(x, f64)", []),
        ("reshape(x, [N, 3])", []),
        ("reshape(reshape(x, [3*N]), [N, 3])", []),
        ("x^2", ["mul"]),
        ("x^3", ["mul", "mul"]),
        ("x^-1", ["div"]),
        ("x * 2 * 3", ["mul"]),
        ("2 * (3 * x)", ["mul"]),
        ("x / 2 / 4", ["div"]),
        ("x * 6 / 3", ["mul"]),
        ("6 / 3 * x", ["mul"]),
        ("-(x * 2)", ["mul"]),
        ("x + -z", ["sub"]),
        ("x - -z", ["add"]),
        ("x + x", ["mul"]),
        ("x * ones([3])", []),
        ("x * full(2, [3])", ["mul"]),
        ("sum(x * z)", ["vdot"]),
        ("sum(x^2)", ["vdot"]),
        ("sum(x * 2)", ["mul", "sum"]),
        ("sum(square(x))", ["vdot"]),
        ("sum(sum(x, axis = 0))", ["sum"]),
        ("exp(x) + exp(x)", ["exp", "mul"]),
        ("(x + z) * (x + z)", ["add", "mul"]),
    ],
)
def test_rules(expression: str, ops: list[str]) -> None:
    text = f"{HEAD}output y = {expression}\n"
    compilation = compiled(text)
    graph, _ = compilation.swept(Purpose(("y",)))
    smaller = rewrite(graph)
    if expression != "x * ones([3])":
        assert ops_of(smaller) == ops
    wanted = values(compilation, graph)["y"]
    np.testing.assert_allclose(values(compilation, smaller)["y"], wanted, rtol=1e-12)


@pytest.mark.parametrize(
    "expression",
    ["i + 0.0", "i * 1.0", "s + zeros([3])", "s * ones([N, 3])", "x^0", "x - x", "x / x", "i / 1"],
)
def test_what_a_rule_may_not_take(expression: str) -> None:
    compilation = compiled(f"{HEAD}output y = {expression}\n")
    graph, _ = compilation.swept(Purpose(("y",)))
    smaller = rewrite(graph)
    types = [g.nodes[g.results[0].node].type for g in (graph, smaller)]
    assert types[0] == types[1]
    found, wanted = values(compilation, smaller)["y"], values(compilation, graph)["y"]
    np.testing.assert_array_equal(found, wanted)


def test_random_ops_and_signed_zeros_stay_apart() -> None:
    graph = graph_of("x * 0.0 + x * -0.0")
    assert ops_of(rewrite(graph)).count("mul") == 2


@given(programs())
@settings(max_examples=40, deadline=None)
def test_each_pass_keeps_every_value(text: str) -> None:
    compilation = compiled(text)
    trained = tuple(v.name for v in compilation.graph().params)
    graph, _ = compilation.swept(Purpose(("J",), trained))
    wanted = values(compilation, graph)
    for step in PASSES:
        graph = step(graph)
        found = values(compilation, graph)
        for name, array in wanted.items():
            np.testing.assert_allclose(found[name], array, 1e-9, 1e-11, err_msg=step.__name__)


@given(programs())
@settings(max_examples=20, deadline=None)
def test_twice_is_once(text: str) -> None:
    compilation = compiled(text)
    graph, _ = compilation.swept(compilation.step_purpose())
    for step in (prune, decompose, share):
        once = step(graph)
        assert dump(step(once)) == dump(once)


def test_simplify_settles() -> None:
    graph = graph_of("-(-(x * 2 * 3)) + 0 + x^2 * 1")
    seen = [dump(prune(graph))]
    for _ in range(6):
        graph = simplify(graph)
        seen.append(dump(prune(graph)))
    assert seen[-1] == seen[-2]
