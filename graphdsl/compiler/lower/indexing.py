"""Tensors from brackets: constant lists, and indexing in NumPy's way."""

from __future__ import annotations

from typing import Any

from graphdsl.compiler.lower import divisions, expressions
from graphdsl.compiler.lower.context import Frame
from graphdsl.compiler.lower.faults import integer_input
from graphdsl.compiler.lower.values import POISON, Poison, Value, describe
from graphdsl.graph.build import Expr
from graphdsl.graph.op import OPS
from graphdsl.graph.sizes import Poly
from graphdsl.graph.types import DType, TensorType, find_misfit, promote
from graphdsl.language import ast
from graphdsl.language.diagnostics import Label
from graphdsl.language.source import Span


def _refuse_rows(frame: Frame, span: Span) -> Poison:
    help = ["a tensor has as many numbers in every row: [[1, 2], [3, 4]]"]
    return frame.error("E0321", "the rows of this list differ in length", span, help=help)


def constant_tensor(
    frame: Frame, value: tuple[Any, ...], span: Span, beside: DType | None
) -> Expr | Poison:
    """A list of numbers as a tensor; its element type is the one `beside` it, or its own."""
    flat: list[Any] = [value]
    level: Any = value
    while isinstance(level, tuple):
        if any(not isinstance(item, tuple) or len(item) != len(level) for item in flat):
            return _refuse_rows(frame, span)
        flat = [item for row in flat for item in row]
        level = level[0] if level else None
    if any(isinstance(item, tuple | Poly) for item in flat):
        return _refuse_rows(frame, span)
    kind = (
        DType.bool
        if flat and all(isinstance(item, bool) for item in flat)
        else DType.i64
        if all(isinstance(item, int) for item in flat) and flat
        else frame.shared.float
    )
    if beside is not None:
        weak = TensorType(DType.f64 if kind.is_float else kind, (), weak=True)
        kind = promote([weak, TensorType(beside)], frame.shared.float) or kind
    misfit = find_misfit(value, kind)
    if misfit is not None:
        return frame.error("E0203", f"this list does not fit beside {beside}: {misfit}", span)
    return frame.shared.builder.apply(OPS["constant"], (), {"value": value, "dtype": kind})


def index(frame: Frame, expr: ast.Index) -> Value:
    """The value of `base[items]`."""
    base = expressions.evaluate(frame, expr.base)
    items = [_item(frame, item) for item in expr.items]
    if isinstance(base, Poison) or any(isinstance(item, Poison) for item in items):
        return POISON
    if isinstance(base, tuple) and len(items) == 1 and isinstance(items[0], int):
        if not -len(base) <= items[0] < len(base):
            message = f"index {items[0]} is out of range for a list of {len(base)}"
            return frame.error("E0207", message, expr.span, help=["the first item is number 0"])
        item: Value = base[items[0]]
        return item
    x = expressions.as_tensor(frame, base, expr.base.span)
    if isinstance(x, Poison):
        return x
    return _index_tensor(frame, expr, x, items)


def _index_tensor(frame: Frame, expr: ast.Index, x: Expr, items: list[Any]) -> Value:
    """Static items as one view; then, where an item is a tensor, a gather along its axis."""
    chosen = [i for i, item in enumerate(items) if isinstance(item, Expr)]
    if len(chosen) > 1:
        return frame.error(
            "E0212",
            "only one of the indices can be a tensor",
            expr.items[chosen[1]].span,
            more=[Label(expr.items[chosen[0]].span, "the first one", primary=False)],
            help=["index in two steps, or use take_along"],
        )
    static = tuple(("slice", None, None, None) if isinstance(i, Expr) else i for i in items)
    if any(item != ("slice", None, None, None) for item in static):
        viewed = frame.apply(OPS["index"], [(x, expr.base)], {"items": static}, expr.span)
        if isinstance(viewed, Poison):
            return viewed
        x = viewed
    if not chosen:
        return x
    position = chosen[0]
    if "..." in static[:position]:
        axis = x.type.rank - (len(static) - position)
    else:
        axis = sum(not isinstance(item, int) for item in static[:position])
    source = expr.items[position]
    assert not isinstance(source, ast.Slice | ast.Ellipsis_)
    operands = [(x, expr.base), (items[position], source)]
    return frame.apply(OPS["gather"], operands, {"axis": axis}, expr.span)


def _item(frame: Frame, item: ast.Expr | ast.Slice | ast.Ellipsis_) -> Any:
    match item:
        case ast.Ellipsis_():
            return "..."
        case ast.Slice(start=start, stop=stop, step=step):
            parts = [None if e is None else _bound(frame, e) for e in (start, stop, step)]
            return POISON if any(isinstance(p, Poison) for p in parts) else ("slice", *parts)
    value = expressions.evaluate(frame, item)
    if isinstance(value, tuple):
        return expressions.as_tensor(frame, value, item.span)
    if isinstance(value, Expr) and not value.type.weak:
        return _indices(frame, value, item)
    return value if isinstance(value, Poison) else _bound(frame, item, value)


def _indices(frame: Frame, value: Expr, expr: ast.Expr) -> Expr | Poison:
    """A tensor of indices, its elements checked."""
    if value.type.dtype.is_integer:
        return value
    help = ["cast(i, i64) makes indices of whole numbers", *integer_input(value)]
    if value.type.dtype is DType.bool:
        help = ["a mask chooses with where(mask, a, b)"]
    return frame.error(
        "E0209", f"an index is a tensor of integers, not {value.type}", expr.span, help=help
    )


def _bound(frame: Frame, expr: ast.Expr, value: Value | None = None) -> Any:
    value = expressions.evaluate(frame, expr) if value is None else value
    if isinstance(value, Poison):
        return POISON
    found = expressions.as_size(value)
    if found is None and divisions.report_inexact(frame, expr):
        return POISON
    if found is None:
        return frame.error("E0209", f"an index is an integer, not {describe(value)}", expr.span)
    return found
