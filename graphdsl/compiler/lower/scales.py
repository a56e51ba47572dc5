"""Factors of the optimizer's arguments: `scale_lr = {"*.W": 0.1}` in `train`, `with` clauses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphdsl.compiler.lower import expressions
from graphdsl.compiler.lower.context import Frame
from graphdsl.compiler.lower.optimizers import UpdateRule
from graphdsl.compiler.lower.patterns import matches
from graphdsl.compiler.lower.values import Poison, describe
from graphdsl.graph.graph import Variable
from graphdsl.language import ast
from graphdsl.language.diagnostics import Label, did_you_mean
from graphdsl.language.settings import KINDS, SCALE, is_number
from graphdsl.language.source import Span


def read_scale(frame: Frame, setting: ast.Setting) -> dict[str, float] | None:
    """The factors by pattern that one `scale_ARG` says; None where it is no such map."""
    written = setting.value
    if not isinstance(written, ast.MapExpr):
        is_list = isinstance(written, ast.ListExpr)
        value = None if is_list else expressions.evaluate(frame, written)
        if not isinstance(value, Poison):
            found = "a list" if is_list else describe(value)
            message = f"'{setting.key.id}' is {KINDS['factors']}, not {found}"
            help = (
                [f'{setting.key.id} = {{"*": {value}}} holds for all'] if is_number(value) else []
            )
            frame.error("E0502", message, written.span, help=help)
        return None
    factors: dict[str, float] = {}
    first: dict[str, ast.Expr] = {}
    for key, said in written.entries:
        pattern = _pattern(frame, key)
        factor = _factor(frame, said)
        if pattern is None or factor is None:
            continue
        if pattern in first:
            more = [Label(first[pattern].span, "first given here", primary=False)]
            help = ["leave one of the two out"]
            frame.error("E0512", f'"{pattern}" is given twice', key.span, more=more, help=help)
            continue
        first[pattern], factors[pattern] = key, factor
    return factors


def _pattern(frame: Frame, key: ast.Expr) -> str | None:
    value = key.id if isinstance(key, ast.Name) else expressions.evaluate(frame, key)
    if isinstance(key, ast.Name):
        message = f"a pattern of names stands in double quotes, '{key.id}' does not"
        frame.error("E0502", message, key.span, help=[f'write "{key.id}"'])
    elif isinstance(value, str):
        return value
    elif not isinstance(value, Poison):
        message = f'a pattern of names is a string, such as "*.W", not {describe(value)}'
        frame.error("E0502", message, key.span)
    return None


def _factor(frame: Frame, said: ast.Expr) -> float | None:
    value = expressions.evaluate(frame, said)
    if is_number(value):
        return value
    if not isinstance(value, Poison):
        frame.error("E0502", f"a factor is a finite number, not {describe(value)}", said.span)
    return None


def check_scales(
    frame: Frame,
    rule: UpdateRule,
    params: Sequence[Variable],
    settings: Mapping[str, ast.Setting],
    whole: bool,
) -> None:
    """Report factors of arguments that the optimizer lacks, and patterns that match nothing, the
    latter of a `whole` file alone: what did not lower has no parameters to match."""
    for variable in params:
        for name, _ in variable.settings:
            _check_argument(frame, rule, name, frame.shared.settings[variable.name, name])
    for argument, setting in settings.items():
        _check_argument(frame, rule, argument, setting.key.span, prefix=SCALE)
        if whole:
            _check_patterns(frame, setting.value, [variable.name for variable in params])


def _check_argument(
    frame: Frame, rule: UpdateRule, name: str, span: Span, prefix: str = ""
) -> None:
    """Report an argument that the optimizer lacks; its key begins with `prefix`."""
    if name in rule.arguments:
        return
    known = [f"{prefix}{argument}" for argument in rule.arguments]
    help = did_you_mean(f"{prefix}{name}", known) or [
        f"the arguments of '{rule.name}': {', '.join(rule.arguments)}"
    ]
    frame.error("E0313", f"the optimizer '{rule.name}' has no argument '{name}'", span, help=help)


def _check_patterns(frame: Frame, written: ast.Expr, names: Sequence[str]) -> None:
    for key, _ in written.entries if isinstance(written, ast.MapExpr) else ():
        pattern = key.value if isinstance(key, ast.String) else ""
        if pattern and not any(matches(name, pattern) for name in names):
            message = f'"{pattern}" matches no trained parameter'
            frame.error("E0514", message, key.span, help=pattern_help(pattern, names))


def pattern_help(pattern: str, names: Sequence[str]) -> Sequence[str]:
    """What may have been meant by a pattern that matches nothing."""
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return did_you_mean(pattern, names) or [f"the trained parameters: {shown or 'none'}"]
