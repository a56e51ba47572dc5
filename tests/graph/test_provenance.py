"""Axes followed back through ops by marks: no op has a rule for it, so all kinds are tried."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from graphdsl.driver import compile_source
from graphdsl.graph.build import Builder, Expr
from graphdsl.graph.graph import Node
from graphdsl.graph.op import OPS
from graphdsl.graph.provenance import Entry, find_clash, find_entry
from graphdsl.graph.sizes import Size, symbol
from graphdsl.graph.types import DType, TensorType
from graphdsl.language.source import read_source

TREE = Path(__file__).parents[2]
MODELS = sorted((TREE / "examples").rglob("*.gdl")) + sorted((TREE / "docs").rglob("*.gdl"))
N = symbol("N")


def leaf(builder: Builder, *shape: Size) -> Expr:
    type = TensorType(DType.f32, shape)
    return builder.add(OPS["input"], (), (("type", type),), type)


def entry(x: Expr, axis: int) -> Entry:
    return find_entry(x.builder.nodes, x.id, axis, {})


def apply(name: str, *operands: Expr, **attributes: object) -> Expr:
    return operands[0].builder.apply(OPS[name], operands, attributes)


# A result computed from leaves of these shapes, and for each of its axes the leaf and the axis
# that its size is from.
WAYS: list[tuple[str, list[tuple[Size, ...]], Callable[..., Expr], list[tuple[int, int]]]] = [
    ("matmul", [(N, 64), (64, 10)], lambda x, w: x @ w, [(0, 0), (1, 1)]),
    ("square", [(4, 4), (4, 4)], lambda x, w: x @ w, [(0, 0), (1, 1)]),
    (
        "batches",
        [(2, 3, 4), (2, 4, 5)],
        lambda x, w: x @ w,
        [(0, 0), (0, 1), (1, 2)],
    ),
    ("spread", [(5,), (N, 1)], lambda b, x: b + x, [(1, 0), (0, 0)]),
    ("bias", [(N, 64), (64,)], lambda x, b: x + b, [(0, 0), (0, 1)]),
    ("square and row", [(4, 4), (4,)], lambda x, b: x * b, [(0, 0), (0, 1)]),
    ("transpose", [(N, 3, 4)], lambda x: apply("swap", x), [(0, 0), (0, 2), (0, 1)]),
    (
        "order",
        [(2, 3, 4)],
        lambda x: apply("transpose", x, axes=(2, 0, 1)),
        [(0, 2), (0, 0), (0, 1)],
    ),
    ("sum", [(2, 3, 4)], lambda x: apply("sum", x, axis=1), [(0, 0), (0, 2)]),
    ("reshape", [(N, 5, 2)], lambda x: apply("reshape", x, shape=(-1, 10)), [(0, 0)]),
    ("heads", [(N, 8)], lambda x: apply("reshape", x, shape=(N, 2, 4)), [(0, 0)]),
    ("stack", [(N, 3), (N, 3)], lambda a, b: apply("stack", a, b, axis=1), [(0, 0)]),
    ("concat", [(N, 3), (N, 4)], lambda a, b: apply("concat", a, b, axis=1), [(0, 0)]),
    (
        "where",
        [(3, 3), (3, 3), (3, 3)],
        lambda a, b, c: apply("where", apply("greater", a, b), b, c),
        [(0, 0), (0, 1)],
    ),
    (
        "einsum",
        [(2, 3, 4), (4, 5)],
        lambda a, b: apply("einsum", a, b, equation="bij,jk->kbi"),
        [(1, 1), (0, 0), (0, 1)],
    ),
    (
        "equal sizes beside",
        [(2, 2, 4), (4, 5, 2)],
        lambda a, b: apply("einsum", a, b, equation="ibj,jkb->bik"),
        [(0, 1), (0, 0), (1, 1)],
    ),
    ("slice of the rest", [(7, 5)], lambda x: apply("index", x, items=(0,)), [(0, 1)]),
]


@pytest.mark.parametrize(
    ("shapes", "build", "wanted"), [w[1:] for w in WAYS], ids=[w[0] for w in WAYS]
)
def test_an_axis_is_followed_to_its_leaf(
    shapes: list[tuple[Size, ...]], build: Callable[..., Expr], wanted: list[tuple[int, int]]
) -> None:
    builder = Builder()
    made = build(*(leaf(builder, *shape) for shape in shapes))
    for axis, (operand, of) in enumerate(wanted):
        assert entry(made, axis) == Entry(operand, of)


def test_a_size_that_an_op_makes_is_its_own() -> None:
    builder = Builder()
    x, z = leaf(builder, N, 4), leaf(builder, N, 5)
    joined = apply("concat", x, z, axis=1)
    assert entry(joined, 1) == Entry(joined.id, 1, "4 + 5")
    flat = apply("reshape", leaf(builder, N, 28, 28), shape=(N, -1))
    assert entry(flat, 1) == Entry(flat.id, 1, "28^2")
    written = apply("reshape", x, shape=(-1, 2))
    assert entry(written, 1) == Entry(written.id, 1)
    cut = apply("index", x, items=(("slice", None, None, None), ("slice", 0, 3, None)))
    assert entry(cut, 1) == Entry(cut.id, 1)  # min(4, 3) says nothing to a reader
    assert entry(apply("exp", joined), 1).node == joined.id


def test_long_ways_are_followed_once() -> None:
    def count(length: int) -> int:
        builder = Builder()
        x = leaf(builder, N, 4)
        calls = 0
        exp = OPS["exp"]

        def counted(*types: TensorType, **attributes: object) -> TensorType:
            nonlocal calls
            calls += 1
            return exp.infer(*types, **attributes)

        op, known = replace(exp, infer=counted), dict[tuple[int, int], Entry]()
        for _ in range(length):
            x = builder.apply(op, (x,))
        calls = 0
        for node in reversed(builder.nodes):
            assert find_entry(builder.nodes, node.id, 1, known) == Entry(0, 1)
        return calls

    assert count(2_000) == 2 * count(1_000) > 0


def test_many_operands_take_no_long_time() -> None:
    builder = Builder()
    parts = [leaf(builder, 4, 4) for _ in range(5_000)]
    stacked = apply("stack", *parts, axis=0)
    before = time.perf_counter()
    assert entry(stacked, 1) == Entry(0, 0)
    assert entry(stacked, 2) == Entry(0, 1)
    assert entry(stacked, 0) == Entry(stacked.id, 0)
    assert time.perf_counter() - before < 5


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_every_axis_of_a_real_model_has_an_origin(path: Path) -> None:
    compiled = compile_source(read_source(path))
    lowered = compiled.lowered(training=True)
    graphs: list[tuple[Node, ...]] = [lowered.graph.nodes]
    if lowered.train is not None:
        graphs.append(compiled.compiled(compiled.step_purpose()).graph.nodes)
    for nodes in graphs:
        known: dict[tuple[int, int], Entry] = {}
        for node in nodes:
            for axis, size in enumerate(node.type.shape):
                found = find_entry(nodes, node.id, axis, known)
                assert nodes[found.node].type.shape[found.axis] == size
                elementwise = nodes[found.node].op.elementwise
                assert not elementwise, f"{node} makes no size of its own"


def test_the_axes_an_op_refuses() -> None:
    def clash(name: str, *shapes: tuple[Size, ...], **attributes: object) -> list[tuple[int, int]]:
        op = OPS[name]
        given = {key: attributes.get(key, spec.default) for key, spec in op.attributes.items()}
        return find_clash(op, [TensorType(DType.f32, shape) for shape in shapes], given)

    assert clash("vdot", (3,), (4,)) == [(0, 0), (1, 0)]
    assert clash("solve", (8, 8), (7,)) == [(0, 0), (1, 0)]
    assert clash("layer_norm", (N, 8), (7,), (7,), eps=1e-5) == [(0, 1), (1, 0)]
    assert clash("det", (3, 4)) == [(0, 0), (0, 1)]
    assert clash("index", (N, 5), items=(0, 5)) == [(0, 1)]
    assert clash("exp", (N, 5)) == []  # it refuses nothing
    assert clash("sum", (N, 5), axis=2) == []  # no size would make it right
