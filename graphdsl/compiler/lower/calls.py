"""Calls: of ops, of the compiler's own functions, of blocks."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from graphdsl.compiler.lower import blocks, constants, derivatives, expressions
from graphdsl.compiler.lower.context import Frame, L2Call
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
from graphdsl.graph.op import OPS, REQUIRED, Attribute, Op
from graphdsl.graph.sizes import Poly
from graphdsl.graph.types import DType
from graphdsl.language import ast
from graphdsl.language.diagnostics import did_you_mean
from graphdsl.ops import calculus


def call(frame: Frame, expr: ast.Call) -> Value:
    """The value of a call."""
    function = expressions.evaluate(frame, expr.function)
    match function:
        case Poison():
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
    if isinstance(function, Expr):
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
        values = [(expressions.evaluate(frame, arg), arg) for arg in positional]
        positional = []
    values += _named_operands(frame, expr, op, len(values))
    attributes = _attributes(frame, expr, op, positional)
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
    operands = expressions.tensors(frame, values)
    return POISON if operands is None else frame.apply(op, operands, attributes, expr.span)


def _named_operands(
    frame: Frame, expr: ast.Call, op: Op, given: int
) -> list[tuple[Value, ast.Expr]]:
    """Operands given by keyword, in the op's order, as far as they follow the positional ones."""
    named = {k.name.id: k.value for k in expr.keywords}
    found = []
    for name in op.operands[given:] if not op.variadic else ():
        if name not in named or name in op.attributes:
            break
        found.append((expressions.evaluate(frame, named[name]), named[name]))
    return found


def _right_count(frame: Frame, expr: ast.Call, op: Op, count: int) -> bool:
    if op.variadic and count >= 1:
        return True
    if not op.variadic and count == len(op.operands):
        return True
    wanted = "at least one" if op.variadic else str(len(op.operands))
    plural = "" if wanted in ("1", "at least one") else "s"
    signature = f"{op.name}({', '.join([*op.operands, *(f'{a} = …' for a in op.attributes)])})"
    frame.error(
        "E0408",
        f"'{op.name}' takes {wanted} operand{plural}, not {count}",
        expr.span,
        help=[f"it is called as {signature}"],
    )
    return False


def _attributes(
    frame: Frame, expr: ast.Call, op: Op, positional: list[ast.Expr]
) -> dict[str, Any] | None:
    """The attributes given, as compile-time values; None with the fault reported."""
    specs = {k: a for k, a in op.attributes.items() if a.kind != "internal"}
    places = [name for name, spec in specs.items() if spec.default is REQUIRED]
    given = dict(zip(places, positional, strict=False))
    if len(positional) > len(places):
        extra = positional[len(places)]
        by_keyword = [name for name in specs if name not in places]
        help = [f"write {by_keyword[0]} = {extra.span.text}"] if by_keyword else []
        frame.error("E0408", f"'{op.name}' takes no further operand", extra.span, help=help)
        return None
    for keyword in expr.keywords:
        name = keyword.name.id
        if name in op.operands and name not in specs:
            continue
        if name not in specs:
            known = ", ".join(specs) or "none"
            frame.error(
                "E0403",
                f"'{op.name}' has no argument '{name}'",
                keyword.name.span,
                help=did_you_mean(name, specs) or [f"its arguments by keyword: {known}"],
            )
            return None
        given[name] = keyword.value
    found: dict[str, Any] = {}
    for name, spec in specs.items():
        if name in given:
            value = _attribute(frame, given[name], spec, name)
            if value is POISON:
                return None
            found[name] = value
        elif spec.default is REQUIRED:
            frame.error("E0402", f"'{op.name}' needs the argument '{name}'", expr.span)
            return None
        elif spec.kind == "dtype" and spec.default is None:
            found[name] = frame.shared.float
    return found


def _attribute(frame: Frame, expr: ast.Expr, spec: Attribute, name: str) -> Any:
    """The value of one attribute, of the kind its declaration wants."""
    value = expressions.evaluate(frame, expr)
    if isinstance(value, Poison):
        return POISON
    fitting = _FITTING[spec.kind](value)
    if fitting is None:
        wanted = _WANTED[spec.kind]
        return frame.error("E0409", f"'{name}' is {wanted}, not {describe(value)}", expr.span)
    return fitting[0]


def _integer(value: Any) -> tuple[int] | None:
    size = expressions.as_size(value)
    return (size,) if isinstance(size, int) else None


def _integers(value: Any) -> tuple[Any] | None:
    items = value if isinstance(value, tuple) else (value,)
    found = [_integer(item) for item in items]
    return None if None in found else (tuple(item[0] for item in found if item),)


def _axes(value: Any) -> tuple[Any] | None:
    return _integers(value) if isinstance(value, tuple) else _integer(value)


def _size(value: Any) -> tuple[Any] | None:
    size = expressions.as_size(value)
    return None if size is None else (size,)


def _sizes(value: Any) -> tuple[Any] | None:
    items = value if isinstance(value, tuple) else (value,)
    found = [expressions.as_size(item) for item in items]
    return None if None in found else (tuple(found),)


def _number(value: Any) -> tuple[int | float] | None:
    return (value,) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _kind(*types: type) -> Any:
    return lambda value: (value,) if isinstance(value, types) else None


_FITTING: dict[str, Any] = {
    "int": _integer,
    "axis": _integer,
    "ints": _integers,
    "axes": _axes,
    "size": _size,
    "sizes": _sizes,
    "bool": _kind(bool),
    "number": _number,
    "dtype": _kind(DType),
    "string": _kind(str),
}
_WANTED = {
    "int": "an integer constant",
    "axis": "the number of an axis",
    "ints": "a list of integers",
    "axes": "the number of an axis or a list of them",
    "size": "a size",
    "sizes": "a list of sizes",
    "bool": "true or false",
    "number": "a number",
    "dtype": "an element type (f32, f64, i32, i64, bool, float)",
    "string": "a string",
}


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
        v
        for v in frame.shared.params.values()
        if not v.frozen and fnmatchcase(v.name, pattern.value)
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
