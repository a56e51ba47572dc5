"""The builder's types, casts and numbers; the graph's roles, reachability and NetworkX view."""

from __future__ import annotations

import networkx as nx
import pytest

import graphdsl.ops  # noqa: F401
from graphdsl.graph.build import Builder, Expr, rebuild, resume
from graphdsl.graph.graph import Graph, Init, Node, Result, Variable, Write
from graphdsl.graph.op import OPS, Fault
from graphdsl.graph.types import DType, TensorType


def leaf(builder: Builder, dtype: DType, *shape: int, op: str = "input") -> Expr:
    type = TensorType(dtype, shape)
    return builder.add(OPS[op], (), (("type", type),), type)


@pytest.fixture
def builder() -> Builder:
    return Builder(DType.f64)


def test_operators_apply_ops(builder: Builder) -> None:
    x, y = leaf(builder, DType.f64, 2, 2), leaf(builder, DType.f64, 2)
    made = [x + y, x - 1, 2 * x, 1 / x, x @ y, x**2, -x, 1 + x, 3 - x, x * x]
    names = [e.node.op.name for e in made]
    assert names == [
        *("add", "sub", "mul", "div", "matmul", "power", "neg", "add", "sub", "mul"),
    ]
    assert all(e.type.dtype is DType.f64 for e in made)


def test_operands_are_cast_to_where_they_meet(builder: Builder) -> None:
    i, b, x = leaf(builder, DType.i32), leaf(builder, DType.bool), leaf(builder, DType.f32)
    assert (i + x).type.dtype is DType.f32
    assert (i + b).type.dtype is DType.i32
    assert (b + b).type.dtype is DType.i64
    assert (i / 2).type.dtype is DType.f64
    assert OPS["equal"](b, b).node.operands == (b.id, b.id)
    with pytest.raises(Fault) as caught:
        x + leaf(builder, DType.f64)
    assert (caught.value.code, caught.value.operand) == ("E0203", 1)
    assert "cast" in (caught.value.help or "")


def test_numbers_are_shared_and_kept_apart_by_type(builder: Builder) -> None:
    assert builder.number(1).id == builder.number(1).id
    distinct = [1, 1.0, True, 0.0, -0.0, float("nan")]
    assert len({builder.number(v).id for v in distinct}) == len(distinct)
    assert builder.number(float("nan")).id == builder.number(float("nan")).id


def test_arithmetic_on_numbers_stays_untyped(builder: Builder) -> None:
    one = builder.number(1.0)
    assert (one + 2).type.weak
    assert OPS["sqrt"](one).type.weak
    assert OPS["where"](OPS["less"](one, 2), one, 3).type.weak
    assert not (leaf(builder, DType.f32) * one).type.weak
    assert not builder.cast(one, DType.f32).type.weak


def test_a_cast_to_the_same_type_is_none(builder: Builder) -> None:
    x = leaf(builder, DType.f32, 3)
    assert builder.cast(x, DType.f32) is x
    assert builder.cast(x, DType.f64).type == TensorType(DType.f64, (3,))


def sample() -> Graph:
    """J = sum((x * w)²) with w written anew, and a node that nothing needs."""
    builder = Builder()
    x = leaf(builder, DType.f32, 3)
    w = leaf(builder, DType.f32, 3, op="param")
    y = x * w
    unused = y + 1
    loss = OPS["sum"](y * y)
    new = w - 0.1
    return Graph(
        nodes=tuple(builder.nodes),
        names={"x": x.id, "w": w.id, "unused": unused.id, "J": loss.id},
        inputs=(x.id,),
        params=(Variable("w", w.id, Init("zeros")),),
        results=(Result("loss", "J", loss.id),),
        writes=(Write(w.id, new.id),),
    )


def test_roles_and_reachability() -> None:
    graph = sample()
    assert graph.loss is not None
    assert graph.loss.name == "J"
    kept = graph.reaching(graph.roots())
    assert graph.names["unused"] not in kept
    assert {graph.names["x"], graph.names["w"]} <= kept
    assert graph.names["J"] in graph.depending([graph.names["w"]])
    assert graph.names["x"] not in graph.depending([graph.names["w"]])


def test_rebuilding_keeps_what_is_kept_and_moves_roles() -> None:
    graph = sample()
    pruned = rebuild(graph, keep=graph.reaching(graph.roots()))
    assert len(pruned.nodes) < len(graph.nodes)
    assert all(node.id == place for place, node in enumerate(pruned.nodes))
    assert "unused" not in pruned.names
    assert pruned.loss is not None
    assert pruned.nodes[pruned.loss.node].op is OPS["sum"]
    assert pruned.nodes[pruned.writes[0].target].op is OPS["param"]


def test_rebuilding_replaces_by_rule() -> None:
    def doubled(builder: Builder, node: Node, operands: tuple[Expr, ...]) -> Expr | None:
        return operands[0] + operands[1] if node.op is OPS["mul"] else None

    made = rebuild(sample(), doubled)
    assert OPS["mul"] not in {node.op for node in made.nodes}


def test_resuming_appends() -> None:
    graph = sample()
    builder = resume(graph, "reverse")
    made = Expr(builder, graph.names["J"]) * 2.0
    assert made.id > len(graph.nodes) - 1
    assert made.node.sweep == "reverse"
    assert builder.nodes[0] is graph.nodes[0]


def test_networkx_view() -> None:
    graph = sample()
    view = graph.to_networkx()
    assert nx.is_directed_acyclic_graph(view)
    assert nx.is_frozen(view)
    square = next(n.id for n in graph.nodes if n.op.name == "mul" and len(set(n.operands)) == 1)
    (source,) = set(graph.nodes[square].operands)
    assert view.number_of_edges(source, square) == 2
    assert set(view[source][square]) == {0, 1}
    assert view.nodes[square]["type"] == "f32[3]"
