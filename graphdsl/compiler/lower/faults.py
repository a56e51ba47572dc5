"""Faults of ops as diagnostics: what an op has against its operands comes in, labels at the
operands' declarations, the origins of the sizes at fault and advice go out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graphdsl.compiler.lower.provenance import Side, explain_sizes
from graphdsl.compiler.lower.values import Poison
from graphdsl.graph.build import Expr
from graphdsl.graph.kernel import Array
from graphdsl.graph.op import OPS, Fault, Op
from graphdsl.graph.provenance import find_clash
from graphdsl.graph.sizes import evaluate
from graphdsl.graph.types import DType
from graphdsl.language import ast
from graphdsl.language.diagnostics import Label
from graphdsl.language.source import Span

if TYPE_CHECKING:
    from graphdsl.compiler.lower.context import Frame

Operands = Sequence[tuple[Expr, ast.Expr]]

_DECLARED = frozenset({"input", "param", "state"})


def report_fault(
    frame: Frame,
    fault: Fault,
    op: Op,
    operands: Operands,
    attributes: Mapping[str, Any],
    span: Span,
) -> Poison:
    """Report a fault: the operand at fault is shown where it is declared, the others here, and
    the sizes that disagree where they were written."""
    clash = _clash(fault, op, operands, attributes)
    sides = [_side(frame, operands, *place) for place in clash]
    concerned = {position for position, _ in clash} or set(range(len(operands)))
    places = [_declaration(frame, expr, span, bool(sides)) for _, expr in operands]
    culprit = fault.operand
    if culprit is not None and (culprit >= len(places) or places[culprit] is None):
        culprit = None
    more, said = [], []
    for position, (value, expr) in enumerate(operands):
        what = f"{short(expr.span.text) or 'this'} is {value.type}"
        place = places[position]
        if position not in concerned:
            continue
        if place is not None and culprit in (None, position):
            more.append(Label(place, what, primary=False))
        elif not isinstance(expr, ast.Number):
            said.append(what)
    found = explain_sizes(frame, sides, span, more)
    return frame.error(
        fault.code,
        fault.message,
        span,
        " and ".join(said),
        more=[*more, *found.labels],
        help=[*_advice(fault, op, operands)],
        notes=found.notes,
    )


def check_constants(op: Op, operands: Sequence[Expr], made: Expr) -> None:
    """Raise the `Fault` that the op has against those of its operands that are numbers or constant
    lists, and against its attributes beside them."""
    assert op.check is not None
    values = [_constant_value(x) for x in operands]
    op.check([x.type for x in operands], values, **made.node.attributes())


def _constant_value(x: Expr) -> Array | None:
    """The elements of a number or of a constant list, in its shape; None of anything computed."""
    if x.node.op not in (OPS["constant"], OPS["number"]):
        return None
    shape = [evaluate(size, {}) for size in x.type.shape]
    return np.asarray(x.node.attributes()["value"]).reshape(shape)


def integer_input(value: Expr) -> list[str]:
    """How an input that is used as an index would be declared; nothing of any other node."""
    if value.node.op is not OPS["input"]:
        return []
    type = value.type.with_dtype(DType.i64)
    return [f"or declare it of whole numbers: input {value.node.name}: {type}"]


def short(text: str) -> str:
    """A text that is short enough to be part of a message, else nothing."""
    return text if len(text) <= 24 and "\n" not in text else ""


def is_declared(frame: Frame, expr: ast.Expr) -> bool:
    """Whether an expression is the name of an input, a parameter or a state."""
    binding = frame.scope.find(expr.id) if isinstance(expr, ast.Name) else None
    return binding is not None and binding.kind in _DECLARED


def _clash(
    fault: Fault, op: Op, operands: Operands, attributes: Mapping[str, Any]
) -> list[tuple[int, int]]:
    """The axes whose sizes disagree, as operand and axis counted from the first."""
    types = [value.type for value, _ in operands]
    if fault.clash:
        return [(i, axis % types[i].rank) for i, axis in fault.clash]
    attrs = {name: attributes.get(name, spec.default) for name, spec in op.attributes.items()}
    return find_clash(op, types, attrs)


def _side(frame: Frame, operands: Operands, position: int, axis: int) -> Side:
    value, expr = operands[position]
    return Side(value, axis, short(expr.span.text), is_declared(frame, expr))


def _declaration(frame: Frame, expr: ast.Expr, span: Span, declared: bool) -> Span | None:
    """Where a name is declared, if that is on another line than its use. Where sizes are followed
    back, only what is `declared` with its sizes: of others the size's own origin is shown."""
    binding = frame.scope.find(expr.id) if isinstance(expr, ast.Name) else None
    if binding is None or (binding.span.source, binding.span.line) == (span.source, span.line):
        return None
    if declared and binding.kind not in _DECLARED:
        return None
    return binding.typed or binding.span


def _advice(fault: Fault, op: Op, operands: Operands) -> Iterator[str]:
    """What to do about a fault, the operands called as they are written."""
    texts = [short(expr.span.text) for _, expr in operands]
    written = dict(zip(op.operands, texts, strict=False))
    if fault.help:
        help = fault.help
        for name in op.operands:
            help = help.replace(f"{{{name}}}", written.get(name) or name)
        yield help
    wants_indices = "i64" in (fault.help or "")  # and no truth values
    if fault.operand is not None and wants_indices:
        yield from integer_input(operands[fault.operand][0])
    if op.infix == "*" and fault.code == "E0201" and all(texts):
        try:
            product = OPS.by_sign["@"].infer(*(x.type for x, _ in operands))
        except Fault:
            return
        yield f"'{texts[0]} @ {texts[1]}' is the matrix product, {product}"
