"""Expressions: what each form of the syntax means, as nodes, constants or sizes."""

from __future__ import annotations

from collections.abc import Sequence

from graphdsl.compiler.lower import calls, constants, divisions, dotted, indexing, names
from graphdsl.compiler.lower.context import Frame
from graphdsl.compiler.lower.indexing import constant_tensor
from graphdsl.compiler.lower.values import (
    POISON,
    Poison,
    Value,
    describe,
    is_constant,
    is_function,
)
from graphdsl.graph.build import Expr
from graphdsl.graph.graph import Origin
from graphdsl.graph.op import OPS
from graphdsl.graph.sizes import Poly, Size
from graphdsl.graph.types import DType, promote
from graphdsl.language import ast
from graphdsl.language.source import Span

OTHER_THAN_MAPS = (
    "a list is written [1, 2]; what differs from parameter to parameter stands with each: "
    "param W: [3, 4] ~ he_normal() with lr = 0.1",
)
"""What is written where others write a map."""


def evaluate(frame: Frame, expr: ast.Expr) -> Value:
    """The value of an expression; what is wrong with it is reported and gives `POISON`."""
    match expr:
        case ast.Name():
            return names.lookup(frame, expr)
        case ast.Number(value=value) | ast.Bool(value=value) | ast.String(value=value):
            return value
        case ast.Binary():
            return _binary(frame, expr)
        case ast.Unary():
            return _unary(frame, expr)
        case ast.Call():
            return calls.call(frame, expr)
        case ast.Index():
            return indexing.index(frame, expr)
        case ast.Attribute():
            return dotted.attribute(frame, expr)
        case ast.Cond():
            return _cond(frame, expr)
        case ast.ListExpr():
            return _list(frame, expr)
        case ast.MapExpr():
            return frame.error("E0318", "a map is no value", expr.span, help=OTHER_THAN_MAPS)


def evaluate_traced(frame: Frame, expr: ast.Expr) -> tuple[Value, bool]:
    """The value, and whether it is a constant or a function that `training` has decided."""
    before = frame.shared.mode_reads
    value = evaluate(frame, expr)
    return value, frame.shared.mode_reads > before and not isinstance(value, Expr)


def tensor(frame: Frame, expr: ast.Expr) -> Expr | Poison:
    """The value of an expression as a node."""
    return as_tensor(frame, evaluate(frame, expr), expr.span)


def as_tensor(frame: Frame, value: Value, span: Span, beside: DType | None = None) -> Expr | Poison:
    """A value as a node; a constant tensor takes the element type `beside` it."""
    builder = frame.shared.builder
    if isinstance(value, Expr | Poison):
        return value
    if isinstance(value, bool | int | float):
        return builder.number(value)
    builder.origin = Origin(span, frame.trail)
    if isinstance(value, Poly):
        return builder.apply(OPS["extent"], (), {"size": value})
    if isinstance(value, tuple):
        return constant_tensor(frame, value, span, beside)
    if is_function(value):
        what = describe(value)
        return frame.error(
            "E0407",
            f"{what} stands where a value is wanted",
            span,
            help=["call it: write its arguments in parentheses"],
        )
    return frame.error("E0319", f"{describe(value)} is not a value to compute with", span)


def size(frame: Frame, expr: ast.Expr) -> Size | None:
    """The value of an expression as a size, or None with the fault reported."""
    if isinstance(expr, ast.Name) and not names.is_bound(frame, expr.id):
        names.unknown_size(frame, expr)
        return None
    value = evaluate(frame, expr)
    if isinstance(value, Poison):
        return None
    found = as_size(value)
    if found is None and divisions.report_inexact(frame, expr):
        return None
    if found is None:
        more = divisions.origins_of_number(frame, expr)
        message = f"a size is wanted here, not {describe(value)}"
        frame.error("E0307", message, expr.span, more=more)
    elif isinstance(found, int) and found < 0:
        help = ["a size that data binds is declared, and named here: dim N"]
        frame.error("E0307", f"a size is at least 0, not {found}", expr.span, help=help)
        return None
    return found


def as_size(value: Value) -> Size | None:
    """A value as a size: an integer, a whole float, a polynomial; None otherwise."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return int(value)
    return value if isinstance(value, int | Poly) else None


def _list(frame: Frame, expr: ast.ListExpr) -> Value:
    values = [evaluate(frame, item) for item in expr.items]
    if any(isinstance(value, Poison) for value in values):
        return POISON
    if all(is_constant(v) or isinstance(v, Poly) for v in values):
        return tuple(values)
    weak = [isinstance(value, Expr) and value.type.weak for value in values]
    if any(
        one and divisions.report_inexact(frame, e) for one, e in zip(weak, expr.items, strict=True)
    ):
        return POISON
    return frame.error(
        "E0320",
        "a list in brackets holds constants",
        expr.span,
        help=["join computed values with stack(a, b) or concat(a, b), without the brackets"],
    )


def _unary(frame: Frame, expr: ast.Unary) -> Value:
    value = evaluate(frame, expr.operand)
    if isinstance(value, Poison):
        return value
    if is_constant(value) or isinstance(value, Poly):
        if expr.op == "-":
            try:
                negated: Value = constants.negate(value)
            except constants.ConstantFault as fault:
                return frame.error("E0304", str(fault), expr.span)
            return negated
        if not isinstance(value, tuple | Poly):
            return not value
    node = as_tensor(frame, value, expr.operand.span)
    if isinstance(node, Poison):
        return node
    op = OPS["neg" if expr.op == "-" else "logical_not"]
    return frame.apply(op, [(node, expr.operand)], {}, expr.span)


def _binary(frame: Frame, expr: ast.Binary) -> Value:
    left, right = evaluate(frame, expr.left), evaluate(frame, expr.right)
    if isinstance(left, Poison) or isinstance(right, Poison):
        return POISON
    op = OPS.by_sign[expr.op]
    try:
        value: Value | None = constants.combine(expr.op, left, right, op)
    except constants.ConstantFault as fault:
        return frame.error("E0304", str(fault), expr.span)
    if value is not None:
        return value
    operands = tensors(frame, [(left, expr.left), (right, expr.right)])
    if operands is None:
        return POISON
    made = frame.apply(op, operands, {}, expr.span)
    if isinstance(made, Expr) and op.elementwise:
        _warn_of_spreading(frame, operands, made, expr.span)
    return made


def _warn_of_spreading(
    frame: Frame, operands: Sequence[tuple[Expr, ast.Expr]], made: Expr, span: Span
) -> None:
    """Warn where a column meets a row: `[N, 1] - [N]` is `[N, N]`, and rarely meant."""
    shapes = [x.type.shape for x, _ in operands]
    if len({len(shape) for shape in shapes if shape}) < 2:
        return
    for size in made.type.shape:
        twice = made.type.shape.count(size) > max(shape.count(size) for shape in shapes)
        if twice and isinstance(size, Poly):
            what = " with ".join(str(x.type) for x, _ in operands)
            frame.warn(
                "W0108",
                f"{what} is {made.type}: {size} stands on two axes",
                span,
                help=["x[:, 0] makes a vector of a column; reshape(x, [-1, 1]) the reverse"],
            )
            return


def tensors(
    frame: Frame, values: Sequence[tuple[Value, ast.Expr]], meet: bool = True
) -> list[tuple[Expr, ast.Expr]] | None:
    """Several values as nodes; where operands `meet` in one element type, constant lists take
    that of the nodes beside them."""
    known = [v.type for v, _ in values if meet and isinstance(v, Expr) and not v.type.weak]
    beside = promote(known, frame.shared.float) if known else None
    made = [(as_tensor(frame, v, e.span, beside), e) for v, e in values]
    good = [(x, e) for x, e in made if isinstance(x, Expr)]
    return good if len(good) == len(made) else None


def _cond(frame: Frame, expr: ast.Cond) -> Value:
    test, by_mode = evaluate_traced(frame, expr.test)
    if isinstance(test, Poison):
        return POISON
    if not isinstance(test, bool):
        return frame.error(
            "E0317",
            f"'if' is decided at compile time: it needs a constant truth value, "
            f"not {describe(test)}",
            expr.test.span,
            help=["choose elementwise with where(condition, a, b)"],
        )
    if by_mode:
        # both branches own their parameters always, so that both modes have the same ones
        then, orelse = evaluate(frame, expr.then), evaluate(frame, expr.orelse)
        return then if test else orelse
    return evaluate(frame, expr.then if test else expr.orelse)
