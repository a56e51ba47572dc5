"""Rewriting keeps every value, and a second time changes nothing: neither each pass nor all."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from compiler.models import programs
from compiler.reference import interpret
from graphdsl.compiler.rewrite import algebra, rewrite
from graphdsl.compiler.rewrite.algebra import Operands, Rule
from graphdsl.compiler.rewrite.passes import PASSES, prune
from graphdsl.compiler.rewrite.simplify import simplify
from graphdsl.driver import Compilation, Purpose, compile_source
from graphdsl.graph.build import Builder, Expr
from graphdsl.graph.dump import dump
from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.types import DType
from graphdsl.graph.verify import verify_graph
from graphdsl.language.source import Source, read_source

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").rglob("*.gdl"))
HEAD = """\
dim N
input x: [N, 3]
input z: [N, 3]
input i: i64[3]
input s
input u: [2, N, 3, 5]
"""
SWAPPED, TURNED = "axes = [1, 0, 2, 3]", "axes = [1, 2, 3, 0]"
IMAGES = "transpose(u, axes = [3, 0, 1, 2])"


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
            random.integers(0, 2, shape) if whole else random.normal(size=shape)
        )
    for variable in (*compilation.graph().params, *compilation.graph().states):
        shape = compilation.graph().nodes[variable.node].type.shape
        stored[variable.name] = np.abs(random.normal(size=shape))  # a variance has a root
    found = interpret(graph, compilation.layout, {"N": 4}, feeds, stored)
    named = {r.name: found[r.node] for r in graph.results}
    return named | {f"∂{k}": found[g] for k, (_, g) in enumerate(graph.gradients)}


CASES = [
    ("x + 0", []),
    ("0 + x", []),
    ("x * 1", []),
    ("x / 1", []),
    ("x - 0", []),
    ("x^1", []),
    ("-(-x)", []),
    ("x.T.T", []),
    ("where(i > 0, x, 0)", ["gate", "greater"]),
    ("x + put_along(z[0], i, size = size(x, 0), axis = 0)", ["add_along", "index"]),
    ("x - put_along(full(2, [3]), i, size = size(x, 0), axis = 0)", ["add_along"]),
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
    ("softmax(x) * 2", ["div", "exp", "max", "mul", "sub", "sum"]),
    ("sqrt(x / 4)", ["div", "sqrt"]),
    ("sqrt(4 * x)", ["mul", "sqrt"]),
    ("(x * 2) / (z * 3 + 1)", ["add", "div", "mul"]),
    ("x / 2 / (z / 3 + 1)", ["add", "div", "mul"]),
    ("broadcast_to(x, shape = [N, 3])", []),
    ("broadcast_to(full(2, [3]), shape = [5, 3])", ["full"]),
    ("reshape(full(2, [6]), [2, 3])", ["full"]),
    ("cast(full(2, [3]), f32)", ["full"]),
    (f"transpose(transpose(u, {SWAPPED}), {SWAPPED})", []),
    (f"transpose(transpose(u, {TURNED}), {TURNED})", ["transpose"]),
    ("transpose(reshape(x, [N, 1, 3]), axes = [1, 0, 2])", ["reshape"]),
    (f"transpose(exp(transpose(u, {SWAPPED})), {SWAPPED})", ["exp"]),
    (f"transpose(transpose(u, {TURNED}) + [1, 2], axes = [3, 0, 1, 2])", ["add", "reshape"]),
    (f"sum(transpose(u, {TURNED}), axis = [0, 3])", ["sum"]),
    (f"sum(transpose(u, {TURNED}), axis = [0, 1])", ["sum", "transpose"]),
    (f"max(transpose(u, {SWAPPED}), axis = 1, keepdims = true)", ["max", "reshape"]),
    (f"prod(transpose(u, {TURNED}))", ["prod"]),
    (f"reshape(transpose(u, {SWAPPED}), [N, 2, 1, 3, 1, 5])", ["reshape", "transpose"]),
    (f"reshape(transpose(u, {SWAPPED}), [N, 6, 5])", ["reshape", "transpose"]),
    (f"max_pool2d(relu({IMAGES}), [1, 2])", ["relu", "transpose", "window_max"]),
    (f"max_pool2d(1 + {IMAGES}, [1, 2])", ["add", "transpose", "window_max"]),
    (
        f"grad(sum(max_pool2d(relu({IMAGES}), [1, 2])^2), u)",
        ["mul", "relu", "relu_gate", "window_max", "window_max_to_input"],
    ),
    (f"grad(sum(max_pool2d(s + {IMAGES}, [1, 2])^2), s)", ["add", "mul", "sum", "window_max"]),
]


@pytest.mark.parametrize(("expression", "ops"), CASES)
def test_rules(expression: str, ops: list[str]) -> None:
    text = f"{HEAD}output y = {expression}\n"
    compilation = compiled(text)
    graph, _ = compilation.swept(Purpose(("y",)))
    smaller = rewrite(graph)
    if expression != "x * ones([3])":
        assert ops_of(smaller) == ops
    wanted = values(compilation, graph)["y"]
    np.testing.assert_allclose(values(compilation, smaller)["y"], wanted, rtol=1e-12)


def test_every_rule_has_a_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the algebra that the docs list, and that some expression above makes work."""
    used: set[str] = set()

    def watched(rule: Rule) -> Rule:
        def apply(builder: Builder, node: Node, operands: Operands) -> Expr | None:
            made = rule(builder, node, operands)
            used.update([rule.__name__] * (made is not None))
            return made

        return apply

    table = {op: tuple(map(watched, rules)) for op, rules in algebra.rules().items()}
    monkeypatch.setattr(importlib.import_module(simplify.__module__), "rules", lambda: table)
    for expression, _ in CASES:
        rewrite(graph_of(expression))
    declared = [rule for rules in algebra.rules().values() for rule in rules]
    assert used == {rule.__name__ for rule in declared}
    assert all(rule.__doc__ for rule in declared)


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
        verify_graph(graph)
        found = values(compilation, graph)
        for name, array in wanted.items():
            np.testing.assert_allclose(found[name], array, 1e-9, 1e-11, err_msg=step.__name__)


def swept(compilation: Compilation) -> Iterator[Graph]:
    """The graphs of a model before they are rewritten: evaluation, gradients, a training step."""
    graph = compilation.graph()
    yield compilation.swept(Purpose(tuple(r.name for r in graph.results)))[0]
    if graph.loss is not None:
        trained = tuple(v.name for v in graph.params if not v.frozen)
        yield compilation.swept(Purpose((graph.loss.name,), trained))[0]
    if compilation.lowered(training=True).train is not None:
        yield compilation.swept(compilation.step_purpose())[0]


def check_idempotence(compilation: Compilation) -> None:
    """Raise where a second time finds something to change."""
    for graph in swept(compilation):
        for step in PASSES:
            graph = step(graph)
            verify_graph(graph)
            assert dump(step(graph)) == dump(graph), step.__name__
        assert dump(rewrite(graph)) == dump(graph)


@given(programs())
@settings(max_examples=40, deadline=None)
def test_each_pass_and_all_of_them_twice_are_once(text: str) -> None:
    check_idempotence(compiled(text))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_rewritten_once_and_for_all(path: Path) -> None:
    check_idempotence(compile_source(read_source(path)))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_rewriting_keeps_the_values_of_examples(path: Path) -> None:
    compilation = compile_source(read_source(path), float=DType.f64)
    graph, *more = swept(compilation)
    for each in [graph, *more[:1]]:
        wanted, found = values(compilation, each), values(compilation, rewrite(each))
        for name, array in wanted.items():
            np.testing.assert_allclose(found[name], array, 1e-9, 1e-11, err_msg=name)


def test_gradients_that_are_one_keep_two_places() -> None:
    """The second of two equal gradients stays a copy, however often copies are settled."""
    text = "input x: [3]\nparam a: [3] = 1\nparam b: [3] = 2\nloss J = sum((a + b - x)^2)"
    graph, _ = compiled(text).swept(Purpose(("J",), ("a", "b")))
    for _ in range(3):
        graph = rewrite(graph)
        (_, first), (_, second) = graph.gradients
        assert first != second


def test_others_read_what_a_copy_copies() -> None:
    """A gradient is a copy for the sake of its place; the update reads past it."""
    text = "input x: [3]\nparam a: [3] = 1\nloss J = sum(a * x)\ntrain {\n  optimizer = own()\n}\n"
    text += "optimizer own() {\n  update p = p - sum(g) * (g * 2)\n}"
    compilation = compiled(text)
    graph = rewrite(compilation.swept(compilation.step_purpose())[0])
    for node in graph.nodes:
        if node.op.name != "pack":
            assert all(graph.nodes[id].op.name != "copy" for id in node.operands)


@pytest.mark.parametrize(
    "expression", ["-(-(x * 2 * 3)) + 0 + x^2 * 1", "sum(sum(x * 2, axis = 0))"]
)
def test_what_a_rule_makes_is_simplified_at_once(expression: str) -> None:
    once = simplify(graph_of(expression))
    assert dump(simplify(once)) == dump(once)


def test_what_becomes_equal_is_shared_and_simplified_further() -> None:
    graph = rewrite(graph_of("(x * 2) * 3 + x * 6"))
    assert ops_of(graph) == ["mul"]  # x * 6 + x * 6 is x * 12
