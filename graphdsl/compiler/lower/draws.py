"""`~ normal(0, 0.1)`: initial values that are drawn."""

from __future__ import annotations

from graphdsl.compiler.lower import expressions
from graphdsl.compiler.lower.context import Frame
from graphdsl.compiler.lower.values import Poison, Value, describe
from graphdsl.graph.graph import Init
from graphdsl.graph.types import TensorType
from graphdsl.language import ast
from graphdsl.language.diagnostics import did_you_mean
from graphdsl.ops.initial import INITIALIZERS, Initializer


def read_draw(frame: Frame, init: ast.Draw, type: TensorType) -> Init | None:
    """The draw as written; None with the fault reported."""
    known = INITIALIZERS.get(init.name.id)
    if known is None:
        help = did_you_mean(init.name.id, INITIALIZERS) or [f"there are {', '.join(INITIALIZERS)}"]
        message = f"'{init.name.id}' draws no initial values"
        frame.error("E0308", message, init.name.span, help=help)
        return None
    args = _draw_arguments(frame, init, known)
    if args is None:
        return None
    fault = known.check(args, type)
    if fault is not None:
        frame.error("E0308", f"{init.name.id}: {fault}", init.span)
        return None
    return Init(draw=init.name.id, args=args)


def _draw_arguments(frame: Frame, init: ast.Draw, known: Initializer) -> tuple[float, ...] | None:
    given: dict[str, ast.Expr] = dict(zip(known.arguments, init.args, strict=False))
    signature = ", ".join(f"{k} = {v}" for k, v in known.arguments.items())
    help = [f"it is called as {known.name}({signature})"]
    if len(init.args) > len(known.arguments):
        span = init.args[len(known.arguments)].span
        frame.error("E0401", f"too many arguments to '{known.name}'", span, help=help)
        return None
    for keyword in init.keywords:
        if keyword.name.id not in known.arguments:
            message = f"'{known.name}' has no argument '{keyword.name.id}'"
            frame.error("E0403", message, keyword.span, help=help)
            return None
        if keyword.name.id in given:
            frame.error("E0403", f"'{keyword.name.id}' is given twice", keyword.span, help=help)
            return None
        given[keyword.name.id] = keyword.value
    values: list[float] = []
    for name, default in known.arguments.items():
        value: Value = default
        if name in given:
            value = expressions.evaluate(frame, given[name])
            if isinstance(value, Poison):
                return None
            if isinstance(value, bool) or not isinstance(value, int | float):
                message = f"'{name}' is a number, not {describe(value)}"
                frame.error("E0409", message, given[name].span, help=help)
                return None
        assert isinstance(value, int | float)
        values.append(float(value))
    return tuple(values)
