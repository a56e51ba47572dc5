"""How mathematics writes a function of one operand: a name of the op table comes in, what stands
before and behind its operand goes out, `ln `, `e^`, `√`, `|` and `|`."""

from __future__ import annotations

import re
from functools import cache

from graphdsl.graph.op import OPS
from graphdsl.language import ast
from graphdsl.views.labels import SIGNS as DRAWN

SIGNS = {**DRAWN, "==": "="}
"""Signs of mathematics for those of the language."""

DERIVATIVE = "∂"
"""The function by which a derivative that is too long to be written stands for itself."""

_BEFORE = re.compile(r"|\w+ |\w\^|[√∛|⌊⌈]")
_BEHIND = re.compile(r"|[|⌋⌉²]")


@cache
def notation(function: str) -> tuple[str, str] | None:
    """What stands before and behind the operand, or None for a function that is written as a
    call; read off the formula that the op declares."""
    op = OPS.get(function)
    if op is None or len(op.operands) != 1 or op.attributes:
        return None
    parts = re.split(rf"\b{op.operands[0]}(?=²|\b)", op.formula)
    if len(parts) != 2 or not any(parts):
        return None
    before, behind = parts
    fits = _BEFORE.fullmatch(before) and _BEHIND.fullmatch(behind)
    return (before, behind) if fits else None


def sole_argument(call: ast.Call) -> tuple[str, ast.Expr] | None:
    """The function and the operand of a call with one operand and nothing else."""
    if isinstance(call.function, ast.Name) and len(call.args) == 1 and not call.keywords:
        return call.function.id, call.args[0]
    return None


def indicated(call: ast.Call) -> ast.Expr | None:
    """The condition of `where(condition, 1, 0)`, which is 1 where it holds and 0 elsewhere."""
    if call.function != ast.Name("where", span=call.span) or len(call.args) != 3:
        return None
    condition, *values = call.args
    numbers = [one.value for one in values if isinstance(one, ast.Number)]
    return condition if numbers == [1, 0] else None


def derivative_of(call: ast.Call) -> tuple[ast.Expr, ast.Expr] | None:
    """What is differentiated by what, where a derivative stands for itself."""
    if not isinstance(call.function, ast.Name) or call.function.id != DERIVATIVE:
        return None
    above, below = call.args
    return above, below


def ends_open(expr: ast.Expr) -> bool:
    """Whether an expression ends with a function's operand that a factor could be taken for a
    part of: `a·cos b`, but not `a·cos(b + c)`."""
    while isinstance(expr, ast.Binary) and expr.op == "*":
        expr = expr.right
    sole = sole_argument(expr) if isinstance(expr, ast.Call) else None
    written = notation(sole[0]) if sole else None
    return written is not None and written[0].endswith(" ")
