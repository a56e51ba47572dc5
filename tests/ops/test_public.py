"""Whatever a VJP builds is public, and can be written: a reverse sweep is a file like any other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from graphdsl.compiler.differentiate import sweep
from graphdsl.driver import Purpose, compile_source
from graphdsl.graph.build import Builder, Expr
from graphdsl.graph.graph import Node
from graphdsl.graph.op import OPS
from graphdsl.graph.sizes import symbol
from graphdsl.graph.types import DType, TensorType
from graphdsl.language.printer import format_expr
from graphdsl.language.source import Source
from graphdsl.session import Session
from graphdsl.views.written import Writer, name
from ops.harness import feed
from ops.sweep import CASES, Case

WRITTEN = ("index", "copy")
"""Public by the way they are written: `x[…]`, and a name for another."""
FULL = ("slice", None, None, None)
MORE: list[tuple[str, tuple[tuple[int, ...], ...], dict[str, Any]]] = [
    ("index", ((4, 6),), {"items": (FULL, 2)}),
    ("index", ((4, 6),), {"items": (("slice", 1, 3, None), ("slice", None, None, -2))}),
    ("index", ((4, 6),), {"items": ("...", -1)}),
    ("take_slice", ((4, 6),), {"shape": (2, 3), "start": (1, 0), "step": (1, 2)}),
    ("put_slice", ((2, 3),), {"shape": (4, 6), "start": (1, 0), "step": (2, 2)}),
    ("concat", ((2, 3), (4, 3)), {"axis": 0}),
    ("conv1d", ((2, 3, 8), (5, 3, 3)), {"padding": 1}),
    ("conv2d", ((2, 4, 8, 8), (6, 2, 3, 3)), {"stride": 2, "groups": 2, "dilation": (1, 2)}),
    ("conv_transpose1d", ((2, 3, 8), (3, 5, 3)), {"stride": 2, "extra": 1}),
    ("conv_transpose2d", ((2, 3, 4, 4), (3, 5, 3, 3)), {"stride": (2, 1)}),
    ("max_pool1d", ((2, 3, 8),), {"size": 2}),
    ("max_pool2d", ((2, 3, 8, 8),), {"size": (2, 4), "padding": (1, 2)}),
    ("max_pool1d_to_input", ((2, 3, 4), (2, 3, 8)), {"size": 2}),
    ("max_pool2d_to_input", ((2, 3, 3, 3), (2, 3, 8, 8)), {"size": 4, "stride": 2, "padding": 0}),
    ("avg_pool2d", ((2, 3, 8, 8),), {"size": 3, "stride": 1}),
    ("patches2d", ((2, 3, 8, 8),), {"size": 3, "value": -np.inf}),
    ("conv1d_to_input", ((2, 5, 6), (5, 3, 3)), {"sizes": (8,)}),
    ("conv2d_to_input", ((2, 6, 3, 3), (6, 2, 3, 3)), {"sizes": (8, 8), "stride": 2, "groups": 2}),
    ("conv1d_to_kernel", ((2, 3, 8), (2, 5, 6)), {"sizes": (3,)}),
    ("conv2d_to_kernel", ((2, 3, 8, 8), (2, 5, 6, 8)), {"sizes": (3, 3), "padding": (0, 1)}),
    ("fold1d", ((2, 3, 3, 6),), {"size": 3, "sizes": (8,)}),
    ("fold2d", ((2, 3, 4, 4, 4),), {"size": 2, "sizes": (8, 8), "stride": 2}),
    ("layer_norm", ((5, 4), (4,), (4,)), {}),
    ("rms_norm", ((5, 4), (4,)), {}),
    ("group_norm", ((5, 4, 3), (4,), (4,)), {"groups": 2}),
    ("batch_norm", ((5, 4), (4,), (4,), (4,), (4,)), {}),
    ("squeeze", ((5, 1),), {"axis": 1}),
    ("full", ((),), {"shape": (2, 3), "dtype": DType.f64}),
    ("relu", ((4,),), {}),
    ("cast", ((4,),), {"dtype": DType.f32}),
]


def _cases() -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {}
    rng = np.random.default_rng(0)
    for op, shapes, attrs in MORE:
        operands = tuple(np.asarray(rng.uniform(0.2, 2, shape)) for shape in shapes)
        found.setdefault(op, []).append(Case(op, operands, attrs))
    for case in CASES:
        found.setdefault(case.op, []).append(case)
    derivable = {name: cases for name, cases in found.items() if OPS[name].vjp is not None}
    return {name: list(filter(_is_plain, cases)) for name, cases in derivable.items()}


def _is_plain(case: Case) -> bool:
    """Whether there are elements to differentiate, and attributes as a file can give them: all
    axes are said by leaving `axis` out."""
    attributes = OPS[case.op].attributes
    unsaid = (attributes[key].default for key, value in case.attrs.items() if value is None)
    return all(x.size for x in case.operands) and all(default is None for default in unsaid)


BY_OP = _cases()


def test_every_op_with_a_derivative_is_here() -> None:
    derivable = {op.name for op in OPS.values() if op.vjp is not None}
    assert derivable - BY_OP.keys() == set()


def swept(case: Case) -> Iterator[Node]:
    """The nodes of an op, and those of its sweeps of first and second order."""
    builder = Builder(DType.f64)
    inputs = [feed(builder, x) for x in case.operands]
    typed = {"dtype": DType.f64} if "dtype" in OPS[case.op].attributes else {}
    y = builder.apply(OPS[case.op], inputs, typed | case.attrs)
    floats = [inputs[i] for i in case.floats()]
    first = sweep(builder, OPS["sum"](builder.cast(y, DType.f64) ** 2), floats)
    of: Expr | float = 0.0
    for gradient in first:
        of = OPS["sum"](gradient * gradient) + of
    assert isinstance(of, Expr)
    sweep(builder, of, floats)
    yield from builder.nodes


@pytest.mark.parametrize("op", BY_OP)
def test_derivatives_are_made_of_public_ops(op: str) -> None:
    for case in BY_OP[op][::3]:
        for node in swept(case):
            assert node.op.public or node.op.leaf or node.op.name in WRITTEN, f"{case}: {node.op}"


def file_of(node: Node, types: list[TensorType], float: DType) -> str:
    """A file whose one output is the node, its operands fed."""
    writer = Writer(float)
    declared = []
    for i, type in enumerate(types):
        sizes = f"[{', '.join(format_expr(writer.size(s)) for s in type.shape)}]"
        sizes = sizes if type.shape else ""
        declared.append(f"input x{i}: {type.dtype}{sizes}\n")
    expr = writer.expression(node, [name(f"x{i}") for i in range(len(types))])
    return f"dim N\n{''.join(declared)}output y = {format_expr(expr)}\n"


def check_written(node: Node, types: list[TensorType], float: DType) -> None:
    """The node's text lowers to the node."""
    text = file_of(node, types, float)
    graph = compile_source(Source(text), float=float).graph()
    made = graph.nodes[graph.results[0].node]
    assert made.type == node.type, text
    if made.op is not node.op:  # a name for another node
        assert node.op.name in ("identity", "copy"), text
        return
    for key, value in made.attrs:
        if node.op.attributes[key].kind != "internal" or key == "items":
            assert _plain(value) == _plain(node.attributes()[key]), text


def _plain(value: Any) -> Any:
    """An attribute as what it stands for: one number for all axes is a list of it."""
    if isinstance(value, tuple) and len(value) == 1:
        return _plain(value[0])
    return value


@pytest.mark.parametrize("op", BY_OP)
def test_what_derivatives_are_made_of_can_be_written(op: str) -> None:
    seen = set()
    for case in BY_OP[op][::3]:
        nodes = list(swept(case))
        for node in nodes:
            types = [nodes[i].type for i in node.operands]
            key = (node.op, tuple(types), repr(node.attrs))
            if key in seen or node.op.leaf or any(t.weak for t in types):
                continue
            seen.add(key)
            check_written(node, types, DType.f64)
    assert seen


N = symbol("N")


@pytest.mark.parametrize(
    ("op", "shapes", "attrs"),
    [
        ("reshape", ((N, 6),), {"shape": (2 * N, 3)}),
        ("broadcast_to", ((),), {"shape": (N * N + 2 * N - 1, 3)}),
        ("broadcast_to", ((),), {"shape": ((N + 1) // 2,)}),
        ("put_slice", (((N + 1) // 2,),), {"shape": (N,), "step": (2,)}),
        ("index", ((N, 3),), {"items": (("slice", None, N - 1, None), "...", 0)}),
        ("index", ((N, 3),), {"items": (-1,)}),
        ("sum", ((N, 3, 2),), {"axis": (0, 2), "keepdims": True}),
        ("pad", ((N,),), {"before": N, "after": 2, "axis": 0, "value": -1.5}),
        ("arange", (), {"n": N, "start": 1.5, "step": -0.5, "dtype": DType.f32}),
        ("one_hot", ((N,),), {"n": 4, "dtype": DType.i32}),
        ("norm", ((N, 3),), {"axis": 1, "ord": np.inf}),
        ("einsum", ((N, 3), (3, 4)), {"equation": "ij,jk->ik"}),
    ],
)
def test_attributes_with_symbols(op: str, shapes: Any, attrs: dict[str, Any]) -> None:
    builder, dtype = Builder(DType.f32), DType.i64 if op == "one_hot" else DType.f32
    types = [TensorType(dtype, shape) for shape in shapes]
    inputs = [builder.add(OPS["input"], (), (("type", t),), t) for t in types]
    check_written(builder.apply(OPS[op], inputs, attrs).node, types, DType.f32)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        ((1.0, -2.5, float("inf"), -0.0), DType.f32),
        (((1, -2), (3, 4)), DType.i64),
        (((1, 2),), DType.i32),
        ((0.1,), DType.f64),
        ((1, 2), DType.f32),
        ((True, False), DType.bool),
        ((), DType.f32),
        ((), DType.i64),
    ],
)
def test_constants_keep_their_elements_and_their_type(value: Any, dtype: DType) -> None:
    builder = Builder(DType.f32)
    node = builder.apply(OPS["constant"], (), {"value": value, "dtype": dtype}).node
    text = file_of(node, [], DType.f32)
    compilation = compile_source(Source(text))
    graph = compilation.graph()
    assert graph.nodes[graph.results[0].node].type == node.type
    found = Session(compilation).results(Purpose(("y",)), {})["y"]
    np.testing.assert_array_equal(found, np.array(value, dtype.numpy))
