"""Choices between a tensor and 0, as the reverse sweep makes many: cheaper kernels for them.

`where(c, x, 0)` takes three passes over x's elements and more; `gate` takes two. Where c says that
a relu is positive, its bits are the mask.
"""

from __future__ import annotations

from math import copysign

from graphdsl.graph.build import Builder, Expr
from graphdsl.graph.graph import Node
from graphdsl.graph.op import OPS


def choose_or_zero(builder: Builder, node: Node, operands: tuple[Expr, ...]) -> Expr | None:
    """`where(c, x, 0)` by a kernel of its own; in the reverse sweep by the bits of the relu that
    c looks at, if it does."""
    condition, x, zero = operands
    if x.type.weak or not x.type.dtype.is_float or not _is_zero(zero):
        return None
    decided = _relu_of(condition) if node.sweep == "reverse" else None
    # of a nan, relu_gate keeps the cotangent: in the reverse sweep the loss is a nan already
    if decided is not None and decided.type == x.type:
        return OPS["relu_gate"](decided, x)
    return OPS["gate"](condition, x)


def _is_zero(x: Expr) -> bool:
    """Whether it is the number 0, and not -0, which has a bit."""
    if x.node.op is not OPS["number"]:
        return False
    value = x.node.attributes()["value"]
    return bool(value == 0) and copysign(1, value) > 0


def _relu_of(condition: Expr) -> Expr | None:
    """The y of `y > 0`, if it is a relu."""
    if condition.node.op is not OPS["greater"]:
        return None
    y, limit = condition.operands
    return y if y.node.op is OPS["relu"] and _is_zero(limit) else None
