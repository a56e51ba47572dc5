"""`~ normal(0, 0.1)`: initial values that are drawn."""

from __future__ import annotations

from dataclasses import dataclass

from graphdsl.compiler.lower import expressions
from graphdsl.compiler.lower.context import Frame
from graphdsl.compiler.lower.habits import ONE_WAY, argument_help, draw_help
from graphdsl.compiler.lower.values import Poison, Value, describe
from graphdsl.graph.graph import Init
from graphdsl.graph.types import TensorType
from graphdsl.language import ast
from graphdsl.ops.initial import INITIALIZERS, Initializer


@dataclass(frozen=True, slots=True)
class Drawing:
    """A draw that is known and called as it should be; what it is for is not looked at yet."""

    init: ast.Draw
    initializer: Initializer
    args: tuple[float, ...]

    def fit(self, frame: Frame, type: TensorType) -> Init | None:
        """The initial value of a variable of this type; None with the fault reported."""
        fault = self.initializer.check(self.args, type)
        if fault is not None:
            name = self.initializer.name
            frame.error("E0308", f"{name}: {fault}", self.init.span)
            return None
        return Init(draw=self.initializer.name, args=self.args)


def read_draw(frame: Frame, init: ast.Draw) -> Drawing | None:
    """The draw as written; None with the fault reported."""
    known = INITIALIZERS.get(init.name.id)
    if known is None:
        help = draw_help(init.name.id, INITIALIZERS)
        message = f"'{init.name.id}' draws no initial values"
        frame.error("E0308", message, init.name.span, help=help)
        return None
    args = _draw_arguments(frame, init, known)
    return None if args is None else Drawing(init, known, args)


def fill_help(written: ast.Expr) -> list[str]:
    """What to write in place of what fills nothing: a draw, if one is named."""
    word = written.id if isinstance(written, ast.Name) else ""
    word = written.value if isinstance(written, ast.String) else word
    if word in INITIALIZERS:
        return [f"a draw follows '~': ~ {word}()"]
    return ["a number fills it, a list gives every element: '= 0', '= [1, 2]'"]


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
            near = argument_help(keyword.name.id, known.arguments)
            frame.error("E0403", message, keyword.name.span, help=near)
            return None
        if keyword.name.id in given:
            message = f"'{keyword.name.id}' is given twice"
            frame.error("E0415", message, keyword.span, help=ONE_WAY)
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
