"""The attributes of an op: what is written by keyword, as values of the kinds they ask for."""

from __future__ import annotations

from typing import Any

from graphdsl.compiler.lower import divisions, expressions
from graphdsl.compiler.lower.context import Frame
from graphdsl.compiler.lower.faults import short
from graphdsl.compiler.lower.habits import ONE_WAY, argument_help
from graphdsl.compiler.lower.values import POISON, Poison, describe
from graphdsl.graph.op import REQUIRED, Attribute, Op
from graphdsl.graph.types import DType
from graphdsl.language import ast
from graphdsl.language.source import Span


def read_attributes(
    frame: Frame, expr: ast.Call, op: Op, positional: list[ast.Expr]
) -> dict[str, Any] | None:
    """The attributes given, as compile-time values; None with the fault reported."""
    specs = {k: a for k, a in op.attributes.items() if a.kind != "internal"}
    places = _places(op)
    given = dict(zip(places, positional, strict=False))
    if len(positional) > len(places):
        extra = positional[len(places)]
        by_keyword = [name for name in specs if name not in places]
        help = [f"write {by_keyword[0]} = {short(extra.span.text) or '…'}"] if by_keyword else []
        frame.error("E0408", f"'{op.name}' takes no further operand", extra.span, help=help)
        return None
    for keyword in expr.keywords:
        name = keyword.name.id
        if name not in specs:
            help = [*argument_help(name, specs, "its arguments by keyword")]
            if name in op.operands or frame.scope.find(name) is not None:
                help.append(f"'==' compares: {name} == {keyword.value.span.text}")
            message = f"'{op.name}' has no argument '{name}'"
            frame.error("E0403", message, keyword.name.span, help=help)
            return None
        if name in given:
            frame.error("E0415", f"'{name}' is given twice", keyword.name.span, help=ONE_WAY)
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
            help = [f"it is called as {signature(op)}"]
            frame.error("E0402", f"'{op.name}' needs the argument '{name}'", expr.span, help=help)
            return None
        elif spec.kind == "dtype" and spec.default is None:
            found[name] = frame.shared.float
    return found


def attribute_spans(expr: ast.Call, op: Op, positional: list[ast.Expr]) -> dict[str, Span]:
    """Where each attribute is given."""
    spans = {name: arg.span for name, arg in zip(_places(op), positional, strict=False)}
    return spans | {keyword.name.id: keyword.span for keyword in expr.keywords}


def _places(op: Op) -> list[str]:
    """The attributes that may stand in their place, behind the operands: those without a
    default."""
    attributes = op.attributes.items()
    return [k for k, a in attributes if a.default is REQUIRED and a.kind != "internal"]


def signature(op: Op) -> str:
    """How the op is called, every argument by its name."""
    written = [name for name, spec in op.attributes.items() if spec.kind != "internal"]
    operands = [*op.operands, "…"] if op.variadic else op.operands
    return f"{op.name}({', '.join([*operands, *(f'{name} = …' for name in written)])})"


def _attribute(frame: Frame, expr: ast.Expr, spec: Attribute, name: str) -> Any:
    """The value of one attribute, of the kind its declaration wants."""
    value = expressions.evaluate(frame, expr)
    if isinstance(value, Poison):
        return POISON
    fitting = _FITTING[spec.kind](value)
    if fitting is None and spec.kind in _WHOLE and divisions.report_inexact(frame, expr):
        return POISON
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


_WHOLE = frozenset(("int", "ints", "size", "sizes"))

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
