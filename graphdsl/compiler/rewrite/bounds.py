"""Bounds of untyped scalars: what is known of a number before the step it depends on.

Interval arithmetic over weak nodes. The step counts from 1, sizes from 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from graphdsl.graph.build import Expr
from graphdsl.graph.op import OPS

Interval = tuple[float, float]
SMALL, LARGE = 1e-9, 1e9
"""A factor between these may be moved and divided by: what that may change, `algebra` says."""

_UNKNOWN: Interval = (-math.inf, math.inf)
_DEPTH = 32
_CLOCK: dict[str, Interval] = {
    "t": (1, math.inf),
    "epoch": (0, math.inf),
    "total_steps": (1, math.inf),
}


def is_moderate(number: float) -> bool:
    """Whether a number, of either sign, is neither tiny nor huge."""
    return SMALL <= abs(number) <= LARGE


def stays_moderate(x: Expr) -> bool:
    """Whether a weak node is positive at every step, and neither tiny nor huge."""
    low, high = bounds(x)
    return low >= SMALL and high <= LARGE


def bounds(x: Expr, depth: int = _DEPTH) -> Interval:
    """An interval that holds every value of a weak node; it may be too wide, never too narrow."""
    node = x.node
    attrs = node.attributes()
    if node.op is OPS["number"]:
        value = float(attrs["value"])
        return (value, value) if value == value else _UNKNOWN
    if node.op is OPS["clock"]:
        return _CLOCK[attrs["which"]]
    if node.op is OPS["extent"]:
        return 0, math.inf
    rule = _RULES.get(node.op.name)
    if rule is None or depth == 0:
        return _UNKNOWN
    operands = [bounds(operand, depth - 1) for operand in x.operands]
    low, high = rule(*operands)
    return (low, high) if low <= high else _UNKNOWN


def _product(a: Interval, b: Interval) -> Interval:
    if not all(map(math.isfinite, (*a, *b))):
        return (0, math.inf) if a[0] >= 0 and b[0] >= 0 else _UNKNOWN
    corners = [x * y for x in a for y in b]
    return min(corners), max(corners)


def _quotient(a: Interval, b: Interval) -> Interval:
    if b[0] <= 0 or not all(map(math.isfinite, (*a, *b))):
        return _UNKNOWN
    return _product(a, (1 / b[1], 1 / b[0]))


def _power(a: Interval, b: Interval) -> Interval:
    """Of a base between 0 and 1 under an exponent of at least 0."""
    if not (a[0] >= 0 and a[1] <= 1 and b[0] >= 0):
        return _UNKNOWN
    return 0, a[1] ** b[0]


_RULES: dict[str, Callable[..., Interval]] = {
    "add": lambda a, b: (a[0] + b[0], a[1] + b[1]),
    "sub": lambda a, b: (a[0] - b[1], a[1] - b[0]),
    "mul": _product,
    "div": _quotient,
    "power": _power,
    "neg": lambda a: (-a[1], -a[0]),
    "sqrt": lambda a: (math.sqrt(a[0]), math.sqrt(a[1])) if a[0] >= 0 else _UNKNOWN,
    "minimum": lambda a, b: (min(a[0], b[0]), min(a[1], b[1])),
    "maximum": lambda a, b: (max(a[0], b[0]), max(a[1], b[1])),
    "cos": lambda a: (-1.0, 1.0),
    "sin": lambda a: (-1.0, 1.0),
}
