"""Sums with a tensor that is 0 but for one element of each row: the gradient of a look-up, such as
that of a label's probability. Most of such a sum would add zeros.
"""

from __future__ import annotations

from graphdsl.graph.build import Builder, Expr
from graphdsl.graph.graph import Node
from graphdsl.graph.op import OPS


def add_at_places(builder: Builder, node: Node, operands: tuple[Expr, ...]) -> Expr | None:
    """`x + put_along(g, i)` and `x - put_along(g, i)` as x with g added at the places i alone."""
    a, b = operands
    negative = node.op is OPS["sub"]
    if a.node.op is OPS["put_along"] and not negative and b.node.op is not OPS["put_along"]:
        a, b = b, a
    if b.node.op is not OPS["put_along"] or not a.type == b.type == node.type:
        return None
    g, indices = b.operands
    if g.node.op is OPS["full"] and g.operands[0].type.weak:
        (g,) = g.operands  # a number needs no array
    return OPS["add_along"](a, -g if negative else g, indices, axis=b.node.attributes()["axis"])
