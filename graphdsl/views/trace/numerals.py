"""Values as they are put into formulas: an array comes in, an expression of numbers goes out."""

from __future__ import annotations

import math
from typing import Any

from graphdsl.graph.kernel import Array
from graphdsl.language import ast
from graphdsl.views.written import HERE, name, negative

MOST = 12
"""Elements of the largest array whose numbers are put in."""
DIGITS = 6


def numeral(value: Array) -> ast.Expr | None:
    """A number or a list of numbers, six digits each; None for an array that is too large."""
    return _listed(value.tolist()) if value.size <= MOST else None


def _listed(value: Any) -> ast.Expr:
    if isinstance(value, list):
        return ast.ListExpr(tuple(map(_listed, value)), span=HERE)
    if isinstance(value, bool):
        return ast.Bool(value, span=HERE)
    if math.copysign(1, value) < 0 and not math.isnan(value):
        return negative(_listed(-value))
    if not math.isfinite(value):
        return name("nan" if math.isnan(value) else "inf")
    text = str(value) if isinstance(value, int) else f"{value:.{DIGITS}g}"
    mantissa, sign, exponent = text.partition("e")
    text = f"{mantissa}e{int(exponent)}" if sign else mantissa
    shown: int | float = float(text) if sign or "." in text else int(text)
    return ast.Number(shown, text, span=HERE)
