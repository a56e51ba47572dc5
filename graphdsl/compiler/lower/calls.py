"""Calls: of ops, of the compiler's own functions, of blocks."""

from __future__ import annotations

from graphdsl.compiler.lower import blocks, constants, derivatives, expressions, names
from graphdsl.compiler.lower.attributes import attribute_spans, read_attributes, signature
from graphdsl.compiler.lower.context import Frame, L2Call
from graphdsl.compiler.lower.patterns import matches
from graphdsl.compiler.lower.values import (
    POISON,
    BlockFunction,
    Builtin,
    OptimizerFunction,
    Poison,
    SharedBlock,
    Value,
    describe,
    is_constant,
)
from graphdsl.graph.build import Expr
from graphdsl.graph.graph import Origin
from graphdsl.graph.op import OPS, REQUIRED, Op
from graphdsl.graph.sizes import Poly
from graphdsl.language import ast
from graphdsl.ops import calculus


def call(frame: Frame, expr: ast.Call) -> Value:
    """The value of a call."""
    function = names.callee(frame, expr)
    match function:
        case Poison():
            for argument in (*expr.args, *(keyword.value for keyword in expr.keywords)):
                expressions.evaluate(frame, argument)  # their faults are their own
            return POISON
        case BlockFunction() | SharedBlock():
            return blocks.call(frame, expr, function)
        case Builtin():
            return _BUILTIN[function.name](frame, expr)
        case Op():
            if function in calculus.DERIVATIVES:
                return derivatives.derivative(frame, expr, function)
            return _op(frame, expr, function)
        case OptimizerFunction():
            return frame.error(
                "E0406",
                "an optimizer is named in the train block, not called in an expression",
                expr.span,
                help=["train { optimizer = adam(lr = 1e-3) }"],
            )
    help = []
    if isinstance(expr.function, ast.Attribute):
        help = [f"leave the parentheses out: {expr.function.span.text}"]
    elif isinstance(expr.function, ast.Call):
        help = ["a layer takes all its arguments in one call: Dense(x, 10), Dropout(x, 0.5)"]
    elif isinstance(function, Expr):
        help = ["an index stands in brackets, x[0]; a product needs its sign, x * (…)"]
    elif is_constant(function):
        help = ["a product needs its sign: k * (…)"]
    message = f"{describe(function)} cannot be called"
    return frame.error("E0406", message, expr.function.span, help=help)


def _op(frame: Frame, expr: ast.Call, op: Op) -> Value:
    values: list[tuple[Value, ast.Expr]] = []
    positional = list(expr.args)
    if not op.variadic:
        wanted = len(op.operands)
        values = [(expressions.evaluate(frame, arg), arg) for arg in positional[:wanted]]
        positional = positional[wanted:]
    else:
        count = _leading_strings(op, positional)
        values = [(expressions.evaluate(frame, arg), arg) for arg in positional[count:]]
        positional = positional[:count]
    attributes = read_attributes(frame, expr, op, positional)
    if attributes is None or any(isinstance(v, Poison) for v, _ in values):
        return POISON
    if not _right_count(frame, expr, op, len(values)):
        return POISON
    if not attributes:
        try:
            folded: Value | None = constants.call(op, *(v for v, _ in values))
        except constants.ConstantFault as fault:
            return frame.error("E0304", str(fault), expr.span)
        if folded is not None:
            return folded
    if op.random:
        attributes["stream"] = frame.stream_name(op.name)
    operands = expressions.tensors(frame, values, op.promotion != "none")
    if operands is None:
        return POISON
    return frame.apply(op, operands, attributes, expr.span, attribute_spans(expr, op, positional))


def _leading_strings(op: Op, args: list[ast.Expr]) -> int:
    """How many arguments of a variadic op stand before its operands: a string that it needs, as
    no operand is one."""
    wanted = any(a.kind == "string" and a.default is REQUIRED for a in op.attributes.values())
    return int(wanted and bool(args) and isinstance(args[0], ast.String))


def _right_count(frame: Frame, expr: ast.Call, op: Op, count: int) -> bool:
    if op.variadic and count >= 1:
        return True
    if not op.variadic and count == len(op.operands):
        return True
    wanted = "at least one" if op.variadic else str(len(op.operands))
    plural = "" if wanted in ("1", "at least one") else "s"
    frame.error(
        "E0408",
        f"'{op.name}' takes {wanted} operand{plural}, not {count}",
        expr.span,
        help=[f"it is called as {signature(op)}"],
    )
    return False


def _builtin_size(frame: Frame, expr: ast.Call) -> Value:
    if len(expr.args) != 2 or expr.keywords:
        return frame.error(
            "E0408", "'size' takes a tensor and an axis", expr.span, help=["size(x, -1)"]
        )
    x = expressions.tensor(frame, expr.args[0])
    axis = expressions.as_size(expressions.evaluate(frame, expr.args[1]))
    if isinstance(x, Poison):
        return POISON
    if not isinstance(axis, int):
        return frame.error("E0409", "an axis is an integer constant", expr.args[1].span)
    if not -x.type.rank <= axis < x.type.rank:
        return frame.error(
            "E0205", f"{x.type} has no axis {axis}", expr.args[1].span, f"rank {x.type.rank}"
        )
    found: int | Poly = x.type.shape[axis]
    return found


def _builtin_l2(frame: Frame, expr: ast.Call) -> Value:
    pattern = expr.args[0] if len(expr.args) == 1 and not expr.keywords else None
    if not isinstance(pattern, ast.String):
        return frame.error(
            "E0408", "'l2' takes one pattern", expr.span, help=['l2("*"), l2("*.W")']
        )
    matching = [
        v for v in frame.shared.params.values() if not v.frozen and matches(v.name, pattern.value)
    ]
    builder = frame.shared.builder
    builder.origin = Origin(expr.span, frame.trail)
    total: Expr | None = None
    for variable in matching:
        w = Expr(builder, variable.node)
        if w.type.rank < 2 or not w.type.dtype.is_float:
            continue
        squares = builder.apply(OPS["sum"], (w * w,))
        total = squares if total is None else total + squares
    frame.shared.l2_calls.append(L2Call(pattern.value, expr.span))
    if total is None:
        frame.warn(
            "W0107",
            f"no trained parameter of rank 2 or more is called '{pattern.value}'",
            pattern.span,
            help=["l2 is 0 here; it sees the parameters declared before it"],
        )
        return 0.0
    return total


_BUILTIN = {"size": _builtin_size, "l2": _builtin_l2}
