"""Numbers below 0 that turn an optimizer's step round: may be said, and are hardly meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphdsl.compiler.lower import expressions
from graphdsl.compiler.lower.context import Frame
from graphdsl.compiler.lower.optimizers import UpdateRule
from graphdsl.graph.build import Builder
from graphdsl.graph.graph import Variable
from graphdsl.language import ast
from graphdsl.language.settings import SCALE, is_number
from graphdsl.language.source import Span

TURNED = {"lr": "every step climbs the loss", "decay": "every step makes the weights larger"}
"""What comes of an argument of this name below 0, by the convention of the prelude's optimizers."""


def warn_of_signs(
    frame: Frame,
    rule: UpdateRule,
    call: ast.Expr,
    params: Sequence[Variable],
    scaling: Mapping[str, ast.Setting],
) -> None:
    """Warn of rates and decays below 0, and of factors that turn one round."""
    for name in (name for name in rule.arguments if name in TURNED):
        value = rule.bound_argument(Builder(frame.shared.float), name)
        if is_number(value) and value < 0:
            message = f"'{name}' of '{rule.name}' is {value:g}: {TURNED[name]}"
            frame.warn("W0112", message, call.span, help=[f"{name} = {-value:g}"])
    for variable in params:
        for name, factor in variable.settings:
            span = frame.shared.settings[variable.name, name]
            _warn_of_factor(frame, name, factor, span, f"{name} = {-factor:g}")
    for name, setting in scaling.items():
        for key, said in setting.value.entries if isinstance(setting.value, ast.MapExpr) else ():
            found = expressions.evaluate(frame, said)
            if is_number(found):
                mended = f"{SCALE}{name} = {{{key.span.text}: {-found:g}}}"
                _warn_of_factor(frame, name, found, said.span, mended)


def find_turn(name: str, factor: float) -> str | None:
    """What a factor of an argument comes to, if it turns it round."""
    if name not in TURNED or factor >= 0:
        return None
    return f"a factor of {factor:g} turns '{name}' round: {TURNED[name]}"


def _warn_of_factor(frame: Frame, name: str, factor: float, span: Span, mended: str) -> None:
    message = find_turn(name, factor)
    if message is not None:
        frame.warn("W0112", message, span, help=[mended])
